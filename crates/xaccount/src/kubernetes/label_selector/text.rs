//! The parser of kubectl's `-l`.

use std::iter::Peekable;

use super::requirement::{LabelOperator, LabelSelector, Requirement, integer};
use crate::kubernetes::names::{is_label_value, is_qualified_name};

/// Parses a selector as kubectl does, but refuses two texts that kubectl accepts: an empty text, which would select
/// every object, and `!a=b`, which kubectl reads as `a=b`.
impl std::str::FromStr for LabelSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens { rest: text }.peekable();
        let requirements = requirements(&mut tokens).map_err(|why| {
            format!(
                "'{text}' is not a label selector: {why}; write KEY=VALUE, KEY!=VALUE, 'KEY in (A,B)', 'KEY notin (A,B)', KEY or '!KEY'"
            )
        })?;
        Ok(Self(requirements))
    }
}

/// Characters that are not part of a word, in addition to white space.
const SPECIAL: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];

/// The tokens of a selector: words, `!=`, `==` and each of `=!(),<>`.
struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Tokens<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        self.rest = self.rest.trim_start_matches(blank);
        let end = match self.rest {
            "" => return None,
            rest if rest.starts_with("!=") || rest.starts_with("==") => 2,
            rest if rest.starts_with(SPECIAL) => 1,
            rest => rest.find(|c| blank(c) || SPECIAL.contains(&c)).unwrap_or(rest.len()),
        };
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(token)
    }
}

fn is_word(token: &str) -> bool {
    !token.starts_with(SPECIAL)
}

fn found(token: Option<&str>, expected: &str) -> String {
    match token {
        Some(token) => format!("found '{token}', expected {expected}"),
        None => format!("expected {expected} at its end"),
    }
}

fn requirements(tokens: &mut Peekable<Tokens<'_>>) -> Result<Vec<Requirement>, String> {
    let mut requirements = Vec::new();
    loop {
        requirements.push(requirement(tokens)?);
        match tokens.next() {
            None => return Ok(requirements),
            Some(",") => {}
            other => return Err(found(other, "a comma or the end")),
        }
    }
}

fn requirement(tokens: &mut Peekable<Tokens<'_>>) -> Result<Requirement, String> {
    let absent = tokens.next_if_eq(&"!").is_some();
    let key = match tokens.next() {
        Some(word) if is_word(word) => word.to_owned(),
        other => return Err(found(other, "a key")),
    };
    if !is_qualified_name(&key) {
        return Err(format!("'{key}' can't be the key of a label"));
    }
    if matches!(tokens.peek(), None | Some(&",")) {
        let operator = if absent { LabelOperator::DoesNotExist } else { LabelOperator::Exists };
        return Ok(Requirement { key, operator });
    }
    if absent {
        return Err(format!("'!{key}' takes no value"));
    }
    let operator = match tokens.next() {
        Some("=" | "==") => LabelOperator::In(vec![value(tokens)?]),
        Some("!=") => LabelOperator::NotIn(vec![value(tokens)?]),
        Some("in") => LabelOperator::In(values(tokens)?),
        Some("notin") => LabelOperator::NotIn(values(tokens)?),
        Some(">") => LabelOperator::GreaterThan(number(tokens)?),
        Some("<") => LabelOperator::LessThan(number(tokens)?),
        other => return Err(found(other, "=, ==, !=, in, notin, < or >")),
    };
    Ok(Requirement { key, operator })
}

/// One value, which can be empty.
fn value(tokens: &mut Peekable<Tokens<'_>>) -> Result<String, String> {
    if matches!(tokens.peek(), None | Some(&",")) {
        return Ok(String::new());
    }
    word(tokens.next())
}

