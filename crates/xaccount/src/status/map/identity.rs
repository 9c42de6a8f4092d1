//! The fields of an account that describe its identity.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map as Object, Value, json};

use super::super::{Status, role_identities};
use crate::aws::{DurationSeconds, ExternalId, Partition, RoleArn, SessionName};
use crate::capa::{
    CONTROLLER_IDENTITY, DEFAULT_ROLE_NAME, Form, Namespaces, ObjectKind, ROLE_IDENTITY, RoleIdentity, State,
    referenced_kind,
};
use crate::inventory::Provenance;
use crate::kubernetes::names::{is_dns_label, is_dns_subdomain, is_label_value, is_qualified_name};

/// The fields for a role that is not the default role of its account.
pub(super) fn role_fields(role: &RoleArn) -> Object<String, Value> {
    let mut fields = Object::new();
    if role.path() != "/" {
        fields.insert("roleARN".into(), json!(role.as_str()));
        return fields;
    }
    if role.name() != DEFAULT_ROLE_NAME {
        fields.insert("roleName".into(), json!(role.name()));
    }
    if role.partition() != Partition::Aws {
        fields.insert("partition".into(), json!(role.partition().id()));
    }
    fields
}

const ALLOWED: &str = "allowedNamespaces";

/// The annotation with a copy of the object, which kubectl writes.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A role identity of the manifests.
struct MapIdentity<'s> {
    name: &'s str,
    identity: &'s RoleIdentity,
    labels: Vec<(&'s str, &'s str)>,
    /// The namespaces of the clusters whose chains have it.
    served: BTreeSet<&'s str>,
}

/// The role identities of the manifests, by role.
pub(super) struct Identities<'s>(BTreeMap<RoleArn, Vec<MapIdentity<'s>>>);

impl<'s> Identities<'s> {
    pub(super) fn of<O: Provenance>(status: &'s Status<'_, O>) -> Self {
        let mut served: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in &status.rows {
            for hop in row.verdict.chain.iter().filter(|hop| hop.kind == ROLE_IDENTITY) {
                served.entry(hop.name).or_default().insert(&row.namespace);
            }
        }
        let mut all: BTreeMap<RoleArn, Vec<MapIdentity<'s>>> = BTreeMap::new();
        for (index, name, role) in role_identities(status.inventory) {
            let object = &status.inventory[index].object;
            let ObjectKind::Identity(identity, _) = &object.object_kind else { continue };
            let labels = object.labels.iter().collect();
            let served = served.get(name).cloned().unwrap_or_default();
            all.entry(role).or_default().push(MapIdentity { name, identity, labels, served });
        }
        Self(all)
    }

    /// The fields that all identities of a role share, as far as a map can express them.
    pub(super) fn fields(&self, role: &RoleArn, not_expressed: &mut Vec<String>) -> Object<String, Value> {
        let mut fields = Object::new();
        // What no cluster uses does not decide.
        let of_role = self.0.get(role).map_or(&[][..], Vec::as_slice);
        let used: Vec<&MapIdentity<'_>> = of_role.iter().filter(|one| one.is_used()).collect();
        let Some((first, rest)) = used.split_first() else { return fields };
        let is_default = first.name == crate::plan::default_identity_name(role);
        if rest.is_empty() && !is_default && is_dns_subdomain(first.name) {
            fields.insert("identityName".into(), json!(first.name));
        }
        let mut differing = BTreeSet::new();
        for (key, value) in used.iter().flat_map(|one| specified(one.identity)) {
            match used.iter().all(|other| specified(other.identity).contains(&(key, value.clone()))) {
                true => drop(fields.insert(key.into(), value)),
                false => drop(differing.insert(key)),
            }
        }
        let names = || used.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
        not_expressed.extend(
            differing
                .into_iter()
                .map(|key| format!("the map has no {key} for {role}: the identities {} differ in it", names())),
        );
        for one in &used {
            let fields = [
                ("inlinePolicy", !one.identity.inline_policy.is_unset()),
                ("policyARNs", !one.identity.policy_arns.is_unset()),
            ];
            not_expressed.extend(
                fields
                    .into_iter()
                    .filter(|(_, is_set)| *is_set)
                    .map(|(field, _)| format!("a map can't contain the {field} of {ROLE_IDENTITY}/{}", one.name)),
            );
        }
        let serves = |one: &MapIdentity<'_>| one.lists().is_some_and(|list| one.served.is_subset(&list));
        let is_served = match rest.is_empty() {
            true => first.lists().is_some_and(|list| list == first.served),
            // Each identity has a list of its own.
            false => used.iter().all(|one| serves(one)),
        };
        if is_served {
            return fields;
        }
        let same = |one: &MapIdentity<'_>| allowed(one.identity) == allowed(first.identity);
        match allowed(first.identity).filter(|_| rest.iter().all(|one| same(one))) {
            Some(value) => {
                fields.insert(ALLOWED.into(), value);
            }
            None => {
                not_expressed.extend(used.iter().map(|one| {
                    format!("the map does not contain the allowedNamespaces of {ROLE_IDENTITY}/{}", one.name)
                }))
            }
        }
        fields
    }

