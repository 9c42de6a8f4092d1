//! The chain of identities that CAPA checks for a cluster. Chains that meet share the rest.

use std::collections::HashMap;
use std::sync::Arc;

use super::call::{dropped, session};
use super::facts::Facts;
use super::outcome::{Permission, Scope};
use super::steps::Step;
use crate::aws::AccountId;
use crate::capa::allowed::Namespaces;
use crate::capa::release::Release;

/// Why a controller identity that is not in the files allows a namespace.
pub(super) const MADE_IF_MISSING: &str = "CAPA creates it if it is missing, for every namespace";

/// Why a controller identity that is refused allows a namespace.
pub(super) const MADE_INSTEAD: &str = "the one in these files is refused; CAPA creates its own, for every namespace";

/// An identity that CAPA checks for a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'c> {
    /// Its kind, as written.
    pub kind: &'c str,
    /// Its name.
    pub name: &'c str,
    /// The role that is assumed; `None` for other kinds and for an unknown identity.
    pub role_arn: Option<&'c str>,
    /// The account in the ARN, if the ARN is valid.
    pub account: Option<&'c AccountId>,
    /// `spec.sessionName`; without it, the SDK generates a name from the time.
    pub session_name: Option<&'c str>,
    /// `spec.externalID`
    pub external_id: Option<&'c str>,
    /// Length of a session in seconds, or the SDK's default; only if a role is assumed.
    pub duration_seconds: Option<u32>,
    pub(super) chain: &'c Chain,
    pub(super) step: &'c Step,
    pub(super) id: Option<StepId>,
}

/// Id of an identity in a cluster state, the same for all chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepId(pub(super) usize);

impl<'c> Hop<'c> {
    pub(super) fn new(chain: &'c Chain, step: &'c Step, id: Option<StepId>) -> Self {
        Self {
            kind: &step.kind,
            name: &step.name,
            role_arn: step.role_arn.as_deref(),
            account: step.account.as_ref(),
            session_name: step.session_name.as_deref(),
            external_id: step.external_id.as_deref(),
            duration_seconds: step.duration_seconds,
            chain,
            step,
            id,
        }
    }

    /// `KIND/NAME`
    pub fn title(&self) -> String {
        self.step.title()
    }

    /// The identity's id in the cluster state; `None` if it is neither in the files nor the source of an identity
    /// there.
    pub fn id(&self) -> Option<StepId> {
        self.id
    }

    /// Whether the namespace may use it; `None` if CAPA stops before it checks that.
    pub fn permission(&self) -> Option<Permission> {
        self.chain.permission(self.step)
    }

    /// The identity that CAPA checks next, for every cluster that gets this far.
    pub fn source(&self) -> Option<String> {
        self.chain.step(self.step.next?).map(Step::title)
    }

    /// The namespaces that may use it, if known; an inner `None` allows no namespace.
    pub fn allowed(&self) -> Option<Option<&'c Namespaces>> {
        self.step.is_known.then(|| self.step.gate.stored())
    }

    /// Notes about this identity that apply to every cluster: later failures, and settings without the expected effect.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = dropped(self.step);
        let next = self.step.next.and_then(|next| self.chain.step(next));
        if self.step.duration_seconds.is_some()
            && let Some(release) = self.chain.release()
        {
            notes.extend(session(self.step, next, release).unwrap_or_default());
        }
        notes
    }
}

/// The identities that CAPA checks for a cluster, from its own to the source.
#[derive(Clone, Default)]
pub struct Chain(Option<Arc<ChainWalk>>);

/// CAPA's way along the steps of a cluster state.
#[derive(Clone)]
pub(super) struct ChainWalk {
    pub(super) facts: Arc<Facts>,
    pub(super) scope: Arc<Scope>,
    /// Whether CAPA creates the controller identity.
    pub(super) made: bool,
    pub(super) head: Head,
    pub(super) length: usize,
    /// The last identity, if it is in the cluster state.
    pub(super) last: Option<usize>,
    /// The first identity for which it is unknown whether it allows the namespace.
    pub(super) open: Option<usize>,
    /// Whether the calls to STS were evaluated.
    pub(super) called: bool,
}

/// The first identity.
#[derive(Clone)]
pub(super) enum Head {
    /// One in the cluster state.
    In(usize),
    /// One that is neither in the cluster state nor a source of an identity there.
    Lone(Arc<Step>),
}

impl Chain {
    pub(super) fn new(walk: ChainWalk) -> Self {
        Self(Some(Arc::new(walk)))
    }

