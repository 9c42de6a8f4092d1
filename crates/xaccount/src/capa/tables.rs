//! Tables of kinds, groups, versions and paths.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use lossless_yaml::Needles;

/// Group of AWSCluster and of the identities.
pub const IDENTITY_GROUP: &str = "infrastructure.cluster.x-k8s.io";

/// Group of the EKS and ROSA control planes.
pub(super) const CONTROL_PLANE_GROUP: &str = "controlplane.cluster.x-k8s.io";

/// Group of Cluster API's own kinds.
pub const CAPI_GROUP: &str = "cluster.x-k8s.io";

/// The role that DKP's CloudFormation stack creates in every account (mesosphere/dcos-docs-site,
/// `pages/dkp/konvoy/2.3/choose-infrastructure/aws/iam-policies/index.md`).
pub const DEFAULT_ROLE_NAME: &str = "control-plane.cluster-api-provider-aws.sigs.k8s.io";

/// The role that clusterawsadm creates for the controller, in addition to [`DEFAULT_ROLE_NAME`] (CAPA v2.11.1,
/// `cmd/clusterawsadm/cloudformation/bootstrap/template.go`).
pub const CONTROLLERS_ROLE_NAME: &str = "controllers.cluster-api-provider-aws.sigs.k8s.io";

/// Kind of the identity that assumes a role.
pub const ROLE_IDENTITY: &str = "AWSClusterRoleIdentity";

/// Kind of the identity for the controller's own credentials.
pub const CONTROLLER_IDENTITY: &str = "AWSClusterControllerIdentity";

/// Keys of a `clusterConfig` value for clusters on other providers (CAREN, `api/v1alpha1`).
const OTHER_PROVIDERS: [&str; 3] = ["docker", "nutanix", "vsphere"];

/// The provider keys of a CAREN `clusterConfig` value: those for AWS, and those for other providers
/// (nutanix-cloud-native/cluster-api-runtime-extensions-nutanix, `api/v1alpha1/{aws,eks}_clusterconfig_types.go`).
pub const TOPOLOGY_PROVIDERS: ([&str; 2], [&str; 3]) = (["aws", "eks"], OTHER_PROVIDERS);

/// An API version of CAPA's groups that has identity references.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// CAPA v0.6.5 to v1.5.x.
    V1Alpha3,
    /// CAPA v0.7.0 to v1.5.x.
    V1Alpha4,
    /// CAPA v1.0.0 to v2.3.x.
    V1Beta1,
    /// CAPA v2.0.0 and newer.
    V1Beta2,
}

impl Version {
    /// All, oldest first.
    pub const ALL: [Self; 4] = [Self::V1Alpha3, Self::V1Alpha4, Self::V1Beta1, Self::V1Beta2];

    /// The name, as in an apiVersion.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1Alpha3 => "v1alpha3",
            Self::V1Alpha4 => "v1alpha4",
            Self::V1Beta1 => "v1beta1",
            Self::V1Beta2 => "v1beta2",
        }
    }

    /// A sentence with the releases that serve it, if current ones no longer do (`config/crd/bases` at every tag).
    pub fn no_longer_served(self) -> Option<&'static str> {
        match self {
            Self::V1Alpha3 => Some("CAPA v0.6.5 to v1.5 serve v1alpha3; CAPA v2.0.0 and newer refuse it"),
            Self::V1Alpha4 => Some("CAPA v0.7.0 to v1.5 serve v1alpha4; CAPA v2.0.0 and newer refuse it"),
            Self::V1Beta1 => Some("CAPA v1.0.0 to v2.3 serve v1beta1; CAPA v2.4.0 and newer refuse it"),
            Self::V1Beta2 => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix(IDENTITY_GROUP).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
        Self::ALL.into_iter().find(|version| version.name() == name).ok_or_else(|| {
            format!("unknown version '{text}' of {IDENTITY_GROUP}; write v1alpha3, v1alpha4, v1beta1 or v1beta2")
        })
    }
}

