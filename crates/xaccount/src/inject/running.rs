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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::json;

use super::mapped::Mapped;
use super::reference::IdentityAccount;
use super::{Failure, InjectRequest, Outcome, account_in_name};
use crate::aws::{AccountId, Partition, RoleArn};
use crate::capa::{CONTROLLER_IDENTITY, IdentityKind, Object, ObjectKind, ROLE_IDENTITY, State};
use crate::diag::{Diagnostic, FileId, Location, Severity, escape_control};
use crate::inventory::{Inventory, Resource};

/// A change of account that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountMove {
    /// From where.
    pub from: MoveFrom,
    /// To where.
    pub to: AccountId,
}

/// The account that a cluster is moved from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveFrom {
    /// The account of the management cluster.
    Source,
    /// This one.
    Account(AccountId),
    /// One that nothing says.
    Unknown,
}

impl fmt::Display for MoveFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("source"),
            Self::Account(id) => f.write_str(id.as_str()),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl fmt::Display for AccountMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--move-account {}={}", self.from, self.to)
    }
}

/// What the account map says of accounts, whatever the objects are.
#[derive(Clone, Debug, Default)]
pub struct KnownAccounts {
    /// The account of the management cluster.
    pub source: Option<AccountId>,
    /// The account of each identity name; `None` where two accounts would have one.
    pub identities: HashMap<String, Option<AccountId>>,
    /// What people call an account.
    pub names: BTreeMap<AccountId, String>,
}

impl KnownAccounts {
    /// The account that an identity of this name stands for, as far as the name alone says.
    pub(super) fn by_name(&self, identity: &str) -> Option<AccountId> {
        self.identities.get(identity).cloned().flatten().or_else(|| account_in_name(identity))
    }

    /// The id, and the name in parentheses.
    fn shown(&self, account: &AccountId) -> String {
        match self.names.get(account) {
            Some(name) => format!("{account} ({})", escape_control(name)),
            None => account.to_string(),
        }
    }
}

/// What becomes of a change of account that is not asked for while something shows that the cluster may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unasked {
    /// It is refused.
    Refused,
    /// It is shown with a warning.
    Warned,
}

/// Objects as something else than the manifests has them.
#[derive(Debug)]
pub struct ObservedObjects {
    inventory: Inventory,
    /// Files of which not everything can be read.
    unreadable: BTreeSet<FileId>,
    /// Whether an object must be in the same file.
    by_file: bool,
    index: HashMap<ObjectKey, Vec<usize>>,
}

/// File, group, kind, namespace and name.
type ObjectKey = (Option<FileId>, String, String, String, String);

/// What the program found out about the objects of a run beside their own text.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The files as Git's HEAD has them.
    pub head: Option<ObservedObjects>,
    /// A dump of the management cluster.
    pub live: Option<ObservedObjects>,
}

impl ObservedObjects {
    /// The files of a run as Git's HEAD has them, under the same ids; `unreadable` are those of which not everything can be read.
    pub fn head(inventory: Inventory, unreadable: BTreeSet<FileId>) -> Self {
        Self::new(inventory, unreadable, true)
    }

    /// The objects that a management cluster has.
    pub fn live(inventory: Inventory) -> Self {
        Self::new(inventory, BTreeSet::new(), false)
    }

    fn new(inventory: Inventory, unreadable: BTreeSet<FileId>, by_file: bool) -> Self {
        let mut index: HashMap<ObjectKey, Vec<usize>> = HashMap::new();
        for (at, found) in inventory.objects().iter().enumerate() {
            if matches!(
                found.object.object_kind,
                ObjectKind::Referencing { .. } | ObjectKind::Cluster { .. } | ObjectKind::Refused(..)
            ) {
                index.entry(key(found, by_file)).or_default().push(at);
            }
        }
        Self { inventory, unreadable, by_file, index }
    }

    /// The same object, as often as it is there.
    fn find(&self, found: &Resource) -> Vec<&Resource> {
        let existing = self.index.get(&key(found, self.by_file)).map_or(&[][..], Vec::as_slice);
        existing.iter().map(|&at| &self.inventory.objects()[at]).collect()
    }

