//! Objects of other programs that contain or create clusters and identities. Messages name them; nothing in them is
//! edited.

use lossless_yaml::{Data, NodeId, Source, Tree, skim};

use super::field::{Field, descend, meta};
use super::tables::{IdentityKind, Typed, classify, names_capa};
use crate::kubernetes::base64;

/// A kind of another program whose objects contain or create clusters.
#[derive(Debug, PartialEq, Eq)]
pub struct WrapperKind {
    /// The kind.
    pub kind: &'static str,
    /// Its API group; empty for the core group.
    pub group: &'static str,
    /// The program that reads it.
    pub program: &'static str,
    /// What that program does with it, as a sentence.
    pub does: &'static str,
    /// What to edit instead, as a sentence.
    pub edit: &'static str,
    /// The command that prints the manifests in it, if there is one.
    pub render: Option<&'static str>,
    /// Whether it creates clusters even if it does not mention a kind of CAPA.
    pub creates_clusters: bool,
}

/// The group of ClusterResourceSets, and of the type of their Secrets.
const ADDONS_GROUP: &str = "addons.cluster.x-k8s.io";

/// The only type of a Secret that a ClusterResourceSet applies (kubernetes-sigs/cluster-api v1.13.0,
/// `api/addons/v1beta2/clusterresourceset_types.go`, `ClusterResourceSetSecretType`).
const RESOURCE_SET_SECRET: &str = "addons.cluster.x-k8s.io/resource-set";

const GITOPS_RENDER: &str = "gitops create template --template-file FILE --values KEY=VALUE --export";

const K0RDENT: &str = "k0rdent.mirantis.com";

/// All kinds. No version is checked: each program keeps the fields that are read here in all of its versions.
pub const WRAPPER_KINDS: [WrapperKind; 10] = [
    // weaveworks/weave-gitops-enterprise, commit 21bb2c057, charts/templates-controller/crds/capitemplate-crd.yaml: v1alpha1
    // has the objects in the list, v1alpha2 under `content`, or as text under `raw`; the command is in
    // cmd/gitops/app/create/templates/cmd.go
    WrapperKind {
        kind: "CAPITemplate",
        group: "capi.weave.works",
        program: "Weave GitOps",
        does: "Weave GitOps renders its manifests from spec.resourcetemplates",
        edit: "to change the account, edit spec.resourcetemplates by hand",
        render: Some(GITOPS_RENDER),
        creates_clusters: true,
    },
    // The same commit, charts/templates-controller/crds/gitopstemplate-crd.yaml; also for other things than clusters
    WrapperKind {
        kind: "GitOpsTemplate",
        group: "templates.weave.works",
        program: "Weave GitOps",
        does: "Weave GitOps renders its manifests from spec.resourcetemplates",
        edit: "to change the account, edit spec.resourcetemplates by hand",
        render: Some(GITOPS_RENDER),
        creates_clusters: false,
    },
    // k0rdent/kcm, commit 8373a2411, api/v1beta1/clusterdeployment_types.go (v1alpha1 at v0.1.0);
    // internal/controller/clusterdeployment_controller.go sets the value clusterIdentity from the Credential
    WrapperKind {
        kind: "ClusterDeployment",
        group: K0RDENT,
        program: "k0rdent",
        does: "k0rdent creates the cluster from the chart of a ClusterTemplate, with the identity of the Credential in spec.credential",
        edit: "to change the account, edit spec.identityRef of that Credential, or name another one in spec.credential",
        render: None,
        creates_clusters: true,
    },
    // The same commit, api/v1beta1/credential_types.go; templates/provider/cluster-api-provider-aws/templates/interface.yaml
    // lists the kinds of identities
    WrapperKind {
        kind: "Credential",
        group: K0RDENT,
        program: "k0rdent",
        does: "k0rdent gives the identity in spec.identityRef to each ClusterDeployment that names the Credential",
        edit: "to change the account, set spec.identityRef to an AWSClusterRoleIdentity; kubectl xaccount identity --account 222222222222 prints one",
        render: None,
        creates_clusters: false,
    },
    // The same commit, api/v1beta1/clustertemplate_types.go
    WrapperKind {
        kind: "ClusterTemplate",
        group: K0RDENT,
        program: "k0rdent",
        does: "k0rdent renders its chart for each ClusterDeployment that names it",
        edit: "to change the account, edit spec.identityRef of the Credential that the ClusterDeployment names",
        render: None,
        creates_clusters: false,
    },
    // fluxcd/helm-controller v1.6.3, api/v2/helmrelease_types.go; the same fields in v2beta1 and v2beta2
    WrapperKind {
        kind: "HelmRelease",
        group: "helm.toolkit.fluxcd.io",
        program: "Flux",
        does: "Flux renders the manifests from a Helm chart and spec.values",
        edit: "to change the account, edit spec.values by hand, as the chart documents it",
        render: Some("helm template CHART --values VALUES"),
        creates_clusters: false,
    },
    // kubernetes-sigs/cluster-api v1.13.0, api/addons/v1beta2/clusterresourceset_types.go, since v1alpha3
    WrapperKind {
        kind: "ClusterResourceSet",
        group: ADDONS_GROUP,
        program: "Cluster API",
        does: "Cluster API applies its ConfigMaps and Secrets to workload clusters, never to the management cluster",
        edit: "clusters and identities belong to the management cluster: apply them there as objects of their own",
        render: None,
        creates_clusters: false,
    },
    // The same release, internal/controllers/clusterresourceset/clusterresourceset_helpers.go, `normalizeData`: only `data`
    // is applied
    WrapperKind {
        kind: "ConfigMap",
        group: "",
        program: "",
        does: "a ClusterResourceSet applies manifests in a ConfigMap to workload clusters, never to the management cluster",
        edit: "clusters and identities belong to the management cluster: apply them there as objects of their own",
        render: None,
        creates_clusters: false,
    },
    WrapperKind {
        kind: "Secret",
        group: "",
        program: "",
        does: "a ClusterResourceSet applies manifests in a Secret to workload clusters, never to the management cluster",
        edit: "clusters and identities belong to the management cluster: apply them there as objects of their own",
        render: None,
        creates_clusters: false,
    },
    // rancher/fleet, commit 3b2c622ce, pkg/apis/fleet.cattle.io/v1alpha1/bundle_types.go
    WrapperKind {
        kind: "Bundle",
        group: "fleet.cattle.io",
        program: "Rancher Fleet",
        does: "Rancher Fleet applies the manifests in spec.resources to the clusters in spec.targets",
        edit: "to change the account, edit the files from which the Bundle was made",
        render: None,
        creates_clusters: false,
    },
];

