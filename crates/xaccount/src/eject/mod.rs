//! The logic of `eject`: which references are removed, and which identities with them. No I/O.
//!
//! It undoes `inject`, so it only removes references to role identities: the controller identity is what CAPA's webhook
//! sets by itself, and `inject` never writes a static identity.

mod identity;
mod reference;

use std::collections::{BTreeMap, HashSet};

use crate::aws::{AccountId, RoleArn};
use crate::diag::{Diagnostic, FileId, Span};
use crate::inventory::{Inventory, ObjectId};
use crate::manifest_checks;
use crate::plan::{Failure, IdentityFile, Outcome, Selection, names_that_fit_nothing, selected};

/// A request of `eject`.
#[derive(Clone, Debug, Default)]
pub struct EjectRequest {
    /// The objects to change.
    pub selection: Selection,
    /// Remove only references to these identities, which may then be removed from an identity file, too.
    pub identity_names: Vec<String>,
    /// Remove only references to identities of this account or role.
    pub target: Option<EjectTarget>,
    /// The file that keeps identities, if specified.
    pub identity_file: Option<IdentityFile>,
    /// Whether to record what was decided and why.
    pub explain: bool,
}

/// The account or the role of an identity.
#[derive(Clone, Debug)]
pub enum EjectTarget {
    /// Any role of this account.
    Account(AccountId),
    /// Exactly this role.
    Role(RoleArn),
}

/// The removed references, before it is known which of their identities are still used elsewhere.
#[derive(Debug)]
pub struct Draft<'r> {
    inventory: &'r Inventory,
    request: &'r EjectRequest,
    outcome: Outcome,
    errors: Vec<Diagnostic>,
    /// The places of the removed references, by the name of the identity.
    removed_refs: BTreeMap<String, Vec<(FileId, Span)>>,
    removable: Vec<ObjectId>,
    /// Messages about skipped references that were added already: each is reported once.
    warned: HashSet<String>,
}

/// Plans the references of a run, and finds the identities that could be removed.
///
/// # Errors
/// All errors, not only the first.
pub fn draft<'r>(inventory: &'r Inventory, request: &'r EjectRequest) -> Result<Draft<'r>, Failure> {
    let outcome = Outcome::nothing(inventory, &request.selection);
    let errors = manifest_checks::impossible(inventory).collect();
    let (removed_refs, removable, warned) = Default::default();
    let mut draft = Draft { inventory, request, outcome, errors, removed_refs, removable, warned };
    let selected = selected(inventory, &request.selection)?;
    draft.outcome.warnings.extend(names_that_fit_nothing(inventory, &request.selection));
    draft.outcome.warnings.extend(manifest_checks::newer(inventory));
    draft.errors.extend(manifest_checks::names_of_two_roles(inventory));
    draft.references(&selected);
    draft.identities();
    if draft.errors.is_empty() { Ok(draft) } else { Err(Failure::Refused(draft.errors)) }
}

