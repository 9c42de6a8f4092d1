//! Which objects are meant.

use std::collections::BTreeSet;

use globset::GlobMatcher;

use super::label_selector::LabelSelector;
use super::{Failure, Nothing};
use crate::capa::Role;
use crate::check;
use crate::diag::Diagnostic;
use crate::run::{Found, Run, SkipReason, Skipped};

/// Which objects are meant; everything that is given must match.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Globs of cluster names, of which one must match.
    pub cluster_names: Vec<GlobMatcher>,
    /// Label selector.
    pub labels: Option<LabelSelector>,
    /// Objects in this namespace, and objects without one.
    pub namespace: Option<String>,
    /// Only these of the run's objects.
    pub only: Option<BTreeSet<usize>>,
}

/// Indices of the objects that are meant.
pub(super) fn select(run: &Run, selection: &Selection) -> Result<Vec<usize>, Failure> {
    let bearers: Vec<usize> = match &selection.only {
        // They are bearers, and picked already.
        Some(only) => only.iter().copied().collect(),
        None => bearers(run).collect(),
    };
    if bearers.is_empty() {
        return Err(Failure::Nothing(Nothing::NoBearer));
    }
    let (mut selected, mut doubts) = (Vec::new(), Vec::new());
    for &index in &bearers {
        match selection.means(run, index) {
            Ok(true) => selected.push(index),
            Ok(false) => {}
            Err(doubt) => doubts.push(doubt),
        }
    }
    if !doubts.is_empty() {
        return Err(Failure::Refused(doubts));
    }
    if selected.is_empty() {
        let titles = bearers.iter().map(|&index| run.objects()[index].title()).collect();
        return Err(Failure::Nothing(Nothing::NoneSelected(titles)));
    }
    Ok(selected)
}

impl Selection {
    /// Whether an object of the run is meant, if it can carry a reference.
    ///
    /// # Errors
    /// Nobody can tell: its cluster is in doubt, or its labels are.
    pub fn means(&self, run: &Run, index: usize) -> Result<bool, Diagnostic> {
        if self.only.as_ref().is_some_and(|only| !only.contains(&index)) {
            return Ok(false);
        }
        matches(run, &run.objects()[index], self)
    }

    /// Whether it may be, whatever its cluster is called.
    pub(super) fn may_mean(&self, found: &Found) -> bool {
        let labels = self.labels.as_ref();
        self.in_namespace(found)
            && labels.is_none_or(|asked| found.object.labels.twice().is_some() || asked.matches(&found.object.labels))
    }

    fn in_namespace(&self, found: &Found) -> bool {
        match (&self.namespace, found.object.own_namespace()) {
            (Some(asked), Some(own)) => asked == own,
            _ => true,
        }
    }
}

/// Indices of the objects that can carry a reference, but for those of the identity file.
pub(super) fn bearers(run: &Run) -> impl Iterator<Item = usize> {
    (0..run.objects().len()).filter(|&index| {
        let found = &run.objects()[index];
        !run.file(found.file).identities_only && found.object.references().next().is_some()
    })
}

/// Clusters of a class that are meant as well, and of which nobody can tell whether they are ours.
fn unclear<'r>(run: &'r Run, selection: &'r Selection) -> impl Iterator<Item = &'r Found> {
    run.objects().iter().filter(|found| {
        let unclear = matches!(found.object.role, Role::Cluster { unclear: true, .. });
        unclear && !run.file(found.file).identities_only && matches(run, found, selection).unwrap_or(true)
    })
}

/// What the selection means and no plan of references can change, whatever is asked for.
pub(super) fn skipped(run: &Run, selection: &Selection) -> Vec<Skipped> {
    let aside = run.set_aside_objects().iter().filter(|one| one.found.can_be_pointed());
    let aside = aside.filter(|one| matches(run, &one.found, selection).unwrap_or(true));
    let aside = aside.map(|one| Skipped::new(&one.found, one.reason, one.message.clone()));
    let unclear = unclear(run, selection).map(|found| Skipped::new(found, SkipReason::NoProvider, NO_PROVIDER));
    aside.chain(unclear).chain(run.not_read().iter().cloned()).collect()
}

/// Why nobody can tell whether a topology Cluster is one of AWS.
const NO_PROVIDER: &str = "its variables name no provider";

/// A topology Cluster may run on AWS without a variable that says so.
pub(super) fn warnings_of_unclear(run: &Run, selection: &Selection) -> Vec<Diagnostic> {
    let warning = |found: &Found| {
        Diagnostic::warning(format!("{} is passed by: {NO_PROVIDER}", found.title())).at(found.head(), "").help(
            "if its class is one of AWS: --topology-variable clusterConfig.aws, or clusterConfig.eks, or identityRef",
        )
    };
    unclear(run, selection).map(warning).collect()
}

fn matches(run: &Run, found: &Found, selection: &Selection) -> Result<bool, Diagnostic> {
    if !selection.in_namespace(found) {
        return Ok(false);
    }
    if let Some(selector) = &selection.labels {
        if let Some((key, span)) = found.object.labels.twice() {
            return Err(check::label_twice(found, key, span));
        }
        if !selector.matches(&found.object.labels) {
            return Ok(false);
        }
    }
    if selection.cluster_names.is_empty() {
        return Ok(true);
    }
    run.by_cluster_name(found, |name| {
        name.is_some_and(|name| selection.cluster_names.iter().any(|glob| glob.is_match(name)))
    })
}

/// Of several `--cluster-name`, each should fit something: one of them may be a typing error.
pub(crate) fn names_that_fit_nothing(run: &Run, selection: &Selection) -> impl Iterator<Item = Diagnostic> {
    let fits = |name: &globset::GlobMatcher| {
        let bearers = run.objects().iter().filter(|found| found.object.references().next().is_some());
        bearers.filter_map(|found| run.cluster_name(found)).any(|cluster| name.is_match(cluster))
    };
    selection.cluster_names.iter().filter(move |name| !fits(name)).map(|name| {
        let text = name.glob().glob();
        Diagnostic::warning(format!("--cluster-name {text} fits no cluster here"))
            .help("check the spelling; several names are several --cluster-name, or one {a,b}")
    })
}
