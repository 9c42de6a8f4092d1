//! `kubectl xaccount map which`.

use std::path::PathBuf;

use serde_json::{Value, json};

use xaccount::account_map::{Account, Assigned, Cluster, Place, entry_of};
use xaccount::diag::{Diagnostic, Span, escape_control};
use xaccount::inventory::{Inventory, ObjectId};
use xaccount::session::Session;

use crate::cli::{DataFormat, MapWhich};
use crate::commands::input::{self, Usage};
use crate::commands::map_file::{self, MapFile};
use crate::commands::map_tree::Readable;
use crate::commands::{CommandError, Messages, Printed, Terminal, map_tree};
use crate::output;

const USAGE: Usage = Usage { verb: "map which", flags: "", edits: false, reads_kustomizations: false, prints: "" };

/// What to do if an entry matches files by path, and no file is known.
const NO_PATH: &str = "pass --path FILE, the file that the cluster will be in";

pub(crate) fn run(args: &MapWhich, terminal: &Terminal) -> Result<Printed, CommandError> {
    let above = match args.filenames.is_empty() {
        true => vec![PathBuf::from("-")],
        false => args.filenames.clone(),
    };
    let Some(map) = MapFile::find(&args.config, &above, terminal)? else {
        let error = Diagnostic::error("no account map (.xaccount.yaml) above this directory");
        return Err(error.help("kubectl xaccount map init clusters/ -R > .xaccount.yaml").into());
    };
    let (inputs, mut warnings) = match args.filenames.is_empty() {
        true => map_tree::inputs(&map)?,
        false => (input::find_paths(&args.filenames, args.recursive, &USAGE)?, Vec::new()),
    };
    // A file that can't be read hides its clusters, and is a warning.
    let Readable { session, inventory, unread } = map_tree::readable(inputs, &map, args.default_namespace.as_deref())?;
    let work = WhichWork { args, session: &session, inventory: &inventory, map: &map };
    let answer = work.answer().map_err(|errors| CommandError::about(&session, errors))?;
    let mut messages = Messages::default();
    warnings.extend(unread.into_iter().map(|warning| warning.help("its clusters are not known here")));
    messages.plain(warnings);
    messages.note(map.used());
    messages.plain(answer.warning.into_iter().collect());
    let stdout = match args.output {
        None => answer.text.into_bytes(),
        Some(DataFormat::Json) => format!("{:#}\n", answer.data).into_bytes(),
        Some(DataFormat::Yaml) => output::yaml(&answer.data)?,
    };
    Ok(Printed { messages, ..Printed::of(stdout) })
}

struct WhichWork<'w> {
    args: &'w MapWhich,
    session: &'w Session,
    inventory: &'w Inventory,
    map: &'w MapFile,
}

struct WhichAnswer {
    text: String,
    data: Value,
    warning: Option<Diagnostic>,
}