impl Draft<'_> {
    /// The identities that can be removed, unless something else references them.
    pub fn removable(&self) -> &[ObjectId] {
        &self.removable
    }

    /// The removed references to an identity: the files and the bytes in them.
    pub fn removed_refs(&self, name: &str) -> &[(FileId, Span)] {
        self.removed_refs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Records what was decided and why, if the request has `explain`.
    fn decided(&mut self, what: impl FnOnce() -> String) {
        if self.request.explain {
            self.outcome.decisions.push(what());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::inventory::{File, Scan, scan};
    use crate::plan::ChangeKind;

    const CLUSTER: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a}\nspec:\n  \
                           identityRef: {kind: AWSClusterRoleIdentity, name: cross-account-role-222222222222}\n---\n";
    const IDENTITY: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata:\n  name: \
                            cross-account-role-222222222222\nspec:\n  allowedNamespaces: {}\n  roleARN: \
                            \"arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io\"\n  \
                            sourceIdentityRef:\n    kind: AWSClusterControllerIdentity\n    name: default\n";

    /// What changes in files with these texts. `named` means that something else references each identity.
    fn changes(texts: &[&str], request: &EjectRequest, named: bool) -> Vec<ChangeKind> {
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let (mut files, mut objects) = (Vec::new(), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            files.push(File {
                name: index.to_string(),
                is_json_for_kubectl: false,
                json_list: None,
                identities_only: false,
            });
            objects.extend(scan(FileId(index), text.as_bytes(), &options).unwrap().objects);
        }
        let inventory = Inventory::new(files, objects);
        let draft = draft(&inventory, request).unwrap();
        let why = if named {
            draft.removable().iter().map(|&index| (index, "why".to_owned())).collect()
        } else {
            HashMap::new()
        };
        draft.finish(&why).changes.iter().map(|change| change.kind).collect()
    }

    #[test]
    fn an_identity_goes_only_with_its_last_user() {
        use ChangeKind::{IdentityRemoved, ReferenceRemoved};
        let (both, other) = (format!("{CLUSTER}{IDENTITY}"), CLUSTER.replace("name: a", "name: b"));
        let all = EjectRequest::default();
        let mut some = EjectRequest::default();
        some.selection.cluster_names = vec![globset::Glob::new("a").unwrap().compile_matcher()];
        assert_eq!(changes(&[&both], &all, false), [ReferenceRemoved, IdentityRemoved]);
        assert_eq!(changes(&[&both], &all, true), [ReferenceRemoved]);
        assert_eq!(changes(&[&format!("{other}{both}")], &some, false), [ReferenceRemoved]);
        assert_eq!(changes(&[&other, &both], &all, false), [ReferenceRemoved, ReferenceRemoved, IdentityRemoved]);
        assert_eq!(changes(&[CLUSTER, IDENTITY], &all, false), [ReferenceRemoved]);
        assert_eq!(changes(&[&format!("{both}  externalID: x\n")], &all, false), [ReferenceRemoved]);
    }

    #[test]
    fn only_what_was_asked_for_is_taken_out() {
        let both = format!("{CLUSTER}{IDENTITY}");
        let account = |id: &str| Some(EjectTarget::Account(id.parse().unwrap()));
        let asked = |target| changes(&[&both], &EjectRequest { target, ..EjectRequest::default() }, true).len();
        assert_eq!((asked(account("222222222222")), asked(account("333333333333"))), (1, 0));
        // Without the identity, the account of a reference is unknown.
        assert!(
            changes(&[CLUSTER], &EjectRequest { target: account("222222222222"), ..EjectRequest::default() }, true)
                .is_empty()
        );
        let named = |name: &str| {
            let request = EjectRequest { identity_names: vec![name.to_owned()], ..EjectRequest::default() };
            changes(&[CLUSTER, IDENTITY], &request, false).len()
        };
        assert_eq!((named("cross-account-role-222222222222"), named("other")), (2, 0));
    }

    #[test]
    fn references_are_written_before_the_identities_that_they_name_go() {
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let other = |text: &str| text.replace("222222222222", "333333333333");
        // The second file references the identity that is removed from the first.
        let (first, second) =
            (format!("{CLUSTER}{IDENTITY}"), format!("{CLUSTER}{}{}", other(CLUSTER), other(IDENTITY)));
        let second = second.replacen("name: a", "name: b", 1).replace("name: a}", "name: c}");
        for (texts, want) in [([&first, &second], [1, 0]), ([&second, &first], [0, 1])] {
            let (mut files, mut objects) = (Vec::new(), Vec::new());
            for (index, text) in texts.into_iter().enumerate() {
                files.push(File {
                    name: index.to_string(),
                    is_json_for_kubectl: false,
                    json_list: None,
                    identities_only: false,
                });
                objects.extend(scan(FileId(index), text.as_bytes(), &options).unwrap().objects);
            }
            let inventory = Inventory::new(files, objects);
            let outcome = draft(&inventory, &EjectRequest::default()).unwrap().finish(&HashMap::new());
            assert_eq!(outcome.changes.len(), 5);
            assert_eq!(crate::plan::write_order(&inventory, &outcome), want.map(FileId));
        }
    }
}
