//! The same for `eject`.

use super::applier::Tally;
use super::{NAMESPACE, cluster, tree};
use crate::cases::words;
use crate::fixtures::fixtures;

const REFERENCE: &str = "  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: cross-account-role-222222222222\n";

const IDENTITY: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: \
                        cross-account-role-222222222222\nspec:\n  allowedNamespaces: {}\n  roleARN: \
                        \"arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\"\n  \
                        sourceIdentityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n";

#[test]
fn shapes_that_are_hard_for_a_patch() {
    let mut tally = Tally::default();
    let heron = |rest: &str| cluster("heron", &format!("spec:\n{REFERENCE}{rest}"));
    let region = "  region: eu-west-1\n";
    let far = [NAMESPACE; 3].join("---\n");
    let texts = [
        ("after the cluster", format!("{}---\n{IDENTITY}", heron(region))),
        ("after a spec that is then empty", format!("{}---\n{IDENTITY}", heron(""))),
        ("between the cluster and another", format!("{}---\n{IDENTITY}---\n{NAMESPACE}", heron(region))),
        ("after an empty spec, another object after it", format!("{}---\n{IDENTITY}---\n{NAMESPACE}", heron(""))),
        ("first", format!("{IDENTITY}---\n{}", heron(region))),
        ("first, with a marker", format!("---\n{IDENTITY}---\n{}", heron(region))),
        ("far below", format!("{}---\n{far}---\n{IDENTITY}", heron(region))),
        ("far before", format!("{IDENTITY}---\n{far}---\n{}", heron(""))),
        ("after another object", format!("{}---\n{NAMESPACE}---\n{IDENTITY}---\n{NAMESPACE}", heron(region))),
        ("twice", format!("{IDENTITY}---\n{}---\n{IDENTITY}", heron(region))),
        ("twice, side by side", format!("{}---\n{IDENTITY}---\n{IDENTITY}---\n{NAMESPACE}", heron(""))),
        (
            "in brackets",
            format!(
                "{}---\n{IDENTITY}",
                cluster(
                    "heron",
                    "spec: {identityRef: {kind: AWSClusterRoleIdentity, name: cross-account-role-222222222222}}\n"
                )
            ),
        ),
        ("after blank lines", format!("{}\n\n---\n{IDENTITY}\n\n", heron(region))),
    ];
    for (what, text) in texts {
        for (variant, text) in [
            ("", text.clone()),
            ("without a final newline", text.trim_end().to_owned()),
            ("CRLF", text.replace('\n', "\r\n")),
            ("CRLF without a final newline", text.trim_end().replace('\n', "\r\n")),
            ("byte-order mark", format!("\u{feff}{text}")),
        ] {
            tally.compare(&format!("{what} {variant}"), &tree(&[("heron.yaml", &text)]), &words("eject heron.yaml"));
        }
    }
    tally.end();
}

#[test]
fn an_identity_file_that_is_empty_then() {
    let mut tally = Tally::default();
    let text = cluster("heron", &format!("spec:\n{REFERENCE}"));
    let files = tree(&[("heron.yaml", &text), ("identities.yaml", IDENTITY)]);
    tally.compare("the only identity", &files, &words("eject . --identity-name cross-account-role-222222222222"));
    tally.end();
}

#[test]
fn every_file_of_testdata() {
    let mut tally = Tally::default();
    for back in fixtures().iter().map(|fixture| fixture.back()) {
        if back.run("--check").0.status.code() == Some(1) {
            tally.compare(&back.name, &back.files, &back.args);
        }
    }
    tally.end();
}
