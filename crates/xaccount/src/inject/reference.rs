//! Plans the references of objects: what each one names now, and what has to change.

use std::collections::{BTreeSet, HashMap, HashSet};

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation, ReplaceOperation, TestOperation};
use serde_json::{Value, json};

use super::decided::{ByClass, variable_operations};
use super::identity_account::{Existing, IdentityAccount};
use super::planner::{Planner, RequiredIdentity};
use super::proposal::{By, Written};
use super::request::Target;
use super::template;
use crate::account_map::IdentityName;
use crate::aws::{RoleArn, RoleText};
use crate::capa::{
    CONTROLLER_IDENTITY, Field, IdentityKind, IdentityReference, ObjectKind, ROLE_IDENTITY, Reference, State, Support,
};
use crate::diag::{Diagnostic, FileId, Location, Severity};
use crate::inventory::{ObjectId, Resource};
use crate::kubernetes::names::LONGEST_NAME;
use crate::manifest_checks;
use crate::plan::{ChangeKind, SOURCE, account_in_a_line};
use crate::settings::{Origin, Setting};

/// The help text for a version that current CAPA releases don't serve.
pub(super) const NOT_SERVED: &str = "correct for an older CAPA; for a newer one, generate the manifest again with it";

/// An object without a reference, in words.
const NO_REFERENCE: &str = "no identityRef";

impl<'r> Planner<'r> {
    /// Plans the references of the selected objects, and returns the identities that they need.
    pub(super) fn references(&mut self, selected: &[ObjectId]) -> Vec<RequiredIdentity> {
        let mut required: Vec<RequiredIdentity> = Vec::new();
        let mut reported = BTreeSet::new();
        // Indices by identity name: there may be thousands.
        let mut places: HashMap<String, usize> = HashMap::new();
        let is_template = matches!(self.target, Target::Role(Setting { value: RoleText::Template(_), .. }));
        let filled_in = if is_template { template::files(self.inventory) } else { HashSet::new() };
        for &index in selected {
            self.explain_owner(index);
            let Some(role) = self.role_for(index) else {
                continue;
            };
            let found = &self.inventory[index];
            if matches!(role, RoleText::Template(_)) && !filled_in.contains(&found.origin.file) {
                self.errors.push(template::not_filled_in(found));
                continue;
            }
            let length = self.wanted(&role).name.len();
            if length > LONGEST_NAME {
                self.errors.push(
                    Diagnostic::error(format!("the identity name for {role} would have {length} characters")).help(
                        format!("object names have at most {LONGEST_NAME} characters: pass a shorter --identity-name"),
                    ),
                );
                break;
            }
            if !self.is_supported(found, &mut reported) {
                continue;
            }
            // A topology Cluster counts too: CAPA's webhook sets the default on the template of its class.
            let defaulted =
                !matches!(&found.object.object_kind, ObjectKind::Referencing { kind_row, .. } if !kind_row.defaulted);
            for reference in found.object.references() {
                if let Some(IdentityName { name, .. }) = self.reference(index, reference, &role, defaulted) {
                    let place = *places.entry(name.clone()).or_insert(required.len());
                    match required.get_mut(place) {
                        Some(one) => self.serve(one, index, name, &role),
                        None => required.push(RequiredIdentity { name, role: role.clone(), objects: vec![index] }),
                    }
                }
            }
        }
        self.settle_undone(required.is_empty());
        self.warn_of_unused();
        required
    }

    /// Whether the CAPA release that reads the result, if known, keeps the object's reference. A reference that would
    /// be dropped is an error: the cluster would be created in the source account. An unserved version is a warning,
    /// once for each file, kind and version.
    fn is_supported(&mut self, found: &'r Resource, reported: &mut BTreeSet<(FileId, &'r str, &'r str)>) -> bool {
        let Some((supported, warning)) =
            self.request.release.as_ref().and_then(|release| manifest_checks::unsupported(found, release.value))
        else {
            return true;
        };
        let warning = match self.request.release.as_ref().map(|release| &release.origin) {
            Some(Origin::Map(place)) => warning.help(format!("the release is set in the account map at {place}")),
            _ => warning,
        };
        let kept = supported != Support::NoReference;
        // `warn_about` reports old versions anyway.
        let is_old = matches!(&found.object.object_kind, ObjectKind::Referencing { version, .. } if version.no_longer_served().is_some());
        if !kept {
            let error = Diagnostic { severity: Severity::Error, ..warning };
            self.errors.push(error.help("upgrade CAPA first, or select other clusters with --cluster-name, -l or -n"));
        } else if !is_old && reported.insert((found.origin.file, &found.object.kind, &found.object.api_version)) {
            self.outcome.warnings.push(warning);
        }
        kept
    }

