use super::json_text::laid_out;
use super::{PolicyTarget, Side};

/// A Terraform resource, which owns the whole policy.
///
/// The document is in a heredoc: there, unlike in a quoted string, a backslash needs no escape, and no line of JSON
/// text equals the closing word.
///
/// Sources: HCL native syntax specification, "Template Expressions"; the pages of `aws_iam_role` and
/// `aws_iam_role_policy` of the AWS provider.
pub fn terraform(target: &PolicyTarget<'_>) -> String {
    let place = target.place();
    let name = quoted(target.role_name);
    let document = without_templates(&laid_out(target.document, 4));
    match target.side {
        Side::Trust => {
            let resource = identifier(target.role_name);
            let path = quoted(target.role_path);
            format!(
                r#"# The trust policy of {place}.
# Terraform owns the whole policy: statements that are not listed here are removed. Import an existing role first:
#
#     terraform import aws_iam_role.{resource} {}

resource "aws_iam_role" "{resource}" {{
  name = {name}
  path = {path}

  assume_role_policy = <<-POLICY
    {document}
  POLICY

  # Other settings of an imported role are not changed.
  lifecycle {{
    ignore_changes = [description, max_session_duration, permissions_boundary, tags]
  }}
}}
"#,
                target.role_name
            )
        }
        Side::Permission => {
            let resource = identifier(target.policy_name);
            let policy = target.policy_name;
            format!(
                r#"# The inline policy {policy} of {place}.
# Terraform owns the whole policy: statements that are not listed here are removed. Import an existing policy first:
#
#     terraform import aws_iam_role_policy.{resource} {}:{policy}

resource "aws_iam_role_policy" "{resource}" {{
  name = {}
  role = {name}

  policy = <<-POLICY
    {document}
  POLICY
}}
"#,
                target.role_name,
                quoted(policy),
            )
        }
    }
}

/// A resource name. Terraform allows letters, digits, `_` and `-`, but no digit at the start; `-` is not used here.
pub(super) fn identifier(name: &str) -> String {
    let front = if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    front.to_owned() + &name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", without_templates(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Escapes `${` and `%{`, which start an expression in Terraform: with the first character doubled, they are plain
/// text.
pub(super) fn without_templates(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        assert_eq!(identifier("control-plane.k8s.io"), "control_plane_k8s_io");
        assert_eq!(identifier("2+=,.@-_"), "_2_______");
    }
}
