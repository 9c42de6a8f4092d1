//! What `status` says about a case, next to the judge's verdict.

use serde_json::{Value, json};
use xaccount::Manifests;
use xaccount::capa::{Hop as Step, Reason, VerdictOutcome};
use xaccount::diag::FileId;

use crate::generate::Case;
use crate::judges::{Hop, Verdict, find};

/// What `status` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) outcome: VerdictOutcome,
    pub(crate) reason: Option<Reason>,
    pub(crate) message: String,
    pub(crate) chain: Vec<Hop>,
}

/// Whether both say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Agreement {
    Same,
    /// `status` does not know, and what it does not know decides.
    HonestUnknown,
    Different(&'static str),
}

/// Some objects as the text of a file, and its name.
fn text(objects: &[Value], name: &str, form: usize) -> (String, String) {
    let documents = |text: fn(&Value) -> String| objects.iter().map(text).collect::<Vec<_>>().join("\n---\n");
    match form % 3 {
        0 => (format!("{name}.json"), json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()),
        1 => (format!("{name}.yaml"), documents(Value::to_string)),
        _ => (format!("{name}.yaml"), documents(|object| format!("{object:#}"))),
    }
}

/// The row of `status` for the first object, which has a file of its own. `form` selects the forms of the files: a List,
/// or a stream of documents.
pub(crate) fn status(case: &Case, form: usize) -> Status {
    let (first, rest) = case.objects.split_at(1);
    let files = [text(first, "cluster", form), text(rest, "rest", form / 3)];
    let release = case.release.parse().expect("a release");
    let report = Manifests::new(files).and_then(|manifests| xaccount::status(&manifests.with_release(release)));
    let none = |message: String| Status { outcome: VerdictOutcome::Error, reason: None, message, chain: Vec::new() };
    let report = match report {
        Ok(report) => report,
        Err(error) => return none(error.to_string()),
    };
    let inventory = report.inventory();
    let is_first = |row: &&xaccount::status::Row| inventory[row.object].origin.file == FileId(0);
    let Some(row) = report.clusters().iter().find(is_first) else {
        return none("no row".into());
    };
    let verdict = &row.verdict;
    Status {
        outcome: verdict.outcome,
        reason: verdict.reason,
        message: verdict.message.clone().unwrap_or_default(),
        chain: verdict.chain.iter().map(|step| hop(&step)).collect(),
    }
}

fn hop(step: &Step<'_>) -> Hop {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Hop {
        kind: step.kind.to_owned(),
        name: step.name.to_owned(),
        role_arn: text(step.role_arn),
        session_name: text(step.session_name),
        external_id: text(step.external_id),
        duration_seconds: step.duration_seconds,
        policy: None,
    }
}

/// Compares `status` with the judge. `completed` returns the verdict after missing objects are added; it is asked only if
/// that matters.
pub(crate) fn agreement(
    case: &Case,
    judge: &Verdict,
    own: &Status,
    mut completed: impl FnMut() -> Option<Verdict>,
) -> Agreement {
    use Agreement::{Different, HonestUnknown, Same};
    let is_permitted = |verdict: Option<Verdict>| verdict.is_some_and(|verdict| verdict.verdict == "permitted");
    if judge.reason == "ClusterRefused" {
        // Without the object there is no chain, so any error tells so.
        return match own.outcome {
            VerdictOutcome::Error => Same,
            VerdictOutcome::Permitted => Different("permitted, but the cluster is refused"),
            VerdictOutcome::Denied => Different("denied, but the cluster is refused"),
            VerdictOutcome::Crash => Different("crash, but the cluster is refused"),
            VerdictOutcome::Unknown => Different("unknown, but the cluster is refused"),
        };
    }
    let is_about_labels = own.reason == Some(Reason::NamespaceNotKnown) && !has_namespace(case, judge);
    if own.outcome == VerdictOutcome::Unknown {
        return match judge.verdict.as_str() {
            // The judge's namespace has no labels; with others, CAPA stops.
            "permitted" | "crash" if is_about_labels => HonestUnknown,
            "permitted" => Different("unknown, but CAPA permits it"),
            "crash" => Different("unknown, but CAPA crashes"),
            _ if names_existing(case, judge, own) => Different("unknown, but the object is in the files"),
            _ => match completed().map(|verdict| verdict.verdict).as_deref() {
                Some("permitted") => HonestUnknown,
                Some("crash") if is_about_labels => HonestUnknown,
                _ => Different("unknown, but no completion is permitted"),
            },
        };
    }
    match decided(case, judge, own) {
        Same if own.outcome == VerdictOutcome::Denied && is_permitted(completed()) => {
            Different("denied, but labels of a namespace that is not in the files decide")
        }
        Same if own.outcome == VerdictOutcome::Permitted
            && completed().is_some_and(|verdict| verdict.verdict != "permitted") =>
        {
            Different("permitted, but labels of a namespace that is not in the files decide")
        }
        // Labels decide which of two identities denies it.
        Different(_)
            if own.outcome == VerdictOutcome::Denied
                && judge.verdict == "denied"
                && !has_namespace(case, judge)
                && !is_permitted(completed()) =>
        {
            Same
        }
        // A refusal is right if CAPA refuses in the end, whatever is added.
        Different(why) if own.outcome != VerdictOutcome::Permitted => {
            let last = completed();
            // CAPA never calls STS, and the call would be refused.
            let is_call = own.reason == Some(Reason::AssumeRoleRefused) && refused_by_sts(&own.chain);
            let is_same = last
                .is_some_and(|last| decided(case, &last, own) == Same || is_call && last.verdict != "permitted")
                || is_call && judge.verdict != "permitted";
            if is_same { Same } else { Different(why) }
        }
        found => found,
    }
}

