//! Whether a cluster may move to another account, checked against a second implementation of the contract.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use xaccount::capa;
use xaccount::diag::FileId;
use xaccount::inject::{AccountMove, Evidence, InjectRequest, MoveFrom, ObservedObjects, Target, Unasked};
use xaccount::inventory::{self, File, Inventory, Scan};
use xaccount::plan::{Failure, Outcome, Selection};

use super::{cases, runner};
use crate::suite::say;

/// An account, as far as a reference shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    /// No reference, or CAPA's default.
    Source,
    Target,
    Other,
    Unknown,
}

const ANYWHERE: [At; 4] = [At::Source, At::Target, At::Other, At::Unknown];

/// The cluster in HEAD or in a dump.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// There is no HEAD or dump.
    None,
    /// It has no object of the kind.
    NoneOfTheKind,
    /// It has other objects of the kind.
    Others,
    /// It has the object, with this account, and with or without a uid.
    Has(At, bool),
}

#[derive(Clone, Debug)]
struct ClusterState {
    own: At,
    default_written: bool,
    marks: bool,
    head: Says,
    live: Says,
    overwrite: bool,
    moves: Vec<At>,
    orphan: bool,
    names: &'static [&'static str],
    unasked: Unasked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Unchanged,
    Done,
    Warned,
    Refused,
}

fn says() -> impl Strategy<Value = Says> {
    let has = (select(&ANYWHERE[..]), any::<bool>()).prop_map(|(at, alive)| Says::Has(at, alive));
    prop_oneof![
        2 => Just(Says::None),
        1 => Just(Says::NoneOfTheKind),
        1 => Just(Says::Others),
        4 => has,
    ]
}

fn worlds() -> impl Strategy<Value = ClusterState> {
    let manifest = (select(&ANYWHERE[..]), any::<bool>(), any::<bool>());
    let flags = (any::<bool>(), subsequence(vec![At::Source, At::Other, At::Unknown], 0..=3), any::<bool>());
    let names = select(vec![&["wren"][..], &["w*"], &[], &["robin", "wren"]]);
    let unasked = select(vec![Unasked::Refused, Unasked::Warned]);
    (manifest, says(), says(), flags, names, unasked).prop_map(|(manifest, head, live, flags, names, unasked)| {
        ClusterState {
            own: manifest.0,
            default_written: manifest.1,
            marks: manifest.2,
            head,
            live,
            overwrite: flags.0,
            moves: flags.1,
            orphan: flags.2,
            names,
            unasked,
        }
    })
}

/// The contract.
fn expected(cluster_state: &ClusterState) -> Answer {
    let ClusterState { own, marks, head, live, ref moves, orphan, names, unasked, .. } = *cluster_state;
    let live_alive = matches!(live, Says::Has(_, true));
    // A flag that has no effect is refused.
    let orphan_in_vain = orphan && !(marks || live_alive);
    if own == At::Target {
        return if orphan_in_vain { Answer::Refused } else { Answer::Unchanged };
    }
    let mut shown: Vec<At> = Vec::new();
    match (live, head) {
        (Says::Has(at, _), _) => shown.push(at),
        (_, Says::Has(at, alive)) => {
            shown.push(at);
            shown.extend((marks && !alive).then_some(own));
        }
        _ => shown.extend(marks.then_some(own)),
    }
    let goes_back = !shown.is_empty() && shown.iter().all(|at| *at == At::Target);
    // The account that it would move from, by the manifest and by HEAD or the dump.
    let written = Some(own).filter(|at| *at != At::Source);
    let from: BTreeSet<At> = written.into_iter().chain(shown.iter().copied().filter(|at| *at != At::Target)).collect();
    let of_use = |at: &At| match (goes_back, shown.is_empty()) {
        (true, _) => *at == own,
        (false, true) => *at == own,
        (false, false) => from.contains(at),
    };
    let in_vain = orphan_in_vain || !moves.iter().all(of_use);
    if goes_back {
        return if in_vain { Answer::Refused } else { Answer::Done };
    }
    let life = !shown.is_empty() && (marks || live_alive);
    let missing: BTreeSet<At> = from.iter().copied().filter(|at| !moves.contains(at)).collect();
    let unnamed = from.contains(&At::Unknown) && moves.contains(&At::Unknown) && !names.contains(&"wren");
    if in_vain || written.is_some_and(|at| missing.contains(&at)) {
        return Answer::Refused;
    }
    match (missing.is_empty() && (!life || orphan), unnamed, unasked) {
        (true, false, _) => Answer::Done,
        // Only the cluster's name is missing: refused, whatever `unasked` is.
        (true, true, _) => Answer::Refused,
        (false, _, Unasked::Refused) => Answer::Refused,
        (false, _, Unasked::Warned) => Answer::Warned,
    }
}

