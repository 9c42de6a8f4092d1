//! All facts that the verdicts depend on, as tables.

use std::collections::HashMap;

use super::steps::Steps;
use crate::capa::labels::Labels;
use crate::capa::release::Release;

/// The facts in a set of objects.
pub(super) struct Facts {
    pub(super) release: Release,
    pub(super) steps: Steps,
    /// Labels by the namespace's name; `None` if two documents differ.
    pub(super) namespaces: HashMap<String, Option<Labels>>,
    /// Whether CAPA creates the controller identity itself.
    pub(super) made: bool,
}

impl Facts {
    /// The labels of a namespace, if known.
    pub(super) fn labels(&self, namespace: &str) -> Option<&Labels> {
        self.namespaces.get(namespace)?.as_ref()
    }
}
