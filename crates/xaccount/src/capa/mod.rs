//! Cluster API Provider AWS (CAPA): facts as tables, and the reading and evaluation of its objects.
//!
//! CAPA is `kubernetes-sigs/cluster-api-provider-aws`; version tags in comments are tags of that repository.

mod account_scoped;
mod alive;
mod allowed;
mod allowed_set;
mod beyond_clusterawsadm;
mod bodies;
mod class_patches;
mod class_variable;
mod cluster_class;
mod controller_facts;
pub mod errata;
mod evidence;
mod field;
mod go_template;
mod identity;
mod labels;
mod list;
mod live_resources;
mod misplaced;
mod object;
mod observed;
mod refused_field;
mod release;
mod support;
mod tables;
mod topology;
mod twice;
mod unusable;
mod value;
mod verdict;
mod workload;
mod wrapper;

pub use account_scoped::{ACCOUNT_ROLES, AccountScoped, Companion, INSTALLER_ROLE, USED_ROLES, is_companion};
pub use alive::Mark;
pub use allowed::{Allowed, Form, Namespaces};
pub use beyond_clusterawsadm::BeyondClusterawsadm;
pub use bodies::holds_bodies;
pub use class_patches::{ClassEffect, KnownTemplate, class_effect};
pub use class_variable::decided_reference;
pub use cluster_class::{
    ClassPart, ClassPatch, ClassTemplate, ClassVariable, ClusterClass, ReferenceWrite, WrittenPart, WrittenValue,
};
pub use controller_facts::{ControllerFact, KEYS_SECRET, SERVICE_ACCOUNT};
pub use evidence::AccountEvidence;
pub use field::{
    ClassDecision, ClassReference, DecidedBy, DecidingVariable, Field, IdentityKindSource, IdentityReference,
    ObjectReference, Reference, Rest, State, Undecided,
};
pub use go_template::{Rendered, TemplateText};
pub use identity::{ControllerIdentity, RoleIdentity, StaticIdentity, plain_identity};
pub use labels::{CLUSTER_NAME, Labels};
pub use list::{Items, ListKind, borrowed, items, without_kind};
pub use live_resources::{CAPA_RESOURCE, CONTROLLER_LABEL, LIVE_RESOURCES, LiveResource};
pub(crate) use object::elsewhere_spec;
pub use object::{Applied, AppliedPlace, Object, ObjectKind, PatchedReference, Uncertain, beside, view};
pub use observed::{OLD_CONDITIONS, Observed, ReportedCondition};
pub use refused_field::RefusedField;
pub use release::Release;
pub use support::{Support, is_kept_as_written, is_unserved, not_served, read_since, served_since, support};
pub use tables::{
    CAPI_GROUP, CONTROLLER_FIELDS, CONTROLLER_IDENTITY, CONTROLLERS_ROLE_NAME, DEFAULT_ROLE_NAME, IDENTITY_GROUP,
    IdentityKind, REFERENCING_KINDS, ROLE_FIELDS, ROLE_IDENTITY, ReferencingKind, STATIC_FIELDS, SURROUNDINGS,
    TOPOLOGY_PROVIDERS, Typed, Version, classify, is_kind_of_capa, is_newer, may_hold_bodies, needles,
    needles_for_lint, needles_with_surroundings,
};
pub use topology::{Topology, TopologyVariable};
pub use twice::Twice;
pub use unusable::{UnusableReference, referenced_kind};
pub use value::{Member, Value};
pub use verdict::{
    Chain, ClusterState, Cursor, Evaluated, Hop, Judge, Part, Permission, Reason, Scope, Search, Start, StepId,
    Subject, Verdict, VerdictOutcome, Walked, evaluate, makes_controller_identity,
};
pub use workload::{RunsAs, Workload};
pub use wrapper::{WRAPPER_KINDS, Wrapper, WrapperKind, wrapper, wrapper_kind_of};
