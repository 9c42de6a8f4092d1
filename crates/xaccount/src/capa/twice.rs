//! Keys that decide the account of a cluster, and are written twice or set again by a later `<<`.
//!
//! kubectl uses the last one, other readers the first or none: the account would depend on the reader.

use super::labels::CLUSTER_NAME;
use super::tables::TOPOLOGY_PROVIDERS;
use crate::diag::{Span, escape_control};
use lossless_yaml::{Lookup, NodeId, Tree};

/// A key whose value depends on the reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twice {
    /// The path from the object to the key: `metadata.namespace`.
    pub path: String,
    /// The second place: the key, or the `<<` that sets it again.
    pub span: Span,
    /// Whether that is a `<<`.
    pub merged: bool,
}

impl Twice {
    /// The problem in words: `metadata.namespace is written twice`.
    pub fn why(&self) -> String {
        let what = if self.merged { "is set again by a later '<<'" } else { "is written twice" };
        format!("{} {what}", escape_control(&self.path))
    }
}

/// The keys of an object that decide the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decisive {
    /// Its name and its namespace.
    Metadata,
    /// These, and its labels.
    Labels,
    /// Its name, its namespace and the templates that it references.
    Class,
    /// Its name, its namespace, its labels, its references and its topology.
    Cluster,
}

/// The first such key of an object.
pub(super) fn twice(tree: &Tree<'_>, node: NodeId, decisive: Decisive) -> Option<Twice> {
    let walk = KeyWalk { tree };
    let found = match decisive {
        Decisive::Metadata => walk.metadata(node, false),
        Decisive::Labels => walk.metadata(node, true),
        Decisive::Class => walk.metadata(node, false).and_then(|()| walk.class(node)),
        Decisive::Cluster => walk.metadata(node, true).and_then(|()| walk.cluster(node)),
    };
    found.err()
}

struct KeyWalk<'w> {
    tree: &'w Tree<'w>,
}

/// The keys of a reference to another object.
const REFERENCE: [&str; 5] = ["kind", "name", "namespace", "apiVersion", "apiGroup"];

