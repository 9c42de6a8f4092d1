//! The flags of `inject`.

use clap::Args;

use super::args::{IdentityArgs, InputArgs, MapArgs, ModeArgs, ScanArgs, SelectArgs, TargetArgs};

const EXAMPLES: &str = "\
Examples:
  # Show what would change; nothing is written, exit status 1
  kubectl xaccount inject foo.yaml --account 222222222222

  # Write it; a second run changes nothing
  kubectl xaccount inject foo.yaml --account 222222222222 --write

  # From dkp to the cluster in one pipe
  dkp create cluster aws --cluster-name=foo --dry-run --output=yaml |
    kubectl xaccount inject -f - --account 222222222222 -o yaml | kubectl create -f -

  # No account on the command line: the account map says it
  kubectl xaccount inject clusters/ -R --write

  # A whole repository; identities in a file of their own
  kubectl xaccount inject clusters/ -R --account 222222222222 \\
    --identity-file clusters/identities.yaml --write

Exit status:
  0  done; with the default diff and with --check: nothing to change
  1  the diff or --check found something to change; --write --exit-code changed something
  2  an error or wrong usage; nothing was written, and nothing is on stdout";

/// Point clusters at a target account
///
/// Reads manifests, gives every selected cluster an identityRef to an AWSClusterRoleIdentity of the target account, and adds that identity where it is missing. Prints a diff unless told otherwise. Bytes outside the edit stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "--help lists more flags, and has examples", after_long_help = EXAMPLES, override_usage = "kubectl xaccount inject [PATH]... [-f PATH]... [-R] [--role-arn ARN | --account ID] [mode] [flags]")]
pub(crate) struct Inject {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}
