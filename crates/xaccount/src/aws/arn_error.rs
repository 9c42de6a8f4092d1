//! Why a text is not the ARN of an IAM role.

use super::{AccountIdError, UnknownPartition};

/// Why a text is not the ARN of an IAM role. The message explains what the text is and what is expected;
/// [`RoleArnError::suggestion`] returns the corrected ARN if it can be known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleArnError {
    /// The text is empty.
    #[error("the role ARN is empty; its form is arn:aws:iam::ACCOUNT:role/NAME")]
    Empty,
    /// White space before or after the ARN.
    #[error("the role ARN {text:?} has white space before or after it{}", hint(.suggestion))]
    WhiteSpace {
        /// The text as given.
        text: String,
        /// The text without the white space, if that is a role ARN.
        suggestion: Option<String>,
    },
    /// Quotes around the ARN.
    #[error("the role ARN {text:?} has quotes around it{}", hint(.suggestion))]
    Quotes {
        /// The text as given.
        text: String,
        /// The text without the quotes, if that is a role ARN.
        suggestion: Option<String>,
    },
    /// A variable that was not filled in: `${X}`, `$(X)`, `<X>` or `{{X}}`.
    #[error("the role ARN {text:?} still contains the placeholder {placeholder:?}; fill it in")]
    Placeholder {
        /// The text as given.
        text: String,
        /// The placeholder with its brackets.
        placeholder: String,
    },
    /// A role name (or path and name) without the ARN around it.
    #[error(
        "{text:?} is a role name, not an ARN; write arn:aws:iam::ACCOUNT:role/{name} with the 12-digit id of the target account"
    )]
    BareName {
        /// The text as given.
        text: String,
        /// The role, without a `role/` in front.
        name: String,
    },
    /// An account: only 12 digits, or `arn:…:root`.
    #[error("{text:?} is an account, not a role; write arn:aws:iam::{account}:role/NAME")]
    Account {
        /// The text as given.
        text: String,
        /// The account in it.
        account: String,
    },
    /// `arn:…:sts::…:assumed-role/NAME/SESSION`: a session of a role, as `aws sts get-caller-identity` prints it.
    #[error("{text:?} is a session of a role, not the role{}; if the role has a path, get its ARN: aws iam get-role --role-name {name}", hint(.suggestion))]
    AssumedRole {
        /// The text as given.
        text: String,
        /// The name of the role.
        name: String,
        /// The ARN of the role, if it has no path.
        suggestion: Option<String>,
    },
    /// An instance profile.
    #[error("{text:?} is an instance profile, not a role{}; to look it up: aws iam get-instance-profile --instance-profile-name NAME", guess(.suggestion))]
    InstanceProfile {
        /// The text as given.
        text: String,
        /// The role of the same path and name.
        suggestion: Option<String>,
    },
    /// A managed policy.
    #[error(
        "{text:?} is a policy, not a role; write the ARN of the role that it is attached to: arn:aws:iam::ACCOUNT:role/NAME"
    )]
    Policy {
        /// The text as given.
        text: String,
    },
    /// An IAM user.
    #[error(
        "{text:?} is a user, but only roles can be assumed; write the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME"
    )]
    User {
        /// The text as given.
        text: String,
    },
    /// An IAM group.
    #[error(
        "{text:?} is a group, but only roles can be assumed; write the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME"
    )]
    Group {
        /// The text as given.
        text: String,
    },
    /// Another resource of IAM, or `role:NAME`.
    #[error("{text:?} is an IAM ARN, but {kind:?} is not a role{}", hint(.suggestion))]
    Resource {
        /// The text as given.
        text: String,
        /// The first part of the resource.
        kind: String,
        /// The ARN with `role/`, if only that was mistyped.
        suggestion: Option<String>,
    },
    /// An ARN of a service other than IAM.
    #[error("{text:?} is an ARN of the service {service:?}, but the ARN of a role has \"iam\"{}", hint(.suggestion))]
    Service {
        /// The text as given.
        text: String,
        /// The service field.
        service: String,
        /// The same ARN with `iam`, if the rest is that of a role.
        suggestion: Option<String>,
    },
    /// IAM has no regions.
    #[error("the role ARN {text:?} has the region {region:?}, but that field is empty in an IAM ARN{}", hint(.suggestion))]
    Region {
        /// The text as given.
        text: String,
        /// The region field.
        region: String,
        /// The ARN without the region.
        suggestion: Option<String>,
    },
    /// The account field is not an account id.
    #[error("in the role ARN {text:?}, {source}")]
    AccountId {
        /// The text as given.
        text: String,
        /// What is wrong with the field.
        source: AccountIdError,
        /// The ARN with the corrected account.
        suggestion: Option<String>,
    },
    /// The partition field is not a known partition.
    #[error("in the role ARN {text:?}, {source}")]
    Partition {
        /// The text as given.
        text: String,
        /// What is wrong with the field.
        source: UnknownPartition,
    },
    /// The role name breaks a rule of IAM.
    #[error("in the role ARN {text:?}, the role name {name:?} {problem}")]
    Name {
        /// The text as given.
        text: String,
        /// The name.
        name: String,
        /// What is wrong with it, to follow the name in a sentence.
        problem: String,
    },
    /// The path breaks a rule of IAM.
    #[error("in the role ARN {text:?}, the path {path:?} {problem}{}", hint(.suggestion))]
    Path {
        /// The text as given.
        text: String,
        /// The path, with both slashes.
        path: String,
        /// What is wrong with it, to follow the path in a sentence.
        problem: String,
        /// The ARN with the corrected path.
        suggestion: Option<String>,
    },
    /// Longer than 2,048 characters, the limit of `arnType` (IAM API reference). Its minimum of 20 follows from the
    /// other rules.
    #[error("the role ARN has {count} characters, but an ARN has at most 2048; it begins {start:?}")]
    TooLong {
        /// How many characters it has.
        count: usize,
        /// The first 60 characters.
        start: String,
    },
    /// Anything else.
    #[error("{text:?} is not the ARN of an IAM role; its form is arn:aws:iam::ACCOUNT:role/NAME{}", hint(.suggestion))]
    Other {
        /// The text as given.
        text: String,
        /// The corrected ARN, if one colon or the first field is missing or mistyped.
        suggestion: Option<String>,
    },
}

impl RoleArnError {
    /// The corrected ARN if it can be known; always a valid role ARN.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::WhiteSpace { suggestion, .. }
            | Self::Quotes { suggestion, .. }
            | Self::AssumedRole { suggestion, .. }
            | Self::InstanceProfile { suggestion, .. }
            | Self::Resource { suggestion, .. }
            | Self::Service { suggestion, .. }
            | Self::Region { suggestion, .. }
            | Self::AccountId { suggestion, .. }
            | Self::Path { suggestion, .. }
            | Self::Other { suggestion, .. } => suggestion.clone(),
            _ => None,
        }
    }
}

/// A suggestion from the name only.
fn guess(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|arn| format!("; perhaps its role is {arn}")).unwrap_or_default()
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|arn| format!("; write {arn}")).unwrap_or_default()
}
