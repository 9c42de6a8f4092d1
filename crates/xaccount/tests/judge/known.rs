//! Differences that are known and not fixed yet, each a function. They are counted apart and are not in the sample. Remove
//! the function of a difference that is fixed, and update the sample.

use serde_json::Value;
use xaccount::capa::{Reason, VerdictOutcome};

use crate::compare::Status;
use crate::generate::Case;
use crate::judges::{Hop, Verdict, find};

/// The known difference of a case for which `status` differs from the judge.
pub(crate) fn known(case: &Case, judge: &Verdict, own: &Status) -> Option<&'static str> {
    let all = [
        (refused_controller_identity(case, judge), "a refused controller identity, which CAPA replaces by an open one"),
        (not_defaulted(case), "an identity with labels, which the defaulter of CAPA 2.13 leaves as it is"),
        (unserved(judge), "an object of a kind or version that the release does not serve"),
        (refused_secret(case, judge, own), "a refused Secret, which counts as existing"),
        (impossible_name(judge, own), "a reference to a name that no object can have"),
        (two_selectors(case, own), "selectors of two identities, which no labels may satisfy together"),
        (rosa_fields(case, judge), "a ROSA object that is refused for another field"),
        (refused_cluster(judge, own), "a refused cluster, whose chain is evaluated"),
        (empty_namespace(case), "an empty metadata.namespace, which kubectl replaces by the current one"),
        (pruned_region(case), "a region of a kind that has none"),
    ];
    all.into_iter().find_map(|(is_it, what)| is_it.then_some(what))
}

/// The API server does not know the kind in that version. `status` follows such an identity.
fn unserved(judge: &Verdict) -> bool {
    judge.refused.values().any(|why| why.starts_with("no matches for kind"))
}

/// The API server or a webhook refuses the cluster. `status` looks at the chain first.
fn refused_cluster(judge: &Verdict, own: &Status) -> bool {
    judge.reason == "ClusterRefused" && matches!(own.outcome, VerdictOutcome::Denied | VerdictOutcome::Crash)
}

/// The API server refuses the Secret's metadata.
fn refused_secret(case: &Case, judge: &Verdict, own: &Status) -> bool {
    let refused = judge.refused.keys().any(|&at| case.objects[at]["kind"] == "Secret");
    refused && judge.reason == "NotFound" && own.outcome == VerdictOutcome::Permitted
}

/// `status` says unknown, because an identity of that name could be in the management cluster.
fn impossible_name(judge: &Verdict, own: &Status) -> bool {
    let is_impossible = |hop: &Hop| hop.name.chars().any(char::is_uppercase);
    own.outcome == VerdictOutcome::Unknown && judge.chain.iter().chain(&own.chain).any(is_impossible)
}

/// `status` asks for each identity alone whether some labels satisfy its selector.
fn two_selectors(case: &Case, own: &Status) -> bool {
    let has_selector = |kind: &str, name: &str| {
        find(case, kind, name)
            .is_some_and(|(_, identity)| identity["spec"]["allowedNamespaces"]["selector"].is_object())
    };
    let selectors = own.chain.iter().filter(|hop| has_selector(&hop.kind, &hop.name)).count();
    own.reason == Some(Reason::NamespaceNotKnown) && selectors > 1
}

/// `status` checks only the fields of a ROSA object that matter for its identity.
fn rosa_fields(case: &Case, judge: &Verdict) -> bool {
    let is_rosa = case.objects[0]["kind"].as_str().is_some_and(|kind| kind.starts_with("ROSA"));
    is_rosa && judge.reason == "ClusterRefused" && judge.message.contains("spec.")
}

fn empty_namespace(case: &Case) -> bool {
    case.objects.iter().any(|object| object["metadata"]["namespace"] == "")
}

/// ROSARoleConfig and ROSAOCMRoleConfig have no `spec.region`: the API server drops it, whatever it is.
fn pruned_region(case: &Case) -> bool {
    let cluster = &case.objects[0];
    let has_region = !matches!(cluster["kind"].as_str(), Some("ROSARoleConfig" | "ROSAOCMRoleConfig"));
    !has_region && !cluster["spec"]["region"].is_null() && !cluster["spec"]["region"].is_string()
}

/// `AWSClusterControllerIdentity/default` is in the files and refused, so CAPA may create an open one.
fn refused_controller_identity(case: &Case, judge: &Verdict) -> bool {
    let is_it =
        |object: &Value| object["kind"] == "AWSClusterControllerIdentity" && object["metadata"]["name"] == "default";
    judge.refused.keys().any(|&at| is_it(&case.objects[at]))
}

/// The defaulter sends no patch for an identity with labels (controller-runtime v0.23.3,
/// `pkg/webhook/admission/defaulter_custom.go`), so required fields and elements that are null are refused.
fn not_defaulted(case: &Case) -> bool {
    let is_it = |object: &Value| {
        let kind = object["kind"].as_str().unwrap_or_default();
        let spec = &object["spec"];
        let required = match kind {
            "AWSClusterRoleIdentity" => Some("roleARN"),
            "AWSClusterStaticIdentity" => Some("secretRef"),
            "AWSClusterControllerIdentity" => None,
            _ => return false,
        };
        let is_labelled = object["metadata"]["labels"].as_object().is_some_and(|labels| !labels.is_empty());
        let is_missing = required.is_some_and(|field| spec[field].is_null());
        is_labelled && (is_missing || has_null_element(spec))
    };
    case.release == "v2.13.0" && case.objects.iter().any(is_it)
}

fn has_null_element(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| value.is_null() || has_null_element(value)),
        Value::Object(fields) => fields.values().any(has_null_element),
        _ => false,
    }
}
