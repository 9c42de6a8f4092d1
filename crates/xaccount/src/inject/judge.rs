//! Whether a change of account is allowed: the evidence that a cluster is running, its account, and the requested
//! moves.
//!
//! The decision for one object that moves to account T. Its manifest specifies account F, the evidence shows the
//! accounts E:
//!
//! | F | E | needed |
//! |---|---|---|
//! | any | only T | nothing: it moves back |
//! | not specified | none | nothing: it does not exist yet |
//! | the controller identity, set explicitly | none | `--overwrite` or `--move-account source=T` |
//! | another account, or an unknown one | none | `--move-account F=T` |
//! | any | others than T | `--move-account` from each of them, and from F if F is specified and not the source account |
//!
//! `--orphan-resources` is needed as well if the object shows life: a field in its manifest or in the dump of `--live`
//! shows that it is or was in a management cluster. If the dump has the object, it counts instead of Git's HEAD. An
//! object that the dump does not have may still exist.

use std::collections::{BTreeSet, HashMap};

use super::evidence::{ClusterAccount, Evidence, Sighting};
use super::identity_account::IdentityAccount;
use super::mapped::Mapped;
use super::moves::{KnownAccounts, MoveFrom};
use super::proposal::{By, Crossing, Proposal};
use super::request::InjectRequest;
use crate::aws::RoleText;
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, Location};
use crate::inventory::{Inventory, ObjectId, Resource};
use crate::templates::next_variable;

/// How to treat a change of account that was not requested, if the cluster may be running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// Refuse it.
    Refused,
    /// Plan it with a warning.
    Warned,
}

/// Changes of account that one message reports.
pub(super) struct Group<'p> {
    pub(super) kind: Kind,
    pub(super) members: Vec<&'p Crossing>,
}

/// What a change of account lacks. Changes of the same kind are reported together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Index of the target.
    pub(super) to: usize,
    /// The account that the manifest specifies, if no move from it was requested.
    pub(super) written: Option<ClusterAccount>,
    /// The accounts that the evidence shows and from which no move was requested.
    pub(super) shown: Vec<ClusterAccount>,
    /// Whether `--orphan-resources` is missing.
    pub(super) orphan: bool,
    /// Whether a move from `unknown` was requested, but `--cluster-name` does not name the cluster.
    pub(super) unnamed: bool,
    /// The object, if it is reported by itself.
    pub(super) alone: Option<ObjectId>,
}

pub(super) struct MoveJudge<'j> {
    pub(super) inventory: &'j Inventory,
    pub(super) request: &'j InjectRequest,
    pub(super) known: &'j KnownAccounts,
    pub(super) evidence: &'j Evidence,
    pub(super) unasked: Unasked,
    pub(super) mapped: Option<&'j Mapped<'j>>,
    pub(super) targets: &'j [RoleText],
    /// For each requested move, whether it matched a change.
    pub(super) moved: Vec<bool>,
    /// The objects that Clusters with a sign of life refer to, by namespace, kind and name: the references have no
    /// group.
    pub(super) owned: HashMap<(&'j str, &'j str, &'j str), ObjectId>,
}

impl<'j> MoveJudge<'j> {
    pub(super) fn new(
        inventory: &'j Inventory,
        request: &'j InjectRequest,
        evidence: &'j Evidence,
        unasked: Unasked,
        mapped: Option<&'j Mapped<'j>>,
        targets: &'j [RoleText],
    ) -> Self {
        let mut owned = HashMap::new();
        for (index, found) in inventory.entries() {
            if let (ObjectKind::Cluster { refers_to, .. }, true) =
                (&found.object.object_kind, found.object.alive.is_some())
            {
                for to in refers_to {
                    let namespace = to.namespace.as_deref().unwrap_or_else(|| inventory.namespace_of(found));
                    owned.insert((namespace, to.kind.as_str(), to.name.as_str()), index);
                }
            }
        }
        let moved = vec![false; request.moves.len()];
        Self { inventory, request, known: &request.known, evidence, unasked, mapped, targets, moved, owned }
    }

    /// The field of an object, or of its Cluster, that shows life: its place and its path.
    pub(super) fn mark(&self, index: ObjectId) -> Option<(Location, String)> {
        let found = &self.inventory[index];
        if let Some(mark) = &found.object.alive {
            return Some((found.location(mark.span), mark.path.to_owned()));
        }
        let object = &found.object;
        let own =
            (self.inventory.namespace_of(found), object.kind.as_str(), object.name.as_deref().unwrap_or_default());
        let owner = &self.inventory[*self.owned.get(&own)?];
        let mark = owner.object.alive.as_ref()?;
        Some((owner.location(mark.span), format!("{} of {}", mark.path, owner.title())))
    }

