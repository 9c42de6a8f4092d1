//! References that the patches of a ClusterClass decide: which of them can be set, and where.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, ReplaceOperation};
use serde_json::{Value, json};

use super::identity_account::Existing;
use super::planner::Planner;
use crate::account_map::IdentityName;
use crate::aws::RoleText;
use crate::capa::{ClassDecision, DecidedBy, DecidingVariable, IdentityReference, ObjectKind, State};
use crate::diag::Diagnostic;
use crate::inventory::{ObjectId, SkipReason, Skipped};
use crate::plan::ChangeKind;

/// What to do with a reference that a class decides.
pub(super) enum ByClass {
    /// It is set like any other.
    Set,
    /// It is the wanted one already; the name of the identity.
    Right(IdentityName),
    /// It can't be set: an error, or the object is skipped.
    Undone,
}

impl Planner<'_> {
    /// What to do with a reference, if the class decides it.
    pub(super) fn by_class(
        &mut self,
        index: ObjectId,
        reference: &IdentityReference,
        decision: &ClassDecision,
        role: &RoleText,
    ) -> ByClass {
        let found = &self.inventory[index];
        let is_template = matches!(found.object.object_kind, ObjectKind::Referencing { .. });
        let wanted = self.wanted(role);
        let same = |kind: &Option<String>, name: &Option<String>| {
            kind.as_deref() == Some(wanted.kind.name()) && name.as_deref() == Some(wanted.name.as_str())
        };
        match &decision.by {
            // The patch writes what is written here.
            DecidedBy::Constant(kind, name) if is_template && same(kind, name) => ByClass::Set,
            DecidedBy::Constant(..) if !is_template => self.constant(index, reference, decision, role, &wanted),
            DecidedBy::Variable(variable) if !is_template => {
                self.in_variable(index, reference, decision, variable, &wanted)
            }
            // Found by its name or by a flag: the class may use it.
            DecidedBy::Unknown(undecided) if !is_template && reference.is_in_variable() && !undecided.part_only => {
                let message = format!("{}: it is not known whether its class uses the variable", found.title());
                let warning = Diagnostic::warning(message).at(found.location(reference.span), "");
                self.outcome.warnings.push(warning.help(format!("{}: {}", decision.shown(), undecided.why)));
                ByClass::Set
            }
            _ => {
                self.undone.push((index, decision.clone()));
                ByClass::Undone
            }
        }
    }

    /// A Cluster whose class has a constant reference.
    fn constant(
        &mut self,
        index: ObjectId,
        reference: &IdentityReference,
        decision: &ClassDecision,
        role: &RoleText,
        wanted: &IdentityName,
    ) -> ByClass {
        if let State::Set(existing) = &reference.state
            && let Some(Existing::Right(name)) = self.judge(index, existing, role, wanted, true)
        {
            return ByClass::Right(name);
        }
        let found = &self.inventory[index];
        self.errors.push(
            Diagnostic::error(format!("{}: its class {}", found.title(), sets(&decision.by)))
                .at(found.location(reference.span), format!("wanted: {wanted}"))
                .help(format!("set by {}", decision.shown()))
                .help("change that patch: read the name from a variable, or write the wanted one")
                .help("or select only the other clusters with --cluster-name"),
        );
        ByClass::Undone
    }

    /// A Cluster whose class reads the reference from a variable.
    fn in_variable(
        &mut self,
        index: ObjectId,
        reference: &IdentityReference,
        decision: &ClassDecision,
        variable: &DecidingVariable,
        wanted: &IdentityName,
    ) -> ByClass {
        let wanted = wanted.kind.name();
        let Some(source) = variable.kind.as_ref().filter(|source| source.kind != wanted) else {
            let title = self.inventory[index].title();
            self.decided(|| format!("{title}: {} reads its variable {}", decision.shown(), variable.dotted()));
            return ByClass::Set;
        };
        let found = &self.inventory[index];
        let (dotted, kind) = (variable.dotted(), &source.kind);
        let message = format!("{}: its variable {dotted} can only name an {kind}", found.title());
        let place = source.template.as_ref();
        let help = match place {
            Some(template) => format!("the kind is in {template}, and the name is written by {}", decision.shown()),
            None => format!("written by {}", decision.shown()),
        };
        self.errors.push(
            Diagnostic::error(message)
                .at(found.location(reference.span), format!("wanted: an {wanted}"))
                .help(help)
                .help(format!("write kind: {wanted} there, for all Clusters of the class, and run again"))
                .help("or select only the other clusters with --cluster-name"),
        );
        ByClass::Undone
    }

    /// Skips the objects whose reference the class decides elsewhere. If nothing else is selected, that is an error: an
    /// edit would have no effect.
    pub(super) fn settle_undone(&mut self, nothing_else: bool) {
        let is_error = nothing_else && self.errors.is_empty();
        for (index, decision) in std::mem::take(&mut self.undone) {
            let found = &self.inventory[index];
            let is_template = matches!(found.object.object_kind, ObjectKind::Referencing { .. });
            let why = format!("{} {}", decision.shown(), undoes(&decision.by));
            if is_error {
                let (what, label) = match (is_template, &decision.by) {
                    (true, DecidedBy::Unknown(_)) => ("its class may overwrite its identityRef", ""),
                    (true, _) => ("its class overwrites its identityRef", "a change here would have no effect"),
                    (false, _) => ("its class decides the identityRef, and that can't be followed", ""),
                };
                let error = Diagnostic::error(format!("{}: {what}", found.title())).at(found.head(), label).help(why);
                self.errors.push(ways_out(&decision.by).into_iter().fold(error, Diagnostic::help));
                continue;
            }
            let message = format!("{} is skipped: its class decides the identityRef", found.title());
            let note = if is_template { Diagnostic::note(message) } else { Diagnostic::warning(message) };
            self.outcome.warnings.push(note.at(found.head(), "").help(why.clone()));
            self.outcome.skipped.push(Skipped::new(found, SkipReason::ClassPatch, why));
        }
    }
}

