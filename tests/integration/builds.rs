//! What is applied: real kustomize builds random trees of bases, overlays and Components before and after a run. No build
//! breaks, each has the references and the identities, nothing else differs, and `status` says the same of the files as of
//! what kustomize builds from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::support::{peer, skip, xaccount};

const ACCOUNT: &str = "222222222222";
const OTHER: &str = "333333333333";

/// What an overlay does to the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Namespace,
    /// A patch of another field, in a file.
    RegionFile,
    /// The same under `patchesStrategicMerge`.
    RegionMerge,
    /// The same as operations, in the kustomization itself.
    RegionInline,
    /// A patch that sets a whole reference, in a file.
    ReferenceFile,
    /// The same, as operations for every object of the kind.
    ReferenceInline,
    /// A patch that sets only the name of a reference.
    NameInline,
    /// A Component with a namespace.
    ComponentNamespace,
    /// A Component that sets a whole reference.
    ComponentReference,
    Labels,
    ReplacedRegion,
    /// Operations that set a reference and remove it again.
    RemovedInline,
    /// A patch for an object that does not exist.
    NobodyInline,
    /// A patch for objects with a label.
    SelectedInline,
}

const STEPS: [Step; 14] = [
    Step::Namespace,
    Step::RegionFile,
    Step::RegionMerge,
    Step::RegionInline,
    Step::ReferenceFile,
    Step::ReferenceInline,
    Step::NameInline,
    Step::ComponentNamespace,
    Step::ComponentReference,
    Step::Labels,
    Step::ReplacedRegion,
    Step::RemovedInline,
    Step::NobodyInline,
    Step::SelectedInline,
];

#[derive(Clone, Debug)]
struct Overlay {
    name: &'static str,
    steps: Vec<Step>,
    /// A second overlay above this one, with a namespace.
    above: bool,
}

#[derive(Clone, Debug)]
struct Layout {
    overlays: Vec<Overlay>,
    /// The directory of the clusters below the base, each with a kustomization.
    split: bool,
    own_namespace: bool,
    identity_file: &'static str,
    namespace_object: bool,
    /// A root that lists all overlays; kustomize builds it if they set different namespaces.
    root: bool,
}

fn layouts() -> impl Strategy<Value = Layout> {
    let overlay = |name| {
        let steps = subsequence(STEPS.to_vec(), 0..=3);
        (steps, any::<bool>()).prop_map(move |(steps, above)| Overlay { name, steps, above })
    };
    let overlays = (overlay("dev"), overlay("qa"), overlay("prod"), 1..=3_usize)
        .prop_map(|(a, b, c, count)| [a, b, c].into_iter().take(count).collect());
    let file = select(vec!["base/identities.yaml", "base/ids/roles.yaml"]);
    (overlays, any::<bool>(), any::<bool>(), file, any::<bool>(), any::<bool>()).prop_map(
        |(overlays, split, own_namespace, identity_file, namespace_object, root)| Layout {
            overlays,
            split,
            own_namespace,
            identity_file,
            namespace_object,
            root,
        },
    )
}

fn cluster(kind: &str, api: &str, name: &str, namespace: &str) -> String {
    format!("apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n{namespace}spec:\n  region: eu-west-1\n")
}

