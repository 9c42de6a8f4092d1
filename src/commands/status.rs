//! `kubectl xaccount status`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::output::{self, LastShown, Shown};
use xaccount::aws::AccountId;
use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId, escape_control};
use xaccount::files::{self, FindError, Input};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::session::Session;
use xaccount::status::{self, AccountSummary, Map, Move, MoveSide, Options, Row, Status};

use super::map::{self, MapFile};
use super::{ExitStatus, Printed, Terminal, all_skipped, counted, no_build, progress, stdin_twice};
use crate::cli::{Status as Args, StatusFormat};

/// One of the two trees.
struct Tree {
    inputs: Session,
    inventory: Inventory,
    warnings: Vec<Diagnostic>,
}

/// What goes to stdout, what it means, and whether what was asked is so.
struct StatusAnswer {
    stdout: Vec<u8>,
    meaning: String,
    found: bool,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> Printed {
    answer(args, terminal).unwrap_or_else(Printed::error)
}

fn answer(args: &Args, terminal: &Terminal) -> Result<Printed, String> {
    let plain = |error: Diagnostic| terminal.diagnostics(&[error], None);
    combination(args).map_err(plain)?;
    let paths: Vec<PathBuf> = args.paths.iter().chain(&args.filenames).cloned().collect();
    if let Some(directory) = &args.kustomize {
        let (error, pipe) = no_build(directory, "status", "reads");
        return Err(plain(error.help(pipe)));
    }
    if paths.is_empty() {
        return Err(plain(no_files()));
    }
    let both: Vec<PathBuf> = paths.iter().chain(&args.against).cloned().collect();
    if both.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        let error = Diagnostic::error("standard input is named twice, but it can be read only once");
        return Err(plain(error.help("keep one of them in a file")));
    }
    let tree = Tree::read(&paths, args, terminal)?;
    // With `-o map > .xaccount.yaml`, the shell has emptied the map by now.
    let reads_map = args.output != Some(StatusFormat::Map) || args.map.config.is_some();
    let map = if reads_map { tree.map(args, terminal)? } else { None };
    let of_map = map.as_ref().and_then(|map| Some((map, map.map.source.capa_version.as_ref()?)));
    let of_map = of_map.filter(|_| args.capa_version.is_none());
    let release = match &of_map {
        None => args.capa_version,
        Some((map, _)) => map.release().map_err(plain)?,
    };
    let options = Options { release, namespace: args.namespace.clone() };
    let status = status::status(&tree.inventory, &options);
    let mut warnings = status.warnings.clone();
    if let Some(source) = map.as_ref().and_then(|map| map.map.source.account.as_ref()) {
        warnings.extend(status::in_the_source_account(&tree.inventory, &source.value));
    }
    let mut before = tree.specified(&warnings, terminal);
    if let Some((map, _)) = of_map.filter(|_| !terminal.quiet) {
        before.push_str(&map.used());
    }
    if terminal.verbose > 0 && !terminal.quiet {
        let release = status.world.release();
        before.push_str(&match (args.capa_version, &of_map) {
            (Some(_), _) => format!("judged as CAPA {release} would, from --capa-version\n"),
            (None, Some((map, version))) => {
                format!("judged as CAPA {release} would, from {}\n", escape_control(&map.place(version.span)))
            }
            (None, None) => {
                format!("judged as CAPA {release} would, the newest that serves the API versions of the files\n")
            }
        });
        if let Some(namespace) = &args.namespace {
            before.push_str(&escape_control(&format!(
                "objects without a namespace are in {namespace}, from --namespace"
            )));
            before.push('\n');
        }
    }
    // Identities alone say who may use an account, and clusters that went are all on the other side.
    let enough =
        args.account.is_some() && tree.inventory.objects().iter().any(|found| found.object.role_arn().is_some());
    if status.rows.is_empty() && !enough && args.against.is_empty() && !args.allow_empty {
        return Err(before + &plain(nothing(&tree, args)));
    }
    let answer = if !args.against.is_empty() {
        let old = Tree::read(&args.against, args, terminal)?;
        let was = status::status(&old.inventory, &options);
        before.push_str(&old.specified(&was.warnings, terminal));
        if status.rows.is_empty() && was.rows.is_empty() && !args.allow_empty {
            return Err(before + &plain(nothing(&tree, args)));
        }
        moved((&old, &was), (&tree, &status), args, terminal)
    } else if let Some(account) = &args.account {
        used(&status, account, args, terminal)
    } else {
        whole(&tree, &status, args, terminal)
    };
    let StatusAnswer { stdout, mut meaning, found } = answer.map_err(|error| before.clone() + &plain(error))?;
    if terminal.quiet {
        meaning.clear();
    }
    let status = if args.exit_code && found { ExitStatus::Found } else { ExitStatus::Done };
    Ok(Printed { before, stdout, after: meaning, status })
}

