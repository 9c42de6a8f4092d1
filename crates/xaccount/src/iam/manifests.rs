//! The roles that CAPA assumes according to the manifests.

use std::collections::BTreeSet;

use crate::aws::{AccountId, ExternalId, RoleArn};
use crate::capa::{Field, IdentityKind, ObjectKind, RoleIdentity, State, referenced_kind};
use crate::diag::{Diagnostic, RuleId};
use crate::inventory::{Inventory, Resource};
use crate::manifest_checks;

/// Whose credentials assume an identity's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleHop {
    /// The controller's own: those of the role that the CAPA pod runs as.
    Controller,
    /// Those of another role identity, and its role if the files contain it.
    Role(String, Option<RoleArn>),
    /// The keys of a static identity, which belong to an IAM user.
    Static(String),
}

/// A role identity in the manifests.
#[derive(Clone, Debug)]
pub struct RoleUse<'r> {
    /// The identity.
    pub found: &'r Resource,
    /// The role that it assumes.
    pub role: RoleArn,
    /// Who assumes it.
    pub source: RoleHop,
    /// `spec.externalID`; an empty one counts as absent, and CAPA doesn't send it.
    pub external_id: Option<ExternalId>,
    /// `spec.sessionName`
    pub session_name: Option<String>,
}

/// Every role identity of the inventory, in its order. From a file that was read only for its identities, those that the
/// other files need.
///
/// # Errors
/// A role ARN, an external id or a source that can't be used, or a name with two role ARNs.
pub fn uses(inventory: &Inventory) -> Result<Vec<RoleUse<'_>>, Vec<Diagnostic>> {
    let mut uses: Vec<RoleUse<'_>> = Vec::new();
    let mut errors = manifest_checks::names_of_two_roles(inventory);
    let needed = needed(inventory);
    for found in inventory.objects() {
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else { continue };
        let is_extra = inventory.file(found.origin.file).identities_only;
        if is_extra && !found.object.name.as_deref().is_some_and(|name| needed.contains(name)) {
            continue;
        }
        match one(inventory, found, identity) {
            Ok(one) => uses.push(one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(uses) } else { Err(errors) }
}

/// The role identities that the objects of the named files reference, and the sources of those identities.
fn needed(inventory: &Inventory) -> BTreeSet<&str> {
    let is_named = |found: &&Resource| !inventory.file(found.origin.file).identities_only;
    let mut open: Vec<&str> = Vec::new();
    for found in inventory.objects().iter().filter(is_named) {
        open.extend(found.object.uses().filter_map(State::role_identity));
    }
    let mut needed = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !needed.insert(name) {
            continue;
        }
        for &index in inventory.identities(IdentityKind::Role, name) {
            if let ObjectKind::Identity(identity, _) = &inventory[index].object.object_kind {
                open.extend(identity.source.role_identity());
            }
        }
    }
    needed
}

fn one<'r>(inventory: &Inventory, found: &'r Resource, identity: &RoleIdentity) -> Result<RoleUse<'r>, Diagnostic> {
    let wrong = |field: &Field, what: &str, why: String| {
        let at = found.location(field.span().unwrap_or(found.object.kind_span));
        Diagnostic::error(format!("{} has an invalid {what}: {why}", found.title())).at(at, "")
    };
    let role = identity.role_arn.any_text().unwrap_or_default().parse::<RoleArn>().map_err(|error| {
        let diagnostic = wrong(&identity.role_arn, "roleARN", error.to_string());
        match error.suggestion() {
            Some(right) if !diagnostic.message.contains(&right) => diagnostic.help(format!("perhaps {right}")),
            _ => diagnostic,
        }
    })?;
    let external_id = match identity.external_id.any_text() {
        None | Some("") => None,
        Some(text) => {
            Some(text.parse().map_err(|error| wrong(&identity.external_id, "externalID", format!("{error}")))?)
        }
    };
    let session_name = identity.session_name.any_text().filter(|name| !name.is_empty()).map(str::to_owned);
    let source = source(inventory, found, &identity.source)?;
    Ok(RoleUse { found, role, source, external_id, session_name })
}

/// Whose credentials a `spec.sourceIdentityRef` selects.
///
/// # Errors
/// A source that can't be read, that CAPA's webhook refuses (`webhooks/awsclusterroleidentity_webhook.go`), or that
/// fails when CAPA uses it.
fn source(inventory: &Inventory, found: &Resource, source: &State) -> Result<RoleHop, Diagnostic> {
    let existing = manifest_checks::source_reference(found, source)?;
    if let Some(error) = manifest_checks::unreadable(found, existing) {
        return Err(error.rule(RuleId::InvalidSourceIdentity));
    }
    let [kind, name] = [&existing.kind, &existing.name].map(|field| field.text().unwrap_or_default());
    let kind = referenced_kind(kind, name).map_err(|problem| {
        manifest_checks::unusable(found, existing, "sourceIdentityRef", &problem).rule(RuleId::InvalidSourceIdentity)
    })?;
    let name = name.to_owned();
    Ok(match kind {
        IdentityKind::Role => {
            let existing = inventory
                .identities(IdentityKind::Role, &name)
                .iter()
                .map(|&index| &inventory[index].object.object_kind);
            let role = existing.into_iter().find_map(|role| match role {
                ObjectKind::Identity(identity, _) => identity.role_arn.any_text()?.parse().ok(),
                _ => None,
            });
            RoleHop::Role(name, role)
        }
        IdentityKind::Static => RoleHop::Static(name),
        IdentityKind::Controller => RoleHop::Controller,
    })
}

/// The uses whose role is one of `roles` or in one of `accounts`; all uses if both are empty.
///
/// # Errors
/// A role or an account that no identity has.
pub fn picked<'u, 'r>(
    uses: &'u [RoleUse<'r>],
    roles: &[RoleArn],
    accounts: &[AccountId],
) -> Result<Vec<&'u RoleUse<'r>>, Diagnostic> {
    let lost = roles.iter().find(|role| !uses.iter().any(|one| one.role == **role)).map(ToString::to_string);
    let empty = accounts.iter().find(|account| !uses.iter().any(|one| one.role.account() == *account));
    if let Some(what) = lost.or_else(|| empty.map(|account| format!("account {account}"))) {
        let error = Diagnostic::error(format!("no AWSClusterRoleIdentity in the manifests matches {what}"));
        let mut existing: Vec<&str> = uses.iter().map(|one| one.role.as_str()).collect();
        existing.sort_unstable();
        existing.dedup();
        return Err(match existing[..] {
            [] => error.help("create one with kubectl xaccount inject, or omit -f"),
            _ => error.help(format!("roles in the manifests: {}", existing.join(", "))),
        });
    }
    let all = roles.is_empty() && accounts.is_empty();
    Ok(uses.iter().filter(|one| all || roles.contains(&one.role) || accounts.contains(one.role.account())).collect())
}