/// A kind with an identity reference in a fixed place.
#[derive(Debug, PartialEq, Eq)]
pub struct ReferencingKind {
    /// The kind.
    pub kind: &'static str,
    /// Its API group.
    pub group: &'static str,
    /// Path of the mapping that contains `identityRef`.
    pub parent: &'static [&'static str],
    /// The versions with the reference.
    pub versions: &'static [Version],
    /// First CAPA release that serves the kind.
    pub served_since: &'static str,
    /// First CAPA release whose kind has the reference.
    pub since: &'static str,
    /// Whether CAPA's webhook sets a missing reference to `AWSClusterControllerIdentity/default`, so that this value
    /// counts as "not set".
    pub defaulted: bool,
    /// Whether it is a template, whose spec is immutable according to CAPA's webhook.
    pub template: bool,
    /// Whether it is cluster-scoped.
    pub cluster_scoped: bool,
    /// Whether it has a `region` next to the reference (`config/crd/bases`, v2.13.0).
    pub has_region: bool,
    /// Whether CAPA creates a missing `AWSClusterControllerIdentity/default` for an object that references that kind,
    /// or for an object created from it (`exp/controlleridentitycreator/awscontrolleridentity_controller.go`, v2.11.1).
    pub controller_identity: bool,
}

const FROM_V1ALPHA3: &[Version] = &Version::ALL;
const FROM_V1ALPHA4: &[Version] = &[Version::V1Alpha4, Version::V1Beta1, Version::V1Beta2];
const V1BETA2: &[Version] = &[Version::V1Beta2];
const SPEC: &[&str] = &["spec"];
const TEMPLATE_SPEC: &[&str] = &["spec", "template", "spec"];

/// Every kind with its own identity reference. If both releases are the same, the kind has had the reference from the
/// start. Sources: `api/*/awscluster_types.go`, `controlplane/{eks,rosa}/api/*/`, `exp/api/*/`,
/// `webhooks/*_webhook.go`, and `config/crd/bases` at each tag.
pub const REFERENCING_KINDS: [ReferencingKind; 8] = [
    // api/v1alpha3/awscluster_types.go, v0.6.5; the kind in v1alpha3: config/crd/bases, v0.5.0
    ReferencingKind {
        kind: "AWSCluster",
        group: IDENTITY_GROUP,
        parent: SPEC,
        versions: FROM_V1ALPHA3,
        served_since: "v0.5.0",
        since: "v0.6.5",
        defaulted: true,
        template: false,
        cluster_scoped: false,
        has_region: true,
        controller_identity: true,
    },
    // api/v1alpha4/awsclustertemplate_types.go, v0.7.0
    ReferencingKind {
        kind: "AWSClusterTemplate",
        group: IDENTITY_GROUP,
        parent: TEMPLATE_SPEC,
        versions: FROM_V1ALPHA4,
        served_since: "v0.7.0",
        since: "v0.7.0",
        defaulted: true,
        template: true,
        cluster_scoped: false,
        has_region: true,
        controller_identity: true,
    },
    // controlplane/eks/api/v1alpha3/awsmanagedcontrolplane_types.go, v0.6.5; the kind in this group:
    // controlplane/eks/config/crd/bases, v0.6.1
    ReferencingKind {
        kind: "AWSManagedControlPlane",
        group: CONTROL_PLANE_GROUP,
        parent: SPEC,
        versions: FROM_V1ALPHA3,
        served_since: "v0.6.1",
        since: "v0.6.5",
        defaulted: true,
        template: false,
        cluster_scoped: false,
        has_region: true,
        controller_identity: true,
    },
    // controlplane/eks/api/v1beta2/awsmanagedcontrolplanetemplate_types.go, v2.9.0
    ReferencingKind {
        kind: "AWSManagedControlPlaneTemplate",
        group: CONTROL_PLANE_GROUP,
        parent: TEMPLATE_SPEC,
        versions: V1BETA2,
        served_since: "v2.9.0",
        since: "v2.9.0",
        defaulted: true,
        template: true,
        cluster_scoped: false,
        has_region: true,
        controller_identity: true,
    },
    // controlplane/rosa/api/v1beta2/rosacontrolplane_types.go, v2.4.0; the kind, without the reference:
    // config/crd/bases, v2.3.0 to v2.3.5
    ReferencingKind {
        kind: "ROSAControlPlane",
        group: CONTROL_PLANE_GROUP,
        parent: SPEC,
        versions: V1BETA2,
        served_since: "v2.3.0",
        since: "v2.4.0",
        defaulted: true,
        template: false,
        cluster_scoped: false,
        has_region: true,
        controller_identity: false,
    },
    // exp/api/v1beta2/rosanetwork_types.go, v2.9.2; no default
    ReferencingKind {
        kind: "ROSANetwork",
        group: IDENTITY_GROUP,
        parent: SPEC,
        versions: V1BETA2,
        served_since: "v2.9.2",
        since: "v2.9.2",
        defaulted: false,
        template: false,
        cluster_scoped: false,
        has_region: true,
        controller_identity: false,
    },
    // exp/api/v1beta2/rosaroleconfig_types.go, v2.9.2; no default
    ReferencingKind {
        kind: "ROSARoleConfig",
        group: IDENTITY_GROUP,
        parent: SPEC,
        versions: V1BETA2,
        served_since: "v2.9.2",
        since: "v2.9.2",
        defaulted: false,
        template: false,
        cluster_scoped: false,
        has_region: false,
        controller_identity: false,
    },
    // exp/api/v1beta2/rosaocmroleconfig_types.go, v2.12.1, not in v2.11.1 (the tag v2.12.0 was not available); no
    // default
    ReferencingKind {
        kind: "ROSAOCMRoleConfig",
        group: IDENTITY_GROUP,
        parent: SPEC,
        versions: V1BETA2,
        served_since: "v2.12.1",
        since: "v2.12.1",
        defaulted: false,
        template: false,
        cluster_scoped: true,
        has_region: false,
        controller_identity: false,
    },
];

