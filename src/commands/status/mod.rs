//! `kubectl xaccount status`.

mod answer;
mod tree;

use std::path::PathBuf;

use xaccount::aws::AccountId;
use xaccount::capa::Release;
use xaccount::capa::errata::ERRATA;
use xaccount::diag::{Diagnostic, escape_control};
use xaccount::inject::known_accounts;
use xaccount::inventory::{Inventory, Provenance};
use xaccount::status::{self, Controller, Options, Row, Status};

use answer::{StatusAnswer, StatusWork};
use tree::{Tree, USAGE};

use super::input;
use super::live::not_read;
use super::management_cluster::{self, ClusterRequest, ManagementCluster};
use super::map_file::MapFile;
use super::request::account_id;
use super::revision::refuse_stdin_twice;
use super::wrappers::Wrappers;
use super::{CommandError, ExitStatus, Messages, Printed, Terminal};
use crate::cli::{Status as Args, StatusFormat};
use crate::output::TableStyle;

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    if args.print_rbac {
        return Ok(Printed::of(management_cluster::cluster_role()?.into_bytes()));
    }
    combination(args)?;
    input::refuse_build(&args.input, &USAGE)?;
    let mut paths = input::paths(&args.input);
    // A dump is a file like any other.
    paths.extend(args.live.clone().filter(|path| !path.as_os_str().is_empty()));
    if args.all_namespaces && !paths.is_empty() {
        let error = Diagnostic::error("-A reads all namespaces of a management cluster, and files are named");
        return Err(error.help("every namespace of the files is read; -n NS reads only some").into());
    }
    match (paths.is_empty(), args.cluster.first_flag()) {
        (true, _) => of_cluster(args, terminal),
        (false, Some(flag)) => Err(not_read(flag).into()),
        (false, None) => of_files(&paths, args, terminal),
    }
}

fn of_files(paths: &[PathBuf], args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    refuse_stdin_twice(paths, &args.against)?;
    input::note_unread(&args.input, terminal);
    let found = input::find_paths(paths, args.input.recursive, &USAGE)?;
    let map = if reads_map(args) { input::map_above(&found, &args.input, &args.map, terminal)? } else { None };
    // The identity file at another revision, or beside other paths, is not known.
    let identity_file =
        map.as_ref().and_then(MapFile::identity_file).filter(|path| args.against.is_empty() && path.exists());
    let tree = Tree::read(found, args, identity_file.as_deref())?;
    let old = if args.against.is_empty() { None } else { Some(Tree::against(paths, args)?) };
    let run = Run { args, terminal, tree: &tree, old: old.as_ref(), map: map.as_ref() };
    run.printed(&tree.inventory, Messages::default())
}

/// The management cluster of the context.
fn of_cluster(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    if !args.against.is_empty() {
        let error = Diagnostic::error("--against compares files, and none is named");
        return Err(error.help("kubectl xaccount status clusters/ -R --against main").into());
    }
    // A pipeline that lost its paths must not read whatever cluster the runner has.
    if args.live.is_none() && std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        let error = Diagnostic::error("nothing to read: name files or directories");
        let error = error.help("kubectl xaccount status clusters/ -R");
        return Err(error.help("with CI set, a management cluster is read only with --live").into());
    }
    let map = match reads_map(args) {
        true => MapFile::find(&args.map, &[PathBuf::from("-")], terminal)?,
        false => None,
    };
    let cluster = ManagementCluster::read(&ClusterRequest {
        cluster: &args.cluster,
        namespaces: &args.select.namespace,
        all_namespaces: args.all_namespaces,
        from_files: "to read files: kubectl xaccount status clusters/ -R".to_owned(),
    })?;
    if let Some(map) = &map {
        cluster.is_that_of(map)?;
    }
    let tree = Tree::of_cluster(&cluster, args)?;
    let mut messages = Messages::default();
    messages.note(cluster.title());
    let run = Run { args, terminal, tree: &tree, old: None, map: map.as_ref() };
    match &tree.live {
        Some(live) => run.printed(live, messages),
        None => run.printed(&tree.inventory, messages),
    }
}

/// With `-o map > .xaccount.yaml`, the shell has emptied the map by now.
fn reads_map(args: &Args) -> bool {
    args.output != Some(StatusFormat::Map) || args.map.config.is_some()
}

/// What was read.
struct Run<'r> {
    args: &'r Args,
    terminal: &'r Terminal,
    tree: &'r Tree,
    old: Option<&'r Tree>,
    map: Option<&'r MapFile>,
}

