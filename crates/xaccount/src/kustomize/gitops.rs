//! The objects of Flux and Argo CD that apply a directory.

use crate::diag::Span;
use lossless_yaml::{NodeId, Tree};

use super::fields::{FieldText, Unreadable, field, list, map, text, texts};
use super::patch::{Patch, listed_patches};
use super::plain;

/// An object that applies a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitOps {
    /// A `Kustomization` of Flux.
    Flux(Box<FluxKustomization>),
    /// An `Application` of Argo CD.
    Argo(Box<Application>),
}

/// A `Kustomization` of Flux (fluxcd/kustomize-controller@8ccbdc90, `docs/spec/v1/kustomizations.md`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FluxKustomization {
    /// `spec.path`, plain and from the root of the source; the root itself is empty.
    pub(crate) path: String,
    /// The kind, namespace and name of its source. Without a namespace it is in that of the `Kustomization`.
    pub(crate) source: [String; 3],
    /// `spec.targetNamespace`
    pub(crate) namespace: Option<FieldText>,
    /// `spec.namePrefix` and `spec.nameSuffix`, if they are not empty.
    pub(crate) renames: Vec<(&'static str, String)>,
    /// `spec.commonMetadata.labels`
    pub(crate) labels: Vec<(String, String)>,
    /// `spec.patches`; up to `v1beta2` also `patchesStrategicMerge` and `patchesJson6902`, which contain objects.
    pub(crate) patches: Vec<Patch>,
    /// `spec.components`
    pub(crate) components: Vec<String>,
    /// The place of `spec.prune`, if it is true.
    pub(crate) prune: Option<Span>,
    /// The namespaces and names under `spec.dependsOn`.
    pub(crate) depends_on: Vec<(Option<String>, String)>,
    /// Whether it applies to another cluster (`spec.kubeConfig`).
    pub(crate) is_remote: bool,
}

/// An `Application` of Argo CD (argoproj/argo-cd@6328f8ba, `pkg/apis/application/v1alpha1/types.go`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// The paths of its sources, plain and from the root of the repository.
    pub(crate) paths: Vec<String>,
    /// `spec.destination.namespace`
    pub(crate) namespace: Option<String>,
}

/// Reads an object that applies a directory; `None` if it is something else, or can't be read.
pub(crate) fn gitops(tree: &Tree<'_>, node: NodeId, api_version: &str, kind: &str) -> Option<GitOps> {
    let (group, _) = api_version.split_once('/')?;
    let spec = tree.value(node, "spec")?;
    match (group, kind) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            flux(tree, spec).ok().map(|flux| GitOps::Flux(Box::new(flux)))
        }
        ("argoproj.io", "Application") => application(tree, spec).ok().map(|one| GitOps::Argo(Box::new(one))),
        _ => None,
    }
}

fn flux(tree: &Tree<'_>, spec: NodeId) -> Result<FluxKustomization, Unreadable> {
    let mut depends_on = Vec::new();
    for item in list(tree, spec, "dependsOn")? {
        let part = |name: &str| Ok::<_, Unreadable>(text(tree, item, name)?.map(|(text, _)| text));
        if let Some(name) = part("name")? {
            depends_on.push((part("namespace")?, name));
        }
    }
    let mut renames = Vec::new();
    for key in ["namePrefix", "nameSuffix"] {
        renames.extend(text(tree, spec, key)?.map(|(text, _)| (key, text)));
    }
    let source = field(tree, spec, "sourceRef")?;
    let part = |name: &str| {
        Ok::<_, Unreadable>(match source {
            Some(source) => text(tree, source, name)?.unwrap_or_default().0,
            None => String::new(),
        })
    };
    let metadata = field(tree, spec, "commonMetadata")?;
    let prune = field(tree, spec, "prune")?.filter(|&prune| tree.text(prune) == Some("true"));
    Ok(FluxKustomization {
        path: plain(&text(tree, spec, "path")?.unwrap_or_default().0).trim_start_matches('/').to_owned(),
        source: [part("kind")?, part("namespace")?, part("name")?],
        namespace: text(tree, spec, "targetNamespace")?,
        renames,
        labels: metadata.map_or(Ok(Vec::new()), |metadata| map(tree, metadata, "labels"))?,
        patches: listed_patches(tree, spec)?,
        components: texts(tree, spec, "components")?.into_iter().map(|(path, _)| path).collect(),
        prune: prune.map(|prune| tree.span(prune)),
        depends_on,
        is_remote: field(tree, spec, "kubeConfig")?.is_some_and(|config| !tree.is_null(config)),
    })
}

fn application(tree: &Tree<'_>, spec: NodeId) -> Result<Application, Unreadable> {
    let mut sources = list(tree, spec, "sources")?;
    sources.extend(field(tree, spec, "source")?);
    let path = |source: NodeId| Ok::<_, Unreadable>(text(tree, source, "path")?.map(|(path, _)| path));
    let paths = sources.into_iter().map(path).collect::<Result<Vec<_>, _>>()?;
    let destination = field(tree, spec, "destination")?;
    let namespace = destination.map(|one| text(tree, one, "namespace")).transpose()?.flatten();
    Ok(Application {
        paths: paths.iter().flatten().map(|path| plain(path).trim_start_matches('/').to_owned()).collect(),
        namespace: namespace.map(|(namespace, _)| namespace),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    fn read(text: &str) -> Option<GitOps> {
        let tree = yaml::read(text, 0).unwrap();
        let member = |name: &str| tree.text(tree.value(tree.root, name).unwrap()).unwrap().to_owned();
        gitops(&tree, tree.root, &member("apiVersion"), &member("kind"))
    }

    #[test]
    fn a_flux_kustomization_is_read() {
        let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec:\n  path: ./clusters/dev\n  prune: true\n  \
                    targetNamespace: dev\n  sourceRef: {kind: GitRepository, name: flux-system}\n  dependsOn: [{name: identities}]\n  \
                    patches: [{patch: \"- op: add\\n  path: /spec/identityRef\\n\", target: {kind: AWSCluster}}]\n";
        let Some(GitOps::Flux(flux)) = read(text) else { panic!() };
        assert_eq!((flux.path.as_str(), flux.source[0].as_str()), ("clusters/dev", "GitRepository"));
        assert_eq!(flux.namespace.as_ref().map(|(text, _)| text.as_str()), Some("dev"));
        assert_eq!(flux.depends_on, [(None, "identities".to_owned())]);
        assert!(flux.prune.is_some() && !flux.is_remote && flux.patches.len() == 1);
        assert!(read("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nspec: {}\n").is_none());
    }

    #[test]
    fn an_application_is_read() {
        let text = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  sources: [{path: a}, {chart: b}]\n  \
                    destination: {namespace: dev}\n";
        let Some(GitOps::Argo(one)) = read(text) else { panic!() };
        assert_eq!((one.paths.as_slice(), one.namespace.as_deref()), (&["a".to_owned()][..], Some("dev")));
    }
}
