//! Why a selection is empty.

use super::input::{Usage, all_skipped};
use super::wrappers::Wrappers;
use crate::cli::SelectArgs;
use xaccount::diag::{Diagnostic, SourceMap, escape_control};
use xaccount::inventory::{self, Inventory};
use xaccount::kustomize::is_kustomization;
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
    usage: &Usage,
) -> Diagnostic {
    if let (EmptySelection::NoReferencingObject, Some(error)) = (nothing, all_skipped(inventory)) {
        return error;
    }
    match nothing {
        EmptySelection::NoneSelected(titles) => none_selected(select, titles).help(ALLOW_EMPTY),
        EmptySelection::NoReferencingObject => {
            let array = array(inputs);
            match (array, kinds_seen(inputs)) {
                (Some(array), None) => array,
                (array, _) => nothing_found(inputs, inventory, usage, array.as_ref()),
            }
        }
    }
}

/// The error for files in which no object can carry a reference: what they contain instead. `array` is the error for a
/// document that is an array of objects, if there is one.
pub(crate) fn nothing_found(
    inputs: &Session,
    inventory: &Inventory,
    usage: &Usage,
    array: Option<&Diagnostic>,
) -> Diagnostic {
    let seen = kinds_seen(inputs).unwrap_or_else(|| "no Kubernetes object".to_owned());
    let wrappers = Wrappers::any(inventory);
    let error = Diagnostic::error(match wrappers.is_empty() {
        true => "no cluster found".to_owned(),
        false => format!("no cluster found, but {}", wrappers.named()),
    });
    let mut error = error.help(format!("found: {seen}"));
    if usage.edits && !wrappers.matter() {
        error = error.help("expected: AWSCluster, AWSManagedControlPlane, a ROSA kind, their templates, or a topology Cluster with an aws or eks variable");
        if usage.verb == "inject" {
            error = error.help("for a topology Cluster without such a variable: --topology-variable clusterConfig.aws");
        }
    }
    error.help.extend(of_kustomization(inputs, usage));
    error.help.extend(wrappers.help(usage));
    error.help.extend(array.map(|array| in_one_line(inputs, array)));
    error.help(ALLOW_EMPTY)
}

/// What to type if one of the files is a kustomization: what it lists is not an input.
fn of_kustomization(inputs: &Session, usage: &Usage) -> Option<String> {
    let file = inputs.named().find(|&file| is_kustomization(inputs.name(file)))?;
    let name = inputs.name(file);
    let directory = name.rsplit_once('/').map_or(".", |(directory, _)| directory);
    let pipe = format!("kubectl kustomize {directory} | {}", usage.piped());
    Some(format!(
        "{} is not built: also pass the files that it lists, or {}",
        escape_control(name),
        escape_control(&pipe)
    ))
}

/// The error for a document that is an array of objects, if the files contain no other object.
pub(crate) fn only_array(inputs: &Session) -> Option<Diagnostic> {
    array(inputs).filter(|_| kinds_seen(inputs).is_none())
}

/// The error for a document that is an array of objects, if there is one.
fn array(inputs: &Session) -> Option<Diagnostic> {
    inputs.named().find_map(|file| inventory::array(file, &inputs.bytes(file).ok()?))
}

/// An error in one line, with its place.
fn in_one_line(inputs: &Session, error: &Diagnostic) -> String {
    let at = error.primary.as_ref().map(|label| &label.at);
    let place = at.map_or_else(String::new, |at| {
        let file = SourceMap::new(inputs);
        let file = file.get(at.file);
        format!("{}:{}: ", file.name, file.lines().line(at.span.start))
    });
    escape_control(&format!("{place}{}; {}", error.message, error.help.join("; "))).into_owned()
}

/// The kinds of the objects in the files, for a help line; `None` if there are none.
fn kinds_seen(inputs: &Session) -> Option<String> {
    let seen = inventory::kinds_seen(inputs.named().filter_map(|file| inputs.bytes(file).ok()));
    (!seen.is_empty()).then(|| listed(&seen))
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
