use proptest::prelude::*;

use std::collections::HashSet;

use super::*;
use crate::capa::object::Object;
use crate::capa::object::{beside, view};
use crate::capa::release::Release;
use lossless_yaml::yaml;

const INFRA: &str = "infrastructure.cluster.x-k8s.io";

fn objects(documents: &[String]) -> Vec<Object> {
    let read = |text: &String| {
        let tree = yaml::read(text, 0).unwrap();
        let mut object = view(&tree, tree.root, None).unwrap();
        beside(&mut object);
        object
    };
    documents.iter().map(read).collect()
}

fn role(name: &str, rest: &str) -> String {
    format!(
        "{{apiVersion: {INFRA}/v1beta2, kind: AWSClusterRoleIdentity, metadata: {{name: {name}}}, spec: {{roleARN: \"arn:aws:iam::222222222222:role/r\", {rest}}}}}"
    )
}

fn plain(name: &str) -> String {
    role(name, &format!("allowedNamespaces: {{}}, sourceIdentityRef: {CONTROLLER}"))
}

const CONTROLLER: &str = "{kind: AWSClusterControllerIdentity, name: default}";

fn source(name: &str) -> String {
    format!("sourceIdentityRef: {{kind: AWSClusterRoleIdentity, name: {name}}}")
}

fn controller(spec: &str) -> String {
    format!(
        "{{apiVersion: {INFRA}/v1beta2, kind: AWSClusterControllerIdentity, metadata: {{name: default}}, spec: {spec}}}"
    )
}

fn fixed(spec: &str) -> String {
    format!("{{apiVersion: {INFRA}/v1beta2, kind: AWSClusterStaticIdentity, metadata: {{name: s}}, spec: {spec}}}")
}

fn namespace(name: &str, labels: &str) -> String {
    format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}")
}

fn cluster(reference: &str) -> String {
    format!(
        "{{apiVersion: {INFRA}/v1beta2, kind: AWSCluster, metadata: {{name: c, namespace: dev}}, spec: {{region: eu-west-1, identityRef: {reference}}}}}"
    )
}

fn evaluated(release: Release) -> Evaluated {
    Evaluated { release, is_specified: false }
}

fn judge_with(documents: &[String], release: Release) -> Verdict {
    let objects = objects(documents);
    let cluster_state = ClusterState::new(&objects, evaluated(release), None);
    let subject = objects[0]
        .references()
        .next()
        .map(|reference| Subject::of(&objects[0], reference, release, objects[0].own_namespace()));
    evaluate(&cluster_state, &subject.unwrap())
}

/// Evaluates the first document, with the facts of all.
fn judge(documents: &[String]) -> Verdict {
    judge_with(documents, Release::NEWEST)
}

fn all_notes(verdict: &Verdict) -> Vec<String> {
    verdict.notes_about(&verdict.chain.iter().collect::<Vec<_>>())
}

/// The verdict in the form of the reference implementation.
fn reported(verdict: &Verdict) -> reference::Verdict {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let hop = |hop: Hop<'_>| reference::Hop {
        kind: hop.kind.to_owned(),
        name: hop.name.to_owned(),
        role_arn: own(hop.role_arn),
        account: hop.account.cloned(),
        session_name: own(hop.session_name),
        external_id: own(hop.external_id),
        duration_seconds: hop.duration_seconds,
        permission: hop.permission(),
    };
    reference::Verdict {
        outcome: verdict.outcome,
        reason: verdict.reason,
        message: verdict.message.clone(),
        chain: verdict.chain.iter().map(hop).collect(),
        notes: all_notes(verdict),
    }
}

/// Outcome, reason, and the names of the chain.
fn short(verdict: &Verdict) -> String {
    let reason = verdict.reason.map_or("", Reason::name);
    let chain: Vec<&str> = verdict.chain.iter().map(|hop| hop.name).collect();
    format!("{} {reason} {}", verdict.outcome.name(), chain.join(">"))
}

/// A cluster that references a role identity.
fn to(name: &str) -> String {
    to_kind("AWSClusterRoleIdentity", name)
}

fn to_kind(kind: &str, name: &str) -> String {
    cluster(&format!("{{kind: {kind}, name: {name}}}"))
}