    /// Warns about identities of the inventory that no object references any more.
    fn warn_of_unused(&mut self) {
        let inventory = self.inventory;
        let names = |index: ObjectId| {
            inventory[index].object.references().filter_map(|reference| reference.state.role_identity())
        };
        let replaced: BTreeSet<ObjectId> = self
            .outcome
            .changes
            .iter()
            .filter(|change| change.kind == ChangeKind::ReferenceReplaced)
            .filter_map(|change| change.object)
            .collect();
        let left: BTreeSet<&str> = replaced.iter().flat_map(|&index| names(index)).collect();
        let still = |name: &str| inventory.named_by(name).iter().any(|index| !replaced.contains(index));
        for name in left.into_iter().filter(|name| !still(name)) {
            if let Some(&index) = inventory.identities(IdentityKind::Role, name).first() {
                let found = &inventory[index];
                self.outcome.warnings.push(
                    Diagnostic::warning(format!("nothing here references {} any more", found.title()))
                        .at(found.head(), "")
                        .help("it is not changed; delete it when no cluster uses it any more"),
                );
            }
        }
    }

    fn serve(&mut self, one: &mut RequiredIdentity, index: ObjectId, name: String, role: &RoleText) {
        if one.role == *role {
            if one.objects.last() != Some(&index) {
                one.objects.push(index);
            }
            return;
        }
        let first = &self.inventory[one.objects[0]];
        let found = &self.inventory[index];
        self.errors.push(
            Diagnostic::error(format!("the identity '{name}' would have two role ARNs"))
                .at(found.head(), format!("{} needs {role}", found.title()))
                .also(first.head(), format!("{} needs {}", first.title(), one.role))
                .help("the clusters are in two partitions: run once for each, with --cluster-name and --identity-name"),
        );
    }

    /// Adds the warnings about an object whose reference changes.
    fn warn_about(&mut self, index: ObjectId) {
        let found = &self.inventory[index];
        let mut warn = |warning: Diagnostic| {
            if self.warned.insert(warning.message.clone()) {
                self.outcome.warnings.push(warning);
            }
        };
        if let ObjectKind::Referencing { kind_row, version, .. } = &found.object.object_kind
            && let Some(required) = version.no_longer_served()
            && self.request.release.as_ref().is_none_or(|release| !release.value.serves(*version))
        {
            warn(
                Diagnostic::warning(format!("{} {version}: {required}", kind_row.kind))
                    .at(found.head(), "")
                    .help(NOT_SERVED),
            );
        }
        if let Some(warning) = manifest_checks::dropped_by_kubectl(found) {
            warn(warning);
        }
    }

    /// Plans one reference, and returns the name of the identity that it references afterwards.
    fn reference(
        &mut self,
        index: ObjectId,
        reference: &IdentityReference,
        role: &RoleText,
        defaulted: bool,
    ) -> Option<IdentityName> {
        let found = &self.inventory[index];
        let wanted = self.wanted(role);
        if let Some(decision) = &reference.class {
            match self.by_class(index, reference, decision, role) {
                ByClass::Set => {}
                ByClass::Undone => return None,
                ByClass::Right(name) => return Some(self.unchanged(index, reference, role, name)),
            }
        }
        let existing = match &reference.state {
            State::Wrong(_) | State::Variable(_) | State::Twice(_) => {
                self.errors.extend(manifest_checks::misplaced(found, reference));
                return None;
            }
            State::Unset => Existing::NotSet(NO_REFERENCE.into()),
            State::Set(_) if reference.is_nameless() => Existing::NotSet("an empty name".into()),
            State::Set(existing) => self.judge(index, existing, role, &wanted, defaulted)?,
        };
        let before = match existing {
            Existing::Right(name) => return Some(self.unchanged(index, reference, role, name)),
            Existing::NotSet(words) => {
                self.crossings.add(self.errors.len(), index, None, role, By::Reference);
                if words == NO_REFERENCE { SOURCE.to_owned() } else { format!("{SOURCE} ({words})") }
            }
            Existing::Other(words, place) => {
                if !self.may_replace(index, found.location(reference.span), &words, &place, role) {
                    return None;
                }
                place.short(&words, &self.request.known)
            }
        };
        self.outcome.warnings.extend(manifest_checks::template(found));
        self.warn_about(index);
        let (kind, operations) = operations(reference, &wanted);
        let from = self.name_from();
        self.decided(|| {
            let path = reference.path.join(".");
            format!("{}: {path} will reference {wanted} ({from})", found.title())
        });
        let after = match (role, &self.request.existing_identity) {
            (RoleText::Arn(arn), Some(existing)) => {
                format!("{}, {}", self.request.known.shown(arn.account()), existing.value)
            }
            (RoleText::Arn(arn), None) => account_in_a_line(arn, &wanted.name, self.request.known.shown(arn.account())),
            (RoleText::Template(_), _) if self.request.identity_name.is_none() => role.to_string(),
            (RoleText::Template(_), _) => format!("{role}, identity {}", wanted.name),
        };
        self.change(index, kind, operations, Some(before), after);
        Some(wanted)
    }

