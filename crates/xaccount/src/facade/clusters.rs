//! `status` in memory.

use super::error::Error;
use super::manifests::{Manifests, ReadManifests};
use crate::capa::{Release, needles_with_surroundings};
use crate::diag::Diagnostic;
use crate::inventory::Inventory;
use crate::status::{self, Options, Row};

/// What CAPA will do with each cluster, as far as the manifests show.
#[derive(Clone, Debug)]
pub struct StatusReport {
    inventory: Inventory,
    release: Release,
    rows: Vec<Row>,
    warnings: Vec<Diagnostic>,
}

/// Evaluates every cluster: in which account it is, through which identities, and whether CAPA allows that.
///
/// ```
/// use xaccount::Manifests;
///
/// let yaml = "\
/// apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
/// kind: AWSCluster
/// metadata: {name: heron, namespace: dev}
/// spec: {identityRef: {kind: AWSClusterRoleIdentity, name: prod}}
/// ---
/// apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
/// kind: AWSClusterRoleIdentity
/// metadata: {name: prod}
/// spec:
///   allowedNamespaces: {list: [prod]}
///   roleARN: arn:aws:iam::222222222222:role/capa
///   sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}
/// ";
/// let report = xaccount::status(&Manifests::from_bytes("heron.yaml", yaml))?;
/// let [cluster] = report.clusters() else { panic!("one cluster") };
/// assert!(cluster.is_refused());
/// assert_eq!(cluster.account.word(), "222222222222");
/// assert!(cluster.to_string().starts_with("dev/heron: denied, account 222222222222: "));
/// # Ok::<(), xaccount::Error>(())
/// ```
///
/// # Errors
/// Every document that names a CAPA kind and can't be read.
pub fn status(manifests: &Manifests) -> Result<StatusReport, Error> {
    let ReadManifests { inventory, mut warnings, .. } = manifests.read(&needles_with_surroundings(), false)?.counted();
    let options = Options { release: manifests.release };
    let status = status::status(&inventory, &options);
    let (release, rows) = (status.cluster_state.release(), status.rows);
    warnings.extend(status.warnings);
    Ok(StatusReport { inventory, release, rows, warnings })
}

impl StatusReport {
    /// The clusters and their templates, in the order of the files: one row for each reference that differs.
    pub fn clusters(&self) -> &[Row] {
        &self.rows
    }

    /// The release of CAPA that they are evaluated for.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The warnings.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// All objects, indexed by [`Row::object`], and the files.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: heron}\nspec: {region: eu-west-1}\n";

    /// `NAMESPACE/NAME OUTCOME ACCOUNT` of each cluster.
    fn rows(files: &[(&str, &str)]) -> Vec<String> {
        let report = status(&Manifests::new(files.iter().copied()).unwrap()).unwrap();
        let row = |row: &Row| format!("{} {} {}", row.title(), row.verdict.outcome.name(), row.account.word());
        report.clusters().iter().map(row).collect()
    }

    #[test]
    fn an_object_is_where_its_kustomizations_put_it() {
        let base = [("base/heron.yaml", CLUSTER), ("base/kustomization.yaml", "resources: [heron.yaml]\n")];
        let dev = ("dev/kustomization.yaml", "namespace: dev\nresources: [../base]\n");
        let eu = ("eu/kustomization.yaml", "namespace: eu\nresources: [../dev]\n");
        let qa = ("qa/kustomization.yml", "namespace: qa\nresources: [../base]\n");
        assert_eq!(rows(&base), ["default/heron permitted source"]);
        assert_eq!(rows(&[base[0], base[1], dev]), ["dev/heron permitted source"]);
        assert_eq!(rows(&[base[0], base[1], dev, eu]), ["eu/heron permitted source"]);
        let both = rows(&[base[0], base[1], dev, qa]);
        assert_eq!(both, ["dev/heron permitted source", "qa/heron permitted source"]);
        let root = ("kustomization.yaml", "resources: [dev, qa]\n");
        assert_eq!(rows(&[base[0], base[1], dev, qa, root]), both);
        let cycle = ("base/kustomization.yaml", "resources: [heron.yaml, ../base, ../dev]\n");
        rows(&[base[0], cycle, dev]);
    }

