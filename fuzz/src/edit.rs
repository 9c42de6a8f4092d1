//! A whole edit, checked against its promises.

use std::collections::HashMap;

use json_patch::PatchOperation;
use saphyr_parser::{Event as S, Parser as Saphyr, ScalarStyle};
use serde_json::Value;

use lossless_yaml::{Document, Format, Plan, Source, Splice, apply};
use xaccount::capa;
use xaccount::diag::FileId;
use xaccount::inject::{self, InjectRequest, Target};
use xaccount::inventory::{self, Inventory, Scan};

/// The request. The account begins with a zero, so that a reader that takes it for a number is found out.
fn request() -> InjectRequest {
    let target = Target::of_account("012345678901".parse().expect("an account"));
    InjectRequest { overwrite: true, ..InjectRequest::to(target) }
}

/// The plan for one file; `None` if nothing in it can carry a reference.
fn planned(data: &[u8]) -> Result<Option<Plan>, String> {
    let needles = capa::needles();
    let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    let scanned = inventory::scan(FileId(0), data, &scan).map_err(|errors| {
        for error in &errors {
            let span = error.primary.as_ref().expect("an error of a file has a place").at.span;
            assert!(span.start <= span.end && span.end <= data.len().max(2), "{span:?} is not in the file");
        }
        format!("{errors:?}")
    })?;
    let file = inventory::File {
        name: "f.yaml".into(),
        is_json_for_kubectl: scanned.is_json_for_kubectl,
        json_list: scanned.json_list,
        identities_only: false,
    };
    let inventory = Inventory::new(vec![file], scanned.objects);
    match inject::plan(&inventory, &request()) {
        Ok(mut outcome) => Ok(Some(outcome.plans.remove(&FileId(0)).unwrap_or_default())),
        Err(xaccount::plan::Failure::EmptySelection(_)) => Ok(None),
        Err(xaccount::plan::Failure::Refused(errors)) => Err(format!("{errors:?}")),
    }
}

/// A whole edit: the new text is the old one with splices, a second edit changes nothing, and a parser that is not
/// involved in the edit sees exactly the planned difference.
pub fn edit(data: &[u8]) {
    let Ok(Some(plan)) = planned(data) else { return };
    let source = Source::new(data);
    let Ok(edited) = apply(&source, &plan) else { return };
    let new = edited.to_bytes(data).unwrap();

    splices_only(data, &new, edited.splices());
    assert_eq!(edited.is_unchanged(), data == new);

    match planned(&new) {
        Err(errors) => panic!("the result can't be read again: {errors}\n{}", String::from_utf8_lossy(&new)),
        Ok(None) => panic!("no object can carry a reference in the result\n{}", String::from_utf8_lossy(&new)),
        Ok(Some(again)) => {
            let nothing =
                again.new_documents.is_empty() && again.changes.iter().all(|(_, operations)| operations.is_empty());
            assert!(nothing, "a second run plans {again:?}\n{}", String::from_utf8_lossy(&new));
        }
    }
    independent(&source, &plan, &new);
}

/// Checks that the new text without the splices is the old one.
fn splices_only(old: &[u8], new: &[u8], splices: &[Splice]) {
    let mut back = Vec::new();
    let (mut at_old, mut at_new) = (0, 0);
    for splice in splices {
        assert!(at_old <= splice.span.start && splice.span.start <= splice.span.end, "splices overlap: {splices:?}");
        let kept = splice.span.start - at_old;
        back.extend_from_slice(&new[at_new..at_new + kept]);
        at_new += kept;
        assert_eq!(&new[at_new..at_new + splice.text.len()], splice.text.as_bytes());
        at_new += splice.text.len();
        back.extend_from_slice(&old[splice.span.range()]);
        at_old = splice.span.end;
    }
    back.extend_from_slice(&new[at_new..]);
    assert!(back == old, "the splices are not all that changed");
}

/// A node as saphyr reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Scalar {
        tag: Option<String>,
        plain: bool,
        text: String,
    },
    Sequence(Option<String>, Vec<Node>),
    Mapping(Option<String>, Vec<(Node, Node)>),
    /// The node that an alias refers to.
    Alias(usize),
}

