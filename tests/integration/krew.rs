//! krew: the manifest follows its rules, and krew itself installs the archives of `scripts/package`.
//!
//! `scripts/peers/go` builds krew's own programs; without them these tests are reported as skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;

use crate::support::root;

/// The platforms that krew knows.
const KNOWN: [(&str, &str); 11] = [
    ("darwin", "386"),
    ("darwin", "amd64"),
    ("darwin", "arm64"),
    ("linux", "386"),
    ("linux", "amd64"),
    ("linux", "arm"),
    ("linux", "arm64"),
    ("linux", "ppc64le"),
    ("windows", "386"),
    ("windows", "amd64"),
    ("windows", "arm64"),
];

// krew ignores unknown fields; here they are errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Manifest {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    version: String,
    homepage: String,
    short_description: String,
    description: String,
    #[serde(default)]
    caveats: String,
    platforms: Vec<Platform>,
}

// Without `files` the whole archive is installed, as krew's guide recommends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    selector: Selector,
    uri: String,
    sha256: String,
    bin: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Selector {
    match_labels: BTreeMap<String, String>,
}

impl Selector {
    fn known(&self) -> Vec<(&'static str, &'static str)> {
        let matches = |key: &str, value: &str| self.match_labels.get(key).is_none_or(|wanted| wanted == value);
        KNOWN.into_iter().filter(|(os, arch)| matches("os", os) && matches("arch", arch)).collect()
    }
}

/// The platforms of `plugin.yaml`.
pub(crate) fn platforms() -> BTreeSet<(String, String)> {
    let manifest: Manifest = serde_yaml::from_str(&plugin_yaml()).unwrap();
    let known = manifest.spec.platforms.iter().flat_map(|platform| platform.selector.known());
    known.map(|(os, arch)| (os.to_owned(), arch.to_owned())).collect()
}

/// Where `plugin.yaml` says that the archives are.
pub(crate) fn uris() -> BTreeSet<String> {
    let manifest: Manifest = serde_yaml::from_str(&plugin_yaml()).unwrap();
    manifest.spec.platforms.into_iter().map(|platform| platform.uri).collect()
}

fn plugin_yaml() -> String {
    fs::read_to_string(root().join("plugin.yaml")).unwrap()
}

