//! The call of `sts:AssumeRole` for one identity.

use super::outcome::{Reason, Stop};
use super::steps::{Call, Step};
use crate::aws::{ExternalId, RoleArn, RoleArnError, SessionName};
use crate::capa::errata;
use crate::capa::release::Release;
use crate::capa::tables::{IdentityKind, ROLE_IDENTITY};
use crate::templates::is_filled_in;

/// Maximum length in seconds of a session created with a role's session (STS API reference, `AssumeRole`, role
/// chaining).
const CHAINED_SECONDS: u32 = 3600;

/// Notes about keys and labels that the API server drops.
pub(super) fn dropped(step: &Step) -> Vec<String> {
    let note = |key: &String| {
        format!(
            "{}: spec.{key} is not a known field: the API server drops it, and the rest allows every namespace",
            step.title()
        )
    };
    let null = |label: &String| null_label(&step.title(), label);
    step.dropped.iter().map(note).chain(step.null_labels.iter().map(null)).collect()
}

/// The note about a label of a selector that is null.
pub(super) fn null_label(title: &str, label: &str) -> String {
    format!(
        "{title}: spec.{label} is null: kubectl apply drops the label, and with server-side apply its value is empty"
    )
}

/// A placeholder in a step's call of `sts:AssumeRole` that is not filled in yet, if there is one.
///
/// # Errors
/// A call that STS refuses, as far as that is known without AWS.
pub(super) fn call(step: &Step) -> Result<Option<Stop>, Stop> {
    let refused = |error: String| Stop::error(Reason::AssumeRoleRefused, format!("{}: {error}", step.title()));
    let mut open = match step.role_arn.as_deref().unwrap_or_default().parse::<RoleArn>() {
        Ok(_) => None,
        Err(error @ RoleArnError::Placeholder { .. }) => {
            Some(Stop::unknown(Reason::Placeholder, format!("{}: {error}", step.title())))
        }
        Err(error) => return Err(refused(error.to_string())),
    };
    let texts = [
        (
            "sessionName",
            &step.session_name,
            step.session_name.as_deref().and_then(|text| text.parse::<SessionName>().err()),
        ),
        (
            "externalID",
            &step.external_id,
            step.external_id.as_deref().and_then(|text| text.parse::<ExternalId>().err()),
        ),
    ];
    for (field, text, error) in texts {
        match error {
            Some(_) if text.as_deref().is_some_and(is_filled_in) => {
                open.get_or_insert_with(|| Stop::unknown(Reason::Placeholder, not_filled_in(&step.title(), field)));
            }
            Some(error) => return Err(refused(error.to_string())),
            None => {}
        }
    }
    Ok(open)
}

/// A variable in a field of an identity.
pub(super) fn not_filled_in(title: &str, field: &str) -> String {
    format!("{title}: spec.{field} has a variable that is not filled in")
}

/// Notes about later failures of the session that a step creates with its source's credentials.
///
/// # Errors
/// A session that STS refuses.
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
            "{title}: durationSeconds {seconds} is more than the {CHAINED_SECONDS} that STS allows if the controller itself runs as a role"
        ));
    }
    if chained && errata::ROLE_CHAIN_ENDS.affects(release) {
        let end = match source.duration_seconds {
            Some(seconds) => format!("after {seconds} seconds"),
            None => "with its session".into(),
        };
        notes.push(format!(
            "{title}: since CAPA v2.9.0, the credentials of its source are not renewed; they expire {end}, and then the chain fails until the controller restarts or the identity is updated"
        ));
    }
    Ok(notes)
}

/// Whether STS refuses a step's call, and whether it has a placeholder.
pub(super) fn judge(step: &Step, source: Option<&Step>, release: Release) -> Call {
    // Nothing is known about the call of an unknown or refused identity.
    if step.duration_seconds.is_none() {
        return Call::default();
    }
    match call(step) {
        Err(_) => Call { is_refused: true, is_unfilled: false },
        Ok(open) => Call { is_refused: session(step, source, release).is_err(), is_unfilled: open.is_some() },
    }
}
