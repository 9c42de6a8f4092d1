//! The trust policies of the roles of many accounts in one template or module.

use serde_json::{Map, Value, json};

use super::json_text::laid_out;
use super::terraform::{quoted, without_templates};
use crate::aws::AccountId;
use crate::iam::{Conditions, Grant, PrincipalForm};

/// A role in a target account, and the grant for its trust policy.
#[derive(Clone, Debug)]
pub struct AccountRole<'r> {
    /// The name of the account, for people.
    pub name: &'r str,
    /// The account.
    pub account: &'r AccountId,
    /// The role, without its path.
    pub role_name: &'r str,
    /// Its path, with both slashes; `/` for none.
    pub role_path: &'r str,
    /// The ARN of its permissions boundary.
    pub permissions_boundary: Option<&'r str>,
    /// What is granted.
    pub grant: &'r Grant,
}

/// Why several roles can't be in one template or module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// A template has one table row for each account.
    #[error("{first} and {second} are in one account, {account}, and a stack set makes one role in each account")]
    SameAccount {
        /// An account of the map.
        first: String,
        /// Another one.
        second: String,
        /// Their id.
        account: AccountId,
    },
    /// The template differs only in external ids, names and boundaries.
    #[error("{first} and {second} have different principals or conditions")]
    Different {
        /// An account of the map.
        first: String,
        /// Another one.
        second: String,
    },
    /// Terraform would remove the boundary of an existing role.
    #[error("{with} has a permissions boundary, and {without} has none")]
    SomeBoundaries {
        /// An account of the map.
        with: String,
        /// Another one.
        without: String,
    },
}

/// A CloudFormation template for a stack set that makes the role of each account. The table in `Mappings` has a row for
/// each account; in an account without a row, the stack fails before it makes anything.
///
/// Sources: AWS CloudFormation template reference, `AWS::IAM::Role`, "Mappings" and `Fn::FindInMap`; CloudFormation user
/// guide, "StackSets concepts".
///
/// # Errors
/// Roles that can't be in one template.
pub fn stack_set(roles: &[AccountRole<'_>]) -> Result<String, AccountsError> {
    check(roles)?;
    let Some(first) = roles.first() else { return Ok(String::new()) };
    let has_id = |role: &AccountRole<'_>| !role.grant.conditions.external_ids.is_empty();
    let with_id = |with: bool| document(first.grant, with);
    let is_mixed = roles.iter().any(has_id) && !roles.iter().all(has_id);
    let document = match is_mixed {
        true => json!({ "Fn::If": ["HasExternalID", with_id(true), with_id(false)] }),
        false => with_id(roles.iter().all(has_id)),
    };
    let is_set = |column: &str| json!({ "Fn::Not": [{ "Fn::Equals": [find(column), ""] }] });
    let has_boundary = roles.iter().any(|role| role.permissions_boundary.is_some());
    let each = roles.iter().map(|role| (role.account.to_string(), row(role, is_mixed, has_boundary)));
    let rows: Map<String, Value> = each.collect();
    let mut properties = json!({
        "RoleName": find("RoleName"), "Path": find("Path"), "AssumeRolePolicyDocument": document,
    });
    let mut conditions = Map::new();
    if is_mixed {
        conditions.insert("HasExternalID".to_owned(), json!({ "Fn::Equals": [find("HasExternalID"), "true"] }));
    }
    if has_boundary {
        conditions.insert("HasPermissionsBoundary".to_owned(), is_set("PermissionsBoundary"));
        properties["PermissionsBoundary"] =
            json!({ "Fn::If": ["HasPermissionsBoundary", find("PermissionsBoundary"), { "Ref": "AWS::NoValue" }] });
    }
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "For a stack set: makes the role that CAPA assumes in each account of the table, and owns its whole trust policy. Import roles that already exist. Deploy with CAPABILITY_NAMED_IAM.",
    });
    if is_by_arn(first.grant) {
        template["Parameters"] = json!({ "SourcePrincipals": {
            "Type": "CommaDelimitedList",
            "Default": first.grant.arns().join(","),
            "Description": "Who may assume the roles: ARNs of roles or users in the source account.",
        } });
    }
    template["Mappings"] = json!({ "Accounts": rows });
    if !conditions.is_empty() {
        template["Conditions"] = conditions.into();
    }
    template["Resources"] = json!({ "Role": {
        "Type": "AWS::IAM::Role", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": properties,
    } });
    Ok(laid_out(&template.to_string(), 0) + "\n")
}

/// The value of the account's row in a column.
fn find(column: &str) -> Value {
    json!({ "Fn::FindInMap": ["Accounts", { "Ref": "AWS::AccountId" }, column] })
}

/// The trust policy in the template: with the parameter as principals, and with the external ids of the table.
fn document(grant: &Grant, with_id: bool) -> Value {
    // Any valid id will do: the table replaces it.
    let external_ids = if with_id { "placeholder".parse().into_iter().collect() } else { Vec::new() };
    let conditions = Conditions { external_ids, ..grant.conditions.clone() };
    let mut document = Grant { conditions, ..grant.clone() }.new_role_document();
    for statement in document["Statement"].as_array_mut().into_iter().flatten() {
        if let Some(principals) = statement["Principal"].get_mut("AWS").filter(|_| is_by_arn(grant)) {
            *principals = json!({ "Ref": "SourcePrincipals" });
        }
        let conditions = statement.get_mut("Condition").and_then(|all| all.get_mut("StringEquals"));
        if let Some(id) = conditions.and_then(|all| all.get_mut("sts:ExternalId")) {
            *id = find("ExternalIDs");
        }
    }
    document
}

