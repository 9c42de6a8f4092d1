//! The dump of `--live=FILE`.

use std::path::Path;

use lossless_yaml::{Source, parse};
use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId};
use xaccount::files;
use xaccount::inject::ObservedObjects;
use xaccount::inventory::{self, File, Inventory, Scan};
use xaccount::session::path_bytes;

/// The command that prints the objects of a management cluster that `--live` and `status` read.
pub(crate) const DUMP: &str =
    "kubectl get clusters.cluster.x-k8s.io,awsclusters,awsmanagedcontrolplanes,awsri,awssi,awsci,namespaces -A -o yaml";

/// The command that writes a dump.
fn dump_to_file() -> String {
    format!("{DUMP} > live.yaml")
}

/// The objects of a management cluster in a dump, and a warning if the dump has no cluster.
///
/// # Errors
/// Those of [`dump`].
pub(crate) fn read(
    path: &Path,
    scan: &Scan<'_>,
    inventory: &Inventory,
) -> Result<(ObservedObjects, Option<Diagnostic>), Diagnostic> {
    let (live, has_cluster) = dump(path, scan, inventory)?;
    let warning = (!has_cluster).then(|| {
        let name = &live.files()[0].name;
        Diagnostic::warning(format!("{name} has no cluster: it does not show which of these clusters run"))
            .help(dump_to_file())
    });
    Ok((ObservedObjects::live(live), warning))
}

/// The inventory of a dump that has to show what uses identities.
///
/// # Errors
/// Those of [`dump`]; and the dump has no cluster: an incomplete dump would be an answer that nothing is in use.
pub(crate) fn users(path: &Path, scan: &Scan<'_>, inventory: &Inventory) -> Result<Inventory, Diagnostic> {
    let (live, has_cluster) = dump(path, scan, inventory)?;
    if has_cluster {
        return Ok(live);
    }
    let name = &live.files()[0].name;
    let error = format!("--live: the dump {name} has no cluster, so it does not show what uses identities");
    let error = Diagnostic::error(error);
    Err(error.help(dump_to_file()).help("if the management cluster has no cluster any more, run again without --live"))
}

/// The inventory of a dump, and whether it has an object that could use an identity, other than templates.
///
/// # Errors
/// No file is specified, or it can't be read.
fn dump(path: &Path, scan: &Scan<'_>, inventory: &Inventory) -> Result<(Inventory, bool), Diagnostic> {
    if path.as_os_str().is_empty() {
        let error = Diagnostic::error("this build can't read a live cluster; --live=FILE reads a dump of one");
        return Err(error.help(format!("{}; then --live=live.yaml", dump_to_file())));
    }
    let unread = |error| Diagnostic::error(format!("--live: {error}")).help(dump_to_file());
    let bytes = files::read_only(path).map_err(unread)?;
    let name = String::from_utf8_lossy(&path_bytes(path)).into_owned();
    let is_object = |document: &_| parse(document).is_ok_and(|tree| capa::view(&tree, tree.root, None).is_some());
    if !Source::new(&bytes).segments().any(|document| is_object(&document)) {
        let error =
            Diagnostic::error(format!("--live: {name} has no Kubernetes object: it is not a dump of a cluster"));
        return Err(error.help(dump_to_file()));
    }
    let scan = Scan { keep_going: false, skip_templates: false, ..*scan };
    let scanned = inventory::scan(FileId(0), &bytes, &scan).map_err(|errors| {
        // The text of the dump is not shown, because it may contain secrets.
        let first = errors.into_iter().next();
        let why = first.map_or_else(|| "it can't be read".to_owned(), |error| error.message);
        Diagnostic::error(format!("--live: {name}: {why}")).help(dump_to_file())
    })?;
    let file = File { name, is_json_for_kubectl: scanned.is_json_for_kubectl, json_list: None, identities_only: false };
    let live = Inventory::new(vec![file], scanned.objects).with_default_namespace(inventory.default_namespace());
    let live = live.with_classes_of(inventory, false);
    let has_cluster = live.objects().iter().any(|found| found.can_be_pointed() && !found.is_template());
    Ok((live, has_cluster))
}