/// Fields of an AWSClusterRoleIdentity's spec, the same in every version (`api/v1beta2/awsidentity_types.go`).
pub const ROLE_FIELDS: [&str; 8] = [
    "allowedNamespaces",
    "roleARN",
    "sessionName",
    "durationSeconds",
    "inlinePolicy",
    "policyARNs",
    "externalID",
    "sourceIdentityRef",
];

/// Fields of an AWSClusterStaticIdentity's spec, the same in every version.
pub const STATIC_FIELDS: [&str; 2] = ["secretRef", "allowedNamespaces"];

/// The field of an AWSClusterControllerIdentity's spec.
pub const CONTROLLER_FIELDS: [&str; 1] = ["allowedNamespaces"];

/// Kinds that use the identity of another object, and have no `identityRef` (`config/crd/bases`, v2.11.1): group and
/// kind.
pub(super) const WITHOUT_REFERENCE: [(&str, &str); 10] = [
    (IDENTITY_GROUP, "AWSManagedCluster"),
    (IDENTITY_GROUP, "AWSManagedClusterTemplate"),
    (IDENTITY_GROUP, "ROSACluster"),
    (IDENTITY_GROUP, "ROSAMachinePool"),
    (IDENTITY_GROUP, "AWSMachine"),
    (IDENTITY_GROUP, "AWSMachineTemplate"),
    (IDENTITY_GROUP, "AWSMachinePool"),
    (IDENTITY_GROUP, "AWSManagedMachinePool"),
    (IDENTITY_GROUP, "AWSFargateProfile"),
    (CONTROL_PLANE_GROUP, "AWSManagedCluster"),
];

/// Whether a kind of infrastructure or control plane is CAPA's.
pub fn is_kind_of_capa(kind: &str) -> bool {
    REFERENCING_KINDS.iter().any(|kind_row| kind_row.kind == kind)
        || WITHOUT_REFERENCE.iter().any(|(_, own)| *own == kind)
}

/// The kinds of identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// AWSClusterRoleIdentity.
    Role,
    /// AWSClusterControllerIdentity.
    Controller,
    /// AWSClusterStaticIdentity.
    Static,
}

