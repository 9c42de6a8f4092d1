//! Tests that `status` gives the same result for objects of a cluster as for their manifests, except for places.

use super::*;
use crate::aws::AccountId;
use crate::inventory::{AnyOrigin, File, Live, Scan, scan};

const IDENTITIES: &str = "
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterControllerIdentity
metadata: {name: default}
spec: {allowedNamespaces: {}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSClusterRoleIdentity
metadata: {name: heron}
spec:
  allowedNamespaces: {list: [waders]}
  roleARN: arn:aws:iam::222222222222:role/controllers.cluster-api-provider-aws.sigs.k8s.io
  sourceIdentityRef: {kind: AWSClusterControllerIdentity, name: default}
---
";

/// A Cluster `NAME-owner` and its AWSCluster.
fn cluster(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {{name: {name}-owner, namespace: {namespace}}}
spec: {{infrastructureRef: {{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, name: {name}}}}}
---
apiVersion: infrastructure.cluster.x-k8s.io/v1beta2
kind: AWSCluster
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{{spec}}}
---
"
    )
}

fn manifests(clusters: &[String]) -> Inventory {
    let needles = crate::capa::needles_with_surroundings();
    let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    let text = format!("{IDENTITIES}{}", clusters.concat());
    let file = File { name: "a.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false };
    Inventory::new(vec![file], scan(FileId(0), text.as_bytes(), &options).unwrap().objects)
}

/// The same objects as an API server would return them.
fn live(inventory: &Inventory) -> Inventory<Live> {
    inventory.to_live(&Live { context: "kind-management".into() })
}

fn clusters() -> [String; 4] {
    let heron = "identityRef: {kind: AWSClusterRoleIdentity, name: heron}";
    [
        cluster("waders", "grey", heron),
        cluster("ducks", "teal", heron),
        cluster("ducks", "eider", "region: eu-central-1"),
        cluster("ducks", "smew", "identityRef: {kind: AWSClusterRoleIdentity, name: nobody}"),
    ]
}

/// The result of a status for clusters and accounts.
fn specified<O: Provenance>(status: &Status<'_, O>) -> Vec<String> {
    let account: AccountId = "222222222222".parse().unwrap();
    let names = std::collections::BTreeMap::new();
    let map = map(status, &super::MapOptions { path: &|_| None, names: &names, source: None });
    let rows = status.rows.iter().map(|row| format!("{row}, {:?} {:?}", row.account, row.verdict.notes));
    let warnings = status.warnings.iter().map(ToString::to_string);
    let paths = access_paths(status, &account).into_iter().map(|path| format!("{path:?}"));
    let users = used_by(status, &account).into_iter().map(Row::title);
    let map = std::iter::once(map.value.to_string()).chain(map.not_expressed);
    rows.chain(warnings).chain(paths).chain(users).chain(map).collect()
}

fn places<O: Provenance>(status: &Status<'_, O>) -> Vec<String> {
    status.rows.iter().map(|row| status.inventory.place(&status.inventory[row.object])).collect()
}

#[test]
fn a_cluster_is_evaluated_like_its_manifests() {
    let manifests = manifests(&clusters());
    let (live, any) = (live(&manifests), Inventory::<AnyOrigin>::from(manifests.clone()));
    for namespace in ["default", "ducks"] {
        let options = Options::default();
        let place = |one: Inventory| one.with_default_namespace(namespace);
        let manifests = place(manifests.clone());
        let (live, any) =
            (live.clone().with_default_namespace(namespace), any.clone().with_default_namespace(namespace));
        let (of_files, of_cluster) = (status(&manifests, &options), status(&live, &options));
        assert_eq!(specified(&of_cluster), specified(&of_files));
        assert_eq!(specified(&status(&any, &options)), specified(&of_files));
        assert!(moves(&of_files, &of_cluster).is_empty());
    }
    let options = Options::default();
    let of_files = status(&manifests, &options);
    let rows: Vec<String> = of_files.rows.iter().map(ToString::to_string).collect();
    assert_eq!(rows[0], "waders/grey-owner: permitted, account 222222222222");
    assert_eq!(rows.len(), 4);
    assert_eq!(places(&of_files), ["a.yaml:21", "a.yaml:32", "a.yaml:43", "a.yaml:54"]);
    assert_eq!(places(&status(&live, &options)), ["context kind-management"; 4]);
    assert_eq!(places(&status(&any, &options)), places(&of_files));
    assert_eq!(places(&status(&Inventory::<AnyOrigin>::from(live), &options)), ["context kind-management"; 4]);
}

#[test]
fn a_move_out_of_a_cluster_has_a_place_only_in_the_file() {
    let options = Options::default();
    let before = live(&manifests(&clusters()));
    let mut now = clusters();
    now[0] = cluster("waders", "grey", "region: eu-central-1");
    let after = manifests(&now[..3]);
    let moves = moves(&status(&before, &options), &status(&after, &options));
    let causes: Vec<_> = moves.iter().map(|one| (one.title.as_str(), one.cause.what, one.cause.at.is_some())).collect();
    assert_eq!(causes, [("ducks/smew-owner", "gone", false), ("waders/grey-owner", "identityRef", true)]);
    assert_eq!(before.place(&before[moves[0].cause.object]), "context kind-management");
}
