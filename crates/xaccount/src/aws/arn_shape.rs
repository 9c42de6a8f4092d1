//! Distinguishes a role ARN from other texts that people paste in its place.

use super::account::placeholder;
use super::{AccountId, Partition, RoleArn, RoleArnError};

/// The fields of a text that is a role ARN.
pub(super) struct ArnParts<'a> {
    pub(super) partition: Partition,
    pub(super) account: AccountId,
    /// What follows `role/`: the name, or path and name.
    pub(super) role: &'a str,
}

/// The six fields of any ARN.
struct ArnFields<'a> {
    text: &'a str,
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

/// Checks a text and returns its fields. The kind of the ARN is checked before its details, so that the error names the
/// mistake and not a consequence of it.
pub(super) fn check(text: &str) -> Result<ArnParts<'_>, RoleArnError> {
    let fields = whole(text)?;
    kind(&fields)?;
    let partition =
        fields.partition.parse().map_err(|source| RoleArnError::Partition { text: text.to_owned(), source })?;
    if !fields.region.is_empty() {
        return Err(RoleArnError::Region {
            text: text.to_owned(),
            region: fields.region.to_owned(),
            suggestion: suggested(format!("arn:{partition}:iam::{}:{}", fields.account, fields.resource)),
        });
    }
    let account = fields.account.parse().map_err(|source: super::AccountIdError| RoleArnError::AccountId {
        text: text.to_owned(),
        suggestion: source
            .suggestion()
            .and_then(|account| suggested(format!("arn:{partition}:iam::{account}:{}", fields.resource))),
        source,
    })?;
    let role = fields.resource.strip_prefix("role/").unwrap_or_default();
    path_and_name(&fields, role)?;
    Ok(ArnParts { partition, account, role })
}

/// The six fields, or an error about the text as a whole.
fn whole(text: &str) -> Result<ArnFields<'_>, RoleArnError> {
    let owned = || text.to_owned();
    if text.is_empty() {
        return Err(RoleArnError::Empty);
    }
    let count = text.chars().count();
    if count > 2048 {
        let start = text.chars().take(60).collect();
        return Err(RoleArnError::TooLong { count, start });
    }
    // Not White_Space in Unicode, but also invisible: zero width space, joiners, word joiner, byte order mark.
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}');
    let quote = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’');
    // Trims both at once, so that nested quotes don't cause deep recursion.
    let trimmed = || suggested(text.trim_matches(|c| blank(c) || quote(c)).to_owned());
    if text.trim_matches(blank) != text {
        return Err(RoleArnError::WhiteSpace { text: owned(), suggestion: trimmed() });
    }
    if text.trim_matches(quote) != text {
        return Err(RoleArnError::Quotes { text: owned(), suggestion: trimmed() });
    }
    if let Some(placeholder) = placeholder(text) {
        return Err(RoleArnError::Placeholder { text: owned(), placeholder: placeholder.to_owned() });
    }
    if !text.contains(':') {
        return Err(no_arn(text));
    }
    let mut fields = text.splitn(6, ':');
    let mut next = || fields.next();
    match (next(), next(), next(), next(), next(), next()) {
        (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) => {
            Ok(ArnFields { text, partition, service, region, account, resource })
        }
        // One colon of the empty region is missing: arn:aws:iam:222222222222:role/x.
        (Some("arn"), Some(partition), Some("iam"), Some(account), Some(resource), None) => Err(RoleArnError::Other {
            text: owned(),
            suggestion: suggested(format!("arn:{partition}:iam::{account}:{resource}")),
        }),
        (Some(first), Some(_), ..) => Err(RoleArnError::Other {
            text: owned(),
            suggestion: if first.eq_ignore_ascii_case("arn") && first != "arn" {
                suggested(format!("arn{}", &text[first.len()..]))
            } else if first.parse::<Partition>().is_ok() {
                suggested(format!("arn:{text}"))
            } else {
                None
            },
        }),
        _ => Err(RoleArnError::Other { text: owned(), suggestion: None }),
    }
}

