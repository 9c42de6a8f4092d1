//! `roleARN` that is not the ARN of an IAM role, which the CRD does not check.

use super::super::{Applicability, Context, Findings, Rule};
use super::query::{replace, role_identities};
use crate::aws::{RoleArn, RoleArnError};
use crate::capa::{Field, is_kept_as_written};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidRoleArn,
    name: "role-arn",
    severity: Severity::Error,
    summary: "roleARN is not the ARN of an IAM role",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, identity) in role_identities(context.inventory) {
        let title = found.title();
        let at = found.location(identity.role_arn.span().unwrap_or(found.object.kind_span));
        let wrong = |what: &str| Diagnostic::error(format!("{title}: {what}")).at(at, "");
        match &identity.role_arn {
            Field::Text(text, _) if !text.is_empty() => {
                let Err(error) = text.parse::<RoleArn>() else { continue };
                // A placeholder that envsubst or clusterctl fills in.
                if matches!(&error, RoleArnError::Placeholder { placeholder, .. } if is_filled_in(placeholder)) {
                    continue;
                }
                let finding = wrong(&error.to_string());
                let Some(right) = error.suggestion() else {
                    findings.add(finding);
                    continue;
                };
                let finding = match finding.message.contains(right.as_str()) {
                    true => finding,
                    false => finding.help(format!("perhaps {right}")),
                };
                let what = format!("roleARN {right}");
                findings.add_with_fix(finding, replace(object, "roleARN", right.into(), &what));
            }
            Field::Absent | Field::Null if is_kept_as_written(&found.object, context.release()) => findings.add(
                wrong("no role ARN: the API server refuses the object").help("roleARN: arn:aws:iam::ACCOUNT:role/NAME"),
            ),
            Field::Absent | Field::Null | Field::Text(..) => findings.add(
                wrong("no role ARN: the API server accepts that, but AWS refuses every call")
                    .help("roleARN: arn:aws:iam::ACCOUNT:role/NAME"),
            ),
            Field::Typed(text, _) => {
                findings.add(wrong(&format!("kubectl reads the role ARN {text} as a number or a boolean")));
            }
            Field::Other(_) => findings.add(wrong("the role ARN is not a string")),
            Field::Ambiguous(_) => findings.add_as_it_is(
                Diagnostic::warning(format!("{title}: duplicate key roleARN"))
                    .at(at, "")
                    .help("kubectl uses the last one, other tools refuse the file; remove one"),
            ),
        }
    }
}
