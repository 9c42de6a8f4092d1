//! What `status` found, as tables and reasons for people.

use anstyle::{AnsiColor, Style};

use std::collections::{BTreeMap, HashMap};

use super::resources::{has_resources, resources_cell};
use super::screen::Screen;
use super::table::{Cell, styled, table};
use unicode_width::UnicodeWidthStr;
use xaccount::aws::AccountId;
use xaccount::capa::{CONTROLLER_IDENTITY, Hop, IdentityKind, Permission, VerdictOutcome};
use xaccount::diag::escape_control;
use xaccount::inventory::{Inventory, ObjectId, OriginRef, Provenance};
use xaccount::status::{
    AccessPath, AccountSummary, MappedAccount, Move, NOT_AS_MAPPED, NotAsMapped, Row, Status, identity_of,
};

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Identities of a chain that people are shown; of a longer one they are shown the first ones and the last.
const MOST_HOPS: usize = 10;

fn style(outcome: VerdictOutcome) -> Style {
    match outcome {
        VerdictOutcome::Permitted => GREEN,
        VerdictOutcome::Denied | VerdictOutcome::Error | VerdictOutcome::Crash => RED,
        VerdictOutcome::Unknown => YELLOW,
    }
}

/// Clusters that are named before a reason; the table has all of them.
const MOST_TITLES: usize = 5;

/// Names of clusters in one line of a cell.
const NAMES_WIDTH: usize = 28;

/// How a table is printed.
#[derive(Clone, Copy)]
pub(crate) struct TableStyle<'n> {
    /// A line for each cluster, with more columns.
    pub(crate) wide: bool,
    /// Whether there is a header.
    pub(crate) headers: bool,
    pub(crate) screen: Screen,
    /// The names of accounts in the account map.
    pub(crate) account_names: &'n BTreeMap<AccountId, String>,
}

impl TableStyle<'_> {
    fn head<'h>(&self, names: &'h [&'h str]) -> &'h [&'h str] {
        if self.headers { names } else { &[] }
    }

    /// An account in a word: `222222222222 (development)`.
    fn account(&self, account: &AccountSummary) -> String {
        let name = account.id().and_then(|id| self.account_names.get(id));
        name.map_or_else(|| account.word().to_owned(), |name| format!("{} ({name})", account.word()))
    }
}

/// The table: clusters that differ in their names alone are one row, unless it is `wide`.
pub(crate) fn status_table<O: Provenance>(status: &Status<'_, O>, style: TableStyle<'_>) -> String {
    const HEAD: [&str; 5] = ["NAMESPACE", "NAME", "ACCOUNT", "VERDICT", "IDENTITY"];
    const MORE: [&str; 8] = ["SOURCE", "ROLE ARN", "REGION", "REASON", "SESSION", "EXTERNAL ID", "KIND", "FILE"];
    let has_resources = has_resources(status);
    // Before the verdict.
    let with_resources = |mut cells: Vec<Cell>, row: &Row| {
        if has_resources {
            cells.insert(3, resources_cell(row).into());
        }
        cells
    };
    let mut head = HEAD.to_vec();
    if has_resources {
        head.insert(3, "RESOURCES");
    }
    if style.wide {
        head.extend(MORE);
        let cells = status.rows.iter().map(|row| with_resources(wide_cells(status, row, style), row));
        let rows: Vec<Vec<Cell>> = cells.collect();
        return table(style.head(&head), &rows, Screen { width: None, ..style.screen });
    }
    let (mut groups, mut places): (Vec<RowGroup>, HashMap<_, usize>) = (Vec::new(), HashMap::new());
    for row in &status.rows {
        let key = (&row.namespace, &row.account, row.verdict_name(), row.verdict.chain.key(), row.resource_accounts());
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.names.push(name(row)),
            None => {
                groups.push(RowGroup { cells: with_resources(cells(row, style), row), names: vec![name(row)] });
            }
        }
    }
    let rows: Vec<Vec<Cell>> = groups.into_iter().flat_map(RowGroup::lines).collect();
    table(style.head(&head), &rows, style.screen)
}

