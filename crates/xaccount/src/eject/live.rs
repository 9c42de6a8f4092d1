//! What uses the removed identities in the management cluster.

use std::collections::BTreeSet;

use crate::capa::{ObjectKind, ROLE_IDENTITY};
use crate::diag::Diagnostic;
use crate::inventory::{Inventory, Resource};
use crate::plan::{ChangeKind, Outcome};

/// What happens to a cluster in a namespace that was removed from its identity.
pub(super) const DENIED_NAMESPACE: &str =
    "CAPA neither updates nor deletes a cluster whose namespace its identity does not allow";

/// What a plan takes away from the objects that use an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedAccess {
    /// The name of the identity.
    pub identity: String,
    /// The namespaces that may not use it any more; `None` if the identity is removed.
    pub namespaces: Option<BTreeSet<String>>,
}

impl RemovedAccess {
    /// The removed identities of a plan.
    pub fn of(inventory: &Inventory, outcome: &Outcome) -> Vec<Self> {
        let removed = outcome.changes.iter().filter(|change| change.kind == ChangeKind::IdentityRemoved);
        let names = removed.filter_map(|change| inventory[change.object?].object.name.clone());
        names.map(|identity| Self { identity, namespaces: None }).collect()
    }
}

/// An error for each identity that an object in a dump of the management cluster uses, also one that is being deleted:
/// CAPA deletes a cluster's resources with the identity.
pub fn in_use(dump: &Inventory, removed: &[RemovedAccess]) -> Vec<Diagnostic> {
    let is_removed = |name: &str| removed.iter().any(|one| one.identity == name && one.namespaces.is_none());
    let error = |one: &RemovedAccess| {
        let name = one.identity.as_str();
        let users: Vec<&Resource> = match &one.namespaces {
            None => dump.objects().iter().filter(|found| names(found, name) && !is_removed(own_name(found))).collect(),
            Some(namespaces) => {
                let chain = that_lead_to(dump, name);
                let is_there = |found: &&Resource| namespaces.contains(dump.namespace_of(found));
                let uses = |found: &&Resource| !is_identity(found) && chain.iter().any(|name| names(found, name));
                dump.objects().iter().filter(uses).filter(is_there).collect()
            }
        };
        let (first, more) = users.split_first()?;
        let more = match more.len() {
            0 => String::new(),
            1 => ", and so does 1 more object".to_owned(),
            more => format!(", and so do {more} more objects"),
        };
        let user = format!("{} ({}) uses it{more}", first.title(), dump.place(first));
        let (what, why) = match &one.namespaces {
            None => (
                format!("{ROLE_IDENTITY}/{name} can't be removed"),
                "a cluster can't be deleted after its identity (CAPA issue 2371)",
            ),
            Some(_) => (
                format!("namespace {} can't be removed from {ROLE_IDENTITY}/{name}", dump.namespace_of(first)),
                DENIED_NAMESPACE,
            ),
        };
        Some(
            Diagnostic::error(format!("{what}: {user}"))
                .help(why)
                .help("delete these objects in the management cluster, wait until they are gone, and make a new dump"),
        )
    };
    removed.iter().filter_map(error).collect()
}

/// The name of an identity; empty for another object.
fn own_name(found: &Resource) -> &str {
    if is_identity(found) { found.object.name.as_deref().unwrap_or_default() } else { "" }
}

fn is_identity(found: &Resource) -> bool {
    matches!(found.object.object_kind, ObjectKind::Identity(..))
}

/// The names of an identity and of those whose source it is, directly or not.
fn that_lead_to<'d>(dump: &'d Inventory, name: &'d str) -> BTreeSet<&'d str> {
    let mut all = BTreeSet::from([name]);
    let mut next = vec![name];
    while let Some(name) = next.pop() {
        let users = dump.objects().iter().filter(|found| is_identity(found) && names(found, name));
        next.extend(users.map(own_name).filter(|name| all.insert(name)));
    }
    all
}

/// Whether an object references a role identity of this name.
fn names(found: &Resource, name: &str) -> bool {
    found.object.uses().any(|state| state.role_identity() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::FileId;
    use crate::inventory::{File, Scan, scan};

    const DUMP: &str = "\
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {name: a, namespace: dev, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [x]}
spec: {identityRef: {kind: AWSClusterRoleIdentity, name: spoke}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: spoke}
spec: {roleARN: 'arn:aws:iam::222222222222:role/x', sourceIdentityRef: {kind: AWSClusterRoleIdentity, name: hub}}
";

    #[test]
    fn an_object_that_is_being_deleted_still_uses_its_identity() {
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let file =
            File { name: "live.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false };
        let dump = Inventory::new(vec![file], scan(FileId(0), DUMP.as_bytes(), &options).unwrap().objects);
        let one = |identity: &str, namespaces: Option<&str>| RemovedAccess {
            identity: identity.to_owned(),
            namespaces: namespaces.map(|name| BTreeSet::from([name.to_owned()])),
        };
        let errors = |removed: &[RemovedAccess]| -> Vec<String> {
            in_use(&dump, removed).into_iter().map(|error| error.message).collect()
        };
        let cluster = "AWSCluster dev/a (live.yaml:1) uses it";
        let spoke = "AWSClusterRoleIdentity spoke (live.yaml:6) uses it";
        let removed = |name: &str, user: &str| format!("AWSClusterRoleIdentity/{name} can't be removed: {user}");
        assert_eq!(errors(&[one("spoke", None)]), [removed("spoke", cluster)]);
        assert_eq!(errors(&[one("hub", None)]), [removed("hub", spoke)]);
        assert_eq!(errors(&[one("spoke", None), one("hub", None)]), [removed("spoke", cluster)]);
        assert!(errors(&[one("other", None), one("hub", Some("prod"))]).is_empty());
        assert_eq!(
            errors(&[one("hub", Some("dev"))]),
            [format!("namespace dev can't be removed from AWSClusterRoleIdentity/hub: {cluster}")]
        );
        let help = |removed| in_use(&dump, &[removed]).remove(0).help.remove(0);
        assert!(help(one("hub", None)).contains("issue 2371"));
        assert_eq!(help(one("hub", Some("dev"))), DENIED_NAMESPACE);
    }
}