impl WhichWork<'_> {
    fn answer(&self) -> Result<WhichAnswer, Vec<Diagnostic>> {
        let objects = self.objects();
        let (assigned, warning) = match objects.first() {
            Some(_) => (self.of_objects(&objects)?, None),
            None => self.of_name(),
        };
        let titles: Vec<String> = objects.iter().map(|&index| self.title(index)).collect();
        let map = &self.map.map;
        let (account, span) = match assigned {
            Assigned::To(index, span) => (Some(&map.accounts[index]), span),
            Assigned::Source(span) => (None, span),
            Assigned::Several(claims) => return Err(vec![self.several(&claims)]),
            Assigned::Unplaced(entries) => return Err(vec![self.unplaced(&entries)]),
            Assigned::Nobody => return Err(vec![self.nobody()]),
        };
        let place = self.map.place(span);
        let shown = match (account, &map.source.account) {
            (Some(account), _) => account.title(),
            (None, Some(source)) => format!("source ({})", source.value),
            (None, None) => "source".to_owned(),
        };
        let mut text = format!("{} -> {shown}\n", self.args.cluster);
        text.push_str(&format!("  matches {place}: {}\n", escape_control(&self.map.line(span))));
        for title in &titles {
            text.push_str(&format!("  {}\n", escape_control(title)));
        }
        Ok(WhichAnswer { text, data: self.data(account, &place, &titles), warning })
    }

    fn data(&self, account: Option<&Account>, place: &str, titles: &[String]) -> Value {
        let source = self.map.map.source.account.as_ref().map(|source| source.value.as_str());
        json!({
            "cluster": self.args.cluster,
            "account": account.map_or(source, |account| Some(account.account.value.as_str())),
            "name": account.map(|account| &account.name.value),
            "source": account.is_none(),
            "identity": account.and_then(|account| account.identity()).map(|identity| identity.to_string()),
            "roleARN": account.and_then(|account| account.role(self.map.partition(account))).map(|role| role.to_string()),
            "place": place,
            "objects": titles,
        })
    }

    /// The objects of the cluster that can carry a reference.
    fn objects(&self) -> Vec<ObjectId> {
        let (namespace, name) = self.cluster();
        let is_own = |index: &ObjectId| {
            let found = &self.inventory[*index];
            found.can_be_pointed()
                && !found.is_template()
                && self.inventory.cluster_name(found) == Some(name)
                && self.inventory.namespaces_of(found).contains(&namespace)
        };
        self.inventory.entries().map(|(index, _)| index).filter(is_own).collect()
    }

    fn title(&self, index: ObjectId) -> String {
        let found = &self.inventory[index];
        format!("{}  {}", found.title(), self.inventory.place(found))
    }

    fn cluster(&self) -> (&str, &str) {
        self.args.cluster.split_once('/').unwrap_or_default()
    }

    /// The assignment that all objects of the cluster have.
    fn of_objects(&self, objects: &[ObjectId]) -> Result<Assigned, Vec<Diagnostic>> {
        let mut all: Vec<Assigned> = self.map.with_mapped(Some(self.session), true, |mapped| {
            let assigned = objects.iter().map(|&index| mapped.assignment(self.inventory, index, self.cluster().0));
            assigned.collect::<Result<_, Diagnostic>>().map_err(|error| vec![error])
        })?;
        let account = |one: &Assigned| match one {
            Assigned::To(index, _) => Some(*index),
            _ => None,
        };
        if let Some(other) = all.iter().position(|one| account(one) != account(&all[0])) {
            let [first, other] = [0, other].map(|at| &self.inventory[objects[at]]);
            return Err(vec![
                Diagnostic::error(format!("the objects of {} match different accounts", self.args.cluster))
                    .at(first.head(), "")
                    .also(other.head(), "this one matches another account")
                    .help("match the cluster by its name or namespace in the map, not by paths"),
            ]);
        }
        Ok(all.swap_remove(0))
    }

    /// The assignment of a cluster that no manifest has.
    fn of_name(&self) -> (Assigned, Option<Diagnostic>) {
        let (namespace, name) = self.cluster();
        let place = match &self.args.path {
            Some(path) => {
                map_file::below(path, self.map.directory()).map_or(Place::Outside, |path| Place::below(&path))
            }
            None => Place::Unknown,
        };
        let cluster = Cluster { name: Some(name), namespace, place: &place, template: false };
        let warning = self.args.path.is_none().then(|| {
            Diagnostic::warning(format!(
                "no manifest here has {}: only its name and namespace are known",
                self.args.cluster
            ))
            .help("check the spelling; for a new cluster, pass --path FILE, the file that it will be in")
        });
        (self.map.map.assign(&cluster), warning)
    }

    fn several(&self, claims: &[(String, Span)]) -> Diagnostic {
        let map = self.map.text().0;
        let error = Diagnostic::error(format!("{} matches {} accounts of {map}", self.args.cluster, claims.len()));
        let error = claims.iter().fold(error, |error, (name, span)| {
            error.help(format!("{}: {}", escape_control(name), self.map.place(*span)))
        });
        error.help("change the map so that only one of them matches")
    }

    fn unplaced(&self, entries: &[Span]) -> Diagnostic {
        let map = self.map.text().0;
        let error =
            Diagnostic::error(format!("{map} matches files by path, and no manifest here has {}", self.args.cluster));
        let error = entries
            .iter()
            .fold(error, |error, span| error.help(format!("this entry may match: {}", self.map.place(*span))));
        error.help(NO_PATH)
    }

    fn nobody(&self) -> Diagnostic {
        let (namespace, name) = self.cluster();
        let map = self.map.text().0;
        let entry = entry_of(name, namespace);
        let error = Diagnostic::error(format!("{} matches no account of {map}", self.args.cluster));
        match self.map.map.ignores_unmapped {
            true => error.help("it is skipped (unmapped: ignore)").help(format!("to give it an account: {entry}")),
            false => error.help(format!("add to its account there: {entry}")),
        }
    }
}
