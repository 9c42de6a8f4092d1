//! What the rules find in the files of one state.

use xaccount::account_map::Assigned;
use xaccount::capa::{self, Release};
use xaccount::diag::Diagnostic;
use xaccount::inventory::{Inventory, Scan};
use xaccount::kustomization_search::Kustomizations;
use xaccount::lint::{self, Context, Finding, LintResult};
use xaccount::status::{self, Options, Row, Status};

use super::selected::Selected;
use super::sources::Sources;
use crate::cli::Lint as Args;
use crate::commands::input;
use crate::commands::map_file::MapFile;
use crate::commands::request::selection;

/// The findings of one state, and what they are about.
pub(super) struct Evaluated {
    pub(super) inventory: Inventory,
    pub(super) findings: Vec<Finding>,
    /// Diagnostics without a rule.
    pub(super) others: Vec<Diagnostic>,
    pub(super) selected: Selected,
    /// The release that the manifests were evaluated for.
    pub(super) release: Release,
}

/// Calls a function with the options for scanning.
pub(super) fn with_scan<T>(scan: impl FnOnce(&Scan<'_>) -> T) -> T {
    let needles = capa::needles_for_lint();
    scan(&Scan { keep_going: true, ..input::scan(&needles, false, None) })
}

/// Applies the rules to an inventory. `read` is what reading the files found.
///
/// # Errors
/// The account map specifies an unknown release.
pub(super) fn evaluate(
    sources: &Sources,
    inventory: Inventory,
    kustomizations: &Kustomizations,
    read: Vec<Diagnostic>,
    args: &Args,
) -> Result<Evaluated, Diagnostic> {
    // No note about skipped patches: `lint` skips them by design.
    let (inventory, _) = kustomizations.place(inventory, &sources.session);
    let map = sources.map.as_deref();
    let release = match (args.capa_version, map) {
        (None, Some(map)) => map.release()?,
        (specified, _) => specified,
    };
    let status = status::status(&inventory, &Options { release });
    let staying = map.map_or_else(Vec::new, |map| staying(map, sources, &inventory, &status));
    let context = Context {
        inventory: &inventory,
        status: &status,
        release_is_specified: release.is_some(),
        has_all_identities: args.input.recursive || sources.identity_file.is_some(),
        annotations: map.map_or(&[], |map| &map.map.identity_annotations),
        map: map.map(|map| &map.map),
        staying: &staying,
        builds: &kustomizations.builds,
        trust: &sources.trust,
        permission: &sources.permission,
    };
    let release = context.release();
    let LintResult { findings, others } = lint::lint(&context, read);
    let selected = Selected::of(&status, &selection(&args.clusters));
    drop(status);
    Ok(Evaluated { inventory, findings, others, selected, release })
}

/// Namespace and name of the clusters that the map keeps in the source account.
fn staying(map: &MapFile, sources: &Sources, inventory: &Inventory, status: &Status<'_>) -> Vec<(String, String)> {
    if map.map.source.clusters.is_empty() {
        return Vec::new();
    }
    map.with_mapped(Some(&sources.session), true, |mapped| {
        let stays = |row: &&Row| {
            !row.template && matches!(mapped.assignment(inventory, row.object, &row.namespace), Ok(Assigned::Source(_)))
        };
        status.rows.iter().filter(stays).map(|row| (row.namespace.clone(), row.cluster.clone())).collect()
    })
}
