//! Errors and warnings, with the lines that they refer to.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::screen::Screen;
use xaccount::diag::{Diagnostic, Label, RuleId, Severity, SourceMap, escape_control};

/// Lines shown before and after the place.
const CONTEXT: usize = 1;

/// A line longer than this is not shown.
const LONGEST_LINE: usize = 300;

/// A place ready to be shown.
struct Place {
    name: String,
    line: usize,
    column: usize,
    /// The lines around the place, the number of the first, and the place in them. `None` if they must not be shown.
    excerpt: Option<(String, usize, std::ops::Range<usize>)>,
    label: String,
}

/// The diagnostic as text, in the style of rustc.
pub(crate) fn render(diagnostic: &Diagnostic, files: &SourceMap<'_>, screen: Screen) -> String {
    text(diagnostic, files, screen, false)
}

/// The diagnostic as text, with the id of its rule: `error[XA001]: …`.
pub(crate) fn render_finding(diagnostic: &Diagnostic, files: &SourceMap<'_>, screen: Screen) -> String {
    text(diagnostic, files, screen, true)
}

fn text(diagnostic: &Diagnostic, files: &SourceMap<'_>, screen: Screen, with_rule: bool) -> String {
    let (level, word) = match diagnostic.severity {
        Severity::Error => (Level::ERROR, "error"),
        Severity::Warning if with_rule => (Level::WARNING, "warning"),
        Severity::Warning => (Level::WARNING.with_name("Warning"), "Warning"),
        Severity::Note => (Level::NOTE, "note"),
    };
    let places: Vec<(Place, bool)> = diagnostic
        .primary
        .iter()
        .map(|label| (label, true))
        .chain(diagnostic.others.iter().map(|label| (label, false)))
        .map(|(label, primary)| (place(label, files), primary))
        .collect();
    let code = diagnostic.rule.filter(|_| with_rule).map(RuleId::code);
    let before_title = word.len() + code.map_or(0, |code| code.len() + "[]".len()) + ": ".len();
    // Lines after the first are indented by the renderer.
    let wrapped = |text: &str, before: usize| screen.narrower(before).wrap(text, 0, 0);
    let mut title = level.primary_title(wrapped(&escape_control(&diagnostic.message), before_title));
    if let Some(code) = code {
        title = title.id(code);
    }
    // `= help: ` is indented by the width of the longest line number.
    let gutter = places.iter().map(|(place, _)| place.gutter()).max().unwrap_or_default();
    let before_help = gutter + " = help: ".len();
    let mut group = Group::with_title(title);
    for (place, primary) in &places {
        group = match &place.excerpt {
            Some((text, first, range)) => {
                let kind = if *primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                let mut annotation = kind.span(range.clone());
                if !place.label.is_empty() {
                    annotation = annotation.label(place.label.clone());
                }
                group.element(
                    Snippet::source(text.clone()).line_start(*first).path(place.name.clone()).annotation(annotation),
                )
            }
            None => {
                let origin = Origin::path(place.name.clone()).line(place.line).char_column(place.column);
                let group = group.element(origin);
                if place.label.is_empty() {
                    group
                } else {
                    group.element(Level::NOTE.message(wrapped(&place.label, before_help)))
                }
            }
        };
    }
    for line in &diagnostic.help {
        group = group.element(Level::HELP.message(wrapped(&escape_control(line), before_help)));
    }
    if let Some(id) = diagnostic.rule {
        group = group.element(Level::HELP.message(format!("kubectl xaccount explain {id}")));
    }
    let renderer = if screen.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = screen.width.map_or(renderer.clone(), |width| renderer.term_width(width));
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

impl Place {
    /// Digits of the last line number that is shown.
    fn gutter(&self) -> usize {
        let last = self.excerpt.as_ref().map_or(self.line, |(text, first, _)| first + text.lines().count());
        last.to_string().len()
    }
}

fn place(label: &Label, files: &SourceMap<'_>) -> Place {
    let file = files.get(label.at.file);
    let (bytes, lines) = (file.bytes(), file.lines());
    let start = label.at.span.start.min(bytes.len());
    let line = lines.line(start);
    let line_start = lines.start(line);
    let bom = usize::from(line_start == 0 && bytes.starts_with(b"\xEF\xBB\xBF"));
    let column = file.characters_between(line_start, start) + 1 - bom.min(start);
    let excerpt = label.at.window.and_then(|window| {
        let window =
            window.start.max(if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 })..window.end.min(bytes.len());
        let end = label.at.span.end.clamp(start, window.end.max(start));
        if start < window.start || end > window.end {
            return None;
        }
        // Checked by length first: a file can be a single long line, and it is not scanned for each place.
        if lines.end(line).min(window.end) - line_start.max(window.start) > LONGEST_LINE + 1 {
            return None;
        }
        // Whole lines around the place, cut at the window.
        let mut from = line_start;
        for _ in 0..CONTEXT {
            from = memchr::memrchr(b'\n', &bytes[..from.saturating_sub(1)]).map_or(0, |at| at + 1);
        }
        let from = from.max(window.start);
        let mut to = end;
        for _ in 0..=CONTEXT {
            to = memchr::memchr(b'\n', &bytes[to..window.end]).map_or(window.end, |at| to + at + 1);
        }
        let text = std::str::from_utf8(&bytes[from..to]).ok()?;
        if text.lines().any(|line| line.len() > LONGEST_LINE) {
            return None;
        }
        let first = line - memchr::memchr_iter(b'\n', &bytes[from..start]).count();
        // For a place of several lines, the first is marked; for a place inside a character, the whole character.
        let end = memchr::memchr(b'\n', &bytes[start..end]).map_or(end, |at| start + at).max(start);
        let range = boundary(text, start - from, false)..boundary(text, end - from, true);
        // C1 control characters would reach the terminal unescaped.
        let tame = !text.contains(|c: char| ('\u{80}'..'\u{a0}').contains(&c));
        tame.then(|| (text.to_owned(), first, range))
    });
    Place {
        name: escape_control(&file.name).into_owned(),
        line,
        column,
        excerpt,
        label: escape_control(&label.text).into_owned(),
    }
}

/// The nearest start of a character before or after an offset.
fn boundary(text: &str, mut at: usize, after: bool) -> usize {
    while !text.is_char_boundary(at) {
        at = if after { at + 1 } else { at - 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use xaccount::diag::{FileId, Location, OneSource, Span};

    #[test]
    fn text_outside_the_window_is_never_shown() {
        let text = b"secret: MARKER\n---\nkind: K\nname: n\n---\nother: MARKER\n";
        let at = |window| Location { file: FileId(0), span: Span::new(25, 26), window };
        let show = |window| {
            let file = OneSource::new("f.yaml", text);
            let diagnostic = Diagnostic::error("wrong").at(at(window), "here").help("do this");
            render(&diagnostic, &SourceMap::new(&file), Screen::default())
        };
        let shown = show(Some(Span::new(15, 35)));
        assert!(shown.starts_with("error: wrong\n"), "{shown}");
        assert!(
            shown.contains("f.yaml:3:7") && shown.contains("kind: K") && shown.contains("help: do this"),
            "{shown}"
        );
        assert!(!shown.contains("MARKER"), "{shown}");
        let hidden = show(None);
        assert!(hidden.contains("f.yaml:3:7") && !hidden.contains("kind: K"), "{hidden}");
    }
}
