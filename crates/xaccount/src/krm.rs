//! The `ResourceList` of a KRM function: read, split by file, and planned like any other text. No I/O.
//!
//! The items are objects like those of a `List`. New identities and results are added with operations of the plan, too.
//! The source of the format: kustomize, `cmd/config/docs/api-conventions/functions-spec.md`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde::Serialize;
use serde_json::{Value, json};

use crate::account_map::{self, AccountMap, Place};
use crate::diag::{Diagnostic, FileId, LineIndex, Location, Severity, Span, SpannedError, escape_control};
use crate::inventory::{self, Builds, Inventory, Others, Places, Resource};
use crate::kustomization_search::NOT_KNOWN;
use crate::kustomize::{self, Kustomization};
use crate::plan::{Change, IdentityFile, NewObject, Outcome};
use lossless_yaml::{Lookup, NodeId, ObjectRef, Plan, Source, Tree, parse};

/// The supported versions of the format. In those before `v1beta1`, results have another form.
const VERSIONS: [&str; 2] = ["config.kubernetes.io/v1", "config.kubernetes.io/v1beta1"];

/// The prefixes of the annotations with an item's file: the current one, and the one before kyaml 0.12, which hosts
/// still set.
const PREFIXES: [&str; 2] = ["internal.config.kubernetes.io/", "config.kubernetes.io/"];

/// The stream, which is the only file of its inventory.
const STREAM: FileId = FileId(0);

/// An item of the list's `results`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResult<'r> {
    message: Cow<'r, str>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_ref: Option<ResultReference<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'r ResultFile>,
}

/// The object that a result is about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultReference<'r> {
    api_version: &'r str,
    kind: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
}

/// The file of an object that a result is about.
#[derive(Serialize)]
struct ResultFile {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
}

/// A list that was read.
#[derive(Debug)]
pub struct ResourceList<'s> {
    tree: Tree<'s>,
    document: Span,
    /// The files that the items come from, in the order of their first items; `None` for items without a path.
    files: Vec<Option<String>>,
    /// The file of each item.
    items: Vec<FileId>,
    /// For each prefix, whether an item has a path with it.
    annotated: [bool; 2],
    /// The index of the text's lines, made when it is first needed.
    lines: OnceLock<LineIndex>,
}

/// Checks that the items are a list, or absent, for every reader.
fn check_items(tree: &Tree<'_>) -> Result<(), Diagnostic> {
    let error = |node: NodeId, what: &str, help: &str| {
        let at = Location { file: STREAM, span: tree.span(node), window: None };
        Err(Diagnostic::error(format!("the ResourceList can't be read: {what}")).at(at, "").help(help))
    };
    match tree.get(tree.root, "items") {
        Lookup::Ambiguous { key } => error(key, "duplicate key 'items'", "remove one of them and run again"),
        Lookup::Own { value, .. } | Lookup::Inherited { value }
            if tree.items(value).is_none() && !tree.is_null(value) =>
        {
            error(value, "its items are not a list", "write the objects as a list under 'items'")
        }
        _ => Ok(()),
    }
}

