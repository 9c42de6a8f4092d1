//! `kubectl xaccount fn`: `inject` as a KRM function.

use std::io::IsTerminal;
use std::rc::Rc;

use crate::output::{self, Wording};
use lossless_yaml::Plan;
use xaccount::account_map::AccountMap;
use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId, Severity};
use xaccount::files::Input;
use xaccount::inject::{self, Evidence, InjectRequest, Mapped, SpecifiedTarget, Unasked};
use xaccount::inventory::Inventory;
use xaccount::krm::ResourceList;
use xaccount::kustomization_search::refused_identity_file;
use xaccount::plan::{EmptySelection, Failure, IdentityFile, Outcome};
use xaccount::session::{self, Session};
use xaccount::settings::Setting;

use super::empty::none_selected;
use super::live::LiveSource;
use super::management_cluster::DUMP;
use super::named_map::NamedMap;
use super::request::{WAYS_OUT, request, specified_target};
use super::{CommandError, ExitStatus, Messages, Printed, Terminal, input, live, progress};
use crate::cli::Function;

/// What to do if the map selects by path and an item has no path.
const NO_PATH: &str = "give the item a path (annotation internal.config.kubernetes.io/path), or select its cluster by names or namespaces in the map";

/// The name of standard input in messages.
const NAME: &str = "ResourceList";

/// The name of the account map in messages.
const CONFIG: &str = "functionConfig";

pub(crate) fn run(flags: &Function, terminal: &Terminal) -> Result<Printed, CommandError> {
    if std::io::stdin().is_terminal() {
        return Err(Diagnostic::error("fn reads a ResourceList from standard input, but standard input is a terminal")
            .help("fn is run by kustomize and kpt; for files: kubectl xaccount inject FILE --account 222222222222")
            .into());
    }
    let stdin = &mut std::io::stdin().lock();
    let mut session = Session::new(vec![Input::Stdin], stdin, Some(NAME), None, progress::show)?;
    let bytes = session.bytes(FileId(0))?.to_vec();
    let list = match ResourceList::read(&bytes) {
        Ok(list) => list,
        Err(diagnostic) => return Err(CommandError::about(&Rc::new(session), vec![diagnostic])),
    };
    let done = FunctionWork { flags, list: &list, terminal }.plan(&mut session).and_then(|done| {
        let edited = list
            .plan(&done.inventory, &done.outcome, &done.warnings)
            .and_then(|plan| prove(&bytes, &plan))
            .map_err(|error| Refused { inventory: done.inventory.clone(), errors: vec![error] })?;
        Ok((done, edited))
    });
    let session = Rc::new(session);
    let mut messages = Messages::default();
    let in_stream = |all: Vec<Diagnostic>| all.into_iter().map(|one| list.in_stream(one)).collect();
    Ok(match done {
        Ok((Done { inventory, outcome, warnings }, stdout)) => {
            messages.about(&session, in_stream(warnings));
            outcome.decisions.iter().for_each(|line| messages.note(line));
            let mut summary: Vec<String> = output::cluster_lines(&inventory, &outcome, terminal.stderr.colour);
            summary.push(output::summary(&outcome, &inventory, true, &Wording::INJECT));
            Printed { messages, stdout, summary, status: ExitStatus::Done }
        }
        Err(Refused { inventory, errors }) => {
            let result = list.refusal(&inventory, &errors).and_then(|plan| prove(&bytes, &plan));
            messages.about(&session, in_stream(errors));
            // A host reads the items from stdout for any exit status, so they are always printed.
            let stdout = result.unwrap_or_else(|_| bytes.clone());
            Printed { messages, stdout, summary: Vec::new(), status: ExitStatus::Error }
        }
    })
}

struct Done {
    inventory: Inventory,
    outcome: Outcome,
    warnings: Vec<Diagnostic>,
}

/// The errors, and what was read before them.
struct Refused {
    inventory: Inventory,
    errors: Vec<Diagnostic>,
}

struct FunctionWork<'w> {
    flags: &'w Function,
    list: &'w ResourceList<'w>,
    terminal: &'w Terminal,
}

