//! Messages about changes of account that were not requested, and what to type next.

use std::collections::BTreeSet;

use serde_json::json;

use super::evidence::ClusterAccount;
use super::identity_account::IdentityAccount;
use super::judge::{Group, MoveJudge, Unasked};
use super::moves::AccountMove;
use super::proposal::{By, Crossing};
use crate::aws::{AccountId, Partition};
use crate::diag::{Diagnostic, Location, escape_control};

impl MoveJudge<'_> {
    pub(super) fn diagnostic(&self, group: &Group<'_>) -> Diagnostic {
        let kind = &group.kind;
        if kind.written.is_some() {
            return self.refusal_of_written(group);
        }
        let to = &self.targets[kind.to];
        let first = group.members[0];
        let found = &self.inventory[first.object];
        let target = self.known.shown_of(to);
        let many = group.members.len();
        let who = if many == 1 { found.title() } else { format!("{many} objects") };
        let message = match &kind.shown[..] {
            [] if kind.orphan => {
                let be = if many == 1 { "is or was" } else { "are or were" };
                format!("{who} {be} in a management cluster, and would be pointed at {target}")
            }
            [] => format!(
                "{who} would be moved out of an unknown account, and --cluster-name does not name {}",
                if many == 1 { "it" } else { "them" }
            ),
            places => {
                let places: Vec<String> = places.iter().map(|place| place.shown(self.known)).collect();
                format!("{who} may be running in {}, and would be pointed at {target}", places.join(" and "))
            }
        };
        let unnamed = kind.shown.is_empty() && !kind.orphan;
        let refused = self.unasked == Unasked::Refused || unnamed;
        let diagnostic = if refused { Diagnostic::error(message) } else { Diagnostic::warning(message) };
        let (at, label) = self.place_and_words(first);
        let mut diagnostic = diagnostic.at(at, label);
        for &other in group.members.iter().skip(1).take(2) {
            let (title, words) = (self.inventory[other.object].title(), self.place_and_words(other).1);
            diagnostic = diagnostic.help(if words.is_empty() { title } else { format!("{title}: {words}") });
        }
        if many > 3 {
            diagnostic = diagnostic.help(format!("and {} more, named below", many - 3));
        }
        if !refused {
            diagnostic = diagnostic.help("with --write or --check, this is an error");
        }
        if !kind.shown.is_empty() {
            diagnostic = diagnostic.help(NO_MOVE);
            diagnostic = self.to_stay(diagnostic, group);
        }
        self.to_move(diagnostic, group)
    }

    /// The place and the text of the first evidence for a cluster.
    fn place_and_words(&self, crossing: &Crossing) -> (Location, String) {
        let head = self.inventory[crossing.object].head();
        let sightings = self.sightings(crossing);
        let Some(first) = sightings.first() else { return (head, String::new()) };
        let at = match self.mark(crossing.object) {
            Some((at, field)) if first.words.starts_with(&field) => at,
            _ => head,
        };
        (at, escape_control(&first.words).into_owned())
    }

    /// The error if the manifest itself specifies another account.
    fn refusal_of_written(&self, group: &Group<'_>) -> Diagnostic {
        let first = group.members[0];
        let to = &self.targets[group.kind.to];
        let title = self.inventory[first.object].title();
        let Some(written) = &first.from else { return Diagnostic::error(title) };
        let words = &written.words;
        let other = || {
            Diagnostic::error(match first.by {
                By::Role => format!("{title} already has another role: {words}"),
                By::Reference | By::Identity => format!("{title} already references {words}"),
            })
        };
        let error = match &written.place {
            IdentityAccount::Account(from) => {
                let to = to.account().map_or_else(|| format!("that of {to}"), AccountId::to_string);
                match group.members.len() {
                    1 => Diagnostic::error(format!("{title} is in account {from} ({words}), not in {to}")),
                    many => Diagnostic::error(format!("{many} objects are in account {from}, not in {to}")),
                }
            }
            .help(NO_MOVE),
            IdentityAccount::OtherPartition(arn) => {
                let (own, wanted) = (arn.partition().id(), to.partition().map_or("another", Partition::id));
                other().help(format!("its role is in partition {own}, not {wanted}: two accounts with the same number"))
            }
            IdentityAccount::Management => other()
                .help("CAPA has one controller identity, named default, and sets it by default on some kinds; this one was set explicitly")
                .help("pass --overwrite to replace it"),
            IdentityAccount::Unreadable(arn) => other()
                .help(format!("its role ARN is {arn}, so its account is unknown: if the cluster is running there, its VPC and machines stay there"))
                .help("fill in the role ARN and run again"),
            IdentityAccount::Unknown => other()
                .help("its account is not in these files: if the cluster is running there, its VPC and machines stay there")
                .help("if it is a role identity, also pass the file that contains it"),
        };
        let mut error = error.at(written.at, format!("wanted: {to}"));
        for &more in group.members.iter().skip(1).take(2) {
            let title = self.inventory[more.object].title();
            error = error.help(format!("{title}: {}", more.from.as_ref().map_or("", |written| &written.words)));
        }
        if matches!(written.place, IdentityAccount::Management) {
            return error;
        }
        self.to_move(error, group)
    }

    /// Adds the help lines for clusters that stay in their account.
    fn to_stay(&self, diagnostic: Diagnostic, group: &Group<'_>) -> Diagnostic {
        let it = if group.members.len() == 1 { "it stays" } else { "they stay" };
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut templates: BTreeSet<&str> = BTreeSet::new();
        let mut entries: BTreeSet<String> = BTreeSet::new();
        for crossing in &group.members {
            let found = &self.inventory[crossing.object];
            let is_template = found.is_template();
            let name = if is_template { found.object.name.as_deref() } else { self.inventory.cluster_name(found) };
            if is_template {
                templates.extend(name)
            } else {
                names.extend(name)
            };
            entries.extend(self.mapped.and_then(|mapped| mapped.entry(self.inventory, crossing.object)));
        }
        let listed = |names: &BTreeSet<&str>| {
            let names: Vec<String> = names.iter().map(|name| json!(escape_control(name)).to_string()).collect();
            format!("[{}]", names.join(", "))
        };
        let entries = entries.into_iter().collect::<Vec<_>>().join(", ");
        let in_source = group.kind.shown == [ClusterAccount::Source];
        let Some(mapped) = self.mapped else {
            return diagnostic.help(match in_source && !names.is_empty() {
                true => format!(
                    "if {it} there, add to an account map (.xaccount.yaml): source: {{clusters: {{names: {}}}}}",
                    listed(&names)
                ),
                false => format!("if {it} there, select the other clusters with --cluster-name"),
            });
        };
        if !in_source {
            return diagnostic.help(format!("if {it} there, correct the account map at {entries}"));
        }
        if names.is_empty() {
            return diagnostic
                .help(format!("if {it} there, remove {} from the account map at {entries}", listed(&templates)));
        }
        let source = &mapped.map.source;
        let names = listed(&names);
        let line = match (source.clusters.first(), &source.account) {
            (Some(entry), _) => {
                format!("add an entry to source.clusters ({}): names: {names}", (mapped.place)(entry.span))
            }
            (None, Some(account)) => {
                format!(
                    "add to source in the account map ({}): clusters: {{names: {names}}}",
                    (mapped.place)(account.span)
                )
            }
            (None, None) => format!("add to the account map: source: {{clusters: {{names: {names}}}}}"),
        };
        diagnostic
            .help(format!("if {it} there, {line}"))
            .help(format!("and add to the entry that matches the cluster now ({entries}): except: {{names: {names}}}"))
    }

    /// Adds the help line with the flags that request the change.
    fn to_move(&self, diagnostic: Diagnostic, group: &Group<'_>) -> Diagnostic {
        let kind = &group.kind;
        let account = self.targets[kind.to].account();
        let mut flags: Vec<String> = Vec::new();
        let mut unknown = kind.unnamed;
        for place in kind.written.iter().chain(&kind.shown) {
            let flag = AccountMove { from: place.from(), to: account.cloned() }.to_string();
            unknown |= *place == ClusterAccount::Unknown;
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
        let mut once = |flag: String| {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        };
        let members = || group.members.iter().filter(|crossing| crossing.by != By::Role);
        if unknown {
            let unnamed = members().filter(|crossing| !self.is_named(crossing.object));
            for name in unnamed.filter_map(|crossing| self.inventory.cluster_name(&self.inventory[crossing.object])) {
                once(format!("--cluster-name {}", word(name)));
            }
        }
        if kind.orphan {
            members().for_each(|crossing| once(format!("--orphan-resources {}", word(&self.cluster(crossing.object)))));
        }
        let flags = flags.join(" ");
        diagnostic.help(match (group.members.len(), kind.orphan) {
            (1, false) => format!("if the cluster does not exist yet, or will be recreated: {flags}"),
            (1, true) => format!("if its resources are already deleted, or should stay in the old account: {flags}"),
            (_, false) => format!("if the clusters do not exist yet, or will be recreated: {flags}"),
            (_, true) => format!("if their resources are already deleted, or should stay in the old account: {flags}"),
        })
    }
}

/// A text of a manifest, quoted for a command line to paste.
fn word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/".contains(&b);
    match text.bytes().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", escape_control(text).replace('\'', r"'\''")),
    }
}

const NO_MOVE: &str = "changing the identity does not move the VPC and the machines: CAPA would look for them in the new account, and not find them";
