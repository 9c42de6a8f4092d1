//! Policies that are not a role's: the output of `aws iam get-user-policy`, `get-group-policy` or `get-policy-version`.

use xaccount::diag::Diagnostic;
use xaccount::iam::PolicyOwner;
use xaccount::iam::limits::PolicyKind;

use crate::cli::PolicyArgs;

/// How long a policy of this owner may be.
pub(super) fn kind(owner: &PolicyOwner) -> PolicyKind {
    match owner {
        PolicyOwner::User(_) => PolicyKind::UserInline,
        PolicyOwner::Group(_) => PolicyKind::GroupInline,
        PolicyOwner::Managed => PolicyKind::Managed,
    }
}

/// Refuses a form that changes or creates a role, which would get the rights of the owner.
///
/// # Errors
/// The output is such a form.
pub(super) fn refuse_role(owner: &PolicyOwner, policy_name: Option<&str>, args: &PolicyArgs) -> Result<(), Diagnostic> {
    if args.prints_document() {
        return Ok(());
    }
    let what = match owner {
        PolicyOwner::User(name) => format!("a policy of the user {}", word(Some(name))),
        PolicyOwner::Group(name) => format!("a policy of the group {}", word(Some(name))),
        PolicyOwner::Managed => "a managed policy".to_owned(),
    };
    let error = Diagnostic::error(format!("the document is {what}, but this form of -o changes a role"));
    let name = word(policy_name);
    let put = match owner {
        PolicyOwner::User(user) => {
            let user = word(Some(user));
            format!("put-user-policy --user-name {user} --policy-name {name} --policy-document file://policy.json")
        }
        PolicyOwner::Group(group) => {
            let group = word(Some(group));
            format!("put-group-policy --group-name {group} --policy-name {name} --policy-document file://policy.json")
        }
        PolicyOwner::Managed => {
            "create-policy-version --policy-arn ARN --set-as-default --policy-document file://policy.json".to_owned()
        }
    };
    Err(error.help("print the document: -o json > policy.json").help(format!("then put it back: aws iam {put}")))
}

/// The command that deletes an inline policy of a role, or the policy of another owner.
pub(super) fn deletion(owner: Option<&PolicyOwner>, role: &str, policy_name: &str) -> String {
    let (role, name) = (word(Some(role)), word(Some(policy_name)));
    match owner {
        None => format!("aws iam delete-role-policy --role-name {role} --policy-name {name}"),
        Some(PolicyOwner::User(user)) => {
            format!("aws iam delete-user-policy --user-name {} --policy-name {name}", word(Some(user)))
        }
        Some(PolicyOwner::Group(group)) => {
            format!("aws iam delete-group-policy --group-name {} --policy-name {name}", word(Some(group)))
        }
        Some(PolicyOwner::Managed) => {
            "detach it from everything that has it, then: aws iam delete-policy --policy-arn ARN".to_owned()
        }
    }
}

/// A name for a command line. IAM's names need no quotes (IAM API reference, `CreateUser` and `PutRolePolicy`: letters,
/// digits and `_+=,.@-`); another text is not a name.
fn word(name: Option<&str>) -> &str {
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    name.filter(is_name).unwrap_or("NAME")
}