    /// The accounts that an object's references name; `words` makes a line of what a reference says.
    fn sightings(&self, found: &Resource, known: &KnownAccounts, words: impl Fn(&str) -> String) -> Vec<Sighting> {
        let mut places: Vec<(ClusterAccount, String)> =
            found.object.references().map(|reference| self.place(&reference.state, known)).collect();
        if matches!(found.object.object_kind, ObjectKind::Refused(..)) {
            places.push((ClusterAccount::Unknown, "an apiVersion and kind that can't be".to_owned()));
        }
        if places.is_empty() {
            places.push((ClusterAccount::Source, "no identityRef".to_owned()));
        }
        places.into_iter().map(|(place, existing)| Sighting { place, words: words(&existing) }).collect()
    }

    fn place(&self, state: &State, known: &KnownAccounts) -> (ClusterAccount, String) {
        let existing = match state {
            State::Unset => return (ClusterAccount::Source, "no identityRef".to_owned()),
            State::Set(existing) => existing,
            State::Wrong(_) | State::Variable(_) | State::Twice(_) => {
                return (ClusterAccount::Unknown, "an identityRef that can't be read".to_owned());
            }
        };
        let (kind, name) = (existing.kind.any_text(), existing.name.any_text());
        let words = format!("{}/{}", kind.unwrap_or("(no kind)"), name.unwrap_or("(no name)"));
        let place = match (kind, name) {
            (None | Some(""), None | Some("" | "default")) if existing.kind.is_unset() => ClusterAccount::Source,
            (Some(CONTROLLER_IDENTITY), _) => ClusterAccount::Source,
            (Some(ROLE_IDENTITY), Some(name)) => self.place_of_role(name, known),
            _ => ClusterAccount::Unknown,
        };
        (place, words)
    }

    fn place_of_role(&self, name: &str, known: &KnownAccounts) -> ClusterAccount {
        let identities = self.inventory.identities(IdentityKind::Role, name);
        let arns: BTreeSet<&str> =
            identities.iter().filter_map(|&at| self.inventory.objects()[at].object.role_arn()).collect();
        match (arns.len(), arns.first().and_then(|arn| arn.parse::<RoleArn>().ok())) {
            (1, Some(arn)) => ClusterAccount::Account(arn.account().clone(), Some(arn.partition())),
            (0, _) => {
                known.by_name(name).map_or(ClusterAccount::Unknown, |account| ClusterAccount::Account(account, None))
            }
            _ => ClusterAccount::Unknown,
        }
    }
}

fn group(object: &Object) -> &str {
    object.api_version.split_once('/').map_or("", |(group, _)| group)
}

fn namespace(object: &Object) -> &str {
    object.namespace.as_deref().filter(|own| !own.is_empty()).unwrap_or("default")
}

fn key(found: &Resource, by_file: bool) -> ObjectKey {
    let object = &found.object;
    let name = object.name.clone().unwrap_or_default();
    (by_file.then_some(found.file), group(object).into(), object.kind.clone(), namespace(object).into(), name)
}

/// The account that a cluster is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ClusterAccount {
    Source,
    /// The partition, where it is known.
    Account(AccountId, Option<Partition>),
    Unknown,
}

impl ClusterAccount {
    fn of(whereabouts: &IdentityAccount, to: &RoleArn) -> Self {
        match whereabouts {
            IdentityAccount::Account(account) if account == to.account() => {
                Self::Account(account.clone(), Some(to.partition()))
            }
            IdentityAccount::Account(account) => Self::Account(account.clone(), None),
            IdentityAccount::OtherPartition(arn) => Self::Account(arn.account().clone(), Some(arn.partition())),
            IdentityAccount::Management => Self::Source,
            IdentityAccount::Unreadable(_) | IdentityAccount::Unknown => Self::Unknown,
        }
    }

    fn is(&self, to: &RoleArn) -> bool {
        match self {
            Self::Account(account, partition) => {
                account == to.account() && partition.is_none_or(|partition| partition == to.partition())
            }
            Self::Source | Self::Unknown => false,
        }
    }