    /// Records that a reference is right, and returns the name of its identity.
    fn unchanged(
        &mut self,
        index: ObjectId,
        reference: &IdentityReference,
        role: &RoleText,
        identity: IdentityName,
    ) -> IdentityName {
        self.crossings.settled.insert(role.account().cloned());
        let title = self.inventory[index].title();
        self.decided(|| {
            let path = reference.path.join(".");
            format!("{title}: {path} already references {identity}")
        });
        if self.outcome.unchanged.last() != Some(&index) {
            self.outcome.unchanged.push(index);
        }
        identity
    }

    /// Compares an existing reference with the wanted identity. `None` after an error.
    pub(super) fn judge(
        &mut self,
        index: ObjectId,
        existing: &Reference,
        role: &RoleText,
        wanted: &IdentityName,
        defaulted: bool,
    ) -> Option<Existing> {
        let found = &self.inventory[index];
        if let Some(error) = manifest_checks::unreadable(found, existing) {
            self.errors.push(error);
            return None;
        }
        let (kind, name) = (existing.kind.text(), existing.name.text());
        let default = name.is_none_or(|name| name.is_empty() || name == "default");
        if kind.is_none_or(|kind| kind.is_empty() || kind == CONTROLLER_IDENTITY)
            && default
            && (defaulted || kind.is_none())
        {
            let words = match (kind, name) {
                (None, None) => "an empty identityRef".to_owned(),
                (None, Some(name)) => format!("an identityRef without kind, name {name}"),
                (Some(kind), name) => format!("{kind}/{}", name.unwrap_or("(no name)")),
            };
            return Some(Existing::NotSet(words));
        }
        if kind == Some(wanted.kind.name()) && name == Some(wanted.name.as_str()) {
            return Some(Existing::Right(wanted.clone()));
        }
        let words = format!("{}/{}", kind.unwrap_or("(no kind)"), name.unwrap_or("(no name)"));
        let name = match (kind, name) {
            (Some(ROLE_IDENTITY), Some(name)) => name,
            (Some(kind), Some(name)) if kind == IdentityKind::Static.name() => {
                let account = self.request.known.statics.get(name).cloned().flatten();
                return Some(Existing::Other(
                    words,
                    account.map_or(IdentityAccount::Unknown, IdentityAccount::Account),
                ));
            }
            (Some(CONTROLLER_IDENTITY), _) => return Some(Existing::Other(words, IdentityAccount::Management)),
            _ => return Some(Existing::Other(words, IdentityAccount::Unknown)),
        };
        let existing = self.inventory.identities(IdentityKind::Role, name);
        let existing = existing.iter().filter_map(|&index| match &self.inventory[index].object.object_kind {
            ObjectKind::Identity(identity, _) => Some(identity),
            _ => None,
        });
        let arn: Option<RoleArn> = existing.clone().find_map(|identity| identity.role_arn.text()?.parse().ok());
        let is_same = match role {
            RoleText::Arn(role) => arn.as_ref() == Some(role),
            RoleText::Template(_) => existing.clone().any(|identity| identity.role_arn.text() == Some(role.as_str())),
        };
        let is_free = self.request.identity_name.is_none() && self.request.existing_identity.is_none();
        if is_free && is_same {
            return Some(Existing::Right(IdentityName { kind: IdentityKind::Role, name: name.to_owned() }));
        }
        let place = match (arn, self.request.known.by_name(name), existing.clone().next()) {
            (Some(arn), ..) => IdentityAccount::of(arn, role),
            (None, Some(account), _) => IdentityAccount::Account(account),
            (None, None, Some(identity)) => {
                IdentityAccount::Unreadable(identity.role_arn.any_text().unwrap_or("none").to_owned())
            }
            (None, None, None) => IdentityAccount::Unknown,
        };
        Some(Existing::Other(words, place))
    }

