//! CAPA's verdict on a cluster.

use std::collections::HashMap;
use std::sync::Arc;

use super::call::{call, session};
use super::chain::{Chain, ChainWalk, Head, Hop};
use super::cluster_state::{ClusterState, Subject};
use super::facts::Facts;
use super::outcome::{Reason, Scope, Start, Stop, VerdictOutcome};
use super::steps::Step;
use crate::capa::release::Release;
use crate::capa::tables::IdentityKind;

/// Maximum number of names of a cycle in a message; of a longer cycle, the message has the first ones and the last.
const MOST_NAMES: usize = 10;

/// The note if there is no reference and no default.
pub(super) const NO_IDENTITY: &str =
    "no identity reference: CAPA uses the controller's own credentials, in every namespace";

/// The message if no variable of a topology has a reference.
pub(super) const REFERENCE_IN_CLASS: &str =
    "no topology variable has an identity reference: it comes from the template of the ClusterClass";

/// The note if the controller identity is missing, and CAPA does not create it.
pub(super) const NOT_CREATED: &str = "CAPA creates AWSClusterControllerIdentity/default only for an AWSCluster or \
    AWSManagedControlPlane that references it; inject --with-controller-identity writes it";

/// The note if the controller identity of the files is refused, and CAPA creates its own.
pub(super) fn made_instead(refusal: &str) -> String {
    format!("AWSClusterControllerIdentity/default is refused, and CAPA creates its own, for every namespace: {refusal}")
}

/// CAPA's verdict.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether the cluster gets credentials.
    pub outcome: VerdictOutcome,
    /// Why; `None` if it is permitted.
    pub reason: Option<Reason>,
    /// The reason in words, CAPA's own if it has a message; `None` if it is permitted.
    pub message: Option<String>,
    /// The identities that CAPA checks, from the object's own to the source.
    pub chain: Chain,
    /// Notes that are not about a single identity; for those, see [`Hop::notes`].
    pub notes: Vec<String>,
}

impl Verdict {
    /// The verdict on an object that is refused before any identity is checked.
    pub fn refused(reason: Reason, message: String) -> Self {
        let (reason, message) = (Some(reason), Some(message));
        Self { outcome: VerdictOutcome::Error, reason, message, chain: Chain::default(), notes: Vec::new() }
    }

    /// All notes about some identities of the chain, given in chain order, and the notes that are not about a single
    /// one.
    pub fn notes_about(&self, hops: &[Hop<'_>]) -> Vec<String> {
        self.chain.notes(hops, &self.notes)
    }
}

/// Evaluates the clusters of one cluster state. Results are shared between clusters.
#[derive(Debug)]
pub struct Judge {
    cluster_state: ClusterState,
    scopes: HashMap<Arc<Scope>, usize>,
    asked: HashMap<(usize, usize), Asked>,
}

/// The answers of the identities for a namespace, from one of them on.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// The first that does not allow the namespace.
    refuses: Option<usize>,
    /// The first, before that, for which it is unknown whether it does.
    open: Option<usize>,
}

/// Evaluates a cluster.
pub fn evaluate(cluster_state: &ClusterState, subject: &Subject) -> Verdict {
    Judge::new(cluster_state).evaluate(subject)
}

/// The note about a reference that the release does not support.
pub(super) fn dropped(release: Release, kind: &str, since: &str) -> String {
    format!(
        "CAPA {release} has no identityRef on {kind}: the API server drops it, and CAPA uses the controller's own credentials; {since} is the first release with it"
    )
}

impl Judge {
    /// A judge for the clusters of a cluster state.
    pub fn new(cluster_state: &ClusterState) -> Self {
        Self { cluster_state: cluster_state.clone(), scopes: HashMap::new(), asked: HashMap::new() }
    }

    /// The release of CAPA that is assumed.
    pub fn release(&self) -> Release {
        self.cluster_state.release()
    }