fn is_by_arn(grant: &Grant) -> bool {
    grant.principal_form == PrincipalForm::Arn
}

/// The row of an account in the table.
fn row(role: &AccountRole<'_>, is_mixed: bool, has_boundary: bool) -> Value {
    let ids: Vec<&str> = role.grant.conditions.external_ids.iter().map(|id| id.as_str()).collect();
    let mut row = json!({ "RoleName": role.role_name, "Path": role.role_path });
    if is_mixed {
        row["HasExternalID"] = json!(if ids.is_empty() { "false" } else { "true" });
    }
    if is_mixed || !ids.is_empty() {
        // A row without ids needs a value, too: AWS looks it up before it evaluates the condition.
        row["ExternalIDs"] = if ids.is_empty() { json!(["none"]) } else { json!(ids) };
    }
    if has_boundary {
        row["PermissionsBoundary"] = json!(role.permissions_boundary.unwrap_or_default());
    }
    row
}

/// Checks that all roles fit one template.
fn check(roles: &[AccountRole<'_>]) -> Result<(), AccountsError> {
    for (number, role) in roles.iter().enumerate() {
        for other in &roles[..number] {
            if other.account == role.account {
                let (first, second) = (other.name.to_owned(), role.name.to_owned());
                return Err(AccountsError::SameAccount { first, second, account: role.account.clone() });
            }
        }
        let shared = |grant: &Grant| {
            let conditions = Conditions { external_ids: Vec::new(), ..grant.conditions.clone() };
            Grant { conditions, known: Vec::new(), ..grant.clone() }
        };
        if let Some(first) = roles.first().filter(|first| shared(first.grant) != shared(role.grant)) {
            return Err(AccountsError::Different { first: first.name.to_owned(), second: role.name.to_owned() });
        }
    }
    Ok(())
}

/// A Terraform module with the roles of all accounts, to be applied with credentials of each account: it makes the roles
/// of the account of its provider.
///
/// Sources: HCL native syntax specification; Terraform language, "The for_each Meta-Argument"; the pages of
/// `aws_iam_role` and `aws_caller_identity` of the AWS provider.
///
/// # Errors
/// Only some roles have a permissions boundary.
pub fn for_each(roles: &[AccountRole<'_>]) -> Result<String, AccountsError> {
    let with = roles.iter().find(|role| role.permissions_boundary.is_some());
    let without = roles.iter().find(|role| role.permissions_boundary.is_none());
    if let (Some(with), Some(without)) = (with, without) {
        return Err(AccountsError::SomeBoundaries { with: with.name.to_owned(), without: without.name.to_owned() });
    }
    let entries: String = roles.iter().map(entry).collect();
    let (boundary, ignored) = match with {
        Some(_) => ("  permissions_boundary = each.value.permissions_boundary\n", ""),
        None => ("", "permissions_boundary, "),
    };
    let example = roles.first().map_or((String::new(), ""), |role| (quoted(role.name), role.role_name));
    Ok(format!(
        r#"# The trust policies of the roles that CAPA assumes. Apply this with credentials of each account: it makes the roles
# of the account that the provider's credentials belong to.
# Terraform owns the whole policies: statements that are not listed here are removed. Import existing roles first:
#
#     terraform import 'aws_iam_role.capa[{}]' {}

data "aws_caller_identity" "current" {{}}

locals {{
  capa_accounts = {{
{entries}  }}

  capa_roles = {{
    for name, one in local.capa_accounts : name => one
    if one.account == data.aws_caller_identity.current.account_id
  }}
}}

resource "aws_iam_role" "capa" {{
  for_each = local.capa_roles

  name = each.value.role_name
  path = each.value.path
{boundary}
  assume_role_policy = each.value.trust_policy

  # Other settings of imported roles are not changed.
  lifecycle {{
    ignore_changes = [description, max_session_duration, {ignored}tags]
  }}
}}
"#,
        example.0, example.1
    ))
}

/// The entry of a role in `locals`.
fn entry(role: &AccountRole<'_>) -> String {
    let AccountRole { name, account, role_name, role_path, permissions_boundary, grant } = role;
    let [name, account, role_name, path] = [name, account.as_str(), role_name, role_path].map(quoted);
    let boundary = permissions_boundary.map(|arn| format!("      permissions_boundary = {}\n", quoted(arn)));
    let boundary = boundary.unwrap_or_default();
    let document = without_templates(&laid_out(&grant.new_role_document().to_string(), 8));
    format!(
        "    {name} = {{\n      account = {account}\n      role_name = {role_name}\n      path = {path}\n{boundary}      \
         trust_policy = <<-POLICY\n        {document}\n      POLICY\n    }}\n"
    )
}
