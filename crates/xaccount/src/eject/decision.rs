//! What happens to an identity.

/// What is decided about an identity.
#[derive(Clone, Debug)]
pub(super) enum IdentityDecision {
    /// It is removed.
    Remove,
    /// It is kept.
    Keep(KeptReason),
}

/// Why an identity is kept.
#[derive(Clone, Debug)]
pub(super) enum KeptReason {
    /// Something references or mentions it, in words.
    Used(String),
    /// `--prune` would remove it.
    Prunable,
    /// `--prune` would remove it only if its name is specified: why, in words.
    NotGenerated(&'static str),
    /// Its document can't be removed: why, and what to do, in words.
    Blocked(String, &'static str),
}
