//! Decides which references of the selected objects are removed.

use json_patch::jsonptr::PointerBuf;
use json_patch::{PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde_json::{Value, json};

use super::{Draft, EjectTarget};
use crate::aws::RoleArn;
use crate::capa::{
    ClassDecision, DecidedBy, DecidingVariable, Field, IdentityKind, IdentityReference, ROLE_IDENTITY, Reference, Rest,
    State,
};
use crate::diag::Diagnostic;
use crate::inventory::{ObjectId, Resource};
use crate::manifest_checks;
use crate::plan::{Change, ChangeKind, SOURCE, account_in_a_line};
use crate::templates::is_filled_in;

/// What to do about references to an identity whose account is not known, because it is in no file of the run.
const NOT_HERE: &str = "also pass the file that contains it, or use --identity-name instead of --account or --role-arn";

/// The same if its role ARN does not show the account.
const NO_ACCOUNT: &str = "use --identity-name instead of --account or --role-arn";

impl Draft<'_> {
    /// Plans the references of the selected objects.
    pub(super) fn references(&mut self, selected: &[ObjectId]) {
        for &index in selected {
            let before = self.outcome.changes.len();
            for reference in self.inventory[index].object.references() {
                self.reference(index, reference);
            }
            if self.outcome.changes.len() == before {
                self.outcome.unchanged.push(index);
            }
        }
        for asked in self.not_referenced() {
            let warning = Diagnostic::warning(format!("no selected object references {asked}"));
            self.outcome.warnings.push(warning.help("nothing is removed; check the spelling"));
        }
        let changes = &self.outcome.changes;
        if changes.iter().any(|change| change.kind == ChangeKind::ReferenceRemoved && change.after == SOURCE) {
            self.outcome.warnings.push(
                Diagnostic::warning("if you apply this to a running cluster, it silently switches to the source account's credentials")
                    .help("CAPA's webhook sets AWSClusterControllerIdentity/default if there is no identityRef; the VPC and machines stay in their account")
                    .help("for a running cluster, use git revert to restore the reference that it was created with"),
            );
        }
    }

    /// What the request names, no selected object references, and no identity of the run has, in words. Another message
    /// says what happens to an existing identity.
    fn not_referenced(&self) -> Vec<String> {
        let names = self.request.identity_names.iter().filter(|name| self.removed_refs(name).is_empty());
        let names = names.filter(|name| self.inventory.identities(IdentityKind::Role, name).is_empty());
        let names = names.map(|name| format!("{ROLE_IDENTITY}/{name}"));
        let target = self.request.target.as_ref().filter(|_| self.outcome.changes.is_empty());
        let target = target.filter(|_| self.request.identity_names.is_empty() && !self.has_identities_to_prune());
        names
            .chain(target.map(|target| match target {
                EjectTarget::Account(account) => format!("an identity of account {account}"),
                EjectTarget::Role(role) => format!("an identity of role {role}"),
            }))
            .collect()
    }

    fn reference(&mut self, index: ObjectId, reference: &IdentityReference) {
        let found = &self.inventory[index];
        let existing = match &reference.state {
            State::Wrong(_) | State::Variable(_) | State::Twice(_) => {
                self.errors.extend(manifest_checks::misplaced(found, reference));
                return;
            }
            State::Unset => return,
            State::Set(existing) => existing,
        };
        if let Some(error) = manifest_checks::unreadable(found, existing) {
            self.errors.push(error);
            return;
        }
        let (Some(ROLE_IDENTITY), Field::Text(name, span)) = (existing.kind.text(), &existing.name) else {
            self.explain_skipped(index, reference, existing, "it does not reference a role identity");
            return;
        };
        let role = self.role_of(name);
        if let Err(why) = self.is_selected(name, role.as_ref()) {
            self.explain_skipped(index, reference, existing, why);
            return;
        }
        if let Some(decision) = &reference.class
            && !self.is_removable(index, reference, decision)
        {
            return;
        }
        if !existing.own {
            self.errors.push(
                Diagnostic::error(format!("{}: its identityRef comes from a merge key ('<<')", found.title()))
                    .at(found.location(existing.span), "it is defined here, and other objects may use it")
                    .help("remove it there, or replace '<<' with the merged keys, and run again"),
            );
            return;
        }
        let class_variable = class_variable(reference);
        let is_value = reference.path.last().is_some_and(|last| last == "value");
        if class_variable.is_none() && reference.precondition.is_some() && is_value {
            self.errors.push(kept_value(found, reference));
            return;
        }
        self.outcome.warnings.extend(manifest_checks::template(found));
        self.outcome.warnings.extend(manifest_checks::dropped_by_kubectl(found));
        self.removed_refs.entry(name.clone()).or_default().push((found.origin.file, *span));
        let before = match role {
            Some(role) => account_in_a_line(&role, name, role.account().to_string()),
            None => format!("unknown ({ROLE_IDENTITY}/{name})"),
        };
        let change = Change {
            object: Some(index),
            kind: ChangeKind::ReferenceRemoved,
            operations: operations(reference).into(),
            before: Some(before),
            after: class_variable.map_or(SOURCE, |variable| after(variable)).to_owned(),
        };
        self.outcome.change(self.inventory, change);
    }

    /// Whether a reference that a class decides can be removed. If not, the reason is added to the messages.
    fn is_removable(&mut self, index: ObjectId, reference: &IdentityReference, decision: &ClassDecision) -> bool {
        let found = &self.inventory[index];
        let shown = decision.shown();
        let keep = |why: String| {
            Diagnostic::warning(format!("{}: its identityRef is kept: {why}", found.title())).at(found.head(), "")
        };
        let variable = match &decision.by {
            DecidedBy::Unknown(_) if reference.is_in_variable() => return true,
            DecidedBy::Variable(variable) if reference.is_in_variable() => variable,
            _ => {
                let warning = keep("its class decides it".to_owned()).help(format!("{shown} writes it"));
                self.outcome.warnings.push(warning.help("to change it, change that patch"));
                return false;
            }
        };
        let dotted = variable.dotted();
        if !variable.is_set {
            let warning = keep(format!("it is the default of the variable {dotted} in its class"));
            self.outcome.warnings.push(warning.help(format!("{shown} reads it; change the default there")));
            return false;
        }
        if variable.required && !variable.has_default {
            let message = format!("{}: the variable {dotted} can't be removed: its class requires it", found.title());
            let error =
                Diagnostic::error(message).at(found.location(reference.span), "").help(format!("read by {shown}"));
            let error = error.help(match &variable.kind {
                Some(source) => format!("without it Cluster API refuses the Cluster, and a name alone can't lead back to the source account: set another {}", source.kind),
                None => "without it Cluster API refuses the Cluster: set kind AWSClusterControllerIdentity and name default".to_owned(),
            });
            self.errors.push(error.help("or select only the other clusters with --cluster-name"));
            return false;
        }
        if !variable.has_default {
            let message = format!("{}: its class can't be applied without the variable {dotted}", found.title());
            let warning = Diagnostic::warning(message).at(found.location(reference.span), "it is removed");
            self.outcome.warnings.push(warning.help(format!("{shown} reads it, and it has no default")));
        }
        true
    }

    /// Explains, for `-v`, why a reference is skipped.
    fn explain_skipped(&mut self, index: ObjectId, reference: &IdentityReference, existing: &Reference, why: &str) {
        let title = self.inventory[index].title();
        self.decided(|| {
            let [kind, name] = [&existing.kind, &existing.name].map(|field| field.text().unwrap_or("(none)"));
            format!("{title}: {} references {kind}/{name} and is skipped: {why}", reference.path.join("."))
        });
    }

    /// The role of an identity, if the run has it.
    pub(super) fn role_of(&self, name: &str) -> Option<RoleArn> {
        let existing = self.inventory.identities(IdentityKind::Role, name).iter();
        existing.filter_map(|&index| self.inventory[index].object.role_arn()?.parse().ok()).next()
    }

    /// The role ARN of an identity, if the run has one, as its text.
    fn role_text(&self, name: &str) -> Option<&str> {
        let existing = self.inventory.identities(IdentityKind::Role, name).iter();
        existing.filter_map(|&index| self.inventory[index].object.role_arn()).next()
    }

    /// Whether references to this identity are to be removed. The error is why not.
    fn is_selected(&mut self, name: &str, role: Option<&RoleArn>) -> Result<(), &'static str> {
        let names = &self.request.identity_names;
        if !names.is_empty() && !names.iter().any(|asked| asked == name) {
            return Err("--identity-name specifies another identity");
        }
        let Some(target) = &self.request.target else { return Ok(()) };
        let Some(role) = role else {
            const NO_ID: &str = "its role ARN does not show the account";
            let (why, help, skipped) = match self.role_text(name) {
                Some(text) if is_filled_in(text) => ("has a placeholder in its role ARN", NO_ACCOUNT, NO_ID),
                Some(_) => ("has an invalid role ARN", NO_ACCOUNT, NO_ID),
                None => ("has no role ARN in these files", NOT_HERE, "its account is not in these files"),
            };
            let message = format!("{ROLE_IDENTITY}/{name} {why}: references to it are skipped");
            if self.warned.insert(message.clone()) {
                self.outcome.warnings.push(Diagnostic::warning(message).help(help));
            }
            return Err(skipped);
        };
        match target {
            _ if target.is(role) => Ok(()),
            EjectTarget::Account(_) => Err("--account specifies another account"),
            EjectTarget::Role(_) => Err("--role-arn specifies another role"),
        }
    }
}