/// The rules of krew's code, and of the reviewers of its index, that a manifest breaks.
fn violations(text: &str) -> Vec<String> {
    let manifest: Manifest = match serde_yaml::from_str(text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    let mut rule = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let Manifest { api_version, kind, metadata: Metadata { name }, spec } = manifest;
    rule(api_version == "krew.googlecontainertools.github.com/v1alpha2", format!("apiVersion {api_version}"));
    rule(kind == "Plugin", format!("kind {kind}"));
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    rule(!name.is_empty() && name.chars().all(kebab), format!("name {name} is not kebab-case"));
    // The program's name is the plugin's name.
    rule(env!("CARGO_PKG_NAME") == format!("kubectl-{name}"), format!("name {name} is not the program's name"));
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    rule(spec.version == version, format!("version {} is not that of Cargo.toml, {version}", spec.version));
    rule(spec.homepage.starts_with("https://"), format!("homepage {}", spec.homepage));

    let short = &spec.short_description;
    rule(!short.is_empty() && !short.contains('\n'), "shortDescription is empty or has a line break".into());
    rule(short.chars().count() <= 50, "shortDescription is longer than 50 characters".into());
    rule(!short.ends_with('.'), "shortDescription ends with a full stop".into());
    rule(!short.to_lowercase().contains("kubectl"), "shortDescription contains kubectl".into());
    rule(!spec.description.is_empty(), "no description".into());
    for (field, text) in [("description", &spec.description), ("caveats", &spec.caveats)] {
        for line in text.lines() {
            rule(line.chars().count() <= 80, format!("{field} is wider than 80 columns: {line}"));
        }
    }
    for usage in ["kubectl ", "xaccount ", "$ ", "`", " -"] {
        rule(!spec.description.contains(usage), format!("description shows usage: {usage:?}"));
    }

    rule(!spec.platforms.is_empty(), "no platforms".into());
    let mut taken = BTreeSet::new();
    let mut uris = BTreeSet::new();
    for Platform { selector, uri, sha256, bin } in &spec.platforms {
        let keys: Vec<&str> = selector.match_labels.keys().map(String::as_str).collect();
        rule(keys == ["arch", "os"], format!("selector of {keys:?}"));
        let known = selector.known();
        let &[(os, arch)] = &known[..] else {
            rule(false, format!("selector matches {} known platforms", known.len()));
            continue;
        };
        let here = format!("{os}/{arch}");
        rule(taken.insert((os, arch)), format!("{here}: selectors overlap"));
        let end = if os == "windows" { ".zip" } else { ".tar.gz" };
        let path = format!("/releases/download/{version}/kubectl-{name}-{version}-{os}-{arch}{end}");
        rule(uri.starts_with("https://") && uri.ends_with(&path), format!("{here}: uri does not end in {path}"));
        rule(uris.insert(uri), format!("{here}: uri twice"));
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        rule(sha256.len() == 64 && sha256.chars().all(hex), format!("{here}: sha256 {sha256}"));
        let exe = if os == "windows" { ".exe" } else { "" };
        rule(*bin == format!("kubectl-{name}{exe}"), format!("{here}: bin {bin}"));
    }
    wrong
}

#[test]
fn plugin_yaml_keeps_every_rule_of_krew() {
    assert_eq!(violations(&plugin_yaml()), [""; 0]);
    let all = ["darwin", "linux", "windows"].map(|os| ["amd64", "arm64"].map(|arch| (os.to_owned(), arch.to_owned())));
    assert_eq!(platforms(), all.concat().into_iter().collect());
}

#[test]
fn a_manifest_that_breaks_a_rule_is_found() {
    let good = plugin_yaml();
    let zeros = "0".repeat(64);
    let upper = "A".repeat(64);
    let cases: [(&str, &str, &str); 22] = [
        ("v1alpha2", "v1", "apiVersion"),
        ("kind: Plugin", "kind: Plugins", "kind"),
        ("name: xaccount", "name: XAccount", "not kebab-case"),
        ("name: xaccount", "name: x-account", "not the program's name"),
        ("version: v", "version: ", "not that of Cargo.toml"),
        ("  version: v", "  version: v9", "not that of Cargo.toml"),
        ("homepage: https", "homepage: http", "homepage"),
        ("shortDescription: Point", "shortDescription: Point and point", "longer than 50"),
        ("shortDescription: Point Cluster", "shortDescription: |-\n    Point\n    Cluster", "line break"),
        ("AWS account\n", "account.\n", "full stop"),
        ("  shortDescription:", "  shortdescription:", "unknown field"),
        ("description: |\n    For one", "description: |\n    For one and one and one and one", "description is wider"),
        ("caveats: |\n    This", "caveats: |\n    This and this and this and this", "caveats is wider"),
        ("    For one", "    kubectl xaccount inject\n    For one", "shows usage"),
        ("arch: arm64", "arch: riscv64", "matches 0 known"),
        ("        arch: arm64\n", "", "matches 5 known"),
        ("arch: arm64", "arch: amd64", "overlap"),
        ("-linux-arm64.tar.gz", "-linux-arm64.tar.xz", "uri"),
        ("-windows-arm64.zip", "-windows-amd64.zip", "uri twice"),
        (&zeros, &upper, "sha256"),
        (&zeros, "00", "sha256"),
        (".exe", "", "bin"),
    ];
    for (from, to, what) in cases {
        assert!(good.contains(from), "{from:?} is not in plugin.yaml");
        let found = violations(&good.replacen(from, to, 1));
        assert!(found.iter().any(|found| found.contains(what)), "{from:?} to {to:?}: {found:?}");
    }
}

#[cfg(unix)]
pub(crate) mod real {
    use std::fs;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;

    use crate::support::{peer, root, skip, xaccount};

    /// krew, its check of manifests, and kubectl; otherwise the name of what is missing, including Python for
    /// `scripts/package`.
    fn peers() -> Result<(PathBuf, PathBuf, PathBuf), &'static str> {
        if no_python() {
            return Err("no python3");
        }
        let kubectl = peer("kubectl").ok_or("no kubectl")?;
        let krew = peer("krew").zip(peer("validate-krew-manifest")).ok_or("no krew")?;
        Ok((krew.0, krew.1, kubectl))
    }

    fn ok(command: &mut Command) -> String {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let all = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{command:?}: {status}\n{all}");
        all
    }

    /// A file server on loopback, which stops when it is dropped.
    struct Server {
        address: SocketAddr,
        stop: Arc<AtomicBool>,
        thread: Option<JoinHandle<()>>,
    }

    impl Server {
        fn new(directory: PathBuf) -> Server {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let stopped = Arc::clone(&stop);
            let thread = std::thread::spawn(move || serve(&listener, &stopped, &directory));
            Server { address, stop, thread: Some(thread) }
        }

        fn url(&self) -> String {
            format!("http://{}", self.address)
        }
    }

    fn serve(listener: &TcpListener, stopped: &AtomicBool, directory: &Path) {
        for stream in listener.incoming() {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            // A client that hangs up is not an error.
            let _ = answer(stream.unwrap(), directory);
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            self.stop.store(true, Ordering::Relaxed);
            // Wakes the thread.
            let _ = TcpStream::connect(self.address);
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }

    /// Sends the file of the directory that has the last name of the path.
    fn answer(mut stream: TcpStream, directory: &Path) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        let name = request.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let (status, body) = match fs::read(directory.join(name)) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
        stream.write_all(&body)
    }

    /// `scripts/package`, which needs Python, with its own `dist` directory.
    fn package(out: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(root().join("scripts/package"));
        command.arg("--out").arg(out).args(arguments);
        command
    }

    fn no_python() -> bool {
        !Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success())
    }

    fn archives(directory: &Path) -> Vec<PathBuf> {
        let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = files.filter(|path| path.extension() != Some("yaml".as_ref())).collect();
        files.sort();
        files
    }

    #[test]
    fn the_same_commit_gives_the_same_archive() {
        if no_python() {
            return skip("the_same_commit_gives_the_same_archive", "no python3");
        }
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("anything");
        fs::write(&program, "a program\n").unwrap();
        let made = ["one", "two"].map(|out| {
            let out = directory.path().join(out);
            for target in ["x86_64-unknown-linux-musl", "aarch64-pc-windows-msvc"] {
                ok(package(&out, &["--target", target, "--binary"]).arg(&program));
            }
            archives(&out).iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(made[0].len(), 2);
        assert!(made[0] == made[1], "two runs give two archives");
        let later = directory.path().join("later");
        let mut command = package(&later, &["--target", "x86_64-unknown-linux-musl", "--binary"]);
        ok(command.arg(&program).env("SOURCE_DATE_EPOCH", "1700000000"));
        let archive = &archives(&later)[0];
        assert_eq!(
            archive.file_name().unwrap(),
            &*format!("kubectl-xaccount-v{}-linux-amd64.tar.gz", env!("CARGO_PKG_VERSION"))
        );
        assert!(fs::read(archive).unwrap() != made[0][0], "SOURCE_DATE_EPOCH is not used");
        assert_eq!(ok(Command::new("tar").arg("-tzf").arg(archive)), "LICENSE\nkubectl-xaccount\n");
        ok(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&later));
        let modified = fs::metadata(later.join("LICENSE")).unwrap().modified().unwrap();
        assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_700_000_000);
        assert_eq!(fs::read(later.join("LICENSE")).unwrap(), fs::read(root().join("LICENSE")).unwrap());

        let other = package(&later, &["--target", "riscv64gc-unknown-linux-gnu"]).output().unwrap();
        assert_eq!(other.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&other.stderr).contains("no platform for riscv64gc-unknown-linux-gnu"));
    }

    #[test]
    fn stamp_refuses_another_tag_and_a_missing_archive() {
        if no_python() {
            return skip("stamp_refuses_another_tag_and_a_missing_archive", "no python3");
        }
        let directory = tempfile::tempdir().unwrap();
        let stamp = |arguments: &[&str]| {
            let mut command = Command::new(root().join("scripts/stamp"));
            let output = command.arg("--archives").arg(directory.path()).args(arguments).output().unwrap();
            assert!(output.stdout.is_empty());
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        };
        let (status, said) = stamp(&["--tag", "v9.9.9"]);
        assert!(status == Some(1) && said.contains("the tag is v9.9.9"), "{said}");
        let (status, said) = stamp(&["--tag", concat!("v", env!("CARGO_PKG_VERSION"))]);
        assert!(status == Some(1) && said.contains("contains no archive"), "{said}");
        let name = format!("kubectl-xaccount-v{}-linux-amd64.tar.gz", env!("CARGO_PKG_VERSION"));
        fs::write(directory.path().join(name), "").unwrap();
        let (status, said) = stamp(&["--all"]);
        assert!(status == Some(1) && said.contains("is missing"), "{said}");
    }

    /// krew's own check, which installs every platform's archive with krew.
    #[test]
    fn krew_installs_the_archives_of_all_platforms() {
        let (krew, validate, kubectl) = match peers() {
            Ok(peers) => peers,
            Err(why) => return skip("krew_installs_the_archives_of_all_platforms", why),
        };
        let home = tempfile::tempdir().unwrap();
        let dist = home.path().join("dist");
        let server = Server::new(dist.clone());
        let program = home.path().join("anything");
        fs::write(&program, "a program\n").unwrap();
        for machine in ["x86_64", "aarch64"] {
            for system in ["unknown-linux-musl", "apple-darwin", "pc-windows-msvc"] {
                let target = format!("{machine}-{system}");
                let arguments = ["--target", &target, "--repository", &server.url(), "--binary"];
                ok(package(&dist, &arguments).arg(&program));
            }
        }
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(krew, bin.join("kubectl-krew")).unwrap();
        std::os::unix::fs::symlink(kubectl, bin.join("kubectl")).unwrap();
        let check = |file: &Path, arguments: &[&str]| {
            let mut command = Command::new(&validate);
            command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("HOME", home.path());
            command.env("KREW_NO_UPGRADE_CHECK", "1").arg("-manifest").arg(file).args(arguments);
            command
        };
        let said = ok(&mut check(&dist.join("xaccount.yaml"), &[]));
        assert!(said.contains("all 6 spec.platforms installed fine"), "{said}");

        // The tree's manifest, under the file name that the check requires, and under its own.
        let copy = home.path().join("xaccount.yaml");
        fs::copy(root().join("plugin.yaml"), &copy).unwrap();
        ok(&mut check(&copy, &["-skip-install"]));
        let refused = check(&root().join("plugin.yaml"), &["-skip-install"]).output().unwrap();
        assert!(!refused.status.success(), "it takes any file name now: copy no more");
    }

    /// Under another name in krew's index, and without kubectl, the commands of the texts can be typed.
    #[test]
    fn help_and_errors_follow_the_name_of_the_program() {
        use std::os::unix::process::CommandExt as _;
        let bin = tempfile::tempdir().unwrap();
        let verbs = ["inject", "eject", "identity", "fn", "iam", "lint", "status", "map", "explain", "completion"];
        let helps = verbs.map(|verb| vec![verb, "--help"]);
        let calls =
            [vec!["--help"], vec!["--help", "--color=always"], vec!["inject"], vec!["injekt"], vec!["help", "iam"]];
        for (link, word, shown) in [
            ("kubectl-capa_xaccount", None, "kubectl capa-xaccount"),
            ("kubectl-xaccount", Some("kubectl-xaccount"), "kubectl-xaccount"),
            ("kubectl-xaccount", None, "kubectl xaccount"),
        ] {
            let link = bin.path().join(link);
            if !link.exists() {
                std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-xaccount"), &link).unwrap();
            }
            for arguments in calls.iter().chain(&helps) {
                let mut command = Command::new(&link);
                word.map(|word| command.arg0(word));
                let Output { stdout, stderr, .. } = command.args(arguments).output().unwrap();
                let text = String::from_utf8([stdout, stderr].concat()).unwrap();
                assert!(text.contains(&format!("{shown} ")), "{arguments:?}: {text}");
                assert!(shown == "kubectl xaccount" || !text.contains("kubectl xaccount"), "{arguments:?}: {text}");
            }
        }
    }

    /// krew with its own root directory.
    struct Krew {
        program: PathBuf,
        kubectl: PathBuf,
        home: PathBuf,
        root: PathBuf,
    }

    impl Krew {
        /// A command whose PATH contains only krew's programs and those of the system.
        fn clean(&self, program: &Path) -> Command {
            let mut command = Command::new(program);
            command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", self.root.join("bin").display()));
            command.env("HOME", &self.home).env("KREW_ROOT", &self.root).env("KREW_NO_UPGRADE_CHECK", "1");
            command.env("KREW_DEFAULT_INDEX_URI", "file:///no/such/index");
            command
        }

        fn run(&self, arguments: &[&str]) -> String {
            ok(self.clean(&self.program).args(arguments))
        }

        fn receipt(&self) -> PathBuf {
            self.root.join("receipts/xaccount.yaml")
        }

        fn has(&self, version: &str) -> bool {
            let receipt: serde_yaml::Value =
                serde_yaml::from_str(&fs::read_to_string(self.receipt()).unwrap()).unwrap();
            receipt["spec"]["version"].as_str() == Some(version)
        }

        /// Checks that the plugin runs through kubectl.
        fn assert_runs(&self) {
            let through = self.clean(&self.kubectl).args(["xaccount", "--version"]).output().unwrap();
            assert!(through.status.success());
            assert_eq!(through.stdout, xaccount().arg("--version").output().unwrap().stdout);
        }

        fn uninstall(&self) {
            self.run(&["uninstall", "xaccount"]);
            assert!(!self.receipt().exists() && !self.root.join("bin/kubectl-xaccount").exists());
        }

        /// Publishes a manifest in the index, a Git repository.
        fn publish(&self, index: &Path, manifest: &str) {
            let plugins = index.join("plugins");
            fs::create_dir_all(&plugins).unwrap();
            fs::write(plugins.join("xaccount.yaml"), manifest).unwrap();
            for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "xaccount"]] {
                let mut git = self.clean(Path::new("git"));
                git.current_dir(index).args(["-c", "user.name=test", "-c", "user.email=test@localhost"]);
                ok(git.args(arguments));
            }
        }

        /// Installs and upgrades from an index; krew needs one to remove a plugin. The plugin is already installed.
        fn installs_and_upgrades_from_an_index(&self, manifest: &str) {
            let index = self.home.join("index");
            self.publish(&index, manifest);
            self.run(&["index", "add", "team", &format!("file://{}", index.display())]);
            self.uninstall();
            self.run(&["install", "team/xaccount"]);
            self.assert_runs();
            let current = concat!("v", env!("CARGO_PKG_VERSION"));
            assert!(self.run(&["list"]).contains("team/xaccount"));
            assert!(self.has(current));

            let newer = "v999.0.0";
            self.publish(&index, &manifest.replacen(&format!("version: {current}"), &format!("version: {newer}"), 1));
            self.run(&["upgrade", "xaccount"]);
            assert!(self.has(newer));
            self.assert_runs();
            self.uninstall();
        }
    }

    #[test]
    fn krew_installs_upgrades_and_removes_the_plugin() {
        let (program, _, kubectl) = match peers() {
            Ok(peers) => peers,
            Err(why) => return skip("krew_installs_upgrades_and_removes_the_plugin", why),
        };
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let dist = home.join("dist");
        let server = Server::new(dist.clone());
        ok(package(&dist, &["--repository", &server.url(), "--binary"]).arg(crate::wheel::small(home)));
        let manifest = dist.join("xaccount.yaml");
        let archive = &archives(&dist)[0];
        let krew = Krew { program, kubectl, home: home.to_owned(), root: home.join("krew") };

        // From local files, as before any index has the plugin.
        let arguments = ["install", "--manifest", manifest.to_str().unwrap(), "--archive", archive.to_str().unwrap()];
        let said = krew.run(&arguments);
        assert!(said.contains("does not change IAM"), "the caveats are shown: {said}");
        assert!(krew.receipt().is_file());
        krew.assert_runs();
        let text = fs::read_to_string(&manifest).unwrap();
        krew.installs_and_upgrades_from_an_index(&text);

        // An archive with another checksum is refused.
        let (before, after) = text.split_once("sha256: \"").unwrap();
        let digit = if after.starts_with('0') { '1' } else { '0' };
        fs::write(&manifest, format!("{before}sha256: \"{digit}{}", &after[1..])).unwrap();
        let refused = krew.clean(&krew.program).args(arguments).output().unwrap();
        assert!(!refused.status.success() && !krew.receipt().exists());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("checksum"));
    }
}
