//! A cluster with its account and CAPA's verdict.

use std::fmt;

use crate::aws::AccountId;
use crate::capa::{AccountEvidence, CONTROLLER_IDENTITY, IdentityKind, Reason, Verdict, VerdictOutcome};
use crate::diag::{Span, escape_control};
use crate::inventory::ObjectId;

/// Where a cluster should be according to the account map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAsMapped {
    /// The account that the map says.
    pub wanted: MappedAccount,
    /// The place in the map: `.xaccount.yaml:12`; several, if several accounts match.
    pub places: Vec<String>,
}

/// An account of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappedAccount {
    /// The source account.
    Source,
    /// An account of the map.
    Account(AccountId),
    /// The map does not decide: the names of the accounts that match.
    Several(Vec<String>),
}

/// The account whose credentials CAPA uses for a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountSummary {
    /// The account of the role.
    Known(AccountId),
    /// The source account: CAPA uses the controller's own credentials.
    Management,
    /// The account of a static identity's keys, which manifests don't contain. The value is the identity's name.
    Static(String),
    /// Not known from the files. The value is the identity that determines it, with its role.
    NotKnown(String),
}

impl AccountSummary {
    /// The account's id, if the manifests contain it.
    pub fn id(&self) -> Option<&AccountId> {
        match self {
            Self::Known(id) => Some(id),
            _ => None,
        }
    }

    /// The account in one word.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(id) => id.as_str(),
            Self::Management => "source",
            Self::Static(_) => "static",
            Self::NotKnown(_) => "unknown",
        }
    }

    pub(super) fn of(verdict: &Verdict) -> Self {
        let Some(first) = verdict.chain.first() else {
            return match verdict.outcome {
                VerdictOutcome::Permitted => Self::Management,
                _ => Self::NotKnown(String::new()),
            };
        };
        match (first.account, first.kind) {
            (Some(id), _) => Self::Known(id.clone()),
            (None, CONTROLLER_IDENTITY) => Self::Management,
            (None, kind) if kind == IdentityKind::Static.name() => Self::Static(first.name.to_owned()),
            (None, kind) => {
                let role = first.role_arn.unwrap_or_default();
                Self::NotKnown(format!("{kind}/{} {role}", first.name))
            }
        }
    }
}

impl fmt::Display for AccountSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "account {id}"),
            Self::Management => f.write_str("the source account"),
            Self::Static(_) => f.write_str("the account of static keys"),
            Self::NotKnown(_) => f.write_str("unknown account"),
        }
    }
}

/// A cluster, or a template for clusters, with its account and CAPA's verdict.
#[derive(Clone, Debug)]
pub struct Row {
    /// The object.
    pub object: ObjectId,
    /// The namespace that it is applied to.
    pub namespace: String,
    /// Its own name.
    pub name: String,
    /// The name of the cluster to which it belongs.
    pub cluster: String,
    /// Whether it is a template.
    pub template: bool,
    /// The account.
    pub account: AccountSummary,
    /// CAPA's verdict.
    pub verdict: Verdict,
    /// What the account map says, if the cluster is in another account; see [`mark_not_as_mapped`](super::mark_not_as_mapped).
    pub not_as_mapped: Option<NotAsMapped>,
    /// In which accounts its resources are, as far as objects show that.
    pub evidence: Vec<AccountEvidence>,
    /// The region, as it is applied.
    pub region: Option<String>,
    /// The place of the reference, or of the deepest existing part of its path.
    pub reference: Span,
}

impl Row {
    /// Whether CAPA gets no credentials for it, as far as the files show. Always false for a template.
    pub fn is_refused(&self) -> bool {
        !self.template && self.verdict.outcome != VerdictOutcome::Permitted
    }

    /// Whether CAPA gets no credentials for it, or those of another account than the account map says.
    pub fn is_wrong(&self) -> bool {
        self.is_refused() || self.not_as_mapped.is_some()
    }

    /// The verdict in words: CAPA's, or `not as mapped` if CAPA does not refuse the cluster.
    pub fn verdict_name(&self) -> &'static str {
        let is_open = matches!(self.verdict.outcome, VerdictOutcome::Permitted | VerdictOutcome::Unknown);
        if is_open && self.not_as_mapped.is_some() { NOT_AS_MAPPED } else { self.verdict.outcome.name() }
    }

    /// Turns the verdict into an error, unless it is already a refusal.
    pub(super) fn refuse(&mut self, reason: Reason, message: String) {
        if matches!(self.verdict.outcome, VerdictOutcome::Permitted | VerdictOutcome::Unknown) {
            self.verdict.outcome = VerdictOutcome::Error;
            self.verdict.reason = Some(reason);
            self.verdict.message = Some(message);
        }
    }

    /// Makes the verdict that the API server refuses the object, whatever CAPA would do with it.
    pub(super) fn reject(&mut self, message: String) {
        let rejected = Verdict::refused(Reason::ObjectRefused, message);
        let Verdict { chain, notes, .. } = std::mem::replace(&mut self.verdict, rejected);
        (self.verdict.chain, self.verdict.notes) = (chain, notes);
    }

    /// `NAMESPACE/NAME` of its cluster.
    pub fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.cluster)
    }
}

/// The verdict on a cluster that is not in the account that the map says.
pub const NOT_AS_MAPPED: &str = "not as mapped";

/// One line: `default/heron: permitted, account 222222222222`, with the reason if it is not permitted.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let template = if self.template { " (template)" } else { "" };
        write!(f, "{}{template}: {}, {}", escape_control(&self.title()), self.verdict_name(), self.account)?;
        match &self.verdict.message {
            Some(message) => write!(f, ": {}", escape_control(message)),
            None => Ok(()),
        }
    }
}
