//! What manifests say of the roles that CAPA assumes.

use crate::aws::{AccountId, ExternalId, RoleArn};
use crate::capa::{Field, IdentityKind, Role, RoleIdentity, State};
use crate::diag::{Diagnostic, Span};
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
    let (mut uses, mut errors): (Vec<Use<'_>>, _) = (Vec::new(), Vec::new());
    for found in run.objects() {
        let Role::Identity(identity, _) = &found.object.role else { continue };
        match one(run, found, identity) {
            Ok(one) => {
                let same =
                    |other: &&Use<'_>| other.found.object.name == one.found.object.name && other.role != one.role;
                if let Some(other) = uses.iter().find(same) {
                    let name = one.found.object.name.as_deref().unwrap_or_default();
                    errors.push(
                        Diagnostic::error(format!("the identity name '{name}' stands for two role ARNs"))
                            .at(one.found.head(), one.role.to_string())
                            .also(other.found.head(), other.role.to_string())
                            .help("identities are cluster-scoped: the one applied last would take over the clusters of both"),
                    );
                }
                uses.push(one);
            }
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
    let source = source(run, &identity.source).map_err(|(why, span)| {
        Diagnostic::error(format!("{}: {why}", found.title()))
            .at(found.location(span.unwrap_or(found.object.kind_span)), "")
    })?;
    Ok(Use { found, role, source, external_id, session_name })
}

/// Whose credentials a source means.
///
/// # Errors
/// What CAPA's webhook refuses (`webhooks/awsclusterroleidentity_webhook.go`), or what fails when it is used
/// (`pkg/cloud/scope/session.go`): a sentence and a place.
fn source(run: &Run, state: &State) -> Result<Hop, (String, Option<Span>)> {
    let reference = match state {
        State::Set(reference) => reference,
        State::Unset => return Err(("there is no sourceIdentityRef, and CAPA refuses that".into(), None)),
        State::Wrong(span) | State::Variable(span) | State::Twice(span) => {
            return Err(("the sourceIdentityRef can't be read with certainty".into(), Some(*span)));
        }
    };
    let wrong = |why: String| Err((why, Some(reference.span)));
    let name = reference.name.any_text().unwrap_or_default().to_owned();
    let kind = IdentityKind::ALL.into_iter().find(|kind| Some(kind.name()) == reference.kind.any_text());
    let Some(kind) = kind else {
        let kind = reference.kind.any_text().unwrap_or("nothing");
        return wrong(format!("its source is of the kind {kind}, which CAPA does not know"));
    };
    if name.is_empty() {
        return wrong("its source has no name".into());
    }
    if kind == IdentityKind::Controller && name != "default" {
        return wrong(format!(
            "its source is AWSClusterControllerIdentity/{name}, and CAPA knows the one named default only"
        ));
    }
    Ok(match kind {
        IdentityKind::Role => {
            let there =
                run.identities(IdentityKind::Role, &name).iter().map(|&index| &run.objects()[index].object.role);
            let role = there.into_iter().find_map(|role| match role {
                Role::Identity(identity, _) => identity.role_arn.any_text()?.parse().ok(),
                _ => None,
            });
            Hop::Role(name, role)
        }
        IdentityKind::Static => Hop::Static(name),
        IdentityKind::Controller => Hop::Controller,
    })
}

/// The uses whose role is one of `roles`, or in one of `accounts`; all where neither is asked for.
///
/// # Errors
/// A role or an account that no identity has.
pub fn picked<'u, 'r>(
    uses: &'u [Use<'r>],
    roles: &[RoleArn],
    accounts: &[AccountId],
) -> Result<Vec<&'u Use<'r>>, Diagnostic> {
    let lost = roles.iter().find(|role| !uses.iter().any(|one| one.role == **role)).map(ToString::to_string);
    let empty = accounts.iter().find(|account| !uses.iter().any(|one| one.role.account() == *account));
    if let Some(what) = lost.or_else(|| empty.map(|account| format!("account {account}"))) {
        let error = Diagnostic::error(format!("no identity of the manifests stands for {what}"));
        let mut there: Vec<&str> = uses.iter().map(|one| one.role.as_str()).collect();
        there.sort_unstable();
        there.dedup();
        return Err(match there[..] {
            [] => error.help(
                "the manifests hold no AWSClusterRoleIdentity: kubectl xaccount inject makes one, or leave -f out",
            ),
            _ => error.help(format!("these are there: {}", there.join(", "))),
        });
    }
    let all = roles.is_empty() && accounts.is_empty();
    Ok(uses.iter().filter(|one| all || roles.contains(&one.role) || accounts.contains(one.role.account())).collect())
}
