//! The identities that CAPA asks for a cluster, one after the other. Chains that meet share what is behind.

use std::collections::HashMap;
use std::sync::Arc;

use super::hop::{Hop, Permission, StepId, dropped, session};
use super::steps::Step;
use super::{Facts, Scope};
use crate::capa::release::Release;

/// The identities that CAPA asks for a cluster, from its own to the source.
#[derive(Clone, Default)]
pub struct Chain(Option<Arc<Walk>>);

/// How CAPA comes along the steps of a world.
#[derive(Clone)]
pub(super) struct Walk {
    pub(super) facts: Arc<Facts>,
    pub(super) scope: Arc<Scope>,
    /// Whether CAPA makes the controller identity.
    pub(super) made: bool,
    pub(super) head: Head,
    pub(super) length: usize,
    /// The last identity, where it is one of the world's.
    pub(super) last: Option<usize>,
    /// The first identity of which nobody knows whether it lets the namespace in.
    pub(super) open: Option<usize>,
    /// Whether the calls of STS were judged.
    pub(super) called: bool,
}

/// The first identity.
#[derive(Clone)]
pub(super) enum Head {
    /// One of the world's.
    In(usize),
    /// One that no identity of the world names, nor is.
    Lone(Arc<Step>),
}

impl Chain {
    pub(super) fn new(walk: Walk) -> Self {
        Self(Some(Arc::new(walk)))
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |walk| walk.length)
    }

    /// Whether no identity is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The identities, from the cluster's own to the source.
    pub fn iter(&self) -> impl Iterator<Item = Hop<'_>> {
        let head = self.0.as_ref().map(|walk| self.head(walk));
        let next = |hop: &Hop<'_>| self.hop(hop.step.next?);
        std::iter::successors(head, next).take(self.len())
    }

    /// The cluster's own.
    pub fn first(&self) -> Option<Hop<'_>> {
        self.0.as_ref().map(|walk| self.head(walk))
    }

    /// The source, or the one at which CAPA goes no further.
    pub fn last(&self) -> Option<Hop<'_>> {
        let walk = self.0.as_ref()?;
        walk.last.map_or_else(|| Some(self.head(walk)), |last| self.hop(last))
    }

    /// The one before a source that has none itself.
    pub fn before_source(&self) -> Option<Hop<'_>> {
        let walk = self.0.as_ref()?;
        let Head::In(head) = walk.head else { return None };
        let way = walk.facts.steps.get(head).way;
        self.hop(way.before_end.filter(|_| way.length == walk.length)?)
    }

    /// The identities of which nobody knows whether they let the namespace in.
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
        hops.filter(|hop| hop.permission().is_some_and(|it| it.answer.is_none()))
    }

    /// What tells the chain from others: two chains with the same key have the same identities, with the same answers for the
    /// same reasons.
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

    /// Notes about some of its identities, which are in its order: what the API server drops, `own`, and then what becomes of
    /// the sessions, from the source's on.
    pub(super) fn notes(&self, hops: &[Hop<'_>], own: &[String]) -> Vec<String> {
        let mut notes: Vec<String> = hops.iter().flat_map(|hop| dropped(hop.step)).collect();
        notes.extend_from_slice(own);
        let Some(walk) = self.0.as_ref().filter(|walk| walk.called) else { return notes };
        let (facts, Head::In(head)) = (&walk.facts, &walk.head) else { return notes };
        let way = facts.steps.get(*head).way;
        // Behind the first call that is refused, none is made.
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
            let is_made = step.may_be_made && walk.made;
            return is_made.then(|| Permission::yes("CAPA makes it where it is missing, for every namespace"));
        }
        step.gate.permission(&walk.scope, |name| walk.facts.labels(name)).ok()
    }

    pub(super) fn step(&self, at: usize) -> Option<&Step> {
        Some(self.0.as_ref()?.facts.steps.get(at))
    }

    pub(super) fn release(&self) -> Option<Release> {
        Some(self.0.as_ref()?.facts.release)
    }

    fn head<'c>(&'c self, walk: &'c Walk) -> Hop<'c> {
        match &walk.head {
            Head::In(head) => Hop::new(self, walk.facts.steps.get(*head), Some(StepId(*head))),
            Head::Lone(step) => Hop::new(self, step, None),
        }
    }

    fn hop(&self, at: usize) -> Option<Hop<'_>> {
        self.step(at).map(|step| Hop::new(self, step, Some(StepId(at))))
    }
}

impl Walk {
    /// Whether an answer, or its reason, is about this namespace.
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

/// The first identity of a chain that is of some sort; what was seen of one chain is not looked at again for others.
pub struct Search<F> {
    is_it: F,
    seen: HashMap<StepId, Seen>,
}

/// What is known of the way from an identity on.
#[derive(Clone, Copy)]
enum Seen {
    /// So many steps on there is one.
    There(usize, StepId),
    /// Among so many there is none.
    None(usize),
}

impl<F: Fn(&Hop<'_>) -> bool> Search<F> {
    /// A search for what `is_it` says of an identity, whichever cluster leads to it.
    pub fn new(is_it: F) -> Self {
        Self { is_it, seen: HashMap::new() }
    }

    /// The first of the sort, if the chain has one.
    pub fn find<'c>(&mut self, chain: &'c Chain) -> Option<Hop<'c>> {
        let (mut path, mut found) = (Vec::new(), None);
        for (at, hop) in chain.iter().enumerate() {
            let rest = chain.len() - at;
            let Some(id) = hop.id else { return Some(hop).filter(&self.is_it) };
            match self.seen.get(&id) {
                Some(&Seen::There(more, there)) => {
                    found = (more < rest).then_some((at + more, there));
                    break;
                }
                Some(&Seen::None(length)) if length >= rest => break,
                _ => path.push(id),
            }
            if (self.is_it)(&hop) {
                found = Some((at, id));
                break;
            }
        }
        for (at, id) in path.into_iter().enumerate() {
            let seen = found.map_or(Seen::None(chain.len() - at), |(found, there)| Seen::There(found - at, there));
            self.seen.insert(id, seen);
        }
        chain.hop(found?.1.0)
    }
}

/// What was walked already of the chains of a world.
#[derive(Default)]
pub struct Walked(HashMap<StepId, usize>);

impl Walked {
    /// The identities of a chain, and the next of each, up to where another chain went the same way.
    pub fn fresh<'c>(&mut self, chain: &'c Chain) -> Vec<(Hop<'c>, Option<Hop<'c>>)> {
        let mut fresh = Vec::new();
        let mut hops = chain.iter().peekable();
        while let Some(hop) = hops.next() {
            let rest = chain.len() - fresh.len();
            if let Some(id) = hop.id {
                let walked = self.0.entry(id).or_default();
                if *walked >= rest {
                    break;
                }
                *walked = rest;
            }
            fresh.push((hop, hops.peek().copied()));
        }
        fresh
    }
}