impl KeyWalk<'_> {
    /// The value of a key; `None` if it is absent.
    fn step(&self, mapping: NodeId, key: &str, path: &str) -> Result<Option<NodeId>, Twice> {
        match self.tree.get(mapping, key) {
            Lookup::Own { value, .. } | Lookup::Inherited { value } => Ok(Some(value)),
            Lookup::Absent => Ok(None),
            Lookup::Ambiguous { key: at } => {
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                Err(Twice { path, span: self.tree.span(at), merged: self.tree.is_merge(at) })
            }
        }
    }

    fn steps(&self, mapping: NodeId, keys: &[&str], path: &str) -> Result<(), Twice> {
        keys.iter().try_for_each(|key| self.step(mapping, key, path).map(drop))
    }

    fn metadata(&self, node: NodeId, with_labels: bool) -> Result<(), Twice> {
        let Some(metadata) = self.step(node, "metadata", "")? else { return Ok(()) };
        self.steps(metadata, &["name", "namespace"], "metadata")?;
        if with_labels && let Some(labels) = self.step(metadata, "labels", "metadata")? {
            self.steps(labels, &[CLUSTER_NAME], "metadata.labels")?;
        }
        Ok(())
    }

    fn class(&self, node: NodeId) -> Result<(), Twice> {
        let Some(spec) = self.step(node, "spec", "")? else { return Ok(()) };
        for key in ["infrastructure", "controlPlane"] {
            let Some(part) = self.step(spec, key, "spec")? else { continue };
            let path = format!("spec.{key}");
            for key in ["ref", "templateRef"] {
                if let Some(reference) = self.step(part, key, &path)? {
                    self.steps(reference, &REFERENCE, &format!("{path}.{key}"))?;
                }
            }
        }
        Ok(())
    }

    fn cluster(&self, node: NodeId) -> Result<(), Twice> {
        let Some(spec) = self.step(node, "spec", "")? else { return Ok(()) };
        for key in ["infrastructureRef", "controlPlaneRef"] {
            if let Some(reference) = self.step(spec, key, "spec")? {
                self.steps(reference, &REFERENCE, &format!("spec.{key}"))?;
            }
        }
        let Some(topology) = self.step(spec, "topology", "spec")? else { return Ok(()) };
        self.steps(topology, &["class", "classNamespace"], "spec.topology")?;
        if let Some(class) = self.step(topology, "classRef", "spec.topology")? {
            self.steps(class, &["name", "namespace"], "spec.topology.classRef")?;
        }
        let variables = self.step(topology, "variables", "spec.topology")?;
        let variables = variables.and_then(|variables| self.tree.items(variables)).unwrap_or_default();
        variables.iter().enumerate().try_for_each(|(index, &item)| self.variable(item, index))
    }

    fn variable(&self, item: NodeId, index: usize) -> Result<(), Twice> {
        let path = || format!("spec.topology.variables[{index}]");
        let Some(name) = self.named(item, "name", path)? else { return Ok(()) };
        let Some(value) = self.named(item, "value", path)? else { return Ok(()) };
        if self.tree.text(name) != Some("clusterConfig") {
            return Ok(());
        }
        let path = || format!("{}.value", path());
        for key in TOPOLOGY_PROVIDERS.0 {
            if let Some(provider) = self.named(value, key, path)? {
                self.named(provider, "region", || format!("{}.{key}", path()))?;
            }
        }
        Ok(())
    }

    /// As [`Self::step`], but creates the path only for an error.
    fn named(&self, mapping: NodeId, key: &str, path: impl Fn() -> String) -> Result<Option<NodeId>, Twice> {
        match self.tree.get(mapping, key) {
            Lookup::Ambiguous { .. } => self.step(mapping, key, &path()),
            Lookup::Own { value, .. } | Lookup::Inherited { value } => Ok(Some(value)),
            Lookup::Absent => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::view;
    use lossless_yaml::yaml;

    /// The path of the key, and whether a `<<` sets it again.
    fn found(text: &str) -> Option<(String, bool)> {
        let tree = yaml::read(text, 0).unwrap();
        let twice = view(&tree, tree.root, None).unwrap().twice?;
        let place = &text[twice.span.range()];
        assert!(place.starts_with("<<") == twice.merged && twice.path.ends_with(if twice.merged { "" } else { place }));
        Some((twice.path.clone(), twice.merged))
    }

    const CLUSTER: &str = "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\n";
    const REFERENCING: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n";
    const CLASS: &str = "apiVersion: cluster.x-k8s.io/v1beta1\nkind: ClusterClass\n";

    #[test]
    fn every_key_that_decides_is_looked_at() {
        for (head, rest, path) in [
            (REFERENCING, "metadata: {name: a}\nmetadata: {name: b}\n", "metadata"),
            (REFERENCING, "metadata: {name: a, name: b}\n", "metadata.name"),
            (REFERENCING, "metadata: {namespace: a, namespace: a}\n", "metadata.namespace"),
            (REFERENCING, "metadata: {labels: {a: b}, labels: {}}\n", "metadata.labels"),
            (
                REFERENCING,
                "metadata:\n  labels: {cluster.x-k8s.io/cluster-name: a, cluster.x-k8s.io/cluster-name: b}\n",
                "metadata.labels.cluster.x-k8s.io/cluster-name",
            ),
            (CLUSTER, "spec:\nspec: {}\n", "spec"),
            (CLUSTER, "spec: {infrastructureRef: {}, infrastructureRef: {}}\n", "spec.infrastructureRef"),
            (CLUSTER, "spec: {controlPlaneRef: {}, controlPlaneRef: {}}\n", "spec.controlPlaneRef"),
            (CLUSTER, "spec: {infrastructureRef: {kind: a, kind: b}}\n", "spec.infrastructureRef.kind"),
            (CLUSTER, "spec: {infrastructureRef: {name: a, name: b}}\n", "spec.infrastructureRef.name"),
            (CLUSTER, "spec: {controlPlaneRef: {namespace: a, namespace: b}}\n", "spec.controlPlaneRef.namespace"),
            (CLUSTER, "spec: {controlPlaneRef: {apiGroup: a, apiGroup: b}}\n", "spec.controlPlaneRef.apiGroup"),
            (CLUSTER, "spec: {controlPlaneRef: {apiVersion: a, apiVersion: b}}\n", "spec.controlPlaneRef.apiVersion"),
            (CLUSTER, "spec: {topology: {}, topology: {}}\n", "spec.topology"),
            (CLUSTER, "spec: {topology: {class: a, class: b}}\n", "spec.topology.class"),
            (CLUSTER, "spec: {topology: {classRef: {name: a, name: b}}}\n", "spec.topology.classRef.name"),
            (CLUSTER, "spec: {topology: {variables: [], variables: []}}\n", "spec.topology.variables"),
            (CLUSTER, "spec: {topology: {variables: [{name: a, name: b}]}}\n", "spec.topology.variables[0].name"),
            (
                CLUSTER,
                "spec: {topology: {variables: [{name: a, value: 1, value: 2}]}}\n",
                "spec.topology.variables[0].value",
            ),
            (
                CLUSTER,
                "spec: {topology: {variables: [{name: clusterConfig, value: {aws: {region: a, region: b}}}]}}\n",
                "spec.topology.variables[0].value.aws.region",
            ),
            (CLASS, "spec: {infrastructure: {ref: {name: a, name: b}}}\n", "spec.infrastructure.ref.name"),
            (CLASS, "spec: {controlPlane: {templateRef: {}, templateRef: {}}}\n", "spec.controlPlane.templateRef"),
        ] {
            assert_eq!(found(&format!("{head}{rest}")), Some((path.to_owned(), false)), "{rest}");
        }
    }

    #[test]
    fn a_later_merge_counts_and_an_earlier_one_does_not() {
        let merged = |path: &str| Some((path.to_owned(), true));
        for (rest, path) in [
            ("metadata: {namespace: a, <<: {namespace: b}}\n", merged("metadata.namespace")),
            ("metadata: {<<: {namespace: b}, namespace: a}\n", None),
            ("metadata: {<<: {namespace: b}}\n", None),
            ("metadata: {name: a, <<: {other: b}}\n", None),
            ("metadata: {labels: {x: y, x: z}}\n", None),
            ("metadata: {annotations: {x: y, x: z}}\nspec: {region: a, region: b}\n", None),
        ] {
            assert_eq!(found(&format!("{REFERENCING}{rest}")), path, "{rest}");
        }
    }
}
