//! Texts in a policy, with wildcards and variables.

use super::Context;

/// The values of variables; `None` if the document has no variables, so that `${` is ordinary text.
pub(in super::super) type Variables<'c> = Option<&'c Context>;

#[derive(Clone, Copy, PartialEq)]
enum Token {
    /// `*`
    Any,
    /// `?`
    One,
    Char(char),
}

/// A policy's text, with its variables replaced.
pub(super) struct Pattern(Vec<Token>);

impl Pattern {
    /// `*` and `?` are wildcards. `None` if a variable has no value: such a text matches nothing.
    pub(super) fn wild(text: &str, variables: Variables<'_>) -> Option<Self> {
        Self::read(text, variables, true)
    }

    /// `*` and `?` are ordinary characters.
    pub(super) fn exact(text: &str, variables: Variables<'_>) -> Option<Self> {
        Self::read(text, variables, false)
    }

    fn read(text: &str, variables: Variables<'_>, wild: bool) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let variable = rest.strip_prefix("${").and_then(|inner| inner.split_once('}'));
            if let (Some(context), Some((inner, after))) = (variables, variable) {
                tokens.extend(value(inner, context)?.chars().map(Token::Char));
                rest = after;
                continue;
            }
            tokens.push(match next {
                '*' if wild => Token::Any,
                '?' if wild => Token::One,
                char => Token::Char(char),
            });
            rest = &rest[next.len_utf8()..];
        }
        Some(Self(tokens))
    }

    /// For texts whose case does not matter; the text to compare with must be in lower case.
    pub(super) fn lower(mut self) -> Self {
        for token in &mut self.0 {
            if let Token::Char(char) = token {
                *char = char.to_ascii_lowercase();
            }
        }
        self
    }

    /// Whether the pattern matches the whole of `text`.
    pub(super) fn fits(&self, text: &str) -> bool {
        fits(&self.0, &text.chars().collect::<Vec<_>>())
    }

    /// "IAM JSON policy elements: Condition operators": the six parts of an ARN are matched one by one.
    pub(super) fn fits_arn(&self, arn: &str) -> bool {
        let arn: Vec<char> = arn.chars().collect();
        let patterns: Vec<&[Token]> = self.0.splitn(6, |token| *token == COLON).collect();
        let parts: Vec<&[char]> = arn.splitn(6, |char| *char == ':').collect();
        patterns.len() == 6 && parts.len() == 6 && patterns.iter().zip(parts).all(|(pattern, part)| fits(pattern, part))
    }

    /// "IAM JSON policy elements: Resource": wildcards within the parts of an ARN; a star at the end of a part also
    /// matches what follows the colon.
    pub(super) fn fits_resource(&self, arn: &str) -> bool {
        fits_parts(&self.0, &arn.chars().collect::<Vec<_>>(), 6)
    }
}

const COLON: Token = Token::Char(':');

/// "IAM policy elements: Variables and tags". A key with several values can't be used as a variable.
fn value(inner: &str, context: &Context) -> Option<String> {
    if matches!(inner, "*" | "?" | "$") {
        return Some(inner.to_owned());
    }
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => (key, default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''))),
        None => (inner, None),
    };
    match context.get(&key.trim().to_ascii_lowercase()).map(Vec::as_slice) {
        Some([one]) => Some(one.clone()),
        Some(_) => None,
        None => default.map(str::to_owned),
    }
}

fn fits(pattern: &[Token], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [Token::Any, rest @ ..] => (0..=text.len()).any(|taken| fits(rest, &text[taken..])),
        [Token::One, rest @ ..] => !text.is_empty() && fits(rest, &text[1..]),
        [Token::Char(char), rest @ ..] => text.first() == Some(char) && fits(rest, &text[1..]),
    }
}

fn fits_parts(pattern: &[Token], text: &[char], parts: usize) -> bool {
    let here = pattern.iter().position(|token| *token == COLON);
    let there = text.iter().position(|char| *char == ':');
    let head = &pattern[..here.unwrap_or(pattern.len())];
    if parts == 1 || head.last() == Some(&Token::Any) || (here, there) == (None, None) {
        return fits(pattern, text);
    }
    match (here, there) {
        (Some(here), Some(there)) => {
            fits(head, &text[..there]) && fits_parts(&pattern[here + 1..], &text[there + 1..], parts - 1)
        }
        _ => false,
    }
}
