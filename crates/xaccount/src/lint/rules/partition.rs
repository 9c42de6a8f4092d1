//! Roles in another partition than the cluster's region: no role can be assumed across partitions.

use super::super::{Context, Findings, Rule};
use crate::capa::ObjectKind;
use crate::diag::{RuleId, Severity};
use crate::manifest_checks;
use crate::status::{OtherPartitions, identity_of};

pub(super) const RULE: Rule = Rule {
    id: RuleId::PartitionMismatch,
    name: "partition",
    severity: Severity::Error,
    summary: "A role in another partition than the cluster's region",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut others = OtherPartitions::default();
    for row in &context.status.rows {
        let found = &context.inventory[row.object];
        let Some((hop, role)) = row.region.as_deref().and_then(|region| others.find(row, region)) else { continue };
        let Some(identity) = identity_of(context.inventory, &hop) else { continue };
        let identity = &context.inventory[identity];
        let at = match &identity.object.object_kind {
            ObjectKind::Identity(fields, _) => fields.role_arn.span(),
            _ => None,
        };
        let name = format!("the role of {}", identity.title());
        if let Some(error) = manifest_checks::partition(found, &name, role.partition(), row.reference) {
            findings.add(error.also(identity.location(at.unwrap_or(identity.object.kind_span)), ""));
        }
    }
}
