//! `kubectl xaccount identity`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde_json::Value;

use xaccount::account_map::Account;
use xaccount::aws::AccountId;
use xaccount::capa::{self, ObjectKind, ROLE_IDENTITY};
use xaccount::diag::{Diagnostic, FileId};
use xaccount::inject::{self, InjectRequest, SpecifiedTarget, Target, known_accounts};
use xaccount::inventory::{self, Inventory, Resource, Scan};
use xaccount::plan::{IdentityFile, Outcome};
use xaccount::session::{self, Session};
use xaccount::settings::Setting;

use super::edit::{Attempt, Delivery, Mode, content_of, unless_outrun, until_done};
use super::input::{self, counted, refuse_array};
use super::map_file::MapFile;
use super::named_map::NamedMap;
use super::request::{identity_file, identity_request, moves, specified_account, specified_name};
use super::{CommandError, Messages, Printed, Terminal, identity_prune, map_tree, progress};
use crate::cli::{AccountArgs, AskedAccount, Identity, OutputFormat};
use crate::output::{self, Wording};

pub(crate) fn run(args: &Identity, terminal: &Terminal) -> Result<Printed, CommandError> {
    until_done(|_| {
        let mode = Mode::of(&args.mode);
        if args.unused.prune.prune {
            return identity_prune::attempt(args, mode, terminal);
        }
        match prepare(args, mode, terminal) {
            Ok(prepared) => attempt(args, mode, prepared, terminal),
            Err(error) => Attempt::Done(Err(error)),
        }
    })
}

/// What a run works on.
struct PreparedIdentity {
    base: InjectRequest,
    session: Session,
    map: Option<MapFile>,
    /// The identity file that is read.
    file: Option<PathBuf>,
    /// Whether the documents are printed, and no file is changed.
    print: bool,
}

fn prepare(args: &Identity, mode: Mode, terminal: &Terminal) -> Result<PreparedIdentity, CommandError> {
    if args.identity.no_identity {
        return Err(
            Diagnostic::error("--no-identity can't be used here: the verb only prints or writes identities").into()
        );
    }
    let flag = args.identity.identity_file.as_deref();
    let map = MapFile::find_near(&args.config, flag, terminal)?;
    let file = identity_file(flag, map.as_ref())?;
    // Without --identity-file the documents are printed, even if the map specifies an identity file.
    let print = match mode {
        Mode::Diff => flag.is_none() && args.mode.dry_run.is_none(),
        Mode::Output(OutputFormat::Yaml) => flag.is_none(),
        _ => false,
    };
    if file.is_none() && !print {
        let error = Diagnostic::error("no identity file to write to or to compare with");
        let help = "add --identity-file identities.yaml; or omit the mode flag to print the documents";
        return Err(error.help(help).into());
    }
    // The file is read for printing too: the output is what the file should contain.
    let file = file.filter(|file| !print || file.value.exists());
    let path = file.as_ref().map(|file| file.value.as_path());
    let session = Session::new(Vec::new(), &mut std::io::empty(), None, path, progress::show)?;
    let identity = identity_request(&args.identity)?;
    let to_file = match &file {
        // Only printed; the name is not used.
        None => IdentityFile::New(PathBuf::from("identities.yaml")).into(),
        Some(file) => file.with(match session.find(&file.value) {
            Some(id) => IdentityFile::Existing(id),
            None => IdentityFile::New(file.value.clone()),
        }),
    };
    let base = InjectRequest {
        identity,
        identity_name: args.identity.identity_name.clone().map(|name| Setting::flag("--identity-name", name)),
        with_controller_identity: args.identity.with_controller_identity,
        api_version: args.identity.api_version,
        overwrite: args.target.overwrite,
        moves: moves(&args.target.move_account, map.as_ref().map(MapFile::named), false)?,
        known: Arc::new(map.as_ref().map(|map| known_accounts(&map.map)).unwrap_or_default()),
        explain: terminal.explains(),
        identity_file: Some(to_file),
        ..InjectRequest::default()
    };
    let file = file.map(|file| file.value);
    Ok(PreparedIdentity { base, session, map, file, print })
}

fn attempt(args: &Identity, mode: Mode, prepared: PreparedIdentity, terminal: &Terminal) -> Attempt {
    let PreparedIdentity { base, mut session, map, file, print } = prepared;
    let needles = capa::needles();
    let scanned = session.scan(&input::scan(&needles, args.target.skip_templates, None));
    let session = Rc::new(session);
    let work = IdentityWork { args, base: &base, session: &session, map: map.as_ref(), file: file.as_deref(), print };
    let result = scanned
        .map_err(|errors| CommandError::about(&session, errors))
        .and_then(|(inventory, warnings)| work.answer(inventory, warnings, mode, terminal));
    unless_outrun(result, mode, &session, base.identity_file.as_ref().map(|file| &file.value))
}

