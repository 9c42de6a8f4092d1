//! Wheels: `scripts/wheel` makes them, pip chooses the right one, and pip, uv and pipx install it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::krew::platforms;
use crate::support::{peer, root, skip, xaccount};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-xaccount");

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// Runs a command that must succeed; returns its stdout.
fn ok(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(out.status.success(), "{command:?}: {}\n{}", out.status, said(&out));
    String::from_utf8(out.stdout).unwrap()
}

fn no_python() -> bool {
    !Command::new("python3").arg("--version").output().is_ok_and(|out| out.status.success())
}

/// The program without debug information, which is most of its size.
pub(crate) fn small(directory: &Path) -> PathBuf {
    let small = directory.join("small");
    let strip = Command::new("strip").arg("-o").arg(&small).arg(PROGRAM).output();
    if strip.is_ok_and(|out| out.status.success()) { small } else { PROGRAM.into() }
}

fn wheel(out: &Path, target: Option<&str>, program: &Path) -> Command {
    let mut command = Command::new(root().join("scripts/wheel"));
    command.arg("--out").arg(out).arg("--binary").arg(program);
    target.map(|target| command.args(["--target", target]));
    command
}

/// The wheel of this machine's platform, in this directory.
pub(crate) fn for_this_machine(out: &Path) -> PathBuf {
    ok(&mut wheel(out, None, &small(out.parent().unwrap()))).trim().into()
}

/// A file that begins like a program for this target.
fn header(target: &str, is_static: bool) -> Vec<u8> {
    let machine = |[x86_64, aarch64]: [u32; 2]| if target.starts_with("x86_64") { x86_64 } else { aarch64 };
    let mut bytes = vec![0; 256];
    let mut put = |at: usize, new: &[u8]| bytes[at..at + new.len()].copy_from_slice(new);
    if target.contains("linux") {
        put(0, b"\x7fELF\x02");
        put(18, &machine([62, 183]).to_le_bytes()[..2]);
        // Two program headers of 56 bytes: PT_LOAD, and PT_INTERP or PT_TLS.
        put(32, &64_u64.to_le_bytes());
        put(54, &[56, 0, 2, 0]);
        put(64, &1_u32.to_le_bytes());
        put(64 + 56, &(if is_static { 7_u32 } else { 3 }).to_le_bytes());
    } else if target.contains("darwin") {
        put(0, b"\xcf\xfa\xed\xfe");
        put(4, &machine([0x0100_0007, 0x0100_000C]).to_le_bytes());
    } else {
        put(0, b"MZ");
        put(0x3C, &128_u32.to_le_bytes());
        put(128, b"PE\0\0");
        put(132, &machine([0x8664, 0xAA64]).to_le_bytes()[..2]);
    }
    bytes
}

/// The targets of the release with a tag that pip requests on such a system.
const TARGETS: [(&str, &str, &[&str]); 6] = [
    (
        "linux amd64",
        "x86_64-unknown-linux-musl",
        &["manylinux2014_x86_64", "manylinux_2_17_x86_64", "musllinux_1_1_x86_64"],
    ),
    (
        "linux arm64",
        "aarch64-unknown-linux-musl",
        &["manylinux2014_aarch64", "manylinux_2_17_aarch64", "musllinux_1_1_aarch64"],
    ),
    ("darwin amd64", "x86_64-apple-darwin", &["macosx_14_0_x86_64"]),
    ("darwin arm64", "aarch64-apple-darwin", &["macosx_11_0_arm64", "macosx_26_0_arm64"]),
    ("windows amd64", "x86_64-pc-windows-msvc", &["win_amd64"]),
    ("windows arm64", "aarch64-pc-windows-msvc", &["win_arm64"]),
];