    #[test]
    fn what_a_patch_changes_is_unknown() {
        let built = |patch: &str| {
            let text =
                format!("resources: [heron.yaml]\npatches:\n- target: {{kind: AWSCluster}}\n  patch: '{patch}'\n");
            rows(&[("heron.yaml", CLUSTER), ("kustomization.yaml", &text)])
        };
        let add = |path: &str, value: &str| format!("[{{\"op\": \"add\", \"path\": \"{path}\", \"value\": {value}}}]");
        assert_eq!(built(&add("/spec/region", "\"eu-west-2\"")), ["default/heron permitted source"]);
        assert_eq!(built(&add("/spec/identityRef", "{\"name\": \"x\"}")), ["default/heron unknown unknown"]);
        assert_eq!(built(&add("/spec", "{}")), ["default/heron unknown unknown"]);
        let controller = "{\"kind\": \"AWSClusterControllerIdentity\", \"name\": \"default\"}";
        assert_eq!(built(&add("/spec/identityRef", controller)), ["default/heron permitted source"]);
    }

    #[test]
    fn a_source_of_flux_that_may_be_another_repository_is_not_followed() {
        let flux = |source: &str| {
            format!(
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {source}}}\nspec: {{path: ./dev, targetNamespace: eu, sourceRef: {{kind: GitRepository, name: {source}}}}}\n"
            )
        };
        let (own, other) = (flux("flux-system"), flux("other").replace("./dev", "./apps"));
        let of = |flux: &str| rows(&[("flux.yaml", flux), ("dev/heron.yaml", CLUSTER)]);
        assert_eq!(of(&own), ["eu/heron permitted source"]);
        assert_eq!(of(&format!("{own}---\n{other}")), ["eu/heron permitted source"]);
        let (own, other) = (own.replace("./dev", "./apps"), other.replace("./apps", "./dev"));
        assert_eq!(of(&format!("{own}---\n{other}")), ["default/heron unknown unknown"]);
    }

    #[test]
    fn what_the_api_server_refuses_is_not_permitted() {
        let of = |old: &str, new: &str| rows(&[("heron.yaml", &CLUSTER.replace(old, new))]);
        assert_eq!(of("", ""), ["default/heron permitted source"]);
        for refused in [
            "{name: heron, labels: {account: 222222222222}}",
            "{name: heron, labels: {-a: b}}",
            "{name: heron, labels: {a: -b}}",
            "{name: heron, labels: [a]}",
            "{name: heron, annotations: {a: true}}",
            "{name: Heron}",
            "{name: heron, namespace: 12}",
            "{name: heron, namespace: a.b}",
        ] {
            let found = of("{name: heron}", refused);
            assert!(found[0].contains(" error "), "{refused}: {found:?}");
        }
        assert_eq!(of("{region: eu-west-1}", "{region: 5}"), ["default/heron error source"]);
        for accepted in [
            "{name: heron, labels: {account: '222222222222', a: , b: ''}}",
            "{name: heron, labels: {a: '${B}'}, annotations: {A/b: '-'}}",
            "{name: heron, namespace: '12'}",
            "{name: 'heron.${DOMAIN}'}",
        ] {
            let found = of("{name: heron}", accepted);
            assert!(found[0].contains(" permitted "), "{accepted}: {found:?}");
        }
    }

    #[test]
    fn an_object_that_is_not_reconciled_makes_no_controller_identity() {
        let found = |metadata: &str| rows(&[("heron.yaml", &CLUSTER.replace("{name: heron}", metadata))]);
        let paused = "{name: heron, annotations: {cluster.x-k8s.io/paused: ''}}";
        assert_eq!(found(paused), ["default/heron unknown source"]);
    }

    #[test]
    fn a_label_without_a_value_selects_nothing() {
        let of = |labels: &str| {
            let identity = format!(
                "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterControllerIdentity\nmetadata: {{name: default}}\nspec: {{allowedNamespaces: {{selector: {{matchLabels: {labels}}}}}}}\n"
            );
            let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {env: dev}}\n";
            rows(&[("heron.yaml", CLUSTER), ("identity.yaml", &identity), ("namespace.yaml", namespace)])
        };
        assert_eq!(of("{env: dev, team: }"), ["default/heron permitted source"]);
        assert_eq!(of("{env: prod, team: }"), ["default/heron denied source"]);
        assert_eq!(of("{env: dev, team: ''}"), ["default/heron denied source"]);
        assert_eq!(of("{team: }"), ["default/heron denied source"]);
    }

    const IDENTITIES: &str = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterRoleIdentity\nmetadata: {name: role}\nspec:\n  roleARN: arn:aws:iam::222222222222:role/capa\n  sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}\n  allowedNamespaces: {}\n---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterControllerIdentity\nmetadata: {name: default}\nspec: {allowedNamespaces: {}}\n";

    /// The first row for a cluster with a role identity, after a change of the identities, for a release.
    fn with_identities(old: &str, new: &str, release: &str) -> String {
        let cluster = CLUSTER.replace(
            "{region: eu-west-1}",
            "{region: eu-west-1, identityRef: {kind: AWSClusterRoleIdentity, name: role}}",
        );
        assert!(IDENTITIES.contains(old), "{old}");
        let files = [("heron.yaml", cluster), ("identities.yaml", IDENTITIES.replacen(old, new, 1))];
        let manifests = Manifests::new(files).unwrap().with_release(release.parse().unwrap());
        let report = status(&manifests).unwrap();
        let row = &report.clusters()[0];
        format!("{} {}", row.verdict.outcome.name(), row.account.word())
    }

    #[test]
    fn a_refused_controller_identity_does_not_close_what_capa_opens() {
        let of = |spec: &str| {
            let identity = format!(
                "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterControllerIdentity\nmetadata: {{name: default}}\nspec: {spec}\n"
            );
            rows(&[("heron.yaml", CLUSTER), ("identity.yaml", &identity)])
        };
        assert_eq!(of("{allowedNamespaces: {list: [other]}}"), ["default/heron denied source"]);
        assert_eq!(of("{allowedNamespaces: [other]}"), ["default/heron permitted source"]);
        // No cluster makes CAPA create one.
        let refused =
            with_identities("{name: default}\nspec: {allowedNamespaces: {}}", "{name: default}\nspec: x", "2.13");
        assert_eq!(refused, "error 222222222222");
    }

    #[test]
    fn an_identity_with_labels_is_kept_as_written_since_v2_13() {
        let of = |metadata: &str, spec: &str, release: &str| {
            with_identities(
                "{name: role}\nspec:\n  roleARN: arn:aws:iam::222222222222:role/capa\n",
                &format!("{metadata}\nspec:\n{spec}"),
                release,
            )
        };
        let (labels, arn) = ("{name: role, labels: {a: b}}", "  roleARN: arn:aws:iam::222222222222:role/capa\n");
        let null = format!("{arn}  policyARNs: [null]\n");
        for (metadata, spec, release, expected) in [
            (labels, arn, "2.13", "permitted 222222222222"),
            (labels, &null, "2.12.1", "permitted 222222222222"),
            (labels, &null, "2.13", "error 222222222222"),
            ("{name: role}", &null, "2.13", "permitted 222222222222"),
        ] {
            assert_eq!(of(metadata, spec, release), expected, "{metadata} {spec} {release}");
        }
    }

    #[test]
    fn an_identity_of_a_version_that_is_not_served_does_not_exist() {
        assert_eq!(with_identities("v1beta2", "v1beta1", "2.3"), "permitted 222222222222");
        assert_eq!(with_identities("v1beta2", "v1beta1", "2.4"), "error 222222222222");
        assert_eq!(with_identities("v1beta2", "v1beta3", "2.13"), "error 222222222222");
        assert_eq!(with_identities("v1beta2", "v1beta3", "2.14"), "permitted 222222222222");
    }
}
