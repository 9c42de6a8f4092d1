//! What manifests say of the roles that CAPA assumes.

use crate::aws::{AccountId, ExternalId, RoleArn};
use crate::capa::{Field, IdentityKind, Role, RoleIdentity, State};
use crate::diag::Diagnostic;
use crate::run::{Found, Run};

/// Whose credentials assume an identity's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The controller's own: what the CAPA pod runs as.
    Controller,
    /// Those of another role identity, and its role where the files say it.
    Role(String, Option<RoleArn>),
    /// The keys of a static identity, which belong to some user.
    Static(String),
}

/// A role identity of the manifests.
#[derive(Clone, Debug)]
pub struct Use<'r> {
    /// The identity.
    pub found: &'r Found,
    /// The role that it assumes.
    pub role: RoleArn,
    /// Who assumes it.
    pub source: Hop,
    /// `spec.externalID`; empty counts as absent, and CAPA sends none.
    pub external_id: Option<ExternalId>,
    /// `spec.sessionName`
    pub session_name: Option<String>,
}

/// Every role identity of a run, in its order.
///
/// # Errors
/// A role ARN or an external id that is none.
pub fn uses(run: &Run) -> Result<Vec<Use<'_>>, Vec<Diagnostic>> {
    let (mut uses, mut errors) = (Vec::new(), Vec::new());
    for found in run.objects() {
        let Role::Identity(identity, _) = &found.object.role else { continue };
        match one(run, found, identity) {
            Ok(one) => uses.push(one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(uses) } else { Err(errors) }
}

fn one<'r>(run: &Run, found: &'r Found, identity: &RoleIdentity) -> Result<Use<'r>, Diagnostic> {
    let wrong = |field: &Field, what: &str, why: String| {
        let at = found.location(field.span().unwrap_or(found.object.kind_span));
        Diagnostic::error(format!("{} has no {what} that can be granted: {why}", found.title())).at(at, "")
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
    Ok(Use { found, role, source: source(run, &identity.source), external_id, session_name })
}

/// Without a source, CAPA takes the controller's credentials (`pkg/cloud/scope/session.go`).
fn source(run: &Run, state: &State) -> Hop {
    let State::Set(reference) = state else { return Hop::Controller };
    let name = reference.name.any_text().unwrap_or_default().to_owned();
    let kind = IdentityKind::ALL.into_iter().find(|kind| Some(kind.name()) == reference.kind.any_text());
    match kind {
        Some(IdentityKind::Role) => {
            let there =
                run.identities(IdentityKind::Role, &name).iter().map(|&index| &run.objects()[index].object.role);
            let role = there.into_iter().find_map(|role| match role {
                Role::Identity(identity, _) => identity.role_arn.any_text()?.parse().ok(),
                _ => None,
            });
            Hop::Role(name, role)
        }
        Some(IdentityKind::Static) => Hop::Static(name),
        Some(IdentityKind::Controller) | None => Hop::Controller,
    }
}

/// The uses whose role is one of `roles`, or in one of `accounts`; all where neither is asked for.
pub fn picked<'u, 'r>(uses: &'u [Use<'r>], roles: &[RoleArn], accounts: &[AccountId]) -> Vec<&'u Use<'r>> {
    let all = roles.is_empty() && accounts.is_empty();
    uses.iter().filter(|one| all || roles.contains(&one.role) || accounts.contains(one.role.account())).collect()
}
