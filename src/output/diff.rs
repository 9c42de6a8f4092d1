//! The unified diff: for `git apply` and `patch`, and with colours for people.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};

use anstyle::{AnsiColor, Effects, Style};

use super::hunks::{Additions, Hunk, Line, Region, Tag, hunks};
use lossless_yaml::{Edited, Source};
use xaccount::capa;
use xaccount::diag::{FileId, Span, escape_control};
use xaccount::inventory::{Inventory, ObjectId, Resource};
use xaccount::kustomize::kustomization;

const BOLD: Style = Style::new().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

/// Shown in place of a line that may contain the content of a Secret or a ConfigMap.
const PLACEHOLDER: &str = "(hidden: this line may contain the content of a Secret or a ConfigMap)";

/// One file's diff.
#[derive(Clone, Debug)]
pub(crate) struct FileDiff {
    /// As bytes: a path can be other than UTF-8, and a patch must name the file exactly.
    name: Vec<u8>,
    new: bool,
    hunks: Vec<Hunk>,
}

/// Why a file's diff can't be used as a patch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a patch of {name} would show line {line}, which may be content of a Secret or a ConfigMap")]
pub(crate) struct Unfit {
    /// The file.
    pub(crate) name: String,
    /// The line in the old file, counted from 1.
    pub(crate) line: usize,
    /// Whether the patch contains the line only because documents are added after it.
    pub(crate) last: bool,
}

/// A file to be created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewFile<'n> {
    /// Its path, as bytes.
    pub(crate) name: &'n [u8],
    /// Its content.
    pub(crate) text: &'n str,
    /// The heading of its hunk.
    pub(crate) heading: &'n str,
}

impl FileDiff {
    /// The file's name in the diff.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The same diff with another name for its file.
    #[must_use]
    pub(crate) fn renamed(self, name: Vec<u8>) -> Self {
        Self { name, ..self }
    }

    /// The same diff with the file's name relative to `directory` if it is below it. `.` and `..` are resolved. Both paths have
    /// `/`, and on Windows a drive (`C:/`).
    #[must_use]
    pub(crate) fn seen_from(mut self, directory: &[u8]) -> Self {
        let absolute = self.name.starts_with(b"/") || self.name.get(1..3) == Some(b":/");
        let whole = if absolute { self.name.clone() } else { [directory, b"/", self.name.as_slice()].concat() };
        let (parts, base) = (parts(&whole), parts(directory));
        self.name = match parts.strip_prefix(base.as_slice()) {
            Some(below) => below.join(&b'/'),
            None => [if whole.starts_with(b"/") { &b"/"[..] } else { b"" }, &parts.join(&b'/')].concat(),
        };
        self
    }

    /// Checks that the diff can be applied as a patch.
    ///
    /// # Errors
    /// A line of it is hidden.
    pub(crate) fn fit(&self) -> Result<(), Unfit> {
        for hunk in &self.hunks {
            if let Some(at) = hunk.lines.iter().position(|line| line.hidden) {
                let before = hunk.lines[..at].iter().filter(|line| line.tag != Tag::Added).count();
                let last = hunk.added;
                let name = String::from_utf8_lossy(&self.name).into_owned();
                return Err(Unfit { name, line: hunk.old.0.max(1) + before, last });
            }
        }
        Ok(())
    }
}

/// The components of a path, with `.` and `..` resolved.
fn parts(path: &[u8]) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// A file with its edits.
pub(crate) struct EditedFile<'a> {
    pub(crate) file: FileId,
    /// Its path, as bytes.
    pub(crate) path: &'a [u8],
    /// Its text before the edits.
    pub(crate) bytes: &'a [u8],
    pub(crate) edited: &'a Edited,
}