    fn from(&self) -> MoveFrom {
        match self {
            Self::Source => MoveFrom::Source,
            Self::Account(account, _) => MoveFrom::Account(account.clone()),
            Self::Unknown => MoveFrom::Unknown,
        }
    }

    fn shown(&self, known: &KnownAccounts) -> String {
        match self {
            Self::Source => "the source account".to_owned(),
            Self::Account(account, _) => format!("account {}", known.shown(account)),
            Self::Unknown => "an account that nothing here says".to_owned(),
        }
    }
}

/// How an object gets to its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Its reference changes.
    Reference,
    /// It is an identity, and its role changes.
    Role,
    /// The identity that it names gets another role.
    Identity,
}

/// A change of account.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    pub(super) object: usize,
    /// What its manifest says; `None` where that is nothing, so that it is the source account.
    pub(super) from: Option<Box<Written>>,
    pub(super) by: By,
    /// Index of the role in the proposal.
    to: usize,
}

/// What a manifest says of the account.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) place: IdentityAccount,
    pub(super) words: String,
    pub(super) at: Location,
}

/// What stands in the way of a plan, or may.
#[derive(Clone, Debug)]
enum MoveProblem {
    Error(Box<Diagnostic>),
    Crossing(Crossing),
}

/// A plan whose changes of account are not judged yet: see [`Proposal::judge`].
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    pub(super) outcome: Outcome,
    problems: Vec<MoveProblem>,
    targets: Vec<RoleArn>,
    /// Accounts in which selected objects are already.
    pub(super) settled: BTreeSet<AccountId>,
}

/// Changes of account in the making, with how many errors there were before each.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    crossings: Vec<(usize, Crossing)>,
    targets: Vec<RoleArn>,
    pub(super) settled: BTreeSet<AccountId>,
}

impl Crossings {
    pub(super) fn add(&mut self, errors: usize, object: usize, from: Option<Written>, to: &RoleArn, by: By) {
        if self.targets.last() != Some(to) {
            self.targets.push(to.clone());
        }
        let crossing = Crossing { object, from: from.map(Box::new), by, to: self.targets.len() - 1 };
        self.crossings.push((errors, crossing));
    }
}

impl Proposal {
    pub(super) fn new(outcome: Outcome, errors: Vec<Diagnostic>, crossings: Crossings) -> Self {
        let Crossings { crossings, targets, settled } = crossings;
        let mut problems = Vec::with_capacity(errors.len() + crossings.len());
        let mut crossings = crossings.into_iter().peekable();
        for (at, error) in errors.into_iter().enumerate() {
            while let Some((_, crossing)) = crossings.next_if(|(before, _)| *before <= at) {
                problems.push(MoveProblem::Crossing(crossing));
            }
            problems.push(MoveProblem::Error(Box::new(error)));
        }
        problems.extend(crossings.map(|(_, crossing)| MoveProblem::Crossing(crossing)));
        Self { outcome, problems, targets, settled }
    }

    /// Adds another account's proposal; gives what is to be joined by the caller: its outcome.
    pub(super) fn take(&mut self, other: Self) -> Outcome {
        let Self { outcome, problems, targets, settled } = other;
        let offset = self.targets.len();
        self.targets.extend(targets);
        self.settled.extend(settled);
        for problem in problems {
            match problem {
                MoveProblem::Crossing(crossing) => {
                    self.problems.push(MoveProblem::Crossing(Crossing { to: crossing.to + offset, ..crossing }));
                }
                MoveProblem::Error(error) => self.refuse([*error]),
            }
        }
        outcome
    }

    /// Adds errors that are not there yet: each request looks at the whole run.
    pub(super) fn refuse(&mut self, errors: impl IntoIterator<Item = Diagnostic>) {
        for error in errors {
            if !self
                .problems
                .iter()
                .any(|existing| matches!(existing, MoveProblem::Error(existing) if **existing == error))
            {
                self.problems.push(MoveProblem::Error(Box::new(error)));
            }
        }
    }