/// A list of values in parentheses, each of which can be empty.
fn values(tokens: &mut Peekable<Tokens<'_>>) -> Result<Vec<String>, String> {
    if tokens.next_if_eq(&"(").is_none() {
        return Err(found(tokens.next(), "'('"));
    }
    let mut values = Vec::new();
    loop {
        values.push(match tokens.peek() {
            Some(&("," | ")")) => String::new(),
            _ => word(tokens.next())?,
        });
        match tokens.next() {
            Some(")") => return Ok(values),
            Some(",") => {}
            other => return Err(found(other, "a comma or ')'")),
        }
    }
}

fn number(tokens: &mut Peekable<Tokens<'_>>) -> Result<i64, String> {
    let value = value(tokens)?;
    integer(&value).ok_or_else(|| format!("'{value}' is not an integer"))
}

fn word(token: Option<&str>) -> Result<String, String> {
    match token {
        Some(word) if is_word(word) && is_label_value(word) => Ok(word.to_owned()),
        Some(word) if is_word(word) => Err(format!("'{word}' can't be the value of a label")),
        other => Err(found(other, "a value")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::LabelValue;
    use super::*;

    #[test]
    fn labels_that_match() {
        let labels = HashMap::from([("env", "dev"), ("a/b", ""), ("in", "notin"), ("n", "7"), ("m", "-1")]);
        for (selector, want) in [
            ("env=dev", true),
            ("env==dev", true),
            (" env\t=  dev ", true),
            ("env=prod", false),
            ("env!=prod", true),
            ("env != dev", false),
            ("team!=x", true),
            ("env in (dev, prod)", true),
            ("env in(dev)", true),
            ("env notin (dev)", false),
            ("team notin (x)", true),
            ("a/b", true),
            ("a/b=", true),
            ("env=,a/b", false),
            ("a/b in ()", true),
            ("a/b in (x,)", true),
            ("a/b in (,x)", true),
            ("a/b in (x,,y)", true),
            ("env in (x,,y)", false),
            ("in in (in,notin)", true),
            ("in notin (notin)", false),
            ("n>6", true),
            ("n > 7", false),
            ("n<8,n>6", true),
            ("m<0", true),
            ("env>0", false),
            ("team<1", false),
            ("!team", true),
            ("! team", true),
            ("!env", false),
            ("env=dev,!env", false),
            ("env in (dev,prod),a/b", true),
        ] {
            let parsed: LabelSelector = selector.parse().unwrap_or_else(|why| panic!("{why}"));
            let label = |key: &str| LabelValue::from(labels.get(key).copied());
            assert_eq!(parsed.matches(label), Some(want), "{selector}");
        }
    }

    #[test]
    fn what_is_not_a_selector_has_a_reason() {
        for (selector, why) in [
            ("", "expected a key at its end"),
            ("a b", "found 'b', expected =, ==, !=, in, notin, < or >"),
            ("env in dev", "found 'dev', expected '('"),
            ("env in (dev", "expected a comma or ')' at its end"),
            ("env in (dev))", "found ')', expected a comma or the end"),
            ("env in (a b)", "found 'b', expected a comma or ')'"),
            ("=x", "found '=', expected a key"),
            ("a,,b", "found ',', expected a key"),
            ("a,", "expected a key at its end"),
            ("a=b=c", "found '=', expected a comma or the end"),
            ("a=b c", "found 'c', expected a comma or the end"),
            ("a===b", "found '=', expected a value"),
            ("a=!b", "found '!', expected a value"),
            ("a!", "found '!', expected =, ==, !=, in, notin, < or >"),
            ("!!a", "found '!', expected a key"),
            ("!a=b", "'!a' takes no value"),
            ("a=b/c", "'b/c' can't be the value of a label"),
            ("a=-b", "'-b' can't be the value of a label"),
            ("a b/c/d", "found 'b/c/d', expected =, ==, !=, in, notin, < or >"),
            ("A_/b", "'A_/b' can't be the key of a label"),
            ("a>b", "'b' is not an integer"),
            ("a>", "'' is not an integer"),
        ] {
            let error = selector.parse::<LabelSelector>().unwrap_err();
            assert!(error.contains(&format!("'{selector}' is not a label selector: {why};")), "{error}");
        }
    }
}
