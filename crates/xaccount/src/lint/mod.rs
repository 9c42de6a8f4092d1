//! The rules of `lint`: cross-account mistakes in manifests, found before CAPA or AWS refuses them. No I/O.
//!
//! A rule is a file under `rules/`, a line in [`RULES`], and a section of `docs/rules.md`.

mod compare;
mod fixes;
mod ignore;
mod policy;
mod rules;
mod silence;

use std::collections::HashSet;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::account_map::{AccountMap, Credentials, Spanned};
use crate::aws::AccountId;
use crate::capa::Release;
use crate::diag::{Diagnostic, FileId, RuleId, Severity, Span};
use crate::inventory::{Builds, Inventory, ObjectId};
use crate::status::Status;

pub use compare::{LintState, new_findings};
pub use fixes::fixes;
pub use ignore::{Ignore, ignores};
pub use policy::{PolicyFile, policy};
pub use rules::{RULES, rule_of};
pub use silence::{silence, silence_by_map};

/// A rule of `lint`.
#[derive(Debug)]
pub struct Rule {
    /// Unique id.
    pub id: RuleId,
    /// Readable name, such as `role-arn`.
    pub name: &'static str,
    /// Default severity; a finding can have another one.
    pub severity: Severity,
    /// What the rule finds, in one sentence without a full stop.
    pub summary: &'static str,
    /// Whether its fixes are safe; `None` if none of its findings is fixable.
    pub fix: Option<Applicability>,
    /// Checks the objects of a run. `None` for a rule whose findings come from reading the files or from silencing.
    check: Option<fn(&Context<'_>, &mut Findings)>,
}

/// Input of the rules: the whole run, so that an identity in another file counts.
#[derive(Debug)]
pub struct Context<'c> {
    /// All objects.
    pub inventory: &'c Inventory,
    /// Accounts and verdicts of the clusters.
    pub status: &'c Status<'c>,
    /// Whether the CAPA release was specified; otherwise it is the newest that serves the files' API versions.
    pub release_is_specified: bool,
    /// Whether the files should have all identities: a directory with all below it was read, or the identity file of the
    /// account map.
    pub has_all_identities: bool,
    /// Annotations that the account map requires on identities.
    pub annotations: &'c [(String, Spanned<String>)],
    /// The account map, if there is one.
    pub map: Option<&'c AccountMap>,
    /// Namespace and name of the clusters that the account map keeps in the source account.
    pub staying: &'c [(String, String)],
    /// What kustomizations build from the files.
    pub builds: &'c Builds,
    /// Trust policies of target roles.
    pub trust: &'c [PolicyFile],
    /// Permission policies of the source role.
    pub permission: &'c [PolicyFile],
}

impl Context<'_> {
    /// The source account, if the account map specifies it.
    fn source_account(&self) -> Option<&AccountId> {
        self.map?.source.account.as_ref().map(|account| &account.value)
    }

    /// What the CAPA pod runs as, if the account map specifies it.
    fn credentials(&self) -> Option<&Credentials> {
        self.map?.source.credentials.as_ref().map(|credentials| &credentials.value)
    }

    /// The CAPA release that the manifests are evaluated for.
    pub fn release(&self) -> Release {
        self.status.cluster_state.release()
    }
}

/// A problem in a manifest.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// Severity, message, place and help.
    pub diagnostic: Diagnostic,
    /// The change that fixes it, if it is fixable.
    pub fix: Option<Fix>,
}

/// Whether a fix is made without a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// The result is what the author evidently intended, and no cluster that works gets another account or other namespaces.
    Safe,
    /// Someone has to decide whether that is what they want.
    Unsafe,
}

/// A change that fixes a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What it does, in a few words.
    pub what: String,
    /// The change itself.
    pub change: FixEdit,
}

/// What a fix changes.
#[derive(Clone, Debug, PartialEq)]
pub enum FixEdit {
    /// Changes an object.
    Object {
        /// The object.
        object: ObjectId,
        /// RFC 6902, relative to the object.
        operations: Vec<PatchOperation>,
    },
    /// Changes a file that has no object of the inventory: a kustomization.
    Kustomization {
        /// The file.
        file: FileId,
        /// Its document.
        document: Span,
        /// RFC 6902.
        operations: Vec<PatchOperation>,
    },
    /// Adds a document to a file.
    Document {
        /// The file.
        file: FileId,
        /// Kind and name of the new object.
        title: String,
        /// The new object.
        object: Value,
    },
}

/// The result of a `lint` run.
#[derive(Debug, Default)]
pub struct LintResult {
    /// Findings, sorted by file and place.
    pub findings: Vec<Finding>,
    /// Diagnostics without a rule. They can't be silenced; the caller reports them.
    pub others: Vec<Diagnostic>,
}

/// Collects the findings of one rule.
#[derive(Debug)]
pub struct Findings {
    rule: &'static Rule,
    found: Vec<Finding>,
}