    /// The files with objects that change account.
    pub fn files_that_cross(&self, inventory: &Inventory) -> BTreeSet<FileId> {
        self.crossings().map(|crossing| inventory.objects()[crossing.object].file).collect()
    }

    fn crossings(&self) -> impl Iterator<Item = &Crossing> {
        self.problems.iter().filter_map(|problem| match problem {
            MoveProblem::Crossing(crossing) => Some(crossing),
            MoveProblem::Error(_) => None,
        })
    }

    /// The plan, if each change of account was asked for or needs no asking. `mapped` is for the lines to paste.
    ///
    /// # Errors
    /// What the planning found, and every change of account that was not asked for.
    pub fn judge(
        self,
        inventory: &Inventory,
        request: &InjectRequest,
        evidence: &Evidence,
        unasked: Unasked,
        mapped: Option<&Mapped<'_>>,
    ) -> Result<Outcome, Failure> {
        let mut judge = MoveJudge::new(inventory, request, evidence, unasked, mapped, &self.targets);
        let (mut slots, mut errors): (Vec<Slot>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
        let mut groups: Vec<Group> = Vec::new();
        for problem in &self.problems {
            match problem {
                MoveProblem::Error(error) => slots.push(Slot::Error((**error).clone())),
                MoveProblem::Crossing(crossing) => {
                    let Some(kind) = judge.kind(crossing) else { continue };
                    let same = |group: &&mut Group<'_>| kind.alone.is_none() && group.kind == kind;
                    match groups.iter_mut().find(same) {
                        Some(group) => group.members.push(crossing),
                        None => {
                            slots.push(Slot::Group(groups.len()));
                            groups.push(Group { kind, members: vec![crossing] });
                        }
                    }
                }
            }
        }
        let mut warnings = Vec::new();
        for slot in slots {
            let diagnostic = match slot {
                Slot::Error(error) => error,
                Slot::Group(at) => judge.specified(&groups[at]),
            };
            if diagnostic.severity == Severity::Error { errors.push(diagnostic) } else { warnings.push(diagnostic) }
        }
        errors.extend(judge.without_effect(&self));
        let mut outcome = self.outcome;
        if !errors.is_empty() {
            return Err(Failure::Refused(errors));
        }
        // They come before what is said of the rest.
        warnings.append(&mut outcome.warnings);
        outcome.warnings = warnings;
        Ok(outcome)
    }
}

enum Slot {
    Error(Diagnostic),
    Group(usize),
}

/// Changes of account about which one thing is said.
struct Group<'p> {
    kind: Kind,
    members: Vec<&'p Crossing>,
}

/// What is said of a change of account. Those of one kind are said together.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    /// Index of the target.
    to: usize,
    /// The manifest's own account, where that is not to be left.
    written: Option<ClusterAccount>,
    /// The accounts that evidence shows and that are not to be left.
    shown: Vec<ClusterAccount>,
    /// Whether `--orphan-resources` is missing.
    orphan: bool,
    /// Whether `unknown=` would do if the cluster were named.
    unnamed: bool,
    /// Whether what the manifest says is one of a kind, and is said by itself.
    alone: Option<usize>,
}

/// Where something shows a cluster, and in which account.
struct Sighting {
    place: ClusterAccount,
    /// For a label or a line: `Git's HEAD has it with no identityRef`.
    words: String,
}

struct MoveJudge<'j> {
    inventory: &'j Inventory,
    request: &'j InjectRequest,
    known: &'j KnownAccounts,
    evidence: &'j Evidence,
    unasked: Unasked,
    mapped: Option<&'j Mapped<'j>>,
    targets: &'j [RoleArn],
    /// Which of the moves were of use.
    moved: Vec<bool>,
    /// What Clusters of the run that show life refer to: group is not said, so namespace, kind and name.
    owned: HashMap<(&'j str, &'j str, &'j str), usize>,
}

