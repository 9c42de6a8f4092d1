//! The `Condition` element, by "IAM JSON policy elements: Condition operators" and "Multivalued context keys".

use std::cmp::Ordering;
use std::net::IpAddr;

use serde_json::Value;

use super::pattern::{Pattern, Variables};
use super::{Context, listed};

/// Whether a condition block holds: all operators with all their keys must hold; an empty block always holds.
pub(super) fn hold(block: &Value, context: &Context, variables: Variables<'_>) -> bool {
    let operators = block.as_object().into_iter().flatten();
    let mut tests =
        operators.flat_map(|(operator, keys)| keys.as_object().unwrap().iter().map(move |entry| (operator, entry)));
    tests.all(|(operator, (key, values))| {
        let wanted: Vec<String> = listed(values).iter().map(text).collect();
        holds(operator, &wanted, context.get(&key.to_ascii_lowercase()).map(Vec::as_slice), variables)
    })
}

/// The text of a value: `true` and `5` mean `"true"` and `"5"`.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether one operator holds for one key. One wanted value must match; for a negated operator, none may match.
fn holds(operator: &str, wanted: &[String], present: Option<&[String]>, variables: Variables<'_>) -> bool {
    let (set, operator) = operator.split_once(':').map_or((None, operator), |(set, rest)| (Some(set), rest));
    let (operator, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |rest| (rest, true));
    if operator == "Null" {
        return wanted.iter().any(|wanted| truth(wanted) == Some(present.is_none()));
    }
    let positive = operator.replacen("Not", "", 1);
    let negated = positive != operator;
    let passes = |value: &String| wanted.iter().any(|wanted| matches(&positive, value, wanted, variables)) != negated;
    match (set, present) {
        // Without the key: a match fails, so its negation holds.
        (None, None) => negated || if_exists,
        (None, Some(values)) if negated => values.iter().all(passes),
        (None, Some(values)) => values.iter().any(passes),
        // Without values, "all" is true and "any" is false; `IfExists` does not change that.
        (Some("ForAllValues"), values) => values.unwrap_or_default().iter().all(passes),
        (Some("ForAnyValue"), values) => values.unwrap_or_default().iter().any(passes),
        (Some(other), _) => panic!("unknown set operator: {other}"),
    }
}

fn matches(operator: &str, value: &str, wanted: &str, variables: Variables<'_>) -> bool {
    match operator {
        "StringEquals" => Pattern::exact(wanted, variables).is_some_and(|pattern| pattern.fits(value)),
        "StringEqualsIgnoreCase" => {
            Pattern::exact(wanted, variables).is_some_and(|pattern| pattern.lower().fits(&value.to_ascii_lowercase()))
        }
        "StringLike" => Pattern::wild(wanted, variables).is_some_and(|pattern| pattern.fits(value)),
        "ArnEquals" | "ArnLike" => Pattern::wild(wanted, variables).is_some_and(|pattern| pattern.fits_arn(value)),
        "Bool" => truth(value).is_some() && truth(value) == truth(wanted),
        "IpAddress" => in_network(value, wanted),
        _ => match (operator.strip_prefix("Numeric"), operator.strip_prefix("Date")) {
            (Some(relation), _) => compares(number(value).partial_cmp(&number(wanted)), relation),
            (_, Some(relation)) => compares(seconds(value).partial_cmp(&seconds(wanted)), relation),
            _ => panic!("unknown operator: {operator}"),
        },
    }
}

fn compares(ordering: Option<Ordering>, relation: &str) -> bool {
    let Some(ordering) = ordering else { return false };
    match relation {
        "Equals" => ordering.is_eq(),
        "LessThan" => ordering.is_lt(),
        "LessThanEquals" => ordering.is_le(),
        "GreaterThan" => ordering.is_gt(),
        "GreaterThanEquals" => ordering.is_ge(),
        other => panic!("unknown relation: {other}"),
    }
}

fn truth(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// The number in a text; NaN, which compares with nothing, if it is not a number.
fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// Seconds since 1970: `2026-01-31T00:00:00Z`, `2026-01-31`, or the seconds themselves. NaN if it is not a date.
fn seconds(text: &str) -> f64 {
    let date = |text: &str| -> Option<f64> {
        let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
        let mut date = date.splitn(3, '-').map(str::parse::<i64>);
        let mut time = time.strip_suffix('Z')?.splitn(3, ':').map(str::parse::<i64>);
        let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
        let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
        // Days since the first of March of year 0, so that a leap day ends its year; 1970 is 719,468 days later.
        let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
        Some((((days * 24 + hour) * 60 + minute) * 60 + second) as f64)
    };
    date(text).unwrap_or_else(|| number(text))
}

/// Whether an address is in the network `ADDRESS/BITS`, or is the address itself.
fn in_network(value: &str, wanted: &str) -> bool {
    let (network, bits) = wanted.split_once('/').map_or((wanted, None), |(network, bits)| (network, Some(bits)));
    let bits = bits.map(|bits| bits.parse::<u32>().unwrap());
    let same = |a: u128, b: u128, width: u32| (a ^ b).checked_shr(width - bits.unwrap_or(width)).unwrap_or(0) == 0;
    match (value.parse(), network.parse()) {
        (Ok(IpAddr::V4(a)), Ok(IpAddr::V4(b))) => same(a.to_bits().into(), b.to_bits().into(), 32),
        (Ok(IpAddr::V6(a)), Ok(IpAddr::V6(b))) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}
