//! Helpers that several rules share.

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::Value;

use super::super::{Fix, FixEdit};
use crate::capa::{
    Allowed, Field, Namespaces, ObjectKind, Reference, Release, RoleIdentity, State, UnusableReference, Version,
    referenced_kind,
};
use crate::diag::{Diagnostic, Severity, Span};
use crate::inventory::{Inventory, ObjectId, Resource};
use crate::kubernetes::names::is_dns_subdomain;
use crate::manifest_checks;
use crate::templates::is_filled_in;

/// The role identities of a run.
pub(super) fn role_identities(inventory: &Inventory) -> impl Iterator<Item = (ObjectId, &Resource, &RoleIdentity)> {
    inventory.entries().filter_map(|(index, found)| match &found.object.object_kind {
        ObjectKind::Identity(identity, _) => Some((index, found, identity.as_ref())),
        _ => None,
    })
}

/// The identities of all kinds with their `allowedNamespaces`, and the span to report.
pub(super) fn allowed(inventory: &Inventory) -> impl Iterator<Item = (ObjectId, &Resource, &Allowed, Span)> {
    inventory.entries().filter_map(|(index, found)| {
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

/// The API version of a CAPA object.
pub(super) fn version(found: &Resource) -> Option<Version> {
    match &found.object.object_kind {
        ObjectKind::Referencing { .. }
        | ObjectKind::Identity(..)
        | ObjectKind::Controller(_)
        | ObjectKind::Static(..) => found.object.api_version.split_once('/')?.1.parse().ok(),
        _ => None,
    }
}

/// The kind and name of an identity's source, if both are strings.
pub(super) fn source(identity: &RoleIdentity) -> Option<(&str, &str)> {
    match &identity.source {
        State::Set(to) => Some((to.kind.text()?, to.name.text()?)),
        _ => None,
    }
}

/// Whether `allowedNamespaces`, as the API server stores it, allows every namespace.
pub(super) fn allows_every_namespace(left: &Namespaces, release: Release) -> bool {
    let empty = left.selector.labels.is_none() && left.selector.expressions.is_none()
        || left.selector.is_empty() && release < Release::KEEPS_EMPTY;
    left.list.is_none() && empty
}

/// The diagnostic as a warning: `inject` refuses to edit this, but kubectl accepts it.
pub(super) fn as_warning(diagnostic: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..diagnostic }
}

/// Why a reference is ambiguous; a warning if the cause is only a duplicate key.
pub(super) fn unreadable(found: &Resource, existing: &Reference) -> Option<Diagnostic> {
    let twice = [&existing.kind, &existing.name]
        .into_iter()
        .all(|field| matches!(field, Field::Ambiguous(_) | Field::Text(..)));
    let problem = manifest_checks::unreadable(found, existing)?;
    Some(if twice { as_warning(problem) } else { problem })
}

/// A fix that replaces a field of an identity's `spec`.
pub(super) fn replace(object: ObjectId, field: &str, value: Value, what: &str) -> Fix {
    let path = PointerBuf::from_tokens(["spec", field]);
    let operations = vec![PatchOperation::Replace(ReplaceOperation { path, value })];
    Fix { what: what.into(), change: FixEdit::Object { object, operations } }
}

/// A fix that removes a member of an object.
pub(super) fn remove<'p>(object: ObjectId, path: impl IntoIterator<Item = &'p str>, what: &str) -> Fix {
    let operations = vec![PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(path) })];
    Fix { what: what.into(), change: FixEdit::Object { object, operations } }
}

/// Why a reference can't be used. A placeholder may be filled in correctly, so it is accepted.
pub(super) fn unusable(found: &Resource, existing: &Reference, what: &str) -> Option<Diagnostic> {
    let [kind, name] = [&existing.kind, &existing.name].map(|field| field.text().unwrap_or_default());
    let problem = match referenced_kind(kind, name).err()? {
        UnusableReference::UnknownKind(_) if is_filled_in(kind) && name.is_empty() => UnusableReference::NoName,
        UnusableReference::UnknownKind(_) if is_filled_in(kind) => return None,
        UnusableReference::OtherController(_) if is_filled_in(name) => return None,
        problem => problem,
    };
    Some(manifest_checks::unusable(found, existing, what, &problem))
}

/// A name that the API server accepts in a reference, but that no object can have.
pub(super) fn odd_name(found: &Resource, existing: &Reference, what: &str) -> Option<Diagnostic> {
    let name =
        existing.name.text().filter(|name| !name.is_empty() && !is_filled_in(name) && !is_dns_subdomain(name))?;
    Some(
        Diagnostic::error(format!("{}: {what} names {name:?}, but no object can have that name", found.title()))
            .at(found.location(existing.name.span().unwrap_or(existing.span)), "CAPA finds no such identity")
            .help("names consist of lower-case letters, digits, '-' and '.'"),
    )
}
