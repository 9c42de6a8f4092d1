//! The flags of `completion`.

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  # For kubectl xaccount …, in every shell: a program on PATH that kubectl asks
  kubectl xaccount completion kubectl > ~/.local/bin/kubectl_complete-xaccount
  chmod +x ~/.local/bin/kubectl_complete-xaccount

  # For kubectl-xaccount …: bash, in ~/.bashrc
  source <(kubectl-xaccount completion bash)

  # zsh, in ~/.zshrc behind compinit
  source <(kubectl-xaccount completion zsh)

  # fish, in ~/.config/fish/config.fish
  kubectl-xaccount completion fish | source

  # PowerShell, in $PROFILE
  kubectl-xaccount completion powershell | Out-String | Invoke-Expression

  # The man page
  kubectl xaccount completion man > ~/.local/share/man/man1/kubectl-xaccount.1";

/// Print completion for kubectl or a shell, or the man page
///
/// Completes flags and values: manifests, and the clusters, namespaces, identities, roles and accounts that the manifests on the command line hold. Nothing is written: the help says where to put what is printed. The scripts ask the program itself, so that they always know its flags; print them anew with each version all the same.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
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
