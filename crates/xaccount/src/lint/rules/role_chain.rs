//! Chains of identities, whose sources' credentials are not renewed since CAPA v2.9.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::super::{Context, Findings, Rule};
use super::query::{role_identities, source};
use crate::capa::{CONTROLLER_IDENTITY, IdentityKind, ObjectKind, ROLE_IDENTITY, Release};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::lint::{Fix, FixEdit};

pub(super) const RULE: Rule = Rule {
    id: RuleId::RoleChain,
    name: "role-chain",
    severity: Severity::Warning,
    summary: "A chain that ends with its source's session, since CAPA v2.9",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    if context.release() < Release::FREEZES_SOURCE {
        return;
    }
    for (_, found, identity) in role_identities(context.inventory) {
        let Some((kind, name)) = source(identity).filter(|(kind, _)| *kind != CONTROLLER_IDENTITY) else { continue };
        let ends = match kind {
            ROLE_IDENTITY => "when that one's session ends",
            _ => "when its keys are changed",
        };
        let finding = Diagnostic::warning(format!(
            "{}: since CAPA v2.9.0 the credentials of its source {kind}/{name} are taken once: the chain fails {ends}, until the controller is restarted or this identity is written to",
            found.title()
        ))
        .at(found.head(), "")
        .help("best is one hop from AWSClusterControllerIdentity/default; else durationSeconds: 3600 on every hop");
        // The source lives for 900 seconds where it does not say how long.
        let source =
            context.inventory.identities(IdentityKind::Role, name).first().copied().filter(|_| kind == ROLE_IDENTITY);
        let short = source.filter(|&index| match &context.inventory[index].object.object_kind {
            ObjectKind::Identity(fields, _) => fields.has_spec && fields.duration_seconds.is_unset(),
            _ => false,
        });
        match short {
            Some(object) => {
                let path = PointerBuf::from_tokens(["spec", "durationSeconds"]);
                let operations = vec![PatchOperation::Add(AddOperation { path, value: json!(3600) })];
                findings.add_with_fix(
                    finding,
                    Fix {
                        what: "a session of an hour, the most that there is".into(),
                        change: FixEdit::Object { object, operations },
                    },
                );
            }
            None => findings.add(finding),
        }
    }
}
