//! Random cases: the manifests of one cluster and of what it uses. Most are almost right, so that CAPA reaches the end of
//! the chain; each part is sometimes replaced by a form that the API server, a webhook or CAPA treats in its own way.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// Manifests, and the release of CAPA that they are applied to. The first object is the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) release: &'static str,
    pub(crate) objects: Vec<Value>,
}

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";
const ROLE: &str = "AWSClusterRoleIdentity";
const STATIC: &str = "AWSClusterStaticIdentity";
const CONTROLLER: &str = "AWSClusterControllerIdentity";
const ROLES: [&str; 3] = ["alpha", "beta", "gamma"];
const NAMESPACES: [&str; 3] = ["dev", "prod", "default"];

/// The case of a seed.
pub(crate) fn case(release: &'static str, seed: u64) -> Case {
    let mut random = Random::new(seed);
    let odd = *random.pick(&[0, 25, 25, 60, 120]);
    let namespace = *random.pick(&NAMESPACES);
    let mut writer = Writer { random, odd, namespace };
    Case { release, objects: writer.objects() }
}

struct Writer {
    random: Random,
    /// How often a part is odd, of 1000.
    odd: usize,
    namespace: &'static str,
}

impl Writer {
    fn objects(&mut self) -> Vec<Value> {
        let mut objects = vec![self.cluster("c1", self.namespace)];
        let mut others = self.identities();
        // Most cases are small: an identity that the cluster doesn't use is rare.
        let used = used(&objects[0], &others);
        others.retain(|object| {
            used.contains(&object["metadata"]["name"]) || object["kind"] != ROLE || self.random.chance(150)
        });
        if self.random.chance(600) {
            others.push(self.namespace_object(self.namespace));
        }
        if self.random.chance(150) {
            others.push(self.namespace_object("other"));
        }
        if self.random.chance(100) {
            let namespace = *self.random.pick(&NAMESPACES);
            others.push(self.cluster("c2", namespace));
        }
        while !others.is_empty() {
            let next = self.random.below(others.len());
            objects.push(others.remove(next));
        }
        objects
    }

    fn odd(&mut self) -> bool {
        self.random.chance(self.odd)
    }

    fn one(&mut self, all: &[Value]) -> Value {
        self.random.pick(all).clone()
    }

    // The cluster

    fn cluster(&mut self, name: &str, namespace: &str) -> Value {
        let kinds = [
            ("AWSCluster", INFRASTRUCTURE, 600),
            ("AWSManagedControlPlane", "controlplane.cluster.x-k8s.io", 200),
            ("ROSAControlPlane", "controlplane.cluster.x-k8s.io", 70),
            ("ROSANetwork", INFRASTRUCTURE, 50),
            ("ROSARoleConfig", INFRASTRUCTURE, 50),
            ("ROSAOCMRoleConfig", INFRASTRUCTURE, 30),
        ];
        let mut drawn = self.random.below(1000);
        let (kind, group, _) = *kinds
            .iter()
            .find(|(_, _, weight)| {
                let found = drawn < *weight;
                drawn = drawn.saturating_sub(*weight);
                found
            })
            .unwrap();
        let mut metadata = self.metadata(name);
        if kind != "ROSAOCMRoleConfig" && (namespace != "default" || self.random.chance(500)) {
            metadata.insert("namespace".into(), json!(namespace));
        }
        if kind != "ROSAOCMRoleConfig" && self.odd() {
            let value = self.one(&[json!(12), json!("Dev"), Value::Null, json!(true), json!(""), json!("a.b")]);
            metadata.insert("namespace".into(), value);
        }
        if self.random.chance(40) {
            metadata.insert("annotations".into(), json!({"cluster.x-k8s.io/paused": "true"}));
        }
        let mut spec = spec_of(kind);
        if let Some(reference) = self.reference(false) {
            spec.insert("identityRef".into(), reference);
        }
        if self.odd() {
            spec.insert("region".into(), self.random.pick(&[json!(5), Value::Null, json!("")]).clone());
        }
        self.object(group, kind, metadata, spec)
    }

