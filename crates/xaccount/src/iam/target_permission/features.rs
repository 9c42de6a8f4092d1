//! What manifests switch on, and the names of AWS resources that they specify.

use std::collections::{BTreeMap, BTreeSet};

use crate::capa::{Items, items};
use crate::diag::{Diagnostic, FileId, Location};
use crate::templates::is_filled_in;
use lossless_yaml::{Needles, NodeId, Source, documents, skim};

use super::fields::{ManifestFields, SpecObject};
use super::table::{FeatureGroup, FieldTest, Table};

/// The words of which every document with a kind of the tables contains one, or with one that this verb has to know of.
pub fn needles() -> Needles {
    let kinds = [["AWSCluster"], ["AWSManaged"], ["AWSMachine"], ["AWSFargateProfile"], ["ROSA"]];
    Needles::new(kinds.iter().map(<[&str; 1]>::as_slice).chain([["topology", "cluster.x-k8s.io"].as_slice()]))
}

/// Stands for a name that Cluster API generates: a placeholder, as those of templating steps.
const UNKNOWN_NAME: &str = "${NAME}";

/// The feature gates of CAPA's controller that the user specified.
#[derive(Clone, Debug, Default)]
pub struct FeatureGates(pub BTreeMap<String, bool>);

impl FeatureGates {
    /// Whether a group's gate is on. All gates of the tables are off by default (`feature/feature.go`, v2.13.0).
    fn allows(&self, group: &FeatureGroup) -> bool {
        group.gate.is_none_or(|gate| self.0.get(gate) == Some(&true))
    }
}

/// An object that the filter of [`Uses::read`] sees.
#[derive(Clone, Copy, Debug)]
pub struct SubjectObject<'o> {
    /// Its kind.
    pub kind: &'o str,
    /// Its namespace.
    pub namespace: Option<&'o str>,
    /// Its name.
    pub name: &'o str,
    /// Its label `cluster.x-k8s.io/cluster-name`.
    pub cluster: Option<&'o str>,
}

/// Why a group is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupReason {
    /// The group.
    pub group: &'static str,
    /// The file.
    pub file: FileId,
    /// The line of the field, or of the object.
    pub line: usize,
    /// The object: `AWSCluster dev/heron`.
    pub object: String,
    /// What switches the group on: `no spec.network.vpc.id`; empty if it is the object itself.
    pub what: String,
}

impl GroupReason {
    /// The object, and what in it switches the group on.
    pub fn title(&self) -> String {
        match self.what.as_str() {
            "" => self.object.clone(),
            what => format!("{}: {what}", self.object),
        }
    }
}

/// What manifests use.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// The reasons for the groups, in the order of the files.
    pub reasons: Vec<GroupReason>,
    /// Groups that the manifests would need if the controller had the feature gate: group and gate.
    pub gated: BTreeMap<&'static str, &'static str>,
    /// The number of AWSClusters and AWSManagedControlPlanes.
    pub clusters: usize,
    /// The regions; `None` for an object without one.
    pub regions: BTreeSet<Option<String>>,
    /// Whether there are machines or pools.
    pub has_machines: bool,
    /// Instance profiles.
    pub profiles: BTreeSet<String>,
    /// S3 buckets.
    pub buckets: BTreeSet<String>,
    /// Number of machines without `cloudInit.secretPrefix`.
    pub unprefixed_machines: usize,
    /// `cloudInit.secretPrefix` of machines.
    pub secret_prefixes: BTreeSet<String>,
    /// Roles of lifecycle hooks.
    pub hook_roles: BTreeSet<String>,
    /// Keys of `encryptionConfig.provider`.
    pub eks_keys: BTreeSet<String>,
    /// `rolePermissionsBoundary` of EKS kinds.
    pub boundaries: BTreeSet<String>,
    /// `roleAdditionalPolicies` of EKS kinds.
    pub additional_policies: BTreeSet<String>,
    /// Names of AWSClusters.
    pub cluster_names: BTreeSet<String>,
    /// Machines whose volumes have a customer's KMS key: object and line, as in reasons.
    pub volume_keys: Vec<(FileId, usize, String)>,
    /// Objects of ROSA, which the tables don't know.
    pub rosa: Vec<(FileId, usize, String)>,
    /// Whether there is a template of a cluster, as a ClusterClass has.
    pub has_cluster_template: bool,
}

impl Uses {
    /// Adds what the documents of a file use. `keep`: whether an object counts.
    ///
    /// # Errors
    /// A document that contains a kind of CAPA and can't be read.
    pub fn read(
        &mut self,
        (file, bytes): (FileId, &[u8]),
        table: &'static Table,
        gates: &FeatureGates,
        keep: &dyn Fn(SubjectObject<'_>) -> bool,
    ) -> Result<(), Diagnostic> {
        let source = Source::new(bytes);
        for document in documents(&source, &needles()) {
            let tree = match skim(&document) {
                Ok(tree) => tree,
                Err(refusal) if document.literal => {
                    let at = Location { file, span: refusal.span, window: None };
                    return Err(Diagnostic::error(refusal.to_string()).at(at, ""));
                }
                Err(_) => continue,
            };
            let fields = ManifestFields { tree: &tree, bytes };
            let mut reader = UsesReader { uses: self, file, fields, table, gates, keep };
            reader.objects(tree.root, true);
        }
        Ok(())
    }

    /// The groups that are needed, each once, with its first reason.
    pub fn groups(&self) -> BTreeMap<&'static str, &GroupReason> {
        let mut groups = BTreeMap::new();
        for reason in &self.reasons {
            groups.entry(reason.group).or_insert(reason);
        }
        groups
    }

