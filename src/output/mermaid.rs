//! Accounts, identities and clusters as a Mermaid flowchart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use xaccount::capa::{CONTROLLER_IDENTITY, Hop, VerdictOutcome, Walked};
use xaccount::diag::escape_control;
use xaccount::inventory::Provenance;
use xaccount::status::{AccountSummary, Row, Status};

/// The kind of a node; nodes are drawn in this order, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    AccountSummary,
    Identity,
    Cluster,
}

/// The label of the account without an identity reference.
const SOURCE_ACCOUNT: &str = "source account";

type Node = (Shape, String);

/// Two nodes, and the Mermaid arrow between them.
type Edge = (Node, Node, String);

/// A flowchart of `account --> identity --> cluster`, and of `identity --> identity` if one is the source of the other. It
/// doesn't depend on the order of the clusters in the files.
pub(crate) fn mermaid<O: Provenance>(status: &Status<'_, O>) -> String {
    let mut nodes: BTreeSet<Node> = BTreeSet::new();
    let mut edges: BTreeSet<Edge> = BTreeSet::new();
    let mut refused: BTreeSet<Node> = BTreeSet::new();
    let mut titles: BTreeMap<String, usize> = BTreeMap::new();
    for row in &status.rows {
        *titles.entry(row.title()).or_default() += 1;
    }
    let mut walked = Walked::default();
    for row in &status.rows {
        let alone = !row.template && titles.get(&row.title()) == Some(&1);
        let cluster = (Shape::Cluster, label(status, row, alone));
        nodes.insert(cluster.clone());
        if row.verdict.outcome != VerdictOutcome::Permitted && row.verdict.outcome != VerdictOutcome::Unknown {
            refused.insert(cluster.clone());
        }
        for (hop, next) in walked.fresh(&row.verdict.chain) {
            nodes.insert(identity(&hop));
            if let Some(account) = hop.account {
                lead(format!("account {account}"), &hop, &mut nodes, &mut edges);
            }
            if let Some(next) = next {
                edges.insert((identity(&next), identity(&hop), "-- source of -->".into()));
            }
        }
        // Whether CAPA checks the controller identity depends on the cluster.
        let controller = row.verdict.chain.last().filter(|hop| hop.kind == CONTROLLER_IDENTITY);
        if let Some(hop) = controller.filter(|hop| hop.permission().is_some()) {
            lead(SOURCE_ACCOUNT.to_owned(), &hop, &mut nodes, &mut edges);
        }
        match row.verdict.chain.first() {
            Some(first) => {
                edges.insert((identity(&first), cluster, arrow(row)));
            }
            None if row.account == AccountSummary::Management => {
                let account = (Shape::AccountSummary, SOURCE_ACCOUNT.to_owned());
                nodes.insert(account.clone());
                edges.insert((account, cluster, "-->".into()));
            }
            None => {}
        }
    }
    draw(&nodes, &edges, &refused)
}

fn identity(hop: &Hop<'_>) -> Node {
    (Shape::Identity, format!("{}<br/>{}", text(hop.kind), text(hop.name)))
}

/// Adds an account, and an edge from it to an identity.
fn lead(account: String, hop: &Hop<'_>, nodes: &mut BTreeSet<Node>, edges: &mut BTreeSet<Edge>) {
    let account = (Shape::AccountSummary, account);
    nodes.insert(account.clone());
    edges.insert((account, identity(hop), "-->".into()));
}

fn draw(nodes: &BTreeSet<Node>, edges: &BTreeSet<Edge>, refused: &BTreeSet<Node>) -> String {
    let mut ids: BTreeMap<&Node, String> = BTreeMap::new();
    for (shape, letter) in [(Shape::AccountSummary, 'a'), (Shape::Identity, 'i'), (Shape::Cluster, 'c')] {
        for (n, node) in nodes.iter().filter(|(own, _)| *own == shape).enumerate() {
            ids.insert(node, format!("{letter}{n}"));
        }
    }
    let id = |node: &Node| ids.get(node).map_or("", String::as_str);
    let mut out = String::from("flowchart LR\n");
    for node in nodes {
        let (open, close) = match node.0 {
            Shape::AccountSummary => ("[(", ")]"),
            Shape::Identity => ("([", "])"),
            Shape::Cluster => ("[", "]"),
        };
        let _ = writeln!(out, "  {}{open}\"{}\"{close}", id(node), node.1);
    }
    for (from, to, arrow) in edges {
        let _ = writeln!(out, "  {} {arrow} {}", id(from), id(to));
    }
    if !refused.is_empty() {
        let ids: Vec<&str> = refused.iter().map(id).collect();
        let _ = writeln!(out, "  classDef refused stroke:#c00,color:#c00");
        let _ = writeln!(out, "  class {} refused", ids.join(","));
    }
    out
}

/// The arrow to a cluster. It ends with a cross if the cluster is refused.
fn arrow(row: &Row) -> String {
    let outcome = row.verdict.outcome;
    let reason = row.verdict.reason.map_or("", |reason| reason.name());
    match outcome {
        VerdictOutcome::Permitted => "-->".into(),
        VerdictOutcome::Unknown => format!("-. \"{}: {reason}\" .->", outcome.name()),
        VerdictOutcome::Denied | VerdictOutcome::Error | VerdictOutcome::Crash => {
            format!("-. \"{}: {reason}\" .-x", outcome.name())
        }
    }
}

/// The cluster's name, with the kind of its object if the name is ambiguous.
fn label<O: Provenance>(status: &Status<'_, O>, row: &Row, alone: bool) -> String {
    let title = text(&row.title());
    if alone { title } else { format!("{title}<br/>{}", text(&status.inventory[row.object].object.kind)) }
}

/// Text with the characters escaped that would end a label or start markup.
fn text(text: &str) -> String {
    escape_control(text)
        .replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace('`', "#96;")
}
