//! The parts of a verdict: outcomes, reasons, and where CAPA starts.

/// Whether a cluster gets credentials from CAPA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictOutcome {
    /// Every identity allows its namespace.
    Permitted,
    /// An identity does not allow its namespace.
    Denied,
    /// The API server, CAPA or STS refuses something in the chain.
    Error,
    /// CAPA's controller crashes, for every cluster.
    Crash,
    /// The files do not contain enough to decide.
    Unknown,
}

impl VerdictOutcome {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Denied => "denied",
            Self::Error => "error",
            Self::Crash => "crash",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a cluster is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// An identity does not allow the namespace.
    NamespaceNotPermitted,
    /// Whether an identity allows the namespace depends on facts that are not in the files.
    NamespaceNotKnown,
    /// The identity is not in the files.
    IdentityNotFound,
    /// The Secret is not in the files, or `secretRef` is empty.
    SecretNotFound,
    /// A controller identity with a name other than `default`.
    ControllerIdentityName,
    /// A kind that is not a kind of identity.
    UnknownKind,
    /// A selector that Kubernetes refuses.
    InvalidSelector,
    /// A cycle of identities.
    EndlessRecursion,
    /// The API server or CAPA's webhook refuses the object.
    ObjectRefused,
    /// STS refuses the call.
    AssumeRoleRefused,
    /// A variable that is not filled in yet.
    Placeholder,
    /// Two documents or two keys with different content.
    Ambiguous,
    /// The reference comes from the cluster's class.
    ReferenceInClass,
    /// A patch of a kustomization changes the reference or an identity.
    Patched,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NamespaceNotPermitted,
        Self::NamespaceNotKnown,
        Self::IdentityNotFound,
        Self::SecretNotFound,
        Self::ControllerIdentityName,
        Self::UnknownKind,
        Self::InvalidSelector,
        Self::EndlessRecursion,
        Self::ObjectRefused,
        Self::AssumeRoleRefused,
        Self::Placeholder,
        Self::Ambiguous,
        Self::ReferenceInClass,
        Self::Patched,
    ];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NamespaceNotPermitted => "NamespaceNotPermitted",
            Self::NamespaceNotKnown => "NamespaceNotKnown",
            Self::IdentityNotFound => "IdentityNotFound",
            Self::SecretNotFound => "SecretNotFound",
            Self::ControllerIdentityName => "ControllerIdentityName",
            Self::UnknownKind => "UnknownKind",
            Self::InvalidSelector => "InvalidSelector",
            Self::EndlessRecursion => "EndlessRecursion",
            Self::ObjectRefused => "ObjectRefused",
            Self::AssumeRoleRefused => "AssumeRoleRefused",
            Self::Placeholder => "Placeholder",
            Self::Ambiguous => "Ambiguous",
            Self::ReferenceInClass => "ReferenceInClass",
            Self::Patched => "Patched",
        }
    }
}

/// The scope of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This namespace.
    Namespace(String),
    /// A namespace that its manifest does not set.
    Unknown,
    /// Cluster-scoped.
    Cluster,
}

/// Where CAPA starts to follow references.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// No reference; CAPA's webhook sets `AWSClusterControllerIdentity/default`.
    Default,
    /// This reference.
    To {
        /// As written.
        kind: String,
        /// As written.
        name: String,
    },
    /// No reference and no default: the pod's own credentials.
    Pod,
    /// A reference that the API server drops, because the kind has none in this release: the pod's own credentials.
    Dropped {
        /// The kind.
        kind: &'static str,
        /// The first release with the reference.
        since: &'static str,
    },
    /// No reference in a topology: it comes from the template of its class.
    Class,
    /// The class decides the reference, and it is not known: why.
    InClass(String),
    /// The reference is refused or ambiguous.
    Refused {
        /// The reason.
        reason: Reason,
        /// The reason in words.
        message: String,
    },
}

/// Whether a namespace may use an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `None` if it is unknown.
    pub answer: Option<bool>,
    /// Why, in a few words.
    pub why: String,
}

impl Permission {
    pub(super) fn yes(why: impl Into<String>) -> Self {
        Self { answer: Some(true), why: why.into() }
    }

    pub(super) fn not_known(why: impl Into<String>) -> Self {
        Self { answer: None, why: why.into() }
    }
}

/// CAPA's default namespace for the Secrets of static identities (`util/system/util.go`).
pub(super) const MANAGER_NAMESPACE: &str = "capa-system";

/// Why CAPA stops.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub(super) outcome: VerdictOutcome,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Stop {
    pub(super) fn new(outcome: VerdictOutcome, reason: Reason, message: impl Into<String>) -> Self {
        Self { outcome, reason, message: message.into() }
    }

    pub(super) fn error(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(VerdictOutcome::Error, reason, message)
    }

    pub(super) fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(VerdictOutcome::Unknown, reason, message)
    }

    /// Whether it is certain that something is refused.
    pub(super) fn is_error(&self) -> bool {
        self.outcome == VerdictOutcome::Error
    }

    /// A refused object; the outcome is unknown if the object is ambiguous or has a placeholder.
    pub(super) fn refused(reason: Reason, message: String) -> Self {
        let open = matches!(reason, Reason::Ambiguous | Reason::Placeholder);
        let outcome = if open { VerdictOutcome::Unknown } else { VerdictOutcome::Error };
        Self::new(outcome, reason, message)
    }
}
