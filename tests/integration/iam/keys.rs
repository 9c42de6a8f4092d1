//! Condition keys: the values in documents, and the values in requests.

use super::documents::PRINCIPALS;

const TEXT: &[&str] = &[
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
];
const ARN: &[&str] =
    &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringEquals", "StringLike", "StringNotEquals"];
const SET: &[&str] = &[
    "ForAllValues:StringEquals",
    "ForAllValues:StringNotEquals",
    "ForAnyValue:StringEquals",
    "ForAnyValue:StringLike",
    "ForAnyValue:StringNotEquals",
];

/// A condition key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) operators: &'static [&'static str],
    /// The values that documents compare the key with.
    pub(super) wanted: &'static [&'static str],
    /// The values in requests, unless something else sets the key; an empty list means that the key is absent.
    pub(super) said: &'static [&'static [&'static str]],
}

pub(super) const IDS: [&str; 3] = ["id-1", "id-2", "ID-1"];
pub(super) const ORGS: [&str; 2] = ["o-aaaaaaaaaa", "o-bbbbbbbbbb"];
pub(super) const NAMES: [&str; 2] = ["capa", "ann"];

pub(super) const KEYS: [Key; 23] = [
    Key {
        name: "sts:ExternalId",
        operators: TEXT,
        wanted: &["id-1", "id-2", "ID-1", "id-*", "id-?", "*", "Id-1", "${aws:PrincipalTag/team}", "id-1${*}"],
        said: &[&[], &["id-1"], &["id-2"], &["ID-1"], &["id-11"], &["id-*"]],
    },
    Key {
        name: "aws:PrincipalOrgID",
        operators: TEXT,
        wanted: &["o-aaaaaaaaaa", "o-bbbbbbbbbb", "o-*", "O-AAAAAAAAAA"],
        said: &[&[], &["o-aaaaaaaaaa"], &["o-bbbbbbbbbb"]],
    },
    Key {
        name: "sts:RoleSessionName",
        operators: TEXT,
        wanted: &["capa", "ann", "ca*", "?apa", "*", "${aws:username}"],
        said: &[&[], &["capa"], &["ann"], &["me"]],
    },
    Key {
        name: "aws:PrincipalArn",
        operators: ARN,
        wanted: &[
            PRINCIPALS[0],
            PRINCIPALS[1],
            PRINCIPALS[2],
            PRINCIPALS[3],
            "arn:aws:iam::111111111111:role/*",
            "arn:aws:iam::111111111111:role/team/?/ops",
            "arn:aws:iam::*:role/control-plane.*",
            "arn:*:*:*:*:*",
            "arn:aws:iam::1*",
            "arn:aws:iam::111111111111:root",
            "arn:aws:sts::111111111111:assumed-role/ops/*",
            "*",
        ],
        said: &[],
    },
    Key {
        name: "aws:PrincipalAccount",
        operators: TEXT,
        wanted: &["111111111111", "333333333333", "1*", "444444444444"],
        said: &[],
    },
    Key { name: "aws:PrincipalType", operators: TEXT, wanted: &["AssumedRole", "User", "Account", "*"], said: &[] },
    Key {
        name: "aws:SourceIp",
        operators: &["IpAddress", "NotIpAddress"],
        wanted: &["203.0.113.0/24", "198.51.100.7", "0.0.0.0/0"],
        said: &[&[], &["203.0.113.9"], &["198.51.100.7"]],
    },
    Key {
        name: "aws:MultiFactorAuthPresent",
        operators: &["Bool"],
        wanted: &["true", "false"],
        said: &[&[], &["true"], &["false"]],
    },
    Key {
        name: "aws:MultiFactorAuthAge",
        operators: &["NumericLessThan", "NumericEquals", "NumericNotEquals", "NumericGreaterThanEquals"],
        wanted: &["300", "3600"],
        said: &[&[], &["60"], &["300"], &["4000"]],
    },
    Key {
        name: "aws:CurrentTime",
        operators: &["DateLessThan", "DateGreaterThan", "DateNotEquals"],
        wanted: &["2026-01-01T00:00:00Z", "2030-06-30T12:00:00Z"],
        said: &[&["2025-06-01T00:00:00Z"], &["2027-06-01T00:00:00Z"], &["2031-06-01T00:00:00Z"]],
    },
    // Every call to STS has this key.
    Key { name: "aws:SecureTransport", operators: &["Bool"], wanted: &["true", "false"], said: &[&["true"]] },
    Key { name: "aws:PrincipalIsAWSService", operators: &["Bool"], wanted: &["false", "true"], said: &[&["false"]] },
    Key { name: "aws:TagKeys", operators: SET, wanted: &["a", "b", "*"], said: &[&[], &["a"], &["a", "b"], &["c"]] },
    Key { name: "sts:TransitiveTagKeys", operators: SET, wanted: &["a", "b"], said: &[&[], &["a"], &["b", "c"]] },
    Key {
        name: "aws:PrincipalOrgPaths",
        operators: SET,
        wanted: &["o-aaaaaaaaaa/r-a/*", "o-aaaaaaaaaa/*"],
        said: &[&[], &["o-aaaaaaaaaa/r-a/ou-1/"]],
    },
    Key {
        name: "aws:PrincipalTag/team",
        operators: TEXT,
        wanted: &["id-1", "team", "*"],
        said: &[&[], &["id-1"], &["team"]],
    },
    Key { name: "aws:username", operators: TEXT, wanted: &["ann", "*"], said: &[&[], &["ann"], &["capa"]] },
    Key { name: "sts:SourceIdentity", operators: TEXT, wanted: &["ann", "*"], said: &[&[], &["ann"]] },
    Key { name: "aws:userid", operators: TEXT, wanted: &["AROAEXAMPLE:*", "*:capa"], said: &[&["AROAEXAMPLE:capa"]] },
    // Only services send these, and CAPA is not one.
    Key { name: "aws:ViaAWSService", operators: &["Bool"], wanted: &["false", "true"], said: &[&["false"]] },
    Key { name: "aws:SourceArn", operators: ARN, wanted: &["arn:aws:s3:::bucket", "arn:*:*:*:*:*"], said: &[&[]] },
    Key { name: "aws:SourceAccount", operators: TEXT, wanted: &["111111111111", "*"], said: &[&[]] },
    // The account of the resource, if that is known.
    Key { name: "aws:ResourceAccount", operators: TEXT, wanted: &["222222222222", "555555555555", "2*"], said: &[] },
];
