//! The manifests of `-f`.

use std::path::Path;
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
    /// The inputs that the arguments name; `None` without any.
    ///
    /// # Errors
    /// An input can't be found, or both the manifests and the document of `--merge` are on standard input.
    pub(super) fn find(args: &ManifestArgs, merge: Option<&Path>) -> Result<Option<Vec<Input>>, Diagnostic> {
        input::refuse_build(&args.input, &USAGE)?;
        let paths = input::paths(&args.input);
        if paths.is_empty() {
            return Ok(None);
        }
        let found = input::find_paths(&paths, args.input.recursive, &USAGE)?;
        if found.contains(&Input::Stdin) && merge == Some(Path::new("-")) {
            let error = Diagnostic::error("standard input can't be both the manifests and the document of --merge");
            return Err(error.help("save one of them to a file"));
        }
        Ok(Some(found))
    }

    /// Reads these manifests, and the identities of the identity file that they need.
    ///
    /// # Errors
    /// A manifest can't be read.
    pub(super) fn read(
        found: Vec<Input>,
        args: &ManifestArgs,
        identity_file: Option<&Path>,
    ) -> Result<Self, CommandError> {
        let mut session = input::open(found, &args.input, identity_file, None)?;
        let needles = capa::needles();
        let scanned = session.scan(&input::scan(&needles, args.skip_templates, None));
        let session = Rc::new(session);
        let (inventory, warnings) = scanned.map_err(|errors| CommandError::about(&session, errors))?;
        Ok(Self { session, inventory, warnings })
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