    /// Whether the object itself shows life, in the manifest or in the dump.
    pub(super) fn shows_life(&self, index: ObjectId) -> bool {
        let found = &self.inventory[index];
        let live = self.evidence.live.iter().flat_map(|live| live.find(self.inventory, found));
        self.mark(index).is_some() || live.into_iter().any(|live| live.object.alive.is_some())
    }

    /// The evidence for a cluster, and the accounts that it shows.
    pub(super) fn sightings(&self, crossing: &Crossing) -> Vec<Sighting> {
        let to = &self.targets[crossing.to];
        let found = &self.inventory[crossing.object];
        if crossing.by == By::Role {
            return Vec::new();
        }
        let mark = self.mark(crossing.object);
        if let Some(live) = &self.evidence.live {
            let existing = live.find(self.inventory, found);
            let words = |existing: &Resource| {
                format!("{}:{} has it with ", live.inventory.file(existing.origin.file).name, existing.origin.line)
            };
            if !existing.is_empty() {
                let of = |existing: &Resource| live.sightings(existing, self.known, |is| words(existing) + is);
                return existing.into_iter().flat_map(of).collect();
            }
        }
        // An object that is not in the dump may be in a namespace or a cluster that the dump does not cover.
        let head = self.evidence.head.as_ref();
        let existing = head.map_or_else(Vec::new, |head| head.find(self.inventory, found));
        let mut all: Vec<Sighting> = match head {
            Some(head) if existing.is_empty() && head.unreadable.contains(&found.origin.file) => {
                let words = "this file can't be read in Git's HEAD".to_owned();
                vec![Sighting { place: ClusterAccount::Unknown, template: None, words }]
            }
            Some(head) => {
                let of = |existing: &&Resource| {
                    head.sightings(existing, self.known, |is| format!("Git's HEAD has it with {is}"))
                };
                existing.iter().flat_map(of).collect()
            }
            None => Vec::new(),
        };
        // If the object shows life in HEAD, the account that HEAD has counts.
        if mark.is_some() && existing.iter().all(|existing| existing.object.alive.is_none()) {
            let place =
                crossing.from.as_ref().map_or(ClusterAccount::Source, |written| ClusterAccount::of(&written.place, to));
            let field = mark.map(|(_, field)| field).unwrap_or_default();
            let template = crossing.from.as_ref().and_then(|written| match &written.place {
                IdentityAccount::Unreadable(text) => Some(text.clone()),
                _ => None,
            });
            let words = format!("{field} shows that it is or was in a management cluster");
            all.push(Sighting { place, template, words });
        }
        all
    }

    /// Whether a move from `place` to the target was requested.
    pub(super) fn is_asked(&mut self, place: &ClusterAccount, to: &RoleText) -> bool {
        let source = self.known.source.as_ref();
        let fits = |from: &MoveFrom| match (from, place) {
            (MoveFrom::Source, ClusterAccount::Source) | (MoveFrom::Unknown, ClusterAccount::Unknown) => true,
            (MoveFrom::Account(asked), ClusterAccount::Account(existing, _)) => asked == existing,
            (MoveFrom::Account(asked), ClusterAccount::Source) => source == Some(asked),
            (MoveFrom::Source, ClusterAccount::Account(existing, _)) => source == Some(existing),
            _ => false,
        };
        let mut asked = false;
        for (at, one) in self.request.moves.iter().enumerate() {
            if one.to.as_ref() == to.account() && fits(&one.from) {
                (self.moved[at], asked) = (true, true);
            }
        }
        asked
    }

