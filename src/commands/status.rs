//! `kubectl xaccount status`.

use std::path::PathBuf;
use std::rc::Rc;

use serde::Serialize;

use crate::output;
use xaccount::aws::AccountId;
use xaccount::capa;
use xaccount::diag::{Diagnostic, SourceMap, escape_control};
use xaccount::inventory::{self, Inventory};
use xaccount::session::Session;
use xaccount::status::{self, AccountSummary, Map, Move, MoveSide, Options, Row, Status};

use super::input::{self, Usage, all_skipped, counted, names_flat_directory};
use super::map::{self, MapFile};
use super::{CommandError, ExitStatus, Messages, Printed, Terminal};
use crate::cli::{Status as Args, StatusFormat};

const USAGE: Usage = Usage { verb: "status", flags: "", edits: false, prints: "" };

/// One of the two trees.
struct Tree {
    session: Rc<Session>,
    inventory: Inventory,
    warnings: Vec<Diagnostic>,
}

/// What goes to stdout, what it means, and whether what was asked is so.
struct StatusAnswer {
    stdout: Vec<u8>,
    meaning: Vec<String>,
    found: bool,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Result<Printed, CommandError> {
    let paths = named(args)?;
    let tree = Tree::read(&paths, args)?;
    // With `-o map > .xaccount.yaml`, the shell has emptied the map by now.
    let reads_map = args.output != Some(StatusFormat::Map) || args.map.config.is_some();
    let map = if reads_map { input::map_of(&tree.session, &args.map, terminal)? } else { None };
    let of_map = map.as_ref().filter(|map| map.map.source.capa_version.is_some() && args.capa_version.is_none());
    let release = match of_map {
        None => args.capa_version,
        Some(map) => map.release()?,
    };
    let options = Options { release, namespace: args.namespace.clone() };
    let status = status::status(&tree.inventory, &options);
    let mut messages = Messages::default();
    let mut warnings = status.warnings.clone();
    if let Some(source) = map.as_ref().and_then(|map| map.map.source.account.as_ref()) {
        warnings.extend(status::in_the_source_account(&tree.inventory, &source.value));
    }
    tree.warn(&warnings, &mut messages);
    if let Some(map) = of_map {
        messages.note(map.used());
    }
    if terminal.explains() {
        explain(&status, of_map, args, &mut messages);
    }
    // Identities alone say who may use an account, and clusters that went are all on the other side.
    let enough =
        args.account.is_some() && tree.inventory.objects().iter().any(|found| found.object.role_arn().is_some());
    let answer = if !args.against.is_empty() {
        let old = Tree::read(&args.against, args)?;
        let was = status::status(&old.inventory, &options);
        old.warn(&was.warnings, &mut messages);
        if status.rows.is_empty() && was.rows.is_empty() && !args.allow_empty {
            return Err(CommandError::and(messages, nothing(&tree, args)));
        }
        moved(Side { tree: &old, status: &was }, Side { tree: &tree, status: &status }, args, terminal)
    } else if status.rows.is_empty() && !enough && !args.allow_empty {
        return Err(CommandError::and(messages, nothing(&tree, args)));
    } else if let Some(account) = &args.account {
        used(&status, account, args, terminal)
    } else {
        whole(&tree, &status, args, terminal)
    };
    match answer {
        Ok(StatusAnswer { stdout, meaning, found }) => {
            let status = if args.exit_code && found { ExitStatus::Found } else { ExitStatus::Done };
            Ok(Printed { messages, stdout, summary: meaning, status })
        }
        Err(error) => Err(CommandError::and(messages, error)),
    }
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
    if paths.iter().chain(&args.against).filter(|path| path.as_os_str() == "-").count() > 1 {
        let error = Diagnostic::error("standard input is named twice, but it can be read only once");
        return Err(error.help("keep one of them in a file"));
    }
    Ok(paths)
}

/// Says which release judges, and which namespace counts.
fn explain(status: &Status<'_>, of_map: Option<&MapFile>, args: &Args, messages: &mut Messages) {
    let release = status.cluster_state.release();
    let version = of_map.and_then(|map| Some((map, map.map.source.capa_version.as_ref()?)));
    messages.note(match (args.capa_version, version) {
        (Some(_), _) => format!("judged as CAPA {release} would, from --capa-version"),
        (None, Some((map, version))) => format!("judged as CAPA {release} would, from {}", map.place(version.span)),
        (None, None) => {
            format!("judged as CAPA {release} would, the newest that serves the API versions of the files")
        }
    });
    if let Some(namespace) = &args.namespace {
        messages.note(format!("objects without a namespace are in {namespace}, from --namespace"));
    }
}

impl Tree {
    fn read(paths: &[PathBuf], args: &Args) -> Result<Self, CommandError> {
        let found = input::find_paths(paths, args.input.recursive, &USAGE)?;
        let mut session = input::open(found, &args.input, None, None)?;
        let needles = capa::needles_with_surroundings();
        let scanned = session.scan(&input::scan(&needles, args.skip_templates, None));
        let session = Rc::new(session);
        let (inventory, mut warnings) = scanned.map_err(|errors| CommandError::about(&session, errors))?;
        let (inventory, of_skipped) = counted(&session, inventory, None)?;
        warnings.extend(of_skipped);
        Ok(Self { session, inventory, warnings })
    }

