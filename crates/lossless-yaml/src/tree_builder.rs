//! Builds a [`Tree`], node by node in the order of the text.

use std::borrow::Cow;

use super::tree::{Anchor, Data, Format, Node, NodeId, ScalarStyle, Tree};
use crate::span::Span;

/// A tree under construction. A new node becomes part of the innermost open collection.
pub(super) struct Builder<'s> {
    text: &'s str,
    nodes: Vec<Node<'s>>,
    comments: Vec<Span>,
    /// The open collections, each with the key that has no value yet.
    open: Vec<(NodeId, Option<NodeId>)>,
    root: Option<NodeId>,
}

impl<'s> Builder<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self { text, nodes: Vec::new(), comments: Vec::new(), open: Vec::new(), root: None }
    }

    /// Number of nodes; a tree can have up to 2^32 - 1.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Span of the innermost mapping's key that has no value yet.
    pub(super) fn waiting(&self) -> Option<Span> {
        let &(_, waiting) = self.open.last()?;
        waiting.map(|key| self.nodes[key.0 as usize].span())
    }

    /// Adds a scalar.
    pub(super) fn scalar(&mut self, text: Cow<'s, str>, style: ScalarStyle, span: Span) -> NodeId {
        self.push(Data::Scalar { text, style }, span)
    }

    /// Adds a key or value that is not written in the text.
    pub(super) fn absent(&mut self, at: Span) -> NodeId {
        self.scalar(Cow::Borrowed(""), ScalarStyle::Absent, at)
    }

    /// Adds an alias of an existing node.
    pub(super) fn alias(&mut self, target: NodeId, span: Span) -> NodeId {
        if let Some(anchor) = &mut self.nodes[target.0 as usize].properties_mut().anchor {
            anchor.used = true;
        }
        self.push(Data::Alias(target), span)
    }

    /// Begins a mapping, which contains the next nodes until its end.
    pub(super) fn begin_mapping(&mut self, flow: bool, span: Span) -> NodeId {
        let id = self.push(Data::Mapping { entries: Vec::new(), flow }, span);
        self.open.push((id, None));
        id
    }

    /// Begins a sequence, which contains the next nodes until its end.
    pub(super) fn begin_sequence(&mut self, flow: bool, span: Span) -> NodeId {
        let id = self.push(Data::Sequence { items: Vec::new(), flow }, span);
        self.open.push((id, None));
        id
    }

    /// Ends the innermost collection. `at` is the span that the reader gives for its end.
    pub(super) fn end(&mut self, at: Span) {
        let Some((id, _)) = self.open.pop() else { return };
        let end = self.end_of(id, at);
        let node = &mut self.nodes[id.0 as usize];
        node.set_end(end);
        match &mut node.data {
            Data::Mapping { entries, .. } => entries.shrink_to_fit(),
            Data::Sequence { items, .. } => items.shrink_to_fit(),
            _ => {}
        }
    }

    pub(super) fn tag(&mut self, id: NodeId, span: Span) {
        self.nodes[id.0 as usize].properties_mut().tag = Some(span);
    }

    pub(super) fn anchor(&mut self, id: NodeId, span: Span) {
        self.nodes[id.0 as usize].properties_mut().anchor = Some(Anchor { span, used: false });
    }

    pub(super) fn comment(&mut self, span: Span) {
        self.comments.push(span);
    }

    /// Returns the finished tree. An empty document is an absent scalar.
    pub(super) fn finish(mut self, base: usize) -> Tree<'s> {
        let end = Span::new(self.text.len(), self.text.len());
        let root = match self.root {
            Some(root) => root,
            None => self.absent(end),
        };
        // Around tags and anchors, the parser reports comments in an order that differs from the text's.
        self.comments.sort();
        self.nodes.shrink_to_fit();
        Tree { nodes: self.nodes, root, comments: self.comments, text: self.text, base, format: Format::Yaml }
    }

    /// Adds a node to the innermost open collection.
    fn push(&mut self, data: Data<'s>, span: Span) -> NodeId {
        // With more nodes, the id is wrong; the reader then checks `len` and rejects the tree.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node::new(data, span));
        let Some((parent, waiting)) = self.open.last_mut() else {
            self.root = Some(id);
            return id;
        };
        match &mut self.nodes[parent.0 as usize].data {
            Data::Mapping { entries, .. } => match waiting.take() {
                Some(key) => entries.push((key, id)),
                None => *waiting = Some(id),
            },
            Data::Sequence { items, .. } => items.push(id),
            _ => {}
        }
        id
    }

    /// End of a collection's content: its closing bracket, or the end of its last child.
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
