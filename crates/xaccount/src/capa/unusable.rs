//! Rules for the kind and name in a reference to an identity.

use super::tables::IdentityKind;

/// Minimum Jaro-Winkler similarity at which a kind may be a misspelling of another.
const SIMILAR: f64 = 0.8;

/// Why CAPA can't use a reference with a kind and a name. Displays as the rest of a sentence that starts with the
/// reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableReference {
    /// No kind.
    #[error("has no kind")]
    NoKind,
    /// A kind that is not in the CRD's enumeration.
    #[error("has the kind {0}, which is not a kind of identity")]
    UnknownKind(String),
    /// No name.
    #[error("has no name")]
    NoName,
    /// A controller identity of another name than `default`.
    #[error("references AWSClusterControllerIdentity/{0}, but CAPA accepts only the one named default")]
    OtherController(String),
}

impl UnusableReference {
    /// The list of kinds, with the most similar one, if the kind is wrong.
    pub fn kinds(&self) -> Option<String> {
        let kinds = IdentityKind::ALL.map(IdentityKind::name);
        let all = format!("the kinds are {}", kinds.join(", "));
        match self {
            Self::NoKind => Some(all),
            Self::UnknownKind(kind) => {
                let similar = kinds.map(|known| (strsim::jaro_winkler(known, kind), known)).into_iter();
                let nearest = similar.filter(|(score, _)| *score >= SIMILAR).max_by(|a, b| a.0.total_cmp(&b.0));
                Some(nearest.map_or(all.clone(), |(_, known)| format!("perhaps {known}; {all}")))
            }
            Self::NoName | Self::OtherController(_) => None,
        }
    }
}

/// The kind of identity that a reference names.
///
/// # Errors
/// A reference that the CRDs refuse (`config/crd/bases`: an enumeration of kinds, names of at least one character), or
/// that CAPA refuses before it looks for the object (`pkg/cloud/scope/session.go`, `buildProvidersForRef`): both in
/// v2.11.1.
pub fn referenced_kind(kind: &str, name: &str) -> Result<IdentityKind, UnusableReference> {
    match IdentityKind::named(kind) {
        None if kind.is_empty() => Err(UnusableReference::NoKind),
        None => Err(UnusableReference::UnknownKind(kind.to_owned())),
        Some(_) if name.is_empty() => Err(UnusableReference::NoName),
        Some(IdentityKind::Controller) if name != "default" => Err(UnusableReference::OtherController(name.to_owned())),
        Some(known) => Ok(known),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_capa_can_not_use_has_a_reason() {
        let reason = |kind: &str, name: &str| referenced_kind(kind, name).unwrap_err();
        assert_eq!(referenced_kind("AWSClusterControllerIdentity", "default"), Ok(IdentityKind::Controller));
        assert_eq!(referenced_kind("AWSClusterRoleIdentity", "x"), Ok(IdentityKind::Role));
        assert_eq!(reason("", ""), UnusableReference::NoKind);
        assert_eq!(reason("AWSClusterControllerIdentity", ""), UnusableReference::NoName);
        assert_eq!(reason("AWSClusterControllerIdentity", "x"), UnusableReference::OtherController("x".into()));
        let perhaps = |kind: &str| reason(kind, "x").kinds().unwrap().starts_with("perhaps AWSClusterRoleIdentity;");
        assert!(perhaps("AWSClusterRoleIdentiy") && perhaps("AWSRoleIdentity") && !perhaps("Secret"));
    }
}
