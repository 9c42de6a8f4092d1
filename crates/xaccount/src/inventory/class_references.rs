//! The references that the patches of ClusterClasses decide: those of topology Clusters, and those of templates, which
//! the patches replace.

use std::collections::HashMap;

use super::inventory::Inventory;
use super::object_id::KnownId;
use super::origin::{OriginRef, Provenance};
use super::resource::Resource;
use crate::capa::{
    ClassDecision, ClassPart, ClusterClass, DecidedBy, IdentityReference, KnownTemplate, ObjectKind, State, Undecided,
    class_effect, decided_reference,
};
use crate::diag::escape_control;

/// A reference that a class decides, and the part of the class that has its template.
#[derive(Clone, PartialEq, Eq)]
struct Decision {
    part: ClassPart,
    decision: ClassDecision,
}

/// The new references of an object.
enum Decided {
    Cluster(Vec<IdentityReference>),
    Template(ClassDecision),
}

/// The references that each class decides.
type Decisions = HashMap<KnownId, Vec<Decision>>;

impl<O: Provenance> Inventory<O> {
    /// Sets the references that classes decide. Returns whether there are any, or were before.
    pub(super) fn decide_by_classes(&mut self) -> bool {
        let had = self.undecide();
        let decided = self.decided_references();
        let any = !decided.is_empty();
        self.apply(decided);
        had || any
    }

    fn apply(&mut self, decided: Vec<(usize, Decided)>) {
        for (index, decided) in decided {
            match (&mut self.all.own[index].object.object_kind, decided) {
                (ObjectKind::Cluster { references, unclear, topology: Some(topology), .. }, Decided::Cluster(new)) => {
                    let before = std::mem::replace(references, new);
                    topology.without_class = Some((before, std::mem::replace(unclear, false)));
                }
                (ObjectKind::Referencing { reference, .. }, Decided::Template(decision)) => {
                    reference.class.get_or_insert_with(|| Box::new(decision));
                }
                _ => {}
            }
        }
    }

    /// The same, with the references that classes of another inventory decide, for Clusters whose class is not in this
    /// one. `same_files` means that both have the same files.
    #[must_use]
    pub fn with_classes_of(mut self, other: &Self, same_files: bool) -> Self {
        let (classes, _) = other.decisions_of_classes();
        if classes.is_empty() {
            return self;
        }
        let mut decided = Vec::new();
        for (index, found) in self.all.own.iter().enumerate() {
            if !self.classes_of(found).is_empty() {
                continue;
            }
            let candidates = other.classes_near(found, found.origin.file().filter(|_| same_files));
            if let Some(references) = other.references_in_class(found, &candidates, &classes) {
                decided.push((index, Decided::Cluster(references)));
            }
        }
        self.apply(decided);
        self.without_index()
    }

    /// Restores what was found without classes. Returns whether anything was decided.
    fn undecide(&mut self) -> bool {
        let mut had = false;
        for found in &mut self.all.own {
            match &mut found.object.object_kind {
                ObjectKind::Cluster { references, unclear, topology: Some(topology), .. } => {
                    if let Some(before) = topology.without_class.take() {
                        (*references, *unclear) = before;
                        had = true;
                    }
                }
                ObjectKind::Referencing { reference, .. } => had |= reference.class.take().is_some(),
                _ => {}
            }
        }
        had
    }

    fn decided_references(&self) -> Vec<(usize, Decided)> {
        let (classes, mut decided) = self.decisions_of_classes();
        if classes.is_empty() {
            return decided;
        }
        for (index, found) in self.all.own.iter().enumerate() {
            if let Some(references) = self.references_in_class(found, &self.classes_of(found), &classes) {
                decided.push((index, Decided::Cluster(references)));
            }
        }
        decided
    }

    /// The references that each class decides, and those of their templates.
    fn decisions_of_classes(&self) -> (Decisions, Vec<(usize, Decided)>) {
        let mut classes = Decisions::new();
        let mut decided: Vec<(usize, Decided)> = Vec::new();
        for &index in &self.owners.classes {
            let found = self.all.at(index);
            let ObjectKind::Class(class) = &found.object.object_kind else { continue };
            for (decision, templates) in self.decisions(found, class) {
                for template in templates.iter().filter_map(|template| template.own(self.all.own.len())) {
                    decided.push((template.index(), Decided::Template(decision.decision.clone())));
                }
                classes.entry(index).or_default().push(decision);
            }
        }
        (classes, decided)
    }