impl<'j> MoveJudge<'j> {
    fn new(
        inventory: &'j Inventory,
        request: &'j InjectRequest,
        evidence: &'j Evidence,
        unasked: Unasked,
        mapped: Option<&'j Mapped<'j>>,
        targets: &'j [RoleArn],
    ) -> Self {
        let mut owned = HashMap::new();
        for (index, found) in inventory.objects().iter().enumerate() {
            if let (ObjectKind::Cluster { refers_to, .. }, true) =
                (&found.object.object_kind, found.object.alive.is_some())
            {
                for to in refers_to {
                    owned.insert((namespace(&found.object), to.kind.as_str(), to.name.as_str()), index);
                }
            }
        }
        let moved = vec![false; request.moves.len()];
        Self { inventory, request, known: &request.known, evidence, unasked, mapped, targets, moved, owned }
    }

    /// What of an object's own text, or of its Cluster's, shows life: a place and the path of the field.
    fn mark(&self, index: usize) -> Option<(Location, String)> {
        let found = &self.inventory.objects()[index];
        if let Some(mark) = &found.object.alive {
            return Some((found.location(mark.span), mark.path.to_owned()));
        }
        let object = &found.object;
        let own = (namespace(object), object.kind.as_str(), object.name.as_deref().unwrap_or_default());
        let owner = &self.inventory.objects()[*self.owned.get(&own)?];
        let mark = owner.object.alive.as_ref()?;
        Some((owner.location(mark.span), format!("{} of {}", mark.path, owner.title())))
    }

    /// Whether the object itself shows life, in the manifest or in the dump.
    fn shows_life(&self, index: usize) -> bool {
        let found = &self.inventory.objects()[index];
        let live = self.evidence.live.iter().flat_map(|live| live.find(found));
        self.mark(index).is_some() || live.into_iter().any(|live| live.object.alive.is_some())
    }

