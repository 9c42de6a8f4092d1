//! The users of an account: the clusters that use it, and the namespaces that may.

use std::collections::BTreeSet;

use super::{Row, Status, role_identities};
use crate::aws::AccountId;
use crate::capa::{
    Hop, IdentityKind, Judge, ROLE_IDENTITY, Reason, Scope, Search, Start, Subject, Verdict, VerdictOutcome,
};
use crate::inventory::{ObjectId, Provenance};

/// The clusters whose identity chain includes an account.
pub fn used_by<'s, O: Provenance>(status: &'s Status<'_, O>, account: &AccountId) -> Vec<&'s Row> {
    let mut search = Search::new(|hop: &Hop<'_>| hop.account == Some(account));
    status.rows.iter().filter(|row| search.find(&row.verdict.chain).is_some()).collect()
}

/// An identity with a role in an account, and the namespaces whose clusters may use it.
#[derive(Clone, Debug)]
pub struct AccessPath {
    /// The identity.
    pub object: ObjectId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role_arn: String,
    /// Whether every namespace may use it, whatever its name and labels.
    pub everyone: bool,
    /// The namespaces in the files that may use it, if not every namespace may. Sorted.
    pub namespaces: Vec<String>,
    /// The namespaces for which the files don't show whether they may use it. Sorted.
    pub open: Vec<String>,
    /// Label selectors that allow further namespaces, all of which must match, in the syntax of `kubectl get namespaces
    /// -l`.
    pub selectors: Vec<String>,
    /// Why no cluster can use it, or what it depends on besides the namespace.
    pub remark: Option<String>,
}

/// Whether a verdict allows the namespace, apart from other reasons.
enum UsersAnswer {
    Yes,
    No,
    Open,
}

fn answer(verdict: &Verdict) -> UsersAnswer {
    match verdict.outcome {
        VerdictOutcome::Permitted => UsersAnswer::Yes,
        VerdictOutcome::Denied | VerdictOutcome::Error | VerdictOutcome::Crash => UsersAnswer::No,
        VerdictOutcome::Unknown => {
            let open = verdict.chain.not_known().next().is_some();
            if open || verdict.reason == Some(Reason::Ambiguous) { UsersAnswer::Open } else { UsersAnswer::Yes }
        }
    }
}

/// The identities with a role in an account, in the order of the files.
pub fn access_paths<O: Provenance>(status: &Status<'_, O>, account: &AccountId) -> Vec<AccessPath> {
    let mut known: BTreeSet<String> = status.cluster_state.namespaces().into_iter().map(str::to_owned).collect();
    known.extend(status.rows.iter().map(|row| row.namespace.clone()));
    let mut judge = Judge::new(&status.cluster_state);
    role_identities(status.inventory)
        .filter(|(_, _, role)| role.account() == account)
        .map(|(object, name, role)| {
            let mut ask = |scope: Scope| {
                let start = Start::To { kind: ROLE_IDENTITY.into(), name: name.to_owned() };
                judge.evaluate(&Subject { scope, start, makes_controller_identity: false })
            };
            // The verdict for a namespace about which nothing is known, not even its name.
            let anyone = ask(Scope::Unknown);
            let everyone = matches!(answer(&anyone), UsersAnswer::Yes);
            let (mut namespaces, mut open) = (Vec::new(), Vec::new());
            for namespace in known.iter().filter(|_| !everyone) {
                match answer(&ask(Scope::Namespace(namespace.clone()))) {
                    UsersAnswer::Yes => namespaces.push(namespace.clone()),
                    UsersAnswer::Open => open.push(namespace.clone()),
                    UsersAnswer::No => {}
                }
            }
            let remark = remark(&anyone);
            let (name, role_arn, selectors) = (name.to_owned(), role.to_string(), selectors(status, &anyone));
            AccessPath { object, name, role_arn, everyone, namespaces, open, selectors, remark }
        })
        .collect()
}

fn remark(anyone: &Verdict) -> Option<String> {
    let reason = anyone.reason.filter(|reason| *reason != Reason::NamespaceNotKnown)?;
    // Only a refusal that does not depend on the namespace.
    (reason != Reason::NamespaceNotPermitted).then(|| anyone.message.clone()).flatten()
}

/// The selectors of the chain, if each identity has one or allows every namespace.
fn selectors<O: Provenance>(status: &Status<'_, O>, anyone: &Verdict) -> Vec<String> {
    if !matches!(answer(anyone), UsersAnswer::Open) {
        return Vec::new();
    }
    let mut selectors = Vec::new();
    for hop in anyone.chain.not_known() {
        let kind = IdentityKind::named(hop.kind);
        let allowed = kind.and_then(|kind| status.cluster_state.allowed(kind, hop.name)).flatten();
        match allowed.filter(|allowed| !allowed.selector.is_empty()) {
            Some(allowed) => selectors.push(allowed.selector.text()),
            // Only a list: no other namespace is allowed.
            None => return Vec::new(),
        }
    }
    selectors
}
