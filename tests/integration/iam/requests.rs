//! The requests of a grant, and all others.

use serde_json::Value;

use xaccount::aws::ExternalId;
use xaccount::iam::Grant;

use super::documents::{NOTE, PRINCIPALS, ROLES};
use super::evaluator::{Request, has_key, listed};
use super::keys::KEYS;

/// A sequence of numbers from a seed (SplitMix64), so that a case is the same each time.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 33) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.next() % of.len()]
    }
}

/// Principals of an account other than the known roles and users.
const STRANGERS: [&str; 4] = [
    "arn:aws:iam::111111111111:role/stranger",
    "arn:aws:iam::333333333333:user/team/bob",
    "arn:aws:iam::444444444444:role/other",
    "arn:aws:iam::444444444444:user/ann",
];

/// All principals.
fn everyone() -> Vec<&'static str> {
    PRINCIPALS[..4].iter().chain(&STRANGERS).copied().collect()
}

/// A request in which each optional key has some value, or is absent.
fn request(action: &str, principal: &str, resource: Option<&str>, draws: &mut Draws) -> Request {
    let account = principal.split(':').nth(4).unwrap();
    let session = principal.split_once(":role/").map(|(_, role)| {
        let name = role.rsplit('/').next().unwrap();
        format!("arn:aws:sts::{account}:assumed-role/{name}/{}", draws.pick(&["me", "i-0123456789abcdef0", "capa"]))
    });
    let mut request = Request::new(action, principal, session.as_deref());
    request.resource = resource.map(str::to_owned);
    for key in KEYS.iter().filter(|key| !key.said.is_empty()) {
        request.set(key.name, draws.pick(key.said));
    }
    if let Some(account) = resource.and_then(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty()) {
        request.set("aws:ResourceAccount", &[account]);
    }
    request
}

/// Sets the keys that are known, each to one of its possible values.
fn say_known(request: &mut Request, grant: &Grant, draws: &mut Draws) {
    for known in &grant.known {
        let states: Vec<Option<&str>> = known.states.iter().map(Option::as_deref).collect();
        request.set(&known.key, draws.pick(&states).as_slice());
    }
}

/// The requests of a grant: each subject with each action and each external id, `rounds` times with different values of
/// what the grant does not specify.
pub(super) fn asked(grant: &Grant, rounds: usize, draws: &mut Draws) -> Vec<Request> {
    let ids: Vec<Option<&str>> = match &grant.conditions.external_ids[..] {
        [] => vec![None],
        ids => ids.iter().map(|id| Some(id.as_str())).collect(),
    };
    let mut requests = Vec::new();
    for subject in grant.arns() {
        for action in grant.actions() {
            for id in &ids {
                for _ in 0..rounds {
                    requests.push(one_asked(grant, subject, action, *id, draws));
                }
            }
        }
    }
    requests
}

fn one_asked(grant: &Grant, subject: &str, action: &str, id: Option<&str>, draws: &mut Draws) -> Request {
    if !grant.is_trust() {
        let mut request = request(action, draws.pick(&everyone()), Some(subject), draws);
        say_known(&mut request, grant, draws);
        return request;
    }
    // For an account, any principal in it.
    let own: Vec<&str> = everyone().into_iter().filter(|name| covers(subject, name)).collect();
    let mut request = request(action, draws.pick(&own), None, draws);
    say_known(&mut request, grant, draws);
    say_asked(&mut request, grant, id);
    request
}

fn say_asked(request: &mut Request, grant: &Grant, id: Option<&str>) {
    for (key, values) in grant.conditions.keys() {
        request.set(key, &values[..1]);
    }
    request.set("sts:ExternalId", id.as_slice());
}

