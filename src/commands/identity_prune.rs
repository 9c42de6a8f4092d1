//! `kubectl xaccount identity --prune`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xaccount::capa;
use xaccount::diag::{Diagnostic, FileId};
use xaccount::eject::{self, EjectRequest, NamespaceSearch, PruneScope, RemovedAccess, UnusedNamespaces};
use xaccount::files::Input;
use xaccount::inject::{self, NeededIdentity};
use xaccount::inventory::{Builds, Inventory, ObjectId, Scan};
use xaccount::plan::{IdentityFile, Outcome, Selection};
use xaccount::session::Session;
use xaccount::usages;

use super::edit::{Attempt, Delivery, Mode, content_of, unless_outrun};
use super::input::{self, counted};
use super::live::LiveSource;
use super::map_file::MapFile;
use super::owners::with_owners;
use super::prune::{UserSearch, emptied, generated, refuse_live};
use super::request::identity_file;
use super::{CommandError, Messages, Printed, Terminal, map_tree, progress};
use crate::cli::{Identity, OutputFormat};
use crate::output::Wording;

/// What a run works on.
struct PreparedPrune {
    map: MapFile,
    session: Session,
    /// The identity file.
    file: FileId,
    path: PathBuf,
    /// Warnings about what is not read below the map.
    warnings: Vec<Diagnostic>,
}

pub(crate) fn attempt(args: &Identity, mode: Mode, terminal: &Terminal) -> Attempt {
    let PreparedPrune { map, mut session, file, path, warnings } = match prepare(args, terminal) {
        Ok(prepared) => prepared,
        Err(error) => return Attempt::Done(Err(error)),
    };
    let needles = capa::needles();
    let scan = input::scan(&needles, args.target.skip_templates, None);
    let scanned = session.scan(&scan);
    let session = Rc::new(session);
    let work = PruneWork { args, map: &map, session: &session, scan: &scan, file, path: &path };
    let result = scanned
        .map_err(|errors| CommandError::about(&session, errors))
        .and_then(|(inventory, more)| work.answer(inventory, [warnings, more].concat(), mode, terminal));
    unless_outrun(result, mode, &session, Some(&IdentityFile::Existing(file)))
}

fn prepare(args: &Identity, terminal: &Terminal) -> Result<PreparedPrune, CommandError> {
    let flag = args.identity.identity_file.as_deref();
    let Some(map) = MapFile::find_near(&args.config, flag, terminal)? else {
        let error = Diagnostic::error("--prune needs an account map: it says which clusters need an identity");
        return Err(error
            .help("run it below a directory with a .xaccount.yaml, or pass --config FILE")
            .help("without a map: kubectl xaccount eject clusters/ -R --prune")
            .into());
    };
    let Some(file) = identity_file(flag, Some(&map))? else {
        let error = Diagnostic::error("no identity file: the account map does not set identityFile");
        return Err(error.help("set identityFile in the map, or pass --identity-file FILE").into());
    };
    let path = file.value;
    if !path.exists() {
        let error = Diagnostic::error(format!("the identity file {} does not exist", path.display()));
        return Err(error.help("there is nothing to prune before inject or identity --write creates it").into());
    }
    let (found, warnings) = map_tree::inputs(&map)?;
    // A dump of the management cluster is not a manifest, even next to the manifests.
    let dump = args.unused.prune.live.as_ref().and_then(|dump| dump.canonicalize().ok());
    let is_dump = |input: &Input| dump.is_some() && input.path().and_then(|path| path.canonicalize().ok()) == dump;
    let found = found.into_iter().filter(|input| !is_dump(input)).collect();
    let session = Session::new(found, &mut std::io::empty(), None, Some(&path), progress::show)?;
    let Some(file) = session.find(&path) else {
        return Err(Diagnostic::error(format!("{} is not a file", path.display())).into());
    };
    Ok(PreparedPrune { map, session, file, path, warnings })
}

/// All that a plan depends on.
struct PruneWork<'w> {
    args: &'w Identity,
    map: &'w MapFile,
    session: &'w Rc<Session>,
    scan: &'w Scan<'w>,
    file: FileId,
    path: &'w Path,
}

