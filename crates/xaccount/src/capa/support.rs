//! Whether a release of CAPA serves an object's kind and version, and whether that kind has an identity reference in
//! it.

use super::field::State;
use super::object::{Object, ObjectKind};
use super::release::Release;
use super::tables::is_newer;

/// How far a release supports an object's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Support {
    /// The API server refuses the object: the release does not have its kind yet, or does not serve its version.
    NotServed,
    /// The API server accepts the object and drops its identity reference: the release has no such field.
    NoReference,
    /// The release supports all fields that this program reads.
    Full,
}

/// How far a release supports an object's kind; `None` for objects other than the CAPA kinds that this program reads.
pub fn support(object: &Object, release: Release) -> Option<Support> {
    let (version, served, reference) = match &object.object_kind {
        ObjectKind::Referencing { kind_row, version, .. } => {
            (*version, Release::of_table(kind_row.served_since), Release::of_table(kind_row.since))
        }
        ObjectKind::Identity(_, version) | ObjectKind::Static(_, version) => {
            (*version, Release::IDENTITIES, Release::IDENTITIES)
        }
        ObjectKind::Controller(_) => {
            let (_, version) = object.api_version.split_once('/')?;
            (version.parse().ok()?, Release::IDENTITIES, Release::IDENTITIES)
        }
        _ => return None,
    };
    Some(if release < served || !release.serves(version) {
        Support::NotServed
    } else if release < reference {
        Support::NoReference
    } else {
        Support::Full
    })
}

/// The first release that serves an object's kind.
pub fn served_since(object: &Object) -> Release {
    match &object.object_kind {
        ObjectKind::Referencing { kind_row, .. } => Release::of_table(kind_row.served_since),
        _ => Release::IDENTITIES,
    }
}

/// The first release that supports all of an object's manifest, including its identity reference if it has one.
pub fn read_since(object: &Object) -> Release {
    match &object.object_kind {
        ObjectKind::Referencing { kind_row, reference, .. } if reference.state != State::Unset => {
            Release::of_table(kind_row.since)
        }
        _ => served_since(object),
    }
}

/// The API server's message about an object of a version that the release does not serve.
pub fn not_served(object: &Object, release: Release) -> String {
    let Object { kind, api_version, .. } = object;
    let since = served_since(object);
    let yet = if release < since { format!(" yet; {since} is the first that does") } else { String::new() };
    format!("no matches for kind \"{kind}\" in version \"{api_version}\": CAPA {release} does not serve it{yet}")
}

/// Whether the API server refuses an object for its version in a release. A version that is newer than this program knows
/// counts as served by releases that are newer as well.
pub fn is_unserved(object: &Object, release: Release) -> bool {
    let newer = object.api_version.rsplit('/').next().is_some_and(is_newer) && object.object_kind.is_capa();
    support(object, release) == Some(Support::NotServed) || (newer && release <= Release::NEWEST)
}

/// Whether the API server checks the schema of an identity on what was written: the defaulting webhook only adds a label
/// to identities without labels (`SetDefaults_Labels`, `api/v1beta2/defaults.go`), and otherwise the missing fields are
/// checked as empty ones.
pub fn is_kept_as_written(object: &Object, release: Release) -> bool {
    let places = object.applied.as_deref().map_or(&[][..], |applied| &applied.places);
    let has_labels = object.labels.iter().next().is_some() || places.iter().any(|place| !place.labels.is_empty());
    release >= Release::KEEPS_WRITTEN && has_labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capa::{REFERENCING_KINDS, view};
    use lossless_yaml::{Source, parse};

    /// `config/crd/bases` at each tag.
    #[test]
    fn kinds_and_fields_come_at_their_release() {
        let infra = "infrastructure.cluster.x-k8s.io";
        let plane = "controlplane.cluster.x-k8s.io";
        for (group, version, kind, rows) in [
            (
                infra,
                "v1alpha3",
                "AWSCluster",
                &[("0.4.9", 'n'), ("0.5.0", 'r'), ("0.6.4", 'r'), ("0.6.5", 'f'), ("1.5.5", 'f'), ("2.0.0", 'n')][..],
            ),
            (infra, "v1beta2", "AWSCluster", &[("1.5.5", 'n'), ("2.0.0", 'f'), ("2.13.0", 'f')]),
            (infra, "v1alpha3", "AWSClusterRoleIdentity", &[("0.6.4", 'n'), ("0.6.5", 'f')]),
            (infra, "v1alpha3", "AWSClusterControllerIdentity", &[("0.6.4", 'n'), ("0.6.5", 'f')]),
            (infra, "v1alpha4", "AWSClusterTemplate", &[("0.6.9", 'n'), ("0.7.0", 'f')]),
            (
                plane,
                "v1alpha3",
                "AWSManagedControlPlane",
                &[("0.6.0", 'n'), ("0.6.1", 'r'), ("0.6.4", 'r'), ("0.6.5", 'f')],
            ),
            (plane, "v1beta2", "AWSManagedControlPlaneTemplate", &[("2.8.4", 'n'), ("2.9.0", 'f')]),
            (plane, "v1beta2", "ROSAControlPlane", &[("2.2.5", 'n'), ("2.3.0", 'r'), ("2.3.5", 'r'), ("2.4.0", 'f')]),
            (infra, "v1beta2", "ROSANetwork", &[("2.9.1", 'n'), ("2.9.2", 'f')]),
            (infra, "v1beta2", "ROSARoleConfig", &[("2.9.1", 'n'), ("2.9.2", 'f')]),
            (
                infra,
                "v1beta2",
                "ROSAOCMRoleConfig",
                &[("2.11.1", 'n'), ("2.12.1", 'f'), ("2.13.0", 'f'), ("2.14.0", 'f')],
            ),
        ] {
            let text = format!("apiVersion: {group}/{version}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n");
            let source = Source::new(text.as_bytes());
            let tree = parse(&source.segments().next().unwrap()).unwrap();
            let object = view(&tree, tree.root, None).unwrap();
            for (release, wanted) in rows {
                let found = support(&object, release.parse().unwrap()).unwrap();
                let wanted = match wanted {
                    'n' => Support::NotServed,
                    'r' => Support::NoReference,
                    _ => Support::Full,
                };
                assert_eq!(found, wanted, "{kind} {version} in {release}");
            }
        }
    }

    #[test]
    fn the_table_has_releases() {
        for kind_row in &REFERENCING_KINDS {
            let (served, since): (Release, Release) =
                (kind_row.served_since.parse().unwrap(), kind_row.since.parse().unwrap());
            assert!(served <= since, "{}", kind_row.kind);
        }
    }
}
