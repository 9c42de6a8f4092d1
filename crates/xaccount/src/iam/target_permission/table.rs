//! The tables of a release of CAPA: its calls, its feature groups, what switches them on, and the policy by group.

use std::sync::LazyLock;

use crate::capa::Release;

/// When CAPA makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Creation.
    Create,
    /// Creation and each later reconciliation.
    Reconcile,
    /// Deletion only.
    Delete,
}

/// One action that CAPA needs, at one place of its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    /// The feature group.
    pub group: &'static str,
    /// When; `None` for an action that clusterawsadm grants and no call is known of.
    pub phase: Option<Phase>,
    /// Whether CAPA goes on without the permission.
    pub is_soft: bool,
    /// The action; `None` for a call that needs no permission.
    pub action: Option<&'static str>,
    /// The resources of the request, with the placeholders of [`Surroundings`](super::Surroundings).
    pub resources: Vec<&'static str>,
    /// Condition keys of the request and their values.
    pub keys: Vec<(&'static str, &'static str)>,
    /// The condition under which CAPA makes the call, in words.
    pub when: Option<&'static str>,
    /// File and line in CAPA's repository; `None` if AWS checks the action during another call.
    pub site: Option<&'static str>,
    /// The function, with its receiver.
    pub function: &'static str,
    /// The method of the client.
    pub method: &'static str,
    /// Why the action is needed, if no call names it.
    pub reason: Option<&'static str>,
}

impl ApiCall {
    /// The function without its receiver.
    pub fn function_name(&self) -> &'static str {
        self.function.rsplit('.').next().unwrap_or_default()
    }

    /// Whether it is made with the target role's credentials and needs a permission.
    pub fn is_of_target(&self) -> bool {
        self.action.is_some() && self.group != SOURCE_ACCOUNT
    }
}

/// The group of calls that are made with the controller's own credentials, in the source account.
const SOURCE_ACCOUNT: &str = "source-account";

/// A feature group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureGroup {
    /// Its name: `vpc-managed`.
    pub name: &'static str,
    /// Whether it is always printed.
    pub is_always: bool,
    /// The group that it extends, and without which it is not enough.
    pub extends: Option<&'static str>,
    /// The feature gate of the controller that switches it on.
    pub gate: Option<&'static str>,
    /// What it is for.
    pub about: &'static str,
}

/// One action of the printed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// The group.
    pub group: &'static str,
    /// The action.
    pub action: &'static str,
    /// The resources.
    pub resources: &'static str,
    /// Operator, key and value.
    pub condition: Option<(&'static str, &'static str, &'static str)>,
    /// Whether clusterawsadm lacks it.
    pub is_added: bool,
}

/// What in a manifest switches a group on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The kinds, without `Template`.
    pub kinds: Vec<&'static str>,
    /// The tests of the spec; without any, the object itself is the reason.
    pub tests: Vec<FieldTest>,
    /// The group.
    pub group: &'static str,
}

