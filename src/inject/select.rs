//! Which objects are meant.

use std::collections::BTreeSet;

use globset::GlobMatcher;

use super::Nothing;
use crate::capa::{Labels, Role};
use crate::diag::Diagnostic;
use crate::run::{Found, Run};

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

/// One condition of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    DoesNotExist(String),
}

/// A label selector in kubectl's syntax: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

impl std::str::FromStr for LabelSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = vec![String::new()];
        let mut depth = 0;
        for c in text.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
            if let Some(part) = parts.last_mut() {
                part.push(c);
            }
        }
        parts.iter().map(|part| requirement(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let wrong = || format!("'{text}' is no label selector: write KEY=VALUE, KEY!=VALUE, 'KEY in (A,B)', KEY or !KEY");
    let key = |key: &str| -> Result<String, String> {
        let key = key.trim();
        let ok = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if ok { Ok(key.to_owned()) } else { Err(wrong()) }
    };
    let set = |list: &str| -> Result<Vec<String>, String> {
        let inner = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')')).ok_or_else(wrong)?;
        Ok(inner.split(',').map(|value| value.trim().to_owned()).collect())
    };
    if let Some((left, right)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key(left)?, vec![right.trim().to_owned()]));
    }
    if let Some((left, right)) = text.split_once('=') {
        let right = right.strip_prefix('=').unwrap_or(right);
        return Ok(Requirement::In(key(left)?, vec![right.trim().to_owned()]));
    }
    if let Some((left, right)) = text.split_once(" notin ") {
        return Ok(Requirement::NotIn(key(left)?, set(right)?));
    }
    if let Some((left, right)) = text.split_once(" in ") {
        return Ok(Requirement::In(key(left)?, set(right)?));
    }
    match text.strip_prefix('!') {
        Some(absent) => Ok(Requirement::DoesNotExist(key(absent)?)),
        None => Ok(Requirement::Exists(key(text)?)),
    }
}

impl LabelSelector {
    /// Whether labels match, as the API server has it: `!=` and `notin` match where the key is missing.
    pub fn matches(&self, labels: &Labels) -> bool {
        let one_of = |values: &[String], value: &str| values.iter().any(|one| one == value);
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => labels.get(key).is_some_and(|value| one_of(values, value)),
            Requirement::NotIn(key, values) => labels.get(key).is_none_or(|value| !one_of(values, value)),
            Requirement::Exists(key) => labels.get(key).is_some(),
            Requirement::DoesNotExist(key) => labels.get(key).is_none(),
        })
    }
}

/// Indices of the objects that are meant.
pub(super) fn select(run: &Run, selection: &Selection) -> Result<Vec<usize>, Nothing> {
    let bearers: Vec<usize> = bearers(run).collect();
    if bearers.is_empty() {
        return Err(Nothing::NoBearer);
    }
    let selected: Vec<usize> = bearers.iter().copied().filter(|&index| selection.means(run, index)).collect();
    if selected.is_empty() {
        return Err(Nothing::NoneSelected(bearers.iter().map(|&index| run.objects()[index].title()).collect()));
    }
    Ok(selected)
}

impl Selection {
    /// Whether an object of the run is meant, if it can carry a reference.
    pub fn means(&self, run: &Run, index: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&index)) && matches(run, &run.objects()[index], self)
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
pub(super) fn unclear<'r>(run: &'r Run, selection: &'r Selection) -> impl Iterator<Item = &'r Found> {
    run.objects().iter().filter(|found| {
        let unclear = matches!(found.object.role, Role::Cluster { unclear: true, .. });
        unclear && !run.file(found.file).identities_only && matches(run, found, selection)
    })
}

fn matches(run: &Run, found: &Found, selection: &Selection) -> bool {
    let template = matches!(&found.object.role, Role::Bearer { bearer, .. } if bearer.template);
    let name = selection.cluster_names.is_empty() || {
        let cluster = if template { found.object.name.as_deref() } else { run.cluster_name(found) };
        cluster.is_some_and(|cluster| selection.cluster_names.iter().any(|glob| glob.is_match(cluster)))
    };
    let labels = selection.labels.as_ref().is_none_or(|selector| selector.matches(&found.object.labels));
    let namespace = match (&selection.namespace, &found.object.namespace) {
        (Some(asked), Some(own)) => asked == own,
        _ => true,
    };
    name && labels && namespace
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_match_as_kubectls_do() {
        let labels = [("env", "dev"), ("a/b", "")].into_iter().collect();
        for (selector, want) in [
            ("env=dev", true),
            ("env==dev", true),
            ("env=prod", false),
            ("env!=prod", true),
            ("team!=x", true),
            ("env in (dev, prod)", true),
            ("env notin (dev)", false),
            ("team notin (x)", true),
            ("a/b", true),
            ("!team", true),
            ("!env", false),
            ("env=dev,!env", false),
            ("env in (dev,prod),a/b", true),
        ] {
            let parsed: LabelSelector = selector.parse().unwrap();
            assert_eq!(parsed.matches(&labels), want, "{selector}");
        }
        for bad in ["", "a b", "env in dev", "=x", "a,,b"] {
            assert!(bad.parse::<LabelSelector>().is_err(), "{bad}");
        }
    }
}
