//! The names in the manifests of an unfinished command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use clap::builder::OsStringValueParser;
use clap::{ArgMatches, Command};

use crate::cli::{self, ConfigArgs};
use crate::commands::Terminal;
use crate::commands::map_file::MapFile;
use xaccount::aws::RoleArn;
use xaccount::capa::{self, IdentityKind, ObjectKind};
use xaccount::diag::FileId;
use xaccount::files::{self, Input};
use xaccount::inventory::{self, Inventory, Scan};

/// How much is read for one key press: these many bytes of these many files.
const BYTES: u64 = 32 << 20;
const FILES: usize = 2000;

/// The limit for endless directories and file systems that do not answer. What was found until then is offered.
const LONGEST: Duration = Duration::from_secs(5);

/// The manifests of a command line, read when the first value from them is needed. Errors are ignored.
#[derive(Clone)]
pub(super) struct ManifestNames {
    words: Arc<[OsString]>,
    inventory: Arc<OnceLock<Inventory>>,
}

impl ManifestNames {
    /// The words before the one that is being typed, without the program's name.
    pub(super) fn new(words: &[OsString]) -> Self {
        Self { words: words.into(), inventory: Arc::default() }
    }

    fn run(&self) -> &Inventory {
        self.inventory.get_or_init(|| {
            let Some(matches) = self.matches() else { return Inventory::default() };
            let paths = ["paths", "filenames", "identity_file"].into_iter().flat_map(|id| values(&matches, id));
            let recursive = matches.try_get_one::<bool>("recursive").ok().flatten().copied().unwrap_or_default();
            read(paths.map(PathBuf::from).collect(), recursive)
        })
    }

    /// The verb's arguments, as far as they can be parsed. Their values are not checked.
    fn matches(&self) -> Option<ArgMatches> {
        let command = lenient(cli::whole()).no_binary_name(true).disable_version_flag(true);
        let mut matches = command.try_get_matches_from(self.words.iter()).ok()?;
        while let Some((_, verb)) = matches.remove_subcommand() {
            matches = verb;
        }
        Some(matches)
    }

    /// A flag's value on the command line.
    pub(super) fn given(&self, id: &str) -> Option<String> {
        let value = values(&self.matches()?, id).next()?;
        value.into_string().ok()
    }

    /// Names of identities of a kind.
    pub(super) fn identities(&self, kind: IdentityKind) -> Vec<String> {
        let is = |role: &ObjectKind| match kind {
            IdentityKind::Role => matches!(role, ObjectKind::Identity(..)),
            IdentityKind::Controller => matches!(role, ObjectKind::Controller(_)),
            IdentityKind::Static => matches!(role, ObjectKind::Static(..)),
        };
        let objects = self.run().objects().iter().filter(|found| is(&found.object.object_kind));
        objects.filter_map(|found| found.object.name.clone()).collect()
    }

    /// The role ARNs of identities, each with its identity's name.
    pub(super) fn roles(&self) -> Vec<(RoleArn, String)> {
        let objects = self.run().objects().iter();
        objects
            .filter_map(|found| match &found.object.object_kind {
                ObjectKind::Identity(identity, _) => {
                    Some((identity.role_arn.text()?.parse().ok()?, found.object.name.clone()?))
                }
                _ => None,
            })
            .collect()
    }

    /// The account map above the manifests, or above the working directory; none where it can't be read.
    fn map(&self) -> Option<MapFile> {
        let matches = self.matches()?;
        let config = ConfigArgs {
            config: values(&matches, "config").next().map(PathBuf::from),
            no_config: matches.try_get_one::<bool>("no_config").ok().flatten().copied().unwrap_or_default(),
        };
        let mut paths: Vec<PathBuf> =
            ["paths", "filenames"].iter().flat_map(|id| values(&matches, id)).map(PathBuf::from).collect();
        if paths.is_empty() {
            paths.push(PathBuf::from("."));
        }
        MapFile::find(&config, &paths, &Terminal::plain()).ok().flatten()
    }

    /// The accounts of the account map: id and name.
    pub(super) fn map_accounts(&self) -> Vec<(String, String)> {
        let map = self.map();
        let accounts = map.iter().flat_map(|map| &map.map.accounts);
        accounts.map(|one| (one.account.value.to_string(), one.name.value.clone())).collect()
    }

    /// The source account of the account map.
    pub(super) fn source_account(&self) -> Option<(String, String)> {
        let account = self.map()?.map.source.account?.value;
        Some((account.to_string(), "the source account of the account map".to_owned()))
    }

    /// The objects that can carry a reference: cluster, namespace, title.
    pub(super) fn clusters(&self) -> Vec<(Option<String>, Option<String>, String)> {
        let inventory = self.run();
        let referencing = inventory.objects().iter().filter(|found| found.object.references().next().is_some());
        referencing
            .map(|found| {
                (inventory.cluster_name(found).map(str::to_owned), found.object.namespace.clone(), found.title())
            })
            .collect()
    }

    /// The labels of the objects that can carry a reference, as `KEY=VALUE`.
    pub(super) fn labels(&self) -> Vec<String> {
        let referencing = self.run().objects().iter().filter(|found| found.object.references().next().is_some());
        referencing.flat_map(|found| found.object.labels.iter().map(|(key, value)| format!("{key}={value}"))).collect()
    }
}

/// The same command with values that are not looked at.
fn lenient(command: Command) -> Command {
    command
        .disable_help_flag(true)
        .ignore_errors(true)
        .mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.value_parser(OsStringValueParser::new()),
            false => arg,
        })
        .mut_subcommands(lenient)
}

fn values(matches: &ArgMatches, id: &str) -> impl Iterator<Item = OsString> + use<> {
    let values = matches.try_get_many::<OsString>(id).ok().flatten();
    values.map(|values| values.cloned().collect::<Vec<_>>()).unwrap_or_default().into_iter()
}

/// Reads regular files as far as the bounds go. Those that can't be read or parsed are skipped.
fn read(paths: Vec<PathBuf>, recursive: bool) -> Inventory {
    let until = Instant::now() + LONGEST;
    let (send, receive) = mpsc::channel();
    // It ends with the program, wherever it hangs.
    std::thread::spawn(move || {
        let needles = capa::needles();
        let options = Scan { needles: &needles, skip_templates: true, topology_variable: None, keep_going: false };
        let inputs = paths.into_iter().flat_map(|path| files::find(&[path], recursive).unwrap_or_default());
        let (mut next, mut left) = (0, BYTES);
        for input in inputs.take(FILES) {
            let Input::File(path) = input else { continue };
            let Ok(length) = std::fs::metadata(&path).map(|metadata| metadata.len()) else { continue };
            if length > left {
                continue;
            }
            left -= length;
            let Ok((bytes, _)) = files::read(&path) else { continue };
            let Ok(scanned) = inventory::scan(FileId(next), &bytes, &options) else { continue };
            let file = inventory::File {
                name: path.display().to_string(),
                is_json_for_kubectl: scanned.is_json_for_kubectl,
                json_list: scanned.json_list,
                identities_only: false,
            };
            if send.send((file, scanned.objects)).is_err() {
                return;
            }
            next += 1;
        }
    });
    let (mut files, mut objects) = (Vec::new(), Vec::new());
    while let Ok((file, found)) = receive.recv_timeout(until.saturating_duration_since(Instant::now())) {
        files.push(file);
        objects.extend(found);
    }
    Inventory::new(files, objects)
}
