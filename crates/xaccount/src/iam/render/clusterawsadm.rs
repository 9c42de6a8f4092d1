use serde_json::{Map, Value, json};

use super::{PieceError, PolicyTarget, Side};
use crate::capa::{CONTROLLERS_ROLE_NAME, DEFAULT_ROLE_NAME};
use lossless_yaml::yaml_text;

/// An `AWSIAMConfiguration` for `clusterawsadm bootstrap iam` with only these statements. The stack of clusterawsadm
/// adds them to its own.
///
/// Source: Cluster API Provider AWS v2.11.1, `cmd/clusterawsadm/api/bootstrap/v1beta1/types.go` and
/// `iam/api/v1beta1/types.go`. The path of all roles is that of `controlPlane`:
/// `cmd/clusterawsadm/cloudformation/bootstrap/template.go`.
pub fn clusterawsadm(target: &PolicyTarget<'_>) -> Result<String, PieceError> {
    let role = match target.role_name {
        DEFAULT_ROLE_NAME => "controlPlane",
        CONTROLLERS_ROLE_NAME => "clusterAPIControllers",
        name => return Err(PieceError::NoRoleOfClusterawsadm { name: name.to_owned() }),
    };
    let statements = match target.side {
        Side::Trust => "trustStatements",
        Side::Permission => "extraStatements",
    };
    let mut spec = json!({ "partition": target.partition.id() });
    if target.role_path != "/" {
        spec["controlPlane"]["path"] = json!(target.role_path);
    }
    // One value for all roles that clusterawsadm creates (since v2.9.0).
    if let Some(arn) = target.permissions_boundary {
        spec["controlPlane"]["permissionsBoundary"] = json!(arn);
    }
    spec[role][statements] = target.statements.iter().map(entry).collect();
    let configuration = json!({
        "apiVersion": "bootstrap.aws.infrastructure.cluster.x-k8s.io/v1beta1",
        "kind": "AWSIAMConfiguration",
        "spec": spec,
    });
    Ok(format!(
        "# Merge this into your own configuration: alone, it resets everything else that clusterawsadm created.\n{}",
        yaml_text(&configuration)
    ))
}

/// The statement in the form of the Go type `StatementEntry`: its actions, resources and principals are lists.
fn entry(statement: &Value) -> Value {
    let Value::Object(members) = statement else { return statement.clone() };
    let members = members.iter().map(|(key, value)| {
        let value = match (key.as_str(), value) {
            ("Principal", Value::Object(kinds)) => {
                kinds.iter().map(|(kind, ids)| (kind.clone(), list(ids))).collect::<Map<_, _>>().into()
            }
            ("Action" | "Resource", value) => list(value),
            (_, value) => value.clone(),
        };
        (key.clone(), value)
    });
    members.collect::<Map<_, _>>().into()
}

fn list(value: &Value) -> Value {
    if value.is_array() { value.clone() } else { json!([value]) }
}
