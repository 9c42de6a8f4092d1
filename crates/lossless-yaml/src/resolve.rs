//! The types of plain scalars, as sigs.k8s.io/yaml resolves them (`goyaml.v2/resolve.go`, v1.4.0).

/// Booleans, nulls, infinities and NaN. Other spellings, such as `nULL`, are strings.
const WORDS: [&str; 39] = [
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "n", "N", "no", "No", "NO", "false",
    "False", "FALSE", "off", "Off", "OFF", "", "~", "null", "Null", "NULL", ".nan", ".NaN", ".NAN", ".inf", ".Inf",
    ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
];

/// Whether a plain scalar is something other than a string. A time is a string, and so is `1:30`: there is no base 60.
pub(crate) fn resolves_to_other(text: &str) -> bool {
    match text.bytes().next() {
        _ if WORDS.contains(&text) => true,
        Some(b'.') => has_digits_around_underscores(text) && is_float(&text.replace('_', "")),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let plain = text.replace('_', "");
            is_integer(&plain) || is_float(&plain) || is_binary(&plain)
        }
        _ => false,
    }
}

/// Go's `strconv.ParseInt` and `ParseUint` with base 0.
fn is_integer(text: &str) -> bool {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'+' | b'-') => text.split_at(1),
        _ => ("", text),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let (digits, radix) = prefixes
        .into_iter()
        .find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, radix)))
        .unwrap_or((&lower, 10));
    // A single zero.
    if digits.is_empty() {
        return radix == 8 && lower == "0";
    }
    let is_digit = |c: char| c.is_digit(radix);
    let limit = match sign {
        "" => u128::from(u64::MAX),
        "-" => 1 << 63,
        _ => (1 << 63) - 1,
    };
    digits.chars().all(is_digit) && u128::from_str_radix(digits, radix).is_ok_and(|number| number <= limit)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, unless it is too large for a float.
fn is_float(text: &str) -> bool {
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match number.find(['e', 'E']) {
        Some(at) => (&number[..at], Some(&number[at + 1..])),
        None => (number, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| are_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    let is_mantissa = match mantissa.split_once('.') {
        None => are_digits(mantissa),
        Some(("", fraction)) => are_digits(fraction),
        Some((whole, fraction)) => are_digits(whole) && (fraction.is_empty() || are_digits(fraction)),
    };
    is_mantissa && exponent.is_none_or(is_exponent) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// `0b` with a sign after it, which only this reader takes for a number.
fn is_binary(text: &str) -> bool {
    let digits = text.strip_prefix("0b").map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    let digits = digits.or_else(|| text.strip_prefix("-0b"));
    digits.is_some_and(|digits| i64::from_str_radix(digits, 2).is_ok() && !digits.starts_with(['+', '-']))
}

/// Go's rule for underscores in a float: each is between two digits.
fn has_digits_around_underscores(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).filter(|&at| bytes[at] == b'_').all(|at| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}

#[cfg(test)]
mod tests {
    use super::resolves_to_other;

    const OTHERS: &str = "\
        on Y ~ NULL -.inf .NaN 0 -0 5 +1 017 08 0o17 0O7 0x1F 0X1f 0x_1F 0b1 0B1 -0b1 +0b1 0b-1 \
        0b+1 1_000 1__0 1_ 012345678901 1e3 1e+3 .5 .5e3 .5_0 5. +.5 99999999999999999999 \
        99999999999999999999.5 0xFFFFFFFFFFFFFFFF";

    const STRINGS: &str = "\
        02:30 1:30 12:30:45 1:30:00.5 1:inf _1 --1 +-1 ._1 .5_ 2001-01-01 \
        2001-12-14t21:59:43.10-05:00 1e999 0x1p4 .1p4 Inf +Inf nULL oN tRUE + . .. 0x 12ab a \
        arn:aws:iam::1:role/r 1.2.3 0xyz -a v1 e3 +0xFFFFFFFFFFFFFFFF 0x1FFFFFFFFFFFFFFFF --0b1 \
        0b2 ١";

    /// What `YAMLToJSON` of sigs.k8s.io/yaml v1.4.0 makes of each.
    #[test]
    fn plain_scalars_have_the_types_of_sigs_yaml() {
        for other in OTHERS.split_whitespace().chain([""]) {
            assert!(resolves_to_other(other), "{other}");
        }
        for string in STRINGS.split_whitespace() {
            assert!(!resolves_to_other(string), "{string}");
        }
    }
}
