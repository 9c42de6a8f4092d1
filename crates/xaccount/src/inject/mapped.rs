//! The account map of an inventory, and the target that flags specify.

use std::collections::{BTreeMap, HashMap};

use super::moves::KnownAccounts;
use super::request::Target;
use crate::account_map::{AccountMap, Assigned, Cluster, Place};
use crate::aws::{AccountId, Partition, RoleArn};
use crate::capa::{DEFAULT_ROLE_NAME, IdentityKind};
use crate::diag::{Diagnostic, FileId, Span, escape_control};
use crate::inventory::{Inventory, ObjectId, Placement, Resource};
use crate::settings::Setting;

/// The account map of a run.
pub struct Mapped<'m> {
    /// The map.
    pub map: &'m AccountMap,
    /// The map as the user knows it: `.xaccount.yaml`.
    pub name: &'m str,
    /// Formats a place in the map: `.xaccount.yaml:12`.
    pub place: &'m dyn Fn(Span) -> String,
    /// Returns the place of a file of the inventory, relative to the map.
    pub file: &'m dyn Fn(FileId) -> Place,
    /// The help text if the place of a file is unknown.
    pub without_path: &'m str,
    /// The help text if a flag contradicts the map.
    pub ways_out: &'m str,
    /// Whether clusters that match no account are skipped.
    pub allow_unmapped: bool,
}

