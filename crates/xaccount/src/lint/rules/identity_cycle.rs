//! Cycles of source identities, which CAPA follows until it runs out of memory.

use std::collections::{HashMap, HashSet};

use super::super::{Context, Findings, Rule};
use super::query::role_identities;
use crate::capa::{ObjectKind, State};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::ObjectId;

pub(super) const RULE: Rule = Rule {
    id: RuleId::IdentityCycle,
    name: "identity-cycle",
    severity: Severity::Error,
    summary: "Identities that are each other's source",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut sources: HashMap<&str, (ObjectId, &str)> = HashMap::new();
    for (index, found, identity) in role_identities(context.inventory) {
        if let (Some(name), Some(source)) = (found.object.name.as_deref(), identity.source.role_identity()) {
            sources.entry(name).or_insert((index, source));
        }
    }
    let mut names: Vec<&str> = sources.keys().copied().collect();
    names.sort_unstable();
    // Each name is visited once.
    let mut walked: HashSet<&str> = HashSet::new();
    for start in names {
        let mut chain = Vec::new();
        let mut at = start;
        while sources.contains_key(at) && walked.insert(at) {
            chain.push(at);
            at = sources[at].1;
        }
        // A walk that ends, or that reaches names of an earlier walk, closes no new cycle.
        let Some(first) = chain.iter().position(|&name| name == at) else { continue };
        let chain = chain.split_off(first);
        let places: Vec<ObjectId> = chain.iter().map(|name| sources[name].0).collect();
        let place = |index: ObjectId| {
            let found = &context.inventory[index];
            let span = match &found.object.object_kind {
                ObjectKind::Identity(identity, _) => match &identity.source {
                    State::Set(to) => to.name.span(),
                    _ => None,
                },
                _ => None,
            };
            found.location(span.unwrap_or(found.object.kind_span))
        };
        let Some((&first, rest)) = places.split_first() else { continue };
        let cycle = chain.iter().chain(chain.first()).copied().collect::<Vec<_>>().join(" -> ");
        let finding = Diagnostic::error(format!(
            "identity cycle {cycle}: CAPA's controller runs out of memory and crashes, for every cluster"
        ))
        .at(place(first), "")
        .help("set the source of one of them to AWSClusterControllerIdentity/default");
        findings.add(rest.iter().fold(finding, |finding, &index| finding.also(place(index), "")));
    }
}
