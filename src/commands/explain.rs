//! `kubectl xaccount explain`.

use xaccount::account_map;
use xaccount::lint;

use super::{Printed, Terminal};
use crate::cli::Explain;
use crate::output;

pub(crate) fn run(args: &Explain, terminal: &Terminal) -> Printed {
    let stdout = match args.rule {
        Some(rule) => output::explanation(rule, terminal.stdout),
        None if args.schema => format!("{:#}\n", account_map::schema()),
        None => output::rules(lint::RULES, terminal.stdout),
    };
    Printed::of(stdout.into_bytes())
}
