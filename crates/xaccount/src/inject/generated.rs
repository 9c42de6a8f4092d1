//! The identities that `inject` generates, to compare existing ones with them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::planner::{Planner, RequiredIdentity};
use super::request::{InjectRequest, Target, identity_name, role_of};
use crate::aws::{AccountId, RoleArn, RoleText};
use crate::capa::{IdentityKind, RoleIdentity, Version};
use crate::inventory::Inventory;
use crate::plan::default_identity_name;
use crate::settings::Setting;

/// What `inject` writes as identities: without flags, and for the accounts of the account map.
#[derive(Clone, Debug, Default)]
pub struct GeneratedIdentities {
    requests: Vec<InjectRequest>,
    /// Indices of requests, by the name of their identity.
    by_name: HashMap<String, Vec<usize>>,
    /// The same, by account.
    by_account: HashMap<AccountId, Vec<usize>>,
    /// Names of identities that are the source of others.
    sources: HashSet<String>,
    /// Names of identities that the map names and does not manage.
    unmanaged: HashSet<String>,
}

impl GeneratedIdentities {
    /// Those of an account map: a request for each of its accounts.
    pub fn of(requests: Vec<InjectRequest>) -> Self {
        let mut all = Self { requests, ..Self::default() };
        for (index, request) in all.requests.iter().enumerate() {
            if let Some(name) = identity_name(request) {
                all.by_name.entry(name).or_default().push(index);
            }
            let role = request.target.as_ref().and_then(|target| role_of(target).ok());
            if let Some(account) = role.as_ref().and_then(RoleText::account) {
                all.by_account.entry(account.clone()).or_default().push(index);
            }
            let source = request.identity.source.as_ref().map(|source| &source.value);
            if let Some(source) = source.filter(|source| source.kind == IdentityKind::Role) {
                all.sources.insert(source.name.clone());
            }
        }
        all
    }

    /// Adds the names of role identities that exist already and that the map does not manage (`identityRef`).
    #[must_use]
    pub fn with_unmanaged(self, unmanaged: impl IntoIterator<Item = String>) -> Self {
        Self { unmanaged: unmanaged.into_iter().collect(), ..self }
    }

    /// Whether the account map names an identity that it does not manage.
    pub fn is_unmanaged(&self, name: &str) -> bool {
        self.unmanaged.contains(name)
    }

    /// Whether the account map names an identity as the source of others.
    pub fn is_source(&self, name: &str) -> bool {
        self.sources.contains(name)
    }

    /// Whether `inject` maintains the namespaces of an identity: `allowedNamespaces: served` in the map.
    pub fn is_served(&self, name: &str, identity: &RoleIdentity) -> bool {
        let Some(role) = role(identity).filter(|_| !self.is_unmanaged(name)) else { return false };
        self.requests(name, &role).iter().any(|request| request.identity.is_served())
    }

    /// Whether everything in an identity is what `inject` writes for its role: without flags under the default name, or
    /// with the map. Fields may be missing, and a list of namespaces that `inject` maintains may have any names.
    pub fn has(&self, name: &str, identity: &RoleIdentity) -> bool {
        let (Some(whole), Some(role)) = (identity.whole.as_deref(), role(identity)) else { return false };
        let plain = InjectRequest::to(Target::Role(Setting::default(role.clone().into())));
        let plain = (default_identity_name(&role) == name).then_some(plain);
        let is_written = |request: &InjectRequest| {
            generated(request, name, &role)
                .is_some_and(|generated| is_part(whole, &generated, request.identity.is_served()))
        };
        plain.iter().chain(self.requests(name, &role)).any(is_written)
    }

    /// The requests of the map whose identity may have this name and role: those of the name, and those of the account
    /// if the name is the default one. After the role of an account was changed in the map, its previous identity is
    /// among the latter.
    fn requests(&self, name: &str, role: &RoleArn) -> Vec<&InjectRequest> {
        let named = self.by_name.get(name).into_iter().flatten();
        let of_account = self.by_account.get(role.account()).filter(|_| default_identity_name(role) == name);
        let all = named.filter(|&&index| may_have(&self.requests[index], role));
        all.chain(of_account.into_iter().flatten()).map(|&index| &self.requests[index]).collect()
    }
}

fn role(identity: &RoleIdentity) -> Option<RoleArn> {
    identity.role_arn.text()?.parse().ok()
}

