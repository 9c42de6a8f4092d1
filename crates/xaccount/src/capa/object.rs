//! Objects of manifests, read with the spans of their fields.

use crate::diag::Span;
use crate::kustomize::{GitOps, gitops};
use lossless_yaml::{Lookup, NodeId, Tree};

use super::account_scoped::{AccountScoped, Companion, companions, to_an_account};
use super::alive::{Mark, mark};
use super::beyond_clusterawsadm::{BeyondClusterawsadm, beyond_clusterawsadm};
use super::cluster_class::{ClusterClass, cluster_class};
use super::controller_facts::{ControllerFact, controller_fact};
use super::evidence::{AccountEvidence, evidence, is_only_evidence};
use super::field::{
    ClassReference, Field, IdentityReference, ObjectReference, Reference, State, descend, meta, reference_at,
};
use super::identity::{
    ControllerIdentity, RoleIdentity, StaticIdentity, controller_identity, role_identity, static_identity,
};
use super::labels::Labels;
use super::misplaced::misplaced;
use super::observed::{Observed, observed};
use super::refused_field::{ExaminedKind, RefusedField, refused_fields};
use super::tables::{IdentityKind, REFERENCING_KINDS, ReferencingKind, Typed, Version, WITHOUT_REFERENCE, classify};
use super::topology::{Topology, TopologyCluster, class_templates, cluster};
use super::twice::{Decisive, Twice, twice};
use super::wrapper::Wrapper;

/// The kind of an object, as far as this program distinguishes kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A kind with an identity reference in a fixed place.
    Referencing {
        /// Its row of the table.
        kind_row: &'static ReferencingKind,
        /// Its version.
        version: Version,
        /// The reference.
        reference: Box<IdentityReference>,
        /// `spec.region`, or the template's.
        region: Field,
        /// Values of its spec that belong to one account: EC2 ids, ARNs, the name of an SSH key.
        account_scoped: Vec<AccountScoped>,
        /// Other objects that a ROSAControlPlane is built from.
        companions: Vec<Companion>,
    },
    /// A Cluster.
    Cluster {
        /// `spec.infrastructureRef` and `spec.controlPlaneRef`.
        refers_to: Vec<ObjectReference>,
        /// The places for a reference in its topology; empty without a topology or with another provider.
        references: Vec<IdentityReference>,
        /// Whether it has a topology whose variables name neither AWS nor another provider.
        unclear: bool,
        /// The region in its variables.
        region: Option<String>,
        /// The class of its topology.
        class: Option<ClassReference>,
        /// Its topology, if it has a class.
        topology: Option<Box<Topology>>,
    },
    /// A ClusterClass.
    Class(Box<ClusterClass>),
    /// A role identity.
    Identity(Box<RoleIdentity>, Version),
    /// The controller identity.
    Controller(Box<ControllerIdentity>),
    /// A static identity.
    Static(Box<StaticIdentity>, Version),
    /// A Namespace; only if it was requested, see [`beside`].
    Namespace,
    /// A Secret; only if it was requested, see [`beside`]. Only its name and namespace are read.
    Secret,
    /// Another object that shows something about the pod of CAPA, or about what it needs in AWS; only if it was requested,
    /// see [`beside`].
    OfController,
    /// Another object that shows in which account a cluster's resources are; only if it was requested, see [`beside`].
    Evidence,
    /// An object of Flux or Argo CD that applies a directory.
    GitOps(GitOps),
    /// An object of another program that contains or creates clusters; only if it was requested, see [`wrapper`](super::wrapper()).
    Wrapper(Box<Wrapper>),
    /// A CAPA object that can't be read with certainty: why, and what to do.
    Refused(String, &'static str),
    /// A CAPA object of a kind without a reference, with an `identityRef` in its `spec`: the API server drops it.
    Elsewhere(Span),
    /// Anything else.
    Foreign,
}

