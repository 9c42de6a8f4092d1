//! The YAML reader: one document into a [`Tree`]. The only file that names the parser.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle as Style, StructureStyle};

use super::source::Format;
use super::tree::{Anchor, Data, Node, NodeId, ScalarStyle, Tree};
use crate::diag::Span;

/// What is wrong, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// One sentence without a final stop. Holds nothing of the document's content.
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
/// Text that is not YAML 1.2, nests deeper than 255 levels, or holds more than one document.
pub fn read(text: &str, base: usize) -> Result<Tree<'_>, YamlError> {
    if u32::try_from(text.len()).is_err() {
        return Err(YamlError { message: "a document of more than 4 GiB".into(), at: 0 });
    }
    let mut builder = Builder {
        text,
        nodes: Vec::new(),
        comments: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
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
                        message: "a second document begins here without a marker line of its own".into(),
                        at: at.start,
                    });
                }
            }
            other => builder.event(other, at, tag)?,
        }
    }
    let root = match builder.root {
        Some(root) => root,
        None => builder.absent(text.len()),
    };
    // Comments are reported in the order that the parser meets them, which differs from the text's around properties.
    builder.comments.sort();
    builder.nodes.shrink_to_fit();
    Ok(Tree { nodes: builder.nodes, root, comments: builder.comments, text, base, format: Format::Yaml })
}

struct Builder<'s> {
    text: &'s str,
    nodes: Vec<Node<'s>>,
    comments: Vec<Span>,
    /// Collections begun and not ended; the second value is a key that waits for its value.
    open: Vec<(NodeId, Option<NodeId>)>,
    anchors: HashMap<usize, NodeId>,
    root: Option<NodeId>,
}

impl<'s> Builder<'s> {
    fn event(&mut self, event: Event<'s>, at: Span, tag: Option<Span>) -> Result<(), YamlError> {
        match event {
            Event::Scalar(value, style, anchor, resolved) => {
                let absent = at.is_empty() && style == Style::Plain;
                let style = match style {
                    Style::Plain if absent => ScalarStyle::Absent,
                    Style::Plain => ScalarStyle::Plain,
                    Style::SingleQuoted => ScalarStyle::SingleQuoted,
                    Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
                    Style::Literal => ScalarStyle::Literal,
                    Style::Folded => ScalarStyle::Folded,
                };
                let tag = tag.or_else(|| resolved.is_some().then_some(at));
                let text = if absent { Cow::Borrowed("") } else { value };
                let id = self.node(Data::Scalar { text, style }, at, tag, anchor)?;
                self.place(id);
            }
            Event::SequenceStart(style, anchor, _) => {
                let flow = style == StructureStyle::Flow;
                let id = self.node(Data::Sequence { items: Vec::new(), flow }, at, tag, anchor)?;
                self.place(id);
                self.open.push((id, None));
            }
            Event::MappingStart(style, anchor, _) => {
                let flow = style == StructureStyle::Flow;
                let id = self.node(Data::Mapping { entries: Vec::new(), flow }, at, tag, anchor)?;
                self.place(id);
                self.open.push((id, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((id, _)) = self.open.pop() {
                    let end = self.end_of(id, at);
                    let node = &mut self.nodes[id.0 as usize];
                    node.set_end(end);
                    match &mut node.data {
                        Data::Mapping { entries, .. } => entries.shrink_to_fit(),
                        Data::Sequence { items, .. } => items.shrink_to_fit(),
                        _ => {}
                    }
                }
            }
            Event::Alias(target) => {
                let Some(&target) = self.anchors.get(&target) else {
                    return Err(self.unknown(at));
                };
                if let Some(anchor) = &mut self.nodes[target.0 as usize].properties_mut().anchor {
                    anchor.used = true;
                }
                let id = self.node(Data::Alias(target), at, None, 0)?;
                self.place(id);
            }
            Event::Anchor(id, _) => {
                if let Some(&node) = self.anchors.get(&id) {
                    self.nodes[node.0 as usize].properties_mut().anchor = Some(Anchor { span: at, used: false });
                }
            }
            Event::Comment(..) => self.comments.push(at),
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            _ => return Err(self.unknown(at)),
        }
        Ok(())
    }

    fn unknown(&self, at: Span) -> YamlError {
        YamlError { message: "this YAML construct is not supported".into(), at: at.start }
    }

    fn absent(&mut self, at: usize) -> NodeId {
        self.nodes
            .push(Node::new(Data::Scalar { text: Cow::Borrowed(""), style: ScalarStyle::Absent }, Span::new(at, at)));
        NodeId(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
    }

    fn node(&mut self, data: Data<'s>, span: Span, tag: Option<Span>, anchor: usize) -> Result<NodeId, YamlError> {
        let id = u32::try_from(self.nodes.len())
            .map(NodeId)
            .map_err(|_| YamlError { message: "the document has more than 4 billion nodes".into(), at: span.start })?;
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        let mut node = Node::new(data, span);
        if tag.is_some() {
            node.properties_mut().tag = tag;
        }
        self.nodes.push(node);
        Ok(id)
    }

    /// Hangs a node into the innermost open collection.
    fn place(&mut self, id: NodeId) {
        let Some((parent, waiting)) = self.open.last_mut() else {
            self.root = Some(id);
            return;
        };
        match &mut self.nodes[parent.0 as usize].data {
            Data::Mapping { entries, .. } => match waiting.take() {
                Some(key) => entries.push((key, id)),
                None => *waiting = Some(id),
            },
            Data::Sequence { items, .. } => items.push(id),
            _ => {}
        }
    }

    /// Where a collection's content ends: its closing bracket, or the end of its last child.
    fn end_of(&self, id: NodeId, at: Span) -> usize {
        let (flow, last) = match &self.nodes[id.0 as usize].data {
            Data::Mapping { entries, flow } => (*flow, entries.last().map(|&(key, value)| (key, value))),
            Data::Sequence { items, flow } => (*flow, items.last().map(|&item| (item, item))),
            _ => (true, None),
        };
        let bracket = flow && matches!(self.text.as_bytes().get(at.end.wrapping_sub(1)), Some(b'}' | b']'));
        match last {
            _ if bracket => at.end,
            Some((key, value)) => {
                let end = |id: NodeId| self.nodes[id.0 as usize].span().end;
                end(key).max(end(value))
            }
            None => at.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lossless::tree::Lookup;

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
        assert!(matches!(early.get(s, "r"), Lookup::Own { .. }), "an own key behind the merge wins");
    }

    #[test]
    fn many_comments_and_deep_nesting_have_an_answer() {
        let comments = format!("a:\n{}  b: 1\n", "  # c\n".repeat(500));
        assert_eq!(read(&comments, 0).unwrap().comments.len(), 500);
        assert!(read(&"[".repeat(100_000), 0).is_err());
    }
}
