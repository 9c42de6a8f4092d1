//! Scans one file for objects of interest.

use json_patch::jsonptr::PointerBuf;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::unreadable::{
    NOT_READABLE, ScanProblem, array_refused, doubtful_marker, log_lines, shown, spelled, unreadable, utf16,
};
use super::{Manifest, Resource, SkipReason, Skipped, doubt};
use crate::capa::{self, Items, ListKind, Object, ObjectKind};
use crate::diag::{Diagnostic, FileId, Location, RuleId, Span, line_of};
use crate::templates;
use lossless_yaml::parallel;
use lossless_yaml::{Data, Document, Needles, NodeId, ObjectRef, Source, Tree, documents, removable, skim};

/// Options of a scan.
#[derive(Debug)]
pub struct Scan<'a> {
    /// Words that a document must contain to be parsed.
    pub needles: &'a Needles,
    /// Skip templates that contain CAPA kinds, with a warning.
    pub skip_templates: bool,
    /// Report what can't be read as a finding, and continue.
    pub keep_going: bool,
    /// The path of a topology variable that will contain a reference, even if it does not exist yet.
    pub topology_variable: Option<&'a [String]>,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The objects in order.
    pub objects: Vec<Resource>,
    /// Objects of other programs that contain or create clusters, in order.
    pub wrappers: Vec<Resource>,
    /// Warnings.
    pub warnings: Vec<Diagnostic>,
    /// Templates that were skipped.
    pub skipped: Vec<Skipped>,
    /// Whether kubectl reads the file as JSON, so that no second document can be added.
    pub is_json_for_kubectl: bool,
    /// The `kind: List` that is all of a file that kubectl reads as JSON.
    pub json_list: Option<ObjectRef>,
}

impl Scanned {
    /// Records a document that can't be read, if the options allow it; otherwise returns it as an error.
    fn tolerate(&mut self, problem: ScanProblem, file: FileId, bytes: &[u8], options: &Scan<'_>) -> Option<Diagnostic> {
        match problem {
            ScanProblem::Template(diagnostic) if options.skip_templates => {
                let line = line_about(bytes, &diagnostic);
                let message = diagnostic.message.clone();
                self.skipped.push(Skipped::document(file, line, SkipReason::Template, message));
                self.warnings.push(Diagnostic {
                    severity: crate::diag::Severity::Warning,
                    help: vec!["skipped because of --skip-templates".into()],
                    ..diagnostic
                });
                None
            }
            ScanProblem::Template(diagnostic) | ScanProblem::Filled(diagnostic) if options.keep_going => {
                self.warnings.push(Diagnostic {
                    severity: crate::diag::Severity::Warning,
                    help: vec!["nothing in it is checked: render it and lint the result".into()],
                    ..diagnostic.rule(RuleId::UncheckedTemplate)
                });
                None
            }
            ScanProblem::Template(diagnostic) | ScanProblem::Filled(diagnostic) | ScanProblem::Broken(diagnostic) => {
                Some(diagnostic)
            }
        }
    }
}

