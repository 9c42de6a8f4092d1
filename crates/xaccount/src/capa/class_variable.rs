//! The reference of a topology Cluster, if the patches of its class decide it.

use super::cluster_class::{ClassPart, ClassVariable};
use super::field::{ClassDecision, DecidedBy, DecidingVariable, Field, IdentityReference, State, Undecided};
use super::topology::{Topology, TopologyVariable, variables_path};
use super::value::{Value, named, placed, walk};
use crate::diag::Span;

/// The reference of a Cluster whose class decides it. `variables` are those of the class, `part` is the part of the
/// class with the template.
pub fn decided_reference(
    topology: &Topology,
    decision: &ClassDecision,
    variables: &[ClassVariable],
    part: ClassPart,
) -> IdentityReference {
    let mut decision = decision.clone();
    let reference = match &mut decision.by {
        DecidedBy::Constant(kind, name) => {
            let state = constant(kind.as_deref(), name.as_deref(), topology.span);
            placed(topology_path(), 2, state, topology.span)
        }
        DecidedBy::Unknown(_) => placed(topology_path(), 2, State::Unset, topology.span),
        DecidedBy::Variable(variable) => match obstacle(topology, variable, part) {
            None => {
                let defined = variables.iter().find(|one| one.name == variable.path[0]);
                in_variable(topology, variable, defined)
            }
            Some(undecided) => {
                decision.by = DecidedBy::Unknown(undecided);
                placed(topology_path(), 2, State::Unset, topology.span)
            }
        },
    };
    IdentityReference { class: Some(Box::new(decision)), ..reference }
}

fn topology_path() -> Vec<String> {
    vec!["spec".to_owned(), "topology".to_owned()]
}

fn constant(kind: Option<&str>, name: Option<&str>, span: Span) -> State {
    let text = |text: &str| Field::Text(text.to_owned(), span);
    match (kind, name) {
        (None, None) => State::Unset,
        (Some(kind), name) => named(kind, name.map_or(Field::Absent, text), span),
        (None, name) => named("", name.map_or(Field::Absent, text), span),
    }
}

/// Why the value of a variable is not certain. The variables of the control plane override those of the Cluster for its
/// template (kubernetes-sigs/cluster-api v1.11.0, `internal/controllers/topology/cluster/patches/engine.go`,
/// `addVariablesForPatch`).
fn obstacle(topology: &Topology, variable: &DecidingVariable, part: ClassPart) -> Option<Undecided> {
    let part_only = variable.kind.is_some();
    let name = &variable.path[0];
    if part == ClassPart::ControlPlane && topology.overrides.contains(name) {
        let why = format!("the Cluster overrides the variable {name} for its control plane");
        let help = "remove the variable from spec.topology.controlPlane.variables.overrides";
        return Some(Undecided { why, help, part_only });
    }
    let count = topology.variables.iter().filter(|one| one.name == *name).count();
    let why = || format!("the Cluster sets the variable {name} {count} times");
    (count > 1).then(|| Undecided { why: why(), help: "remove all but one of them", part_only })
}

/// The reference in a variable, or in the place that it would have.
fn in_variable(
    topology: &Topology,
    variable: &mut DecidingVariable,
    defined: Option<&ClassVariable>,
) -> IdentityReference {
    // Whether a member is required is not read: without it the patch fails, as without the variable.
    variable.required = variable.path.len() == 1 && defined.is_some_and(|defined| defined.required);
    variable.only = topology.variables.len() == 1 && topology.list_length == 1;
    let set = topology.variables.iter().find(|one| one.name == variable.path[0]);
    let (keys, schema) = (&variable.path[1..], defined.and_then(|defined| defined.schema.as_ref()));
    let of_whole = schema.and_then(|schema| {
        let path = std::iter::once("default").chain(keys.iter().map(String::as_str));
        schema.at(&path.collect::<Vec<_>>())
    });
    let of_member = schema.filter(|_| !keys.is_empty()).and_then(|schema| {
        let path = keys.iter().flat_map(|key| ["properties", key.as_str()]).chain(["default"]);
        schema.at(&path.collect::<Vec<_>>())
    });
    // A member's own default counts if the rest of the variable is set.
    let default = if set.is_some() && !keys.is_empty() { of_member } else { of_whole };
    variable.has_default = default.is_some();
    let kind = variable.kind.as_ref().map(|kind| kind.kind.as_str());
    let read = |value: &Value| kind.map_or_else(|| value.whole(), |kind| value.name_of(kind));
    let mut reference = match set {
        Some(set) => existing(set, keys, read),
        None => {
            let tail = ["-".to_owned(), variable.path[0].clone()].into_iter().chain(keys.iter().cloned());
            let path = variables_path().into_iter().chain(tail).collect();
            placed(path, topology.list_present, State::Unset, topology.span)
        }
    };
    variable.is_set = reference.state != State::Unset;
    if let (false, Some(default)) = (variable.is_set, default) {
        reference.state = match default_of(default, kind, reference.span) {
            Some(state) => state,
            None => State::Unset,
        };
    }
    reference
}

/// The reference in a variable that the Cluster sets.
fn existing(set: &TopologyVariable, keys: &[String], read: impl Fn(&Value) -> State) -> IdentityReference {
    let mut item = variables_path();
    item.push(set.index.to_string());
    let path: Vec<String> = item.iter().cloned().chain(["value".to_owned()]).chain(keys.iter().cloned()).collect();
    let precondition = Some((item, set.name.clone()));
    let (present, state, span) = match set.value.as_ref().filter(|value| !matches!(value, Value::Null(_))) {
        None => (4, State::Unset, set.span),
        Some(value) => {
            let walked = walk(value, keys);
            let state = match (walked.present == keys.len(), walked.value) {
                (true, value) => read(value),
                (false, Value::Mapping(..)) => State::Unset,
                (false, value) => State::Wrong(value.span()),
            };
            let span = if keys.is_empty() { set.span } else { walked.span };
            (5 + walked.present, state, span)
        }
    };
    IdentityReference { precondition, ..placed(path, present, state, span) }
}

/// The default of a class as a reference, with a place in the Cluster.
fn default_of(default: &Value, kind: Option<&str>, span: Span) -> Option<State> {
    match kind {
        Some(kind) => Some(named(kind, Field::Text(default.text()?.to_owned(), span), span)),
        None => {
            let text = |key: &str| default.get(key).and_then(|member| member.value.text());
            Some(constant(text("kind"), text("name"), span))
        }
    }
}