/// Writes a file, and the directories above it.
fn write(top: &Path, name: &str, text: &str) {
    let path = top.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io/v1beta2";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io/v1beta2";

impl Layout {
    fn write(&self, top: &Path) {
        let put = |name: &str, text: &str| write(top, name, text);
        fs::create_dir(top.join(".git")).unwrap();
        let namespace = if self.own_namespace { "  namespace: own\n" } else { "" };
        let below = if self.split { "base/clusters/" } else { "base/" };
        put(&format!("{below}heron.yaml"), &cluster("AWSCluster", INFRASTRUCTURE, "heron", namespace));
        put(&format!("{below}egret.yaml"), &cluster("AWSManagedControlPlane", CONTROL_PLANE, "egret", namespace));
        let mut listed = "- other.yaml\n".to_owned();
        if self.namespace_object {
            put("base/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: own\n");
            listed.push_str("- namespace.yaml\n");
        }
        // An identity for the patches, in another account, for namespaces with a label.
        put("base/other.yaml", &identity("other", OTHER));
        if self.split {
            put("base/clusters/kustomization.yaml", "resources: [heron.yaml, egret.yaml]\n");
            listed.push_str("- clusters\n");
        } else {
            listed.push_str("- heron.yaml\n- egret.yaml\n");
        }
        put("base/kustomization.yaml", &format!("# the base\nresources:\n{listed}"));
        // kustomize refuses two objects of one name.
        let is_apart = |overlay: &Overlay| overlay.above || overlay.steps.contains(&Step::Namespace);
        if self.root && self.overlays.iter().all(is_apart) {
            let listed: Vec<String> = self.overlay_directories().map(|name| format!("- {name}\n")).collect();
            put("kustomization.yaml", &format!("resources:\n{}", listed.concat()));
        }
        let own = if self.own_namespace { ", namespace: own" } else { "" };
        self.overlays.iter().for_each(|overlay| overlay.write(own, &put));
    }

    /// The directories that are built.
    fn roots(&self) -> Vec<String> {
        self.overlay_directories().collect()
    }

    fn overlay_directories(&self) -> impl Iterator<Item = String> {
        self.overlays.iter().map(|overlay| match overlay.above {
            true => format!("above/{}", overlay.name),
            false => format!("overlays/{}", overlay.name),
        })
    }
}

fn identity(name: &str, account: &str) -> String {
    format!(
        "apiVersion: {INFRASTRUCTURE}\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: {name}\nspec:\n  allowedNamespaces:\n    selector:\n      matchLabels:\n        stage: dev\n  roleARN: arn:aws:iam::{account}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\n  sourceIdentityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n"
    )
}

impl Overlay {
    fn write(&self, own: &str, put: &dyn Fn(&str, &str)) {
        let directory = format!("overlays/{}", self.name);
        let mut text = "resources:\n- ../../base\n".to_owned();
        let (mut patches, mut merged, mut components) = (String::new(), String::new(), String::new());
        for step in &self.steps {
            self.step(*step, own, put, &mut text, (&mut patches, &mut merged, &mut components));
        }
        for (key, items) in [("patches", patches), ("patchesStrategicMerge", merged), ("components", components)] {
            if !items.is_empty() {
                text.push_str(&format!("{key}:\n{items}"));
            }
        }
        put(&format!("{directory}/kustomization.yaml"), &text);
        if self.above {
            let text = format!("namespace: above-{0}\nresources: [../../{directory}]\n", self.name);
            put(&format!("above/{}/kustomization.yml", self.name), &text);
        }
    }

    fn step(
        &self,
        step: Step,
        own: &str,
        put: &dyn Fn(&str, &str),
        text: &mut String,
        (patches, merged, components): (&mut String, &mut String, &mut String),
    ) {
        let name = self.name;
        let reference = "{kind: AWSClusterRoleIdentity, name: other}";
        let file = |what: &str, spec: &str| {
            let body = format!(
                "apiVersion: {INFRASTRUCTURE}\nkind: AWSCluster\nmetadata: {{name: heron{own}}}\nspec:\n  {spec}\n"
            );
            put(&format!("overlays/{name}/{what}.yaml"), &body);
        };
        let component = |kind: &str, body: &str| {
            let head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
            put(&format!("components/{name}-{kind}/kustomization.yaml"), &format!("{head}{body}"));
        };
        match step {
            Step::Namespace => text.push_str(&format!("namespace: {name}\n")),
            Step::Labels => text.push_str("labels:\n- pairs: {stage: dev}\n"),
            Step::RegionFile => {
                file("region", "region: eu-west-2");
                patches.push_str("- path: region.yaml\n  target: {kind: AWSCluster}\n");
            }
            Step::RegionMerge => {
                file("merge", "region: eu-west-3");
                merged.push_str("- ./merge.yaml\n");
            }
            Step::RegionInline => patches.push_str(
                "- patch: |-\n    - {op: replace, path: /spec/region, value: eu-central-1}\n  target: {kind: AWSManagedControlPlane}\n",
            ),
            Step::ReferenceFile => {
                file("reference", &format!("identityRef: {reference}"));
                patches.push_str("- path: reference.yaml\n");
            }
            Step::ReferenceInline => patches.push_str(&format!(
                "- target: {{kind: 'AWSManaged.*'}}\n  patch: |-\n    - op: add\n      path: /spec/identityRef\n      value: {reference}\n"
            )),
            Step::NameInline => patches.push_str(
                "- target: {kind: AWSCluster, name: heron}\n  patch: |-\n    - {op: add, path: /spec/identityRef, value: {name: other}}\n",
            ),
            Step::ComponentNamespace => {
                component("namespace", &format!("namespace: component-{name}\n"));
                components.push_str(&format!("- ../../components/{name}-namespace\n"));
            }
            Step::ComponentReference => {
                component("reference", "patches:\n- target: {kind: AWSCluster}\n  patch: '[{\"op\": \"add\", \"path\": \"/spec/identityRef\", \"value\": {\"kind\": \"AWSClusterRoleIdentity\", \"name\": \"other\"}}]'\n");
                components.push_str(&format!("- ../../components/{name}-reference\n"));
            }
            Step::RemovedInline => patches.push_str(&format!(
                "- target: {{kind: AWSCluster}}\n  patch: |-\n    - {{op: add, path: /spec/identityRef, value: {reference}}}\n    - {{op: remove, path: /spec/identityRef}}\n"
            )),
            Step::NobodyInline => patches.push_str(&format!(
                "- target: {{kind: AWSManagedControlPlane, name: nobody}}\n  patch: |-\n    - {{op: add, path: /spec/identityRef, value: {reference}}}\n"
            )),
            Step::SelectedInline => patches.push_str(&format!(
                "- target: {{kind: AWSCluster, labelSelector: 'stage=dev'}}\n  patch: |-\n    - {{op: add, path: /spec/identityRef, value: {reference}}}\n"
            )),
            Step::ReplacedRegion => text.push_str(
                "replacements:\n- source: {kind: AWSCluster, name: heron, fieldPath: spec.region}\n  targets:\n  - select: {kind: AWSManagedControlPlane}\n    fieldPaths: [spec.region]\n",
            ),
        }
    }
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn run(top: &Path, line: &str, stdin: Option<&Path>) -> Output {
    let mut command = xaccount();
    command.current_dir(top).args(line.split_whitespace());
    match stdin {
        Some(file) => command.stdin(fs::File::open(file).unwrap()).output().unwrap(),
        None => command.output().unwrap(),
    }
}

/// The peers.
struct Builders {
    kustomize: PathBuf,
    yq: PathBuf,
}

impl Builders {
    fn find() -> Option<Self> {
        Some(Self { kustomize: peer("kustomize")?, yq: peer("yq")? })
    }

    /// What kustomize builds, as text.
    fn build(&self, top: &Path, root: &str) -> String {
        let out = Command::new(&self.kustomize).arg("build").arg(top.join(root)).env("HOME", top).output().unwrap();
        assert!(out.status.success(), "{root}: {}", said(&out));
        String::from_utf8(out.stdout).unwrap()
    }

    /// The objects of a stream, by kind, namespace and name.
    fn objects(&self, text: &str) -> BTreeMap<String, Value> {
        let mut yq = Command::new(&self.yq)
            .args(["eval-all", "-o=json", "-I=0", "[.]"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut yq.stdin.take().unwrap(), text.as_bytes()).unwrap();
        let out = yq.wait_with_output().unwrap();
        let all: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)));
        let key = |object: &Value| {
            let part = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or("-").to_owned();
            [part("/kind"), part("/metadata/namespace"), part("/metadata/name")].join(" ")
        };
        all.into_iter().map(|object| (key(&object), object)).collect()
    }
}