impl PruneWork<'_> {
    fn answer(
        &self,
        inventory: Inventory,
        mut warnings: Vec<Diagnostic>,
        mode: Mode,
        terminal: &Terminal,
    ) -> Result<Printed, CommandError> {
        let about = |errors: Vec<Diagnostic>| CommandError::about(self.session, errors);
        input::refuse_array(self.session, Some(&IdentityFile::Existing(self.file)))
            .map_err(|error| about(vec![error]))?;
        let (inventory, of_skipped, kustomizations) =
            counted(self.session, inventory, Some(self.path)).map_err(|error| about(vec![error]))?;
        warnings.extend(of_skipped);
        let inventory = input::placed(inventory, self.args.unused.default_namespace.as_deref());
        let builds = &kustomizations.builds;
        let all = Selection::default();
        let inventory = with_owners(inventory, self.session, &all, Some(self.map), builds, true);
        let (outcome, more) = self.outcome(&inventory, builds, terminal).map_err(about)?;
        warnings.extend(outcome.warnings.iter().cloned().chain(more));
        warnings.extend(emptied(self.session, &outcome, builds));
        let mut messages = Messages::default();
        messages.about(self.session, warnings);
        messages.note(self.map.used());
        outcome.decisions.iter().for_each(|line| messages.note(line));
        if mode == Mode::Output(OutputFormat::Yaml) {
            return Ok(Printed {
                messages,
                ..Printed::of(content_of(self.session, &outcome, self.file).map_err(about)?)
            });
        }
        let (session, inventory, wording) = (self.session, &inventory, &Wording::PRUNE);
        let delivery = Delivery { mode, session, inventory, outcome: &outcome, terminal, wording };
        let printed = delivery.run(messages, self.session)?;
        Ok(match outcome.changes.is_empty() {
            true => Printed { summary: vec![format!("nothing to prune in {}", session.name(self.file))], ..printed },
            false => printed,
        })
    }

    /// The plan, and warnings about what is kept.
    fn outcome(
        &self,
        inventory: &Inventory,
        builds: &Builds,
        terminal: &Terminal,
    ) -> Result<(Outcome, Vec<Diagnostic>), Vec<Diagnostic>> {
        let needed = self.needed(inventory)?;
        let mut request = EjectRequest {
            identity_names: self.args.identity.identity_name.iter().cloned().collect(),
            prune: true,
            generated: generated(Some(self.map))?,
            has_dump: self.args.unused.prune.live.is_some(),
            explain: terminal.explains(),
            ..EjectRequest::default()
        };
        let search = UserSearch::new(Some(self.map), self.args.unused.prune.live.as_deref());
        search.limit(&mut request, inventory, self.session, builds);
        let scope = PruneScope { file: self.file, needed: reasons(&needed) };
        let draft = eject::prune(inventory, &request, scope)?;
        let possible = self.possibly_needed(inventory)?;
        let mut outcome = draft.finish(|draft| {
            let mut named = usages::named(self.session, inventory, draft, search.limits());
            let name = |index: ObjectId| inventory[index].object.name.as_ref();
            let why = |index: ObjectId| Some((index, possible.get(name(index)?)?.clone()));
            named.extend(draft.undecided().filter_map(why));
            named
        });
        let mut warnings = Vec::new();
        let mut removed = RemovedAccess::of(inventory, &outcome);
        if request.identity_names.is_empty() {
            let kept = KeptNamespaces { search: &search, request: &request, possible: &possible };
            let (unused, more) = self.unused_namespaces(inventory, &outcome, &needed, &kept);
            warnings.extend(more);
            removed.extend(unused.iter().map(|one| one.access(inventory)));
            let is_unchecked = !unused.is_empty() && !request.has_dump;
            warnings.extend(is_unchecked.then(eject::order_of_namespaces));
            unused.iter().for_each(|one| one.add_to(inventory, &mut outcome));
        }
        let unused = &self.args.unused.prune;
        if let Some(source) = LiveSource::of(unused.live.as_deref(), &unused.cluster).map_err(|error| vec![error])? {
            refuse_live(source, self.scan, inventory, &removed)?;
        }
        Ok((outcome, warnings))
    }

    /// The identities that clusters need by the map.
    fn needed(&self, inventory: &Inventory) -> Result<Vec<NeededIdentity>, Vec<Diagnostic>> {
        self.map.with_mapped(Some(self.session), true, |mapped| inject::needed(inventory, mapped))
    }

    /// Why clusters may need identities once their placeholders are filled in, by the names of the identities.
    fn possibly_needed(&self, inventory: &Inventory) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
        let possible =
            self.map.with_mapped(Some(self.session), true, |mapped| inject::possibly_needed(inventory, mapped))?;
        let why = |(name, index): (String, ObjectId)| {
            let found = &inventory[index];
            let (title, place) = (found.title(), inventory.place(found));
            (
                name,
                format!("{title} ({place}) has a placeholder in its name or namespace, and may belong to the account"),
            )
        };
        Ok(possible.into_iter().map(why).collect())
    }

    /// The namespaces to remove from identities that stay, and warnings about those that are kept.
    fn unused_namespaces(
        &self,
        inventory: &Inventory,
        outcome: &Outcome,
        needed: &[NeededIdentity],
        keep: &KeptNamespaces<'_>,
    ) -> (Vec<UnusedNamespaces>, Vec<Diagnostic>) {
        let removed: BTreeSet<ObjectId> = outcome.changes.iter().filter_map(|change| change.object).collect();
        let is_removed = |index: ObjectId| removed.contains(&index);
        let generated = &keep.request.generated;
        let mut search = NamespaceSearch { file: self.file, generated, needed, elsewhere: None };
        let (unused, warnings) = eject::unused_namespaces(inventory, search, is_removed);
        if unused.is_empty() && warnings.is_empty() {
            return (unused, warnings);
        }
        let elsewhere = Elsewhere::read(self, keep.search);
        search.elsewhere = elsewhere.as_ref().ok().map(|elsewhere| &elsewhere.inventory);
        let (unused, mut warnings) = eject::unused_namespaces(inventory, search, is_removed);
        let unknown = self.unknown_users(inventory, &unused, elsewhere.as_ref().map_err(String::as_str), keep);
        let mut kept = |identity: ObjectId, why: &str| {
            warnings.push(eject::kept(inventory, &inventory[identity], why));
        };
        let possible = |mut one: UnusedNamespaces| {
            if let Some(why) = one.chain.iter().find_map(|name| unknown.get(name)) {
                kept(one.identity, why);
                return None;
            }
            if self.refusal(inventory, &one).is_some() {
                let (identity, whole) = (one.identity, one.clone());
                one.names.retain(|name| {
                    let alone = UnusedNamespaces { names: vec![name.clone()], ..whole.clone() };
                    let why = self.refusal(inventory, &alone).map(|why| format!("{}: {why}", name.1));
                    why.as_deref().map(|why| kept(identity, why)).is_none()
                });
            }
            (!one.names.is_empty()).then_some(one)
        };
        let unused = unused.into_iter().filter_map(possible).collect();
        (unused, warnings)
    }

    /// Why it is not known which namespaces use identities, by their names.
    fn unknown_users(
        &self,
        inventory: &Inventory,
        unused: &[UnusedNamespaces],
        elsewhere: Result<&Elsewhere, &str>,
        keep: &KeptNamespaces<'_>,
    ) -> HashMap<String, String> {
        let names: BTreeSet<&str> = unused.iter().flat_map(|one| &one.chain).map(String::as_str).collect();
        let all = |why: &str| names.iter().map(|&name| (name.to_owned(), why.to_owned())).collect();
        if keep.request.untraced.contains(&self.file) {
            return all(eject::UNTRACED);
        }
        let limits = keep.search.limits();
        let mut unknown = match elsewhere {
            Ok(one) => usages::unknown_users(&one.session, &one.inventory, &names, limits),
            Err(why) => all(why),
        };
        // What is nearest is named first.
        unknown.extend(keep.possible.clone());
        unknown.extend(usages::unknown_users(self.session, inventory, &names, limits));
        unknown
    }

    /// Why namespaces can't be removed with certainty: a comment in their lines would be lost, for example.
    fn refusal(&self, inventory: &Inventory, unused: &UnusedNamespaces) -> Option<String> {
        let refused = self.session.prove([(&self.file, &unused.plan(inventory))], |_, _, _| Ok(())).err()?;
        refused.into_iter().next().map(|error| error.message)
    }
}

