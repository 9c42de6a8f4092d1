//! Namespaces of `served` identities that no cluster needs any more.

use std::collections::{BTreeSet, HashMap};

use json_patch::jsonptr::{PointerBuf, Token};
use json_patch::{PatchOperation, RemoveOperation};

use super::live::RemovedAccess;
use crate::capa::{ObjectKind, RoleIdentity};
use crate::diag::{Diagnostic, FileId};
use crate::inject::{GeneratedIdentities, NeededIdentity};
use crate::inventory::{Inventory, ObjectId, Resource, UncertainNamespace};
use crate::plan::{Change, ChangeKind, Outcome};
use lossless_yaml::Plan;

/// The namespaces that an identity lists and no cluster needs.
#[derive(Clone, Debug)]
pub struct UnusedNamespaces {
    /// The identity.
    pub identity: ObjectId,
    /// Their indices in the list, and their names.
    pub names: Vec<(usize, String)>,
    /// The names of the identity and of those whose source it is: what uses one of them needs the namespace.
    pub chain: BTreeSet<String>,
}

/// Where the users of identities are, and which of them need their namespaces.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceSearch<'s> {
    /// The file of the identities.
    pub file: FileId,
    /// What `inject` writes with the account map.
    pub generated: &'s GeneratedIdentities,
    /// The identities that clusters need by the map.
    pub needed: &'s [NeededIdentity],
    /// The objects of manifests that the map is not about; their references count, too.
    pub elsewhere: Option<&'s Inventory>,
}

impl UnusedNamespaces {
    /// The operations that remove them, from the last to the first.
    fn operations(&self) -> Vec<PatchOperation> {
        let remove = |(index, _): &(usize, String)| {
            let mut path = PointerBuf::from_tokens(["spec", "allowedNamespaces", "list"]);
            path.push_back(Token::from(*index));
            PatchOperation::Remove(RemoveOperation { path })
        };
        self.names.iter().rev().map(remove).collect()
    }

    /// A plan with nothing but this change, to find out whether it is possible.
    pub fn plan(&self, inventory: &Inventory) -> Plan {
        let change = (inventory[self.identity].origin.at.clone(), self.operations().into());
        Plan { changes: vec![change], ..Plan::default() }
    }

    /// What it takes away.
    pub fn access(&self, inventory: &Inventory) -> RemovedAccess {
        let identity = inventory[self.identity].object.name.clone().unwrap_or_default();
        let namespaces = self.names.iter().map(|(_, name)| name.clone()).collect();
        RemovedAccess { identity, namespaces: Some(namespaces) }
    }

    /// Adds the change to an outcome.
    pub fn add_to(&self, inventory: &Inventory, outcome: &mut Outcome) {
        let origin = &inventory[self.identity].origin;
        let operations = std::sync::Arc::new(self.operations());
        // Items of a list are removed after all changes inside its items.
        let plan = outcome.plans.entry(origin.file).or_default();
        plan.changes.insert(0, (origin.at.clone(), operations.clone()));
        let names: Vec<&str> = self.names.iter().map(|(_, name)| name.as_str()).collect();
        let noun = if names.len() == 1 { "namespace" } else { "namespaces" };
        outcome.changes.push(Change {
            object: Some(self.identity),
            kind: ChangeKind::IdentityChanged,
            operations,
            before: None,
            after: format!("does not allow {noun} {} any more", names.join(", ")),
        });
        outcome.changes.sort_by_key(|change| change.object);
    }
}

/// The unused namespaces of the `served` identities in a file, except those in `skipped`, and warnings about lists that
/// can't be shortened. Which namespaces an object is in must be certain, and a list is never left empty: it would deny all
/// clusters.
pub fn unused_namespaces(
    inventory: &Inventory,
    search: NamespaceSearch<'_>,
    skipped: impl Fn(ObjectId) -> bool,
) -> (Vec<UnusedNamespaces>, Vec<Diagnostic>) {
    let all = IdentityUsers::new(inventory, search);
    let (mut unused, mut warnings) = (Vec::new(), Vec::new());
    for (identity, found) in
        inventory.entries().filter(|(index, found)| found.origin.file == search.file && !skipped(*index))
    {
        let ObjectKind::Identity(fields, _) = &found.object.object_kind else { continue };
        let Some(name) = found.object.name.as_deref().filter(|name| search.generated.is_served(name, fields)) else {
            continue;
        };
        let Some(listed) = listed(fields) else { continue };
        let users = all.of(name);
        let namespaces = match all.namespaces(&users) {
            // Something else names it, or it is kept for another reason.
            Ok(_) if users.objects.is_empty() => continue,
            Ok(namespaces) => namespaces,
            Err(NamespaceDoubt { why, help }) => {
                let warning = kept(inventory, found, &why);
                warnings.push(help.into_iter().fold(warning, Diagnostic::help));
                continue;
            }
        };
        let is_unused = |(_, name): &(usize, String)| !namespaces.contains(name.as_str());
        let names: Vec<(usize, String)> = listed.iter().cloned().enumerate().filter(is_unused).collect();
        match names.len() {
            0 => {}
            all if all == listed.len() => warnings.push(
                kept(inventory, found, "no known cluster is in one of its namespaces, and an empty list denies all")
                    .help("run inject first: it adds the namespaces of the clusters"),
            ),
            _ => {
                let chain = users.chain.iter().map(|&name| name.to_owned()).collect();
                unused.push(UnusedNamespaces { identity, names, chain });
            }
        }
    }
    (unused, warnings)
}

