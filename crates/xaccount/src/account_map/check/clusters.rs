//! Checks the entries that select clusters.

use globset::GlobBuilder;

use super::Checker;
use crate::account_map::de::Spanned;
use crate::account_map::entry::{Entry, Glob};
use crate::account_map::fields::{EntryFields, ExceptFields, OneOrMore};
use crate::diag::{Span, escape_control};

impl Checker {
    pub(super) fn entries(&mut self, entries: Option<OneOrMore<EntryFields>>) -> Vec<Entry> {
        let entries = entries.map(|entries| entries.0).unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| {
                let span = entry.span;
                let EntryFields { names, namespaces, paths, except } = entry.value;
                if names.is_empty() && namespaces.is_empty() && paths.is_empty() {
                    self.refuse("this entry would match every cluster", span, "write names: [\"*\"] if you want this");
                }
                let except = except.map(|except| {
                    let ExceptFields { names, namespaces, paths } = except.value;
                    if names.is_empty() && namespaces.is_empty() && paths.is_empty() {
                        self.refuse(
                            "this would exclude every cluster of the entry",
                            except.span,
                            "remove the entry if you want this",
                        );
                    }
                    Box::new(self.entry(names, namespaces, paths, None, except.span))
                });
                self.entry(names, namespaces, paths, except, span)
            })
            .collect()
    }

    fn entry(
        &mut self,
        names: Vec<Spanned<String>>,
        namespaces: Vec<Spanned<String>>,
        paths: Vec<Spanned<String>>,
        except: Option<Box<Entry>>,
        span: Span,
    ) -> Entry {
        for path in &paths {
            if path.value.starts_with('/') || path.value.split('/').any(|part| part == ".." || part == ".") {
                let message = "paths are relative to the map, without . and .., such as clusters/dev/**";
                self.refuse_field("paths", message, path.span);
            } else if path.value.ends_with('/') {
                let path_of_files = format!("paths must match files: write {}**", escape_control(&path.value));
                self.refuse_field("paths", path_of_files, path.span);
            }
        }
        let mut globs = |globs: Vec<Spanned<String>>, path: bool| {
            globs.into_iter().filter_map(|glob| self.glob(glob, path)).collect()
        };
        let (names, namespaces, paths) = (globs(names, false), globs(namespaces, false), globs(paths, true));
        Entry { names, namespaces, paths, except, span }
    }

    /// The glob; if it is invalid, adds an error.
    pub(super) fn glob(&mut self, glob: Spanned<String>, path: bool) -> Option<Glob> {
        match parse_glob(&glob.value, path) {
            Ok(_) if glob.value.is_empty() => {
                self.refuse("an empty glob matches nothing", glob.span, "remove it, or write \"*\" for everything");
            }
            Ok(built) => return Some(Glob { matcher: built.compile_matcher(), span: glob.span }),
            Err(why) => {
                let help = "globs have *, ?, [abc] and {a,b}; a backslash before one of these makes it literal";
                self.refuse(format!("invalid glob: {why}"), glob.span, help);
            }
        }
        None
    }
}

/// Maximum length of a glob, in bytes. A longer one can need more memory than globset allows, and its compilation
/// panics.
const LONGEST_GLOB: usize = 1024;

/// Maximum number of opening braces. globset can't compile braces that nest 250 deep; its compilation panics.
const MOST_BRACES: usize = 100;

/// Parses a glob, so that it can be compiled. For a path, `*` does not match `/`.
///
/// # Errors
/// What is wrong with it, as a message.
pub fn parse_glob(text: &str, path: bool) -> Result<globset::Glob, String> {
    if text.len() > LONGEST_GLOB {
        return Err(format!("it has {} bytes, and the maximum is {LONGEST_GLOB}", text.len()));
    }
    let braces = memchr::memchr_iter(b'{', text.as_bytes()).count();
    if braces > MOST_BRACES {
        return Err(format!("it opens {braces} braces, and the maximum is {MOST_BRACES}"));
    }
    GlobBuilder::new(text).literal_separator(path).build().map_err(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::parse_glob;

    #[test]
    fn every_glob_that_is_read_can_be_compiled() {
        let repeat = |text: &str| text.repeat(super::LONGEST_GLOB / text.len());
        let nested = format!("{}a{}", "{".repeat(super::MOST_BRACES), "}".repeat(super::MOST_BRACES));
        for text in ["?", "*a", "[!a]", "[!é]", "**/", "[\u{80}-\u{10ffff}]", "\u{10ffff}", "\\?"].map(repeat) {
            parse_glob(&text, true).unwrap().compile_matcher();
            parse_glob(&text, false).unwrap().compile_matcher();
            assert!(parse_glob(&format!("{text}{}", "a".repeat(1024)), false).is_err());
        }
        parse_glob(&nested, false).unwrap().compile_matcher();
        assert!(parse_glob(&format!("{{{nested}}}"), false).is_err());
        assert!(parse_glob(&"{".repeat(100_000), false).is_err());
    }
}
