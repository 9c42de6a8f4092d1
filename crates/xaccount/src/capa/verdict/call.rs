//! What STS says of the call for one identity.

use super::outcome::{Reason, Stop};
use super::steps::{Call, Step};
use crate::aws::{ExternalId, RoleArn, RoleArnError, SessionName};
use crate::capa::release::Release;
use crate::capa::tables::{IdentityKind, ROLE_IDENTITY};

/// Seconds of a session that a role's session may make (STS API reference, `AssumeRole`, role chaining).
const CHAINED_SECONDS: u32 = 3600;

/// Notes of the keys that the API server drops.
pub(super) fn dropped(step: &Step) -> Vec<String> {
    let note = |key: &String| {
        format!(
            "{}: spec.{key} is no field, so the API server drops it, and what is left lets every namespace in",
            step.title()
        )
    };
    step.dropped.iter().map(note).collect()
}

/// What is not filled in of the call of `sts:AssumeRole` that a step makes.
///
/// # Errors
/// What STS refuses, as far as that can be judged without AWS.
pub(super) fn call(step: &Step) -> Result<Option<Stop>, Stop> {
    let refused = |error: String| Stop::error(Reason::AssumeRoleRefused, format!("{}: {error}", step.title()));
    let open = match step.role_arn.as_deref().unwrap_or_default().parse::<RoleArn>() {
        Ok(_) => None,
        Err(error @ RoleArnError::Placeholder { .. }) => {
            Some(Stop::unknown(Reason::Placeholder, format!("{}: {error}", step.title())))
        }
        Err(error) => return Err(refused(error.to_string())),
    };
    let texts = [
        step.session_name.as_deref().and_then(|text| text.parse::<SessionName>().err()),
        step.external_id.as_deref().and_then(|text| text.parse::<ExternalId>().err()),
    ];
    match texts.into_iter().flatten().next() {
        None => Ok(open),
        Some(error) => Err(refused(error.to_string())),
    }
}

/// What goes wrong later with the session that a step makes with its source's credentials.
///
/// # Errors
/// What STS refuses.
pub(super) fn session(step: &Step, source: Option<&Step>, release: Release) -> Result<Vec<String>, Stop> {
    let (mut notes, title) = (Vec::new(), step.title());
    let (Some(source), Some(seconds)) = (source, step.duration_seconds) else { return Ok(notes) };
    let chained = source.kind == ROLE_IDENTITY;
    if seconds > CHAINED_SECONDS && chained {
        let message = format!(
            "{title}: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining ({seconds})"
        );
        return Err(Stop::error(Reason::AssumeRoleRefused, message));
    }
    if seconds > CHAINED_SECONDS && source.kind == IdentityKind::Controller.name() {
        notes.push(format!(
            "{title}: durationSeconds {seconds} is more than the {CHAINED_SECONDS} that STS gives where the controller itself runs as a role"
        ));
    }
    if chained && release >= Release::FREEZES_SOURCE {
        let end = match source.duration_seconds {
            Some(seconds) => format!("after {seconds} seconds"),
            None => "with its session".into(),
        };
        notes.push(format!(
            "{title}: since CAPA v2.9.0 its source's credentials are not renewed; they end {end}, and then the chain fails until the controller restarts or the identity is written to"
        ));
    }
    Ok(notes)
}

/// What STS says of the call of a step, in short.
pub(super) fn judge(step: &Step, source: Option<&Step>, release: Release) -> Call {
    // An identity that is not known, or is refused, says nothing of its call.
    if step.duration_seconds.is_none() {
        return Call::default();
    }
    match call(step) {
        Err(_) => Call { is_refused: true, is_unfilled: false },
        Ok(open) => Call { is_refused: session(step, source, release).is_err(), is_unfilled: open.is_some() },
    }
}
