//! `namePrefix` and `nameSuffix`: they rename identities, and not what refers to them.

use super::super::{Context, Findings, Kustomization, Rule};
use crate::capa::{CONTROLLER_IDENTITY, ROLE_IDENTITY, Role, State};
use crate::diag::{Diagnostic, Severity};
use crate::run::Found;

pub(super) const RULE: Rule = Rule {
    id: "XA013",
    name: "kustomize-name",
    severity: Severity::Error,
    summary: "A namePrefix or nameSuffix that renames an identity, and not the references to it",
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for kustomization in context.kustomizations.iter().filter(|one| !one.renames.is_empty()) {
        let files = kustomization.files(context.run, context.kustomizations);
        let built = || context.run.objects().iter().filter(|found| files.contains(&found.file));
        if let Some(found) = built().find(|found| is_controller(found)) {
            let finding = at(kustomization, |renamed| {
                format!("this makes {renamed} of {CONTROLLER_IDENTITY}/default, and CAPA knows default alone")
            });
            let finding = finding.map(|finding| {
                finding
                    .also(found.head(), "")
                    .help("keep the object out of this kustomization: it is one for the whole management cluster")
            });
            finding.into_iter().for_each(|finding| findings.add(finding));
        }
        if kustomization.has_configurations {
            continue;
        }
        let identities = built().filter(|found| matches!(found.object.role, Role::Identity(..) | Role::Static(..)));
        let used = identities.filter_map(|identity| Some((identity, built().find(|user| names(user, identity))?)));
        if let Some((identity, user)) = used.into_iter().next() {
            let kind = identity.object.kind.as_str();
            let name = identity.object.name.as_deref().unwrap_or_default();
            let finding = at(kustomization, |_| {
                format!("this renames {kind}/{name}, and not the reference to it in {}", user.title())
            });
            let finding = finding.map(|finding| {
                finding
                    .also(identity.head(), "")
                    .help("name a file under configurations:, and in it:")
                    .help(format!("nameReference: [{{kind: {ROLE_IDENTITY}, fieldSpecs: [{{kind: {}, path: spec/identityRef/name}}]}}]", user.object.kind))
            });
            finding.into_iter().for_each(|finding| findings.add(finding));
        }
    }
}

/// A finding at the first thing that renames; the message gets what becomes of the name `default`.
fn at(kustomization: &Kustomization, message: impl Fn(&str) -> String) -> Option<Diagnostic> {
    let (key, _, span) = kustomization.renames.first()?;
    let part = |wanted: &str| {
        kustomization.renames.iter().find(|(key, ..)| *key == wanted).map_or("", |(_, text, _)| text.as_str())
    };
    let renamed = format!("{}default{}", part("namePrefix"), part("nameSuffix"));
    Some(Diagnostic::error(format!("{key}: {}", message(&renamed))).at(kustomization.location(*span), ""))
}

fn is_controller(found: &Found) -> bool {
    matches!(found.object.role, Role::Controller(_)) && found.object.name.as_deref() == Some("default")
}

/// Whether an object refers to an identity.
fn names(user: &Found, identity: &Found) -> bool {
    let source = match &user.object.role {
        Role::Identity(fields, _) => Some(&fields.source),
        _ => None,
    };
    let states = user.object.references().map(|reference| &reference.state).chain(source);
    states.into_iter().any(|state| match state {
        State::Set(there) => {
            there.kind.text() == Some(identity.object.kind.as_str())
                && there.name.text() == identity.object.name.as_deref()
        }
        _ => false,
    })
}
