//! The manifests of `-f`.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use xaccount::capa;
use xaccount::diag::Diagnostic;
use xaccount::files::Input;
use xaccount::inventory::Inventory;
use xaccount::session::Session;

use crate::cli::ManifestArgs;
use crate::commands::empty::only_array;
use crate::commands::input::{self, Usage};
use crate::commands::wrappers::Wrappers;
use crate::commands::{CommandError, Messages};

pub(super) const USAGE: Usage =
    Usage { verb: "iam …", flags: "", edits: false, reads_kustomizations: false, prints: "-o json" };

pub(super) struct Manifests {
    pub(super) session: Rc<Session>,
    pub(super) inventory: Inventory,
    warnings: Vec<Diagnostic>,
}

impl Manifests {
    /// The manifests that the arguments name; `None` without any.
    ///
    /// # Errors
    /// The manifests can't be read, or both they and the document of `--merge` are on standard input.
    pub(super) fn read(args: &ManifestArgs, merge: Option<&Path>) -> Result<Option<Self>, CommandError> {
        input::refuse_build(&args.input, &USAGE)?;
        let paths = input::paths(&args.input);
        if paths.is_empty() {
            return Ok(None);
        }
        let found = input::find_paths(&paths, args.input.recursive, &USAGE)?;
        if found.contains(&Input::Stdin) && merge == Some(Path::new("-")) {
            let error = Diagnostic::error("standard input can't be both the manifests and the document of --merge");
            return Err(error.help("save one of them to a file").into());
        }
        let mut session = input::open(found, &args.input, None, None)?;
        let needles = capa::needles();
        let scanned = session.scan(&input::scan(&needles, args.skip_templates, None));
        let session = Rc::new(session);
        let (inventory, warnings) = scanned.map_err(|errors| CommandError::about(&session, errors))?;
        Ok(Some(Self { session, inventory, warnings }))
    }

    /// The paths of the manifests; `-` for standard input.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let inputs = self.session.named().map(|file| self.session.input(file));
        inputs.map(|input| input.path().map_or_else(|| PathBuf::from("-"), Path::to_owned)).collect()
    }

    /// The errors, with what the manifests contain if they contain no object of CAPA.
    pub(super) fn explained(&self, mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
        if !self.inventory.objects().is_empty() {
            return errors;
        }
        if let Some(error) = only_array(&self.session) {
            return vec![error];
        }
        if let Some(last) = errors.last_mut() {
            last.help.extend(Wrappers::any(&self.inventory).help(&USAGE));
        }
        errors
    }

    /// Adds the warnings of the manifests, and others about them, to the messages.
    pub(super) fn warn(mut self, others: &[Diagnostic], messages: &mut Messages) {
        self.warnings.extend_from_slice(others);
        messages.about(&self.session, self.warnings);
    }
}