    /// The number of identities.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |walk| walk.length)
    }

    /// Whether CAPA checks no identity.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The scope of the object for which they are checked; `None` for an empty chain.
    pub fn scope(&self) -> Option<&Scope> {
        self.0.as_ref().map(|walk| &*walk.scope)
    }

    /// The identities, from the cluster's own to the source.
    pub fn iter(&self) -> impl Iterator<Item = Hop<'_>> {
        let head = self.0.as_ref().map(|walk| self.head(walk));
        let next = |hop: &Hop<'_>| self.hop(hop.step.next?);
        std::iter::successors(head, next).take(self.len())
    }

    /// The cluster's own identity.
    pub fn first(&self) -> Option<Hop<'_>> {
        self.0.as_ref().map(|walk| self.head(walk))
    }

    /// The source, or the identity at which CAPA stops.
    pub fn last(&self) -> Option<Hop<'_>> {
        let walk = self.0.as_ref()?;
        walk.last.map_or_else(|| Some(self.head(walk)), |last| self.hop(last))
    }

    /// The identity before the chain's source, if the chain reaches it.
    pub fn before_source(&self) -> Option<Hop<'_>> {
        let walk = self.0.as_ref()?;
        let Head::In(head) = walk.head else { return None };
        let way = walk.facts.steps.get(head).way;
        self.hop(way.before_end.filter(|_| way.length == walk.length)?)
    }

    /// The identities for which it is unknown whether they allow the namespace.
    pub fn not_known(&self) -> impl Iterator<Item = Hop<'_>> {
        let rest = self.0.as_ref().and_then(|walk| {
            let (Head::In(head), open) = (&walk.head, walk.open?) else { return None };
            Some((self.hop(open)?, walk.length - walk.facts.steps.distance(*head, open)))
        });
        let next = |(hop, rest): &(Hop<'_>, usize)| {
            let walk = self.0.as_ref()?;
            let next = hop.step.next?;
            let asking = walk.facts.steps.get(next).way.asking?;
            let passed = 1 + walk.facts.steps.distance(next, asking);
            Some((self.hop(asking)?, rest.checked_sub(passed).filter(|rest| *rest > 0)?))
        };
        let hops = std::iter::successors(rest, next).map(|(hop, _)| hop);
        hops.filter(|hop| self.answer(hop.step) == Some(None))
    }

    /// A key for comparison: two chains with the same key have the same identities, with the same answers for the same
    /// reasons.
    pub fn key(&self) -> impl Eq + std::hash::Hash + Clone + use<> {
        self.0.as_ref().map(|walk| {
            let head = match &walk.head {
                Head::In(head) => (Some(*head), String::new()),
                Head::Lone(step) => (None, step.title()),
            };
            let made = walk.made && self.last().is_some_and(|last| last.step.may_be_made);
            let scope = walk.is_about_scope().then(|| Arc::clone(&walk.scope));
            (head, walk.length, made, walk.called, scope)
        })
    }

    /// Notes about some of its identities, given in chain order: the keys that the API server drops, `own`, and then
    /// the notes about sessions, the source's first.
    pub(super) fn notes(&self, hops: &[Hop<'_>], own: &[String]) -> Vec<String> {
        let mut notes: Vec<String> = hops.iter().flat_map(|hop| dropped(hop.step)).collect();
        notes.extend_from_slice(own);
        let Some(walk) = self.0.as_ref().filter(|walk| walk.called) else { return notes };
        let (facts, Head::In(head)) = (&walk.facts, &walk.head) else { return notes };
        let way = facts.steps.get(*head).way;
        // After a refused call, CAPA makes no further calls.
        let first = way.refused.map_or(0, |refused| facts.steps.distance(*head, refused) + 1);
        for hop in hops.iter().rev() {
            let is_made = hop.id.is_some_and(|StepId(id)| facts.steps.distance(*head, id) >= first);
            let next = hop.step.next.map(|next| facts.steps.get(next));
            notes.extend(session(hop.step, next.filter(|_| is_made), facts.release).unwrap_or_default());
        }
        notes
    }

    pub(super) fn permission(&self, step: &Step) -> Option<Permission> {
        let walk = self.0.as_ref()?;
        if step.stop.is_some() {
            let why = if step.is_known { MADE_INSTEAD } else { MADE_IF_MISSING };
            return (step.may_be_made && walk.made).then(|| Permission::yes(why));
        }
        step.gate.permission(&walk.scope, |name| walk.facts.labels(name)).ok()
    }

    /// Whether the namespace may use an identity, without the reason; `None` if CAPA stops before it checks that.
    fn answer(&self, step: &Step) -> Option<Option<bool>> {
        let walk = self.0.as_ref()?;
        match step.stop {
            Some(_) => (step.may_be_made && walk.made).then_some(Some(true)),
            None => step.gate.answer(&walk.scope, |name| walk.facts.labels(name)).ok(),
        }
    }

    pub(super) fn step(&self, at: usize) -> Option<&Step> {
        Some(self.0.as_ref()?.facts.steps.get(at))
    }

    pub(super) fn release(&self) -> Option<Release> {
        Some(self.0.as_ref()?.facts.release)
    }

    fn head<'c>(&'c self, walk: &'c ChainWalk) -> Hop<'c> {
        match &walk.head {
            Head::In(head) => Hop::new(self, walk.facts.steps.get(*head), Some(StepId(*head))),
            Head::Lone(step) => Hop::new(self, step, None),
        }
    }

    fn hop(&self, at: usize) -> Option<Hop<'_>> {
        self.step(at).map(|step| Hop::new(self, step, Some(StepId(at))))
    }
}