/// The error for a text without a colon: a role name, with or without `role/`; an account; or something else.
fn no_arn(text: &str) -> RoleArnError {
    let role = text.strip_prefix('/').unwrap_or(text);
    let role = role.strip_prefix("role/").unwrap_or(role);
    let name = role.rsplit('/').next().unwrap_or_default();
    if let Ok(account) = text.parse::<AccountId>() {
        RoleArnError::Account { text: text.to_owned(), account: account.to_string() }
    } else if !name.is_empty() && name.chars().all(in_name) && role.bytes().all(in_path) {
        RoleArnError::BareName { text: text.to_owned(), name: role.to_owned() }
    } else {
        RoleArnError::Other { text: text.to_owned(), suggestion: None }
    }
}

/// Ok for `iam` and `role/`; otherwise the error that names the kind of the ARN.
fn kind(fields: &ArnFields<'_>) -> Result<(), RoleArnError> {
    let (kind, rest) = match fields.resource.find(['/', ':']) {
        Some(at) => (&fields.resource[..at], &fields.resource[at + 1..]),
        None => (fields.resource, ""),
    };
    let text = fields.text.to_owned();
    let as_role = |role: &str| suggested(format!("arn:{}:iam::{}:role/{role}", fields.partition, fields.account));
    Err(match (fields.service, kind) {
        ("iam", "role") if fields.resource.starts_with("role/") => return Ok(()),
        ("sts", "assumed-role") => {
            let name = rest.split('/').next().unwrap_or_default();
            // The role of IAM Identity Center always has a path: aws-reserved/sso.amazonaws.com/[REGION/].
            let without_path = !name.starts_with("AWSReservedSSO_");
            RoleArnError::AssumedRole {
                text,
                name: name.to_owned(),
                suggestion: without_path.then(|| as_role(name)).flatten(),
            }
        }
        ("iam", "instance-profile") => RoleArnError::InstanceProfile { text, suggestion: as_role(rest) },
        ("iam", "policy") => RoleArnError::Policy { text },
        ("iam", "user") => RoleArnError::User { text },
        ("iam", "group") => RoleArnError::Group { text },
        ("iam" | "sts", "root") => RoleArnError::Account { text, account: fields.account.to_owned() },
        ("iam", _) => RoleArnError::Resource {
            text,
            kind: kind.to_owned(),
            suggestion: kind.eq_ignore_ascii_case("role").then(|| as_role(rest)).flatten(),
        },
        (service, _) => RoleArnError::Service {
            text,
            service: service.to_owned(),
            suggestion: (kind == "role").then(|| as_role(rest)).flatten(),
        },
    })
}

fn path_and_name(fields: &ArnFields<'_>, role: &str) -> Result<(), RoleArnError> {
    let (path, name) = match role.rfind('/') {
        Some(at) => (format!("/{}", &role[..=at]), &role[at + 1..]),
        None => ("/".to_owned(), role),
    };
    let text = fields.text.to_owned();
    let bad_name = |problem: String| Err(RoleArnError::Name { text: text.clone(), name: name.to_owned(), problem });
    let count = name.chars().count();
    if name.is_empty() {
        return bad_name("is empty; the name follows the last slash".to_owned());
    }
    if let Some(character) = name.chars().find(|c| !in_name(*c)) {
        return bad_name(format!("contains the character {character:?}; letters, digits and _+=,.@- are allowed"));
    }
    if count > 64 {
        return bad_name(format!("has {count} characters; at most 64 are allowed"));
    }
    let problem = if path.starts_with("//") {
        "begins with two slashes".to_owned()
    } else if path.len() > 512 {
        format!("has {} characters; at most 512 are allowed", path.len())
    } else if let Some(character) = path.chars().find(|c| !c.is_ascii_graphic()) {
        format!("contains the character {character:?}; only visible ASCII characters are allowed")
    } else {
        return Ok(());
    };
    Err(RoleArnError::Path {
        suggestion: path
            .starts_with("//")
            .then(|| {
                let role = role.trim_start_matches('/');
                suggested(format!("arn:{}:iam::{}:role/{role}", fields.partition, fields.account))
            })
            .flatten(),
        text,
        path,
        problem,
    })
}

