//! The results of `status` for programs; `docs/status.md` describes the format.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::resources::has_resources;
use xaccount::aws::AccountId;
use xaccount::capa::{AccountEvidence, Chain, Hop, Namespaces, Permission, Scope, Walked};
use xaccount::inventory::{Inventory, OriginRef, Provenance, Resource};
use xaccount::kubernetes::ApiLabelSelector;
use xaccount::status::{AccessPath, AccountSummary, MappedAccount, Move, NotAsMapped, Row, Status, identity_of};

const API_VERSION: &str = "xaccount.dev/v1alpha1";

/// The version of the formats with clusters and identities. Since this version, each identity is listed once, not once per
/// cluster.
const CLUSTERS_VERSION: &str = "xaccount.dev/v1alpha2";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson<'s> {
    api_version: &'static str,
    kind: &'static str,
    capa_version: String,
    clusters: Vec<ClusterJson<'s>>,
    identities: Identities<'s>,
    /// Places that could not be read and may contain more clusters.
    unread: &'s [UnreadJson],
}

/// A document or file that could not be read.
#[derive(Clone, Serialize)]
pub(crate) struct UnreadJson {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountJson<'s> {
    api_version: &'static str,
    kind: &'static str,
    capa_version: String,
    account: &'s str,
    used_by: Vec<ClusterJson<'s>>,
    may_be_used_from: Vec<AccessPathJson<'s>>,
    identities: Identities<'s>,
    unread: &'s [UnreadJson],
}

#[derive(Serialize)]
struct ClusterJson<'s> {
    kind: &'s str,
    namespace: &'s str,
    name: &'s str,
    cluster: &'s str,
    template: bool,
    file: Option<&'s str>,
    line: Option<usize>,
    region: Option<&'s str>,
    /// Only of a cluster, and if objects of files show an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<ResourcesJson<'s>>,
    account: Option<&'s str>,
    #[serde(rename = "notAsMapped")]
    not_as_mapped: Option<NotAsMappedJson<'s>>,
    verdict: VerdictJson<'s>,
}

/// In which accounts the resources of a cluster are.
#[derive(Serialize)]
struct ResourcesJson<'s> {
    verdict: &'static str,
    evidence: Vec<EvidenceJson<'s>>,
}

/// A field that shows an account.
#[derive(Serialize)]
struct EvidenceJson<'s> {
    account: &'s str,
    resource: &'static str,
    path: &'static str,
}

/// The account that the account map says: an id or `source`; `null` and the names of the accounts that match, if there are
/// several.
#[derive(Serialize)]
struct NotAsMappedJson<'s> {
    wanted: Option<&'s str>,
    matches: &'s [String],
    at: &'s [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictJson<'s> {
    outcome: &'static str,
    reason: Option<&'static str>,
    message: Option<&'s str>,
    #[serde(serialize_with = "names")]
    chain: &'s Chain,
    notes: &'s [String],
}

/// Whether an identity allows clusters of a namespace.
#[derive(Serialize)]
struct AnswerJson<'s> {
    namespace: Option<&'s str>,
    permitted: Option<bool>,
    why: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityJson<'s> {
    kind: &'s str,
    name: &'s str,
    file: Option<&'s str>,
    line: Option<usize>,
    #[serde(rename = "roleARN")]
    role_arn: Option<&'s str>,
    account: Option<&'s str>,
    session_name: Option<&'s str>,
    #[serde(rename = "externalID")]
    external_id: Option<&'s str>,
    duration_seconds: Option<u32>,
    source: Option<String>,
    every_namespace: Option<bool>,
    namespaces: Option<&'s [String]>,
    selector: Option<String>,
    not_permitted: Vec<AnswerJson<'s>>,
    notes: Vec<String>,
}

/// An identity that gives access to the account, and the namespaces that may use it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessPathJson<'s> {
    identity: &'s str,
    #[serde(rename = "roleARN")]
    role_arn: &'s str,
    file: Option<&'s str>,
    line: Option<usize>,
    every_namespace: bool,
    namespaces: &'s [String],
    not_known: &'s [String],
    selectors: &'s [String],
    remark: Option<&'s str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MovesJson<'s> {
    api_version: &'static str,
    kind: &'static str,
    changes: Vec<MoveJson<'s>>,
    /// Places in both trees that could not be read.
    unread: &'s [UnreadJson],
}

