//! Identities that go when one cluster's file is deleted, though others need them.

use super::super::{Context, Findings, Rule};
use super::look::role_identities;
use crate::capa::{ROLE_IDENTITY, is_variable};
use crate::diag::{Diagnostic, Severity};

pub(super) const RULE: Rule = Rule {
    id: "XA032",
    name: "identity-in-cluster-file",
    severity: Severity::Warning,
    summary: "An identity in one cluster's file that other files use",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (index, found, _) in role_identities(context.run) {
        // Of a name that is filled in for each file, nobody knows which they are.
        if found.object.name.as_deref().is_some_and(is_variable) {
            continue;
        }
        let rows = || context.status.rows.iter();
        let has_cluster = rows().any(|row| context.run.objects()[row.object].file == found.file);
        let user = rows().find(|row| {
            let names_it = row
                .verdict
                .chain
                .iter()
                .zip(&row.identities)
                .any(|(hop, &at)| hop.kind == ROLE_IDENTITY && at == Some(index));
            names_it && context.run.objects()[row.object].file != found.file
        });
        let Some(user) = user.filter(|_| has_cluster) else { continue };
        let cluster = &context.run.objects()[user.object];
        findings.add(
            Diagnostic::warning(format!(
                "{} stands in a cluster's file, and {} in another file uses it: deleting this file takes it along, and that cluster can't be deleted any more",
                found.title(),
                cluster.title()
            ))
            .at(found.head(), "")
            .also(cluster.location(user.reference), "")
            .help("move it to a file of identities: identities.yaml, and --identity-file or identityFile in the account map"),
        );
    }
}
