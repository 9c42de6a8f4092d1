//! The manifests, the account map and the release for `iam target-permission`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use xaccount::account_map::Account;
use xaccount::aws::{AccountId, Partition, RoleArn};
use xaccount::capa::{DEFAULT_ROLE_NAME, ObjectKind, Release};
use xaccount::diag::{Diagnostic, FileId};
use xaccount::files::Input;
use xaccount::iam::target_permission::{FeatureGates, SubjectObject, Surroundings, Table, Uses, needles, table_of};
use xaccount::inventory::{Inventory, Resource};
use xaccount::session::Session;
use xaccount::status::{self, AccountSummary, Row};

use crate::cli::{AskedAccount, TargetPermission as Args};
use crate::commands::iam::manifests::USAGE;
use crate::commands::map_file::MapFile;
use crate::commands::request::account_id;
use crate::commands::{CommandError, Messages, Terminal, input};

/// What the manifests use, and the role.
pub(super) struct Target {
    pub(super) table: &'static Table,
    pub(super) uses: Uses,
    pub(super) surroundings: Surroundings,
    pub(super) partition: Partition,
    /// The roles that the clusters use, or that the map has for the account; empty if neither says.
    roles: BTreeSet<RoleArn>,
    /// `--role-name`, if it is not the default.
    asked_role: Option<String>,
    /// The manifests; `None` if none were specified.
    pub(super) session: Option<Rc<Session>>,
    pub(super) messages: Messages,
}

impl Target {
    /// Reads the manifests and what the flags specify about the role.
    ///
    /// # Errors
    /// A manifest can't be read, or an account that no cluster is in.
    pub(super) fn read(args: &Args, terminal: &Terminal) -> Result<Self, CommandError> {
        let found = find(args, terminal)?;
        let map = MapFile::find(&args.config, &search_paths(found.as_deref()), terminal)?;
        let release = match (args.capa_version, &map) {
            (Some(release), _) => Some(release),
            (None, Some(map)) => map.release()?,
            (None, None) => None,
        };
        let (table, _) = table_of(release);
        let mut messages = Messages::default();
        messages.plain(about_release(release, table).into_iter().collect());
        if let Some(map) = &map {
            messages.note(map.used());
        }
        let named = map.as_ref().map(MapFile::named);
        let account = args.account.as_ref().map(|asked| account_id("--account", asked, named)).transpose()?;
        let mut target = Self {
            table,
            uses: Uses::default(),
            surroundings: Surroundings { account, ..Surroundings::default() },
            partition: args.partition.unwrap_or(Partition::Aws),
            roles: BTreeSet::new(),
            asked_role: (args.role_name != DEFAULT_ROLE_NAME).then(|| args.role_name.clone()),
            session: None,
            messages,
        };
        if let Some(found) = found {
            let identity_file = map.as_ref().and_then(MapFile::identity_file).filter(|path| path.exists());
            target.read_manifests(found, args, identity_file.as_deref(), release)?;
        }
        target.role_of_map(args, map.as_ref());
        target.complete(args)?;
        Ok(target)
    }

    /// The role that the map has for the account, if the manifests name none.
    fn role_of_map(&mut self, args: &Args, map: Option<&MapFile>) {
        let (Some(map), Some(account)) = (map, self.surroundings.account.clone()) else { return };
        if !self.roles.is_empty() {
            return;
        }
        let name = match &args.account {
            Some(AskedAccount::Name(name)) => Some(name),
            _ => None,
        };
        let is_it =
            |entry: &&Account| entry.account.value == account && name.is_none_or(|name| entry.name.value == *name);
        let entries = map.map.accounts.iter().filter(is_it);
        self.roles = entries.filter_map(|entry| entry.role(args.partition.unwrap_or(map.partition(entry)))).collect();
    }

    /// The name of the role that gets the policy.
    ///
    /// # Errors
    /// There are several roles, or the flag names another one.
    pub(super) fn role_name(&self) -> Result<&str, Diagnostic> {
        let mut roles = self.roles.iter();
        match (roles.next(), roles.next(), self.asked_role.as_deref()) {
            (None, _, asked) => Ok(asked.unwrap_or(DEFAULT_ROLE_NAME)),
            (Some(role), None, asked)
                if asked.is_none_or(|asked| asked == role.path_and_name() || asked == role.name()) =>
            {
                Ok(role.name())
            }
            (Some(role), None, Some(asked)) => {
                let error = format!("the clusters use the role {role}, but --role-name is {asked}");
                Err(Diagnostic::error(error).help("omit --role-name, or pass the manifests of that role's clusters"))
            }
            _ => {
                let roles: Vec<&str> = self.roles.iter().map(RoleArn::as_str).collect();
                let error = format!("the clusters use several roles: {}", roles.join(", "));
                Err(Diagnostic::error(error)
                    .help("pick those of one account with --account, or print the JSON document"))
            }
        }
    }

