//! Identities as the steps of chains: what CAPA finds at each step for every cluster, and where its sources lead. Each
//! step is evaluated once, so that a thousand clusters with one chain don't walk it a thousand times.

use std::collections::HashMap;

use super::admit;
use super::admit::{AdmittedIdentity, IdentityFields, Refusal, RoleFields};
use super::namespaces::Gate;
use super::outcome::{MANAGER_NAMESPACE, Reason, Stop};
use crate::aws::{AccountId, RoleArn};
use crate::capa::tables::IdentityKind;
use crate::kubernetes::names::is_dns_subdomain;
use crate::templates::is_filled_in;

/// Default length of a session in seconds (aws-sdk-go-v2, `credentials/stscreds/assume_role_provider.go`,
/// `DefaultDuration`).
const DEFAULT_SECONDS: u32 = 900;

/// An identity that CAPA checks.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) role_arn: Option<String>,
    pub(super) account: Option<AccountId>,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<u32>,
    pub(super) gate: Gate,
    /// Whether a document defines it, and no other document differs.
    pub(super) is_known: bool,
    /// Keys that the API server drops, so that it allows every namespace.
    pub(super) dropped: Vec<String>,
    /// Labels of its selector that are null.
    pub(super) null_labels: Vec<String>,
    /// Why CAPA stops here, before it checks the namespace.
    pub(super) stop: Option<Stop>,
    /// Whether it is the controller identity and CAPA may create it: it is not in the files, or refused.
    pub(super) may_be_made: bool,
    /// An unknown fact at which CAPA continues.
    pub(super) open: Option<Stop>,
    /// Its source.
    pub(super) next: Option<usize>,
    pub(super) way: Way,
}

/// Where the sources of an identity lead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// Number of identities from here on, each counted once.
    pub(super) length: usize,
    /// The last of them; `None` if they are a cycle or lead into one.
    pub(super) end: Option<usize>,
    /// The one before it.
    pub(super) before_end: Option<usize>,
    /// The first, from this one on, that does not allow every namespace.
    pub(super) asking: Option<usize>,
    /// The one nearest to the source whose call STS refuses; only if there is an end.
    pub(super) refused: Option<usize>,
    /// The one nearest to the source whose role is not filled in.
    pub(super) unfilled: Option<usize>,
    cycle: Option<Cycle>,
}

/// The cycle that the sources of an identity lead into.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    size: usize,
    /// Number of identities before it; 0 for an identity in the cycle.
    before: usize,
    /// This identity, or the first of the cycle that is reached.
    entry: usize,
    /// The index of `entry` in the cycle, counted along the sources.
    place: usize,
    /// The identity whose source `entry` is.
    back: usize,
}

/// The identities of a cluster state.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    all: Vec<Step>,
    /// By kind, as in [`IdentityKind::ALL`], and name.
    index: [HashMap<String, usize>; IdentityKind::ALL.len()],
}

impl Step {
    /// An identity that is not in the files, or that has an unknown kind.
    pub(super) fn missing(kind: &str, name: &str) -> Self {
        let (stop, may_be_made) = match IdentityKind::named(kind) {
            None => (Stop::error(Reason::UnknownKind, admit::unknown_kind(kind)), false),
            Some(known) => match other_controller(known, name) {
                Some(stop) => (stop, false),
                None if !is_dns_subdomain(name) && !is_filled_in(name) => (impossible(known, name), false),
                None => (not_found(known, name), known == IdentityKind::Controller),
            },
        };
        Self { kind: kind.to_owned(), name: name.to_owned(), stop: Some(stop), may_be_made, ..Self::default() }
    }

