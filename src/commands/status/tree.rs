//! The objects that `status` is about: those of files, of a Git revision, or of a management cluster.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use xaccount::capa;
use xaccount::diag::{Diagnostic, RuleId, Severity, SourceMap};
use xaccount::files::Input;
use xaccount::inventory::{Inventory, Live, Provenance};
use xaccount::kustomization_search::in_memory;
use xaccount::session::Session;
use xaccount::status::{self, Options, Row, Status};

use crate::cli::Status as Args;
use crate::commands::input::{self, Usage};
use crate::commands::management_cluster::ManagementCluster;
use crate::commands::request::selection;
use crate::commands::revision::{Against, MissingInputs, Revision, root_in};
use crate::commands::{CommandError, Messages};
use crate::output::{self, UnreadJson};

pub(super) const USAGE: Usage =
    Usage { verb: "status", flags: "", edits: false, reads_kustomizations: false, prints: "" };

/// One of the two trees.
pub(super) struct Tree {
    pub(super) session: Rc<Session>,
    /// The objects with their places; for a cluster, in what the API server returned, which is shown nowhere.
    pub(super) inventory: Inventory,
    /// The same objects, if they are in a cluster.
    pub(super) live: Option<Inventory<Live>>,
    warnings: Vec<Diagnostic>,
    /// What could not be read, as warnings.
    pub(super) unread: Vec<Diagnostic>,
}

impl Tree {
    pub(super) fn read(found: Vec<Input>, args: &Args, identity_file: Option<&Path>) -> Result<Self, CommandError> {
        let session = input::open(found, &args.input, identity_file, None)?;
        Self::scanned(session, args, |session, inventory| {
            let (inventory, mut notes, kustomizations) = input::counted(session, inventory, None)?;
            let unlisted = kustomizations.builds.unlisted_files(&inventory);
            notes.extend(unlisted.iter().map(|(_, unlisted)| input::unlisted_warning(unlisted, true)));
            Ok((inventory, notes))
        })
    }

    /// The tree to compare with.
    pub(super) fn against(paths: &[PathBuf], args: &Args) -> Result<Self, CommandError> {
        match Against::of(&args.against, paths)? {
            Against::Paths(paths) => Self::read(input::find_paths(&paths, args.input.recursive, &USAGE)?, args, None),
            Against::Revision(revision) => Self::of_revision(&revision, paths, args),
        }
    }

    fn of_revision(revision: &str, paths: &[PathBuf], args: &Args) -> Result<Self, CommandError> {
        let Revision { files, unread, .. } =
            Revision::read(revision, paths, args.input.recursive, MissingInputs::Reported)?;
        if args.strict && !unread.is_empty() {
            let errors = unread.into_iter().map(|one| Diagnostic { severity: Severity::Error, ..one });
            return Err(errors.collect::<Vec<_>>().into());
        }
        let mut tree = Self::scanned(Session::in_memory(files), args, |session, inventory| {
            let (inventory, mut notes) = in_memory(session, &inventory, &root_in(revision)).place(inventory, session);
            let (inventory, nameless) = inventory.without_nameless();
            notes.extend(nameless);
            Ok((inventory, notes))
        })?;
        tree.unread.extend(unread.into_iter().map(not_read));
        Ok(tree)
    }

    /// The objects of a session; `counted` sets those aside that are not clusters.
    fn scanned(
        mut session: Session,
        args: &Args,
        counted: impl FnOnce(&Session, Inventory) -> Result<(Inventory, Vec<Diagnostic>), CommandError>,
    ) -> Result<Self, CommandError> {
        let needles = capa::needles_with_surroundings();
        let scan = input::scan(&needles, args.skip_templates, None);
        let scanned = match args.strict {
            true => session.scan(&scan).map(|(inventory, warnings)| (inventory, warnings, Vec::new())),
            false => Ok(session.scan_readable(&scan)),
        };
        let session = Rc::new(session);
        let (inventory, mut warnings, errors) = scanned.map_err(|errors| CommandError::about(&session, errors))?;
        let (inventory, of_skipped) =
            counted(&session, input::placed(inventory, args.select.default_namespace.as_deref()))?;
        warnings.extend(of_skipped);
        let unread = errors.into_iter().map(not_read).collect();
        Ok(Self { session, inventory, live: None, warnings, unread })
    }