impl IdentityKind {
    /// All of them (`api/v1beta2/awsidentity_types.go`, enum of `AWSIdentityKind`).
    pub const ALL: [Self; 3] = [Self::Role, Self::Controller, Self::Static];

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Role => ROLE_IDENTITY,
            Self::Controller => CONTROLLER_IDENTITY,
            Self::Static => "AWSClusterStaticIdentity",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The meaning of an apiVersion and kind for this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A kind with an identity reference.
    ReferencingKind(&'static ReferencingKind, Version),
    /// An identity.
    Identity(IdentityKind, Version),
    /// A Cluster of Cluster API.
    Cluster,
    /// A ClusterClass of Cluster API.
    Class,
    /// Any other object.
    Foreign,
    /// A CAPA kind in a group or version in which it can't have a reference; the sentence explains why.
    Refused(String),
}

/// Classifies an object by its apiVersion and kind.
pub fn classify(api_version: &str, kind: &str) -> Typed {
    let Some((group, version)) = api_version.split_once('/') else {
        return Typed::Foreign;
    };
    if kind == "Cluster" && group == CAPI_GROUP {
        return Typed::Cluster;
    }
    if kind == "ClusterClass" && group == CAPI_GROUP {
        return Typed::Class;
    }
    if let Some(kind_row) = REFERENCING_KINDS.iter().find(|kind_row| kind_row.kind == kind) {
        return match check(kind, kind_row.group, kind_row.versions, kind_row.since, group, version) {
            Checked::NamespaceLabels(version) => Typed::ReferencingKind(kind_row, version),
            Checked::Foreign => Typed::Foreign,
            Checked::Refused(why) => Typed::Refused(why),
        };
    }
    if let Some(identity) = IdentityKind::ALL.into_iter().find(|identity| identity.name() == kind) {
        return match check(kind, IDENTITY_GROUP, &Version::ALL, "v0.6.5", group, version) {
            Checked::NamespaceLabels(version) => Typed::Identity(identity, version),
            Checked::Foreign => Typed::Foreign,
            Checked::Refused(why) => Typed::Refused(why),
        };
    }
    Typed::Foreign
}

enum Checked {
    NamespaceLabels(Version),
    Foreign,
    Refused(String),
}

fn check(kind: &str, own: &str, versions: &[Version], since: &str, group: &str, version: &str) -> Checked {
    if group != own {
        return if group == IDENTITY_GROUP || group == CONTROL_PLANE_GROUP || group == CAPI_GROUP {
            Checked::Refused(format!("{kind} belongs to the API group {own}, not to {group}"))
        } else {
            Checked::Foreign
        };
    }
    if let Some(known) = versions.iter().find(|known| known.name() == version) {
        return Checked::NamespaceLabels(*known);
    }
    if let Some(newest) = versions.last().filter(|_| is_newer(version)) {
        return Checked::NamespaceLabels(*newest);
    }
    let names: Vec<_> = versions.iter().map(|version| version.name()).collect();
    let names = names.join(", ");
    if version == "v1alpha2" && kind == "AWSCluster" {
        return Checked::Refused(format!(
            "AWSCluster {own}/v1alpha2 has no identityRef: CAPA has it since {since}, in {names}"
        ));
    }
    Checked::Refused(format!("{kind} {group}/{version} does not exist: CAPA has the kind since {since}, in {names}"))
}

/// Whether a version is newer than all of [`Version`], so that a newer release of CAPA may serve it. The order is that of
/// `pkg/version/helpers.go` of kubernetes/apimachinery, but a new major version is newer whatever its stability.
pub fn is_newer(version: &str) -> bool {
    let Some(version) = version.strip_prefix('v') else { return false };
    let stages = ["alpha", "beta"];
    let stage = stages.iter().position(|stage| version.contains(stage));
    let (major, minor) =
        stage.map_or(Some((version, "1")), |stage| version.split_once(stages[stage])).unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0 && number.to_string() == text);
    let (Some(major), Some(minor)) = (number(major), number(minor)) else { return false };
    (major, stage.unwrap_or(stages.len()), minor) > (1, 1, 2)
}

/// Words of which every document that `inject` must read contains one: the kinds with a reference, the identities (all
/// of which contain `AWSCluster`), and topology Clusters. Documents with a wrapper, or with what applies a directory,
/// are read as well.
pub fn needles() -> Needles {
    let kinds = kind_words();
    let topology: [&str; 2] = ["topology", CAPI_GROUP];
    Needles::new(kinds.iter().map(<[&str; 1]>::as_slice).chain([topology.as_slice()]))
        .also(&WRAPPER_WORDS)
        .also(&APPLIERS)
}

/// Words of which every text that names a kind with a reference, or an identity, contains one.
fn kind_words() -> Vec<[&'static str; 1]> {
    let kinds = REFERENCING_KINDS.iter().map(|kind_row| kind_row.kind);
    // A word that contains another needle is found with that needle.
    let is_first = |kind: &&str| !kinds.clone().any(|other| other != *kind && kind.contains(other));
    kinds.clone().filter(is_first).map(|kind| [kind]).collect()
}

