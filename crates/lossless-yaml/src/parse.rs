//! Parses the text of a document into a tree, with the reader for its format.

use crate::refusal::{Reason, Refusal};
use crate::source::Document;
use crate::span::Span;
use crate::tree::{Format, Tree};
use crate::{fast_yaml, json, yaml};

/// Reads a document into a tree, with the reader for its format.
///
/// # Errors
/// Text that is not UTF-8, contains a NUL or a lone carriage return, or is not well-formed.
pub fn parse<'s>(document: &Document<'s>) -> Result<Tree<'s>, Refusal> {
    let base = document.span.start;
    let text = decoded(document)?;
    let lone = memchr::memchr_iter(b'\r', document.bytes).find(|&at| document.bytes.get(at + 1) != Some(&b'\n'));
    if let Some(at) = lone {
        return Err(Refusal::new(Reason::LoneCarriageReturn, Span::new(base + at, base + at + 1)));
    }
    let place = |at: usize| {
        let at = base + at;
        Span::new(at, (at + 1).min(document.span.end).max(at))
    };
    match document.format {
        Format::Json => {
            json::read(text, base).map_err(|error| Refusal::new(Reason::NotJson(error.message), place(error.at)))
        }
        Format::Yaml => {
            yaml::read(text, base).map_err(|error| Refusal::new(Reason::NotYaml(error.message), place(error.at)))
        }
    }
}

/// The text of a document, if it is UTF-8 and has no NUL.
pub(crate) fn decoded<'s>(document: &Document<'s>) -> Result<&'s str, Refusal> {
    let base = document.span.start;
    let text = std::str::from_utf8(document.bytes).map_err(|error| {
        let at = base + error.valid_up_to();
        Refusal::new(Reason::NotUtf8, Span::new(at, (at + 1).min(document.span.end)))
    })?;
    match memchr::memchr(0, document.bytes) {
        None => Ok(text),
        Some(at) => Err(Refusal::new(Reason::NulByte, Span::new(base + at, base + at + 1))),
    }
}

/// Reads a document into the same tree as [`parse`], in a fraction of the time if it is plain. Only for old text: the
/// result of [`apply`](crate::apply()) is always parsed, and proved against this tree.
///
/// # Errors
/// As [`parse`].
pub fn skim<'s>(document: &Document<'s>) -> Result<Tree<'s>, Refusal> {
    let text = std::str::from_utf8(document.bytes).ok().filter(|_| document.format == Format::Yaml);
    match text.and_then(|text| fast_yaml::read(text, document.span.start)) {
        Some(tree) => {
            // The message has no trees: they may contain secrets.
            debug_assert!(parse(document).is_ok_and(|other| other == tree), "the readers differ");
            Ok(tree)
        }
        None => parse(document),
    }
}
