//! `lint --statistics`: how many findings each rule has.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::lint::{API_VERSION, applicability};
use xaccount::lint::{Applicability, Finding, Rule, rule_of};

/// The document that `-o json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatisticsJson<'s> {
    api_version: &'static str,
    kind: &'static str,
    capa_version: &'s str,
    statistics: Vec<CountJson>,
}

#[derive(Serialize)]
struct CountJson {
    rule: &'static str,
    name: &'static str,
    count: usize,
    fixable: usize,
    applicability: Option<&'static str>,
}

/// The findings of one rule.
struct RuleCount {
    rule: &'static Rule,
    count: usize,
    fixable: usize,
}

/// The rules with findings, the most frequent first.
fn counts(findings: &[Finding]) -> Vec<RuleCount> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        let (count, fixable) = counts.entry(finding.rule.id).or_insert((0, 0));
        *count += 1;
        *fixable += usize::from(finding.applicability().is_some());
    }
    let one = |(id, (count, fixable))| RuleCount { rule: rule_of(id), count, fixable };
    let mut counts: Vec<RuleCount> = counts.into_iter().map(one).collect();
    // Rules with the same count stay in the order of their ids.
    counts.sort_by_key(|one| Reverse(one.count));
    counts
}

/// One line for each rule: count, id, `[*]` if a fix is safe or `[-]` if it is unsafe, and name.
pub(crate) fn lint_statistics(findings: &[Finding]) -> String {
    let counts = counts(findings);
    let width = counts.first().map_or(0, |one| one.count.to_string().len());
    let line = |one: &RuleCount| {
        let mark = match one.rule.fix.filter(|_| one.fixable > 0) {
            Some(Applicability::Safe) => "[*]",
            Some(Applicability::Unsafe) => "[-]",
            None => "[ ]",
        };
        format!("{:>width$}  {}  {mark}  {}\n", one.count, one.rule.id, one.rule.name)
    };
    counts.iter().map(line).collect()
}

/// The same for programs; version 1 of the JSON format.
pub(crate) fn lint_statistics_json(findings: &[Finding], release: &str) -> Value {
    let count = |RuleCount { rule, count, fixable }: RuleCount| CountJson {
        rule: rule.id.code(),
        name: rule.name,
        count,
        fixable,
        applicability: rule.fix.map(applicability),
    };
    json!(StatisticsJson {
        api_version: API_VERSION,
        kind: "Statistics",
        capa_version: release,
        statistics: counts(findings).into_iter().map(count).collect(),
    })
}
