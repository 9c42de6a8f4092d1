//! Flags that several verbs of `iam` share.

use clap::{Args, ValueEnum};

use super::args::InputArgs;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct ManifestArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// Skip Go, Helm and Jinja templates that contain CAPA kinds, with a warning
    #[arg(long, hide_short_help = true)]
    pub(crate) skip_templates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// The document
    Json,
    /// A shell script for the AWS CLI
    Cli,
    /// A CloudFormation template
    Cloudformation,
    /// A Terraform resource
    Terraform,
    /// A configuration of clusterawsadm
    Clusterawsadm,
}

/// Source: IAM API reference, `PutRolePolicy`, `PolicyName`.
pub(super) fn policy_name(text: &str) -> Result<String, String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=128).contains(&text.len()) && text.chars().all(letter) {
        Ok(text.into())
    } else {
        Err("a policy name has 1 to 128 characters: letters, digits and _+=,.@-".into())
    }
}
