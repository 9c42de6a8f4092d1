use super::json_text::{laid_out, string};
use super::{PolicyTarget, Side};

/// A whole CloudFormation template. The stack owns the whole policy.
///
/// Resource types: AWS CloudFormation template reference, `AWS::IAM::Role` and `AWS::IAM::RolePolicy`.
pub fn cloudformation(half: &PolicyTarget<'_>) -> String {
    let place = half.place();
    let role = string(half.role_name);
    let (description, id, resource) = match half.side {
        Side::Trust => (
            format!(
                "Owns the whole trust policy of {place}, and none of its permissions. A role that is there already has \
                 to be imported into the stack, or this one needs another name. Deploy with CAPABILITY_NAMED_IAM."
            ),
            logical_id(half.role_name, "Role"),
            // A role can be imported only where it is retained.
            format!(
                r#"{{"Type":"AWS::IAM::Role","DeletionPolicy":"Retain","UpdateReplacePolicy":"Retain",
                "Properties":{{"RoleName":{role},"Path":{},"AssumeRolePolicyDocument":{}}}}}"#,
                string(half.role_path),
                half.document,
            ),
        ),
        Side::Permission => (
            format!("Owns the whole inline policy {} of {place}.", half.policy_name),
            logical_id(half.policy_name, "Policy"),
            format!(
                r#"{{"Type":"AWS::IAM::RolePolicy",
                "Properties":{{"PolicyName":{},"RoleName":{role},"PolicyDocument":{}}}}}"#,
                string(half.policy_name),
                half.document,
            ),
        ),
    };
    let template = format!(
        r#"{{"AWSTemplateFormatVersion":"2010-09-09","Description":{},"Resources":{{"{id}":{resource}}}}}"#,
        string(&description),
    );
    laid_out(&template, 0) + "\n"
}

/// The words of a name, which may be none, and a last word. A logical id is letters and digits, at most 255.
fn logical_id(name: &str, last: &str) -> String {
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