/// Whether the labels of the cluster's namespace are in the files.
fn has_namespace(case: &Case, judge: &Verdict) -> bool {
    let name = case.objects[0]["metadata"]["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or("default");
    find(case, "Namespace", name).is_some_and(|(at, _)| !judge.refused.contains_key(&at))
}

/// The same for a verdict of `status` that is not unknown.
fn decided(case: &Case, judge: &Verdict, own: &Status) -> Agreement {
    use Agreement::{Different, Same};
    let same = |is: bool, why: &'static str| if is { Same } else { Different(why) };
    match (judge.verdict.as_str(), own.outcome) {
        ("permitted", VerdictOutcome::Permitted) => {
            if refused_by_sts(&judge.chain) {
                return Different("permitted, but STS refuses a call");
            }
            same(equal_chains(&judge.chain, &own.chain), "permitted through another chain")
        }
        ("permitted", VerdictOutcome::Error) => {
            let is_call = own.reason == Some(Reason::AssumeRoleRefused);
            same(is_call && refused_by_sts(&judge.chain), "an error, but CAPA permits it")
        }
        ("denied", VerdictOutcome::Denied) => {
            let names = |hop: &Hop| (hop.kind.clone(), hop.name.clone());
            same(judge.last().map(names) == own.chain.last().map(names), "denied by another identity")
        }
        ("error", VerdictOutcome::Error) => same(equal_errors(case, judge, own), "another error"),
        ("crash", VerdictOutcome::Crash) => Same,
        ("permitted", VerdictOutcome::Denied) => Different("denied, but CAPA permits it"),
        ("denied", VerdictOutcome::Permitted) => Different("permitted, but CAPA denies it"),
        ("error", VerdictOutcome::Permitted) => Different("permitted, but CAPA reports an error"),
        ("crash", _) => Different("CAPA crashes, but status says otherwise"),
        (_, VerdictOutcome::Crash) => Different("status says that CAPA crashes"),
        ("denied", _) => Different("an error, but CAPA denies it"),
        _ => Different("denied, but CAPA reports an error"),
    }
}

/// Whether `status` says that an identity is not in the files, and it is.
fn names_existing(case: &Case, judge: &Verdict, own: &Status) -> bool {
    let missing = |hop: &Hop| find(case, &hop.kind, &hop.name).is_some();
    own.reason == Some(Reason::IdentityNotFound) && judge.last().is_some_and(missing)
}

/// Whether both name the same error.
fn equal_errors(case: &Case, judge: &Verdict, own: &Status) -> bool {
    let last_is_refused = || {
        let at = judge.last().and_then(|hop| find(case, &hop.kind, &hop.name));
        at.is_some_and(|(at, _)| judge.refused.contains_key(&at))
    };
    match judge.reason.as_str() {
        "NotFound" => match own.reason {
            Some(Reason::ObjectRefused | Reason::InvalidSelector | Reason::UnknownKind) => last_is_refused(),
            // A name that no object can have.
            Some(Reason::IdentityNotFound) => {
                let names = |hop: &Hop| (hop.kind.clone(), hop.name.clone());
                judge.last().map(names) == own.chain.last().map(names)
            }
            Some(Reason::SecretNotFound) => judge.message.contains("secret"),
            Some(Reason::ControllerIdentityName) => last_is_refused(),
            _ => false,
        },
        "ControllerIdentityName" => own.reason == Some(Reason::ControllerIdentityName),
        "InvalidSelector" => own.reason == Some(Reason::InvalidSelector),
        _ => false,
    }
}

/// Equal identities with equal requests to STS. The inline policy is not part of a chain of `status`.
fn equal_chains(judge: &[Hop], own: &[Hop]) -> bool {
    judge.len() == own.len() && judge.iter().zip(own).all(|(judge, own)| Hop { policy: None, ..judge.clone() } == *own)
}

/// Whether STS refuses a request of the chain: the limits of `AssumeRole` in the API reference of STS.
fn refused_by_sts(chain: &[Hop]) -> bool {
    let next = chain.iter().skip(1).map(Some).chain([None]);
    chain.iter().zip(next).filter(|(hop, _)| hop.kind == "AWSClusterRoleIdentity").any(|(hop, source)| {
        let chained = source.is_some_and(|source| source.kind == "AWSClusterRoleIdentity");
        let arn = hop.role_arn.as_deref().unwrap_or_default();
        let seconds = hop.duration_seconds.unwrap_or(900);
        !is_role(arn)
            || hop.session_name.as_deref().is_some_and(|name| !is_text(name, 2..=64, "_+=,.@-"))
            || hop.external_id.as_deref().is_some_and(|id| !is_text(id, 2..=1224, "_+=,.@:/-"))
            || !(900..=43200).contains(&seconds)
            || chained && seconds > 3600
    })
}

fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [arn, partition, iam, region, account, resource] = parts[..] else { return false };
    let name = resource.strip_prefix("role/").map(|path| path.rsplit('/').next().unwrap_or_default());
    let head = arn == "arn" && partition.starts_with("aws") && iam == "iam" && region.is_empty();
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    head && is_account && name.is_some_and(|name| is_text(name, 1..=64, "_+=,.@-"))
}

fn is_text(text: &str, length: std::ops::RangeInclusive<usize>, punctuation: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || punctuation.contains(c);
    length.contains(&text.chars().count()) && text.chars().all(allowed)
}
