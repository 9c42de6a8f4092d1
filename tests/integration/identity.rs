//! `identity --check` accepts what `identity` prints.

use std::fs;
use std::path::Path;
use std::process::Output;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};

use crate::support::xaccount;

const ACCOUNTS: [&str; 3] = ["222222222222", "333333333333", "444444444444"];

/// An account of the map, and its identity in the file.
#[derive(Clone, Debug)]
struct Account {
    allowed: &'static str,
    extra: &'static str,
    /// The namespaces that the file lists; `None` if the file has no identity of the account.
    listed: Option<Vec<&'static str>>,
    kept: &'static str,
}

fn account() -> impl Strategy<Value = Account> {
    let allowed = select(vec!["served", "served", "{}", "{list: [dev]}"]);
    let extra = select(vec!["", "  externalID: \"0042\"\n", "  sessionName: capa\n  durationSeconds: 3600\n"]);
    let listed = proptest::option::of(subsequence(vec!["dev", "stage", "prod"], 0..=3));
    let kept = select(vec!["", "  externalID: \"0042\"\n", "  # agreed with finance\n"]);
    (allowed, extra, listed, kept).prop_map(|(allowed, extra, listed, kept)| Account { allowed, extra, listed, kept })
}

fn identity(directory: &Path, words: &[&str]) -> Output {
    xaccount().current_dir(directory).arg("identity").args(words).output().unwrap()
}

fn write(directory: &Path, accounts: &[Account]) {
    let mut map = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nidentityFile: ids.yaml\naccounts:\n".to_owned();
    let mut file = String::from("# The identities.\n");
    for (id, account) in ACCOUNTS.iter().zip(accounts) {
        let Account { allowed, extra, listed, kept } = account;
        map.push_str(&format!(
            "- name: account-{id}\n  account: \"{id}\"\n  allowedNamespaces: {allowed}\n{extra}  clusters: {{namespaces: [n{id}]}}\n"
        ));
        if let Some(listed) = listed {
            file.push_str(&format!(
                "---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: cross-account-role-{id}\nspec:\n  allowedNamespaces:\n    list: [{}]\n  roleARN: arn:aws:iam::{id}:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\n{kept}  sourceIdentityRef: {{kind: AWSClusterControllerIdentity, name: default}}\n",
                listed.join(", ")
            ));
        }
    }
    fs::write(directory.join(".xaccount.yaml"), map).unwrap();
    fs::write(directory.join("ids.yaml"), file).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The allowed namespaces of each identity, read by another parser; `None` without a list.
fn lists(yaml: &[u8]) -> Vec<(String, Option<Vec<String>>)> {
    use serde::Deserialize as _;
    let mut all = Vec::new();
    for document in serde_yaml::Deserializer::from_slice(yaml) {
        let value = serde_json::Value::deserialize(document).unwrap();
        let Some(name) = value["metadata"]["name"].as_str() else { continue };
        let list = value["spec"]["allowedNamespaces"]["list"].as_array();
        let list = list.map(|list| list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect());
        all.push((name.to_owned(), list));
    }
    all
}

fn round_trip(accounts: &[Account]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write(directory, accounts);
    let old = fs::read(directory.join("ids.yaml")).unwrap();
    let printed = identity(directory, &[]);
    let checked = identity(directory, &["--check"]);
    if checked.status.code() == Some(2) {
        // Input that `--check` refuses is refused here.
        assert_eq!((printed.status.code(), printed.stdout.is_empty()), (Some(2), true), "{}", text(&checked.stderr));
        return false;
    }
    let names: Vec<&str> = ACCOUNTS[..accounts.len()].to_vec();
    let now = lists(&printed.stdout);
    for (name, list) in &now {
        assert!(
            list.as_ref().is_none_or(|list| !list.is_empty()),
            "{name} allows no namespace: {}",
            text(&printed.stdout)
        );
        let before = lists(&old).into_iter().find(|(other, _)| other == name);
        let before = before.and_then(|(_, list)| list).unwrap_or_default();
        let keeps = list.as_ref().is_none_or(|list| before.iter().all(|one| list.contains(one)));
        assert!(keeps, "{name} loses a namespace: {before:?}: {}", text(&printed.stdout));
    }
    // Each identity is printed, or reported as omitted.
    let said = text(&printed.stderr);
    for id in &names {
        let name = format!("cross-account-role-{id}");
        assert_ne!(now.iter().any(|(there, _)| *there == name), said.contains(&name), "{name}: {said}");
    }
    if printed.status.code() == Some(2) {
        assert!(printed.stdout.is_empty() && said.contains("no namespace is known"), "{said}");
        return false;
    }
    assert_eq!(printed.status.code(), Some(0), "{said}");
    // Written to a file, they need no change.
    fs::write(directory.join("ids.yaml"), &printed.stdout).unwrap();
    let mut words = vec!["--check"];
    for id in names.iter().filter(|id| now.iter().any(|(name, _)| name.ends_with(**id))) {
        words.extend(["--account", id]);
    }
    let again = identity(directory, &words);
    assert_eq!(again.status.code(), Some(0), "{}{}", text(&again.stdout), text(&again.stderr));
    let printed_again = identity(directory, &words[1..]);
    assert_eq!(text(&printed_again.stdout), text(&printed.stdout));
    true
}

#[test]
fn check_accepts_what_is_printed() {
    let cases = std::env::var("XACCOUNT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(48);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let printed = std::cell::Cell::new(0);
    runner
        .run(&proptest::collection::vec(account(), 1..=3), |accounts| {
            printed.set(printed.get() + u32::from(round_trip(&accounts)));
            Ok(())
        })
        .unwrap();
    assert!(printed.get() * 8 > cases, "{} of {cases} printed something", printed.get());
}
