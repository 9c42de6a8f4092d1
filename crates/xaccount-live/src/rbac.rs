//! What a user must be allowed to do.

use std::collections::BTreeMap;
use std::fmt;

use xaccount::capa::{LIVE_RESOURCES, LiveResource};

/// A rule of a ClusterRole or a Role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The resource that it allows to read.
    pub resource: LiveResource,
}

/// `{apiGroups: ["apps"], resources: [deployments], verbs: [get, list]}`
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_rule(f, self.resource.group, &[self.resource.plural])
    }
}

fn write_rule(f: &mut impl fmt::Write, group: &str, plurals: &[&str]) -> fmt::Result {
    write!(f, "{{apiGroups: [\"{group}\"], resources: [{}], verbs: [get, list]}}", plurals.join(", "))
}

/// The least ClusterRole with which everything can be read. Discovery needs no rule: `system:discovery` allows it to every
/// user who is logged in.
pub fn cluster_role() -> String {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for resource in LIVE_RESOURCES {
        groups.entry(resource.group).or_default().push(resource.plural);
    }
    let mut text =
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: xaccount-status\nrules:\n"
            .to_owned();
    for (group, plurals) in groups {
        text.push_str("- ");
        // Writing to a `String` can't fail.
        let _ = write_rule(&mut text, group, &plurals);
        text.push('\n');
    }
    text
}
