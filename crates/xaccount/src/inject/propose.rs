//! Turns an inventory and a request into a proposal or a plan.

use super::evidence::Evidence;
use super::judge::Unasked;
use super::planner::{Planner, RequiredIdentity};
use super::proposal::Proposal;
use super::request::{InjectRequest, role_of};
use crate::capa::{IdentityKind, ROLE_IDENTITY};
use crate::diag::Diagnostic;
use crate::inventory::Inventory;
use crate::manifest_checks;
use crate::plan::{Failure, Outcome, names_that_fit_nothing, select, skipped, warnings_of_unclear};

/// Plans the inventory. Only the manifests are searched for signs that a cluster is running.
///
/// # Errors
/// All errors, not only the first.
pub fn plan(inventory: &Inventory, request: &InjectRequest) -> Result<Outcome, Failure> {
    propose(inventory, request)?.judge(inventory, request, &Evidence::default(), Unasked::Refused, None)
}

/// Plans the inventory. [`Proposal::judge`] then checks whether clusters may change account.
///
/// # Errors
/// No object is selected, or there is no target account.
pub fn propose(inventory: &Inventory, request: &InjectRequest) -> Result<Proposal, Failure> {
    propose_one(inventory, request, &wrong(inventory))
}

/// Errors that don't depend on the request: invalid objects, and identities that contradict each other.
pub(super) struct Wrong {
    objects: Vec<Diagnostic>,
    identities: Vec<Diagnostic>,
}

pub(super) fn wrong(inventory: &Inventory) -> Wrong {
    Wrong {
        objects: manifest_checks::impossible(inventory).collect(),
        identities: manifest_checks::names_of_two_roles(inventory),
    }
}

/// Plans the inventory, whose own errors are `wrong`.
pub(super) fn propose_one(inventory: &Inventory, request: &InjectRequest, wrong: &Wrong) -> Result<Proposal, Failure> {
    let mut planner = Planner::new(inventory, request).map_err(Failure::Refused)?;
    planner.errors.clone_from(&wrong.objects);
    let selected = match select(inventory, &request.selection) {
        Ok(selected) => selected,
        Err(failure) => return Err(failure.after(planner.errors)),
    };
    planner.outcome.warnings.extend(names_that_fit_nothing(inventory, &request.selection));
    // With several requests, the caller adds these once.
    if request.selection.only.is_none() {
        planner.outcome.warnings.extend(manifest_checks::newer(inventory));
        planner.outcome.warnings.extend(warnings_of_unclear(inventory, &request.selection));
        planner.outcome.skipped = skipped(inventory, &request.selection);
    }
    planner.explain_selection(selected.len());
    planner.errors.extend(wrong.identities.iter().cloned());
    let required = planner.references(&selected);
    planner.identities(&required);
    Ok(planner.proposal())
}

/// Plans the identity of one account, independent of the objects that use it.
pub(super) fn propose_identity(inventory: &Inventory, request: &InjectRequest) -> Result<Proposal, Vec<Diagnostic>> {
    let mut planner = Planner::new(inventory, request)?;
    planner.errors.extend(manifest_checks::impossible(inventory));
    planner.errors.extend(manifest_checks::names_of_two_roles(inventory));
    let role = role_of(planner.target).map_err(|error| vec![error])?;
    let name = planner.wanted(&role).name;
    let role = planner.role_of_existing(&name).unwrap_or(role);
    if request.identity.is_served() && request.identity.served.is_empty() && planner.allows_no_namespace(&name) {
        let exists = !inventory.identities(IdentityKind::Role, &name).is_empty();
        let (message, help) = match exists {
            true => {
                (allows_no_namespace(&name), "inject adds the namespace of each cluster that it points at this account")
            }
            false => (
                is_omitted(&name),
                "inject adds it with the namespace of the first cluster that belongs to this account",
            ),
        };
        planner.outcome.warnings.push(Diagnostic::warning(message).help(help));
        // An identity that no namespace may use is of no use.
        if !exists {
            planner.controller_identity_alone();
            return Ok(planner.proposal());
        }
    }
    planner.identities(&[RequiredIdentity { name, role, objects: Vec::new() }]);
    Ok(planner.proposal())
}

