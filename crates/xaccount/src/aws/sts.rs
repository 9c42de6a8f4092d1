//! The limits of `sts:AssumeRole`.
//!
//! The CRD of `AWSClusterRoleIdentity` checks only `durationSeconds`: a wrong session name or external id is admitted,
//! and the error shows only in the controller's log (Cluster API Provider AWS, `api/v1beta2/awsidentity_types.go`).

use std::fmt;
use std::str::FromStr;

/// Why a text is not a session name or external id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StsTextError {
    /// Too short or too long.
    #[error("the {what} {text:?} has {count} {}; STS allows {min} to {max}", if *count == 1 { "character" } else { "characters" })]
    Length {
        /// "session name" or "external id".
        what: &'static str,
        /// The text as given, cut after 60 characters.
        text: String,
        /// Its length in characters.
        count: usize,
        /// The minimum.
        min: usize,
        /// The maximum.
        max: usize,
    },
    /// A character that STS refuses.
    #[error("the {what} {text:?} contains the character {character:?}; STS allows letters, digits and {others}")]
    Character {
        /// "session name" or "external id".
        what: &'static str,
        /// The text as given, cut after 60 characters.
        text: String,
        /// The first character that is refused.
        character: char,
        /// The characters that are allowed besides ASCII letters and digits.
        others: &'static str,
    },
}

fn check(text: &str, what: &'static str, max: usize, others: &'static str) -> Result<(), StsTextError> {
    let shown = || text.chars().take(60).collect();
    let refused = |c: &char| !c.is_ascii_alphanumeric() && !others.contains(*c);
    if let Some(character) = text.chars().find(refused) {
        return Err(StsTextError::Character { what, text: shown(), character, others });
    }
    let (count, min) = (text.chars().count(), 2);
    if !(min..=max).contains(&count) {
        return Err(StsTextError::Length { what, text: shown(), count, min, max });
    }
    Ok(())
}

/// `spec.sessionName`: 2 to 64 characters of `[\w+=,.@-]`. The target account's CloudTrail shows it.
///
/// Source: STS API reference, `AssumeRole`, `RoleSessionName`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(String);

/// `spec.externalID`: 2 to 1,224 characters of `[\w+=,.@:\/-]`. It is not a secret: AWS shows it to everyone who may
/// read the trust policy.
///
/// Source: STS API reference, `AssumeRole`, `ExternalId`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(String);

