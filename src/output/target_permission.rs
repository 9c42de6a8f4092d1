//! What a role lacks for the manifests, for people and for programs. `docs/target-permission.md` describes the format.

use serde::Serialize;

use super::{DEFAULT_WIDTH, Screen};
use xaccount::diag::{FileId, escape_control};
use xaccount::iam::target_permission::{ActionVerdict, CheckReport};

const API_VERSION: &str = "xaccount.dev/v1alpha1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MissingJson<'r> {
    api_version: &'static str,
    kind: &'static str,
    capa_version: &'static str,
    summary: String,
    needed: usize,
    missing: Vec<MissingActionJson<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MissingActionJson<'r> {
    action: &'static str,
    service: Option<&'static str>,
    effect: &'static str,
    when: Option<&'static str>,
    verdict: &'static str,
    reason: Option<&'r str>,
    group: &'static str,
    call: CallJson,
    needed_by: NeededByJson<'r>,
}

#[derive(Serialize)]
struct CallJson {
    place: Option<&'static str>,
    function: Option<&'static str>,
    why: Option<&'static str>,
}

#[derive(Serialize)]
struct NeededByJson<'r> {
    object: &'r str,
    what: &'r str,
    place: String,
}

/// Version 1 of the report.
pub(crate) fn missing_json(
    report: &CheckReport<'_>,
    release: &'static str,
    place: impl Fn(FileId, usize) -> String,
) -> serde_json::Value {
    let missing = report.findings.iter().map(|finding| MissingActionJson {
        action: finding.action,
        service: finding.service,
        effect: finding.effect.word(),
        when: finding.call.when,
        verdict: word(&finding.verdict),
        reason: why(&finding.verdict),
        group: finding.call.group,
        call: CallJson {
            place: finding.call.site,
            function: finding.call.site.map(|_| finding.call.function),
            why: finding.call.reason,
        },
        needed_by: NeededByJson {
            object: &finding.reason.object,
            what: &finding.reason.what,
            place: place(finding.reason.file, finding.reason.line),
        },
    });
    serde_json::json!(MissingJson {
        api_version: API_VERSION,
        kind: "TargetPermissions",
        capa_version: release,
        summary: report.summary(),
        needed: report.needed,
        missing: missing.collect(),
    })
}

fn word(verdict: &ActionVerdict) -> &'static str {
    match verdict {
        ActionVerdict::Missing => "missing",
        ActionVerdict::Denied(_) => "denied",
        ActionVerdict::Unknown(_) => "unknown",
    }
}

/// What denies an action, or why it can't be decided.
fn why(verdict: &ActionVerdict) -> Option<&str> {
    match verdict {
        ActionVerdict::Missing => None,
        ActionVerdict::Denied(text) | ActionVerdict::Unknown(text) => Some(text),
    }
}

/// Columns before an action: the effect in its widest form, and the space around it.
const EFFECT: usize = 18;

/// The summary, and a block for each group: what needs it, and for each action the effect and the call.
pub(crate) fn missing(report: &CheckReport<'_>, place: impl Fn(FileId, usize) -> String, screen: Screen) -> String {
    let screen = Screen { width: screen.width.or(Some(DEFAULT_WIDTH)), ..screen };
    let mut text = screen.wrap(&report.summary(), 0, 0) + "\n";
    let mut group = "";
    for finding in &report.findings {
        if finding.call.group != group {
            group = finding.call.group;
            let reason = finding.reason;
            let place = place(reason.file, reason.line);
            let heading = format!("{group}: {} ({place})", reason.title());
            text += &format!("\n{}\n", screen.wrap(&escape_control(&heading), 0, 2));
        }
        let service = finding.service.map(|service| format!(" for {service}")).unwrap_or_default();
        text += &format!("  {:<14}  {}{service}\n", finding.effect.word(), finding.action);
        let detail = |line: &str| format!("{}{}\n", " ".repeat(EFFECT), screen.wrap(line, EFFECT, EFFECT));
        text.extend(finding.call.when.map(|when| detail(&format!("only {when}"))));
        text += &detail(&match (finding.call.site, finding.call.reason) {
            (Some(site), _) => format!("{site} {}", finding.call.function_name()),
            (None, reason) => reason.unwrap_or_default().to_owned(),
        });
        text.extend(match &finding.verdict {
            ActionVerdict::Missing => None,
            ActionVerdict::Denied(by) => Some(detail(&escape_control(&format!("denied by {by}")))),
            ActionVerdict::Unknown(why) => Some(detail(&escape_control(&format!("unknown: {why}")))),
        });
    }
    text
}
