//! Completed cases: what `status` calls unknown is honest only if an object that is not in the files decides it, and it may
//! see an error that CAPA finds only after that object exists.

use serde_json::{Map, Value, json};

use crate::generate::Case;
use crate::judges::{Judge, Verdict, find};

const VERSION: &str = "infrastructure.cluster.x-k8s.io/v1beta2";

/// Adds what CAPA misses, again and again, and returns the last verdict; `None` if nothing can be added. Only objects
/// that no manifest defines are added, and they permit whatever they can. If CAPA permits the cluster at once, the
/// namespace gets the labels that its identities exclude.
pub(crate) fn completed(case: &Case, verdict: &Verdict, judge: &mut Judge) -> Option<Verdict> {
    if verdict.verdict == "permitted" {
        return excluded(case, verdict, judge);
    }
    let mut case = case.clone();
    let (mut last, mut namespace) = (None, None);
    for _ in 0..8 {
        let verdict = last.as_ref().unwrap_or(verdict);
        let added = match verdict.verdict.as_str() {
            "denied" => add_labels(&mut case, verdict, &mut namespace),
            _ if verdict.reason == "NotFound" => add_missing(&mut case, verdict),
            _ => None,
        };
        if added.is_none() {
            break;
        }
        last = Some(judge.verdict(&case));
    }
    last
}

/// The verdict if the namespace, which no manifest defines, has labels that an identity excludes.
fn excluded(case: &Case, verdict: &Verdict, judge: &mut Judge) -> Option<Verdict> {
    let name = namespace_of(case);
    if is_stored(case, verdict, name) {
        return None;
    }
    let mut labels = Map::new();
    for hop in &verdict.chain {
        let Some((_, identity)) = find(case, &hop.kind, &hop.name) else { continue };
        let selector = &identity["spec"]["allowedNamespaces"]["selector"];
        for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
            let Some(key) = expression["key"].as_str() else { continue };
            let value = match expression["operator"].as_str() {
                Some("NotIn") => expression["values"][0].as_str().unwrap_or_default(),
                Some("DoesNotExist") => "completed",
                _ => continue,
            };
            labels.insert(key.to_owned(), json!(value));
        }
    }
    if labels.is_empty() {
        return None;
    }
    let mut case = case.clone();
    case.objects.push(namespace_object(name, labels));
    Some(judge.verdict(&case))
}

fn namespace_of(case: &Case) -> &str {
    case.objects[0]["metadata"]["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or("default")
}

fn namespace_object(name: &str, labels: Map<String, Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

/// Adds the identity or the Secret that CAPA did not find.
fn add_missing(case: &mut Case, verdict: &Verdict) -> Option<()> {
    let hop = verdict.last()?;
    let added = match find(case, &hop.kind, &hop.name) {
        None => identities(&hop.kind, &hop.name)?,
        // The identity exists, so its Secret is missing.
        Some((at, identity)) if hop.kind == "AWSClusterStaticIdentity" && !verdict.refused.contains_key(&at) => {
            let name = identity["spec"]["secretRef"].as_str().filter(|name| !name.is_empty())?;
            // A refused Secret may have been stored before.
            vec![secret(name)]
        }
        Some(_) => return None,
    };
    case.objects.extend(added);
    Some(())
}

/// An open identity that depends on nothing in the case.
fn identities(kind: &str, name: &str) -> Option<Vec<Value>> {
    let identity = |kind: &str, name: &str, spec: Value| json!({"apiVersion": VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec});
    let keys = |name: &str| {
        let spec = json!({"allowedNamespaces": {}, "secretRef": "completed"});
        vec![identity("AWSClusterStaticIdentity", name, spec), secret("completed")]
    };
    Some(match kind {
        "AWSClusterRoleIdentity" => {
            let spec = json!({
                "allowedNamespaces": {}, "roleARN": "arn:aws:iam::222222222222:role/capa",
                "sourceIdentityRef": {"kind": "AWSClusterStaticIdentity", "name": "completed"},
            });
            [vec![identity(kind, name, spec)], keys("completed")].concat()
        }
        "AWSClusterStaticIdentity" => keys(name),
        "AWSClusterControllerIdentity" => vec![identity(kind, name, json!({"allowedNamespaces": {}}))],
        _ => return None,
    })
}

fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "capa-system"},
        "stringData": {"AccessKeyID": "a", "SecretAccessKey": "b"},
    })
}

/// Gives the cluster's namespace the labels that the identity's selector asks for, unless a manifest defines it.
fn add_labels(case: &mut Case, verdict: &Verdict, added: &mut Option<usize>) -> Option<()> {
    let hop = verdict.last()?;
    let namespace = namespace_of(case).to_owned();
    let (_, identity) = find(case, &hop.kind, &hop.name)?;
    let selector = identity["spec"]["allowedNamespaces"]["selector"].clone();
    let at = match *added {
        Some(at) => at,
        None if is_stored(case, verdict, &namespace) => return None,
        None => {
            let object = namespace_object(&namespace, Map::new());
            case.objects.push(object);
            *added.insert(case.objects.len() - 1)
        }
    };
    let labels = case.objects[at]["metadata"]["labels"].as_object_mut()?;
    let before = labels.clone();
    wanted(&selector, labels);
    // The Namespace itself may be what was missing.
    (*labels != before
        || added.is_some() && before.is_empty() && labels.insert("completed".into(), json!("")).is_none())
    .then_some(())
}

/// Whether a manifest defines the namespace, and is not refused.
fn is_stored(case: &Case, verdict: &Verdict, name: &str) -> bool {
    find(case, "Namespace", name).is_some_and(|(at, _)| !verdict.refused.contains_key(&at))
}

/// The labels that a selector asks for.
fn wanted(selector: &Value, labels: &mut Map<String, Value>) {
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        if value.is_string() {
            labels.insert(key.clone(), value.clone());
        }
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let Some(key) = expression["key"].as_str() else { continue };
        match expression["operator"].as_str() {
            Some("In") => {
                if let Some(value) = expression["values"].as_array().and_then(|values| values.first()) {
                    // A null is stored as an empty text.
                    let value = value.as_str().unwrap_or_default();
                    labels.entry(key).or_insert_with(|| json!(value));
                }
            }
            Some("Exists") => {
                labels.entry(key).or_insert_with(|| json!("completed"));
            }
            _ => {}
        }
    }
}