    /// The references that a class decides, each with its templates.
    fn decisions(&self, found: &Resource<O>, class: &ClusterClass) -> Vec<(Decision, Vec<KnownId>)> {
        let decision = |template| {
            let effect = class_effect(class, template)?;
            let templates = self.templates_of(found, &template.reference);
            let known = match templates[..] {
                [one] => Some(self.all.at(one)),
                _ => None,
            };
            let known_template = known;
            let shown = known.map(|known| format!("{} ({})", known.title(), self.all.place(known)));
            let state = known.and_then(|known| Some(&known.object.references().next()?.state));
            let known = shown.as_deref().zip(state).map(|(shown, state)| KnownTemplate { state, shown });
            let title = format!("patch '{}' of {}", escape_control(&effect.patch), found.title());
            let mut decision = effect.decision(title, self.place_in(found, effect.line), known);
            let changed_by = |one: &Resource<O>| {
                let places = one.object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
                places.iter().find_map(|place| place.changed_by()).map(str::to_owned)
            };
            if let Some(place) = changed_by(found).or_else(|| changed_by(known_template?)) {
                decision.by = DecidedBy::Unknown(Undecided {
                    why: format!("{place} changes it"),
                    help: "build it, and pass the result",
                    part_only: true,
                });
            }
            Some((Decision { part: template.part, decision }, templates))
        };
        class.templates.iter().filter_map(decision).collect()
    }

    /// A line of an object, for messages.
    fn place_in(&self, found: &Resource<O>, line: usize) -> String {
        match found.origin.origin() {
            OriginRef::Manifest(_) if line > 0 => {
                let whole = self.all.place(found);
                let file = whole.rsplit_once(':').map_or(whole.as_str(), |(file, _)| file);
                format!("{file}:{line}")
            }
            _ => self.all.place(found),
        }
    }

    /// The references of a topology Cluster, if a class decides them.
    fn references_in_class(
        &self,
        found: &Resource<O>,
        candidates: &[KnownId],
        classes: &Decisions,
    ) -> Option<Vec<IdentityReference>> {
        let ObjectKind::Cluster { references, topology: Some(topology), .. } = &found.object.object_kind else {
            return None;
        };
        let of = |class: &KnownId| classes.get(class).map_or(&[][..], Vec::as_slice);
        let first = candidates.iter().find(|class| !of(class).is_empty())?;
        let decisions = of(first);
        let bys = |class: &KnownId| of(class).iter().map(|one| (one.part, &one.decision.by)).collect::<Vec<_>>();
        if candidates.iter().any(|class| bys(class) != bys(first)) {
            let place = |class: &KnownId| self.all.place(self.all.at(*class));
            let decision = ClassDecision {
                title: decisions[0].decision.title.clone(),
                place: decisions[0].decision.place.clone(),
                by: DecidedBy::Unknown(Undecided {
                    why: format!(
                        "{} classes have this name: {}",
                        candidates.len(),
                        candidates.iter().map(place).collect::<Vec<_>>().join(", ")
                    ),
                    help: "rename one of them, or move it next to its Clusters",
                    part_only: true,
                }),
            };
            return Some(followed(references, &decision, || {
                decided_reference(topology, &decision, &[], decisions[0].part)
            }));
        }
        let ObjectKind::Class(class) = &self.all.at(*first).object.object_kind else { return None };
        let mut decided: Vec<IdentityReference> = Vec::new();
        for Decision { part, decision } in decisions {
            let new = decided_reference(topology, decision, &class.variables, *part);
            let new = with_merges_and_aliases(new, references);
            let by = new.class.as_deref().unwrap_or(decision).clone();
            for reference in match by.by {
                DecidedBy::Unknown(_) => followed(references, &by, || new),
                _ => vec![new],
            } {
                if !decided.iter().any(|one| one.path == reference.path) {
                    decided.push(reference);
                }
            }
        }
        Some(decided)
    }
}

/// A reference in a variable, as it was found without the class, if it was: then merge keys and aliases were followed.
fn with_merges_and_aliases(new: IdentityReference, references: &[IdentityReference]) -> IdentityReference {
    let same = references.iter().find(|one| one.path == new.path && one.state != State::Unset);
    match same.filter(|_| !new.is_name_only()) {
        Some(same) => IdentityReference { class: new.class, ..same.clone() },
        None => new,
    }
}

/// The references that were found without the class, which can't be followed; or the one that is unknown.
fn followed(
    references: &[IdentityReference],
    decision: &ClassDecision,
    unknown: impl FnOnce() -> IdentityReference,
) -> Vec<IdentityReference> {
    if references.is_empty() {
        return vec![unknown()];
    }
    let with = |one: &IdentityReference| IdentityReference { class: Some(Box::new(decision.clone())), ..one.clone() };
    references.iter().map(with).collect()
}
