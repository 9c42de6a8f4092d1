//! The flags of `completion`.

use clap::{Args, ValueEnum};

use super::help::TEMPLATE;

const EXAMPLE: &str = "\
Example:
  source <(kubectl-xaccount completion bash)";

const EXAMPLES: &str = "\
Examples:
  # For `kubectl xaccount`, in every shell: a program on PATH that kubectl runs
  kubectl xaccount completion kubectl > ~/.local/bin/kubectl_complete-xaccount
  chmod +x ~/.local/bin/kubectl_complete-xaccount

  # For `kubectl-xaccount`: bash, in ~/.bashrc
  source <(kubectl-xaccount completion bash)

  # zsh, in ~/.zshrc after compinit
  source <(kubectl-xaccount completion zsh)

  # fish, in ~/.config/fish/config.fish
  kubectl-xaccount completion fish | source

  # PowerShell, in $PROFILE
  kubectl-xaccount completion powershell | Out-String | Invoke-Expression

  # The man page
  mkdir -p ~/.local/share/man/man1
  kubectl xaccount completion man > ~/.local/share/man/man1/kubectl-xaccount.1";

/// Print completion for kubectl or a shell, or the man page
///
/// Completes verbs, flags and values: manifests, and the clusters, namespaces, identities, roles and accounts in the manifests of the command line and in the account map. Only prints; the examples show where to put the output. Print the script again after an upgrade.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLE, before_long_help = EXAMPLES, help_template = TEMPLATE,
    override_usage = "kubectl xaccount completion WHAT")]
pub(crate) struct Completion {
    /// What to print: bash, zsh, fish, powershell, kubectl or man
    #[arg(value_name = "WHAT", hide_possible_values = true)]
    pub(crate) what: CompletionOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionOf {
    /// Script for kubectl-xaccount in bash
    Bash,
    /// Script for kubectl-xaccount in zsh
    Zsh,
    /// Script for kubectl-xaccount in fish
    Fish,
    /// Script for kubectl-xaccount in PowerShell
    Powershell,
    /// Program kubectl_complete-xaccount for kubectl xaccount
    Kubectl,
    /// Man page
    Man,
}
