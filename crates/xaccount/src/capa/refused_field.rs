//! Fields of an object that the API server refuses because of their type or form, whatever CAPA's webhooks say.
//!
//! Types: `ObjectMeta` in `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go` of kubernetes/kubernetes, and the
//! CRDs in `config/crd/bases`. Forms: `ValidateObjectMetaAccessor` in `pkg/api/validation/objectmeta.go` of
//! kubernetes/apimachinery, and `ValidateLabels` in `pkg/apis/meta/v1/validation/validation.go`.

use crate::diag::Span;
use crate::kubernetes::names::{is_dns_label, is_dns_subdomain, is_label_value, is_qualified_name};
use crate::templates::is_filled_in;
use lossless_yaml::{Lookup, NodeId, Tree};

/// A value that the API server refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedField {
    /// Its path from the object, as pointer tokens.
    pub path: Vec<String>,
    /// What is wrong with it, as in `222222222222 is not a string`.
    pub problem: String,
    /// The value, or the key if the key is wrong.
    pub span: Span,
    /// The string that the value would be if it were in quotes, if the API server accepts that.
    pub quoted: Option<String>,
}

impl RefusedField {
    /// The path and the problem: `metadata.labels.account: 222222222222 is not a string; put it in quotes`.
    pub fn message(&self) -> String {
        let hint = if self.quoted.is_some() { "; put it in quotes" } else { "" };
        format!("{}: {}{hint}", self.path.join("."), self.problem)
    }
}

/// What the API server demands of a string.
#[derive(Clone, Copy)]
struct StringForm {
    is_valid: fn(&str) -> bool,
    rule: &'static str,
}

const ANY: StringForm = StringForm { is_valid: |_| true, rule: "" };
const NAME: StringForm =
    StringForm { is_valid: is_dns_subdomain, rule: "a name has only lower-case letters, digits, '-' and '.'" };
/// kubectl replaces an empty one by its current namespace.
const NAMESPACE: StringForm = StringForm {
    is_valid: |text| text.is_empty() || is_dns_label(text),
    rule: "a namespace has at most 63 characters, only lower-case letters, digits and '-'",
};
const NAMESPACE_NAME: StringForm = StringForm { is_valid: is_dns_label, ..NAMESPACE };
const LABEL: StringForm = StringForm {
    is_valid: is_label_value,
    rule: "a label has at most 63 characters, only letters, digits, '-', '_' and '.', and begins and ends with a letter or digit",
};

/// Kinds by the fields that are examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExaminedKind {
    Namespace,
    Secret,
    /// A `Cluster` of Cluster API.
    Cluster,
    /// A kind of CAPA with an identity reference; whether it has a `spec.region`.
    Referencing {
        has_region: bool,
    },
    RoleIdentity,
    /// Another identity.
    Identity,
}

/// The fields of an object that the API server refuses. Those that a `<<` supplies are not examined.
pub(super) fn refused_fields(tree: &Tree<'_>, object: NodeId, kind: ExaminedKind) -> Vec<RefusedField> {
    let mut reader = RefusedReader { tree, found: Vec::new() };
    reader.metadata(object, kind);
    if !matches!(kind, ExaminedKind::Namespace | ExaminedKind::Secret) {
        reader.spec(object, kind);
    }
    reader.found
}

struct RefusedReader<'t> {
    tree: &'t Tree<'t>,
    found: Vec<RefusedField>,
}

