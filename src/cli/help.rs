//! How help is laid out: what the verb does, an example, its own flags, and the flags of every verb last.

use anstream::adapter::strip_str;
use clap::Args;

use crate::output::{DEFAULT_WIDTH, Screen};

/// The layout of every page. `before_help` has the examples.
pub(super) const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading}
  {usage}

{all-args}{after-help}";

/// The layout of a verb that has verbs of its own.
pub(super) const VERBS_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading}
  {usage}

{all-args}{after-help}";

/// The heading of the flags that every verb has.
pub(super) const GLOBAL_HEADING: &str = "Flags of every verb";

/// Help for a width, from help that clap renders for any width. Commands in examples are never broken, because a part of
/// one would be another command.
pub(crate) fn fitted_help(rendered: impl Fn(usize) -> String, width: usize) -> String {
    let help = global_flags_last(&rendered(width));
    if width >= DEFAULT_WIDTH {
        return help;
    }
    let as_written = global_flags_last(&rendered(DEFAULT_WIDTH));
    let (blocks, as_written): (Vec<&str>, Vec<&str>) =
        (help.split("\n\n").collect(), as_written.split("\n\n").collect());
    if blocks.len() != as_written.len() {
        return help;
    }
    let fitted = blocks.into_iter().zip(as_written).map(|(block, as_written)| match block {
        // Only what clap lays out has styles, and the texts of flags are indented.
        of_clap if of_clap.contains('\x1b') || of_clap.starts_with("      ") => of_clap.to_owned(),
        example if example.starts_with("Example") || example.starts_with(' ') => as_written.to_owned(),
        _ => rewrapped(as_written, width),
    });
    fitted.collect::<Vec<_>>().join("\n\n")
}

/// A hand-wrapped paragraph or list, wrapped for a width.
fn rewrapped(block: &str, width: usize) -> String {
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let is_code = |line: &str| line.trim_start().starts_with("# ");
    // The width of what is before the text of an item: `- ` or an exit status.
    let mark_of = |line: &str| match line.trim_start() {
        item if item.starts_with("- ") => 2,
        item if item.starts_with(|c: char| c.is_ascii_digit()) && item[1..].starts_with("  ") => 3,
        _ => 0,
    };
    let mut items: Vec<String> = Vec::new();
    let mut before = "";
    for line in block.lines() {
        let follows_heading = before.ends_with(':') && indent_of(line) > indent_of(before);
        let is_item = mark_of(line) > 0 || is_code(line) || is_code(before) || follows_heading;
        match items.last_mut() {
            Some(item) if !is_item => item.extend([" ", line.trim_start()]),
            _ => items.push(line.to_owned()),
        }
        before = line;
    }
    let screen = Screen { colour: false, width: Some(width) };
    let wrapped = |item: &String| match is_code(item) {
        true => item.clone(),
        false => screen.wrap(item, 0, indent_of(item) + mark_of(item)),
    };
    let end = if block.ends_with('\n') { "\n" } else { "" };
    items.iter().map(wrapped).collect::<Vec<_>>().join("\n") + end
}

/// Help with the flags of every verb after the verb's own: clap puts them first, because a verb's own flags are built later.
fn global_flags_last(help: &str) -> String {
    let blocks: Vec<&str> = help.split("\n\n").collect();
    // A heading is not indented; flags with long texts have blank lines between them.
    let is_heading = |at: usize| !blocks[at].starts_with(' ');
    let has_flags = |at: usize| {
        let second = blocks[at].lines().nth(1).map(|line| strip_str(line).to_string()).unwrap_or_default();
        second.starts_with(' ') && second.trim_start().starts_with(['-', '['])
    };
    let end_of = |at: usize| (at + 1..blocks.len()).find(|&next| is_heading(next)).unwrap_or(blocks.len());
    let Some(own) = (0..blocks.len()).find(|&at| is_heading(at) && blocks[at].contains(GLOBAL_HEADING)) else {
        return help.to_owned();
    };
    let next = end_of(own);
    let mut after = next;
    while after < blocks.len() && has_flags(after) {
        after = end_of(after);
    }
    [&blocks[..own], &blocks[next..after], &blocks[own..next], &blocks[after..]].concat().join("\n\n")
}

/// The end of a short page.
pub(super) const MORE: &str = "--help shows all flags and examples";

/// The end of a long page of a verb that edits files.
pub(super) const EDIT_EXIT_STATUS: &str = "\
Exit status:
  0  done; with the default diff and with --check: nothing to change
  1  the diff or --check found something to change, or --write --exit-code
     changed something
  2  an error or wrong usage; nothing was written, and stdout is empty";

const EXAMPLE: &str = "\
Example:
  kubectl xaccount help iam trust";

/// Print help for a verb
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, help_template = TEMPLATE, override_usage = "kubectl xaccount help [VERB]")]
pub(crate) struct Help {
    /// Verb to explain, such as inject or iam trust
    #[arg(value_name = "VERB")]
    pub(crate) verb: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_wrapped_again() {
        let list =
            "Exit status:\n  0  done\n  1  something to\n     change\n  2  an error, or wrong usage of this program";
        let fitted =
            "Exit status:\n  0  done\n  1  something to change\n  2  an error, or wrong usage of this\n     program";
        assert_eq!(rewrapped(&format!("{list}\n"), 40), format!("{fitted}\n"));
        let list = "What stays:\n  A text, and\n  more of it:\n  - one\n    item\n  - two\n  # a comment that is longer than the width\n  end";
        let fitted = "What stays:\n  A text, and more of it:\n  - one item\n  - two\n  # a comment that is longer than the width\n  end";
        assert_eq!(rewrapped(list, 40), fitted);
    }

    #[test]
    fn examples_are_not_wrapped() {
        let example = "Example:\n  kubectl xaccount inject --a --b --c --d --e";
        let rendered = |width| match width {
            80 => format!("About this.\n\n{example}"),
            _ => "About this.\n\nExample:\n  kubectl xaccount inject --a\n  --b --c --d --e".to_owned(),
        };
        assert_eq!(fitted_help(rendered, 40), format!("About this.\n\n{example}"));
    }
}
