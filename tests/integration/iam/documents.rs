//! The generated cases: grants, and policy documents that resemble them.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};

use xaccount::iam::{Conditions, Grant, KnownKey, PrincipalForm, Subjects};

use super::keys::{IDS, KEYS, NAMES, ORGS};
use super::text::styles;

/// Principals that are granted something. The last two are accounts.
pub(super) const PRINCIPALS: [&str; 6] = [
    "arn:aws:iam::111111111111:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws:iam::111111111111:role/team/a/ops",
    "arn:aws:iam::111111111111:user/ann",
    "arn:aws:iam::333333333333:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws:iam::111111111111:root",
    "arn:aws:iam::333333333333:root",
];

/// Principals that only documents name: wider ones, unrelated ones, and single sessions of granted roles, among them
/// sessions with a requested name and a session of a deleted role.
const OTHER_PRINCIPALS: [&str; 10] = [
    "*",
    "111111111111",
    "333333333333",
    "arn:aws:iam::444444444444:role/other",
    "arn:aws:iam::444444444444:root",
    "arn:aws:sts::111111111111:assumed-role/ops/me",
    "arn:aws:sts::111111111111:assumed-role/ops/capa",
    "arn:aws:sts::111111111111:assumed-role/control-plane.cluster-api-provider-aws.sigs.k8s.io/capa",
    "arn:aws:sts::111111111111:assumed-role/control-plane.cluster-api-provider-aws.sigs.k8s.io/ann",
    "AROAEXAMPLEEXAMPLE01",
];

/// Roles that are granted.
pub(super) const ROLES: [&str; 4] = [
    "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws:iam::222222222222:role/team/b/deploy",
    "arn:aws:iam::555555555555:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws:iam::555555555555:role/a:b/deploy",
];

const OTHER_RESOURCES: [&str; 17] = [
    "*",
    "arn:*",
    "arn:aws:iam::*",
    "arn:aws:iam::222222222222:*",
    "arn:aws:iam::222222222222:role/*",
    "arn:aws:iam::22222222222?:role/team/?/deploy",
    "arn:aws:iam::*:role/control-plane.*",
    "arn:*:iam::*:role/*.cluster-api-provider-aws.sigs.k8s.io",
    "arn:aws:iam::555555555555:role/*/deploy",
    "arn:aws:iam::555555555555:role/*y",
    "arn:aws:iam::5*:b/deploy",
    "arn:aws:iam::222222222222:ROLE/team/b/deploy",
    "arn:aws:iam::222222222222:role/Team/B/deploy",
    "arn:aws:iam::222222222222:role/${aws:PrincipalTag/team}/b/deploy",
    "arn:aws:iam::${aws:PrincipalAccount}:role/team/b/deploy",
    "arn:aws:s3:::bucket/*",
    "arn:aws:iam::222222222222:role/control-plane",
];

/// A member that no statement has.
pub(super) const NOTE: &str = "x-note";

const ACTIONS: [&str; 14] = [
    "sts:AssumeRole",
    "STS:assumerole",
    "sts:*",
    "sts:Assume*",
    "sts:AssumeRol?",
    "sts:AssumeRole*",
    "*",
    "s*Role",
    "sts:TagSession",
    "sts:tag*",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetSourceIdentity",
    "s3:GetObject",
    "sts:AssumeRole?",
];

/// A grant, and a document to merge it into.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) grant: Grant,
    pub(super) document: Value,
    pub(super) text: String,
    /// The seed of the requests.
    pub(super) seed: u64,
}

impl fmt::Debug for Case {
    /// Only the text: the message of a failure already contains the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text)
    }
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let statements = prop_oneof![
        2 => proptest::collection::vec(statements(), 1),
        3 => proptest::collection::vec(statements(), 2..4),
        1 => proptest::collection::vec(statements(), 0..6),
    ];
    let version = prop_oneof![8 => Just(Some("2012-10-17")), 1 => Just(Some("2008-10-17")), 1 => Just(None)];
    (grants(), statements, version, 0..4_usize, any::<bool>(), styles(), any::<u64>()).prop_map(
        |(grant, statements, version, order, alone, style, seed)| {
            let document = document(&grant, &statements, version, order, alone);
            Case { text: style.write(&document), grant, document, seed }
        },
    )
}

