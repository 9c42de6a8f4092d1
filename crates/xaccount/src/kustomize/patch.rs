//! Patches and replacements of a kustomization: which objects they select, and which fields they set.

use regex::Regex;

use crate::diag::Span;
use lossless_yaml::{Data, NodeId, Source, Tree, parse};

use super::fields::{Unreadable, field, json, list, text, texts};

/// An item under one of the keys for patches, or a target of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The key under which it is listed.
    pub(crate) key: &'static str,
    /// The place where it is listed.
    pub(crate) span: Span,
    pub(crate) content: PatchContent,
    /// The objects that it selects; `None` if it names them itself.
    pub(crate) target: Option<PatchTarget>,
    /// Whether it may change names and kinds (`options`).
    pub(crate) may_rename: bool,
}

/// Where the content of a patch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchContent {
    /// In a file, by its path as it is listed.
    File(String),
    /// In the kustomization itself.
    Inline(String),
    /// A replacement of these fields, as RFC 6901 tokens.
    Fields(Vec<Vec<String>>),
    /// Replacements in a file, by its path as it is listed.
    ReplacementFile(String),
}

/// A selector of objects (`api/types/selector.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PatchTarget {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    /// Whether it selects by labels or annotations, which are not evaluated.
    by_metadata: bool,
}

/// A part of a selector: a regular expression for a whole text.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    /// The expression, unless the text is a plain one or no valid expression.
    expression: Option<Regex>,
    is_plain: bool,
}

/// An object that a patch may select.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patched<'o> {
    pub(crate) api_version: &'o str,
    pub(crate) kind: &'o str,
    /// What it is called up to the patch: by its manifest, and after each kustomization that renames it.
    pub(crate) names: &'o [PatchedName],
    /// The fields that decide, as paths from the top.
    pub(crate) decisive: &'o [Vec<String>],
}

/// What an object is called at one point of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatchedName {
    /// None is `default`.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The keys under which patches are listed.
const PATCHES: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];

/// The patches that a kustomization, or the spec of a `Kustomization` of Flux, lists.
pub(super) fn listed_patches(tree: &Tree<'_>, node: NodeId) -> Result<Vec<Patch>, Unreadable> {
    let mut patches = Vec::new();
    for key in PATCHES {
        for item in list(tree, node, key)? {
            patches.extend(patch(tree, item, key)?);
        }
    }
    Ok(patches)
}

/// The patches and replacements of a kustomization.
pub(super) fn patches(tree: &Tree<'_>, node: NodeId) -> Result<Vec<Patch>, Unreadable> {
    let mut patches = listed_patches(tree, node)?;
    for item in list(tree, node, "replacements")? {
        patches.extend(replacement(tree, item)?);
    }
    Ok(patches)
}

/// A patch. Old releases accepted plain paths under `patches`, too. An item of `patchesStrategicMerge` can be the patch
/// itself.
fn patch(tree: &Tree<'_>, item: NodeId, key: &'static str) -> Result<Option<Patch>, Unreadable> {
    if let Some(own) = tree.text(item) {
        let content = if is_path(own) { PatchContent::File(own.into()) } else { PatchContent::Inline(own.into()) };
        return Ok((!own.is_empty()).then(|| Patch {
            key,
            span: tree.span(item),
            content,
            target: None,
            may_rename: false,
        }));
    }
    let target = target(tree, item, "target")?;
    let options = field(tree, item, "options")?;
    let may_rename = options.is_some_and(|options| tree.entries(options).is_some_and(|entries| !entries.is_empty()));
    if let Some((path, span)) = text(tree, item, "path")?.filter(|(path, _)| is_path(path)) {
        return Ok(Some(Patch { key, span, content: PatchContent::File(path), target, may_rename }));
    }
    // In objects of Flux, it can also be the patch itself, or a list of operations.
    let own = || (key == "patchesStrategicMerge" && tree.entries(item).is_some()).then_some(item);
    let Some(node) = field(tree, item, "patch")?.or_else(own) else { return Ok(None) };
    let text = match tree.text(node) {
        Some(text) => text.to_owned(),
        None => json(tree, node)?.to_string(),
    };
    Ok(Some(Patch { key, span: tree.span(node), content: PatchContent::Inline(text), target, may_rename }))
}

