//! `kubectl xaccount status`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Serialize;

use crate::output::{self, TableStyle, UnreadJson};
use xaccount::aws::AccountId;
use xaccount::capa;
use xaccount::capa::errata::ERRATA;
use xaccount::diag::{Diagnostic, RuleId, Severity, SourceMap, escape_control};
use xaccount::files::Input;
use xaccount::inject::known_accounts;
use xaccount::inventory::Inventory;
use xaccount::kustomization_search::in_memory;
use xaccount::plan::cluster_title;
use xaccount::session::Session;
use xaccount::status::{self, AccountSummary, Move, MoveSide, Options, Row, Status};

use super::empty::{ALLOW_EMPTY, none_selected, nothing_found, only_array};
use super::input::{self, Usage, all_skipped};
use super::live::DUMP;
use super::map::init::{Generated, generated};
use super::map_file::MapFile;
use super::request::{account_id, selection};
use super::revision::{Against, MissingInputs, Revision, refuse_stdin_twice, root_in};
use super::wrappers::Wrappers;
use super::{CommandError, ExitStatus, Messages, Printed, Terminal};
use crate::cli::{Status as Args, StatusFormat};

const USAGE: Usage = Usage { verb: "status", flags: "", edits: false, reads_kustomizations: false, prints: "" };

/// One of the two trees.
struct Tree {
    session: Rc<Session>,
    inventory: Inventory,
    warnings: Vec<Diagnostic>,
    /// What could not be read, as warnings.
    unread: Vec<Diagnostic>,
}

/// What goes to stdout, what it means, and whether what was asked is so.
struct StatusAnswer {
    stdout: Vec<u8>,
    meaning: Vec<String>,
    found: bool,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    let paths = named(args)?;
    input::note_unread(&args.input, terminal);
    let found = input::find_paths(&paths, args.input.recursive, &USAGE)?;
    // With `-o map > .xaccount.yaml`, the shell has emptied the map by now.
    let reads_map = args.output != Some(StatusFormat::Map) || args.map.config.is_some();
    let map = if reads_map { input::map_above(&found, &args.input, &args.map, terminal)? } else { None };
    // The identity file at another revision, or beside other paths, is not known.
    let identity_file =
        map.as_ref().and_then(MapFile::identity_file).filter(|path| args.against.is_empty() && path.exists());
    let tree = Tree::read(found, args, identity_file.as_deref())?;
    let old = if args.against.is_empty() { None } else { Some(Tree::against(&paths, args)?) };
    let accounts = map.as_ref().map(|map| &map.map);
    let named = map.as_ref().map(MapFile::named);
    let account = args.account.as_ref().map(|asked| account_id("--account", asked, named)).transpose()?;
    let of_map = map.as_ref().filter(|map| map.map.source.capa_version.is_some() && args.capa_version.is_none());
    let release = match of_map {
        None => args.capa_version,
        Some(map) => map.release()?,
    };
    let options = Options { release };
    let mut status = tree.status(&options, args);
    if let Some(map) = &map {
        mark_not_as_mapped(&mut status.rows, &tree, map);
    }
    let status = status;
    let mut messages = Messages::default();
    let mut warnings = status.warnings.clone();
    let source = accounts.and_then(|map| map.source.account.as_ref()).map(|source| &source.value);
    if let Some(source) = source {
        warnings.extend(status::in_the_source_account(&tree.inventory, source));
    }
    tree.warn(&warnings, &mut messages);
    if let Some(map) = &map {
        messages.note(map.used());
    }
    if terminal.explains() {
        explain(&status, of_map, args, &mut messages);
    }
    let names = accounts.map(known_accounts).unwrap_or_default().names;
    let style = TableStyle {
        wide: args.output == Some(StatusFormat::Wide),
        headers: !args.no_headers,
        screen: terminal.stdout,
        account_names: &names,
    };
    let work = StatusWork { args, tree: &tree, status: &status, account: account.as_ref(), source, style, terminal };
    match work.answer(old.as_ref(), &options, &mut messages) {
        Ok(StatusAnswer { stdout, meaning, found }) => {
            let wrappers = Wrappers::beside(&tree.inventory, &USAGE, "not in the table");
            messages.about(&tree.session, wrappers.into_iter().collect());
            let status = if args.exit_code && found { ExitStatus::Found } else { ExitStatus::Done };
            Ok(Printed { messages, stdout, summary: meaning, status })
        }
        Err(error) => Err(CommandError::after(messages, &tree.session, vec![error])),
    }
}

/// Marks the clusters that are not in the account that the map says.
fn mark_not_as_mapped(rows: &mut [Row], tree: &Tree, map: &MapFile) {
    map.with_mapped(Some(&tree.session), true, |mapped| {
        status::mark_not_as_mapped(rows, &tree.inventory, mapped);
    });
}

