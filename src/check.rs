//! What is said of a run and its objects whichever verb reads them: `inject` and `eject` refuse it, `lint` finds it. Each
//! check that is a rule of `lint` has its id.

use std::collections::BTreeMap;

use crate::aws::{AccountId, RoleArn};
use crate::capa::{Field, IdentityReference, Reference, Role, State};
use crate::diag::Diagnostic;
use crate::run::{Found, Run};

/// Objects of CAPA in a shape that can't be are errors wherever they stand.
pub(crate) fn impossible(run: &Run) -> impl Iterator<Item = Diagnostic> {
    run.objects().iter().filter_map(refused)
}

/// Why an object of CAPA can't be, or can't be told.
pub(crate) fn refused(found: &Found) -> Option<Diagnostic> {
    let Role::Refused(why, way_out) = &found.object.role else { return None };
    let error = Diagnostic::error(format!("{}: {why}", found.title())).rule("XA003");
    Some(error.at(found.head(), "").help(*way_out))
}

/// One identity name with two role ARNs is an error wherever it stands: the last one applied would win for all.
pub(crate) fn names_of_two_roles(run: &Run) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let mut seen: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (index, found) in run.objects().iter().enumerate() {
        let Role::Identity(identity, _) = &found.object.role else {
            continue;
        };
        let (Some(name), Some(arn)) = (found.object.name.as_deref(), identity.role_arn.text()) else {
            continue;
        };
        let (first, other) = *seen.entry(name).or_insert((index, arn));
        if other != arn {
            let first = &run.objects()[first];
            let there = match &first.object.role {
                Role::Identity(identity, _) => identity.role_arn.span(),
                _ => None,
            };
            let there = first.location(there.unwrap_or(first.object.kind_span));
            errors.push(
                Diagnostic::error(format!("the identity name '{name}' stands for two role ARNs"))
                    .rule("XA010")
                    .at(found.location(identity.role_arn.span().unwrap_or(found.object.kind_span)), arn)
                    .also(there, other)
                    .help("identities are cluster-scoped: the one applied last would take over the clusters of both")
                    .help("give one of them another metadata.name, and name it in its clusters' identityRef"),
            );
        }
    }
    errors
}

/// Role identities whose role is in the source account: a cluster there needs none.
pub fn in_the_source_account(run: &Run, source: &AccountId) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    for found in run.objects() {
        let Role::Identity(identity, _) = &found.object.role else { continue };
        let (Some(text), Some(span)) = (identity.role_arn.text(), identity.role_arn.span()) else { continue };
        if text.parse::<RoleArn>().is_ok_and(|role| role.account() == source) {
            notes.push(
                Diagnostic::note(format!("{}: its role is in the source account {source}", found.title()))
                    .rule("XA055")
                    .at(found.location(span), "")
                    .help("a cluster in the source account needs no role identity: the controller identity does"),
            );
        }
    }
    notes
}

/// Why nobody can tell what stands where a reference belongs.
pub(crate) fn misplaced(found: &Found, reference: &IdentityReference) -> Option<Diagnostic> {
    let path = reference.path.join("/");
    match reference.state {
        State::Wrong(span) | State::Variable(span) => Some(
            Diagnostic::error(format!("{}: no identityRef can stand here", found.title()))
                .rule("XA004")
                .at(found.location(span), format!("/{path} leads here"))
                .help("an identityRef is a mapping of kind and name; mend this by hand and run again"),
        ),
        State::Twice(span) => Some(
            Diagnostic::error(format!("{}: a key on the way to identityRef is written twice", found.title()))
                .rule("XA004")
                .at(found.location(span), format!("/{path} leads here twice"))
                .help("remove one of them and run again; kubectl takes the last, other tools refuse it"),
        ),
        State::Unset | State::Set(_) => None,
    }
}

/// Why nobody can tell what a reference that is there names.
pub(crate) fn unreadable(found: &Found, there: &Reference) -> Option<Diagnostic> {
    [(&there.kind, "kind"), (&there.name, "name")].into_iter().find_map(|(field, key)| {
        let what = match field {
            Field::Typed(..) => "kubectl reads this as a number or a boolean",
            Field::Other(_) => "not one text",
            Field::Ambiguous(_) => "written twice",
            _ => return None,
        };
        let title = found.title();
        Some(
            Diagnostic::error(format!("{title}: the identity reference's {key} can't be read with certainty"))
                .rule("XA004")
                .at(found.location(field.span().unwrap_or(there.span)), what)
                .help(
                    "write kind and name once, as texts, in quotes where they look like something else, and run again",
                ),
        )
    })
}

/// A changed template can't be applied over the one that is there.
pub(crate) fn template(found: &Found) -> Option<Diagnostic> {
    let template = matches!(&found.object.role, Role::Bearer { bearer, .. } if bearer.template);
    template.then(|| {
        Diagnostic::warning(format!(
            "{}: CAPA's webhook does not let a template's spec change once it is applied",
            found.title()
        ))
        .at(found.head(), "")
        .help("if it is applied already: give the template a new metadata.name, and name that in the ClusterClass")
    })
}

/// kubectl drops a document that follows `...` without a marker of its own.
pub(crate) fn bare(found: &Found) -> Option<Diagnostic> {
    found.bare.then(|| {
        Diagnostic::warning(format!("{} follows '...' without a '---': kubectl drops such a document", found.title()))
            .rule("XA035")
            .at(found.head(), "")
            .help("write '---' behind the '...' line")
    })
}
