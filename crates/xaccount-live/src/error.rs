//! Why a management cluster can't be read, and what to do about it.

use std::time::Duration;

/// A management cluster can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// There is no kubeconfig.
    #[error("there is no kubeconfig, neither in KUBECONFIG nor in ~/.kube/config")]
    NoKubeconfig,
    /// There is no usable kubeconfig, or a context, cluster or user of it is missing or not valid.
    #[error("kubeconfig: {0}")]
    Kubeconfig(String),
    /// The credentials of the kubeconfig can't be used: a file of them is missing, or an exec plugin failed.
    #[error("credentials for {server} can't be used: {why}")]
    Credentials {
        /// The server.
        server: String,
        /// The reason.
        why: String,
    },
    /// No connection.
    #[error("{server} can't be reached: {why}")]
    Unreachable {
        /// The server.
        server: String,
        /// The reason.
        why: String,
    },
    /// The connection ended before the answer did.
    #[error("the connection to {server} ended during GET {path}: {why}")]
    Cut {
        /// The server.
        server: String,
        /// The request.
        path: String,
        /// The reason.
        why: String,
    },
    /// No answer in time.
    #[error("{server} did not answer GET {path} within {} s", after.as_secs_f64())]
    TimedOut {
        /// The server.
        server: String,
        /// The request.
        path: String,
        /// The limit.
        after: Duration,
    },
    /// The answer is not what an API server sends.
    #[error("{server} answered GET {path} with something that is not a Kubernetes object: {why}")]
    NotKubernetes {
        /// The server.
        server: String,
        /// The request.
        path: String,
        /// The reason.
        why: String,
    },
    /// The API server refused a request.
    #[error("{server} answered GET {path} with {code} {reason}: {message}")]
    Refused {
        /// The server.
        server: String,
        /// The request.
        path: String,
        /// The HTTP status.
        code: u16,
        /// The reason of the API server, or the name of the HTTP status.
        reason: String,
        /// The message of the API server.
        message: String,
    },
    /// The lists changed faster than they can be read.
    #[error("{server}: the list {path} expired before it was read (410 Gone), {attempts} times")]
    Expired {
        /// The server.
        server: String,
        /// The request.
        path: String,
        /// How often it was tried.
        attempts: usize,
    },
    /// A namespace of the command line does not exist.
    #[error("{server} has no namespace {name}")]
    NoNamespace {
        /// The server.
        server: String,
        /// The namespace.
        name: String,
    },
    /// The server has no kind of CAPA.
    #[error("{server} is not a management cluster of CAPA: it does not serve {resource}")]
    NotManagementCluster {
        /// The server.
        server: String,
        /// The resource that every release of CAPA has.
        resource: String,
    },
}

impl LiveError {
    /// What to type next.
    pub fn help(&self) -> Vec<String> {
        let lines: &[&str] = match self {
            Self::NoKubeconfig => &["--kubeconfig FILE names one"],
            Self::Kubeconfig(_) => &["kubectl config get-contexts; then --context NAME, or --kubeconfig FILE"],
            Self::Credentials { .. } => &["kubectl auth whoami shows whether kubectl can use them"],
            Self::Unreachable { .. } => {
                &["kubectl cluster-info shows whether kubectl reaches it; --context NAME selects another cluster"]
            }
            Self::Cut { .. } => &["run again"],
            Self::TimedOut { .. } => &["run again with a longer --request-timeout, or with -n NAMESPACE instead of -A"],
            Self::NotKubernetes { .. } => &["kubectl get --raw /version shows whether it is an API server"],
            Self::Refused { code: 401, .. } => {
                &["the credentials expired or are not valid: log in again; kubectl auth whoami shows the user"]
            }
            Self::Refused { code: 403, .. } => {
                &["kubectl xaccount status --print-rbac prints the ClusterRole to grant"]
            }
            Self::Refused { code: 429, .. } => &["the API server is overloaded: run again later"],
            Self::Refused { code: 500..=599, message, .. } if message.contains("conversion webhook") => &[
                "the webhook of CAPA or Cluster API does not answer: kubectl get pods -A -l cluster.x-k8s.io/provider",
            ],
            Self::Refused { code: 500..=599, .. } => {
                &["run again; kubectl get --raw '/readyz?verbose' shows what fails"]
            }
            Self::Refused { .. } => &["kubectl get --raw PATH shows the same answer"],
            Self::Expired { .. } => &["run again, or with -n NAMESPACE instead of -A"],
            Self::NoNamespace { .. } => &["kubectl get namespaces; -A reads all of them"],
            Self::NotManagementCluster { .. } => {
                &["--context NAME selects another cluster", "kubectl get crds | grep cluster.x-k8s.io"]
            }
        };
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    /// Whether the user lacks a permission.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code: 403, .. })
    }
}
