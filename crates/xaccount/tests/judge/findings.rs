//! `lint` next to the judges: each identity that the API server or a webhook refuses has an error, and each error that says
//! so is about an object that is refused.

use serde_json::Value;
use xaccount::Manifests;
use xaccount::diag::{RuleId, Severity};

use crate::generate::Case;
use crate::judges::Verdict;

/// Rules whose errors say that the API server or a webhook refuses an object.
const REFUSED: [RuleId; 3] = [RuleId::InvalidAllowedNamespaces, RuleId::RefusedField, RuleId::NotServed];

/// What `lint` misses, and what it finds without a reason.
pub(crate) fn differences(case: &Case, judge: &Verdict) -> Vec<&'static str> {
    let file = |(at, object): (usize, &Value)| (format!("{at}.json"), object.to_string());
    let files: Vec<(String, String)> = case.objects.iter().enumerate().map(file).collect();
    let release = case.release.parse().expect("a release");
    let manifests = Manifests::new(files).expect("files").with_release(release);
    let report = xaccount::lint(&manifests).expect("a report");
    let mut has_error = vec![false; case.objects.len()];
    let mut found = Vec::new();
    for finding in report.findings().iter().filter(|finding| finding.diagnostic.severity == Severity::Error) {
        let Some(at) = finding.diagnostic.primary.as_ref().map(|label| label.at.file.0) else { continue };
        has_error[at] = true;
        if REFUSED.contains(&finding.rule.id) && !judge.refused.contains_key(&at) {
            found.push("an error of lint about an object that is accepted");
        }
    }
    let is_identity = |at: &usize| {
        let kind = case.objects[*at]["kind"].as_str().unwrap_or_default();
        kind.starts_with("AWSCluster") && kind.ends_with("Identity")
    };
    let missed = judge.refused.keys().filter(|at| is_identity(at) && !has_error[**at]);
    found.extend(missed.map(|_| "an identity that is refused, and no error of lint"));
    found
}
