//! What `inject` thinks: from what a run holds and what is asked for to a plan. No I/O.

mod classes;
mod explain;
mod identity;
mod mapped;
pub(crate) mod merge_plans;
mod namespaces;
mod needs;
mod order;
mod reconcile;
mod reference;
mod running;
mod select;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::aws::{AccountId, Partition, RoleArn};
use crate::capa::{DEFAULT_ROLE_NAME, Form, IdentityKind, ObjectKind, ROLE_IDENTITY, Release, Version};
use crate::diag::{Diagnostic, FileId};
use crate::inventory::{Inventory, Skipped};
use crate::manifest_checks;
use lossless_yaml::Plan;

pub use mapped::{Mapped, SpecifiedTarget, for_account, known_accounts, target_is_source};
pub use merge_plans::{plan_each, plan_identities, propose_each, propose_mapped};
pub use namespaces::AllowedNamespaces;
pub use needs::{Needs, needs};
pub use order::write_order;
pub use running::{AccountMove, Evidence, KnownAccounts, MoveFrom, ObservedObjects, Proposal, Unasked};
pub use select::Selection;
pub(crate) use select::names_that_fit_nothing;

use running::Crossings;

/// The field of the account map that names the release, as [`InjectRequest::specified`] has it.
const CAPA_VERSION: &str = "source.capaVersion";

/// The account to point at.
#[derive(Clone, Debug)]
pub enum Target {
    /// Exactly this role.
    Role(RoleArn),
    /// The role of this name in this account.
    Account {
        /// The account.
        account: AccountId,
        /// Name of the role, perhaps with its path before it.
        role: String,
        /// The partition; by default that of the cluster's region, else `aws`.
        partition: Option<Partition>,
    },
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct InjectRequest {
    /// The account to point at; `None` where the account map is to say it, see [`propose_mapped`].
    pub target: Option<Target>,
    /// Which objects.
    pub selection: Selection,
    /// Name of the identity, if one was asked for.
    pub identity_name: Option<String>,
    /// What the identity is to say, where it was asked for.
    pub identity: IdentityRequest,
    /// The file that keeps identities: of the run, or to be made.
    pub identity_file: Option<IdentityFile>,
    /// Whether identities are made and mended at all.
    pub with_identity: bool,
    /// Also emit `AWSClusterControllerIdentity/default`.
    pub with_controller_identity: bool,
    /// Version of new identities, if one was asked for.
    pub api_version: Option<Version>,
    /// The release of CAPA that reads the result, where it is known.
    pub release: Option<Release>,
    /// Replace what says something else within one account.
    pub overwrite: bool,
    /// Changes of account that were asked for.
    pub moves: Vec<AccountMove>,
    /// Clusters that show life and may change account all the same: `NAMESPACE/NAME`.
    pub orphans: Vec<String>,
    /// What the account map says of accounts.
    pub known: Arc<KnownAccounts>,
    /// Whether to say what was decided and why.
    pub explain: bool,
    /// Of which flags the values come from elsewhere: the flag, and from where.
    pub specified: BTreeMap<&'static str, String>,
}

impl InjectRequest {
    /// A request for a target, and nothing else asked for.
    pub fn to(target: Target) -> Self {
        Self { target: Some(target), ..Self::default() }
    }
}

impl Default for InjectRequest {
    fn default() -> Self {
        Self {
            target: None,
            selection: Selection::default(),
            identity_name: None,
            identity: IdentityRequest::default(),
            identity_file: None,
            with_identity: true,
            with_controller_identity: false,
            api_version: None,
            release: None,
            overwrite: false,
            moves: Vec::new(),
            orphans: Vec::new(),
            known: Arc::default(),
            explain: false,
            specified: BTreeMap::new(),
        }
    }
}

/// The identity's fields as asked for; `None` where nothing was said.
#[derive(Clone, Debug, Default)]
pub struct IdentityRequest {
    /// `spec.sourceIdentityRef`.
    pub source: Option<(IdentityKind, String)>,
    /// `spec.allowedNamespaces`.
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// `spec.sessionName`.
    pub session_name: Option<String>,
    /// `spec.externalID`.
    pub external_id: Option<String>,
    /// `spec.durationSeconds`.
    pub duration_seconds: Option<u32>,
    /// `spec.inlinePolicy`.
    pub inline_policy: Option<String>,
    /// `metadata.annotations` of identities that we make.
    pub annotations: Vec<(String, String)>,
}

/// The file that keeps identities.
#[derive(Clone, Debug)]
pub enum IdentityFile {
    /// It is there, and a file of the run.
    There(FileId),
    /// It is to be made.
    New(PathBuf),
}

/// What happens to one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object: an index into the run's objects, or none for a new one.
    pub object: Option<usize>,
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// The operations, empty for a new object.
    pub operations: Arc<Vec<PatchOperation>>,
    /// For people: what was there, and what will be.
    pub before: Option<String>,
    /// For people: what will be.
    pub after: String,
}