/// The controller identity, for all namespaces.
fn all() -> String {
    controller("{allowedNamespaces: {}}")
}

const OPEN: &str = "allowedNamespaces: {}";

/// Checks the verdict on the first document of each list, with the facts of all.
fn have_verdicts(table: Vec<(Vec<String>, &str)>) {
    for (documents, expected) in table {
        assert_eq!(short(&judge(&documents)), expected, "{documents:#?}");
    }
}

#[test]
fn the_namespaces_of_each_identity_decide() {
    let list = |name: &str| format!("allowedNamespaces: {{list: [{name}]}}, sourceIdentityRef: {CONTROLLER}");
    let label =
        format!("allowedNamespaces: {{selector: {{matchLabels: {{env: dev}}}}}}, sourceIdentityRef: {CONTROLLER}");
    let bad = format!(
        "allowedNamespaces: {{list: [dev], selector: {{matchExpressions: [{{key: k, operator: Is}}]}}}}, sourceIdentityRef: {CONTROLLER}"
    );
    have_verdicts(vec![
        (vec![to("a"), plain("a"), all()], "permitted  a>default"),
        (vec![to("a"), plain("a")], "unknown IdentityNotFound a>default"),
        (vec![to("a")], "unknown IdentityNotFound a"),
        (vec![to("a"), plain("a"), controller("{}")], "denied NamespaceNotPermitted a>default"),
        (vec![to("a"), role("a", &list("dev")), all()], "permitted  a>default"),
        (vec![to("a"), role("a", &list("prod")), all()], "denied NamespaceNotPermitted a"),
        (vec![to("a"), role("a", &label), all()], "unknown NamespaceNotKnown a>default"),
        (vec![to("a"), role("a", &label), all(), namespace("dev", "{env: dev}")], "permitted  a>default"),
        (vec![to("a"), role("a", &label), all(), namespace("dev", "{env: x}")], "denied NamespaceNotPermitted a"),
        // With two documents of one namespace that differ, its labels are unknown.
        (
            vec![to("a"), role("a", &label), all(), namespace("dev", "{env: dev}"), namespace("dev", "{env: x}")],
            "unknown NamespaceNotKnown a>default",
        ),
        // A certain refusal counts, whatever is unknown before it.
        (vec![to("a"), role("a", &label), controller("{}")], "denied NamespaceNotPermitted a>default"),
        (vec![to("a"), role("a", &bad), all()], "error InvalidSelector a"),
        (vec![to("a"), plain("a"), plain("a"), all()], "permitted  a>default"),
        (vec![to("a"), plain("a"), role("a", &list("dev")), all()], "unknown Ambiguous a"),
        (vec![to("a"), role("a", OPEN), all()], "error ObjectRefused a"),
        (vec![to("a"), role("a", "allowedNamespaces: [dev]"), all()], "error ObjectRefused a"),
    ]);
}

#[test]
fn a_cycle_of_identities_crashes() {
    have_verdicts(vec![
        (vec![to("a"), role("a", &format!("{OPEN}, {}", source("a")))], "crash EndlessRecursion a"),
        (
            vec![
                to("a"),
                role("a", &format!("{OPEN}, {}", source("b"))),
                role("b", &format!("{OPEN}, {}", source("a"))),
            ],
            "crash EndlessRecursion a>b",
        ),
        // An identity in the cycle that refuses the namespace comes first.
        (
            vec![to("a"), role("a", &format!("{OPEN}, {}", source("b"))), role("b", &source("a"))],
            "denied NamespaceNotPermitted a>b",
        ),
    ]);
}