/// Whether the text of a patch is a path, and not the patch itself.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n') && !text.trim_start().starts_with(['{', '['])
}

/// The targets of a replacement, or the file that has them (`api/types/replacement.go`).
fn replacement(tree: &Tree<'_>, item: NodeId) -> Result<Vec<Patch>, Unreadable> {
    let key = "replacements";
    if let Some((path, span)) = text(tree, item, "path")? {
        return Ok(vec![Patch {
            key,
            span,
            content: PatchContent::ReplacementFile(path),
            target: None,
            may_rename: false,
        }]);
    }
    let mut patches = Vec::new();
    for one in list(tree, item, "targets")? {
        let paths = texts(tree, one, "fieldPaths")?;
        // Without paths, the name is replaced.
        let paths = match paths.is_empty() {
            true => vec![vec!["metadata".to_owned(), "name".to_owned()]],
            false => paths.iter().map(|(path, _)| dotted(path)).collect(),
        };
        let target = Some(target(tree, one, "select")?.unwrap_or_default());
        patches.push(Patch {
            key,
            span: tree.span(one),
            content: PatchContent::Fields(paths),
            target,
            may_rename: false,
        });
    }
    Ok(patches)
}

/// The fields of a list of field specs, which a label, a prefix or a namespace is also written to
/// (`api/types/fieldspec.go`).
pub(super) fn field_specs(
    tree: &Tree<'_>,
    node: NodeId,
    name: &str,
    key: &'static str,
) -> Result<Vec<Patch>, Unreadable> {
    let mut patches = Vec::new();
    for item in list(tree, node, name)? {
        let Some((path, span)) = text(tree, item, "path")? else { continue };
        let paths = vec![path.split('/').map(|token| token.trim_end_matches("[]").to_owned()).collect()];
        let content = PatchContent::Fields(paths);
        let target = Some(selector(tree, item)?);
        patches.push(Patch { key, span, content, target, may_rename: false });
    }
    Ok(patches)
}

/// `spec.identityRef.name`, with `\.` for a dot.
fn dotted(path: &str) -> Vec<String> {
    let path = path.replace("\\.", "\0");
    path.split('.').map(|token| token.replace('\0', ".")).collect()
}

/// The replacements of a file under `replacements`: a mapping, or a list of them.
pub(super) fn replacements(bytes: &[u8]) -> Option<Vec<Patch>> {
    let source = Source::new(bytes);
    let document = source.segments().next()?;
    let tree = parse(&document).ok()?;
    let items = tree.items(tree.root).map_or_else(|| vec![tree.root], <[NodeId]>::to_vec);
    let read: Result<Vec<Vec<Patch>>, Unreadable> = items.into_iter().map(|item| replacement(&tree, item)).collect();
    Some(read.ok()?.into_iter().flatten().collect())
}

fn target(tree: &Tree<'_>, item: NodeId, key: &str) -> Result<Option<PatchTarget>, Unreadable> {
    let Some(node) = field(tree, item, key)?.filter(|&node| tree.entries(node).is_some()) else { return Ok(None) };
    selector(tree, node).map(Some)
}

fn selector(tree: &Tree<'_>, node: NodeId) -> Result<PatchTarget, Unreadable> {
    let part = |name: &str| Ok(text(tree, node, name)?.map(|(text, _)| Pattern::new(text)));
    Ok(PatchTarget {
        group: part("group")?,
        version: part("version")?,
        kind: part("kind")?,
        name: part("name")?,
        namespace: part("namespace")?,
        by_metadata: text(tree, node, "labelSelector")?.is_some() || text(tree, node, "annotationSelector")?.is_some(),
    })
}

impl PatchTarget {
    /// Whether it selects an object, as far as it names kinds and names: kustomize compares with every name that the
    /// object had so far (`api/resmap/reswrangler.go`, `Select`).
    fn may_select(&self, object: &Patched<'_>) -> bool {
        let (group, version) = object.api_version.split_once('/').unwrap_or(("", object.api_version));
        let is_named = |one: &PatchedName| fits(&self.name, &one.name) && fits(&self.namespace, &one.namespace);
        fits(&self.group, group)
            && fits(&self.version, version)
            && fits(&self.kind, object.kind)
            && object.names.iter().any(is_named)
    }
}