/// Kinds of change, in the order in which they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// An object gets a reference.
    ReferenceAdded,
    /// An object's reference is replaced.
    ReferenceReplaced,
    /// A new AWSClusterRoleIdentity.
    IdentityAdded,
    /// A field of an identity changes.
    IdentityChanged,
    /// A new AWSClusterControllerIdentity.
    ControllerIdentityAdded,
    /// An object loses its reference.
    ReferenceRemoved,
    /// An AWSClusterRoleIdentity goes.
    IdentityRemoved,
    /// What a finding of `lint` is about is mended.
    FindingFixed,
}

/// What an outcome is one of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verb {
    /// References are set.
    #[default]
    Inject,
    /// References are taken out.
    Eject,
    /// Findings are mended.
    Lint,
}

/// A new object and the file that it goes to.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// The object.
    pub object: Value,
    /// Its kind and name: `AWSClusterRoleIdentity cross-account-role-222222222222`.
    pub title: String,
    /// Where it goes.
    pub file: IdentityFile,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Whose it is.
    pub verb: Verb,
    /// By file of the run.
    pub plans: BTreeMap<FileId, Plan>,
    /// A file to be made.
    pub new_file: Option<(PathBuf, Plan)>,
    /// Every change of an object that is there, and every new one, in the order of the files.
    pub changes: Vec<Change>,
    /// The new objects, in the order of their documents.
    pub added: Vec<NewObject>,
    /// Objects that are as they should be already: indices into the run's objects.
    pub unchanged: Vec<usize>,
    /// What is selected, can carry a reference, and is skipped.
    pub skipped: Vec<Skipped>,
    /// What to say although nothing is wrong.
    pub warnings: Vec<Diagnostic>,
    /// What was decided, for `-v`.
    pub decisions: Vec<String>,
}

impl Outcome {
    /// Nothing to do for what a selection means, which is right.
    pub fn nothing(inventory: &Inventory, selection: &Selection) -> Self {
        Self { skipped: select::skipped(inventory, selection), ..Self::default() }
    }

    /// Adds a change of an object that is there, and its operations to its file's plan.
    pub(crate) fn change(&mut self, inventory: &Inventory, change: Change) {
        if let Some(found) = change.object.map(|index| &inventory.objects()[index]) {
            let plan = self.plans.entry(found.file).or_default();
            // All changes of one object are planned one after the other.
            match plan.changes.last_mut() {
                Some((object, existing)) if *object == found.at => {
                    Arc::make_mut(existing).extend(change.operations.iter().cloned())
                }
                _ => plan.changes.push((found.at.clone(), change.operations.clone())),
            }
        }
        self.changes.push(change);
    }
}

/// Why there is nothing to point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmptySelection {
    /// No object of the run can carry a reference.
    NoReferencingObject,
    /// None of those that can was selected; their titles.
    NoneSelected(Vec<String>),
}

/// Why there is no plan.
#[derive(Clone, Debug)]
pub enum Failure {
    /// There is nothing to point.
    EmptySelection(EmptySelection),
    /// What is there can't be brought together with what is asked for.
    Refused(Vec<Diagnostic>),
}

impl Failure {
    /// With errors that were found before.
    pub(crate) fn after(self, mut errors: Vec<Diagnostic>) -> Self {
        match self {
            Self::EmptySelection(nothing) if errors.is_empty() => Self::EmptySelection(nothing),
            Self::EmptySelection(_) => Self::Refused(errors),
            Self::Refused(more) => {
                errors.extend(more);
                Self::Refused(errors)
            }
        }
    }
}

/// Plans the run. What shows that a cluster runs is looked for in the manifests alone.
///
/// # Errors
/// Everything that is wrong, not only the first of it.
pub fn plan(inventory: &Inventory, request: &InjectRequest) -> Result<Outcome, Failure> {
    propose(inventory, request)?.judge(inventory, request, &Evidence::default(), Unasked::Refused, None)
}

/// Plans the run; whether clusters may change account is left to [`Proposal::judge`].
///
/// # Errors
/// There is nothing to point, or no target.
pub fn propose(inventory: &Inventory, request: &InjectRequest) -> Result<Proposal, Failure> {
    propose_one(inventory, request, &wrong(inventory))
}