impl ChainWalk {
    /// Whether an answer, or its reason, depends on this namespace.
    fn is_about_scope(&self) -> bool {
        let Head::In(head) = self.head else { return false };
        let (steps, labels) = (&self.facts.steps, |name: &str| self.facts.labels(name));
        let first = steps.get(head);
        if *self.scope == Scope::Cluster {
            return first.stop.is_none();
        }
        let asking = first.way.asking.filter(|&asking| steps.distance(head, asking) < self.length);
        asking.is_some_and(|asking| self.last != Some(asking) || !steps.get(asking).gate.is_common(&self.scope, labels))
    }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|hop| (hop.title(), hop.permission()))).finish()
    }
}

/// A search for the first identity of a chain that meets a condition. Parts that chains share are searched once.
pub struct Search<F> {
    is_it: F,
    seen: HashMap<StepId, Seen>,
}

/// What is known about a chain from an identity on.
#[derive(Clone, Copy)]
enum Seen {
    /// There is a match after this number of steps.
    There(usize, StepId),
    /// There is no match in this part.
    None(Part),
}

/// A part of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The number of identities, including the first and the last.
    pub length: usize,
    /// The last identity.
    pub last: StepId,
}

/// A position in a chain, which moves to the next identity, or to the end of a part.
pub struct Cursor<'c> {
    chain: &'c Chain,
    at: Option<Hop<'c>>,
    rest: usize,
}

impl<'c> Cursor<'c> {
    /// A cursor at the cluster's own identity.
    pub fn new(chain: &'c Chain) -> Self {
        Self { chain, at: chain.first(), rest: chain.len() }
    }

    /// The identity, if the chain has not ended.
    pub fn hop(&self) -> Option<Hop<'c>> {
        self.at.filter(|_| self.rest > 0)
    }

    /// The next identity.
    pub fn next(&self) -> Option<Hop<'c>> {
        self.chain.hop(self.at?.step.next?).filter(|_| self.rest > 1)
    }

    /// The number of identities left, including this one.
    pub fn rest(&self) -> usize {
        self.rest
    }

    /// The rest of the chain, if this identity is in the cluster state.
    pub fn part(&self) -> Option<(StepId, Part)> {
        Some((self.at?.id?, Part { length: self.rest, last: self.chain.last()?.id? }))
    }

    /// Moves to the next identity.
    pub fn advance(&mut self) {
        self.at = self.next();
        self.rest = self.rest.saturating_sub(1);
    }

    /// Moves to the last identity of a part that begins here.
    pub fn jump(&mut self, part: Part) {
        if part.length <= self.rest {
            self.at = self.chain.hop(part.last.0);
            self.rest -= part.length.saturating_sub(1);
        }
    }
}

impl<F: Fn(&Hop<'_>) -> bool> Search<F> {
    /// A search for identities for which `is_it` returns true, which must not depend on the cluster.
    pub fn new(is_it: F) -> Self {
        Self { is_it, seen: HashMap::new() }
    }

    /// The first match in the chain, if there is one.
    pub fn find<'c>(&mut self, chain: &'c Chain) -> Option<Hop<'c>> {
        let (mut path, mut found) = (Vec::new(), None);
        let mut cursor = Cursor::new(chain);
        while let Some(hop) = cursor.hop() {
            let Some((id, part)) = cursor.part() else { return Some(hop).filter(&self.is_it) };
            let seen = self.seen.get(&id).copied();
            if !matches!(seen, Some(Seen::None(seen)) if seen.length >= part.length) {
                path.push((id, part));
            }
            match seen {
                Some(Seen::There(more, existing)) => {
                    found = (more < part.length).then(|| (part.length - more, existing));
                    break;
                }
                Some(Seen::None(seen)) if seen.length >= part.length => break,
                Some(Seen::None(seen)) => cursor.jump(seen),
                None if (self.is_it)(&hop) => {
                    found = Some((part.length, id));
                    break;
                }
                None => {}
            }
            cursor.advance();
        }
        for (id, part) in path {
            // Counted from the end, like the parts.
            let seen = found.map_or(Seen::None(part), |(rest, existing)| Seen::There(part.length - rest, existing));
            self.seen.insert(id, seen);
        }
        chain.hop(found?.1.0)
    }
}

/// The parts of chains that were already walked.
#[derive(Default)]
pub struct Walked(HashMap<StepId, Part>);

impl Walked {
    /// The identities of a chain, each with its next one, without the parts that earlier chains had too. The last
    /// identity of such a part is included if this chain continues after it.
    pub fn fresh<'c>(&mut self, chain: &'c Chain) -> Vec<(Hop<'c>, Option<Hop<'c>>)> {
        let mut fresh = Vec::new();
        let mut cursor = Cursor::new(chain);
        while let Some(hop) = cursor.hop() {
            let walked = cursor.part().and_then(|(id, part)| self.0.insert(id, part).map(|walked| (id, part, walked)));
            if let Some((id, part, walked)) = walked {
                if walked.length >= part.length {
                    self.0.insert(id, walked);
                    break;
                }
                if walked.length > 1 {
                    cursor.jump(walked);
                    continue;
                }
            }
            fresh.push((hop, cursor.next()));
            cursor.advance();
        }
        fresh
    }
}
