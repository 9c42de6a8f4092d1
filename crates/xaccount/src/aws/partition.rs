//! AWS partitions, and the regions of each.

use std::fmt;
use std::str::FromStr;

/// A partition of AWS: a group of regions with its own accounts. A role can never be assumed across partitions.
///
/// Source: botocore 1.44.5, `botocore/data/partitions.json`; Cluster API Provider AWS,
/// `pkg/cloud/endpoints/partitions.go` has the same ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    /// `aws`: the commercial regions.
    Aws,
    /// `aws-cn`: China.
    AwsCn,
    /// `aws-us-gov`: GovCloud (US).
    AwsUsGov,
    /// `aws-iso`
    AwsIso,
    /// `aws-iso-b`
    AwsIsoB,
    /// `aws-iso-e`
    AwsIsoE,
    /// `aws-iso-f`
    AwsIsoF,
    /// `aws-eusc`: the European Sovereign Cloud.
    AwsEusc,
}

/// A text is not the id of a known partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown partition {text:?}; the partitions are {}", known())]
pub struct UnknownPartition {
    /// The text as given.
    pub text: String,
}

fn known() -> String {
    Partition::ALL.map(Partition::id).join(", ")
}

impl Partition {
    /// All partitions, the commercial one first.
    pub const ALL: [Self; 8] = [
        Self::Aws,
        Self::AwsCn,
        Self::AwsUsGov,
        Self::AwsIso,
        Self::AwsIsoB,
        Self::AwsIsoE,
        Self::AwsIsoF,
        Self::AwsEusc,
    ];

    /// The id as in an ARN, for example `aws-us-gov`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsIso => "aws-iso",
            Self::AwsIsoB => "aws-iso-b",
            Self::AwsIsoE => "aws-iso-e",
            Self::AwsIsoF => "aws-iso-f",
            Self::AwsEusc => "aws-eusc",
        }
    }

    /// The partition of a region, by the `regionRegex` of botocore's `partitions.json`, so that regions newer than this
    /// program are known too. `None` for a text that no regex matches: a typo, a template (`${AWS_REGION}`), an
    /// availability zone (`us-west-2a`).
    pub fn of_region(region: &str) -> Option<Self> {
        // Every `regionRegex` has the form ^PREFIX-\w+-\d+$, and the prefixes differ, so the order does not matter.
        let mut parts = region.rsplitn(3, '-');
        let (number, word, prefix) = (parts.next()?, parts.next()?, parts.next()?);
        let number_fits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let word_fits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !number_fits || !word_fits {
            return None;
        }
        Some(match prefix {
            "us" | "eu" | "ap" | "sa" | "ca" | "me" | "af" | "il" | "mx" => Self::Aws,
            "cn" => Self::AwsCn,
            "us-gov" => Self::AwsUsGov,
            "us-iso" => Self::AwsIso,
            "us-isob" => Self::AwsIsoB,
            "eu-isoe" => Self::AwsIsoE,
            "us-isof" => Self::AwsIsoF,
            "eusc-de" => Self::AwsEusc,
            _ => return None,
        })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Partition {
    type Err = UnknownPartition;

    fn from_str(text: &str) -> Result<Self, UnknownPartition> {
        Self::ALL
            .into_iter()
            .find(|partition| partition.id() == text)
            .ok_or_else(|| UnknownPartition { text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back() {
        for partition in Partition::ALL {
            assert_eq!(partition.id().parse(), Ok(partition));
        }
        let error = "aws-gov".parse::<Partition>().unwrap_err().to_string();
        assert!(error.contains("\"aws-gov\""), "{error}");
        assert!(error.contains("aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b"), "{error}");
        for text in ["", "AWS", " aws", "aws "] {
            assert!(text.parse::<Partition>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn regions_by_the_regexes_of_botocore() {
        let table = [
            (
                Some(Partition::Aws),
                "us-west-2 eu-central-1 ap-southeast-7 mx-central-1 il-central-1 me-west-1 af-south-1 eu-newer-12",
            ),
            (Some(Partition::AwsCn), "cn-north-1 cn-northwest-1"),
            (Some(Partition::AwsUsGov), "us-gov-east-1 us-gov-west-1"),
            (Some(Partition::AwsIso), "us-iso-east-1 us-iso-west-1"),
            (Some(Partition::AwsIsoB), "us-isob-east-1 us-isob-west-1"),
            (Some(Partition::AwsIsoE), "eu-isoe-west-1"),
            (Some(Partition::AwsIsoF), "us-isof-east-1 us-isof-south-1"),
            (Some(Partition::AwsEusc), "eusc-de-east-1"),
            (
                None,
                "us-west us-west- us--2 -west-2 us-west-2a us-west-2- US-WEST-2 eusc-fr-east-1 xx-west-2 us-gov-x-east-1 eu-iso-west-1",
            ),
            (None, "${AWS_REGION} us-${X}-2 {{region}} europe us_west_2 us-wést-2"),
        ];
        for (partition, regions) in table {
            for region in regions.split(' ') {
                assert_eq!(Partition::of_region(region), partition, "{region:?}");
            }
        }
        for region in ["", "-", "--", "us-west-2 ", " us-west-2", "us-west-2\n"] {
            assert_eq!(Partition::of_region(region), None, "{region:?}");
        }
    }
}
