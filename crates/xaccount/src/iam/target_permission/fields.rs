//! Fields of a manifest by their paths, and the tests of the table of switches.

use crate::diag::{Span, line_of};
use crate::templates::is_filled_in;
use lossless_yaml::{NodeId, Tree};

use super::table::{FieldTest, Switch};

/// A document and its file's bytes.
#[derive(Clone, Copy)]
pub(super) struct ManifestFields<'f, 's> {
    pub(super) tree: &'f Tree<'s>,
    pub(super) bytes: &'f [u8],
}

/// An object with its spec, or its template's.
pub(super) struct SpecObject<'o> {
    pub(super) kind: &'o str,
    pub(super) name: &'o str,
    /// Whether the name is that of the AWS resources, and not of a template or generated.
    pub(super) has_own_name: bool,
    pub(super) title: String,
    pub(super) line: usize,
    pub(super) spec: Option<NodeId>,
    pub(super) path: &'static str,
}

impl ManifestFields<'_, '_> {
    /// The texts at a path, through lists.
    pub(super) fn every(&self, node: NodeId, path: &str) -> Vec<String> {
        if let Some(items) = self.tree.items(node) {
            return items.iter().flat_map(|&item| self.every(item, path)).collect();
        }
        if path.is_empty() {
            return self.tree.text(node).filter(|text| !text.is_empty()).map(str::to_owned).into_iter().collect();
        }
        let (key, rest) = path.split_once('.').unwrap_or((path, ""));
        self.tree.value(node, key).map(|value| self.every(value, rest)).unwrap_or_default()
    }

    pub(super) fn holds(&self, object: &SpecObject<'_>, test: &FieldTest) -> bool {
        let tree = self.tree;
        let at = |path: &str| object.spec.and_then(|spec| self.node(spec, path));
        let is_true = |path: &str| {
            at(path).is_some_and(|node| {
                let text = tree.text(node).unwrap_or_default();
                is_filled_in(text)
                    || tree.is_typed(node) && ["true", "yes", "on"].contains(&&*text.to_ascii_lowercase())
            })
        };
        match test {
            FieldTest::Set(path) => at(path).is_some_and(|node| self.is_filled(node)),
            FieldTest::Unset(path) => at(path).is_none_or(|node| tree.text(node) == Some("")),
            FieldTest::True(path) => is_true(path),
            FieldTest::NotTrue(path) => !is_true(path),
            FieldTest::Is(path, values) => {
                let text = at(path).and_then(|node| tree.text(node));
                text.is_some_and(|text| is_filled_in(text) || values.contains(&text))
            }
            FieldTest::Owned(path) => at(path).and_then(|tags| tree.entries(tags)).is_some_and(|tags| {
                let own = format!("sigs.k8s.io/cluster-api-provider-aws/cluster/{}", object.name);
                tags.iter().any(|&(key, value)| tree.text(key) == Some(&*own) && tree.text(value) == Some("owned"))
            }),
            FieldTest::Wavelength(path) => {
                let zones = at(path).map(|subnets| self.every(subnets, "availabilityZone")).unwrap_or_default();
                zones.iter().any(|zone| zone.contains("-wl"))
            }
            FieldTest::Group(_) => false,
        }
    }

    /// Whether a value is not an empty list, an empty text or false. An empty mapping counts: CAPA reads it as set.
    fn is_filled(&self, node: NodeId) -> bool {
        match self.tree.items(node) {
            Some(items) => !items.is_empty(),
            None => !matches!(self.tree.text(node), Some("" | "false")),
        }
    }

    /// The line and the words for the first test of a switch.
    pub(super) fn reason(&self, object: &SpecObject<'_>, switch: &Switch) -> (usize, String) {
        let path = object.path;
        let line = |field: &str| {
            let key = object.spec.and_then(|spec| self.key(spec, field));
            key.map_or(object.line, |key| self.line(self.tree.span(key)))
        };
        match switch.tests.first() {
            None | Some(FieldTest::Group(_)) => (object.line, String::new()),
            Some(FieldTest::Unset(field)) => (object.line, format!("no {path}.{field}")),
            Some(FieldTest::NotTrue(_)) => (object.line, "bootstrap data in a secret, the default".to_owned()),
            Some(FieldTest::True(field)) => (line(field), format!("{path}.{field} is true")),
            Some(FieldTest::Is(field, _)) => {
                let value = object.spec.and_then(|spec| self.tree.text(self.node(spec, field)?));
                (line(field), format!("{path}.{field} is {}", value.unwrap_or_default()))
            }
            Some(FieldTest::Set(field) | FieldTest::Wavelength(field)) => (line(field), format!("{path}.{field}")),
            Some(FieldTest::Owned(field)) => (line(field), format!("{path}.{field} has the owner's tag")),
        }
    }

    /// The value at a path of keys; `None` if it is absent or null.
    pub(super) fn node(&self, node: NodeId, path: &str) -> Option<NodeId> {
        let found = path.split('.').try_fold(node, |at, key| self.tree.value(at, key))?;
        (!self.tree.is_null(found)).then_some(found)
    }

    /// The key at a path.
    fn key(&self, node: NodeId, path: &str) -> Option<NodeId> {
        let (above, last) =
            path.rsplit_once('.').map_or((node, path), |(above, last)| (self.node(node, above).unwrap_or(node), last));
        let entries = self.tree.entries(above)?;
        entries.iter().map(|&(key, _)| key).find(|&key| self.tree.text(key) == Some(last))
    }

    pub(super) fn line(&self, span: Span) -> usize {
        line_of(self.bytes, span.start)
    }
}