#[test]
fn a_reference_names_a_kind_that_capa_has() {
    have_verdicts(vec![
        (vec![to_kind("AWSClusterControllerIdentity", "other")], "error ControllerIdentityName other"),
        (
            vec![to_kind("AWSClusterControllerIdentity", "default"), controller("{allowedNamespaces: {list: [x]}}")],
            "denied NamespaceNotPermitted default",
        ),
        // CAPA creates it itself.
        (vec![to_kind("AWSClusterControllerIdentity", "default")], "permitted  default"),
        (vec![cluster("null")], "permitted  default"),
        (vec![to_kind("AWSRole", "a")], "error UnknownKind a"),
        (vec![cluster("{}")], "error UnknownKind "),
        (vec![cluster("{kind: AWSClusterRoleIdentity}")], "error ObjectRefused "),
        (vec![cluster("{kind: AWSClusterRoleIdentity, name: 12}")], "error ObjectRefused "),
        (vec![cluster("a")], "error ObjectRefused "),
        (vec![cluster("{kind: AWSClusterRoleIdentity, name: a, name: b}")], "unknown Ambiguous "),
    ]);
}

#[test]
fn a_static_identity_needs_its_secret() {
    have_verdicts(vec![
        (vec![to_kind("AWSClusterStaticIdentity", "s")], "unknown IdentityNotFound s"),
        (
            vec![to_kind("AWSClusterStaticIdentity", "s"), fixed("{secretRef: x, allowedNamespaces: {}}")],
            "unknown SecretNotFound s",
        ),
        (vec![to_kind("AWSClusterStaticIdentity", "s"), fixed("{allowedNamespaces: {}}")], "error SecretNotFound s"),
        (
            vec![to_kind("AWSClusterStaticIdentity", "s"), fixed("{secretRef: {name: x}, allowedNamespaces: {}}")],
            "error ObjectRefused s",
        ),
        (
            vec![
                to_kind("AWSClusterStaticIdentity", "s"),
                fixed("{secretRef: x, allowedNamespaces: {}}"),
                "{apiVersion: v1, kind: Secret, metadata: {name: x, namespace: capa-system}}".into(),
            ],
            "permitted  s",
        ),
        // The Secret's namespace is the controller's, not the tenant's.
        (
            vec![
                to_kind("AWSClusterStaticIdentity", "s"),
                fixed("{secretRef: x, allowedNamespaces: {}}"),
                "{apiVersion: v1, kind: Secret, metadata: {name: x, namespace: dev}}".into(),
            ],
            "unknown SecretNotFound s",
        ),
    ]);
}

#[test]
fn what_sts_refuses_is_an_error() {
    let with = |rest: &str| role("a", &format!("{OPEN}, sourceIdentityRef: {CONTROLLER}, {rest}"));
    have_verdicts(vec![
        (vec![to("a"), with("durationSeconds: 60"), all()], "error ObjectRefused a"),
        (vec![to("a"), with("durationSeconds: \"3600\""), all()], "error ObjectRefused a"),
        (vec![to("a"), with("durationSeconds: 3600"), all()], "permitted  a>default"),
        (vec![to("a"), with("sessionName: \"a b\""), all()], "error AssumeRoleRefused a>default"),
        (vec![to("a"), with("externalID: x"), all()], "error AssumeRoleRefused a>default"),
        (
            vec![to("a"), role("a", &format!("{OPEN}, durationSeconds: 7200, {}", source("b"))), plain("b"), all()],
            "error AssumeRoleRefused a>b>default",
        ),
        (
            vec![to("a"), plain("a").replace("arn:aws:iam::222222222222:role/r", ""), all()],
            "error AssumeRoleRefused a>default",
        ),
        (vec![to("a"), plain("a").replace("222222222222", "${ACCOUNT}"), all()], "unknown Placeholder a>default"),
        // STS refuses these calls from any source.
        (
            vec![to("a"), plain("a").replace("arn:aws:iam::222222222222:role/r", "")],
            "error AssumeRoleRefused a>default",
        ),
        (
            vec![to("a"), role("a", &format!("{OPEN}, durationSeconds: 7200, {}", source("b")))],
            "error AssumeRoleRefused a>b",
        ),
        (vec![to("a"), plain("a").replace("222222222222", "${ACCOUNT}")], "unknown IdentityNotFound a>default"),
        (vec![to("a"), plain("a").replace("roleARN:", "roleARN: x, roleARN:")], "unknown Ambiguous a"),
    ]);
}

