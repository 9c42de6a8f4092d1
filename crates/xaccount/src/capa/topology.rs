//! A Cluster: its references, the places for an identity reference in its topology's variables, and its class.

use lossless_yaml::{Lookup, NodeId, Tree};

use super::cluster_class::{ClassPart, ClassTemplate};
use super::field::{
    ClassReference, Field, IdentityReference, ObjectReference, Rest, State, descend, head, reference_at,
};
use super::tables::{IdentityKind, TOPOLOGY_PROVIDERS};
use super::value::Value;
use crate::diag::Span;

/// The fields that are read of a Cluster.
pub(super) struct TopologyCluster {
    pub(super) refers_to: Vec<ObjectReference>,
    pub(super) references: Vec<IdentityReference>,
    pub(super) unclear: bool,
    pub(super) region: Option<String>,
    pub(super) class: Option<ClassReference>,
    pub(super) topology: Option<Box<Topology>>,
}

/// The topology of a Cluster, as far as its class may decide the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Its place.
    pub span: Span,
    /// The variables that the Cluster sets.
    pub variables: Vec<TopologyVariable>,
    /// Number of items in the list of variables.
    pub list_length: usize,
    /// Number of steps of the path to the list that exist.
    pub list_present: usize,
    /// The variables that it overrides for its control plane.
    pub overrides: Vec<String>,
    /// The references that were found without the class, and whether it is unclear if there is one; kept while the
    /// class decides them.
    pub(crate) without_class: Option<(Vec<IdentityReference>, bool)>,
}

/// A variable that a Cluster sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologyVariable {
    /// Its index in the list.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its place.
    pub span: Span,
    /// Its value.
    pub value: Option<Value>,
}

/// A variable of a topology.
struct ClusterVariable {
    /// Its index in the list.
    index: usize,
    name: String,
    value: Option<NodeId>,
}

/// The path of the list of variables.
pub(super) fn variables_path() -> Vec<String> {
    ["spec", "topology", "variables"].map(str::to_owned).to_vec()
}

/// Reads the references of a Cluster, and the places in its topology that have an identity reference or can get one.
/// `wanted` names a variable that gets one.
pub(super) fn cluster(tree: &Tree<'_>, node: NodeId, api_version: &str, wanted: Option<&[String]>) -> TopologyCluster {
    let mut refers_to = Vec::with_capacity(2);
    refers_to.extend(["infrastructureRef", "controlPlaneRef"].iter().filter_map(|key| {
        let reference = descend(tree, node, &["spec", key])?;
        object_reference(tree, reference, has_namespaces(api_version))
    }));
    let topology = descend(tree, node, &["spec", "topology"]).filter(|&topology| tree.entries(topology).is_some());
    let Some(topology) = topology else {
        return TopologyCluster {
            refers_to,
            references: Vec::new(),
            unclear: false,
            region: None,
            class: None,
            topology: None,
        };
    };
    let variables = variables_of(tree, topology);
    let others = TOPOLOGY_PROVIDERS.1;
    let elsewhere = variables
        .iter()
        .filter_map(|variable| variable.value)
        .any(|value| others.iter().any(|key| tree.get(value, key) != Lookup::Absent));
    let mut references = if elsewhere { Vec::new() } else { references_in(tree, node, &variables) };
    if let (true, false, Some([name, rest @ ..])) = (references.is_empty(), elsewhere, wanted) {
        references.push(missing_variable(tree, node, &variables, name, rest));
    }
    let region = variables.iter().find_map(|variable| region_in(tree, variable));
    let unclear = references.is_empty() && !elsewhere;
    let class = class_of(tree, topology);
    let topology = class.is_some().then(|| Box::new(read_topology(tree, node, topology, &variables)));
    TopologyCluster { refers_to, references, unclear, region, class, topology }
}

