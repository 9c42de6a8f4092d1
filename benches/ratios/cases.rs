//! What is measured against what.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::check::edits;
use crate::data::{self, ACCOUNT, Content, files};
use crate::measure::{Case, Row, measure, run};
use crate::{floor, growth, proof};

const MIB: u64 = 1 << 20;

/// The directories and results of one benchmark run.
struct Bench {
    folder: PathBuf,
    smoke: bool,
    rows: Vec<Row>,
}

/// Runs the named groups, or all; prints each case when it is done, then the cost of the proof.
pub(crate) fn all(smoke: bool, groups: &[&str]) -> (Vec<Row>, Option<String>) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join(if smoke { "bench-data/smoke" } else { "bench-data" });
    fs::create_dir_all(&folder).unwrap();
    let named = |group: &str| groups.is_empty() || groups.contains(&group);
    TOOL.get_or_init(|| if smoke { env!("CARGO_BIN_EXE_kubectl-xaccount").into() } else { released(target) });
    let mut bench = Bench { folder, smoke, rows: Vec::new() };
    if named("start-up") {
        bench.start_up();
    }
    if named("bundles") {
        bench.bundles();
    }
    if named("trees") {
        bench.trees();
    }
    if named("owners") {
        bench.owners();
    }
    if named("map") {
        bench.map();
    }
    if named("lint") {
        bench.lint();
    }
    if named("list") {
        bench.list();
    }
    if named("growth") {
        bench.carriage_returns();
        bench.growth();
    }
    let proof = named("proof").then(|| {
        let bundle = bench.bundle(if smoke { 23 } else { 2_300 }, 0);
        let work = bench.folder.join("work.yaml");
        fs::copy(&bundle, &work).unwrap();
        let whole = run(inject(&work).arg("--write"), 0).cpu;
        proof::share(&bundle, whole)
    });
    (bench.rows, proof)
}

/// The program that is measured.
static TOOL: OnceLock<PathBuf> = OnceLock::new();

fn tool() -> Command {
    Command::new(TOOL.get().unwrap())
}

/// The program as it is released. The one that cargo builds for a benchmark differs: the tests' crates turn on features
/// of its dependencies, and with their Unicode tables it takes a quarter longer to start.
fn released(target: &Path) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--profile", "dist", "--bin", "kubectl-xaccount", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).arg("--target-dir").arg(target);
    assert!(cargo.status().unwrap().success(), "the program can't be built");
    target.join("dist/kubectl-xaccount")
}