/// An object of another program that contains or creates clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapper {
    /// Its row of the table.
    pub row: &'static WrapperKind,
    /// The kinds of CAPA of which it certainly contains objects.
    pub contains: Vec<&'static str>,
    /// The identities among them, by kind and name. They may be the content of a Secret: for comparison, not for messages.
    pub identities: Vec<(IdentityKind, String)>,
    /// Whether it mentions a kind of CAPA.
    pub mentions_capa: bool,
    /// Objects that it names: a Credential, an identity, or ConfigMaps and Secrets. Kind and name of each.
    pub names: Vec<(String, String)>,
}

impl Wrapper {
    /// Whether it is a ConfigMap or a Secret, which are wrappers only if a ClusterResourceSet names them.
    pub fn is_content(&self) -> bool {
        self.row.group.is_empty()
    }

    /// Whether it is about clusters of CAPA, as far as its text shows.
    pub fn matters(&self) -> bool {
        self.mentions_capa || self.row.creates_clusters || !self.contains.is_empty()
    }

    /// Whether the objects that it names are applied to workload clusters.
    pub fn applies(&self) -> bool {
        self.row.group == ADDONS_GROUP
    }
}

/// The wrapper that an object is; `None` for other objects, and for a ConfigMap or a Secret without objects of CAPA.
pub fn wrapper(tree: &Tree<'_>, node: NodeId, api_version: &str, kind: &str) -> Option<Wrapper> {
    let group = match api_version.split_once('/') {
        Some((group, _)) => group,
        None if api_version == "v1" => "",
        None => return None,
    };
    let row = WRAPPER_KINDS.iter().find(|row| row.kind == kind && row.group == group)?;
    let mut search = WrapperSearch { found: Vec::new(), identities: Vec::new(), work: MOST_NODES };
    match (row.group, row.kind) {
        ("", "Secret") => search.secret(tree, node),
        ("", _) => search.member(tree, node, "data"),
        _ => search.node(tree, node, 0),
    }
    let WrapperSearch { found: contains, identities, .. } = search;
    if row.group.is_empty() && contains.is_empty() {
        return None;
    }
    let text = &tree.text[tree.node(node).span().range()];
    let mentions_capa = names_capa(text.as_bytes());
    Some(Wrapper { row, contains, identities, mentions_capa, names: names(tree, node, row) })
}

