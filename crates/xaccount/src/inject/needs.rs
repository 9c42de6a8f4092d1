//! What of other files decides which account an object belongs to.

use super::mapped::{Mapped, is_template};
use crate::account_map::{Assigned, Cluster};
use crate::inventory::{Inventory, ObjectId, Resource};
use crate::plan::{Selection, referencing};

/// Objects whose account hangs on files that may not be of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Those whose Cluster is in another file, if anywhere, and of which its name decides something.
    pub owners: Vec<ObjectId>,
    /// Templates that are pointed at an account: which clusters they serve.
    pub templates: Vec<ObjectId>,
}

impl Needs {
    /// Whether the run holds all that counts.
    pub fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.templates.is_empty()
    }
}

/// What a run needs to know of other files.
pub fn needs(inventory: &Inventory, selection: &Selection, mapped: Option<&Mapped<'_>>) -> Needs {
    let mut needs = Needs::default();
    for index in referencing(inventory) {
        let found = &inventory[index];
        if is_template(found) {
            if mapped
                .is_some_and(|mapped| selection.may_mean(inventory, found) && has_account(inventory, found, mapped))
            {
                needs.templates.push(index);
            }
        } else if inventory.lacks_owner(found) && selection.may_mean(inventory, found) {
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
    let cluster = Cluster { name, namespace: Some(inventory.namespace_of(template)), place: &place, template: true };
    matches!(mapped.map.assign(&cluster), Assigned::To(..))
}

fn depends_on_name(inventory: &Inventory, found: &Resource, mapped: &Mapped<'_>) -> bool {
    let place = (mapped.file)(found.origin.file);
    let cluster =
        Cluster { name: None, namespace: Some(inventory.namespace_of(found)), place: &place, template: false };
    mapped.map.depends_on_name(&cluster)
}
