//! A generated account map as YAML with comments.

use serde_json::{Value, json};

use xaccount::diag::{Diagnostic, escape_control};
use xaccount::status::{AccountClusters, Map};

use super::summary::count;
use super::yaml;

/// The first line, with which editors find the schema (yaml-language-server, README, "Using inlined schema").
pub(crate) const MODELINE: &str = "# yaml-language-server: $schema=.xaccount.schema.json";

/// Maximum number of clusters that a comment names.
const NAMED: usize = 5;

/// The map, with what it can't express as comments.
///
/// # Errors
/// As [`yaml()`].
pub(crate) fn account_map(map: &Map) -> Result<Vec<u8>, Diagnostic> {
    let mut text = Commented::default();
    text.line(MODELINE);
    text.comment("Which cluster belongs to which AWS account. Generated from the manifests; change it as you need.");
    text.comment("All fields, also for editors: kubectl xaccount map schema > .xaccount.schema.json");
    for sentence in &map.not_expressed {
        text.comment(&format!("Note: {sentence}."));
    }
    let fields = map.value.as_object().into_iter().flatten();
    for (field, value) in fields {
        match field.as_str() {
            "source" => text.source(value, map)?,
            "accounts" => text.accounts(value, map)?,
            _ => {
                for comment in comment_of(field) {
                    text.comment(comment);
                }
                text.yaml(&json!({ field: value }))?;
            }
        }
        if field == "kind" && map.value.get("source").is_none() {
            text.no_source();
        }
    }
    Ok(text.0)
}

/// What a field means.
fn comment_of(field: &str) -> &'static [&'static str] {
    match field {
        "identityFile" => &["The file that keeps the identities of all accounts."],
        "identityAnnotations" => &["Annotations of new identities."],
        "identityLabels" => &["Labels of new identities."],
        "defaults" => &["Settings of every account that does not set its own."],
        _ => &[],
    }
}

#[derive(Default)]
struct Commented(Vec<u8>);

impl Commented {
    fn line(&mut self, line: &str) {
        self.0.extend_from_slice(line.as_bytes());
        self.0.push(b'\n');
    }

    fn comment(&mut self, text: &str) {
        self.line(&format!("# {}", escape_control(text)));
    }

    fn yaml(&mut self, value: &Value) -> Result<(), Diagnostic> {
        self.0.extend(yaml(value)?);
        Ok(())
    }

    /// An item of a list: a mapping, whose first line follows the dash.
    fn item(&mut self, value: &Value) -> Result<(), Diagnostic> {
        for (at, line) in yaml(value)?.split_inclusive(|&byte| byte == b'\n').enumerate() {
            self.0.extend_from_slice(if at == 0 { b"- " } else { b"  " });
            self.0.extend_from_slice(line);
        }
        Ok(())
    }

    fn no_source(&mut self) {
        self.comment("The account of the management cluster, and the clusters that stay in it:");
        self.comment("source: {account: \"111111111111\", clusters: {names: [mgmt]}}");
    }

    fn source(&mut self, value: &Value, map: &Map) -> Result<(), Diagnostic> {
        self.comment("The account of the management cluster, and the clusters that stay in it.");
        if !map.source_clusters.is_empty() {
            self.comment(&counted(&map.source_clusters));
        }
        if value.get("account").is_none() {
            self.comment("Add under source: account: \"111111111111\", its id, which is not in the manifests.");
        }
        self.yaml(&json!({"source": value}))
    }

    fn accounts(&mut self, value: &Value, map: &Map) -> Result<(), Diagnostic> {
        let accounts = value.as_array().map(Vec::as_slice).unwrap_or_default();
        self.comment("The target accounts. Each cluster must match exactly one.");
        if accounts.is_empty() {
            self.line("accounts: []");
            self.comment("- name: development");
            self.comment("  account: \"222222222222\"");
            self.comment("  clusters: {names: [\"dev-*\"]}");
            return Ok(());
        }
        self.line("accounts:");
        for (account, clusters) in accounts.iter().zip(&map.clusters) {
            self.comment(&match clusters {
                AccountClusters::Clusters(clusters) if clusters.is_empty() => "no cluster: only templates".to_owned(),
                AccountClusters::Clusters(clusters) => counted(clusters),
                AccountClusters::Source => {
                    "no cluster: other identities assume roles with the credentials of this one".to_owned()
                }
            });
            self.item(account)?;
        }
        Ok(())
    }
}

/// The number of clusters, and some of their names.
fn counted(clusters: &[String]) -> String {
    let named = clusters.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = match clusters.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}: {named}{more}", count(clusters.len(), "cluster"))
}
