//! Whether a change of account may be made: what shows that a cluster may run, in which account, and what was asked for.
//!
//! The decision, for one object that goes to account T; its manifest names account F, what shows it names the accounts E:
//!
//! | F | E | needed |
//! |---|---|---|
//! | any | only T | nothing: it goes back |
//! | none written | none | nothing: it does not exist yet |
//! | the controller identity, by choice | none | `--overwrite` or `--move-account source=T` |
//! | another account, or one that can't be told | none | `--move-account F=T` |
//! | any | others than T | `--move-account` from each of them, and from F where F is written and not the source account |
//!
//! and `--orphan-resources` besides, where the object itself shows life, in its manifest or in the dump of `--live`. Where the
//! dump has the object, that counts instead of Git's HEAD; what the dump does not have, it says nothing of.

use std::collections::{BTreeSet, HashMap};

use super::evidence::{ClusterAccount, Evidence, Sighting};
use super::identity_account::IdentityAccount;
use super::mapped::Mapped;
use super::moves::{KnownAccounts, MoveFrom};
use super::proposal::{By, Crossing, Proposal};
use super::request::InjectRequest;
use crate::aws::RoleArn;
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, Location};
use crate::inventory::{Inventory, ObjectId, Resource};

/// What becomes of a change of account that is not asked for while something shows that the cluster may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// It is refused.
    Refused,
    /// It is shown with a warning.
    Warned,
}

/// Changes of account about which one thing is said.
pub(super) struct Group<'p> {
    pub(super) kind: Kind,
    pub(super) members: Vec<&'p Crossing>,
}

/// What is said of a change of account. Those of one kind are said together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Index of the target.
    pub(super) to: usize,
    /// The manifest's own account, where that is not to be left.
    pub(super) written: Option<ClusterAccount>,
    /// The accounts that evidence shows and that are not to be left.
    pub(super) shown: Vec<ClusterAccount>,
    /// Whether `--orphan-resources` is missing.
    pub(super) orphan: bool,
    /// Whether `unknown=` would do if the cluster were named.
    pub(super) unnamed: bool,
    /// Whether what the manifest says is one of a kind, and is said by itself.
    pub(super) alone: Option<ObjectId>,
}

pub(super) struct MoveJudge<'j> {
    pub(super) inventory: &'j Inventory,
    pub(super) request: &'j InjectRequest,
    pub(super) known: &'j KnownAccounts,
    pub(super) evidence: &'j Evidence,
    pub(super) unasked: Unasked,
    pub(super) mapped: Option<&'j Mapped<'j>>,
    pub(super) targets: &'j [RoleArn],
    /// Which of the moves were of use.
    pub(super) moved: Vec<bool>,
    /// What Clusters of the inventory that show life refer to: group is not said, so namespace, kind and name.
    pub(super) owned: HashMap<(&'j str, &'j str, &'j str), ObjectId>,
}

impl<'j> MoveJudge<'j> {
    pub(super) fn new(
        inventory: &'j Inventory,
        request: &'j InjectRequest,
        evidence: &'j Evidence,
        unasked: Unasked,
        mapped: Option<&'j Mapped<'j>>,
        targets: &'j [RoleArn],
    ) -> Self {
        let mut owned = HashMap::new();
        for (index, found) in inventory.entries() {
            if let (ObjectKind::Cluster { refers_to, .. }, true) =
                (&found.object.object_kind, found.object.alive.is_some())
            {
                for to in refers_to {
                    owned.insert((inventory.namespace_of(found), to.kind.as_str(), to.name.as_str()), index);
                }
            }
        }
        let moved = vec![false; request.moves.len()];
        Self { inventory, request, known: &request.known, evidence, unasked, mapped, targets, moved, owned }
    }

