//! `spec.allowedNamespaces` as CAPA gets it from the API server: null and absent differ from empty, and unknown keys
//! are recorded.

use std::collections::BTreeMap;

use crate::diag::Span;
use crate::kubernetes::{ApiLabelSelector, MatchExpression};
use crate::templates::is_filled_in;
use lossless_yaml::{Lookup, NodeId, Tree};

/// The namespaces that may use an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The field without nulls and unknown keys.
    pub form: Form,
    /// Keys that the CRD does not know, with their paths below `spec`: the API server drops them silently.
    pub dropped: Vec<(String, Span)>,
    /// Labels of `selector.matchLabels` that are null, with their paths below `spec`. `kubectl apply` creates the object
    /// without them: the API server drops a null that the CRD does not allow. With server-side apply, their value is "".
    pub null_labels: Vec<(String, Span)>,
    /// Nulls in lists of strings, with their paths below `spec`. Go decodes them as empty strings; the CRD does not allow
    /// them, which matters if the webhook leaves the object as it was written.
    pub null_items: Vec<(String, Span)>,
}

/// `spec.allowedNamespaces` without nulls and unknown keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Absent or null.
    Nobody,
    /// A mapping, which may be empty.
    Those(Namespaces),
    /// A value of a type that CAPA's webhook can't decode: its path below `spec`, and Go's name of the type.
    Undecodable(String, &'static str, Span),
    /// A template variable in the place of a part of it: its path below `spec`.
    Variable(String, Span),
    /// A key is written twice, or also set by a later `<<`; the span is the second place.
    Twice(Span),
}

/// `list` and `selector`. `None` and empty differ for CAPA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// `list`
    pub list: Option<Vec<String>>,
    /// `selector`
    pub selector: ApiLabelSelector,
}

impl Allowed {
    /// The value of an absent field.
    pub(super) fn nobody() -> Self {
        Self { form: Form::Nobody, dropped: Vec::new(), null_labels: Vec::new(), null_items: Vec::new() }
    }

    /// Reads the field of an identity's spec.
    pub(super) fn of(tree: &Tree<'_>, spec: NodeId) -> Self {
        let mut reader = AllowedReader { tree, dropped: Vec::new(), null_labels: Vec::new(), null_items: Vec::new() };
        let form = match reader.namespaces(spec) {
            Ok(None) => Form::Nobody,
            Ok(Some(namespaces)) => Form::Those(namespaces),
            Err(Odd::Twice(span)) => Form::Twice(span),
            Err(Odd::Variable(path, span)) => Form::Variable(path, span),
            Err(Odd::Undecodable(path, found, span)) => Form::Undecodable(path, found, span),
        };
        Self { form, dropped: reader.dropped, null_labels: reader.null_labels, null_items: reader.null_items }
    }
}

