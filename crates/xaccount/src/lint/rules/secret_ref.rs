//! `secretRef` of a static identity: a name; in v1alpha3 a mapping.

use super::super::{Context, Findings, Rule};
use crate::capa::{Field, ObjectKind, Version, is_kept_as_written};
use crate::diag::{Diagnostic, RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::InvalidSecretRef,
    name: "secret-ref",
    severity: Severity::Error,
    summary: "A static identity whose secretRef is empty, or has the shape of another API version",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for found in context.inventory.objects() {
        let ObjectKind::Static(identity, version) = &found.object.object_kind else { continue };
        let title = found.title();
        let at = found.location(identity.secret.span().unwrap_or(found.object.kind_span));
        let mapping = *version == Version::V1Alpha3;
        let unset = identity.secret.is_unset() || identity.secret.text() == Some("");
        let is_readable = identity.is_mapping || !identity.secret.is_unset();
        if is_readable && identity.is_mapping != mapping {
            let (is, wanted) = if mapping {
                ("a string", "a mapping with name and namespace in v1alpha3")
            } else {
                ("a mapping", "the name of the Secret since v1alpha4")
            };
            findings.add(
                Diagnostic::error(format!("{title}: secretRef is {is}, but must be {wanted}"))
                    .at(at, "the API server refuses the object"),
            );
        } else if matches!(identity.secret, Field::Typed(..) | Field::Other(_)) {
            findings.add(
                Diagnostic::error(format!("{title}: the name of the Secret is not a string"))
                    .at(at, "the API server refuses the object")
                    .help("write it in quotes"),
            );
        } else if unset {
            let is_refused = identity.secret.is_unset() && is_kept_as_written(&found.object, context.release());
            let effect = match is_refused {
                true => "the API server refuses the object",
                false => "the API server accepts that, but CAPA never gets keys",
            };
            findings.add(
                Diagnostic::error(format!("{title}: secretRef names no Secret: {effect}"))
                    .at(at, "")
                    .help("set secretRef to the name of a Secret in the namespace of CAPA's controller"),
            );
        }
    }
}
