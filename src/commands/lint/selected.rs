//! The findings that are about selected clusters, or that may be.

use std::collections::{BTreeSet, HashSet};

use xaccount::capa::ObjectKind;
use xaccount::diag::{FileId, Location};
use xaccount::inventory::{ObjectId, Resource};
use xaccount::lint::Finding;
use xaccount::plan::{Selection, cluster_title};
use xaccount::status::Status;

/// The objects that a selection excludes: clusters, and what only excluded clusters use. A finding about anything else is
/// shown, so that a selection never hides an error of a selected cluster.
pub(super) struct Selected {
    /// The places of the excluded objects, sorted; and whether the object is a cluster.
    excluded: Vec<(FileId, usize, usize, bool)>,
    /// The titles of clusters, if none of them is selected.
    none: Option<Vec<String>>,
}

impl Selected {
    pub(super) fn of(status: &Status<'_>, selection: &Selection) -> Self {
        if selection.is_everything() {
            return Self { excluded: Vec::new(), none: None };
        }
        let inventory = status.inventory;
        // A cluster that may be selected is.
        let is_excluded = |object: ObjectId| selection.selects(inventory, object) == Ok(false);
        let can_refer = |found: &Resource| found.object.references().next().is_some();
        let (excluded, included): (Vec<_>, Vec<_>) =
            inventory.entries().filter(|(_, found)| can_refer(found)).partition(|&(object, _)| is_excluded(object));
        let used = |wanted: bool| Used::of(status, |object| is_excluded(object) != wanted);
        let (used, used_by_excluded) = (used(true), used(false));
        let names: HashSet<&str> = included.iter().filter_map(|(_, found)| inventory.cluster_name(found)).collect();
        let clusters: HashSet<ObjectId> = excluded.iter().map(|&(object, _)| object).collect();
        let only_others = |object: ObjectId, found: &Resource| match &found.object.object_kind {
            ObjectKind::Cluster { .. } if !can_refer(found) => {
                found.object.name.as_deref().is_some_and(|name| !names.contains(name))
            }
            _ if clusters.contains(&object) => true,
            _ => !used.has(found) && used_by_excluded.has(found),
        };
        let place = |(object, found): (ObjectId, &Resource)| {
            let window = found.origin.window;
            let is_cluster = clusters.contains(&object);
            only_others(object, found).then_some((found.origin.file, window.start, window.end, is_cluster))
        };
        let mut places: Vec<_> = inventory.entries().filter_map(place).collect();
        places.sort();
        let titles = || {
            let titles = excluded.iter().map(|(_, found)| cluster_title(inventory, found));
            titles.collect::<BTreeSet<_>>().into_iter().collect()
        };
        Self { excluded: places, none: (included.is_empty() && !excluded.is_empty()).then(titles) }
    }

    /// The titles of all clusters, if the selection matches none of them.
    pub(super) fn none(&self) -> Option<&[String]> {
        self.none.as_deref()
    }

    /// Whether a finding is shown.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        let diagnostic = &finding.diagnostic;
        let Some(primary) = &diagnostic.primary else { return true };
        match self.excluded(&primary.at) {
            // It is about another cluster, whatever else it mentions.
            Some(true) => false,
            Some(false) => diagnostic.others.iter().any(|label| self.excluded(&label.at).is_none()),
            None => true,
        }
    }

    /// Whether the excluded object at a place is a cluster; `None` if there is none.
    fn excluded(&self, at: &Location) -> Option<bool> {
        let offset = at.span.start;
        let next = self.excluded.partition_point(|&(file, start, ..)| (file, start) <= (at.file, offset));
        let (file, _, end, is_cluster) = self.excluded[next.checked_sub(1)?];
        (file == at.file && offset < end).then_some(is_cluster)
    }
}

/// The identities of some clusters' chains, by kind and name.
struct Used(HashSet<(String, String)>);

impl Used {
    fn of(status: &Status<'_>, is_one: impl Fn(ObjectId) -> bool) -> Self {
        let rows = status.rows.iter().filter(|row| is_one(row.object));
        let hops = rows.flat_map(|row| row.verdict.chain.iter());
        Self(hops.map(|hop| (hop.kind.to_owned(), hop.name.to_owned())).collect())
    }

    fn has(&self, found: &Resource) -> bool {
        let name = found.object.name.clone().unwrap_or_default();
        self.0.contains(&(found.object.kind.clone(), name))
    }
}