fn fits(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.fits(text))
}

impl Pattern {
    fn new(text: String) -> Self {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let expression = (!is_plain).then(|| Regex::new(&format!("^(?:{text})$")).ok()).flatten();
        Self { text, expression, is_plain }
    }

    /// Whether it matches a text. An invalid expression may match: kustomize refuses it.
    fn fits(&self, text: &str) -> bool {
        match &self.expression {
            Some(expression) => expression.is_match(text),
            None => !self.is_plain || self.text == text,
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// What the content of a patch does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PatchEffect {
    /// Sets these fields (RFC 6902).
    Operations(Vec<Operation>),
    /// Merges these documents into the objects that they name.
    Merge(Vec<MergePatch>),
    /// It can't be read, so it may set anything.
    Unknown,
}

/// An operation on a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    path: Vec<String>,
    /// Whether it sets the texts in `values` and nothing else.
    is_known: bool,
    /// The texts that it sets, by their paths from the top.
    values: Vec<(Vec<String>, String)>,
}

/// A document that is merged into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergePatch {
    api_version: String,
    kind: String,
    name: String,
    /// None is `default`.
    namespace: String,
    /// The paths of its values, and of its `$patch` directives, with the values that are texts.
    values: Vec<(Vec<String>, Option<String>)>,
}

impl PatchEffect {
    /// Reads the content of a patch.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or(Self::Unknown)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let source = Source::new(bytes);
        let (mut operations, mut merged) = (Vec::new(), Vec::new());
        for document in source.segments() {
            let tree = parse(&document).ok()?;
            if tree.is_null(tree.root) {
                continue;
            }
            match tree.items(tree.root) {
                Some(items) => {
                    for &item in items {
                        operations.extend(Operation::of(&tree, item)?);
                    }
                }
                None => merged.push(MergePatch::of(&tree)?),
            }
        }
        match (merged.is_empty(), operations.is_empty()) {
            (false, false) => None,
            (false, true) => Some(Self::Merge(merged)),
            (true, _) => Some(Self::Operations(operations)),
        }
    }

    /// Whether it may change a deciding field of an object; `target` is what the patch selects.
    pub(crate) fn may_change(&self, target: Option<&PatchTarget>, object: &Patched<'_>) -> bool {
        if target.is_some_and(|target| !target.may_select(object)) {
            return false;
        }
        let decides = |path: &Vec<String>| object.decisive.iter().any(|own| overlap(own, path));
        match self {
            Self::Unknown => true,
            Self::Operations(operations) => operations.iter().any(|one| decides(&one.path) || moves(&one.path)),
            Self::Merge(documents) => documents
                .iter()
                .any(|one| one.is_for(target, object) && one.values.iter().any(|(path, _)| decides(path))),
        }
    }

    /// The kind and name that it sets at the path of an object's reference, if it sets both for certain, and changes
    /// nothing else there.
    pub(crate) fn reference(
        &self,
        target: Option<&PatchTarget>,
        object: &Patched<'_>,
        path: &[String],
    ) -> Option<(String, String)> {
        if target.is_some_and(|target| target.by_metadata) {
            return None;
        }
        let values = self.values(target, object, path)?;
        let value = |key: &str| {
            let at = |at: &[String]| at.len() == path.len() + 1 && at.starts_with(path) && at[path.len()] == key;
            values.iter().rfind(|(path, _)| at(path)).map(|(_, text)| text.clone())
        };
        Some((value("kind")?, value("name")?))
    }

    /// The text that it sets at a path for certain.
    pub(crate) fn text(&self, target: Option<&PatchTarget>, object: &Patched<'_>, path: &[String]) -> Option<String> {
        let values = self.values(target, object, path)?;
        values.into_iter().rfind(|(at, _)| at == path).map(|(_, text)| text)
    }

    /// The texts that it sets at a path or below it, in order; `None` if it changes anything else there.
    fn values(
        &self,
        target: Option<&PatchTarget>,
        object: &Patched<'_>,
        path: &[String],
    ) -> Option<Vec<(Vec<String>, String)>> {
        match self {
            Self::Unknown => None,
            Self::Operations(operations) => {
                let own: Vec<&Operation> = operations.iter().filter(|one| overlap(&one.path, path)).collect();
                let is_clear = |(at, one): (usize, &&Operation)| {
                    // A value of the whole field after another write would lose that.
                    one.is_known && one.path.len() >= path.len() && (at == 0 || one.path.len() > path.len())
                };
                let is_moved = operations.iter().any(|one| moves(&one.path));
                let clear = !is_moved && own.iter().enumerate().all(is_clear);
                clear.then(|| own.iter().flat_map(|one| one.values.clone()).collect())
            }
            Self::Merge(documents) => {
                let own = documents.iter().filter(|one| one.is_for(target, object)).flat_map(|one| &one.values);
                let own = own.filter(|(at, _)| overlap(at, path));
                own.map(|(at, text)| Some((at.clone(), text.clone().filter(|_| at.len() >= path.len())?))).collect()
            }
        }
    }
}

