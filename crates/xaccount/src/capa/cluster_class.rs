//! ClusterClasses: their templates, their variables, and the patches that write identity references.
//!
//! Cluster API applies the patches of a class in order to the templates that their selectors match, for each Cluster
//! (kubernetes-sigs/cluster-api v1.11.0, `api/core/v1beta{1,2}/clusterclass_types.go`, `ClusterClassPatch`;
//! `internal/controllers/topology/cluster/patches/engine.go`, `Apply`).

use lossless_yaml::{NodeId, Tree};

use super::field::{Field, ObjectReference, descend, head};
use super::go_template::{Rendered, follow};
use super::tables::REFERENCING_KINDS;
use super::value::Value;
use crate::diag::Span;

/// A ClusterClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterClass {
    /// The templates of its infrastructure and its control plane.
    pub templates: Vec<ClassTemplate>,
    /// Its variables.
    pub variables: Vec<ClassVariable>,
    /// Its patches, in order.
    pub patches: Vec<ClassPatch>,
}

/// The part of a class that a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassPart {
    /// `spec.infrastructure`
    Infrastructure,
    /// `spec.controlPlane`
    ControlPlane,
}

/// A template of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassTemplate {
    /// What it is for.
    pub part: ClassPart,
    /// The reference to it.
    pub reference: ObjectReference,
}

/// A variable that a class defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassVariable {
    /// Its name.
    pub name: String,
    /// Whether every Cluster must set it.
    pub required: bool,
    /// Its schema.
    pub schema: Option<Value>,
}

/// A patch of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassPatch {
    /// Its name.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// Line of that place in the file, from 1; zero if it is not known.
    pub line: usize,
    /// Whether it applies only under a condition, `enabledIf`.
    pub conditional: bool,
    /// Whether a Runtime Extension generates it.
    pub external: bool,
    /// What it writes to identity references, in order.
    pub writes: Vec<ReferenceWrite>,
}

/// A change of an identity reference by a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceWrite {
    /// The kind of the templates that it changes.
    pub kind: String,
    /// Their group.
    pub group: String,
    /// Their version.
    pub version: String,
    /// Whether it changes the template of the infrastructure.
    pub infrastructure: bool,
    /// Whether it changes the template of the control plane.
    pub control_plane: bool,
    /// The place of its path.
    pub span: Span,
    /// Line of that place in the file, from 1; zero if it is not known.
    pub line: usize,
    /// The part that it changes.
    pub part: WrittenPart,
    /// The new value.
    pub value: WrittenValue,
}

/// The part of a template that a patch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenPart {
    /// A mapping that contains the reference, at this path from it; or the reference itself, if the path is empty.
    Around(Vec<&'static str>),
    /// `kind` of the reference.
    Kind,
    /// `name` of the reference.
    Name,
}

/// The value that a patch writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenValue {
    /// The part is removed.
    Removed,
    /// A constant.
    Constant(Value),
    /// A variable: the dotted path.
    Variable(String),
    /// A template; what it renders, if that can be followed.
    Template(Option<Rendered>),
    /// None, or more than one value.
    Invalid,
}

/// Reads a ClusterClass. `templates` are the references to its templates.
pub(super) fn cluster_class(tree: &Tree<'_>, node: NodeId, templates: Vec<ClassTemplate>) -> ClusterClass {
    let items = |key: &str| {
        descend(tree, node, &["spec", key]).and_then(|list| tree.items(list)).unwrap_or_default().iter().copied()
    };
    ClusterClass {
        templates,
        variables: items("variables").filter_map(|item| variable(tree, item)).collect(),
        patches: items("patches").map(|item| patch(tree, item)).collect(),
    }
}

fn variable(tree: &Tree<'_>, item: NodeId) -> Option<ClassVariable> {
    Some(ClassVariable {
        name: Field::of(tree, item, "name").any_text()?.to_owned(),
        required: Field::of(tree, item, "required").any_text() == Some("true"),
        schema: descend(tree, item, &["schema", "openAPIV3Schema"]).map(|schema| Value::read(tree, schema)),
    })
}

fn patch(tree: &Tree<'_>, item: NodeId) -> ClassPatch {
    let set = |path: &[&str], key: &str| {
        let mapping = descend(tree, item, path)?;
        Field::of(tree, mapping, key).any_text().filter(|text| !text.is_empty()).map(drop)
    };
    let definitions = tree.value(item, "definitions").and_then(|list| tree.items(list)).unwrap_or_default();
    let span = Field::of(tree, item, "name").span().unwrap_or_else(|| head(tree, item));
    ClassPatch {
        name: Field::of(tree, item, "name").any_text().unwrap_or("(no name)").to_owned(),
        span,
        line: 0,
        conditional: set(&[], "enabledIf").is_some(),
        // v1beta1, v1beta2
        external: ["generateExtension", "generatePatchesExtension"].iter().any(|key| set(&["external"], key).is_some()),
        writes: definitions.iter().flat_map(|&definition| writes(tree, definition)).collect(),
    }
}