/// All that a plan depends on.
struct IdentityWork<'w> {
    args: &'w Identity,
    base: &'w InjectRequest,
    session: &'w Rc<Session>,
    map: Option<&'w MapFile>,
    file: Option<&'w Path>,
    print: bool,
}

impl IdentityWork<'_> {
    fn answer(
        &self,
        inventory: Inventory,
        mut warnings: Vec<Diagnostic>,
        mode: Mode,
        terminal: &Terminal,
    ) -> Result<Printed, CommandError> {
        let about = |errors: Vec<Diagnostic>| CommandError::about(self.session, errors);
        let file = self.base.identity_file.as_ref().map(|file| &file.value);
        refuse_array(self.session, file).map_err(|error| about(vec![error]))?;
        let (inventory, of_skipped, kustomizations) = counted(self.session, inventory, self.file)?;
        warnings.extend(of_skipped);
        let mut requests = requests(self.args, &inventory, self.base, self.map)?;
        if let Some(map) = self.map.filter(|_| requests.iter().any(|request| request.identity.is_served())) {
            let (mut served, unknown) = map_tree::served(map, self.args.unused.default_namespace.as_deref())?;
            warnings.extend(unknown);
            for request in &mut requests {
                let namespaces = inject::identity_name(request).and_then(|name| served.remove(&name));
                request.identity.served.extend(namespaces.unwrap_or_default());
            }
        }
        let outcome = inject::plan_identities(&inventory, self.base, &requests).map_err(about)?;
        let printed = match self.print {
            true => Some(documents(self.session, &outcome, &requests)),
            false => None,
        };
        let printed = printed.transpose().map_err(|errors| about(warnings.iter().cloned().chain(errors).collect()))?;
        let omitted = printed.as_ref().map_or(&[][..], |(_, omitted)| omitted.as_slice());
        let is_printed = |one: &&Diagnostic| {
            !omitted
                .iter()
                .any(|name| [inject::allows_no_namespace(name), inject::is_omitted(name)].contains(&one.message))
        };
        warnings.extend(outcome.warnings.iter().filter(is_printed).cloned());
        warnings.extend(omitted.iter().map(|name| is_omitted(name)));
        let clusters = inventory.entries().filter(|(_, found)| found.can_be_pointed()).map(|(index, _)| index);
        if let Some(file) = self.file {
            warnings.extend(input::unlisted(&kustomizations, self.session, &inventory, file, clusters));
        }
        let mut messages = Messages::default();
        messages.about(self.session, warnings);
        if let Some(map) = self.map {
            messages.note(map.used());
        }
        outcome.decisions.iter().for_each(|line| messages.note(line));
        if let Some((stdout, _)) = printed {
            return Ok(Printed { messages, ..Printed::of(stdout) });
        }
        let (session, inventory, wording) = (self.session, &inventory, &Wording::INJECT);
        let delivery = Delivery { mode, session, inventory, outcome: &outcome, terminal, wording };
        let printed = delivery.run(messages, self.session)?;
        Ok(match outcome.changes.is_empty() && outcome.new_file.is_none() {
            true => Printed { summary: vec!["nothing to change: the identities are up to date".to_owned()], ..printed },
            false => printed,
        })
    }
}