/// Whether a text names a kind with a reference, or an identity.
pub(super) fn names_capa(text: &[u8]) -> bool {
    static KINDS: LazyLock<Needles> = LazyLock::new(|| Needles::new(kind_words().iter().map(<[&str; 1]>::as_slice)));
    KINDS.literal(text)
}

/// Words of documents that contain a [wrapper](super::Wrapper) but perhaps no kind of CAPA: the groups of the table. A
/// ConfigMap needs none, because it is a wrapper only if it contains such a kind.
const WRAPPER_WORDS: [&str; 6] = [
    "capi.weave.works",
    "templates.weave.works",
    "k0rdent.mirantis.com",
    "helm.toolkit.fluxcd.io",
    "addons.cluster.x-k8s.io",
    "fleet.cattle.io",
];

/// The groups of objects that apply a directory: Flux and Argo CD.
const APPLIERS: [&str; 2] = ["kustomize.toolkit.fluxcd.io", "argoproj.io"];

/// The needles of a verb that also reads Namespaces and Secrets, which can decide whether an identity may be used.
pub fn needles_with_surroundings() -> Needles {
    needles().also(&SURROUNDINGS)
}

/// The kinds of objects that can decide whether an identity may be used.
pub const SURROUNDINGS: [&str; 2] = ["Namespace", "Secret"];

/// The needles of a verb that also looks for misplaced references, all of which have this key, and for what shows
/// something about the pod of CAPA and about what it needs in AWS.
pub fn needles_for_lint() -> Needles {
    needles_with_surroundings().also(&["identityRef", "ServiceAccount", "AWSMachine"])
}

/// Whether a text could be or contain a Secret or a ConfigMap, so that none of it may be shown. The text need not be
/// valid: an escape or a tag may hide the kind, and other objects may have the fields of a Secret.
pub fn may_hold_bodies(text: &[u8]) -> bool {
    static USAGE: LazyLock<Needles> = LazyLock::new(|| {
        Needles::new([["Secret"], ["ConfigMap"], ["secret"], ["stringData"]].iter().map(|word| word.as_slice()))
    });
    // Any tag counts, because its meaning may be defined elsewhere.
    let tagged = memchr::memchr_iter(b'!', text).any(|at| at > 0 && text[at - 1].is_ascii_whitespace());
    tagged || USAGE.literal(text) || USAGE.possible(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_classified_by_group_and_version() {
        let infra = |version: &str| format!("{IDENTITY_GROUP}/{version}");
        for version in Version::ALL {
            assert!(matches!(classify(&infra(version.name()), "AWSCluster"), Typed::ReferencingKind(..)));
        }
        for (api_version, kind) in [
            (infra("v1alpha2"), "AWSCluster"),
            (infra("v1alpha3"), "AWSClusterTemplate"),
            (infra("v1alpha5"), "AWSCluster"),
            (infra("v1beta03"), "AWSCluster"),
            (infra("v1gamma1"), "AWSCluster"),
            (infra("v1beta2"), "AWSManagedControlPlane"),
            (format!("{CONTROL_PLANE_GROUP}/v1beta1"), "AWSManagedControlPlaneTemplate"),
            (infra("v1alpha2"), "AWSClusterRoleIdentity"),
        ] {
            assert!(matches!(classify(&api_version, kind), Typed::Refused(_)), "{api_version} {kind}");
        }
        for newer in ["v1beta3", "v1", "v2", "v2alpha1"] {
            let typed = classify(&infra(newer), "AWSCluster");
            assert!(matches!(typed, Typed::ReferencingKind(_, Version::V1Beta2)), "{newer}");
            assert!(is_newer(newer) && !is_newer(&newer[1..]), "{newer}");
        }
        assert!(!Version::ALL.iter().any(|version| is_newer(version.name())));
        assert_eq!(classify("example.com/v1", "AWSCluster"), Typed::Foreign);
        assert_eq!(classify("v1", "Secret"), Typed::Foreign);
        assert_eq!(classify("cluster.x-k8s.io/v1beta1", "Cluster"), Typed::Cluster);
    }
}