    /// Where a cluster is shown, and in which accounts.
    fn sightings(&self, crossing: &Crossing) -> Vec<Sighting> {
        let to = &self.targets[crossing.to];
        let found = &self.inventory.objects()[crossing.object];
        if crossing.by == By::Role {
            return Vec::new();
        }
        let mark = self.mark(crossing.object);
        if let Some(live) = &self.evidence.live {
            let existing = live.find(found);
            let words = |existing: &Resource| {
                format!("{}:{} has it with ", live.inventory.file(existing.file).name, existing.line)
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
            Some(head) if existing.is_empty() && head.unreadable.contains(&found.file) => {
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
    fn is_asked(&mut self, place: &ClusterAccount, to: &RoleArn) -> bool {
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
    fn kind(&mut self, crossing: &Crossing) -> Option<Kind> {
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
    fn cluster(&self, index: usize) -> String {
        let found = &self.inventory.objects()[index];
        format!("{}/{}", namespace(&found.object), self.inventory.cluster_name(found).unwrap_or_default())
    }

    /// Whether `--cluster-name` names the object's cluster letter by letter.
    fn is_named(&self, index: usize) -> bool {
        let Some(name) = self.inventory.cluster_name(&self.inventory.objects()[index]) else { return false };
        self.request.selection.cluster_names.iter().any(|glob| glob.glob().glob() == name && !is_glob(name))
    }

    fn specified(&self, group: &Group<'_>) -> Diagnostic {
        let kind = &group.kind;
        if kind.written.is_some() {
            return self.refusal_of_written(group);
        }
        let to = &self.targets[kind.to];
        let first = group.members[0];
        let found = &self.inventory.objects()[first.object];
        let target = self.known.shown(to.account());
        let many = group.members.len();
        let who = if many == 1 { found.title() } else { format!("{many} objects") };
        let message = match &kind.shown[..] {
            [] if kind.orphan => {
                let (show, themselves) = if many == 1 { ("shows", "itself") } else { ("show", "themselves") };
                format!("{who} {show} life {themselves}, and would be pointed at {target}")
            }
            [] => format!(
                "{who} would be moved out of an unknown account, and --cluster-name does not name {}",
                if many == 1 { "it" } else { "them" }
            ),
            places => {
                let places: Vec<String> = places.iter().map(|place| place.shown(self.known)).collect();
                format!("{who} may run in {}, and would be pointed at {target}", places.join(" and "))
            }
        };
        let unnamed = kind.shown.is_empty() && !kind.orphan;
        let refused = self.unasked == Unasked::Refused || unnamed;
        let diagnostic = if refused { Diagnostic::error(message) } else { Diagnostic::warning(message) };
        let (at, label) = self.place_and_words(first);
        let mut diagnostic = diagnostic.at(at, label);
        for &other in group.members.iter().skip(1).take(2) {
            let (title, words) = (self.inventory.objects()[other.object].title(), self.place_and_words(other).1);
            diagnostic = diagnostic.help(if words.is_empty() { title } else { format!("{title}: {words}") });
        }
        if many > 3 {
            diagnostic = diagnostic.help(format!("and {} more, named below", many - 3));
        }
        if !refused {
            diagnostic = diagnostic.help("--write and --check refuse this");
        }
        if !kind.shown.is_empty() {
            diagnostic = diagnostic.help(NO_MOVE);
            diagnostic = self.to_stay(diagnostic, group);
        }
        self.to_move(diagnostic, group)
    }

    /// The place that shows a cluster, and what it shows.
    fn place_and_words(&self, crossing: &Crossing) -> (Location, String) {
        let head = self.inventory.objects()[crossing.object].head();
        let sightings = self.sightings(crossing);
        let Some(first) = sightings.first() else { return (head, String::new()) };
        let at = match self.mark(crossing.object) {
            Some((at, field)) if first.words.starts_with(&field) => at,
            _ => head,
        };
        (at, escape_control(&first.words).into_owned())
    }

    /// The refusal where the manifest itself names another account.
    fn refusal_of_written(&self, group: &Group<'_>) -> Diagnostic {
        let first = group.members[0];
        let to = &self.targets[group.kind.to];
        let title = self.inventory.objects()[first.object].title();
        let Some(written) = &first.from else { return Diagnostic::error(title) };
        let words = &written.words;
        let other = || Diagnostic::error(format!("{title} says something else already: {words}"));
        let error = match &written.place {
            IdentityAccount::Account(from) => match group.members.len() {
                1 => Diagnostic::error(format!("{title} is in account {from} ({words}), not in {}", to.account())),
                many => Diagnostic::error(format!("{many} objects are in account {from}, not in {}", to.account())),
            }
            .help(NO_MOVE),
            IdentityAccount::OtherPartition(arn) => {
                let (own, wanted) = (arn.partition().id(), to.partition().id());
                other().help(format!("its role is of partition {own}, not {wanted}: two accounts, though they have one number"))
            }
            IdentityAccount::Management => other()
                .help("CAPA knows one such identity, named default, and writes it by default on some kinds; this one was somebody's choice")
                .help("pass --overwrite to replace it"),
            IdentityAccount::Unreadable(arn) => other()
                .help(format!("its role ARN is {arn}, which says no account: if the cluster runs there, its VPC and machines stay there"))
                .help("fill in the role ARN and run again"),
            IdentityAccount::Unknown => other()
                .help("these files don't say in which account that is: if the cluster runs there, its VPC and machines stay there")
                .help("name the file with that identity too, if it is a role"),
        };
        let mut error = error.at(written.at, format!("wanted: {to}"));
        for &more in group.members.iter().skip(1).take(2) {
            let title = self.inventory.objects()[more.object].title();
            error = error.help(format!("{title}: {}", more.from.as_ref().map_or("", |written| &written.words)));
        }
        if matches!(written.place, IdentityAccount::Management) {
            return error;
        }
        self.to_move(error, group)
    }

    /// The lines that keep clusters where they are.
    fn to_stay(&self, diagnostic: Diagnostic, group: &Group<'_>) -> Diagnostic {
        let it = if group.members.len() == 1 { "it stays" } else { "they stay" };
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut templates: BTreeSet<&str> = BTreeSet::new();
        let mut entries: BTreeSet<String> = BTreeSet::new();
        for crossing in &group.members {
            let found = &self.inventory.objects()[crossing.object];
            let is_template =
                matches!(&found.object.object_kind, ObjectKind::Referencing { kind_row, .. } if kind_row.template);
            let name = if is_template { found.object.name.as_deref() } else { self.inventory.cluster_name(found) };
            if is_template {
                templates.extend(name)
            } else {
                names.extend(name)
            };
            entries.extend(self.mapped.and_then(|mapped| mapped.entry(self.inventory, crossing.object)));
        }
        let listed = |names: &BTreeSet<&str>| {
            let names: Vec<String> = names.iter().map(|name| json!(escape_control(name)).to_string()).collect();
            format!("[{}]", names.join(", "))
        };
        let entries = entries.into_iter().collect::<Vec<_>>().join(", ");
        let in_source = group.kind.shown == [ClusterAccount::Source];
        let Some(mapped) = self.mapped else {
            return diagnostic.help(match in_source && !names.is_empty() {
                true => format!(
                    "if {it} there, in an account map (.xaccount.yaml): source: {{clusters: {{names: {}}}}}",
                    listed(&names)
                ),
                false => format!("if {it} there: select the other clusters with --cluster-name"),
            });
        };
        if !in_source {
            return diagnostic.help(format!("if {it} there: correct the account map at {entries}"));
        }
        if names.is_empty() {
            return diagnostic
                .help(format!("if {it} there: remove {} from the account map at {entries}", listed(&templates)));
        }
        let source = &mapped.map.source;
        let names = listed(&names);
        let line = match (source.clusters.first(), &source.account) {
            (Some(entry), _) => {
                format!("add an entry to source.clusters ({}): names: {names}", (mapped.place)(entry.span))
            }
            (None, Some(account)) => {
                format!(
                    "in the account map, under source ({}): clusters: {{names: {names}}}",
                    (mapped.place)(account.span)
                )
            }
            (None, None) => format!("in the account map: source: {{clusters: {{names: {names}}}}}"),
        };
        diagnostic
            .help(format!("if {it} there, {line}"))
            .help(format!("and in the entry that names the cluster now ({entries}): except: {{names: {names}}}"))
    }

    /// The flags that ask for the change.
    fn to_move(&self, diagnostic: Diagnostic, group: &Group<'_>) -> Diagnostic {
        let kind = &group.kind;
        let account = self.targets[kind.to].account();
        let mut flags: Vec<String> = Vec::new();
        let mut unknown = kind.unnamed;
        for place in kind.written.iter().chain(&kind.shown) {
            let flag = AccountMove { from: place.from(), to: account.clone() }.to_string();
            unknown |= *place == ClusterAccount::Unknown;
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
        let mut once = |flag: String| {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        };
        let members = || group.members.iter().filter(|crossing| crossing.by != By::Role);
        if unknown {
            let unnamed = members().filter(|crossing| !self.is_named(crossing.object));
            for name in
                unnamed.filter_map(|crossing| self.inventory.cluster_name(&self.inventory.objects()[crossing.object]))
            {
                once(format!("--cluster-name {}", word(name)));
            }
        }
        if kind.orphan {
            members().for_each(|crossing| once(format!("--orphan-resources {}", word(&self.cluster(crossing.object)))));
        }
        let flags = flags.join(" ");
        diagnostic.help(match (group.members.len(), kind.orphan) {
            (1, false) => format!("if the cluster does not exist yet, or is to be made anew: {flags}"),
            (1, true) => format!("if its resources are gone, or are to be left behind: {flags}"),
            (_, false) => format!("if the clusters do not exist yet, or are to be made anew: {flags}"),
            (_, true) => format!("if their resources are gone, or are to be left behind: {flags}"),
        })
    }

    /// What was asked for, and changes nothing.
    fn without_effect(&self, proposal: &Proposal) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        let crossed: BTreeSet<usize> = proposal.crossings().map(|crossing| crossing.object).collect();
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

/// A text of a manifest as a word of a command line to paste.
fn word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/".contains(&b);
    match text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", escape_control(text).replace('\'', r"'\''")),
    }
}

/// Whether a text means something to a glob.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}', '\\', '!'])
}

const NO_MOVE: &str = "an identity moves no VPC and no machine: CAPA would look for the cluster's resources in the new account, and not find them";