/// The kind of wrapper that a text is that can't be read, by its lines.
pub fn wrapper_kind_of(text: &[u8]) -> Option<&'static WrapperKind> {
    let value = |key: &[u8]| {
        let line = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(key))?;
        std::str::from_utf8(line).ok().map(str::trim)
    };
    let (api_version, kind) = (value(b"apiVersion:")?, value(b"kind:")?);
    let (group, _) = api_version.split_once('/')?;
    WRAPPER_KINDS.iter().find(|row| row.kind == kind && row.group == group)
}

/// The objects that a wrapper names.
fn names(tree: &Tree<'_>, node: NodeId, row: &WrapperKind) -> Vec<(String, String)> {
    let text = |node: NodeId, key: &str| Field::of(tree, node, key).any_text().map(str::to_owned);
    let spec = |path: &[&str]| descend(tree, node, path);
    let reference = |node: NodeId| Some((text(node, "kind")?, text(node, "name")?));
    match (row.group, row.kind) {
        (K0RDENT, "ClusterDeployment") => {
            let credential = spec(&["spec"]).and_then(|spec| text(spec, "credential"));
            credential.map(|name| ("Credential".to_owned(), name)).into_iter().collect()
        }
        (K0RDENT, "Credential") => spec(&["spec", "identityRef"]).and_then(reference).into_iter().collect(),
        (ADDONS_GROUP, _) => {
            let resources = spec(&["spec", "resources"]).and_then(|list| tree.items(list));
            resources.unwrap_or_default().iter().filter_map(|&one| reference(one)).collect()
        }
        _ => Vec::new(),
    }
}

/// Maximum number of nodes to look at in a wrapper, because a text in it can contain others.
const MOST_NODES: usize = 100_000;

/// Maximum number of texts in texts: a template can be in a ConfigMap, and a text in a template.
const DEEPEST: usize = 3;

/// A search for objects of CAPA at any depth.
struct WrapperSearch {
    /// Their kinds.
    found: Vec<&'static str>,
    /// The identities.
    identities: Vec<(IdentityKind, String)>,
    /// How many more nodes may be looked at.
    work: usize,
}

impl WrapperSearch {
    /// Searches a node and all below it. `depth` is the number of texts that it is in.
    fn node(&mut self, tree: &Tree<'_>, node: NodeId, depth: usize) {
        let Some(left) = self.work.checked_sub(1) else { return };
        self.work = left;
        // What an alias points to is searched at its anchor.
        if matches!(tree.node(node).data, Data::Alias(_)) {
            return;
        }
        if let Some(entries) = tree.entries(node) {
            self.object(tree, node);
            entries.iter().for_each(|&(_, value)| self.node(tree, value, depth));
        } else if let Some(items) = tree.items(node) {
            items.iter().for_each(|&item| self.node(tree, item, depth));
        } else if let Some(text) = tree.text(node) {
            self.text(text, depth);
        }
    }

    /// Searches a member of an object.
    fn member(&mut self, tree: &Tree<'_>, node: NodeId, key: &str) {
        if let Some(value) = tree.value(node, key) {
            self.node(tree, value, 0);
        }
    }

    /// Searches a Secret of a ClusterResourceSet. Other Secrets are not applied.
    fn secret(&mut self, tree: &Tree<'_>, node: NodeId) {
        if Field::of(tree, node, "type").text() != Some(RESOURCE_SET_SECRET) {
            return;
        }
        self.member(tree, node, "stringData");
        let data = tree.value(node, "data").and_then(|data| tree.entries(data));
        for &(_, value) in data.unwrap_or_default() {
            if let Some(text) = tree.text(value).and_then(base64) {
                self.text(&text, 0);
            }
        }
    }

    /// Adds the kind of a mapping that is an object of CAPA.
    fn object(&mut self, tree: &Tree<'_>, node: NodeId) {
        let (api_version, kind) = (Field::of(tree, node, "apiVersion"), Field::of(tree, node, "kind"));
        let (Some(api_version), Some(kind)) = (api_version.text(), kind.text()) else { return };
        // A reference to an object has these two as well.
        if tree.value(node, "metadata").is_none() {
            return;
        }
        let kind = match classify(api_version, kind) {
            Typed::ReferencingKind(row, _) => row.kind,
            Typed::Identity(identity, _) => {
                self.identities.extend(meta(tree, node, "name").map(|name| (identity, name)));
                identity.name()
            }
            Typed::Cluster | Typed::Class | Typed::Foreign | Typed::Refused(_) => return,
        };
        if !self.found.contains(&kind) {
            self.found.push(kind);
        }
    }

