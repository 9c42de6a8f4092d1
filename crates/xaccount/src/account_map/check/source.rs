//! Checks the source account, and what the CAPA pod runs as.

use super::Checker;
use crate::account_map::credentials::{CredentialKind, Credentials, Irsa, PodIdentity, STS_AUDIENCE, ServiceAccount};
use crate::account_map::de::Spanned;
use crate::account_map::fields::{
    AssumedRoleFields, CredentialFields, CredentialKinds, IrsaFields, KINDS, ManagementClusterFields,
    PodIdentityFields, SourceFields, UserFields,
};
use crate::account_map::model::{ManagementCluster, Source};
use crate::aws::{AccountId, ClusterArn, Issuer, Partition, RoleArn};
use crate::capa::Release;
use crate::diag::{Span, escape_control};
use crate::kubernetes::names::{is_dns_label, is_dns_subdomain};

/// The first release of CAPA whose SDK reads EKS Pod Identity (`go.mod`, v2.5.0: aws-sdk-go 1.51.17; the minimum is
/// 1.47.11, EKS user guide, "Use pod identity with the AWS SDK").
const POD_IDENTITY: (&str, &str) = ("2.5.0", "v2.5.0");

/// The first release of CAPA whose SDK reads `role_arn` of a shared credentials file (aws-sdk-go-v2; `go.mod`, v2.9.0).
const ROLE_IN_FILE: (&str, &str) = ("2.9.0", "v2.9.0");

impl Checker {
    pub(super) fn source(&mut self, fields: SourceFields) -> Source {
        let account = self.parse("account", fields.account);
        let role_name = self.role_name(fields.role_name);
        let capa_version = self.capa_version(fields.capa_version);
        let credentials = fields.credentials.and_then(|fields| {
            let span = fields.span;
            let value = self.credentials(fields, account.as_ref())?;
            Some(Spanned { value, span })
        });
        if let Some(credentials) = &credentials {
            self.role_of_credentials(credentials, role_name.as_ref());
            self.release_of_credentials(credentials, capa_version.as_ref());
        }
        Source {
            account,
            role_name,
            credentials,
            capa_version,
            controller_identity: fields.controller_identity,
            management_cluster: fields.management_cluster.map(|cluster| self.management_cluster(cluster)),
            organization: self.parse("organizationID", fields.organization_id),
            clusters: self.entries(fields.clusters),
        }
    }

    fn management_cluster(&mut self, fields: ManagementClusterFields) -> ManagementCluster {
        let ManagementClusterFields { name, uid } = fields;
        if name.value.is_empty() {
            self.refuse_field("managementCluster", "the name of the management cluster must not be empty", name.span);
        }
        if let Some(uid) = uid.as_ref().filter(|uid| !is_uid(&uid.value)) {
            let message = format!("'{}' is not the uid of a namespace", escape_control(&uid.value));
            let help = "print it with: kubectl get namespace kube-system -o jsonpath={.metadata.uid}";
            self.refuse(message, uid.span, help);
        }
        ManagementCluster { name, uid }
    }

    fn capa_version(&mut self, version: Option<Spanned<String>>) -> Option<Spanned<String>> {
        let version = version?;
        let numbers: Vec<&str> = version.value.strip_prefix('v').unwrap_or(&version.value).split('.').collect();
        let digits = |part: &&str| !part.is_empty() && part.len() < 6 && part.bytes().all(|b| b.is_ascii_digit());
        if !(2..=3).contains(&numbers.len()) || !numbers.iter().all(digits) {
            let message =
                "capaVersion must be a version of Cluster API Provider AWS in quotes, such as \"2.9\" or \"2.9.3\"";
            self.refuse_field("capaVersion", message, version.span);
        }
        Some(version)
    }

