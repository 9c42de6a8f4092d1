//! What `status` found, as tables and reasons for people.

use anstyle::{AnsiColor, Style};

use std::collections::HashMap;

use super::table::{Cell, styled, table};
use xaccount::capa::{CONTROLLER_IDENTITY, Hop, IdentityKind, Permission, VerdictOutcome};
use xaccount::diag::escape_control;
use xaccount::inventory::{Inventory, ObjectId, OriginRef, Provenance};
use xaccount::status::{AccessPath, Move, Row, Status, identity_of};

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

/// The table, a line for each cluster; `wide` has more columns.
pub(crate) fn status_table<O: Provenance>(status: &Status<'_, O>, wide: bool, colour: bool) -> String {
    let mut head = vec!["CLUSTER", "NAMESPACE", "IDENTITY", "ROLE ARN", "ACCOUNT", "REGION", "VERDICT"];
    if wide {
        head.extend(["REASON", "SESSION", "EXTERNAL ID", "SECONDS", "KIND", "FILE"]);
    }
    let rows: Vec<Vec<Cell>> = status.rows.iter().map(|row| cells(status, row, wide)).collect();
    table(&head, &rows, colour)
}

fn cells<O: Provenance>(status: &Status<'_, O>, row: &Row, wide: bool) -> Vec<Cell> {
    const NONE: &str = "-";
    let found = &status.inventory[row.object];
    let first = row.verdict.chain.first();
    let role = first.and_then(|hop| hop.role_arn).filter(|arn| !arn.is_empty());
    let name = if row.template { format!("{} (template)", row.cluster) } else { row.cluster.clone() };
    let outcome = row.verdict.outcome;
    let mut cells: Vec<Cell> = vec![
        name.into(),
        row.namespace.as_deref().unwrap_or(NONE).into(),
        chain(row).into(),
        role.unwrap_or(NONE).into(),
        row.account.word().into(),
        found.object.region().unwrap_or(NONE).into(),
        Cell::styled(outcome.name(), style(outcome)),
    ];
    if wide {
        let text = |part: Option<&str>| part.unwrap_or(NONE).to_owned();
        let seconds = first.and_then(|hop| hop.duration_seconds).map_or(NONE.to_owned(), |seconds| seconds.to_string());
        cells.extend([
            row.verdict.reason.map_or(NONE, |reason| reason.name()).into(),
            text(first.and_then(|hop| hop.session_name)).into(),
            text(first.and_then(|hop| hop.external_id)).into(),
            seconds.into(),
            found.object.kind.as_str().into(),
            place(status.inventory, row.object).into(),
        ]);
    }
    cells
}

/// The identities from the cluster's own to the source: `name <- controller`.
fn chain(row: &Row) -> String {
    let (hops, more) = shown(row);
    let mut names: Vec<String> = hops.iter().map(short).collect();
    if more > 0 {
        names.insert(names.len() - 1, format!("… {more} more"));
    }
    if names.is_empty() { "-".into() } else { names.join(" <- ") }
}

/// The identities of a chain that are shown, and how many are left out before the last of them.
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

