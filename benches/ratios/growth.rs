//! Growth: the same run over an input and over twice as much. Twice the time is linear, four times is quadratic.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const INFRA: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2";

/// The CPU time for twice the input may be this many times as long: a sort, or data that no longer fits a cache, takes
/// a bit more than twice.
pub(crate) const MOST: f64 = 2.6;

/// What the input contains many of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Many {
    /// Clusters, each with its own identity.
    Identities,
    /// Identities that form one chain, and one cluster at its end.
    Links,
    /// The same with a cluster at every identity.
    Clusters,
    /// Identities that form a circle, with a cluster at every one.
    Circle,
    /// Clusters in one List.
    Items,
    /// The same, all with a reference to one identity.
    Right,
    /// Identities in one List, each with a fixable finding.
    Findings,
    /// Kustomizations with a prefix, each in its own directory.
    Kustomizations,
}

/// A command line: its name, the arguments, the exit status.
pub(crate) type Way = (&'static str, &'static [&'static str], i32);

/// Which commands run over which input.
pub(crate) const CASES: &[(Many, usize, &[Way])] = &[
    (
        Many::Identities,
        10_000,
        &[
            ("eject", &["eject"], 1),
            ("lint", &["lint"], 0),
            ("status", &["status"], 0),
            ("status -o map", &["status", "-o", "map"], 0),
        ],
    ),
    (Many::Links, 20_000, &[("status --account", &["status", "--account", "200000000000"], 0), ("lint", &["lint"], 0)]),
    (Many::Clusters, 5_000, &[("status", &["status"], 0), ("lint", &["lint"], 0)]),
    (Many::Circle, 5_000, &[("status", &["status"], 0), ("lint -o github", &["lint", "-o", "github"], 1)]),
    (Many::Items, 8_000, &[("diff", &["inject", "--account", "222222222222"], 1)]),
    (Many::Right, 8_000, &[("eject", &["eject"], 1)]),
    (Many::Findings, 2_000, &[("lint -o sarif", &["lint", "-o", "sarif"], 1)]),
    (Many::Kustomizations, 500, &[("lint", &["lint", "--exit-zero"], 0)]),
];

/// Creates the files with `n` of them in a directory of their own.
pub(crate) fn directory(folder: &Path, many: Many, n: usize) -> PathBuf {
    let path = folder.join(format!("growth-{many:?}-{n}"));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    if let Many::Kustomizations = many {
        for at in 0..n {
            let own = path.join(at.to_string());
            fs::create_dir(&own).unwrap();
            fs::write(own.join("a.yaml"), documents(&pair(at))).unwrap();
            fs::write(own.join("kustomization.yaml"), format!("namePrefix: x-\nresources: [a.yaml, ../{}]\n", at / 2))
                .unwrap();
        }
        return path;
    }
    let text = match many {
        Many::Items | Many::Right | Many::Findings => list(&objects(many, n)),
        _ => documents(&objects(many, n)),
    };
    fs::write(path.join("a.yaml"), text).unwrap();
    path
}

fn objects(many: Many, n: usize) -> Vec<String> {
    let chain = |at: usize| role(&format!("i{at}"), at, (at + 1 < n).then(|| format!("i{}", at + 1)).as_deref());
    match many {
        Many::Identities | Many::Kustomizations => (0..n).flat_map(pair).collect(),
        Many::Links => std::iter::once(cluster(0, Some("i0"))).chain((0..n).map(chain)).collect(),
        Many::Clusters => (0..n).flat_map(|at| [cluster(at, Some(&format!("i{at}"))), chain(at)]).collect(),
        Many::Circle => {
            let next = |at: usize| format!("i{}", (at + 1) % n);
            let both = |at| [cluster(at, Some(&format!("i{at}"))), role(&format!("i{at}"), at, Some(&next(at)))];
            (0..n).flat_map(both).collect()
        }
        Many::Items => (0..n).map(|at| cluster(at, None)).collect(),
        Many::Right => {
            let name = name(0);
            (0..n).map(|at| cluster(at, Some(&name))).chain([role(&name, 0, None)]).collect()
        }
        Many::Findings => {
            let long = |at| role(&name(at), at, None) + "  durationSeconds: \"1200\"\n";
            (0..n).map(long).collect()
        }
    }
}

fn pair(at: usize) -> [String; 2] {
    [cluster(at, Some(&name(at))), role(&name(at), at, None)]
}

fn name(at: usize) -> String {
    format!("cross-account-role-{}", 200_000_000_000_usize + at)
}

fn cluster(at: usize, identity: Option<&str>) -> String {
    let mut text =
        format!("{INFRA}\nkind: AWSCluster\nmetadata:\n  name: c{at}\n  namespace: dev\nspec:\n  region: us-west-2\n");
    if let Some(name) = identity {
        write!(text, "  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: {name}\n").unwrap();
    }
    text
}

fn role(name: &str, at: usize, source: Option<&str>) -> String {
    let account = 200_000_000_000_usize + at;
    let (kind, source) = source.map_or(("Controller", "default"), |source| ("Role", source));
    format!(
        "{INFRA}\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: {name}\nspec:\n  allowedNamespaces: {{}}\n  roleARN: \"arn:aws:iam::{account}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\"\n  sourceIdentityRef:\n    kind: AWSCluster{kind}Identity\n    name: {source}\n"
    )
}

fn documents(objects: &[String]) -> String {
    objects.join("---\n")
}

fn list(objects: &[String]) -> String {
    let item = |object: &String| format!("- {}", object.trim_end().replace('\n', "\n  "));
    format!("apiVersion: v1\nkind: List\nitems:\n{}\n", objects.iter().map(item).collect::<Vec<_>>().join("\n"))
}
