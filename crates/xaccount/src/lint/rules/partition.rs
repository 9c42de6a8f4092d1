//! Partitions of a chain and of the region: no role can be assumed across them.

use super::super::{Context, Findings, Rule};
use crate::aws::Partition;
use crate::capa::ObjectKind;
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::status::{OtherPartitions, identity_of};

pub(super) const RULE: Rule = Rule {
    id: RuleId::PartitionMismatch,
    name: "partition",
    severity: Severity::Error,
    summary: "A role of another partition than the cluster's region",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut others = OtherPartitions::default();
    for row in &context.status.rows {
        let found = &context.inventory.objects()[row.object];
        let Some(region) = found.object.region() else { continue };
        let Some(own) = Partition::of_region(region) else { continue };
        let span = match &found.object.object_kind {
            ObjectKind::Referencing { region, .. } => region.span(),
            _ => None,
        };
        let Some((hop, role)) = others.find(row, region) else { continue };
        let Some(identity) = identity_of(context.inventory, &hop) else { continue };
        let identity = &context.inventory.objects()[identity];
        let at = match &identity.object.object_kind {
            ObjectKind::Identity(fields, _) => fields.role_arn.span(),
            _ => None,
        };
        findings.add(
            Diagnostic::error(format!(
                "{} is in {}, partition {own}, but the role of {} is in partition {}",
                found.title(),
                region,
                identity.title(),
                role.partition()
            ))
            .at(found.location(span.unwrap_or(row.reference)), "no role can be assumed across partitions")
            .also(identity.location(at.unwrap_or(identity.object.kind_span)), ""),
        );
    }
}
