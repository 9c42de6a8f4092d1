use super::json_text::{laid_out, string};
use super::{PolicyTarget, Side};

/// A whole CloudFormation template. The stack owns the whole policy.
///
/// Resource types: AWS CloudFormation template reference, `AWS::IAM::Role` and `AWS::IAM::RolePolicy`.
pub fn cloudformation(target: &PolicyTarget<'_>) -> String {
    let place = target.place();
    let role = string(target.role_name);
    let (description, id, resource) = match target.side {
        Side::Trust => (
            format!(
                "Owns the whole trust policy of {place}, but not its permissions. Import the role into the stack if it \
                 already exists, or use another name. Deploy with CAPABILITY_NAMED_IAM."
            ),
            logical_id(target.role_name, "Role"),
            // CloudFormation imports a role only if it is retained.
            format!(
                r#"{{"Type":"AWS::IAM::Role","DeletionPolicy":"Retain","UpdateReplacePolicy":"Retain",
                "Properties":{{"RoleName":{role},"Path":{},"AssumeRolePolicyDocument":{}}}}}"#,
                string(target.role_path),
                target.document,
            ),
        ),
        Side::Permission => (
            format!("Owns the whole inline policy {} of {place}.", target.policy_name),
            logical_id(target.policy_name, "Policy"),
            format!(
                r#"{{"Type":"AWS::IAM::RolePolicy",
                "Properties":{{"PolicyName":{},"RoleName":{role},"PolicyDocument":{}}}}}"#,
                string(target.policy_name),
                target.document,
            ),
        ),
    };
    let template = format!(
        r#"{{"AWSTemplateFormatVersion":"2010-09-09","Description":{},"Resources":{{"{id}":{resource}}}}}"#,
        string(&description),
    );
    laid_out(&template, 0) + "\n"
}

/// A logical id from the words of a name, if it has any, and a last word. It has only letters and digits, at most 255.
pub(super) fn logical_id(name: &str, last: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let mut id: String = words
        .filter_map(|word| word.split_at_checked(1))
        .map(|(first, rest)| first.to_ascii_uppercase() + rest)
        .collect();
    id.push_str(last);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_are_letters_and_digits() {
        assert_eq!(logical_id("control-plane.k8s.io", "Role"), "ControlPlaneK8sIoRole");
        assert_eq!(logical_id("+=,.@-_", "Role"), "Role");
        assert_eq!(logical_id("x", "Policy"), "XPolicy");
    }
}
