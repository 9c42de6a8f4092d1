//! ClusterClasses, with the templates that they reference and the clusters that use them.

use std::collections::{HashMap, HashSet};

use super::inventory::Inventory;
use super::object_id::{KnownId, ObjectId};
use super::origin::Provenance;
use super::owners::{Fit, fit, namespaces, slice};
use super::resource::Resource;
use crate::capa::{ObjectKind, ObjectReference};
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
            let ObjectKind::Class(class) = &found.object.object_kind else { continue };
            let templates = class.templates.iter().flat_map(|to| self.templates_of(found, &to.reference));
            let templates = templates.filter_map(|template| template.own(self.all.own.len())).collect();
            classes.insert(index, Class { found, templates, clusters: Vec::new() });
        }
        for (_, found) in self.all.all() {
            for used in self.classes_of(found) {
                classes.entry(used).and_modify(|class| class.clusters.push(found));
            }
        }
        self.owners.classes.iter().filter_map(|index| classes.remove(index)).collect()
    }

    /// Topology Clusters and templates whose class is not in the inventory. Not Clusters with a `clusterConfig`: that
    /// variable is for classes whose patches are made by a Runtime Extension (CAREN), which can't be followed.
    pub(crate) fn without_class(&self) -> impl Iterator<Item = ObjectId> {
        let used: HashSet<ObjectId> = self.classes().into_iter().flat_map(|class| class.templates).collect();
        let lacks = move |index: ObjectId, found: &Resource| match &found.object.object_kind {
            ObjectKind::Cluster { class: Some(_), topology: Some(topology), .. } => {
                self.classes_of(found).is_empty() && !topology.variables.iter().any(|one| one.name == CLUSTER_CONFIG)
            }
            ObjectKind::Referencing { kind_row, .. } => kind_row.template && !used.contains(&index),
            _ => false,
        };
        self.entries().filter(move |&(index, found)| lacks(index, found)).map(|(index, _)| index)
    }
}

/// The variable of CAREN's classes (nutanix-cloud-native/cluster-api-runtime-extensions-nutanix, `api/v1alpha1`).
const CLUSTER_CONFIG: &str = "clusterConfig";

impl<O: Provenance> Inventory<O> {
    /// The templates that a reference of a class leads to: several only if it is not known which one counts.
    pub(super) fn templates_of(&self, class: &Resource<O>, to: &ObjectReference) -> Vec<KnownId> {
        let key = (to.kind.as_str(), to.name.as_str());
        let named = slice(&self.owners.templates, |&template| self.all.title_key(template).cmp(&key));
        self.nearest(named, class.origin.file(), |template| {
            fit(&class.object, to, &template.object, self.specified_namespace())
        })
    }

    /// The classes of a topology Cluster: several only if it is not known which one counts.
    pub(super) fn classes_of(&self, found: &Resource<O>) -> Vec<KnownId> {
        self.classes_near(found, found.origin.file())
    }

    /// The same for an object that is in this file of the inventory, or in none.
    pub(super) fn classes_near(&self, found: &Resource<O>, file: Option<FileId>) -> Vec<KnownId> {
        let ObjectKind::Cluster { class: Some(class), .. } = &found.object.object_kind else { return Vec::new() };
        let named = slice(&self.owners.classes, |&one| self.all.title_key(one).1.cmp(class.name.as_str()));
        let namespace = class.namespace.as_deref().or(found.object.own_namespace());
        let fits = |one: &Resource<O>| namespaces(namespace, one.object.own_namespace(), self.specified_namespace());
        self.nearest(named, file, fits)
    }

    /// Among objects with one name, sorted by directory and file, those that fit and are nearest to a file; and those
    /// that fit except for a missing namespace and are at most as far away.
    fn nearest(
        &self,
        named: &[KnownId],
        from: Option<FileId>,
        fits: impl Fn(&Resource<O>) -> Option<Fit>,
    ) -> Vec<KnownId> {
        let place = |&index: &KnownId| self.owners.place(self.all.at(index).origin.file());
        let own = self.owners.place(from);
        let directory = own.0.map_or(&[] as &[KnownId], |_| slice(named, |index| place(index).0.cmp(&own.0)));
        let tiers = [slice(named, |index| place(index).cmp(&own)), directory, named];
        let fitting = |tier: &[KnownId]| -> Vec<(KnownId, Fit)> {
            tier.iter().filter_map(|&index| Some((index, fits(self.all.at(index))?))).collect()
        };
        let nearest = tiers.into_iter().map(fitting).find(|tier| tier.iter().any(|(_, fit)| *fit == Fit::Exact));
        nearest.unwrap_or_else(|| fitting(named)).into_iter().map(|(index, _)| index).collect()
    }
}
