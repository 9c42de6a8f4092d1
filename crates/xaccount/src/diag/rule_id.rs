//! The ids of the rules of `lint`: which they are, and how each is written.

/// One line for each rule: with an enum and a table of codes, a new rule could be in one and not in the other.
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

            /// How it is written: `XA001`. A code is never given to another rule.
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
    /// A document that names a kind of CAPA can't be read with certainty.
    UnreadableDocument = "XA002",
    /// A kind in a version that it never had, or that knew no identities.
    UnknownApiVersion = "XA003",
    /// An `identityRef` that the API server refuses, or that is ambiguous.
    InvalidIdentityRef = "XA004",
    /// `allowedNamespaces` has a shape that CAPA's webhook refuses.
    InvalidAllowedNamespaces = "XA005",
    /// A key below `allowedNamespaces` that the API server drops.
    UnknownNamespaceKey = "XA006",
    /// A source identity that is missing or unusable.
    InvalidSourceIdentity = "XA007",
    /// Identities that are each other's source.
    IdentityCycle = "XA008",
    /// A session name, external id or duration that STS or the CRD refuses.
    StsLimits = "XA009",
    /// One identity name with two role ARNs.
    TwoRoles = "XA010",
    /// A static identity without a Secret's name, or in the shape of another version.
    InvalidSecretRef = "XA011",
    /// A role of another partition than the cluster's region.
    PartitionMismatch = "XA012",
    /// A kustomization that renames an identity, but not the references to it.
    KustomizeRename = "XA013",
    /// An identity does not let the cluster's namespace in.
    NotPermitted = "XA020",
    /// A template that names a kind of CAPA is not checked.
    UncheckedTemplate = "XA021",
    /// An API version that newer releases of CAPA refuse.
    NotServed = "XA022",
    /// A field that the API server drops.
    UnknownField = "XA023",
    /// A null or empty selector, which does not exclude every namespace.
    EmptySelector = "XA024",
    /// A name in `allowedNamespaces.list` that no namespace can have.
    InvalidNamespaceName = "XA025",
    /// A role identity with the name of the controller identity.
    NamedDefault = "XA026",
    /// A session longer than STS gives to a role that assumes a role.
    LongSession = "XA027",
    /// A chain that ends with its source's session.
    RoleChain = "XA028",
    /// `policyARNs` restricts nothing.
    PolicyArns = "XA029",
    /// An `inlinePolicy` that STS refuses.
    InvalidInlinePolicy = "XA030",
    /// A trust or permissions policy that does not let an identity assume its role.
    PolicyMismatch = "XA031",
    /// An identity in one cluster's file that other files use.
    IdentityInClusterFile = "XA032",
    /// An identity with a namespace, though it is cluster-scoped.
    NamespacedIdentity = "XA033",
    /// An `identityRef` on a kind that has none.
    MisplacedReference = "XA034",
    /// A document that kubectl drops.
    DroppedDocument = "XA035",
    /// An identity without an annotation that the account map asks for.
    MissingAnnotation = "XA036",
    /// A policy that lets everyone in, names a deleted principal, grants nothing, or is nearly full.
    PolicyForm = "XA037",
    /// The controller identity is in none of the files, and CAPA may not create it.
    NoControllerIdentity = "XA050",
    /// Every namespace may use the identity.
    EveryNamespace = "XA051",
    /// A comment or an entry of the account map that silences nothing.
    UnusedIgnore = "XA052",
    /// A cluster names resources that must be in the account of its identity.
    AccountBoundId = "XA053",
    /// A role whose name the policies of clusterawsadm do not cover.
    UncoveredRoleName = "XA054",
    /// A role in the source account.
    TargetIsSource = "XA055",
}

impl RuleId {
    /// The rule that a code is of, in capitals or not.
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
