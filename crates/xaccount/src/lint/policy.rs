//! IAM policy documents that are checked together with the manifests.

use crate::aws::RoleArn;
use crate::aws::policy::{Effect, Policy, Statement};
use crate::diag::{FileId, Location, Span, SpannedError};
use crate::iam::{PolicyInput, may_show};
use lossless_yaml::json;

/// A policy document and its place in a file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The file.
    pub file: FileId,
    /// The document.
    pub policy: Policy,
    /// The role that it belongs to, if the file is an AWS CLI response that contains it.
    pub role: Option<RoleArn>,
    /// The document's text.
    pub document: String,
    /// Offset of the document in the text that is shown.
    offset: usize,
    /// Whether the file's text may be shown.
    is_shown: bool,
}

/// Reads a policy document as [`PolicyInput`] does. Returns it with the text that its spans refer to.
///
/// # Errors
/// As [`PolicyInput::read`], and if the document is not a policy; with the text that the span refers to.
pub fn policy(file: FileId, bytes: &[u8]) -> Result<(PolicyFile, Vec<u8>), (SpannedError, Vec<u8>)> {
    let given = PolicyInput::read(bytes)?;
    let whole = given.whole().as_bytes().to_vec();
    let offset = given.offset();
    let read = json::read(given.document(), offset)
        .map_err(|error| SpannedError::new(format!("not JSON: {error}"), Span::new(offset, whole.len())))
        .and_then(|tree| Policy::read(&tree));
    match read {
        Ok(policy) => {
            let role = given.role_arn().and_then(|role| role.parse().ok());
            let (document, is_shown) = (given.document().to_owned(), may_show(&whole));
            Ok((PolicyFile { file, policy, role, document, offset, is_shown }, whole))
        }
        Err(refusal) => Err((refusal, whole)),
    }
}

impl PolicyFile {
    /// The location of a span of the document.
    pub(super) fn location(&self, span: Span) -> Location {
        let end = self.offset + self.document.len();
        Location { file: self.file, span, window: self.is_shown.then(|| Span::new(self.offset, end)) }
    }

    /// The beginning of the document.
    pub(super) fn head(&self) -> Location {
        self.location(Span::new(self.offset, self.offset + 1))
    }

    /// Deny statements without conditions: they override every Allow.
    pub(super) fn denies(&self) -> impl Iterator<Item = &Statement> {
        let certain = |statement: &&Statement| statement.effect == Effect::Deny && statement.conditions.is_empty();
        self.policy.statements.iter().filter(certain)
    }

    /// Allow statements.
    pub(super) fn allows(&self) -> impl Iterator<Item = &Statement> {
        self.policy.statements.iter().filter(|statement| statement.effect == Effect::Allow)
    }
}
