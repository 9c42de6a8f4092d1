//! The inputs: bundles, a List and trees, the same bytes on every machine, kept in `target/bench-data`.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

const TEMPLATE: &str = include_str!("cluster.yaml");

/// The target account of all clusters.
pub(crate) const ACCOUNT: &str = "222222222222";

/// Files in one directory of a tree.
const DIRECTORY: usize = 100;

const REFERENCE: &str = "  identityRef:
    kind: AWSClusterRoleIdentity
    name: cross-account-role-222222222222
";

const IDENTITY: &str = "---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata:
  name: cross-account-role-222222222222
spec:
  allowedNamespaces: {}
  roleARN: \"arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\"
  sourceIdentityRef:
    kind: AWSClusterControllerIdentity
    name: default
";

const SCRIPT: [&str; 10] = [
    "log() { printf '%s node-prep: %s\\n' \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" \"$*\" >&2; }",
    "",
    "if [[ -e \"${STATE_DIR}/step-@.done\" ]]; then",
    "  log \"step @: already done\"; return 0",
    "fi",
    "# --- step @: kernel modules, sysctls, data disk, swap, clock",
    "curl -sf --max-time @ -o /dev/null http://169.254.169.254/ \\",
    "  || log 'the metadata service: not yet'",
    "sed -i.before -E 's/^([^#].*\\sswap\\s.*)$/# \\1/' /etc/fstab",
    "- {level: Metadata, resources: [{group: \"\", resources: [secrets, configmaps]}], step: @}",
];

/// What a file holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// A stream of this many clusters, about 43 kB each; the first `right` of them already have the reference.
    Bundle { clusters: usize, right: usize },
    /// The same, as one document of kind List.
    List { clusters: usize },
    /// A cluster that already has the reference, and a ConfigMap with one line of this many carriage returns.
    Returns { lines: usize },
}

/// Creates the file, or reuses an existing one with the same bytes.
pub(crate) fn file(folder: &Path, name: &str, content: Content) -> PathBuf {
    let path = folder.join(name);
    kept(&path, &format!("{content:?}"), || {
        let mut out = BufWriter::new(File::create(&path).unwrap());
        match content {
            Content::Bundle { clusters, right } => {
                for n in 0..clusters {
                    out.write_all(if n > 0 { b"---\n" } else { b"" }).unwrap();
                    out.write_all(cluster(n, n < right).join("---\n").as_bytes()).unwrap();
                }
                out.write_all(if right > 0 { IDENTITY.as_bytes() } else { b"" }).unwrap();
            }
            Content::List { clusters } => {
                out.write_all(b"apiVersion: v1\nkind: List\nitems:\n").unwrap();
                for line in (0..clusters).flat_map(|n| cluster(n, false)).flat_map(item) {
                    out.write_all(line.as_bytes()).unwrap();
                }
            }
            Content::Returns { lines } => {
                out.write_all(cluster(0, true).join("---\n").as_bytes()).unwrap();
                out.write_all(IDENTITY.as_bytes()).unwrap();
                out.write_all(b"---\nkind: ConfigMap\ndata: {a: \"").unwrap();
                (0..lines).for_each(|_| out.write_all(b"word\r").unwrap());
                out.write_all(b"\"}\n").unwrap();
            }
        }
        out.flush().unwrap();
    });
    path
}

/// Creates a tree of `files` files, of which every `every`th contains an AWSCluster, or reuses an existing one.
pub(crate) fn tree(folder: &Path, name: &str, files: usize, every: usize) -> PathBuf {
    let path = folder.join(name);
    kept(&path, &format!("{files} {every}"), || {
        let _ = fs::remove_dir_all(&path);
        for n in 0..files {
            let directory = path.join(format!("d{:03}", n / DIRECTORY));
            if n.is_multiple_of(DIRECTORY) {
                fs::create_dir_all(&directory).unwrap();
            }
            let documents = cluster(n, false);
            let workers = &documents[3..5];
            let own = if n.is_multiple_of(every) { &documents[..2] } else { workers };
            let text = [own, workers].concat().join("---\n");
            fs::write(directory.join(format!("{n:05}.yaml")), text).unwrap();
        }
    });
    path
}

/// All files of a tree (or the one file), in the order of their paths.
pub(crate) fn files(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = walkdir::WalkDir::new(path).sort_by_file_name().into_iter().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

/// Runs `make` unless the bytes at `path` are those that it wrote the last time, from the same sources.
fn kept(path: &Path, what: &str, make: impl FnOnce()) {
    let stamp = path.with_extension("stamp");
    let digest = || {
        let mut hash = Xxh3::new();
        [include_str!("data.rs"), TEMPLATE, what].iter().for_each(|text| hash.write(text.as_bytes()));
        let mut buffer = vec![0; 64 << 10];
        for path in files(path) {
            let mut file = File::open(path).unwrap();
            while let Ok(length @ 1..) = file.read(&mut buffer) {
                hash.write(&buffer[..length]);
            }
        }
        format!("{:016x}\n", hash.finish())
    };
    if path.exists() && fs::read_to_string(&stamp).is_ok_and(|there| there == digest()) {
        return;
    }
    make();
    fs::write(stamp, digest()).unwrap();
}

/// The ten documents of one cluster.
fn cluster(n: usize, right: bool) -> Vec<String> {
    let documents: Vec<&str> = TEMPLATE.split("---\n").collect();
    let [whole @ .., deployment, machines, config] = &documents[..] else { unreachable!() };
    let pools = (0..3).flat_map(|pool| [(*deployment, pool), (*machines, pool)]);
    let all = whole.iter().map(|text| (*text, 0)).chain(pools).chain([(*config, 0)]);
    all.map(|(text, pool)| document(text, n, pool, right)).collect()
}

fn document(template: &str, n: usize, pool: usize, right: bool) -> String {
    let mut out = String::with_capacity(2 * template.len());
    for line in template.lines() {
        let text = line.trim_start();
        if let Some(count) = text.strip_prefix("@FILL ") {
            let indent = &line[..line.len() - text.len()];
            let count: usize = count.trim_end_matches('@').parse().unwrap();
            for step in 0..count {
                // An order that differs from cluster to cluster.
                let line = SCRIPT[(step * 7 + step / 10 * n + n) % SCRIPT.len()];
                let line = line.replace('@', &(step % 97).to_string());
                writeln!(out, "{}{line}", if line.is_empty() { "" } else { indent }).unwrap();
            }
        } else if text == "@REFERENCE@" {
            out.push_str(if right { REFERENCE } else { "" });
        } else if line.contains('@') {
            let line = line.replace("@NAME@", &format!("cluster-{n:05}"));
            let line = line.replace("@TEAM@", &(n % 17).to_string());
            writeln!(out, "{}", line.replace("@POOL@", &format!("md-{pool}"))).unwrap();
        } else {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

/// A document as an item of a list.
fn item(document: String) -> Vec<String> {
    let mut first = true;
    let mut indented = |line: &str| match line {
        "\n" => line.to_owned(),
        _ if line.starts_with('#') => format!("  {line}"),
        _ => format!("{}{line}", if std::mem::take(&mut first) { "- " } else { "  " }),
    };
    document.split_inclusive('\n').map(&mut indented).collect()
}
