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
        let FileId(file) = found.origin.file;
        if context.release_is_specified {
            let Some((supported, finding)) = unsupported(found, context.release()) else { continue };
            // Report each version once per file.
            let version = (supported == Support::NotServed).then_some(&found.object.api_version);
            if version.is_none_or(|version| reported.insert((file, found.object.kind.as_str(), version.as_str()))) {
                findings.add_as_it_is(Diagnostic { severity: Severity::Error, ..finding });
            }
            continue;
        }
        let Some(version) = version(found) else { continue };
        let Some(served) = version.no_longer_served() else { continue };
        if reported.insert((file, "", found.object.api_version.as_str())) {
            findings
                .add(Diagnostic::warning(format!("{} {version}: {served}", found.title())).at(found.head(), "").help(
                "if your CAPA serves it, specify the release: --capa-version, or source.capaVersion in the account map",
            ));
        }
    }
}

/// An object that the release does not serve, or whose reference it drops.
fn unsupported(found: &Resource, release: Release) -> Option<(Support, Diagnostic)> {
    let (supported, finding) = manifest_checks::unsupported(found, release)?;
    let help = "if your CAPA is another release, specify it: --capa-version, or source.capaVersion in the account map";
    let is_found = supported == Support::NotServed || manifest_checks::has_reference(found);
    is_found.then(|| (supported, finding.help(help)))
}