    /// The roles of the identities that are the source of those of `referenced` roles, directly or through others, and not
    /// among `referenced` themselves, in the order of their ARNs.
    pub(super) fn sources(&self, referenced: &BTreeSet<&RoleArn>) -> Vec<RoleArn> {
        let mut open: Vec<&str> = Vec::new();
        let used = |role: &RoleArn| self.0.get(role).into_iter().flatten().filter(|one| one.is_used());
        referenced.iter().for_each(|role| open.extend(used(role).filter_map(MapIdentity::source)));
        let (mut seen, mut sources) = (BTreeSet::new(), BTreeSet::new());
        while let Some(name) = open.pop().filter(|name| seen.insert(*name)) {
            for (role, all) in self.0.iter().filter(|(_, all)| all.iter().any(|one| one.name == name)) {
                open.extend(all.iter().filter(|one| one.name == name).filter_map(MapIdentity::source));
                if !referenced.contains(role) {
                    sources.insert(role.clone());
                }
            }
        }
        sources.into_iter().collect()
    }

    /// The annotations and labels that all used identities share: `identityAnnotations` and `identityLabels`.
    pub(super) fn metadata(&self) -> Vec<(&'static str, Object<String, Value>)> {
        let used: Vec<&MapIdentity<'_>> = self.0.values().flatten().filter(|one| one.is_used()).collect();
        let Some((first, rest)) = used.split_first() else { return Vec::new() };
        let annotations = first.identity.annotations.iter().filter(|one| {
            one.0 != LAST_APPLIED
                && is_qualified_name(&one.0)
                && rest.iter().all(|other| other.identity.annotations.contains(one))
        });
        let annotations: Object<String, Value> = annotations.map(|(key, value)| (key.clone(), json!(value))).collect();
        let labels = first.labels.iter().filter(|one| {
            is_qualified_name(one.0) && is_label_value(one.1) && rest.iter().all(|other| other.labels.contains(one))
        });
        let labels: Object<String, Value> = labels.map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        let all = [("identityAnnotations", annotations), ("identityLabels", labels)];
        all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
    }
}

impl<'s> MapIdentity<'s> {
    /// Whether it is in the chain of a cluster.
    fn is_used(&self) -> bool {
        !self.served.is_empty()
    }

    /// The role identity that is its source.
    fn source(&self) -> Option<&'s str> {
        self.identity.source.role_identity()
    }

    /// The listed namespaces, if only a list decides.
    fn lists(&self) -> Option<BTreeSet<&str>> {
        match &self.identity.allowed.form {
            Form::Those(Namespaces { list: Some(list), selector }) if selector.is_empty() => {
                Some(list.iter().map(String::as_str).collect())
            }
            _ => None,
        }
    }
}

/// The fields of an identity that a map can express, without its namespaces.
fn specified(identity: &RoleIdentity) -> Vec<(&'static str, Value)> {
    let mut specified = Vec::new();
    let text = identity.external_id.text().filter(|text| text.parse::<ExternalId>().is_ok());
    specified.extend(text.map(|text| ("externalID", json!(text))));
    let text = identity.session_name.text().filter(|text| text.parse::<SessionName>().is_ok());
    specified.extend(text.map(|text| ("sessionName", json!(text))));
    let seconds = identity.duration_seconds.any_text().and_then(|text| text.parse::<DurationSeconds>().ok());
    specified.extend(seconds.map(|seconds| ("durationSeconds", json!(seconds.get()))));
    if let State::Set(to) = &identity.source
        && let (Some(kind), Some(name)) = (to.kind.text(), to.name.text())
        && kind != CONTROLLER_IDENTITY
        && referenced_kind(kind, name).is_ok()
        && is_dns_subdomain(name)
    {
        specified.push(("sourceIdentity", json!({"kind": kind, "name": name})));
    }
    specified
}

/// The namespaces that an identity allows, as a map expresses them.
fn allowed(identity: &RoleIdentity) -> Option<Value> {
    let Form::Those(namespaces) = &identity.allowed.form else { return None };
    if *namespaces == Namespaces::default() {
        return Some(json!("all"));
    }
    let Namespaces { list, selector } = namespaces;
    let plain = |list: &[String]| !list.is_empty() && list.iter().all(|name| is_dns_label(name));
    let label = selector.labels.as_ref().filter(|labels| labels.len() == 1 && selector.to_selector().is_ok());
    match (list, label) {
        (Some(list), None) if selector.is_empty() && plain(list) => Some(json!({"list": list})),
        (None, Some(label)) if selector.expressions.is_none() => Some(json!({"selector": {"matchLabels": label}})),
        _ => None,
    }
}