    /// Adds its warnings and others about it.
    fn warn(&self, others: &[Diagnostic], messages: &mut Messages) {
        messages.about(&self.session, self.warnings.iter().chain(others).cloned().collect());
    }
}

/// A tree and what becomes of it.
#[derive(Clone, Copy)]
struct Side<'s> {
    tree: &'s Tree,
    status: &'s Status<'s>,
}

/// Refuses what does not go together.
fn combination(args: &Args) -> Result<(), Diagnostic> {
    let question = match (&args.account, &args.namespace) {
        (Some(_), _) => "--account",
        (None, Some(_)) => "--namespace",
        (None, None) => "--against",
    };
    let asked = args.account.is_some() || args.namespace.is_some() || !args.against.is_empty();
    match args.output {
        Some(StatusFormat::Map) if asked => {
            Err(Diagnostic::error(format!("-o map is the map of all clusters, and {question} asks about some of them"))
                .help(format!("leave {question} out")))
        }
        Some(StatusFormat::Mermaid) if !args.against.is_empty() => {
            Err(Diagnostic::error("-o mermaid draws one state, and --against compares two").help("leave --against out"))
        }
        _ => Ok(()),
    }
}

fn no_files() -> Diagnostic {
    Diagnostic::error("nothing to read: this build does not read a live cluster, so name files or directories")
        .help("kubectl xaccount status -f clusters/ -R")
        .help(
            "kubectl get awsclusters,awsmanagedcontrolplanes,awsri,awssi,awsci,namespaces -A -o yaml | kubectl xaccount status -f -",
        )
}

/// No cluster is an error: a mistyped path must not look like all is well.
fn nothing(tree: &Tree, args: &Args) -> Diagnostic {
    if args.namespace.is_some()
        && tree.inventory.objects().iter().any(|found| found.object.references().next().is_some())
    {
        return Diagnostic::error("there is no cluster in the namespace that --namespace names")
            .help("or pass --allow-empty if that is right");
    }
    if let Some(error) = all_skipped(&tree.inventory) {
        return error;
    }
    let seen = inventory::kinds_seen(tree.session.named().filter_map(|file| tree.session.bytes(file).ok()));
    let mut seen: Vec<String> = if seen.is_empty() { vec!["no object at all".into()] } else { seen };
    seen.truncate(20);
    let error = Diagnostic::error("there is no cluster of CAPA here")
        .help(format!("seen: {}", seen.join(", ")))
        .help("or pass --allow-empty if that is right");
    if names_flat_directory(&args.input) {
        return error.help("directories are read without what is below them, unless -R is given");
    }
    error
}

/// Every cluster.
fn whole(tree: &Tree, status: &Status<'_>, args: &Args, terminal: &Terminal) -> Result<StatusAnswer, Diagnostic> {
    let colour = terminal.stdout.colour;
    let table = |wide: bool| {
        let text = output::status_table(status, wide, colour) + &output::status_reasons(status, colour);
        if status.rows.is_empty() { Vec::new() } else { text.into_bytes() }
    };
    let mut meaning = vec![output::status_summary(status)];
    let stdout = match args.output {
        None => table(false),
        Some(StatusFormat::Wide) => table(true),
        Some(StatusFormat::Json) => json(&output::status_json(status))?,
        Some(StatusFormat::Yaml) => yaml(&output::status_json(status))?,
        Some(StatusFormat::Mermaid) => output::mermaid(status).into_bytes(),
        Some(StatusFormat::Map) => {
            // A map that is found above the files stands where this is run.
            let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
            let map = status::map(status, &|file| map::relative(&tree.session, file, &here));
            meaning = map_meaning(&map);
            map_text(&map)?
        }
    };
    Ok(StatusAnswer { stdout, meaning, found: status.rows.iter().any(Row::is_refused) })
}

