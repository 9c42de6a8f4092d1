//! Columns for people.

use std::borrow::Cow;
use std::io::Write as _;

use anstyle::Style;
use tabwriter::TabWriter;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::screen::Screen;
use xaccount::diag::escape_control;

/// Blanks between columns, as in kubectl.
const GAP: usize = 3;

/// No column is cut below this width, so that a cell still says something.
const NARROWEST: usize = 8;

/// The last column is cut to this width before any other is.
const LAST: usize = 12;

/// One field of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self { text: escape_control(text).into_owned(), style }
    }

    /// The text, or as much as fits with `…` after it.
    fn cut(&self, width: usize) -> Cow<'_, str> {
        if self.text.width() <= width {
            return Cow::Borrowed(&self.text);
        }
        let mut cut = String::new();
        for character in self.text.chars() {
            if cut.width() + character.width().unwrap_or_default() > width.saturating_sub(1) {
                break;
            }
            cut.push(character);
        }
        cut.push('…');
        Cow::Owned(cut)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::styled(text, Style::new())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// The text in a style, where colours are wanted.
pub(super) fn styled(text: &str, style: Style, colour: bool) -> String {
    if colour && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Lines with aligned columns, under a header unless it is empty. On a terminal, the widest columns are cut so that a line
/// fits.
pub(super) fn table(head: &[&str], rows: &[Vec<Cell>], screen: Screen) -> String {
    let head: Vec<Cell> = head.iter().map(|&name| name.into()).collect();
    let lines: Vec<&[Cell]> =
        std::iter::once(&*head).filter(|head| !head.is_empty()).chain(rows.iter().map(Vec::as_slice)).collect();
    let widths = widths(&lines, screen.width);
    let mut writer = TabWriter::new(Vec::new()).padding(GAP).minwidth(0).ansi(true);
    for line in lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| styled(&cell.cut(width), cell.style, screen.colour))
            .collect();
        // Writing to a `Vec` can't fail.
        let _ = writeln!(writer, "{}", cells.join("\t"));
    }
    let text = writer.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The width of each column: that of its widest cell, or less where the lines would not fit.
fn widths(lines: &[&[Cell]], width: Option<usize>) -> Vec<usize> {
    let columns = lines.iter().map(|line| line.len()).max().unwrap_or_default();
    let mut widths: Vec<usize> = (0..columns)
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.text.width()).max().unwrap_or(0))
        .collect();
    let Some(width) = width else { return widths };
    let gaps = GAP * columns.saturating_sub(1);
    let excess = |widths: &[usize]| (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
    // The last column first: what identifies a row is in the first ones.
    let missing = excess(&widths);
    if let Some(last) = widths.last_mut() {
        *last -= missing.min(last.saturating_sub(LAST));
    }
    while excess(&widths) > 0 {
        let Some((widest, &most)) = widths.iter().enumerate().max_by_key(|&(_, width)| *width) else { break };
        if most <= NARROWEST {
            break;
        }
        widths[widest] -= 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows = [vec!["日本".into(), "x".into()], vec!["e\u{301}".into(), "a\nb".into()]];
        assert_eq!(table(&["N", "V"], &rows, Screen::default()), "N      V\n日本   x\ne\u{301}      a\u{240a}b\n");
    }

    #[test]
    fn colours_take_no_room() {
        let red: Style = anstyle::AnsiColor::Red.on_default();
        let rows = [vec![Cell::styled("ab", red), "x".into()]];
        let screen = Screen { colour: true, width: None };
        assert_eq!(table(&["N", "V"], &rows, screen), "N    V\n\u{1b}[31mab\u{1b}[0m   x\n");
    }

    #[test]
    fn cells_are_cut_on_a_terminal_alone() {
        let rows =
            [vec!["a-name-of-twenty-two-c".into(), "permitted".into(), "cross-account-role-222222222222".into()]];
        let screen = |width| Screen { colour: false, width };
        let text = table(&[], &rows, screen(Some(50)));
        assert_eq!(text, "a-name-of-twenty-two-c   permitted   cross-accoun…\n");
        assert!(table(&[], &rows, screen(None)).contains("cross-account-role-222222222222"));
    }
}
