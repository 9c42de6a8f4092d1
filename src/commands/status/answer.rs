//! What `status` answers: every cluster, the users of an account, or what moved.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use xaccount::aws::AccountId;
use xaccount::diag::{Diagnostic, SourceMap, escape_control};
use xaccount::inventory::Provenance;
use xaccount::plan::cluster_title;
use xaccount::status::{self, AccountSummary, Controller, Move, MoveSide, Options, ResourcesVerdict, Row, Status};

use super::tree::{Tree, USAGE};
use crate::cli::{Status as Args, StatusFormat};
use crate::commands::empty::{ALLOW_EMPTY, none_selected, nothing_found, only_array};
use crate::commands::input::{self, all_skipped};
use crate::commands::map::init::{Generated, generated};
use crate::commands::{Messages, Terminal};
use crate::output::{self, TableStyle};

/// What goes to stdout, what it means, and whether what was asked is so.
pub(super) struct StatusAnswer {
    pub(super) stdout: Vec<u8>,
    pub(super) meaning: Vec<String>,
    pub(super) found: bool,
}

/// All that an answer depends on.
pub(super) struct StatusWork<'w, O> {
    pub(super) args: &'w Args,
    pub(super) tree: &'w Tree,
    pub(super) status: &'w Status<'w, O>,
    /// The requested account.
    pub(super) account: Option<&'w AccountId>,
    /// The source account, if the map has it.
    pub(super) source: Option<&'w AccountId>,
    /// The controllers that run.
    pub(super) controllers: &'w [Controller],
    pub(super) style: TableStyle<'w>,
    pub(super) terminal: &'w Terminal,
}

impl<O: Provenance> StatusWork<'_, O> {
    /// The answer.
    ///
    /// # Errors
    /// There is no cluster, or the answer can't be given in this format.
    pub(super) fn answer(
        &self,
        old: Option<&Tree>,
        options: &Options,
        messages: &mut Messages,
    ) -> Result<StatusAnswer, Diagnostic> {
        let Self { args, tree, status, .. } = self;
        let is_empty = status.rows.is_empty() && !args.allow_empty;
        if let Some(old) = old {
            let was = old.status(&old.inventory, options, args);
            old.warn(&was.warnings, messages);
            if is_empty && was.rows.is_empty() {
                return Err(nothing(tree, args));
            }
            return self.moved(old, &was);
        }
        // Identities alone say who may use an account.
        let has_role = || tree.inventory.objects().iter().any(|found| found.object.role_arn().is_some());
        match self.account {
            Some(account) if !is_empty || has_role() => self.used(account),
            None if !is_empty => self.whole(),
            _ => Err(nothing(tree, args)),
        }
    }

    /// Every cluster.
    fn whole(&self) -> Result<StatusAnswer, Diagnostic> {
        let Self { args, tree, status, style, .. } = *self;
        let unread = tree.unread();
        let mut meaning: Vec<String> = output::resources_summary(status, self.source).into_iter().collect();
        meaning.push(output::status_summary(status, &tree.unread_words()));
        if status.rows.iter().any(|row| row.not_as_mapped.is_some()) {
            meaning.extend(next_command(args));
        }
        let stdout = match args.output {
            None | Some(StatusFormat::Wide) if status.rows.is_empty() => Vec::new(),
            None | Some(StatusFormat::Wide) => {
                let reasons = match args.no_headers {
                    true => String::new(),
                    false => {
                        let all = self.terminal.explains();
                        output::status_reasons(status, all, style)
                            + &output::resource_lines(status, self.source, all, style.screen)
                            + &output::observed_lines(status, self.controllers, output::now(), style.screen)
                    }
                };
                (output::status_table(status, style) + &reasons).into_bytes()
            }
            Some(StatusFormat::Name) => output::status_names(status, status.rows.iter()).into_bytes(),
            Some(StatusFormat::Json) => json(&output::status_json(status, self.source, &unread))?,
            Some(StatusFormat::Yaml) => yaml(&output::status_json(status, self.source, &unread))?,
            Some(StatusFormat::Mermaid) => output::mermaid(status).into_bytes(),
            Some(StatusFormat::Map) if !tree.unread.is_empty() => {
                // A map without their clusters would look complete.
                return Err(Diagnostic::error(
                    "-o map prints the map of all clusters, and not every file could be read",
                )
                .help("fix the files in the warnings, or don't name them"));
            }
            Some(StatusFormat::Map) => {
                let Generated { text, notes } = generated(&tree.session, status, &BTreeMap::new(), self.source)?;
                meaning = notes;
                text
            }
        };
        let is_wrong = |row: &Row| {
            let resources = row.resources_verdict(self.source);
            let is_unproved = resources == ResourcesVerdict::Mismatch
                || args.require_evidence && resources != ResourcesVerdict::Confirmed;
            row.is_wrong() || is_unproved && !row.template
        };
        let found = !unread.is_empty() || status.rows.iter().any(is_wrong);
        Ok(StatusAnswer { stdout, meaning, found })
    }

    /// Who uses an account, and who may.
    fn used(&self, account: &AccountId) -> Result<StatusAnswer, Diagnostic> {
        let Self { args, tree, status, style, .. } = *self;
        let access_paths = status::access_paths(status, account);
        let mut rows: Vec<&Row> = status::used_by(status, account);
        if self.source == Some(account) {
            rows = status
                .rows
                .iter()
                .filter(|row| row.account.id() == Some(account) || row.account == AccountSummary::Management)
                .collect();
        }
        let found = !tree.unread.is_empty() || rows.iter().any(|row| row.is_wrong());
        let stdout = match args.output {
            None | Some(StatusFormat::Wide | StatusFormat::Map) => {
                output::account_users(status, &rows, &access_paths, style).into_bytes()
            }
            Some(StatusFormat::Name) => output::status_names(status, rows.iter().copied()).into_bytes(),
            Some(StatusFormat::Json) => {
                json(&output::account_json(status, account, self.source, &rows, &access_paths, &tree.unread()))?
            }
            Some(StatusFormat::Yaml) => {
                yaml(&output::account_json(status, account, self.source, &rows, &access_paths, &tree.unread()))?
            }
            Some(StatusFormat::Mermaid) => {
                let rows = rows.into_iter().cloned().collect();
                output::mermaid(&Status { rows, ..status.clone() }).into_bytes()
            }
        };
        let hidden = status.rows.iter().filter(|row| matches!(row.account, AccountSummary::NotKnown(_))).count();
        let mut meaning = vec![
            "not checked here: who may create clusters in these namespaces (RBAC), and which other principals the role's trust policy allows".to_owned(),
        ];
        match hidden {
            0 => {}
            1 => meaning.push("1 more cluster, whose account is not known from these files".to_owned()),
            many => meaning.push(format!("{many} more clusters, whose accounts are not known from these files")),
        }
        if status.rows.is_empty() {
            meaning.push("there is no cluster in these files".to_owned());
        }
        Ok(StatusAnswer { stdout, meaning, found })
    }

    /// Which clusters are in another account than before.
    fn moved(&self, old: &Tree, was: &Status<'_>) -> Result<StatusAnswer, Diagnostic> {
        let new = self.tree;
        let moves = status::moves(was, self.status);
        let (before, after) = (SourceMap::new(&*old.session), SourceMap::new(&*new.session));
        let line = |one: &Move| {
            let (files, side) = if one.cause.side == MoveSide::Before { (&before, old) } else { (&after, new) };
            match one.cause.at {
                Some(at) => {
                    let file = files.get(at.file);
                    (file.name.clone(), file.lines().line(at.span.start))
                }
                // What is in a cluster has no line.
                None => (side.inventory.place(&side.inventory[one.cause.object]), 0),
            }
        };
        let place = |one: &Move| {
            let (file, line) = line(one);
            escape_control(&format!("{file}:{line}")).into_owned()
        };
        let unread_json = [old.unread(), new.unread()].concat();
        let stdout = match self.args.output {
            Some(StatusFormat::Json) => json(&output::moves_json(&moves, line, &unread_json))?,
            Some(StatusFormat::Yaml) => yaml(&output::moves_json(&moves, line, &unread_json))?,
            _ => output::moved(&moves, place, self.style).into_bytes(),
        };
        let known = |one: &&Move| {
            ![&one.before, &one.after].iter().any(|side| matches!(side, Some(AccountSummary::NotKnown(_))))
        };
        let (sure, open): (Vec<&Move>, Vec<&Move>) = moves.iter().filter(|one| one.is_move()).partition(known);
        let clusters = |count: usize| if count == 1 { "1 cluster".to_owned() } else { format!("{count} clusters") };
        let mut meaning: Vec<String> = match (sure.len(), open.len()) {
            (0, 0) => vec!["no cluster moved to another account".to_owned()],
            (0, _) => Vec::new(),
            (count, _) => {
                vec![format!("{} moved to another account; VPCs and machines stay where they are", clusters(count))]
            }
        };
        if !open.is_empty() {
            let open = clusters(open.len());
            meaning.push(format!(
                "{open} may have moved: the account is not known from these files; also name the file of the identity"
            ));
        }
        let unread = old.unread.len() + new.unread.len();
        if unread > 0 {
            meaning.push("clusters in files that could not be read may have moved, too".to_owned());
        }
        let found = !sure.is_empty() || !open.is_empty() || unread > 0;
        Ok(StatusAnswer { stdout, meaning, found })
    }
}

