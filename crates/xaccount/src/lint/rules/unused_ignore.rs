//! Found when findings are silenced: see `lint::silence`.

use super::super::Rule;
use crate::diag::{RuleId, Severity};

pub(in crate::lint) const RULE: Rule = Rule {
    id: RuleId::UnusedIgnore,
    name: "unused-ignore",
    severity: Severity::Note,
    summary: "A comment or map entry that silences nothing",
    fix: None,
    check: None,
};