/// A cluster that moved, appeared or is gone.
#[derive(Serialize)]
struct MoveJson<'s> {
    change: &'static str,
    kind: &'s str,
    namespace: &'s str,
    name: &'s str,
    before: Option<&'s str>,
    after: Option<&'s str>,
    cause: &'s str,
    file: String,
    line: usize,
}

/// The identities of some clusters by kind and name, in the order in which their chains name them.
struct Identities<'s>(Vec<(String, IdentityJson<'s>)>);

impl Serialize for Identities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, identity)| (name, identity)))
    }
}

/// Serializes the names of a chain one by one: all chains together may have millions of names, too many for memory.
fn names<S: Serializer>(chain: &Chain, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(chain.iter().map(|hop| hop.title()))
}

/// Version 2 of the status of clusters.
pub(crate) fn status_json<'s, O: Provenance>(
    status: &'s Status<'_, O>,
    source: Option<&AccountId>,
    unread: &'s [UnreadJson],
) -> impl Serialize + use<'s, O> {
    StatusJson {
        api_version: CLUSTERS_VERSION,
        kind: "Status",
        capa_version: status.cluster_state.release().to_string(),
        clusters: status.rows.iter().map(|row| cluster(status, row, source)).collect(),
        identities: identities(status, status.rows.iter()),
        unread,
    }
}

/// Version 2 of the status of an account: which clusters use it, and which namespaces may use it.
pub(crate) fn account_json<'s, O: Provenance>(
    status: &'s Status<'_, O>,
    account: &'s AccountId,
    source: Option<&AccountId>,
    rows: &[&'s Row],
    access_paths: &'s [AccessPath],
    unread: &'s [UnreadJson],
) -> impl Serialize + use<'s, O> {
    let access_path = |access_path: &'s AccessPath| {
        let place = place(status.inventory, &status.inventory[access_path.object]);
        AccessPathJson {
            identity: &access_path.name,
            role_arn: &access_path.role_arn,
            file: place.map(|place| place.0),
            line: place.map(|place| place.1),
            every_namespace: access_path.everyone,
            namespaces: &access_path.namespaces,
            not_known: &access_path.open,
            selectors: &access_path.selectors,
            remark: access_path.remark.as_deref(),
        }
    };
    AccountJson {
        api_version: CLUSTERS_VERSION,
        kind: "AccountStatus",
        capa_version: status.cluster_state.release().to_string(),
        account: account.as_str(),
        used_by: rows.iter().map(|row| cluster(status, row, source)).collect(),
        may_be_used_from: access_paths.iter().map(access_path).collect(),
        identities: identities(status, rows.iter().copied()),
        unread,
    }
}

/// Version 1 of the clusters that moved. `line` returns the file and the line of the cause.
pub(crate) fn moves_json<'s, L: Fn(&Move) -> (String, usize)>(
    moves: &'s [Move],
    line: L,
    unread: &'s [UnreadJson],
) -> impl Serialize + use<'s, L> {
    let entry = |one: &'s Move| {
        let (file, line) = line(one);
        MoveJson {
            change: match (&one.before, &one.after) {
                (Some(_), Some(_)) => "moved",
                (None, _) => "appeared",
                (_, None) => "gone",
            },
            kind: &one.kind,
            namespace: &one.namespace,
            name: &one.name,
            before: one.before.as_ref().map(AccountSummary::word),
            after: one.after.as_ref().map(AccountSummary::word),
            cause: one.cause.what,
            file,
            line,
        }
    };
    MovesJson { api_version: API_VERSION, kind: "StatusChanges", changes: moves.iter().map(entry).collect(), unread }
}

fn resources<'s>(row: &'s Row, source: Option<&AccountId>) -> ResourcesJson<'s> {
    let one = |one: &'s AccountEvidence| EvidenceJson {
        account: one.account.as_str(),
        resource: one.resource,
        path: one.path,
    };
    ResourcesJson { verdict: row.resources_verdict(source).name(), evidence: row.evidence.iter().map(one).collect() }
}

