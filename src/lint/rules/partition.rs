//! Partitions of a chain and of the region: no role can be assumed across them.

use super::super::{Context, Findings, Rule};
use crate::aws::{Partition, RoleArn};
use crate::capa::Role;
use crate::diag::{Diagnostic, Severity};

pub(super) const RULE: Rule = Rule {
    id: "XA012",
    name: "partition",
    severity: Severity::Error,
    summary: "A role of another partition than the cluster's region",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for row in &context.status.rows {
        let found = &context.run.objects()[row.object];
        let Some(own) = found.object.region().and_then(Partition::of_region) else { continue };
        let span = match &found.object.role {
            Role::Bearer { region, .. } => region.span(),
            _ => None,
        };
        let other = row.verdict.chain.iter().zip(&row.identities).find_map(|(hop, &index)| {
            let role: RoleArn = hop.role_arn.as_deref()?.parse().ok()?;
            (role.partition() != own).then_some((role, index?))
        });
        let Some((role, identity)) = other else { continue };
        let identity = &context.run.objects()[identity];
        let at = match &identity.object.role {
            Role::Identity(fields, _) => fields.role_arn.span(),
            _ => None,
        };
        findings.add(
            Diagnostic::error(format!(
                "{} is in {}, partition {own}, but the role of {} is in partition {}",
                found.title(),
                found.object.region().unwrap_or_default(),
                identity.title(),
                role.partition()
            ))
            .at(found.location(span.unwrap_or(row.reference)), "no role can be assumed across partitions")
            .also(identity.location(at.unwrap_or(identity.object.kind_span)), ""),
        );
    }
}
