//! The trust policy of the source account's role: what gives the role to the CAPA pod.
//!
//! Sources: IAM user guide, "IAM roles for Amazon EC2"; EKS user guide, "Assign IAM roles to Kubernetes service
//! accounts" and "Create IAM role with trust policy required by EKS Pod Identity".

use serde_json::{Map, Value, json};

use super::coverage::covers;
use super::edit::{Changes, PolicyText};
use super::grant::one_or_list;
use super::merge::MergeOutcome;
use crate::account_map::{Irsa, PodIdentity, ServiceAccount};
use crate::aws::policy::{Condition, Effect, Knowledge, KnownValues, Policy, Statement, TAG_SESSION, Truth};
use crate::aws::{AccountId, ClusterArn, Issuer, Partition, RoleArn};
use crate::diag::{SpannedError, escape_control};

/// What may assume the source account's role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceTrust {
    /// EC2, for the machines of an instance profile.
    InstanceProfile,
    /// The tokens of a service account, through the OIDC provider of the cluster's issuer.
    Irsa {
        /// The issuer of the cluster's tokens.
        issuer: Issuer,
        /// The ARN of the issuer's provider.
        provider: String,
        /// The audience of the tokens.
        audience: String,
        /// The service account.
        service_account: ServiceAccount,
    },
    /// EKS Pod Identity.
    PodIdentity {
        /// The cluster.
        cluster: ClusterArn,
        /// The service account.
        service_account: ServiceAccount,
        /// Whether EKS sends session tags; then the policy also names the service account.
        session_tags: bool,
        /// The role that EKS assumes after that of the association.
        target_role: Option<RoleArn>,
    },
}

/// A condition of the statement.
struct DemandedKey {
    operator: &'static str,
    key: String,
    value: String,
}

impl SourceTrust {
    /// That of a service account of a cluster whose OIDC provider is in this account.
    pub fn irsa(irsa: &Irsa, partition: Partition, account: &AccountId) -> Self {
        let issuer = irsa.issuer.value.clone();
        let provider = issuer.provider_arn(partition, account);
        Self::Irsa { issuer, provider, audience: irsa.audience.clone(), service_account: irsa.service_account.clone() }
    }

    /// That of an association.
    pub fn pod_identity(identity: &PodIdentity) -> Self {
        Self::PodIdentity {
            cluster: identity.cluster_arn.value.clone(),
            service_account: identity.service_account.clone(),
            session_tags: identity.session_tags,
            target_role: identity.target_role.as_ref().map(|role| role.value.clone()),
        }
    }

    /// Type and name of the principal.
    fn principal(&self) -> (&'static str, &str) {
        match self {
            Self::InstanceProfile => ("Service", "ec2.amazonaws.com"),
            Self::Irsa { provider, .. } => ("Federated", provider),
            Self::PodIdentity { .. } => ("Service", "pods.eks.amazonaws.com"),
        }
    }

