//! The readers of ARNs and account ids.

use std::str::FromStr;

use xaccount::aws::{AccountId, RoleArn};
use xaccount::plan::default_identity_name;

/// A parsed ARN prints as the same text, a suggestion parses, and nothing panics.
pub fn arn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match RoleArn::from_str(text) {
        Ok(arn) => {
            assert_eq!(arn.to_string(), text);
            assert_eq!(arn.as_str(), text);
            assert_eq!(
                format!("arn:{}:iam::{}:role{}{}", arn.partition(), arn.account(), arn.path(), arn.name()),
                text,
                "the parts are the whole"
            );
            let again = RoleArn::new(arn.partition(), arn.account(), &format!("{}{}", arn.path(), arn.name()));
            assert_eq!(again.as_ref(), Ok(&arn));
            let name = default_identity_name(&arn);
            let ok = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            // The plan refuses a name that is too long.
            assert!(
                name.len() > 253
                    || name.split('.').all(|part| part.starts_with(ok)
                        && part.ends_with(ok)
                        && part.chars().all(|c| ok(c) || c == '-')),
                "{name:?} is not a valid object name"
            );
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let Some(suggestion) = error.suggestion() {
                let parsed = RoleArn::from_str(&suggestion);
                assert!(parsed.is_ok(), "the suggestion {suggestion:?} is refused: {parsed:?}");
            }
        }
    }
    match AccountId::from_str(text) {
        Ok(account) => assert!(account.to_string() == text && text.len() == 12),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let Some(suggestion) = error.suggestion() {
                assert!(AccountId::from_str(&suggestion).is_ok(), "the suggestion {suggestion:?} is refused");
            }
        }
    }
}