/// An object of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// As written.
    pub api_version: String,
    /// As written.
    pub kind: String,
    /// `metadata.name`, if it is a scalar.
    pub name: Option<String>,
    /// `metadata.namespace`, if it is a scalar.
    pub namespace: Option<String>,
    /// The span of the namespace.
    pub namespace_span: Option<Span>,
    /// `metadata.labels`
    pub labels: Labels,
    /// A key that decides the account and whose value depends on the YAML reader.
    pub twice: Option<Box<Twice>>,
    /// References in places where the API server drops them: the path of the mapping, for example `/spec`, and the key.
    pub misplaced: Vec<(String, String, Span)>,
    /// Values that the API server refuses for their type or form, as written; see [`Object::refusals`].
    pub refused_fields: Box<[RefusedField]>,
    /// The span of its `kind`.
    pub kind_span: Span,
    /// Where the object begins.
    pub start: usize,
    /// The evidence that the object is or was in a management cluster, if there is any.
    pub alive: Option<Box<Mark>>,
    /// What it is.
    pub object_kind: ObjectKind,
    /// Whether kustomize reads it and does not build it: an annotation says that it is for tools only (kustomize,
    /// `kyaml/kio/filters/local.go`).
    pub is_local_config: bool,
    /// Whether controllers of Cluster API skip it: the annotation `cluster.x-k8s.io/paused`, with any value
    /// (kubernetes-sigs/cluster-api, `util/annotations/helpers.go`).
    pub is_paused: bool,
    /// What kustomizations do with it; `None` if it is applied as it is.
    pub applied: Option<Box<Applied>>,
    /// In which accounts its resources are, as far as it shows that.
    pub evidence: Box<[AccountEvidence]>,
    /// What controllers wrote into it, if an API server returned it.
    pub observed: Option<Box<Observed>>,
    /// What it shows about the pod of CAPA.
    pub controller_fact: Option<Box<ControllerFact>>,
    /// Its fields that need permissions which clusterawsadm does not grant.
    pub beyond_clusterawsadm: Box<[BeyondClusterawsadm]>,
}

/// What kustomizations do with an object before it is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One for each different result, in the order of the builds.
    pub places: Vec<AppliedPlace>,
}

/// One of the places to which an object is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedPlace {
    /// The namespace; `None` if neither the object nor a kustomization sets it.
    pub namespace: Option<String>,
    /// What sets the namespace, if it is not the object: `overlays/prod/kustomization.yaml:3`.
    pub from: Option<String>,
    /// The labels that are added.
    pub labels: Vec<(String, String)>,
    /// The region that a patch sets.
    pub region: Option<String>,
    /// The reference that a patch sets.
    pub reference: Option<PatchedReference>,
    /// Why neither the manifest nor a patch shows what is applied.
    pub uncertain: Option<Uncertain>,
}

/// An identity reference that a patch sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchedReference {
    /// The place of the patch: `overlays/prod/kustomization.yaml:7`.
    pub place: String,
    /// The kind of the identity.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Why a manifest does not show what is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncertain {
    /// What changes the object: `overlays/prod/kustomization.yaml:7`.
    pub place: String,
    /// What it does, in a few words.
    pub why: &'static str,
    /// The command that prints what is applied.
    pub build: String,
}

impl PatchedReference {
    /// A reference of an object with this one in its place.
    pub fn in_place_of(&self, reference: &IdentityReference) -> IdentityReference {
        let text = |text: &String| Field::Text(text.clone(), reference.span);
        let state = State::Set(Box::new(Reference {
            kind: text(&self.kind),
            name: text(&self.name),
            span: reference.span,
            own: true,
            is_alias: false,
            unknown: Vec::new(),
        }));
        IdentityReference { state, ..reference.clone() }
    }
}

impl AppliedPlace {
    /// The place of an object that nothing changes.
    pub(crate) fn as_written(object: &Object) -> Self {
        Self {
            namespace: object.written_namespace().map(str::to_owned),
            from: None,
            labels: Vec::new(),
            region: None,
            reference: None,
            uncertain: None,
        }
    }

    /// The place of what changes the object's reference, or a field that decides its verdict.
    pub fn changed_by(&self) -> Option<&str> {
        let reference = self.reference.as_ref().map(|reference| &reference.place);
        reference.or(self.uncertain.as_ref().map(|uncertain| &uncertain.place)).map(String::as_str)
    }
}

