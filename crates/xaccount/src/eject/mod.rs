//! What `eject` thinks: which references are taken out, and which identities go with them. No I/O.
//!
//! It is the way back of `inject`, so it takes out references to role identities alone: the controller identity is what
//! CAPA's webhook writes by itself, and a static identity was never `inject`'s.

mod identity;
mod reference;

use std::collections::{BTreeMap, HashSet};

use crate::aws::{AccountId, RoleArn};
use crate::diag::{Diagnostic, FileId, Span};
use crate::inventory::{Inventory, ObjectId};
use crate::manifest_checks;
use crate::plan::{Failure, IdentityFile, Outcome, Selection, names_that_fit_nothing, selected};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct EjectRequest {
    /// Which objects.
    pub selection: Selection,
    /// Only references to this identity; it may then go from a file of identities, too.
    pub identity_names: Vec<String>,
    /// Only references to identities of this account or role.
    pub target: Option<EjectTarget>,
    /// The file that keeps identities, if it was named as that.
    pub identity_file: Option<IdentityFile>,
    /// Whether to say what was decided and why.
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

/// The references that are taken out, before it is known which identities nobody else names.
#[derive(Debug)]
pub struct Draft<'r> {
    inventory: &'r Inventory,
    request: &'r EjectRequest,
    outcome: Outcome,
    errors: Vec<Diagnostic>,
    /// Names of the identities that are named no more, with the places of those names.
    removed_refs: BTreeMap<String, Vec<(FileId, Span)>>,
    removable: Vec<ObjectId>,
    /// Messages about references that are left: each is said once.
    warned: HashSet<String>,
}

/// Plans the references of a run, and says which identities could go.
///
/// # Errors
/// Everything that is wrong, not only the first of it.
pub fn draft<'r>(inventory: &'r Inventory, request: &'r EjectRequest) -> Result<Draft<'r>, Failure> {
    let outcome = Outcome::nothing(inventory, &request.selection);
    let errors = manifest_checks::impossible(inventory).collect();
    let (removed_refs, removable, warned) = Default::default();
    let mut draft = Draft { inventory, request, outcome, errors, removed_refs, removable, warned };
    let selected = selected(inventory, &request.selection)?;
    draft.outcome.warnings.extend(names_that_fit_nothing(inventory, &request.selection));
    draft.errors.extend(manifest_checks::names_of_two_roles(inventory));
    draft.references(&selected);
    draft.identities();
    if draft.errors.is_empty() { Ok(draft) } else { Err(Failure::Refused(draft.errors)) }
}

impl Draft<'_> {
    /// The identities that could go: the question is whether anything else names them.
    pub fn removable(&self) -> &[ObjectId] {
        &self.removable
    }

    /// Where the references stand that no longer name an identity, in bytes of their files.
    pub fn removed_refs(&self, name: &str) -> &[(FileId, Span)] {
        self.removed_refs.get(name).map_or(&[], Vec::as_slice)
    }

    /// Notes what was decided and why, where somebody asked.
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

    /// What changes in files of these texts. `named` says that something else names each identity.
    fn changes(texts: &[&str], request: &EjectRequest, named: bool) -> Vec<ChangeKind> {
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let (mut files, mut objects) = (Vec::new(), Vec::new());
        for (index, text) in texts.iter().enumerate() {
            files.push(File { name: index.to_string(), is_json_for_kubectl: false, identities_only: false });
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
        // Whose identity is not there, nobody knows the account of.
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
        // The second one names what the first one loses.
        let (first, second) =
            (format!("{CLUSTER}{IDENTITY}"), format!("{CLUSTER}{}{}", other(CLUSTER), other(IDENTITY)));
        let second = second.replacen("name: a", "name: b", 1).replace("name: a}", "name: c}");
        for (texts, want) in [([&first, &second], [1, 0]), ([&second, &first], [0, 1])] {
            let (mut files, mut objects) = (Vec::new(), Vec::new());
            for (index, text) in texts.into_iter().enumerate() {
                files.push(File { name: index.to_string(), is_json_for_kubectl: false, identities_only: false });
                objects.extend(scan(FileId(index), text.as_bytes(), &options).unwrap().objects);
            }
            let inventory = Inventory::new(files, objects);
            let outcome = draft(&inventory, &EjectRequest::default()).unwrap().finish(&HashMap::new());
            assert_eq!(outcome.changes.len(), 5);
            assert_eq!(crate::plan::write_order(&inventory, &outcome), want.map(FileId));
        }
    }
}