/// `[\w+=,.@-]`, `CreateRole` in the IAM API reference.
fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

/// `[\x21-\x7E]`, `CreateRole` in the IAM API reference.
fn in_path(b: u8) -> bool {
    b.is_ascii_graphic()
}

/// The text if it is a role ARN, else what its own error suggests. Every caller passes a text with one mistake fewer,
/// so the recursion ends.
fn suggested(text: String) -> Option<String> {
    match text.parse::<RoleArn>() {
        Ok(arn) => Some(arn.to_string()),
        Err(error) => error.suggestion(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::222222222222:role/capa";

    /// The name of the variant, the text, a part of the message, and whether [`ROLE`] is suggested.
    #[rustfmt::skip]
    const WRONG: &[(&str, &str, &str, bool)] = &[
        ("Empty", "", "is empty", false),
        ("WhiteSpace", "arn:aws:iam::222222222222:role/capa ", "white space", true),
        ("WhiteSpace", "\tarn:aws:iam::222222222222:role/capa\n", "\\n", true),
        ("WhiteSpace", "arn:aws:iam::222222222222:role/capa\u{200B}", "white space", true),
        ("WhiteSpace", "arn:aws:iam::222222222222:instance-profile/capa\r", "\\r", true),
        ("WhiteSpace", " ", "white space", false),
        ("WhiteSpace", " ' arn:aws:iam::222222222222:role/capa'", "white space", true),
        ("Quotes", "\"arn:aws:iam::222222222222:role/capa\"", "quotes", true),
        ("Placeholder", "arn:aws:iam::${ACCOUNT_ID}:role/capa", "\"${ACCOUNT_ID}\"", false),
        ("Placeholder", "arn:aws:iam::$(id):role/capa", "\"$(id)\"", false),
        ("Placeholder", "arn:aws:iam::<account-id>:role/capa", "\"<account-id>\"", false),
        ("Placeholder", "arn:aws:iam::222222222222:role/{{ .Role }}", "\"{{ .Role }}\"", false),
        ("BareName", "capa", "arn:aws:iam::ACCOUNT:role/capa", false),
        ("BareName", "role/capa", "ACCOUNT:role/capa ", false),
        ("BareName", "/role/team/capa", "ACCOUNT:role/team/capa ", false),
        ("BareName", "control-plane.cluster-api-provider-aws.sigs.k8s.io", "is a role name", false),
        ("Account", "222222222222", "arn:aws:iam::222222222222:role/NAME", false),
        ("Account", "arn:aws:iam::222222222222:root", "is an account", false),
        ("AssumedRole", "arn:aws:sts::222222222222:assumed-role/capa/i-0123", "--role-name capa", true),
        ("AssumedRole", "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Admin_01/me", "has a path", false),
        ("AssumedRole", "arn:aws:sts::2222:assumed-role/capa/i", "session of a role", false),
        ("InstanceProfile", "arn:aws:iam::222222222222:instance-profile/capa", "perhaps its role is ", true),
        ("Policy", "arn:aws:iam::222222222222:policy/capa", "is a policy", false),
        ("Policy", "arn:aws:iam::aws:policy/AdministratorAccess", "is a policy", false),
        ("User", "arn:aws:iam::222222222222:user/capa", "is a user", false),
        ("Group", "arn:aws:iam::222222222222:group/capa", "is a group", false),
        ("Resource", "arn:aws:iam::222222222222:oidc-provider/x", "\"oidc-provider\"", false),
        ("Resource", "arn:aws:iam::222222222222:role:capa", "is not a role", true),
        ("Resource", "arn:aws:iam::222222222222:Role/capa", "\"Role\"", true),
        ("Resource", "arn:aws:iam::222222222222:role", "is not a role", false),
        ("Resource", "arn:aws:iam::222222222222:", "is not a role", false),
        ("Service", "arn:aws:s3:::bucket", "\"s3\"", false),
        ("Service", "arn:aws:sts::222222222222:role/capa", "\"sts\"", true),
        ("Service", "arn:aws:sts::222222222222:federated-user/x", "\"sts\"", false),
        ("Region", "arn:aws:iam:us-west-2:222222222222:role/capa", "\"us-west-2\"", true),
        ("AccountId", "arn:aws:iam::22222222222:role/capa", "has 11 digits", false),
        ("AccountId", "arn:aws:iam::2222222222222:role/capa", "has 13 digits", false),
        ("AccountId", "arn:aws:iam:::role/capa", "is empty", false),
        ("AccountId", "arn:aws:iam::$ACCOUNT:role/capa", "placeholder", false),
        ("AccountId", "arn:aws:iam::2222-2222-2222:role/capa", "dashes", true),
        ("AccountId", "arn:aws:iam::22222222222x:role/capa", "'x'", false),
        ("Partition", "arn:aws-gov:iam::222222222222:role/capa", "unknown partition \"aws-gov\"", false),
        ("Partition", "arn::iam::222222222222:role/capa", "unknown partition", false),
        ("Name", "arn:aws:iam::222222222222:role/", "is empty", false),
        ("Name", "arn:aws:iam::222222222222:role/team/", "is empty", false),
        ("Name", "arn:aws:iam::222222222222:role/capa role", "' '", false),
        ("Name", "arn:aws:iam::222222222222:role/capa:x", "':'", false),
        ("Name", "arn:aws:iam::222222222222:role/capa*", "'*'", false),
        ("Name", "arn:aws:iam::222222222222:role/rôle", "'ô'", false),
        ("Path", "arn:aws:iam::222222222222:role//capa", "two slashes", true),
        ("Path", "arn:aws:iam::222222222222:role/a b/capa", "' '", false),
        ("Path", "arn:aws:iam::222222222222:role/é/capa", "'é'", false),
        ("Other", "arn:aws:iam:222222222222:role/capa", "its form is", true),
        ("Other", "ARN:aws:iam::222222222222:role/capa", "its form is", true),
        ("Other", "aws:iam::222222222222:role/capa", "its form is", true),
        ("Other", "arn:aws", "its form is", false),
        ("Other", "https://signin.aws.amazon.com/", "its form is", false),
        ("Other", "my role", "its form is", false),
        ("Other", "/", "its form is", false),
    ];

    #[test]
    fn every_wrong_shape_has_its_own_error() {
        for (variant, text, message, suggested) in WRONG {
            let error = text.parse::<RoleArn>().unwrap_err();
            assert_eq!(format!("{error:?}").split([' ', '{']).next(), Some(*variant), "{text:?}");
            assert!(error.to_string().contains(message), "{text:?}: {error}");
            assert!(!error.to_string().chars().any(char::is_control), "{text:?}");
            assert_eq!(error.suggestion().as_deref(), suggested.then_some(ROLE), "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_in_the_message() {
        let text = format!("arn:aws:iam::222222222222:role/{}", "a/".repeat(2000));
        let error = text.parse::<RoleArn>().unwrap_err();
        assert!(matches!(error, RoleArnError::TooLong { count: 4031, .. }));
        assert!(error.to_string().len() < 200);
    }

    #[test]
    fn no_text_causes_a_panic() {
        let parts =
            WRONG.iter().flat_map(|(_, text, _, _)| text.char_indices().flat_map(|(at, _)| [&text[at..], &text[..at]]));
        for part in parts {
            for text in [part, &format!(":é{part}\0")] {
                if let Err(error) = text.parse::<RoleArn>() {
                    assert!(error.suggestion().is_none_or(|arn| arn.parse::<RoleArn>().is_ok()));
                }
            }
        }
    }
}
