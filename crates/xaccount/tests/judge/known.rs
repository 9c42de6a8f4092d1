//! Differences that are known and not fixed yet, each a function. They are counted apart and are not in the sample. Remove
//! the function of a difference that is fixed, and update the sample.

use xaccount::capa::{Reason, VerdictOutcome};

use crate::compare::Status;
use crate::generate::Case;
use crate::judges::{Verdict, find};

/// The known difference of a case for which `status` differs from the judge.
pub(crate) fn known(case: &Case, judge: &Verdict, own: &Status) -> Option<&'static str> {
    let all = [
        (two_selectors(case, judge, own), "selectors of two identities, which no labels may satisfy together"),
        (rosa_fields(case, judge), "a ROSA object that is refused for another field"),
    ];
    all.into_iter().find_map(|(is_it, what)| is_it.then_some(what))
}

/// `status` asks for each identity alone whether some labels satisfy its selector.
fn two_selectors(case: &Case, judge: &Verdict, own: &Status) -> bool {
    let has_selector = |kind: &str, name: &str| {
        find(case, kind, name)
            .is_some_and(|(_, identity)| identity["spec"]["allowedNamespaces"]["selector"].is_object())
    };
    let selectors = own.chain.iter().filter(|hop| has_selector(&hop.kind, &hop.name)).count();
    // A later refusal is certain, and CAPA does not get to it.
    let is_earlier = judge.verdict == "denied" && own.outcome == VerdictOutcome::Error;
    (own.reason == Some(Reason::NamespaceNotKnown) || is_earlier) && selectors > 1
}

/// `status` checks only the fields of a ROSA object that matter for its identity.
fn rosa_fields(case: &Case, judge: &Verdict) -> bool {
    let is_rosa = case.objects[0]["kind"].as_str().is_some_and(|kind| kind.starts_with("ROSA"));
    is_rosa && judge.reason == "ClusterRefused" && judge.message.contains("spec.")
}