/// The error about a variable that is itself the reference, and may be required.
fn kept_value(found: &Resource, reference: &IdentityReference) -> Diagnostic {
    let variable = reference.precondition.as_ref().map_or("", |(_, name)| name);
    Diagnostic::error(format!("{}: the value of the variable '{variable}' can't be removed", found.title()))
        .at(found.location(reference.span), "")
        .help("its class may require it, and its previous value is unknown: remove the variable manually, or set kind AWSClusterControllerIdentity and name default")
        .help("or select only the other clusters with --cluster-name")
}

/// The variable of a class that decides a reference.
fn class_variable(reference: &IdentityReference) -> Option<&DecidingVariable> {
    match &reference.class.as_deref()?.by {
        DecidedBy::Variable(variable) => Some(variable),
        _ => None,
    }
}

/// What decides the reference after a variable is removed.
fn after(variable: &DecidingVariable) -> &'static str {
    if variable.has_default { "the default of its class" } else { "no value" }
}

/// The operations that remove a reference.
fn operations(reference: &IdentityReference) -> Vec<PatchOperation> {
    let path = &reference.path;
    let mut operations = Vec::new();
    if let Some((item, variable)) = &reference.precondition {
        let mut at = PointerBuf::from_tokens(item);
        at.push_back("name");
        operations.push(PatchOperation::Test(TestOperation { path: at, value: json!(variable) }));
    }
    if let (Some(variable), Some((item, _))) = (class_variable(reference), &reference.precondition)
        && variable.path.len() == 1
    {
        // The variable, and the list if it has no other.
        let item = if variable.only { &item[..item.len() - 1] } else { item };
        operations.push(PatchOperation::Remove(RemoveOperation { path: PointerBuf::from_tokens(item) }));
        return operations;
    }
    let whole = RemoveOperation { path: PointerBuf::from_tokens(path) };
    operations.push(match path.split_last() {
        // A `spec:` with nothing else becomes empty, as before `inject`. The class of a variable would refuse null.
        Some((_, parent)) if reference.rest == Rest::Nothing && reference.precondition.is_none() => {
            PatchOperation::Replace(ReplaceOperation { path: PointerBuf::from_tokens(parent), value: Value::Null })
        }
        _ => PatchOperation::Remove(whole),
    });
    operations
}
