//! An index of a map's entries by their globs, so that lookups in a large map are as fast as in a small one.

use globset::{GlobSet, GlobSetBuilder};

use super::entry::{Cluster, Entry, Glob};

/// The position of an entry in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryPosition {
    /// The account; `None` for the source account.
    pub(super) account: Option<usize>,
    /// The index of the entry in its account.
    pub(super) number: usize,
}

/// All entries of a map, each under one of its keys.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryIndex {
    names: Keyed,
    namespaces: Keyed,
    paths: Keyed,
    /// The entries with names, again, by their other keys.
    named: Nameless,
    templates: Keyed,
}

#[derive(Clone, Debug, Default)]
struct Nameless {
    /// Whether an entry has only names.
    any: bool,
    namespaces: Keyed,
    paths: Keyed,
}

/// The globs of one key, each with its entry.
#[derive(Clone, Debug, Default)]
struct Keyed {
    set: Option<GlobSet>,
    globs: Vec<Glob>,
    entries: Vec<EntryPosition>,
}

impl Keyed {
    fn add(&mut self, globs: &[Glob], at: EntryPosition) {
        self.globs.extend(globs.iter().cloned());
        self.entries.extend(std::iter::repeat_n(at, globs.len()));
    }

    /// Compiles the globs into a set. If that fails, they are tried one by one.
    fn compile(&mut self) {
        let mut set = GlobSetBuilder::new();
        self.globs.iter().for_each(|glob| {
            set.add(glob.matcher.glob().clone());
        });
        self.set = set.build().ok();
    }

    /// The entries with a glob that matches.
    fn fitting(&self, text: Option<&str>) -> Vec<EntryPosition> {
        let Some(text) = text else { return Vec::new() };
        let globs = match &self.set {
            Some(set) => set.matches(text),
            None => (0..self.globs.len()).filter(|&at| self.globs[at].matcher.is_match(text)).collect(),
        };
        let mut entries: Vec<EntryPosition> = globs.into_iter().map(|glob| self.entries[glob]).collect();
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}

impl EntryIndex {
    /// Creates an index of `entries` for clusters and of globs for templates, with their accounts.
    pub(super) fn new<'m>(
        entries: impl IntoIterator<Item = (EntryPosition, &'m Entry)>,
        templates: impl IntoIterator<Item = (usize, &'m [Glob])>,
    ) -> Self {
        let mut index = Self::default();
        for (at, entry) in entries {
            let Entry { names, namespaces, paths, .. } = entry;
            match (names.is_empty(), namespaces.is_empty()) {
                (false, _) => index.names.add(names, at),
                (true, false) => index.namespaces.add(namespaces, at),
                (true, true) => index.paths.add(paths, at),
            }
            match (entry.asks_name(), namespaces.is_empty(), paths.is_empty()) {
                (false, ..) => {}
                (true, true, true) => index.named.any = true,
                (true, false, _) => index.named.namespaces.add(namespaces, at),
                (true, true, false) => index.named.paths.add(paths, at),
            }
        }
        for (account, globs) in templates {
            index.templates.add(globs, EntryPosition { account: Some(account), number: 0 });
        }
        let Nameless { namespaces, paths, .. } = &mut index.named;
        for keyed in
            [&mut index.names, &mut index.namespaces, &mut index.paths, &mut index.templates, namespaces, paths]
        {
            keyed.compile();
        }
        index
    }

    /// The entries that can match a cluster; no other does. If its path is not known, entries with only `paths` are
    /// omitted.
    pub(super) fn candidates(&self, cluster: &Cluster<'_>) -> Vec<EntryPosition> {
        let mut all = self.names.fitting(cluster.name);
        all.extend(self.namespaces.fitting(Some(cluster.namespace)));
        all.extend(self.paths.fitting(cluster.path()));
        all
    }

    /// The accounts with a glob that matches a template.
    pub(super) fn of_template(&self, name: Option<&str>) -> Vec<EntryPosition> {
        self.templates.fitting(name)
    }

    /// The entries with names that can match this cluster if it had some other name; `None` if an entry has only names.
    pub(super) fn nameless(&self, cluster: &Cluster<'_>) -> Option<Vec<EntryPosition>> {
        if self.named.any {
            return None;
        }
        let mut all = self.named.namespaces.fitting(Some(cluster.namespace));
        match cluster.path() {
            Some(path) => all.extend(self.named.paths.fitting(Some(path))),
            None => all.extend(self.named.paths.entries.iter().copied()),
        }
        Some(all)
    }
}