impl ObjectKind {
    /// Whether the object is, or claims to be, of Cluster API or CAPA, and so must be read with certainty.
    pub fn is_capa(&self) -> bool {
        !matches!(
            self,
            Self::Foreign
                | Self::Elsewhere(_)
                | Self::Namespace
                | Self::Secret
                | Self::OfController
                | Self::Evidence
                | Self::Class(_)
                | Self::GitOps(_)
                | Self::Wrapper(_)
        )
    }
}

impl Object {
    /// The namespace that kustomizations put the object in, or its own; `None` if neither sets one. If there are
    /// several, its own.
    pub fn own_namespace(&self) -> Option<&str> {
        let places = self.applied.as_deref().map_or(&[][..], |applied| &applied.places);
        match places {
            [first, more @ ..] if more.iter().all(|one| one.namespace == first.namespace) => first.namespace.as_deref(),
            _ => self.written_namespace(),
        }
    }

    /// The namespace in its manifest; `None` if it is missing or empty.
    pub fn written_namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|own| !own.is_empty())
    }

    /// The values that the API server refuses for their type or form once the object is applied: kustomize writes
    /// annotations as strings, and a kustomization can set the namespace (`api/resource/resource.go` of
    /// kubernetes-sigs/kustomize).
    pub fn refusals(&self) -> impl Iterator<Item = &RefusedField> {
        let places = self.applied.as_deref().map_or(&[][..], |applied| &applied.places);
        let sets_namespace = !places.is_empty() && places.iter().all(|place| place.from.is_some());
        self.refused_fields.iter().filter(move |field| match field.path.get(1).map(String::as_str) {
            Some("annotations") => places.is_empty() || field.quoted.is_none(),
            Some("namespace") => !sets_namespace,
            _ => true,
        })
    }

    /// Why its manifest does not show what is applied.
    pub fn uncertain(&self) -> Option<&Uncertain> {
        self.applied.as_deref()?.places.iter().find_map(|place| place.uncertain.as_ref())
    }

    /// The places of the object that have an identity reference, or can get one.
    pub fn references(&self) -> impl Iterator<Item = &IdentityReference> {
        let (one, many): (Option<&IdentityReference>, &[IdentityReference]) = match &self.object_kind {
            ObjectKind::Referencing { reference, .. } => (Some(reference), &[]),
            ObjectKind::Cluster { references, .. } => (None, references),
            _ => (None, &[]),
        };
        one.into_iter().chain(many)
    }

    /// Whether it is a template, from which clusters are made.
    pub fn is_template(&self) -> bool {
        matches!(&self.object_kind, ObjectKind::Referencing { kind_row, .. } if kind_row.template)
    }

    /// What it references, or of an identity, its source.
    pub fn uses(&self) -> impl Iterator<Item = &State> {
        let source = match &self.object_kind {
            ObjectKind::Identity(identity, _) => Some(&identity.source),
            _ => None,
        };
        source.into_iter().chain(self.references().map(|reference| &reference.state))
    }

    /// The role ARN of a role identity, if it is a text.
    pub fn role_arn(&self) -> Option<&str> {
        match &self.object_kind {
            ObjectKind::Identity(identity, _) => identity.role_arn.text(),
            _ => None,
        }
    }

    /// The region in the object's spec, its template's spec, or its topology's variables.
    pub fn region(&self) -> Option<&str> {
        match &self.object_kind {
            ObjectKind::Referencing { region, .. } => region.text(),
            ObjectKind::Cluster { region, .. } => region.as_deref(),
            _ => None,
        }
    }
}

/// Reads the object at `node`. `variable` names a topology variable that gets a reference even if it does not exist
/// yet. `None` if there is no apiVersion or kind, so that it is not a Kubernetes object.
pub fn view(tree: &Tree<'_>, node: NodeId, variable: Option<&[String]>) -> Option<Object> {
    let api_version = Field::of(tree, node, "apiVersion");
    let kind = Field::of(tree, node, "kind");
    if let Some(object) = uncertain_type(tree, node, &api_version, &kind) {
        return Some(object);
    }
    let (Field::Text(api_version, _), Field::Text(kind, kind_span)) = (api_version, kind) else {
        return None;
    };
    Some(view_as(tree, node, api_version, kind, kind_span, variable))
}