/// Clusters that differ in their names alone.
struct RowGroup {
    /// Those of the first.
    cells: Vec<Cell>,
    names: Vec<String>,
}

impl RowGroup {
    /// The lines of the table: one with all cells, and more where the names need them.
    fn lines(self) -> Vec<Vec<Cell>> {
        let blank = vec![Cell::from(""); self.cells.len()];
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        for names in lines_of(&self.names) {
            let mut cells = if rows.is_empty() { self.cells.clone() } else { blank.clone() };
            cells[1] = names.into();
            rows.push(cells);
        }
        rows
    }
}

/// Names with commas between, as many in a line as fit.
fn lines_of(names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.width() + ", ".len() + name.width() <= NAMES_WIDTH => {
                line.push_str(", ");
                line.push_str(name);
            }
            Some(line) => {
                line.push(',');
                lines.push(name.clone());
            }
            None => lines.push(name.clone()),
        }
    }
    lines
}

/// The names of the objects, as kubectl prints them: `awscluster.infrastructure.cluster.x-k8s.io/heron`.
pub(crate) fn status_names<'r, O: Provenance>(status: &Status<'_, O>, rows: impl Iterator<Item = &'r Row>) -> String {
    let name = |row: &Row| {
        let object = &status.inventory[row.object].object;
        let group = object.api_version.split_once('/').map_or(String::new(), |(group, _)| format!(".{group}"));
        escape_control(&format!("{}{group}/{}", object.kind.to_lowercase(), row.name)).into_owned() + "\n"
    };
    let mut names: Vec<String> = rows.map(name).collect();
    // An object with several references has a row for each.
    names.dedup();
    names.concat()
}

const NONE: &str = "-";

fn name(row: &Row) -> String {
    if row.template { format!("{} (template)", row.cluster) } else { row.cluster.clone() }
}

/// The verdict in its colour.
fn verdict(row: &Row) -> (&'static str, Style) {
    let name = row.verdict_name();
    (name, if name == NOT_AS_MAPPED { RED } else { style(row.verdict.outcome) })
}

fn cells(row: &Row, style: TableStyle<'_>) -> Vec<Cell> {
    let (verdict, colour) = verdict(row);
    vec![
        row.namespace.as_str().into(),
        name(row).into(),
        style.account(&row.account).into(),
        Cell::styled(verdict, colour),
        identity(row).into(),
    ]
}

fn wide_cells<O: Provenance>(status: &Status<'_, O>, row: &Row, style: TableStyle<'_>) -> Vec<Cell> {
    let mut cells = cells(row, style);
    let found = &status.inventory[row.object];
    let first = row.verdict.chain.first();
    let role = first.and_then(|hop| hop.role_arn).filter(|arn| !arn.is_empty());
    let text = |part: Option<&str>| part.unwrap_or(NONE).to_owned();
    let session = match first.and_then(|hop| hop.duration_seconds) {
        None => NONE.to_owned(),
        Some(seconds) => match first.and_then(|hop| hop.session_name) {
            Some(name) => format!("{name}, {seconds} s"),
            None => format!("{seconds} s"),
        },
    };
    cells[4] = first.as_ref().map_or(NONE.to_owned(), short).into();
    cells.extend([
        chain(row).split_once(" <- ").map_or(NONE, |(_, sources)| sources).into(),
        role.unwrap_or(NONE).into(),
        row.region.as_deref().unwrap_or(NONE).into(),
        row.verdict.reason.map_or(NONE, |reason| reason.name()).into(),
        session.into(),
        text(first.and_then(|hop| hop.external_id)).into(),
        found.object.kind.as_str().into(),
        place(status.inventory, row.object).into(),
    ]);
    cells
}

/// The identities from the cluster's own to the source: `name <- controller`.
fn chain(row: &Row) -> String {
    let (hops, more) = shown(row);
    let mut names: Vec<String> = hops.iter().map(short).collect();
    if more > 0 {
        names.insert(names.len() - 1, format!("… {more} more"));
    }
    if names.is_empty() { NONE.into() } else { names.join(" <- ") }
}