/// The parts of a topology that a class may refer to.
fn read_topology(tree: &Tree<'_>, node: NodeId, topology: NodeId, variables: &[ClusterVariable]) -> Topology {
    let list = tree.value(topology, "variables").and_then(|list| tree.items(list));
    let items = list.unwrap_or_default();
    let set = |variable: &ClusterVariable| TopologyVariable {
        index: variable.index,
        name: variable.name.clone(),
        span: variable.value.map_or_else(|| tree.span(items[variable.index]), |value| tree.span(value)),
        value: variable.value.map(|value| Value::read(tree, value)),
    };
    let overrides = descend(tree, topology, &["controlPlane", "variables", "overrides"]);
    let overrides = overrides.and_then(|list| tree.items(list)).unwrap_or_default();
    let name = |&item: &NodeId| Field::of(tree, item, "name").any_text().map(str::to_owned);
    Topology {
        span: head(tree, topology),
        variables: variables.iter().map(set).collect(),
        list_length: items.len(),
        list_present: match list {
            Some(_) => variables_path().len(),
            None => reference_at(tree, node, variables_path(), None).present,
        },
        overrides: overrides.iter().filter_map(name).collect(),
        without_class: None,
    }
}

fn variables_of(tree: &Tree<'_>, topology: NodeId) -> Vec<ClusterVariable> {
    let variables = tree.value(topology, "variables").and_then(|variables| tree.items(variables)).unwrap_or_default();
    let read = |(index, &item): (usize, &NodeId)| {
        let name = Field::of(tree, item, "name").any_text()?.to_owned();
        Some(ClusterVariable { index, name, value: tree.value(item, "value") })
    };
    variables.iter().enumerate().filter_map(read).collect()
}

/// The places in the values of variables that have a reference, or can get one.
fn references_in(tree: &Tree<'_>, node: NodeId, variables: &[ClusterVariable]) -> Vec<IdentityReference> {
    let aws = TOPOLOGY_PROVIDERS.0;
    let mut references = Vec::new();
    for variable in variables {
        let reference = |rest: &[&str]| {
            let rest: Vec<String> = rest.iter().map(|&key| key.to_owned()).collect();
            reference_in_value(tree, node, variable, rest)
        };
        match variable.name.as_str() {
            "identityRef" => references.push(reference(&[])),
            "clusterConfig" => {
                let is_there = |key: &&str| variable.value.is_some_and(|value| tree.get(value, key) != Lookup::Absent);
                let existing = aws.iter().copied().filter(is_there);
                references.extend(existing.map(|key| reference(&[key, "identityRef"])));
            }
            _ => references.extend(PLACES.iter().map(|place| reference(place)).find(is_certain)),
        }
    }
    references
}

/// The reference at `rest` in the value of a variable.
fn reference_in_value(
    tree: &Tree<'_>,
    node: NodeId,
    variable: &ClusterVariable,
    rest: Vec<String>,
) -> IdentityReference {
    let mut item = variables_path();
    item.push(variable.index.to_string());
    let path = item.iter().cloned().chain(["value".to_owned()]).chain(rest).collect();
    reference_at(tree, node, path, Some((item, variable.name.clone())))
}

/// The region in a variable: its own value, or that of an AWS provider in it.
fn region_in(tree: &Tree<'_>, variable: &ClusterVariable) -> Option<String> {
    let value = variable.value?;
    if variable.name == "region" {
        return tree.text(value).map(str::to_owned);
    }
    TOPOLOGY_PROVIDERS.0.iter().find_map(|key| {
        let provider = tree.value(value, key)?;
        Field::of(tree, provider, "region").text().map(str::to_owned)
    })
}

/// Whether references of a version are core/v1 object references, which have a namespace. Those of v1beta2 have only
/// `apiGroup`, `kind` and `name` (Cluster API v1.11.0, `api/core/v1beta2/common_types.go`,
/// `ContractVersionedObjectReference`); newer versions are assumed to be like v1beta2.
fn has_namespaces(api_version: &str) -> bool {
    let version = api_version.rsplit_once('/').map_or(api_version, |(_, version)| version);
    version.starts_with("v1alpha") || version == "v1beta1"
}

/// A reference with a kind and a name.
fn object_reference(tree: &Tree<'_>, reference: NodeId, has_namespaces: bool) -> Option<ObjectReference> {
    let text = |key: &str| Field::of(tree, reference, key).any_text().map(str::to_owned);
    let api_version = text("apiVersion").filter(|version| !version.is_empty());
    let parts = api_version.map(|text| match text.split_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), text),
    });
    let (group, version) = parts.unzip();
    Some(ObjectReference {
        group: text("apiGroup").or(group),
        version,
        kind: text("kind")?,
        namespace: text("namespace").filter(|namespace| has_namespaces && !namespace.is_empty()),
        name: text("name")?,
    })
}

