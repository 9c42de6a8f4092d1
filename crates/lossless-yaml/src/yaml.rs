//! The YAML reader: one document into a [`Tree`]. The only file that uses the parser.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle as Style, StructureStyle};

use super::tree::{NodeId, ScalarStyle, Tree};
use super::tree_builder::Builder;
use crate::span::Span;

/// What is wrong, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// One sentence without a final full stop. It contains nothing of the document's content.
    pub message: String,
    /// Offset in the text.
    pub at: usize,
}

fn options() -> Options {
    granit_parser::options! {
        emit_anchor_events: true,
        // The default of 96 fails on a run of 97 comment lines.
        max_buffered_comment_events: usize::MAX,
    }
}

/// Reads one document into a tree. `base` is where the text begins in the file. An empty document is an absent scalar.
///
/// # Errors
/// Text that is not YAML 1.2, nests deeper than 255 levels, or contains more than one document.
pub fn read(text: &str, base: usize) -> Result<Tree<'_>, YamlError> {
    if u32::try_from(text.len()).is_err() {
        return Err(YamlError { message: "the document is larger than 4 GiB".into(), at: 0 });
    }
    let mut reader = YamlReader { builder: Builder::new(text), anchors: HashMap::new() };
    let mut documents = 0;
    for result in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = result.map_err(|error| YamlError {
            message: error.kind().to_string(),
            at: error.marker().byte_offset().unwrap_or(0).min(text.len()),
        })?;
        let range = span.byte_range().unwrap_or(0..0);
        let at = Span::new(range.start, range.end.max(range.start));
        let tag = span.tag_span().and_then(|tag| tag.byte_range()).map(|tag| Span::new(tag.start, tag.end));
        match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    return Err(YamlError {
                        message: "a second document begins here without its own marker line".into(),
                        at: at.start,
                    });
                }
            }
            other => reader.event(other, at, tag)?,
        }
    }
    if u32::try_from(reader.builder.len()).is_err() {
        return Err(YamlError { message: "the document has more than 4 billion nodes".into(), at: 0 });
    }
    Ok(reader.builder.finish(base))
}

struct YamlReader<'s> {
    builder: Builder<'s>,
    anchors: HashMap<usize, NodeId>,
}

impl<'s> YamlReader<'s> {
    fn event(&mut self, event: Event<'s>, at: Span, tag: Option<Span>) -> Result<(), YamlError> {
        let builder = &mut self.builder;
        let (id, anchor, tag) = match event {
            Event::Scalar(value, style, anchor, resolved) => {
                let tag = tag.or_else(|| resolved.is_some().then_some(at));
                (scalar(builder, value, style, at), anchor, tag)
            }
            Event::SequenceStart(style, anchor, _) => {
                (builder.begin_sequence(style == StructureStyle::Flow, at), anchor, tag)
            }
            Event::MappingStart(style, anchor, _) => {
                (builder.begin_mapping(style == StructureStyle::Flow, at), anchor, tag)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                builder.end(at);
                return Ok(());
            }
            Event::Alias(target) => match self.anchors.get(&target) {
                Some(&target) => (builder.alias(target, at), 0, None),
                None => return Err(unknown(at)),
            },
            Event::Anchor(id, _) => {
                if let Some(&node) = self.anchors.get(&id) {
                    builder.anchor(node, at);
                }
                return Ok(());
            }
            Event::Comment(..) => {
                builder.comment(at);
                return Ok(());
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => return Ok(()),
            _ => return Err(unknown(at)),
        };
        if let Some(tag) = tag {
            builder.tag(id, tag);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(())
    }
}

fn scalar<'s>(builder: &mut Builder<'s>, value: Cow<'s, str>, style: Style, at: Span) -> NodeId {
    let style = match style {
        Style::Plain if at.is_empty() => return builder.absent(at),
        Style::Plain => ScalarStyle::Plain,
        Style::SingleQuoted => ScalarStyle::SingleQuoted,
        Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
        Style::Literal => ScalarStyle::Literal,
        Style::Folded => ScalarStyle::Folded,
    };
    builder.scalar(value, style, at)
}

fn unknown(at: Span) -> YamlError {
    YamlError { message: "this YAML construct is not supported".into(), at: at.start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Lookup;

    #[test]
    fn spans_are_exact_where_the_editor_relies_on_them() {
        let text = "a: {b: 'c' }\n\"d\":\n  - *x\n";
        let text = &text.replace("*x", "e");
        let tree = read(text, 0).unwrap();
        let entries = tree.entries(tree.root).unwrap();
        let slice = |id| &text[tree.node(id).span().range()];
        assert_eq!(slice(entries[0].1), "{b: 'c' }");
        assert_eq!(slice(entries[1].0), "\"d\"");
        assert_eq!(slice(tree.items(entries[1].1).unwrap()[0]), "e");
    }

    #[test]
    fn a_flow_pair_in_a_sequence_ends_with_its_value() {
        let text = "[a: b, {c: d}]";
        let tree = read(text, 0).unwrap();
        let items = tree.items(tree.root).unwrap();
        assert_eq!(&text[tree.node(items[0]).span().range()], "a: b");
    }

    #[test]
    fn merge_keys_are_read_as_kubectl_reads_them() {
        let inherited = read("d: &d {r: 1}\ns:\n  <<: *d\n  x: 2\n", 0).unwrap();
        let s = inherited.value(inherited.root, "s").unwrap();
        assert!(matches!(inherited.get(s, "r"), Lookup::Inherited { .. }));
        let late = read("d: &d {r: 1}\ns:\n  r: 2\n  <<: *d\n", 0).unwrap();
        let s = late.value(late.root, "s").unwrap();
        assert!(matches!(late.get(s, "r"), Lookup::Ambiguous { .. }));
        let early = read("d: &d {r: 1}\ns:\n  <<: *d\n  r: 2\n", 0).unwrap();
        let s = early.value(early.root, "s").unwrap();
        assert!(matches!(early.get(s, "r"), Lookup::Own { .. }), "an own key after the merge wins");
    }

    #[test]
    fn many_comments_and_deep_nesting_have_an_answer() {
        let comments = format!("a:\n{}  b: 1\n", "  # c\n".repeat(500));
        assert_eq!(read(&comments, 0).unwrap().comments.len(), 500);
        assert!(read(&"[".repeat(100_000), 0).is_err());
    }
}
