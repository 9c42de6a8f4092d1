//! Limits of `sts:AssumeRole`; the CRD checks only the duration.

use serde_json::json;

use super::super::{Applicability, Context, Findings, Rule};
use super::query::{replace, role_identities};
use crate::aws::{DurationSeconds, ExternalId, SessionName};
use crate::capa::{Field, Release};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::{ObjectId, Resource};
use crate::templates::is_filled_in;

pub(super) const RULE: Rule = Rule {
    id: RuleId::StsLimits,
    name: "sts-limits",
    severity: Severity::Error,
    summary: "A session name, external id or duration that STS or the CRD refuses",
    fix: Some(Applicability::Safe),
    check: Some(check),
};

/// Returns why a value is refused.
type Refuses = fn(&str) -> Option<String>;

fn check(context: &Context<'_>, findings: &mut Findings) {
    for (object, found, identity) in role_identities(context.inventory) {
        let texts: [(&str, &Field, Refuses); 2] = [
            ("sessionName", &identity.session_name, |text| {
                text.parse::<SessionName>().err().map(|error| error.to_string())
            }),
            ("externalID", &identity.external_id, |text| {
                text.parse::<ExternalId>().err().map(|error| error.to_string())
            }),
        ];
        for (key, field, refuses) in texts {
            check_text(CheckedField { object, found, key, field }, refuses, findings);
        }
        let field = &identity.duration_seconds;
        check_duration(CheckedField { object, found, key: "durationSeconds", field }, context.release(), findings);
    }
}

/// A field of an identity's spec.
struct CheckedField<'a> {
    /// The identity.
    object: ObjectId,
    found: &'a Resource,
    key: &'a str,
    field: &'a Field,
}

/// Checks a string field.
fn check_text(checked: CheckedField<'_>, refuses: Refuses, findings: &mut Findings) {
    let CheckedField { object, found, key, field } = checked;
    let why = match field {
        // CAPA does not send an empty value.
        Field::Text(text, _) if text.is_empty() || is_filled_in(text) => None,
        Field::Text(text, _) => refuses(text).map(|error| (error, "STS refuses the call")),
        // A base-60 number to some readers, but a string to kubectl (goyaml.v2, `resolve.go`).
        Field::Typed(text, _) if text.contains(':') => refuses(text).map(|error| (error, "STS refuses the call")),
        Field::Typed(text, _) => Some((
            format!("kubectl reads {text} as a number or a boolean"),
            "the API server refuses it: put it in quotes",
        )),
        Field::Other(_) => Some(("must be a string".into(), "the API server refuses it")),
        Field::Ambiguous(_) => {
            twice(findings, found, key, field);
            None
        }
        Field::Absent | Field::Null => None,
    };
    let (Some((why, label)), Some(span)) = (why, field.span()) else { return };
    let finding = Diagnostic::error(format!("{}: {key}: {why}", found.title())).at(found.location(span), label);
    match field {
        Field::Typed(text, _) if refuses(text).is_none() => {
            findings.add_with_fix(finding, replace(object, key, json!(text), &format!("{key} quoted")));
        }
        _ => findings.add(finding),
    }
}

/// Checks a field that is a number of seconds.
fn check_duration(checked: CheckedField<'_>, release: Release, findings: &mut Findings) {
    let CheckedField { object, found, key, field } = checked;
    let why = match field {
        Field::Typed(..) if field.whole_number().is_some_and(|seconds| (900..=43_200).contains(&seconds)) => None,
        // The webhook of old releases treats 0 as unset.
        Field::Typed(..) if field.whole_number() == Some(0) && release < Release::KEEPS_EMPTY => None,
        Field::Text(text, _) if is_filled_in(text) => None,
        Field::Absent | Field::Null => None,
        Field::Typed(text, _) => Some(format!("{text} is not between 900 and 43200")),
        Field::Text(text, _) if text.parse::<DurationSeconds>().is_ok() => {
            Some("must be a number, not a string: remove the quotes".into())
        }
        Field::Text(..) | Field::Other(_) => Some("must be a number of seconds".into()),
        Field::Ambiguous(_) => {
            twice(findings, found, key, field);
            None
        }
    };
    let (Some(why), Some(span)) = (why, field.span()) else { return };
    let finding = Diagnostic::error(format!("{}: {key}: {why}", found.title()))
        .at(found.location(span), "the API server refuses it");
    let number = match field {
        Field::Text(text, _) => text.parse::<DurationSeconds>().ok(),
        _ => None,
    };
    match number {
        Some(number) => {
            let fix = replace(object, key, json!(number.get()), &format!("{key} without quotes"));
            findings.add_with_fix(finding, fix);
        }
        None => findings.add(finding),
    }
}

/// A warning for a duplicate key: kubectl accepts it, other tools refuse it.
fn twice(findings: &mut Findings, found: &Resource, key: &str, field: &Field) {
    findings.add_as_it_is(
        Diagnostic::warning(format!("{}: duplicate key {key}", found.title()))
            .at(found.location(field.span().unwrap_or(found.object.kind_span)), "")
            .help("kubectl uses the last one, other tools refuse the file; remove one"),
    );
}