/// Scans a file. A file without CAPA kinds is never an error, however broken it is.
///
/// # Errors
/// All documents that contain the name of a CAPA kind and can't be read, each with its place.
pub fn scan(file: FileId, bytes: &[u8], options: &Scan<'_>) -> Result<Scanned, Vec<Diagnostic>> {
    let source = Source::new(bytes);
    let marked = || source.utf16_text().is_some_and(|text| options.needles.spelled(text.as_bytes()));
    if source.is_utf16(options.needles) || marked() {
        let error = utf16(Location { file, span: Span::new(0, 2), window: None });
        return match options.keep_going {
            true => Ok(Scanned { warnings: vec![error], ..Scanned::default() }),
            false => Err(vec![error]),
        };
    }
    let candidates = documents(&source, options.needles);
    let is_json_for_kubectl = source.begins_with_brace();
    let json_list = if is_json_for_kubectl { list_of(&source) } else { None };
    let mut scanned = Scanned { is_json_for_kubectl, json_list, ..Scanned::default() };
    if candidates.is_empty() {
        return Ok(scanned);
    }
    let mut errors = Vec::new();
    // A problem is large and rare, and there is a result for each document.
    let results = parallel::map(&candidates, |document| read(file, bytes, document, options).map_err(Box::new));
    // A vector that grows by doubling would need half as much memory again.
    scanned.objects.reserve_exact(results.iter().map(|result| result.as_ref().map_or(0, Vec::len)).sum());
    let mut has_template = false;
    for result in results {
        match result.map_err(|problem| *problem) {
            Ok(found) => scanned.objects.extend(found),
            // One message says that a file is a template; each document that is skipped has its own.
            Err(ScanProblem::Template(_)) if has_template && !options.skip_templates => {}
            Err(problem) => {
                has_template |= matches!(problem, ScanProblem::Template(_));
                errors.extend(scanned.tolerate(problem, file, bytes, options));
            }
        }
    }
    let is_capa = !errors.is_empty() || scanned.objects.iter().any(|found| found.object.object_kind.is_capa());
    if is_capa {
        if let Some((character, span)) = source.doubtful_marker() {
            errors.insert(0, doubtful_marker(character, Location { file, span, window: None }));
        }
        if let Some(diagnostic) = log_lines(file, &source) {
            errors.insert(0, diagnostic);
            errors.truncate(1);
        }
    }
    if !errors.is_empty() && !options.keep_going {
        return Err(errors);
    }
    scanned.warnings.extend(errors);
    scanned.objects.retain(|found| found.object.object_kind != ObjectKind::Foreign);
    number_lines(bytes, &mut scanned.objects);
    let is_wrapper = |found: &mut Resource| matches!(found.object.object_kind, ObjectKind::Wrapper(_));
    scanned.wrappers = scanned.objects.extract_if(.., is_wrapper).collect();
    Ok(scanned)
}

/// The members of a list that decide whether it takes another item. A duplicate one is an error.
#[derive(Deserialize)]
struct JsonList {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    #[serde(rename = "items")]
    _items: Vec<IgnoredAny>,
}

/// The list that is all of a JSON file, if it takes any object as one more item: a `kind: List` with `items`. kubectl knows
/// the kinds of no other lists (client-go, `restmapper/discovery.go`, adds `List` to what the API server has).
fn list_of(source: &Source<'_>) -> Option<ObjectRef> {
    // Most JSON files are no lists, and need not be read for this.
    memchr::memmem::find(source.bytes(), b"List")?;
    let mut segments = source.segments();
    let document = segments.next().filter(|_| segments.next().is_none())?;
    // The values of the items are skipped: this is fast for a large list, too.
    let list: JsonList = serde_json::from_slice(document.bytes).ok()?;
    let is_list = list.api_version == "v1" && list.kind == "List";
    is_list.then(|| ObjectRef { document: document.span, base: PointerBuf::root() })
}

/// The line of a diagnostic's place.
fn line_about(bytes: &[u8], diagnostic: &Diagnostic) -> usize {
    line_of(bytes, diagnostic.primary.as_ref().map_or(0, |label| label.at.span.start))
}

/// Sets line numbers by counting line breaks between consecutive objects. An object from an alias can be before others.
fn number_lines(bytes: &[u8], objects: &mut [Resource]) {
    let mut order: Vec<usize> = (0..objects.len()).collect();
    order.sort_by_key(|&index| objects[index].object.start);
    let starts = order.iter().map(|&index| objects[index].object.start);
    let between: Vec<Span> =
        std::iter::once(0).chain(starts.clone()).zip(starts).map(|(a, b)| Span::new(a, b)).collect();
    let breaks = parallel::map(&between, |span| memchr::memchr_iter(b'\n', &bytes[span.range()]).count());
    let mut line = 1;
    for (index, breaks) in order.into_iter().zip(breaks) {
        line += breaks;
        objects[index].origin.line = line;
    }
    for found in objects {
        let ObjectKind::Class(class) = &mut found.object.object_kind else { continue };
        for patch in &mut class.patches {
            patch.line = line_of(bytes, patch.span.start);
            patch.writes.iter_mut().for_each(|write| write.line = line_of(bytes, write.span.start));
        }
    }
}