/// All that an answer depends on.
struct StatusWork<'w> {
    args: &'w Args,
    tree: &'w Tree,
    status: &'w Status<'w>,
    /// The requested account.
    account: Option<&'w AccountId>,
    /// The source account, if the map has it.
    source: Option<&'w AccountId>,
    style: TableStyle<'w>,
    terminal: &'w Terminal,
}

impl StatusWork<'_> {
    fn answer(
        &self,
        old: Option<&Tree>,
        options: &Options,
        messages: &mut Messages,
    ) -> Result<StatusAnswer, Diagnostic> {
        let Self { args, tree, status, .. } = self;
        let is_empty = status.rows.is_empty() && !args.allow_empty;
        if let Some(old) = old {
            let was = old.status(options, args);
            old.warn(&was.warnings, messages);
            if is_empty && was.rows.is_empty() {
                return Err(nothing(tree, args));
            }
            return self.moved(Side { tree: old, status: &was });
        }
        // Identities alone say who may use an account.
        let has_role = || tree.inventory.objects().iter().any(|found| found.object.role_arn().is_some());
        match self.account {
            Some(account) if !is_empty || has_role() => self.used(account),
            None if !is_empty => self.whole(),
            _ => Err(nothing(tree, args)),
        }
    }

    /// Every cluster.
    fn whole(&self) -> Result<StatusAnswer, Diagnostic> {
        let Self { args, tree, status, style, .. } = *self;
        let unread = tree.unread();
        let mut meaning = vec![output::status_summary(status, tree.unread_files())];
        if status.rows.iter().any(|row| row.not_as_mapped.is_some()) {
            meaning.extend(next_command(args));
        }
        let stdout = match args.output {
            None | Some(StatusFormat::Wide) if status.rows.is_empty() => Vec::new(),
            None | Some(StatusFormat::Wide) => {
                let reasons = match args.no_headers {
                    true => String::new(),
                    false => output::status_reasons(status, self.terminal.explains(), style),
                };
                (output::status_table(status, style) + &reasons).into_bytes()
            }
            Some(StatusFormat::Name) => output::status_names(status, status.rows.iter()).into_bytes(),
            Some(StatusFormat::Json) => json(&output::status_json(status, &unread))?,
            Some(StatusFormat::Yaml) => yaml(&output::status_json(status, &unread))?,
            Some(StatusFormat::Mermaid) => output::mermaid(status).into_bytes(),
            Some(StatusFormat::Map) if !tree.unread.is_empty() => {
                // A map without their clusters would look complete.
                return Err(Diagnostic::error(
                    "-o map prints the map of all clusters, and not every file could be read",
                )
                .help("fix the files in the warnings, or don't name them"));
            }
            Some(StatusFormat::Map) => {
                let Generated { text, notes } = generated(&tree.session, status, &BTreeMap::new(), self.source)?;
                meaning = notes;
                text
            }
        };
        let found = !unread.is_empty() || status.rows.iter().any(Row::is_wrong);
        Ok(StatusAnswer { stdout, meaning, found })
    }

    /// Who uses an account, and who may.
    fn used(&self, account: &AccountId) -> Result<StatusAnswer, Diagnostic> {
        let Self { args, tree, status, style, .. } = *self;
        let access_paths = status::access_paths(status, account);
        let mut rows: Vec<&Row> = status::used_by(status, account);
        if self.source == Some(account) {
            rows = status
                .rows
                .iter()
                .filter(|row| row.account.id() == Some(account) || row.account == AccountSummary::Management)
                .collect();
        }
        let found = !tree.unread.is_empty() || rows.iter().any(|row| row.is_wrong());
        let stdout = match args.output {
            None | Some(StatusFormat::Wide | StatusFormat::Map) => {
                output::account_users(status, &rows, &access_paths, style).into_bytes()
            }
            Some(StatusFormat::Name) => output::status_names(status, rows.iter().copied()).into_bytes(),
            Some(StatusFormat::Json) => {
                json(&output::account_json(status, account, &rows, &access_paths, &tree.unread()))?
            }
            Some(StatusFormat::Yaml) => {
                yaml(&output::account_json(status, account, &rows, &access_paths, &tree.unread()))?
            }
            Some(StatusFormat::Mermaid) => {
                let rows = rows.into_iter().cloned().collect();
                output::mermaid(&Status { rows, ..status.clone() }).into_bytes()
            }
        };
        let hidden = status.rows.iter().filter(|row| matches!(row.account, AccountSummary::NotKnown(_))).count();
        let mut meaning = vec![
            "not checked here: who may create clusters in these namespaces (RBAC), and which other principals the role's trust policy allows".to_owned(),
        ];
        match hidden {
            0 => {}
            1 => meaning.push("1 more cluster, whose account is not known from these files".to_owned()),
            many => meaning.push(format!("{many} more clusters, whose accounts are not known from these files")),
        }
        if status.rows.is_empty() {
            meaning.push("there is no cluster in these files".to_owned());
        }
        Ok(StatusAnswer { stdout, meaning, found })
    }

    /// Which clusters are in another account than before.
    fn moved(&self, old: Side<'_>) -> Result<StatusAnswer, Diagnostic> {
        let new = Side { tree: self.tree, status: self.status };
        let moves = status::moves(old.status, new.status);
        let (before, after) = (SourceMap::new(&*old.tree.session), SourceMap::new(&*new.tree.session));
        let line = |one: &Move| {
            let (files, side) = if one.cause.side == MoveSide::Before { (&before, old) } else { (&after, new) };
            match one.cause.at {
                Some(at) => {
                    let file = files.get(at.file);
                    (file.name.clone(), file.lines().line(at.span.start))
                }
                // What is in a cluster has no line.
                None => (side.tree.inventory.place(&side.tree.inventory[one.cause.object]), 0),
            }
        };
        let place = |one: &Move| {
            let (file, line) = line(one);
            escape_control(&format!("{file}:{line}")).into_owned()
        };
        let unread_json = [old.tree.unread(), new.tree.unread()].concat();
        let stdout = match self.args.output {
            Some(StatusFormat::Json) => json(&output::moves_json(&moves, line, &unread_json))?,
            Some(StatusFormat::Yaml) => yaml(&output::moves_json(&moves, line, &unread_json))?,
            _ => output::moved(&moves, place, self.style).into_bytes(),
        };
        let known = |one: &&Move| {
            ![&one.before, &one.after].iter().any(|side| matches!(side, Some(AccountSummary::NotKnown(_))))
        };
        let (sure, open): (Vec<&Move>, Vec<&Move>) = moves.iter().filter(|one| one.is_move()).partition(known);
        let clusters = |count: usize| if count == 1 { "1 cluster".to_owned() } else { format!("{count} clusters") };
        let mut meaning: Vec<String> = match (sure.len(), open.len()) {
            (0, 0) => vec!["no cluster moved to another account".to_owned()],
            (0, _) => Vec::new(),
            (count, _) => {
                vec![format!("{} moved to another account; VPCs and machines stay where they are", clusters(count))]
            }
        };
        if !open.is_empty() {
            let open = clusters(open.len());
            meaning.push(format!(
                "{open} may have moved: the account is not known from these files; also name the file of the identity"
            ));
        }
        let unread = old.tree.unread.len() + new.tree.unread.len();
        if unread > 0 {
            meaning.push("clusters in files that could not be read may have moved, too".to_owned());
        }
        let found = !sure.is_empty() || !open.is_empty() || unread > 0;
        Ok(StatusAnswer { stdout, meaning, found })
    }
}

