//! The manifests below an account map: the clusters that it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use xaccount::capa;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::files::{self, Input};
use xaccount::inject::{self, NeededIdentity};
use xaccount::inventory::Inventory;
use xaccount::plan::Selection;
use xaccount::session::Session;

use super::input::{self, counted};
use super::map_file::MapFile;
use super::owners::with_owners;
use super::progress;

/// The manifests below the map's directory, and a warning for each link that leads nowhere: nobody named these files, and
/// such a link has no cluster.
///
/// # Errors
/// A directory can't be read.
pub(crate) fn inputs(map: &MapFile) -> Result<(Vec<Input>, Vec<Diagnostic>), Diagnostic> {
    let found = files::find_present(&[from_here(map.directory())], true)
        .map_err(|error| Diagnostic::error(error.to_string()))?;
    let warnings = found.broken.iter().map(|link| leads_nowhere(link)).collect();
    Ok((found.inputs.into_iter().map(without_dot).collect(), warnings))
}

fn leads_nowhere(link: &Path) -> Diagnostic {
    let link = link.strip_prefix(".").unwrap_or(link).to_string_lossy();
    let link = escape_control(&link);
    Diagnostic::warning(format!("{link} is skipped: it is a symbolic link that leads nowhere"))
        .help("fix its target, or remove it")
}

/// Namespaces by the name of the identity that they use.
pub(crate) type ServedNamespaces = BTreeMap<String, BTreeSet<String>>;

/// The namespaces of the clusters below the map that use each identity, by its name, also through other identities; and
/// warnings about clusters that are not known.
///
/// # Errors
/// As [`inputs`].
pub(crate) fn served(map: &MapFile) -> Result<(ServedNamespaces, Vec<Diagnostic>), Diagnostic> {
    let (inputs, mut warnings) = inputs(map)?;
    let mut session = Session::new(inputs, &mut std::io::empty(), None, None, progress::show)?;
    let needles = capa::needles();
    // A template is not applied as it is, and a file that can't be read hides its clusters.
    let (inventory, _, unread) = session.scan_readable(&input::scan(&needles, true, None));
    warnings.extend(unread.iter().take(1).map(|error| not_known(&error.message)));
    let (inventory, _, kustomizations) = counted(&session, inventory, None)?;
    let inventory = with_owners(inventory, &session, &Selection::default(), Some(map), &kustomizations.builds, true);
    let needed = map.with_mapped(Some(&session), true, |mapped| inject::needed(&inventory, mapped));
    let needed = needed.unwrap_or_else(|errors| {
        warnings.extend(errors.first().map(|error| not_known(&error.message)));
        Vec::new()
    });
    Ok((namespaces(&inventory, &needed), warnings))
}

fn not_known(why: &str) -> Diagnostic {
    Diagnostic::warning(format!("not all clusters below the account map are known: {why}"))
        .help("their namespaces are missing in served identities; inject shows the place of the error")
}

/// The namespaces of the clusters that need each identity, directly or as the source of another.
fn namespaces(inventory: &Inventory, needed: &[NeededIdentity]) -> ServedNamespaces {
    let mut all = ServedNamespaces::new();
    for one in needed {
        let own: BTreeSet<&str> =
            one.objects.iter().flat_map(|&index| inventory.namespaces_of(&inventory[index])).collect();
        let (mut next, mut seen) = (Some(&one.name), BTreeSet::new());
        while let Some(name) = next.filter(|name| seen.insert(*name)) {
            all.entry(name.clone()).or_default().extend(own.iter().map(|&namespace| namespace.to_owned()));
            let identity = needed.iter().find(|other| other.name == *name);
            next = identity.and_then(|identity| identity.source.as_ref());
        }
    }
    all
}

/// A canonical directory, from the working directory if one contains the other.
fn from_here(directory: &Path) -> PathBuf {
    let Ok(here) = std::env::current_dir().and_then(|here| here.canonicalize()) else { return directory.to_owned() };
    if here == directory {
        return PathBuf::from(".");
    }
    match (directory.strip_prefix(&here), here.strip_prefix(directory)) {
        (Ok(below), _) => below.to_owned(),
        (_, Ok(up)) => up.components().map(|_| Component::ParentDir).collect(),
        _ => directory.to_owned(),
    }
}

/// A file of the working directory without `./`, as one would type it.
fn without_dot(input: Input) -> Input {
    match input {
        Input::File(path) => Input::File(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)),
        other => other,
    }
}
