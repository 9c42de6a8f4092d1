//! Known faults of CAPA releases that change what a manifest does. [`ERRATA`] lists them; `docs/errata.md` is that table.

use super::release::Release;

/// A fault of CAPA.
#[derive(Debug, PartialEq, Eq)]
pub struct Erratum {
    /// A short name, in words.
    pub name: &'static str,
    /// Where it is discussed, `OWNER/REPOSITORY#NUMBER`; without a thread, the code.
    pub thread: &'static str,
    /// The first release with it.
    pub first: Release,
    /// The first release without it, of each series that got the fix, oldest first. Empty: no known release has the fix.
    pub fixed: &'static [Release],
    /// The kinds that it puts into another account than their manifests say.
    pub kinds: &'static [&'static str],
    /// What it concerns.
    pub condition: &'static str,
    /// What CAPA does, in one sentence without a full stop.
    pub effect: &'static str,
}

/// `setUpRuntime` in `exp/controllers/rosaroleconfig_controller.go`, v2.10.2; fixed by 3a5be430e.
pub const ROLE_CONFIG_WITHOUT_IDENTITY: Erratum = Erratum {
    name: "ROSARoleConfig without its identity",
    thread: "kubernetes-sigs/cluster-api-provider-aws#6037",
    first: Release::new(2, 9, 2),
    fixed: &[Release::new(2, 10, 3), Release::new(2, 11, 0)],
    kinds: &["ROSARoleConfig"],
    condition: "a ROSARoleConfig with an identityRef",
    effect: "CAPA ignores the identityRef of a ROSARoleConfig and creates the roles in the source account",
};

/// `if r.Runtime != nil` in the same file, and `if r.awsClient == nil` in `exp/controllers/rosanetwork_controller.go`,
/// v2.11.1; fixed by 6883f28c9.
pub const FIRST_ROSA_ACCOUNT: Erratum = Erratum {
    name: "one account for all ROSARoleConfigs and ROSANetworks",
    thread: "kubernetes-sigs/cluster-api-provider-aws#6038",
    first: Release::new(2, 9, 2),
    fixed: &[Release::new(2, 12, 1)],
    kinds: &["ROSARoleConfig", "ROSANetwork"],
    condition: "ROSARoleConfigs or ROSANetworks of two accounts",
    effect: "until its controller restarts, CAPA creates all ROSARoleConfigs in the account of the first one that it sees, and \
             all ROSANetworks likewise",
};

/// `controlplane/rosa/controllers/rosacontrolplane_controller.go`, v2.11.1; since v2.12.1, CAPA assumes installerRoleARN.
pub const ROSA_CREATOR: Erratum = Erratum {
    name: "ROSAControlPlane with roles of another account",
    thread: "kubernetes-sigs/cluster-api-provider-aws#6037",
    first: Release::new(2, 4, 0),
    fixed: &[Release::new(2, 12, 1)],
    kinds: &[],
    condition: "a ROSAControlPlane whose installerRoleARN is not in the account of its identity",
    effect: "OpenShift Cluster Manager refuses a ROSAControlPlane whose roles are not in the account of its identity",
};

/// controller-runtime v0.20 no longer drops fields that may be omitted (`pkg/webhook/admission/defaulter_custom.go`).
pub const EMPTY_MATCH_LABELS: Erratum = Erratum {
    name: "matchLabels: {} allows nobody",
    thread: "k0rdent/kcm#2022",
    first: Release::KEEPS_EMPTY,
    fixed: &[],
    kinds: &[],
    condition: "allowedNamespaces with an empty matchLabels or matchExpressions",
    effect: "an empty matchLabels or matchExpressions allows no namespace; up to v2.8 it allowed every namespace",
};

/// `pkg/cloud/identity/identity.go`, `Retrieve`, v2.9.0 to v2.13.0.
pub const ROLE_CHAIN_ENDS: Erratum = Erratum {
    name: "role chains end",
    thread: "kubernetes-sigs/cluster-api-provider-aws#6066",
    first: Release::new(2, 9, 0),
    fixed: &[],
    kinds: &[],
    condition: "a role identity whose source is another role identity or a static identity",
    effect: "the credentials of a source identity are retrieved once and not renewed, so a chain fails when the session of its \
             source ends",
};

/// c2aaf068d removed the outer patch helper of the AWSCluster controller (`controllers/awscluster_controller.go`, v2.1.0).
pub const CONDITIONS_NOT_STORED: Erratum = Erratum {
    name: "conditions about credentials are not stored",
    thread: "kubernetes-sigs/cluster-api-provider-aws#2819",
    first: Release::new(2, 1, 0),
    fixed: &[],
    kinds: &[],
    condition: "every cluster",
    effect: "the conditions PrincipalUsageAllowed and PrincipalCredentialRetrieved are never stored; why a cluster gets no \
             credentials is only in the controller's log",
};

/// `exp/instancestate/awsinstancestate_controller.go`, v2.13.0: the queue is created with the session of the cluster, and
/// read with the credentials of the pod. `feature/feature.go`: alpha since v0.7.
pub const INSTANCE_STATE: Erratum = Erratum {
    name: "EventBridgeInstanceState across accounts",
    thread: "exp/instancestate/awsinstancestate_controller.go@v2.13.0",
    first: Release::new(0, 7, 0),
    fixed: &[],
    kinds: &[],
    condition: "the feature gate EventBridgeInstanceState, and a cluster in another account than the source account",
    effect: "CAPA creates the queue of instance events in the target account and reads it in the source account, so it sees no \
             events",
};

/// All of them.
pub const ERRATA: [&Erratum; 7] = [
    &ROLE_CONFIG_WITHOUT_IDENTITY,
    &FIRST_ROSA_ACCOUNT,
    &ROSA_CREATOR,
    &EMPTY_MATCH_LABELS,
    &ROLE_CHAIN_ENDS,
    &CONDITIONS_NOT_STORED,
    &INSTANCE_STATE,
];

impl Erratum {
    /// Whether a release has the fault.
    pub fn affects(&self, release: Release) -> bool {
        let is_fixed = |fixed: &Release| {
            release >= *fixed && (release.is_in_series_of(*fixed) || Some(fixed) == self.fixed.last())
        };
        release >= self.first && !self.fixed.iter().any(is_fixed)
    }

    /// The thread, and the releases with the fix: `kubernetes-sigs/cluster-api-provider-aws#6037, fixed in v2.10.3 and
    /// v2.11.0`.
    pub fn source(&self) -> String {
        let fixed: Vec<String> = self.fixed.iter().map(Release::to_string).collect();
        match fixed.is_empty() {
            true => format!("{}, not fixed in {}", self.thread, Release::NEWEST),
            false => format!("{}, fixed in {}", self.thread, fixed.join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_counts_in_its_series_and_in_newer_ones() {
        for (erratum, rows) in [
            (
                &ROLE_CONFIG_WITHOUT_IDENTITY,
                &[
                    ("2.9.1", false),
                    ("2.9.2", true),
                    ("2.9.9", true),
                    ("2.10.2", true),
                    ("2.10.3", false),
                    ("2.11.0", false),
                    ("2.13.0", false),
                ][..],
            ),
            (&FIRST_ROSA_ACCOUNT, &[("2.11.1", true), ("2.12.0", true), ("2.12.1", false), ("2.13.0", false)]),
            (&ROLE_CHAIN_ENDS, &[("2.8.4", false), ("2.9.0", true), ("2.13.0", true)]),
        ] {
            for (release, wanted) in rows {
                assert_eq!(erratum.affects(release.parse().unwrap()), *wanted, "{} {release}", erratum.name);
            }
        }
    }
}