    fn read_manifests(
        &mut self,
        found: Vec<Input>,
        args: &Args,
        identity_file: Option<&Path>,
        release: Option<Release>,
    ) -> Result<(), CommandError> {
        let mut session = input::open(found, &args.manifests.input, identity_file, None)?;
        let needles = needles();
        let scanned = session.scan(&input::scan(&needles, args.manifests.skip_templates, None));
        let session = Rc::new(session);
        let (inventory, warnings) = scanned.map_err(|errors| CommandError::about(&session, errors))?;
        self.messages.about(&session, warnings);
        let rows = status::status(&inventory, &status::Options { release }).rows;
        let skipped = self.skipped(&rows, &inventory)?;
        let gates = FeatureGates(args.feature_gates.iter().cloned().collect());
        let keep = |object: SubjectObject<'_>| !skipped.iter().any(|cluster| cluster.has(object));
        let mut errors = Vec::new();
        for file in session.named() {
            let bytes = session.bytes(file)?;
            errors.extend(self.uses.read((file, &bytes), self.table, &gates, &keep).err());
        }
        if !errors.is_empty() {
            return Err(CommandError::about(&session, errors));
        }
        if inventory.objects().is_empty() && self.uses.reasons.is_empty() && self.uses.rosa.is_empty() {
            let error = Diagnostic::error("no object of Cluster API Provider AWS in the manifests");
            return Err(error.help("pass the manifests of the clusters: -f clusters/ -R").into());
        }
        self.uses.assume_machines();
        let topology =
            inventory.objects().iter().find(|found| has_topology(found) && !skipped.iter().any(|one| one.is(found)));
        let topology = topology.filter(|_| !self.uses.has_cluster_template);
        self.check_kinds(args, &session, topology.map(|found| (found.title(), inventory.place(found))))?;
        self.session = Some(session);
        Ok(())
    }

    /// The clusters that are not in the account of `--account`. Completes the account and the role if all clusters have the
    /// same.
    ///
    /// # Errors
    /// No cluster is in the account.
    fn skipped(&mut self, rows: &[Row], inventory: &Inventory) -> Result<Vec<SkippedCluster>, Diagnostic> {
        let of = |row: &Row| row.account.id().cloned();
        let known: BTreeSet<AccountId> = rows.iter().filter_map(of).collect();
        let asked = self.surroundings.account.clone();
        // A template can be of clusters in several accounts.
        let may_be = |row: &&Row| match (&asked, &row.account) {
            _ if row.template => true,
            (Some(asked), AccountSummary::Known(id)) => id == asked,
            (Some(_), AccountSummary::Management) => false,
            _ => true,
        };
        let (kept, skipped): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(may_be);
        if let Some(asked) = asked.filter(|_| kept.is_empty() && !rows.is_empty()) {
            let accounts: Vec<&str> = known.iter().map(AccountId::as_str).collect();
            let error = Diagnostic::error(format!("no cluster in the manifests is in account {asked} (--account)"));
            return Err(match accounts.is_empty() {
                true => error.help("point the clusters at it first: kubectl xaccount inject"),
                false => error.help(format!("they are in {}", accounts.join(", "))),
            });
        }
        if self.surroundings.account.is_none() {
            let mut accounts = known.into_iter();
            match (accounts.next(), accounts.len()) {
                (account, 0) => self.surroundings.account = account,
                (Some(first), more) => {
                    let warning =
                        format!("the manifests have clusters in {} accounts, and all of them count", more + 1);
                    let help = format!("--account {first} picks those of one account, and so of one role");
                    self.messages.plain(vec![Diagnostic::warning(warning).help(help)]);
                }
                (None, _) => {}
            }
        }
        let roles = kept.iter().filter_map(|row| row.verdict.chain.first().and_then(|hop| hop.role_arn));
        self.roles = roles.filter_map(|role| role.parse().ok()).collect();
        let cluster = |row: &&Row| SkippedCluster {
            kind: inventory[row.object].object.kind.clone(),
            namespace: inventory[row.object].object.namespace.clone(),
            name: row.name.clone(),
            cluster: row.cluster.clone(),
        };
        Ok(skipped.iter().map(cluster).collect())
    }

    /// The role, if there is one, and the partition.
    ///
    /// # Errors
    /// The flag contradicts the role.
    fn complete(&mut self, args: &Args) -> Result<(), Diagnostic> {
        let role = self.roles.first().filter(|_| self.roles.len() == 1);
        if let (Some(role), Some(asked)) =
            (role, args.partition.filter(|asked| Some(*asked) != role.map(RoleArn::partition)))
        {
            let error = format!("the role {role} is not in the partition {asked} (--partition)");
            return Err(Diagnostic::error(error).help("omit --partition"));
        }
        self.surroundings.role = role.map(|role| role.as_str().to_owned());
        let of_role = || role.map(RoleArn::partition);
        let regions: BTreeSet<Partition> =
            self.uses.regions.iter().filter_map(|region| Partition::of_region(region.as_deref()?)).collect();
        let of_regions = || regions.first().copied().filter(|_| regions.len() == 1);
        self.partition = args.partition.or_else(of_role).or_else(of_regions).unwrap_or(Partition::Aws);
        self.surroundings.partition = Some(self.partition);
        Ok(())
    }