    /// Searches a text that may be manifests.
    fn text(&mut self, text: &str, depth: usize) {
        if depth == DEEPEST || !names_capa(text.as_bytes()) {
            return;
        }
        for document in Source::new(text.as_bytes()).segments() {
            // A template that is not YAML yet is only a mention.
            if let Ok(tree) = skim(&document) {
                // A text is a scalar in its own document, too.
                if tree.text(tree.root).is_none() {
                    self.node(&tree, tree.root, depth + 1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capa::{needles, view};
    use lossless_yaml::yaml;

    fn read(text: &str) -> Option<Wrapper> {
        let tree = yaml::read(text, 0).unwrap();
        let object = view(&tree, tree.root, None).unwrap();
        wrapper(&tree, tree.root, &object.api_version, &object.kind)
    }

    const CLUSTER: &str =
        "{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, metadata: {name: a}}";

    #[test]
    fn every_kind_is_found_by_the_filter() {
        for row in &WRAPPER_KINDS {
            assert!(row.group.is_empty() || needles().has_also(row.group), "{}", row.group);
            let same = |other: &&WrapperKind| (other.group, other.kind) == (row.group, row.kind);
            assert_eq!(WRAPPER_KINDS.iter().filter(same).count(), 1, "{}", row.kind);
        }
    }

    #[test]
    fn a_config_map_is_a_wrapper_only_with_an_object_in_its_data() {
        let config_map = |rest: &str| read(&format!("apiVersion: v1\nkind: ConfigMap\n{rest}"));
        assert_eq!(config_map(&format!("data: {{a: '{CLUSTER}'}}")).unwrap().contains, ["AWSCluster"]);
        assert_eq!(config_map(&format!("data: {{a: '[{CLUSTER}]'}}")).unwrap().contains, ["AWSCluster"]);
        assert_eq!(config_map(&format!("data: {{a: 'data: {{b: \"{CLUSTER}\"}}'}}")).unwrap().contains, ["AWSCluster"]);
        for rest in [
            "data: {a: AWSCluster}".to_owned(),
            format!("metadata: {{annotations: {{a: '{CLUSTER}'}}}}"),
            // A reference to an object
            format!("data: {{a: '{}'}}", CLUSTER.replace("metadata: {name: a}", "name: a")),
            format!("data: {{a: '{}'}}", CLUSTER.replace("AWSCluster", "Cluster")),
            "data: {a: 'kind: AWSCluster: ['}".to_owned(),
            "data: AWSCluster".to_owned(),
        ] {
            assert_eq!(config_map(&rest), None, "{rest}");
        }
    }

    #[test]
    fn only_secrets_of_a_cluster_resource_set_are_read() {
        let secret =
            |kind: &str| read(&format!("apiVersion: v1\nkind: Secret\ntype: {kind}\nstringData: {{a: '{CLUSTER}'}}"));
        assert_eq!(secret(RESOURCE_SET_SECRET).unwrap().contains, ["AWSCluster"]);
        assert_eq!(secret("Opaque"), None);
    }

    #[test]
    fn texts_in_texts_end() {
        let mut text = CLUSTER.to_owned();
        for depth in 0..6 {
            text = format!("{{data: {}}}", serde_json::Value::from(text));
            let release = format!("{{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, spec: {text}}}");
            let contains = read(&release).unwrap().contains;
            assert_eq!(contains.len(), usize::from(depth < DEEPEST), "{depth}");
        }
    }

    #[test]
    fn aliases_are_not_followed() {
        let text = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  a: &a {CLUSTER}\n  b: [*a, *a]\n"
        );
        assert_eq!(read(&text).unwrap().contains, ["AWSCluster"]);
    }

    #[test]
    fn the_kind_of_a_text_is_that_of_its_own_lines() {
        let head = "apiVersion: capi.weave.works/v1alpha2\nkind: CAPITemplate\nspec: {{ x }\n";
        assert_eq!(wrapper_kind_of(head.as_bytes()).map(|row| row.kind), Some("CAPITemplate"));
        assert_eq!(wrapper_kind_of(head.replace('\n', "\n  ").as_bytes()), None);
        assert_eq!(wrapper_kind_of(b"apiVersion: v1\nkind: ConfigMap\n"), None);
    }
}
