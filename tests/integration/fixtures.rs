//! Every file of `testdata/` that can be edited: the first run edits it, the second changes nothing, and all modes
//! agree.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::OnceLock;

use crate::cases::{Tree, execute, read_tree, words, write_tree};
use crate::support::root;

/// Flags, of which a file needs one set or another to be edited.
const VARIANTS: [&str; 8] = [
    "",
    "--identity-file identities.yaml",
    "--no-identity",
    "--overwrite",
    "--overwrite --move-account 333333333333=222222222222 --session-name heron",
    "--topology-variable identityRef",
    "--identity-file identities.yaml --move-account source=222222222222 --orphan-resources default/kelp",
    "--overwrite --move-account unknown=222222222222 --cluster-name sable --cluster-name heron",
];

/// Files that no flags make editable; `testdata/README.md` explains why.
const NEVER: [&str; 29] = [
    "clusterclass/topology-caren-docker.yaml",
    "clusterclass/topology-caren-nutanix.yaml",
    "credentials/instance-profile.yaml",
    "credentials/irsa.yaml",
    "credentials/pod-identity.yaml",
    "dkp/dkp-log-lines.yaml",
    "fleet/account-map.yaml",
    "fleet/clusters/charts/web/Chart.yaml",
    "fleet/clusters/charts/web/templates/deployment.yaml",
    "fleet/clusters/charts/web/values.yaml",
    "fleet/clusters/kustomization.yaml",
    "iam/dkp-2.2.json",
    "iam/trust.json",
    "nkp-directory/awsmachinetemplate_lotus-control-plane.yaml",
    "nkp-directory/awsmachinetemplate_lotus-md-0.yaml",
    "nkp-directory/cluster_lotus.yaml",
    "nkp-directory/clusterresourceset_aws-ebs-csi-lotus.yaml",
    "nkp-directory/clusterresourceset_calico-cni-installation-lotus.yaml",
    "nkp-directory/clusterresourceset_cluster-autoscaler-lotus.yaml",
    "nkp-directory/configmap_aws-ebs-csi-lotus.yaml",
    "nkp-directory/configmap_calico-cni-installation-lotus.yaml",
    "nkp-directory/configmap_cluster-autoscaler-lotus.yaml",
    "nkp-directory/kubeadmconfigtemplate_lotus-md-0.yaml",
    "nkp-directory/kubeadmcontrolplane_lotus-control-plane.yaml",
    "nkp-directory/machinedeployment_lotus-md-0.yaml",
    "nkp-directory/machinehealthcheck_lotus-md-0.yaml",
    "nkp-directory/secret_lotus-etcd-encryption-config.yaml",
    "templates/helm-awscluster.yaml",
    "templates/jinja-awscluster.yaml",
];

/// Files of `testdata/`, and a command line that edits them.
pub(crate) struct Fixture {
    /// For messages.
    pub(crate) name: String,
    /// The files, by their names without folders, or a whole folder.
    pub(crate) files: Tree,
    /// `inject` and its arguments, without a mode.
    pub(crate) args: Vec<String>,
}

impl Fixture {
    /// The arguments with those of a mode.
    pub(crate) fn with(&self, mode: &str) -> Vec<String> {
        self.args.iter().cloned().chain(words(mode)).collect()
    }

    /// The reverse: the edited files, and `eject` on the paths that were given.
    pub(crate) fn back(&self) -> Self {
        let (output, files) = self.run("--write");
        assert_eq!(output.status.code(), Some(0), "{}", self.name);
        let mut args = vec!["eject".to_owned(), self.args[1].clone()];
        for flag in ["-R", "--identity-file"] {
            if let Some(at) = self.args.iter().position(|arg| arg == flag) {
                args.extend(self.args[at..].iter().take(if flag == "-R" { 1 } else { 2 }).cloned());
            }
        }
        Self { name: format!("back from {}", self.name), files, args }
    }

    /// Runs it in a new directory; returns the output and the files afterwards.
    pub(crate) fn run(&self, mode: &str) -> (std::process::Output, Tree) {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &self.files);
        let output = execute(directory.path(), &self.with(mode), b"");
        (output, read_tree(directory.path()))
    }
}

