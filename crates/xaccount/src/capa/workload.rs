//! The Deployment and the Pods of CAPA: which release runs, what it watches, and what it runs as.

use lossless_yaml::{NodeId, Tree};

use super::field::{descend, texts};
use super::live_resources::CONTROLLER_LABEL;
use super::release::Release;

/// A Deployment or a Pod of CAPA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Whether it is a running Pod. The credentials of a Deployment are what its next Pods get.
    pub is_pod: bool,
    /// The image of the controller.
    pub image: String,
    /// The value of `--namespace`: the only namespace that it watches.
    pub namespace: Option<String>,
    /// The value of `--watch-filter`: it watches only objects with this label.
    pub watch_filter: Option<String>,
    /// What it runs as.
    pub runs_as: RunsAs,
}

/// What a Pod of CAPA gets its own credentials from, in the order in which the AWS SDK looks (aws-sdk-go-v2,
/// `config/resolve_credentials.go`, v1.31.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunsAs {
    /// Keys in its environment.
    Keys,
    /// A role by IRSA: the ARN.
    Irsa(String),
    /// EKS Pod Identity; the role is not in Kubernetes. Keys in the Secret of CAPA would be used before it.
    PodIdentity,
    /// Keys in the Secret of CAPA, or the instance profile of the node. Only the Secret shows which, and it is not read.
    SecretOrInstanceProfile,
}

impl Workload {
    /// The release in the tag of the image: `v2.10.0` for `v2.10.0-ncn.1`.
    pub fn release(&self) -> Option<Release> {
        let tagged = self.image.split('@').next()?;
        let (_, tag) = tagged.rsplit('/').next()?.split_once(':')?;
        tag.starts_with('v').then(|| tag.parse().ok())?
    }
}

/// What an object of an API server shows, if it is a Deployment or a running Pod of CAPA.
pub(super) fn workload(tree: &Tree<'_>, object: NodeId, api_version: &str, kind: &str) -> Option<Workload> {
    let (is_pod, spec): (bool, &[&str]) = match (api_version, kind) {
        ("apps/v1", "Deployment") => (false, &["spec", "template", "spec"]),
        ("v1", "Pod") => (true, &["spec"]),
        _ => return None,
    };
    texts(tree, object, "labels").find(|label| *label == CONTROLLER_LABEL)?;
    // A manifest does not show what runs.
    descend(tree, object, &["metadata", "uid"])?;
    let phase = descend(tree, object, &["status", "phase"]).and_then(|phase| tree.text(phase));
    if is_pod && phase != Some("Running") {
        return None;
    }
    let containers = tree.items(descend(tree, object, &[spec, &["containers"]].concat())?)?;
    let text = |node: NodeId, key: &str| tree.value(node, key).and_then(|value| tree.text(value));
    // config/manager/manager.yaml of CAPA; another container may be a proxy.
    let container = containers.iter().copied().find(|&one| text(one, "name") == Some("manager"))?;
    let args = tree.value(container, "args").and_then(|args| tree.items(args)).unwrap_or_default();
    let args: Vec<&str> = args.iter().filter_map(|&arg| tree.text(arg)).collect();
    let flag = |name: &str| value_of(&args, name).filter(|value| !value.is_empty()).map(str::to_owned);
    let env = tree.value(container, "env").and_then(|env| tree.items(env)).unwrap_or_default();
    let variable = |name: &str| env.iter().copied().find(|&one| text(one, "name") == Some(name));
    let runs_as = match (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")) {
        _ if variable("AWS_ACCESS_KEY_ID").is_some() => RunsAs::Keys,
        (Some(_), Some(role)) => RunsAs::Irsa(text(role, "value")?.to_owned()),
        _ if variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some() => RunsAs::PodIdentity,
        _ => RunsAs::SecretOrInstanceProfile,
    };
    Some(Workload {
        is_pod,
        image: text(container, "image")?.to_owned(),
        namespace: flag("--namespace"),
        watch_filter: flag("--watch-filter"),
        runs_as,
    })
}

/// The value of a flag, in both forms of Go: `--name=value` and `--name value`.
fn value_of<'a>(args: &[&'a str], name: &str) -> Option<&'a str> {
    args.iter().enumerate().rev().find_map(|(at, arg)| match arg.strip_prefix(name)? {
        "" => args.get(at + 1).copied(),
        rest => rest.strip_prefix('='),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    fn pod(labels: &str, phase: &str, container: &str) -> Option<Workload> {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{uid: a, labels: {{{labels}}}}}\nstatus: {{phase: {phase}}}\n\
             spec: {{containers: [{{name: kube-rbac-proxy, image: 'r/p:v9'}}, {{name: manager, {container}}}]}}\n"
        );
        let tree = yaml::read(&text, 0).unwrap();
        workload(&tree, tree.root, "v1", "Pod")
    }

    const OF_CAPA: &str = "cluster.x-k8s.io/provider: infrastructure-aws";

    #[test]
    fn the_release_is_in_the_tag() {
        for (image, release) in [
            ("registry.k8s.io/cluster-api-aws/cluster-api-aws-controller:v2.13.0", Some("v2.13.0")),
            ("localhost:5000/capa:v2.10.0-ncn.1@sha256:00", Some("v2.10.0")),
            ("localhost:5000/capa", None),
            ("r/capa:latest", None),
            ("r/capa@sha256:00", None),
        ] {
            let found = pod(OF_CAPA, "Running", &format!("image: '{image}'")).unwrap().release();
            assert_eq!(found.map(|release| release.to_string()).as_deref(), release, "{image}");
        }
    }

    #[test]
    fn the_environment_shows_what_it_runs_as() {
        let env = |names: &[&str]| {
            let one = |name: &&str| format!("{{name: {name}, value: x}}");
            format!("image: a, env: [{}]", names.iter().map(one).collect::<Vec<_>>().join(", "))
        };
        let irsa = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"];
        for (names, expected) in [
            (&[][..], RunsAs::SecretOrInstanceProfile),
            (&["AWS_ROLE_ARN"], RunsAs::SecretOrInstanceProfile),
            (&irsa, RunsAs::Irsa("x".into())),
            (&["AWS_CONTAINER_CREDENTIALS_FULL_URI"], RunsAs::PodIdentity),
            (&["AWS_CONTAINER_CREDENTIALS_FULL_URI", irsa[0], irsa[1]], RunsAs::Irsa("x".into())),
            (&[irsa[0], irsa[1], "AWS_ACCESS_KEY_ID"], RunsAs::Keys),
        ] {
            assert_eq!(pod(OF_CAPA, "Running", &env(names)).unwrap().runs_as, expected, "{names:?}");
        }
    }

    #[test]
    fn flags_have_two_forms_and_other_pods_do_not_count() {
        let args = "image: a, args: [--namespace=, --watch-filter, blue, --namespace, team-a]";
        let found = pod(OF_CAPA, "Running", args).unwrap();
        assert_eq!((found.namespace.as_deref(), found.watch_filter.as_deref()), (Some("team-a"), Some("blue")));
        assert_eq!(pod(OF_CAPA, "Pending", args), None);
        assert_eq!(pod("cluster.x-k8s.io/provider: cluster-api", "Running", args), None);
        let manifest = yaml::read("metadata: {labels: {cluster.x-k8s.io/provider: infrastructure-aws}}", 0).unwrap();
        assert_eq!(workload(&manifest, manifest.root, "v1", "Pod"), None);
    }
}
