//! Faults of the CAPA release that put an object into another account; `status` finds them.

use super::super::Rule;
use crate::diag::{RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::Erratum,
    name: "erratum",
    severity: Severity::Warning,
    summary: "A fault of the CAPA release puts an object into another account",
    fix: None,
    check: None,
};
