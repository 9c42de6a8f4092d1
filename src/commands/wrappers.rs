//! Messages about objects of other programs that contain or create clusters.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::input::Usage;
use xaccount::capa::{IdentityKind, State, Wrapper, WrapperKind};
use xaccount::diag::{Diagnostic, Severity, escape_control};
use xaccount::inventory::{Inventory, Resource};

/// Objects of a kind in one message.
const MOST: usize = 3;

/// The end of the sentence about wrappers in a run that edits.
pub(crate) const NOT_EDITED: &str = "not edited";

/// Wrappers to name in a message, by kind.
pub(crate) struct Wrappers<'i> {
    inventory: &'i Inventory,
    kinds: Vec<OfKind<'i>>,
}

/// The wrappers of one kind.
struct OfKind<'i> {
    row: &'static WrapperKind,
    objects: Vec<(&'i Resource, &'i Wrapper)>,
}

impl<'i> Wrappers<'i> {
    /// Those to name next to clusters: they show that they are about clusters of CAPA. A ConfigMap or a Secret often contains
    /// manifests that are only examples, and is named if an identity in it is missing elsewhere.
    pub(crate) fn that_matter(inventory: &'i Inventory) -> Self {
        let missing = OnceCell::new();
        let is_missing = |identity: &(IdentityKind, String)| {
            let missing = missing.get_or_init(|| missing_identities(inventory));
            missing.contains(&(identity.0.name(), identity.1.as_str()))
        };
        Self::of(inventory, |wrapper| match wrapper.is_content() {
            true => wrapper.identities.iter().any(is_missing),
            false => wrapper.matters(),
        })
    }

    /// Those to name in a run that found nothing else: those that are about clusters of CAPA or, if there are none, all.
    pub(crate) fn any(inventory: &'i Inventory) -> Self {
        let some = Self::of(inventory, Wrapper::matters);
        if some.is_empty() { Self::of(inventory, |_| true) } else { some }
    }

    fn of(inventory: &'i Inventory, wanted: impl Fn(&Wrapper) -> bool) -> Self {
        let mut kinds: Vec<OfKind<'i>> = Vec::new();
        for (found, wrapper) in inventory.wrappers().filter(|(_, wrapper)| wanted(wrapper)) {
            match kinds.iter_mut().find(|one| one.row == wrapper.row) {
                Some(one) => one.objects.push((found, wrapper)),
                None => kinds.push(OfKind { row: wrapper.row, objects: vec![(found, wrapper)] }),
            }
        }
        Self { inventory, kinds }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Whether one of them shows that it is about clusters of CAPA.
    pub(crate) fn matter(&self) -> bool {
        self.objects().any(|(_, wrapper)| wrapper.matters())
    }

    fn objects(&self) -> impl Iterator<Item = &(&'i Resource, &'i Wrapper)> {
        self.kinds.iter().flat_map(|kind| &kind.objects)
    }

    /// All of them: `a Credential and 2 ClusterDeployments of k0rdent, and a HelmRelease of Flux`.
    pub(crate) fn named(&self) -> String {
        let mut by_program: Vec<(&str, Vec<String>)> = Vec::new();
        for OfKind { row, objects } in &self.kinds {
            let name = match objects.len() {
                1 => format!("a {}", row.kind),
                count => format!("{count} {}s", row.kind),
            };
            match by_program.iter_mut().find(|(program, _)| *program == row.program) {
                Some((_, names)) => names.push(name),
                None => by_program.push((row.program, vec![name])),
            }
        }
        let of = |(program, names): &(&str, Vec<String>)| match *program {
            "" => format!("{} with manifests", listed(names)),
            program => format!("{} of {program}", listed(names)),
        };
        let all: Vec<String> = by_program.iter().map(of).collect();
        match &all[..] {
            [some @ .., last] if !some.is_empty() => format!("{}, and {last}", some.join(", ")),
            all => listed(all),
        }
    }

    /// For each kind: the objects, what happens to them, and what to do.
    pub(crate) fn help(&self, usage: &Usage) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for kind in &self.kinds {
            let titles: Vec<String> = kind.objects.iter().map(|&(found, wrapper)| self.title(found, wrapper)).collect();
            let row = kind.row;
            lines.push(format!("{}: {}", shortened(&titles), row.does));
            if usage.edits {
                let edit = row.edit.to_owned();
                lines.extend((!lines.contains(&edit)).then_some(edit));
            }
            if let Some(render) = row.render {
                let then = if usage.edits { "or render" } else { "render" };
                lines.push(format!("{then} it and pass the result: {render} | {}", usage.piped()));
            }
        }
        lines
    }