    /// Refuses or reports kinds that the tables don't know, or whose features are elsewhere. `topology`: a Cluster whose class
    /// has no template in the files, and its place.
    fn check_kinds(
        &mut self,
        args: &Args,
        session: &Rc<Session>,
        topology: Option<(String, String)>,
    ) -> Result<(), CommandError> {
        let at = |&(file, line, _): &(FileId, usize, String)| place(session, file, line);
        let is_check = !args.have.is_empty();
        if let Some(rosa) = self.uses.rosa.first() {
            let message = format!("{} ({}): the calls of ROSA are not known here", rosa.2, at(rosa));
            let help = "Red Hat documents the permissions of ROSA; omit the files with ROSA kinds";
            match is_check {
                true => return Err(Diagnostic::error(message).help(help).into()),
                false => self.messages.plain(vec![Diagnostic::warning(message).help(help)]),
            }
        }
        if let Some((title, at)) = topology {
            let message = format!("{title} ({at}): its class decides what CAPA calls, and it is not in the files");
            let help = "pass the templates of its ClusterClass, too: AWSClusterTemplate, AWSMachineTemplate, …";
            match is_check {
                true => return Err(Diagnostic::error(message).help(help).into()),
                false => self.messages.plain(vec![Diagnostic::warning(message).help(help)]),
            }
        } else if self.uses.clusters == 0 && is_check {
            let error = Diagnostic::error("no AWSCluster or AWSManagedControlPlane in the manifests");
            return Err(error.help("pass the manifests of the clusters: -f clusters/ -R").into());
        }
        if let Some(volume) = self.uses.volume_keys.first() {
            let message = format!("{} ({}) encrypts a volume with a KMS key of yours", volume.2, at(volume));
            self.messages.plain(vec![
                Diagnostic::note(message)
                    .help("the key's policy decides whether the role may use it, and is not looked at here"),
            ]);
        }
        Ok(())
    }
}

/// A cluster that does not count.
struct SkippedCluster {
    kind: String,
    namespace: Option<String>,
    name: String,
    cluster: String,
}

impl SkippedCluster {
    /// Whether an object is the cluster.
    fn is(&self, found: &Resource) -> bool {
        self.kind == found.object.kind
            && self.namespace == found.object.namespace
            && found.object.name.as_ref() == Some(&self.name)
    }

    /// Whether an object is the cluster, or has its label.
    fn has(&self, object: SubjectObject<'_>) -> bool {
        let same_namespace = self.namespace.as_deref() == object.namespace;
        let is_it = self.kind == object.kind && self.name == object.name;
        same_namespace && (is_it || object.cluster == Some(&self.cluster))
    }
}

/// Whether an object is a Cluster with a class that may be of AWS.
fn has_topology(found: &Resource) -> bool {
    matches!(
        &found.object.object_kind,
        ObjectKind::Cluster { topology: Some(_), references, unclear, .. } if *unclear || !references.is_empty()
    )
}

/// The manifests that the arguments name; `None` without any.
fn find(args: &Args, terminal: &Terminal) -> Result<Option<Vec<Input>>, Diagnostic> {
    let manifests = &args.manifests.input;
    input::refuse_build(manifests, &USAGE)?;
    let paths = input::paths(manifests);
    if paths.is_empty() {
        return match args.have.is_empty() {
            true => Ok(None),
            false => Err(Diagnostic::error("--have needs the manifests of the clusters")
                .help("they decide what CAPA calls: add -f clusters/ -R")),
        };
    }
    input::note_unread(manifests, terminal);
    let found = input::find_paths(&paths, manifests.recursive, &USAGE)?;
    let streams = args.have.iter().chain(&args.merge).filter(|path| *path == Path::new("-")).count();
    if streams + usize::from(found.contains(&Input::Stdin)) > 1 {
        return Err(Diagnostic::error("standard input can't be two of the inputs").help("save one of them to a file"));
    }
    Ok(Some(found))
}

/// The paths above which the account map is looked for: the manifests, else the working directory.
fn search_paths(found: Option<&[Input]>) -> Vec<PathBuf> {
    let path = |input: &Input| input.path().map_or_else(|| PathBuf::from("-"), Path::to_owned);
    let paths: Vec<PathBuf> = found.unwrap_or_default().iter().map(path).collect();
    if paths.is_empty() { vec![PathBuf::from("-")] } else { paths }
}

/// What there is to say about the release and the table.
fn about_release(release: Option<Release>, table: &Table) -> Option<Diagnostic> {
    let release = release?;
    if table_of(Some(release)).1.is_some() {
        let message =
            format!("CAPA {release} is newer than the newest known release, {}: it may call more", table.release);
        return Some(Diagnostic::warning(message).help("upgrade kubectl-xaccount for its own table"));
    }
    let known: Option<Release> = table.release.parse().ok();
    known.filter(|known| *known > release).map(|_| {
        let message = format!("the calls are those of CAPA {}; {release} makes fewer", table.release);
        Diagnostic::note(message)
    })
}

/// A place for people: `clusters/a.yaml:14`.
pub(super) fn place(session: &Session, file: FileId, line: usize) -> String {
    format!("{}:{line}", session.name(file))
}