/// The writes of a definition: `selector` selects the templates, `jsonPatches` change them.
fn writes(tree: &Tree<'_>, definition: NodeId) -> Vec<ReferenceWrite> {
    let Some(selector) = tree.value(definition, "selector") else { return Vec::new() };
    let text = |key: &str| Field::of(tree, selector, key).any_text().unwrap_or_default().to_owned();
    let (kind, api_version) = (text("kind"), text("apiVersion"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let row = REFERENCING_KINDS.iter().find(|row| row.template && row.kind == kind && row.group == group);
    let Some(row) = row else { return Vec::new() };
    let is_true = |key: &str| {
        let resources = tree.value(selector, "matchResources");
        resources.is_some_and(|resources| Field::of(tree, resources, key).any_text() == Some("true"))
    };
    let (infrastructure, control_plane) = (is_true("infrastructureCluster"), is_true("controlPlane"));
    let operations = tree.value(definition, "jsonPatches").and_then(|list| tree.items(list)).unwrap_or_default();
    let write = |&operation: &NodeId| {
        let path = Field::of(tree, operation, "path");
        let (part, value) = match path.any_text() {
            Some(text) => (part(text, row.parent)?, value(tree, operation)),
            // A duplicate key: it may be any path.
            None => (WrittenPart::Around(Vec::new()), WrittenValue::Invalid),
        };
        Some(ReferenceWrite {
            kind: kind.clone(),
            group: group.to_owned(),
            version: version.to_owned(),
            infrastructure,
            control_plane,
            span: path.span()?,
            line: 0,
            part,
            value,
        })
    };
    operations.iter().filter_map(write).collect()
}

/// The part of a reference in `parent` that a pointer leads to.
fn part(pointer: &str, parent: &'static [&'static str]) -> Option<WrittenPart> {
    let tokens: Vec<String> =
        pointer.strip_prefix('/')?.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let whole: Vec<&'static str> = parent.iter().copied().chain(["identityRef"]).collect();
    let shared = tokens.iter().zip(&whole).take_while(|(one, other)| one == *other).count();
    match tokens.get(shared..)? {
        [] => Some(WrittenPart::Around(whole[shared..].to_vec())),
        [last] if shared == whole.len() && last == "kind" => Some(WrittenPart::Kind),
        [last] if shared == whole.len() && last == "name" => Some(WrittenPart::Name),
        _ => None,
    }
}

/// The value of an operation (`JSONPatch` and `JSONPatchValue` in `clusterclass_types.go`).
fn value(tree: &Tree<'_>, operation: NodeId) -> WrittenValue {
    if Field::of(tree, operation, "op").any_text() == Some("remove") {
        return WrittenValue::Removed;
    }
    let from = |key: &str| {
        let from = tree.value(operation, "valueFrom")?;
        Field::of(tree, from, key).any_text().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    match (tree.value(operation, "value"), from("variable"), from("template")) {
        (Some(value), None, None) => WrittenValue::Constant(Value::read(tree, value)),
        (None, Some(variable), None) => WrittenValue::Variable(variable),
        (None, None, Some(template)) => WrittenValue::Template(follow(&template)),
        _ => WrittenValue::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_a_part_of_the_reference() {
        let parent: &[&str] = &["spec", "template", "spec"];
        for (pointer, want) in [
            ("/spec/template/spec/identityRef", Some(WrittenPart::Around(vec![]))),
            ("/spec/template/spec", Some(WrittenPart::Around(vec!["identityRef"]))),
            ("/spec/template", Some(WrittenPart::Around(vec!["spec", "identityRef"]))),
            ("/spec/template/spec/identityRef/kind", Some(WrittenPart::Kind)),
            ("/spec/template/spec/identityRef/name", Some(WrittenPart::Name)),
            ("/spec/template/spec/identityRef/other", None),
            ("/spec/template/spec/identityRef/name/x", None),
            ("/spec/template/spec/region", None),
            ("/spec/template/spec/identity~1Ref", None),
            ("/spec/template/metadata", None),
            ("spec", None),
        ] {
            assert_eq!(part(pointer, parent), want, "{pointer}");
        }
    }
}