fn object(at: At, default_written: bool, alive: bool, name: &str) -> String {
    let (kind, identity) = match at {
        At::Source => ("AWSClusterControllerIdentity", "default"),
        At::Target => ("AWSClusterRoleIdentity", "cross-account-role-222222222222"),
        At::Other => ("AWSClusterRoleIdentity", "cross-account-role-333333333333"),
        At::Unknown => ("AWSClusterRoleIdentity", "somewhere"),
    };
    let uid = if alive { "  uid: 0f0e0d0c-0000-4000-8000-000000000001\n" } else { "" };
    let reference = match at == At::Source && !default_written {
        true => String::new(),
        false => format!("  identityRef: {{kind: {kind}, name: {identity}}}\n"),
    };
    format!(
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: {name}\n{uid}spec:\n  \
         region: us-west-2\n{reference}"
    )
}

fn run_of(text: &str) -> Inventory {
    let needles = capa::needles();
    let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    let scanned = inventory::scan(FileId(0), text.as_bytes(), &scan).unwrap();
    Inventory::new(
        vec![File { name: "c.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false }],
        scanned.objects,
    )
}

fn seen(says: Says, of: impl Fn(Inventory) -> ObservedObjects) -> Option<ObservedObjects> {
    Some(of(run_of(&match says {
        Says::None => return None,
        Says::NoneOfTheKind => String::new(),
        Says::Others => object(At::Target, true, true, "robin"),
        Says::Has(at, alive) => object(at, false, alive, "wren"),
    })))
}

fn answer(cluster_state: &ClusterState) -> (Answer, Vec<String>) {
    let run = run_of(&object(cluster_state.own, cluster_state.default_written, cluster_state.marks, "wren"));
    let account = |id: &str| id.parse().unwrap();
    let moves = cluster_state.moves.iter().map(|at| AccountMove {
        from: match at {
            At::Source => MoveFrom::Source,
            At::Unknown => MoveFrom::Unknown,
            _ => MoveFrom::Account(account("333333333333")),
        },
        to: Some(account("222222222222")),
    });
    let names = cluster_state.names.iter().map(|name| globset::Glob::new(name).unwrap().compile_matcher());
    let target = Target::of_account(account("222222222222"));
    let request = InjectRequest {
        moves: moves.collect(),
        orphans: if cluster_state.orphan { vec!["default/wren".into()] } else { Vec::new() },
        overwrite: cluster_state.overwrite,
        selection: Selection { cluster_names: names.collect(), ..Selection::default() },
        ..InjectRequest::to(target)
    };
    let evidence = Evidence {
        head: seen(cluster_state.head, |run| ObservedObjects::head(run, BTreeSet::new())),
        live: seen(cluster_state.live, ObservedObjects::live),
    };
    let outcome = xaccount::inject::propose(&run, &request)
        .and_then(|proposal| proposal.judge(&run, &request, &evidence, cluster_state.unasked, None));
    let messages = |all: &[xaccount::diag::Diagnostic]| all.iter().map(|one| one.message.clone()).collect::<Vec<_>>();
    match outcome {
        Err(Failure::Refused(errors)) => (Answer::Refused, messages(&errors)),
        Err(Failure::EmptySelection(nothing)) => panic!("{nothing:?}"),
        Ok(Outcome { changes, warnings, .. }) => {
            let specified = messages(&warnings);
            let warned = specified.iter().any(|message| message.contains("would be pointed at 222222222222"));
            let changed = changes.iter().any(|change| change.object.is_some());
            match (changed, warned) {
                (true, true) => (Answer::Warned, specified),
                (true, false) => (Answer::Done, specified),
                (false, _) => (Answer::Unchanged, specified),
            }
        }
    }
}

#[test]
fn a_cluster_changes_account_only_as_the_contract_says() {
    let counts = std::cell::RefCell::new(std::collections::BTreeMap::<Answer, usize>::new());
    let result = runner(cases(4000)).run(&worlds(), |cluster_state| {
        let (answer, specified) = answer(&cluster_state);
        *counts.borrow_mut().entry(answer).or_default() += 1;
        prop_assert_eq!(answer, expected(&cluster_state), "{:?}: {:?}", cluster_state, specified);
        Ok(())
    });
    say(&format!("properties: changes of account: {:?}", counts.borrow()));
    result.unwrap();
    // Every answer occurs often enough.
    let counts = counts.into_inner();
    assert!(counts.len() == 4 && counts.values().all(|count| *count >= cases(4000) as usize / 100), "{counts:?}");
}