/// A row of `status`: namespace, kind, name, account, outcome and reason.
type Row = [String; 6];

fn rows(out: &Output) -> BTreeSet<Row> {
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(out)));
    let row = |one: &Value| {
        let text = |at: &str| one.pointer(at).and_then(Value::as_str).unwrap_or("-").to_owned();
        ["/namespace", "/kind", "/name", "/account", "/verdict/outcome", "/verdict/reason"].map(text)
    };
    report["clusters"].as_array().unwrap().iter().map(row).collect()
}

fn check(builders: &Builders, layout: &Layout) {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path();
    layout.write(top);
    let roots = layout.roots();
    let before: Vec<String> = roots.iter().map(|root| builders.build(top, root)).collect();
    agree(builders, layout, top);
    let file = layout.identity_file;
    let line = format!(". -R --account {ACCOUNT} --identity-file {file} --with-controller-identity");
    let out = run(top, &format!("inject {line} --write"), None);
    assert_eq!(out.status.code(), Some(0), "{layout:?}\n{}", said(&out));
    let listed = file.strip_prefix("base/").unwrap();
    assert!(said(&out).contains(&format!("base/kustomization.yaml does not list {listed}")), "{}", said(&out));
    let out = run(top, "lint . -R --select XA038 --fix --write", None);
    assert!(said(&out).contains("1 finding fixed"), "{layout:?}\n{}", said(&out));
    let out = run(top, &format!("inject {line} --check"), None);
    assert!(out.status.code() == Some(0) && !said(&out).contains("does not list"), "{layout:?}\n{}", said(&out));
    for (root, before) in roots.iter().zip(&before) {
        let (before, mut after) = (builders.objects(before), builders.objects(&builders.build(top, root)));
        let new: Vec<String> = after.keys().filter(|key| !before.contains_key(*key)).cloned().collect();
        let new: Vec<&str> = new.iter().map(|key| key.split(' ').next().unwrap()).collect();
        assert_eq!(new, ["AWSClusterControllerIdentity", "AWSClusterRoleIdentity"], "{layout:?}");
        after.retain(|key, _| before.contains_key(key));
        for (key, object) in &mut after {
            let mut old = before[key].clone();
            if ["AWSCluster ", "AWSManagedControlPlane "].iter().any(|kind| key.starts_with(kind)) {
                let reference = object["spec"].as_object_mut().unwrap().remove("identityRef");
                let removed = |overlay: &Overlay| overlay.steps.contains(&Step::RemovedInline);
                let is_removed = key.starts_with("AWSCluster ") && layout.overlays.iter().any(removed);
                assert!(reference.is_some() || is_removed, "{key} has no reference: {layout:?}");
                old["spec"].as_object_mut().unwrap().remove("identityRef");
            }
            assert_eq!(*object, old, "{layout:?}");
        }
        assert_eq!(after.len(), before.len(), "{layout:?}");
    }
    agree(builders, layout, top);
}

