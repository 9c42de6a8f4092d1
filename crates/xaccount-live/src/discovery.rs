//! Which versions of which resources a server has.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use xaccount::capa::LIVE_RESOURCES;

use crate::access::Connection;
use crate::error::LiveError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<ApiResource>,
}

#[derive(Deserialize)]
struct ApiResource {
    name: String,
}

/// The version in which each resource is read, by group and plural.
pub(crate) struct Served(HashMap<(&'static str, String), String>);

impl Served {
    /// Asks for each group of [`LIVE_RESOURCES`] but the core group: the preferred version, and others for what it lacks.
    ///
    /// # Errors
    /// A request fails. A group that does not exist is not an error.
    pub(crate) async fn of(connection: &Connection) -> Result<Self, LiveError> {
        let mut served = HashMap::new();
        let mut asked = HashSet::new();
        for group in LIVE_RESOURCES.iter().map(|resource| resource.group).filter(|&group| asked.insert(group)) {
            if group.is_empty() {
                continue;
            }
            let of_group: ApiGroup = match connection.get_json(&format!("/apis/{group}")).await {
                Err(LiveError::Refused { code: 404, .. }) => continue,
                other => other?,
            };
            let others = of_group.versions.into_iter().map(|one| one.version);
            let versions = of_group.preferred_version.map(|one| one.version).into_iter().chain(others);
            let mut missing: HashSet<&str> =
                LIVE_RESOURCES.iter().filter(|one| one.group == group).map(|one| one.plural).collect();
            let mut read = HashSet::new();
            for version in versions.filter(|version| read.insert(version.clone())) {
                if missing.is_empty() {
                    break;
                }
                let list: ResourceList = connection.get_json(&format!("/apis/{group}/{version}")).await?;
                let found = list.resources.into_iter().map(|one| one.name).filter(|name| missing.remove(name.as_str()));
                served.extend(found.map(|name| ((group, name), version.clone())));
            }
        }
        Ok(Self(served))
    }

    /// The version of a resource, if the server has it. The core group has only `v1`.
    pub(crate) fn version(&self, group: &'static str, plural: &str) -> Option<&str> {
        if group.is_empty() {
            return Some("v1");
        }
        self.0.get(&(group, plural.to_owned())).map(String::as_str)
    }
}
