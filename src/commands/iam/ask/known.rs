//! What flags, manifests and the account map say about the requests of a grant: with it, conditions of existing
//! statements can be decided.

use xaccount::account_map::{Account, CredentialKind};
use xaccount::aws::Principal;
use xaccount::iam::KnownKey;
use xaccount::iam::manifests::RoleUse;

use crate::cli::ContextEntry;

/// Keys that the requests of a node's role, or of a service account's role through IRSA, don't have: CAPA passes no tags
/// (`pkg/cloud/identity/identity.go`), and only the caller of an earlier `AssumeRole` sets tags or a source identity.
/// Source: IAM user guide, "AWS global condition context keys" and "IAM and AWS STS condition context keys".
const NOT_OF_MACHINES: [&str; 5] =
    ["sts:SourceIdentity", "aws:SourceIdentity", "aws:TagKeys", "aws:RequestTag/*", "sts:TransitiveTagKeys"];

/// The values of `--context`.
pub(super) fn of_flags(entries: &[ContextEntry]) -> Vec<KnownKey> {
    let mut all: Vec<KnownKey> = Vec::new();
    for ContextEntry { subject, key, value } in entries {
        let is_same = |known: &&mut KnownKey| known.subject == *subject && known.key.eq_ignore_ascii_case(key);
        match all.iter_mut().find(is_same) {
            Some(known) => known.states.push(value.clone()),
            None => all.push(KnownKey { subject: subject.clone(), key: key.clone(), states: vec![value.clone()] }),
        }
    }
    all
}

/// The flags that specify the same values.
pub(super) fn arguments(known: &[KnownKey]) -> Vec<String> {
    let flags = |known: &KnownKey| -> Vec<String> {
        let subject = known.subject.as_ref().map(|subject| format!("{subject} ")).unwrap_or_default();
        let flag = |state: &Option<String>| {
            format!("--context={subject}{}={}", known.key, state.as_deref().unwrap_or_default())
        };
        known.states.iter().map(flag).collect()
    };
    known.iter().flat_map(flags).collect()
}

/// One value of a key.
pub(super) fn one(key: &str, value: &str) -> KnownKey {
    KnownKey { subject: None, key: key.to_owned(), states: vec![Some(value.to_owned())] }
}

/// The external id that CAPA sends for a role, according to the identities or else to the map; `None` if unknown.
pub(super) fn external_id(subject: Option<&str>, uses: &[&RoleUse<'_>], entry: Option<&Account>) -> Option<KnownKey> {
    let text = |id: &xaccount::aws::ExternalId| id.as_str().to_owned();
    let mut states: Vec<Option<String>> = uses.iter().map(|one| one.external_id.as_ref().map(text)).collect();
    if uses.is_empty() {
        states.push(entry?.external_id.as_ref().map(|id| text(&id.value)));
    }
    Some(key(subject, "sts:ExternalId", states))
}

/// The name that CAPA gives to its session in a role; `None` if it is unknown or each session has another.
pub(super) fn session_name(subject: Option<&str>, uses: &[&RoleUse<'_>], entry: Option<&Account>) -> Option<KnownKey> {
    let states = match uses {
        [] => vec![Some(entry?.session_name.as_ref()?.value.as_str().to_owned())],
        uses => uses.iter().map(|one| one.session_name.clone().map(Some)).collect::<Option<_>>()?,
    };
    Some(key(subject, "sts:RoleSessionName", states))
}

fn key(subject: Option<&str>, key: &str, mut states: Vec<Option<String>>) -> KnownKey {
    states.sort_unstable();
    states.dedup();
    KnownKey { subject: subject.map(str::to_owned), key: key.to_owned(), states }
}

/// What is certain about the requests of the CAPA pod, by what it runs as. `tags`: its sessions have tags, according to
/// a flag.
pub(super) fn of_credentials(subject: Option<&Principal>, kind: Option<CredentialKind>, tags: bool) -> Vec<KnownKey> {
    if tags || !matches!(kind, Some(CredentialKind::InstanceProfile | CredentialKind::Irsa)) {
        return Vec::new();
    }
    let subject = subject.map(Principal::as_str);
    let mut known: Vec<KnownKey> = NOT_OF_MACHINES.iter().map(|name| key(subject, name, vec![None])).collect();
    // No machine uses MFA: the key is false or absent.
    known.push(key(subject, "aws:MultiFactorAuthPresent", vec![None, Some("false".to_owned())]));
    known
}