/// A file of `testdata/` with the flags that change it: the first set, or else the first of the others that do.
fn variants_that_edit(path: &str, bytes: &[u8]) -> Vec<Fixture> {
    let name = Path::new(path).file_name().unwrap().to_str().unwrap();
    let mut fixtures = Vec::new();
    for flags in VARIANTS {
        let fixture = Fixture {
            name: format!("{path} {flags}"),
            files: Tree::from([(name.to_owned(), bytes.to_vec())]),
            args: words(&format!("inject {name} --account 222222222222 {flags}")),
        };
        if fixture.run("--check").0.status.code() == Some(1) {
            fixtures.push(fixture);
            // The others are for files that the first set does not change.
            if flags != VARIANTS[0] {
                break;
            }
        }
    }
    fixtures
}

/// All fixtures.
pub(crate) fn fixtures() -> &'static [Fixture] {
    static FIXTURES: OnceLock<Vec<Fixture>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let mut fixtures: Vec<Fixture> =
            manifests().iter().flat_map(|(path, bytes)| variants_that_edit(path, bytes)).collect();
        for folder in ["nkp-directory", "fleet"] {
            let fixture = Fixture {
                name: format!("{folder}/"),
                files: read_tree(&root().join("testdata").join(folder)),
                args: words("inject . -R --account 222222222222 --identity-file identities.yaml"),
            };
            assert_eq!(fixture.run("--check").0.status.code(), Some(1), "{folder} can be edited");
            fixtures.push(fixture);
        }
        fixtures
    })
}

/// The files of `testdata/` that could be manifests.
pub(crate) fn manifests() -> Tree {
    let mut tree = read_tree(&root().join("testdata"));
    tree.retain(|name, _| [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)));
    assert!(!tree.is_empty());
    tree
}

/// Files that `eject` does not restore byte for byte: `inject` changed an existing reference or identity, or a variable
/// can't exist without its value.
const NOT_RESTORED: [&str; 8] = [
    "clusterclass/topology-identityref-variable.yaml",
    "dkp/dkp-controller-identity.yaml",
    "dkp/dkp-list.json",
    "dkp/dkp-other-account.yaml",
    "dkp/dkp-role-identity-present.yaml",
    "dkp/dkp-static-identity.yaml",
    "lint/heron.yaml",
    "rosa/rosa-network-and-roles.yaml",
];