/// What is wrong with a run, whatever is asked for: objects that can't be, and identities that contradict each other.
struct Wrong {
    objects: Vec<Diagnostic>,
    identities: Vec<Diagnostic>,
}

fn wrong(inventory: &Inventory) -> Wrong {
    Wrong {
        objects: manifest_checks::impossible(inventory).collect(),
        identities: manifest_checks::names_of_two_roles(inventory),
    }
}

/// Plans the run of which this is wrong.
fn propose_one(inventory: &Inventory, request: &InjectRequest, wrong: &Wrong) -> Result<Proposal, Failure> {
    let mut planner = Planner::new(inventory, request).map_err(Failure::Refused)?;
    planner.errors.clone_from(&wrong.objects);
    let selected = match select::select(inventory, &request.selection) {
        Ok(selected) => selected,
        Err(failure) => return Err(failure.after(planner.errors)),
    };
    planner.outcome.warnings.extend(select::names_that_fit_nothing(inventory, &request.selection));
    // Of several requests over one run, none of them says it.
    if request.selection.only.is_none() {
        planner.outcome.warnings.extend(select::warnings_of_unclear(inventory, &request.selection));
        planner.outcome.skipped = select::skipped(inventory, &request.selection);
    }
    planner.explain_selection(selected.len());
    planner.errors.extend(wrong.identities.iter().cloned());
    let served = planner.references(&selected);
    planner.identities(&served);
    Ok(planner.proposal())
}

/// Plans the identity of one account, whoever uses it.
fn propose_identity(inventory: &Inventory, request: &InjectRequest) -> Result<Proposal, Vec<Diagnostic>> {
    let mut planner = Planner::new(inventory, request)?;
    planner.errors.extend(manifest_checks::impossible(inventory));
    planner.errors.extend(manifest_checks::names_of_two_roles(inventory));
    let role = role_of(planner.target).map_err(|error| vec![error])?;
    let name = planner.name_for(&role);
    if let Some(AllowedNamespaces::AtLeast(names)) = &request.identity.allowed_namespaces
        && names.is_empty()
        && planner.lets_nobody_in(&name)
    {
        let warning = Diagnostic::warning(lets_nobody_in(&name));
        planner.outcome.warnings.push(warning.help("inject adds the namespace of each cluster that it points there"));
    }
    planner.identities(&[RequiredIdentity { name, role, objects: Vec::new() }]);
    Ok(planner.proposal())
}

/// The message about an identity that lists no namespace.
pub fn lets_nobody_in(name: &str) -> String {
    format!("{ROLE_IDENTITY}/{name} lets no namespace use it yet")
}

/// The name of the identity that a request without objects is about; `None` where it has no target, or one that can't be.
pub fn identity_name(request: &InjectRequest) -> Option<String> {
    let role = role_of(request.target.as_ref()?).ok()?;
    Some(request.identity_name.clone().unwrap_or_else(|| default_identity_name(&role)))
}

/// The role of a target, where no region says the partition.
fn role_of(target: &Target) -> Result<RoleArn, Diagnostic> {
    match target {
        Target::Role(role) => Ok(role.clone()),
        Target::Account { account, role, partition } => {
            RoleArn::new(partition.unwrap_or(Partition::Aws), account, role)
                .map_err(|error| Diagnostic::error(error.to_string()))
        }
    }
}

/// The objects that a selection means.
///
/// # Errors
/// None can carry a reference, or none of those is meant, or nobody can tell which are.
pub fn selected(inventory: &Inventory, selection: &Selection) -> Result<Vec<usize>, Failure> {
    select::select(inventory, selection)
        .map_err(|failure| failure.after(manifest_checks::impossible(inventory).collect()))
}

/// An identity that objects need, and which they are.
struct RequiredIdentity {
    name: String,
    role: RoleArn,
    /// Indices into the run's objects.
    objects: Vec<usize>,
}

struct Planner<'r> {
    inventory: &'r Inventory,
    request: &'r InjectRequest,
    target: &'r Target,
    outcome: Outcome,
    errors: Vec<Diagnostic>,
    crossings: Crossings,
    /// Messages about objects that are pointed somewhere: each is said once.
    warned: HashSet<String>,
}

impl<'r> Planner<'r> {
    fn new(inventory: &'r Inventory, request: &'r InjectRequest) -> Result<Self, Vec<Diagnostic>> {
        match &request.target {
            Some(target) => {
                let (outcome, errors, crossings, warned) = Default::default();
                Ok(Self { inventory, request, target, outcome, errors, crossings, warned })
            }
            None => Err(vec![Diagnostic::error("no target account")]),
        }
    }