fn read(file: FileId, bytes: &[u8], document: &Document<'_>, options: &Scan<'_>) -> Result<Vec<Resource>, ScanProblem> {
    let named = document.literal || options.needles.spelled(document.bytes);
    let tree = match skim(document) {
        Ok(tree) => tree,
        Err(refusal) if document.literal => return Err(unreadable(file, bytes, document, refusal)),
        Err(refusal) if named => return Err(spelled(file, document, refusal)),
        Err(_) => return Ok(Vec::new()),
    };
    // Most documents have one object; capacity for four in each would be most of the memory for a large bundle.
    let mut found = Vec::with_capacity(1);
    let whole = ObjectWalk { file, bytes, document, tree: &tree, options };
    whole.objects(tree.root, &mut Vec::new(), &mut found);
    if options.needles.has_also(capa::SURROUNDINGS[0]) {
        for found in &mut found {
            capa::beside(&mut found.object);
            found.origin.printable &= found.object.object_kind != ObjectKind::Secret;
        }
    }
    if !named {
        // It was only read as well: its problems don't matter.
        found.retain(|found| !found.object.object_kind.is_capa());
        return Ok(found);
    }
    whole.array()?;
    // Comments that begin with `#@` are ytt code: the document is not a manifest yet.
    let is_capa = found.iter().any(|found: &Resource| found.object.object_kind.is_capa());
    let ytt = tree.comments.iter().find(|span| tree.text[span.range()].starts_with("#@"));
    if let Some(span) = ytt.filter(|_| is_capa) {
        let at = Location { file, span: span.shifted(tree.base), window: shown(document) };
        return Err(ScanProblem::Template(
            Diagnostic::error("this document is a ytt template, not a manifest")
                .rule(NOT_READABLE)
                .at(at, "")
                .help("render it first and pass the result, or pass --skip-templates to skip it"),
        ));
    }
    // A document with the name of a CAPA kind that is not an object for us may be one for other readers.
    let suspect = is_capa || found.is_empty();
    let may_be_capa = || doubt::may_hold_capa(document.bytes);
    match odd(file, document, &tree) {
        Some(problem) if suspect || may_be_capa() => Err(problem),
        _ => match odd_for_kubectl(file, document, &tree) {
            Some(problem) if is_capa || may_be_capa() => Err(problem),
            _ => Ok(found),
        },
    }
}

/// A part of a document that other readers may read differently.
fn odd(file: FileId, document: &Document<'_>, tree: &Tree<'_>) -> Option<ScanProblem> {
    let at = |span: Span| Location { file, span, window: shown(document) };
    if let Some(span) = tree.odd_break() {
        return Some(ScanProblem::Broken(
            Diagnostic::error("a line break of YAML 1.1 only (U+0085, U+2028 or U+2029) outside of quotes")
                .rule(NOT_READABLE)
                .at(at(span), "kubectl begins a new line here, and other readers do not")
                .help("replace it with a space or a line feed, or put the text in double quotes, and run again"),
        ));
    }
    if let Some(key) = tree.odd_merge() {
        return Some(ScanProblem::Broken(
            Diagnostic::error("a '<<' in quotes or with a tag: some readers merge here, and others don't")
                .rule(NOT_READABLE)
                .at(at(tree.span(key)), "")
                .help("if it is a merge key, write '<<' without quotes and tag, and run again"),
        ));
    }
    tree.complex_key().map(|key| {
        ScanProblem::Template(
            Diagnostic::error("a key is not a scalar, as in 'name: {{ name }}': this is a template, not a manifest")
                .rule(NOT_READABLE)
                .at(at(tree.span(key)), "")
                .help("render it first and pass the result, or pass --skip-templates to skip it"),
        )
    })
}

/// A part of a document that only kubectl reads differently.
fn odd_for_kubectl(file: FileId, document: &Document<'_>, tree: &Tree<'_>) -> Option<ScanProblem> {
    let problem = |span: Span, message: &str, help: &str| {
        let at = Location { file, span: span.shifted(tree.base), window: shown(document) };
        ScanProblem::Broken(Diagnostic::error(message).rule(NOT_READABLE).at(at, "").help(help))
    };
    if let Some(at) = doubt::odd_separator(document.bytes) {
        let message = "kubectl reads this line as the start of a document, and other readers don't";
        return Some(problem(Span::new(at, at + 3), message, "write a space after '---' and run again"));
    }
    let key = tree.tagged_key()?;
    let message = "a key has a tag, so its text is not certain";
    Some(problem(tree.node(key).span(), message, "write the key as plain text and run again"))
}