#[test]
fn messages_of_capa_are_quoted_exactly() {
    let message = |documents: &[String]| judge(documents).message.unwrap();
    assert_eq!(
        message(&[cluster("{kind: AWSClusterRoleIdentity, name: a}"), role("a", &source("b"))]),
        "Namespace is not permitted to use AWSClusterRoleIdentity: a"
    );
    assert_eq!(
        message(&[cluster("{kind: AWSClusterControllerIdentity, name: x}")]),
        "Expected AWSClusterControllerIdentity of name default, got x"
    );
    assert_eq!(message(&[cluster("{kind: K, name: x}")]), "No such provider known: 'K'");
    assert_eq!(
        message(&[cluster("{kind: AWSClusterRoleIdentity, name: a}"), role("a", "allowedNamespaces: {}")]),
        "spec.sourceIdentityRef: Invalid value: null: field cannot be set to nil"
    );
}

#[test]
fn the_chain_has_defaults_and_notes() {
    let own = role("a", &format!("allowedNamespaces: {{namespaces: [x]}}, externalID: \"0123\", {}", source("b")));
    let documents =
        [cluster("{kind: AWSClusterRoleIdentity, name: a}"), own, plain("b"), controller("{allowedNamespaces: {}}")];
    let verdict = judge(&documents);
    let first = verdict.chain.first().unwrap();
    assert_eq!((first.duration_seconds, first.session_name, first.external_id), (Some(900), None, Some("0123")));
    assert_eq!(first.account.unwrap().as_str(), "222222222222");
    let notes = all_notes(&verdict);
    assert!(notes[0].contains("spec.allowedNamespaces.namespaces is not a known field"), "{notes:?}");
    assert!(notes[1].contains("not renewed"), "{notes:?}");
    assert_eq!(notes, first.notes());
    assert_eq!(all_notes(&judge_with(&documents, "v2.8.4".parse().unwrap())).len(), 1);
}

#[test]
fn without_a_namespace_only_the_list_and_the_selector_are_open() {
    let judge = |allowed: &str, kind: &str| {
        let documents = [
            format!(
                "{{apiVersion: {INFRA}/v1beta2, kind: {kind}, metadata: {{name: c}}, spec: {{identityRef: {{kind: AWSClusterRoleIdentity, name: a}}}}}}"
            ),
            role("a", &format!("allowedNamespaces: {allowed}, sourceIdentityRef: {CONTROLLER}")),
            controller("{allowedNamespaces: {}}"),
        ];
        judge(&documents).outcome
    };
    for (allowed, outcome) in [
        ("{}", VerdictOutcome::Permitted),
        ("null", VerdictOutcome::Denied),
        ("{list: []}", VerdictOutcome::Denied),
        ("{list: [x]}", VerdictOutcome::Unknown),
    ] {
        assert_eq!(judge(allowed, "AWSCluster"), outcome, "{allowed}");
        // CAPA does not check the namespace of a cluster-scoped kind.
        assert_eq!(judge(allowed, "ROSAOCMRoleConfig"), VerdictOutcome::Permitted, "{allowed}");
    }
}

#[test]
fn kinds_without_a_default_use_the_pods_credentials() {
    let rosa = format!("{{apiVersion: {INFRA}/v1beta2, kind: ROSANetwork, metadata: {{name: c, namespace: dev}}}}");
    let verdict = judge(&[rosa]);
    assert_eq!((verdict.outcome, verdict.chain.len()), (VerdictOutcome::Permitted, 0));
    // CAPA does not create the controller identity for them either.
    let rosa = format!(
        "{{apiVersion: {INFRA}/v1beta2, kind: ROSANetwork, metadata: {{name: c, namespace: dev}}, spec: {{identityRef: {CONTROLLER}}}}}"
    );
    assert_eq!(judge(&[rosa]).reason, Some(Reason::IdentityNotFound));
}

#[test]
fn a_template_makes_the_controller_identity_for_its_own_clusters_only() {
    let template =
        format!("{{apiVersion: {INFRA}/v1beta2, kind: AWSClusterTemplate, metadata: {{name: t, namespace: dev}}}}");
    assert_eq!(short(&judge(std::slice::from_ref(&template))), "permitted  default");
    let own = cluster("{kind: AWSClusterRoleIdentity, name: a}");
    assert_eq!(short(&judge(&[own.clone(), plain("a"), template])), "unknown IdentityNotFound a>default");
    // With another cluster, CAPA creates it, and all can use it.
    assert_eq!(short(&judge(&[own, plain("a"), cluster("null")])), "permitted  a>default");
}