    /// Whether an existing reference or role may be replaced; adds an error if not. A change of account is only
    /// recorded here: it is checked later, with all the evidence that the cluster is running.
    pub(super) fn may_replace(
        &mut self,
        index: ObjectId,
        at: Location,
        words: &str,
        from: &IdentityAccount,
        to: &RoleText,
    ) -> bool {
        if !from.is_of(to) {
            let written = Written { place: from.clone(), words: words.to_owned(), at };
            let by = if matches!(self.inventory[index].object.object_kind, ObjectKind::Identity(..)) {
                By::Role
            } else {
                By::Reference
            };
            self.crossings.add(self.errors.len(), index, Some(written), to, by);
            return true;
        }
        if !self.request.overwrite {
            let found = &self.inventory[index];
            let other = Diagnostic::error(match found.object.object_kind {
                ObjectKind::Identity(..) => format!("{} already has another role: {words}", found.title()),
                _ => format!("{} already references {words}", found.title()),
            });
            let error = other.help("the account stays the same; pass --overwrite to replace it");
            let wanted = self.request.existing_identity.as_ref().map(|existing| existing.value.to_string());
            self.errors.push(error.at(at, format!("wanted: {}", wanted.unwrap_or_else(|| to.to_string()))));
        }
        self.request.overwrite
    }
}

/// A reference without kind and name is completed, not replaced.
fn kind_of_change(existing: &Reference) -> ChangeKind {
    match existing.kind.text().is_some() || existing.name.text().is_some() {
        true => ChangeKind::ReferenceReplaced,
        false => ChangeKind::ReferenceAdded,
    }
}

/// The operations that set a reference to the identity.
fn operations(reference: &IdentityReference, wanted: &IdentityName) -> (ChangeKind, Vec<PatchOperation>) {
    let path = &reference.path;
    // A bundle can have thousands of these: allocate only what is used.
    let mut operations = Vec::with_capacity(1);
    if let Some((item, variable)) = &reference.precondition {
        let mut at = PointerBuf::from_tokens(item);
        at.push_back("name");
        operations.push(PatchOperation::Test(TestOperation { path: at, value: json!(variable) }));
    }
    let (kind, name) = (wanted.kind.name(), wanted.name.as_str());
    if let Some((kind, operation)) = variable_operations(reference, wanted, missing) {
        operations.push(operation);
        return (kind, operations);
    }
    let whole = json!({"kind": kind, "name": name});
    match &reference.state {
        // The original stays as it is, for other aliases.
        State::Set(existing) if existing.own && existing.is_alias => {
            let path = PointerBuf::from_tokens(path);
            operations.push(PatchOperation::Replace(ReplaceOperation { path, value: whole }));
            (kind_of_change(existing), operations)
        }
        State::Set(existing) if existing.own => {
            for (key, field, value) in [("kind", &existing.kind, kind), ("name", &existing.name, name)] {
                let mut at = PointerBuf::from_tokens(path);
                at.push_back(key);
                match field {
                    Field::Text(text, _) if text == value => {}
                    Field::Absent => {
                        operations.push(PatchOperation::Add(AddOperation { path: at, value: json!(value) }))
                    }
                    _ => operations.push(PatchOperation::Replace(ReplaceOperation { path: at, value: json!(value) })),
                }
            }
            (kind_of_change(existing), operations)
        }
        State::Set(_) => {
            operations.push(PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path), value: whole }));
            (ChangeKind::ReferenceReplaced, operations)
        }
        _ => {
            let (at, value) = missing(path, reference.present, whole);
            operations.push(PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(&at), value }));
            (ChangeKind::ReferenceAdded, operations)
        }
    }
}

/// The path of the first missing member, and the value to add there. A `-` is a new item in the list of topology
/// variables; the token after it is the variable's name.
fn missing(path: &[String], present: usize, value: Value) -> (Vec<String>, Value) {
    let list = path.iter().position(|token| token == "-");
    let wrap = |tokens: &[String], value: Value| {
        tokens.iter().rev().fold(value, |value, token| json!({ token.as_str(): value }))
    };
    match list {
        Some(list) => {
            let item = json!({"name": path[list + 1], "value": wrap(&path[list + 2..], value)});
            if present >= list {
                (path[..=list].to_vec(), item)
            } else {
                (path[..=present].to_vec(), wrap(&path[present + 1..list], json!([item])))
            }
        }
        None => (path[..=present].to_vec(), wrap(&path[present + 1..], value)),
    }
}