/// The diff of an edited file. `changed` are the objects of the inventory that change in it, in their order; `added` are the
/// titles of the objects that are added after its last document.
pub(crate) fn of_file(
    inventory: &Inventory,
    edited_file: EditedFile<'_>,
    changed: &[ObjectId],
    added: &[&str],
) -> FileDiff {
    let EditedFile { file, path, bytes, edited } = edited_file;
    let name = &inventory.file(file).name;
    let heading = |title: &str, line: usize| format!("{title}  {}:{line}", escape_control(name));
    let removed: HashSet<Span> = edited.removed().iter().copied().collect();
    // All items of a list need the answer for the same document.
    let mut bodies: HashMap<Span, bool> = HashMap::new();
    let mut holds_bodies =
        |document: Span| *bodies.entry(document).or_insert_with(|| list_holds_bodies(&bytes[document.range()]));
    let documents = LazyCell::new(|| Source::new(bytes).segments().map(|document| document.span).collect::<Vec<_>>());
    let before = |own: Span| {
        let before = *documents[..documents.partition_point(|document| document.start < own.start)].last()?;
        may_show(inventory, file, before, bytes).then_some(before.start)
    };
    let mut regions: Vec<Region> = changed
        .iter()
        .map(|&index| {
            let found = &inventory[index];
            let mut region = region(found, heading(&found.title(), found.origin.line), &mut holds_bodies);
            if removed.contains(&region.document) {
                // The line break before the document may be removed, too.
                region.window.start = before(region.document).unwrap_or(region.window.start);
            }
            region
        })
        .collect();
    regions.sort_by_key(|region| (region.document, region.window));
    let list = inventory.file(file).json_list.as_ref().map(|list| list.document).filter(|_| !added.is_empty());
    let added_heading = heading(&added.join(", "), first_added_line(bytes, edited, list));
    let list = list.map(|document| {
        let items = edited.splices().iter().rev().find(|splice| splice.document == document);
        // Between the items before and the bracket after: other lines can be those of a Secret.
        let own = items.map_or(Span::new(document.start, document.start), |splice| splice.span);
        let window = if holds_bodies(document) { own } else { document };
        Region { document, window, heading: added_heading.clone() }
    });
    let shown = edited.appended_behind().filter(|&document| may_show(inventory, file, document, bytes));
    let additions = Additions { heading: &added_heading, shown, list: list.as_ref() };
    FileDiff { name: path.to_owned(), new: false, hunks: hunks(bytes, edited, &regions, &additions) }
}

/// The line of the first added object in the new file: of the first new item of `list`, or of the first new document.
fn first_added_line(bytes: &[u8], edited: &Edited, list: Option<Span>) -> usize {
    let splices = edited.splices();
    let breaks = |text: &str| text.matches('\n').count();
    let of_list = list.and_then(|document| splices.iter().rposition(|splice| splice.document == document));
    let (last, before) = match of_list {
        Some(last) => {
            let text = &splices[last].text;
            (last, breaks(&text[..text.find('{').unwrap_or(0)]))
        }
        None => (splices.len().saturating_sub(1), 0),
    };
    let end = splices.get(last).map_or(bytes.len(), |splice| splice.span.start);
    let grown: usize = splices[..last].iter().map(|splice| breaks(&splice.text)).sum();
    memchr::memchr_iter(b'\n', &bytes[..end]).count() + grown + before + 1
}

/// The diff of a file with one document, which can be shown as a whole. `path` is its path as bytes.
pub(crate) fn of_document(path: &[u8], bytes: &[u8], edited: &Edited, heading: &str) -> FileDiff {
    let whole = Span::new(0, bytes.len());
    // A byte-order mark is before the document.
    let document = edited.splices().first().map_or(whole, |splice| splice.document);
    let regions = [Region { document, window: whole, heading: heading.to_owned() }];
    FileDiff { name: path.to_owned(), new: false, hunks: hunks(bytes, edited, &regions, &Additions::nothing(heading)) }
}

/// The diff of a kustomization. Generators and patches in it can contain the content of a Secret or a ConfigMap: then only
/// the lines that are added are shown.
pub(crate) fn of_kustomization(path: &[u8], name: &str, bytes: &[u8], edited: &Edited) -> FileDiff {
    let nothing = Span::new(0, 0);
    let (document, window) = match kustomization(None, name, name, bytes) {
        Ok(one) => (one.document, if one.is_open { one.document } else { nothing }),
        Err(_) => (nothing, nothing),
    };
    let heading = format!("Kustomization  {}", escape_control(name));
    let regions = [Region { document, window, heading: heading.clone() }];
    FileDiff { name: path.to_owned(), new: false, hunks: hunks(bytes, edited, &regions, &Additions::nothing(&heading)) }
}

