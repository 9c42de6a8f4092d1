//! Why a selection is empty.

use super::input::{all_skipped, names_flat_directory};
use crate::cli::InputArgs;
use xaccount::diag::Diagnostic;
use xaccount::inventory::{self, Inventory};
use xaccount::plan::EmptySelection;
use xaccount::session::Session;

/// Nothing to point is an error: a typo must not create a cluster in the wrong account.
pub(crate) fn nothing_to_point(
    nothing: &EmptySelection,
    inputs: &Session,
    inventory: &Inventory,
    args: &InputArgs,
) -> Diagnostic {
    let listed = |mut names: Vec<String>| {
        names.truncate(20);
        names.join(", ")
    };
    if let (EmptySelection::NoReferencingObject, Some(error)) = (nothing, all_skipped(inventory)) {
        return error;
    }
    match nothing {
        EmptySelection::NoneSelected(titles) => {
            Diagnostic::error("no object is selected by --cluster-name, --selector or --namespace as given")
                .help(format!("these can carry an identity reference: {}", listed(titles.clone())))
                .help("or pass --allow-empty if that is right")
        }
        EmptySelection::NoReferencingObject => {
            let seen = inventory::kinds_seen(inputs.named().filter_map(|file| inputs.bytes(file).ok()));
            let seen = if seen.is_empty() { "no object at all".to_owned() } else { listed(seen) };
            let mut error = Diagnostic::error("nothing here can carry an identity reference")
                .help(format!("seen: {seen}"))
                .help("wanted: AWSCluster, AWSManagedControlPlane, a ROSA kind, their templates, or a topology Cluster with an aws or eks variable")
                .help("a topology Cluster whose variable is not there yet: --topology-variable clusterConfig.aws; one of another provider is left alone")
                .help("or pass --allow-empty if that is right");
            if names_flat_directory(args) {
                error = error.help("directories are read without what is below them, unless -R is given");
            }
            error
        }
    }
}