/// The command that shows what it takes to put clusters where the map says; none for standard input.
fn next_command(args: &Args) -> Option<String> {
    // Manifests change a cluster, and none is named.
    if input::paths(&args.input).is_empty() {
        return Some("to put them where the map says: kubectl xaccount inject on their manifests".to_owned());
    }
    let paths: Vec<String> = input::paths(&args.input).iter().map(|path| path.display().to_string()).collect();
    if paths.iter().any(|path| path == "-") {
        return None;
    }
    let recursive = if args.input.recursive { " -R" } else { "" };
    Some(format!(
        "to put them where the map says: kubectl xaccount inject {}{recursive}",
        escape_control(&paths.join(" "))
    ))
}

/// No cluster is an error: a mistyped path must not look like all is well.
fn nothing(tree: &Tree, args: &Args) -> Diagnostic {
    let referencing = tree.inventory.objects().iter().filter(|found| found.object.references().next().is_some());
    let titles: BTreeSet<String> = referencing.map(|found| cluster_title(&tree.inventory, found)).collect();
    if !titles.is_empty() {
        return none_selected(&args.select, &titles.into_iter().collect::<Vec<_>>()).help(ALLOW_EMPTY);
    }
    if tree.live.is_some() {
        let error = Diagnostic::error("no cluster found in these namespaces of the management cluster");
        return error.help("-A reads all namespaces, -n NAMESPACE others").help(ALLOW_EMPTY);
    }
    if let Some(error) = all_skipped(&tree.inventory) {
        return error;
    }
    // What can't be read has its own message.
    let array = if tree.unread.is_empty() { only_array(&tree.session) } else { None };
    array.unwrap_or_else(|| nothing_found(&tree.session, &tree.inventory, &USAGE, None))
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