/// The message about an identity that is not created, because no namespace would be allowed to use it.
pub fn is_omitted(name: &str) -> String {
    format!("{ROLE_IDENTITY}/{name} is omitted: no namespace is known for it")
}

/// The message about an identity that allows no namespace.
pub fn allows_no_namespace(name: &str) -> String {
    format!("{ROLE_IDENTITY}/{name} allows no namespace yet")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::aws::AccountId;
    use crate::diag::FileId;
    use crate::inject::{AccountMove, MoveFrom, ObservedObjects, Target};
    use crate::settings::Setting;

    fn run_of(text: &str) -> Inventory {
        let needles = crate::capa::needles();
        let scan = crate::inventory::Scan {
            needles: &needles,
            skip_templates: false,
            topology_variable: None,
            keep_going: false,
        };
        let scanned = crate::inventory::scan(FileId(0), text.as_bytes(), &scan).unwrap();
        let file = crate::inventory::File {
            name: "a.yaml".into(),
            is_json_for_kubectl: false,
            json_list: None,
            identities_only: false,
        };
        Inventory::new(vec![file], scanned.objects)
    }

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    fn request() -> InjectRequest {
        InjectRequest { overwrite: true, ..InjectRequest::to(Target::of_account(account("222222222222"))) }
    }

    fn from(from: MoveFrom) -> Vec<AccountMove> {
        vec![AccountMove { from, to: Some(account("222222222222")) }]
    }

    const CLUSTER: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a}\n";
    const ALIVE: &str =
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a, uid: b}\n";

    #[test]
    fn another_account_takes_more_than_overwrite() {
        let reference = "identityRef: {kind: AWSClusterRoleIdentity, name: cross-account-role-333333333333}";
        let inventory = run_of(&format!("{CLUSTER}spec:\n  {reference}\n"));
        let mut request = request();
        assert!(matches!(plan(&inventory, &request), Err(Failure::Refused(_))));
        request.moves = from(MoveFrom::Account(account("333333333333")));
        assert_eq!(plan(&inventory, &request).unwrap().changes.len(), 2);
    }

    #[test]
    fn a_cluster_that_shows_life_changes_account_by_two_flags() {
        let inventory = run_of(ALIVE);
        let mut request = request();
        assert!(matches!(plan(&inventory, &request), Err(Failure::Refused(_))));
        request.moves = from(MoveFrom::Source);
        assert!(matches!(plan(&inventory, &request), Err(Failure::Refused(_))));
        request.orphans = vec!["default/a".into()];
        assert_eq!(plan(&inventory, &request).unwrap().changes.len(), 2);
    }

    #[test]
    fn an_identity_takes_no_cluster_along_unasked() {
        let identity = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {name: b}\n\
                        spec: {roleARN: \"arn:aws:iam::333333333333:role/x\"}\n";
        let inventory = run_of(&format!(
            "{ALIVE}spec: {{identityRef: {{kind: AWSClusterRoleIdentity, name: b}}}}\n---\n{identity}"
        ));
        let moves = from(MoveFrom::Account(account("333333333333")));
        let mut request = InjectRequest { identity_name: Some(Setting::default("b".into())), moves, ..request() };
        assert!(matches!(plan(&inventory, &request), Err(Failure::Refused(_))));
        request.orphans = vec!["default/a".into()];
        assert_eq!(plan(&inventory, &request).unwrap().changes.len(), 1);
    }

    #[test]
    fn what_head_has_is_not_moved_unasked() {
        let inventory = run_of(CLUSTER);
        let request = request();
        let evidence = Evidence { head: Some(ObservedObjects::head(run_of(CLUSTER), BTreeSet::new())), live: None };
        let judged =
            |unasked| propose(&inventory, &request).unwrap().judge(&inventory, &request, &evidence, unasked, None);
        assert!(matches!(judged(Unasked::Refused), Err(Failure::Refused(_))));
        assert_eq!(judged(Unasked::Warned).unwrap().warnings.len(), 1);
        assert!(plan(&inventory, &request).unwrap().warnings.is_empty());
    }

    #[test]
    fn an_unknown_account_takes_the_name_of_the_cluster() {
        let inventory = run_of(&format!("{CLUSTER}spec: {{identityRef: {{kind: AWSClusterRoleIdentity, name: b}}}}\n"));
        let mut request = InjectRequest { moves: from(MoveFrom::Unknown), ..request() };
        for (name, moved) in [(None, false), (Some("*"), false), (Some("a"), true)] {
            let glob = |name| globset::Glob::new(name).unwrap().compile_matcher();
            request.selection.cluster_names = name.map(glob).into_iter().collect();
            assert_eq!(plan(&inventory, &request).is_ok(), moved, "{name:?}");
        }
    }

    #[test]
    fn a_role_with_a_placeholder_is_compared_as_text() {
        const T: &str = "arn:aws:iam::${T}:role/x";
        let cluster = |spec: &str| format!("{CLUSTER}spec: {{region: \"${{REGION}}\"{spec}}}\n");
        let pointed = |arn: &str| {
            let reference = ", identityRef: {kind: AWSClusterRoleIdentity, name: b}";
            let kind = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity";
            format!("{}---\n{kind}\nmetadata: {{name: b}}\nspec: {{roleARN: \"{arn}\"}}\n", cluster(reference))
        };
        let request = |moves| InjectRequest { moves, ..InjectRequest::to(Target::role(T).unwrap()) };
        let unasked = request(Vec::new());
        let run = run_of(&cluster(""));
        // HEAD has the same text, another one, a complete ARN, or no reference.
        for (head, is_same) in [
            (pointed(T), true),
            (pointed("arn:aws:iam::${U}:role/x"), false),
            (pointed("arn:aws:iam::222222222222:role/x"), false),
            (cluster(""), false),
        ] {
            let evidence = Evidence { head: Some(ObservedObjects::head(run_of(&head), BTreeSet::new())), live: None };
            let judged = propose(&run, &unasked).unwrap().judge(&run, &unasked, &evidence, Unasked::Refused, None);
            assert_eq!(judged.is_ok(), is_same, "{head}");
        }
        assert_eq!(plan(&run_of(&pointed(T)), &unasked).unwrap().unchanged.len(), 1);
        let other = run_of(&pointed("arn:aws:iam::222222222222:role/x"));
        assert!(matches!(plan(&other, &unasked), Err(Failure::Refused(_))));
        let from = MoveFrom::Account(account("222222222222"));
        for (to, is_asked) in [(None, true), (Some(account("222222222222")), false)] {
            let asked = request(vec![AccountMove { from: from.clone(), to }]);
            assert_eq!(plan(&other, &asked).is_ok(), is_asked);
        }
    }
}

#[cfg(test)]
mod order_tests {
    use super::*;
    use crate::diag::FileId;
    use crate::inject::Target;
    use crate::inventory::{File, Scan, scan};
    use crate::plan::{IdentityFile, write_order};
    use crate::settings::Setting;

    fn cluster(name: &str) -> String {
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{name: {name}}}\nspec:\n  \
             region: us-east-1\n"
        )
    }

    fn run_of(texts: &[String]) -> Inventory {
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
        Inventory::new(files, objects)
    }

    #[test]
    fn identities_come_before_the_references_that_need_them() {
        let target = Target::of_account("222222222222".parse().unwrap());
        // One file of the last two has both.
        for keeps in [1, 2] {
            let inventory = run_of(&[cluster("a"), "# identities\n".into(), cluster("c")]);
            let request = InjectRequest {
                identity_file: Some(Setting::default(IdentityFile::Existing(FileId(keeps)))),
                ..InjectRequest::to(target.clone())
            };
            let order = write_order(&inventory, &plan(&inventory, &request).unwrap());
            assert_eq!(order[0], FileId(keeps), "{order:?}");
        }
    }
}
