//! Turns a proposal into a plan, if every change of account was requested or needs no request.

use super::controller_identity;
use super::evidence::Evidence;
use super::judge::{Group, MoveJudge, Unasked};
use super::mapped::Mapped;
use super::proposal::{MoveProblem, Proposal};
use super::request::InjectRequest;
use crate::diag::{Diagnostic, Severity};
use crate::inventory::Inventory;
use crate::plan::{Failure, Outcome};

enum Slot {
    Error(Diagnostic),
    Group(usize),
}

impl Proposal {
    /// The plan, if every change of account was requested or needs no request. `mapped` is for the help lines to paste.
    ///
    /// # Errors
    /// The errors found while planning, and every change of account that was not requested.
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
                Slot::Group(at) => judge.diagnostic(&groups[at]),
            };
            if diagnostic.severity == Severity::Error { errors.push(diagnostic) } else { warnings.push(diagnostic) }
        }
        errors.extend(judge.without_effect(&self));
        let mut outcome = self.outcome;
        if !errors.is_empty() {
            return Err(Failure::Refused(errors));
        }
        outcome.add_items(inventory);
        // These come before the other warnings.
        warnings.append(&mut outcome.warnings);
        outcome.warnings = warnings;
        // The requests of the accounts have the map's release, this one does not.
        let of_map = mapped.and_then(|mapped| mapped.map.source.capa_version.as_ref()?.value.parse().ok());
        let release = request.release.as_ref().map(|release| release.value).or(of_map);
        outcome.notes.extend(controller_identity::missing(inventory, &outcome, release));
        Ok(outcome)
    }
}