impl<'s> ResourceList<'s> {
    /// Reads a list.
    ///
    /// # Errors
    /// The bytes are not a list of a known version.
    pub fn read(bytes: &'s [u8]) -> Result<Self, Diagnostic> {
        let source = Source::new(bytes);
        let mut segments = source.segments();
        let way_out = "for plain manifests, run: kubectl xaccount inject -f - … -o yaml";
        let (Some(document), None) = (segments.next(), segments.next()) else {
            let what = if source.segments().next().is_none() { "is empty" } else { "contains several documents" };
            return Err(Diagnostic::error(format!("standard input is not a ResourceList: it {what}")).help(way_out));
        };
        let tree = parse(&document).map_err(|refusal| {
            let mut error = SpannedError::from(refusal).in_file(STREAM, None);
            error.message.insert_str(0, "the ResourceList can't be read: ");
            error
        })?;
        let text = |name: &str| tree.value(tree.root, name).and_then(|value| tree.text(value)).unwrap_or("none");
        let (version, kind) = (text("apiVersion"), text("kind"));
        if kind != "ResourceList" {
            let kind = escape_control(kind);
            return Err(
                Diagnostic::error(format!("standard input is not a ResourceList: its kind is {kind}")).help(way_out)
            );
        }
        if !VERSIONS.contains(&version) {
            let version = escape_control(version);
            return Err(Diagnostic::error(format!("the ResourceList has the unsupported version {version}"))
                .help(format!("supported are {}", VERSIONS.join(" and "))));
        }
        check_items(&tree)?;
        let document = document.span;
        let (files, items, lines) = (Vec::new(), Vec::new(), OnceLock::new());
        let mut list = Self { tree, document, files, items, annotated: [false; 2], lines };
        let mut known: HashMap<Option<String>, usize> = HashMap::new();
        for item in list.nodes().to_vec() {
            let path = list.annotation(item, "path");
            for (at, prefix) in PREFIXES.iter().enumerate() {
                list.annotated[at] |= list.exact_annotation(item, &format!("{prefix}path")).is_some();
            }
            let file = *known.entry(path).or_insert_with_key(|path| {
                list.files.push(path.clone());
                list.files.len() - 1
            });
            list.items.push(FileId(file));
        }
        Ok(list)
    }

    fn nodes(&self) -> &[NodeId] {
        let items = self.tree.value(self.tree.root, "items");
        items.and_then(|items| self.tree.items(items)).unwrap_or_default()
    }

    fn exact_annotation(&self, item: NodeId, key: &str) -> Option<String> {
        let annotations = self.tree.value(self.tree.value(item, "metadata")?, "annotations")?;
        self.tree.text(self.tree.value(annotations, key)?).map(str::to_owned)
    }

    fn annotation(&self, item: NodeId, name: &str) -> Option<String> {
        PREFIXES.iter().find_map(|prefix| self.exact_annotation(item, &format!("{prefix}{name}")))
    }

