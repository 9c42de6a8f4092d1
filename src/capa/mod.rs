//! What Cluster API Provider AWS (CAPA) says: facts as tables, and the reading of its objects.
//!
//! CAPA is `kubernetes-sigs/cluster-api-provider-aws`; the tags named in comments are its.

pub mod names;
mod tables;
mod topology;
mod view;

pub use tables::{
    BEARERS, Bearer, CAPI_GROUP, CONTROLLER_IDENTITY, CONTROLLERS_ROLE_NAME, DEFAULT_ROLE_NAME, IDENTITY_GROUP,
    IdentityKind, ROLE_IDENTITY, TOPOLOGY_PROVIDERS, Typed, Version, classify, may_hold_bodies, needles,
};
pub use view::{
    ControllerIdentity, Field, IdentityReference, Object, ObjectReference, Reference, Rest, Role, RoleIdentity, State,
    plain_identity, view, without_kind,
};