impl Tree {
    fn read(paths: &[PathBuf], args: &Args, terminal: &Terminal) -> Result<Self, String> {
        let text = |error: Diagnostic| terminal.diagnostics(&[error], None);
        let found = files::find(paths, args.recursive).map_err(|error| text(find_error(&error)))?;
        if let Some(path) = stdin_twice(&found) {
            let error = format!("standard input is named twice, as `-` and as {}", path.display());
            return Err(text(Diagnostic::error(error).help("name it once: -f -")));
        }
        let stdin_name = args.stdin_filename.as_deref().filter(|_| found.contains(&Input::Stdin));
        let mut inputs = Session::new(found, &mut std::io::stdin().lock(), stdin_name, None, progress).map_err(text)?;
        let needles = capa::needles_with_surroundings();
        let scan =
            Scan { needles: &needles, skip_templates: args.skip_templates, topology_variable: None, keep_going: false };
        match inputs.scan(&scan) {
            Ok((inventory, mut warnings)) => {
                let (inventory, specified) = counted(&inputs, inventory, None).map_err(text)?;
                warnings.extend(specified);
                Ok(Self { inputs, inventory, warnings })
            }
            Err(errors) => Err(terminal.diagnostics(&errors, Some(&inputs))),
        }
    }

    /// Its warnings and others about it, as text.
    fn specified(&self, others: &[Diagnostic], terminal: &Terminal) -> String {
        let all: Vec<Diagnostic> = self.warnings.iter().chain(others).cloned().collect();
        terminal.diagnostics(&all, Some(&self.inputs))
    }

    /// The account map above the files, for the release of CAPA that it names.
    fn map(&self, args: &Args, terminal: &Terminal) -> Result<Option<MapFile>, String> {
        let stands = |file: FileId| match self.inputs.input(file).path() {
            Some(path) => path.to_owned(),
            None => PathBuf::from(self.inputs.name(file)),
        };
        MapFile::find(&args.map, &self.inputs.named().map(stands).collect::<Vec<_>>(), terminal)
    }

    /// The file's name and the line of a place in it, from 1. `last` are the files that were asked for.
    fn line<'t>(&'t self, last: &LastShown<'t>, file: FileId, offset: usize) -> (String, usize) {
        let shown = last.get(file, || Shown::new(self.inputs.name(file).to_owned(), self.inputs.bytes(file).ok()));
        (shown.name.clone(), if shown.bytes.is_empty() { 1 } else { shown.line(offset) })
    }
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

fn find_error(error: &FindError) -> Diagnostic {
    match error {
        FindError::Url { url } => Diagnostic::error(format!("{url} is a URL, and URLs are not read"))
            .help(format!("curl -fsSL '{url}' | kubectl xaccount status -f -")),
        other => Diagnostic::error(other.to_string()),
    }
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
    let seen = inventory::kinds_seen(tree.inputs.named().filter_map(|file| tree.inputs.bytes(file).ok()));
    let mut seen: Vec<String> = if seen.is_empty() { vec!["no object at all".into()] } else { seen };
    seen.truncate(20);
    let error = Diagnostic::error("there is no cluster of CAPA here")
        .help(format!("seen: {}", seen.join(", ")))
        .help("or pass --allow-empty if that is right");
    let mut paths = args.paths.iter().chain(&args.filenames);
    if !args.recursive && paths.any(|path| Path::is_dir(path)) {
        return error.help("directories are read without what is below them, unless -R is given");
    }
    error
}