impl FunctionWork<'_> {
    fn plan(&self, inputs: &mut Session) -> Result<Done, Refused> {
        let early = |errors: Vec<Diagnostic>| Refused { inventory: Inventory::default(), errors };
        let map = self.list.account_map().transpose().map_err(early)?;
        let configured = if map.is_some() { None } else { self.configured().map_err(|error| early(vec![error]))? };
        let flags = configured.as_ref().unwrap_or(self.flags);
        let explain = self.terminal.explains();
        let named = map.as_ref().map(|map| NamedMap { map, name: CONFIG });
        let mut request = request(&flags.target, &flags.select, &flags.identity, named, explain).map_err(early)?;
        let specified = specified_target(&flags.target, named).map_err(|error| early(vec![error]))?;
        let path = flags.identity.identity_file.as_ref();
        let path = path.map(|path| Setting::flag("--identity-file", inputs.shown(path)));
        let of_map = map.as_ref().and_then(|map| map.identity_file.as_ref());
        let of_map = of_map.map(|file| Setting::map(file.value.clone(), self.list.place(file.span)));
        // A path in the package is not a path on this machine, so the flag overrides the map.
        let file = path.or(of_map);
        request.identity_file = file.and_then(|file| Some(file.with(self.list.identity_file(&file.value)?)));
        let needles = capa::needles();
        let scan = input::scan(&needles, false, flags.topology.topology_variable.as_ref());
        let (inventory, mut warnings) = inputs.scan(&scan).map_err(early)?;
        let (inventory, of_skipped) = self.counted(&inventory, &request).map_err(early)?;
        warnings.extend(of_skipped);
        let inventory = input::placed(inventory, flags.select.default_namespace.as_deref());
        let mut evidence = Evidence::default();
        if let Some(path) = &self.flags.target.live {
            if path.as_os_str().is_empty() {
                let error = Diagnostic::error("fn reads no management cluster; --live=FILE reads a dump of one");
                return Err(early(vec![error.help(format!("{DUMP} > live.yaml"))]));
            }
            let source = LiveSource::Dump(path);
            let (live, warning) = live::read(source, &scan, &inventory).map_err(|error| early(vec![error]))?;
            evidence.live = Some(live);
            warnings.extend(warning);
        }
        match self.outcome(&inventory, &request, map.as_ref(), &evidence, &specified) {
            Ok(outcome) => {
                warnings.extend(outcome.warnings.iter().cloned());
                Ok(Done { inventory, outcome, warnings })
            }
            // A package without clusters is not an error. But a selection that matches nothing may be a typing error.
            Err(Failure::EmptySelection(nothing)) => {
                if let EmptySelection::NoneSelected(titles) = nothing {
                    let error = none_selected(&flags.select, &titles);
                    warnings.push(Diagnostic { severity: Severity::Warning, ..error });
                }
                Ok(Done { inventory, outcome: Outcome::default(), warnings })
            }
            Err(Failure::Refused(errors)) => Err(Refused { inventory, errors }),
        }
    }

    /// The objects to work on, and notes about the skipped ones: kustomize patches, and objects without a name.
    fn counted(
        &self,
        inventory: &Inventory,
        request: &InjectRequest,
    ) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
        let inventory = self.list.by_file(inventory);
        let (builds, mut notes) = self.list.builds(&inventory);
        let identity_file = match request.identity_file.as_ref().map(|file| &file.value) {
            Some(IdentityFile::Existing(file)) => self.list.path(*file).map(str::to_owned),
            Some(IdentityFile::New(path)) => Some(path.to_string_lossy().into_owned()),
            None => None,
        };
        if let Some(error) = identity_file.and_then(|path| refused_identity_file(&path, builds.patch(&path))) {
            return Err(vec![error]);
        }
        let (inventory, more) = builds.place(inventory, |_| false);
        notes.extend(more);
        let (inventory, nameless) = inventory.without_nameless();
        notes.extend(nameless);
        Ok((inventory, notes))
    }

    fn outcome(
        &self,
        inventory: &Inventory,
        request: &InjectRequest,
        map: Option<&AccountMap>,
        evidence: &Evidence,
        specified: &SpecifiedTarget,
    ) -> Result<Outcome, Failure> {
        let Some(map) = map else {
            return inject::propose(inventory, request)?.judge(inventory, request, evidence, Unasked::Refused, None);
        };
        let place = |span| self.list.place(span);
        let file = |file| self.list.file_place(file);
        let mapped = Mapped {
            name: CONFIG,
            map,
            place: &place,
            file: &file,
            without_path: NO_PATH,
            ways_out: WAYS_OUT,
            allow_unmapped: false,
        };
        let proposal = inject::propose_mapped(inventory, request, &mapped, specified)?;
        proposal.judge(inventory, request, evidence, Unasked::Refused, Some(&mapped))
    }

    /// The flags that the functionConfig sets, if it sets any.
    fn configured(&self) -> Result<Option<Function>, Diagnostic> {
        let data = self.list.instructions()?;
        if data.is_empty() {
            return Ok(None);
        }
        if self.flags.specified {
            let keys: Vec<&str> = data.iter().map(|(key, _)| key.as_str()).collect();
            return Err(Diagnostic::error(format!(
                "flags are set both on the command line and in functionConfig ({})",
                keys.join(", ")
            ))
            .help("set all of them in one place"));
        }
        let parsed = Function::from_data(&data);
        parsed.map(Some).map_err(|why| Diagnostic::error(format!("functionConfig: {why}")))
    }
}

/// The new content, proved.
fn prove(bytes: &[u8], plan: &Plan) -> Result<Vec<u8>, Diagnostic> {
    let edited = session::prove_text(bytes, plan).map_err(|error| error.in_file(FileId(0), None))?;
    session::content(&edited, bytes)
}
