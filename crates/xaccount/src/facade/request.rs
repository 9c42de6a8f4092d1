//! Checks of a request. The command line checks flags when it parses them; a request is checked here.

use crate::account_map::{self, IdentityName};
use crate::aws::{DurationSeconds, ExternalId, SessionName, check_inline_policy};
use crate::capa::IdentityKind;
use crate::diag::{Diagnostic, escape_control};
use crate::inject::{IdentityRequest, InjectRequest};
use crate::kubernetes::names::{is_dns_subdomain, is_label_value, is_qualified_name};
use crate::plan::Selection;
use crate::settings::Setting;

/// All errors in a request.
pub(super) fn wrong(request: &InjectRequest) -> Vec<Diagnostic> {
    let mut wrong: Vec<Diagnostic> = wrong_selection(&request.selection).into_iter().collect();
    if let Some(name) = request.identity_name.as_ref().map(|name| &name.value).filter(|name| !is_dns_subdomain(name)) {
        wrong.push(not_a_name("the identity", name));
    }
    let is_title =
        |text: &str| text.split_once('/').is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    for orphan in request.orphans.iter().filter(|orphan| !is_title(orphan)) {
        let message = format!("'{}' is not the NAMESPACE/NAME of a cluster", escape_control(orphan));
        wrong.push(Diagnostic::error(message).help("for a cluster without a namespace, use default/NAME"));
    }
    wrong.extend(wrong_identity(&request.identity));
    wrong
}

/// Refuses a selection by index: an index belongs to an inventory, and each verb makes its own.
pub(super) fn wrong_selection(selection: &Selection) -> Option<Diagnostic> {
    let message = "objects can't be selected by index: each verb makes a new inventory";
    selection.only.as_ref().map(|_| Diagnostic::error(message).help("select by name, label or namespace"))
}

/// Refuses an account map among the files: it assigns clusters to accounts, and a request can't override it.
pub(super) fn no_account_map<'n>(mut names: impl Iterator<Item = &'n str>) -> Option<Diagnostic> {
    let is_map = |name: &&str| name.rsplit_once('/').map_or(*name, |(_, name)| name) == account_map::FILE_NAME;
    let map = names.find(is_map)?;
    let message = format!("{} is an account map, which is not supported here", escape_control(map));
    let help = "omit the file if the request specifies the same; inject::propose_mapped takes a map";
    Some(Diagnostic::error(message).help(help))
}

fn wrong_identity(identity: &IdentityRequest) -> Vec<Diagnostic> {
    let mut wrong: Vec<Diagnostic> = Vec::new();
    match identity.source.as_ref().map(|source| &source.value) {
        Some(IdentityName { kind: IdentityKind::Controller, name }) if name != "default" => {
            wrong.push(Diagnostic::error("CAPA only supports one AWSClusterControllerIdentity, named default"));
        }
        Some(IdentityName { name, .. }) if !is_dns_subdomain(name) => {
            wrong.push(not_a_name("the source identity", name));
        }
        _ => {}
    }
    if let Some(Setting { value: allowed, .. }) = &identity.allowed_namespaces {
        // Its text is what the flag takes, so the flag's check applies.
        if allowed.to_string().parse().as_ref() != Ok(allowed) {
            let text = allowed.to_string();
            wrong.push(Diagnostic::error(format!("'{}' does not specify namespaces", escape_control(&text))));
        }
    }
    let texts = [
        identity.session_name.as_ref().and_then(|text| text.value.parse::<SessionName>().err()),
        identity.external_id.as_ref().and_then(|text| text.value.parse::<ExternalId>().err()),
    ];
    wrong.extend(texts.into_iter().flatten().map(|error| Diagnostic::error(error.to_string())));
    let duration = identity.duration_seconds.as_ref();
    let duration = duration.and_then(|seconds| DurationSeconds::try_from(i64::from(seconds.value)).err());
    wrong.extend(duration.map(|error| Diagnostic::error(error.to_string())));
    let policy = identity.inline_policy.as_ref().and_then(|policy| check_inline_policy(policy).err());
    wrong.extend(policy.map(|error| Diagnostic::error(error.to_string())));
    for (what, all) in [("an annotation", &identity.annotations), ("a label", &identity.labels)] {
        let keys = all.iter().map(|one| &one.value.0);
        for key in keys.filter(|key| !is_qualified_name(key)) {
            let message = format!("'{}' is not {what} key", escape_control(key));
            wrong.push(Diagnostic::error(message).help("write example.com/name"));
        }
    }
    let values = identity.labels.iter().map(|one| &one.value.1);
    for value in values.filter(|value| !is_label_value(value)) {
        wrong.push(Diagnostic::error(format!("'{}' is not a label value", escape_control(value))));
    }
    wrong
}

fn not_a_name(what: &str, name: &str) -> Diagnostic {
    let help =
        "a Kubernetes name has lower-case letters, digits, '-' and '.', and begins and ends with a letter or digit";
    Diagnostic::error(format!("'{}' can't be the name of {what}", escape_control(name))).help(help)
}