    /// What a change of account lacks; `None` if it is allowed.
    pub(super) fn kind(&mut self, crossing: &Crossing) -> Option<Kind> {
        let to = &self.targets[crossing.to];
        let sightings = self.sightings(crossing);
        if !sightings.is_empty() && sightings.iter().all(|one| one.is(to)) {
            // It moves back. A move that was requested for it counts as used.
            let own =
                crossing.from.as_ref().map_or(ClusterAccount::Source, |written| ClusterAccount::of(&written.place, to));
            self.is_asked(&own, to);
            return None;
        }
        let own = crossing.from.as_ref().map(|written| ClusterAccount::of(&written.place, to));
        let mut unknown = false;
        let mut written = own.clone().filter(|_| crossing.by != By::Identity);
        if let Some(place) = &written {
            let asked = self.is_asked(place, to);
            unknown |= asked && *place == ClusterAccount::Unknown;
            let chosen = *place == ClusterAccount::Source && (self.request.overwrite || !sightings.is_empty());
            if asked || chosen {
                written = None;
            }
        } else if sightings.is_empty() && own.is_none() {
            self.is_asked(&ClusterAccount::Source, to);
        }
        let mut shown = BTreeSet::new();
        for one in sightings.iter().filter(|one| !one.is(to)) {
            if self.is_asked(&one.place, to) {
                unknown |= one.place == ClusterAccount::Unknown;
            } else {
                shown.insert(one.place.clone());
            }
        }
        let life = !sightings.is_empty() && self.shows_life(crossing.object);
        let orphan = life && !self.request.orphans.contains(&self.cluster(crossing.object));
        unknown |= crossing.by == By::Identity && own == Some(ClusterAccount::Unknown);
        let unnamed = unknown && crossing.by != By::Role && !self.is_named(crossing.object);
        let shown: Vec<ClusterAccount> = shown.into_iter().collect();
        let kind = Kind { to: crossing.to, written, shown, orphan, unnamed, alone: None };
        if kind.written.is_none() && kind.shown.is_empty() && !orphan && !unnamed {
            return None;
        }
        // Only objects with a known account are reported together.
        let alone = match &kind.written {
            Some(ClusterAccount::Account(..)) if crossing.by == By::Reference => {
                let written = crossing.from.as_ref()?;
                matches!(written.place, IdentityAccount::OtherPartition(_)).then_some(crossing.object)
            }
            Some(_) => Some(crossing.object),
            None => None,
        };
        Some(Kind { alone, ..kind })
    }

    /// `NAMESPACE/NAME` of an object's cluster.
    pub(super) fn cluster(&self, index: ObjectId) -> String {
        let found = &self.inventory[index];
        format!("{}/{}", self.inventory.namespace_of(found), self.inventory.cluster_name(found).unwrap_or_default())
    }

    /// Whether `--cluster-name` names the object's cluster exactly, without a pattern.
    pub(super) fn is_named(&self, index: ObjectId) -> bool {
        let Some(name) = self.inventory.cluster_name(&self.inventory[index]) else { return false };
        self.request
            .selection
            .cluster_names
            .iter()
            .any(|glob| glob.glob().glob() == name && !is_glob(&without_variables(name)))
    }

    /// Errors about requested moves and orphans that match nothing.
    pub(super) fn without_effect(&self, proposal: &Proposal) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        let crossed: BTreeSet<ObjectId> = proposal.crossings().map(|crossing| crossing.object).collect();
        for (one, _) in self.request.moves.iter().zip(&self.moved).filter(|(_, moved)| !**moved) {
            // Running the same command again is not an error.
            if !proposal.settled.contains(&one.to) {
                let from = match &one.from {
                    MoveFrom::Source => "the source account".to_owned(),
                    MoveFrom::Account(account) => format!("account {}", self.known.shown(account)),
                    MoveFrom::Unknown => "an unknown account".to_owned(),
                };
                let to = one.to.as_ref().map_or_else(|| "an unknown account".to_owned(), |to| self.known.shown(to));
                errors.push(
                    Diagnostic::error(format!("{one} matches nothing"))
                        .help(format!("no selected object moves from {from} to {to}: check both, or omit the flag")),
                );
            }
        }
        for orphan in &self.request.orphans {
            let mut objects = crossed.iter().chain(&proposal.outcome.unchanged);
            if !objects.any(|&index| self.cluster(index) == *orphan && self.shows_life(index)) {
                errors.push(
                    Diagnostic::error(format!("--orphan-resources {orphan} matches nothing"))
                        .help("it takes the NAMESPACE/NAME of a selected cluster that is or was in a management cluster: check it, or omit it"),
                );
            }
        }
        errors
    }
}

/// A name without its placeholders `${…}`, whose braces have no meaning when the name is typed as it is.
fn without_variables(name: &str) -> String {
    let (mut out, mut rest) = (String::new(), name);
    while let Some((before, _, behind)) = next_variable(rest) {
        out.push_str(before);
        rest = behind;
    }
    out + rest
}

/// Whether a text has special characters of globs.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
}
