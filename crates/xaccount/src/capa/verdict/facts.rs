//! All that the verdicts of a run hang on, as tables.

use std::collections::HashMap;

use super::steps::Steps;
use crate::capa::labels::Labels;
use crate::capa::release::Release;

/// What the objects of a run say.
pub(super) struct Facts {
    pub(super) release: Release,
    pub(super) steps: Steps,
    /// Labels by the namespace's name; `None` where two documents differ.
    pub(super) namespaces: HashMap<String, Option<Labels>>,
    /// Whether CAPA makes the controller identity by itself.
    pub(super) made: bool,
}

impl Facts {
    /// The labels of a namespace, where they are known.
    pub(super) fn labels(&self, namespace: &str) -> Option<&Labels> {
        self.namespaces.get(namespace)?.as_ref()
    }
}
