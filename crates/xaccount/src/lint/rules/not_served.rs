//! API versions and the releases that serve them.

use std::collections::BTreeSet;

use super::super::{Context, Findings, Rule};
use super::query::version;
use crate::capa::{Release, Support};
use crate::diag::{Diagnostic, FileId, RuleId, Severity};
use crate::inventory::Resource;
use crate::manifest_checks;

pub(super) const RULE: Rule = Rule {
    id: RuleId::NotServed,
    name: "not-served",
    severity: Severity::Warning,
    summary: "An API version that newer releases of CAPA refuse",
    fix: None,
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut reported = BTreeSet::new();
    for found in context.inventory.objects() {
        let Some(version) = version(found) else { continue };
        let (release, is_specified) = (context.release(), context.release_is_specified);
        let message = match version.no_longer_served() {
            _ if is_specified && release.serves(version) => {
                too_early(found, release).into_iter().for_each(|one| findings.add(one));
                continue;
            }
            Some(served) => served.to_owned(),
            None if is_specified => format!("CAPA {release} does not serve {version} yet"),
            None => continue,
        };
        // Report each version once per file.
        let FileId(file) = found.origin.file;
        if reported.insert((file, version)) {
            findings
                .add(Diagnostic::warning(format!("{} {version}: {message}", found.title())).at(found.head(), "").help(
                "if your CAPA serves it, specify the release: --capa-version, or source.capaVersion in the account map",
            ));
        }
    }
}

/// A kind that the release does not have yet, or a reference that it drops.
fn too_early(found: &Resource, release: Release) -> Option<Diagnostic> {
    let (supported, warning) = manifest_checks::unsupported(found, release)?;
    let help = "if your CAPA is newer, specify the release: --capa-version, or source.capaVersion in the account map";
    (supported == Support::NotServed || manifest_checks::has_reference(found)).then(|| warning.help(help))
}
