//! Manifests according to which the CAPA pod runs as something else than the account map says.

use super::super::{Context, Findings, Rule};
use crate::account_map::{CredentialKind, Credentials};
use crate::aws::Partition;
use crate::capa::{ControllerFact, SERVICE_ACCOUNT};
use crate::diag::{Diagnostic, RuleId, Severity, Span, escape_control};
use crate::inventory::Resource;

pub(super) const RULE: Rule = Rule {
    id: RuleId::SourceDiffers,
    name: "source-differs",
    severity: Severity::Warning,
    summary: "A manifest gives the CAPA pod other credentials than the account map says",
    fix: None,
    check: Some(check),
};

/// The order in which the pod looks for credentials: keys in the environment, IRSA, keys in a file, EKS Pod Identity,
/// the instance profile (aws-sdk-go-v2 `config` v1.31.12, `resolve_credentials.go`, `resolveCredentialChain`).
fn check(context: &Context<'_>, findings: &mut Findings) {
    let Some((map, credentials)) = context.map.zip(context.credentials()) else { return };
    let kind = credentials.kind();
    let principal = map.source.principal(map.default_partition.unwrap_or(Partition::Aws));
    for found in context.inventory.objects() {
        match found.object.controller_fact.as_deref() {
            Some(ControllerFact::ServiceAccountRole { role, span }) if is_of_capa(found, credentials) => {
                let differs = principal.as_deref().is_some_and(|own| own != role);
                let finding = match kind {
                    CredentialKind::Irsa if !differs => continue,
                    // With an association, EKS ignores the annotation.
                    CredentialKind::PodIdentity if !differs => continue,
                    CredentialKind::Irsa | CredentialKind::PodIdentity => other_role(found, role, principal.as_deref()),
                    _ => uses_irsa(found, role, kind),
                };
                findings.add(at(found, finding, *span));
            }
            Some(ControllerFact::Keys)
                if matches!(kind, CredentialKind::InstanceProfile | CredentialKind::PodIdentity) =>
            {
                let message = format!(
                    "{} has keys, which the CAPA pod uses, but the account map has credentials: {kind}",
                    found.title()
                );
                let finding = Diagnostic::warning(message)
                    .help("remove the keys: credentials: Cg== in its data, which is an empty line")
                    .help("or write what they belong to in the account map: credentials: {user: {name: NAME}}");
                findings.add(at(found, finding, found.object.kind_span));
            }
            _ => {}
        }
    }
}

fn at(found: &Resource, finding: Diagnostic, span: Span) -> Diagnostic {
    finding.at(found.location(span), "")
}

/// Whether a ServiceAccount is the one of CAPA.
fn is_of_capa(found: &Resource, credentials: &Credentials) -> bool {
    let own = match credentials {
        Credentials::Irsa(irsa) => Some(&irsa.service_account),
        Credentials::PodIdentity(identity) => Some(&identity.service_account),
        _ => None,
    };
    let object = &found.object;
    match own {
        Some(own) => {
            object.name.as_deref() == Some(&own.name)
                && object.own_namespace().is_none_or(|namespace| namespace == own.namespace)
        }
        None => object.name.as_deref() == Some(SERVICE_ACCOUNT),
    }
}

fn other_role(found: &Resource, role: &str, own: Option<&str>) -> Diagnostic {
    let own = own.unwrap_or("another role");
    let message = format!("{} has the role {}, but the account map has {own}", found.title(), escape_control(role));
    Diagnostic::warning(message).help("correct the annotation, or source.roleName in the account map")
}

fn uses_irsa(found: &Resource, role: &str, kind: CredentialKind) -> Diagnostic {
    let message = format!(
        "{} gives the CAPA pod the role {}, but the account map has credentials: {kind}",
        found.title(),
        escape_control(role)
    );
    Diagnostic::warning(message).help(
        "remove the annotation, or write the issuer in the account map: credentials: {irsa: {issuer: \"https://…\"}}",
    )
}