/// What a class sets, in words.
fn sets(by: &DecidedBy) -> String {
    match by {
        DecidedBy::Constant(None, None) => "removes the identityRef".to_owned(),
        DecidedBy::Constant(kind, name) => format!(
            "sets the identityRef to {}/{}",
            kind.as_deref().unwrap_or("(no kind)"),
            name.as_deref().unwrap_or("(no name)")
        ),
        DecidedBy::Variable(variable) => format!("sets the identityRef from the variable {}", variable.dotted()),
        DecidedBy::Unknown(undecided) => undecided.why.clone(),
    }
}

/// What a patch does to the reference, after its name and place.
fn undoes(by: &DecidedBy) -> String {
    match by {
        DecidedBy::Unknown(undecided) => format!("can't be followed: {}", undecided.why),
        known => sets(known),
    }
}

fn ways_out(by: &DecidedBy) -> Vec<String> {
    match by {
        DecidedBy::Variable(variable) => vec![
            format!("also pass the files of its Clusters: their variable {} is set then", variable.dotted()),
            "or change the patch".to_owned(),
        ],
        DecidedBy::Constant(..) => {
            vec!["change the patch: read the name from a variable, or write the wanted one".into()]
        }
        DecidedBy::Unknown(undecided) => vec![undecided.help.to_owned()],
    }
}

/// The operations that set a variable which is only the name of the identity, or is not set yet; `None` for another
/// reference.
pub(super) fn variable_operations(
    reference: &IdentityReference,
    wanted: &IdentityName,
    missing: impl Fn(&[String], usize, Value) -> (Vec<String>, Value),
) -> Option<(ChangeKind, PatchOperation)> {
    let Some(DecidedBy::Variable(variable)) = reference.class.as_deref().map(|decision| &decision.by) else {
        return None;
    };
    let value = match &variable.kind {
        Some(_) => json!(wanted.name),
        None if variable.is_set => return None,
        None => json!({"kind": wanted.kind.name(), "name": wanted.name}),
    };
    let kind = match reference.state {
        State::Set(_) => ChangeKind::ReferenceReplaced,
        _ => ChangeKind::ReferenceAdded,
    };
    let operation = match variable.is_set {
        true => PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(&reference.path), value }),
        false => {
            let (at, value) = missing(&reference.path, reference.present, value);
            PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(&at), value })
        }
    };
    Some((kind, operation))
}

#[cfg(test)]
mod tests {
    use crate::diag::FileId;
    use crate::inject::{InjectRequest, Target, plan};
    use crate::inventory::{File, Inventory, Scan, scan};
    use crate::plan::Failure;

    const TEMPLATE: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterTemplate\nmetadata: {name: t}\n";

    /// The error about a template whose class has this patch operation.
    fn refusal(operation: &str) -> Option<String> {
        let text = format!(
            "{TEMPLATE}---\napiVersion: cluster.x-k8s.io/v1beta2\nkind: ClusterClass\nmetadata: {{name: q}}\nspec:\n  \
             infrastructure: {{templateRef: {{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, name: t}}}}\n  \
             patches:\n  - name: p\n    definitions:\n    - selector:\n        \
             {{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, matchResources: {{infrastructureCluster: true}}}}\n      \
             jsonPatches: [{{{operation}}}]\n"
        );
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let file = File { name: "f.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false };
        let inventory = Inventory::new(vec![file], scan(FileId(0), text.as_bytes(), &options).unwrap().objects);
        let target = Target::of_account("222222222222".parse().unwrap());
        match plan(&inventory, &InjectRequest::to(target)) {
            Err(Failure::Refused(errors)) => Some(errors[0].message.clone()),
            _ => None,
        }
    }

    #[test]
    fn a_template_that_its_class_overwrites_is_refused() {
        let overwrites = Some("AWSClusterTemplate t: its class overwrites its identityRef".to_owned());
        let path = "/spec/template/spec/identityRef";
        assert_eq!(refusal(&format!("op: add, path: {path}, valueFrom: {{variable: v}}")), overwrites);
        assert_eq!(refusal(&format!("op: add, path: {path}/name, value: keys")), overwrites);
        let wanted = "{kind: AWSClusterRoleIdentity, name: cross-account-role-222222222222}";
        assert_eq!(refusal(&format!("op: add, path: {path}, value: {wanted}")), None);
        assert_eq!(refusal("op: add, path: /spec/template/spec/region, valueFrom: {variable: v}"), None);
    }
}
