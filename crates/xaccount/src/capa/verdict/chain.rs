//! The identities that CAPA asks for a cluster, one after the other. Chains that meet share what is behind.

use std::collections::HashMap;
use std::sync::Arc;

use super::call::{dropped, session};
use super::facts::Facts;
use super::outcome::{Permission, Scope};
use super::steps::Step;
use crate::aws::AccountId;
use crate::capa::allowed::Namespaces;
use crate::capa::release::Release;

/// An identity that CAPA asks for a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'c> {
    /// Its kind, as written.
    pub kind: &'c str,
    /// Its name.
    pub name: &'c str,
    /// The role that is assumed; `None` for other kinds and for an identity that is not known.
    pub role_arn: Option<&'c str>,
    /// The account in the ARN, if it is one.
    pub account: Option<&'c AccountId>,
    /// `spec.sessionName`; where nothing is said, the SDK makes a name from the time.
    pub session_name: Option<&'c str>,
    /// `spec.externalID`
    pub external_id: Option<&'c str>,
    /// Length of a session in seconds, the SDK's default filled in; only where a role is assumed.
    pub duration_seconds: Option<u32>,
    pub(super) chain: &'c Chain,
    pub(super) step: &'c Step,
    pub(super) id: Option<StepId>,
}

/// Tells an identity from the others of a world, whichever cluster leads to it.
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

    /// Which identity of the world it is; `None` for one that no identity of the files names, nor is.
    pub fn id(&self) -> Option<StepId> {
        self.id
    }

    /// Whether the namespace may use it; `None` where CAPA does not come to ask.
    pub fn permission(&self) -> Option<Permission> {
        self.chain.permission(self.step)
    }

    /// The identity that CAPA asks next, for any cluster that gets so far.
    pub fn source(&self) -> Option<String> {
        self.chain.step(self.step.next?).map(Step::title)
    }

    /// Which namespaces it is for, if that is known: `None` in the inner lets none in.
    pub fn allowed(&self) -> Option<Option<&'c Namespaces>> {
        self.step.is_known.then(|| self.step.gate.stored())
    }

    /// What goes wrong later with this identity, or is not what it seems, whichever cluster uses it.
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

/// The identities that CAPA asks for a cluster, from its own to the source.
#[derive(Clone, Default)]
pub struct Chain(Option<Arc<ChainWalk>>);

/// How CAPA comes along the steps of a world.
#[derive(Clone)]
pub(super) struct ChainWalk {
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
    pub(super) fn new(walk: ChainWalk) -> Self {
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

    /// Where the object is for which they are asked; `None` where none is.
    pub fn scope(&self) -> Option<&Scope> {
        self.0.as_ref().map(|walk| &*walk.scope)
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
        hops.filter(|hop| self.answer(hop.step) == Some(None))
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

    /// Whether the namespace may use it, in short: `None` where CAPA does not come to ask.
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
    /// Among those of this part there is none.
    None(Part),
}

/// A part of a way: how many identities, and the last of them.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// How many, the first and the last counted.
    pub length: usize,
    /// The last.
    pub last: StepId,
}

/// A place in a chain, which goes on from one identity to the next, or past a part of which all is known.
pub struct Cursor<'c> {
    chain: &'c Chain,
    at: Option<Hop<'c>>,
    rest: usize,
}

impl<'c> Cursor<'c> {
    /// At the cluster's own identity.
    pub fn new(chain: &'c Chain) -> Self {
        Self { chain, at: chain.first(), rest: chain.len() }
    }

    /// The identity, if the chain has not ended.
    pub fn hop(&self) -> Option<Hop<'c>> {
        self.at.filter(|_| self.rest > 0)
    }

    /// The one after it.
    pub fn next(&self) -> Option<Hop<'c>> {
        self.chain.hop(self.at?.step.next?).filter(|_| self.rest > 1)
    }

    /// How many identities are left, this one counted.
    pub fn rest(&self) -> usize {
        self.rest
    }

    /// What is left, if this is an identity of the world.
    pub fn part(&self) -> Option<(StepId, Part)> {
        Some((self.at?.id?, Part { length: self.rest, last: self.chain.last()?.id? }))
    }

    /// Goes on to the next.
    pub fn advance(&mut self) {
        self.at = self.next();
        self.rest = self.rest.saturating_sub(1);
    }

    /// Goes on to the last of a part that begins here.
    pub fn jump(&mut self, part: Part) {
        if part.length <= self.rest {
            self.at = self.chain.hop(part.last.0);
            self.rest -= part.length.saturating_sub(1);
        }
    }
}

impl<F: Fn(&Hop<'_>) -> bool> Search<F> {
    /// A search for what `is_it` says of an identity, whichever cluster leads to it.
    pub fn new(is_it: F) -> Self {
        Self { is_it, seen: HashMap::new() }
    }

    /// The first of the sort, if the chain has one.
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
            // Counted from the end, as the parts are.
            let seen = found.map_or(Seen::None(part), |(rest, existing)| Seen::There(part.length - rest, existing));
            self.seen.insert(id, seen);
        }
        chain.hop(found?.1.0)
    }
}

/// What was walked already of the chains of a world.
#[derive(Default)]
pub struct Walked(HashMap<StepId, Part>);

impl Walked {
    /// The identities of a chain, and the next of each, but for the parts where other chains went the same way. The last of
    /// such a part is among them where this chain goes on behind it.
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