    fn proposal(self) -> Proposal {
        Proposal::new(self.outcome, self.errors, self.crossings)
    }

    /// Whether the run has no identity of this name whose `allowedNamespaces` lets a namespace in.
    fn lets_nobody_in(&self, name: &str) -> bool {
        let existing =
            self.inventory.identities(IdentityKind::Role, name).iter().map(|&index| &self.inventory.objects()[index]);
        !existing.into_iter().any(|found| match &found.object.object_kind {
            ObjectKind::Identity(identity, _) => {
                matches!(identity.allowed.form, Form::Those(_)) && !identity.lists_no_namespace()
            }
            _ => false,
        })
    }

    /// Notes what was decided and why, where somebody asked.
    fn decided(&mut self, what: impl FnOnce() -> String) {
        if self.request.explain {
            self.outcome.decisions.push(what());
        }
    }

    /// From where the value of a flag is.
    fn from(&self, flag: &'static str) -> &str {
        self.request.specified.get(flag).map_or(flag, String::as_str)
    }

    /// The role for an object, from what is asked for and its region.
    fn role_for(&mut self, index: usize) -> Option<RoleArn> {
        let inventory = self.inventory;
        let found = &inventory.objects()[index];
        // Where it decides the partition of an identity's role.
        let decides = self.request.with_identity && matches!(self.target, Target::Account { partition: None, .. });
        if let Some(error) = manifest_checks::region_twice(found).filter(|_| decides) {
            self.errors.push(error);
            return None;
        }
        let region = found.object.region().map(str::to_owned);
        let span = match &found.object.object_kind {
            ObjectKind::Referencing { region, .. } => region.span(),
            _ => None,
        };
        let of_region = region.as_deref().and_then(Partition::of_region);
        let at = found.location(span.unwrap_or(found.object.kind_span));
        let wrong = |partition: Partition, own: Partition| {
            let region = region.clone().unwrap_or_default();
            Diagnostic::error(format!(
                "{} is in {region}, partition {}, but the role is in partition {}",
                found.title(),
                own.id(),
                partition.id()
            ))
            .at(at, "no role can be assumed across partitions")
        };
        match self.target {
            Target::Role(role) => {
                if let Some(own) = of_region
                    && own != role.partition()
                {
                    let right = RoleArn::new(own, role.account(), role.path_and_name());
                    let mut diagnostic = wrong(role.partition(), own);
                    if let Ok(right) = right {
                        diagnostic = diagnostic.help(format!("if the account is right: --role-arn {right}"));
                    }
                    self.errors.push(diagnostic);
                    return None;
                }
                let from = self.from("--role-arn").to_owned();
                self.decided(|| {
                    let (account, name, partition) = (role.account(), role.path_and_name(), role.partition().id());
                    let title = found.title();
                    format!("{title}: account {account}, role {name}, partition {partition}, all from {from}")
                });
                Some(role.clone())
            }
            Target::Account { account, role, partition } => {
                if let (Some(asked), Some(own)) = (*partition, of_region)
                    && asked != own
                {
                    self.errors.push(wrong(asked, own).help(format!("pass --partition {} or leave it out", own.id())));
                    return None;
                }
                let chosen = partition.or(of_region).unwrap_or(Partition::Aws);
                let [account_from, role_from, partition_from] =
                    ["--account", "--role-name", "--partition"].map(|flag| self.from(flag).to_owned());
                self.decided(|| {
                    let why = match (partition, of_region, &region) {
                        (Some(_), ..) => partition_from,
                        (None, Some(_), Some(region)) => format!("the region {region}"),
                        (None, _, Some(region)) => {
                            format!("the default, as the region {region} is of none that is known")
                        }
                        (None, _, None) => "the default, as no region is said".to_owned(),
                    };
                    let role_from = if role == DEFAULT_ROLE_NAME { "the role that DKP makes" } else { &role_from };
                    format!(
                        "{}: account {account} from {account_from}, role {role} ({role_from}), partition {} from {why}",
                        found.title(),
                        chosen.id()
                    )
                });
                match RoleArn::new(chosen, account, role) {
                    Ok(arn) => Some(arn),
                    Err(error) => {
                        self.errors.push(Diagnostic::error(error.to_string()));
                        None
                    }
                }
            }
        }
    }

    /// The name of the identity for a role.
    fn name_for(&self, role: &RoleArn) -> String {
        self.request.identity_name.clone().unwrap_or_else(|| default_identity_name(role))
    }