fn any_allowed() -> impl Strategy<Value = String> {
    let forms = [
        "",
        "allowedNamespaces:, ",
        "allowedNamespaces: {}, ",
        "allowedNamespaces: {list: []}, ",
        "allowedNamespaces: {list: [dev]}, ",
        "allowedNamespaces: {list: [x, null]}, ",
        "allowedNamespaces: [dev], ",
        "allowedNamespaces: {selector: {matchLabels: {}}}, ",
        "allowedNamespaces: {selector: {matchLabels: {env: dev}}}, ",
        "allowedNamespaces: {namespaces: [dev]}, ",
        "allowedNamespaces: {selector: {matchExpressions: [{key: env, operator: NotIn, values: [dev]}]}}, ",
        "allowedNamespaces: {selector: {matchExpressions: [{key: env, operator: Is}]}}, ",
        "allowedNamespaces: 1, ",
    ];
    prop::sample::select(forms.map(str::to_owned).to_vec())
}

fn any_reference() -> impl Strategy<Value = String> {
    let kinds = [
        "AWSClusterRoleIdentity",
        "AWSClusterRoleIdentity",
        "AWSClusterStaticIdentity",
        "AWSClusterControllerIdentity",
        "Other",
        "null",
    ];
    let names = ["a", "b", "c", "s", "default", "\"\"", "null"];
    (prop::sample::select(kinds.to_vec()), prop::sample::select(names.to_vec()))
        .prop_map(|(kind, name)| format!("{{kind: {kind}, name: {name}}}"))
}

fn any_document() -> impl Strategy<Value = String> {
    let rest = prop::sample::select(vec![
        "",
        ", durationSeconds: 7200",
        ", durationSeconds: 1",
        ", sessionName: x",
        ", externalID: {}",
    ]);
    prop_oneof![
        4 => (prop::sample::select(vec!["a", "b", "c"]), any_allowed(), any_reference(), rest)
            .prop_map(|(name, allowed, reference, rest)| role(name, &format!("{allowed}sourceIdentityRef: {reference}{rest}"))),
        1 => any_allowed().prop_map(|allowed| controller(&format!("{{{}}}", allowed.trim_end_matches(", ")))),
        1 => any_allowed().prop_map(|allowed| fixed(&format!("{{{allowed}secretRef: x}}"))),
        1 => prop::sample::select(vec!["{}", "{env: dev}", "{env: x}"]).prop_map(|labels| namespace("dev", labels)),
        1 => Just("{apiVersion: v1, kind: Secret, metadata: {name: x, namespace: capa-system}}".to_owned()),
    ]
}

/// Clusters in namespaces that identities list or don't, and without a namespace.
fn any_cluster() -> impl Strategy<Value = String> {
    let kinds = ["AWSCluster", "AWSCluster", "AWSClusterTemplate", "ROSAOCMRoleConfig"];
    let namespaces = ["namespace: dev", "namespace: dev", "namespace: x", "namespace: \"${NS}\"", "labels: {}"];
    (any_reference(), prop::sample::select(kinds.to_vec()), prop::sample::select(namespaces.to_vec())).prop_map(
        |(reference, kind, namespace)| {
            format!(
                "{{apiVersion: {INFRA}/v1beta2, kind: {kind}, metadata: {{name: c, {namespace}}}, spec: {{region: eu-west-1, identityRef: {reference}}}}}"
            )
        },
    )
}

