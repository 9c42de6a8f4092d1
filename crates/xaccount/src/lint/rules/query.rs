//! What several rules look for.

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, ReplaceOperation};
use serde_json::Value;

use super::super::{Fix, FixEdit};
use crate::capa::{
    Allowed, Field, IdentityKind, Namespaces, ObjectKind, Reference, Release, RoleIdentity, State, Version, is_variable,
};
use crate::diag::{Diagnostic, Severity, Span};
use crate::inventory::{Inventory, Resource};
use crate::kubernetes::names::is_dns_subdomain;
use crate::manifest_checks;

/// The role identities of a run.
pub(super) fn role_identities(inventory: &Inventory) -> impl Iterator<Item = (usize, &Resource, &RoleIdentity)> {
    inventory.objects().iter().enumerate().filter_map(|(index, found)| match &found.object.object_kind {
        ObjectKind::Identity(identity, _) => Some((index, found, identity.as_ref())),
        _ => None,
    })
}

/// The identities of all kinds with their `allowedNamespaces`, and where to point at it.
pub(super) fn allowed(inventory: &Inventory) -> impl Iterator<Item = (usize, &Resource, &Allowed, Span)> {
    inventory.objects().iter().enumerate().filter_map(|(index, found)| {
        let head = found.object.kind_span;
        match &found.object.object_kind {
            ObjectKind::Identity(identity, _) => Some((
                index,
                found,
                &identity.allowed,
                identity.allowed_namespaces.as_ref().map_or(head, |(_, span)| *span),
            )),
            ObjectKind::Controller(identity) => Some((index, found, &identity.allowed, head)),
            ObjectKind::Static(identity, _) => Some((
                index,
                found,
                &identity.allowed,
                identity.allowed_namespaces.as_ref().map_or(head, |(_, span)| *span),
            )),
            _ => None,
        }
    })
}

/// The version of an object of CAPA.
pub(super) fn version(found: &Resource) -> Option<Version> {
    match &found.object.object_kind {
        ObjectKind::Referencing { .. }
        | ObjectKind::Identity(..)
        | ObjectKind::Controller(_)
        | ObjectKind::Static(..) => found.object.api_version.split_once('/')?.1.parse().ok(),
        _ => None,
    }
}

/// The kind and name of an identity's source, if they are texts.
pub(super) fn source(identity: &RoleIdentity) -> Option<(&str, &str)> {
    match &identity.source {
        State::Set(to) => Some((to.kind.text()?, to.name.text()?)),
        _ => None,
    }
}

/// Whether what the API server leaves of `allowedNamespaces` is open to every namespace.
pub(super) fn is_everybody(left: &Namespaces, release: Release) -> bool {
    let empty = left.selector.labels.is_none() && left.selector.expressions.is_none()
        || left.selector.is_empty() && release < Release::KEEPS_EMPTY;
    left.list.is_none() && empty
}

/// What `inject` refuses because nobody can edit it, and kubectl takes all the same.
pub(super) fn no_error(diagnostic: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..diagnostic }
}

/// Why nobody can tell what a reference names: no error where it is only written twice.
pub(super) fn unreadable(found: &Resource, existing: &Reference) -> Option<Diagnostic> {
    let twice = [&existing.kind, &existing.name]
        .into_iter()
        .all(|field| matches!(field, Field::Ambiguous(_) | Field::Text(..)));
    let problem = manifest_checks::unreadable(found, existing)?;
    Some(if twice { no_error(problem) } else { problem })
}

/// The fix that gives a field of an identity's `spec` another value.
pub(super) fn replace(object: usize, field: &str, value: Value, what: &str) -> Fix {
    let path = PointerBuf::from_tokens(["spec", field]);
    let operations = vec![PatchOperation::Replace(ReplaceOperation { path, value })];
    Fix { what: what.into(), change: FixEdit::Object { object, operations } }
}

/// Why the API server refuses a reference: `kind` is an enumeration, `name` has at least one character. Or why it means
/// nothing.
pub(super) fn unusable(found: &Resource, existing: &Reference, what: &str) -> Option<Diagnostic> {
    let title = found.title();
    let at = |span: Option<Span>| found.location(span.unwrap_or(existing.span));
    let kinds = IdentityKind::ALL.map(IdentityKind::name);
    match existing.kind.text() {
        Some(kind) if is_variable(kind) || kinds.contains(&kind) => {}
        Some(kind) if !kind.is_empty() => {
            let near = kinds
                .into_iter()
                .max_by(|a, b| strsim::jaro_winkler(a, kind).total_cmp(&strsim::jaro_winkler(b, kind)));
            let finding = Diagnostic::error(format!("{title}: {what} names the kind {kind}, which is no identity's"))
                .at(at(existing.kind.span()), "the API server refuses it");
            return Some(match near {
                Some(near) => finding.help(format!("perhaps {near}; the kinds are {}", kinds.join(", "))),
                None => finding,
            });
        }
        _ => {
            return Some(
                Diagnostic::error(format!("{title}: {what} has no kind"))
                    .at(at(None), "the API server refuses it")
                    .help(format!("the kinds are {}", kinds.join(", "))),
            );
        }
    }
    match existing.name.text() {
        // The API server takes any text there.
        Some(name) if !name.is_empty() && !is_variable(name) && !is_dns_subdomain(name) => Some(
            Diagnostic::warning(format!("{title}: {what} names {name:?}, and no object can have that name"))
                .at(at(existing.name.span()), "CAPA finds no such identity")
                .help("names are lower-case letters, digits, '-' and '.'"),
        ),
        Some(name) if !name.is_empty() => None,
        _ => Some(
            Diagnostic::error(format!("{title}: {what} has no name"))
                .at(at(existing.name.span()), "the API server refuses it"),
        ),
    }
}