    /// EKS always asks for both actions, with and without session tags.
    fn actions(&self) -> &'static [&'static str] {
        match self {
            Self::InstanceProfile => &["sts:AssumeRole"],
            Self::Irsa { .. } => &["sts:AssumeRoleWithWebIdentity"],
            Self::PodIdentity { .. } => &["sts:AssumeRole", TAG_SESSION],
        }
    }

    fn conditions(&self) -> Vec<DemandedKey> {
        let equals = |key: String, value: String| DemandedKey { operator: "StringEquals", key, value };
        match self {
            Self::InstanceProfile => Vec::new(),
            Self::Irsa { issuer, audience, service_account: ServiceAccount { namespace, name }, .. } => {
                let issuer = issuer.host_and_path();
                vec![
                    equals(format!("{issuer}:aud"), audience.clone()),
                    equals(format!("{issuer}:sub"), format!("system:serviceaccount:{namespace}:{name}")),
                ]
            }
            Self::PodIdentity { cluster, service_account, session_tags, .. } => {
                let mut all = vec![equals("aws:SourceAccount".to_owned(), cluster.account().to_string())];
                if *session_tags {
                    let tag = |tag: &str, value: &str| equals(format!("aws:RequestTag/{tag}"), value.to_owned());
                    all.push(tag("kubernetes-namespace", &service_account.namespace));
                    all.push(tag("kubernetes-service-account", &service_account.name));
                }
                let (key, value) = ("aws:SourceArn".to_owned(), cluster.to_string());
                all.push(DemandedKey { operator: "ArnEquals", key, value });
                all
            }
        }
    }

    /// The statement.
    pub fn statement(&self) -> Value {
        let (kind, name) = self.principal();
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": { kind: name },
            "Action": one_or_list(self.actions()),
        });
        let mut conditions: Map<String, Value> = Map::new();
        for DemandedKey { operator, key, value } in self.conditions() {
            conditions.entry(operator).or_insert_with(|| json!({}))[key] = value.into();
        }
        if !conditions.is_empty() {
            statement["Condition"] = conditions.into();
        }
        statement
    }

    /// A whole trust policy with only this statement.
    pub fn document(&self) -> Value {
        json!({ "Version": "2012-10-17", "Statement": [self.statement()] })
    }

    /// Adds the statement to a trust policy of strict JSON, unless the policy already has an equal or wider one.
    ///
    /// # Errors
    /// Not a trust policy, or every Deny that defeats the statement.
    pub fn merge(&self, document: &[u8]) -> Result<MergeOutcome, Vec<SpannedError>> {
        let text = PolicyText::read(document, true)?;
        let mut outcome = MergeOutcome { warnings: text.oddities(), ..MergeOutcome::default() };
        let (mut defeats, mut changes, mut missing) = (Vec::new(), Changes::default(), false);
        let (_, name) = self.principal();
        for action in self.actions() {
            for statement in &text.policy.statements {
                match (statement.effect, self.matches(action, &text.policy, statement)) {
                    (Effect::Deny, Truth::Yes) => {
                        let message = format!("{} denies {action} to {name}", statement.title());
                        let help = "a Deny overrides every Allow: change or remove that statement first";
                        defeats.push(SpannedError::new(message, statement.span).help(help));
                    }
                    (Effect::Deny, Truth::Maybe) => {
                        let message = format!("{} may deny {action} to {name}", statement.title());
                        let help =
                            "it depends on values that are unknown here; check it first if AWS answers AccessDenied";
                        outcome.warnings.push(SpannedError::new(message, statement.span).help(help));
                    }
                    (Effect::Allow, _) | (Effect::Deny, Truth::No) => {}
                }
            }
            let statements = text.policy.statements.iter();
            let mut granting = statements.filter(|statement| self.is_granted_by(action, &text.policy, statement));
            match granting.next() {
                Some(statement) => {
                    outcome.notes.push(format!("{name} is already granted {action} by {}", statement.title()));
                }
                None => missing = true,
            }
        }
        if missing {
            let guards = text.policy.statements.iter().filter_map(|statement| self.guard(&text.policy, statement));
            defeats.extend(guards);
        }
        if !defeats.is_empty() {
            return Err(defeats);
        }
        outcome
            .shortfalls
            .extend(text.policy.statements.iter().filter_map(|statement| self.open(&text.policy, statement)));
        if missing {
            changes.added.push(self.statement());
            outcome.notes.push(format!("a statement added for {name}"));
        }
        outcome.plan = text.plan(text.operations(changes)?);
        Ok(outcome)
    }

    /// The error about a statement that allows the principal under a condition of its own, which a second statement would
    /// bypass.
    fn guard(&self, policy: &Policy, statement: &Statement) -> Option<SpannedError> {
        let concerns = self.actions().iter().any(|action| self.concerns(action, statement) == Truth::Yes);
        let own = self.conditions();
        let is_other = |one: &&Condition| {
            !own.iter().any(|own| own.key.eq_ignore_ascii_case(&one.key.text))
                && one.holds(&self.knowledge(), policy.has_variables) != Truth::Yes
        };
        let condition = statement.conditions.iter().find(is_other)?;
        if statement.effect != Effect::Allow || !concerns {
            return None;
        }
        let (_, name) = self.principal();
        let key = escape_control(&condition.key.text);
        let message = format!("{} already allows {name} under a condition on {key}", statement.title());
        Some(
            SpannedError::new(message, condition.key.span)
                .help("a second statement next to it would bypass that condition")
                .help("change that statement manually, or remove it first"),
        )
    }

    /// Whether a statement concerns the principal and an action. Ignores conditions.
    fn concerns(&self, action: &str, statement: &Statement) -> Truth {
        let (kind, name) = self.principal();
        let types = statement.principals.iter().flat_map(|principals| &principals.types);
        let named = types.map(|(other, texts)| {
            let has = |wanted: &str| texts.texts.iter().any(|text| text.text == wanted);
            match other == kind {
                true if has(name) => Truth::Yes,
                // Whether everyone includes services and the users of a provider, AWS does not say.
                _ if has("*") => Truth::Maybe,
                _ => Truth::No,
            }
        });
        Truth::from_bool(covers(&statement.action, action)).and(named.max().unwrap_or(Truth::No))
    }

    /// Whether a statement applies to the pod's requests for an action, conditions included.
    fn matches(&self, action: &str, policy: &Policy, statement: &Statement) -> Truth {
        let knowledge = self.knowledge();
        let holds = statement.conditions.iter().map(|one| one.holds(&knowledge, policy.has_variables));
        holds.fold(self.concerns(action, statement), Truth::and)
    }

    fn is_granted_by(&self, action: &str, policy: &Policy, statement: &Statement) -> bool {
        statement.effect == Effect::Allow
            && statement.unknown.is_empty()
            && !statement.conditions.iter().any(Condition::is_loose)
            && self.matches(action, policy, statement) == Truth::Yes
    }

    /// The warning about a statement that allows more than this: other service accounts, or other clusters.
    fn open(&self, policy: &Policy, statement: &Statement) -> Option<SpannedError> {
        let action = self.actions().first()?;
        if !self.is_granted_by(action, policy, statement) {
            return None;
        }
        let demands = |one: &DemandedKey| {
            let is_same_arn =
                |other: &Condition| other.narrows(&one.key) && other.values.iter().all(|value| value.text == one.value);
            let mut conditions = statement.conditions.iter();
            conditions.any(|other| other.demands_one_of(&one.key, &[&one.value]) || is_same_arn(other))
        };
        // A service account's tokens have one audience, and a cluster is in one account.
        let is_implied = |key: &str| key.ends_with(":aud") || key == "aws:SourceAccount";
        let conditions = self.conditions();
        let missing: Vec<&str> = conditions
            .iter()
            .map(|one| (one, one.key.as_str()))
            .filter(|(one, key)| !is_implied(key) && !demands(one))
            .map(|(_, key)| key)
            .collect();
        if missing.is_empty() {
            return None;
        }
        let (_, name) = self.principal();
        let message = format!("{} allows {name} without a condition on {}", statement.title(), missing.join(", "));
        let who = match self {
            Self::Irsa { .. } => "other service accounts of the cluster can assume the role",
            _ => "other service accounts, or other EKS clusters of the account, can get the role",
        };
        let help = "replace its Condition with the one that iam source-trust prints without --merge";
        Some(SpannedError::new(message, statement.span).help(who).help(help))
    }

    /// What is certain about the pod's requests.
    fn knowledge(&self) -> Knowledge {
        let mut knowledge = Knowledge::default();
        for DemandedKey { key, value, .. } in self.conditions() {
            knowledge.learn(&key, KnownValues::one_of([value.as_str()]));
        }
        match self {
            Self::PodIdentity { cluster, service_account, session_tags: true, .. } => {
                let tags = [
                    ("eks-cluster-arn", cluster.as_str()),
                    ("eks-cluster-name", cluster.name()),
                    ("kubernetes-namespace", &service_account.namespace),
                    ("kubernetes-service-account", &service_account.name),
                ];
                for (tag, value) in tags {
                    knowledge.learn(&format!("aws:RequestTag/{tag}"), KnownValues::one_of([value]));
                }
            }
            Self::PodIdentity { .. } => {
                for key in ["aws:RequestTag/*", "aws:TagKeys"] {
                    knowledge.learn(key, KnownValues::absent());
                }
            }
            // No AWS service makes the call: the pod itself exchanges its token.
            Self::Irsa { .. } => {
                for key in ["aws:SourceAccount", "aws:SourceArn", "sts:ExternalId"] {
                    knowledge.learn(key, KnownValues::absent());
                }
            }
            Self::InstanceProfile => {}
        }
        knowledge.learn("aws:SecureTransport", KnownValues::one_of(["true"]));
        knowledge
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::{Source, apply};

    fn kinds() -> Vec<SourceTrust> {
        let (account, service_account) = ("111111111111".parse().unwrap(), ServiceAccount::default());
        let issuer: Issuer = "https://oidc.example.com/id/1".parse().unwrap();
        let provider = issuer.provider_arn(Partition::Aws, &account);
        let cluster = || "arn:aws:eks:us-east-1:111111111111:cluster/mgmt".parse().unwrap();
        let pod = |session_tags| SourceTrust::PodIdentity {
            cluster: cluster(),
            service_account: ServiceAccount::default(),
            session_tags,
            target_role: None,
        };
        let audience = "sts.amazonaws.com".to_owned();
        vec![
            SourceTrust::InstanceProfile,
            SourceTrust::Irsa { issuer, provider, audience, service_account },
            pod(true),
            pod(false),
        ]
    }

    /// The statements after a merge, and whether the document changes.
    fn merged(trust: &SourceTrust, statements: &[Value]) -> Result<(Vec<Value>, MergeOutcome), Vec<SpannedError>> {
        let old = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let outcome = trust.merge(old.as_bytes())?;
        let edited = apply(&Source::new(old.as_bytes()), &outcome.plan).unwrap();
        let new: Value = serde_json::from_slice(&edited.to_bytes(old.as_bytes()).unwrap()).unwrap();
        Ok((new["Statement"].as_array().unwrap().clone(), outcome))
    }

    #[test]
    fn what_was_added_is_found_and_nothing_of_other_kinds() {
        for (number, trust) in kinds().iter().enumerate() {
            // The two kinds of EKS Pod Identity have one principal.
            let is_other = |other: &usize| *other != number && (*other < 2 || number < 2);
            let others: Vec<Value> = (0..4).filter(is_other).map(|other| kinds()[other].statement()).collect();
            let (statements, outcome) = merged(trust, &others).unwrap();
            assert_eq!(statements, [&others[..], &[trust.statement()]].concat());
            assert!(outcome.shortfalls.is_empty() && outcome.warnings.is_empty(), "{:?}", outcome.shortfalls);
            let (again, outcome) = merged(trust, &statements).unwrap();
            assert_eq!(again, statements);
            assert!(outcome.shortfalls.is_empty(), "{:?}", outcome.shortfalls);
        }
    }

    #[test]
    fn loose_and_other_conditions_do_not_count() {
        let trust = &kinds()[1];
        let sub = json!({ "oidc.example.com/id/1:sub": "system:serviceaccount:capa-system:capa-controller-manager" });
        for condition in [
            json!({ "ForAnyValue:StringEquals": sub }),
            json!({ "StringEqualsIfExists": sub }),
            json!({ "StringEquals": { "oidc.example.com/id/1:sub": "system:serviceaccount:capa-system:other" } }),
        ] {
            let mut statement = trust.statement();
            statement["Condition"] = condition.clone();
            assert_eq!(merged(trust, &[statement]).unwrap().0.len(), 2, "{condition}");
        }
        // A condition of somebody else is not bypassed.
        let mut guarded = trust.statement();
        guarded["Condition"]["StringEquals"]["oidc.example.com/id/1:amr"] = json!("x");
        assert!(merged(trust, &[guarded]).is_err());
        let mut open = trust.statement();
        open.as_object_mut().unwrap().remove("Condition");
        let (statements, outcome) = merged(trust, &[open]).unwrap();
        assert_eq!((statements.len(), outcome.shortfalls.len()), (1, 1));
    }

    #[test]
    fn a_deny_is_an_error_or_a_warning() {
        for trust in kinds() {
            let mut denial = trust.statement();
            denial["Effect"] = json!("Deny");
            assert!(merged(&trust, &[denial.clone()]).is_err());
            denial["Condition"] = json!({ "StringEquals": { "aws:PrincipalTag/team": "x" } });
            let (statements, outcome) = merged(&trust, &[denial]).unwrap();
            assert_eq!(statements.len(), 2);
            assert_eq!(outcome.warnings.len(), trust.actions().len());
        }
    }
}
