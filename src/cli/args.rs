//! Flags that several verbs share.

use std::path::PathBuf;

use clap::Args;

use super::path;

/// What a verb reads.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArgs {
    /// Files or directories; - is standard input
    #[arg(value_name = "PATH", value_parser = path())]
    pub(crate) paths: Vec<PathBuf>,

    /// The same as PATH, as kubectl has it; may be repeated, or separated by commas
    #[arg(short = 'f', long = "filename", value_name = "PATH", value_delimiter = ',', value_parser = path())]
    pub(crate) filenames: Vec<PathBuf>,

    /// Directories with all that is below them
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,

    /// As which file standard input counts, in headings and reports
    #[arg(long, hide_short_help = true, value_name = "PATH")]
    pub(crate) stdin_filename: Option<String>,

    /// Not read: build it and pipe it in
    #[arg(short = 'k', long, value_name = "DIR", hide = true)]
    pub(crate) kustomize: Option<PathBuf>,
}

/// How a verb reads it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct ScanArgs {
    /// Leave Go, Helm and Jinja templates that hold our kinds alone, with a warning
    #[arg(long)]
    pub(crate) skip_templates: bool,

    /// A run that finds nothing to point is no error
    #[arg(long)]
    pub(crate) allow_empty: bool,
}