proptest! {
    /// There is a verdict for all identities, it has each identity once, and only identities of the chain matter.
    #[test]
    fn there_is_always_a_verdict_and_strangers_do_not_change_it(
        reference in any_reference(),
        cluster_state in prop::collection::vec(any_document(), 0..8),
        stranger_says in any_allowed(),
        stranger_source in any_reference(),
        release in prop::sample::select(vec!["v0.6.9", "v2.8.4", "v2.13.0"]),
    ) {
        let release: Release = release.parse().unwrap();
        let mut documents = vec![cluster(&reference)];
        documents.extend(cluster_state);
        let verdict = judge_with(&documents, release);
        let mut seen: Vec<_> = verdict.chain.iter().map(|hop| (hop.kind, hop.name)).collect();
        let count = seen.len();
        seen.sort();
        seen.dedup();
        prop_assert_eq!(seen.len(), count);
        prop_assert_eq!(verdict.outcome == VerdictOutcome::Permitted, verdict.reason.is_none());
        // A permitted chain has no refusal and nothing unknown.
        if verdict.outcome == VerdictOutcome::Permitted {
            prop_assert!(verdict.chain.iter().all(|hop| hop.permission().is_some_and(|it| it.answer == Some(true))));
        }
        documents.push(role("stranger", &format!("{stranger_says}sourceIdentityRef: {stranger_source}")));
        documents.push(namespace("strange", "{env: dev}"));
        prop_assert_eq!(reported(&judge_with(&documents, release)), reported(&verdict));
    }

    /// Clusters that are evaluated together get the same verdicts as alone, hop by hop, and their chains' properties
    /// are right.
    #[test]
    fn clusters_that_share_chains_get_the_verdict_of_a_plain_walk(
        clusters in prop::collection::vec(any_cluster(), 1..8),
        cluster_state in prop::collection::vec(any_document(), 0..10),
        release in prop::sample::select(vec!["v0.6.9", "v2.8.4", "v2.13.0"]),
    ) {
        let release: Release = release.parse().unwrap();
        let documents: Vec<String> = clusters.into_iter().chain(cluster_state).collect();
        let objects = objects(&documents);
        let (cluster_state, plain) = (ClusterState::new(&objects, evaluated(release), None), reference::ClusterState::new(&objects, evaluated(release), None));
        let mut judge = Judge::new(&cluster_state);
        let (mut controllers, mut walked) = (Search::new(|hop: &Hop<'_>| hop.account.is_none()), Walked::default());
        let (mut verdicts, mut edges, mut all_edges) = (Vec::new(), HashSet::new(), HashSet::new());
        for object in &objects {
            for reference in object.references() {
                let subject = Subject::of(object, reference, release, object.own_namespace());
                let (verdict, expected) = (judge.evaluate(&subject), reference::evaluate(&plain, &subject));
                prop_assert_eq!(&reported(&verdict), &expected, "{:#?}", &documents);
                let chain = &verdict.chain;
                let name = |hop: Hop<'_>| hop.title();
                let names: Vec<String> = chain.iter().map(name).collect();
                prop_assert_eq!((chain.first().map(name), chain.last().map(name)), (names.first().cloned(), names.last().cloned()));
                prop_assert_eq!((chain.len(), chain.is_empty()), (names.len(), names.is_empty()));
                let open = |hop: &Hop<'_>| hop.permission().is_some_and(|it| it.answer.is_none());
                prop_assert!(chain.not_known().map(name).eq(chain.iter().filter(open).map(name)), "{:#?}", &documents);
                prop_assert_eq!(controllers.find(chain).map(name), chain.iter().find(|hop| hop.account.is_none()).map(name));
                edges.extend(walked.fresh(chain).into_iter().map(|(hop, next)| (hop.title(), next.map(name))));
                let next = |at: usize| names.get(at + 1).cloned();
                all_edges.extend(names.iter().enumerate().map(|(at, hop)| (hop.clone(), next(at))));
                verdicts.push((verdict, expected));
            }
        }
        // An edge to nowhere proves nothing: another cluster may get further.
        edges.retain(|(_, next)| next.is_some());
        all_edges.retain(|(_, next)| next.is_some());
        prop_assert_eq!(edges, all_edges, "{:#?}", &documents);
        for (one, plain) in &verdicts {
            for (other, plain_other) in &verdicts {
                let key = |verdict: &Verdict| {
                    let Verdict { outcome, reason, message, notes, .. } = verdict.clone();
                    (outcome, reason, message, notes, verdict.chain.key())
                };
                prop_assert_eq!(key(one) == key(other), plain == plain_other, "{:#?}", &documents);
            }
        }
    }
}