/// The command that shows what it takes to put clusters where the map says; none for standard input.
fn next_command(args: &Args) -> Option<String> {
    let paths: Vec<String> = input::paths(&args.input).iter().map(|path| path.display().to_string()).collect();
    if paths.iter().any(|path| path == "-") {
        return None;
    }
    let recursive = if args.input.recursive { " -R" } else { "" };
    Some(format!(
        "to put them where the map says: kubectl xaccount inject {}{recursive}",
        escape_control(&paths.join(" "))
    ))
}

/// The paths that are named, and not those of `--against`.
///
/// # Errors
/// None is named, or flags don't go together.
fn named(args: &Args) -> Result<Vec<PathBuf>, Diagnostic> {
    combination(args)?;
    input::refuse_build(&args.input, &USAGE)?;
    let paths = input::paths(&args.input);
    if paths.is_empty() {
        return Err(no_files());
    }
    refuse_stdin_twice(&paths, &args.against)?;
    Ok(paths)
}

/// Says for which release clusters are evaluated, and which namespace counts.
fn explain(status: &Status<'_>, of_map: Option<&MapFile>, args: &Args, messages: &mut Messages) {
    let release = status.cluster_state.release();
    let version = of_map.and_then(|map| Some((map, map.map.source.capa_version.as_ref()?)));
    messages.note(match (args.capa_version, version) {
        (Some(_), _) => format!("evaluated for CAPA {release}, from --capa-version"),
        (None, Some((map, version))) => format!("evaluated for CAPA {release}, from {}", map.place(version.span)),
        (None, None) => {
            format!("evaluated for CAPA {release}, the newest that serves the API versions of the files")
        }
    });
    for one in ERRATA.iter().filter(|one| one.affects(release)) {
        messages.note(format!("known fault of CAPA {release}: {} ({})", one.effect, one.source()));
    }
    if let Some(namespace) = &args.select.default_namespace {
        messages.note(format!("objects without a namespace are in {namespace}, from --default-namespace"));
    }
}