macro_rules! sts_text {
    ($name:ident, $what:literal, $max:literal, $others:literal) => {
        impl $name {
            /// The text as given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = StsTextError;

            fn from_str(text: &str) -> Result<Self, StsTextError> {
                check(text, $what, $max, $others)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = StsTextError;

            fn try_from(text: String) -> Result<Self, StsTextError> {
                check(&text, $what, $max, $others)?;
                Ok(Self(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

sts_text!(SessionName, "session name", 64, "_+=,.@-");
sts_text!(ExternalId, "external id", 1224, "_+=,.@:/-");

/// Id of an AWS organisation: `o-` and 10 to 32 lower-case letters or digits.
///
/// Source: AWS Organizations API reference, `Organization`, `Id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrgId(String);

/// A text is not the id of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an organisation id, which is 'o-' and 10 to 32 lower-case letters or digits, as in o-a1b2c3d4e5")]
pub struct OrgIdError(String);

impl OrgId {
    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrgId {
    type Err = OrgIdError;

    fn from_str(text: &str) -> Result<Self, OrgIdError> {
        let id = text.strip_prefix("o-").unwrap_or_default();
        let fits = id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) && (10..=32).contains(&id.len());
        if fits { Ok(Self(text.to_owned())) } else { Err(OrgIdError(text.chars().take(60).collect())) }
    }
}

/// `spec.durationSeconds`: how long a session lasts, 900 to 43,200 seconds.
///
/// The role's own `MaxSessionDuration` may be lower, and a session created with a role's credentials lasts at most
/// 3,600 seconds. Sources: STS API reference, `AssumeRole`, `DurationSeconds`; Cluster API Provider AWS,
/// `api/v1beta2/awsidentity_types.go` (the same limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationSeconds(u32);

/// Why a value is not a session duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Not a whole number.
    #[error("the duration {text:?} is not a number of seconds{}", in_seconds(.text))]
    NotANumber {
        /// The text as given.
        text: String,
    },
    /// Outside the limits.
    #[error("the duration is {seconds} seconds; STS allows 900 (15 minutes) to 43200 (12 hours)")]
    OutOfRange {
        /// The value as given.
        seconds: i64,
    },
}

/// A hint with the number of seconds. kubectl's flags accept `1h`, so people type that.
fn in_seconds(text: &str) -> String {
    let unit = match text.chars().last() {
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return "; type for example 3600".to_owned(),
    };
    let seconds = text[..text.len() - 1].parse::<u32>().ok().and_then(|n| n.checked_mul(unit));
    match seconds {
        Some(seconds) => format!("; type {seconds}"),
        None => "; type for example 3600".to_owned(),
    }
}

impl DurationSeconds {
    /// The number of seconds.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for DurationSeconds {
    type Error = DurationError;

    fn try_from(seconds: i64) -> Result<Self, DurationError> {
        match u32::try_from(seconds) {
            Ok(value @ 900..=43200) => Ok(Self(value)),
            _ => Err(DurationError::OutOfRange { seconds }),
        }
    }
}

impl FromStr for DurationSeconds {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        // i64 also parses "+900", which is not valid in a manifest.
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DurationError::NotANumber { text: text.to_owned() });
        }
        let out_of_range = if digits.len() < text.len() { i64::MIN } else { i64::MAX };
        Self::try_from(text.parse().unwrap_or(out_of_range))
    }
}

impl fmt::Display for DurationSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a policy document looks like.
const DOCUMENT: &str = "a policy document begins with {\"Version\": \"2012-10-17\", \"Statement\": […]}";

/// Why a text is not a session policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InlinePolicyError {
    /// The text is empty.
    #[error("the inline policy is empty; omit it, or write a policy document")]
    Empty,
    /// Longer than STS allows.
    #[error("the inline policy has {count} characters; STS allows at most 2048, white space included")]
    TooLong {
        /// Its length in characters.
        count: usize,
    },
    /// A character that STS refuses.
    #[error("the inline policy contains the character {character:?}; STS allows U+0020 to U+00FF, tabs and line ends")]
    Character {
        /// The first character that is refused.
        character: char,
    },
    /// Not JSON. The source has the details, with line and column.
    #[error("the inline policy is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// An object, but not a policy document.
    #[error("the inline policy is not a policy document: {what}; {DOCUMENT}")]
    NotAPolicy {
        /// What is wrong with it.
        what: &'static str,
    },
    /// JSON, but not an object.
    #[error("the inline policy is {found}, not a JSON object; {DOCUMENT}")]
    NotAnObject {
        /// What it is, with its article.
        found: &'static str,
    },
}

/// Checks `spec.inlinePolicy`, the session policy: 1 to 2,048 characters of U+0009, U+000A, U+000D and U+0020 to
/// U+00FF, that are a JSON object with a `Statement`. The rest of the policy is not checked. The packed size that AWS
/// computes may still be too large.
///
/// Source: STS API reference, `AssumeRole`, `Policy`; IAM user guide, "Grammar of the IAM JSON policy language".
///
/// # Errors
/// The first [`InlinePolicyError`] that applies, in the order of its variants.
pub fn check_inline_policy(text: &str) -> Result<(), InlinePolicyError> {
    if text.is_empty() {
        return Err(InlinePolicyError::Empty);
    }
    let count = text.chars().count();
    if count > 2048 {
        return Err(InlinePolicyError::TooLong { count });
    }
    let refused = |c: &char| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}');
    if let Some(character) = text.chars().find(refused) {
        return Err(InlinePolicyError::Character { character });
    }
    let found = match serde_json::from_str(text).map_err(InlinePolicyError::NotJson)? {
        serde_json::Value::Object(document) => {
            return policy_statements(&document).map_err(|what| InlinePolicyError::NotAPolicy { what });
        }
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "an array",
    };
    Err(InlinePolicyError::NotAnObject { found })
}

/// Checks that a document's `Statement` is a statement or a list of statements: objects with an `Effect`.
fn policy_statements(document: &serde_json::Map<String, serde_json::Value>) -> Result<(), &'static str> {
    if document.contains_key("apiVersion") && document.contains_key("kind") {
        return Err("it is a Kubernetes manifest");
    }
    let Some(statement) = document.get("Statement") else { return Err("it has no Statement") };
    let statements = statement.as_array().map_or_else(|| std::slice::from_ref(statement), Vec::as_slice);
    let effect = |statement: &serde_json::Value| statement.get("Effect").is_some_and(serde_json::Value::is_string);
    if statements.iter().all(effect) {
        Ok(())
    } else {
        Err("its Statement is not an object with an Effect, or a list of such objects")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names() {
        for text in ["ab", "foo-1", "a_+=,.@-", &"x".repeat(64)] {
            assert_eq!(text.parse::<SessionName>().unwrap().as_str(), text);
        }
        let long = "x".repeat(65);
        let table = [
            ("", "has 0 characters; STS allows 2 to 64"),
            ("a", "has 1 character;"),
            (&long, "has 65 characters"),
            ("a b", "' '"),
            ("a:b", "':'"),
            ("a/b", "'/'"),
            ("${NAME}", "'$'"),
            ("né", "'é'"),
            ("ab\n", "'\\n'"),
        ];
        for (text, message) in table {
            let error = text.parse::<SessionName>().unwrap_err().to_string();
            assert!(error.starts_with("the session name"), "{error}");
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }

    #[test]
    fn external_ids() {
        for text in ["ab", "0123", "a_+=,.@:/-", &"x".repeat(1224)] {
            assert_eq!(text.parse::<ExternalId>().unwrap().to_string(), text);
        }
        for text in ["", "a", &"x".repeat(1225), "a b", "a#b", "<id>", "ß1"] {
            let error = text.parse::<ExternalId>().unwrap_err().to_string();
            assert!(error.starts_with("the external id"), "{error}");
            assert!(error.len() < 250, "{error}");
        }
    }

    #[test]
    fn organisations() {
        assert_eq!("o-a1b2c3d4e5".parse::<OrgId>().unwrap().as_str(), "o-a1b2c3d4e5");
        for text in ["", "o-", "o-a1b2c3d4e", "o-A1B2C3D4E5", "a1b2c3d4e5f6", "r-a1b2c3d4e5"] {
            assert!(text.parse::<OrgId>().unwrap_err().to_string().contains("o-a1b2c3d4e5"), "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in [("900", 900), ("3600", 3600), ("43200", 43200)] {
            assert_eq!(text.parse::<DurationSeconds>().unwrap().get(), seconds);
        }
        let table = [
            ("899", "is 899 seconds"),
            ("43201", "43201"),
            ("0", "is 0 seconds"),
            ("-900", "is -900 seconds"),
            ("99999999999999999999", "STS allows 900"),
            ("1h", "type 3600"),
            ("30m", "type 1800"),
            ("9é", "type for example 3600"),
            ("", "is not a number"),
            ("-", "is not a number"),
            ("+900", "is not a number"),
            ("900.0", "is not a number"),
            (" 900", "is not a number"),
        ];
        for (text, message) in table {
            let error = text.parse::<DurationSeconds>().unwrap_err().to_string();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }

    #[test]
    fn inline_policies() {
        let document = |id: &str| format!("{{\"Id\":\"{id}\",\"Statement\":{{\"Effect\":\"Deny\"}}}}");
        let fill = |count: usize| document(&"é".repeat(count - document("").len()));
        let several = " {\"Statement\": [{\"Effect\": \"Deny\"}, {\"Effect\": \"Allow\"}]}\r\n\t";
        for text in [several, &document(""), &fill(2048)] {
            check_inline_policy(text).unwrap();
        }
        let long = fill(2049);
        let table = [
            ("", "is empty"),
            (&long, "has 2049 characters"),
            ("{\"a\": \"→\"}", "'→'"),
            ("{\"a\": \u{1}}", "'\\u{1}'"),
            (" ", "not JSON"),
            ("Version: 2012", "not JSON"),
            ("{\"a\": 1,}", "line 1 column 9"),
            ("{} {}", "not JSON"),
            ("[]", "an array"),
            ("\"{}\"", "a string"),
            ("null", "null"),
            ("1", "a number"),
            ("true", "a boolean"),
            ("{}", "it has no Statement"),
            ("{\"Effect\": \"Deny\"}", "it has no Statement"),
            ("{\"Statement\": \"hidden\"}", "not an object with an Effect"),
            ("{\"Statement\": [{\"Effect\": \"Deny\"}, {\"Action\": \"hidden\"}]}", "not an object with an Effect"),
            ("{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"data\": {\"a\": \"hidden\"}}", "a Kubernetes manifest"),
        ];
        for (text, message) in table {
            let error = check_inline_policy(text).unwrap_err().to_string();
            assert!(error.contains(message) && !error.contains("hidden"), "{text:?}: {error}");
        }
    }
}