/// Whether the lines of a document can be shown: it is a single CAPA object, or not a Secret or a ConfigMap, nor contains one.
fn may_show(inventory: &Inventory, file: FileId, document: Span, bytes: &[u8]) -> bool {
    let place = (file, document.start);
    let at = inventory.objects().partition_point(|found| (found.origin.file, found.origin.at.document.start) < place);
    let is_capa = inventory.objects().get(at).is_some_and(|found| {
        (found.origin.file, found.origin.at.document) == (file, document)
            && found.origin.at.base.is_root()
            && found.object.object_kind.is_capa()
    });
    is_capa || !capa::holds_bodies(&bytes[document.range()])
}

/// Whether a list contains a Secret or a ConfigMap. Most lists need not be parsed again.
fn list_holds_bodies(document: &[u8]) -> bool {
    capa::may_hold_bodies(document) && capa::holds_bodies(document)
}

fn region(found: &Resource, heading: String, holds_bodies: &mut impl FnMut(Span) -> bool) -> Region {
    let document = found.origin.at.document;
    let alone = found.origin.at.base.is_root() || !holds_bodies(document);
    Region { document, window: if alone { document } else { found.origin.window }, heading }
}

/// The diff of a file to be created.
pub(crate) fn new_file(file: NewFile<'_>) -> FileDiff {
    let lines: Vec<Line> = file
        .text
        .split_inclusive('\n')
        .map(|text| Line {
            tag: Tag::Added,
            pieces: vec![(false, text.trim_end_matches('\n').to_owned())],
            ended: text.ends_with('\n'),
            hidden: false,
        })
        .collect();
    let hunk = Hunk { old: (0, 0), new: (1, lines.len()), heading: file.heading.to_owned(), added: true, lines };
    FileDiff { name: file.name.to_owned(), new: true, hunks: vec![hunk] }
}

/// The diffs as text, one after the other. With colour, escape sequences in the manifests are made visible.
pub(crate) fn text(diffs: &[FileDiff], colour: bool) -> String {
    let mut out = Writer { out: String::new(), colour };
    for diff in diffs.iter().filter(|diff| !diff.hunks.is_empty()) {
        let (old, new) = (header_name("a/", &diff.name), header_name("b/", &diff.name));
        out.line(BOLD, &format!("diff --git {} {}", old.trim_end_matches('\t'), new.trim_end_matches('\t')));
        if diff.new {
            out.line(BOLD, "new file mode 100644");
        }
        out.line(BOLD, &format!("--- {}", if diff.new { "/dev/null" } else { &old }));
        out.line(BOLD, &format!("+++ {new}"));
        for hunk in &diff.hunks {
            out.hunk(hunk);
        }
    }
    out.out
}

struct Writer {
    out: String,
    colour: bool,
}

impl Writer {
    fn styled(&mut self, style: Style, text: &str) {
        if !self.colour {
            self.out.push_str(text);
        } else if !text.is_empty() {
            self.out.push_str(&format!("{style}{}{style:#}", tame(text)));
        }
    }

    fn line(&mut self, style: Style, text: &str) {
        self.styled(style, text);
        self.out.push('\n');
    }

    fn hunk(&mut self, hunk: &Hunk) {
        let range = |(start, count): (usize, usize)| match count {
            1 => start.to_string(),
            _ => format!("{start},{count}"),
        };
        self.styled(CYAN, &format!("@@ -{} +{} @@", range(hunk.old), range(hunk.new)));
        self.out.push(' ');
        self.styled(BOLD, &hunk.heading);
        self.out.push('\n');
        hunk.lines.iter().for_each(|line| self.hunk_line(line));
    }

    fn hunk_line(&mut self, line: &Line) {
        let (mark, style) = match line.tag {
            Tag::Context => (" ", Style::new()),
            Tag::Removed => ("-", RED),
            Tag::Added => ("+", GREEN),
        };
        self.styled(style, mark);
        if line.hidden {
            self.styled(style, PLACEHOLDER);
        } else {
            // Emphasis is useful only if part of the line is unchanged.
            let partly = line.pieces.iter().any(|(emphasised, text)| !emphasised && !text.trim().is_empty());
            for (emphasised, text) in &line.pieces {
                let effects = if *emphasised && partly { Effects::INVERT } else { Effects::new() };
                self.styled(style.effects(effects), text);
            }
        }
        self.out.push('\n');
        if !line.ended {
            self.out.push_str("\\ No newline at end of file\n");
        }
    }
}