/// `status` of the files says what `status` of the builds says, or that it does not know.
fn agree(builders: &Builders, layout: &Layout, top: &Path) {
    let files = rows(&run(top, "status . -R -o json", None));
    let beside = tempfile::tempdir().unwrap();
    let mut built: BTreeSet<Row> = BTreeSet::new();
    for root in layout.roots() {
        let stream = beside.path().join("build.yaml");
        fs::write(&stream, builders.build(top, &root)).unwrap();
        built.extend(rows(&run(top, "status -f - -o json", Some(&stream))));
    }
    // Overlays that build one Namespace with different labels: the last one to be applied counts.
    let relabels = |overlay: &&Overlay| overlay.steps.contains(&Step::Labels);
    let labelled = layout.overlays.iter().filter(relabels).count();
    let torn = layout.namespace_object && (1..layout.overlays.len()).contains(&labelled);
    let is_open = |row: &&Row| row[5] == "Patched" || torn && row[5] == "NamespaceNotKnown";
    let place = |row: &Row| [row[0].clone(), row[1].clone(), row[2].clone()];
    let open: BTreeSet<[String; 3]> = files.iter().filter(is_open).map(place).collect();
    let patched = |layout: &Layout| {
        let doubtful = [
            Step::NameInline,
            Step::ReferenceFile,
            Step::ComponentReference,
            Step::RemovedInline,
            Step::SelectedInline,
        ];
        let count = |overlay: &Overlay| overlay.steps.iter().filter(|step| doubtful.contains(step)).count();
        let open = [Step::NameInline, Step::RemovedInline, Step::SelectedInline];
        let single = |overlay: &Overlay| overlay.steps.iter().any(|step| open.contains(step));
        layout.overlays.iter().any(|overlay| count(overlay) > 1 || single(overlay))
    };
    assert!(open.is_empty() || torn || patched(layout), "unknown without a reason: {files:#?} {layout:#?}");
    let known = |rows: &BTreeSet<Row>| -> BTreeSet<Row> {
        rows.iter().filter(|row| !open.contains(&place(row))).cloned().collect()
    };
    assert_eq!(known(&files), known(&built), "{layout:#?}");
}

#[test]
fn status_says_of_the_files_what_it_says_of_their_builds() {
    let Some(builders) = Builders::find() else {
        return skip("status_says_of_the_files_what_it_says_of_their_builds", "no kustomize or no yq");
    };
    let cases = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(16);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner
        .run(&layouts(), |layout| {
            check(&builders, &layout);
            Ok(())
        })
        .unwrap();
}

/// A directory that a `Kustomization` of Flux applies.
#[derive(Clone, Debug)]
struct FluxLayout {
    /// Whether the directory, and one below it, has a kustomization.
    own: bool,
    below: bool,
    /// `namespace` in the kustomization of the directory.
    own_namespace: bool,
    target_namespace: bool,
    /// A patch that sets a whole reference.
    patch: bool,
    /// The root of the repository instead of a directory.
    whole: bool,
}

