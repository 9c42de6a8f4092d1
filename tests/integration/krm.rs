//! `fn`: a ResourceList in and out.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::xaccount;

pub(crate) const IDENTITY: &str = "cross-account-role-222222222222";

/// Runs `fn` with the words of `flags` on `stdin`.
fn function(stdin: &str, flags: &str) -> Output {
    let mut child = xaccount()
        .arg("fn")
        .args(flags.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // With a wrong flag the program ends before it reads.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn value(out: &Output) -> Value {
    serde_yaml::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(out)))
}

pub(crate) fn text(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

pub(crate) fn errors(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

const CONFIG: &str = "functionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: x}\n  data:\n";

/// A list as kpt writes it: items with the file that they come from, then the functionConfig's data.
fn list(items: &[(&str, String)], data: &str) -> String {
    let mut text = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n".to_owned();
    for (path, item) in items {
        let indented = item.trim_end().replace('\n', "\n  ");
        text.push_str(&format!("- {}\n", indented.replace("PATH", path)));
    }
    if data.is_empty() { text } else { format!("{text}{CONFIG}    {}\n", data.trim_end().replace('\n', "\n    ")) }
}

pub(crate) fn cluster(name: &str, index: usize) -> String {
    format!(
        "# made by hand\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n  annotations:\n    internal.config.kubernetes.io/path: 'PATH'\n    internal.config.kubernetes.io/index: '{index}'\nspec:\n  region: \"us-west-2\"  # near\n"
    )
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n";

const ACCOUNT: &str = "account: \"222222222222\"";

/// The new lines; all old ones must exist in their order.
fn added(before: &str, after: &str) -> Vec<String> {
    let mut old = before.lines().peekable();
    let mut new = Vec::new();
    for line in after.lines() {
        if old.peek() == Some(&line) {
            old.next();
        } else {
            new.push(line.to_owned());
        }
    }
    assert_eq!(old.next(), None, "a line is missing or changed:\n{after}");
    new
}

#[test]
fn items_get_references_and_results_report_it() {
    let before = list(&[("a/heron.yaml", cluster("heron", 0)), ("s.yaml", SECRET.into())], ACCOUNT);
    let out = function(&before, "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    let new = added(&before, &text(&out));
    let want = format!(
        "    identityRef:
      kind: AWSClusterRoleIdentity
      name: {IDENTITY}
- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
  kind: AWSClusterRoleIdentity
  metadata:
    name: {IDENTITY}
    annotations:
      internal.config.kubernetes.io/index: \"1\"
      internal.config.kubernetes.io/path: a/heron.yaml
  spec:
    allowedNamespaces: {{}}
    roleARN: \"arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\"
    sourceIdentityRef:
      kind: AWSClusterControllerIdentity
      name: default
results:
- message: \"source -> 222222222222\"
  severity: info
  resourceRef:
    apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
    kind: AWSCluster
    name: heron
  file:
    path: a/heron.yaml
    index: 0
- message: \"added: arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\"
  severity: info
  resourceRef:
    apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
    kind: AWSClusterRoleIdentity
    name: {IDENTITY}
  file:
    path: a/heron.yaml
    index: 1"
    );
    assert_eq!(new.join("\n"), want);
    assert!(errors(&out).ends_with("1 cluster changed, 1 identity added in 1 file\n"));

    // Flags instead of the functionConfig, and quiet.
    let bare = list(&[("a/heron.yaml", cluster("heron", 0)), ("s.yaml", SECRET.into())], "");
    let flags = function(&bare, "--account 222222222222 -q");
    assert_eq!((flags.status.code(), errors(&flags)), (Some(0), String::new()));
    assert_eq!(value(&flags)["items"], value(&out)["items"]);
    assert_eq!(value(&flags)["results"], value(&out)["results"]);

    // Again: nothing is left to do.
    let again = function(&text(&out), "");
    assert_eq!((again.status.code(), text(&again)), (Some(0), text(&out)));
}

#[test]
fn versions_and_forms() {
    let yaml = list(&[("heron.yaml", cluster("heron", 0))], ACCOUNT);
    let old = function(&yaml.replace("config.kubernetes.io/v1\n", "config.kubernetes.io/v1beta1\n"), "");
    assert_eq!(old.status.code(), Some(0), "{}", errors(&old));
    assert_eq!(value(&old)["apiVersion"], "config.kubernetes.io/v1beta1");
    assert_eq!(value(&old)["items"].as_array().unwrap().len(), 2);

    let json = serde_json::to_string_pretty(&serde_yaml::from_str::<Value>(&yaml).unwrap()).unwrap();
    for json in [json.clone(), serde_json::from_str::<Value>(&json).unwrap().to_string()] {
        let out = function(&json, "");
        assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
        let read: Value = serde_json::from_slice(&out.stdout).expect("JSON stays JSON");
        assert_eq!(read["items"], value(&old)["items"]);
        assert_eq!(read["results"], value(&old)["results"]);
    }

    let crlf = yaml.replace('\n', "\r\n");
    let out = function(&crlf, "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    assert_eq!(text(&out).matches('\n').count(), text(&out).matches("\r\n").count());

    for (stdin, why) in [
        (yaml.replace("io/v1\nkind: ResourceList", "io/v1alpha1\nkind: ResourceList"), "v1alpha1"),
        (cluster("heron", 0), "AWSCluster"),
        (String::new(), "empty"),
        (format!("{yaml}---\n{yaml}"), "several documents"),
        ("items: [".into(), "can't be read"),
    ] {
        let out = function(&stdin, "--account 222222222222");
        assert_eq!((out.status.code(), text(&out)), (Some(2), String::new()), "{stdin}");
        assert!(errors(&out).starts_with("error: ") && errors(&out).contains(why), "{why}: {}", errors(&out));
    }
}

#[test]
fn a_list_without_clusters_is_not_an_error() {
    for items in ["items:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n", "items: []\n", "items:\n", ""] {
        let before = format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{items}");
        let out = function(&before, "--account 222222222222");
        assert_eq!((out.status.code(), text(&out)), (Some(0), before), "{}", errors(&out));
    }
}

/// Checks the list after an error: it is unchanged except for results; returns these, which are all errors.
fn refused(before: &str, out: &Output) -> Vec<Value> {
    assert_eq!(out.status.code(), Some(2), "{}", errors(out));
    assert!(errors(out).contains("error: "), "{}", errors(out));
    assert!(text(out).starts_with(before), "{}", text(out));
    let results = value(out)["results"].as_array().unwrap().clone();
    assert!(!results.is_empty() && results.iter().all(|result| result["severity"] == "error"), "{results:?}");
    results
}

#[test]
fn an_error_leaves_the_items_unchanged_and_is_a_result() {
    let pointed = cluster("ridge", 3).replace(
        "spec:\n",
        "spec:\n  identityRef: {kind: AWSClusterRoleIdentity, name: cross-account-role-333333333333}\n",
    );
    let before = list(&[("ridge.yaml", pointed)], ACCOUNT);
    let results = refused(&before, &function(&before, ""));
    let message = results[0]["message"].as_str().unwrap();
    assert!(
        message.contains("333333333333") && message.contains("--move-account 333333333333=222222222222"),
        "{message}"
    );
    assert_eq!(results[0]["resourceRef"]["name"], "ridge");
    assert_eq!(results[0]["file"], serde_json::json!({"path": "ridge.yaml", "index": 3}));

    let before = list(&[("a.yaml", cluster("a", 0)), ("b.yaml", cluster("b", 0))], ACCOUNT);
    let results = refused(&before, &function(&before, ""));
    let message = results[0]["message"].as_str().unwrap();
    assert!(message.contains("would be used by 2 files") && message.contains("--identity-file"), "{message}");

    // A document that can't be understood.
    let before = list(&[("a.yaml", cluster("a", 0).replace("region:", "identityRef: x\n  region:"))], ACCOUNT);
    refused(&before, &function(&before, ""));
}

#[test]
fn values_of_a_function_config() {
    let items = [("a.yaml", cluster("a", 0))];
    for (data, why) in [
        ("account: \"22\"", "12"),
        ("accounts: \"222222222222\"", "data.accounts is not a flag of fn; the flags are: account, "),
        ("account: \"222222222222\"\noverwrite: \"yes\"", "write \"true\" or \"false\""),
        ("account: \"222222222222\"\ninline-policy: /etc/passwd", "inline-policy"),
        ("account: \"222222222222\"\nrole-arn: arn:aws:iam::222222222222:role/x", "cannot be used"),
        ("account: [a]", "keys with strings"),
        ("account:", "keys with strings"),
        ("overwrite: \"true\"", "no target account"),
        ("write: \"true\"", "data.write is not a flag"),
    ] {
        let before = list(&items, data);
        let results = refused(&before, &function(&before, ""));
        assert!(results[0]["message"].as_str().unwrap().contains(why), "{data}: {results:?}");
    }
    let both = list(&items, ACCOUNT);
    let results = refused(&both, &function(&both, "--account 333333333333"));
    assert!(
        results[0]["message"].as_str().unwrap().contains("both on the command line and in functionConfig"),
        "{results:?}"
    );
    let nothing = list(&items, "");
    refused(&nothing, &function(&nothing, ""));

    for (kind, why) in [
        ("apiVersion: xaccount.dev/v1alpha1\n  kind: AccountMap", "functionConfig: unknown field data"),
        ("apiVersion: example.com/v1\n  kind: Other", "not a ConfigMap, but example.com/v1 Other"),
    ] {
        let before = list(&items, ACCOUNT).replace("apiVersion: v1\n  kind: ConfigMap", kind);
        let results = refused(&before, &function(&before, ""));
        assert!(results[0]["message"].as_str().unwrap().contains(why), "{results:?}");
    }

    // Numbers and booleans as written; several values; a flag that is off.
    let data = "account: 012345678901\nno-identity: true\noverwrite: \"false\"\ncluster-name: |\n  x-*\n  a";
    let out = function(&list(&items, data), "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    assert_eq!(value(&out)["items"][0]["spec"]["identityRef"]["name"], "cross-account-role-012345678901");
    assert_eq!(value(&out)["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_function_config_may_be_an_account_map() {
    let items = [("dev/a.yaml", cluster("a", 0)), ("prod/b.yaml", cluster("b", 0))];
    let map = "  apiVersion: xaccount.dev/v1alpha1
  kind: AccountMap
  metadata:
    name: map
    annotations: {config.kubernetes.io/function: \"exec: {path: x}\"}
  identityFile: identities.yaml
  accounts:
  - {name: dev, account: \"222222222222\", clusters: {paths: [dev/*]}}
  - {name: prod, account: \"333333333333\", clusters: {names: [b]}}
";
    let whole = list(&items, ACCOUNT);
    let start = whole.find("functionConfig:\n").unwrap() + "functionConfig:\n".len();
    let rest = &whole[start..];
    let end = rest.lines().take_while(|line| line.starts_with(' ')).map(|line| line.len() + 1).sum::<usize>();
    let with = |map: &str| format!("{}{map}{}", &whole[..start], &rest[end..]);
    let out = function(&with(map), "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    let value = value(&out);
    let name = |item: usize| value["items"][item]["spec"]["identityRef"]["name"].as_str().unwrap().to_owned();
    assert_eq!([name(0), name(1)], ["cross-account-role-222222222222", "cross-account-role-333333333333"]);
    let path = &value["items"][3]["metadata"]["annotations"]["internal.config.kubernetes.io/path"];
    assert_eq!(path, "identities.yaml");

    for (from, to, why) in [
        ("clusters: {names: [b]}", "clusters: {names: [c]}", "matches no account"),
        ("clusters: {names: [b]}", "clusters: {names: [a, b]}", "matches 2 accounts of functionConfig"),
        ("333333333333", "33", "functionConfig: the account id"),
    ] {
        let before = with(&map.replace(from, to));
        let results = refused(&before, &function(&before, ""));
        assert!(results[0]["message"].as_str().unwrap().contains(why), "{results:?}");
    }
    let before = with(map);
    let results = refused(&before, &function(&before, "--account 333333333333"));
    assert!(results[0]["message"].as_str().unwrap().contains("the account map has 222222222222"), "{results:?}");
}

/// A map as functionConfig: by path, or by name.
const BY_PATH: &str = "functionConfig:
  apiVersion: xaccount.dev/v1alpha1
  kind: AccountMap
  accounts:
  - {name: dev, account: '222222222222', clusters: {paths: ['clusters/dev/**']}}
  - {name: prod, account: '333333333333', clusters: {paths: ['clusters/prod/**']}}
  - {name: fen, account: '444444444444', clusters: {names: ['fen-*']}}
";

#[test]
fn paths_are_normalized_before_the_map_is_matched() {
    let account = |path: &str, name: &str| {
        let item = cluster(name, 0);
        let item =
            if path.is_empty() { item.replace("    internal.config.kubernetes.io/path: 'PATH'\n", "") } else { item };
        let out = function(&format!("{}{BY_PATH}", list(&[(path, item)], "")), "");
        match out.status.code() {
            Some(0) => errors(&out).split(" -> ").nth(1).unwrap()[..12].to_owned(),
            _ => errors(&out).lines().next().unwrap_or_default().to_owned(),
        }
    };
    let unassigned = "error: AWSCluster a matches no account of functionConfig";
    let unplaced = "error: AWSCluster a: functionConfig matches files by path, and its path is unknown";
    for (path, name, want) in [
        ("clusters/dev/a.yaml", "a", "222222222222"),
        ("clusters/dev/../prod/a.yaml", "a", "333333333333"),
        ("./clusters//prod/a.yaml", "a", "333333333333"),
        ("/clusters/dev/a.yaml", "a", unassigned),
        ("../clusters/dev/a.yaml", "a", unassigned),
        ("x/../../clusters/dev/a.yaml", "a", unassigned),
        ("", "a", unplaced),
        ("", "fen-1", "444444444444"),
    ] {
        assert_eq!(account(path, name), want, "{path} {name}");
    }
}

#[test]
fn the_owner_of_an_item_is_that_of_its_file() {
    let owner = |name: &str, index: usize| {
        format!(
            "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata:\n  name: {name}\n  annotations:\n    internal.config.kubernetes.io/path: 'PATH'\n    internal.config.kubernetes.io/index: '{index}'\nspec:\n  infrastructureRef: {{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, name: main}}\n"
        )
    };
    let map = BY_PATH
        .replace("paths: ['clusters/dev/**']", "names: ['dev-*']")
        .replace("paths: ['clusters/prod/**']", "names: ['prod-*']");
    let run = |items: &[(&str, String)]| function(&format!("{}{map}", list(items, "")), "");
    let accounts = |out: &Output| -> Vec<String> {
        errors(out).lines().filter_map(|line| Some(line.split_once(" -> ")?.1[..12].to_owned())).collect()
    };
    let both = [
        ("dev/a.yaml", owner("dev-main", 0)),
        ("dev/a.yaml", cluster("main", 1)),
        ("prod/a.yaml", owner("prod-main", 0)),
        ("prod/b.yaml", cluster("main", 0)),
    ];
    assert_eq!(accounts(&run(&both)), ["222222222222", "333333333333"]);
    let differ = [both[0].clone(), both[2].clone(), ("base/a.yaml", cluster("main", 0))];
    let out = run(&differ);
    assert_eq!(out.status.code(), Some(2));
    assert!(errors(&out).contains("prod-main: prod/a.yaml\n"), "{}", errors(&out));
}

#[test]
fn an_identity_file_is_a_path() {
    let items = [("a.yaml", cluster("a", 0)), ("b.yaml", cluster("b", 0))];
    let data = format!("{ACCOUNT}\nidentity-file: ids/all.yaml");
    let out = function(&list(&items, &data), "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    let annotations = &value(&out)["items"][2]["metadata"]["annotations"];
    assert_eq!(annotations["internal.config.kubernetes.io/path"], "ids/all.yaml");
    assert_eq!(annotations["internal.config.kubernetes.io/index"], "0");

    // The file already has items, also with the annotations of old hosts.
    let existing = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/path: PATH\n    config.kubernetes.io/index: \"4\"\n";
    let items = [("a.yaml", cluster("a", 0)), ("b.yaml", cluster("b", 0)), ("ids/all.yaml", existing.into())];
    let out = function(&list(&items, &data), "");
    let annotations = &value(&out)["items"][3]["metadata"]["annotations"];
    for prefix in ["", "internal."] {
        assert_eq!(annotations[format!("{prefix}config.kubernetes.io/path")], "ids/all.yaml", "{annotations}");
        assert_eq!(annotations[format!("{prefix}config.kubernetes.io/index")], "5", "{annotations}");
    }

    // Without paths there are no files, and nothing to report about them.
    let bare = cluster("a", 0).replace("    internal.config.kubernetes.io/path: 'PATH'\n", "    x: y\n");
    let out = function(&list(&[("", bare.clone()), ("", bare.replace("name: a", "name: b"))], &data), "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    assert_eq!(value(&out)["items"][2]["metadata"].get("annotations"), None);
    assert_eq!(value(&out)["results"][0].get("file"), None);
}

#[test]
fn results_of_functions_before_stay() {
    for (existing, before) in
        [("results:\n- {message: first, severity: info}\n", 1), ("results: []\n", 0), ("results:\n", 0)]
    {
        let text = list(&[("a.yaml", cluster("a", 0))], ACCOUNT) + existing;
        let out = function(&text, "");
        assert_eq!(out.status.code(), Some(0), "{existing}: {}", errors(&out));
        let results = value(&out)["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), before + 2, "{existing}");
        assert!(before == 0 || results[0]["message"] == "first");
    }
    let text = list(&[("a.yaml", cluster("a", 0))], ACCOUNT) + "results: {items: []}\n";
    let out = function(&text, "");
    assert_eq!(
        (out.status.code(), self::text(&out)),
        (Some(2), text),
        "the list is printed, although its results can't be extended"
    );
    assert!(errors(&out).contains("results of the ResourceList are not a list"), "{}", errors(&out));
}

#[test]
fn an_item_that_ends_where_new_ones_begin() {
    let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a}\n";
    for spec in ["spec:", "spec: {}", "spec: ~", "", "spec:\n  region: x\n# the end"] {
        for newline in ["\n", ""] {
            let before = list(&[("", format!("{head}{spec}"))], "");
            let before = format!("{}{newline}", before.trim_end());
            let out = function(&before, "--account 222222222222");
            assert_eq!(out.status.code(), Some(0), "{spec:?}: {}", errors(&out));
            let items = value(&out)["items"].clone();
            assert_eq!(items[0]["spec"]["identityRef"]["name"], IDENTITY, "{spec:?}");
            assert_eq!(items[1]["kind"], "AWSClusterRoleIdentity", "{spec:?}");
            assert_eq!(value(&out)["results"].as_array().unwrap().len(), 2, "{spec:?}");
        }
    }
}

fn kustomization(body: &str) -> String {
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata:\n  name: k\n  annotations:\n    internal.config.kubernetes.io/path: 'PATH'\n{body}\n"
    )
}

#[test]
fn a_patch_of_the_package_and_an_item_without_a_name_are_skipped() {
    let nameless = cluster("gone", 0).replace("  name: gone\n", "");
    let items = [
        ("overlays/prod/Kustomization", kustomization("resources: [../../base]\npatches:\n- path: ./heron.yaml")),
        ("overlays/prod/heron.yaml", cluster("heron", 0)),
        ("base/heron.yaml", cluster("heron", 0)),
        ("tests/assert.yaml", nameless),
    ];
    let input = list(&items, ACCOUNT);
    let out = function(&input, "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    let result = value(&out);
    let pointed: Vec<bool> =
        result["items"].as_array().unwrap().iter().map(|item| item["spec"]["identityRef"].is_object()).collect();
    // The identity comes last.
    assert_eq!(pointed, [false, false, true, false, false], "{}", text(&out));
    let said = "overlays/prod/heron.yaml is a kustomize patch and is skipped: overlays/prod/Kustomization names it under patches";
    assert!(errors(&out).contains(&format!("note: {said}\n")), "{}", errors(&out));
    assert!(errors(&out).contains("Warning: AWSCluster is skipped: it has no metadata.name\n"), "{}", errors(&out));
    let results = result["results"].as_array().unwrap();
    assert!(results.iter().any(|one| one["severity"] == "info" && one["message"] == said), "{}", text(&out));
}

#[test]
fn a_patch_of_the_package_is_not_an_identity_file() {
    for exists in [true, false] {
        let mut items = vec![
            ("kustomization.yaml", kustomization("resources: [base.yaml]\npatches: [{path: ids.yaml}]")),
            ("base.yaml", cluster("heron", 0)),
        ];
        if exists {
            items.push(("ids.yaml", cluster("heron", 0)));
        }
        let input = list(&items, &format!("{ACCOUNT}\nidentity-file: ids.yaml"));
        let out = function(&input, "");
        assert_eq!(out.status.code(), Some(2));
        assert!(
            errors(&out).contains("ids.yaml can't keep identities: kustomization.yaml names it under patches"),
            "{}",
            errors(&out)
        );
    }
}

#[test]
fn an_unreadable_kustomization_of_the_package_is_reported() {
    let items = [("Kustomization", kustomization("patches: heron.yaml")), ("heron.yaml", cluster("heron", 0))];
    let out = function(&list(&items, ACCOUNT), "");
    assert_eq!(out.status.code(), Some(0), "{}", errors(&out));
    assert!(
        errors(&out).contains("Warning: Kustomization can't be read: 'patches' is not a list\n"),
        "{}",
        errors(&out)
    );
}
