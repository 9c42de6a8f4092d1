//! Finds clusters whose account has changed, and the causes.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{AccountSummary, Row, Status, identity_of, role_of};
use crate::capa::{ROLE_IDENTITY, Reason, VerdictOutcome};
use crate::diag::{Location, Span};
use crate::inventory::{ObjectId, Provenance};

/// A cluster that moved, appeared or disappeared.
#[derive(Clone, Debug)]
pub struct Move {
    /// Its object's kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its object's name.
    pub name: String,
    /// `NAMESPACE/NAME` of its cluster.
    pub title: String,
    /// The account before; `None` if the cluster appeared.
    pub before: Option<AccountSummary>,
    /// The account now; `None` if the cluster disappeared.
    pub after: Option<AccountSummary>,
    /// The cause.
    pub cause: Cause,
}

impl Move {
    /// Whether it exists on both sides, and its account differs.
    pub fn is_move(&self) -> bool {
        self.before.is_some() && self.after.is_some()
    }
}

/// The side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveSide {
    /// The old state.
    Before,
    /// The new state.
    After,
}

/// The cause of a move.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The field, or what happened, in a few words.
    pub what: &'static str,
    /// The side on which the place is.
    pub side: MoveSide,
    /// The object with the place, on that side.
    pub object: ObjectId,
    /// The place; `None` for an object of a cluster.
    pub at: Option<Location>,
}

/// Namespace, name and kind.
type MoveKey = (String, String, String);

/// The rows of one key on both sides.
#[derive(Default)]
struct KeyedRows<'s> {
    before: Vec<&'s Row>,
    after: Vec<&'s Row>,
}

/// A row and its status.
struct StatusRow<'s, 'i, O> {
    status: &'s Status<'i, O>,
    row: &'s Row,
}

impl<O: Provenance> StatusRow<'_, '_, O> {
    /// The identity that the cluster itself references.
    fn own_identity(&self) -> Option<(String, String)> {
        self.row.verdict.chain.first().map(|hop| (hop.kind.to_owned(), hop.name.to_owned()))
    }

    /// The role of that identity as a cause, if the identity exists.
    fn role(&self, what: &'static str, side: MoveSide) -> Option<Cause> {
        let inventory = self.status.inventory;
        let object = identity_of(inventory, &self.row.verdict.chain.first()?)?;
        Some(Cause { what, side, object, at: role_of(&inventory[object]).into() })
    }
}

fn key<O: Provenance>(status: &Status<'_, O>, row: &Row) -> MoveKey {
    (row.namespace.clone(), row.name.clone(), status.inventory[row.object].object.kind.clone())
}

/// The changes from `before` to `after`, by kind, namespace and name.
pub fn moves<B: Provenance, A: Provenance>(before: &Status<'_, B>, after: &Status<'_, A>) -> Vec<Move> {
    let mut rows: BTreeMap<MoveKey, KeyedRows<'_>> = BTreeMap::new();
    for row in &before.rows {
        rows.entry(key(before, row)).or_default().before.push(row);
    }
    for row in &after.rows {
        rows.entry(key(after, row)).or_default().after.push(row);
    }
    let mut moves = Vec::new();
    for ((namespace, name, kind), rows) in rows {
        for (was, is) in pairs(before, after, &rows) {
            let cause = match (was, is) {
                (Some(was), Some(is)) if was.account == is.account => continue,
                (Some(was), Some(is)) => {
                    cause(&StatusRow { status: before, row: was }, &StatusRow { status: after, row: is })
                }
                (None, Some(is)) => place("appeared", MoveSide::After, after, is),
                (Some(was), None) => place("gone", MoveSide::Before, before, was),
                (None, None) => continue,
            };
            let title = is.or(was).map(Row::title).unwrap_or_default();
            let (kind, namespace, name) = (kind.clone(), namespace.clone(), name.clone());
            let account = |row: Option<&Row>| row.map(|row| row.account.clone());
            moves.push(Move { kind, namespace, name, title, before: account(was), after: account(is), cause });
        }
    }
    moves
}

/// Matches the rows of both sides. If one name is in the directories of several management clusters, rows are matched
/// by the longest common end of their paths.
fn pairs<'s, B: Provenance, A: Provenance>(
    before: &'s Status<'_, B>,
    after: &'s Status<'_, A>,
    rows: &KeyedRows<'s>,
) -> Vec<(Option<&'s Row>, Option<&'s Row>)> {
    let KeyedRows { before: old, after: new } = rows;
    let was: Vec<&str> = old.iter().map(|row| before.inventory.holder(&before.inventory[row.object])).collect();
    let is: Vec<&str> = new.iter().map(|row| after.inventory.holder(&after.inventory[row.object])).collect();
    let mut partners: Vec<Option<usize>> = vec![None; old.len()];
    let mut free = vec![true; new.len()];
    let longest = was.iter().map(|path| path.split('/').count()).max().unwrap_or(0);
    for count in (0..=longest).rev() {
        let mut waiting: HashMap<&str, VecDeque<usize>> = HashMap::new();
        for i in (0..old.len()).filter(|&i| partners[i].is_none()) {
            if let Some(end) = end(was[i], count) {
                waiting.entry(end).or_default().push_back(i);
            }
        }
        for j in 0..new.len() {
            let end = end(is[j], count).filter(|_| free[j]);
            if let Some(i) = end.and_then(|end| waiting.get_mut(end)?.pop_front()) {
                (partners[i], free[j]) = (Some(j), false);
            }
        }
    }
    let both = old.iter().zip(partners).map(|(&was, partner)| (Some(was), partner.map(|j| new[j])));
    both.chain(new.iter().zip(free).filter(|(_, free)| *free).map(|(&is, _)| (None, Some(is)))).collect()
}

/// The last parts of a path; `None` if it has fewer.
fn end(path: &str, count: usize) -> Option<&str> {
    let Some(slashes) = count.checked_sub(1) else { return Some("") };
    match path.rmatch_indices('/').nth(slashes) {
        Some((at, _)) => Some(&path[at + 1..]),
        None => (path.split('/').count() == count).then_some(path),
    }
}

fn place<O: Provenance>(what: &'static str, side: MoveSide, status: &Status<'_, O>, row: &Row) -> Cause {
    let found = &status.inventory[row.object];
    let at = found.location(Span::new(found.object.start, found.object.start)).into();
    Cause { what, side, object: row.object, at }
}

/// The line that moved a cluster: its reference, or the role of the identity that it still references.
fn cause<B: Provenance, A: Provenance>(was: &StatusRow<'_, '_, B>, is: &StatusRow<'_, '_, A>) -> Cause {
    let StatusRow { status, row } = is;
    let names_role = is.own_identity().is_some_and(|(kind, _)| kind == ROLE_IDENTITY);
    if names_role && was.own_identity() == is.own_identity() {
        let gone = was.role("identity gone", MoveSide::Before);
        let what = match &gone {
            Some(_) if row.verdict.reason == Some(Reason::Ambiguous) => "two identities of one name",
            Some(_) => "roleARN",
            None => "identity appeared",
        };
        if let Some(cause) = is.role(what, MoveSide::After).or(gone) {
            return cause;
        }
    }
    let found = &status.inventory[row.object];
    let refused = row.verdict.outcome == VerdictOutcome::Error && row.verdict.chain.is_empty();
    let what = if refused { "identityRef refused" } else { "identityRef" };
    Cause { what, side: MoveSide::After, object: row.object, at: found.location(row.reference).into() }
}