/// The same without the controller identity as source, which nearly every chain ends with.
fn identity(row: &Row) -> String {
    let chain = chain(row);
    chain.strip_suffix(" <- controller").map_or(chain.clone(), str::to_owned)
}

/// The identities of a chain that are shown, and how many are omitted before the last of them.
fn shown(row: &Row) -> (Vec<Hop<'_>>, usize) {
    let chain = &row.verdict.chain;
    if chain.len() <= MOST_HOPS {
        return (chain.iter().collect(), 0);
    }
    let mut hops: Vec<Hop<'_>> = chain.iter().take(MOST_HOPS - 1).collect();
    hops.extend(chain.last());
    let more = chain.len() - hops.len();
    (hops, more)
}

/// An identity's name, with its kind before it where it is not the usual one.
fn short(hop: &Hop<'_>) -> String {
    match IdentityKind::named(hop.kind) {
        Some(IdentityKind::Role) => hop.name.to_owned(),
        Some(IdentityKind::Controller) if hop.name == "default" => "controller".into(),
        Some(IdentityKind::Controller) => format!("controller/{}", hop.name),
        Some(IdentityKind::Static) => format!("static/{}", hop.name),
        None => format!("{}/{}", hop.kind, hop.name),
    }
}

/// `FILE:LINE` of an object, or its context.
pub(super) fn place<O: Provenance>(inventory: &Inventory<O>, object: ObjectId) -> String {
    let found = &inventory[object];
    match found.origin.origin() {
        OriginRef::Manifest(manifest) => format!("{}:{}", inventory.holder(found), manifest.line),
        OriginRef::Live(live) => live.to_string(),
    }
}

/// What was read.
pub(crate) fn source_words<O: Provenance>(inventory: &Inventory<O>) -> &'static str {
    // A cluster has no files.
    if inventory.files().is_empty() { "what was read of the cluster" } else { "these files" }
}