/// The type of a value, as Go's `encoding/json` names it.
fn go_type(tree: &Tree<'_>, node: NodeId) -> &'static str {
    if tree.items(node).is_some() {
        return "array";
    }
    match tree.text(node) {
        None => "object",
        Some(text) if tree.is_typed(node) => match text.to_ascii_lowercase().as_str() {
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" => "bool",
            _ => "number",
        },
        Some(_) => "string",
    }
}

enum Odd {
    Twice(Span),
    Variable(String, Span),
    Undecodable(String, &'static str, Span),
}

struct AllowedReader<'t> {
    tree: &'t Tree<'t>,
    dropped: Vec<(String, Span)>,
    null_labels: Vec<(String, Span)>,
    null_items: Vec<(String, Span)>,
}

impl AllowedReader<'_> {
    fn namespaces(&mut self, spec: NodeId) -> Result<Option<Namespaces>, Odd> {
        let path = "allowedNamespaces";
        let Some(node) = self.member(spec, path)? else { return Ok(None) };
        self.only(node, path, &["list", "selector"])?;
        let list = self.texts(node, path, "list")?;
        let mut selector = ApiLabelSelector::default();
        if let Some(inner) = self.member(node, "selector")? {
            let path = "allowedNamespaces.selector";
            self.only(inner, path, &["matchLabels", "matchExpressions"])?;
            selector.labels = self.labels(inner, path)?;
            selector.expressions = self.expressions(inner, path)?;
        }
        Ok(Some(Namespaces { list, selector }))
    }

    /// A member that exists and is not null: the API server drops a null if the CRD does not allow one; for `list`,
    /// which may be null, Go decodes it as an unset value.
    fn member(&self, mapping: NodeId, name: &str) -> Result<Option<NodeId>, Odd> {
        match self.tree.get(mapping, name) {
            Lookup::Absent => Ok(None),
            Lookup::Ambiguous { key } => Err(Odd::Twice(self.tree.span(key))),
            Lookup::Own { value, .. } | Lookup::Inherited { value } => Ok((!self.tree.is_null(value)).then_some(value)),
        }
    }

    fn undecodable(&self, path: String, node: NodeId) -> Odd {
        let span = self.tree.span(self.tree.resolve(node));
        match self.tree.text(node).is_some_and(is_filled_in) {
            true => Odd::Variable(path, span),
            false => Odd::Undecodable(path, go_type(self.tree, node), span),
        }
    }

    /// Checks that a node is a mapping, and records its unknown keys.
    fn only(&mut self, node: NodeId, path: &str, known: &[&str]) -> Result<(), Odd> {
        let Some(entries) = self.tree.entries(node) else {
            return Err(self.undecodable(path.into(), node));
        };
        for &(key, _) in entries {
            let text = self.tree.text(key).unwrap_or_default();
            if !self.tree.is_merge(key) && !known.contains(&text) {
                self.dropped.push((format!("{path}.{text}"), self.tree.span(key)));
            }
        }
        Ok(())
    }

    /// A string as Go decodes it: null becomes an empty string.
    fn string(&self, node: NodeId, path: &dyn Fn() -> String) -> Result<String, Odd> {
        match self.tree.text(node) {
            _ if self.tree.is_null(node) => Ok(String::new()),
            Some(text) if !self.tree.is_typed(node) => Ok(text.to_owned()),
            _ => Err(self.undecodable(path(), node)),
        }
    }

    fn texts(&mut self, mapping: NodeId, path: &str, name: &str) -> Result<Option<Vec<String>>, Odd> {
        let Some(node) = self.member(mapping, name)? else { return Ok(None) };
        let path = || format!("{path}.{name}");
        let Some(items) = self.tree.items(node) else {
            return Err(self.undecodable(path(), node));
        };
        for (at, &item) in items.iter().enumerate().filter(|&(_, &item)| self.tree.is_null(item)) {
            self.null_items.push((format!("{}[{at}]", path()), self.tree.span(item)));
        }
        items.iter().map(|&item| self.string(item, &path)).collect::<Result<_, _>>().map(Some)
    }

    fn labels(&mut self, selector: NodeId, path: &str) -> Result<Option<BTreeMap<String, String>>, Odd> {
        let Some(node) = self.member(selector, "matchLabels")? else { return Ok(None) };
        let path = || format!("{path}.matchLabels");
        let Some(entries) = self.tree.entries(node) else {
            return Err(self.undecodable(path(), node));
        };
        let mut labels = BTreeMap::new();
        for &(key, value) in entries {
            if self.tree.is_merge(key) {
                // Rare, and not resolved here.
                return Err(Odd::Twice(self.tree.span(key)));
            }
            let label = self.tree.text(key).unwrap_or_default();
            if self.tree.is_null(value) {
                self.null_labels.push((format!("{}.{label}", path()), self.tree.span(key)));
            } else {
                labels.insert(label.to_owned(), self.string(value, &path)?);
            }
        }
        Ok(Some(labels))
    }

    fn expressions(&mut self, selector: NodeId, path: &str) -> Result<Option<Vec<MatchExpression>>, Odd> {
        let Some(node) = self.member(selector, "matchExpressions")? else { return Ok(None) };
        let path = format!("{path}.matchExpressions");
        let Some(items) = self.tree.items(node) else {
            return Err(self.undecodable(path, node));
        };
        let mut expressions = Vec::with_capacity(items.len());
        for &item in items {
            if self.tree.is_null(item) {
                expressions.push(MatchExpression::default());
                continue;
            }
            self.only(item, &path, &["key", "operator", "values"])?;
            let text = |name: &str| match self.member(item, name)? {
                Some(node) => self.string(node, &|| format!("{path}.{name}")),
                None => Ok(String::new()),
            };
            let (key, operator) = (text("key")?, text("operator")?);
            let values = self.texts(item, &path, "values")?.unwrap_or_default();
            expressions.push(MatchExpression { key, operator, values });
        }
        Ok(Some(expressions))
    }
}
