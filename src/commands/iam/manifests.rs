//! The manifests of `-f`.

use std::path::{Path, PathBuf};

use xaccount::capa;
use xaccount::diag::Diagnostic;
use xaccount::files::{self, FindError, Input};
use xaccount::inventory::{Inventory, Scan};
use xaccount::session::Session;

use crate::cli::ManifestArgs;
use crate::commands::{Terminal, progress, stdin_twice};

pub(super) struct Manifests {
    inputs: Session,
    inventory: Inventory,
    warnings: Vec<Diagnostic>,
}

impl Manifests {
    /// The manifests that the flags name; `None` without any. The error is text for stderr.
    pub(super) fn read(args: &ManifestArgs, merge: Option<&Path>, terminal: &Terminal) -> Result<Option<Self>, String> {
        let paths: Vec<PathBuf> = args.paths.iter().chain(&args.filenames).cloned().collect();
        if paths.is_empty() {
            return Ok(None);
        }
        let text = |error: Diagnostic| terminal.diagnostics(&[error], None);
        let found = files::find(&paths, args.recursive).map_err(|error| text(find_error(&error)))?;
        if stdin_twice(&found).is_some() || (found.contains(&Input::Stdin) && merge == Some(Path::new("-"))) {
            let error = Diagnostic::error("standard input is named twice, but it can be read only once");
            return Err(text(error.help("keep one of them in a file")));
        }
        let mut inputs = Session::new(found, &mut std::io::stdin().lock(), None, None, progress).map_err(text)?;
        let needles = capa::needles();
        let scan =
            Scan { needles: &needles, skip_templates: args.skip_templates, topology_variable: None, keep_going: false };
        match inputs.scan(&scan) {
            Ok((inventory, warnings)) => Ok(Some(Self { inputs, inventory, warnings })),
            Err(errors) => Err(terminal.diagnostics(&errors, Some(&inputs))),
        }
    }

    pub(super) fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Where they stand; `-` for standard input.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let inputs = self.inputs.named().map(|file| self.inputs.input(file));
        inputs.map(|input| input.path().map_or_else(|| PathBuf::from("-"), Path::to_owned)).collect()
    }

    pub(super) fn inputs(&self) -> &Session {
        &self.inputs
    }

    /// Its warnings and others about it, as text.
    pub(super) fn specified(mut self, others: &[Diagnostic], terminal: &Terminal) -> String {
        self.warnings.extend_from_slice(others);
        terminal.diagnostics(&self.warnings, Some(&self.inputs))
    }
}

pub(super) fn find_error(error: &FindError) -> Diagnostic {
    match error {
        FindError::Url { url } => Diagnostic::error(format!("{url} is a URL, and URLs are not read"))
            .help(format!("curl -fsSL '{url}' | kubectl xaccount iam … -f -")),
        other => Diagnostic::error(other.to_string()),
    }
}