    fn of(kind: IdentityKind, name: &str, identity: Option<AdmittedIdentity>, secrets: &dyn Fn(&str) -> bool) -> Self {
        let mut step = Self { kind: kind.name().to_owned(), name: name.to_owned(), ..Self::default() };
        step.is_known = identity.is_some();
        let own = identity.as_ref().and_then(|identity| identity.allowed.clone());
        step.gate = Gate::new(own);
        step.stop = other_controller(kind, name);
        let Some(identity) = identity else {
            let message = format!("{}/{name} is defined more than once, with different content", kind.name());
            step.stop.get_or_insert(Stop::unknown(Reason::Ambiguous, message));
            return step;
        };
        if step.stop.is_some() {
            return step;
        }
        if let IdentityFields::Role(fields) = &identity.fields {
            step.take(fields, identity.refusal.is_some());
        }
        if let Some(Refusal { reason, message }) = identity.refusal {
            let stop = Stop::refused(reason, message);
            step.may_be_made = kind == IdentityKind::Controller && stop.is_error();
            step.stop = Some(stop);
        } else if let IdentityFields::Static { secret, .. } = &identity.fields {
            step.secret(secret, secrets);
        }
        if step.stop.is_none() && step.gate.is_open() {
            step.dropped = identity.dropped;
        }
        if step.stop.is_none() {
            step.null_labels = identity.null_labels;
        }
        step
    }

    /// Sets the fields of a role identity; if the object is `refused`, only its role, as the rest may be wrong.
    fn take(&mut self, fields: &RoleFields, refused: bool) {
        self.account = fields.arn.parse::<RoleArn>().ok().map(|arn| arn.account().clone());
        self.role_arn = Some(fields.arn.clone());
        if refused {
            return;
        }
        self.session_name = fields.session_name.clone();
        self.external_id = fields.external_id.clone();
        self.duration_seconds = Some(fields.duration.unwrap_or(DEFAULT_SECONDS));
    }

    /// The Secret of a static identity is checked before the namespace. The files seldom contain all Secrets.
    fn secret(&mut self, name: &str, secrets: &dyn Fn(&str) -> bool) {
        if name.is_empty() {
            let message = "spec.secretRef is empty: Secret \"\" not found";
            self.stop = Some(Stop::error(Reason::SecretNotFound, message));
        } else if !secrets(name) {
            let message = format!(
                "Secret {MANAGER_NAMESPACE}/{name} is not in these files; if it is not in the management cluster either, CAPA reports: Secret \"{name}\" not found"
            );
            self.open = Some(Stop::unknown(Reason::SecretNotFound, message));
        }
    }

    pub(super) fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// Whether it may refuse a namespace.
    fn asks(&self) -> bool {
        self.stop.is_none() && !self.gate.is_open()
    }
}

/// The error for a controller identity with another name, which CAPA checks before the object.
fn other_controller(kind: IdentityKind, name: &str) -> Option<Stop> {
    let other = kind == IdentityKind::Controller && name != "default";
    let message = || format!("Expected AWSClusterControllerIdentity of name default, got {name}");
    other.then(|| Stop::error(Reason::ControllerIdentityName, message()))
}

/// The error for an identity with a name that no object can have.
pub(super) fn impossible(kind: IdentityKind, name: &str) -> Stop {
    let kind = kind.name();
    let message =
        format!("no {kind} can have the name {name:?}: {kind}.infrastructure.cluster.x-k8s.io {name:?} not found");
    Stop::error(Reason::IdentityNotFound, message)
}

fn not_found(kind: IdentityKind, name: &str) -> Stop {
    let kind = kind.name();
    let message = format!(
        "{kind}/{name} is not in these files; if it is not in the management cluster either, CAPA reports: {kind}.infrastructure.cluster.x-k8s.io \"{name}\" not found"
    );
    Stop::unknown(Reason::IdentityNotFound, message)
}

impl Steps {
    /// The steps of these identities and of their sources; `None` is an identity whose documents differ. `secrets`
    /// returns whether a Secret is in the files, and `judge` evaluates the call of a step with its source.
    pub(super) fn new(
        identities: HashMap<(IdentityKind, String), Option<AdmittedIdentity>>,
        secrets: &dyn Fn(&str) -> bool,
        judge: impl Fn(&Step, Option<&Step>) -> Call,
    ) -> Self {
        let mut steps = Self::default();
        let mut sources: Vec<Option<(String, String)>> = Vec::with_capacity(identities.len());
        for ((kind, name), identity) in identities {
            let source = match identity.as_ref().map(|identity| &identity.fields) {
                Some(IdentityFields::Role(fields)) => fields.source.clone(),
                _ => None,
            };
            let step = Step::of(kind, &name, identity, secrets);
            sources.push(source.filter(|_| step.stop.is_none()));
            steps.add(step);
        }
        for (at, source) in sources.into_iter().enumerate() {
            steps.all[at].next = source.map(|(kind, name)| match steps.find(&kind, &name) {
                Some(existing) => existing,
                None => steps.add(Step::missing(&kind, &name)),
            });
        }
        steps.find_ways(judge);
        steps
    }