/// Whether a request is for a role. A partition that is not specified depends on the cluster's region.
fn may_have(request: &InjectRequest, role: &RoleArn) -> bool {
    match &request.target {
        Some(Target::Role(asked)) => asked.value.as_str() == role.as_str(),
        Some(Target::Account { account, role: name, partition }) => {
            account.value == *role.account()
                && name.value.trim_start_matches('/') == role.path_and_name()
                && partition.as_ref().is_none_or(|partition| partition.value == role.partition())
        }
        None => false,
    }
}

/// The identity that a request generates for a role.
fn generated(request: &InjectRequest, name: &str, role: &RoleArn) -> Option<Value> {
    let inventory = Inventory::default();
    let planner = Planner::new(&inventory, request).ok()?;
    let required = RequiredIdentity { name: name.to_owned(), role: role.clone().into(), objects: Vec::new() };
    // An identity has the version of the clusters that use it, so its version is not compared.
    Some(planner.new_identity(&required, Version::V1Beta2))
}

/// Whether an identity has nothing that the generated one does not have. `served`: its list of namespaces may be any.
fn is_part(existing: &Value, generated: &Value, served: bool) -> bool {
    let is_text_list = |value: &Value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
    members(existing).all(|(key, value)| match key.as_str() {
        "apiVersion" => true,
        "metadata" => members(value).all(|(key, value)| match key.as_str() {
            "labels" | "annotations" => {
                members(value).all(|(name, value)| generated["metadata"][key].get(name) == Some(value))
            }
            _ => generated["metadata"].get(key) == Some(value),
        }),
        "spec" => members(value).all(|(key, value)| match key.as_str() {
            "allowedNamespaces" if served => members(value).all(|(key, value)| key == "list" && is_text_list(value)),
            _ => generated["spec"].get(key) == Some(value),
        }),
        _ => generated.get(key) == Some(value),
    })
}

/// The members of a mapping, none for another value.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capa::ObjectKind;
    use crate::diag::FileId;
    use crate::inventory::{Scan, scan};

    const ROLE: &str = "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io";
    const NAME: &str = "cross-account-role-222222222222";

    /// Whether the generated identities have one with this text after `metadata: {name: …`.
    fn has(all: &GeneratedIdentities, name: &str, metadata: &str, spec: &str) -> bool {
        let text = format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: AWSClusterRoleIdentity\nmetadata: {{name: {name}{metadata}}}\n\
             spec: {{roleARN: \"{ROLE}\"{spec}, sourceIdentityRef: {{name: default, kind: AWSClusterControllerIdentity}}}}\n"
        );
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let found = scan(FileId(0), text.as_bytes(), &options).unwrap().objects.remove(0);
        let ObjectKind::Identity(identity, _) = &found.object.object_kind else { panic!("{text}") };
        all.has(name, identity)
    }

    #[test]
    fn only_what_inject_writes_is_generated() {
        let flags = GeneratedIdentities::default();
        let mut request = InjectRequest::to(Target::account("222222222222").unwrap());
        request.identity.external_id = Some(Setting::default("x-1".to_owned()));
        request.identity.allowed_namespaces = Some(Setting::default(crate::account_map::AllowedNamespaces::Served));
        request.identity.annotations = vec![Setting::default(("a".to_owned(), "b".to_owned()))];
        let map = GeneratedIdentities::of(vec![request.clone()]);
        request.identity_name = Some(Setting::default("own".to_owned()));
        let named = GeneratedIdentities::of(vec![request]);
        let served = ", allowedNamespaces: {list: [dev, old]}, externalID: x-1";
        for (all, name, metadata, spec, expected) in [
            (&flags, NAME, "", ", allowedNamespaces: {}", true),
            (&flags, "own", "", ", allowedNamespaces: {}", false),
            (&flags, NAME, "", served, false),
            (&flags, NAME, ", labels: {}", "", true),
            (&flags, NAME, ", labels: {team: a}", "", false),
            (&flags, NAME, "", ", sessionName: mine", false),
            (&map, NAME, "", ", allowedNamespaces: {}", true),
            (&map, NAME, "", served, true),
            (&map, NAME, ", annotations: {a: b}", served, true),
            (&map, NAME, ", annotations: {a: c}", served, false),
            (&map, NAME, ", annotations: {c: b}", served, false),
            (&map, NAME, "", ", allowedNamespaces: {list: [dev], selector: {}}, externalID: x-1", false),
            (&map, NAME, "", ", allowedNamespaces: {list: [dev]}, externalID: other", false),
            (&map, "own", "", served, false),
            (&named, "own", "", served, true),
            // The name that the account had before it got its own.
            (&named, NAME, "", served, true),
        ] {
            assert_eq!(has(all, name, metadata, spec), expected, "{name} {metadata} {spec}");
        }
    }
}
