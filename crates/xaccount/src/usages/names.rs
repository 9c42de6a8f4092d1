//! Searches for several identity names at once.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;

use crate::capa::ROLE_IDENTITY;
use lossless_yaml::{Data, Letters, NodeId, Tree};

/// The names to search for, by index.
pub(super) struct IdentityNames<'w> {
    all: Vec<&'w str>,
    /// `None` if there are more names than one search can take.
    search: Option<AhoCorasick>,
    /// The letters of each name and of the kind of role identities.
    letters_of: Vec<Letters>,
    /// The letters of all names and of the kind.
    pub(super) letters: Letters,
}

impl<'w> IdentityNames<'w> {
    pub(super) fn new(all: Vec<&'w str>) -> Self {
        let search = AhoCorasick::new(&all).ok();
        let letters_of = all.iter().map(|name| Letters::of([name, ROLE_IDENTITY])).collect();
        let letters = Letters::of(all.iter().copied().chain([ROLE_IDENTITY]));
        Self { all, search, letters_of, letters }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The name, if there is only one.
    pub(super) fn only(&self) -> Option<&'w str> {
        if let [name] = self.all[..] { Some(name) } else { None }
    }

    pub(super) fn letters_of(&self, name: usize) -> &Letters {
        &self.letters_of[name]
    }

    /// The names in a text that are not part of longer ones, and their offsets, in the order of their ends. `None` if
    /// there are too many names for one search.
    pub(super) fn mentions<'t>(&'t self, text: &'t [u8]) -> Option<impl Iterator<Item = (usize, usize)> + 't> {
        let found = self.found(text)?;
        Some(found.filter(|&(name, at)| !is_part(text, at, at + self.all[name].len())))
    }

    /// The names in a text, including parts of longer ones.
    pub(super) fn in_text(&self, text: &[u8]) -> Vec<usize> {
        match self.found(text) {
            Some(found) => found.map(|(name, _)| name).collect(),
            None => (0..self.len()).collect(),
        }
    }

    /// The names that occur more often in the parsed texts of a document than in its bytes.
    pub(super) fn hidden(&self, tree: &Tree<'_>, document: &[u8]) -> Vec<usize> {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        self.count(tree, tree.root, &mut |name| *counts.entry(name).or_default() += 1);
        if !counts.is_empty() {
            for (name, _) in self.mentions(document).into_iter().flatten() {
                counts.entry(name).and_modify(|count| *count = count.saturating_sub(1));
            }
        }
        let hidden = counts.into_iter().filter(|&(_, count)| count > 0);
        hidden.map(|(name, _)| name).collect()
    }

    fn count(&self, tree: &Tree<'_>, at: NodeId, found: &mut impl FnMut(usize)) {
        match &tree.node(at).data {
            Data::Mapping { entries, .. } => {
                for &(key, value) in entries {
                    self.count(tree, key, found);
                    self.count(tree, value, found);
                }
            }
            Data::Sequence { items, .. } => items.iter().for_each(|&item| self.count(tree, item, found)),
            Data::Scalar { text, .. } => {
                self.mentions(text.as_bytes()).into_iter().flatten().for_each(|(name, _)| found(name));
            }
            Data::Alias(_) => {}
        }
    }

    /// Each name and its offset; if places of one name overlap, only the first.
    fn found<'t>(&'t self, text: &'t [u8]) -> Option<impl Iterator<Item = (usize, usize)> + 't> {
        let mut ends: HashMap<usize, usize> = HashMap::new();
        let found = self.search.as_ref()?.find_overlapping_iter(text);
        Some(found.filter_map(move |found| {
            let (name, at) = (found.pattern().as_usize(), found.start());
            let end = ends.entry(name).or_default();
            (at >= *end).then(|| {
                *end = found.end();
                (name, at)
            })
        }))
    }
}

/// Whether the text between two offsets is part of a longer name.
fn is_part(text: &[u8], start: usize, end: usize) -> bool {
    let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let joint = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| matches!(byte, b'-' | b'.'));
    let before = start.checked_sub(1);
    letter(before)
        || letter(Some(end))
        || joint(before) && letter(start.checked_sub(2))
        || joint(Some(end)) && letter(Some(end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use memchr::memmem;
    use proptest::prelude::*;

    proptest! {
        /// A search for all names finds the same places as a search for each.
        #[test]
        fn many_names_are_found_as_one_is(
            names in prop::collection::btree_set("[ab.-]{1,4}|[a-c]{1,3}", 1..8),
            text in "[ab.\\- \n]{0,40}",
        ) {
            let all = IdentityNames::new(names.iter().map(String::as_str).collect());
            for (number, name) in names.iter().enumerate() {
                let places = memmem::find_iter(text.as_bytes(), name);
                let alone: Vec<usize> =
                    places.filter(|&at| !is_part(text.as_bytes(), at, at + name.len())).collect();
                let own = all.mentions(text.as_bytes()).unwrap().filter(|&(one, _)| one == number);
                prop_assert_eq!(own.map(|(_, at)| at).collect::<Vec<_>>(), alone, "{}", name);
                prop_assert_eq!(all.in_text(text.as_bytes()).contains(&number), text.contains(name.as_str()));
            }
        }
    }
}
