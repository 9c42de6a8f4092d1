//! What `eject` thinks: which references are taken out, and which identities go with them. No I/O.
//!
//! It is the way back of `inject`, so it takes out references to role identities alone: the controller identity is what
//! CAPA's webhook writes by itself, and a static identity was never `inject`'s.

mod identity;
mod reference;

use std::collections::BTreeMap;

use crate::aws::{AccountId, RoleArn};
use crate::diag::{Diagnostic, FileId, Span};
use crate::inject::{Failure, Outcome, Selection, Verb, checks, selected};
use crate::run::Run;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which objects.
    pub selection: Selection,
    /// Only references to this identity; it may then go from a file of identities, too.
    pub identity_name: Option<String>,
    /// Only references to identities of this account or role.
    pub target: Option<Target>,
    /// The file that keeps identities, if it was named as that.
    pub identity_file: Option<FileId>,
    /// Whether to say what was decided and why.
    pub explain: bool,
}

/// The account or the role of an identity.
#[derive(Clone, Debug)]
pub enum Target {
    /// Any role of this account.
    Account(AccountId),
    /// Exactly this role.
    Role(RoleArn),
}

/// The references that are taken out, before it is known which identities nobody else names.
#[derive(Debug)]
pub struct Draft<'r> {
    run: &'r Run,
    request: &'r Request,
    outcome: Outcome,
    errors: Vec<Diagnostic>,
    /// Names of the identities that are named no more, with the places of those names.
    taken: BTreeMap<String, Vec<(FileId, Span)>>,
    leaving: Vec<usize>,
}

/// Plans the references of a run, and says which identities could go.
///
/// # Errors
/// Everything that is wrong, not only the first of it.
pub fn draft<'r>(run: &'r Run, request: &'r Request) -> Result<Draft<'r>, Failure> {
    let outcome = Outcome { verb: Verb::Eject, ..Outcome::default() };
    let errors = checks::impossible(run).collect();
    let mut draft = Draft { run, request, outcome, errors, taken: BTreeMap::new(), leaving: Vec::new() };
    let selected = match selected(run, &request.selection) {
        Ok(selected) => selected,
        Err(nothing) if draft.errors.is_empty() => return Err(Failure::Nothing(nothing)),
        Err(_) => return Err(Failure::Refused(draft.errors)),
    };
    draft.outcome.warnings.extend(checks::names_that_fit_nothing(run, &request.selection));
    draft.errors.extend(checks::names_of_two_roles(run));
    draft.references(&selected);
    draft.identities();
    if draft.errors.is_empty() { Ok(draft) } else { Err(Failure::Refused(draft.errors)) }
}

/// The plan where nothing can be taken out, and that is right.
pub fn nothing() -> Outcome {
    Outcome { verb: Verb::Eject, ..Outcome::default() }
}

impl Draft<'_> {
    /// The identities that could go, as indices into the run's objects: the question is whether anything else names them.
    pub fn leaving(&self) -> &[usize] {
        &self.leaving
    }

    /// Where the references stand that no longer name an identity, in bytes of their files.
    pub fn taken(&self, name: &str) -> &[(FileId, Span)] {
        self.taken.get(name).map_or(&[], Vec::as_slice)
    }

    /// Notes what was decided and why, where somebody asked.
    fn decided(&mut self, what: impl FnOnce() -> String) {
        if self.request.explain {
            self.outcome.decisions.push(what());
        }
    }
}