/// Any request; often one that differs only slightly from the requests of the grant.
pub(super) fn any(grant: &Grant, draws: &mut Draws) -> Request {
    let arns = grant.arns();
    let action = draws.pick(&["sts:AssumeRole", "sts:AssumeRole", "sts:TagSession", "s3:GetObject"]);
    if !grant.is_trust() {
        let resources = [&ROLES[..], &arns, &["arn:aws:iam::222222222222:role/x", "arn:aws:s3:::bucket/x"]].concat();
        return request(action, draws.pick(&everyone()), Some(draws.pick(&resources)), draws);
    }
    let own = everyone().into_iter().filter(|name| arns.iter().any(|subject| covers(subject, name)));
    let principals: Vec<&str> = own.chain(everyone()).collect();
    let mut request = request(action, draws.pick(&principals), None, draws);
    let ids = grant.conditions.external_ids.iter().map(ExternalId::as_str);
    say_asked(&mut request, grant, draws.pick(&ids.map(Some).chain([None]).collect::<Vec<_>>()));
    // One of the keys that grants are about, in two of three requests.
    if let Some(key) = draws.pick(&[None, Some(&KEYS[0]), Some(&KEYS[0]), Some(&KEYS[1]), Some(&KEYS[2]), None]) {
        request.set(key.name, draws.pick(key.said));
    }
    request
}

/// Whether a subject is this principal, or its account.
fn covers(subject: &str, principal: &str) -> bool {
    subject == principal || subject.ends_with(":root") && subject.split(':').nth(4) == principal.split(':').nth(4)
}

/// Whether the request's principal (or, in a permissions policy, its resource) is a subject of the grant.
pub(super) fn is_subject(grant: &Grant, request: &Request) -> bool {
    match &request.resource {
        None => grant.arns().iter().any(|subject| covers(subject, &request.principal)),
        Some(resource) => grant.arns().contains(&resource.as_str()),
    }
}

/// Whether the grant by itself allows this request.
pub(super) fn is_granted(grant: &Grant, request: &Request) -> bool {
    let conditions = grant.conditions.keys().into_iter().all(|(key, wanted)| {
        let key = key.to_ascii_lowercase();
        let said = request.context.get(&key);
        !has_key(&request.action, &key) || said.is_some_and(|said| wanted.contains(&said[0].as_str()))
    });
    is_subject(grant, request) && conditions && grant.actions().contains(&request.action.as_str())
}

/// Whether the grant alone decides if a statement applies to its requests: the statement tests nothing else.
pub(super) fn is_certain(grant: &Grant, statement: &Value, action: &str) -> bool {
    let text = statement.to_string();
    // A variable can have any value, and so can an element that IAM does not know.
    if text.contains("${") || statement.get(NOTE).is_some() {
        return false;
    }
    let mut known = vec![
        "aws:SecureTransport",
        "aws:PrincipalIsAWSService",
        "aws:ViaAWSService",
        "aws:SourceArn",
        "aws:SourceAccount",
    ];
    known.extend(grant.known.iter().filter(|known| known.states.len() == 1).map(|known| known.key.as_str()));
    if grant.is_trust() {
        // An account has many principals, and of a session only the role is known, not its name.
        if grant.arns().iter().any(|arn| arn.ends_with(":root")) || text.contains(":assumed-role/") {
            return false;
        }
        known.extend(["aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType"]);
        // A condition says more than what is known besides.
        known.retain(|key| !grant.conditions.keys().iter().any(|(asked, _)| asked.eq_ignore_ascii_case(key)));
        known.extend(grant.conditions.keys().iter().filter(|(_, values)| values.len() == 1).map(|(key, _)| *key));
        if grant.conditions.external_ids.is_empty() {
            known.push("sts:ExternalId");
        }
    } else {
        // The principal is unknown; and a star at the end of an ARN's part "can" match what follows it.
        known.push("aws:ResourceAccount");
        let elements = ["Resource", "NotResource"].map(|name| &statement[name]);
        let mut patterns = elements.into_iter().flat_map(listed).filter_map(Value::as_str);
        if !patterns.all(|text| text == "*" || text.contains(":role/")) {
            return false;
        }
    }
    let is_known = |key: &str| {
        let no_value = !has_key(action, &key.to_ascii_lowercase()) && !key.eq_ignore_ascii_case("sts:SourceIdentity");
        no_value || known.iter().any(|known| known.eq_ignore_ascii_case(key))
    };
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let mut tests =
        operators.flat_map(|(operator, keys)| keys.as_object().unwrap().iter().map(move |test| (operator, test)));
    tests.all(|(operator, (key, wanted))| {
        // The guide defines sets of several values and matches of ARNs; it says little about single values and about
        // texts that are not ARNs.
        let is_arn = |text: &Value| text.as_str().unwrap().splitn(6, ':').count() == 6;
        is_known(key) && !operator.contains(':') && (!operator.starts_with("Arn") || listed(wanted).iter().all(is_arn))
    })
}
