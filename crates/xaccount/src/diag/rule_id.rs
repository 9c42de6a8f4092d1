//! The ids and codes of the rules of `lint`.

/// Defines each rule in one line. With an enum and a separate table of codes, a new rule could be missing in one of
/// them.
macro_rules! rule_ids {
    ($($(#[$doc:meta])* $id:ident = $code:literal,)*) => {
        /// The id of a rule of `lint`, in the order of the codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleId {
            $($(#[$doc])* $id,)*
        }

        impl RuleId {
            /// Every rule, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// The code of the rule, such as `XA001`. A code is never reused for another rule.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$id => $code,)*
                }
            }
        }
    };
}

rule_ids! {
    /// `roleARN` is not the ARN of an IAM role.
    InvalidRoleArn = "XA001",
    /// A document that contains the name of a CAPA kind can't be read with certainty.
    UnreadableDocument = "XA002",
    /// A kind in a version that never existed, or that had no identities.
    UnknownApiVersion = "XA003",
    /// An `identityRef` that the API server refuses, or that is ambiguous.
    InvalidIdentityRef = "XA004",
    /// `allowedNamespaces` has a shape that CAPA's webhook refuses.
    InvalidAllowedNamespaces = "XA005",
    /// A key below `allowedNamespaces` that the API server drops.
    UnknownNamespaceKey = "XA006",
    /// A source identity that is missing or unusable.
    InvalidSourceIdentity = "XA007",
    /// Identities that are each other's source identity.
    IdentityCycle = "XA008",
    /// A session name, external id or duration that STS or the CRD refuses.
    StsLimits = "XA009",
    /// One identity name with two role ARNs.
    TwoRoles = "XA010",
    /// A static identity without a Secret's name, or in the shape of another version.
    InvalidSecretRef = "XA011",
    /// A role in a different partition than the cluster's region.
    PartitionMismatch = "XA012",
    /// A kustomization that renames an identity, but not the references to it.
    KustomizeRename = "XA013",
    /// An identity does not allow the cluster's namespace.
    NotPermitted = "XA020",
    /// A template that contains the name of a CAPA kind is not checked.
    UncheckedTemplate = "XA021",
    /// An API version that newer releases of CAPA no longer serve.
    NotServed = "XA022",
    /// A field that the API server drops.
    UnknownField = "XA023",
    /// A null or empty selector, which does not exclude every namespace.
    EmptySelector = "XA024",
    /// A name in `allowedNamespaces.list` that is not valid for a namespace.
    InvalidNamespaceName = "XA025",
    /// A role identity with the name of the controller identity.
    NamedDefault = "XA026",
    /// A session longer than STS allows for a role that assumes a role.
    LongSession = "XA027",
    /// A role chain, which ends when the session of its source ends.
    RoleChain = "XA028",
    /// `policyARNs` restricts nothing.
    PolicyArns = "XA029",
    /// An `inlinePolicy` that STS refuses.
    InvalidInlinePolicy = "XA030",
    /// A trust or permissions policy that does not allow an identity to assume its role.
    PolicyMismatch = "XA031",
    /// An identity in one cluster's file that other files use.
    IdentityInClusterFile = "XA032",
    /// An identity with a namespace, although identities are cluster-scoped.
    NamespacedIdentity = "XA033",
    /// An `identityRef` on a kind that does not have this field.
    MisplacedReference = "XA034",
    /// A document that kubectl drops.
    DroppedDocument = "XA035",
    /// An identity without an annotation that the account map requires.
    MissingAnnotation = "XA036",
    /// A policy that allows everyone, contains a deleted principal, grants nothing, or is near its size limit.
    PolicyForm = "XA037",
    /// An identity that no kustomization lists.
    UnlistedIdentity = "XA038",
    /// An identity that Flux may delete while clusters of another Kustomization use it.
    FluxPrune = "XA039",
    /// A value that the API server refuses for its type or form.
    RefusedField = "XA040",
    /// A reference to an identity that is in none of the files.
    IdentityNotFound = "XA041",
    /// Objects or ARNs of one cluster in two accounts.
    TwoAccounts = "XA042",
    /// A fault of the CAPA release puts an object into another account.
    Erratum = "XA043",
    /// A manifest gives the CAPA pod other credentials than the account map says.
    SourceDiffers = "XA044",
    /// A machine on which the CAPA pod can't get the credentials of its instance profile.
    ImdsHops = "XA045",
    /// A field that needs permissions which clusterawsadm's policy does not grant.
    BeyondClusterawsadm = "XA046",
    /// No file contains the controller identity, and CAPA may not create it.
    NoControllerIdentity = "XA050",
    /// Every namespace may use the identity.
    EveryNamespace = "XA051",
    /// A comment or an entry of the account map that suppresses no finding.
    UnusedIgnore = "XA052",
    /// A cluster references resources that must be in the account of its identity.
    AccountBoundId = "XA053",
    /// A role whose name is not covered by the policies of clusterawsadm.
    UncoveredRoleName = "XA054",
    /// A role in the source account.
    TargetIsSource = "XA055",
    /// An identity that nothing in the files references.
    UnusedIdentity = "XA056",
}

impl RuleId {
    /// The rule with this code, in upper or lower case.
    pub fn from_code(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.code().eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for RuleId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_read_back() {
        for pair in RuleId::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code(), "{} {}", pair[0], pair[1]);
        }
        for &id in RuleId::ALL {
            let digits = id.code().strip_prefix("XA").unwrap();
            assert!(digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
            assert_eq!(RuleId::from_code(&id.code().to_lowercase()), Some(id));
        }
        assert_eq!(RuleId::from_code("XA000"), None);
    }
}
