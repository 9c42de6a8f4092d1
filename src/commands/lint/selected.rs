//! The findings about selected clusters.

use std::collections::HashSet;

use xaccount::diag::FileId;
use xaccount::inventory::{Inventory, ObjectId};
use xaccount::lint::Finding;
use xaccount::plan::Selection;
use xaccount::status::{Status, identity_of};

/// The objects that a selection is about: the clusters, and the identities that their credentials come from.
pub(super) struct Selected<'i> {
    inventory: &'i Inventory,
    /// `None` where everything is selected.
    objects: Option<HashSet<ObjectId>>,
}

impl<'i> Selected<'i> {
    pub(super) fn of(status: &Status<'i>, selection: &Selection) -> Self {
        let inventory = status.inventory;
        if selection.is_everything() {
            return Self { inventory, objects: None };
        }
        // A cluster that may be selected is.
        let is_selected = |object: ObjectId| selection.selects(inventory, object).unwrap_or(true);
        let mut objects = HashSet::new();
        for (object, found) in inventory.entries() {
            if found.object.references().next().is_some() && is_selected(object) {
                objects.insert(object);
            }
        }
        for row in status.rows.iter().filter(|row| is_selected(row.object)) {
            objects.insert(row.object);
            objects.extend(row.verdict.chain.iter().filter_map(|hop| identity_of(inventory, &hop)));
        }
        Self { inventory, objects: Some(objects) }
    }

    /// Whether a finding is about one of them, or about something that is not an object: a file, a policy, the map.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        let Some(objects) = &self.objects else { return true };
        let Some(label) = &finding.diagnostic.primary else { return true };
        self.object_at(label.at.file, label.at.span.start).is_none_or(|object| objects.contains(&object))
    }

    fn object_at(&self, file: FileId, offset: usize) -> Option<ObjectId> {
        let is_there = |&(_, found): &(ObjectId, &xaccount::inventory::Resource)| {
            let window = found.origin.window;
            found.origin.file == file && (window.start..window.end).contains(&offset)
        };
        self.inventory.entries().find(is_there).map(|(object, _)| object)
    }
}