/// A line for a terminal: without a carriage return at its end, and without control characters other than tabs.
fn tame(text: &str) -> String {
    let text = text.strip_suffix('\r').unwrap_or(text);
    text.split('\t').map(escape_control).collect::<Vec<_>>().join("\t")
}

/// A path as git writes it in a header: quoted like a C string if it has special bytes, and with a tab after it if it has a
/// space.
fn header_name(prefix: &str, name: &[u8]) -> String {
    let mut name = name.strip_prefix(b"./").unwrap_or(name);
    while let Some(rest) = name.strip_prefix(b"/") {
        name = rest;
    }
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if let (true, Ok(name)) = (name.iter().all(plain), std::str::from_utf8(name)) {
        let tab = if name.contains(' ') { "\t" } else { "" };
        return format!("{prefix}{name}{tab}");
    }
    let mut out = format!("\"{prefix}");
    for &byte in name {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

/// A region that is a whole document; for tests of the hunks.
#[cfg(test)]
fn whole(document: Span) -> Region {
    Region { document, window: document, heading: "K n".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use json_patch::jsonptr::PointerBuf;
    use json_patch::{AddOperation, PatchOperation, RemoveOperation};
    use lossless_yaml::{ObjectRef, Plan, apply};
    use serde_json::json;
    use xaccount::capa::ObjectKind;

    fn edited(text: &str, document: Span) -> Edited {
        let path = PointerBuf::parse("/spec/i").unwrap();
        changed(text, document, PatchOperation::Add(AddOperation { path, value: json!("v") }))
    }

    fn changed(text: &str, document: Span, operation: PatchOperation) -> Edited {
        let object = ObjectRef { document, base: PointerBuf::new() };
        let plan = Plan { changes: vec![(object, vec![operation].into())], ..Plan::default() };
        apply(&Source::new(text.as_bytes()), &plan).unwrap()
    }

    #[test]
    fn context_stops_at_the_marker_line_and_includes_it() {
        let text = "a: MARKER\n---\nspec:\n  r: x\n---\nb: MARKER\n";
        let document = Span::new(10, 27);
        let hunks = hunks(text.as_bytes(), &edited(text, document), &[whole(document)], &Additions::nothing(""));
        let diff = FileDiff { name: "f".into(), new: false, hunks };
        assert_eq!(
            super::text(&[diff], false),
            "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -2,4 +2,5 @@ K n\n ---\n spec:\n+  i: v\n   r: x\n ---\n"
        );
    }

    #[test]
    fn removed_text_is_on_its_own_lines() {
        for (text, lines) in [
            ("spec:\n  i: v\n  r: x\n", "@@ -1,3 +1,2 @@ K n\n spec:\n-  i: v\n   r: x\n"),
            ("spec:\n  i: v\nr: x\n", "@@ -1,3 +1,2 @@ K n\n-spec:\n-  i: v\n+spec: {}\n r: x\n"),
            (
                "spec:\n  r: x\n  i: v",
                "@@ -1,3 +1,2 @@ K n\n spec:\n-  r: x\n-  i: v\n\\ No newline at end of file\n+  r: x\n\\ No newline at end of file\n",
            ),
            ("spec: {i: v, r: x}\n", "@@ -1 +1 @@ K n\n-spec: {i: v, r: x}\n+spec: {r: x}\n"),
        ] {
            let document = Span::new(0, text.len());
            let path = PointerBuf::parse("/spec/i").unwrap();
            let edited = changed(text, document, PatchOperation::Remove(RemoveOperation { path }));
            let hunks = hunks(text.as_bytes(), &edited, &[whole(document)], &Additions::nothing(""));
            let diff = super::text(&[FileDiff { name: "f".into(), new: false, hunks }], false);
            assert_eq!(diff, format!("diff --git a/f b/f\n--- a/f\n+++ b/f\n{lines}"));
        }
    }

    #[test]
    fn a_marker_line_with_content_is_not_shown() {
        let text = "spec:\n  r: x\n--- {s: MARKER}\n";
        let document = Span::new(0, 13);
        let shown = FileDiff {
            name: "f".into(),
            new: false,
            hunks: hunks(text.as_bytes(), &edited(text, document), &[whole(document)], &Additions::nothing("")),
        };
        assert!(!super::text(std::slice::from_ref(&shown), false).contains("MARKER"));
        shown.fit().unwrap();
        let text = "spec: {r: x}\n--- {s: MARKER}\n";
        let document = Span::new(0, 13);
        let hidden = FileDiff {
            name: "f".into(),
            new: false,
            hunks: hunks(text.as_bytes(), &edited(text, document), &[whole(document)], &Additions::nothing("")),
        };
        assert!(!super::text(std::slice::from_ref(&hidden), false).contains("MARKER"));
        assert_eq!(hidden.fit(), Err(Unfit { name: "f".into(), line: 2, last: false }));
    }

    /// The inventory of one file that holds this text.
    fn inventory_of(text: &str, needles: &lossless_yaml::Needles) -> Inventory {
        let options =
            xaccount::inventory::Scan { needles, skip_templates: false, topology_variable: None, keep_going: false };
        let scanned = xaccount::inventory::scan(FileId(0), text.as_bytes(), &options).unwrap();
        let file = xaccount::inventory::File {
            name: "f".into(),
            is_json_for_kubectl: false,
            json_list: None,
            identities_only: false,
        };
        Inventory::new(vec![file], scanned.objects)
    }

    /// The diff of a file whose only AWSCluster gets a new field in its spec, or of a file to which a document is added.
    fn diff_of(text: &str, new_documents: Vec<serde_json::Value>) -> FileDiff {
        diff_of_inventory(&inventory_of(text, &capa::needles()), text, new_documents)
    }

    fn diff_of_inventory(inventory: &Inventory, text: &str, new_documents: Vec<serde_json::Value>) -> FileDiff {
        let path = PointerBuf::parse("/spec/i").unwrap();
        let operation = PatchOperation::Add(AddOperation { path, value: json!("v") });
        let changed = usize::from(new_documents.is_empty());
        let all: Vec<ObjectId> = inventory.entries().map(|(index, _)| index).collect();
        let changes = inventory.objects()[..changed]
            .iter()
            .map(|found| (found.origin.at.clone(), vec![operation.clone()].into()))
            .collect();
        let edited = apply(&Source::new(text.as_bytes()), &Plan { changes, new_documents, ..Plan::default() }).unwrap();
        let edited_file = EditedFile { file: FileId(0), path: b"f", bytes: text.as_bytes(), edited: &edited };
        of_file(inventory, edited_file, &all[..changed], &["K new"])
    }

    const CLUSTER: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a}\n";

    #[test]
    fn a_secret_beside_the_cluster_in_a_list_is_not_shown() {
        let cluster = format!("{CLUSTER}spec:\n  r: x").replace('\n', "\n  ");
        let text = format!(
            "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data: {{k: MARKER}}\n- {cluster}\n- data: {{k: MARKER}}\n  \
             kind: Secret\n"
        );
        let shown = super::text(&[diff_of(&text, vec![])], false);
        assert!(shown.contains("\n+    i: v\n") && !shown.contains("MARKER"), "{shown}");
    }

    #[test]
    fn a_secret_before_an_added_document_is_not_shown() {
        for text in [
            format!("{CLUSTER}---\nkind: Secret\ndata:\n  k: MARKER\n"),
            format!("{CLUSTER}---\nkind: Secret\ndata:\n  k: &a\n    MARKER\n  l: x\n"),
        ] {
            let diff = diff_of(&text, vec![json!({"kind": "K"})]);
            let shown = super::text(&[diff], false);
            assert!(shown.contains("\n+kind: K\n") && !shown.contains("MARKER"), "{shown}");
        }
    }

    /// `lint` and `status` also read Secrets, by their names.
    #[test]
    fn a_secret_of_the_inventory_is_not_shown() {
        let text = format!("{CLUSTER}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata:\n  k: MARKER\n");
        let inventory = inventory_of(&text, &capa::needles_for_lint());
        assert!(inventory.objects().iter().any(|found| found.object.object_kind == ObjectKind::Secret));
        let shown = super::text(&[diff_of_inventory(&inventory, &text, vec![json!({"kind": "K"})])], false);
        assert!(shown.contains("\n+kind: K\n") && !shown.contains("MARKER"), "{shown}");
    }

    /// The added line break makes the last line part of the diff.
    #[test]
    fn the_last_line_of_a_secret_is_not_shown() {
        let text = format!("{CLUSTER}---\nkind: Secret\ndata:\n  k: MARKER");
        let diff = diff_of(&text, vec![json!({"kind": "K"})]);
        let shown = super::text(std::slice::from_ref(&diff), false);
        assert!(shown.contains(PLACEHOLDER) && !shown.contains("MARKER"), "{shown}");
        assert_eq!(diff.fit(), Err(Unfit { name: "f".into(), line: 7, last: true }));
    }

    /// The diff of a file from which its identity is removed.
    fn diff_without_identity(text: &str) -> FileDiff {
        let inventory = inventory_of(text, &capa::needles());
        let (index, found) = inventory
            .entries()
            .find(|(_, found)| matches!(found.object.object_kind, ObjectKind::Identity(..)))
            .unwrap();
        let holds = capa::plain_identity(&found.object.api_version, "i", found.object.role_arn().unwrap());
        let removed_documents = vec![(found.origin.at.document, holds)];
        let plan = Plan { removed_documents, ..Plan::default() };
        let edited = apply(&Source::new(text.as_bytes()), &plan).unwrap();
        let edited_file = EditedFile { file: FileId(0), path: b"f", bytes: text.as_bytes(), edited: &edited };
        of_file(&inventory, edited_file, &[index], &[])
    }

    #[test]
    fn a_secret_beside_a_removed_document_is_not_shown() {
        let identity = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: i\n\
                        spec:\n  allowedNamespaces: {}\n  roleARN: \"arn:aws:iam::222222222222:role/r\"\n  sourceIdentityRef:\n    \
                        kind: AWSClusterControllerIdentity\n    name: default\n";
        let secret = "kind: Secret\ndata:\n  k: MARKER\n";
        let shown = |text: &str| {
            let diff = diff_without_identity(text);
            let shown = super::text(std::slice::from_ref(&diff), false);
            assert!(shown.contains("\n-  name: i\n") && !shown.contains("MARKER"), "{shown}");
            (diff.fit().is_ok(), shown)
        };
        let (fit, between) = shown(&format!("{CLUSTER}---\n{secret}---\n{identity}---\n{secret}"));
        assert!(fit && between.ends_with("\n ---\n"), "{between}");
        // The removed line break makes the last line part of the diff.
        let last = format!("{CLUSTER}---\n{secret}---\n{identity}");
        assert!(!shown(last.trim_end()).0);
        let (fit, is_capa) = shown(format!("{secret}---\n{CLUSTER}---\n{identity}").trim_end());
        assert!(fit && is_capa.contains("\n kind: AWSCluster\n-metadata: {name: a}\n"), "{is_capa}");
        assert!(!shown(&format!("{CLUSTER}---\n{identity}--- {{kind: Secret, data: {{k: MARKER}}}}\n")).0);
    }

    #[test]
    fn names_count_from_the_working_directory() {
        for (name, directory, seen) in [
            ("a.yaml", "/w/d", "a.yaml"),
            ("./x/../a.yaml", "/w/d", "a.yaml"),
            ("/w/d/x/a.yaml", "/w/d", "x/a.yaml"),
            ("../a.yaml", "/w/d", "/w/a.yaml"),
            ("a.yaml", "C:/w", "a.yaml"),
            ("C:/w/x/a.yaml", "C:/w", "x/a.yaml"),
            ("D:/a.yaml", "C:/w", "D:/a.yaml"),
        ] {
            let diff = FileDiff { name: name.into(), new: false, hunks: vec![] };
            assert_eq!(diff.seen_from(directory.as_bytes()).name, seen.as_bytes(), "{name} from {directory}");
        }
    }

    #[test]
    fn odd_names_are_quoted_as_git_does() {
        assert_eq!(header_name("a/", b"x y.yaml"), "a/x y.yaml\t");
        assert_eq!(header_name("a/", "é\".yaml".as_bytes()), "\"a/\\303\\251\\\".yaml\"");
        assert_eq!(header_name("a/", b"\xff.yaml"), "\"a/\\377.yaml\"");
        assert_eq!(header_name("a/", b"./d/x.yaml"), "a/d/x.yaml");
    }
}
