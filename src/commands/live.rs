//! What `--live` shows: the management cluster, or with `--live=FILE` a dump of it.

use std::path::Path;

use lossless_yaml::{Source, parse};
use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId, Severity};
use xaccount::files;
use xaccount::inject::ObservedObjects;
use xaccount::inventory::{self, File, Inventory, Scan};
use xaccount::session::path_bytes;

use super::management_cluster::{ClusterRequest, DUMP, ManagementCluster};
use crate::cli::ClusterArgs;

/// The command that writes a dump.
fn dump_to_file() -> String {
    format!("{DUMP} > live.yaml")
}

/// What `--live` names.
#[derive(Clone, Copy)]
pub(crate) enum LiveSource<'a> {
    /// A dump.
    Dump(&'a Path),
    /// The cluster of these flags.
    Cluster(&'a ClusterArgs),
}

impl<'a> LiveSource<'a> {
    /// The value of `--live`, with the flags that select a cluster.
    ///
    /// # Errors
    /// They select one, and none is read.
    pub(crate) fn of(live: Option<&'a Path>, cluster: &'a ClusterArgs) -> Result<Option<Self>, Diagnostic> {
        match (live, cluster.first_flag()) {
            (Some(path), _) if path.as_os_str().is_empty() => Ok(Some(Self::Cluster(cluster))),
            (_, Some(flag)) => Err(not_read(flag)),
            (Some(path), None) => Ok(Some(Self::Dump(path))),
            (None, None) => Ok(None),
        }
    }
}

/// The error about a flag that selects a cluster, if none is read.
pub(crate) fn not_read(flag: &str) -> Diagnostic {
    Diagnostic::error(format!("{flag} is about a management cluster, and none is read"))
        .help(format!("pass --live without a file, or don't pass {flag}"))
}

/// The objects of a management cluster, and a warning if it has no cluster.
///
/// # Errors
/// Those of [`objects`].
pub(crate) fn read(
    source: LiveSource<'_>,
    scan: &Scan<'_>,
    inventory: &Inventory,
) -> Result<(ObservedObjects, Option<Diagnostic>), Diagnostic> {
    let (live, has_cluster) = objects(source, scan, inventory)?;
    let warning = (!has_cluster).then(|| {
        let name = &live.files()[0].name;
        let warning = format!("{name} has no cluster: it does not show which of these clusters run");
        source.help(Diagnostic::warning(warning))
    });
    Ok((ObservedObjects::live(live), warning))
}

/// The inventory that has to show what uses identities.
///
/// # Errors
/// Those of [`objects`]; and a dump has no cluster: an incomplete dump would be an answer that nothing is in use.
pub(crate) fn users(source: LiveSource<'_>, scan: &Scan<'_>, inventory: &Inventory) -> Result<Inventory, Diagnostic> {
    let (live, has_cluster) = objects(source, scan, inventory)?;
    // All of a cluster was read.
    let has_cluster = has_cluster || matches!(source, LiveSource::Cluster(_));
    if has_cluster {
        return Ok(live);
    }
    let name = &live.files()[0].name;
    let error = format!("--live: the dump {name} has no cluster, so it does not show what uses identities");
    let error = Diagnostic::error(error);
    Err(error.help(dump_to_file()).help("if the management cluster has no cluster any more, run again without --live"))
}

impl LiveSource<'_> {
    /// Adds the command that writes a dump to a message about one.
    fn help(self, message: Diagnostic) -> Diagnostic {
        match self {
            Self::Dump(_) => message.help(dump_to_file()),
            Self::Cluster(_) => message.help("select another cluster with --context"),
        }
    }

    /// The name of the dump or the context, and the objects as text.
    ///
    /// # Errors
    /// It can't be read, or not all of it.
    fn text(self) -> Result<(String, Vec<u8>), Diagnostic> {
        match self {
            Self::Dump(path) => {
                let unread = |error| Diagnostic::error(format!("--live: {error}")).help(dump_to_file());
                let bytes = files::read_only(path).map_err(unread)?;
                Ok((String::from_utf8_lossy(&path_bytes(path)).into_owned(), bytes))
            }
            Self::Cluster(args) => {
                let from_files = format!("with a dump: {}; then --live=live.yaml", dump_to_file());
                let request = ClusterRequest { cluster: args, namespaces: &[], all_namespaces: true, from_files };
                let cluster = ManagementCluster::read(&request)?;
                match cluster.unreadable.into_iter().next() {
                    // What can't be read may be what matters.
                    Some(unread) => Err(Diagnostic { severity: Severity::Error, ..unread }),
                    None => Ok((format!("context {}", cluster.context), cluster.list)),
                }
            }
        }
    }
}

/// The inventory of a cluster, and whether it has an object that could use an identity, other than templates.
///
/// # Errors
/// It can't be read.
fn objects(source: LiveSource<'_>, scan: &Scan<'_>, inventory: &Inventory) -> Result<(Inventory, bool), Diagnostic> {
    let (name, bytes) = source.text()?;
    let is_object = |document: &_| parse(document).is_ok_and(|tree| capa::view(&tree, tree.root, None).is_some());
    if !Source::new(&bytes).segments().any(|document| is_object(&document)) {
        let error =
            Diagnostic::error(format!("--live: {name} has no Kubernetes object: it is not a dump of a cluster"));
        return Err(source.help(error));
    }
    let scan = Scan { keep_going: false, skip_templates: false, ..*scan };
    let scanned = inventory::scan(FileId(0), &bytes, &scan).map_err(|errors| {
        // The text of the dump is not shown, because it may contain secrets.
        let first = errors.into_iter().next();
        let why = first.map_or_else(|| "it can't be read".to_owned(), |error| error.message);
        source.help(Diagnostic::error(format!("--live: {name}: {why}")))
    })?;
    let file = File { name, is_json_for_kubectl: scanned.is_json_for_kubectl, json_list: None, identities_only: false };
    let live = Inventory::new(vec![file], scanned.objects).with_default_namespace(inventory.default_namespace());
    let live = live.with_classes_of(inventory, false);
    let has_cluster = live.objects().iter().any(|found| found.can_be_pointed() && !found.is_template());
    Ok((live, has_cluster))
}
