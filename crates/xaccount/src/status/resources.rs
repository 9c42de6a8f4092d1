//! In which account a cluster's resources are, compared with the account of its identity.

use std::collections::{BTreeSet, HashMap};

use super::row::{AccountSummary, Row};
use crate::aws::AccountId;
use crate::capa::{AccountEvidence, CLUSTER_NAME, ObjectKind};
use crate::inventory::{Inventory, Provenance};

/// The result of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcesVerdict {
    /// All evidence is of the identity's account.
    Confirmed,
    /// Some is of another account.
    Mismatch,
    /// There is evidence, and the identity's account is not known.
    NotCompared,
    /// No field of the objects shows an account.
    NoEvidence,
}

impl ResourcesVerdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Mismatch => "mismatch",
            Self::NotCompared => "not compared",
            Self::NoEvidence => "without evidence",
        }
    }
}

impl Row {
    /// Compares the evidence with the account of the identity. `source` is the source account, if it is known.
    pub fn resources_verdict(&self, source: Option<&AccountId>) -> ResourcesVerdict {
        let expected = match &self.account {
            AccountSummary::Known(id) => Some(id),
            AccountSummary::Management => source,
            AccountSummary::Static(_) | AccountSummary::NotKnown(_) => None,
        };
        match (self.resource_accounts().len(), expected) {
            (0, _) => ResourcesVerdict::NoEvidence,
            (1, None) => ResourcesVerdict::NotCompared,
            // Resources in two accounts can't both be the identity's.
            (_, None) => ResourcesVerdict::Mismatch,
            (_, Some(expected)) if self.evidence.iter().all(|one| one.account == *expected) => {
                ResourcesVerdict::Confirmed
            }
            (_, Some(_)) => ResourcesVerdict::Mismatch,
        }
    }

    /// The accounts of the evidence.
    pub fn resource_accounts(&self) -> BTreeSet<&AccountId> {
        self.evidence.iter().map(|one| &one.account).collect()
    }
}

/// Adds to each cluster what its objects show: its own, and its machine pools.
pub(super) fn add_evidence<O: Provenance>(inventory: &Inventory<O>, rows: &mut [Row]) {
    let mut of_pools: HashMap<(&str, &str), Vec<&AccountEvidence>> = HashMap::new();
    for found in inventory.objects().iter().filter(|found| found.object.object_kind == ObjectKind::Evidence) {
        let Some(cluster) = found.object.labels.get(CLUSTER_NAME) else { continue };
        let key = (inventory.namespace_of(found), cluster);
        of_pools.entry(key).or_default().extend(found.object.evidence.iter());
    }
    for row in rows.iter_mut().filter(|row| !row.template) {
        let of_pools = of_pools.get(&(row.namespace.as_str(), row.cluster.as_str())).into_iter().flatten().copied();
        for one in inventory[row.object].object.evidence.iter().chain(of_pools) {
            if !row.evidence.contains(one) {
                row.evidence.push(one.clone());
            }
        }
    }
}
