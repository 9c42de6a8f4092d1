//! Clusters in files that are not inputs, if the account of an object depends on them.

use super::map_file::MapFile;
use xaccount::inject::{self, Mapped};
use xaccount::inventory::{Builds, Inventory};
use xaccount::owner_search::{self, SearchLimits};
use xaccount::plan::Selection;
use xaccount::session::Session;

/// What to do if the map selects by path and the input has no path.
pub(crate) const NO_PATH: &str =
    "a stream has no path: with -f -, set it by --stdin-filename PATH, or pass --no-config";

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
        Some(map) => {
            let place = |span| map.place(span);
            let file = |file| map.file(inputs, file);
            let mapped = Mapped {
                map: &map.map,
                name: map.text().0,
                place: &place,
                file: &file,
                without_path: NO_PATH,
                ways_out: "",
                allow_unmapped: true,
            };
            inject::needs(&inventory, selection, Some(&mapped))
        }
    };
    let home = std::env::home_dir();
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).ok();
    let limits = SearchLimits { home: home.as_deref(), map: map.map(MapFile::directory), here: here.as_deref() };
    owner_search::with_owners(inventory, inputs, &needs, builds, limits)
}
