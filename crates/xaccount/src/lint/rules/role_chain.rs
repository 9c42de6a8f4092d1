//! Chains of identities: since CAPA v2.9, the source's credentials are not renewed.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::super::{Applicability, Context, Findings, Rule};
use super::query::{role_identities, source};
use crate::capa::{CONTROLLER_IDENTITY, IdentityKind, ObjectKind, ROLE_IDENTITY, errata};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::lint::{Fix, FixEdit};

pub(super) const RULE: Rule = Rule {
    id: RuleId::RoleChain,
    name: "role-chain",
    severity: Severity::Warning,
    summary: "A chain of identities that fails when its source's session ends, since CAPA v2.9",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    if !errata::ROLE_CHAIN_ENDS.affects(context.release()) {
        return;
    }
    for (_, found, identity) in role_identities(context.inventory) {
        let Some((kind, name)) = source(identity).filter(|(kind, _)| *kind != CONTROLLER_IDENTITY) else { continue };
        let ends = match kind {
            ROLE_IDENTITY => "when the source's session ends",
            _ => "when the source's keys change",
        };
        let finding = Diagnostic::warning(format!(
            "{}: since CAPA v2.9.0 the credentials of its source {kind}/{name} are not renewed",
            found.title()
        ))
        .at(found.head(), "")
        .help(format!("the chain fails {ends}, until the controller is restarted or this identity is updated"))
        .help(
            "best use AWSClusterControllerIdentity/default as the source; else set durationSeconds: 3600 on every hop",
        );
        // Without durationSeconds, the source's session lasts 900 seconds.
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
                        what: "durationSeconds set to 3600, the maximum".into(),
                        change: FixEdit::Object { object, operations },
                    },
                );
            }
            None => findings.add(finding),
        }
    }
}
