//! ClusterClasses, with the templates that they reference and the clusters that use them.

use std::collections::HashMap;

use super::inventory::Inventory;
use super::object_id::{KnownId, ObjectId};
use super::owners::{Fit, fit, namespaces, slice};
use super::resource::Resource;
use crate::capa::ObjectKind;
use crate::diag::FileId;

/// A ClusterClass.
pub(crate) struct Class<'r> {
    pub(crate) found: &'r Resource,
    /// Its templates in the inventory.
    pub(crate) templates: Vec<ObjectId>,
    /// The topology Clusters that use it.
    pub(crate) clusters: Vec<&'r Resource>,
}

impl Inventory {
    /// The ClusterClasses of the inventory and the other files, each with its templates and the topology Clusters that
    /// use it. If several templates or classes have the same name, the nearest one counts.
    pub(crate) fn classes(&self) -> Vec<Class<'_>> {
        let mut classes: HashMap<KnownId, Class<'_>> = HashMap::new();
        for &index in &self.owners.classes {
            let found = self.all.at(index);
            let ObjectKind::Class(refers_to) = &found.object.object_kind else { continue };
            let templates = refers_to.iter().flat_map(|to| {
                let key = (to.kind.as_str(), to.name.as_str());
                let named = slice(&self.owners.templates, |&template| self.all.title_key(template).cmp(&key));
                self.nearest(named, found.origin.file, |template| {
                    fit(&found.object, to, &template.object, self.specified_namespace())
                })
            });
            let templates = templates.filter_map(|template| template.own(self.all.own.len())).collect();
            classes.insert(index, Class { found, templates, clusters: Vec::new() });
        }
        for (_, found) in self.all.all() {
            let ObjectKind::Cluster { class: Some(class), .. } = &found.object.object_kind else { continue };
            let named = slice(&self.owners.classes, |&one| self.all.title_key(one).1.cmp(class.name.as_str()));
            let namespace = class.namespace.as_deref().or(found.object.own_namespace());
            let fits = |one: &Resource| namespaces(namespace, one.object.own_namespace(), self.specified_namespace());
            for used in self.nearest(named, found.origin.file, fits) {
                classes.entry(used).and_modify(|class| class.clusters.push(found));
            }
        }
        self.owners.classes.iter().filter_map(|index| classes.remove(index)).collect()
    }

    /// Among objects with one name, sorted by directory and file, those that fit and are nearest to a file; and those
    /// that fit except for a missing namespace and are at most as far away.
    fn nearest(&self, named: &[KnownId], from: FileId, fits: impl Fn(&Resource) -> Option<Fit>) -> Vec<KnownId> {
        let place = |&index: &KnownId| self.owners.place(Some(self.all.at(index).origin.file));
        let own = self.owners.place(Some(from));
        let directory = own.0.map_or(&[] as &[KnownId], |_| slice(named, |index| place(index).0.cmp(&own.0)));
        let tiers = [slice(named, |index| place(index).cmp(&own)), directory, named];
        let fitting = |tier: &[KnownId]| -> Vec<(KnownId, Fit)> {
            tier.iter().filter_map(|&index| Some((index, fits(self.all.at(index))?))).collect()
        };
        let nearest = tiers.into_iter().map(fitting).find(|tier| tier.iter().any(|(_, fit)| *fit == Fit::Exact));
        nearest.unwrap_or_else(|| fitting(named)).into_iter().map(|(index, _)| index).collect()
    }
}
