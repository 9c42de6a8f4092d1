//! `kubectl xaccount explain`.

use xaccount::account_map;
use xaccount::lint;

use super::Printed;
use crate::cli::Explain;
use crate::output;

pub(crate) fn run(args: &Explain) -> Printed {
    let stdout = match args.rule {
        Some(rule) => output::explanation(rule).to_owned(),
        None if args.schema => format!("{:#}\n", account_map::schema()),
        None => output::rules(lint::RULES),
    };
    Printed::of(stdout.into_bytes())
}
