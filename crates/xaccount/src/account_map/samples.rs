//! For each field of the map, a line to paste: the help of an error about the field.

/// A line with this field, as it is written in a map.
pub(super) fn line(field: &str) -> Option<&'static str> {
    Some(match field {
        "apiVersion" => "apiVersion: xaccount.dev/v1alpha1",
        "kind" => "kind: AccountMap",
        "source" => "source: {account: \"111111111111\"}",
        "account" => "account: \"222222222222\"",
        "accounts" => "accounts: [{name: development, account: \"222222222222\", clusters: {names: [\"dev-*\"]}}]",
        "accountsFrom" => "accountsFrom: ../accounts.yaml",
        "audience" => "audience: sts.amazonaws.com",
        "allowedNamespaces" => "allowedNamespaces: served  # or all, or {list: [NAME]}",
        "assumedRole" => "credentials: {assumedRole: {roleARN: \"arn:aws:iam::111111111111:role/ops\"}}",
        "capaVersion" => "capaVersion: \"2.13.0\"",
        "clusterARN" => "clusterARN: \"arn:aws:eks:us-east-1:111111111111:cluster/mgmt\"",
        "clusters" => "clusters: {names: [\"dev-*\"], namespaces: [dev]}",
        "controllerIdentity" => "controllerIdentity: true",
        "credentials" => "credentials: instanceProfile",
        "defaults" => "defaults: {roleName: capa}",
        "disableSessionTags" => "disableSessionTags: true",
        "durationSeconds" => "durationSeconds: 3600",
        "except" => "except: {names: [dev-old]}",
        "externalID" => "externalID: mgmt-to-dev",
        "identityAnnotations" => "identityAnnotations: {example.com/owner: platform}",
        "identityFile" => "identityFile: identities.yaml",
        "identityLabels" => "identityLabels: {example.com/owner: platform}",
        "identityName" => "identityName: development",
        "identityRef" => "identityRef: {kind: AWSClusterStaticIdentity, name: development}",
        "irsa" => "credentials: {irsa: {issuer: \"https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE\"}}",
        "issuer" => "issuer: \"https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE\"",
        "lint" | "ignore" => "lint: {ignore: [{rule: XA051, reason: \"…\"}]}",
        "list" => "list: [dev]",
        "managementCluster" => "managementCluster: {name: prod-mgmt}",
        "matchLabels" => "selector: {matchLabels: {example.com/env: dev}}",
        "name" => "name: development",
        "names" => "names: [\"dev-*\"]",
        "namespace" => "namespace: capa-system",
        "namespaces" => "namespaces: [dev]",
        "organizationID" => "organizationID: o-a1b2c3d4e5",
        "partition" => "partition: aws",
        "paths" => "paths: [\"clusters/dev/**\"]",
        "permissionsBoundary" => "permissionsBoundary: capa-boundary",
        "podIdentity" => {
            "credentials: {podIdentity: {clusterARN: \"arn:aws:eks:us-east-1:111111111111:cluster/mgmt\"}}"
        }
        "reason" => "reason: agreed with the security team",
        "roleARN" => "roleARN: \"arn:aws:iam::222222222222:role/capa\"",
        "roleName" => "roleName: capa",
        "rule" => "rule: XA051",
        "selector" => "selector: {matchLabels: {example.com/env: dev}}",
        "serviceAccount" => "serviceAccount: capa-controller-manager",
        "sessionName" => "sessionName: mgmt",
        "sessionTags" => "sessionTags: true",
        "sourceIdentity" => "sourceIdentity: {kind: AWSClusterRoleIdentity, name: hub}",
        "targetRoleARN" => "targetRoleARN: \"arn:aws:iam::111111111111:role/capa\"",
        "templates" => "templates: [\"dev-*\"]",
        "uid" => "uid: 00000000-0000-0000-0000-000000000000",
        "unmapped" => "unmapped: ignore",
        "user" => "credentials: {user: {name: bootstrapper}}",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{list_schema, schema};
    use super::line;

    /// The names of all fields of a schema.
    fn fields(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                if let Some(properties) = object.get("properties").and_then(serde_json::Value::as_object) {
                    into.extend(properties.keys().cloned());
                }
                object.values().for_each(|value| fields(value, into));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| fields(item, into)),
            _ => {}
        }
    }

    #[test]
    fn every_field_has_a_line() {
        let mut all = Vec::new();
        fields(&schema(), &mut all);
        fields(&list_schema(), &mut all);
        for field in all.iter().filter(|field| *field != "metadata") {
            assert!(line(field).is_some_and(|line| line.contains(field.as_str())), "{field}");
        }
    }
}