    fn change(
        &mut self,
        index: usize,
        kind: ChangeKind,
        operations: Vec<PatchOperation>,
        before: Option<String>,
        after: String,
    ) {
        // Clusters that go to one account get the same operations: these are in memory once.
        let operations = match self.outcome.changes.last() {
            Some(last) if *last.operations == operations => Arc::clone(&last.operations),
            _ => operations.into(),
        };
        let change = Change { object: Some(index), kind, operations, before, after };
        self.outcome.change(self.inventory, change);
    }

    fn add(&mut self, object: Value, kind: ChangeKind, title: String, file: IdentityFile, after: String) {
        let plan = match &file {
            IdentityFile::There(file) => self.outcome.plans.entry(*file).or_default(),
            IdentityFile::New(path) => {
                &mut self.outcome.new_file.get_or_insert_with(|| (path.clone(), Plan::default())).1
            }
        };
        plan.new_documents.push(object.clone());
        self.outcome.changes.push(Change { object: None, kind, operations: Arc::default(), before: None, after });
        self.outcome.added.push(NewObject { object, title, file });
    }
}

/// `cross-account-role-<account>`, and the role's path and name behind it where it is not the default role: identities are
/// cluster-scoped, so a name must say which account and role it stands for. Where the name of an object can't hold them as
/// they are, six hexadecimal digits of their hash (xxh3) follow.
pub fn default_identity_name(role: &RoleArn) -> String {
    let mut name = format!("cross-account-role-{}", role.account());
    if role.path() != "/" || role.name() != DEFAULT_ROLE_NAME {
        // IAM tells no names apart by case.
        let written = role.path_and_name().to_ascii_lowercase();
        let tail = written.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
        // DNS-1123: each part between dots begins and ends with a letter or digit.
        let parts: Vec<_> =
            tail.split('.').map(|part| part.trim_matches('-')).filter(|part| !part.is_empty()).collect();
        let tail = parts.join(".");
        if !tail.is_empty() {
            name = format!("{name}-{tail}");
        }
        if tail != written {
            // `a_b` and `a-b` are two roles: what a name can't say, a hash does.
            name = format!("{name}-{:06x}", xxhash_rust::xxh3::xxh3_64(written.as_bytes()) >> 40);
        }
    }
    name
}

/// The account that an identity name made by [`default_identity_name`] says.
fn account_in_name(name: &str) -> Option<AccountId> {
    let rest = name.strip_prefix("cross-account-role-")?;
    let (account, tail) = rest.split_at_checked(12)?;
    if !tail.is_empty() && !tail.starts_with('-') {
        return None;
    }
    account.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn run_of(text: &str) -> Inventory {
        let needles = crate::capa::needles();
        let scan = crate::inventory::Scan {
            needles: &needles,
            skip_templates: false,
            topology_variable: None,
            keep_going: false,
        };
        let scanned = crate::inventory::scan(FileId(0), text.as_bytes(), &scan).unwrap();
        let file = crate::inventory::File { name: "a.yaml".into(), is_json_for_kubectl: false, identities_only: false };
        Inventory::new(vec![file], scanned.objects)
    }

    fn account(id: &str) -> AccountId {
        id.parse().unwrap()
    }

    fn request() -> InjectRequest {
        let target =
            Target::Account { account: account("222222222222"), role: DEFAULT_ROLE_NAME.into(), partition: None };
        InjectRequest { overwrite: true, ..InjectRequest::to(target) }
    }

    fn from(from: MoveFrom) -> Vec<AccountMove> {
        vec![AccountMove { from, to: account("222222222222") }]
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
        let mut request = InjectRequest { identity_name: Some("b".into()), moves, ..request() };
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
    fn identity_names_say_account_and_role() {
        let name = |arn: &str| default_identity_name(&arn.parse().unwrap());
        assert_eq!(
            name("arn:aws:iam::012345678901:role/control-plane.cluster-api-provider-aws.sigs.k8s.io"),
            "cross-account-role-012345678901"
        );
        assert_eq!(name("arn:aws:iam::222222222222:role/Team-A"), "cross-account-role-222222222222-team-a");
        let hashed = |arn: &str, plain: &str| {
            let name = name(arn);
            let hash = name.strip_prefix(plain).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
            assert!(hash.len() == 6 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
        };
        hashed("arn:aws:iam::222222222222:role/Team_A", "cross-account-role-222222222222-team-a");
        hashed("arn:aws:iam::222222222222:role/x/y/r+", "cross-account-role-222222222222-x-y-r");
        hashed("arn:aws:iam::222222222222:role/_", "cross-account-role-222222222222");
        assert_eq!(account_in_name("cross-account-role-222222222222-team-a").unwrap().as_str(), "222222222222");
        assert!(account_in_name("cross-account-role-2222222222223").is_none());
    }
}