fn grants() -> impl Strategy<Value = Grant> {
    fn some<const N: usize>(of: [&'static str; N]) -> impl Strategy<Value = Vec<&'static str>> {
        let one = subsequence(of.to_vec(), 1);
        prop_oneof![3 => one, 1 => subsequence(of.to_vec(), 2), 1 => subsequence(of.to_vec(), 3)]
    }
    let maybe = |of: &'static [&'static str]| prop_oneof![2 => Just(None), 1 => select(of).prop_map(Some)];
    let ids = prop_oneof![1 => Just(vec![]), 2 => subsequence(IDS.to_vec(), 1), 1 => subsequence(IDS.to_vec(), 2)];
    let conditions = (ids, maybe(&ORGS), maybe(&NAMES)).prop_map(|(ids, org, name)| Conditions {
        external_ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
        org_id: org.map(|org| org.parse().unwrap()),
        session_name: name.map(|name| name.parse().unwrap()),
    });
    let conditions = prop_oneof![1 => Just(Conditions::default()), 2 => conditions];
    let trust = (some(PRINCIPALS), conditions).prop_map(|(names, conditions)| {
        (Subjects::Principals(names.iter().map(|name| name.parse().unwrap()).collect()), conditions)
    });
    let permission = some(ROLES).prop_map(|names| {
        (Subjects::Roles(names.iter().map(|name| name.parse().unwrap()).collect()), Conditions::default())
    });
    let form = prop_oneof![3 => Just(PrincipalForm::Arn), 1 => Just(PrincipalForm::RootArn)];
    (prop_oneof![2 => trust.boxed(), 1 => permission.boxed()], prop::bool::weighted(0.2), known(), form).prop_map(
        |((subjects, conditions), tag_session, mut known, principal_form)| {
            if matches!(subjects, Subjects::Principals(_)) {
                // The conditions of a trust policy say what its external id is.
                known.retain(|known| known.key != "sts:ExternalId");
            }
            Grant { subjects, principal_form, conditions, tag_session, known }
        },
    )
}

/// What is known about the requests of a grant besides its conditions.
fn known() -> impl Strategy<Value = Vec<KnownKey>> {
    let key = |key: &str, states: &[Option<&str>]| {
        let states = states.iter().map(|state| state.map(str::to_owned)).collect();
        KnownKey { subject: None, key: key.to_owned(), states }
    };
    let id = prop_oneof![
        Just(key("sts:ExternalId", &[Some("id-1")])),
        Just(key("sts:ExternalId", &[Some("id-1"), Some("id-2")])),
        Just(key("sts:ExternalId", &[None])),
        Just(key("sts:ExternalId", &[None, Some("ID-1")])),
    ];
    let name = Just(key("sts:RoleSessionName", &[Some("capa")]));
    let org = Just(key("aws:PrincipalOrgID", &[Some("o-aaaaaaaaaa")]));
    let mut machine: Vec<KnownKey> =
        ["sts:SourceIdentity", "aws:TagKeys", "sts:TransitiveTagKeys"].map(|name| key(name, &[None])).into();
    machine.push(key("aws:MultiFactorAuthPresent", &[None, Some("false")]));
    let maybe = |one: BoxedStrategy<KnownKey>| proptest::option::weighted(0.4, one);
    (maybe(id.boxed()), maybe(name.boxed()), maybe(org.boxed()), prop::bool::weighted(0.3)).prop_map(
        move |(id, name, org, is_machine)| {
            let machine = if is_machine { machine.clone() } else { Vec::new() };
            id.into_iter().chain(name).chain(org).chain(machine).collect()
        },
    )
}

/// The values of an element: requested ones, and others.
#[derive(Clone, Debug)]
enum Texts {
    RequestedGrant,
    OneAsked(Index),
    Others(Vec<Index>),
    Both(Index, Vec<Index>),
}

impl Texts {
    fn of(&self, asked: &[&str], pool: &[&str]) -> Vec<String> {
        let one = |index: &Index| asked[index.index(asked.len())];
        let some = |indexes: &[Index]| indexes.iter().map(|index| pool[index.index(pool.len())]).collect();
        let texts: Vec<&str> = match self {
            Self::RequestedGrant => asked.to_vec(),
            Self::OneAsked(index) => vec![one(index)],
            Self::Others(indexes) => some(indexes),
            Self::Both(index, indexes) => [vec![one(index)], some(indexes)].concat(),
        };
        let mut once: Vec<String> = Vec::new();
        for text in texts {
            if !once.iter().any(|seen| seen == text) {
                once.push(text.to_owned());
            }
        }
        once
    }
}

fn texts() -> impl Strategy<Value = Texts> {
    let some = || proptest::collection::vec(any::<Index>(), 1..3);
    prop_oneof![
        4 => Just(Texts::RequestedGrant),
        1 => any::<Index>().prop_map(Texts::OneAsked),
        3 => some().prop_map(Texts::Others),
        1 => (any::<Index>(), some()).prop_map(|(one, others)| Texts::Both(one, others)),
    ]
}

/// An operator on a key.
#[derive(Clone, Debug)]
struct Test {
    key: usize,
    operator: Index,
    wanted: Vec<Index>,
    if_exists: bool,
    /// A set operator in front of the operator, if it has none.
    set: Option<&'static str>,
    /// `Null` instead of the operator, and its value.
    null: Option<bool>,
    upper: bool,
}

fn tests() -> impl Strategy<Value = Test> {
    let rare = || prop::bool::weighted(0.15);
    let wanted = proptest::collection::vec(any::<Index>(), 1..3);
    // The keys of grants come first.
    let key = prop_oneof![0..KEYS.len(), 0..6_usize];
    let set = proptest::option::weighted(0.08, select(&["ForAllValues:", "ForAnyValue:"][..]));
    let null = proptest::option::weighted(0.1, any::<bool>());
    (key, any::<Index>(), wanted, rare(), set, null, rare()).prop_map(
        |(key, operator, wanted, if_exists, set, null, upper)| Test {
            key,
            operator,
            wanted,
            if_exists,
            set,
            null,
            upper,
        },
    )
}

#[derive(Clone, Debug)]
struct Statement {
    deny: bool,
    /// `Not…` instead of the element.
    not: [bool; 3],
    who: Who,
    subjects: Texts,
    actions: Texts,
    /// Whether the requested conditions are among its conditions.
    asked: bool,
    tests: Vec<Test>,
    sid: bool,
    note: Option<usize>,
    /// Whether an element's single value is written as a list.
    listed: [bool; 3],
    order: usize,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Aws,
    Everyone,
    Service,
    Federated,
    Both,
}

fn statements() -> impl Strategy<Value = Statement> {
    let rare = || prop::bool::weighted(0.06);
    let who = prop_oneof![
        12 => Just(Who::Aws),
        1 => Just(Who::Everyone),
        2 => Just(Who::Service),
        1 => Just(Who::Federated),
        1 => Just(Who::Both),
    ];
    let conditions = prop_oneof![
        3 => Just((false, vec![])),
        3 => Just((true, vec![])),
        2 => proptest::collection::vec(tests(), 1..3).prop_map(|tests| (true, tests)),
        3 => proptest::collection::vec(tests(), 1..4).prop_map(|tests| (false, tests)),
    ];
    (
        prop::bool::weighted(0.2),
        [rare(), rare(), rare()],
        (who, texts(), texts()),
        conditions,
        (prop::bool::weighted(0.3), proptest::option::weighted(0.06, 0..4_usize), any::<[bool; 3]>(), 0..6_usize),
    )
        .prop_map(|(deny, not, (who, subjects, actions), (asked, tests), (sid, note, listed, order))| Statement {
            deny,
            not,
            who,
            subjects,
            actions,
            asked,
            tests,
            sid,
            note,
            listed,
            order,
        })
}

fn document(grant: &Grant, statements: &[Statement], version: Option<&str>, order: usize, alone: bool) -> Value {
    let statements: Vec<Value> =
        statements.iter().enumerate().map(|(index, statement)| statement.value(grant, index)).collect();
    let statements = match <[Value; 1]>::try_from(statements) {
        Ok([one]) if alone => one,
        Ok(one) => json!(one),
        Err(several) => json!(several),
    };
    let mut members = vec![("Statement", statements)];
    members.extend(version.map(|version| ("Version", json!(version))));
    if order == 3 {
        members.push(("Id", json!("a \"b\" \\ /c")));
    }
    turned(members, order)
}

/// Members in another order.
fn turned(mut members: Vec<(&str, Value)>, by: usize) -> Value {
    let by = by % members.len();
    members.rotate_left(by);
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn one_or_list(mut values: Vec<String>, list: bool) -> Value {
    if values.len() == 1 && !list { json!(values.remove(0)) } else { json!(values) }
}

impl Statement {
    fn value(&self, grant: &Grant, index: usize) -> Value {
        let [not_resources, not_actions, _] = self.not;
        let [subjects_listed, actions_listed, values_listed] = self.listed;
        let not = |name: &'static str, plain: &'static str, not: bool| if not { name } else { plain };
        let mut members = vec![("Effect", json!(if self.deny { "Deny" } else { "Allow" }))];
        if grant.is_trust() {
            let pool = [&PRINCIPALS[..], &OTHER_PRINCIPALS[..]].concat();
            let names = one_or_list(self.subjects.of(&grant.arns(), &pool), subjects_listed);
            let who = match self.who {
                Who::Aws => json!({ "AWS": names }),
                Who::Everyone => json!({ "AWS": "*" }),
                Who::Service => json!({ "Service": "ec2.amazonaws.com" }),
                Who::Federated => json!({ "Federated": "arn:aws:iam::222222222222:saml-provider/x" }),
                Who::Both => json!({ "Service": ["ec2.amazonaws.com"], "AWS": names }),
            };
            members.push(("Principal", who));
        } else {
            let pool = [&ROLES[..], &OTHER_RESOURCES[..]].concat();
            let resources = one_or_list(self.subjects.of(&grant.arns(), &pool), subjects_listed);
            members.push((not("NotResource", "Resource", not_resources), resources));
        }
        let actions = one_or_list(self.actions.of(grant.actions(), &ACTIONS), actions_listed);
        members.push((not("NotAction", "Action", not_actions), actions));
        let conditions = self.conditions(grant, values_listed);
        // An empty block requires nothing.
        if !conditions.is_empty() || self.note == Some(0) {
            members.push(("Condition", Value::Object(conditions)));
        }
        if self.sid {
            // Any number of statements may have an empty `Sid`.
            let sid = if self.order.is_multiple_of(2) { String::new() } else { format!("S{index}") };
            members.push(("Sid", json!(sid)));
        }
        if let Some(note) = self.note {
            let notes = [json!({ "a": [null, {}, []] }), json!(-1), json!(1.5), json!(18_446_744_073_709_551_615_u64)];
            members.push((NOTE, notes[note].clone()));
        }
        turned(members, self.order)
    }

    fn conditions(&self, grant: &Grant, listed: bool) -> Map<String, Value> {
        let mut block = Map::new();
        let mut put = |operator: &str, key: &str, wanted: Value| {
            let keys = block.entry(operator).or_insert_with(|| json!({})).as_object_mut().unwrap();
            // A key in upper case and the same key in lower case are duplicates.
            if !keys.keys().any(|other| other.eq_ignore_ascii_case(key)) {
                keys.insert(key.to_owned(), wanted);
            }
        };
        if self.asked {
            for (key, values) in grant.conditions.keys() {
                let wanted = one_or_list(values.iter().map(|&value| value.to_owned()).collect(), listed);
                put("StringEquals", &cased(key, self.not[2]), wanted);
            }
        }
        for test in &self.tests {
            let key = &KEYS[test.key];
            let name = cased(key.name, test.upper);
            if let Some(absent) = test.null {
                put("Null", &name, if listed { json!(absent) } else { json!(absent.to_string()) });
                continue;
            }
            let operator = key.operators[test.operator.index(key.operators.len())];
            let set = test.set.filter(|_| !operator.contains(':')).unwrap_or_default();
            let operator = format!("{set}{operator}{}", if test.if_exists { "IfExists" } else { "" });
            let wanted = test.wanted.iter().map(|index| key.wanted[index.index(key.wanted.len())].to_owned());
            put(&operator, &name, one_or_list(wanted.collect(), listed));
        }
        block
    }
}

fn cased(key: &str, upper: bool) -> String {
    if upper { key.to_uppercase() } else { key.to_owned() }
}