/// Every cluster.
fn whole(tree: &Tree, status: &Status<'_>, args: &Args, terminal: &Terminal) -> Result<StatusAnswer, Diagnostic> {
    let colour = terminal.stdout_colour;
    let table = |wide: bool| {
        let text = output::status_table(status, wide, colour) + &output::status_reasons(status, colour);
        if status.rows.is_empty() { Vec::new() } else { text.into_bytes() }
    };
    let mut meaning = format!("{}\n", output::status_summary(status));
    let stdout = match args.output {
        None => table(false),
        Some(StatusFormat::Wide) => table(true),
        Some(StatusFormat::Json) => json(&output::status_json(status))?,
        Some(StatusFormat::Yaml) => yaml(&output::status_json(status))?,
        Some(StatusFormat::Mermaid) => output::mermaid(status).into_bytes(),
        Some(StatusFormat::Map) => {
            // A map that is found above the files stands where this is run.
            let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
            let map = status::map(status, &|file| map::relative(&tree.inputs, file, &here));
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
            output::account_users(status, &rows, &access_paths, terminal.stdout_colour).into_bytes()
        }
        Some(StatusFormat::Json) => json(&output::account_json(status, account, &rows, &access_paths))?,
        Some(StatusFormat::Yaml) => yaml(&output::account_json(status, account, &rows, &access_paths))?,
        Some(StatusFormat::Mermaid) => {
            let rows = rows.into_iter().cloned().collect();
            output::mermaid(&Status { rows, ..status.clone() }).into_bytes()
        }
    };
    let hidden = status.rows.iter().filter(|row| matches!(row.account, AccountSummary::NotKnown(_))).count();
    let mut meaning = String::from(
        "not seen here: who may create clusters in these namespaces (RBAC), and which other principals the role's trust policy lets in\n",
    );
    if hidden > 0 {
        meaning.push_str(&format!("{hidden} more: their account is not known from these files\n"));
    }
    if status.rows.is_empty() {
        meaning.push_str("no cluster is in these files\n");
    }
    Ok(StatusAnswer { stdout, meaning, found })
}

/// Which clusters are in another account than before.
fn moved(
    (old, was): (&Tree, &Status<'_>),
    (new, is): (&Tree, &Status<'_>),
    args: &Args,
    terminal: &Terminal,
) -> Result<StatusAnswer, Diagnostic> {
    let moves = status::moves(was, is);
    let last = [LastShown::default(), LastShown::default()];
    let line = |one: &Move| {
        let (tree, last) = if one.cause.side == MoveSide::Before { (old, &last[0]) } else { (new, &last[1]) };
        tree.line(last, one.cause.at.file, one.cause.at.span.start)
    };
    let place = |one: &Move| {
        let (file, line) = line(one);
        escape_control(&format!("{file}:{line}")).into_owned()
    };
    let stdout = match args.output {
        Some(StatusFormat::Json) => json(&output::moves_json(&moves, line))?,
        Some(StatusFormat::Yaml) => yaml(&output::moves_json(&moves, line))?,
        _ => output::moved(&moves, place, terminal.stdout_colour).into_bytes(),
    };
    let known =
        |one: &&Move| ![&one.before, &one.after].iter().any(|side| matches!(side, Some(AccountSummary::NotKnown(_))));
    let (sure, open): (Vec<&Move>, Vec<&Move>) = moves.iter().filter(|one| one.is_move()).partition(known);
    let clusters = |count: usize| if count == 1 { "1 cluster".to_owned() } else { format!("{count} clusters") };
    let mut meaning = match (sure.len(), open.len()) {
        (0, 0) => "no cluster moved to another account\n".to_owned(),
        (0, _) => String::new(),
        (count, _) => {
            format!("{} moved to another account: an identity moves no VPC and no machine\n", clusters(count))
        }
    };
    if !open.is_empty() {
        let open = clusters(open.len());
        meaning.push_str(&format!(
            "{open} may have moved: these files don't say the account; name the file of the identity, too\n"
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

fn map_meaning(map: &Map) -> String {
    map.unsaid.iter().map(|sentence| format!("Warning: {}\n", escape_control(sentence))).collect()
}