impl RefusedReader<'_> {
    fn metadata(&mut self, object: NodeId, kind: ExaminedKind) {
        let is_namespaced =
            matches!(kind, ExaminedKind::Cluster | ExaminedKind::Referencing { .. } | ExaminedKind::Secret);
        let name = if kind == ExaminedKind::Namespace { NAMESPACE_NAME } else { NAME };
        let Some(metadata) = self.mapping(object, &["metadata"]) else {
            if !self.found.is_empty() || self.tree.value(object, "metadata").is_some_and(|value| self.is_open(value)) {
                return;
            }
            return self.nameless(object);
        };
        self.name(object, metadata, name);
        self.string(metadata, &["metadata", "namespace"], if is_namespaced { NAMESPACE } else { ANY });
        // Keys of annotations may have capitals, as the API server compares them in lower case.
        self.strings(metadata, "labels", is_qualified_name, LABEL);
        self.strings(metadata, "annotations", |key| is_qualified_name(&key.to_lowercase()), ANY);
    }

    /// The name, which the API server makes up if there is a `generateName`.
    fn name(&mut self, object: NodeId, metadata: NodeId, form: StringForm) {
        let is_set = |name: &str| match self.tree.get(metadata, name) {
            Lookup::Absent => false,
            Lookup::Own { value, .. } | Lookup::Inherited { value } => {
                !self.tree.is_null(value) && self.tree.text(value) != Some("")
            }
            Lookup::Ambiguous { .. } => true,
        };
        if is_set("name") {
            self.string(metadata, &["metadata", "name"], form);
        } else if !is_set("generateName") {
            self.nameless(object);
        }
    }

    fn nameless(&mut self, object: NodeId) {
        let at = self.tree.value(object, "kind").unwrap_or(object);
        self.wrong(&["metadata", "name"], at, "Required value: name or generateName is required");
    }

    fn spec(&mut self, object: NodeId, kind: ExaminedKind) {
        let Some(spec) = self.mapping(object, &["spec"]) else { return };
        if matches!(kind, ExaminedKind::Referencing { has_region: true }) {
            self.typed(spec, &["spec", "region"]);
        }
        if kind == ExaminedKind::RoleIdentity
            && let Some(arns) = self.value(spec, "policyARNs")
        {
            match self.tree.items(arns) {
                None => self.wrong(&["spec", "policyARNs"], arns, "not a list of strings"),
                Some(items) => {
                    let is_string = |item| self.tree.text(item).is_some() && !self.tree.is_typed(item);
                    if let Some(&odd) = items.iter().find(|&&item| !self.tree.is_null(item) && !is_string(item)) {
                        self.wrong(&["spec", "policyARNs"], odd, "not a list of strings");
                    }
                }
            }
        }
    }

    /// Whether a value is filled in later: a variable, or `{{ .Name }}` of a Go template, which YAML reads as a mapping
    /// whose key is a mapping.
    fn is_open(&self, value: NodeId) -> bool {
        let is_template = |entries: &[(NodeId, NodeId)]| entries.iter().any(|&(key, _)| self.tree.text(key).is_none());
        self.tree.text(value).is_some_and(is_filled_in) || self.tree.entries(value).is_some_and(is_template)
    }

    /// A value that is written in this mapping, and is neither null nor a variable.
    fn value(&self, mapping: NodeId, name: &str) -> Option<NodeId> {
        let value = self.tree.value(mapping, name)?;
        (!self.is_open(value) && !self.tree.is_null(value)).then_some(value)
    }

    /// A mapping at a path; a problem if the value is something else.
    fn mapping(&mut self, parent: NodeId, path: &[&str]) -> Option<NodeId> {
        let value = self.value(parent, path.last()?)?;
        if self.tree.entries(value).is_none() {
            self.wrong(path, value, "not a mapping");
            return None;
        }
        Some(value)
    }

    /// A string of a certain form.
    fn string(&mut self, mapping: NodeId, path: &[&str], form: StringForm) {
        let Some(value) = path.last().and_then(|name| self.value(mapping, name)) else { return };
        self.valid_string(path, value, form);
    }

    /// A value that must be a string, and for which quotes would not help.
    fn typed(&mut self, mapping: NodeId, path: &[&str]) {
        let Some(value) = path.last().and_then(|name| self.value(mapping, name)) else { return };
        if self.tree.text(value).is_none() || self.tree.is_typed(value) {
            self.wrong(path, value, "not a string");
        }
    }

    fn valid_string(&mut self, path: &[&str], value: NodeId, form: StringForm) {
        match self.tree.text(value) {
            None => self.wrong(path, value, "not a string"),
            Some(text) if self.tree.is_typed(value) => {
                let quoted = (form.is_valid)(text).then(|| text.to_owned());
                self.add(path, value, format!("{text} is not a string"), quoted);
            }
            Some(text) if !(form.is_valid)(text) => {
                self.wrong(path, value, &format!("{text:?} is not valid: {}", form.rule))
            }
            Some(_) => {}
        }
    }

    /// A mapping of strings.
    fn strings(&mut self, metadata: NodeId, name: &str, is_key: fn(&str) -> bool, form: StringForm) {
        let Some(mapping) = self.mapping(metadata, &["metadata", name]) else { return };
        for &(key, value) in self.tree.entries(mapping).unwrap_or_default() {
            let Some(text) = self.tree.text(key).filter(|text| !self.tree.is_merge(key) && !is_filled_in(text)) else {
                continue;
            };
            let path = ["metadata", name, text];
            if !is_key(text) {
                self.wrong(&path, key, "not a valid key");
            }
            // Go decodes a null as an empty string.
            if !self.tree.is_null(value) && !self.is_open(value) {
                self.valid_string(&path, value, form);
            }
        }
    }

    fn wrong(&mut self, path: &[&str], node: NodeId, problem: &str) {
        self.add(path, node, problem.to_owned(), None);
    }

    fn add(&mut self, path: &[&str], node: NodeId, problem: String, quoted: Option<String>) {
        let span = self.tree.span(self.tree.resolve(node));
        let path = path.iter().map(|&token| token.to_owned()).collect();
        self.found.push(RefusedField { path, problem, span, quoted });
    }
}
