//! A target role whose ARN has a placeholder, which a templating step fills in.

use std::collections::HashSet;

use super::request::InjectRequest;
use crate::aws::RoleText;
use crate::diag::{Diagnostic, FileId};
use crate::inventory::{Inventory, Resource};
use crate::plan::default_name;

/// Checks a role ARN with a placeholder.
///
/// # Errors
/// The manifests have no placeholder, so that nothing would fill in the one of the role; or the identity has no name.
pub(super) fn check(inventory: &Inventory, request: &InjectRequest, role: &RoleText) -> Result<(), Vec<Diagnostic>> {
    if !inventory.objects().iter().any(|found| found.origin.has_variable) {
        let message = format!("the role ARN {role} has a placeholder, and these manifests have none");
        return Err(vec![
            Diagnostic::error(message)
                .help("no value of a cluster or an identity here has a ${NAME}: no clusterctl, Flux or envsubst would fill it in")
                .help("fill it in: --role-arn arn:aws:iam::222222222222:role/NAME"),
        ]);
    }
    if request.identity_name.is_none() && default_name(role).is_none() {
        let message = format!("the identity for {role} has no default name, because the role's name has a placeholder");
        return Err(vec![Diagnostic::error(message).help("pass the name of the identity: --identity-name NAME")]);
    }
    Ok(())
}

/// The files that a templating step fills in.
pub(super) fn files(inventory: &Inventory) -> HashSet<FileId> {
    inventory.objects().iter().filter(|found| found.origin.has_variable).map(|found| found.origin.file).collect()
}

/// The error about an object in a file without placeholders: nothing would fill in the one of the role.
pub(super) fn not_filled_in(plain: &Resource) -> Diagnostic {
    let message = format!("{}: the role ARN has a placeholder, and this file has none", plain.title());
    let error = Diagnostic::error(message).at(plain.head(), "");
    error.help("no templating step would fill it in here: select the other clusters with --cluster-name, -l or -n")
}