struct ObjectWalk<'w> {
    file: FileId,
    bytes: &'w [u8],
    document: &'w Document<'w>,
    tree: &'w Tree<'w>,
    options: &'w Scan<'w>,
}

impl ObjectWalk<'_> {
    /// The document's object, or the items of a list, as kubectl flattens them.
    fn objects(&self, node: NodeId, base: &mut Vec<String>, found: &mut Vec<Resource>) {
        let object = capa::view(self.tree, node, self.options.topology_variable);
        if let Some(refused @ Object { object_kind: ObjectKind::Refused(..), .. }) = object {
            return self.push(refused, node, base, found);
        }
        match capa::items(self.tree, node, base.is_empty()) {
            Items::Refused(refused) => self.push(*refused, node, base, found),
            Items::List(items, list, borrowed) => {
                let before = found.len();
                for (index, &item) in items.iter().enumerate() {
                    base.extend(["items".to_owned(), index.to_string()]);
                    self.item(item, &list, base, found);
                    base.truncate(base.len() - 2);
                }
                if let Some(span) = borrowed {
                    self.borrowed(node, span, before, base, found);
                }
            }
            Items::None => {
                if let Some(mut object) = object {
                    if object.object_kind == ObjectKind::Foreign
                        && let Some(wrapper) = capa::wrapper(self.tree, node, &object.api_version, &object.kind)
                    {
                        object.object_kind = ObjectKind::Wrapper(Box::new(wrapper));
                    }
                    self.push(object, node, base, found);
                }
            }
        }
    }

    fn item(&self, item: NodeId, list: &ListKind, base: &mut Vec<String>, found: &mut Vec<Resource>) {
        let before = found.len();
        match capa::without_kind(self.tree, item, list, self.options.topology_variable) {
            Some(untyped) => self.push(untyped, item, base, found),
            None => self.objects(item, base, found),
        }
        if matches!(self.tree.node(item).data, Data::Alias(_)) {
            self.borrowed(item, self.tree.span(item), before, base, found);
        }
    }

    /// CAPA objects from an alias can't be edited in place: they are replaced by one refused object.
    fn borrowed(&self, node: NodeId, span: Span, before: usize, base: &[String], found: &mut Vec<Resource>) {
        if found[before..].iter().any(|found| found.object.object_kind.is_capa()) {
            found.truncate(before);
            self.push(capa::borrowed(self.tree, node, span), node, base, found);
        }
    }

    /// Refuses a document that is an array of CAPA objects, as printed by jsonnet: kubectl does not accept it.
    fn array(&self) -> Result<(), ScanProblem> {
        let Some(items) = self.tree.items(self.tree.root) else { return Ok(()) };
        let mut found = Vec::new();
        items.iter().for_each(|&item| self.item_of_array(item, &mut found));
        let Some(first) = found.iter().find(|found| found.object.object_kind.is_capa()) else { return Ok(()) };
        let at = Location { window: shown(self.document), ..first.head() };
        Err(ScanProblem::Broken(array_refused(at)))
    }

    /// The objects of an item of an array, which may be an array again.
    fn item_of_array(&self, item: NodeId, found: &mut Vec<Resource>) {
        match self.tree.items(item) {
            Some(items) => items.iter().for_each(|&item| self.item_of_array(item, found)),
            None => self.objects(item, &mut Vec::new(), found),
        }
    }

    fn push(&self, object: Object, node: NodeId, base: &[String], found: &mut Vec<Resource>) {
        let span = self.tree.span(node);
        let window = if base.is_empty() { self.document.span } else { own_lines(self.bytes, span) };
        let base = PointerBuf::from_tokens(base);
        // An object with a duplicate or tagged kind could be of any kind.
        let printable = !matches!(object.object_kind, ObjectKind::Refused(..))
            || !capa::may_hold_bodies(&self.bytes[window.range()]);
        let removal_blocker = matches!(object.object_kind, ObjectKind::Identity(..))
            .then(|| self.removal_blocker(base.is_root(), window))
            .flatten();
        let may_have_variable = || memchr::memmem::find(&self.bytes[span.range()], b"${").is_some();
        let has_variable = object.object_kind.is_capa() && may_have_variable() && has_variable(self.tree, node);
        let origin = Manifest {
            file: self.file,
            at: ObjectRef { document: self.document.span, base },
            line: 0,
            window,
            dropped_by_kubectl: self.document.bare,
            printable,
            removal_blocker,
            has_variable,
        };
        found.push(Resource { object: Box::new(object), origin });
    }

    /// What would be lost if the document, or an item of it, were removed.
    fn removal_blocker(&self, whole: bool, window: Span) -> Option<String> {
        if whole {
            return removable(self.tree).err().map(|refusal| refusal.to_string());
        }
        let comments = self.tree.comments.iter().map(|comment| comment.shifted(self.tree.base));
        let inside = |comment: Span| window.start <= comment.start && comment.end <= window.end;
        comments.into_iter().any(inside).then(|| "its lines contain a comment".to_owned())
    }
}

