//! JSON text for use inside other text.

use serde_json::Value;

/// The JSON text indented by two spaces per level, with every token unchanged. Only non-ASCII characters are escaped,
/// so that a reader's encoding or normalisation doesn't matter. Lines after the first start with `indent` spaces.
pub(super) fn laid_out(json: &str, indent: usize) -> String {
    let mut out = String::with_capacity(2 * json.len());
    let mut depth = indent;
    let (mut in_string, mut is_escaped) = (false, false);
    // An empty list or object stays on its line.
    let mut just_opened = false;
    for c in json.chars() {
        if in_string {
            push_ascii(&mut out, c);
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            continue;
        }
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(2);
        }
        if just_opened != closes {
            break_line(&mut out, depth);
        }
        just_opened = matches!(c, '{' | '[');
        out.push(c);
        match c {
            '{' | '[' => depth += 2,
            ',' => break_line(&mut out, depth),
            ':' => out.push(' '),
            '"' => in_string = true,
            _ => {}
        }
    }
    out
}

fn break_line(out: &mut String, blanks: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', blanks));
}

fn push_ascii(out: &mut String, c: char) {
    if c.is_ascii() {
        out.push(c);
        return;
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

/// A string as JSON text.
pub(super) fn string(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_stay_as_they_are() {
        let text =
            "{\"a\":[1e3,\t-0.0,123456789012345678901234567890],\r\n\"b\\\"\\\\\":{ },\"c\":[ ],\"d\": \"{[:,\\\\\"}";
        let wanted = "{\n    \"a\": [\n      1e3,\n      -0.0,\n      123456789012345678901234567890\n    ],\n    \
            \"b\\\"\\\\\": {},\n    \"c\": [],\n    \"d\": \"{[:,\\\\\"\n  }";
        assert_eq!(laid_out(text, 2), wanted);
        assert_eq!(laid_out(wanted, 2), wanted);
        assert_eq!(laid_out("\"é\u{1f600}\\u00e9\"", 0), "\"\\u00e9\\ud83d\\ude00\\u00e9\"");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<String>().prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_value_stays(value in values(), indent in 0usize..5) {
            let pretty = laid_out(&value.to_string(), indent);
            prop_assert!(pretty.is_ascii());
            prop_assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), value.clone());
            prop_assert_eq!(laid_out(&serde_json::to_string_pretty(&value).unwrap(), indent), pretty);
        }
    }
}
