//! The ARN of a role as a manifest can have it: complete, or with placeholders.

use std::fmt;
use std::str::FromStr;

use super::{AccountId, Partition, RoleArn, RoleArnError};
use crate::templates;

/// The ARN of a role, or a text that becomes one when a templating step fills in its placeholders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleText {
    /// A complete ARN.
    Arn(RoleArn),
    /// An ARN with placeholders. Its account is unknown, so it is only compared as text.
    Template(RoleTemplate),
}

/// A role ARN with placeholders as envsubst, clusterctl and Flux fill them in: `arn:aws:iam::${ACCOUNT}:role/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleTemplate {
    text: String,
    /// The field of the account, with its placeholder.
    account: String,
    /// A complete ARN of this form.
    example: RoleArn,
}

/// What takes the place of an account in the example.
const ACCOUNT: &str = "000000000000";

impl RoleText {
    /// The whole text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Arn(arn) => arn.as_str(),
            Self::Template(template) => &template.text,
        }
    }

    /// The account, if it is known.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Arn(arn) => Some(arn.account()),
            Self::Template(_) => None,
        }
    }

    /// The partition, if it is known.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Arn(arn) => Some(arn.partition()),
            Self::Template(_) => None,
        }
    }
}

impl RoleTemplate {
    /// A complete ARN with the same path and name, and the text that takes the place of its account; `None` if the path or
    /// the name has a placeholder.
    pub(crate) fn of_one_role(&self) -> Option<(&RoleArn, &str)> {
        let is_complete = self.text.ends_with(&format!(":role/{}", self.example.path_and_name()));
        is_complete.then_some((&self.example, &self.account))
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut example, mut account, mut rest) = (String::new(), String::new(), text);
        while let Some((before, variable, behind)) = templates::next_variable(rest) {
            example.push_str(before);
            // A colon inside of a placeholder is not one of the ARN.
            example.push_str(match example.matches(':').count() {
                1 => Partition::Aws.id(),
                4 => {
                    account = variable.to_owned();
                    ACCOUNT
                }
                _ => "x",
            });
            rest = behind;
        }
        example.push_str(rest);
        let example: RoleArn = example.parse().ok()?;
        if account.is_empty() {
            account = example.account().to_string();
        }
        Some(Self { text: text.to_owned(), account, example })
    }
}

impl From<RoleArn> for RoleText {
    fn from(arn: RoleArn) -> Self {
        Self::Arn(arn)
    }
}

impl fmt::Display for RoleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoleText {
    type Err = RoleArnError;

    fn from_str(text: &str) -> Result<Self, RoleArnError> {
        text.parse().map(Self::Arn).or_else(|error| RoleTemplate::parse(text).map(Self::Template).ok_or(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_may_be_a_field_or_a_part_of_the_role() {
        for (text, account) in [
            ("arn:aws:iam::${ACCOUNT}:role/x", Some("${ACCOUNT}")),
            ("arn:aws:iam::${ACCOUNT:=222222222222}:role/team/x", Some("${ACCOUNT:=222222222222}")),
            ("arn:${PARTITION:=aws-cn}:iam::${ACCOUNT}:role/x", Some("${ACCOUNT}")),
            ("arn:${PARTITION}:iam::222222222222:role/x", Some("222222222222")),
            ("arn:aws:iam::${ACCOUNT}:role/${ROLE}", None),
            ("arn:aws:iam::222222222222:role/${TEAM}/x", None),
        ] {
            let role: RoleText = text.parse().unwrap();
            assert_eq!((role.as_str(), role.account(), role.partition()), (text, None, None));
            let RoleText::Template(template) = &role else { panic!("{text} is complete") };
            assert_eq!(template.of_one_role().map(|(_, account)| account), account, "{text}");
        }
        let complete: RoleText = "arn:aws:iam::222222222222:role/x".parse().unwrap();
        assert_eq!(complete.account().map(AccountId::as_str), Some("222222222222"));
    }

    #[test]
    fn other_texts_with_placeholders_are_refused() {
        for text in [
            "${ROLE_ARN}",
            "arn:aws:iam::2222${ACCOUNT}:role/x",
            "arn:aws:iam:${REGION}:222222222222:role/x",
            "arn:aws:iam::${ACCOUNT}:user/x",
            "arn:aws:iam::$(ACCOUNT):role/x",
            "arn:aws:iam::<ACCOUNT>:role/x",
            "arn:aws:iam::{{ .account }}:role/x",
            "arn:aws:iam::${ACCOUNT:role/x",
            "arn:aws:iam::${}:role/x",
            "arn:aws:iam::${A B}:role/x",
            "arn:aws:iam::${A:=\"2\"}:role/x",
            "arn:aws:iam::${ACCOUNT}:role/a b",
        ] {
            assert!(text.parse::<RoleText>().is_err(), "{text}");
        }
    }
}