/// Whether a scalar in a node has a placeholder `${…}`. A comment has no effect, so it does not count.
fn has_variable(tree: &Tree<'_>, node: NodeId) -> bool {
    match &tree.node(node).data {
        Data::Scalar { text, .. } => templates::next_variable(text).is_some(),
        Data::Sequence { items, .. } => items.iter().any(|&item| has_variable(tree, item)),
        Data::Mapping { entries, .. } => {
            entries.iter().any(|&(key, value)| has_variable(tree, key) || has_variable(tree, value))
        }
        Data::Alias(_) => false,
    }
}

/// An item's span, extended to whole lines if no other item is on them.
fn own_lines(bytes: &[u8], span: Span) -> Span {
    let mark = |b: u8| b" \t-,[]{}\r".contains(&b);
    let (mut start, mut end) = (span.start, span.end);
    while start > 0 && mark(bytes[start - 1]) {
        start -= 1;
    }
    while end < bytes.len() && mark(bytes[end]) {
        end += 1;
    }
    let start = if start == 0 || bytes[start - 1] == b'\n' { start } else { span.start };
    let end = match bytes.get(end) {
        Some(b'\n') => end + 1,
        None => end,
        _ => span.end,
    };
    Span::new(start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str) -> Result<Scanned, Vec<Diagnostic>> {
        let needles = capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        scan(FileId(0), text.as_bytes(), &options)
    }

    const CLUSTER: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: a\n  namespace: n\n";

    #[test]
    fn neighbours_of_other_kinds_may_be_broken() {
        let scanned = scanned(&format!("a: {{{{ b }}: c\n---\n{CLUSTER}---\nx: [\n")).unwrap();
        assert_eq!(scanned.objects.len(), 1);
        assert_eq!((scanned.objects[0].origin.line, scanned.objects[0].title().as_str()), (3, "AWSCluster n/a"));
    }

    #[test]
    fn a_broken_document_with_a_capa_kind_is_an_error() {
        assert!(scanned("kind: AWSCluster\nspec: [\n").is_err());
        assert!(scanned("kind: AWSCluster\nname: {{ name }}\n").is_err());
        assert!(scanned("kind: Nothing\nspec: [\n").is_ok());
    }

    /// The message of the first error.
    fn refused(text: &str) -> String {
        scanned(text).unwrap_err()[0].message.clone()
    }

    #[test]
    fn a_kind_that_an_escape_spells_is_not_skipped() {
        let text = format!("{}x: \"\\'\"\n", CLUSTER.replace("AWSCluster", "\"AWSClu\\x73ter\""));
        assert!(refused(&text).contains("can't be read"));
        assert!(scanned("a: \"\\x41 \\'\" # !!\n").unwrap().objects.is_empty());
    }

    #[test]
    fn what_kubectl_reads_as_capa_is_refused_in_an_object_of_another_kind() {
        let version = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n";
        for (text, why) in [
            ("kind: ConfigMap # \u{2028}kind: AWSCluster\n", "line break"),
            ("kind: ConfigMap\n!!merge <<: {kind: AWSCluster}\n", "'<<'"),
            ("kind: ConfigMap\n!!binary a2luZA==: AWSCluster\n", "a key has a tag"),
        ] {
            assert!(refused(&format!("{version}{text}")).contains(why), "{text}");
        }
        let flow = "{\"kind\":\"AWSCluster\",\"apiVersion\":\"infrastructure.cluster.x-k8s.io/v1beta2\"}";
        let separated = format!("---#c\n{flow}\n---#c\n{flow}\n");
        assert!(refused(&separated).contains("the start of a document"));
        assert!(scanned("kind: ConfigMap # AWSCluster \u{2028}\napiVersion: v1\n").unwrap().objects.is_empty());
    }

    #[test]
    fn a_list_that_readers_disagree_about_is_refused() {
        let item = CLUSTER.trim_end().replace('\n', "\n  ");
        let role =
            |text: &str| scanned(text).unwrap().objects.into_iter().map(|found| found.object.object_kind).collect();
        for text in [
            format!("kind: List\nitems: []\nitems:\n- {item}\n"),
            format!("kind: List\nx: &x\n- {item}\nitems: *x\n"),
            format!("kind: List\nx: &x\n  {item}\nitems:\n- *x\n"),
            "kind: List\nitems: {}\n# AWSCluster\n".to_owned(),
            format!("{CLUSTER}items: []\n"),
        ] {
            let roles: Vec<ObjectKind> = role(&text);
            assert!(matches!(roles[..], [ObjectKind::Refused(..)]), "{text}: {roles:?}");
        }
        assert!(refused(&format!("- {item}\n")).contains("kubectl does not accept"));
    }

    #[test]
    fn an_error_in_what_may_be_a_secret_shows_no_text() {
        let window = |text: &str| scanned(text).unwrap_err()[0].primary.as_ref().unwrap().at.window;
        assert!(window("kind: AWSCluster\nspec: [\n").is_some());
        for word in ["Secret", "ConfigMap", "secret", "stringData"] {
            assert_eq!(window(&format!("kind: AWSCluster\n{word}: x\nspec: [\n")), None, "{word}");
        }
    }

    #[test]
    fn log_text_is_distinguished_from_yaml() {
        for line in [
            "Generating cluster resources",
            "INFO[0000] x src=\"y\"",
            "time=\"1\" level=info msg=\"a: b\"",
            "W1123 10:00:00.1 x.go:70] v",
        ] {
            let errors = scanned(&format!("{line}\n{CLUSTER}")).unwrap_err();
            assert!(errors[0].message.contains("log output"), "{line}: {errors:?}");
        }
        assert!(scanned(&format!("# comment\n{CLUSTER}")).is_ok());
    }

    #[test]
    fn an_object_of_no_certain_kind_shows_no_text() {
        let text = "{apiVersion: v1, kind: Secret, kind: Secret, data: {p: b, n: AWSCluster}}\n";
        let scanned = scanned(text).unwrap();
        let found = &scanned.objects[0];
        assert!(matches!(found.object.object_kind, ObjectKind::Refused(..)));
        assert_eq!(found.head().window, None);
        let text = CLUSTER.replace("v1beta2", "v1alpha2");
        assert!(super::tests::scanned(&text).unwrap().objects[0].head().window.is_some());
    }

    #[test]
    fn namespaces_and_secrets_are_only_looked_at() {
        let needles = capa::needles_with_surroundings();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let text = format!(
            "kind: Secret\nx: [\n---\n{{apiVersion: v1, kind: Namespace, kind: Namespace}}\n---\n\
             {{apiVersion: v1, kind: Secret, metadata: {{name: s}}}}\n---\n\
             {{apiVersion: v1, kind: Namespace, metadata: {{name: n}}}}\n---\n\
             {{apiVersion: example.com/v1, kind: Secret}}\n---\n{CLUSTER}"
        );
        let objects = scan(FileId(0), text.as_bytes(), &options).unwrap().objects;
        let seen: Vec<_> = objects.iter().map(|found| (found.title(), found.origin.printable)).collect();
        let expected = [("Secret s", false), ("Namespace n", true), ("AWSCluster n/a", true)];
        assert_eq!(seen, expected.map(|(title, shown)| (title.to_owned(), shown)));
        // Other verbs skip them.
        assert_eq!(scanned(&text).unwrap().objects.len(), 1);
    }

    #[test]
    fn the_items_of_a_list_are_objects() {
        let text = format!("apiVersion: v1\nkind: List\nitems:\n- {}", CLUSTER.trim_end().replace('\n', "\n  "));
        let scanned = scanned(&text).unwrap();
        assert_eq!(scanned.objects[0].origin.at.base.to_string(), "/items/0");
        assert_eq!(scanned.objects[0].origin.line, 4);
    }
}
