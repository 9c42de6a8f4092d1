//! `kubectl xaccount iam target-permission`.

mod have;
mod merge;
mod policy;
mod read;

use crate::cli::TargetPermission as Args;
use crate::commands::iam::merged::Merging;
use crate::commands::{CommandError, Printed, Terminal};

/// Compares given policies with what the manifests need; without any, prints the policy or adds it to a document.
///
/// # Errors
/// An input can't be read, or the result can't be written.
pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    let merging = Merging::read(&merge::flags(args))?;
    let mut target = read::Target::read(args, terminal)?;
    if !args.have.is_empty() {
        return have::run(args, target, terminal);
    }
    let before = std::mem::take(&mut target.messages);
    let policy = policy::Policy::new(args, &target)?;
    let printed = match merging {
        Some(merging) => merge::run(&policy, &merging, terminal)?,
        None => policy.print()?,
    };
    Ok(Printed { messages: before.and(printed.messages), ..printed })
}