/// PyPA's `wheel` compares each file with RECORD, `packaging` checks the metadata, and pip chooses by tag.
#[test]
fn pip_chooses_the_wheel_of_its_platform() {
    let Some(pypa) = peer("wheel") else { return skip("pip_chooses_the_wheel_of_its_platform", "no wheel") };
    let python = fs::canonicalize(&pypa).unwrap().with_file_name("python");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let released = TARGETS.map(|(platform, _, _)| platform.split_once(' ').unwrap());
    let released = released.map(|(os, arch)| (os.to_owned(), arch.to_owned()));
    assert_eq!(std::collections::BTreeSet::from(released), platforms());
    for (_, target, tags) in TARGETS {
        fs::write(path("program"), header(target, true)).unwrap();
        let made = PathBuf::from(ok(&mut wheel(&path("dist"), Some(target), &path("program"))).trim());
        let unpacked = path(target);
        ok(Command::new(&pypa).args(["unpack", "-d"]).arg(&unpacked).arg(&made));
        let unpacked = unpacked.join(format!("kubectl_xaccount-{VERSION}"));
        let suffix = if target.contains("windows") { ".exe" } else { "" };
        let program = format!("kubectl_xaccount-{VERSION}.data/scripts/kubectl-xaccount{suffix}");
        assert_eq!(fs::read(unpacked.join(program)).unwrap(), header(target, true));
        let metadata = unpacked.join(format!("kubectl_xaccount-{VERSION}.dist-info/METADATA"));
        let judge = "import sys, packaging.metadata as m; print(m.Metadata.from_email(open(sys.argv[1]).read(), validate=True).version)";
        assert_eq!(ok(Command::new(&python).args(["-c", judge]).arg(metadata)).trim(), VERSION);
        for tag in tags {
            let chosen = path(tag);
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "download", "--quiet", "--no-index", "--no-deps", "--only-binary=:all:"]);
            ok(pip
                .arg("--find-links")
                .arg(path("dist"))
                .args(["--platform", tag, "kubectl-xaccount", "-d"])
                .arg(&chosen));
            let chosen: Vec<_> = fs::read_dir(chosen).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(chosen, [made.file_name().unwrap()], "{tag}");
        }
    }
}