fn not_as_mapped(row: &Row) -> Option<NotAsMappedJson<'_>> {
    let NotAsMapped { wanted, places } = row.not_as_mapped.as_ref()?;
    let (wanted, matches) = match wanted {
        MappedAccount::Source => (Some(AccountSummary::Management.word()), &[][..]),
        MappedAccount::Account(id) => (Some(id.as_str()), &[][..]),
        MappedAccount::Several(names) => (None, names.as_slice()),
    };
    Some(NotAsMappedJson { wanted, matches, at: places })
}

fn cluster<'s, O: Provenance>(status: &'s Status<'_, O>, row: &'s Row, source: Option<&AccountId>) -> ClusterJson<'s> {
    let found = &status.inventory[row.object];
    let (verdict, place) = (&row.verdict, place(status.inventory, found));
    ClusterJson {
        kind: &found.object.kind,
        namespace: &row.namespace,
        name: &row.name,
        cluster: &row.cluster,
        template: row.template,
        file: place.map(|place| place.0),
        line: place.map(|place| place.1),
        region: row.region.as_deref(),
        resources: has_resources(status).then(|| resources(row, source)),
        account: row.account.id().map(AccountId::as_str),
        not_as_mapped: not_as_mapped(row),
        verdict: VerdictJson {
            outcome: verdict.outcome.name(),
            reason: verdict.reason.map(|reason| reason.name()),
            message: verdict.message.as_deref(),
            chain: &verdict.chain,
            notes: &verdict.notes,
        },
    }
}

/// The file and the line of an object, if it is in a file.
fn place<'s, O: Provenance>(inventory: &'s Inventory<O>, found: &'s Resource<O>) -> Option<(&'s str, usize)> {
    match found.origin.origin() {
        OriginRef::Manifest(manifest) => Some((inventory.holder(found), manifest.line)),
        OriginRef::Live(_) => None,
    }
}

fn identities<'s, O: Provenance>(status: &'s Status<'_, O>, rows: impl Iterator<Item = &'s Row>) -> Identities<'s> {
    // An answer is the same for all clusters of a namespace.
    let mut walked: HashMap<&Scope, Walked> = HashMap::new();
    let (mut places, mut all): (HashMap<String, usize>, Vec<(String, IdentityJson<'s>)>) = Default::default();
    for row in rows {
        let Some(scope) = row.verdict.chain.scope() else { continue };
        let namespace = match scope {
            Scope::Namespace(name) => Some(name.as_str()),
            Scope::Unknown | Scope::Cluster => None,
        };
        for (hop, _) in walked.entry(scope).or_default().fresh(&row.verdict.chain) {
            let place = *places.entry(hop.title()).or_insert_with(|| {
                all.push((hop.title(), identity(status, &hop)));
                all.len() - 1
            });
            let refusal = hop.permission().filter(|permission| permission.answer != Some(true));
            if let Some(Permission { answer, why }) = refusal {
                all[place].1.not_permitted.push(AnswerJson { namespace, permitted: answer, why });
            }
        }
    }
    Identities(all)
}

fn identity<'s, O: Provenance>(status: &'s Status<'_, O>, hop: &Hop<'s>) -> IdentityJson<'s> {
    let place = identity_of(status.inventory, hop).and_then(|index| place(status.inventory, &status.inventory[index]));
    let allowed = hop.allowed();
    let selector = allowed.flatten().map(|allowed| &allowed.selector);
    IdentityJson {
        kind: hop.kind,
        name: hop.name,
        file: place.map(|place| place.0),
        line: place.map(|place| place.1),
        role_arn: hop.role_arn,
        account: hop.account.map(AccountId::as_str),
        session_name: hop.session_name,
        external_id: hop.external_id,
        duration_seconds: hop.duration_seconds,
        source: hop.source(),
        every_namespace: allowed.map(|allowed| allowed.is_some_and(|allowed| *allowed == Namespaces::default())),
        namespaces: allowed.flatten().and_then(|allowed| allowed.list.as_deref()),
        not_permitted: Vec::new(),
        selector: selector.filter(|selector| !selector.is_empty()).map(ApiLabelSelector::text),
        notes: hop.notes(),
    }
}