    /// What of an object's own text, or of its Cluster's, shows life: a place and the path of the field.
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
        let live = self.evidence.live.iter().flat_map(|live| live.find(found));
        self.mark(index).is_some() || live.into_iter().any(|live| live.object.alive.is_some())
    }

    /// Where a cluster is shown, and in which accounts.
    pub(super) fn sightings(&self, crossing: &Crossing) -> Vec<Sighting> {
        let to = &self.targets[crossing.to];
        let found = &self.inventory[crossing.object];
        if crossing.by == By::Role {
            return Vec::new();
        }
        let mark = self.mark(crossing.object);
        if let Some(live) = &self.evidence.live {
            let existing = live.find(found);
            let words = |existing: &Resource| {
                format!("{}:{} has it with ", live.inventory.file(existing.origin.file).name, existing.origin.line)
            };
            if !existing.is_empty() {
                let of = |existing: &Resource| live.sightings(existing, self.known, |is| words(existing) + is);
                return existing.into_iter().flat_map(of).collect();
            }
        }
        // What a dump does not have may be in a namespace or a cluster that it was not made of.
        let head = self.evidence.head.as_ref();
        let existing = head.map_or_else(Vec::new, |head| head.find(found));
        let mut all: Vec<Sighting> = match head {
            Some(head) if existing.is_empty() && head.unreadable.contains(&found.origin.file) => {
                let words = "Git's HEAD has this file in a form that can't be read".to_owned();
                vec![Sighting { place: ClusterAccount::Unknown, words }]
            }
            Some(head) => {
                let of = |existing: &&Resource| {
                    head.sightings(existing, self.known, |is| format!("Git's HEAD has it with {is}"))
                };
                existing.iter().flat_map(of).collect()
            }
            None => Vec::new(),
        };
        // What HEAD has with marks is the object that they are of.
        if mark.is_some() && existing.iter().all(|existing| existing.object.alive.is_none()) {
            let place =
                crossing.from.as_ref().map_or(ClusterAccount::Source, |written| ClusterAccount::of(&written.place, to));
            let field = mark.map(|(_, field)| field).unwrap_or_default();
            all.push(Sighting { place, words: format!("{field} shows that it is or was in a management cluster") });
        }
        all
    }

    /// Whether a move from there to the target was asked for.
    pub(super) fn is_asked(&mut self, place: &ClusterAccount, to: &RoleArn) -> bool {
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
            if one.to == *to.account() && fits(&one.from) {
                (self.moved[at], asked) = (true, true);
            }
        }
        asked
    }

    /// What is to be said of a change of account; `None` where it may be made.
    pub(super) fn kind(&mut self, crossing: &Crossing) -> Option<Kind> {
        let to = &self.targets[crossing.to];
        let sightings = self.sightings(crossing);
        if !sightings.is_empty() && sightings.iter().all(|one| one.place.is(to)) {
            // It goes back. What was asked for of it was not in vain.
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
        for one in sightings.iter().filter(|one| !one.place.is(to)) {
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
        // Only accounts that are known are said of several at once.
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

    /// Whether `--cluster-name` names the object's cluster letter by letter.
    pub(super) fn is_named(&self, index: ObjectId) -> bool {
        let Some(name) = self.inventory.cluster_name(&self.inventory[index]) else { return false };
        self.request.selection.cluster_names.iter().any(|glob| glob.glob().glob() == name && !is_glob(name))
    }

    /// What was asked for, and changes nothing.
    pub(super) fn without_effect(&self, proposal: &Proposal) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        let crossed: BTreeSet<ObjectId> = proposal.crossings().map(|crossing| crossing.object).collect();
        for (one, _) in self.request.moves.iter().zip(&self.moved).filter(|(_, moved)| !**moved) {
            // The same command a second time.
            if !proposal.settled.contains(&one.to) {
                let from = match &one.from {
                    MoveFrom::Source => "the source account".to_owned(),
                    MoveFrom::Account(account) => format!("account {}", self.known.shown(account)),
                    MoveFrom::Unknown => "an unknown account".to_owned(),
                };
                let to = self.known.shown(&one.to);
                errors.push(
                    Diagnostic::error(format!("{one} matches nothing"))
                        .help(format!("no selected object goes from {from} to {to}: check both, or omit the flag")),
                );
            }
        }
        for orphan in &self.request.orphans {
            let mut objects = crossed.iter().chain(&proposal.outcome.unchanged);
            if !objects.any(|&index| self.cluster(index) == *orphan && self.shows_life(index)) {
                errors.push(
                    Diagnostic::error(format!("--orphan-resources {orphan} matches nothing"))
                        .help("it names a selected cluster whose object shows life, as NAMESPACE/NAME: check it, or omit the flag"),
                );
            }
        }
        errors
    }
}

/// Whether a text means something to a glob.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
}
