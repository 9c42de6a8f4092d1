//! How help is laid out: what the verb does, an example, its own flags, and the flags of every verb last.

use anstream::adapter::strip_str;
use clap::Args;

/// The layout of every page. `before_help` has the examples.
pub(super) const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading}
  {usage}

{all-args}{after-help}";

/// The heading of the flags that every verb has.
pub(super) const GLOBAL_HEADING: &str = "Flags of every verb";

/// Help with the flags of every verb after the verb's own: clap puts them first, because a verb's own flags are built later.
pub(crate) fn global_flags_last(help: &str) -> String {
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