/// Where an identity stands; more than once, where two documents say it.
fn places<O: Provenance>(inventory: &Inventory<O>, hop: &Hop<'_>) -> String {
    let all = IdentityKind::named(hop.kind).map_or(&[][..], |kind| inventory.identities(kind, hop.name)).iter();
    all.filter(|&&index| !inventory[index].origin.is_dropped_by_kubectl())
        .map(|&index| place(inventory, index))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Why: hop by hop, clusters of which the same is true together.
pub(crate) fn status_reasons<O: Provenance>(status: &Status<'_, O>, colour: bool) -> String {
    let (mut groups, mut places): (Vec<Vec<&Row>>, HashMap<_, usize>) = (Vec::new(), HashMap::new());
    for row in &status.rows {
        let verdict = &row.verdict;
        let key =
            (verdict.outcome, verdict.reason, &verdict.message, verdict.chain.key(), &verdict.notes, row.template);
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
        let outcome = styled(verdict.outcome.name(), style(verdict.outcome), colour);
        let message =
            verdict.message.as_ref().map_or(String::new(), |message| format!(": {}", escape_control(message)));
        out.push_str(&format!("\n{}{template} {outcome}{message}\n", escape_control(&titles.join(", "))));
        let (hops, more) = shown(first);
        for (at, hop) in hops.iter().enumerate() {
            if more > 0 && at + 1 == hops.len() {
                out.push_str(&format!("  … {more} more: -o json lists them\n"));
            }
            out.push_str(&hop_lines(status, hop, colour));
        }
        for note in verdict.notes_about(&hops) {
            out.push_str(&format!("  {} {}\n", styled("note:", YELLOW, colour), escape_control(&note)));
        }
    }
    out
}

fn hop_lines<O: Provenance>(status: &Status<'_, O>, hop: &Hop<'_>, colour: bool) -> String {
    let permission = hop.permission();
    let made = hop.kind == CONTROLLER_IDENTITY && permission.is_some();
    let at = match identity_of(status.inventory, hop) {
        Some(_) => places(status.inventory, hop),
        None if made => "made by CAPA".into(),
        None => "in none of these files".into(),
    };
    let mut out = format!("  {}\n", escape_control(&format!("{}/{}  {at}", hop.kind, hop.name)));
    if let (Some(arn), Some(seconds)) = (hop.role_arn.filter(|arn| !arn.is_empty()), hop.duration_seconds) {
        let session =
            hop.session_name.map_or("a session name made from the time".into(), |name| format!("session name {name}"));
        let external = hop.external_id.map_or("no external id".into(), |id| format!("external id {id}"));
        out.push_str(&format!(
            "    role {}\n",
            escape_control(&format!("{arn} for {seconds} s, {session}, {external}"))
        ));
    }
    if let Some(Permission { answer, why }) = &permission {
        let (word, style) = match answer {
            Some(true) => ("permitted", GREEN),
            Some(false) => ("refused", RED),
            None => ("unknown", YELLOW),
        };
        out.push_str(&format!("    {}: {}\n", styled(word, style, colour), escape_control(why)));
    }
    out
}

/// The last line: how many, and what becomes of them.
pub(crate) fn status_summary<O: Provenance>(status: &Status<'_, O>) -> String {
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
        .map(|outcome| (clusters().filter(|row| row.verdict.outcome == outcome).count(), outcome))
        .filter(|(count, _)| *count > 0)
        .map(|(count, outcome)| format!("{count} {}", outcome.name()))
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
    format!("{total}{counts}; judged as CAPA {} would", status.cluster_state.release())
}

/// `USED BY` and `MAY BE USED FROM` of an account.
pub(crate) fn account_users<O: Provenance>(
    status: &Status<'_, O>,
    rows: &[&Row],
    access_paths: &[AccessPath],
    colour: bool,
) -> String {
    let mut out = String::from("USED BY\n");
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let outcome = row.verdict.outcome;
            let name = if row.template { format!("{} (template)", row.cluster) } else { row.cluster.clone() };
            vec![
                name.into(),
                row.namespace.as_deref().unwrap_or("-").into(),
                chain(row).into(),
                place(status.inventory, row.object).into(),
                Cell::styled(outcome.name(), style(outcome)),
            ]
        })
        .collect();
    match cells.is_empty() {
        true => out.push_str("nobody\n"),
        false => out.push_str(&table(&["CLUSTER", "NAMESPACE", "IDENTITY", "FILE", "VERDICT"], &cells, colour)),
    }
    out.push_str("\nMAY BE USED FROM\n");
    let cells: Vec<Vec<Cell>> = access_paths
        .iter()
        .map(|access_path| {
            let whom = whom(access_path);
            let whom = if access_path.everyone { Cell::styled(&whom, RED) } else { whom.into() };
            vec![
                access_path.name.as_str().into(),
                access_path.role_arn.as_str().into(),
                place(status.inventory, access_path.object).into(),
                whom,
            ]
        })
        .collect();
    match cells.is_empty() {
        true => out.push_str("no identity of these files\n"),
        false => out.push_str(&table(&["IDENTITY", "ROLE ARN", "FILE", "NAMESPACES"], &cells, colour)),
    }
    for access_path in access_paths {
        if let Some(remark) = &access_path.remark {
            out.push_str(&format!("  {}: {}\n", escape_control(&access_path.name), escape_control(remark)));
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
    // What a selector decides is said already.
    if access_path.selectors.is_empty() && !access_path.open.is_empty() {
        parts.push(format!("not known: {}", access_path.open.join(", ")));
    }
    if parts.is_empty() { "no namespace".into() } else { parts.join(", ") }
}

/// A line for each cluster that moved, came or went. `line` finds the line of what did it, as `FILE:LINE`.
pub(crate) fn moved(moves: &[Move], line: impl Fn(&Move) -> String, colour: bool) -> String {
    let mut out = String::new();
    for one in moves {
        let title = escape_control(&one.title).into_owned();
        let (at, cause) = (line(one), one.cause.what);
        let text = match (&one.before, &one.after) {
            (Some(before), Some(after)) => {
                format!("{title} {} -> {} ({cause}, {at})", before.word(), styled(after.word(), RED, colour))
            }
            (None, Some(after)) => format!("{title} appeared in {} ({at})", after.word()),
            (Some(before), None) => format!("{title} gone from {} ({at})", before.word()),
            (None, None) => continue,
        };
        out.push_str(&text);
        out.push('\n');
    }
    out
}