#[test]
fn eject_restores_every_file() {
    let mut failures = Vec::new();
    for fixture in fixtures() {
        let (output, mut after) = fixture.back().run("--write");
        // The file that `inject` created stays, because it is an identity file.
        if !fixture.files.contains_key("identities.yaml") {
            after.remove("identities.yaml");
        }
        let same = output.status.code() == Some(0) && after == fixture.files;
        let path = fixture.name.split(' ').next().unwrap();
        if same == NOT_RESTORED.contains(&path) {
            failures.push(format!("{}: {}", fixture.name, String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_files_that_can_not_be_edited_are_known() {
    let edited: BTreeSet<&str> = fixtures().iter().filter_map(|fixture| fixture.name.split(' ').next()).collect();
    let manifests = manifests();
    let never: Vec<&str> = manifests.keys().map(String::as_str).filter(|path| !edited.contains(path)).collect();
    assert_eq!(never, NEVER);
}

#[test]
fn a_second_run_changes_nothing() {
    for fixture in fixtures() {
        let directory = tempfile::tempdir().unwrap();
        write_tree(directory.path(), &fixture.files);
        let first = execute(directory.path(), &fixture.with("--write"), b"");
        assert_eq!(first.status.code(), Some(0), "{}", fixture.name);
        assert!(first.stdout.is_empty(), "{}", fixture.name);
        let written = read_tree(directory.path());
        assert_ne!(written, fixture.files, "{}", fixture.name);
        for mode in ["--write", "--check", "", "-o patch"] {
            let again = execute(directory.path(), &fixture.with(mode), b"");
            assert_eq!(again.status.code(), Some(0), "{} {mode}", fixture.name);
            assert!(again.stdout.is_empty(), "{} {mode}", fixture.name);
            assert_eq!(read_tree(directory.path()), written, "{} {mode}", fixture.name);
        }
    }
}

#[test]
fn only_references_and_empty_places_are_replaced() {
    for fixture in fixtures() {
        let (_, written) = fixture.run("--write");
        for (name, old) in &fixture.files {
            let new = &written[name];
            let (old, new) = (String::from_utf8_lossy(old).into_owned(), String::from_utf8_lossy(new).into_owned());
            let mut removed = Vec::new();
            for change in similar::TextDiff::from_lines(&old, &new).iter_all_changes() {
                if change.tag() == similar::ChangeTag::Delete {
                    removed.push(change.value().trim_end_matches(['\r', '\n']).to_owned());
                }
            }
            // A last line without a line break gets one.
            let last = old.lines().last().unwrap_or_default().to_owned();
            removed.retain(|line| {
                let text = line.trim();
                let reference = ["kind: AWSCluster", "name:", "\"kind\": \"AWSCluster", "\"name\":"]
                    .iter()
                    .any(|start| text.starts_with(start));
                // A flow mapping, or JSON on one line, gets the new members on that line.
                let grown = new.lines().any(|new| {
                    let open = text.trim_end_matches(['}', ']', ',', ' ']);
                    text.contains('{') && new.contains(open.split('{').next().unwrap_or(open))
                });
                *line != last && !reference && !grown
            });
            assert!(removed.is_empty(), "{} {name}: {removed:#?}", fixture.name);
        }
    }
}

#[test]
fn all_modes_agree() {
    for fixture in fixtures() {
        let name = &fixture.name;
        let (diff, untouched) = fixture.run("");
        assert_eq!(diff.status.code(), Some(1), "{name}");
        assert_eq!(untouched, fixture.files, "{name}");
        let (patch, _) = fixture.run("-o patch");
        if patch.status.code() == Some(0) {
            assert_eq!(patch.stdout, diff.stdout, "{name}");
        } else {
            let stderr = String::from_utf8_lossy(&patch.stderr);
            assert!(stderr.contains("a patch of"), "{name}: {stderr}");
        }
        let (_, written) = fixture.run("--write");
        let changed: BTreeMap<&String, &Vec<u8>> =
            written.iter().filter(|(name, bytes)| fixture.files.get(*name) != Some(bytes)).collect();
        let (check, _) = fixture.run("--check");
        let named: BTreeSet<String> = String::from_utf8_lossy(&check.stdout)
            .lines()
            .map(|line| line.trim_start_matches("./").to_owned())
            .collect();
        let wanted: BTreeSet<String> = changed.keys().map(|name| (*name).clone()).collect();
        assert_eq!(named, wanted, "{name}");
        // With exactly one file, the stream is that file.
        let (yaml, _) = fixture.run("-o yaml");
        assert_eq!(yaml.status.code(), Some(0), "{name}");
        if let [(file, bytes)] = written.iter().collect::<Vec<_>>()[..] {
            assert_eq!(&yaml.stdout, bytes, "{name} {file}");
        } else {
            let stream: HashSet<&[u8]> = yaml.stdout.split(|&b| b == b'\n').collect();
            for (file, bytes) in &changed {
                // A byte-order mark stays only at the start of the stream.
                let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
                let missing = bytes.split(|&b| b == b'\n').find(|line| line.len() > 4 && !stream.contains(line));
                let missing = missing.filter(|line| !yaml.stdout.starts_with(&[b"\xEF\xBB\xBF", *line].concat()));
                assert_eq!(missing.map(String::from_utf8_lossy), None, "{name} {file}");
            }
        }
        for format in ["report", "json-patch"] {
            let (output, _) = fixture.run(&format!("-o {format}"));
            assert_eq!(output.status.code(), Some(0), "{name} {format}");
            serde_json::from_slice::<serde_json::Value>(&output.stdout)
                .unwrap_or_else(|error| panic!("{name} {format}: {error}"));
        }
    }
}
