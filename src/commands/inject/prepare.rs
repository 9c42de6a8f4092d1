//! From flags to a request and the inputs.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use xaccount::account_map::Account;
use xaccount::aws::check_inline_policy;
use xaccount::diag::Diagnostic;
use xaccount::edit::Inputs;
use xaccount::files::{self, FindError, Input};
use xaccount::inject::{IdentityFile, IdentityRequest, Request, Selection, Target};

use super::Mode;
use crate::cli::{IdentityArgs, Inject, OutputFormat, SelectArgs, TargetArgs};
use crate::commands::map::MapFile;
use crate::commands::{Terminal, progress, stdin_twice};

/// What a run works on.
pub(super) struct Prepared {
    /// What the flags say.
    pub(super) request: Request,
    /// Whether they say a target.
    pub(super) target_is_said: bool,
    pub(super) inputs: Inputs,
    pub(super) map: Option<MapFile>,
}

/// The error is text for stderr.
pub(super) fn prepare(args: &Inject, mode: Mode, terminal: &Terminal) -> Result<Prepared, String> {
    let one = |diagnostic: Diagnostic| terminal.diagnostics(&[diagnostic], None);
    let explain = terminal.verbose > 0 && !terminal.quiet;
    let paths: Vec<PathBuf> = args.input.paths.iter().chain(&args.input.filenames).cloned().collect();
    if let Some(directory) = &args.input.kustomize {
        let pipe = format!("kubectl kustomize {} | kubectl xaccount inject -f - …", directory.display());
        return Err(one(Diagnostic::error("-k is not read: inject edits files, and a build has none").help(pipe)));
    }
    if paths.is_empty() {
        let mut error = Diagnostic::error("nothing to read: name files or directories")
            .help("kubectl xaccount inject foo.yaml --account 222222222222");
        error = error.help(if std::io::stdin().is_terminal() {
            "or pipe manifests in and say so: dkp create cluster aws … | kubectl xaccount inject -f - …"
        } else {
            "standard input is read when it is named: kubectl xaccount inject -f - …"
        });
        return Err(one(error));
    }
    let found = files::find(&paths, args.input.recursive).map_err(|error| one(find_error(&error)))?;
    if let Some(path) = stdin_twice(&found) {
        let error =
            format!("standard input is named twice, as `-` and as {}, but it can be read only once", path.display());
        return Err(one(Diagnostic::error(error).help("name it once: -f -")));
    }
    if matches!(mode, Mode::Write { .. })
        && let Some(Input::Stream(path)) = found.iter().find(|input| matches!(input, Input::Stream(_)))
    {
        let error = Diagnostic::error(format!("{} is a pipe or a device and can't be written", path.display()))
            .help("use -o yaml and redirect the output");
        return Err(one(error));
    }
    let stands: Vec<PathBuf> =
        found.iter().map(|input| stands_at(input, args.input.stdin_filename.as_deref())).collect();
    let map = MapFile::find(&args.map.config, &stands, terminal)?;
    let accounts = map.as_ref().map(|map| map.map.accounts.as_slice());
    let asked = request(&args.target, &args.select, &args.identity, accounts, explain);
    let mut request = asked.map_err(|errors| terminal.diagnostics(&errors, None))?;
    let identity_file = identity_file(args.identity.identity_file.as_deref(), map.as_ref()).map_err(one)?;
    let identity_file = identity_file.as_deref();
    if args.input.stdin_filename.is_some() && !found.contains(&Input::Stdin) {
        return Err(one(Diagnostic::error("--stdin-filename says what standard input counts as, but '-' is not read")
            .help("add -f -")));
    }
    if mode == Mode::Output(OutputFormat::Patch) && args.input.stdin_filename.is_none() && found.contains(&Input::Stdin)
    {
        return Err(one(Diagnostic::error("a patch needs a file name, and standard input has none")
            .help("add --stdin-filename PATH")));
    }
    let inputs =
        Inputs::new(found, &mut std::io::stdin().lock(), args.input.stdin_filename.as_deref(), identity_file, progress)
            .map_err(one)?;
    request.identity_file = identity_file.map(|path| match inputs.find(path) {
        Some(file) => IdentityFile::There(file),
        None => IdentityFile::New(path.to_owned()),
    });
    let target_is_said = args.target.account.is_some() || args.target.role_arn.is_some();
    Ok(Prepared { request, target_is_said, inputs, map })
}

/// Where an input stands, for the account map.
fn stands_at(input: &Input, stdin_filename: Option<&str>) -> PathBuf {
    match input.path() {
        Some(path) => path.to_owned(),
        None => PathBuf::from(stdin_filename.unwrap_or("-")),
    }
}

