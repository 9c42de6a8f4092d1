//! The entries of a map, and the clusters that they are asked about.

use globset::GlobMatcher;

use crate::diag::Span;

/// Where the file of a cluster is, for the `paths` of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Below the map: its path from there, with `/`, without `.` and `..`.
    Below(String),
    /// Somewhere else, where no `paths` match.
    #[default]
    Outside,
    /// Nobody knows: standard input without a name.
    Unknown,
}

impl Place {
    /// That of a path relative to the map: `a/../b/c.yaml` is `b/c.yaml`; one that is absolute or leads out of the map's
    /// directory is not below it.
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

/// What of a cluster counts for the map.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'c> {
    /// Its name; of a template the template's.
    pub name: Option<&'c str>,
    /// Its namespace. A manifest without one counts as `default`, where kubectl puts it unless told otherwise.
    pub namespace: Option<&'c str>,
    /// Where its file is.
    pub place: &'c Place,
    /// Whether it is a template, which the globs of clusters do not mean.
    pub template: bool,
}

impl Cluster<'_> {
    pub(super) fn namespace(&self) -> &str {
        self.namespace.filter(|namespace| !namespace.is_empty()).unwrap_or("default")
    }

    pub(super) fn path(&self) -> Option<&str> {
        match self.place {
            Place::Below(path) => Some(path),
            Place::Outside | Place::Unknown => None,
        }
    }
}

/// A glob and where it stands.
#[derive(Clone, Debug)]
pub struct Glob {
    /// The glob.
    pub matcher: GlobMatcher,
    /// Where it stands.
    pub span: Span,
}

/// Which clusters are meant: of each key that is there, one glob must match.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Globs of cluster names.
    pub names: Vec<Glob>,
    /// Globs of namespaces.
    pub namespaces: Vec<Glob>,
    /// Globs of paths, relative to the map.
    pub paths: Vec<Glob>,
    /// Which of those clusters are not meant.
    pub except: Option<Box<Entry>>,
    /// Where the entry stands.
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
        any(&self.namespaces, Some(cluster.namespace()))
    }

    pub(super) fn fits_path(&self, cluster: &Cluster<'_>) -> bool {
        any(&self.paths, cluster.path())
    }

    /// Whether it matches or not by `paths`, its own or those of `except`, and the path of the cluster is not known.
    pub(super) fn would(&self, cluster: &Cluster<'_>) -> bool {
        self.lacks_path(cluster) && self.fits_name(cluster) && self.fits_namespace(cluster)
    }

    /// Whether it has `paths`, or its `except` has, and that of the cluster is not known.
    pub(super) fn lacks_path(&self, cluster: &Cluster<'_>) -> bool {
        let excepts = || self.except.as_ref().is_some_and(|except| except.would(cluster));
        *cluster.place == Place::Unknown && (!self.paths.is_empty() || excepts())
    }

    /// Whether it can hang on the name of a cluster if it matches.
    pub(super) fn asks_name(&self) -> bool {
        !self.names.is_empty() || self.except.as_ref().is_some_and(|except| except.asks_name())
    }
}

fn any(globs: &[Glob], text: Option<&str>) -> bool {
    globs.is_empty() || globs.iter().any(|glob| fits(glob, text))
}

pub(super) fn fits(glob: &Glob, text: Option<&str>) -> bool {
    text.is_some_and(|text| glob.matcher.is_match(text))
}
