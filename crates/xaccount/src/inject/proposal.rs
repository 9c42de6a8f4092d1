//! A plan whose changes of account are not checked yet.

use std::collections::BTreeSet;

use super::identity_account::IdentityAccount;
use crate::aws::{AccountId, RoleText};
use crate::diag::{Diagnostic, FileId, Location};
use crate::inventory::{Inventory, ObjectId};
use crate::plan::Outcome;

/// What moves an object to its new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Its reference changes.
    Reference,
    /// It is an identity, and its role changes.
    Role,
    /// The identity that it references gets another role.
    Identity,
}

/// A change of account of one object.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    pub(super) object: ObjectId,
    /// The account that its manifest specifies; `None` if it specifies none, which means the source account.
    pub(super) from: Option<Box<Written>>,
    pub(super) by: By,
    /// Index of the role in the proposal.
    pub(super) to: usize,
}

/// The account that a manifest specifies.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) place: IdentityAccount,
    pub(super) words: String,
    pub(super) at: Location,
}

/// An error in a plan, or a change of account that may be one.
#[derive(Clone, Debug)]
pub(super) enum MoveProblem {
    Error(Box<Diagnostic>),
    Crossing(Crossing),
}

/// A plan whose changes of account are not checked yet: see [`Proposal::judge`].
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    pub(super) outcome: Outcome,
    pub(super) problems: Vec<MoveProblem>,
    pub(super) targets: Vec<RoleText>,
    /// Accounts that selected objects are in already; `None` for that of a role ARN with a placeholder.
    pub(super) settled: BTreeSet<Option<AccountId>>,
}

/// The changes of account found so far, each with the number of errors found before it.
#[derive(Debug, Default)]
pub(super) struct Crossings {
    crossings: Vec<(usize, Crossing)>,
    targets: Vec<RoleText>,
    pub(super) settled: BTreeSet<Option<AccountId>>,
}

impl Crossings {
    pub(super) fn add(&mut self, errors: usize, object: ObjectId, from: Option<Written>, to: &RoleText, by: By) {
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

    /// Adds another account's proposal, and returns its outcome, which the caller has to join.
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

    /// Adds errors that are not in the list yet: each request checks the whole inventory.
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
        self.crossings().map(|crossing| inventory[crossing.object].origin.file).collect()
    }

    pub(super) fn crossings(&self) -> impl Iterator<Item = &Crossing> {
        self.problems.iter().filter_map(|problem| match problem {
            MoveProblem::Crossing(crossing) => Some(crossing),
            MoveProblem::Error(_) => None,
        })
    }
}
