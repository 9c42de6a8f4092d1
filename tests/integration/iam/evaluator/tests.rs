//! The evaluator, compared with the IAM user guide; each table names its page.

use serde_json::{Value, json};

use super::Decision::{self, Allowed, Denied, Refused};
use super::{Request, evaluate};

const ROLE: &str = "arn:aws:iam::111111111111:role/team/ops";
const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/ops/me";
const USER: &str = "arn:aws:iam::111111111111:user/ann";

fn role() -> Request {
    Request::new("sts:AssumeRole", ROLE, Some(SESSION))
}

fn document(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// An Allow for everything, with one more element.
fn allow(name: &str, element: &Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" });
    statement[name] = element.clone();
    if name == "NotAction" {
        statement.as_object_mut().unwrap().remove("Action");
    }
    statement
}

/// "Policy evaluation logic", and "IAM JSON policy elements: Statement" and "Effect".
#[test]
fn a_deny_wins_and_without_an_allow_nothing_is_allowed() {
    let allow = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "*" });
    let deny = json!({ "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "*" });
    for (statements, decision) in [
        (json!([]), Refused),
        (json!([allow]), Allowed),
        (allow.clone(), Allowed),
        (json!([deny]), Denied),
        (json!([allow, deny]), Denied),
        (json!([deny, allow]), Denied),
        (json!({ "Effect": "Allow", "Action": "*" }), Refused),
        (json!({ "Effect": "Allow", "Principal": { "AWS": "*" } }), Refused),
    ] {
        assert_eq!(evaluate(&document(&statements), &role()), decision, "{statements}");
    }
}

/// "AWS JSON policy elements: Principal".
#[test]
fn principals_match() {
    let aws = |name: &str| json!({ "AWS": name });
    for (element, role_is, user_is) in [
        (aws("*"), true, true),
        (aws("111111111111"), true, true),
        (aws("arn:aws:iam::111111111111:root"), true, true),
        (aws("arn:aws-cn:iam::111111111111:root"), false, false),
        (aws("333333333333"), false, false),
        (aws(ROLE), true, false),
        (aws("arn:aws:iam::111111111111:role/ops"), false, false),
        (aws("arn:aws:iam::111111111111:role/*"), false, false),
        (aws(SESSION), true, false),
        (aws("arn:aws:sts::111111111111:assumed-role/ops/you"), false, false),
        (aws(USER), false, true),
        (aws("AROAEXAMPLEEXAMPLE01"), false, false),
        (json!({ "AWS": [USER, ROLE], "Service": "ec2.amazonaws.com" }), true, true),
        (json!({ "Service": "ec2.amazonaws.com" }), false, false),
        (json!({ "Service": "*", "Federated": "*", "CanonicalUser": "*" }), false, false),
        (json!({}), false, false),
    ] {
        let document = document(&allow("Principal", &element));
        let decision = |is| if is { Allowed } else { Refused };
        assert_eq!(evaluate(&document, &role()), decision(role_is), "the role: {element}");
        let user = Request::new("sts:AssumeRole", USER, None);
        assert_eq!(evaluate(&document, &user), decision(user_is), "the user: {element}");
    }
}

/// "IAM JSON policy elements: Action" and "IAM JSON policy elements: NotAction".
#[test]
fn actions_match() {
    for (element, is) in [
        (json!("sts:AssumeRole"), true),
        (json!("STS:assumerole"), true),
        (json!(["s3:GetObject", "sts:AssumeRole"]), true),
        (json!("*"), true),
        (json!("sts:*"), true),
        (json!("s*:*Role"), true),
        (json!("sts:AssumeRol?"), true),
        (json!("sts:AssumeRole?"), false),
        (json!("sts:AssumeRole*"), true),
        (json!("sts:AssumeRoleWith*"), false),
        (json!([]), false),
    ] {
        let decision = |is| if is { Allowed } else { Refused };
        assert_eq!(evaluate(&document(&allow("Action", &element)), &role()), decision(is), "{element}");
        assert_eq!(evaluate(&document(&allow("NotAction", &element)), &role()), decision(!is), "not {element}");
    }
}

/// "IAM JSON policy elements: Resource", "IAM JSON policy elements: NotResource" and "IAM policy elements: Variables and
/// tags".
#[test]
fn resources_match() {
    let arn = "arn:aws:iam::222222222222:role/a/b";
    for (element, is) in [
        (json!(arn), true),
        (json!("*"), true),
        (json!("arn:aws:iam::222222222222:role/A/b"), false),
        (json!(["arn:aws:s3:::bucket", "arn:aws:iam::222222222222:role/*"]), true),
        (json!("arn:*:iam::*:role/?/b"), true),
        (json!("arn:aws:iam::*"), true),
        (json!("arn:aws:iam::2*:role/a/b"), true),
        (json!("arn:aws:iam::22222222222?:*"), true),
        // A star within a part matches within it; one that ends a part may match more.
        (json!("arn:aws:i*2:role/a/b"), false),
        (json!("arn:aws:iam:*:role/a/b"), true),
        (json!("arn:aws:iam::222222222222:role/${aws:PrincipalTag/team}/b"), true),
        (json!("arn:aws:iam::222222222222:role/${aws:username}/b"), false),
        (json!("arn:aws:iam::222222222222:role/${aws:username, 'a'}/b"), true),
        (json!("arn:aws:iam::222222222222:role/${*}/b"), false),
    ] {
        let mut request = role();
        request.resource = Some(arn.to_owned());
        request.set("aws:PrincipalTag/team", &["a"]);
        let decision = |is| if is { Allowed } else { Refused };
        for (name, is) in [("Resource", is), ("NotResource", !is)] {
            let mut statement = json!({ "Effect": "Allow", "Action": "*" });
            statement[name] = element.clone();
            assert_eq!(evaluate(&document(&statement), &request), decision(is), "{name} {element}");
        }
    }
}

fn conditions(rows: &[(Value, bool)]) {
    let mut request = role();
    request.set("sts:ExternalId", &["Id-1"]);
    request.set("aws:SourceIp", &["203.0.113.7"]);
    request.set("aws:VpcSourceIp", &["2001:db8::1"]);
    request.set("aws:CurrentTime", &["2026-03-01T12:00:00Z"]);
    request.set("aws:MultiFactorAuthAge", &["300"]);
    request.set("aws:MultiFactorAuthPresent", &["true"]);
    request.set("aws:TagKeys", &["a", "b"]);
    for (condition, is) in rows {
        let decision = if *is { Allowed } else { Refused };
        assert_eq!(evaluate(&document(&allow("Condition", condition)), &request), decision, "{condition}");
    }
}

fn one(operator: &str, key: &str, values: Value) -> Value {
    json!({ operator: { key: values } })
}

/// "IAM JSON policy elements: Condition operators", "String condition operators".
#[test]
fn texts_in_conditions() {
    let id = |operator: &str, values: Value| one(operator, "sts:ExternalId", values);
    conditions(&[
        (json!({}), true),
        (id("StringEquals", json!("Id-1")), true),
        (id("StringEquals", json!("id-1")), false),
        (id("StringEquals", json!("Id-*")), false),
        (id("StringEquals", json!(["x", "Id-1"])), true),
        (id("StringEquals", json!([])), false),
        (one("StringEquals", "STS:externalid", json!("Id-1")), true),
        (id("StringNotEquals", json!("Id-1")), false),
        (id("StringNotEquals", json!(["x", "Id-1"])), false),
        (id("StringNotEquals", json!(["x", "y"])), true),
        (id("StringEqualsIgnoreCase", json!("iD-1")), true),
        (id("StringNotEqualsIgnoreCase", json!("iD-1")), false),
        (id("StringLike", json!("Id-?")), true),
        (id("StringLike", json!("Id-1?")), false),
        (id("StringLike", json!("id-*")), false),
        (id("StringLike", json!("*")), true),
        (id("StringNotLike", json!("Id-*")), false),
        (id("StringNotLike", json!("x*")), true),
    ]);
}

/// "IAM JSON policy elements: Condition operators", on keys that a request lacks, on `IfExists` and on `Null`.
#[test]
fn keys_that_are_absent() {
    let absent = |operator: &str| one(operator, "aws:PrincipalOrgID", json!("o-a"));
    let null = |key: &str, value: Value| one("Null", key, value);
    conditions(&[
        (absent("StringEquals"), false),
        (absent("StringLike"), false),
        (absent("ArnLike"), false),
        (absent("StringNotEquals"), true),
        (absent("StringNotLike"), true),
        (absent("ArnNotEquals"), true),
        (one("Bool", "aws:SecureTransport", json!("false")), false),
        (one("BoolIfExists", "aws:SecureTransport", json!("false")), true),
        (absent("StringEqualsIfExists"), true),
        (absent("StringNotEqualsIfExists"), true),
        (one("StringEqualsIfExists", "sts:ExternalId", json!("Id-1")), true),
        (one("StringEqualsIfExists", "sts:ExternalId", json!("x")), false),
        (null("aws:PrincipalOrgID", json!("true")), true),
        (null("aws:PrincipalOrgID", json!(false)), false),
        (null("sts:ExternalId", json!(true)), false),
        (null("sts:ExternalId", json!("false")), true),
    ]);
}

/// "IAM JSON policy elements: Condition", on several operators, keys and values.
#[test]
fn operators_and_keys_are_anded() {
    conditions(&[
        (
            json!({ "StringEquals": { "sts:ExternalId": "Id-1" }, "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
            true,
        ),
        (
            json!({ "StringEquals": { "sts:ExternalId": "Id-1" }, "Bool": { "aws:MultiFactorAuthPresent": false } }),
            false,
        ),
        (json!({ "StringEquals": { "sts:ExternalId": "Id-1", "aws:PrincipalAccount": "111111111111" } }), true),
        (json!({ "StringEquals": { "sts:ExternalId": "Id-1", "aws:PrincipalAccount": "333333333333" } }), false),
        (json!({ "StringEquals": { "sts:ExternalId": "Id-1", "STS:ExternalId": "x" } }), false),
    ]);
}

/// "Condition operators for multivalued context keys" and its page of examples.
#[test]
fn sets_of_values() {
    let tags = |operator: &str, values: Value| one(operator, "aws:TagKeys", values);
    let absent = |operator: &str| one(operator, "sts:TransitiveTagKeys", json!("a"));
    conditions(&[
        (tags("ForAllValues:StringEquals", json!(["a", "b", "c"])), true),
        (tags("ForAllValues:StringEquals", json!("a")), false),
        (tags("ForAllValues:StringNotEquals", json!(["c"])), true),
        (tags("ForAllValues:StringNotEquals", json!(["a", "c"])), false),
        (tags("ForAnyValue:StringEquals", json!(["a", "x"])), true),
        (tags("ForAnyValue:StringLike", json!("x*")), false),
        (tags("ForAnyValue:StringNotEquals", json!("a")), true),
        (tags("ForAnyValue:StringNotEquals", json!(["a", "b"])), false),
        (absent("ForAllValues:StringEquals"), true),
        (absent("ForAllValues:StringNotEquals"), true),
        (absent("ForAnyValue:StringEquals"), false),
        (absent("ForAnyValue:StringNotEquals"), false),
        (absent("ForAnyValue:StringEqualsIfExists"), false),
    ]);
}

/// "IAM JSON policy elements: Condition operators", "Amazon Resource Name (ARN) condition operators".
#[test]
fn arns_in_conditions() {
    let arn = |operator: &str, pattern: &str| one(operator, "aws:PrincipalArn", json!(pattern));
    conditions(&[
        (arn("ArnEquals", ROLE), true),
        (arn("ArnLike", "arn:aws:iam::111111111111:role/*"), true),
        (arn("ArnEquals", "arn:aws:iam::*:role/team/?ps"), true),
        (arn("ArnLike", "arn:*:*:*:*:*"), true),
        (arn("ArnLike", "arn:aws:iam::111111111111:ROLE/*"), false),
        // A wildcard does not match a colon between two parts.
        (arn("ArnLike", "arn:aws:iam::*"), false),
        (arn("ArnLike", "*"), false),
        (arn("ArnLike", "arn:aws:*:role/team/ops"), false),
        (arn("ArnNotLike", "arn:aws:iam::111111111111:*"), false),
        (arn("ArnNotEquals", "arn:aws:iam::333333333333:*"), true),
        // The key contains the role, never its session.
        (arn("ArnEquals", SESSION), false),
        (arn("StringLike", "*"), true),
    ]);
}

/// "IAM JSON policy elements: Condition operators": numbers, dates, Booleans and addresses.
#[test]
fn numbers_dates_and_addresses() {
    let age = |operator: &str, value: Value| one(operator, "aws:MultiFactorAuthAge", value);
    let time = |operator: &str, value: &str| one(operator, "aws:CurrentTime", json!(value));
    let address = |operator: &str, value: &str| one(operator, "aws:SourceIp", json!(value));
    conditions(&[
        (age("NumericEquals", json!("300.0")), true),
        (age("NumericLessThan", json!(300)), false),
        (age("NumericLessThanEquals", json!(300)), true),
        (age("NumericGreaterThan", json!("40")), true),
        (age("NumericGreaterThanEquals", json!("301")), false),
        (age("NumericNotEquals", json!(300)), false),
        (age("NumericEquals", json!("many")), false),
        (time("DateLessThan", "2026-03-01T12:00:01Z"), true),
        (time("DateLessThan", "2026-03-01T12:00:00Z"), false),
        (time("DateGreaterThan", "2026-02-28T23:59:59Z"), true),
        (time("DateGreaterThanEquals", "2026-03-02"), false),
        // `date -u -d 2026-03-01T12:00:00Z +%s`
        (time("DateEquals", "1772366400"), true),
        (time("DateNotEquals", "1772366400"), false),
        (one("Bool", "aws:MultiFactorAuthPresent", json!("TRUE")), true),
        (one("Bool", "aws:MultiFactorAuthPresent", json!(["false", "true"])), true),
        (one("Bool", "sts:ExternalId", json!("false")), false),
        (address("IpAddress", "203.0.113.0/24"), true),
        (address("IpAddress", "203.0.113.8/29"), false),
        (address("IpAddress", "203.0.113.7"), true),
        (address("IpAddress", "0.0.0.0/0"), true),
        (address("NotIpAddress", "203.0.113.0/24"), false),
        (address("IpAddress", "::/0"), false),
        (one("IpAddress", "aws:VpcSourceIp", json!("2001:db8::/32")), true),
        (one("IpAddress", "aws:VpcSourceIp", json!("2001:db9::/32")), false),
    ]);
}

/// "IAM policy elements: Variables and tags" and "IAM JSON policy elements: Version".
#[test]
fn only_the_newer_version_has_variables() {
    let own = one("StringEquals", "sts:RoleSessionName", json!("${aws:username}"));
    let mut document = document(&allow("Condition", &own));
    let mut request = Request::new("sts:AssumeRole", USER, None);
    let mut decide = |document: &Value, name: &str, user: Option<&str>| -> Decision {
        request.set("sts:RoleSessionName", &[name]);
        request.set("aws:username", user.as_slice());
        evaluate(document, &request)
    };
    assert_eq!(decide(&document, "ann", Some("ann")), Allowed);
    assert_eq!(decide(&document, "bob", Some("ann")), Refused);
    assert_eq!(decide(&document, "ann", None), Refused);
    assert_eq!(decide(&document, "${aws:username}", None), Refused);
    // A wildcard in a value is ordinary text.
    document["Statement"]["Condition"] = one("StringLike", "sts:RoleSessionName", json!("${aws:username}${*}"));
    assert_eq!(decide(&document, "a*", Some("a")), Allowed);
    assert_eq!(decide(&document, "ab", Some("a")), Refused);
    assert_eq!(decide(&document, "ab*", Some("*")), Refused);
    document["Statement"]["Condition"] = own;
    for version in [json!("2008-10-17"), Value::Null] {
        document["Version"] = version;
        assert_eq!(decide(&document, "ann", Some("ann")), Refused);
        assert_eq!(decide(&document, "${aws:username}", Some("ann")), Allowed);
    }
}