fn inject(path: &Path) -> Command {
    let mut command = tool();
    command.arg("inject").arg(path).args(["--account", ACCOUNT]);
    command
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

impl Bench {
    fn run(&mut self, case: Case<'_>) {
        let runs = if self.smoke { 1 } else { case.runs };
        let (most, memory) = if self.smoke { (None, None) } else { (case.most, case.memory) };
        let row = measure(Case { runs, most, memory, ..case });
        println!("| {} |", row.cells.join(" | "));
        self.rows.push(row);
    }

    /// Start-up time, compared with a clap program that does nothing.
    fn start_up(&mut self) {
        let empty = empty_program(&self.folder, self.smoke);
        let one = self.folder.join("one.yaml");
        fs::write(&one, "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: a\nspec:\n  region: us-west-2\n").unwrap();
        let version = || {
            let mut command = Command::new(&empty);
            command.arg("--version");
            command
        };
        let mut tool = tool();
        tool.arg("--version");
        // A diff does more than start: it has no goal, and shows what the user waits for on top of that.
        for (name, tool, status, most) in
            [("--version", tool, 0, Some(1.3)), ("inject of one document", inject(&one), 1, None)]
        {
            self.run(Case {
                name: format!("start-up: {name} / empty clap program"),
                runs: 201,
                status,
                most,
                ..case(tool, version())
            });
        }
    }

    fn bundle(&self, clusters: usize, right: usize) -> PathBuf {
        data::file(&self.folder, &format!("bundle-{clusters}-{right}.yaml"), Content::Bundle { clusters, right })
    }

    /// Streams of documents: 23 clusters are 1 MB.
    fn bundles(&mut self) {
        let (small, large, few) = if self.smoke { ([5, 10], 23, 3) } else { ([23, 230], 2_300, 100) };
        for (clusters, runs) in [(small[0], 31), (small[1], 15)] {
            self.write(clusters, clusters, runs, None);
        }
        self.write(large, large, 9, Some(4.0));
        self.write(large, few, 9, Some(2.0));
        let right = self.bundle(large, large);
        let mut check = inject(&right);
        check.arg("--check");
        let mut cat = Command::new("cat");
        cat.arg(&right);
        let name = format!("--check: bundle of {large} clusters, nothing to change / cat");
        self.run(Case { name, runs: 9, memory: stream(&right), ..case(check, cat) });
    }

    /// `--write` of a bundle where `edited` clusters get a reference.
    fn write(&mut self, clusters: usize, edited: usize, runs: usize, most: Option<f64>) {
        let name = format!("--write: bundle of {clusters} clusters, {edited} edited / cp, fsync");
        let bundle = self.bundle(clusters, clusters - edited);
        let (work, copy) = (self.folder.join("work.yaml"), self.folder.join("copy.yaml"));
        let memory = most.and_then(|_| stream(&bundle));
        let prepare = || fresh(&bundle, &work);
        let check = || {
            assert_eq!(edits(&bundle, &work), (edited, edited == clusters));
            twice(&work);
        };
        let mut tool = inject(&work);
        tool.arg("--write");
        let floor = floor::command("copy", &[&bundle, &copy]);
        self.run(Case { name, runs, prepare: &prepare, check: &check, most, memory, ..case(tool, floor) });
    }

    /// Many small files.
    fn trees(&mut self) {
        let n = if self.smoke { 300 } else { 10_000 };
        let all = data::tree(&self.folder, "tree-all", n, 1);
        let few = data::tree(&self.folder, "tree-few", n, 50);
        let flags = |tree: &Path, mode: &[&str]| {
            let mut command = inject(tree);
            command.args(["-R", "--identity-file"]).arg(tree.join("identities.yaml")).args(mode);
            command
        };
        for (tree, what, mode) in [
            (&few, "1 of 50 a cluster", &["--check"][..]),
            (&all, "all clusters", &["--check"]),
            (&all, "all clusters", &[]),
        ] {
            let floor = floor::command("read", &[tree]);
            let mode_name = mode.first().unwrap_or(&"diff");
            let name = format!("{mode_name}: tree of {n} files, {what} / reading it");
            self.run(Case { name, runs: 9, status: 1, ..case(flags(tree, mode), floor) });
        }
        let (work, copy) = (self.folder.join("tree-work"), self.folder.join("tree-copy"));
        for left in [&work, &copy] {
            let _ = fs::remove_dir_all(left);
        }
        // Existing files are overwritten, not removed: ext4 takes its time before it reuses the inode of a removed
        // file.
        let prepare = || {
            let _ = fs::remove_file(work.join("identities.yaml"));
            for (tree, file) in [&work, &copy].into_iter().flat_map(|tree| files(&all).map(move |file| (tree, file))) {
                let to = tree.join(file.strip_prefix(&all).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(&file, to).unwrap();
            }
            floor::sync(&work);
        };
        let check = || {
            for file in files(&all) {
                assert_eq!(edits(&file, &work.join(file.strip_prefix(&all).unwrap())), (1, false));
            }
            run(&mut flags(&work, &["--check"]), 0);
        };
        for (floor, what, most) in
            [("write", "writing them, sync", Some(2.0)), ("replace", "writing temporary files, sync, renaming", None)]
        {
            self.run(Case {
                name: format!("--write: tree of {n} files, all edited / {what}"),
                runs: 5,
                prepare: &prepare,
                check: &check,
                most,
                ..case(flags(&work, &["--write"]), floor::command(floor, &[&all, &copy]))
            });
        }
        fs::remove_dir_all(&work).unwrap();
        fs::remove_dir_all(&copy).unwrap();
    }

    /// A hook on one file whose Cluster is somewhere in a tree: the Cluster's name decides the account, so the tree is
    /// searched.
    fn owners(&mut self) {
        let n = if self.smoke { 300 } else { 10_000 };
        let folder = self.folder.join("owners");
        fs::create_dir_all(&folder).unwrap();
        let tree = data::tree(&folder, "tree", n, 50);
        let map = format!(
            "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\naccounts:\n- name: all\n  account: \"{ACCOUNT}\"\n  clusters: {{names: [\"cluster-*\"]}}\n"
        );
        fs::write(folder.join(".xaccount.yaml"), map).unwrap();
        let one = folder.join("one.yaml");
        fs::write(&one, "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: cluster-00000\n  namespace: team-0\nspec:\n  region: us-west-2\n").unwrap();
        let mut hook = tool();
        hook.arg("inject").arg(&one).arg("--check");
        let name = format!("--check of one file, its Cluster in a tree of {n} files / reading the tree");
        self.run(Case { name, runs: 9, status: 1, most: Some(2.0), ..case(hook, floor::command("read", &[&tree])) });
    }

    /// A map with an account for each cluster, compared with one account for all.
    fn map(&mut self) {
        let n = if self.smoke { 40 } else { 4_000 };
        let folder = self.folder.join("map");
        fs::create_dir_all(&folder).unwrap();
        let mut map =
            "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nidentityFile: ids.yaml\naccounts:\n".to_owned();
        let mut clusters = String::new();
        for number in 0..n {
            let id = 100_000_000_000_u64 + number;
            map.push_str(&format!(
                "- {{name: n{number}, account: \"{id}\", clusters: {{names: [cluster-{number}]}}}}\n"
            ));
            clusters.push_str(&format!("apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: cluster-{number}}}\nspec: {{region: us-west-2}}\n---\n"));
        }
        fs::write(folder.join(".xaccount.yaml"), map).unwrap();
        let file = folder.join("clusters.yaml");
        fs::write(&file, clusters).unwrap();
        let mut mapped = tool();
        mapped.arg("inject").arg(&file).args(["-o", "report"]);
        let mut plain = inject(&file);
        plain.args(["--no-config", "-o", "report", "--identity-file"]).arg(folder.join("ids.yaml"));
        let name = format!("-o report: map of {n} accounts, as many clusters / one account for them");
        self.run(Case { name, runs: 5, most: Some(6.0), ..case(mapped, plain) });
    }

    /// `lint` compared with `inject --check`, over trees in which neither finds anything.
    fn lint(&mut self) {
        let n = if self.smoke { 300 } else { 10_000 };
        for (what, every) in [("1 of 50 a cluster", 50), ("all clusters", 1)] {
            let tree = data::tree(&self.folder, &format!("tree-lint-{every}"), n, every);
            let inject = |mode: &str| {
                let mut command = inject(&tree);
                command.args(["-R", "--identity-file"]).arg(tree.join("identities.yaml")).arg(mode);
                command
            };
            run(&mut inject("--write"), 0);
            let mut lint = tool();
            lint.arg("lint").arg(&tree).args(["-R", "--error-on", "note", "--ignore", "XA050,XA051"]);
            let name = format!("lint: tree of {n} files, {what} / inject --check");
            self.run(Case { name, runs: 9, most: Some(2.0), ..case(lint, inject("--check")) });
        }
    }

    /// A line of carriage returns next to a cluster, compared with half as many: a ratio of 2 is linear.
    fn carriage_returns(&mut self) {
        let n = if self.smoke { 400_000 } else { 4_000_000 };
        let check = |n: usize| {
            let path = data::file(&self.folder, &format!("returns-{n}.yaml"), Content::Returns { lines: n });
            let mut command = inject(&path);
            command.arg("--check");
            command
        };
        let name = format!("--check: a line of {n} carriage returns / of {}", n / 2);
        let (tool, floor) = (check(n), check(n / 2));
        self.run(Case { name, runs: 9, most: Some(2.5), ..case(tool, floor) });
    }

    /// Each growing input, compared with one of half the size.
    fn growth(&mut self) {
        for &(many, n, ways) in growth::CASES {
            let n = if self.smoke { n / 500 + 4 } else { n };
            let [one, two] = [n, 2 * n].map(|n| growth::directory(&self.folder, many, n));
            for &(name, args, status) in ways {
                let over = |directory: &Path| {
                    let mut command = tool();
                    command.args(args).args([".", "-R"]).current_dir(directory);
                    command
                };
                self.run(Case {
                    name: format!("growth: {name}, {many:?}: {} / {n}", 2 * n),
                    runs: 5,
                    status,
                    floor_status: status,
                    most: Some(growth::MOST),
                    of_cpu: true,
                    ..case(over(&two), over(&one))
                });
            }
            for directory in [one, two] {
                fs::remove_dir_all(directory).unwrap();
            }
        }
    }

    /// One large document.
    fn list(&mut self) {
        let clusters = if self.smoke { 23 } else { 1_100 };
        let name = format!("--write: one List of {clusters} clusters, all edited / cp, fsync");
        let list = data::file(&self.folder, &format!("list-{clusters}.yaml"), Content::List { clusters });
        let (work, copy) = (self.folder.join("work.yaml"), self.folder.join("copy.yaml"));
        let prepare = || fresh(&list, &work);
        let check = || {
            assert_eq!(edits(&list, &work), (clusters, true));
            twice(&work);
        };
        let mut tool = inject(&work);
        tool.arg("--write");
        let memory = Some((8 * size(&list), "RSS ≤ 8 × file".to_owned()));
        let floor = floor::command("copy", &[&list, &copy]);
        self.run(Case { name, runs: 3, prepare: &prepare, check: &check, memory, ..case(tool, floor) });
    }
}

/// A case with the default settings.
fn case<'c>(tool: Command, floor: Command) -> Case<'c> {
    Case {
        name: String::new(),
        runs: 1,
        prepare: &|| {},
        tool,
        status: 0,
        floor,
        floor_status: 0,
        check: &|| {},
        most: None,
        of_cpu: false,
        memory: None,
    }
}

/// The goal for a stream of documents.
fn stream(path: &Path) -> Option<(u64, String)> {
    Some((size(path) + 16 * MIB, "RSS ≤ file + 16 MiB".to_owned()))
}

/// Copies the file to edit, so that nothing else still has to be written to disk during the run.
fn fresh(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    floor::sync(to);
}

/// Checks that a second run finds nothing to do and writes nothing.
fn twice(path: &Path) {
    let state = || {
        let metadata = fs::metadata(path).unwrap();
        (metadata.len(), metadata.modified().unwrap(), std::os::unix::fs::MetadataExt::ino(&metadata))
    };
    let before = state();
    run(inject(path).arg("--check"), 0);
    run(inject(path).arg("--write"), 0);
    assert_eq!(state(), before, "a second run writes {}", path.display());
}

/// Builds `benches/empty` with the versions of the root's lock file.
fn empty_program(folder: &Path, smoke: bool) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = folder.join("empty");
    fs::create_dir_all(package.join("src")).unwrap();
    for (from, to) in [
        ("benches/empty/Cargo.toml", "Cargo.toml"),
        ("benches/empty/src/main.rs", "src/main.rs"),
        ("Cargo.lock", "Cargo.lock"),
    ] {
        fs::copy(root.join(from), package.join(to)).unwrap();
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build").arg("--quiet").arg("--manifest-path").arg(package.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(package.join("target")).args((!smoke).then_some("--release"));
    assert!(cargo.status().unwrap().success(), "the empty program can't be built");
    package.join("target").join(if smoke { "debug" } else { "release" }).join("empty")
}