impl Operation {
    /// The operations of an item: none if it only tests, two if it moves; `None` if it can't be read.
    fn of(tree: &Tree<'_>, item: NodeId) -> Option<Vec<Self>> {
        let member = |name: &str| text(tree, item, name).ok().map(|text| text.map_or(String::new(), |(text, _)| text));
        let (op, path) = (member("op")?, pointer(&member("path")?));
        let unknown = |path: Vec<String>| Self { path, is_known: false, values: Vec::new() };
        match op.as_str() {
            "test" => return Some(Vec::new()),
            "move" => return Some(vec![unknown(pointer(&member("from")?)), unknown(path)]),
            "add" | "replace" => {}
            _ => return Some(vec![unknown(path)]),
        }
        let Some(value) = field(tree, item, "value").ok()? else { return Some(vec![unknown(path)]) };
        let mut values: Vec<(Vec<String>, String)> = Vec::new();
        if let Some(text) = tree.text(value) {
            values.push((path.clone(), text.to_owned()));
        }
        for &(key, value) in tree.entries(value).unwrap_or_default() {
            if let (Some(key), Some(text)) = (tree.text(key), tree.text(value)) {
                values.push((path.iter().cloned().chain([key.to_owned()]).collect(), text.to_owned()));
            }
        }
        let is_known = tree.items(value).is_none();
        Some(vec![Self { path, is_known, values }])
    }
}

/// Operations on these change which object it is. A merged document names its object with them.
const MOVES: [&[&str]; 4] = [&["metadata", "name"], &["metadata", "namespace"], &["kind"], &["apiVersion"]];

/// Whether an operation on a path changes which object it is.
fn moves(path: &[String]) -> bool {
    MOVES.iter().any(|own| overlap(&tokens(own), path))
}

fn tokens(path: &[&str]) -> Vec<String> {
    path.iter().map(|&token| token.to_owned()).collect()
}

