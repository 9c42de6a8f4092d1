use super::json_text::laid_out;
use super::{PolicyTarget, Side};

/// A Terraform resource, which owns the whole policy.
///
/// The document stands in a heredoc: there, unlike in a quoted string, a backslash is itself, and no line of JSON text is
/// the closing word.
///
/// Sources: HCL native syntax specification, "Template Expressions"; the pages of `aws_iam_role` and
/// `aws_iam_role_policy` of the AWS provider.
pub fn terraform(half: &PolicyTarget<'_>) -> String {
    let place = half.place();
    let name = quoted(half.role_name);
    let document = without_templates(&laid_out(half.document, 4));
    match half.side {
        Side::Trust => {
            let resource = identifier(half.role_name);
            let path = quoted(half.role_path);
            format!(
                r#"# The trust policy of {place}.
# It is owned as a whole: what does not stand here is taken out. A role that is there already has to be imported first:
#
#     terraform import aws_iam_role.{resource} {}

resource "aws_iam_role" "{resource}" {{
  name = {name}
  path = {path}

  assume_role_policy = <<-POLICY
    {document}
  POLICY

  # What else an imported role has stays as it is.
  lifecycle {{
    ignore_changes = [description, max_session_duration, permissions_boundary, tags]
  }}
}}
"#,
                half.role_name
            )
        }
        Side::Permission => {
            let resource = identifier(half.policy_name);
            let policy = half.policy_name;
            format!(
                r#"# The inline policy {policy} of {place}.
# It is owned as a whole: what does not stand here is taken out. A policy that is there already has to be imported first:
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
                half.role_name,
                quoted(policy),
            )
        }
    }
}

/// A name of a resource: letters, digits, `_` and `-`, of which we use no `-`; not a digit at the front.
fn identifier(name: &str) -> String {
    let front = if name.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    front.to_owned() + &name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", without_templates(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `${` and `%{` begin what Terraform evaluates; with the sign doubled they are text.
fn without_templates(text: &str) -> String {
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