/// The documents of a text, or `None` if saphyr can't read all of it.
fn saphyr_documents(text: &str) -> Option<Vec<Node>> {
    let mut out = Vec::new();
    // Open collections; their content is a flat list, keys and values in turn.
    let mut open: Vec<(bool, Option<String>, Vec<Node>)> = Vec::new();
    let mut anchors: HashMap<usize, usize> = HashMap::new();
    for result in Saphyr::new_from_str(text) {
        let (event, _) = result.ok()?;
        let mut anchor = |id: usize| {
            let next = anchors.len() + 1;
            *anchors.entry(id).or_insert(next)
        };
        let tag = |tag: Option<std::borrow::Cow<'_, saphyr_parser::Tag>>| tag.map(|tag| tag.to_string());
        let node = match event {
            S::DocumentStart(_) => {
                anchors.clear();
                continue;
            }
            S::Scalar(text, style, _, mark) => {
                Node::Scalar { tag: tag(mark), plain: style == ScalarStyle::Plain, text: text.into_owned() }
            }
            S::Alias(id) => Node::Alias(anchor(id)),
            S::SequenceStart(_, mark) => {
                open.push((false, tag(mark), Vec::new()));
                continue;
            }
            S::MappingStart(_, mark) => {
                open.push((true, tag(mark), Vec::new()));
                continue;
            }
            S::SequenceEnd | S::MappingEnd => {
                let (mapping, tag, nodes) = open.pop()?;
                if mapping {
                    let mut nodes = nodes.into_iter();
                    let mut entries = Vec::new();
                    while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
                        entries.push((key, value));
                    }
                    Node::Mapping(tag, entries)
                } else {
                    Node::Sequence(tag, nodes)
                }
            }
            _ => continue,
        };
        match open.last_mut() {
            Some((_, _, nodes)) => nodes.push(node),
            None => out.push(node),
        }
    }
    Some(out)
}

/// A value of a plan as a node. A string must not be plain if a reader could take it for something else.
fn node(value: &Value) -> Node {
    let plain = |text: String| Node::Scalar { tag: None, plain: true, text };
    match value {
        Value::Null => plain("null".into()),
        Value::Bool(bool) => plain(bool.to_string()),
        Value::Number(number) => plain(number.to_string()),
        Value::String(text) => Node::Scalar { tag: None, plain: !needs_quotes(text), text: text.clone() },
        Value::Array(items) => Node::Sequence(None, items.iter().map(node).collect()),
        Value::Object(members) => Node::Mapping(
            None,
            members
                .iter()
                .map(|(key, value)| {
                    (Node::Scalar { tag: None, plain: !needs_quotes(key), text: key.clone() }, node(value))
                })
                .collect(),
        ),
    }
}

/// Whether some reader of YAML 1.1 or 1.2 would not read a plain scalar of this text as a string.
fn needs_quotes(text: &str) -> bool {
    let words = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    words.contains(&text.to_ascii_lowercase().as_str())
        || text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
            && text.chars().any(|c| c.is_ascii_digit())
}

/// Whether the node that was read is the planned one: a string may be quoted without need, never plain where it must
/// not be.
fn same(read: &Node, planned: &Node) -> bool {
    match (read, planned) {
        (Node::Scalar { tag: a, plain: p, text: s }, Node::Scalar { tag: b, plain: q, text: t }) => {
            a == b && s == t && (p == q || (!p && !needs_quotes(t)))
        }
        (Node::Sequence(a, xs), Node::Sequence(b, ys)) => {
            a == b && xs.len() == ys.len() && xs.iter().zip(ys).all(|(x, y)| same(x, y))
        }
        (Node::Mapping(a, xs), Node::Mapping(b, ys)) => {
            // `form` checks the order of existing entries; here the order of a mapping does not count.
            let key = |node: &Node| match node {
                Node::Scalar { text, .. } => text.clone(),
                other => format!("{other:?}"),
            };
            let (mut xs, mut ys): (Vec<_>, Vec<_>) = (xs.iter().collect(), ys.iter().collect());
            xs.sort_by_key(|(k, _)| key(k));
            ys.sort_by_key(|(k, _)| key(k));
            a == b && xs.len() == ys.len() && xs.iter().zip(&ys).all(|(x, y)| same(&x.0, &y.0) && same(&x.1, &y.1))
        }
        (Node::Alias(a), Node::Alias(b)) => a == b,
        _ => false,
    }
}

