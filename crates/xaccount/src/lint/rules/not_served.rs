//! API versions and the releases that serve them.

use std::collections::BTreeSet;

use super::super::{Context, Findings, Rule};
use super::look::version;
use crate::capa::{Release, Support};
use crate::check;
use crate::diag::{Diagnostic, FileId, Severity};
use crate::run::Found;

pub(super) const RULE: Rule = Rule {
    id: "XA022",
    name: "not-served",
    severity: Severity::Warning,
    summary: "An API version that newer releases of CAPA refuse",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    let mut told = BTreeSet::new();
    for found in context.run.objects() {
        let Some(version) = version(found) else { continue };
        let (release, said) = (context.release(), context.release_is_said);
        let message = match version.no_longer_served() {
            _ if said && release.serves(version) => {
                too_early(found, release).into_iter().for_each(|one| findings.add(one));
                continue;
            }
            Some(served) => served.to_owned(),
            None if said => format!("CAPA {release} does not serve {version} yet"),
            None => continue,
        };
        // A file is of one time: once is enough.
        let FileId(file) = found.file;
        if told.insert((file, version)) {
            findings.add(
                Diagnostic::warning(format!("{} {version}: {message}", found.title()))
                    .at(found.head(), "")
                    .help("right for that CAPA; --capa-version, or source.capaVersion in the account map, says which one reads these files"),
            );
        }
    }
}

/// A kind that the release does not have yet, or a reference that it drops.
fn too_early(found: &Found, release: Release) -> Option<Diagnostic> {
    let (there, warning) = check::unsupported(found, release)?;
    let help = "right for newer releases; --capa-version, or source.capaVersion in the account map, says which one reads these files";
    (there == Support::NotServed || check::has_reference(found)).then(|| warning.help(help))
}