/// What decides whether namespaces are kept that no known cluster needs.
struct KeptNamespaces<'k> {
    search: &'k UserSearch<'k>,
    request: &'k EjectRequest,
    /// Why clusters may need identities, by their names.
    possible: &'k BTreeMap<String, String>,
}

/// The manifests that the map is not about, and that may use its identities all the same: the rest of the Git work tree.
struct Elsewhere {
    session: Session,
    inventory: Inventory,
}

impl Elsewhere {
    /// Reads them. What can't be read is found later, as a text that may mention an identity. The error is why not all of
    /// them are known.
    fn read(work: &PruneWork<'_>, search: &UserSearch<'_>) -> Result<Self, String> {
        let found = usages::around(work.session, work.file, search.limits())?;
        let message = |error: Diagnostic| format!("other files may reference it: {}", error.message);
        let session = Session::new(found, &mut std::io::empty(), None, None, progress::show);
        let mut session = session.map_err(message)?;
        let (inventory, _, _) = session.scan_readable(work.scan);
        let (inventory, _, _) = counted(&session, inventory, None).map_err(message)?;
        Ok(Self { session, inventory: input::placed(inventory, work.args.unused.default_namespace.as_deref()) })
    }
}

/// The names of the identities that are needed, and why.
fn reasons(needed: &[NeededIdentity]) -> BTreeMap<String, String> {
    let names = needed.iter().flat_map(|one| [Some(&one.name), one.source.as_ref()]).flatten();
    names.map(|name| (name.clone(), "clusters of the account map need it".to_owned())).collect()
}
