//! Releases of CAPA, and their differences in reading a manifest.

use std::fmt;
use std::str::FromStr;

use super::tables::Version;

/// A release of CAPA: `v2.11.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    /// The newest that this program knows.
    pub const NEWEST: Self = Self::new(2, 13, 0);

    /// Since this release, the defaulting webhook keeps an empty `matchLabels` or `matchExpressions`, and a zero
    /// (controller-runtime v0.20: `pkg/webhook/admission/defaulter_custom.go` drops no field that may be omitted).
    pub const KEEPS_EMPTY: Self = Self::new(2, 9, 0);

    /// Since this release, an AWSCluster of v1alpha2 is not served (`config/crd/bases`, v0.6.9 and v0.7.0).
    pub const DROPS_V1ALPHA2: Self = Self::new(0, 7, 0);

    /// Since this release, the defaulting webhook leaves an object as it was written if defaulting changes nothing, so that
    /// the CRD's schema is checked on what was written (`pkg/webhook/admission/defaulter_custom.go` of controller-runtime
    /// v0.23.3, which CAPA v2.13.0 uses; v2.12.1 uses v0.22.5).
    pub const KEEPS_WRITTEN: Self = Self::new(2, 13, 0);

    /// The first with identities (`config/crd/bases`, v0.6.4 and v0.6.5).
    pub const IDENTITIES: Self = Self::new(0, 6, 5);

    /// A release of the tables. An invalid text counts as a future release.
    pub(super) fn of_table(text: &str) -> Self {
        text.parse().unwrap_or(Self::new(u32::MAX, 0, 0))
    }

    pub(super) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Whether its series is newer than all that this program knows, so that it is evaluated as the newest known release.
    pub fn is_newer_than_known(self) -> bool {
        (self.major, self.minor) > (Self::NEWEST.major, Self::NEWEST.minor)
    }

    /// Whether it has the same major and minor number as another one.
    pub(super) fn is_in_series_of(self, other: Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }

    /// The newest release that serves all of these API versions and is not older than `since`; `None` if there is none
    /// (`config/crd/bases` at every tag). Without versions, the newest release.
    pub fn serving(versions: impl IntoIterator<Item = Version>, since: Self) -> Option<Self> {
        let mut range = (since, Self::NEWEST);
        for version in versions {
            let (first, last) = Self::range(version);
            range = (range.0.max(first), range.1.min(last));
        }
        (range.0 <= range.1).then_some(range.1)
    }

    /// The first and the last known release that serve a version.
    fn range(version: Version) -> (Self, Self) {
        match version {
            Version::V1Alpha3 => (Self::new(0, 5, 0), Self::new(1, 5, 5)),
            Version::V1Alpha4 => (Self::new(0, 7, 0), Self::new(1, 5, 5)),
            Version::V1Beta1 => (Self::new(1, 0, 0), Self::new(2, 3, 5)),
            Version::V1Beta2 => (Self::new(2, 0, 0), Self::NEWEST),
        }
    }

    /// Whether the release serves a version; releases newer than this program knows count as the newest known one.
    pub fn serves(self, version: Version) -> bool {
        let (first, last) = Self::range(version);
        // A series may have patch releases newer than the known ones.
        first <= self && (self <= last || (self.major, self.minor) == (last.major, last.minor) || last == Self::NEWEST)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Release {
    type Err = String;

    /// `v2.11.1`, `2.11.1` or `2.11`; what follows a hyphen (`-ncn.1`) does not count.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a CAPA release; write for example v2.11.1 or 2.8");
        let plain = text.strip_prefix('v').unwrap_or(text);
        let plain = plain.split_once('-').map_or(plain, |(plain, _)| plain);
        let number = |part: &str| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse::<u32>().map_err(|_| wrong()),
            false => Err(wrong()),
        };
        let parts = plain.split('.').map(number).collect::<Result<Vec<_>, _>>()?;
        match parts[..] {
            [major, minor] => Ok(Self::new(major, minor, 0)),
            [major, minor, patch] => Ok(Self::new(major, minor, patch)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_compared_as_numbers() {
        let release = |text: &str| text.parse::<Release>().unwrap();
        assert!(release("v2.9.0") < release("2.10") && release("v2.10.0-ncn.1") == release("2.10.0"));
        assert_eq!(release("2.8").to_string(), "v2.8.0");
        for bad in ["", "v", "2", "2.x", "2.9.0.1", "latest", "2.+9"] {
            assert!(bad.parse::<Release>().is_err(), "{bad}");
        }
    }

    #[test]
    fn api_versions_decide_which_release_reads_them() {
        use Version::{V1Alpha3, V1Alpha4, V1Beta1, V1Beta2};
        let serving = |versions: &[Version], since: &str| {
            let release = Release::serving(versions.iter().copied(), Release::of_table(since));
            release.map(|release| release.to_string())
        };
        assert_eq!(serving(&[], "v0.6.5").unwrap(), Release::NEWEST.to_string());
        assert_eq!(serving(&[V1Alpha3], "v0.6.5").unwrap(), "v1.5.5");
        assert_eq!(serving(&[V1Alpha3, V1Alpha4, V1Beta1], "v0.6.5").unwrap(), "v1.5.5");
        assert_eq!(serving(&[V1Beta1, V1Beta2], "v0.6.5").unwrap(), "v2.3.5");
        assert_eq!(serving(&[V1Alpha4, V1Beta2], "v0.6.5"), None);
        // A kind, or its reference, that was added when one of the versions was no longer served.
        assert_eq!(serving(&[V1Beta1, V1Beta2], "v2.4.0"), None);
    }
}