/// The documents of the requested identities, as the identity file should contain them, and the names of omitted identities. An
/// identity is omitted if its list of namespaces is empty: applied, it would deny all namespaces that use it now.
///
/// # Errors
/// The file can't be edited with certainty, or all identities are omitted.
fn documents(
    inputs: &Session,
    outcome: &Outcome,
    requests: &[InjectRequest],
) -> Result<(Vec<u8>, Vec<String>), Vec<Diagnostic>> {
    let text = result(inputs, outcome)?;
    let needles = capa::needles();
    let scan = Scan { needles: &needles, skip_templates: true, topology_variable: None, keep_going: false };
    let found = inventory::scan(FileId(0), &text, &scan)?.objects;
    let (mut parts, mut omitted): (Vec<Vec<u8>>, Vec<String>) = (Vec::new(), Vec::new());
    if requests.iter().any(|request| request.with_controller_identity) {
        let controllers = found.iter().filter(|one| matches!(one.object.object_kind, ObjectKind::Controller(_)));
        let default = controllers.filter(|one| one.object.name.as_deref() == Some("default"));
        parts.extend(default.map(|one| document(&text, one)));
    }
    let mut seen = BTreeSet::new();
    for request in requests {
        let Some(name) = inject::identity_name(request).filter(|name| seen.insert(name.clone())) else { continue };
        let served = request.identity.is_served();
        let is_own = |one: &&Resource| one.object.name.as_deref() == Some(&name);
        if served && !found.iter().any(|one| is_own(&one)) {
            omitted.push(name.clone());
        }
        for one in found.iter().filter(is_own) {
            match &one.object.object_kind {
                ObjectKind::Identity(identity, _) if served && identity.lists_no_namespace() => {
                    omitted.push(name.clone())
                }
                ObjectKind::Identity(..) => parts.push(document(&text, one)),
                _ => {}
            }
        }
    }
    if parts.is_empty() && !omitted.is_empty() {
        let names: Vec<String> = omitted.iter().map(|name| format!("{ROLE_IDENTITY}/{name}")).collect();
        return Err(vec![none_known(&names)]);
    }
    let joined = inventory::joined(&parts).map_err(|_| {
        let error =
            Diagnostic::error("kubectl would read these identities differently from one stream than from the file");
        vec![error.help("apply the identity file itself")]
    })?;
    Ok((joined, omitted))
}

/// The new content of the identity file, or of one to be created.
fn result(inputs: &Session, outcome: &Outcome) -> Result<Vec<u8>, Vec<Diagnostic>> {
    match &outcome.new_file {
        Some((_, plan)) => session::new_text(plan).map_err(|error| vec![error]),
        None if inputs.is_empty() => Ok(Vec::new()),
        None => content_of(inputs, outcome, FileId(0)),
    }
}

/// The text of an object's document. An item of a list is written as a document of its own.
fn document(text: &[u8], found: &Resource) -> Vec<u8> {
    let own = &text[found.origin.at.document.range()];
    if !found.origin.at.base.is_root() {
        let whole: Value = serde_yaml::from_slice(own).unwrap_or_default();
        let item = found.origin.at.base.resolve(&whole).cloned().unwrap_or_default();
        return output::yaml(&item).unwrap_or_default();
    }
    without_marker(own)
}

/// A document without its `---` line, because the stream adds one; comments above the line are kept.
fn without_marker(document: &[u8]) -> Vec<u8> {
    let mut at = 0;
    for line in document.split_inclusive(|&byte| byte == b'\n') {
        let text = line.trim_ascii_end();
        if text == b"---" {
            return [&document[..at], &document[at + line.len()..]].concat();
        }
        if !text.is_empty() && !text.starts_with(b"#") {
            break;
        }
        at += line.len();
    }
    document.to_vec()
}

/// What to do about an identity that no namespace may use.
const NO_NAMESPACE: [&str; 2] = [
    "the namespaces are those of the clusters below the account map, and none belongs to this account yet",
    "or set the namespaces in the map: allowedNamespaces: {list: [NAME]}",
];

fn none_known(identities: &[String]) -> Diagnostic {
    let error =
        Diagnostic::error("no namespace is known for these identities, and they are not printed with an empty list");
    let lines = identities.iter().map(String::as_str).chain(NO_NAMESPACE);
    lines.fold(error, |error, line| error.help(line))
}

fn is_omitted(name: &str) -> Diagnostic {
    let warning = Diagnostic::warning(inject::is_omitted(name));
    let warning =
        warning.help("an empty list, once applied, would deny every namespace that uses the existing identity");
    NO_NAMESPACE.into_iter().fold(warning, |warning, line| warning.help(line))
}

/// A request for each account of the flags, with its settings in the map; without such flags, for each account of the map.
fn requests(
    args: &Identity,
    inventory: &Inventory,
    base: &InjectRequest,
    map: Option<&MapFile>,
) -> Result<Vec<InjectRequest>, Vec<Diagnostic>> {
    match map {
        Some(map) => {
            let requests = by_map(&args.target, inventory, base, map)?;
            match requests.is_empty() && !args.mode.check && !args.mode.write {
                true => Err(vec![
                    Diagnostic::error(format!("{} has no accounts", map.named().name))
                        .help("add: accounts: [{name: development, account: \"222222222222\"}]"),
                ]),
                false => Ok(requests),
            }
        }
        None => {
            let requests: Vec<InjectRequest> = by_flags(&args.target)
                .map_err(|error| vec![error])?
                .into_iter()
                .map(|target| InjectRequest { target: Some(target), ..base.clone() })
                .collect();
            if requests.is_empty() {
                let error = Diagnostic::error("no account, and no account map (.xaccount.yaml) above this directory");
                return Err(vec![
                    error.help("--account 222222222222, or --role-arn arn:aws:iam::222222222222:role/NAME"),
                ]);
            }
            Ok(requests)
        }
    }
}

