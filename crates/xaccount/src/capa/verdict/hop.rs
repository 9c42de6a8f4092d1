//! One identity of a chain, and what STS says of its call.

use super::chain::Chain;
use super::steps::{Call, Step};
use super::{Reason, Stop};
use crate::aws::{AccountId, ExternalId, RoleArn, RoleArnError, SessionName};
use crate::capa::allowed::Namespaces;
use crate::capa::release::Release;
use crate::capa::tables::{IdentityKind, ROLE_IDENTITY};

/// Seconds of a session that a role's session may make (STS API reference, `AssumeRole`, role chaining).
const CHAINED_SECONDS: u32 = 3600;

/// An identity that CAPA asks for a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'c> {
    /// Its kind, as written.
    pub kind: &'c str,
    /// Its name.
    pub name: &'c str,
    /// The role that is assumed; `None` for other kinds and for an identity that is not known.
    pub role_arn: Option<&'c str>,
    /// The account in the ARN, if it is one.
    pub account: Option<&'c AccountId>,
    /// `spec.sessionName`; where nothing is said, the SDK makes a name from the time.
    pub session_name: Option<&'c str>,
    /// `spec.externalID`
    pub external_id: Option<&'c str>,
    /// Length of a session in seconds, the SDK's default filled in; only where a role is assumed.
    pub duration_seconds: Option<u32>,
    pub(super) chain: &'c Chain,
    pub(super) step: &'c Step,
    pub(super) id: Option<StepId>,
}

/// Tells an identity from the others of a world, whichever cluster leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepId(pub(super) usize);

/// Whether a namespace may use an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `None` where the files don't say.
    pub answer: Option<bool>,
    /// Why, in a few words.
    pub why: String,
}

impl Permission {
    pub(super) fn yes(why: impl Into<String>) -> Self {
        Self { answer: Some(true), why: why.into() }
    }

    pub(super) fn not_known(why: impl Into<String>) -> Self {
        Self { answer: None, why: why.into() }
    }
}

impl<'c> Hop<'c> {
    pub(super) fn new(chain: &'c Chain, step: &'c Step, id: Option<StepId>) -> Self {
        Self {
            kind: &step.kind,
            name: &step.name,
            role_arn: step.role_arn.as_deref(),
            account: step.account.as_ref(),
            session_name: step.session_name.as_deref(),
            external_id: step.external_id.as_deref(),
            duration_seconds: step.duration_seconds,
            chain,
            step,
            id,
        }
    }

    /// `KIND/NAME`
    pub fn title(&self) -> String {
        self.step.title()
    }

    /// Which identity of the world it is; `None` for one that no identity of the files names, nor is.
    pub fn id(&self) -> Option<StepId> {
        self.id
    }

    /// Whether the namespace may use it; `None` where CAPA does not come to ask.
    pub fn permission(&self) -> Option<Permission> {
        self.chain.permission(self.step)
    }

    /// The identity that CAPA asks next, for any cluster that gets so far.
    pub fn source(&self) -> Option<String> {
        self.chain.step(self.step.next?).map(Step::title)
    }

    /// Which namespaces it is for, if that is known: `None` in the inner lets none in.
    pub fn allowed(&self) -> Option<Option<&'c Namespaces>> {
        self.step.is_known.then(|| self.step.gate.stored())
    }

    /// What goes wrong later with this identity, or is not what it seems, whichever cluster uses it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = dropped(self.step);
        let next = self.step.next.and_then(|next| self.chain.step(next));
        if self.step.duration_seconds.is_some()
            && let Some(release) = self.chain.release()
        {
            notes.extend(session(self.step, next, release).unwrap_or_default());
        }
        notes
    }
}

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
