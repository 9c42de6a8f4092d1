//! Parsers for the values of flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};

use xaccount::account_map::{IdentityName, looks_like_account_id};
use xaccount::aws::{AccountId, RoleArn, RoleText};
use xaccount::capa::{DEFAULT_ROLE_NAME, referenced_kind};
use xaccount::kubernetes::{LabelSelector, names};

/// A value of `--move-account`, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedMove {
    pub(crate) from: AskedAccount,
    pub(crate) to: AskedAccount,
}

/// An account, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskedAccount {
    /// `source`
    Source,
    /// `unknown`
    Unknown,
    Id(AccountId),
    /// A name from the account map.
    Name(String),
}

/// A label selector and its text.
#[derive(Clone, Debug)]
pub(crate) struct TypedSelector {
    pub(crate) selector: LabelSelector,
    pub(crate) text: String,
}

impl std::str::FromStr for TypedSelector {
    type Err = <LabelSelector as std::str::FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { selector: text.parse()?, text: text.to_owned() })
    }
}

/// A variable of a topology, and the path into its value.
#[derive(Clone, Debug)]
pub(crate) struct TopologyVariable(pub(crate) Vec<String>);

/// Any path, also an empty one: a later check reports that with a better message than clap.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

pub(super) fn account(text: &str) -> Result<AccountId, String> {
    text.parse::<AccountId>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

pub(super) fn role_arn(text: &str) -> Result<RoleArn, String> {
    text.parse::<RoleArn>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

/// A role ARN, which may have placeholders of a template.
pub(super) fn role_text(text: &str) -> Result<RoleText, String> {
    text.parse::<RoleText>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

pub(super) fn glob(text: &str) -> Result<globset::Glob, String> {
    // clap prints the whole text already, which may have any length.
    let shortened: String = text.chars().take(40).collect();
    xaccount::account_map::parse_glob(text, false).map_err(|why| format!("error parsing glob '{shortened}': {why}"))
}

/// The default is too long for a line of the short help.
pub(super) const ROLE_NAME_HELP: &str = "Name of the role, with --account [default: the role of DKP and NKP]";

pub(super) fn role_name_long_help() -> String {
    format!("Name of the role, with --account [default: {DEFAULT_ROLE_NAME}]")
}

pub(super) fn role_name(text: &str) -> Result<String, String> {
    if text.starts_with("arn:") {
        return Err(format!("this is an ARN, not a name: use --role-arn {text} without --account"));
    }
    Ok(text.into())
}

pub(super) fn with_suggestion(message: String, suggestion: Option<String>) -> String {
    match suggestion {
        Some(right) if !message.contains(&right) => format!("{message}; perhaps {right}"),
        _ => message,
    }
}

/// An account id, or a name from the account map.
pub(super) fn account_or_name(text: &str) -> Result<AskedAccount, String> {
    match text {
        "" => account(text).map(AskedAccount::Id),
        // Mostly digits, or a part of an ARN, is always parsed as an account id: as a name, a mistyped id would not be
        // noticed.
        _ if looks_like_account_id(text) => account(text).map(AskedAccount::Id),
        name => Ok(AskedAccount::Name(name.to_owned())),
    }
}

pub(super) fn account_move(text: &str) -> Result<AskedMove, String> {
    let form = "write FROM=TO: account ids, or names from the account map; FROM can also be source or unknown";
    let (from, to) = text.split_once('=').ok_or(form)?;
    let asked = |text: &str| if text.is_empty() { Err(form.to_owned()) } else { account_or_name(text) };
    let from = match from {
        "source" => AskedAccount::Source,
        "unknown" => AskedAccount::Unknown,
        other => asked(other)?,
    };
    match to {
        "source" => {
            Err("TO can't be source: to move a cluster back to the source account, remove its reference with eject"
                .to_owned())
        }
        "unknown" => Ok(AskedMove { from, to: AskedAccount::Unknown }),
        to => Ok(AskedMove { from, to: asked(to)? }),
    }
}

pub(super) fn namespaced_name(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(text.into()),
        _ => Err("write NAMESPACE/NAME without wildcards; an object without a namespace is in that of --default-namespace, or in default".into()),
    }
}

pub(super) fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if names::is_qualified_name(key) {
        Ok((key.into(), value.into()))
    } else {
        Err(format!("'{key}' is not an annotation key: write KEY=VALUE, such as example.com/name=value"))
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if names::is_qualified_name(key) && names::is_label_value(value) {
        Ok((key.into(), value.into()))
    } else {
        Err(format!("'{text}' is not a label: write KEY=VALUE, such as example.com/name=value"))
    }
}

pub(super) fn source_identity(text: &str) -> Result<IdentityName, String> {
    let form = "write KIND/NAME, for example AWSClusterControllerIdentity/default";
    let (kind, name) = text.split_once('/').ok_or(form)?;
    let known = referenced_kind(kind, name).map_err(|problem| {
        let kinds = problem.kinds().map_or_else(String::new, |kinds| format!("; {kinds}"));
        format!("it {problem}{kinds}")
    })?;
    Ok(IdentityName { kind: known, name: dns_name(name)? })
}

pub(super) fn dns_name(text: &str) -> Result<String, String> {
    if names::is_dns_subdomain(text) {
        Ok(text.into())
    } else {
        Err("a Kubernetes name has lower-case letters, digits, '-' and '.', and starts and ends with a letter or digit"
            .into())
    }
}

pub(super) fn topology_variable(text: &str) -> Result<TopologyVariable, String> {
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    if path == ["clusterConfig"] {
        return Err("clusterConfig contains more than a reference: write clusterConfig.aws or clusterConfig.eks".into());
    }
    if path.iter().any(String::is_empty) {
        return Err(
            "write the name of the variable, with a path into its value if needed: identityRef or clusterConfig.aws"
                .into(),
        );
    }
    Ok(TopologyVariable(path))
}

/// A duration as kubectl takes it: `90s`, `1m30s`, or seconds without a unit.
pub(super) fn go_duration(text: &str) -> Result<Duration, String> {
    let form = || format!("'{text}' is not a duration: write 30s, 2m or 1m30s; 0 means no limit");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let (mut rest, mut sum) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let number_end = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(form)?;
        let (number, with_unit) = rest.split_at(number_end);
        let number: u32 = number.parse().map_err(|_| form())?;
        let unit_end = with_unit.find(|letter: char| letter.is_ascii_digit()).unwrap_or(with_unit.len());
        let (unit, next) = with_unit.split_at(unit_end);
        sum += match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(form()),
        } * number;
        rest = next;
    }
    if text.is_empty() { Err(form()) } else { Ok(sum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_kubectl() {
        for (text, seconds) in [("0", 0.0), ("7", 7.0), ("90s", 90.0), ("1m30s", 90.0), ("1h", 3600.0), ("250ms", 0.25)]
        {
            assert_eq!(go_duration(text).map(|duration| duration.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in ["", "-1s", "s", "1x", "1m30", "1.5s"] {
            assert!(go_duration(text).is_err(), "{text}");
        }
    }
}