/// The warning about an identity whose namespaces are kept.
pub fn kept(inventory: &Inventory, found: &Resource, why: &str) -> Diagnostic {
    let place = inventory.place(found);
    Diagnostic::warning(format!("{} keeps namespaces in {place}: {why}", found.title()))
}

/// The names in the list of an identity that has nothing but a list of names.
fn listed(identity: &RoleIdentity) -> Option<Vec<String>> {
    let allowed = identity.whole.as_deref()?.pointer("/spec/allowedNamespaces")?.as_object()?;
    let list = allowed.get("list").filter(|_| allowed.len() == 1)?.as_array()?;
    list.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// What uses the identities of an inventory.
struct IdentityUsers<'u> {
    /// The inventory, and the objects elsewhere.
    inventories: Vec<&'u Inventory>,
    /// The objects of the inventory that the map assigns to the account of an identity, by its name.
    assigned: HashMap<&'u str, &'u [ObjectId]>,
    /// The identities whose source is an identity, by its name.
    above: HashMap<&'u str, Vec<&'u str>>,
}

/// What uses an identity.
struct NamespaceUsers<'u> {
    /// The objects, each with the index of its inventory.
    objects: BTreeSet<(usize, ObjectId)>,
    /// The names of the identity and of those whose source it is.
    chain: BTreeSet<&'u str>,
}

/// Why the namespaces of objects are not certain.
struct NamespaceDoubt {
    why: String,
    help: Option<&'static str>,
}

impl<'u> IdentityUsers<'u> {
    fn new(inventory: &'u Inventory, search: NamespaceSearch<'u>) -> Self {
        let inventories: Vec<&Inventory> = [inventory].into_iter().chain(search.elsewhere).collect();
        let assigned = search.needed.iter().map(|one| (one.name.as_str(), one.objects.as_slice())).collect();
        let mut above: HashMap<&str, Vec<&str>> = HashMap::new();
        for one in search.needed {
            if let Some(source) = &one.source {
                above.entry(source).or_default().push(&one.name);
            }
        }
        for found in inventories.iter().flat_map(|one| one.objects()) {
            let ObjectKind::Identity(identity, _) = &found.object.object_kind else { continue };
            if let (Some(source), Some(name)) = (identity.source.role_identity(), &found.object.name) {
                above.entry(source).or_default().push(name);
            }
        }
        Self { inventories, assigned, above }
    }

    /// The objects that reference an identity, those that the map assigns to it, and those of identities whose source it
    /// is: every identity of a chain has to allow a cluster's namespace.
    fn of(&self, name: &'u str) -> NamespaceUsers<'u> {
        let (mut chain, mut next) = (BTreeSet::from([name]), vec![name]);
        let mut objects = BTreeSet::new();
        while let Some(name) = next.pop() {
            for (number, inventory) in self.inventories.iter().enumerate() {
                objects.extend(inventory.named_by(name).iter().map(|&object| (number, object)));
            }
            let assigned = self.assigned.get(name).into_iter().copied().flatten();
            objects.extend(assigned.map(|&object| (0, object)));
            let above = self.above.get(name).into_iter().flatten().copied();
            next.extend(above.filter(|above| chain.insert(above)));
        }
        NamespaceUsers { objects, chain }
    }

    /// The namespaces of what uses an identity.
    fn namespaces(&self, users: &NamespaceUsers<'_>) -> Result<BTreeSet<&'u str>, NamespaceDoubt> {
        let user = |&(number, index): &(usize, ObjectId)| {
            let inventory = self.inventories[number];
            (inventory, &inventory[index])
        };
        let mut all: Vec<(&Inventory, &Resource)> = users.objects.iter().map(user).collect();
        if all.iter().any(|(_, found)| found.is_template()) {
            // A cluster that is made from a template may be in any namespace with a Cluster.
            let objects = self.inventories.iter().flat_map(|one| one.objects().iter().map(move |found| (*one, found)));
            all.extend(objects.filter(|(_, one)| matches!(one.object.object_kind, ObjectKind::Cluster { .. })));
        }
        let mut namespaces = BTreeSet::new();
        for (inventory, found) in all {
            let doubt = |what: &str| format!("{} ({}) {what}", found.title(), inventory.place(found));
            match inventory.uncertain_namespace(found) {
                None => namespaces.extend(inventory.namespaces_of(found)),
                Some(UncertainNamespace::Missing) => {
                    let help = Some("pass --default-namespace NS");
                    return Err(NamespaceDoubt { why: doubt("sets no namespace"), help });
                }
                Some(UncertainNamespace::Placeholder) => {
                    return Err(NamespaceDoubt { why: doubt("has a placeholder in its namespace"), help: None });
                }
            }
        }
        Ok(namespaces)
    }
}