/// Applies one operation of RFC 6902; false if the place does not exist.
fn operate(root: &mut Node, base: &[String], operation: &PatchOperation) -> bool {
    let (path, value) = match operation {
        PatchOperation::Add(add) => (&add.path, Some(node(&add.value))),
        PatchOperation::Replace(replace) => (&replace.path, Some(node(&replace.value))),
        PatchOperation::Remove(remove) => (&remove.path, None),
        PatchOperation::Test(_) => return true,
        _ => return false,
    };
    let mut tokens: Vec<String> = base.to_vec();
    tokens.extend(path.tokens().map(|token| token.decoded().into_owned()));
    let Some(last) = tokens.pop() else { return false };
    let mut at = root;
    for token in &tokens {
        let next = match at {
            Node::Mapping(_, entries) => entries
                .iter_mut()
                .find(|(key, _)| matches!(key, Node::Scalar { text, .. } if text == token))
                .map(|(_, value)| value),
            Node::Sequence(_, items) => token.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match at {
        Node::Mapping(_, entries) => {
            let found = entries.iter().position(|(key, _)| matches!(key, Node::Scalar { text, .. } if *text == last));
            match (found, value) {
                (Some(index), Some(value)) => entries[index].1 = value,
                (Some(index), None) => drop(entries.remove(index)),
                (None, Some(value)) => {
                    let plain = !needs_quotes(&last);
                    entries.push((Node::Scalar { tag: None, plain, text: last }, value));
                }
                (None, None) => return false,
            }
            true
        }
        Node::Sequence(_, items) => {
            let Some(value) = value else { return false };
            match (last.parse::<usize>(), matches!(operation, PatchOperation::Add(_))) {
                _ if last == "-" => items.push(value),
                (Ok(index), true) if index <= items.len() => items.insert(index, value),
                (Ok(index), false) if index < items.len() => items[index] = value,
                _ => return false,
            }
            true
        }
        _ => false,
    }
}

/// Checks that saphyr, which is not involved in the edit, sees the old documents with the operations applied, and the
/// new ones.
fn independent(source: &Source<'_>, plan: &Plan, new: &[u8]) {
    let old_segments: Vec<Document<'_>> = source.segments().collect();
    let new_source = Source::new(new);
    let new_segments: Vec<Document<'_>> = new_source.segments().collect();
    assert_eq!(new_segments.len(), old_segments.len() + plan.new_documents.len(), "number of documents");
    let read = |segment: &Document<'_>| -> Option<Vec<Node>> {
        let text = std::str::from_utf8(segment.bytes).ok()?;
        saphyr_documents(text)
    };
    for (old, new) in old_segments.iter().zip(&new_segments) {
        let changes: Vec<_> = plan.changes.iter().filter(|(object, _)| object.document == old.span).collect();
        if changes.iter().all(|(_, operations)| operations.is_empty()) {
            let grown = new.bytes.strip_prefix(old.bytes);
            let kept = grown.is_some_and(|rest| rest.is_empty() || rest == b"\n" || rest == b"\r\n");
            assert!(kept, "a document changed that is not in the plan");
            continue;
        }
        let Some(mut before) = read(old) else { continue };
        let Some(after) = read(new) else {
            panic!("saphyr can't read the result: {}", String::from_utf8_lossy(new.bytes));
        };
        let [before] = before.as_mut_slice() else { continue };
        // `/metadata` of an absent parent: a null that becomes a mapping is written by `replace`, so all places exist.
        for (object, operations) in changes {
            let base: Vec<String> = object.base.tokens().map(|token| token.decoded().into_owned()).collect();
            for operation in operations.iter() {
                assert!(operate(before, &base, operation), "{operation} can't be applied to {before:?}");
            }
        }
        assert!(
            after.len() == 1 && same(&after[0], before),
            "saphyr does not see the planned change\nplanned: {before:?}\nseen: {after:?}\ntext: {}",
            String::from_utf8_lossy(new.bytes)
        );
    }
    for (segment, object) in new_segments[old_segments.len()..].iter().zip(&plan.new_documents) {
        let Some(nodes) = read(segment) else {
            // Comments after the last document are part of the new one: saphyr reads no text with a byte-order mark in
            // them.
            let comments = source.segments().last().map_or(0, |last| last.span.end);
            let comments = String::from_utf8_lossy(&source.bytes()[comments..]);
            assert!(comments.contains('\u{feff}'), "saphyr can't read a new document");
            continue;
        };
        assert!(nodes.len() == 1 && same(&nodes[0], &node(object)), "saphyr reads {nodes:?} for {object}");
    }
    // The stream as a whole, if saphyr could read it before.
    let whole = |bytes: &[u8]| {
        std::str::from_utf8(bytes).ok().and_then(|text| saphyr_documents(text.trim_start_matches('\u{feff}')))
    };
    if let (Format::Yaml, Some(before)) = (source.format(), whole(source.bytes())) {
        let after = whole(new).expect("saphyr reads the result whole, as it did before");
        assert_eq!(after.len(), before.len() + plan.new_documents.len(), "number of documents that saphyr reads");
    }
}
