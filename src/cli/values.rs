//! How the values of flags are read.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

use xaccount::aws::{AccountId, RoleArn};
use xaccount::capa::{DEFAULT_ROLE_NAME, IdentityKind, referenced_kind};
use xaccount::kubernetes::names;

/// A change of account as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedMove {
    pub(crate) from: AskedAccount,
    pub(crate) to: AskedAccount,
}

/// An account as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskedAccount {
    /// `source`
    Source,
    /// `unknown`
    Unknown,
    Id(AccountId),
    /// A name of the account map.
    Name(String),
}

/// A path into a topology's variables.
#[derive(Clone, Debug)]
pub(crate) struct TopologyVariable(pub(crate) Vec<String>);

/// Any path, the empty one too: the error about that is ours.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

pub(super) fn account(text: &str) -> Result<AccountId, String> {
    text.parse::<AccountId>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

pub(super) fn role_arn(text: &str) -> Result<RoleArn, String> {
    text.parse::<RoleArn>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

pub(super) fn glob(text: &str) -> Result<globset::Glob, String> {
    // A text of any length is not said twice.
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
        return Err(format!("this is an ARN and not a name: --role-arn {text}, without --account"));
    }
    Ok(text.into())
}

pub(super) fn with_suggestion(message: String, suggestion: Option<String>) -> String {
    match suggestion {
        Some(right) if !message.contains(&right) => format!("{message}; perhaps {right}"),
        _ => message,
    }
}

/// An account id, or a name of the account map.
pub(super) fn account_or_name(text: &str) -> Result<AskedAccount, String> {
    match text {
        "" => Err("write an account id, or a name from the account map".to_owned()),
        // What looks like an id is one: a name of digits alone would hide a typing error.
        _ if text.bytes().all(|b| b.is_ascii_digit() || b" -_.".contains(&b)) => account(text).map(AskedAccount::Id),
        name => Ok(AskedAccount::Name(name.to_owned())),
    }
}

pub(super) fn account_move(text: &str) -> Result<AskedMove, String> {
    let form = "write FROM=TO: account ids, or names of the account map; FROM may be source or unknown";
    let (from, to) = text.split_once('=').ok_or(form)?;
    let asked = |text: &str| if text.is_empty() { Err(form.to_owned()) } else { account_or_name(text) };
    let from = match from {
        "source" => AskedAccount::Source,
        "unknown" => AskedAccount::Unknown,
        other => asked(other)?,
    };
    match to {
        "source" => Err("no cluster is pointed at the source account: eject removes its reference".to_owned()),
        "unknown" => Err(form.to_owned()),
        to => Ok(AskedMove { from, to: asked(to)? }),
    }
}

pub(super) fn namespaced_name(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(text.into()),
        _ => Err("write NAMESPACE/NAME, exactly; an object without a namespace is in default".into()),
    }
}

pub(super) fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if names::is_qualified_name(key) {
        Ok((key.into(), value.into()))
    } else {
        Err(format!("'{key}' is no annotation key: write example.com/name=value"))
    }
}

pub(super) fn source_identity(text: &str) -> Result<(IdentityKind, String), String> {
    let form = "write KIND/NAME, for example AWSClusterControllerIdentity/default";
    let (kind, name) = text.split_once('/').ok_or(form)?;
    let known = referenced_kind(kind, name).map_err(|problem| {
        let kinds = problem.kinds().map_or_else(String::new, |kinds| format!("; {kinds}"));
        format!("it {problem}{kinds}")
    })?;
    Ok((known, dns_name(name)?))
}

pub(super) fn dns_name(text: &str) -> Result<String, String> {
    if names::is_dns_subdomain(text) {
        Ok(text.into())
    } else {
        Err("a Kubernetes name is lower-case letters, digits, '-' and '.', and begins and ends with a letter or digit"
            .into())
    }
}

pub(super) fn topology_variable(text: &str) -> Result<TopologyVariable, String> {
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    if path == ["clusterConfig"] {
        return Err("clusterConfig holds more than a reference: write clusterConfig.aws or clusterConfig.eks".into());
    }
    if path.iter().any(String::is_empty) {
        return Err(
            "write the variable's name, and perhaps a path into its value: identityRef, or clusterConfig.aws".into()
        );
    }
    Ok(TopologyVariable(path))
}
