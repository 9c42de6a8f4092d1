//! AWS account ids.

use crate::templates;
use std::fmt;
use std::str::FromStr;

/// An AWS account id: exactly 12 ASCII digits.
///
/// It is text, never a number: `012345678901` keeps its zero. Source: IAM API reference, `accountIdType` (`\d{12}`);
/// AWS Account Management guide, "View AWS account identifiers" ("a 12-digit number, such as 012345678901").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

impl AccountId {
    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `000000000000`, for checks in which any account will do.
    pub(crate) fn zeros() -> Self {
        Self("0".repeat(12))
    }
}

impl AsRef<str> for AccountId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not an account id. Each message explains what is wrong and what to type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountIdError {
    /// The text is empty.
    #[error("the account id is empty; type its 12 digits, for example 012345678901")]
    Empty,
    /// A variable that was not filled in, as in `${ACCOUNT_ID}` or `$ACCOUNT_ID`.
    #[error(
        "the account id {text:?} is a placeholder that was not filled in; replace it with the 12 digits of the account"
    )]
    Placeholder {
        /// The text as given.
        text: String,
    },
    /// White space before, after or between the digits.
    #[error("the account id {text:?} contains white space; {}", type_digits(.text))]
    WhiteSpace {
        /// The text as given.
        text: String,
    },
    /// The form with dashes that the AWS console shows: `1234-5678-9012`.
    #[error("the account id {text:?} contains dashes; {}", type_digits(.text))]
    Dashes {
        /// The text as given.
        text: String,
    },
    /// A character is not an ASCII digit.
    #[error(
        "the account id {text:?} contains the character {character:?}; an account id is 12 digits and nothing else"
    )]
    NotADigit {
        /// The text as given.
        text: String,
        /// The first character that is not an ASCII digit.
        character: char,
    },
    /// Only digits, but not 12 of them.
    #[error("the account id {text:?} has {count} digits, but an account id has 12{}", lost_zero(.text))]
    Count {
        /// The text as given.
        text: String,
        /// How many digits it has.
        count: usize,
    },
}

impl AccountIdError {
    /// The 12 digits, if the text contains them and otherwise only white space or dashes.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::WhiteSpace { text } | Self::Dashes { text } => twelve_digits(text),
            _ => None,
        }
    }
}

fn twelve_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-' && !c.is_whitespace()).collect();
    (digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

fn type_digits(text: &str) -> String {
    match twelve_digits(text) {
        Some(digits) => format!("type {digits}"),
        None => "type its 12 digits and nothing else".to_owned(),
    }
}

/// A hint for short ids: an unquoted `012345678901` in YAML or a spreadsheet is a number, and loses its zero.
fn lost_zero(text: &str) -> String {
    if text.len() < 12 {
        format!("; if a leading zero was lost, type \"{text:0>12}\", with quotes in YAML")
    } else {
        String::new()
    }
}

/// A placeholder for a value: a template's marker, or `<X>` as in documentation.
pub(super) fn placeholder(text: &str) -> Option<&str> {
    let in_brackets = || {
        let start = text.find('<')?;
        Some(&text[start..=start + text[start..].find('>')?])
    };
    templates::placeholder(text).or_else(in_brackets)
}

fn shell_variable(text: &str) -> bool {
    text.strip_prefix('$').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        let owned = || text.to_owned();
        if text.is_empty() {
            return Err(AccountIdError::Empty);
        }
        if placeholder(text).is_some() || shell_variable(text) {
            return Err(AccountIdError::Placeholder { text: owned() });
        }
        if text.chars().any(char::is_whitespace) {
            return Err(AccountIdError::WhiteSpace { text: owned() });
        }
        if let Some(character) = text.chars().find(|c| !c.is_ascii_digit()) {
            let dashes = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            return Err(if dashes && text.bytes().any(|b| b.is_ascii_digit()) {
                AccountIdError::Dashes { text: owned() }
            } else {
                AccountIdError::NotADigit { text: owned(), character }
            });
        }
        if text.len() != 12 {
            return Err(AccountIdError::Count { text: owned(), count: text.len() });
        }
        Ok(Self(owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_are_kept_as_they_are() {
        for text in ["012345678901", "000000000000", "222222222222"] {
            assert_eq!(text.parse::<AccountId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_wrong_shape_has_its_own_error() {
        // text, part of the message, suggestion
        let table = [
            ("", "is empty", None),
            ("${ACCOUNT}", "placeholder", None),
            ("$ACCOUNT", "placeholder", None),
            ("<account>", "placeholder", None),
            ("{{ .Account }}", "placeholder", None),
            (" 222222222222", "white space", Some("222222222222")),
            ("222222222222\n", "\\n", Some("222222222222")),
            ("2222 2222 2222", "type 222222222222", Some("222222222222")),
            ("2222 2222", "type its 12 digits", None),
            ("1234-5678-9012", "type 123456789012", Some("123456789012")),
            ("1234-5678", "dashes", None),
            ("22222222222a", "'a'", None),
            ("1.2e10", "'.'", None),
            ("---", "'-'", None),
            ("٢٢٢٢٢٢٢٢٢٢٢٢", "nothing else", None),
            ("22222222222", "has 11 digits", None),
            ("12345678901", "\"012345678901\"", None),
            ("2222222222222", "has 13 digits", None),
        ];
        for (text, message, suggestion) in table {
            let error = text.parse::<AccountId>().unwrap_err();
            assert!(error.to_string().contains(message), "{text:?}: {error}");
            assert_eq!(error.suggestion().as_deref(), suggestion, "{text:?}");
        }
    }
}
