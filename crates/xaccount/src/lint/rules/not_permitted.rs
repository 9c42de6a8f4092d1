//! Namespaces that an identity of the chain does not allow.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, PatchOperation};
use serde_json::json;

use super::super::{Applicability, Context, Findings, Fix, FixEdit, Rule};
use crate::capa::{Form, ObjectKind, VerdictOutcome, errata};
use crate::diag::{Diagnostic, RuleId, Severity};
use crate::inventory::ObjectId;
use crate::status::identity_of;

pub(super) const RULE: Rule = Rule {
    id: RuleId::NotPermitted,
    name: "not-permitted",
    severity: Severity::Warning,
    summary: "An identity does not allow the cluster's namespace",
    fix: Some(Applicability::Unsafe),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Findings) {
    for row in context.status.rows.iter().filter(|row| !row.template && row.verdict.outcome == VerdictOutcome::Denied) {
        let found = &context.inventory[row.object];
        let (Some(hop), Some(message)) = (row.verdict.chain.last(), &row.verdict.message) else { continue };
        let why = hop.permission().map_or_else(String::new, |permission| permission.why);
        let finding = Diagnostic::warning(format!("{}: {message}", found.title()))
            .at(found.location(row.reference), format!("its namespace is {}", row.namespace));
        let identity = identity_of(context.inventory, &hop);
        let finding = match identity {
            Some(identity) => finding.also(context.inventory[identity].head(), why),
            None => finding,
        };
        let reported = match errata::CONDITIONS_NOT_STORED.affects(context.release()) {
            true => "only in its log",
            false => "in its log, and for an AWSCluster in the condition PrincipalUsageAllowed",
        };
        let finding = finding
            .help("add the namespace to allowedNamespaces.list")
            .help(format!("until then CAPA creates nothing for the cluster, and reports that {reported}"));
        match identity.and_then(|identity| allow(context, identity, &row.namespace)) {
            Some(fix) => findings.add_with_fix(finding, fix),
            None => findings.add(finding),
        }
    }
}

/// The fix that adds a namespace to those that may use an identity; `None` if it is not clear which may now.
fn allow(context: &Context<'_>, identity: ObjectId, namespace: &str) -> Option<Fix> {
    let allowed = match &context.inventory[identity].object.object_kind {
        ObjectKind::Identity(fields, _) => &fields.allowed,
        ObjectKind::Static(fields, _) => &fields.allowed,
        ObjectKind::Controller(fields) => &fields.allowed,
        _ => return None,
    };
    let has_list = match &allowed.form {
        Form::Nobody => None,
        Form::Those(namespaces) => Some(namespaces.list.is_some()),
        _ => return None,
    };
    let (path, value) = match has_list {
        None => (PointerBuf::from_tokens(["spec", "allowedNamespaces"]), json!({"list": [namespace]})),
        Some(false) => (PointerBuf::from_tokens(["spec", "allowedNamespaces", "list"]), json!([namespace])),
        Some(true) => (PointerBuf::from_tokens(["spec", "allowedNamespaces", "list", "-"]), json!(namespace)),
    };
    let operations = vec![PatchOperation::Add(AddOperation { path, value })];
    let change = FixEdit::Object { object: identity, operations };
    Some(Fix { what: format!("namespace {namespace} allowed"), change })
}
