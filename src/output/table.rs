//! Columns for people.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use xaccount::diag::escape_control;

/// Blanks between columns, as kubectl has them.
const GAP: usize = 3;

/// One field of a table.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn styled(text: &str, style: Style) -> Self {
        Self { text: escape_control(text).into_owned(), style }
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

/// Lines with aligned columns, the last one as long as it is. A column's width is counted in the cells of a terminal.
pub(super) fn table(head: &[&str], rows: &[Vec<Cell>], colour: bool) -> String {
    let head: Vec<Cell> = head.iter().map(|&name| name.into()).collect();
    let lines = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            lines().filter_map(|line| line.get(column)).map(|cell| cell.text.width()).max().unwrap_or_default()
        })
        .collect();
    let mut out = String::new();
    for line in lines() {
        for (column, cell) in line.iter().enumerate() {
            out.push_str(&styled(&cell.text, cell.style, colour));
            if column + 1 < line.len() {
                out.push_str(&" ".repeat(widths[column] - cell.text.width() + GAP));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_a_terminal_shows() {
        let rows = [vec!["日本".into(), "x".into()], vec!["e\u{301}".into(), "a\nb".into()]];
        assert_eq!(table(&["N", "V"], &rows, false), "N      V\n日本   x\ne\u{301}      a\u{240a}b\n");
    }

    #[test]
    fn colours_take_no_room() {
        let red: Style = anstyle::AnsiColor::Red.on_default();
        let rows = [vec![Cell::styled("ab", red), "x".into()]];
        assert_eq!(table(&["N", "V"], &rows, true), "N    V\n\u{1b}[31mab\u{1b}[0m   x\n");
    }
}