#[test]
fn a_wheel_claims_no_more_than_its_program_can() {
    if no_python() {
        return skip("a_wheel_claims_no_more_than_its_program_can", "no python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    let made = |target: &str, content: &[u8]| {
        fs::write(&program, content).unwrap();
        let out = wheel(&directory.path().join("dist"), Some(target), &program).output().unwrap();
        (out.status.success(), said(&out))
    };
    let (musl, gnu) = ("x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu");
    let (done, text) = made(musl, &header(musl, false));
    assert!(!done && text.contains("the program for x86_64-unknown-linux-musl is not static"), "{text}");
    let (done, text) = made(gnu, &header(gnu, false));
    assert!(done && text.ends_with("-py3-none-linux_x86_64.whl\n"), "{text}");
    let others =
        [header("aarch64-unknown-linux-musl", true), header("x86_64-pc-windows-msvc", true), b"\x7fELF\x02".into()];
    for other in others.iter().map(Vec::as_slice).chain([&b"a program\n"[..], b"MZ"]) {
        let (done, text) = made(musl, other);
        assert!(!done && text.contains("the program is not one for x86_64-unknown-linux-musl"), "{text}");
    }
}

#[test]
fn the_same_commit_gives_the_same_wheel() {
    if no_python() {
        return skip("the_same_commit_gives_the_same_wheel", "no python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    let target = "aarch64-unknown-linux-musl";
    fs::write(&program, header(target, true)).unwrap();
    let bytes = |out: &str, epoch: &str| {
        let mut command = wheel(&directory.path().join(out), Some(target), &program);
        fs::read(ok(command.env("SOURCE_DATE_EPOCH", epoch)).trim()).unwrap()
    };
    assert!(bytes("one", "1700000000") == bytes("two", "1700000000"));
    assert!(bytes("one", "1700000000") != bytes("two", "1800000000"), "SOURCE_DATE_EPOCH is not used");
}

/// The wheel has the verbs that work on files: nothing that a cargo feature adds.
#[test]
fn the_program_is_built_without_features() {
    if no_python() {
        return skip("the_program_is_built_without_features", "no python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let target = "x86_64-unknown-linux-musl";
    fs::write(path("program"), header(target, true)).unwrap();
    let cargo = format!(
        "#!/bin/sh\necho \"$@\" >'{}'\necho '{{\"executable\": \"{}\"}}'\n",
        path("arguments").display(),
        path("program").display()
    );
    fs::create_dir(path("bin")).unwrap();
    fs::write(path("bin/cargo"), cargo).unwrap();
    fs::set_permissions(path("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(root().join("scripts/wheel"));
    ok(command.env("PATH", search).args(["--target", target, "--out"]).arg(path("dist")));
    let arguments = fs::read_to_string(path("arguments")).unwrap();
    for word in ["--locked", "--profile dist", "--no-default-features", "--target x86_64-unknown-linux-musl"] {
        assert!(arguments.contains(word), "{arguments}");
    }
}

#[test]
fn pip_uv_and_pipx_install_the_wheel() {
    let test = "pip_uv_and_pipx_install_the_wheel";
    if no_python() {
        return skip(test, "no python3");
    }
    let (Some(uv), Some(pipx)) = (peer("uv"), peer("pipx")) else { return skip(test, "no uv or no pipx") };
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let dist = path("dist");
    for_this_machine(&dist);
    let offline = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir(directory.path()).env("HOME", directory.path());
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", &dist).env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        command.env("UV_NO_INDEX", "1").env("UV_FIND_LINKS", &dist).env("UV_OFFLINE", "1");
        command.env("UV_PYTHON_DOWNLOADS", "never").env("UV_CACHE_DIR", path("uv"));
        command.env("PIPX_HOME", path("pipx")).env("PIPX_BIN_DIR", path("pipx-bin"));
        command.env("UV_TOOL_DIR", path("tools")).env("UV_TOOL_BIN_DIR", path("uv-bin"));
        command
    };
    let expected = xaccount().arg("--version").output().unwrap().stdout;
    let runs = |program: PathBuf| {
        assert_eq!(Command::new(&program).arg("--version").output().unwrap().stdout, expected, "{}", program.display());
    };
    ok(offline(Path::new("python3")).args(["-m", "venv", "venv"]));
    ok(offline(&path("venv/bin/python")).args(["-m", "pip", "install", "--quiet", "kubectl-xaccount"]));
    runs(path("venv/bin/kubectl-xaccount"));
    ok(offline(&path("venv/bin/python")).args(["-m", "pip", "uninstall", "--quiet", "--yes", "kubectl-xaccount"]));
    assert!(!path("venv/bin/kubectl-xaccount").exists());

    ok(offline(&uv).args(["tool", "install", "kubectl-xaccount"]));
    runs(path("uv-bin/kubectl-xaccount"));
    let ran = ok(offline(&uv).args(["tool", "run", "kubectl-xaccount", "--version"]));
    assert_eq!(ran.as_bytes(), expected);
    // Otherwise pipx upgrades pip first.
    ok(offline(&pipx).args(["install", "--skip-maintenance", "--backend", "pip", "kubectl-xaccount"]));
    runs(path("pipx-bin/kubectl-xaccount"));
}

/// The package of the repository itself, which hooks install.
#[test]
fn the_package_of_the_hooks_requires_the_wheel_of_its_version() {
    if no_python() {
        return skip("the_package_of_the_hooks_requires_the_wheel_of_its_version", "no python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path();
    fs::create_dir_all(tree.join("scripts/lib")).unwrap();
    for name in ["LICENSE", "Cargo.toml", "plugin.yaml", "scripts/stamp", "scripts/lib/hook_backend.py"] {
        fs::copy(root().join(name), tree.join(name)).unwrap();
    }
    for name in ["wheel_file.py", "release_build.py"] {
        fs::copy(root().join("scripts/lib").join(name), tree.join("scripts/lib").join(name)).unwrap();
    }
    let set_version = |version: &str| {
        for name in ["Cargo.toml", "plugin.yaml"] {
            let text = fs::read_to_string(root().join(name)).unwrap();
            fs::write(tree.join(name), text.replace(VERSION, version)).unwrap();
        }
    };
    let requires = || {
        let build = "import sys, zipfile; sys.path.insert(0, 'scripts/lib'); import hook_backend as b; z = zipfile.ZipFile(b.build_wheel('.')); print(*z.namelist()); print(z.read(z.namelist()[0]).decode())";
        Command::new("python3").current_dir(tree).args(["-c", build]).output().unwrap()
    };
    for (version, python) in
        [(VERSION, VERSION), ("1.2.3", "1.2.3"), ("1.0.0-rc.1", "1.0.0rc1"), ("1.0.0-alpha.2", "1.0.0a2")]
    {
        set_version(version);
        let out = requires();
        let text = said(&out);
        assert!(text.contains(&format!("\nRequires-Dist: kubectl-xaccount=={python}\n")), "{text}");
        assert!(text.contains(&format!("\nName: kubectl-xaccount-hooks\nVersion: {python}\n")), "{text}");
        assert!(!text.contains(".data/"), "it installs nothing itself: {text}");
        ok(Command::new(tree.join("scripts/stamp")).arg("--check"));
    }
    set_version("1.0.0-nightly");
    assert!(said(&requires()).contains("PyPI accepts no version such as 1.0.0-nightly"));
    let stamp = Command::new(tree.join("scripts/stamp")).arg("--check").output().unwrap();
    assert!(!stamp.status.success() && said(&stamp).contains("PyPI accepts no version such as"), "{}", said(&stamp));
}

/// The SBOMs of a release, with a program in the place of cargo-cyclonedx that records how it is called.
#[test]
fn each_artifact_has_an_sbom() {
    if no_python() {
        return skip("each_artifact_has_an_sbom", "no python3");
    }
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path();
    for name in ["scripts/lib", "bin", "crates/xaccount"] {
        fs::create_dir_all(tree.join(name)).unwrap();
    }
    let lib = fs::read_dir(root().join("scripts/lib")).unwrap().map(|entry| entry.unwrap().file_name());
    let lib =
        lib.filter_map(|name| Some(format!("scripts/lib/{}", name.to_str()?))).filter(|name| name.ends_with(".py"));
    for name in ["LICENSE", "Cargo.toml", "plugin.yaml", "scripts/sbom"].map(str::to_owned).into_iter().chain(lib) {
        fs::copy(root().join(&name), tree.join(&name)).unwrap();
    }
    let cargo = "#!/bin/sh\necho \"$@\" | tee kubectl-xaccount.cdx.json >crates/xaccount/xaccount.cdx.json\n";
    fs::write(tree.join("bin/cargo"), cargo).unwrap();
    fs::set_permissions(tree.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:{}", tree.join("bin").display(), std::env::var("PATH").unwrap());
    ok(Command::new(tree.join("scripts/sbom")).arg(tree.join("out")).env("PATH", search));
    let out = |artifact: &str| fs::read_to_string(tree.join("out").join(format!("{artifact}.cdx.json"))).unwrap();
    for (platform, target, _) in TARGETS {
        let suffix = if platform.starts_with("windows") { "zip" } else { "tar.gz" };
        let archive = out(&format!("kubectl-xaccount-v{VERSION}-{}.{suffix}", platform.replace(' ', "-")));
        assert!(
            archive.contains(&format!("--target {target}")) && !archive.contains("--no-default-features"),
            "{archive}"
        );
        fs::write(tree.join("program"), header(target, true)).unwrap();
        let wheel = ok(&mut wheel(&tree.join("dist"), Some(target), &tree.join("program")));
        let wheel = out(Path::new(wheel.trim()).file_name().unwrap().to_str().unwrap());
        assert!(wheel.contains(&format!("--target {target} --no-default-features")), "{wheel}");
    }
    assert_eq!(fs::read_dir(tree.join("out")).unwrap().count(), 2 * TARGETS.len());
    assert!(!tree.join("crates/xaccount/xaccount.cdx.json").exists());
}
