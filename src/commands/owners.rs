//! Clusters in files that are not inputs, if the account of an object depends on them.

use super::map_file::MapFile;
use xaccount::inject;
use xaccount::inventory::{Builds, Inventory};
use xaccount::owner_search::{self, SearchLimits};
use xaccount::plan::Selection;
use xaccount::session::Session;

/// The inventory, with Clusters of other files if the account of an object depends on them.
pub(crate) fn with_owners(
    inventory: Inventory,
    inputs: &Session,
    selection: &Selection,
    map: Option<&MapFile>,
    builds: &Builds,
    decides: bool,
) -> Inventory {
    let needs = match map.filter(|_| decides) {
        None => inject::needs(&inventory, selection, None),
        Some(map) => map.with_mapped(Some(inputs), true, |mapped| inject::needs(&inventory, selection, Some(mapped))),
    };
    let home = std::env::home_dir();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let limits = SearchLimits { home: home.as_deref(), map: map.map(MapFile::directory), here: here.as_deref() };
    owner_search::with_owners(inventory, inputs, &needs, builds, limits)
}
