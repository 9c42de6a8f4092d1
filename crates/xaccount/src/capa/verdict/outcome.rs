//! What a verdict is made of: outcomes, reasons, and where CAPA begins.

/// What becomes of a cluster's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerdictOutcome {
    /// Every identity lets it in.
    Permitted,
    /// An identity does not let its namespace in.
    Denied,
    /// Something on the way can't be.
    Error,
    /// CAPA's controller dies of it, for every cluster.
    Crash,
    /// The files don't say.
    Unknown,
}

impl VerdictOutcome {
    /// As in JSON.
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

/// Why it is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// An identity does not let the namespace in.
    NamespaceNotPermitted,
    /// Whether an identity lets the namespace in hangs on what the files don't say.
    NamespaceNotKnown,
    /// There is no such identity in the files.
    IdentityNotFound,
    /// There is no such Secret in the files, or none is named.
    SecretNotFound,
    /// A controller identity that is not named `default`.
    ControllerIdentityName,
    /// A kind that is no identity's.
    UnknownKind,
    /// A selector that Kubernetes refuses.
    InvalidSelector,
    /// A circle of identities.
    EndlessRecursion,
    /// The API server or CAPA's webhook refuses the object.
    ObjectRefused,
    /// STS refuses the call.
    AssumeRoleRefused,
    /// A variable that nobody has filled in yet.
    Placeholder,
    /// Two documents, or two keys, say different things.
    Ambiguous,
    /// The reference comes from the cluster's class.
    ReferenceInClass,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 13] = [
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
    ];

    /// As in JSON.
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
        }
    }
}

/// Where an object lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In this namespace.
    Namespace(String),
    /// In a namespace that its manifest does not say.
    NotSaid,
    /// In none, by its kind.
    Cluster,
}

/// Where CAPA begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Nothing is said, and CAPA's webhook writes `AWSClusterControllerIdentity/default`.
    Default,
    /// This reference.
    To {
        /// As written.
        kind: String,
        /// As written.
        name: String,
    },
    /// Nothing is said, and nothing is asked: the pod's own credentials.
    Pod,
    /// A reference, which the API server drops: the kind has none in this release. So the pod's own credentials.
    Dropped {
        /// The kind.
        kind: &'static str,
        /// The first release with the reference.
        since: &'static str,
    },
    /// Nothing is said in a topology: the template of its class says it.
    Class,
    /// The reference is refused, or can't be told.
    Refused {
        /// Why.
        reason: Reason,
        /// In words.
        message: String,
    },
}

/// Whether a namespace may use an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `None` where the files don't say.
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

/// Where CAPA keeps Secrets of static identities, where nothing else is set (`util/system/util.go`).
pub(super) const MANAGER_NAMESPACE: &str = "capa-system";

/// Why it goes no further.
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

    /// An object that is refused; one that says two things, or is not filled in, can't be told.
    pub(super) fn refused(reason: Reason, message: String) -> Self {
        let open = matches!(reason, Reason::Ambiguous | Reason::Placeholder);
        let outcome = if open { VerdictOutcome::Unknown } else { VerdictOutcome::Error };
        Self::new(outcome, reason, message)
    }
}
