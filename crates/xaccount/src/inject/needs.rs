//! Objects whose account depends on files outside the run.

use super::mapped::Mapped;
use crate::account_map::{Assigned, Cluster};
use crate::inventory::{Inventory, ObjectId, Resource};
use crate::plan::{Selection, referencing};

/// Objects whose account depends on files that may not be in the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Objects whose Cluster is not in the run, although its name decides whether they are selected or which account
    /// they get.
    pub owners: Vec<ObjectId>,
    /// Templates that are pointed at an account: the clusters that use them must be known.
    pub templates: Vec<ObjectId>,
    /// Topology Clusters and templates whose class is not in the run: its patches may decide their reference.
    pub of_classes: Vec<ObjectId>,
}

impl Needs {
    /// Whether no other file is needed.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.templates.is_empty() && self.of_classes.is_empty()
    }
}

/// The objects of a run that depend on other files.
pub fn needs(inventory: &Inventory, selection: &Selection, mapped: Option<&Mapped<'_>>) -> Needs {
    let of_classes = inventory.without_class().filter(|&index| selection.may_select(inventory, &inventory[index]));
    let mut needs = Needs { of_classes: of_classes.collect(), ..Needs::default() };
    for index in referencing(inventory) {
        let found = &inventory[index];
        if found.is_template() {
            if mapped
                .is_some_and(|mapped| selection.may_select(inventory, found) && has_account(inventory, found, mapped))
            {
                needs.templates.push(index);
            }
        } else if inventory.lacks_owner(found) && selection.may_select(inventory, found) {
            let decides = || mapped.is_some_and(|mapped| depends_on_name(inventory, found, mapped));
            if !selection.cluster_names.is_empty() || decides() {
                needs.owners.push(index);
            }
        }
    }
    needs
}

fn has_account(inventory: &Inventory, template: &Resource, mapped: &Mapped<'_>) -> bool {
    let place = (mapped.file)(template.origin.file);
    let name = template.object.name.as_deref();
    inventory.namespaces_of(template).into_iter().any(|namespace| {
        let cluster = Cluster { name, namespace, place: &place, template: true };
        matches!(mapped.map.assign(&cluster), Assigned::To(..))
    })
}

fn depends_on_name(inventory: &Inventory, found: &Resource, mapped: &Mapped<'_>) -> bool {
    let place = (mapped.file)(found.origin.file);
    inventory.namespaces_of(found).into_iter().any(|namespace| {
        let cluster = Cluster { name: None, namespace, place: &place, template: false };
        mapped.map.depends_on_name(&cluster)
    })
}
