//! References to an identity that is in none of the files.

use std::collections::HashMap;

use super::super::{Context, Findings, Rule};
use super::query::{role_identities, source};
use crate::capa::{IdentityKind, Reason, State};
use crate::diag::{Diagnostic, Location, RuleId, Severity};
use crate::inventory::Inventory;
use crate::kubernetes::names::is_dns_subdomain;
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::IdentityNotFound,
    name: "identity-not-found",
    severity: Severity::Warning,
    summary: "A reference to an identity that is in none of the files",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut hints = HashMap::new();
    for row in context.status.rows.iter().filter(|row| row.verdict.reason == Some(Reason::IdentityNotFound)) {
        // The source of an identity is reported at the identity.
        let Some(hop) = row.verdict.chain.first().filter(|_| row.verdict.chain.len() == 1) else { continue };
        let found = &context.inventory[row.object];
        report(
            context,
            findings,
            &mut hints,
            Missing { title: found.title(), at: found.location(row.reference), kind: hop.kind, name: hop.name },
        );
    }
    for (_, found, identity) in role_identities(context.inventory) {
        let (Some((kind, name)), State::Set(reference)) = (source(identity), &identity.source) else { continue };
        report(
            context,
            findings,
            &mut hints,
            Missing { title: found.title(), at: found.location(reference.span), kind, name },
        );
    }
}

/// A reference that may lead nowhere.
struct Missing<'m> {
    title: String,
    at: Location,
    kind: &'m str,
    name: &'m str,
}

fn report<'m>(
    context: &Context<'_>,
    findings: &mut Findings,
    hints: &mut HashMap<(&'m str, &'m str), Option<String>>,
    missing: Missing<'m>,
) {
    let Missing { title, at, kind, name } = missing;
    // The controller identity has a rule of its own.
    let Some(known) = IdentityKind::named(kind).filter(|known| *known != IdentityKind::Controller) else { return };
    // An impossible name is reported by another rule.
    if !is_dns_subdomain(name) || is_filled_in(name) || !context.inventory.identities(known, name).is_empty() {
        return;
    }
    let finding = Diagnostic::warning(format!("{title}: {kind}/{name} is in none of these files")).at(at, "");
    let hint = hints.entry((kind, name)).or_insert_with(|| similar(context.inventory, known, name));
    // One with a similar name is a likely mistake; otherwise, other files may have the identity.
    let severity = if context.has_all_identities || hint.is_some() { Severity::Warning } else { Severity::Note };
    let finding = hint.iter().fold(finding, |finding, help| finding.help(help.as_str()));
    let help = "if it is not in the management cluster either, CAPA creates nothing for the cluster";
    findings.add_as_it_is(Diagnostic { severity, ..finding.help(help) });
}

/// An identity that may have been meant: of this name and another kind, or with a name that differs by few characters.
fn similar(inventory: &Inventory, kind: IdentityKind, name: &str) -> Option<String> {
    let other =
        IdentityKind::ALL.into_iter().find(|other| *other != kind && !inventory.identities(*other, name).is_empty());
    if let Some(other) = other {
        return Some(format!("there is an {} with that name", other.name()));
    }
    let names = inventory.identity_names(kind);
    let (distance, nearest) = names.map(|existing| (strsim::osa_distance(existing, name), existing)).min()?;
    is_typo(name, nearest, distance).then(|| format!("did you mean {nearest}?"))
}

/// Whether a name is another one with a few wrong characters. Names that differ in digits alone are of different things, such
/// as `team-1` and `team-2`, unless one has a digit more or less than an account id.
fn is_typo(name: &str, other: &str, distance: usize) -> bool {
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let longest_number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    if letters(name) == letters(other) {
        return distance == 1 && longest_number(other) == Some(12) && longest_number(name) != Some(12);
    }
    distance <= name.len() / 8 + 1 && distance < name.len() / 3
}

#[cfg(test)]
mod tests {
    use super::is_typo;

    #[test]
    fn other_numbers_are_no_typos() {
        for (name, other, is_one) in [
            ("cross-account-role-22222222222", "cross-account-role-222222222222", true),
            ("cross-account-role-222222222223", "cross-account-role-222222222222", false),
            ("team-1", "team-2", false),
            ("team-1", "team-10", false),
            ("a", "b", false),
            ("prodution", "production", true),
            ("dev", "prod", false),
        ] {
            let distance = strsim::osa_distance(name, other);
            assert_eq!(is_typo(name, other, distance), is_one, "{name} {other}");
        }
    }
}
