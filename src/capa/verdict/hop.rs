//! One identity of a chain, and what STS says of its call.

use super::admit::RoleFields;
use super::{Reason, Stop, Walk};
use crate::aws::{AccountId, ExternalId, RoleArn, RoleArnError, SessionName};
use crate::capa::release::Release;
use crate::capa::tables::{IdentityKind, ROLE_IDENTITY};

/// Seconds of a session where the identity says nothing (aws-sdk-go-v2, `credentials/stscreds/assume_role_provider.go`,
/// `DefaultDuration`).
const DEFAULT_SECONDS: u32 = 900;

/// Seconds of a session that a role's session may make (STS API reference, `AssumeRole`, role chaining).
const CHAINED_SECONDS: u32 = 3600;

/// An identity that CAPA asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its kind, as written.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The role that is assumed; `None` for other kinds and for an identity that is not known.
    pub role_arn: Option<String>,
    /// The account in the ARN, if it is one.
    pub account: Option<AccountId>,
    /// `spec.sessionName`; where nothing is said, the SDK makes a name from the time.
    pub session_name: Option<String>,
    /// `spec.externalID`
    pub external_id: Option<String>,
    /// Length of a session in seconds, the SDK's default filled in; only where a role is assumed.
    pub duration_seconds: Option<u32>,
    /// Whether the namespace may use it; `None` where CAPA does not come to ask.
    pub permission: Option<Permission>,
}

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

    pub(super) fn no(why: impl Into<String>) -> Self {
        Self { answer: Some(false), why: why.into() }
    }

    pub(super) fn not_known(why: impl Into<String>) -> Self {
        Self { answer: None, why: why.into() }
    }
}

impl Hop {
    pub(super) fn new(kind: &str, name: &str) -> Self {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        let (role_arn, account, session_name, external_id, duration_seconds, permission) = Default::default();
        Self { kind, name, role_arn, account, session_name, external_id, duration_seconds, permission }
    }

    /// Of an object that is `refused`, only the role is told: the rest may not be what it says.
    pub(super) fn take(&mut self, fields: &RoleFields, refused: bool) {
        self.account = fields.arn.parse::<RoleArn>().ok().map(|arn| arn.account().clone());
        self.role_arn = Some(fields.arn.clone());
        if refused {
            return;
        }
        self.session_name = fields.session_name.clone();
        self.external_id = fields.external_id.clone();
        self.duration_seconds = Some(fields.duration.unwrap_or(DEFAULT_SECONDS));
    }

    fn is_role(&self) -> bool {
        self.kind == ROLE_IDENTITY
    }

    fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

impl Walk<'_> {
    /// The calls of `sts:AssumeRole` that the chain makes, the source's first, as far as they can be judged without AWS.
    pub(super) fn assume(&mut self) -> Result<(), Stop> {
        for at in (0..self.chain.len()).rev() {
            let source = self.chain.get(at + 1).cloned();
            let hop = self.chain[at].clone();
            // An identity that is not known, or is refused, says nothing of its call.
            let Some(seconds) = hop.duration_seconds else { continue };
            self.call(&hop)?;
            self.session(&hop, seconds, source.as_ref())?;
        }
        Ok(())
    }

    fn call(&mut self, hop: &Hop) -> Result<(), Stop> {
        let title = hop.title();
        let refused = |error: String| Stop::error(Reason::AssumeRoleRefused, format!("{title}: {error}"));
        match hop.role_arn.as_deref().unwrap_or_default().parse::<RoleArn>() {
            Ok(_) => {}
            Err(error @ RoleArnError::Placeholder { .. }) => {
                self.leave_open(Stop::unknown(Reason::Placeholder, format!("{title}: {error}")));
            }
            Err(error) => return Err(refused(error.to_string())),
        }
        let texts = [
            hop.session_name.as_deref().and_then(|text| text.parse::<SessionName>().err()),
            hop.external_id.as_deref().and_then(|text| text.parse::<ExternalId>().err()),
        ];
        match texts.into_iter().flatten().next() {
            None => Ok(()),
            Some(error) => Err(refused(error.to_string())),
        }
    }

    fn session(&mut self, hop: &Hop, seconds: u32, source: Option<&Hop>) -> Result<(), Stop> {
        let title = hop.title();
        let Some(source) = source else { return Ok(()) };
        if seconds > CHAINED_SECONDS && source.is_role() {
            let message = format!(
                "{title}: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining ({seconds})"
            );
            return Err(Stop::error(Reason::AssumeRoleRefused, message));
        }
        if seconds > CHAINED_SECONDS && source.kind == IdentityKind::Controller.name() {
            self.notes.push(format!(
                "{title}: durationSeconds {seconds} is more than the {CHAINED_SECONDS} that STS gives where the controller itself runs as a role"
            ));
        }
        if source.is_role() && self.world.release >= Release::FREEZES_SOURCE {
            let end = match source.duration_seconds {
                Some(seconds) => format!("after {seconds} seconds"),
                None => "with its session".into(),
            };
            self.notes.push(format!(
                "{title}: since CAPA v2.9.0 its source's credentials are not renewed; they end {end}, and then the chain fails until the controller restarts or the identity is written to"
            ));
        }
        Ok(())
    }
}
