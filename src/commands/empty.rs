//! Why a selection is empty.

use super::input::all_skipped;
use crate::cli::SelectArgs;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::inventory::{self, Inventory};
use xaccount::plan::EmptySelection;
use xaccount::session::Session;

/// Names in one help line.
const MOST: usize = 20;

/// What to type if an empty run is right and there is no other help.
pub(crate) const ONLY_ALLOW_EMPTY: &str = "pass --allow-empty if that is right";

/// What to type if an empty run is right, after other help.
pub(crate) const ALLOW_EMPTY: &str = "or pass --allow-empty if that is right";

/// No cluster is an error: a typo must not create a cluster in the wrong account.
pub(crate) fn no_cluster(
    nothing: &EmptySelection,
    inputs: &Session,
    inventory: &Inventory,
    select: &SelectArgs,
    adds_variables: bool,
) -> Diagnostic {
    if let (EmptySelection::NoReferencingObject, Some(error)) = (nothing, all_skipped(inventory)) {
        return error;
    }
    match nothing {
        EmptySelection::NoneSelected(titles) => none_selected(select, titles).help(ALLOW_EMPTY),
        EmptySelection::NoReferencingObject => {
            let error = Diagnostic::error("no cluster found")
                .help(format!("found: {}", kinds_seen(inputs)))
                .help("expected: AWSCluster, AWSManagedControlPlane, a ROSA kind, their templates, or a topology Cluster with an aws or eks variable");
            let error = match adds_variables {
                true => {
                    error.help("for a topology Cluster without such a variable: --topology-variable clusterConfig.aws")
                }
                false => error,
            };
            error.help(ALLOW_EMPTY)
        }
    }
}

/// The kinds of the objects in the files, for a help line.
pub(crate) fn kinds_seen(inputs: &Session) -> String {
    let seen = inventory::kinds_seen(inputs.named().filter_map(|file| inputs.bytes(file).ok()));
    if seen.is_empty() { "no Kubernetes object".to_owned() } else { listed(&seen) }
}

/// No object matches the flags that select; `titles` are of those that could have.
pub(crate) fn none_selected(select: &SelectArgs, titles: &[String]) -> Diagnostic {
    let names: Vec<&str> = select.cluster_name.iter().map(|glob| glob.glob()).collect();
    let mut flags: Vec<String> = names.iter().map(|name| format!("--cluster-name {name}")).collect();
    flags.extend(select.selector.iter().map(|typed| format!("--selector '{}'", typed.text)));
    flags.extend((!select.namespace.is_empty()).then(|| format!("--namespace {}", select.namespace.join(","))));
    let flags = escape_control(&flags.join(" ")).into_owned();
    let error = Diagnostic::error(format!("no cluster matches {flags}"));
    let error = match names.iter().find(|name| name.contains(',') && !name.contains('{')) {
        Some(several) => {
            let repeated: Vec<String> = several.split(',').map(|name| format!("--cluster-name {name}")).collect();
            error.help(format!("repeat the flag for several names: {}", repeated.join(" ")))
        }
        None => error,
    };
    error.help(format!("clusters in these files: {}", listed(titles)))
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
