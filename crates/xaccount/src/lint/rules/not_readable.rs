//! Found while the files are read: see `inventory::scan`.

use super::super::Rule;
use crate::diag::{RuleId, Severity};

pub(super) const RULE: Rule = Rule {
    id: RuleId::UnreadableDocument,
    name: "not-readable",
    severity: Severity::Error,
    summary: "A document that names a CAPA kind can't be read with certainty",
    fix: None,
    check: None,
};
