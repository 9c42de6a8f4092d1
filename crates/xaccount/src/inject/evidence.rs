//! Evidence that a cluster is running, and in which account: Git's HEAD and a dump of the management cluster.

use std::collections::{BTreeSet, HashMap};

use super::identity_account::IdentityAccount;
use super::moves::{KnownAccounts, MoveFrom};
use crate::aws::{AccountId, Partition, RoleArn, RoleText};
use crate::capa::{
    CONTROLLER_IDENTITY, DecidedBy, IdentityKind, IdentityReference, Object, ObjectKind, ROLE_IDENTITY, State,
};
use crate::diag::FileId;
use crate::inventory::{Inventory, ObjectId, Resource};

/// Objects as Git's HEAD or a dump has them.
#[derive(Debug)]
pub struct ObservedObjects {
    pub(super) inventory: Inventory,
    /// Files that can't be read completely.
    pub(super) unreadable: BTreeSet<FileId>,
    /// Whether an object must be in the same file.
    by_file: bool,
    index: HashMap<ObjectKey, Vec<ObjectId>>,
}

/// File, group, kind, namespace and name.
type ObjectKey = (Option<FileId>, String, String, String, String);

/// What is known about the objects of a run besides their manifests.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The files as Git's HEAD has them.
    pub head: Option<ObservedObjects>,
    /// A dump of the management cluster.
    pub live: Option<ObservedObjects>,
}

impl ObservedObjects {
    /// The files of a run as Git's HEAD has them, with the same ids; `unreadable` are those that can't be read
    /// completely.
    pub fn head(inventory: Inventory, unreadable: BTreeSet<FileId>) -> Self {
        Self::new(inventory, unreadable, true)
    }

    /// The objects in a dump of the management cluster.
    pub fn live(inventory: Inventory) -> Self {
        Self::new(inventory, BTreeSet::new(), false)
    }

    fn new(inventory: Inventory, unreadable: BTreeSet<FileId>, by_file: bool) -> Self {
        let mut index: HashMap<ObjectKey, Vec<ObjectId>> = HashMap::new();
        for (at, found) in inventory.entries() {
            if matches!(
                found.object.object_kind,
                ObjectKind::Referencing { .. } | ObjectKind::Cluster { .. } | ObjectKind::Refused(..)
            ) {
                for key in keys(found, &inventory, by_file) {
                    index.entry(key).or_default().push(at);
                }
            }
        }
        Self { inventory, unreadable, by_file, index }
    }

    /// All occurrences of an object of a run.
    pub(super) fn find(&self, run: &Inventory, found: &Resource) -> Vec<&Resource> {
        let keys = keys(found, run, self.by_file);
        let existing = keys.iter().filter_map(|key| self.index.get(key)).flatten();
        existing.map(|&at| &self.inventory[at]).collect()
    }

    /// The accounts that an object's references name; `words` turns the text of a reference into a line.
    pub(super) fn sightings(
        &self,
        found: &Resource,
        known: &KnownAccounts,
        words: impl Fn(&str) -> String,
    ) -> Vec<Sighting> {
        let sighting = |place, text: &str, template| Sighting { place, template, words: words(text) };
        let of_reference = |reference: &IdentityReference| {
            let (place, text) = self.place_of(reference, known);
            sighting(place, &text, self.template_of(reference))
        };
        let mut sightings: Vec<Sighting> = found.object.references().map(of_reference).collect();
        if matches!(found.object.object_kind, ObjectKind::Refused(..)) {
            sightings.push(sighting(ClusterAccount::Unknown, "an invalid apiVersion or kind", None));
        }
        if sightings.is_empty() {
            sightings.push(sighting(ClusterAccount::Source, "no identityRef", None));
        }
        sightings
    }

    fn place_of(&self, reference: &IdentityReference, known: &KnownAccounts) -> (ClusterAccount, String) {
        match reference.class.as_deref().map(|decision| &decision.by) {
            Some(DecidedBy::Unknown(_)) if !reference.is_in_variable() => {
                (ClusterAccount::Unknown, "an identityRef that its class decides".to_owned())
            }
            _ => self.place(&reference.state, known),
        }
    }

    /// The role ARN of the identity that a reference names, if it has a placeholder.
    fn template_of(&self, reference: &IdentityReference) -> Option<String> {
        let name = reference.state.role_identity()?;
        let mut arns = self.inventory.identities(IdentityKind::Role, name).iter().map(|&at| &self.inventory[at].object);
        let arn = arns.next()?.role_arn().filter(|arn| arns.all(|other| other.role_arn() == Some(arn)))?;
        matches!(arn.parse(), Ok(RoleText::Template(_))).then(|| arn.to_owned())
    }

    fn place(&self, state: &State, known: &KnownAccounts) -> (ClusterAccount, String) {
        let reference = match state {
            State::Unset => return (ClusterAccount::Source, "no identityRef".to_owned()),
            State::Set(reference) => reference,
            State::Wrong(_) | State::Variable(_) | State::Twice(_) => {
                return (ClusterAccount::Unknown, "an identityRef that can't be read".to_owned());
            }
        };
        let (kind, name) = (reference.kind.any_text(), reference.name.any_text());
        let words = format!("{}/{}", kind.unwrap_or("(no kind)"), name.unwrap_or("(no name)"));
        let place = match (kind, name) {
            (None | Some(""), None | Some("" | "default")) if reference.kind.is_unset() => ClusterAccount::Source,
            (Some(CONTROLLER_IDENTITY), _) => ClusterAccount::Source,
            (Some(ROLE_IDENTITY), Some(name)) => self.place_of_role(name, known),
            _ => ClusterAccount::Unknown,
        };
        (place, words)
    }