impl Mapped<'_> {
    /// The account that the map assigns to an object, in one of the namespaces to which it is applied.
    ///
    /// # Errors
    /// It is ambiguous which cluster the object belongs to, and the account depends on it.
    pub fn assignment(&self, inventory: &Inventory, index: ObjectId, namespace: &str) -> Result<Assigned, Diagnostic> {
        let found = &inventory[index];
        self.assigned_in(inventory, found, &(self.file)(found.origin.file), namespace)
    }

    /// The account that the map assigns to an object whose file is at `place`.
    ///
    /// # Errors
    /// The object's cluster is ambiguous, and the account depends on it; or kustomizations apply it to several
    /// namespaces, and the map assigns them to different accounts.
    pub(super) fn assigned(
        &self,
        inventory: &Inventory,
        found: &Resource,
        place: &Place,
    ) -> Result<Assigned, Diagnostic> {
        let mut all = Vec::new();
        for at in inventory.places(found) {
            all.push((at, AssignedAnswer(self.assigned_in(inventory, found, place, at.namespace)?)));
        }
        if all.iter().any(|(_, answer)| *answer != all[0].1) {
            return Err(self.torn(found, inventory.holder(found), &all));
        }
        let (_, AssignedAnswer(assigned)) = all.swap_remove(0);
        Ok(assigned)
    }

    /// The same for one of the namespaces to which an object is applied.
    pub(crate) fn assigned_in(
        &self,
        inventory: &Inventory,
        found: &Resource,
        place: &Place,
        namespace: &str,
    ) -> Result<Assigned, Diagnostic> {
        let template = found.is_template();
        let answer =
            |name: Option<&str>| AssignedAnswer(self.map.assign(&Cluster { name, namespace, place, template }));
        inventory.by_cluster_name(found, answer).map(|AssignedAnswer(assigned)| assigned)
    }

    /// The error about an object that several kustomizations apply, to namespaces of different accounts.
    fn torn(&self, found: &Resource, file: &str, all: &[(Placement<'_>, AssignedAnswer)]) -> Diagnostic {
        let error = Diagnostic::error(format!(
            "{}: kustomizations apply it to {} namespaces, which are in different entries of the map",
            found.title(),
            all.len()
        ));
        let line = |(at, AssignedAnswer(answer)): &(Placement<'_>, AssignedAnswer)| {
            let account = match answer {
                Assigned::To(index, _) => {
                    let account = &self.map.accounts[*index];
                    account.title()
                }
                Assigned::Source(_) => "the source account".to_owned(),
                _ => "no account".to_owned(),
            };
            let from = at.from.map_or(String::new(), |from| format!(" ({})", escape_control(from)));
            format!("namespace {}{from}: {account}", escape_control(at.namespace))
        };
        let error = all.iter().map(line).fold(error.at(found.head(), ""), Diagnostic::help);
        let account = all.iter().find_map(|(_, AssignedAnswer(answer))| match answer {
            Assigned::To(index, _) => Some(&self.map.accounts[*index].account.value),
            _ => None,
        });
        let error =
            error.help("a manifest has one reference: in each of these kustomizations, set identityRef with a patch");
        match account {
            Some(account) => error.help(format!(
                "to print such a patch: kubectl xaccount inject {} --no-config --account {account} -o json-patch",
                escape_control(file)
            )),
            None => error,
        }
    }

    /// The place of the map entry that assigns an object to its account.
    pub(super) fn entry(&self, inventory: &Inventory, index: ObjectId) -> Option<String> {
        let found = &inventory[index];
        match self.assigned(inventory, found, &(self.file)(found.origin.file)) {
            Ok(Assigned::To(_, place)) => Some((self.place)(place)),
            _ => None,
        }
    }
}

/// What a map specifies about accounts, independent of the objects.
pub fn known_accounts(map: &AccountMap) -> KnownAccounts {
    let mut identities: HashMap<String, Option<AccountId>> = HashMap::new();
    let mut statics = HashMap::new();
    let mut names: BTreeMap<AccountId, String> = BTreeMap::new();
    for one in &map.accounts {
        let account = &one.account.value;
        // If an account has several entries, the name of the first is used.
        names.entry(account.clone()).or_insert_with(|| one.name.value.clone());
        let Some(identity) = one.identity() else { continue };
        let names = if identity.kind == IdentityKind::Static { &mut statics } else { &mut identities };
        let existing = names.entry(identity.name).or_insert_with(|| Some(account.clone()));
        if existing.as_ref() != Some(account) {
            *existing = None;
        }
    }
    let source = map.source.account.as_ref().map(|source| source.value.clone());
    KnownAccounts { source, identities, statics, names }
}

/// The parts of the target that flags specify. A role ARN specifies all of them.
#[derive(Clone, Debug, Default)]
pub struct SpecifiedTarget {
    /// The account.
    pub account: Option<Setting<AccountId>>,
    /// The account's name in the map, if it was specified by its name.
    pub name: Option<Setting<String>>,
    /// The role's name, optionally after its path.
    pub role: Option<Setting<String>>,
    /// The partition.
    pub partition: Option<Setting<Partition>>,
}

impl SpecifiedTarget {
    /// The parts of a role ARN.
    pub fn of_role(role: &Setting<RoleArn>) -> Self {
        Self {
            account: Some(role.with(role.value.account().clone())),
            name: None,
            role: Some(role.with(role.value.path_and_name().to_owned())),
            partition: Some(role.with(role.value.partition())),
        }
    }

    /// The target without a map; `None` without an account. The default role is the one that DKP creates.
    pub fn target(&self) -> Option<Target> {
        Some(Target::Account {
            account: self.account.clone()?,
            role: self.role.clone().unwrap_or_else(|| Setting::default(DEFAULT_ROLE_NAME.to_owned())),
            partition: self.partition.clone(),
        })
    }
}

/// The answer of the map. Two answers are equal if the account is, even from different entries.
struct AssignedAnswer(Assigned);

impl PartialEq for AssignedAnswer {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Assigned::To(one, _), Assigned::To(other, _)) => one == other,
            (Assigned::Source(_), Assigned::Source(_)) | (Assigned::Nobody, Assigned::Nobody) => true,
            (one, other) => one == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::patched;
    use super::*;
    use crate::account_map::read;
    use crate::inventory::{Builds, File, Places, Scan, scan};
    use crate::kustomize::kustomization;

    /// What the map says about a cluster that these overlays build from one base: its assignment, or the first error.
    fn assigned(overlays: &[(&str, &str)]) -> Result<Assigned, String> {
        let text = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\n";
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let objects = scan(FileId(0), text.as_bytes(), &options).unwrap().objects;
        let file = File {
            name: "base/heron.yaml".into(),
            is_json_for_kubectl: false,
            json_list: None,
            identities_only: false,
        };
        let inventory = Inventory::new(vec![file], objects);
        let overlay = |(namespace, more): &(&str, &str)| {
            let text = format!("namespace: {namespace}\nresources: [../base]\n{more}");
            kustomization(None, namespace, &format!("{namespace}/kustomization.yaml"), text.as_bytes()).unwrap()
        };
        let base = kustomization(None, "base", "base/kustomization.yaml", b"resources: [heron.yaml]\n").unwrap();
        let files = vec![vec!["base/heron.yaml".to_owned()]];
        let places = Places { files, unreadable: Vec::new(), read: &|_| None, link: &|_| None, root: &|_| None };
        let all = overlays.iter().map(overlay).chain([base]).collect();
        let (run, _) = Builds::new(all, &inventory, places).place(inventory.clone(), |_| false);
        let text = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\naccounts:\n\
                    - {name: a, account: \"222222222222\", clusters: {namespaces: [dev, qa]}}\n\
                    - {name: b, account: \"333333333333\", clusters: {namespaces: [prod]}}\n";
        let (map, place, file) = (read(text.as_bytes()).unwrap(), |_| String::new(), |_| Place::Outside);
        let mapped = Mapped {
            map: &map,
            name: ".xaccount.yaml",
            place: &place,
            file: &file,
            without_path: "",
            ways_out: "",
            allow_unmapped: false,
        };
        let found = &run.objects()[0];
        match patched::contradictions(&run, &mapped, found, &Place::Outside).into_iter().next() {
            Some(error) => Err(error.message),
            None => mapped.assigned(&run, found, &Place::Outside).map_err(|error| error.message),
        }
    }

    #[test]
    fn one_manifest_in_namespaces_of_two_accounts_is_refused() {
        assert!(matches!(assigned(&[("dev", "")]), Ok(Assigned::To(0, _))));
        assert!(matches!(assigned(&[("dev", ""), ("qa", "")]), Ok(Assigned::To(0, _))));
        let error = assigned(&[("dev", ""), ("prod", "")]).unwrap_err();
        assert!(error.contains("2 namespaces"), "{error}");
    }

    #[test]
    fn a_patch_that_contradicts_the_map_is_refused() {
        let patch = |account: &str| {
            format!(
                "patches:\n- target: {{kind: AWSCluster}}\n  patch: '[{{op: add, path: /spec/identityRef, value: {{kind: AWSClusterRoleIdentity, name: cross-account-role-{account}}}}}]'\n"
            )
        };
        assert!(assigned(&[("dev", &patch("222222222222"))]).is_ok());
        let error = assigned(&[("dev", &patch("333333333333"))]).unwrap_err();
        assert!(error.contains("333333333333 (b), and the map says 222222222222 (a)"), "{error}");
    }
}
