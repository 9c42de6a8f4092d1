//! The entries of a map, and the clusters that are matched with them.

use globset::GlobMatcher;

use crate::diag::Span;
use crate::templates::is_filled_in;

/// The place of a cluster's file, for the `paths` of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In or below the map's directory: the path relative to it, with `/`, without `.` and `..`.
    Below(String),
    /// Elsewhere: no `paths` match.
    #[default]
    Outside,
    /// Not known: standard input without a name.
    Unknown,
}

impl Place {
    /// The place of a path relative to the map: `a/../b/c.yaml` is `b/c.yaml`; a path that is absolute or leads out of
    /// the map's directory is not below it.
    pub fn below(path: &str) -> Self {
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.pop().is_none() => return Self::Outside,
                ".." => {}
                part => parts.push(part),
            }
        }
        if path.starts_with('/') || parts.is_empty() { Self::Outside } else { Self::Below(parts.join("/")) }
    }
}

/// The properties of a cluster that a map can match.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'c> {
    /// Its name; for a template, the template's name.
    pub name: Option<&'c str>,
    /// The namespace that it is applied to.
    pub namespace: &'c str,
    /// The place of its file.
    pub place: &'c Place,
    /// Whether it is a template, which is not matched with the globs for clusters.
    pub template: bool,
}

impl Cluster<'_> {
    /// Whether its name or namespace has a placeholder, which is filled in before it is applied.
    pub(crate) fn is_filled_in(&self) -> bool {
        self.name.is_some_and(is_filled_in) || is_filled_in(self.namespace)
    }

    pub(super) fn path(&self) -> Option<&str> {
        match self.place {
            Place::Below(path) => Some(path),
            Place::Outside | Place::Unknown => None,
        }
    }
}

/// A glob and its place.
#[derive(Clone, Debug)]
pub struct Glob {
    /// The glob.
    pub matcher: GlobMatcher,
    /// Its place in the map.
    pub span: Span,
}

/// A selection of clusters: for each key that is given, one glob must match.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Globs of cluster names.
    pub names: Vec<Glob>,
    /// Globs of namespaces.
    pub namespaces: Vec<Glob>,
    /// Globs of paths, relative to the map.
    pub paths: Vec<Glob>,
    /// Clusters that are excluded.
    pub except: Option<Box<Entry>>,
    /// The place of the entry in the map.
    pub span: Span,
}

impl Entry {
    pub(super) fn matches(&self, cluster: &Cluster<'_>) -> bool {
        self.fits_name(cluster)
            && self.fits_namespace(cluster)
            && self.fits_path(cluster)
            && self.except.as_ref().is_none_or(|except| !except.matches(cluster) && !except.would(cluster))
    }

    fn fits_name(&self, cluster: &Cluster<'_>) -> bool {
        any(&self.names, cluster.name)
    }

    pub(super) fn fits_namespace(&self, cluster: &Cluster<'_>) -> bool {
        any(&self.namespaces, Some(cluster.namespace))
    }

    pub(super) fn fits_path(&self, cluster: &Cluster<'_>) -> bool {
        any(&self.paths, cluster.path())
    }

    /// Whether it may match a cluster with placeholders in its name or namespace, once they are filled in. What `except`
    /// excludes then is not known.
    pub(super) fn may_match(&self, cluster: &Cluster<'_>) -> bool {
        let name = cluster.name.is_some_and(is_filled_in) || self.fits_name(cluster);
        name && (is_filled_in(cluster.namespace) || self.fits_namespace(cluster)) && self.fits_path(cluster)
    }

    /// Whether a match depends on `paths`, its own or those of `except`, and the path of the cluster is not known.
    pub(super) fn would(&self, cluster: &Cluster<'_>) -> bool {
        self.lacks_path(cluster) && self.fits_name(cluster) && self.fits_namespace(cluster)
    }

    /// Whether it has `paths`, or its `except` depends on them, and the path of the cluster is not known.
    pub(super) fn lacks_path(&self, cluster: &Cluster<'_>) -> bool {
        let excepts = || self.except.as_ref().is_some_and(|except| except.would(cluster));
        *cluster.place == Place::Unknown && (!self.paths.is_empty() || excepts())
    }

    /// Whether a match can depend on the name of a cluster.
    pub(super) fn asks_name(&self) -> bool {
        !self.names.is_empty() || self.except.as_ref().is_some_and(|except| except.asks_name())
    }
}

/// The line of a map that matches exactly this cluster: `clusters: {names: ["a"], namespaces: ["b"]}`.
pub fn entry_of(name: &str, namespace: &str) -> String {
    let glob = |text: &str| serde_json::Value::from(globset::escape(text)).to_string();
    format!("clusters: {{names: [{}], namespaces: [{}]}}", glob(name), glob(namespace))
}

fn any(globs: &[Glob], text: Option<&str>) -> bool {
    globs.is_empty() || globs.iter().any(|glob| fits(glob, text))
}

pub(super) fn fits(glob: &Glob, text: Option<&str>) -> bool {
    text.is_some_and(|text| glob.matcher.is_match(text))
}
