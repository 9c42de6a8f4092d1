//! Values of an EKS cluster: its ARN and its OIDC issuer.

use std::fmt;
use std::str::FromStr;

use super::{AccountId, Partition};
use crate::diag::escape_control;

/// The ARN of an EKS cluster: `arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME`.
///
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon Elastic Kubernetes
/// Service", resource type `cluster`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterArn {
    text: String,
    partition: Partition,
    account: AccountId,
    region: String,
    name: String,
}

/// A text is not the ARN of an EKS cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not the ARN of an EKS cluster", escape_control(.0))]
pub struct ClusterArnError(String);

impl ClusterArn {
    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition in the ARN.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The cluster's account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The region, such as `us-east-1`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ClusterArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ClusterArn {
    type Err = ClusterArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "eks", region, account, cluster] = parts[..] else {
            return Err(ClusterArnError(text.to_owned()));
        };
        let name = cluster.strip_prefix("cluster/").filter(|name| is_cluster_name(name));
        let is_region = !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match (partition.parse(), account.parse(), name) {
            (Ok(partition), Ok(account), Some(name)) if is_region => {
                let (region, name) = (region.to_owned(), name.to_owned());
                Ok(Self { text: text.to_owned(), partition, account, region, name })
            }
            _ => Err(ClusterArnError(text.to_owned())),
        }
    }
}

/// Source: EKS API reference, `CreateCluster`, `name`: `^[0-9A-Za-z][A-Za-z0-9\-_]*`, at most 100 characters.
fn is_cluster_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// An OIDC issuer: `https://`, and a host with an optional path.
///
/// Source: OpenID Connect Core 1.0, section 2 (`iss`: no query and no fragment); IAM API reference,
/// `CreateOpenIDConnectProvider`, `Url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// A text is not an OIDC issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not an OIDC issuer, which is https:// and a host in lower case, without a port and without a final slash", escape_control(.0))]
pub struct IssuerError(String);

impl Issuer {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL without `https://`: the name of its provider in IAM, and the prefix of the condition keys of its tokens
    /// (IAM user guide, "Available keys for AWS OIDC federation").
    pub fn host_and_path(&self) -> &str {
        self.0.trim_start_matches("https://")
    }

    /// The partition of an EKS cluster's issuer, whose host names the region: `oidc.eks.REGION.amazonaws.com`.
    pub fn partition(&self) -> Option<Partition> {
        let region = self.host_and_path().strip_prefix("oidc.eks.")?.split('.').next()?;
        Partition::of_region(region)
    }

    /// The ARN of its provider in an account.
    pub fn provider_arn(&self, partition: Partition, account: &AccountId) -> String {
        format!("arn:{partition}:iam::{account}:oidc-provider/{}", self.host_and_path())
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Issuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").unwrap_or_default();
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%".contains(&b);
        let host = rest.split('/').next().unwrap_or_default();
        let is_host =
            host.starts_with(|c: char| c.is_ascii_alphanumeric()) && !host.contains(|c: char| c.is_ascii_uppercase());
        // IAM's name of a provider has no port.
        match is_host && !rest.ends_with('/') && rest.bytes().all(is_part) {
            true => Ok(Self(text.to_owned())),
            false => Err(IssuerError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_arns() {
        let arn: ClusterArn = "arn:aws-cn:eks:cn-north-1:111111111111:cluster/mgmt_1".parse().unwrap();
        assert_eq!((arn.partition(), arn.region(), arn.name()), (Partition::AwsCn, "cn-north-1", "mgmt_1"));
        assert_eq!((arn.account().as_str(), arn.to_string().as_str()), ("111111111111", arn.as_str()));
        for text in [
            "",
            "mgmt",
            "arn:aws:eks:us-east-1:1111:cluster/mgmt",
            "arn:aws:eks::111111111111:cluster/mgmt",
            "arn:aws:eks:us-east-1:111111111111:cluster/",
            "arn:aws:eks:us-east-1:111111111111:cluster/a/b",
            "arn:aws:eks:us-east-1:111111111111:cluster/a b",
            "arn:aws:eks:us-east-1:111111111111:nodegroup/mgmt",
            "arn:aws:ec2:us-east-1:111111111111:cluster/mgmt",
            "arn:aws2:eks:us-east-1:111111111111:cluster/mgmt",
            "arn:aws:eks:$(id):111111111111:cluster/mgmt",
        ] {
            assert!(text.parse::<ClusterArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn issuers() {
        let issuer: Issuer = "https://oidc.example.com/id/1".parse().unwrap();
        assert_eq!(issuer.host_and_path(), "oidc.example.com/id/1");
        let account = "111111111111".parse().unwrap();
        let arn = "arn:aws-us-gov:iam::111111111111:oidc-provider/oidc.example.com/id/1";
        assert_eq!(issuer.provider_arn(Partition::AwsUsGov, &account), arn);
        for text in [
            "",
            "oidc.example.com",
            "http://a",
            "https://",
            "https://a/",
            "https:///a",
            "https://a b",
            "https://a?b",
            "https://a:8443",
            "https://A",
            "https://a'b",
        ] {
            assert!(text.parse::<Issuer>().is_err(), "{text}");
        }
    }
}