fn flux_layouts() -> impl Strategy<Value = FluxLayout> {
    let flag = any::<bool>;
    (flag(), flag(), flag(), flag(), flag(), flag()).prop_map(
        |(own, below, own_namespace, target_namespace, patch, whole)| FluxLayout {
            own,
            below,
            own_namespace,
            target_namespace,
            patch,
            whole,
        },
    )
}

impl FluxLayout {
    const PATCH: &str = "- target: {kind: AWSCluster}\n  patch: |-\n    - op: add\n      path: /spec/identityRef\n      value: {kind: AWSClusterRoleIdentity, name: other}\n";

    fn directory(&self) -> &str {
        if self.whole { "." } else { "clusters/dev" }
    }

    fn write(&self, top: &Path) {
        let put = |name: &str, text: &str| write(top, name, text);
        fs::create_dir(top.join(".git")).unwrap();
        let at = |name: &str| if self.whole { name.to_owned() } else { format!("clusters/dev/{name}") };
        put(&at("heron.yaml"), &cluster("AWSCluster", INFRASTRUCTURE, "heron", "  namespace: own\n"));
        put(&at("deep/egret.yml"), &cluster("AWSManagedControlPlane", CONTROL_PLANE, "egret", ""));
        put(&at("deep/notes.txt"), "not a manifest\n");
        put(&at("below/wren.yaml"), &cluster("AWSCluster", INFRASTRUCTURE, "wren", ""));
        put(&at("below/other.yaml"), &identity("other", OTHER));
        if self.below {
            put(&at("below/kustomization.yaml"), "namespace: below\nresources: [wren.yaml, other.yaml]\n");
        }
        if self.own {
            let namespace = if self.own_namespace { "namespace: kustomization\n" } else { "" };
            let below = if self.below { "below" } else { "below/wren.yaml" };
            put(&at("Kustomization"), &format!("{namespace}resources:\n- heron.yaml\n- deep/egret.yml\n- {below}\n"));
        }
        let mut flux = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: dev, namespace: flux-system}}\nspec:\n  path: ./{}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n",
            self.directory()
        );
        if self.target_namespace {
            flux.push_str("  targetNamespace: target\n");
        }
        if self.patch {
            let patch: Vec<String> = Self::PATCH.lines().map(|line| format!("  {line}\n")).collect();
            flux.push_str(&format!("  patches:\n{}", patch.concat()));
        }
        put(".flux/dev.yaml", &flux);
    }

    /// The kustomization that Flux builds: that of the directory or a new one with all manifests below it, with the
    /// target namespace and the patches (fluxcd/pkg, `kustomize/kustomize_generator.go`).
    fn generate(&self, top: &Path) {
        let directory = top.join(self.directory());
        let file = directory.join("Kustomization");
        let mut text = fs::read_to_string(&file).unwrap_or_else(|_| {
            let mut resources = vec!["heron.yaml", "deep/egret.yml"];
            resources.extend(if self.below { vec!["below"] } else { vec!["below/wren.yaml", "below/other.yaml"] });
            format!("resources: [{}]\n", resources.join(", "))
        });
        if self.target_namespace {
            text =
                text.lines().filter(|line| !line.starts_with("namespace:")).map(|line| format!("{line}\n")).collect();
            text.push_str("namespace: target\n");
        }
        if self.patch {
            text.push_str(&format!("patches:\n{}", Self::PATCH));
        }
        fs::write(file, text).unwrap();
    }
}

/// Rows without the reason: an identity that the build lacks is in a file that nothing applies.
fn check_flux(builders: &Builders, layout: &FluxLayout) {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path();
    layout.write(top);
    let of_files = rows(&run(top, "status . -R -o json", None));
    layout.generate(top);
    let beside = tempfile::tempdir().unwrap();
    let stream = beside.path().join("build.yaml");
    let mut text = builders.build(top, layout.directory());
    if !text.contains("kind: AWSClusterRoleIdentity\nmetadata") {
        text.push_str(&format!("---\n{}", identity("other", OTHER)));
    }
    fs::write(&stream, text).unwrap();
    assert_eq!(of_files, rows(&run(top, "status -f - -o json", Some(&stream))), "{layout:#?}");
}

#[test]
fn status_follows_flux_as_it_builds() {
    let Some(builders) = Builders::find() else {
        return skip("status_follows_flux_as_it_builds", "no kustomize or no yq");
    };
    let mut runner = TestRunner::new(Config { cases: 32, failure_persistence: None, ..Config::default() });
    runner
        .run(&flux_layouts(), |layout| {
            check_flux(&builders, &layout);
            Ok(())
        })
        .unwrap();
}
