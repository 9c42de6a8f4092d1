//! A circle of sources: CAPA follows it until its memory ends.

use std::collections::{BTreeSet, HashMap};

use super::super::{Context, Findings, Rule};
use super::look::role_identities;
use crate::capa::{ROLE_IDENTITY, State};
use crate::diag::Diagnostic;
use crate::diag::Severity;

pub(super) const RULE: Rule = Rule {
    id: "XA008",
    name: "identity-cycle",
    severity: Severity::Error,
    summary: "Identities that are each other's source",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut sources: HashMap<&str, (usize, &str)> = HashMap::new();
    for (index, found, identity) in role_identities(context.run) {
        if let (Some(name), State::Set(to)) = (found.object.name.as_deref(), &identity.source)
            && to.kind.text() == Some(ROLE_IDENTITY)
            && let Some(source) = to.name.text()
        {
            sources.entry(name).or_insert((index, source));
        }
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut names: Vec<&str> = sources.keys().copied().collect();
    names.sort_unstable();
    for start in names {
        let mut chain = vec![start];
        while let Some(&(_, next)) = chain.last().and_then(|last| sources.get(last)) {
            if next == start {
                break;
            }
            if chain.contains(&next) {
                // Comes to a circle without being in it.
                chain.clear();
                break;
            }
            chain.push(next);
        }
        let closes = chain.last().and_then(|last| sources.get(last)).is_some_and(|&(_, next)| next == start);
        if !closes || chain.iter().any(|name| told.contains(name)) {
            continue;
        }
        told.extend(chain.iter().copied());
        let places: Vec<_> = chain.iter().filter_map(|name| sources.get(name)).map(|&(index, _)| index).collect();
        let place = |index: usize| {
            let found = &context.run.objects()[index];
            let span = role_identities(context.run).find(|(other, ..)| *other == index).and_then(|(_, _, identity)| {
                match &identity.source {
                    State::Set(to) => to.name.span(),
                    _ => None,
                }
            });
            found.location(span.unwrap_or(found.object.kind_span))
        };
        let Some((&first, rest)) = places.split_first() else { continue };
        let circle = chain.iter().chain([&start]).copied().collect::<Vec<_>>().join(" -> ");
        let finding = Diagnostic::error(format!(
            "{circle} is a circle: CAPA follows it until its memory ends, and its controller dies, for every cluster"
        ))
        .at(place(first), "")
        .help("let one of them have AWSClusterControllerIdentity/default for its source");
        findings.add(rest.iter().fold(finding, |finding, &index| finding.also(place(index), "")));
    }
}
