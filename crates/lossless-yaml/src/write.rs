//! Text for new nodes, quoted so that YAML 1.1 and 1.2 readers read the intended value.

use serde_json::Value;

use super::tree::ScalarStyle;

/// A line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnding {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

impl LineEnding {
    /// The bytes.
    pub fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
        }
    }

    /// The ending of the first line of the text, if it has one.
    pub fn of(text: &[u8]) -> Option<Self> {
        memchr::memchr(b'\n', text).map(|at| if at > 0 && text[at - 1] == b'\r' { Self::CrLf } else { Self::Lf })
    }
}

/// The style of flow text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    /// Keys and strings in double quotes, whether they need them or not.
    pub(super) quoted: bool,
    /// No space after `:` and `,`.
    pub(super) tight: bool,
}

/// A string as a scalar in the given style, or in double quotes if that style can't represent it.
pub(super) fn string(text: &str, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::Plain | ScalarStyle::Absent if is_safe_plain(text) => text.to_owned(),
        ScalarStyle::SingleQuoted if text.chars().all(|c| is_printable(c) && c != '\n') => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ => double_quoted(text),
    }
}

/// Whether every YAML reader reads the text without quotes as a string.
///
/// A safe text is a letter, followed by letters, digits, `.`, `-`, `_` and `/`. Not safe are the words that YAML 1.1
/// readers read as booleans and nulls (YAML 1.1, bool and null types; readers of YAML 1.1 read `y` as `true`).
pub(super) fn is_safe_plain(text: &str) -> bool {
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
    );
    !word
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'))
}

fn is_printable(c: char) -> bool {
    // NEL, LS, PS are line breaks in YAML 1.1. The byte-order mark is not one for any reader, but it is invisible.
    !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A double-quoted scalar that is both YAML and JSON.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

fn scalar(value: &Value, quoted: bool) -> String {
    match value {
        Value::String(text) if quoted => double_quoted(text),
        Value::String(text) => string(text, ScalarStyle::Plain),
        other => other.to_string(),
    }
}

/// A value in flow notation, on one line.
pub(super) fn flow(value: &Value, look: Flow) -> String {
    let comma = if look.tight { "," } else { ", " };
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(key, value)| flow_member(key, value, look)).collect();
            format!("{{{}}}", members.join(comma))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| flow(item, look)).collect();
            format!("[{}]", items.join(comma))
        }
        other => scalar(other, look.quoted),
    }
}

/// A member of a flow mapping, on one line.
pub(super) fn flow_member(key: &str, value: &Value, look: Flow) -> String {
    let key = scalar(&Value::String(key.to_owned()), look.quoted);
    let colon = if look.tight { ":" } else { ": " };
    format!("{key}{colon}{}", flow(value, look))
}

/// A member of a pretty-printed JSON object: the first line without, the others with `indent`.
pub(super) fn pretty_member(key: &str, value: &Value, indent: &str, unit: &str, eol: &str) -> String {
    format!("{}: {}", double_quoted(key), pretty(value, indent, unit, eol))
}

/// A value of pretty-printed JSON: the first line without, the others with `indent`. Arrays are on one line.
pub(super) fn pretty(value: &Value, indent: &str, unit: &str, eol: &str) -> String {
    let deeper = format!("{indent}{unit}");
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members: Vec<_> = members
                .iter()
                .map(|(key, value)| format!("{deeper}{}", pretty_member(key, value, &deeper, unit, eol)))
                .collect();
            format!("{{{eol}{}{eol}{indent}}}", members.join(&format!(",{eol}")))
        }
        other => flow(other, Flow { quoted: true, tight: false }),
    }
}

/// A member of a block mapping as whole lines without their line breaks: the key after `indent` spaces, its content
/// `step` spaces deeper.
pub(super) fn block_member(key: &str, value: &Value, indent: usize, step: usize) -> Vec<String> {
    let head = format!("{}{}:", " ".repeat(indent), string(key, ScalarStyle::Plain));
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut lines = vec![head];
            for (key, value) in members {
                lines.extend(block_member(key, value, indent + step, step));
            }
            lines
        }
        Value::Array(items) if !items.is_empty() => {
            let mut lines = vec![head];
            for item in items {
                lines.extend(block_item(item, indent, step));
            }
            lines
        }
        other => vec![format!("{head} {}", flow(other, Flow { quoted: false, tight: false }))],
    }
}

/// An item of a block sequence as whole lines, its dash after `indent` spaces.
pub(super) fn block_item(value: &Value, indent: usize, step: usize) -> Vec<String> {
    let dash = format!("{}- ", " ".repeat(indent));
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut lines: Vec<String> =
                members.iter().flat_map(|(key, value)| block_member(key, value, indent + 2, step)).collect();
            if let Some(first) = lines.first_mut() {
                first.replace_range(..indent + 2, &dash);
            }
            lines
        }
        other => vec![format!("{dash}{}", flow(other, Flow { quoted: false, tight: false }))],
    }
}

/// A whole object as the lines of a document, without markers.
pub(super) fn document(object: &Value) -> Vec<String> {
    match object {
        Value::Object(members) => members.iter().flat_map(|(key, value)| block_member(key, value, 0, 2)).collect(),
        other => vec![flow(other, Flow { quoted: false, tight: false })],
    }
}

/// A whole object as the text of a YAML document, without markers.
pub fn yaml_text(object: &Value) -> String {
    let mut text = document(object).join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_yaml_1_1_reads_as_something_else_is_quoted() {
        for text in [
            "y",
            "N",
            "yes",
            "On",
            "OFF",
            "true",
            "Null",
            "~",
            "",
            "1_0",
            "012345678901",
            "1e3",
            "0x1f",
            ".nan",
            "1:30",
            "a: b",
            "a #b",
            "- a",
            "*a",
            "&a",
            "!a",
            "{a",
            "@a",
            "a\u{85}b",
            "é",
            " a",
            "a ",
            "2026-01-01",
            "=",
            "<<",
        ] {
            let written = string(text, ScalarStyle::Plain);
            assert!(written.starts_with('"'), "{text:?} -> {written}");
        }
        for text in ["default", "cross-account-role-222222222222", "infrastructure.cluster.x-k8s.io/v1beta2"] {
            assert_eq!(string(text, ScalarStyle::Plain), text);
        }
    }

    #[test]
    fn a_quoting_style_is_kept_if_it_can_represent_the_text() {
        assert_eq!(string("it's", ScalarStyle::SingleQuoted), "'it''s'");
        assert_eq!(string("a\nb", ScalarStyle::SingleQuoted), "\"a\\nb\"");
        assert_eq!(string("plain", ScalarStyle::DoubleQuoted), "\"plain\"");
    }

    #[test]
    fn documents_look_as_people_write_them() {
        let object = json!({"a": {"b": {}, "c": ["x", "on"]}, "n": 3, "l": [{"k": "v", "w": 1}]});
        assert_eq!(document(&object).join("\n"), "a:\n  b: {}\n  c:\n  - x\n  - \"on\"\n\"n\": 3\nl:\n- k: v\n  w: 1");
    }
}