/// A test of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldTest {
    /// The field is not null, false or empty.
    Set(&'static str),
    /// The field is missing or null.
    Unset(&'static str),
    /// The field is true.
    True(&'static str),
    /// The field is not true.
    NotTrue(&'static str),
    /// The field has one of these values.
    Is(&'static str, Vec<&'static str>),
    /// The tags of the field contain the cluster as their owner.
    Owned(&'static str),
    /// A subnet of the field is in a Wavelength zone.
    Wavelength(&'static str),
    /// The same object switches another group on.
    Group(&'static str),
}

/// The tables of one release.
#[derive(Debug)]
pub struct Table {
    /// The release whose code was read.
    pub release: &'static str,
    /// The calls.
    pub calls: Vec<ApiCall>,
    /// The groups, in the order in which they are printed.
    pub groups: Vec<FeatureGroup>,
    /// The policy.
    pub grants: Vec<GrantRow>,
    /// The switches.
    pub switches: Vec<Switch>,
}

impl Table {
    /// The group with this name.
    pub fn group(&self, name: &str) -> Option<&FeatureGroup> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The calls of a group that need a permission of the target role.
    pub fn calls_of(&self, group: &str) -> impl Iterator<Item = &ApiCall> {
        self.calls.iter().filter(move |call| call.group == group && call.is_of_target() && call.phase.is_some())
    }

    /// The actions that clusterawsadm grants although no call is known that needs them.
    pub fn unexplained(&self) -> impl Iterator<Item = &'static str> {
        self.calls.iter().filter(|call| call.phase.is_none() && call.is_of_target()).filter_map(|call| call.action)
    }
}

/// The release is newer than every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewerRelease;

/// The table for a release: that of its series, or the nearest.
///
/// Only the table of v2.13 exists. Older releases make fewer calls, so that it has all of theirs (but for calls that were
/// removed since); a newer one may make more.
pub fn table_of(release: Option<Release>) -> (&'static Table, Option<NewerRelease>) {
    let newer = release.filter(|release| release.is_newer_than_known()).map(|_| NewerRelease);
    (&V2_13, newer)
}

static V2_13: LazyLock<Table> = LazyLock::new(|| Table {
    release: "v2.13.0",
    calls: lines(include_str!("v2_13/calls.tsv")).map(call).collect(),
    groups: lines(include_str!("v2_13/groups.tsv")).map(group).collect(),
    grants: lines(include_str!("v2_13/grants.tsv")).map(grant).collect(),
    switches: lines(include_str!("v2_13/switches.tsv")).map(switch).collect(),
});

/// The columns of each line that is not a comment; missing columns are `-`.
fn lines(text: &'static str) -> impl Iterator<Item = [&'static str; 11]> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        std::array::from_fn(|_| columns.next().unwrap_or("-"))
    })
}

/// The text of a column, unless it is `-`.
fn some(column: &'static str) -> Option<&'static str> {
    Some(column).filter(|column| *column != "-")
}

fn call(columns: [&'static str; 11]) -> ApiCall {
    let [group, phase, effect, action, resources, keys, when, site, function, method, reason] = columns;
    ApiCall {
        group,
        phase: match phase {
            "create" => Some(Phase::Create),
            "reconcile" => Some(Phase::Reconcile),
            "delete" => Some(Phase::Delete),
            _ => None,
        },
        is_soft: effect == "soft",
        action: some(action),
        resources: some(resources).map(|resources| resources.split(',').collect()).unwrap_or_default(),
        keys: some(keys).into_iter().filter_map(|key| key.split_once('=')).collect(),
        when: some(when),
        site: some(site),
        function,
        method,
        reason: some(reason),
    }
}

fn group([name, always, extends, gate, about, ..]: [&'static str; 11]) -> FeatureGroup {
    FeatureGroup { name, is_always: always == "always", extends: some(extends), gate: some(gate), about }
}

fn grant([group, action, resources, condition, origin, ..]: [&'static str; 11]) -> GrantRow {
    let condition = some(condition).and_then(|condition| {
        let (operator, rest) = condition.split_once(' ')?;
        let (key, value) = rest.split_once('=')?;
        Some((operator, key, value))
    });
    GrantRow { group, action, resources, condition, is_added: origin == "added" }
}

fn switch([kinds, tests, group, ..]: [&'static str; 11]) -> Switch {
    let tests = some(tests).map(|tests| tests.split(" & ").filter_map(field_test).collect());
    Switch { kinds: kinds.split(',').collect(), tests: tests.unwrap_or_default(), group }
}

fn field_test(text: &'static str) -> Option<FieldTest> {
    let (field, test) = text.split_once(' ')?;
    Some(match test {
        group if field == "group" => FieldTest::Group(group),
        "set" => FieldTest::Set(field),
        "unset" => FieldTest::Unset(field),
        "true" => FieldTest::True(field),
        "not true" => FieldTest::NotTrue(field),
        "owned" => FieldTest::Owned(field),
        "wavelength" => FieldTest::Wavelength(field),
        other => FieldTest::Is(field, other.strip_prefix("is ")?.split('|').collect()),
    })
}
