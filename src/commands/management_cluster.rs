//! The objects of a management cluster, read through its API server. Without the feature `live` there is no way to.

use xaccount::diag::Diagnostic;

use super::map_file::MapFile;
use crate::cli::ClusterArgs;

/// The command that prints the objects of a management cluster that `--live` and `status` read.
pub(crate) const DUMP: &str =
    "kubectl get clusters.cluster.x-k8s.io,awsclusters,awsmanagedcontrolplanes,awsri,awssi,awsci,namespaces -A -o yaml";

/// What to read.
#[cfg_attr(not(feature = "live"), allow(dead_code))]
pub(crate) struct ClusterRequest<'r> {
    pub(crate) cluster: &'r ClusterArgs,
    /// None means that of the context.
    pub(crate) namespaces: &'r [String],
    pub(crate) all_namespaces: bool,
    /// What to type to read files instead, if there is no kubeconfig.
    pub(crate) from_files: String,
}

/// What was read of a management cluster.
pub(crate) struct ManagementCluster {
    /// Its context.
    pub(crate) context: String,
    server: String,
    /// None means all.
    namespaces: Option<Vec<String>>,
    /// Its objects, as a `kind: List`.
    pub(crate) list: Vec<u8>,
    /// What could not be read, as warnings.
    pub(crate) unreadable: Vec<Diagnostic>,
    /// The same about the controller, on which no verdict depends.
    pub(crate) hidden_controller: Vec<Diagnostic>,
    /// The uid of `kube-system`, or why it can't be read.
    uid: Result<String, String>,
}

impl ManagementCluster {
    /// The context, server and namespaces, for people.
    pub(crate) fn title(&self) -> String {
        let namespaces = match self.namespaces.as_deref() {
            None => "all namespaces".to_owned(),
            Some([one]) => format!("namespace {one}"),
            Some(several) => format!("namespaces {}", several.join(", ")),
        };
        format!("context {}, server {}, {namespaces}", self.context, self.server)
    }

    /// Checks that this is the cluster that the account map is for.
    ///
    /// # Errors
    /// The map has another uid, or the uid can't be read.
    pub(crate) fn is_that_of(&self, map: &MapFile) -> Result<(), Diagnostic> {
        let Some(wanted) = map.map.source.management_cluster.as_ref() else { return Ok(()) };
        let Some(uid) = &wanted.uid else { return Ok(()) };
        let (name, place) = (&wanted.name.value, map.place(uid.span));
        match &self.uid {
            Ok(found) if *found == uid.value => Ok(()),
            Ok(found) => Err(Diagnostic::error(format!(
                "context {} is not the management cluster {name} of the account map",
                self.context
            ))
            .help(format!("{place}: uid {}; namespace kube-system of {} has {found}", uid.value, self.server))
            .help("select the right context with --context, or pass --no-config")),
            Err(why) => Err(Diagnostic::error(format!(
                "whether context {} is the management cluster {name} of the account map is unknown: {why}",
                self.context
            ))
            .help(format!("{place}: remove uid, or grant get on the namespace kube-system"))),
        }
    }
}

#[cfg(feature = "live")]
mod enabled {
    use std::time::Duration;

    use xaccount::diag::Diagnostic;
    use xaccount::kubernetes::names;
    use xaccount_live::{Access, LiveError, NamespaceScope, Unreadable};

    use super::{ClusterRequest, ManagementCluster};
    use crate::commands::progress;

    /// Without `--request-timeout`. kubectl has no limit; without one, a firewall that drops packets looks like a hang.
    const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

    impl ManagementCluster {
        /// Reads it.
        ///
        /// # Errors
        /// It can't be read.
        pub(crate) fn read(request: &ClusterRequest<'_>) -> Result<Self, Diagnostic> {
            let args = request.cluster;
            let scope = match request.namespaces {
                _ if request.all_namespaces => NamespaceScope::All,
                [] => NamespaceScope::Context,
                names => NamespaceScope::Named(names.to_vec()),
            };
            if let Some(name) = request.namespaces.iter().find(|name| !names::is_dns_subdomain(name)) {
                let error = Diagnostic::error(format!("-n {name}: this is not the name of a namespace"));
                return Err(error.help("kubectl get namespaces"));
            }
            progress::show("reading the management cluster", 0, 0);
            let access = Access {
                kubeconfig: args.kubeconfig.clone(),
                context: args.context.clone(),
                impersonate: args.impersonate.clone(),
                impersonate_groups: args.as_group.clone(),
                request_timeout: Some(args.request_timeout.unwrap_or(REQUEST_TIMEOUT))
                    .filter(|timeout| !timeout.is_zero()),
            };
            let snapshot = xaccount_live::read(&access, &scope).map_err(|error| diagnostic(&error, request))?;
            let (of_controller, others): (Vec<&Unreadable>, Vec<&Unreadable>) =
                snapshot.unreadable.iter().partition(|one| one.resource.of_controller);
            let warnings = |all: Vec<&Unreadable>| all.into_iter().map(unreadable).collect();
            Ok(Self {
                hidden_controller: warnings(of_controller),
                unreadable: warnings(others),
                context: snapshot.context,
                server: snapshot.server,
                namespaces: snapshot.namespaces,
                list: snapshot.list,
                uid: snapshot.uid,
            })
        }
    }

    fn diagnostic(error: &LiveError, request: &ClusterRequest<'_>) -> Diagnostic {
        let files = matches!(error, LiveError::NoKubeconfig).then(|| request.from_files.clone());
        files.into_iter().chain(error.help()).fold(Diagnostic::error(error.to_string()), Diagnostic::help)
    }

    fn unreadable(one: &Unreadable) -> Diagnostic {
        let place = one.namespace.as_ref().map_or(String::new(), |namespace| format!(" of namespace {namespace}"));
        let warning = Diagnostic::warning(format!("unreadable: {}{place}: {}", one.resource.name(), one.why));
        match &one.rule {
            Some(rule) => {
                warning.help(format!("missing rule: {rule}")).help("all rules: kubectl xaccount status --print-rbac")
            }
            None => warning,
        }
    }

    /// The least ClusterRole, as YAML.
    ///
    /// # Errors
    /// Never with this feature.
    #[allow(clippy::unnecessary_wraps)]
    pub(crate) fn cluster_role() -> Result<String, Diagnostic> {
        Ok(xaccount_live::cluster_role())
    }
}

#[cfg(feature = "live")]
pub(crate) use enabled::cluster_role;

/// The error of a build without the feature.
#[cfg(not(feature = "live"))]
fn disabled() -> Diagnostic {
    Diagnostic::error("this build can't read a management cluster")
        .help("cargo install kubectl-xaccount --features live, or install a release")
}

/// The least ClusterRole, as YAML.
///
/// # Errors
/// Always: this build has no use for it.
#[cfg(not(feature = "live"))]
pub(crate) fn cluster_role() -> Result<String, Diagnostic> {
    Err(disabled())
}

#[cfg(not(feature = "live"))]
impl ManagementCluster {
    /// Always an error.
    ///
    /// # Errors
    /// This build can't read a cluster.
    pub(crate) fn read(request: &ClusterRequest<'_>) -> Result<Self, Diagnostic> {
        Err(disabled().help(request.from_files.clone()))
    }
}