    /// A reference of a cluster, or of a role identity to its source.
    fn reference(&mut self, source: bool) -> Option<Value> {
        if self.odd() {
            let odd = [
                None,
                Some(Value::Null),
                Some(json!({})),
                Some(json!("default")),
                Some(json!([])),
                Some(json!({"kind": ROLE})),
                Some(json!({"name": "alpha"})),
                Some(json!({"kind": ROLE, "name": ""})),
                Some(json!({"kind": ROLE, "name": null})),
                Some(json!({"kind": null, "name": "alpha"})),
                Some(json!({"kind": ROLE, "name": 12})),
                Some(json!({"kind": "AWSClusterRole", "name": "alpha"})),
                Some(json!({"kind": "awsclusterroleidentity", "name": "alpha"})),
                Some(json!({"kind": CONTROLLER, "name": "other"})),
                Some(json!({"kind": ROLE, "name": "Alpha"})),
                Some(json!({"kind": ROLE, "name": "alpha", "namespace": "dev"})),
            ];
            return self.random.pick(&odd).clone();
        }
        let draw = self.random.below(100);
        Some(match (source, draw) {
            (false, 0..15) => return None,
            (false, 15..25) | (true, 0..60) => json!({"kind": CONTROLLER, "name": "default"}),
            (_, 60..85) | (false, 25..60) => json!({"kind": ROLE, "name": self.random.pick(&ROLES)}),
            _ => json!({"kind": STATIC, "name": "keys"}),
        })
    }

    // Identities

    fn identities(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        for name in ROLES {
            if self.random.chance(800) {
                all.push(self.role(name));
            }
        }
        if self.random.chance(600) {
            all.push(self.static_identity());
            if self.random.chance(850) {
                all.push(self.secret());
            }
        }
        if self.random.chance(550) {
            all.push(self.controller());
        }
        all
    }