    /// An object with its place, and what is known about it.
    fn title(&self, found: &Resource, wrapper: &Wrapper) -> String {
        let mut parts = vec![self.inventory.place(found)];
        // Not even the kinds in a Secret are shown.
        if !wrapper.contains.is_empty() && wrapper.row.kind != "Secret" {
            let kinds: Vec<String> = wrapper.contains.iter().map(|kind| (*kind).to_owned()).collect();
            parts.push(format!("contains {}", listed(&kinds)));
        }
        let names: Vec<String> = wrapper.names.iter().map(|(kind, name)| format!("{kind} {name}")).collect();
        parts.extend((!names.is_empty()).then(|| format!("names {}", shortened(&names))));
        parts.extend(self.applied_by(found).map(|set| format!("applied by {}", set.title())));
        format!("{} ({})", found.title(), escape_control(&parts.join(", ")))
    }

    /// The ClusterResourceSet that names a ConfigMap or a Secret.
    fn applied_by(&self, found: &Resource) -> Option<&'i Resource> {
        let name = found.object.name.as_deref()?;
        let names =
            |wrapper: &Wrapper| wrapper.names.iter().any(|one| (&*one.0, &*one.1) == (&found.object.kind, name));
        let same_namespace = |set: &Resource| self.inventory.namespace_of(set) == self.inventory.namespace_of(found);
        let mut sets = self.inventory.wrappers().filter(|(_, wrapper)| wrapper.applies());
        sets.find(|(set, wrapper)| names(wrapper) && same_namespace(set)).map(|(set, _)| set)
    }

    /// A note of a run that found clusters, too; a warning if a wrapper certainly contains one. `what` is the
    /// end of its sentence: `not edited`.
    pub(crate) fn beside(inventory: &'i Inventory, usage: &Usage, what: &str) -> Option<Diagnostic> {
        let all = Self::that_matter(inventory);
        if all.is_empty() {
            return None;
        }
        let is_certain = all.objects().any(|(_, wrapper)| !wrapper.contains.is_empty());
        let verb = if all.objects().count() == 1 { "is" } else { "are" };
        let note = Diagnostic::note(format!("{} {verb} {what}", all.named()));
        let severity = if is_certain { Severity::Warning } else { note.severity };
        Some(Diagnostic { severity, help: all.help(usage), ..note })
    }

    /// A line for a summary.
    pub(crate) fn not_checked(&self) -> String {
        let places: Vec<String> = self.objects().map(|(found, _)| self.inventory.place(found)).collect();
        format!("not checked: the contents of {} ({})", self.named(), shortened(&places))
    }
}

/// The identities that an object references and that are in none of the files, by kind and name.
fn missing_identities(inventory: &Inventory) -> HashSet<(&str, &str)> {
    let references = inventory.objects().iter().flat_map(|found| found.object.references());
    let named = references.filter_map(|reference| match &reference.state {
        State::Set(to) => Some((to.kind.text()?, to.name.text()?)),
        _ => None,
    });
    let is_missing = |&(kind, name): &(&str, &str)| {
        IdentityKind::named(kind).is_some_and(|kind| inventory.identities(kind, name).is_empty())
    };
    named.filter(is_missing).collect()
}

/// `a, b and c`
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

/// The first names, and how many more there are.
fn shortened(names: &[String]) -> String {
    match names.len().saturating_sub(MOST) {
        0 => listed(names),
        more => format!("{} and {more} more", names[..MOST].join(", ")),
    }
}