    /// The objects of a management cluster.
    ///
    /// # Errors
    /// With `--strict`, a resource that could not be read.
    pub(super) fn of_cluster(cluster: &ManagementCluster, args: &Args) -> Result<Self, CommandError> {
        if args.strict && !cluster.unreadable.is_empty() {
            let errors = cluster.unreadable.iter().cloned();
            let errors = errors.map(|one| Diagnostic { severity: Severity::Error, ..one });
            return Err(errors.collect::<Vec<_>>().into());
        }
        let live = Live { context: cluster.context.clone() };
        let session = Session::in_memory([(live.to_string(), Arc::new(cluster.list.clone()))]);
        let mut tree = Self::scanned(session, args, |_, inventory| Ok((inventory, Vec::new())))?;
        tree.live = Some(tree.inventory.to_live(&live));
        // The answer of the API server is shown nowhere.
        for one in tree.warnings.iter_mut().chain(&mut tree.unread) {
            one.primary = None;
            one.others.clear();
        }
        tree.warnings.extend(cluster.hidden_controller.iter().cloned());
        tree.unread.extend(cluster.unreadable.iter().cloned());
        Ok(tree)
    }

    /// The selected clusters.
    pub(super) fn status<'i, O: Provenance>(
        &self,
        inventory: &'i Inventory<O>,
        options: &Options,
        args: &Args,
    ) -> Status<'i, O> {
        let mut status = status::status(inventory, options);
        let selection = selection(&args.select);
        // One that may be selected is shown.
        let is_selected = |row: &Row| {
            selection.has_namespace(&row.namespace) && selection.selects(&self.inventory, row.object).unwrap_or(true)
        };
        status.rows.retain(is_selected);
        if self.live.is_some() {
            // Verdicts are about files.
            for message in status.rows.iter_mut().filter_map(|row| row.verdict.message.as_mut()) {
                *message =
                    message.replace("not in these files", &format!("not in {}", output::source_words(inventory)));
            }
        }
        status
    }

    /// Adds its warnings and others about it.
    pub(super) fn warn(&self, others: &[Diagnostic], messages: &mut Messages) {
        let all = self.unread.iter().chain(&self.warnings).chain(others);
        messages.about(&self.session, all.cloned().collect());
    }

    /// How many files, or resources of a cluster, could not be read.
    pub(super) fn unread_words(&self) -> String {
        let places = self.unread.iter().map(|one| one.primary.as_ref().map(|label| label.at.file));
        let (named, unnamed): (Vec<_>, Vec<_>) = places.partition(Option::is_some);
        let count = named.into_iter().collect::<BTreeSet<_>>().len() + unnamed.len();
        let what = if self.live.is_some() { "resource" } else { "file" };
        match count {
            0 => String::new(),
            1 => format!("; 1 {what} could not be read"),
            many => format!("; {many} {what}s could not be read"),
        }
    }

    /// What could not be read, for programs.
    pub(super) fn unread(&self) -> Vec<UnreadJson> {
        let files = SourceMap::new(&*self.session);
        let place = |one: &Diagnostic| match &one.primary {
            Some(label) => {
                let file = files.get(label.at.file);
                (file.name.clone(), file.lines().line(label.at.span.start))
            }
            None => (String::new(), 0),
        };
        let json = |one: &Diagnostic| {
            let (file, line) = place(one);
            UnreadJson { file, line, message: one.message.clone() }
        };
        self.unread.iter().map(json).collect()
    }
}

/// A file or document that can't be read: the rest is shown.
fn not_read(error: Diagnostic) -> Diagnostic {
    let help = match error.rule {
        Some(RuleId::UncheckedTemplate) => vec!["render it first, or pass --skip-templates".to_owned()],
        _ => error.help,
    };
    Diagnostic { severity: Severity::Warning, help, ..error }.help("not in the table; --exit-code counts it as unknown")
}