    fn credentials(
        &mut self,
        fields: Spanned<CredentialFields>,
        account: Option<&Spanned<AccountId>>,
    ) -> Option<Credentials> {
        let kinds = match fields.value {
            CredentialFields::InstanceProfile => return Some(Credentials::InstanceProfile),
            CredentialFields::Kinds(kinds) => *kinds,
        };
        match kinds {
            CredentialKinds { irsa: Some(irsa), pod_identity: None, user: None, assumed_role: None } => {
                self.irsa(irsa.value).map(Credentials::Irsa)
            }
            CredentialKinds { irsa: None, pod_identity: Some(identity), user: None, assumed_role: None } => {
                self.pod_identity(identity.value, account).map(Credentials::PodIdentity)
            }
            CredentialKinds { irsa: None, pod_identity: None, user: Some(user), assumed_role: None } => {
                self.user(user.value).map(Credentials::User)
            }
            CredentialKinds { irsa: None, pod_identity: None, user: None, assumed_role: Some(role) } => {
                let AssumedRoleFields { role_arn, session_tags } = role.value;
                let session_tags = session_tags.is_some_and(|tags| tags.value);
                Some(Credentials::AssumedRole { role: self.role_arn("roleARN", role_arn)?, session_tags })
            }
            _ => {
                let message = "credentials must have exactly one kind, because the CAPA pod runs as one principal";
                self.refuse(message, fields.span, format!("keep one of {KINDS}"));
                None
            }
        }
    }

    fn irsa(&mut self, fields: IrsaFields) -> Option<Irsa> {
        let IrsaFields { issuer, audience, namespace, service_account } = fields;
        let service_account = self.service_account(namespace, service_account);
        let audience = audience.map_or_else(|| STS_AUDIENCE.to_owned(), |audience| audience.value);
        match issuer.value.parse::<Issuer>() {
            Ok(value) => {
                let issuer = Spanned { value, span: issuer.span };
                Some(Irsa { issuer, audience, service_account })
            }
            Err(error) => {
                let help = "print it with: kubectl get --raw /.well-known/openid-configuration";
                self.refuse(error.to_string(), issuer.span, help);
                None
            }
        }
    }

    fn pod_identity(&mut self, fields: PodIdentityFields, account: Option<&Spanned<AccountId>>) -> Option<PodIdentity> {
        let PodIdentityFields { cluster_arn, disable_session_tags, target_role_arn, namespace, service_account } =
            fields;
        let cluster_arn = self.cluster_arn(cluster_arn, account);
        let service_account = self.service_account(namespace, service_account);
        let target_role = match target_role_arn {
            Some(arn) => Some(self.role_arn("targetRoleARN", arn)?),
            None => None,
        };
        let session_tags = !disable_session_tags.is_some_and(|disabled| disabled.value);
        Some(PodIdentity { cluster_arn: cluster_arn?, session_tags, target_role, service_account })
    }

    fn cluster_arn(
        &mut self,
        text: Spanned<String>,
        account: Option<&Spanned<AccountId>>,
    ) -> Option<Spanned<ClusterArn>> {
        let arn: Spanned<ClusterArn> = self.parse("clusterARN", Some(text))?;
        let (value, span) = (&arn.value, arn.span);
        if let Some(own) = account.filter(|own| own.value != *value.account()) {
            let message = format!("the cluster is in account {}, but source.account is {}", value.account(), own.value);
            let help =
                "an association is in the account of its cluster, which is the source account: correct one of the two";
            self.refuse(message, span, help);
        }
        let region = value.region();
        if let Some(own) = Partition::of_region(region).filter(|own| *own != value.partition()) {
            let message = format!("the region {region} is in the partition {own}, not in {}", value.partition());
            self.refuse(message, span, format!("write arn:{own}:eks:{region}:…"));
        }
        Some(arn)
    }

    fn user(&mut self, fields: UserFields) -> Option<Spanned<String>> {
        let name = fields.name;
        // Any account will do: only the characters of the name are checked.
        let arn = format!("arn:aws:iam::000000000000:user/{}", name.value.trim_start_matches('/'));
        match arn.parse::<crate::aws::Principal>() {
            Ok(_) => Some(name),
            Err(_) => {
                let message = format!("'{}' is not the name of an IAM user", escape_control(&name.value));
                self.refuse_field("user", message, name.span);
                None
            }
        }
    }