/// Reads the object at `node` as an object of this type. `kind_span` is the place of its kind.
pub(super) fn view_as(
    tree: &Tree<'_>,
    node: NodeId,
    api_version: String,
    kind: String,
    kind_span: Span,
    variable: Option<&[String]>,
) -> Object {
    let object_kind = kind_of(tree, node, &api_version, &kind, variable);
    let controller_fact = controller_fact(tree, node, &api_version, &kind).map(Box::new);
    let beyond_clusterawsadm = beyond_clusterawsadm(tree, node, &api_version, &kind).into();
    Object {
        name: meta(tree, node, "name"),
        namespace: meta(tree, node, "namespace"),
        namespace_span: tree.value(node, "metadata").and_then(|meta| Field::of(tree, meta, "namespace").span()),
        labels: Labels::of(tree, node),
        twice: decisive(&object_kind).and_then(|decisive| twice(tree, node, decisive)).map(Box::new),
        misplaced: misplaced_in(tree, node, &object_kind),
        refused_fields: examined(&api_version, &kind, &object_kind)
            .map_or_else(Box::default, |kind| refused_fields(tree, node, kind).into()),
        // Not needed for kinds without a reference.
        alive: match &object_kind {
            ObjectKind::Referencing { .. } | ObjectKind::Cluster { .. } => mark(tree, node, &api_version, &kind),
            _ => None,
        },
        evidence: evidence(tree, node, &api_version, &kind),
        observed: match &object_kind {
            ObjectKind::Referencing { .. } => observed(tree, node, &kind),
            _ => None,
        },
        api_version,
        kind,
        kind_span,
        start: tree.span(node).start,
        object_kind,
        is_local_config: is_local_config(tree, node),
        is_paused: annotation(tree, node, "cluster.x-k8s.io/paused").is_some(),
        applied: None,
        controller_fact,
        beyond_clusterawsadm,
    }
}

/// Which fields of an object are examined for what the API server refuses.
fn examined(api_version: &str, kind: &str, object_kind: &ObjectKind) -> Option<ExaminedKind> {
    Some(match object_kind {
        ObjectKind::Referencing { kind_row, .. } => ExaminedKind::Referencing { has_region: kind_row.has_region },
        ObjectKind::Cluster { .. } => ExaminedKind::Cluster,
        ObjectKind::Identity(..) => ExaminedKind::RoleIdentity,
        ObjectKind::Controller(_) | ObjectKind::Static(..) => ExaminedKind::Identity,
        _ if (api_version, kind) == ("v1", "Namespace") => ExaminedKind::Namespace,
        _ if (api_version, kind) == ("v1", "Secret") => ExaminedKind::Secret,
        _ => return None,
    })
}

fn is_local_config(tree: &Tree<'_>, node: NodeId) -> bool {
    let value = annotation(tree, node, "config.kubernetes.io/local-config");
    value.is_some_and(|value| tree.text(value) != Some("false"))
}

/// The value of an annotation.
fn annotation(tree: &Tree<'_>, node: NodeId, name: &str) -> Option<NodeId> {
    let annotations = descend(tree, node, &["metadata", "annotations"])?;
    tree.value(annotations, name)
}

/// The object as a refused one, if its apiVersion and kind are not certain.
fn uncertain_type(tree: &Tree<'_>, node: NodeId, api_version: &Field, kind: &Field) -> Option<Object> {
    for (field, key) in [(kind, "kind"), (api_version, "apiVersion")] {
        if let Field::Ambiguous(span) = field {
            let type_meta =
                TypeMeta { api_version: api_version.text().unwrap_or_default(), kind: kind.text().unwrap_or(UNKNOWN) };
            let why = format!("duplicate key '{key}': kubectl uses the last one, other tools refuse the file");
            return Some(refused(tree, node, type_meta, *span, why, "remove one of them and run again"));
        }
    }
    for key in ["kind", "apiVersion"] {
        let node_of = tree.value(node, key).map(|value| tree.node(tree.resolve(value)));
        if let Some(tag) = node_of.and_then(|value| value.tag()).filter(|tag| &tree.text[tag.range()] != "!!str") {
            let type_meta = TypeMeta { api_version: api_version.text().unwrap_or_default(), kind: UNKNOWN };
            let why = format!("the {key} has a YAML tag, so its value is not certain");
            let way_out = "write it without a tag and run again";
            return Some(refused(tree, node, type_meta, tag.shifted(tree.base), why, way_out));
        }
    }
    None
}

