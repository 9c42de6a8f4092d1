//! Which clusters are in another account than before, and what moved them.

use std::collections::BTreeMap;

use super::{Account, Row, Status, role_of};
use crate::capa::{Outcome, ROLE_IDENTITY, Reason};
use crate::diag::{Location, Span};

/// A cluster that moved, came or went.
#[derive(Clone, Debug)]
pub struct Move {
    /// Its object's kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its object's name.
    pub name: String,
    /// `NAMESPACE/NAME` of its cluster.
    pub title: String,
    /// The account before; `None` where it came.
    pub before: Option<Account>,
    /// The account now; `None` where it went.
    pub after: Option<Account>,
    /// What did it.
    pub cause: Cause,
}

impl Move {
    /// Whether it is there on both sides, and its account differs.
    pub fn is_move(&self) -> bool {
        self.before.is_some() && self.after.is_some()
    }
}

/// In which of the two trees a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// As it was.
    Before,
    /// As it is.
    After,
}

/// What moved a cluster.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The field, or what happened, in a few words.
    pub what: &'static str,
    /// In which tree the place is.
    pub side: Side,
    /// The place.
    pub at: Location,
}

/// Kind, namespace and name, and which of the object's references it is.
type Key = (String, Option<String>, String, usize);

fn rows<'s>(status: &'s Status<'_>) -> BTreeMap<Key, &'s Row> {
    let mut rows = BTreeMap::new();
    for row in &status.rows {
        let kind = status.run.objects()[row.object].object.kind.clone();
        let mut key = (kind, row.namespace.clone(), row.name.clone(), 0);
        while rows.contains_key(&key) {
            key.3 += 1;
        }
        rows.insert(key, row);
    }
    rows
}

/// What differs from `before` to `after`: by kind, namespace and name.
pub fn moves(before: &Status<'_>, after: &Status<'_>) -> Vec<Move> {
    let (old, new) = (rows(before), rows(after));
    let mut keys: Vec<&Key> = old.keys().chain(new.keys()).collect();
    keys.sort_by_key(|(kind, namespace, name, nth)| (namespace, name, kind, nth));
    keys.dedup();
    keys.into_iter()
        .filter_map(|key| {
            let (was, is) = (old.get(key).copied(), new.get(key).copied());
            let cause = match (was, is) {
                (Some(was), Some(is)) if was.account == is.account => return None,
                (Some(was), Some(is)) => cause((before, was), (after, is)),
                (None, Some(is)) => place("appeared", Side::After, after, is),
                (Some(was), None) => place("gone", Side::Before, before, was),
                (None, None) => return None,
            };
            let (kind, namespace, name, _) = key.clone();
            let title = is.or(was).map(Row::title).unwrap_or_default();
            let account = |row: Option<&Row>| row.map(|row| row.account.clone());
            Some(Move { kind, namespace, name, title, before: account(was), after: account(is), cause })
        })
        .collect()
}

fn place(what: &'static str, side: Side, status: &Status<'_>, row: &Row) -> Cause {
    let found = &status.run.objects()[row.object];
    Cause { what, side, at: found.location(Span::new(found.object.start, found.object.start)) }
}

/// The line that moved a cluster: its reference, or the role of the identity that it names still.
fn cause((before, was): (&Status<'_>, &Row), (after, is): (&Status<'_>, &Row)) -> Cause {
    let own = |row: &Row| row.verdict.chain.first().map(|hop| (hop.kind.clone(), hop.name.clone()));
    let role = own(is).is_some_and(|(kind, _)| kind == ROLE_IDENTITY);
    let same = own(was) == own(is) && role;
    let at = |status: &Status<'_>, row: &Row| {
        row.identities.first().copied().flatten().map(|index| role_of(&status.run.objects()[index]))
    };
    if same {
        match (at(before, was), at(after, is)) {
            (Some(_), Some(at)) if is.verdict.reason == Some(Reason::Ambiguous) => {
                return Cause { what: "two identities of one name", side: Side::After, at };
            }
            (Some(_), Some(at)) => return Cause { what: "roleARN", side: Side::After, at },
            (None, Some(at)) => return Cause { what: "identity appeared", side: Side::After, at },
            (Some(at), None) => return Cause { what: "identity gone", side: Side::Before, at },
            (None, None) => {}
        }
    }
    let found = &after.run.objects()[is.object];
    let refused = is.verdict.outcome == Outcome::Error && is.verdict.chain.is_empty();
    let what = if refused { "identityRef refused" } else { "identityRef" };
    Cause { what, side: Side::After, at: found.location(is.reference) }
}