    fn service_account(&mut self, namespace: Option<Spanned<String>>, name: Option<Spanned<String>>) -> ServiceAccount {
        if let Some(namespace) = namespace.as_ref().filter(|namespace| !is_dns_label(&namespace.value)) {
            let message = format!("'{}' is not a namespace name", escape_control(&namespace.value));
            self.refuse_field("namespace", message, namespace.span);
        }
        if let Some(name) = name.as_ref().filter(|name| !is_dns_subdomain(&name.value)) {
            let message = format!("'{}' is not the name of a service account", escape_control(&name.value));
            self.refuse_field("serviceAccount", message, name.span);
        }
        let default = ServiceAccount::default();
        ServiceAccount {
            namespace: namespace.map_or(default.namespace, |namespace| namespace.value),
            name: name.map_or(default.name, |name| name.value),
        }
    }

    /// Parses a role ARN; if it is invalid, the error has the right form, if that is known.
    pub(super) fn role_arn(&mut self, field: &str, text: Spanned<String>) -> Option<Spanned<RoleArn>> {
        match text.value.parse::<RoleArn>() {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(error) => {
                match error.suggestion() {
                    Some(right) => self.refuse(error.to_string(), text.span, format!("perhaps {field}: \"{right}\"")),
                    None => self.refuse_field("roleARN", error.to_string(), text.span),
                }
                None
            }
        }
    }

    /// Checks `roleName` against the kind of credentials: some need it, others determine the principal by themselves.
    fn role_of_credentials(&mut self, credentials: &Spanned<Credentials>, role_name: Option<&Spanned<String>>) {
        let kind = credentials.value.kind();
        let principal = match &credentials.value {
            Credentials::User(_) => Some("user"),
            Credentials::AssumedRole { .. } => Some("assumedRole.roleARN"),
            Credentials::PodIdentity(PodIdentity { target_role: Some(_), .. }) => Some("podIdentity.targetRoleARN"),
            Credentials::PodIdentity(_) | Credentials::Irsa(_) | Credentials::InstanceProfile => None,
        };
        match (principal, role_name) {
            (Some(field), Some(name)) => {
                let message = format!("roleName and {field} would be two principals for the CAPA pod");
                self.refuse(message, name.span, "remove roleName");
            }
            (None, None) if kind != CredentialKind::InstanceProfile => {
                let message = format!("{kind} needs source.roleName: no default role fits a service account");
                self.refuse(
                    message,
                    credentials.span,
                    "add under source: roleName: NAME, the role that the pod assumes",
                );
            }
            _ => {}
        }
    }

    /// Checks the kind of credentials against the release of CAPA.
    fn release_of_credentials(&mut self, credentials: &Spanned<Credentials>, version: Option<&Spanned<String>>) {
        let Some((release, version)) = version.and_then(|one| Some((one.value.parse::<Release>().ok()?, one))) else {
            return;
        };
        let is_older = |(first, _): (&str, &str)| first.parse::<Release>().is_ok_and(|first| release < first);
        match &credentials.value {
            Credentials::PodIdentity(_) if is_older(POD_IDENTITY) => {
                let message = format!(
                    "CAPA {} can't use EKS Pod Identity, which it supports since {}",
                    escape_control(&version.value),
                    POD_IDENTITY.1
                );
                self.refuse(message, credentials.span, "correct capaVersion, or use irsa");
            }
            Credentials::AssumedRole { .. } if is_older(ROLE_IN_FILE) => {
                let message = format!(
                    "CAPA {} ignores role_arn in a credentials file, which it reads since {}",
                    escape_control(&version.value),
                    ROLE_IN_FILE.1
                );
                self.warn(message, credentials.span, "keep this only if the pod gets the role in another way");
            }
            _ => {}
        }
    }

    fn warn(&mut self, message: String, span: Span, help: &str) {
        self.warnings.push(crate::diag::SpannedError::new(message, span).help(help));
    }
}

/// Whether a text has the form of an object's uid (RFC 9562, section 4).
fn is_uid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}