    /// Evaluates a cluster.
    pub fn evaluate(&mut self, subject: &Subject) -> Verdict {
        match &subject.start {
            Start::Default => self.along(subject, IdentityKind::Controller.name(), "default"),
            Start::To { kind, name } => self.along(subject, kind, name),
            Start::Pod => verdict(None, Chain::default(), vec![NO_IDENTITY.into()]),
            Start::Dropped { kind, since } => {
                let note = dropped(self.release(), kind, since);
                verdict(None, Chain::default(), vec![note])
            }
            Start::Class => {
                let stop = Stop::unknown(Reason::ReferenceInClass, REFERENCE_IN_CLASS);
                verdict(Some(stop), Chain::default(), Vec::new())
            }
            Start::InClass(why) => {
                let stop = Stop::unknown(Reason::ReferenceInClass, why.clone());
                verdict(Some(stop), Chain::default(), Vec::new())
            }
            Start::Refused { reason, message } => {
                verdict(Some(Stop::refused(*reason, message.clone())), Chain::default(), Vec::new())
            }
        }
    }

    /// Follows the references, in CAPA's order: an identity exists, allows the namespace, and has a source.
    fn along(&mut self, subject: &Subject, kind: &str, name: &str) -> Verdict {
        let facts = Arc::clone(&self.cluster_state.0);
        let made = facts.made || subject.makes_controller_identity;
        let (scope, number) = self.scope(&subject.scope);
        let head = facts.steps.find(kind, name);
        let Some(at) = head else {
            let step = Arc::new(Step::missing(kind, name));
            let (stop, notes) = end_of(&step, made);
            let head = Head::Lone(step);
            let (last, open) = (None, None);
            let called = stop.as_ref().is_none_or(|stop| stop.outcome == VerdictOutcome::Unknown);
            return verdict(
                stop,
                Chain::new(ChainWalk { facts, scope, made, head, length: 1, last, open, called }),
                notes,
            );
        };
        let way = facts.steps.get(at).way;
        let asked = way.asking.map_or_else(Asked::default, |asking| self.ask(asking, number, &scope));
        let mut walk = ChainWalk {
            facts,
            scope,
            made,
            head: Head::In(at),
            length: way.length,
            last: way.end,
            open: asked.open,
            called: false,
        };
        if let Some(refuses) = asked.refuses {
            walk.length = walk.facts.steps.distance(at, refuses) + 1;
            walk.last = Some(refuses);
            let stop = refusal(&walk.facts, refuses, &walk.scope);
            return verdict(Some(stop), Chain::new(walk), Vec::new());
        }
        match way.end {
            None => cycle(walk, at),
            Some(end) => to_the_end(walk, at, end),
        }
    }

    fn scope(&mut self, scope: &Scope) -> (Arc<Scope>, usize) {
        if let Some((scope, number)) = self.scopes.get_key_value(scope) {
            return (Arc::clone(scope), *number);
        }
        let (scope, number) = (Arc::new(scope.clone()), self.scopes.len());
        self.scopes.insert(Arc::clone(&scope), number);
        (scope, number)
    }

    /// Checks the identities, from one that does not allow every namespace.
    fn ask(&mut self, first: usize, number: usize, scope: &Scope) -> Asked {
        let facts = Arc::clone(&self.cluster_state.0);
        // Each with whether it is known to allow the namespace.
        let mut path: Vec<(usize, bool)> = Vec::new();
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut at = Some(first);
        let mut result = Asked::default();
        while let Some(step) = at {
            if let Some(&known) = self.asked.get(&(step, number)) {
                result = known;
                break;
            }
            // In a cycle, the last one is followed by the first.
            if let Some(&place) = places.get(&step) {
                let open = |&&(_, sure): &&(usize, bool)| !sure;
                result.open = path[place..].iter().find(open).map(|&(step, _)| step);
                break;
            }
            let answer = facts.steps.get(step).gate.answer(scope, |name| facts.labels(name));
            match answer {
                Ok(None | Some(true)) => {
                    places.insert(step, path.len());
                    path.push((step, answer == Ok(Some(true))));
                }
                Ok(Some(false)) | Err(_) => {
                    result.refuses = Some(step);
                    self.asked.insert((step, number), result);
                    break;
                }
            }
            at = facts.steps.get(step).next.and_then(|next| facts.steps.get(next).way.asking);
        }
        for (step, sure) in path.into_iter().rev() {
            if !sure {
                result.open = Some(step);
            }
            self.asked.insert((step, number), result);
        }
        result
    }
}

fn verdict(stop: Option<Stop>, chain: Chain, notes: Vec<String>) -> Verdict {
    let (outcome, reason, message) = match stop {
        None => (VerdictOutcome::Permitted, None, None),
        Some(stop) => (stop.outcome, Some(stop.reason), Some(stop.message)),
    };
    Verdict { outcome, reason, message, chain, notes }
}