    fn add(&mut self, step: Step) -> usize {
        let at = self.all.len();
        if let Some(kind) = IdentityKind::named(&step.kind) {
            self.index[kind as usize].insert(step.name.clone(), at);
        }
        self.all.push(step);
        at
    }

    /// The step of an identity that is in the files, or is a source of one there.
    pub(super) fn find(&self, kind: &str, name: &str) -> Option<usize> {
        self.index[IdentityKind::named(kind)? as usize].get(name).copied()
    }

    pub(super) fn get(&self, at: usize) -> &Step {
        &self.all[at]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Step> {
        self.all.iter()
    }

    /// The first and the last identity of the cycle that the sources of a step lead into.
    pub(super) fn cycle(&self, from: usize) -> Option<(usize, usize)> {
        self.all[from].way.cycle.map(|cycle| (cycle.entry, cycle.back))
    }

    /// Number of steps from one step to a later one on its way.
    pub(super) fn distance(&self, from: usize, to: usize) -> usize {
        let (from, to) = (&self.all[from].way, &self.all[to].way);
        match (from.cycle, to.cycle) {
            (Some(own), Some(existing)) if existing.before == 0 => {
                own.before + (existing.place + existing.size - own.place) % existing.size
            }
            _ => from.length - to.length,
        }
    }

    fn find_ways(&mut self, judge: impl Fn(&Step, Option<&Step>) -> Call) {
        let mut is_done = vec![false; self.all.len()];
        // The index of a step in the walked path, to detect a cycle.
        let mut places: Vec<Option<usize>> = vec![None; self.all.len()];
        for start in 0..self.all.len() {
            let mut path: Vec<usize> = Vec::new();
            let mut at = Some(start);
            while let Some(step) = at.filter(|&step| !is_done[step] && places[step].is_none()) {
                places[step] = Some(path.len());
                path.push(step);
                at = self.all[step].next;
            }
            if let Some(first) = at.filter(|&step| !is_done[step]).and_then(|step| places[step]) {
                self.close_cycle(&path.split_off(first), &mut is_done);
            }
            for step in path.into_iter().rev() {
                self.all[step].way = self.way(step, &judge);
                is_done[step] = true;
            }
        }
    }

    /// Sets the ways of the steps in a cycle.
    fn close_cycle(&mut self, cycle: &[usize], is_done: &mut [bool]) {
        let size = cycle.len();
        // Goes around twice, backwards, so that each step finds the next one that checks the namespace.
        let mut asking = None;
        for (place, &step) in cycle.iter().enumerate().rev().chain(cycle.iter().enumerate().rev()) {
            if self.all[step].asks() {
                asking = Some(step);
            }
            let back = cycle[(place + size - 1) % size];
            let cycle = Some(Cycle { size, before: 0, entry: step, place, back });
            self.all[step].way = Way { length: size, asking, cycle, ..Way::default() };
            is_done[step] = true;
        }
    }

    /// The way of a step, from its source's way.
    fn way(&self, at: usize, judge: impl Fn(&Step, Option<&Step>) -> Call) -> Way {
        let step = &self.all[at];
        let mut way = match step.next {
            None => Way { length: 1, end: Some(at), ..Way::default() },
            Some(next) => {
                let mut way = self.all[next].way;
                way.length += 1;
                if way.end == Some(next) {
                    way.before_end = Some(at);
                }
                if let Some(cycle) = &mut way.cycle {
                    cycle.before += 1;
                }
                way
            }
        };
        if step.asks() {
            way.asking = Some(at);
        }
        // The calls are made from the source on, up to the first refused one.
        if way.end.is_some() && way.refused.is_none() {
            let call = judge(step, step.next.map(|next| &self.all[next]));
            way.refused = call.is_refused.then_some(at);
            way.unfilled = way.unfilled.or(call.is_unfilled.then_some(at));
        }
        way
    }
}

/// STS's answer to a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call {
    pub(super) is_refused: bool,
    pub(super) is_unfilled: bool,
}
