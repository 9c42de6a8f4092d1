//! The controllers of CAPA in a management cluster.

use std::fmt;

use crate::aws::{AccountId, RoleArn};
use crate::capa::{ControllerFact, Release, RunsAs, Workload};
use crate::inventory::{Inventory, Provenance};

/// A controller: a Deployment, and what its Pods show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The namespace of the Deployment.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What the Deployment or, if there is one, a running Pod of it shows.
    pub workload: Workload,
}

/// The controllers, in the order of the objects.
pub fn controllers<O: Provenance>(inventory: &Inventory<O>) -> Vec<Controller> {
    let all = inventory.objects().iter().filter_map(|found| match found.object.controller_fact.as_deref() {
        Some(ControllerFact::Workload(workload)) => Some((found, workload)),
        _ => None,
    });
    let (pods, deployments): (Vec<_>, Vec<_>) = all.partition(|(_, workload)| workload.is_pod);
    let mut controllers = Vec::new();
    for (found, workload) in deployments {
        let (namespace, name) = (inventory.namespace_of(found), found.object.name.clone().unwrap_or_default());
        // The name of a Pod is that of its ReplicaSet, which is that of the Deployment, with suffixes: NAME-7d4b9c-x2x4z.
        let is_of = |pod: &str| pod.strip_prefix(&name).is_some_and(|rest| rest.matches('-').count() == 2);
        let pod = pods
            .iter()
            .find(|(pod, _)| inventory.namespace_of(pod) == namespace && pod.object.name.as_deref().is_some_and(is_of));
        let workload = pod.map_or(workload, |(_, workload)| workload).clone();
        controllers.push(Controller { namespace: namespace.to_owned(), name, workload });
    }
    controllers
}

impl Controller {
    /// The release that runs, if the image's tag shows it.
    pub fn release(&self) -> Option<Release> {
        self.workload.release()
    }

    /// The account that it runs in, if it is known: only a running Pod with IRSA shows it.
    pub fn account(&self) -> Option<AccountId> {
        match &self.workload.runs_as {
            RunsAs::Irsa(role) if self.workload.is_pod => Some(role.parse::<RoleArn>().ok()?.account().clone()),
            _ => None,
        }
    }

    /// What it runs as, in words.
    pub fn runs_as(&self) -> String {
        match &self.workload.runs_as {
            _ if !self.workload.is_pod => "what it runs as is unknown: no running Pod was read".to_owned(),
            RunsAs::Keys => "runs as the user of keys in its environment".to_owned(),
            RunsAs::Irsa(role) => format!("runs as {role} (IRSA)"),
            RunsAs::PodIdentity => "runs as the role of its EKS Pod Identity association".to_owned(),
            RunsAs::SecretOrInstanceProfile => {
                "runs as the keys of its Secret, which is not read, or the instance profile of its node".to_owned()
            }
        }
    }
}

/// `controller capa-system/capa-controller-manager: CAPA v2.13.0, watches every namespace, runs as …`
impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload { image, namespace, watch_filter, .. } = &self.workload;
        write!(f, "controller {}/{}: ", self.namespace, self.name)?;
        match self.release() {
            Some(release) => write!(f, "CAPA {release}")?,
            None => write!(f, "unknown release, image {image}")?,
        }
        match namespace {
            Some(namespace) => write!(f, ", watches only namespace {namespace}")?,
            None => write!(f, ", watches every namespace")?,
        }
        if let Some(filter) = watch_filter {
            write!(f, ", only objects with the label cluster.x-k8s.io/watch-filter: {filter}")?;
        }
        write!(f, ", {}", self.runs_as())
    }
}