fn by_flags(target: &AccountArgs) -> Result<Vec<Target>, Diagnostic> {
    let mut targets = Vec::new();
    for account in &target.account {
        targets.extend(specified(target, Some(account), None)?.target());
    }
    let roles = target.role_arn.iter().map(|role| Setting::flag("--role-arn", role.clone().into()));
    targets.extend(roles.map(Target::Role));
    Ok(targets)
}

/// The target that the flags specify, for one account or for all.
fn specified(
    target: &AccountArgs,
    account: Option<&AskedAccount>,
    map: Option<NamedMap<'_>>,
) -> Result<SpecifiedTarget, Diagnostic> {
    Ok(SpecifiedTarget {
        account: specified_account(account, map)?,
        name: specified_name(account),
        role: target.role_name.clone().map(|name| Setting::flag("--role-name", name)),
        partition: target.partition.map(|partition| Setting::flag("--partition", partition)),
    })
}

fn by_map(
    target: &AccountArgs,
    inventory: &Inventory,
    base: &InjectRequest,
    map: &MapFile,
) -> Result<Vec<InjectRequest>, Vec<Diagnostic>> {
    let one = |error: Diagnostic| vec![error];
    let mut wanted: Vec<SpecifiedTarget> = Vec::new();
    for account in &target.account {
        wanted.push(specified(target, Some(account), Some(map.named())).map_err(one)?);
    }
    let roles = target.role_arn.iter().map(|role| Setting::flag("--role-arn", role.clone()));
    wanted.extend(roles.map(|role| SpecifiedTarget::of_role(&role)));
    if wanted.is_empty() {
        wanted.push(specified(target, None, None).map_err(one)?);
    }
    let (mut requests, mut errors) = (Vec::new(), Vec::new());
    for specified in &wanted {
        let is_selected = |entry: &&Account| {
            specified.account.as_ref().is_none_or(|account| entry.account.value == account.value)
                && specified.name.as_ref().is_none_or(|name| entry.name.value == name.value)
        };
        let entries: Vec<&Account> = match specified.account {
            Some(_) => map.map.accounts.iter().filter(is_selected).collect(),
            // An identity that exists already is not managed here.
            None => map.map.used().into_iter().filter(|entry| entry.identity_ref.is_none()).collect(),
        };
        if let (Some(account), true) = (&specified.account, entries.is_empty()) {
            errors.push(unknown(&account.value, map));
        }
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        for entry in entries {
            if let Some(existing) = &entry.identity_ref {
                errors.push(not_managed(entry, &map.place(existing.span)));
                continue;
            }
            match map.with_mapped(None, true, |mapped| inject::for_account(inventory, base, mapped, entry, specified)) {
                Ok(request) => right.push(request),
                Err(more) => wrong.extend(more),
            }
        }
        // If an account has several roles, only the requested ones are used; the others are not errors.
        if right.is_empty() || specified.account.is_none() {
            errors.extend(wrong);
        }
        requests.extend(right);
    }
    if errors.is_empty() { Ok(requests) } else { Err(errors) }
}

/// The error about an account whose identity exists already.
fn not_managed(entry: &Account, place: &str) -> Diagnostic {
    let identity = entry.identity().map(|identity| identity.to_string()).unwrap_or_default();
    Diagnostic::error(format!("account {}: {identity} is not managed by the map", entry.title()))
        .help(format!("identityRef is set at {place}"))
        .help("change that identity where it is managed, or remove identityRef")
}

/// The error about an account that is not in the map, which may be a typing error.
fn unknown(account: &AccountId, map: &MapFile) -> Diagnostic {
    if let Some(source) = map.map.source.account.as_ref().filter(|source| source.value == *account) {
        return inject::target_is_source(account, &map.place(source.span));
    }
    Diagnostic::error(format!("the account {account} is not in {}", map.named().name))
        .help(format!("it has {}", map.named().accounts()))
        .help("add it to the accounts of the map, or pass --no-config to ignore the map")
}