/// Whether one path leads to the other, or below it.
fn overlap(one: &[String], other: &[String]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// The tokens of a JSON pointer (RFC 6901).
fn pointer(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

impl MergePatch {
    /// A document; `None` if it is not an object.
    fn of(tree: &Tree<'_>) -> Option<Self> {
        let metadata = field(tree, tree.root, "metadata").ok()??;
        let member = |node: NodeId, name: &str| Some(text(tree, node, name).ok()??.0);
        let mut patch = Self {
            api_version: member(tree.root, "apiVersion")?,
            kind: member(tree.root, "kind")?,
            name: member(metadata, "name")?,
            namespace: text(tree, metadata, "namespace").ok()?.map_or_else(|| "default".to_owned(), |(text, _)| text),
            values: Vec::new(),
        };
        patch.add(tree, tree.root, &mut Vec::new());
        Some(patch)
    }

    /// Whether it is merged into an object: with a target, the names in it don't matter.
    fn is_for(&self, target: Option<&PatchTarget>, object: &Patched<'_>) -> bool {
        let is_named = |one: &PatchedName| one.name == self.name && one.namespace == self.namespace;
        let is_of_type = self.kind == object.kind && self.api_version == object.api_version;
        target.is_some() || is_of_type && object.names.iter().any(is_named)
    }

    /// Adds the paths below a node. An alias is not followed: repeated, aliases could become any size.
    fn add(&mut self, tree: &Tree<'_>, node: NodeId, path: &mut Vec<String>) {
        let is_alias = matches!(tree.node(node).data, Data::Alias(_));
        let entries = tree.entries(node).filter(|_| !is_alias).unwrap_or_default();
        if entries.is_empty() {
            let text = tree.text(node).filter(|_| !tree.is_null(node)).map(str::to_owned);
            return self.values.push((path.clone(), text));
        }
        for &(key, value) in entries {
            match tree.text(key) {
                // A directive, or keys from elsewhere: they concern the mapping itself.
                Some("$patch" | "$retainKeys" | "<<") | None => self.values.push((path.clone(), None)),
                Some(key) => {
                    path.push(key.to_owned());
                    self.add(tree, value, path);
                    path.pop();
                }
            }
        }
    }
}

impl PatchContent {
    /// The path of replacements in a file.
    pub(crate) fn replacement_file(&self) -> Option<&str> {
        match self {
            Self::ReplacementFile(path) => Some(path),
            _ => None,
        }
    }

    /// The path of a patch in a file.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }
}

impl Patch {
    /// What it does. `read` returns the content of a file by the path that is listed.
    pub(crate) fn effects(&self, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<(Option<PatchTarget>, PatchEffect)> {
        let one = |effect: PatchEffect| vec![(self.target.clone(), effect)];
        if self.may_rename {
            return one(PatchEffect::Unknown);
        }
        match &self.content {
            PatchContent::Inline(text) => one(PatchEffect::of(text.as_bytes())),
            PatchContent::Fields(paths) => {
                let operation =
                    |path: &Vec<String>| Operation { path: path.clone(), is_known: false, values: Vec::new() };
                one(PatchEffect::Operations(paths.iter().map(operation).collect()))
            }
            PatchContent::File(path) => one(read(path).map_or(PatchEffect::Unknown, |bytes| PatchEffect::of(&bytes))),
            PatchContent::ReplacementFile(path) => match read(path).and_then(|bytes| replacements(&bytes)) {
                None => one(PatchEffect::Unknown),
                Some(patches) => patches.iter().flat_map(|patch| patch.effects(&|_| None)).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<PatchedName> {
        vec![PatchedName { namespace: "birds".into(), name: "heron".into() }]
    }

    fn cluster<'o>(names: &'o [PatchedName], decisive: &'o [Vec<String>]) -> Patched<'o> {
        Patched { api_version: "infrastructure.cluster.x-k8s.io/v1beta2", kind: "AWSCluster", names, decisive }
    }

    #[test]
    fn a_patch_matters_if_it_sets_what_decides() {
        let decisive = [tokens(&["spec", "identityRef"])];
        let matters = |text: &str| PatchEffect::of(text.as_bytes()).may_change(None, &cluster(&names(), &decisive));
        let merge = |spec: &str| {
            format!(
                "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: heron, namespace: birds}}\nspec: {spec}\n"
            )
        };
        for spec in ["{identityRef: {name: x}}", "{identityRef: }", "{$patch: replace, region: x}", "", "{}"] {
            assert!(matters(&merge(spec)), "{spec}");
        }
        for spec in ["{region: x}", "{network: {identityRef: 1}}"] {
            assert!(!matters(&merge(spec)), "{spec}");
        }
        assert!(!matters(&merge("{identityRef: {name: x}}").replace("heron", "egret")));
        assert!(!matters(&merge("{identityRef: {name: x}}").replace("birds", "fish")));
        assert!(!matters(&merge("{identityRef: {name: x}}").replace("infrastructure.", "other.")));
        assert!(!matters(&merge("{identityRef: {name: x}}").replace(", namespace: birds", "")));
        assert!(!matters(&merge("{identityRef: {name: x}}").replace("AWSCluster", "AWSMachine")));
        for (path, expected) in [
            ("/spec/identityRef/name", true),
            ("/spec", true),
            ("", true),
            ("/metadata/namespace", true),
            ("/spec/region", false),
            ("/metadata/labels/a~1b", false),
        ] {
            assert_eq!(matters(&format!("- {{op: replace, path: '{path}', value: x}}\n")), expected, "{path}");
            assert_eq!(matters(&format!("[{{\"op\": \"remove\", \"path\": \"{path}\"}}]")), expected, "{path}");
            assert!(!matters(&format!("- {{op: test, path: '{path}', value: x}}\n")), "{path}");
        }
        assert!(matters("a: [") && matters("just text"));
    }

    #[test]
    fn a_whole_reference_is_read() {
        let path = tokens(&["spec", "identityRef"]);
        let decisive = [path.clone()];
        let set = |text: &str| {
            let reference = PatchEffect::of(text.as_bytes()).reference(None, &cluster(&names(), &decisive), &path);
            reference.map(|(kind, name)| format!("{kind}/{name}"))
        };
        let merge = |spec: &str| {
            format!(
                "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: heron, namespace: birds}}\nspec: {spec}\n"
            )
        };
        let whole = Some("K/n".to_owned());
        assert_eq!(set(&merge("{region: x, identityRef: {kind: K, name: n}}")), whole);
        for spec in
            ["{identityRef: {name: n}}", "{identityRef: ~}", "{$patch: replace, identityRef: {kind: K, name: n}}"]
        {
            assert_eq!(set(&merge(spec)), None, "{spec}");
        }
        assert_eq!(set("- {op: add, path: /spec/identityRef, value: {kind: K, name: n}}"), whole);
        let both = "- {op: replace, path: /spec/identityRef/kind, value: K}\n- {op: replace, path: /spec/identityRef/name, value: n}";
        assert_eq!(set(both), whole);
        assert_eq!(set("- {op: remove, path: /spec/identityRef}"), None);
        assert_eq!(set("- {op: add, path: /spec, value: {identityRef: {kind: K, name: n}}}"), None);
        for later in [
            "{op: remove, path: /spec/identityRef}",
            "{op: copy, from: /metadata/name, path: /spec/identityRef/name}",
            "{op: move, from: /spec/identityRef, path: /spec/other}",
            "{op: replace, path: /spec/identityRef, value: {kind: K}}",
        ] {
            let text = format!("- {{op: add, path: /spec/identityRef, value: {{kind: K, name: n}}}}\n- {later}");
            assert_eq!(set(&text), None, "{later}");
        }
        let selector = PatchTarget { by_metadata: true, ..PatchTarget::default() };
        let effect = PatchEffect::of(b"- {op: add, path: /spec/identityRef, value: {kind: K, name: n}}");
        assert!(effect.may_change(Some(&selector), &cluster(&names(), &decisive)));
        assert_eq!(effect.reference(Some(&selector), &cluster(&names(), &decisive), &path), None);
        let moved = "- {op: add, path: /spec/identityRef, value: {kind: K, name: n}}\n- {op: add, path: /metadata/name, value: b}";
        assert_eq!(set(moved), None);
    }

    #[test]
    fn a_target_is_a_regular_expression_for_the_whole_text() {
        let decisive = [tokens(&["spec", "identityRef"])];
        let effect = PatchEffect::of(b"[{op: remove, path: /spec/identityRef}]");
        let selects = |target: PatchTarget| effect.may_change(Some(&target), &cluster(&names(), &decisive));
        let pattern = |text: &str| Some(Pattern::new(text.to_owned()));
        let name = |name: &str| PatchTarget { name: pattern(name), ..PatchTarget::default() };
        for (pattern, expected) in
            [("heron", true), ("her", false), ("her.*", true), ("h|heron", true), ("egret", false), ("(", true)]
        {
            assert_eq!(selects(name(pattern)), expected, "{pattern}");
        }
        assert!(!selects(PatchTarget { kind: pattern("AWSManaged.*"), ..PatchTarget::default() }));
        assert!(selects(PatchTarget { namespace: pattern("birds"), ..PatchTarget::default() }));
        assert!(!selects(PatchTarget { group: pattern("apps"), ..PatchTarget::default() }));
    }

    #[test]
    fn replacements_are_read_from_a_list_and_a_mapping() {
        let text = "source: {kind: ConfigMap}\ntargets:\n- select: {kind: AWSCluster}\n  fieldPaths: [spec.identityRef.name, 'a\\.b.c']\n";
        let fields = |text: &str| replacements(text.as_bytes()).unwrap().remove(0).content;
        let expected = PatchContent::Fields(vec![tokens(&["spec", "identityRef", "name"]), tokens(&["a.b", "c"])]);
        assert_eq!(fields(text), expected);
        let list = format!("- {}", text.trim_end().replace('\n', "\n  "));
        assert_eq!(fields(&list), expected);
    }
}
