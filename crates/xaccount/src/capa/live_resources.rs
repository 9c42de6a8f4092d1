//! What `status` reads from a management cluster.

/// A resource of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveResource {
    /// Its group; empty for the core group.
    pub group: &'static str,
    /// Its name in requests and in RBAC.
    pub plural: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether it shows who the controller is, and no cluster or identity.
    pub of_controller: bool,
}

const INFRASTRUCTURE: &str = super::tables::IDENTITY_GROUP;
const CONTROL_PLANE: &str = super::tables::CONTROL_PLANE_GROUP;
const CAPI: &str = super::tables::CAPI_GROUP;

const fn row(group: &'static str, plural: &'static str, kind: &'static str, namespaced: bool) -> LiveResource {
    LiveResource { group, plural, kind, namespaced, of_controller: false }
}

/// The resource that every release of CAPA has, so that a server without it is not a management cluster.
pub const CAPA_RESOURCE: &str = "awsclusters";

/// The label of the Deployments of CAPA (`config/default/kustomization.yaml`, v0.6.9 to v2.13.0).
pub const CONTROLLER_LABEL: (&str, &str) = ("cluster.x-k8s.io/provider", "infrastructure-aws");

/// Every resource, with its name and scope in the CRDs (CAPA `config/crd/bases`, v2.13.0; Cluster API `config/crd/bases`,
/// v1.13.0). What a server does not serve is skipped: ROSA came with v2.3.0 and v2.9.2. Secrets are never read.
pub const LIVE_RESOURCES: [LiveResource; 14] = [
    row(INFRASTRUCTURE, CAPA_RESOURCE, "AWSCluster", true),
    row(INFRASTRUCTURE, "awsclusterroleidentities", "AWSClusterRoleIdentity", false),
    row(INFRASTRUCTURE, "awsclusterstaticidentities", "AWSClusterStaticIdentity", false),
    row(INFRASTRUCTURE, "awsclustercontrolleridentities", "AWSClusterControllerIdentity", false),
    row(INFRASTRUCTURE, "awsmachinepools", "AWSMachinePool", true),
    row(INFRASTRUCTURE, "rosanetworks", "ROSANetwork", true),
    row(INFRASTRUCTURE, "rosaroleconfigs", "ROSARoleConfig", true),
    row(INFRASTRUCTURE, "rosaocmroleconfigs", "ROSAOCMRoleConfig", false),
    row(CONTROL_PLANE, "awsmanagedcontrolplanes", "AWSManagedControlPlane", true),
    row(CONTROL_PLANE, "rosacontrolplanes", "ROSAControlPlane", true),
    row(CAPI, "clusters", "Cluster", true),
    row("", "namespaces", "Namespace", false),
    LiveResource { of_controller: true, ..row("apps", "deployments", "Deployment", true) },
    LiveResource { of_controller: true, ..row("", "pods", "Pod", true) },
];

impl LiveResource {
    /// `awsclusters.infrastructure.cluster.x-k8s.io`, as kubectl takes it.
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Whether the object with this API version and kind is one of it.
    pub fn is_of(&self, api_version: &str, kind: &str) -> bool {
        self.kind == kind && api_version.rsplit_once('/').map_or("", |(group, _)| group) == self.group
    }
}
