//! Entries of a map by their globs, so that a large map is asked in no more time than a small one.

use globset::{GlobSet, GlobSetBuilder};

use super::entry::{Cluster, Entry, Glob};

/// The position of an entry in a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryPosition {
    /// The account, `None` for the source.
    pub(super) account: Option<usize>,
    /// Which of its entries.
    pub(super) number: usize,
}

/// All entries of a map for clusters, each under one of its keys.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryIndex {
    names: Keyed,
    namespaces: Keyed,
    paths: Keyed,
    /// Those that ask for names, once more without regard to these.
    named: Nameless,
    templates: Keyed,
}

#[derive(Clone, Debug, Default)]
struct Nameless {
    /// Whether there is one that asks for names alone.
    any: bool,
    namespaces: Keyed,
    paths: Keyed,
}

/// Globs of one key, and the entry of each.
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

    /// What can't be compiled together is tried one by one.
    fn compile(&mut self) {
        let mut set = GlobSetBuilder::new();
        self.globs.iter().for_each(|glob| {
            set.add(glob.matcher.glob().clone());
        });
        self.set = set.build().ok();
    }

    /// The entries of which a glob fits.
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
    /// `entries` for clusters, and globs of templates with their accounts.
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

    /// The entries that may match a cluster: no other does. Where its path is not known, those with `paths` alone are left out.
    pub(super) fn candidates(&self, cluster: &Cluster<'_>) -> Vec<EntryPosition> {
        let mut all = self.names.fitting(cluster.name);
        all.extend(self.namespaces.fitting(Some(cluster.namespace())));
        all.extend(self.paths.fitting(cluster.path()));
        all
    }

    /// The accounts of which a glob fits a template.
    pub(super) fn of_template(&self, name: Option<&str>) -> Vec<EntryPosition> {
        self.templates.fitting(name)
    }

    /// The entries that ask for names and may match a cluster of some name; `None` where one that asks for names alone does.
    pub(super) fn nameless(&self, cluster: &Cluster<'_>) -> Option<Vec<EntryPosition>> {
        if self.named.any {
            return None;
        }
        let mut all = self.named.namespaces.fitting(Some(cluster.namespace()));
        match cluster.path() {
            Some(path) => all.extend(self.named.paths.fitting(Some(path))),
            None => all.extend(self.named.paths.entries.iter().copied()),
        }
        Some(all)
    }
}