/// The file that keeps identities, as a flag or the map says.
///
/// # Errors
/// They say two.
fn identity_file(flag: Option<&Path>, map: Option<&MapFile>) -> Result<Option<PathBuf>, Diagnostic> {
    let of_map = map.and_then(MapFile::identity_file);
    let same = |a: &Path, b: &Path| a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    match (flag, of_map) {
        (Some(flag), Some(of_map)) if !same(flag, &of_map) => {
            let (flag, of_map) = (flag.display(), of_map.display());
            Err(Diagnostic::error(format!("--identity-file says {flag}, and the map says {of_map}"))
                .help(format!("the map says so at {}", map.map_or_else(String::new, MapFile::identity_file_place)))
                .help("leave the flag out, change the map, or pass --no-config to go without it"))
        }
        (Some(flag), _) => Ok(Some(flag.to_owned())),
        (None, of_map) => Ok(of_map),
    }
}

/// What the flags ask for, but for the identity file, which is one of the run or not. `accounts` are those of the account map,
/// where there is one.
///
/// # Errors
/// No target, and a session policy that can't be read or that STS would refuse.
pub(crate) fn request(
    target: &TargetArgs,
    select: &SelectArgs,
    identity: &IdentityArgs,
    accounts: Option<&[Account]>,
    explain: bool,
) -> Result<Request, Vec<Diagnostic>> {
    let one = |diagnostic: Diagnostic| vec![diagnostic];
    let account = match (&target.role_arn, &target.account) {
        (Some(role), _) => Target::Role(role.clone()),
        (None, Some(account)) => {
            Target::Account { account: account.clone(), role: target.role_name.clone(), partition: target.partition }
        }
        (None, None) => match accounts {
            // Any of them: each object gets its own.
            Some([first, ..]) => Target::Account {
                account: first.account.value.clone(),
                role: target.role_name.clone(),
                partition: target.partition,
            },
            Some([]) => return Err(one(Diagnostic::error("the account map has no accounts"))),
            None => {
                return Err(one(Diagnostic::error(
                    "no target account, and no account map (.xaccount.yaml) above the files",
                )
                .help("--account 222222222222, or --role-arn arn:aws:iam::222222222222:role/NAME")));
            }
        },
    };
    if let Some(path) = &identity.identity_file {
        let json = path.extension().is_some_and(|extension| extension == "json");
        if path.as_os_str() == "-" || (json && !path.exists()) {
            let error =
                Diagnostic::error(format!("--identity-file {}: identities are kept in a YAML file", path.display()));
            return Err(one(error.help("--identity-file identities.yaml")));
        }
    }
    let inline_policy = match &identity.inline_policy {
        None => None,
        Some(path) => {
            let bytes =
                files::read_only(path).map_err(|error| one(Diagnostic::error(format!("--inline-policy: {error}"))))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| one(Diagnostic::error(format!("{} is not UTF-8", path.display()))))?;
            let text = text.trim_end().to_owned();
            check_inline_policy(&text)
                .map_err(|error| one(Diagnostic::error(format!("--inline-policy {}: {error}", path.display()))))?;
            Some(text)
        }
    };
    Ok(Request {
        target: account,
        selection: Selection {
            cluster_names: select.cluster_name.iter().map(globset::Glob::compile_matcher).collect(),
            labels: select.selector.clone(),
            namespace: select.namespace.clone(),
            only: None,
        },
        identity_name: identity.identity_name.clone(),
        identity: IdentityRequest {
            source: identity.source_identity.clone(),
            allowed_namespaces: identity.allowed_namespaces.clone(),
            session_name: identity.session_name.as_ref().map(ToString::to_string),
            external_id: identity.external_id.as_ref().map(ToString::to_string),
            duration_seconds: identity.duration.map(|duration| duration.get()),
            inline_policy,
            annotations: identity.identity_annotation.clone(),
        },
        identity_file: None,
        with_identity: !identity.no_identity,
        with_controller_identity: identity.with_controller_identity,
        api_version: identity.api_version,
        overwrite: target.overwrite,
        moves: target.move_account.clone(),
        explain,
        said: BTreeMap::new(),
    })
}

fn find_error(error: &FindError) -> Diagnostic {
    match error {
        FindError::Url { url } => Diagnostic::error(format!("{url} is a URL, and URLs are not read"))
            .help(format!("curl -fsSL '{url}' | kubectl xaccount inject -f - …")),
        other => Diagnostic::error(other.to_string()),
    }
}