    fn place_of_role(&self, name: &str, known: &KnownAccounts) -> ClusterAccount {
        let identities = self.inventory.identities(IdentityKind::Role, name);
        let arns: BTreeSet<&str> = identities.iter().filter_map(|&at| self.inventory[at].object.role_arn()).collect();
        match (arns.len(), arns.first().and_then(|arn| arn.parse::<RoleArn>().ok())) {
            (1, Some(arn)) => ClusterAccount::Account(arn.account().clone(), Some(arn.partition())),
            (0, _) => {
                known.by_name(name).map_or(ClusterAccount::Unknown, |account| ClusterAccount::Account(account, None))
            }
            _ => ClusterAccount::Unknown,
        }
    }
}

fn group(object: &Object) -> &str {
    object.api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The keys of an object: in a file, by the namespace in its manifest; else by those that it is applied to.
fn keys(found: &Resource, inventory: &Inventory, by_file: bool) -> Vec<ObjectKey> {
    let object = &found.object;
    let namespaces = match by_file {
        true => vec![object.written_namespace().unwrap_or(inventory.default_namespace())],
        false => inventory.namespaces_of(found),
    };
    let name = object.name.clone().unwrap_or_default();
    let file = by_file.then_some(found.origin.file);
    let key = |namespace: &str| (file, group(object).into(), object.kind.clone(), namespace.into(), name.clone());
    namespaces.into_iter().map(key).collect()
}

/// The account that a cluster is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ClusterAccount {
    Source,
    /// An account id, and the partition if it is known.
    Account(AccountId, Option<Partition>),
    Unknown,
}

impl ClusterAccount {
    pub(super) fn of(identity_account: &IdentityAccount, to: &RoleText) -> Self {
        match identity_account {
            IdentityAccount::Account(account) if Some(account) == to.account() => {
                Self::Account(account.clone(), to.partition())
            }
            IdentityAccount::Account(account) => Self::Account(account.clone(), None),
            IdentityAccount::OtherPartition(arn) => Self::Account(arn.account().clone(), Some(arn.partition())),
            IdentityAccount::Management => Self::Source,
            IdentityAccount::Unreadable(_) | IdentityAccount::Unknown => Self::Unknown,
        }
    }

    fn is(&self, to: &RoleText) -> bool {
        match self {
            Self::Account(account, partition) => {
                Some(account) == to.account() && partition.is_none_or(|partition| Some(partition) == to.partition())
            }
            Self::Source | Self::Unknown => false,
        }
    }

    pub(super) fn from(&self) -> MoveFrom {
        match self {
            Self::Source => MoveFrom::Source,
            Self::Account(account, _) => MoveFrom::Account(account.clone()),
            Self::Unknown => MoveFrom::Unknown,
        }
    }

    pub(super) fn shown(&self, known: &KnownAccounts) -> String {
        match self {
            Self::Source => "the source account".to_owned(),
            Self::Account(account, _) => format!("account {}", known.shown(account)),
            Self::Unknown => "an unknown account".to_owned(),
        }
    }
}

/// One piece of evidence for a cluster, and the account that it shows.
pub(super) struct Sighting {
    pub(super) place: ClusterAccount,
    /// The role ARN that it shows, if that has a placeholder, so that it shows no account.
    pub(super) template: Option<String>,
    /// The text for a label or a help line: `Git's HEAD has it with no identityRef`.
    pub(super) words: String,
}

impl Sighting {
    /// Whether it shows the account of a role. The account of a role ARN with a placeholder is that of the same text.
    pub(super) fn is(&self, to: &RoleText) -> bool {
        match to {
            RoleText::Arn(_) => self.place.is(to),
            RoleText::Template(_) => self.template.as_deref() == Some(to.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Builds, File, Places, Scan, scan};
    use crate::kustomize::kustomization;

    /// HEAD has the manifest, and the dump has what is applied from it.
    #[test]
    fn a_cluster_that_a_kustomization_moves_is_found() {
        let read = |namespace: &str| {
            let text = format!(
                "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: heron{namespace}}}\n"
            );
            let needles = crate::capa::needles();
            let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
            let objects = scan(FileId(0), text.as_bytes(), &options).unwrap().objects;
            let file =
                File { name: "heron.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false };
            Inventory::new(vec![file], objects)
        };
        let one = kustomization(None, "k", "kustomization.yaml", b"namespace: dev\nresources: [heron.yaml]\n").unwrap();
        let places = Places {
            files: vec![vec!["heron.yaml".into()]],
            unreadable: Vec::new(),
            read: &|_| None,
            link: &|_| None,
            root: &|_| None,
        };
        let (run, _) = Builds::new(vec![one], &read(""), places).place(read(""), |_| false);
        let found = &run.objects()[0];
        assert_eq!(run.namespace_of(found), "dev");
        assert_eq!(ObservedObjects::head(read(""), BTreeSet::new()).find(&run, found).len(), 1);
        assert_eq!(ObservedObjects::live(read(", namespace: dev")).find(&run, found).len(), 1);
        assert!(ObservedObjects::live(read("")).find(&run, found).is_empty());
    }
}