impl Run<'_> {
    /// The answer about an inventory of the tree, after these messages.
    fn printed<O: Provenance>(
        &self,
        inventory: &Inventory<O>,
        mut messages: Messages,
    ) -> Result<Printed, CommandError> {
        let Self { args, terminal, tree, old, map } = *self;
        let accounts = map.map(|map| &map.map);
        let named = map.map(MapFile::named);
        let account = args.account.as_ref().map(|asked| account_id("--account", asked, named)).transpose()?;
        let of_map = map.filter(|map| map.map.source.capa_version.is_some() && args.capa_version.is_none());
        let release = match of_map {
            None => args.capa_version,
            Some(map) => map.release()?,
        };
        let controllers = status::controllers(inventory);
        let running = running_release(&controllers);
        let options = Options { release: release.or(running) };
        let mut status = tree.status(inventory, &options, args);
        if let Some(map) = map {
            mark_not_as_mapped(&mut status.rows, tree, map);
        }
        let status = status;
        let mut warnings = status.warnings.clone();
        warnings.extend(of_map.and_then(|map| other_release(map, release, &controllers)));
        let source = accounts.and_then(|map| map.source.account.as_ref()).map(|source| &source.value);
        warnings.extend(source.and_then(|source| other_source(source, &controllers)));
        if let Some(source) = source {
            warnings.extend(status::in_the_source_account(inventory, source));
        }
        tree.warn(&warnings, &mut messages);
        if let Some(map) = map {
            messages.note(map.used());
        }
        controllers.iter().for_each(|one| messages.note(escape_control(&one.to_string()).into_owned()));
        if terminal.explains() {
            explain(&status, of_map, running, args, &mut messages);
        }
        let names = accounts.map(known_accounts).unwrap_or_default().names;
        let style = TableStyle {
            wide: args.output == Some(StatusFormat::Wide),
            headers: !args.no_headers,
            screen: terminal.stdout,
            account_names: &names,
        };
        let of_controllers = source_account(&controllers);
        let source = source.or(of_controllers.as_ref());
        let work = StatusWork {
            args,
            tree,
            status: &status,
            account: account.as_ref(),
            source,
            controllers: &controllers,
            style,
            terminal,
        };
        match work.answer(old, &options, &mut messages) {
            Ok(StatusAnswer { stdout, meaning, found }) => {
                let wrappers = Wrappers::beside(&tree.inventory, &USAGE, "not in the table");
                messages.about(&tree.session, wrappers.into_iter().collect());
                let status = if args.exit_code && found { ExitStatus::Found } else { ExitStatus::Done };
                Ok(Printed { messages, stdout, summary: meaning, status })
            }
            Err(error) => Err(CommandError::after(messages, &tree.session, vec![error])),
        }
    }
}

/// Marks the clusters that are not in the account that the map says. Objects of a cluster have no path.
fn mark_not_as_mapped(rows: &mut [Row], tree: &Tree, map: &MapFile) {
    let session = tree.live.is_none().then_some(&*tree.session);
    map.with_mapped(session, true, |mapped| status::mark_not_as_mapped(rows, &tree.inventory, mapped));
}

/// Says for which release clusters are evaluated, and which namespace counts.
fn explain<O>(
    status: &Status<'_, O>,
    of_map: Option<&MapFile>,
    running: Option<Release>,
    args: &Args,
    messages: &mut Messages,
) {
    let release = status.cluster_state.release();
    let version = of_map.and_then(|map| Some((map, map.map.source.capa_version.as_ref()?)));
    messages.note(match (args.capa_version, version) {
        (Some(_), _) => format!("evaluated for CAPA {release}, from --capa-version"),
        (None, Some((map, version))) => format!("evaluated for CAPA {release}, from {}", map.place(version.span)),
        (None, None) if running.is_some() => format!("evaluated for CAPA {release}, which the controller runs"),
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

/// The release of the controllers, if all run the same one.
fn running_release(controllers: &[Controller]) -> Option<Release> {
    let first = controllers.first()?.release()?;
    controllers.iter().all(|one| one.release() == Some(first)).then_some(first)
}

/// The account of the controllers, if all are known to run in the same one.
fn source_account(controllers: &[Controller]) -> Option<AccountId> {
    let first = controllers.first()?.account()?;
    controllers.iter().all(|one| one.account().as_ref() == Some(&first)).then_some(first)
}

/// The warning about a controller of another release than the map's.
fn other_release(map: &MapFile, release: Option<Release>, controllers: &[Controller]) -> Option<Diagnostic> {
    let (release, version) = (release?, map.map.source.capa_version.as_ref()?);
    let other = controllers.iter().find(|one| one.release().is_some_and(|running| running != release))?;
    let place = map.place(version.span);
    let warning =
        Diagnostic::warning(format!("{place}: source.capaVersion is {release}, but another release runs: {other}"));
    let running = other.release()?;
    Some(warning.help(format!("set source.capaVersion to {running}, or pass --capa-version {running}")))
}

/// The warning about a controller in another account than the map's source account.
fn other_source(source: &AccountId, controllers: &[Controller]) -> Option<Diagnostic> {
    let other = controllers.iter().find(|one| one.account().is_some_and(|account| account != *source))?;
    let warning = Diagnostic::warning(format!("the source account of the account map is {source}, but: {other}"));
    Some(warning.help("set source.account of the map, or select the right context with --context"))
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
