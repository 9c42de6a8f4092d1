//! What a reference to an identity must name.

use super::tables::IdentityKind;

/// From this Jaro-Winkler similarity on, a kind may be a misspelling of another.
const SIMILAR: f64 = 0.8;

/// Why a kind and a name are not a reference that CAPA can use. As text, what follows the reference in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableReference {
    /// No kind.
    #[error("has no kind")]
    NoKind,
    /// Another kind than the CRD's enumeration has.
    #[error("names the kind {0}, which is not a kind of identity")]
    UnknownKind(String),
    /// No name.
    #[error("has no name")]
    NoName,
    /// A controller identity of another name than `default`.
    #[error("names AWSClusterControllerIdentity/{0}, but CAPA knows only the one named default")]
    OtherController(String),
}

impl UnusableReference {
    /// Which kinds there are, and which of them may be meant, where the kind is wrong.
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
/// What the CRDs refuse (`config/crd/bases`: an enumeration of kinds, names of at least one character), and what CAPA refuses
/// before it looks for the object (`pkg/cloud/scope/session.go`, `buildProvidersForRef`): both in v2.11.1.
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