/// Who uses an account, and who may.
fn used(
    status: &Status<'_>,
    account: &AccountId,
    args: &Args,
    terminal: &Terminal,
) -> Result<StatusAnswer, Diagnostic> {
    let access_paths = status::access_paths(status, account);
    let rows: Vec<&Row> = status::used_by(status, account);
    let found = rows.iter().any(|row| row.is_refused());
    let stdout = match args.output {
        None | Some(StatusFormat::Wide | StatusFormat::Map) => {
            output::account_users(status, &rows, &access_paths, terminal.stdout.colour).into_bytes()
        }
        Some(StatusFormat::Json) => json(&output::account_json(status, account, &rows, &access_paths))?,
        Some(StatusFormat::Yaml) => yaml(&output::account_json(status, account, &rows, &access_paths))?,
        Some(StatusFormat::Mermaid) => {
            let rows = rows.into_iter().cloned().collect();
            output::mermaid(&Status { rows, ..status.clone() }).into_bytes()
        }
    };
    let hidden = status.rows.iter().filter(|row| matches!(row.account, AccountSummary::NotKnown(_))).count();
    let mut meaning = vec![
        "not seen here: who may create clusters in these namespaces (RBAC), and which other principals the role's trust policy lets in".to_owned(),
    ];
    if hidden > 0 {
        meaning.push(format!("{hidden} more: their account is not known from these files"));
    }
    if status.rows.is_empty() {
        meaning.push("no cluster is in these files".to_owned());
    }
    Ok(StatusAnswer { stdout, meaning, found })
}

/// Which clusters are in another account than before.
fn moved(old: Side<'_>, new: Side<'_>, args: &Args, terminal: &Terminal) -> Result<StatusAnswer, Diagnostic> {
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
    let stdout = match args.output {
        Some(StatusFormat::Json) => json(&output::moves_json(&moves, line))?,
        Some(StatusFormat::Yaml) => yaml(&output::moves_json(&moves, line))?,
        _ => output::moved(&moves, place, terminal.stdout.colour).into_bytes(),
    };
    let known =
        |one: &&Move| ![&one.before, &one.after].iter().any(|side| matches!(side, Some(AccountSummary::NotKnown(_))));
    let (sure, open): (Vec<&Move>, Vec<&Move>) = moves.iter().filter(|one| one.is_move()).partition(known);
    let clusters = |count: usize| if count == 1 { "1 cluster".to_owned() } else { format!("{count} clusters") };
    let mut meaning: Vec<String> = match (sure.len(), open.len()) {
        (0, 0) => vec!["no cluster moved to another account".to_owned()],
        (0, _) => Vec::new(),
        (count, _) => {
            vec![format!("{} moved to another account: an identity moves no VPC and no machine", clusters(count))]
        }
    };
    if !open.is_empty() {
        let open = clusters(open.len());
        meaning.push(format!(
            "{open} may have moved: these files don't say the account; name the file of the identity, too"
        ));
    }
    let found = !sure.is_empty() || !open.is_empty();
    Ok(StatusAnswer { stdout, meaning, found })
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

/// The map as YAML, with what it can't say as a comment.
fn map_text(map: &Map) -> Result<Vec<u8>, Diagnostic> {
    let mut text = String::from("# The accounts that the manifests are in today.\n");
    if map.source {
        text.push_str("# source.account is to be added: manifests don't say the account of the management cluster.\n");
    }
    for sentence in &map.unsaid {
        text.push_str(&escape_control(&format!("# Note: {sentence}.")));
        text.push('\n');
    }
    let mut bytes = text.into_bytes();
    bytes.extend(output::yaml(&map.value)?);
    Ok(bytes)
}

fn map_meaning(map: &Map) -> Vec<String> {
    map.unsaid.iter().map(|sentence| format!("Warning: {}", escape_control(sentence))).collect()
}
