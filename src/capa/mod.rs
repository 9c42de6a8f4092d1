//! What Cluster API Provider AWS (CAPA) says: facts as tables, and the reading of its objects.
//!
//! CAPA is `kubernetes-sigs/cluster-api-provider-aws`; the tags named in comments are its.

mod allowed;
mod astray;
mod bound;
mod identity;
mod labels;
pub mod names;
mod release;
mod selector;
mod tables;
mod topology;
mod verdict;
mod view;

pub use allowed::{Allowed, Form, Namespaces};
pub use identity::{ControllerIdentity, RoleIdentity, StaticIdentity, plain_identity};
pub use labels::Labels;
pub use release::Release;
pub use selector::{Expression, Selector};
pub use tables::{
    BEARERS, Bearer, CAPI_GROUP, CONTROLLER_FIELDS, CONTROLLER_IDENTITY, CONTROLLERS_ROLE_NAME, DEFAULT_ROLE_NAME,
    IDENTITY_GROUP, IdentityKind, ROLE_FIELDS, ROLE_IDENTITY, STATIC_FIELDS, TOPOLOGY_PROVIDERS, Typed, Version,
    classify, may_hold_bodies, needles, needles_for_lint, needles_with_surroundings,
};
pub use verdict::{
    Chain, Cursor, Hop, Judge, Outcome, Part, Permission, Reason, Scope, Search, Start, StepId, Subject, Verdict,
    Walked, World, evaluate,
};
pub use view::{
    Field, IdentityReference, Object, ObjectReference, Reference, Rest, Role, State, beside, is_variable, view,
    without_kind,
};
