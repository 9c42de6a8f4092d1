//! What `status` found, for programs; `docs/status.md` describes it.

use serde_json::{Value, json};

use crate::capa::Hop;
use crate::run::Run;
use crate::status::{Door, Move, Row, Status};

const API_VERSION: &str = "xaccount.dev/v1alpha1";

/// Version 1 of the status of clusters.
pub fn status_json(status: &Status<'_>) -> Value {
    let clusters: Vec<Value> = status.rows.iter().map(|row| cluster(status, row)).collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": "Status",
        "capaVersion": status.world.release().to_string(),
        "clusters": clusters,
    })
}

/// Version 1 of who uses an account, and who may.
pub fn account_json(status: &Status<'_>, account: &str, rows: &[&Row], doors: &[Door]) -> Value {
    let used: Vec<Value> = rows.iter().map(|row| cluster(status, row)).collect();
    let doors: Vec<Value> = doors
        .iter()
        .map(|door| {
            json!({
                "identity": door.name,
                "roleARN": door.role_arn,
                "file": status.run.file(status.run.objects()[door.object].file).name,
                "line": status.run.objects()[door.object].line,
                "everyNamespace": door.everyone,
                "namespaces": door.namespaces,
                "notKnown": door.open,
                "selectors": door.selectors,
                "remark": door.remark,
            })
        })
        .collect();
    json!({
        "apiVersion": API_VERSION,
        "kind": "AccountStatus",
        "capaVersion": status.world.release().to_string(),
        "account": account,
        "usedBy": used,
        "mayBeUsedFrom": doors,
    })
}

/// Version 1 of the clusters that moved. `line` finds the file and the line of what did it.
pub fn moves_json(moves: &[Move], line: impl Fn(&Move) -> (String, usize)) -> Value {
    let moves: Vec<Value> = moves
        .iter()
        .map(|one| {
            let (file, at) = line(one);
            let change = match (&one.before, &one.after) {
                (Some(_), Some(_)) => "moved",
                (None, _) => "appeared",
                (_, None) => "gone",
            };
            json!({
                "change": change,
                "kind": one.kind,
                "namespace": one.namespace,
                "name": one.name,
                "before": one.before.as_ref().map(|account| account.word()),
                "after": one.after.as_ref().map(|account| account.word()),
                "cause": one.cause.what,
                "file": file,
                "line": at,
            })
        })
        .collect();
    json!({"apiVersion": API_VERSION, "kind": "StatusChanges", "changes": moves})
}

fn cluster(status: &Status<'_>, row: &Row) -> Value {
    let found = &status.run.objects()[row.object];
    let verdict = &row.verdict;
    let chain: Vec<Value> =
        verdict.chain.iter().zip(&row.identities).map(|(one, object)| hop(status.run, one, *object)).collect();
    json!({
        "kind": found.object.kind,
        "namespace": row.namespace,
        "name": row.name,
        "cluster": row.cluster,
        "template": row.template,
        "file": status.run.file(found.file).name,
        "line": found.line,
        "region": found.object.region(),
        "account": row.account.id().map(|id| id.as_str()),
        "verdict": {
            "outcome": verdict.outcome.name(),
            "reason": verdict.reason.map(|reason| reason.name()),
            "message": verdict.message,
            "chain": chain,
            "notes": verdict.notes,
        },
    })
}

fn hop(run: &Run, hop: &Hop, object: Option<usize>) -> Value {
    let found = object.map(|object| &run.objects()[object]);
    let permission = hop.permission.as_ref();
    json!({
        "kind": hop.kind,
        "name": hop.name,
        "file": found.map(|found| run.file(found.file).name.as_str()),
        "line": found.map(|found| found.line),
        "roleARN": hop.role_arn,
        "account": hop.account.as_ref().map(|account| account.as_str()),
        "sessionName": hop.session_name,
        "externalID": hop.external_id,
        "durationSeconds": hop.duration_seconds,
        "permitted": permission.and_then(|permission| permission.answer),
        "why": permission.map(|permission| permission.why.as_str()),
    })
}