impl Finding {
    /// Whether its fix is safe; `None` if it is not fixable.
    pub fn applicability(&self) -> Option<Applicability> {
        self.fix.as_ref().and(self.rule.fix)
    }
}

impl Rule {
    /// Whether a text is its id or its name.
    pub fn is_named(&self, text: &str) -> bool {
        RuleId::from_code(text) == Some(self.id) || self.name == text
    }
}

impl Findings {
    /// An empty collection for a rule.
    fn of(rule: &'static Rule) -> Self {
        Self { rule, found: Vec::new() }
    }

    /// Adds a finding with the rule's own severity.
    fn add(&mut self, diagnostic: Diagnostic) {
        self.add_as_it_is(Diagnostic { severity: self.rule.severity, ..diagnostic });
    }

    /// Adds a finding with its fix.
    fn add_with_fix(&mut self, diagnostic: Diagnostic, fix: Fix) {
        self.add(diagnostic);
        self.fix_last(fix);
    }

    /// Gives the finding that was added last its fix.
    fn fix_last(&mut self, fix: Fix) {
        debug_assert!(self.rule.fix.is_some(), "{} has a fix, but no applicability", self.rule.id);
        if let Some(last) = self.found.last_mut() {
            last.fix = Some(fix);
        }
    }

    /// Adds a finding with the diagnostic's own severity.
    fn add_as_it_is(&mut self, diagnostic: Diagnostic) {
        let rule = self.rule;
        self.found.push(Finding { rule, diagnostic: diagnostic.rule(rule.id), fix: None });
    }
}

/// The rule with an id or a name.
pub fn rule(text: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.is_named(text))
}

/// All findings of a run, including those of reading the files (`read`) and of the status. No diagnostic is lost.
pub fn lint(context: &Context<'_>, read: Vec<Diagnostic>) -> LintResult {
    let mut result = LintResult::default();
    read.into_iter().for_each(|diagnostic| result.add(diagnostic));
    for &rule in RULES {
        if let Some(check) = rule.check {
            let mut found = Findings::of(rule);
            check(context, &mut found);
            result.findings.extend(found.found);
        }
    }
    // A rule finds most of what `status` warns of as well, and may add help to it.
    let found: HashSet<_> = result.findings.iter().map(|finding| statement(&finding.diagnostic)).collect();
    let unfound: Vec<_> =
        context.status.warnings.iter().filter(|one| !found.contains(&statement(one))).cloned().collect();
    unfound.into_iter().for_each(|warning| result.add(warning));
    result.findings = sorted(result.findings);
    result
}

impl LintResult {
    fn add(&mut self, diagnostic: Diagnostic) {
        match diagnostic.rule {
            Some(id) => self.findings.push(Finding { rule: rule_of(id), diagnostic, fix: None }),
            None => self.others.push(diagnostic),
        }
    }
}

/// Findings sorted by file, place and rule, without duplicates.
fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (place(&finding.diagnostic), finding.rule.id));
    findings.dedup_by(|a, b| a.rule.id == b.rule.id && a.diagnostic == b.diagnostic);
    findings
}

/// Rule, place and message of a diagnostic, without its help.
fn statement(diagnostic: &Diagnostic) -> (Option<RuleId>, Option<(FileId, usize)>, &str) {
    (diagnostic.rule, place(diagnostic), &diagnostic.message)
}

/// File and offset of the primary place; a diagnostic without one sorts first.
fn place(diagnostic: &Diagnostic) -> Option<(FileId, usize)> {
    diagnostic.primary.as_ref().map(|label| (label.at.file, label.at.span.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_diagnostic_is_lost() {
        let inventory = Inventory::new(Vec::new(), Vec::new());
        let mut status = crate::status::status(&inventory, &crate::status::Options::default());
        let mut read: Vec<_> = RuleId::ALL.iter().map(|&id| Diagnostic::error("read").rule(id)).collect();
        read.push(Diagnostic::error("read"));
        status.warnings = vec![Diagnostic::warning("seen").rule(RuleId::NotServed), Diagnostic::warning("seen")];
        let context = Context {
            inventory: &inventory,
            status: &status,
            release_is_specified: false,
            has_all_identities: false,
            annotations: &[],
            map: None,
            staying: &[],
            builds: &Builds::default(),
            trust: &[],
            permission: &[],
        };
        let LintResult { findings, others } = lint(&context, read);
        let seen: Vec<_> = findings.iter().map(|one| (one.rule.id, one.diagnostic.message.as_str())).collect();
        let mut expected: Vec<_> = RuleId::ALL.iter().map(|&id| (id, "read")).collect();
        let after = expected.iter().position(|&(id, _)| id == RuleId::NotServed).unwrap() + 1;
        expected.insert(after, (RuleId::NotServed, "seen"));
        assert_eq!(seen, expected);
        assert_eq!(others, [Diagnostic::error("read"), Diagnostic::warning("seen")]);
    }

    #[test]
    fn names_are_unique() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
            assert!(!rule.summary.ends_with('.'), "{}", rule.summary);
        }
    }
}
