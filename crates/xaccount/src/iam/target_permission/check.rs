//! Compares the calls that manifests need with given policies.

use std::collections::BTreeMap;

use super::features::{GroupReason, Uses};
use super::given::{Answer, GivenPolicies};
use super::need::Surroundings;
use super::table::{ApiCall, Phase, Table};

/// What happens without a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingEffect {
    /// CAPA retries, and the cluster is not created or not changed.
    Hard,
    /// The cluster is not deleted.
    OnlyOnDelete,
    /// CAPA goes on: it logs the error, or uses a default.
    Soft,
}

impl MissingEffect {
    /// The word for tables and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::OnlyOnDelete => "only on delete",
            Self::Soft => "soft",
        }
    }

    fn of(call: &ApiCall) -> Self {
        match (call.is_soft, call.phase) {
            (true, _) => Self::Soft,
            (false, Some(Phase::Delete)) => Self::OnlyOnDelete,
            (false, _) => Self::Hard,
        }
    }
}

/// Why an action counts as missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionVerdict {
    /// No statement allows it.
    Missing,
    /// A statement denies it.
    Denied(String),
    /// It can't be decided.
    Unknown(String),
}

/// An action that is missing or unknown.
#[derive(Clone, Debug)]
pub struct MissingAction<'u> {
    /// The action.
    pub action: &'static str,
    /// The service of a service-linked role, or the service that gets a role, if one action concerns several.
    pub service: Option<&'static str>,
    /// What happens without it.
    pub effect: MissingEffect,
    /// The call, or the reason, that needs it most.
    pub call: &'static ApiCall,
    /// What in the manifests needs it.
    pub reason: &'u GroupReason,
    /// Whether it is missing or unknown.
    pub verdict: ActionVerdict,
}

/// The result of [`check()`].
#[derive(Clone, Debug)]
pub struct CheckReport<'u> {
    /// What is missing or unknown, by group; the groups with the worst effects come first.
    pub findings: Vec<MissingAction<'u>>,
    /// Number of actions that are needed.
    pub needed: usize,
    /// Number of clusters.
    pub clusters: usize,
}

/// Compares what manifests need with given policies.
pub fn check<'u>(
    table: &'static Table,
    uses: &'u Uses,
    surroundings: &Surroundings,
    given: &GivenPolicies,
) -> CheckReport<'u> {
    let groups = uses.groups();
    let mut needed: BTreeMap<(&str, Option<&str>), Option<MissingAction<'u>>> = BTreeMap::new();
    for group in &table.groups {
        let Some(&reason) = groups.get(group.name) else { continue };
        for call in table.calls_of(group.name) {
            let (Some(action), resources) = (call.action, surroundings.resources(call, uses)) else { continue };
            if resources.is_empty() {
                continue;
            }
            let knowledge = surroundings.knowledge(call, uses);
            let answers = resources.iter().map(|resource| given.answer(action, resource, &knowledge));
            let service = call.keys.first().map(|(_, service)| *service);
            let entry = needed.entry((action, service)).or_default();
            let verdict = match answers.max() {
                None | Some(Answer::Allowed) => continue,
                Some(Answer::Missing) => ActionVerdict::Missing,
                Some(Answer::Denied(by)) => ActionVerdict::Denied(by),
                Some(Answer::Unknown(why)) => ActionVerdict::Unknown(why),
            };
            let finding = MissingAction { action, service, effect: MissingEffect::of(call), call, reason, verdict };
            if entry.as_ref().is_none_or(|known| rank(&finding) < rank(known)) {
                *entry = Some(finding);
            }
        }
    }
    let count = needed.len();
    let mut findings: Vec<MissingAction<'u>> = needed.into_values().flatten().collect();
    let mut ranks: BTreeMap<&str, (bool, bool, MissingEffect)> = BTreeMap::new();
    for finding in &findings {
        let known = ranks.entry(finding.call.group).or_insert_with(|| rank(finding));
        *known = rank(finding).min(*known);
    }
    let place = |finding: &MissingAction<'_>| table.groups.iter().position(|group| group.name == finding.call.group);
    findings
        .sort_by_key(|finding| (ranks.get(finding.call.group).copied(), place(finding), rank(finding), finding.action));
    CheckReport { findings, needed: count, clusters: uses.clusters }
}

/// The finding that says most about an action comes first: what certainly happens before what may.
fn rank(finding: &MissingAction<'_>) -> (bool, bool, MissingEffect) {
    (finding.effect == MissingEffect::Soft, finding.call.when.is_some(), finding.effect)
}

/// What a role can do, as far as one effect is concerned.
enum Ability {
    Can,
    Cannot(String),
    Unknown(String),
}

impl CheckReport<'_> {
    /// What the role can do, in a few sentences.
    pub fn summary(&self) -> String {
        let clusters = if self.clusters == 1 { "the cluster" } else { "the clusters" };
        let them = if self.clusters == 1 { "it" } else { "them" };
        let (create, delete) = (self.ability(MissingEffect::Hard), self.ability(MissingEffect::OnlyOnDelete));
        let mut text = match (&create, &delete) {
            (Ability::Cannot(list), _) => format!("This role can't create {clusters}: {list}."),
            (Ability::Unknown(list), _) => format!("It is unknown whether this role can create {clusters}: {list}."),
            (Ability::Can, Ability::Cannot(list)) => {
                format!("This role can create {clusters}, but not delete {them}: {list}.")
            }
            (Ability::Can, Ability::Unknown(list)) => {
                format!("This role can create {clusters}; it is unknown whether it can delete {them}: {list}.")
            }
            (Ability::Can, Ability::Can) => format!("This role can create and delete {clusters}."),
        };
        if !matches!(create, Ability::Can) {
            match delete {
                Ability::Can => {}
                Ability::Cannot(list) => text += &format!(" It can't delete {them}: {list}."),
                Ability::Unknown(list) => text += &format!(" Whether it can delete {them} is unknown: {list}."),
            }
        }
        let sometimes = self.actions(|finding| finding.call.when.is_some() && finding.effect != MissingEffect::Soft);
        if !sometimes.is_empty() {
            text += &format!(" In some cases it also needs {}.", listed(&sometimes));
        }
        let soft = self.actions(|finding| finding.effect == MissingEffect::Soft);
        if !soft.is_empty() {
            text += &format!(" CAPA goes on without {}.", listed(&soft));
        }
        text
    }

    fn ability(&self, effect: MissingEffect) -> Ability {
        let of = |finding: &MissingAction<'_>| finding.effect == effect && finding.call.when.is_none();
        let is_unknown = |finding: &MissingAction<'_>| matches!(finding.verdict, ActionVerdict::Unknown(_));
        let missing = self.actions(|finding| of(finding) && !is_unknown(finding));
        if !missing.is_empty() {
            return Ability::Cannot(listed(&missing));
        }
        let unknown = self.actions(|finding| of(finding) && is_unknown(finding));
        if unknown.is_empty() { Ability::Can } else { Ability::Unknown(listed(&unknown)) }
    }

    fn actions(&self, of: impl Fn(&MissingAction<'_>) -> bool) -> Vec<&'static str> {
        let mut actions: Vec<&str> = Vec::new();
        for finding in self.findings.iter().filter(|finding| of(finding)) {
            if !actions.contains(&finding.action) {
                actions.push(finding.action);
            }
        }
        actions
    }
}

/// The first actions, and how many more there are.
fn listed(actions: &[&str]) -> String {
    match actions {
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
        [] => String::new(),
    }
}