    /// The data of the functionConfig, in order; empty if there is none.
    ///
    /// # Errors
    /// The functionConfig is not a ConfigMap with strings.
    pub fn instructions(&self) -> Result<Vec<(String, String)>, Diagnostic> {
        let tree = &self.tree;
        let Some(config) = tree.value(tree.root, "functionConfig").filter(|&config| !tree.is_null(config)) else {
            return Ok(Vec::new());
        };
        let text = |name: &str| tree.value(config, name).and_then(|value| tree.text(value)).unwrap_or("none");
        let at = |node: NodeId| Location { file: STREAM, span: tree.span(node), window: None };
        let way_out = "use a ConfigMap (apiVersion: v1) whose data has flag names as keys, as in account: \"222222222222\", or an AccountMap";
        let (version, kind) = (text("apiVersion"), text("kind"));
        if (version, kind) != ("v1", "ConfigMap") {
            let what = escape_control(&format!("{version} {kind}")).into_owned();
            return Err(Diagnostic::error(format!("functionConfig is not a ConfigMap, but {what}")).help(way_out));
        }
        let Some(data) = tree.value(config, "data").filter(|&data| !tree.is_null(data)) else {
            return Ok(Vec::new());
        };
        let wrong = |node| {
            Diagnostic::error("the data of functionConfig must be keys with strings").at(at(node), "").help(way_out)
        };
        let entries = tree.entries(data).ok_or_else(|| wrong(data))?;
        let pair = |&(key, value): &(NodeId, NodeId)| {
            let both = tree.text(key).zip(tree.text(value).filter(|_| !tree.is_null(value)));
            both.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| wrong(key))
        };
        entries.iter().map(pair).collect()
    }

    /// The functionConfig as an account map, if it is one.
    ///
    /// # Errors
    /// All errors in the map.
    pub fn account_map(&self) -> Option<Result<AccountMap, Vec<Diagnostic>>> {
        let config = self.tree.value(self.tree.root, "functionConfig")?;
        let kind = self.tree.value(config, "kind").and_then(|kind| self.tree.text(kind));
        let map = (kind == Some(account_map::KIND)).then(|| account_map::of_node(&self.tree, config))?;
        let wrong = |refusal: SpannedError| {
            let refusal = SpannedError { message: format!("functionConfig: {}", refusal.message), ..refusal };
            refusal.in_file(STREAM, None)
        };
        Some(map.map_err(|refusals| refusals.into_iter().map(wrong).collect()))
    }

    /// A place in the stream, for messages: `functionConfig, line 12`.
    pub fn place(&self, span: Span) -> String {
        let lines = self.lines.get_or_init(|| LineIndex::new(self.tree.text.as_bytes()));
        let line = lines.line(span.start.saturating_sub(self.tree.base));
        format!("functionConfig, line {line} of the list")
    }

    /// The path of a file of [`Self::by_file`]; `None` for the items without one.
    pub fn path(&self, file: FileId) -> Option<&str> {
        self.files.get(file.0)?.as_deref()
    }

    /// The place of a file of [`Self::by_file`], relative to an account map at the root of the package.
    pub fn file_place(&self, file: FileId) -> Place {
        self.path(file).map_or(Place::Unknown, Place::below)
    }

    /// What the kustomizations of the list build from the files of [`Self::by_file`], whose inventory this is; and
    /// warnings about those that can't be read.
    pub fn builds(&self, inventory: &Inventory) -> (Builds, Vec<Diagnostic>) {
        let mut all: Vec<Kustomization> = Vec::new();
        let mut warnings = Vec::new();
        for (&item, &file) in self.nodes().iter().zip(&self.items) {
            let name = self.path(file).unwrap_or_default();
            if !kustomize::is_kustomization(name) {
                continue;
            }
            match kustomize::of_node(Some(file), name, name, &self.tree, item) {
                Ok(one) => all.push(one),
                Err(unreadable) => {
                    let at = Location { file: STREAM, span: unreadable.span, window: None };
                    let warning = Diagnostic::warning(format!("{name} can't be read: {}", unreadable.why)).at(at, "");
                    warnings.push(warning.help(NOT_KNOWN));
                }
            }
        }
        let names = |path: &Option<String>| path.iter().map(|path| kustomize::plain(path)).collect();
        let files = self.files.iter().map(names).collect();
        let places =
            Places { files, unreadable: Vec::new(), read: &|_| None, link: &|_| None, root: &|_| Some(String::new()) };
        (Builds::new(all, inventory, places), warnings)
    }

    /// The inventory with each object in the file that its item comes from, as the planner needs it.
    pub fn by_file(&self, inventory: &Inventory) -> Inventory {
        let files = self.files.iter().map(|path| inventory::File {
            name: path.clone().unwrap_or_else(|| "the items without a path".into()),
            is_json_for_kubectl: path.as_ref().is_some_and(|path| path.ends_with(".json")),
            // The file itself is not read: it can be a list or a single object.
            json_list: None,
            identities_only: false,
        });
        let mut objects: Vec<Resource> = inventory.objects().to_vec();
        for found in &mut objects {
            found.origin.file = self.item(&found.origin.at).map_or(STREAM, |item| self.items[item]);
            // Its line number is that in the list, not in its file.
            found.origin.line = 0;
        }
        objects.sort_by_key(|found| found.origin.file);
        // A path that leads out of the package is used as it is written.
        let directory = |file: FileId| {
            let path = match self.file_place(file) {
                Place::Below(path) => path,
                Place::Outside => format!("/{}", self.path(file)?),
                Place::Unknown => return None,
            };
            Some(path.rsplit_once('/').map_or_else(String::new, |(directory, _)| directory.to_owned()))
        };
        Inventory::new(files.collect(), objects).with_others(Others::default(), directory)
    }

    /// The file for new identities; `None` if no item has a path, because there are no files then.
    pub fn identity_file(&self, path: &str) -> Option<IdentityFile> {
        if self.files.iter().all(Option::is_none) {
            return None;
        }
        let existing = self.files.iter().position(|file| file.as_deref() == Some(path));
        Some(
            existing
                .map_or_else(|| IdentityFile::New(PathBuf::from(path)), |file| IdentityFile::Existing(FileId(file))),
        )
    }

    /// The index of an object's item.
    fn item(&self, at: &ObjectRef) -> Option<usize> {
        let item = at.base.tokens().nth(1)?.decoded().parse::<usize>().ok()?;
        (item < self.items.len()).then_some(item)
    }

    /// Changes a diagnostic about a file of [`Self::by_file`] to one about the stream, whose bytes can be shown.
    pub fn in_stream(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.primary.iter_mut().chain(&mut diagnostic.others).for_each(|label| label.at.file = STREAM);
        diagnostic
    }

    /// The whole change: that of the outcome, the new identities as items, and the results. `inventory` is that of
    /// [`Self::by_file`].
    ///
    /// # Errors
    /// The `results` of the list are not a list.
    pub fn plan(&self, inventory: &Inventory, outcome: &Outcome, warnings: &[Diagnostic]) -> Result<Plan, Diagnostic> {
        let mut changes: Vec<_> = outcome.plans.values().flat_map(|plan| plan.changes.iter().cloned()).collect();
        let mut next: HashMap<Option<String>, u64> = HashMap::new();
        let added: Vec<(Value, Option<ResultFile>)> =
            outcome.added.iter().map(|new| self.placed(new, &mut next)).collect();
        let mut results: Vec<Value> = warnings.iter().map(|warning| self.finding(inventory, warning)).collect();
        let mut new = added.iter();
        for change in &outcome.changes {
            results.extend(match change.object {
                Some(index) => Some(self.changed(&inventory[index], change)),
                None => new.next().map(|(object, file)| {
                    let message = format!("added: {}", change.after);
                    result(Severity::Note, &message, Some(reference_to(object)), file.as_ref())
                }),
            });
        }
        let mut operations: Vec<PatchOperation> =
            added.into_iter().map(|(object, _)| add(&["items", "-"], object)).collect();
        operations.extend(self.report(results)?);
        if !operations.is_empty() {
            // Last, so that a new item comes after the changes in the last item.
            changes.push((ObjectRef { document: self.document, base: PointerBuf::new() }, operations.into()));
        }
        Ok(Plan { changes, ..Plan::default() })
    }

    /// A plan that only adds the errors as results. `inventory` is that of [`Self::by_file`], or an empty one.
    ///
    /// # Errors
    /// Those of [`Self::plan`].
    pub fn refusal(&self, inventory: &Inventory, errors: &[Diagnostic]) -> Result<Plan, Diagnostic> {
        let operations = self.report(errors.iter().map(|error| self.finding(inventory, error)).collect())?;
        let object = ObjectRef { document: self.document, base: PointerBuf::new() };
        Ok(Plan { changes: vec![(object, operations.into())], ..Plan::default() })
    }

    /// The operations that add results after those of earlier functions.
    fn report(&self, results: Vec<Value>) -> Result<Vec<PatchOperation>, Diagnostic> {
        let existing = self.tree.value(self.tree.root, "results").filter(|&existing| !self.tree.is_null(existing));
        match existing {
            _ if results.is_empty() => Ok(Vec::new()),
            None => Ok(vec![add(&["results"], Value::Array(results))]),
            Some(existing) if self.tree.items(existing).is_some() => {
                Ok(results.into_iter().map(|result| add(&["results", "-"], result)).collect())
            }
            Some(existing) => {
                let at = Location { file: STREAM, span: self.tree.span(existing), window: None };
                Err(Diagnostic::error("the results of the ResourceList are not a list").at(at, ""))
            }
        }
    }

    /// A new object as the last item of its file, and the file for results.
    fn placed(&self, new: &NewObject, next: &mut HashMap<Option<String>, u64>) -> (Value, Option<ResultFile>) {
        let mut object = new.object.clone();
        let path = match &new.file {
            IdentityFile::Existing(file) => self.files.get(file.0).cloned().flatten(),
            IdentityFile::New(path) => Some(path.to_string_lossy().into_owned()),
        };
        let Some(name) = path.clone() else { return (object, None) };
        let index = next.entry(path.clone()).or_insert_with(|| self.first_free_index(&name));
        if let Some(Value::Object(metadata)) = object.get_mut("metadata")
            && let Value::Object(annotations) = metadata.entry("annotations").or_insert_with(|| json!({}))
        {
            for prefix in
                PREFIXES.iter().zip(self.annotated).filter_map(|(prefix, existing)| existing.then_some(prefix))
            {
                annotations.insert(format!("{prefix}index"), json!(index.to_string()));
                annotations.insert(format!("{prefix}path"), json!(name));
            }
        }
        let file = ResultFile { path: name, index: Some(*index) };
        *index = index.saturating_add(1);
        (object, Some(file))
    }

    /// The first free index of a file.
    fn first_free_index(&self, path: &str) -> u64 {
        let of_file = self.nodes().iter().filter(|&&item| self.annotation(item, "path").as_deref() == Some(path));
        let used = of_file.map(|&item| self.annotation(item, "index").and_then(|index| index.parse::<u64>().ok()));
        used.map(|index| index.unwrap_or(0).saturating_add(1)).max().unwrap_or(0)
    }

    fn changed(&self, found: &Resource, change: &Change) -> Value {
        let message = match &change.before {
            Some(before) => format!("{before} -> {}", change.after),
            None => change.after.clone(),
        };
        result(Severity::Note, &message, Some(reference(found)), self.file(found).as_ref())
    }

    fn finding(&self, inventory: &Inventory, diagnostic: &Diagnostic) -> Value {
        let span = diagnostic.primary.as_ref().map(|label| label.at.span);
        let inside = |found: &&Resource| {
            span.is_some_and(|span| found.origin.window.start <= span.start && span.end <= found.origin.window.end)
        };
        let found = inventory.objects().iter().find(inside);
        let message = [std::slice::from_ref(&diagnostic.message), &diagnostic.help].concat().join("; ");
        let file = found.and_then(|found| self.file(found));
        result(diagnostic.severity, &message, found.map(reference), file.as_ref())
    }

    /// The file of an object's item, for results.
    fn file(&self, found: &Resource) -> Option<ResultFile> {
        let item = *self.nodes().get(self.item(&found.origin.at)?)?;
        let path = self.annotation(item, "path")?;
        Some(ResultFile { path, index: self.annotation(item, "index").and_then(|index| index.parse().ok()) })
    }
}

fn add(path: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path.iter().copied()), value })
}

fn reference(found: &Resource) -> ResultReference<'_> {
    let object = &found.object;
    ResultReference {
        api_version: &object.api_version,
        kind: &object.kind,
        name: object.name.as_deref(),
        namespace: object.namespace.as_deref(),
    }
}

/// The reference to a new object, which is cluster-scoped.
fn reference_to(object: &Value) -> ResultReference<'_> {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str);
    ResultReference {
        api_version: text("/apiVersion").unwrap_or_default(),
        kind: text("/kind").unwrap_or_default(),
        name: text("/metadata/name"),
        namespace: None,
    }
}

fn result(
    severity: Severity,
    message: &str,
    resource_ref: Option<ResultReference<'_>>,
    file: Option<&ResultFile>,
) -> Value {
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    };
    json!(FunctionResult { message: escape_control(message), severity, resource_ref, file })
}