    fn role(&mut self, name: &str) -> Value {
        let metadata = self.metadata(name);
        let mut spec = Map::new();
        let arn = match self.odd() {
            false => json!(format!("arn:aws:iam::{}:role/capa", self.random.pick(&["111111111111", "222222222222"]))),
            true => self.one(&[
                Value::Null,
                json!(""),
                json!(12),
                json!("capa"),
                json!("arn:aws:iam::2222:role/capa"),
                json!("arn:aws:sts::222222222222:assumed-role/capa/s"),
                json!("arn:aws:iam::222222222222:user/capa"),
                json!("arn:aws:iam::222222222222:role/"),
                json!(["arn:aws:iam::222222222222:role/capa"]),
            ]),
        };
        if !self.odd() {
            spec.insert("roleARN".into(), arn);
        }
        if let Some(source) = self.reference(true) {
            spec.insert("sourceIdentityRef".into(), source);
        }
        self.allowed_namespaces(&mut spec);
        let fields: [(&str, &[Value], &[Value]); 5] = [
            (
                "sessionName",
                &[json!("capa"), json!("ab")],
                &[json!("a"), json!(12), json!(""), Value::Null, json!("a b")],
            ),
            (
                "externalID",
                &[json!("a:b/c"), json!("12")],
                &[json!("a"), json!(12), json!(""), Value::Null, json!("a b")],
            ),
            (
                "durationSeconds",
                &[json!(900), json!(3600), json!(3601), json!(43200)],
                &[json!(899), json!(43201), json!("900"), json!(900.5), Value::Null, json!(0), json!(1800.0)],
            ),
            ("inlinePolicy", &[json!("{}")], &[json!({}), json!(""), Value::Null]),
            (
                "policyARNs",
                &[json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]), json!([])],
                &[json!("arn"), json!(12), json!([12]), json!([null]), json!({}), Value::Null],
            ),
        ];
        for (field, right, odd) in fields {
            let often = if self.odd() { Some(odd) } else { self.random.chance(150).then_some(right) };
            if let Some(values) = often {
                spec.insert(field.into(), self.one(values));
            }
        }
        if self.random.chance(60) {
            let long = "a".repeat(65);
            spec.insert("sessionName".into(), json!(long));
        }
        if self.odd() {
            spec.insert((*self.random.pick(&["externalId", "roleArn"])).into(), json!("text"));
        }
        self.object(INFRASTRUCTURE, ROLE, metadata, spec)
    }

    fn static_identity(&mut self) -> Value {
        let metadata = self.metadata("keys");
        let mut spec = Map::new();
        let secret = match self.odd() {
            false => json!("keys-secret"),
            true => self.one(&[json!(""), Value::Null, json!(12), json!({"name": "keys-secret"}), json!("missing")]),
        };
        if !self.odd() {
            spec.insert("secretRef".into(), secret);
        }
        self.allowed_namespaces(&mut spec);
        self.object(INFRASTRUCTURE, STATIC, metadata, spec)
    }

    fn controller(&mut self) -> Value {
        let name = if self.odd() { "other" } else { "default" };
        let metadata = self.metadata(name);
        let mut spec = Map::new();
        self.allowed_namespaces(&mut spec);
        self.object(INFRASTRUCTURE, CONTROLLER, metadata, spec)
    }

    fn secret(&mut self) -> Value {
        let mut metadata = self.metadata("keys-secret");
        let namespace = if self.odd() { self.one(&[json!("dev"), Value::Null]) } else { json!("capa-system") };
        metadata.insert("namespace".into(), namespace);
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata});
        let data = match self.random.below(2) {
            0 => ("data", json!({"AccessKeyID": "YQ==", "SecretAccessKey": "Yg=="})),
            _ => ("stringData", json!({"AccessKeyID": "a", "SecretAccessKey": "b"})),
        };
        secret[data.0] = data.1;
        secret
    }

    fn namespace_object(&mut self, name: &str) -> Value {
        let mut metadata = self.metadata(name);
        if self.random.chance(700) {
            let env = *self.random.pick(&["dev", "prod"]);
            metadata.insert("labels".into(), json!({"env": env, "team": "a"}));
        }
        if self.odd() {
            let labels = [
                json!({"env": null}),
                json!({"env": 5}),
                json!({"env": true}),
                json!({"env": ""}),
                json!({"team": null, "env": "dev"}),
            ];
            metadata.insert("labels".into(), self.one(&labels));
        }
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    }

    // Parts of any object

    fn object(&mut self, group: &str, kind: &str, metadata: Map<String, Value>, spec: Map<String, Value>) -> Value {
        let version = if self.odd() { *self.random.pick(&["v1beta1", "v1alpha4", "v1alpha3"]) } else { "v1beta2" };
        let mut object = json!({"apiVersion": format!("{group}/{version}"), "kind": kind});
        if !self.random.chance(self.odd / 3) {
            object["metadata"] = Value::Object(metadata);
        }
        object["spec"] = Value::Object(spec);
        if self.random.chance(self.odd / 3) {
            object["spec"] = self.one(&[Value::Null, json!("text"), json!([]), json!(5), json!({})]);
        }
        object
    }

    fn metadata(&mut self, name: &str) -> Map<String, Value> {
        let mut metadata = Map::new();
        metadata.insert("name".into(), json!(name));
        if self.random.chance(self.odd / 2) {
            let names = [json!("C_1"), json!(12), Value::Null, json!(true), json!(""), json!("UPPER")];
            metadata.insert("name".into(), self.one(&names));
        }
        if self.random.chance(100) {
            metadata.insert("labels".into(), self.random.pick(&[json!({"team": "a"}), json!({}), Value::Null]).clone());
        }
        for field in ["labels", "annotations"] {
            if self.random.chance(self.odd / 2) {
                let values = [
                    json!({"a": null}),
                    json!({"a": 5}),
                    json!({"a": true}),
                    json!({"a": "-b"}),
                    json!({"-a": "b"}),
                    json!({"a": {}}),
                    json!([]),
                    json!("text"),
                    json!({"A/b": "c"}),
                ];
                metadata.insert(field.into(), self.one(&values));
            }
        }
        metadata
    }

    fn allowed_namespaces(&mut self, spec: &mut Map<String, Value>) {
        let value = match self.random.below(100) {
            0..45 => json!({}),
            45..60 => json!({"list": [self.namespace, "x"]}),
            60..75 => json!({"selector": self.selector()}),
            75..80 => json!({"list": ["x"], "selector": self.selector()}),
            _ if self.odd > 0 => return self.odd_allowed(spec),
            _ => json!({"list": [self.random.pick(&NAMESPACES)], "selector": {}}),
        };
        spec.insert("allowedNamespaces".into(), value);
    }

    fn odd_allowed(&mut self, spec: &mut Map<String, Value>) {
        let namespace = self.namespace;
        let values = [
            Value::Null,
            json!({"list": null}),
            json!({"list": []}),
            json!({"list": [null]}),
            json!({"list": [null, namespace]}),
            json!({"list": [12]}),
            json!({"list": namespace}),
            json!({"list": ["*"]}),
            json!({"list": null, "selector": {}}),
            json!({"list": [], "selector": {}}),
            json!({"selector": {}}),
            json!({"selector": null}),
            json!({"selector": "x"}),
            json!({"selector": []}),
            json!({"selector": {"env": "dev"}}),
            json!({"namespaces": [namespace]}),
            json!({"List": [namespace]}),
            json!({"matchLabels": {"env": "dev"}}),
            json!([namespace]),
            json!("all"),
            json!(5),
            json!(false),
        ];
        match self.random.below(values.len() + 3) {
            0 => {}
            1 | 2 => {
                let value = json!({"list": [], "selector": self.odd_selector()});
                spec.insert("allowedNamespaces".into(), value);
            }
            _ => {
                spec.insert("allowedNamespaces".into(), self.one(&values));
            }
        }
    }

    fn selector(&mut self) -> Value {
        if self.odd() {
            return self.odd_selector();
        }
        let label = self.random.pick(&["dev", "prod"]).to_owned();
        let values = [
            json!({"matchLabels": {"env": label}}),
            json!({"matchLabels": {"env": label, "team": "a"}}),
            json!({"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}),
            json!({"matchExpressions": [{"key": "env", "operator": "In", "values": [label, "qa"]}]}),
            json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": [label]}]}),
            json!({"matchExpressions": [{"key": "team", "operator": "Exists"}]}),
            json!({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}),
            json!({"matchLabels": {"env": label}, "matchExpressions": [{"key": "team", "operator": "Exists", "values": []}]}),
        ];
        self.one(&values)
    }

    fn odd_selector(&mut self) -> Value {
        let one = |expression: Value| json!({"matchExpressions": [expression]});
        let values = [
            json!({"matchLabels": {}}),
            json!({"matchLabels": null}),
            json!({"matchLabels": {"env": null}}),
            json!({"matchLabels": {"env": "dev", "team": null}}),
            json!({"matchLabels": {"env": 5}}),
            json!({"matchLabels": {"env": true}}),
            json!({"matchLabels": {"-env": "dev"}}),
            json!({"matchLabels": {"env": "-dev"}}),
            json!({"matchLabels": {"env": ""}}),
            json!({"matchLabels": []}),
            json!({"matchExpressions": []}),
            json!({"matchExpressions": null}),
            json!({"matchExpressions": {}}),
            json!({"matchExpressions": [null]}),
            json!({"matchLabels": {}, "matchExpressions": []}),
            one(json!({})),
            one(json!({"key": "env"})),
            one(json!({"key": "env", "operator": "Equals", "values": ["dev"]})),
            one(json!({"key": "env", "operator": "in", "values": ["dev"]})),
            one(json!({"key": "env", "operator": "In"})),
            one(json!({"key": "env", "operator": "In", "values": []})),
            one(json!({"key": "env", "operator": "In", "values": null})),
            one(json!({"key": "env", "operator": "In", "values": [null]})),
            one(json!({"key": "env", "operator": "In", "values": ["dev", null]})),
            one(json!({"key": "env", "operator": "In", "values": [5]})),
            one(json!({"key": "env", "operator": "NotIn", "values": []})),
            one(json!({"key": "env", "operator": "NotIn", "values": [""]})),
            one(json!({"key": "env", "operator": "Exists", "values": ["dev"]})),
            one(json!({"key": "env", "operator": "DoesNotExist", "values": ["dev"]})),
            one(json!({"key": "", "operator": "Exists"})),
            one(json!({"key": null, "operator": "Exists"})),
            one(json!({"operator": "Exists"})),
            one(json!({"key": 5, "operator": "Exists"})),
            one(json!({"key": "env", "operator": null})),
            one(json!({"key": "env", "operator": "Exists", "extra": 1})),
            json!({"matchlabels": {"env": "dev"}}),
        ];
        self.one(&values)
    }
}

/// The names of the identities that a cluster reaches.
fn used(cluster: &Value, identities: &[Value]) -> Vec<Value> {
    let mut used = vec![cluster["spec"]["identityRef"]["name"].clone()];
    let mut next = 0;
    while let Some(name) = used.get(next).cloned() {
        next += 1;
        for identity in identities.iter().filter(|identity| identity["metadata"]["name"] == name) {
            let source = identity["spec"]["sourceIdentityRef"]["name"].clone();
            if !used.contains(&source) {
                used.push(source);
            }
        }
    }
    used
}

/// The fields that the kind requires, in every release.
fn spec_of(kind: &str) -> Map<String, Value> {
    let arn = "arn:aws:iam::333333333333:role/r";
    let spec = match kind {
        "AWSCluster" | "AWSManagedControlPlane" => json!({"region": "us-east-1"}),
        "ROSAControlPlane" => json!({
            "availabilityZones": ["us-east-1a"], "channelGroup": "stable", "installerRoleARN": arn, "oidcID": "o",
            "region": "us-east-1", "rosaClusterName": "c1", "subnets": ["subnet-a", "subnet-b"],
            "rolesRef": {
                "controlPlaneOperatorARN": arn, "imageRegistryARN": arn, "ingressARN": arn, "kmsProviderARN": arn,
                "kubeCloudControllerARN": arn, "networkARN": arn, "nodePoolManagementARN": arn, "storageARN": arn,
            },
            "supportRoleARN": arn, "version": "4.18.0", "versionGate": "WaitForAcknowledge", "workerRoleARN": arn,
        }),
        "ROSANetwork" => {
            json!({"cidrBlock": "10.0.0.0/16", "region": "us-east-1", "stackName": "s", "availabilityZones": ["us-east-1a"]})
        }
        "ROSARoleConfig" => json!({
            "accountRoleConfig": {"prefix": "p", "version": "4.18.0"}, "oidcProviderType": "Managed",
            "operatorRoleConfig": {"prefix": "p"},
        }),
        _ => json!({"profile": "Admin", "rolePrefix": "p"}),
    };
    match spec {
        Value::Object(spec) => spec,
        _ => Map::new(),
    }
}
