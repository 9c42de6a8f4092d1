//! The logic of `eject`: which references are removed, and which identities with them. No I/O.
//!
//! It undoes `inject`, so it only removes references to role identities: the controller identity is what CAPA's webhook
//! sets by itself, and `inject` never writes a static identity.

mod decision;
mod identity;
mod live;
mod namespaces;
mod reference;
mod removal;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::aws::{AccountId, RoleArn};
use crate::diag::{Diagnostic, FileId, Span};
use crate::inject::GeneratedIdentities;
use crate::inventory::{Inventory, ObjectId};
use crate::manifest_checks;
use crate::plan::{EmptySelection, Failure, IdentityFile, Outcome, Selection, names_that_fit_nothing, selected};
use decision::IdentityDecision;

pub use identity::UNTRACED;
pub use live::{RemovedAccess, in_use};
pub use namespaces::{NamespaceSearch, UnusedNamespaces, kept, unused_namespaces};
pub use removal::order_of_namespaces;

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
    /// Whether to remove all identities that nothing uses, also those that no removed reference names.
    pub prune: bool,
    /// What `inject` writes with the account map; with `prune`, only such identities are removed, and those of
    /// `identity_names`.
    pub generated: GeneratedIdentities,
    /// Files whose objects a kustomization renames, so that not all references to them are found.
    pub renamed: BTreeSet<FileId>,
    /// Files that are neither in a Git work tree nor below the account map: clusters elsewhere may use their identities.
    pub untraced: BTreeSet<FileId>,
    /// Whether a dump of the management cluster is searched for users of the removed identities.
    pub has_dump: bool,
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

impl EjectTarget {
    fn is(&self, role: &RoleArn) -> bool {
        match self {
            Self::Account(account) => role.account() == account,
            Self::Role(wanted) => role == wanted,
        }
    }
}

/// Which identities are pruned without removing references.
#[derive(Clone, Debug)]
pub struct PruneScope {
    /// The file of the identities.
    pub file: FileId,
    /// Names of identities that are needed, and why, in words.
    pub needed: BTreeMap<String, String>,
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
    /// Only identities are removed, and only these.
    scope: Option<PruneScope>,
    /// What is settled about identities.
    decided: BTreeMap<ObjectId, IdentityDecision>,
    /// The identities of this round, and what happens to each if nothing else names it.
    round: Vec<(ObjectId, IdentityDecision)>,
    /// The identities that something uses, and what that is.
    in_use: BTreeMap<ObjectId, String>,
    /// Messages about skipped references that were added already: each is reported once.
    warned: HashSet<String>,
}

/// Plans the references of a run, and finds the identities that could be removed.
///
/// # Errors
/// All errors, not only the first.
pub fn draft<'r>(inventory: &'r Inventory, request: &'r EjectRequest) -> Result<Draft<'r>, Failure> {
    let mut draft = Draft::new(inventory, request, None);
    let selected = match selected(inventory, &request.selection) {
        // After the clusters were deleted, only their identities are left, and after these, nothing.
        Err(Failure::EmptySelection(EmptySelection::NoReferencingObject)) if request.prune => Vec::new(),
        selected => selected?,
    };
    draft.outcome.warnings.extend(names_that_fit_nothing(inventory, &request.selection));
    draft.references(&selected);
    draft.checked().map_err(Failure::Refused)
}

/// Finds the identities of a file that nothing uses, and removes no references.
///
/// # Errors
/// All errors, not only the first.
pub fn prune<'r>(
    inventory: &'r Inventory,
    request: &'r EjectRequest,
    scope: PruneScope,
) -> Result<Draft<'r>, Vec<Diagnostic>> {
    Draft::new(inventory, request, Some(scope)).checked()
}

impl<'r> Draft<'r> {
    fn new(inventory: &'r Inventory, request: &'r EjectRequest, scope: Option<PruneScope>) -> Self {
        let mut outcome = Outcome::nothing(inventory, &request.selection);
        outcome.warnings.extend(manifest_checks::newer(inventory));
        let mut errors: Vec<Diagnostic> = manifest_checks::impossible(inventory).collect();
        errors.extend(manifest_checks::names_of_two_roles(inventory));
        let (removed_refs, decided, round, in_use, warned) = Default::default();
        Self { inventory, request, outcome, errors, removed_refs, scope, decided, round, in_use, warned }
    }

    /// The draft with its first round of identities, if there is no error.
    fn checked(mut self) -> Result<Self, Vec<Diagnostic>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        self.next_round();
        Ok(self)
    }

    /// The identities to decide about: they are removed, or a message says how, unless something else names them.
    pub fn undecided(&self) -> impl Iterator<Item = ObjectId> {
        self.round.iter().map(|(index, _)| *index)
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
        let why = |draft: &Draft<'_>| match named {
            true => draft.undecided().map(|index| (index, "why".to_owned())).collect(),
            false => HashMap::new(),
        };
        draft.finish(why).changes.iter().map(|change| change.kind).collect()
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
            let outcome = draft(&inventory, &EjectRequest::default()).unwrap().finish(|_| HashMap::new());
            assert_eq!(outcome.changes.len(), 5);
            assert_eq!(crate::plan::write_order(&inventory, &outcome), want.map(FileId));
        }
    }
}
