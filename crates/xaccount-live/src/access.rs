//! Access to a cluster by kubectl's rules.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::error::LiveError;

/// Which cluster is read, and as whom: the flags of kubectl with these names.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--as`.
    pub impersonate: Option<String>,
    /// `--as-group`.
    pub impersonate_groups: Vec<String>,
    /// `--request-timeout`; none means no limit.
    pub request_timeout: Option<Duration>,
}

/// A cluster that can be asked.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The name of the context, or `in-cluster`.
    pub(crate) context: String,
    /// The URL of the API server.
    pub(crate) server: String,
    /// The context's namespace.
    pub(crate) namespace: String,
    pub(crate) request_timeout: Option<Duration>,
}

/// The name that stands for a context in a pod.
const IN_CLUSTER: &str = "in-cluster";

impl Connection {
    /// Evaluates the kubeconfig, and logs in with an exec plugin if it names one. Opens no connection yet.
    ///
    /// # Errors
    /// The kubeconfig lacks something, or its credentials can't be used.
    pub(crate) async fn new(access: &Access, found: FoundConfig) -> Result<Self, LiveError> {
        let (mut config, context) = match found {
            FoundConfig::InCluster(config) => (*config, IN_CLUSTER.to_owned()),
            FoundConfig::Kubeconfig(kubeconfig) => of_context(access, *kubeconfig).await?,
        };
        if let Some(user) = &access.impersonate {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups = None;
        }
        if !access.impersonate_groups.is_empty() {
            config.auth_info.impersonate_groups = Some(access.impersonate_groups.clone());
        }
        // Requests are repeated by this crate, which says so in its errors.
        config.default_retry = false;
        let (server, namespace) = (server(&config), config.default_namespace.clone());
        let client = Client::try_from(config)
            .map_err(|error| LiveError::Credentials { server: server.clone(), why: causes(&error) })?;
        Ok(Self { client, context, server, namespace, request_timeout: access.request_timeout })
    }
}

/// `https://10.0.0.1:6443`, without the slash that a URI ends with.
fn server(config: &Config) -> String {
    config.cluster_url.to_string().trim_end_matches('/').to_owned()
}

/// What describes the clusters.
pub(crate) enum FoundConfig {
    Kubeconfig(Box<Kubeconfig>),
    /// The service account of this pod.
    InCluster(Box<Config>),
}

impl FoundConfig {
    /// Like kubectl: `--kubeconfig`, otherwise the files of `KUBECONFIG` that exist, otherwise `~/.kube/config`; in a pod
    /// without any of them, its service account (client-go, `tools/clientcmd/{loader,merged_client_builder}.go`).
    ///
    /// # Errors
    /// There is none, or a file can't be read.
    pub(crate) fn find(access: &Access) -> Result<Self, LiveError> {
        let kubeconfig = match &access.kubeconfig {
            Some(path) => Some(read(path)?),
            None => of_environment()?.filter(is_filled),
        };
        match kubeconfig {
            Some(kubeconfig) => Ok(Self::Kubeconfig(Box::new(kubeconfig))),
            None if access.context.is_some() => Err(LiveError::NoKubeconfig),
            None => {
                Config::incluster().map(|config| Self::InCluster(Box::new(config))).map_err(|_| LiveError::NoKubeconfig)
            }
        }
    }
}

/// The configuration of a context, and its name.
async fn of_context(access: &Access, kubeconfig: Kubeconfig) -> Result<(Config, String), LiveError> {
    let context = access.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if context.is_empty() {
        return Err(LiveError::Kubeconfig("it has no current-context".to_owned()));
    }
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    match Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok((config, context)),
        Err(error) => Err(LiveError::Kubeconfig(format!("context {context}: {}", causes(&error)))),
    }
}

fn is_filled(kubeconfig: &Kubeconfig) -> bool {
    !(kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty())
}

fn read(path: &Path) -> Result<Kubeconfig, LiveError> {
    Kubeconfig::read_from(path)
        .map_err(|error| LiveError::Kubeconfig(format!("{}: {}", path.display(), causes(&error))))
}

/// The merged files of `KUBECONFIG`, or `~/.kube/config`. Files that don't exist are skipped.
fn of_environment() -> Result<Option<Kubeconfig>, LiveError> {
    let of_variable = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let paths: Vec<PathBuf> = match &of_variable {
        Some(value) => std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::home_dir().into_iter().map(|home| home.join(".kube/config")).collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let next = read(path)?;
        merged = Some(match merged {
            None => next,
            Some(before) => before.merge(next).map_err(|error| LiveError::Kubeconfig(causes(&error)))?,
        });
    }
    Ok(merged)
}

/// An error with its causes, each once: many errors repeat their cause.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.lines().collect::<Vec<_>>().join(" ")
}