/// The [`ObjectKind`] for an apiVersion and kind, with the fields that are read.
fn kind_of(tree: &Tree<'_>, node: NodeId, api_version: &str, kind: &str, variable: Option<&[String]>) -> ObjectKind {
    match classify(api_version, kind) {
        Typed::Foreign => match gitops(tree, node, api_version, kind) {
            Some(one) => ObjectKind::GitOps(one),
            None => elsewhere(tree, node, api_version, kind),
        },
        Typed::Refused(why) => ObjectKind::Refused(
            why,
            "use an apiVersion that your management cluster serves: kubectl api-resources | grep -i aws",
        ),
        Typed::Identity(IdentityKind::Static, version) => {
            ObjectKind::Static(Box::new(static_identity(tree, node)), version)
        }
        Typed::Identity(IdentityKind::Controller, _) => {
            ObjectKind::Controller(Box::new(controller_identity(tree, node)))
        }
        Typed::Identity(IdentityKind::Role, version) => {
            ObjectKind::Identity(Box::new(role_identity(tree, node, api_version)), version)
        }
        Typed::ReferencingKind(kind_row, version) => {
            let path = kind_row.parent.iter().chain(&["identityRef"]).map(|&key| key.to_owned()).collect();
            let parent = descend(tree, node, kind_row.parent);
            // The API server drops a region of a kind that has none.
            let region_of = parent.filter(|_| kind_row.has_region);
            ObjectKind::Referencing {
                kind_row,
                version,
                reference: Box::new(reference_at(tree, node, path, None)),
                region: region_of.map_or(Field::Absent, |parent| Field::of(tree, parent, "region")),
                account_scoped: parent.map_or_else(Vec::new, |parent| to_an_account(tree, parent)),
                companions: parent.map_or_else(Vec::new, |parent| companions(tree, parent)),
            }
        }
        Typed::Cluster => {
            let TopologyCluster { refers_to, references, unclear, region, class, topology } =
                cluster(tree, node, api_version, variable);
            ObjectKind::Cluster { refers_to, references, unclear, region, class, topology }
        }
        Typed::Class => {
            let templates = class_templates(tree, node, api_version);
            ObjectKind::Class(Box::new(cluster_class(tree, node, templates)))
        }
    }
}

/// The keys of an object that decide the account.
fn decisive(object_kind: &ObjectKind) -> Option<Decisive> {
    match object_kind {
        ObjectKind::Referencing { .. } => Some(Decisive::Labels),
        ObjectKind::Identity(..) | ObjectKind::Controller(_) | ObjectKind::Static(..) => Some(Decisive::Metadata),
        ObjectKind::Class(_) => Some(Decisive::Class),
        ObjectKind::Cluster { .. } => Some(Decisive::Cluster),
        _ => None,
    }
}

/// References in places where the API server drops them.
fn misplaced_in(tree: &Tree<'_>, node: NodeId, object_kind: &ObjectKind) -> Vec<(String, String, Span)> {
    match object_kind {
        ObjectKind::Referencing { kind_row, .. } => misplaced(tree, node, kind_row.parent, true),
        ObjectKind::Cluster { references, refers_to, .. } => {
            let is_capa = refers_to.iter().any(|to| REFERENCING_KINDS.iter().any(|kind_row| kind_row.kind == to.kind));
            if references.is_empty() && !is_capa { Vec::new() } else { misplaced(tree, node, &["spec"], false) }
        }
        _ => Vec::new(),
    }
}

/// [`ObjectKind::Elsewhere`] for a CAPA kind without a reference that has an `identityRef` in its `spec` nevertheless.
fn elsewhere(tree: &Tree<'_>, node: NodeId, api_version: &str, kind: &str) -> ObjectKind {
    let is_capa = api_version.split_once('/').is_some_and(|(group, _)| WITHOUT_REFERENCE.contains(&(group, kind)));
    let spec = if is_capa { descend(tree, node, elsewhere_spec(kind)) } else { None };
    match spec.map(|spec| tree.get(spec, "identityRef")) {
        Some(Lookup::Own { key, .. }) => ObjectKind::Elsewhere(tree.span(key)),
        _ => ObjectKind::Foreign,
    }
}

