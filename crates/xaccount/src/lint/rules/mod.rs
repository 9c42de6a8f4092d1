//! One file per rule, and the table of all rules.

mod account_bound_id;
mod allowed_namespaces;
mod api_version;
mod beyond_clusterawsadm;
mod dropped_document;
mod empty_selector;
mod erratum;
mod every_namespace;
mod flux_prune;
mod identity_cycle;
mod identity_in_cluster_file;
mod identity_not_found;
mod identity_reference;
mod imds_hops;
mod inline_policy;
mod kustomize_name;
mod long_session;
mod missing_annotation;
mod named_default;
mod namespace_name;
mod namespaced_identity;
mod no_controller_identity;
mod not_permitted;
mod not_readable;
mod not_served;
mod partition;
mod policy_arns;
mod policy_form;
mod policy_mismatch;
mod query;
mod reference_elsewhere;
mod refused_field;
mod role_arn;
mod role_chain;
mod role_name;
mod secret_ref;
mod source_differs;
mod source_identity;
mod sts_limits;
mod target_is_source;
mod template;
mod two_accounts;
mod two_roles;
mod unknown_field;
mod unknown_namespace_key;
mod unlisted_identity;
mod unused_identity;
mod unused_ignore;

use super::Rule;
use crate::diag::RuleId;

pub(super) use unused_ignore::RULE as UNUSED_IGNORE;

/// All rules, in the order of [`RuleId::ALL`].
pub const RULES: &[&Rule] = &[
    &role_arn::RULE,
    &not_readable::RULE,
    &api_version::RULE,
    &identity_reference::RULE,
    &allowed_namespaces::RULE,
    &unknown_namespace_key::RULE,
    &source_identity::RULE,
    &identity_cycle::RULE,
    &sts_limits::RULE,
    &two_roles::RULE,
    &secret_ref::RULE,
    &partition::RULE,
    &kustomize_name::RULE,
    &not_permitted::RULE,
    &template::RULE,
    &not_served::RULE,
    &unknown_field::RULE,
    &empty_selector::RULE,
    &namespace_name::RULE,
    &named_default::RULE,
    &long_session::RULE,
    &role_chain::RULE,
    &policy_arns::RULE,
    &inline_policy::RULE,
    &policy_mismatch::RULE,
    &identity_in_cluster_file::RULE,
    &namespaced_identity::RULE,
    &reference_elsewhere::RULE,
    &dropped_document::RULE,
    &missing_annotation::RULE,
    &policy_form::RULE,
    &unlisted_identity::RULE,
    &flux_prune::RULE,
    &refused_field::RULE,
    &identity_not_found::RULE,
    &two_accounts::RULE,
    &erratum::RULE,
    &source_differs::RULE,
    &imds_hops::RULE,
    &beyond_clusterawsadm::RULE,
    &no_controller_identity::RULE,
    &every_namespace::RULE,
    &unused_ignore::RULE,
    &account_bound_id::RULE,
    &role_name::RULE,
    &target_is_source::RULE,
    &unused_identity::RULE,
];

// One rule per id, in the same order. If a rule is not in the table, the compiler reports it as dead code.
const _: () = {
    assert!(RULES.len() == RuleId::ALL.len(), "a RuleId has no rule, or a rule is in the table twice");
    let mut at = 0;
    while at < RULES.len() {
        assert!(RULES[at].id as usize == at, "a rule of the table is not at the place of its RuleId");
        at += 1;
    }
};

/// The rule with an id.
pub fn rule_of(id: RuleId) -> &'static Rule {
    RULES[id as usize]
}