/// Why CAPA can't use the last identity of a chain, and the notes about it.
fn end_of(end: &Step, made: bool) -> (Option<Stop>, Vec<String>) {
    match &end.stop {
        Some(stop) if end.may_be_made && made => {
            (None, stop.is_error().then(|| made_instead(&stop.message)).into_iter().collect())
        }
        Some(stop) if end.may_be_made && !end.is_known => (Some(stop.clone()), vec![NOT_CREATED.into()]),
        stop => (stop.clone(), Vec::new()),
    }
}

/// The verdict on a chain whose identities allow the namespace, as far as that is known.
fn to_the_end(mut walk: ChainWalk, head: usize, end: usize) -> Verdict {
    let (last, notes) = end_of(walk.facts.steps.get(end), walk.made);
    // The Secret is checked before the namespace.
    let secret = walk.facts.steps.get(end).open.clone();
    let open = match walk.open {
        Some(open) if open != end || secret.is_none() => Some(not_known(&walk, open)),
        _ => secret,
    };
    // A certain refusal counts, whatever is unknown before it: the cluster does not get credentials either way.
    let (stop, open) = match last {
        Some(stop) if stop.outcome != VerdictOutcome::Unknown => return verdict(Some(stop), Chain::new(walk), notes),
        // STS may certainly refuse an earlier call, whatever the source is.
        last => {
            walk.called = true;
            let way = walk.facts.steps.get(head).way;
            let refused = way.refused.and_then(|at| refused_call(&walk.facts, at));
            let unfilled = || way.unfilled.and_then(|at| call(walk.facts.steps.get(at)).ok().flatten());
            (refused, open.or(last).or_else(unfilled))
        }
    };
    verdict(stop.or(open), Chain::new(walk), notes)
}

/// The verdict on a chain that leads into a cycle.
fn cycle(mut walk: ChainWalk, head: usize) -> Verdict {
    let steps = &walk.facts.steps;
    let names: Vec<&str> = {
        let next = |at: &usize| steps.get(*at).next;
        let walked = std::iter::successors(Some(head), next).take(walk.length.min(MOST_NAMES));
        walked.map(|at| steps.get(at).name.as_str()).collect()
    };
    let (first, last) = steps.cycle(head).unwrap_or((head, head));
    let first = &steps.get(first).name;
    let names = match walk.length - names.len() {
        0 => names.join(" -> "),
        more => format!("{} -> … {more} more", names.join(" -> ")),
    };
    let message = format!(
        "{names} -> {first} is a cycle: CAPA follows it until it runs out of memory, and its controller crashes, for every cluster"
    );
    walk.last = Some(last);
    // Whether CAPA reaches the cycle at all depends on something unknown.
    match walk.open.map(|open| not_known(&walk, open)) {
        Some(open) => verdict(Some(open), Chain::new(walk), vec![format!("if that is permitted: {message}")]),
        None => {
            let stop = Stop::new(VerdictOutcome::Crash, Reason::EndlessRecursion, message);
            verdict(Some(stop), Chain::new(walk), Vec::new())
        }
    }
}

/// Why an identity does not allow the namespace.
fn refusal(facts: &Facts, at: usize, scope: &Scope) -> Stop {
    let step = facts.steps.get(at);
    match step.gate.answer(scope, |name| facts.labels(name)) {
        Err(error) => {
            Stop::error(Reason::InvalidSelector, format!("failed to get label selector from spec selector: {error}"))
        }
        Ok(_) => {
            let message = format!("Namespace is not permitted to use {}: {}", step.kind, step.name);
            Stop::new(VerdictOutcome::Denied, Reason::NamespaceNotPermitted, message)
        }
    }
}

fn not_known(walk: &ChainWalk, at: usize) -> Stop {
    let step = walk.facts.steps.get(at);
    let permission = step.gate.permission(&walk.scope, |name| walk.facts.labels(name));
    let why = permission.map(|permission| permission.why).unwrap_or_default();
    Stop::unknown(Reason::NamespaceNotKnown, format!("{}: {why}", step.title()))
}

fn refused_call(facts: &Facts, at: usize) -> Option<Stop> {
    let step = facts.steps.get(at);
    let next = step.next.map(|next| facts.steps.get(next));
    let release: Release = facts.release;
    call(step).err().or_else(|| session(step, next, release).err())
}