/// The path of the `spec` in which [`ObjectKind::Elsewhere`] has its `identityRef`: a template's is nested.
pub(crate) fn elsewhere_spec(kind: &str) -> &'static [&'static str] {
    if kind.ends_with("Template") { &["spec", "template", "spec"] } else { &["spec"] }
}

/// Sets the kind of a Namespace, a Secret or an object that shows something about the pod of CAPA or about what it needs
/// in AWS, which are [`ObjectKind::Foreign`] otherwise. Whether an identity may be used can depend on them.
pub fn beside(object: &mut Object) {
    if object.object_kind != ObjectKind::Foreign {
        return;
    }
    match (object.api_version.as_str(), object.kind.as_str()) {
        ("v1", "Namespace") => object.object_kind = ObjectKind::Namespace,
        ("v1", "Secret") => {
            object.object_kind = ObjectKind::Secret;
            object.labels = Labels::default();
        }
        _ if is_only_evidence(&object.api_version, &object.kind) => object.object_kind = ObjectKind::Evidence,
        _ if object.controller_fact.is_some() || !object.beyond_clusterawsadm.is_empty() => {
            object.object_kind = ObjectKind::OfController;
        }
        _ => {}
    }
}

/// The kind in messages if it is unknown.
const UNKNOWN: &str = "object";

/// The apiVersion and kind of an object, as far as they are known.
pub(super) struct TypeMeta<'a> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
}

/// An object that can't be read with certainty; `span` is the reason's place.
pub(super) fn refused(
    tree: &Tree<'_>,
    node: NodeId,
    type_meta: TypeMeta<'_>,
    span: Span,
    why: String,
    way_out: &'static str,
) -> Object {
    Object {
        api_version: type_meta.api_version.to_owned(),
        kind: type_meta.kind.to_owned(),
        name: meta(tree, node, "name"),
        namespace: meta(tree, node, "namespace"),
        namespace_span: tree.value(node, "metadata").and_then(|meta| Field::of(tree, meta, "namespace").span()),
        labels: Labels::default(),
        twice: None,
        misplaced: Vec::new(),
        refused_fields: Box::default(),
        kind_span: span,
        start: tree.span(node).start,
        alive: None,
        object_kind: ObjectKind::Refused(why, way_out),
        is_local_config: false,
        is_paused: false,
        applied: None,
        controller_fact: None,
        beyond_clusterawsadm: Box::default(),
        evidence: Box::default(),
        observed: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::State;
    use super::*;
    use lossless_yaml::yaml;

    fn read(text: &str) -> Object {
        let tree = yaml::read(text, 0).unwrap();
        view(&tree, tree.root, None).unwrap()
    }

    #[test]
    fn numbers_are_read_as_kubectl_reads_them() {
        let number = |text: &str| Field::Typed(text.into(), Span::default()).whole_number();
        for text in ["3600", "+3600", "3_600", "0xe10", "0b111000010000", "0o7020", "07020", "3600.0", "3.6e3", "36e2"]
        {
            assert_eq!(number(text), Some(3600), "{text}");
        }
        for (text, expected) in [
            ("0900", Some(900)),
            ("0", Some(0)),
            ("-900", Some(-900)),
            ("900.5", None),
            ("true", None),
            ("1e300", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn a_reference_is_seen_in_every_state() {
        let head = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\n";
        for (rest, present, unset) in [
            ("", 0, true),
            ("spec:\n", 0, true),
            ("spec: {}\n", 1, true),
            ("spec: {identityRef: }\n", 1, true),
            ("spec: {identityRef: {}}\n", 2, false),
            ("spec: {identityRef: {kind: K, name: n}}\n", 2, false),
        ] {
            let ObjectKind::Referencing { reference, .. } = read(&format!("{head}{rest}")).object_kind else {
                panic!("{rest}")
            };
            assert_eq!((reference.present, reference.state == State::Unset), (present, unset), "{rest}");
        }
    }
}