    /// Adds what every AWSCluster needs if no machine is in the manifests: instances, and bootstrap data in Secrets Manager,
    /// which is the default. A class, an autoscaler or another repository can have the machines.
    pub fn assume_machines(&mut self) {
        if self.reasons.iter().any(|reason| reason.group == "machines") {
            return;
        }
        let Some(cluster) = self.reasons.iter().find(|reason| reason.group == "lb-read").cloned() else { return };
        for group in ["machines", "bootstrap-secretsmanager"] {
            let what = "no AWSMachineTemplate in the files, so the defaults count".to_owned();
            self.reasons.push(GroupReason { group, what, ..cluster.clone() });
        }
    }
}

struct UsesReader<'r, 't, 's> {
    uses: &'r mut Uses,
    file: FileId,
    fields: ManifestFields<'t, 's>,
    table: &'static Table,
    gates: &'r FeatureGates,
    keep: &'r dyn Fn(SubjectObject<'_>) -> bool,
}

impl UsesReader<'_, '_, '_> {
    /// The document's object, or the items of a list.
    fn objects(&mut self, node: NodeId, whole: bool) {
        let tree = self.fields.tree;
        match items(tree, node, whole) {
            Items::List(nodes, ..) => nodes.iter().for_each(|&item| self.objects(item, false)),
            Items::None | Items::Refused(_) => self.object(node),
        }
    }

    fn object(&mut self, node: NodeId) {
        let (fields, tree) = (self.fields, self.fields.tree);
        let text = |path: &str| fields.node(node, path).and_then(|node| tree.text(node));
        let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else { return };
        let Some((group, _)) = version.split_once('/') else { return };
        if !group.ends_with("cluster.x-k8s.io") {
            return;
        }
        let namespace = text("metadata.namespace");
        let name = text("metadata.name").or_else(|| text("metadata.generateName")).unwrap_or("(no name)");
        let labels = fields.node(node, "metadata.labels");
        let cluster = labels.and_then(|labels| tree.text(tree.value(labels, "cluster.x-k8s.io/cluster-name")?));
        if !(self.keep)(SubjectObject { kind, namespace, name, cluster }) {
            return;
        }
        let line = fields.line(tree.span(node));
        let prefix = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let title = format!("{kind} {prefix}{name}");
        if kind.starts_with("ROSA") {
            self.uses.rosa.push((self.file, line, title));
        } else {
            let plain = kind.strip_suffix("Template").unwrap_or(kind);
            let path = if plain == kind { "spec" } else { "spec.template.spec" };
            let spec = fields.node(node, path);
            let has_own_name = text("metadata.name").is_some() && path == "spec";
            self.spec(SpecObject { kind: plain, name, has_own_name, title, line, spec, path });
        }
    }

    fn spec(&mut self, object: SpecObject<'_>) {
        let (fields, table) = (self.fields, self.table);
        let mut on: Vec<&'static str> = Vec::new();
        for switch in table.switches.iter().filter(|switch| switch.kinds.contains(&object.kind)) {
            let holds = |test: &FieldTest| match test {
                FieldTest::Group(group) => on.contains(group),
                test => fields.holds(&object, test),
            };
            if on.contains(&switch.group) || !switch.tests.iter().all(holds) {
                continue;
            }
            let Some(group) = table.group(switch.group) else { continue };
            if !self.gates.allows(group) {
                let gate = group.gate.filter(|gate| !self.gates.0.contains_key(*gate));
                self.uses.gated.extend(gate.map(|gate| (group.name, gate)));
                continue;
            }
            on.push(switch.group);
            let (line, what) = fields.reason(&object, switch);
            let object = object.title.clone();
            self.uses.reasons.push(GroupReason { group: switch.group, file: self.file, line, object, what });
        }
        self.values(&object);
    }

    /// The names of AWS resources that an object specifies.
    fn values(&mut self, object: &SpecObject<'_>) {
        let (fields, tree) = (self.fields, self.fields.tree);
        let Some(spec) = object.spec else { return };
        let text = |path: &str| fields.node(spec, path).and_then(|node| tree.text(node)).map(str::to_owned);
        let all = |path: &str| fields.every(spec, path);
        match object.kind {
            "AWSCluster" | "AWSManagedControlPlane" => {
                self.uses.clusters += 1;
                self.uses.has_cluster_template |= object.path != "spec";
                self.uses.regions.insert(text("region").filter(|region| !is_filled_in(region)));
                self.uses.buckets.extend(text("s3Bucket.name"));
                self.uses.eks_keys.extend(text("encryptionConfig.provider"));
                if object.kind == "AWSCluster" {
                    // The name of a cluster that is made from a template is not known here.
                    let name = if object.has_own_name { object.name } else { UNKNOWN_NAME };
                    self.uses.cluster_names.insert(name.to_owned());
                }
            }
            "AWSMachine" => {
                let prefix = text("cloudInit.secretPrefix");
                self.uses.has_machines = true;
                self.uses.unprefixed_machines += usize::from(prefix.is_none());
                self.uses.secret_prefixes.extend(prefix);
                self.uses.profiles.extend(text("iamInstanceProfile"));
                let volumes = ["rootVolume.encryptionKey", "nonRootVolumes.encryptionKey"];
                if volumes.iter().any(|path| !all(path).is_empty()) {
                    self.uses.volume_keys.push((self.file, object.line, object.title.clone()));
                }
            }
            "AWSMachinePool" | "AWSManagedMachinePool" => {
                self.uses.has_machines = true;
                self.uses.profiles.extend(text("awsLaunchTemplate.iamInstanceProfile"));
            }
            _ => {}
        }
        self.uses.hook_roles.extend(all("lifecycleHooks.roleARN"));
        self.uses.boundaries.extend(text("rolePermissionsBoundary"));
        self.uses.additional_policies.extend(all("roleAdditionalPolicies"));
    }
}