/// The class of a topology: `class` and `classNamespace` up to v1beta1, `classRef` in v1beta2 (Cluster API v1.11.0,
/// `api/core/v1beta{1,2}/cluster_types.go`).
fn class_of(tree: &Tree<'_>, topology: NodeId) -> Option<ClassReference> {
    let text = |mapping: NodeId, key: &str| {
        Field::of(tree, mapping, key).any_text().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    if let Some(reference) = tree.value(topology, "classRef").filter(|&reference| tree.entries(reference).is_some()) {
        return Some(ClassReference { namespace: text(reference, "namespace"), name: text(reference, "name")? });
    }
    Some(ClassReference { namespace: text(topology, "classNamespace"), name: text(topology, "class")? })
}

/// The templates of a class's infrastructure and control plane: `ref` up to v1beta1, `templateRef` in v1beta2, which
/// has no namespace (Cluster API v1.11.0, `api/core/v1beta{1,2}/clusterclass_types.go`).
pub(super) fn class_templates(tree: &Tree<'_>, node: NodeId, api_version: &str) -> Vec<ClassTemplate> {
    let parts = [("infrastructure", ClassPart::Infrastructure), ("controlPlane", ClassPart::ControlPlane)].into_iter();
    parts
        .flat_map(|part| ["ref", "templateRef"].map(|key| (part, key)))
        .filter_map(|((name, part), key)| {
            let reference = descend(tree, node, &["spec", name, key])?;
            let has_namespaces = key == "ref" && has_namespaces(api_version);
            Some(ClassTemplate { part, reference: object_reference(tree, reference, has_namespaces)? })
        })
        .collect()
}

/// The possible places of a reference in the value of a variable with a name that the class chose.
const PLACES: [&[&str]; 4] = [&[], &["identityRef"], &["aws", "identityRef"], &["eks", "identityRef"]];

/// Whether the value is certainly an identity reference: it names a role or static identity. A value with the
/// controller identity's kind, CAPA's default, may be something else.
fn is_certain(place: &IdentityReference) -> bool {
    let State::Set(reference) = &place.state else { return false };
    let kind = reference.kind.any_text();
    reference.name != Field::Absent
        && [IdentityKind::Role, IdentityKind::Static].iter().any(|one| kind == Some(one.name()))
}

/// A reference in a variable that `--topology-variable` names: `identityRef`, or `clusterConfig.aws`.
fn missing_variable(
    tree: &Tree<'_>,
    node: NodeId,
    variables: &[ClusterVariable],
    name: &str,
    rest: &[String],
) -> IdentityReference {
    let inner = |rest: &[String]| -> Vec<String> {
        let mut path = rest.to_vec();
        if !rest.is_empty() {
            path.push("identityRef".into());
        }
        path
    };
    match variables.iter().find(|variable| variable.name == name) {
        Some(variable) => reference_in_value(tree, node, variable, inner(rest)),
        None => {
            let mut path = variables_path();
            let length = path.len();
            let list = reference_at(tree, node, path.clone(), None);
            // `reference_at` expects a mapping, and reports a list as wrong; here, a list is expected.
            let existing =
                descend(tree, node, &["spec", "topology", "variables"]).is_some_and(|v| tree.items(v).is_some());
            path.extend(["-".to_owned(), name.to_owned()]);
            path.extend(inner(rest));
            let present = if existing { length } else { list.present };
            IdentityReference {
                path,
                present,
                state: State::Unset,
                precondition: None,
                span: list.span,
                rest: Rest::Members,
                class: None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    #[test]
    fn topologies_of_other_providers_have_no_reference() {
        let text = |key: &str| {
            format!(
                "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nspec:\n  topology:\n    variables:\n    - name: clusterConfig\n      value:\n        {key}: {{}}\n"
            )
        };
        let count = |key: &str| references_of(&text(key));
        assert_eq!((count("aws"), count("eks"), count("docker"), count("addons")), (1, 1, 0, 0));
    }

    fn references_of(text: &str) -> usize {
        let tree = yaml::read(text, 0).unwrap();
        cluster(&tree, tree.root, "cluster.x-k8s.io/v1beta1", None).references.len()
    }
}
