//! Whether CAPA allows a cluster to use its identities, and which account they lead to: CAPA's `buildProvidersForRef`
//! (`pkg/cloud/scope/session.go`, v2.11.1) for manifests. Pure and total: a cycle, a missing identity or a bad selector
//! is a verdict.

mod admit;
mod call;
mod chain;
mod cluster_state;
mod facts;
mod judge;
mod namespaces;
mod outcome;
mod steps;

pub use admit::Evaluated;
pub use chain::{Chain, Cursor, Hop, Part, Search, StepId, Walked};
pub use cluster_state::{ClusterState, Subject, makes_controller_identity};
pub use judge::{Judge, Verdict, evaluate};
pub use outcome::{Permission, Reason, Scope, Start, VerdictOutcome};

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