impl Tree {
    fn read(found: Vec<Input>, args: &Args, identity_file: Option<&Path>) -> Result<Self, CommandError> {
        let session = input::open(found, &args.input, identity_file, None)?;
        Self::scanned(session, args, |session, inventory| {
            let (inventory, mut notes, kustomizations) = input::counted(session, inventory, None)?;
            let unlisted = kustomizations.builds.unlisted_files(&inventory);
            notes.extend(unlisted.iter().map(|(_, unlisted)| input::unlisted_warning(unlisted, true)));
            Ok((inventory, notes))
        })
    }

    /// The tree to compare with.
    fn against(paths: &[PathBuf], args: &Args) -> Result<Self, CommandError> {
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
        Ok(Self { session, inventory, warnings, unread: errors.into_iter().map(not_read).collect() })
    }

    /// The selected clusters.
    fn status(&self, options: &Options, args: &Args) -> Status<'_> {
        let mut status = status::status(&self.inventory, options);
        let selection = selection(&args.select);
        // One that may be selected is shown.
        let is_selected = |row: &Row| {
            selection.has_namespace(&row.namespace) && selection.selects(&self.inventory, row.object).unwrap_or(true)
        };
        status.rows.retain(is_selected);
        status
    }

    /// Adds its warnings and others about it.
    fn warn(&self, others: &[Diagnostic], messages: &mut Messages) {
        let all = self.unread.iter().chain(&self.warnings).chain(others);
        messages.about(&self.session, all.cloned().collect());
    }

    /// How many files could not be read.
    fn unread_files(&self) -> usize {
        let places = self.unread.iter().map(|one| one.primary.as_ref().map(|label| label.at.file));
        let (named, unnamed): (Vec<_>, Vec<_>) = places.partition(Option::is_some);
        named.into_iter().collect::<BTreeSet<_>>().len() + unnamed.len()
    }

    /// What could not be read, for programs.
    fn unread(&self) -> Vec<UnreadJson> {
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

/// A tree and what becomes of it.
#[derive(Clone, Copy)]
struct Side<'s> {
    tree: &'s Tree,
    status: &'s Status<'s>,
}

/// Refuses what does not go together.
fn combination(args: &Args) -> Result<(), Diagnostic> {
    let some = |given: bool, flag: &'static str| given.then_some(flag);
    let asks_about_some = some(args.account.is_some(), "--account")
        .or(some(!args.select.namespace.is_empty(), "--namespace"))
        .or(some(!args.select.cluster_name.is_empty(), "--cluster-name"))
        .or(some(args.select.selector.is_some(), "--selector"))
        .or(some(!args.against.is_empty(), "--against"));
    match (args.output, asks_about_some) {
        (Some(StatusFormat::Map), Some(flag)) => {
            Err(Diagnostic::error(format!("-o map prints the map of all clusters, and {flag} selects some of them"))
                .help(format!("don't pass {flag}")))
        }
        (Some(StatusFormat::Mermaid), _) if !args.against.is_empty() => {
            Err(Diagnostic::error("-o mermaid draws one state, and --against compares two")
                .help("don't pass --against"))
        }
        (Some(StatusFormat::Name), _) if !args.against.is_empty() => {
            Err(Diagnostic::error("-o name lists one state, and --against compares two").help("use -o json"))
        }
        _ => Ok(()),
    }
}

fn no_files() -> Diagnostic {
    Diagnostic::error("nothing to read: name files or directories; this build does not read a live cluster")
        .help("kubectl xaccount status clusters/ -R")
        .help(format!("{DUMP} | kubectl xaccount status -f -"))
}

/// No cluster is an error: a mistyped path must not look like all is well.
fn nothing(tree: &Tree, args: &Args) -> Diagnostic {
    let referencing = tree.inventory.objects().iter().filter(|found| found.object.references().next().is_some());
    let titles: BTreeSet<String> = referencing.map(|found| cluster_title(&tree.inventory, found)).collect();
    if !titles.is_empty() {
        return none_selected(&args.select, &titles.into_iter().collect::<Vec<_>>()).help(ALLOW_EMPTY);
    }
    if let Some(error) = all_skipped(&tree.inventory) {
        return error;
    }
    // What can't be read has its own message.
    let array = if tree.unread.is_empty() { only_array(&tree.session) } else { None };
    array.unwrap_or_else(|| nothing_found(&tree.session, &tree.inventory, &USAGE, None))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Diagnostic> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Diagnostic::error(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn yaml(value: &impl Serialize) -> Result<Vec<u8>, Diagnostic> {
    let value = serde_json::to_value(value).map_err(|error| Diagnostic::error(error.to_string()))?;
    output::yaml(&value)
}