/// Where an identity is; several places, if several documents have it.
fn places<O: Provenance>(inventory: &Inventory<O>, hop: &Hop<'_>) -> String {
    let all = IdentityKind::named(hop.kind).map_or(&[][..], |kind| inventory.identities(kind, hop.name)).iter();
    all.filter(|&&index| !inventory[index].origin.is_dropped_by_kubectl())
        .map(|&index| place(inventory, index))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Why, hop by hop, with clusters of which the same is true together: of those that are not permitted, or of `all`.
pub(crate) fn status_reasons<O: Provenance>(status: &Status<'_, O>, all: bool, style: TableStyle<'_>) -> String {
    let screen = style.screen;
    let (mut groups, mut places): (Vec<Vec<&Row>>, HashMap<_, usize>) = (Vec::new(), HashMap::new());
    for row in status.rows.iter().filter(|row| all || row.verdict_name() != VerdictOutcome::Permitted.name()) {
        let verdict = &row.verdict;
        let key = (
            (verdict.outcome, verdict.reason, &verdict.message, &verdict.notes),
            verdict.chain.key(),
            row.template,
            mapped_words(row, style),
        );
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    let mut out = String::new();
    for group in groups {
        let Some(first) = group.first() else { continue };
        let titles: Vec<String> = group.iter().map(|row| row.title()).collect();
        let template = if first.template { " (template)" } else { "" };
        let verdict = &first.verdict;
        let (name, colour) = self::verdict(first);
        let outcome = styled(name, colour, screen.colour);
        // What the verdict is about comes first.
        let mut messages = vec![mapped_words(first, style), verdict.message.clone()];
        if name != NOT_AS_MAPPED {
            messages.reverse();
        }
        let mut messages = messages.into_iter().flatten();
        let message = messages.next().map_or(String::new(), |message| format!(": {}", escape_control(&message)));
        let mut names = titles.iter().take(MOST_TITLES).map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(more @ 1..) = titles.len().checked_sub(MOST_TITLES) {
            names.push_str(&format!(" and {more} more"));
        }
        let title = format!("{}{template} {outcome}{message}", escape_control(&names));
        out.push_str(&format!("\n{}\n", screen.wrap(&title, 0, 2)));
        for message in messages {
            out.push_str(&format!("  {}\n", screen.wrap(&escape_control(&message), 2, 4)));
        }
        let (hops, more) = shown(first);
        for (at, hop) in hops.iter().enumerate() {
            if more > 0 && at + 1 == hops.len() {
                out.push_str(&format!("  … {more} more: -o json lists them\n"));
            }
            out.push_str(&hop_lines(status, hop, screen));
        }
        for note in verdict.notes_about(&hops) {
            let note = format!("{} {}", styled("note:", YELLOW, screen.colour), escape_control(&note));
            out.push_str(&format!("  {}\n", screen.wrap(&note, 2, 4)));
        }
    }
    out
}

/// What the map says about a cluster that is not as mapped.
fn mapped_words(row: &Row, style: TableStyle<'_>) -> Option<String> {
    let NotAsMapped { wanted, places } = row.not_as_mapped.as_ref()?;
    let wanted = match wanted {
        MappedAccount::Source => "the source account".to_owned(),
        MappedAccount::Account(id) => style.account(&AccountSummary::Known(id.clone())),
        MappedAccount::Several(names) => {
            let claims: Vec<String> =
                names.iter().zip(places).map(|(name, place)| format!("{name} ({place})")).collect();
            return Some(format!("the map has several accounts for it: {}", claims.join(", ")));
        }
    };
    let found = match &row.account {
        account @ (AccountSummary::Management | AccountSummary::Static(_)) => account.to_string(),
        account => style.account(account),
    };
    Some(format!("in {found}; the map says {wanted}, {}", places.join(", ")))
}

fn hop_lines<O: Provenance>(status: &Status<'_, O>, hop: &Hop<'_>, screen: Screen) -> String {
    let permission = hop.permission();
    let made = hop.kind == CONTROLLER_IDENTITY && permission.is_some();
    let at = match identity_of(status.inventory, hop) {
        Some(_) => places(status.inventory, hop),
        None if made => "created by CAPA".into(),
        None => format!("not in {}", source_words(status.inventory)),
    };
    let head = format!("{}/{}  {at}", hop.kind, hop.name);
    let mut out = format!("  {}\n", screen.wrap(&escape_control(&head), 2, 4));
    if let (Some(arn), Some(seconds)) = (hop.role_arn.filter(|arn| !arn.is_empty()), hop.duration_seconds) {
        let session = hop
            .session_name
            .map_or("session name generated from the time".into(), |name| format!("session name {name}"));
        let external = hop.external_id.map_or("no external id".into(), |id| format!("external id {id}"));
        let role = format!("role {}", escape_control(&format!("{arn} for {seconds} s, {session}, {external}")));
        out.push_str(&format!("    {}\n", screen.wrap(&role, 4, 6)));
    }
    if let Some(Permission { answer, why }) = &permission {
        let (word, style) = match answer {
            Some(true) => ("permitted", GREEN),
            Some(false) => ("refused", RED),
            None => ("unknown", YELLOW),
        };
        let answer = format!("{}: {}", styled(word, style, screen.colour), escape_control(why));
        out.push_str(&format!("    {}\n", screen.wrap(&answer, 4, 6)));
    }
    out
}

/// The last line: how many, and their verdicts. `unread` says how many files may have more.
pub(crate) fn status_summary<O: Provenance>(status: &Status<'_, O>, unread: &str) -> String {
    let clusters = || status.rows.iter().filter(|row| !row.template);
    let outcomes = [
        VerdictOutcome::Permitted,
        VerdictOutcome::Denied,
        VerdictOutcome::Error,
        VerdictOutcome::Crash,
        VerdictOutcome::Unknown,
    ];
    let counts: Vec<String> = outcomes
        .into_iter()
        .map(VerdictOutcome::name)
        .chain([NOT_AS_MAPPED])
        .map(|name| (clusters().filter(|row| row.verdict_name() == name).count(), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let templates = status.rows.len() - clusters().count();
    let mut parts = vec![match clusters().count() {
        1 => "1 cluster".to_owned(),
        count => format!("{count} clusters"),
    }];
    match templates {
        0 => {}
        1 => parts.push("1 template".into()),
        count => parts.push(format!("{count} templates")),
    }
    let total = parts.join(", ");
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    format!("{total}{counts}{unread} (evaluated for CAPA {})", status.cluster_state.release())
}

/// `USED BY` and `MAY BE USED FROM` of an account.
pub(crate) fn account_users<O: Provenance>(
    status: &Status<'_, O>,
    rows: &[&Row],
    access_paths: &[AccessPath],
    style: TableStyle<'_>,
) -> String {
    let mut out = String::from("USED BY\n");
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let (verdict, colour) = verdict(row);
            vec![
                row.namespace.as_str().into(),
                name(row).into(),
                Cell::styled(verdict, colour),
                identity(row).into(),
                place(status.inventory, row.object).into(),
            ]
        })
        .collect();
    match cells.is_empty() {
        true => out.push_str("no cluster\n"),
        false => out.push_str(&table(
            style.head(&["NAMESPACE", "NAME", "VERDICT", "IDENTITY", "FILE"]),
            &cells,
            style.screen,
        )),
    }
    out.push_str("\nMAY BE USED FROM\n");
    let cells: Vec<Vec<Cell>> = access_paths
        .iter()
        .map(|access_path| {
            let whom = whom(access_path);
            let whom = if access_path.everyone { Cell::styled(&whom, RED) } else { whom.into() };
            vec![
                whom,
                access_path.name.as_str().into(),
                access_path.role_arn.as_str().into(),
                place(status.inventory, access_path.object).into(),
            ]
        })
        .collect();
    match cells.is_empty() {
        true => out.push_str(&format!("no identity in {}\n", source_words(status.inventory))),
        false => {
            out.push_str(&table(style.head(&["NAMESPACES", "IDENTITY", "ROLE ARN", "FILE"]), &cells, style.screen));
        }
    }
    for access_path in access_paths {
        if let Some(remark) = &access_path.remark {
            let remark = format!("{}: {}", escape_control(&access_path.name), escape_control(remark));
            out.push_str(&format!("  {}\n", style.screen.wrap(&remark, 2, 4)));
        }
    }
    out
}

/// The namespaces in words.
fn whom(access_path: &AccessPath) -> String {
    if access_path.everyone {
        return "every namespace".into();
    }
    let mut parts = access_path.namespaces.clone();
    if !access_path.selectors.is_empty() {
        parts.push(format!("every namespace with {}", access_path.selectors.join(" and ")));
    }
    // A selector decides about the others.
    if access_path.selectors.is_empty() && !access_path.open.is_empty() {
        parts.push(format!("not known: {}", access_path.open.join(", ")));
    }
    if parts.is_empty() { "no namespace".into() } else { parts.join(", ") }
}

/// A line for each cluster that moved, came or went. `line` finds the line of what did it, as `FILE:LINE`.
pub(crate) fn moved(moves: &[Move], line: impl Fn(&Move) -> String, style: TableStyle<'_>) -> String {
    let mut out = String::new();
    let colour = style.screen.colour;
    for one in moves {
        let title = escape_control(&one.title).into_owned();
        let (at, cause) = (line(one), one.cause.what);
        let text = match (&one.before, &one.after) {
            (Some(before), Some(after)) => {
                let (before, after) = (style.account(before), style.account(after));
                format!("{title} {before} -> {} ({cause}, {at})", styled(&after, RED, colour))
            }
            (None, Some(after)) => format!("{title} appeared in {} ({at})", style.account(after)),
            (Some(before), None) => format!("{title} gone from {} ({at})", style.account(before)),
            (None, None) => continue,
        };
        out.push_str(&text);
        out.push('\n');
    }
    out
}
