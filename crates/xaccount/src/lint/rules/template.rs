//! Found while the files are read: see `inventory::scan`.

use super::super::Rule;
use crate::diag::{RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::UncheckedTemplate,
    name: "template",
    severity: Severity::Warning,
    summary: "A template that names a CAPA kind is not checked",
    fix: None,
    check: None,
};
