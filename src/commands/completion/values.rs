//! The values of flags, by the flag's id, whichever verb has it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};

use super::found::ManifestNames;
use xaccount::aws::{Partition, RoleArn};
use xaccount::capa::{DEFAULT_ROLE_NAME, IdentityKind, Version};
use xaccount::iam::target_permission::table_of;
use xaccount::lint::RULES;

const MANIFESTS: &[&str] = &["yaml", "yml", "json"];

/// Adds a completer of values to each flag of each verb. clap completes the flags with a fixed set of values.
pub(super) fn complete(command: Command, found: &ManifestNames) -> Command {
    command.mut_args(|arg| with_values(arg, found)).mut_subcommands(|verb| complete(verb, found))
}

fn with_values(arg: Arg, found: &ManifestNames) -> Arg {
    let found = found.clone();
    let completer = match arg.get_id().as_str() {
        "paths" | "filenames" | "against" => ArgValueCompleter::new(|typed: &OsStr| files(typed, MANIFESTS, true)),
        "stdin_filename" => ArgValueCompleter::new(|typed: &OsStr| files(typed, MANIFESTS, false)),
        "identity_file" => ArgValueCompleter::new(|typed: &OsStr| files(typed, &["yaml", "yml"], false)),
        "merge" | "have" => ArgValueCompleter::new(|typed: &OsStr| files(typed, &["json"], true)),
        "trust_policy" | "permission_policy" => ArgValueCompleter::new(|typed: &OsStr| files(typed, &["json"], false)),
        "only_features" => listed(|| {
            let groups = table_of(None).0.groups.iter().filter(|group| !group.is_always);
            groups.map(|group| (group.name.to_owned(), group.about.to_owned())).collect()
        }),
        "select" | "ignore" | "rule" => listed(|| {
            RULES.iter().map(|rule| (rule.id.to_string(), format!("{}: {}", rule.name, rule.summary))).collect()
        }),
        "verb" => listed(|| {
            let whole = crate::cli::whole();
            let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
            let about = |verb: &Command| verb.get_about().map(ToString::to_string).unwrap_or_default();
            verbs.map(|verb| (verb.get_name().to_owned(), about(verb))).collect()
        }),
        "live" => ArgValueCompleter::new(|typed: &OsStr| files(typed, MANIFESTS, false)),
        "orphan_resources" | "cluster" => listed(move || {
            let named = |(cluster, namespace, title): (Option<String>, Option<String>, String)| {
                Some((format!("{}/{}", namespace.as_deref().unwrap_or("default"), cluster?), title))
            };
            found.clusters().into_iter().filter_map(named).collect()
        }),
        "inline_policy" => ArgValueCompleter::new(|typed: &OsStr| files(typed, &["json"], false)),
        "account" => listed(move || account_names(&found)),
        "organizations" => ArgValueCompleter::new(|typed: &OsStr| files(typed, &["json", "yaml"], false)),
        "source_account" => listed(move || found.source_account().into_iter().collect()),
        "role_arn" | "for_role" => listed(move || roles(&found, |role| role.to_string())),
        "role_name" => listed(move || {
            let mut names = vec![(DEFAULT_ROLE_NAME.to_owned(), "the role that DKP makes".to_owned())];
            names.extend(roles(&found, |role| role.name().to_owned()));
            names
        }),
        "partition" => listed(|| Partition::ALL.map(|partition| (partition.to_string(), String::new())).into()),
        "move_account" => ArgValueCompleter::new(move |typed: &OsStr| account_moves(&found, typed)),
        "cluster_name" => listed(move || {
            found.clusters().into_iter().filter_map(|(cluster, _, title)| Some((cluster?, title))).collect()
        }),
        "namespace" => listed(move || namespaces(&found)),
        "selector" => listed(move || found.labels().into_iter().map(|label| (label, String::new())).collect()),
        "topology_variable" => listed(|| {
            let names = ["identityRef", "clusterConfig.aws", "clusterConfig.eks"];
            names.map(|name| (name.to_owned(), String::new())).into()
        }),
        "identity_name" => {
            listed(move || found.roles().into_iter().map(|(role, name)| (name, role.to_string())).collect())
        }
        "source_identity" => listed(move || source_identities(&found)),
        "allowed_namespaces" => ArgValueCompleter::new(move |typed: &OsStr| allowed_namespaces(&found, typed)),
        "api_version" => listed(|| Version::ALL.map(|version| (version.name().to_owned(), String::new())).into()),
        _ => return arg,
    };
    arg.add(completer)
}

/// A completer of values that can be listed, each with its description or none.
fn listed(values: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| matching(typed, values()))
}

/// Each value once, in the order of their texts, if it begins with what is typed. The first description counts.
fn matching(typed: &OsStr, values: Vec<(String, String)>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let mut once = BTreeMap::new();
    for (value, help) in values {
        // Such a name can't be typed, and would be read as two.
        if value.starts_with(typed) && !value.contains(char::is_control) {
            once.entry(value).or_insert(help);
        }
    }
    once.into_iter().map(|(value, help)| candidate(value, help)).collect()
}

fn candidate(value: String, help: String) -> CompletionCandidate {
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into()))
}

/// Directories, and files with these extensions.
fn files(typed: &OsStr, extensions: &'static [&'static str], stdin: bool) -> Vec<CompletionCandidate> {
    let fits = |path: &Path| {
        let extension = path.extension().and_then(OsStr::to_str);
        !path.is_dir() && extension.is_some_and(|extension| extensions.contains(&extension))
    };
    let mut candidates = PathCompleter::any().filter(fits).complete(typed);
    candidates.retain(|candidate| candidate.get_value().to_str().is_some_and(|name| !name.contains(char::is_control)));
    if stdin && typed == "-" {
        candidates.push(candidate("-".into(), "standard input".into()));
    }
    candidates
}

fn roles(found: &ManifestNames, value: impl Fn(&RoleArn) -> String) -> Vec<(String, String)> {
    found.roles().iter().map(|(role, name)| (value(role), name.clone())).collect()
}

/// Those of the account map with their names, then those of roles in the manifests.
fn accounts(found: &ManifestNames) -> Vec<(String, String)> {
    let mut accounts = found.map_accounts();
    accounts.extend(roles(found, |role| role.account().as_str().to_owned()));
    accounts
}

/// Accounts by id, and by their names in the map.
fn account_names(found: &ManifestNames) -> Vec<(String, String)> {
    let named = found.map_accounts().into_iter().map(|(id, name)| (name, id));
    accounts(found).into_iter().chain(named).collect()
}

/// `FROM=`, then `FROM=TO`.
fn account_moves(found: &ManifestNames, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((from, _)) = typed.to_str().and_then(|typed| typed.split_once('=')) else {
        let mut from: Vec<(String, String)> =
            account_names(found).into_iter().map(|(account, name)| (format!("{account}="), name)).collect();
        from.push(("source=".into(), "the account of the management cluster".into()));
        from.push(("unknown=".into(), "an account that the files don't say".into()));
        return matching(typed, from);
    };
    let target = found.given("account").or_else(|| {
        let role: RoleArn = found.given("role_arn")?.parse().ok()?;
        Some(role.account().as_str().to_owned())
    });
    let to = match target {
        Some(account) => vec![(account, "the target account".to_owned())],
        None => account_names(found).into_iter().filter(|(account, _)| account != from).collect(),
    };
    matching(typed, to.into_iter().map(|(account, help)| (format!("{from}={account}"), help)).collect())
}

fn namespaces(found: &ManifestNames) -> Vec<(String, String)> {
    found.clusters().into_iter().filter_map(|(_, namespace, title)| Some((namespace?, title))).collect()
}

/// `all`, `served`, or namespaces with commas between.
fn allowed_namespaces(found: &ManifestNames, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed_text = typed.to_string_lossy();
    match typed_text.rsplit_once(',') {
        Some((before, _)) => {
            let namespaces = namespaces(found).into_iter().filter(|(name, _)| before.split(',').all(|one| one != name));
            matching(typed, namespaces.map(|(name, title)| (format!("{before},{name}"), title)).collect())
        }
        None => {
            let mut values = namespaces(found);
            values.insert(0, ("all".into(), "every namespace".into()));
            values.insert(1, ("served".into(), "the namespaces of its clusters".into()));
            matching(typed, values)
        }
    }
}

/// The controller identity, and every other kind with the names of such identities, or with none as yet.
fn source_identities(found: &ManifestNames) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for kind in IdentityKind::ALL {
        let name = kind.name();
        if kind == IdentityKind::Controller {
            values.push((format!("{name}/default"), "the credentials of the source account".into()));
            continue;
        }
        let names = found.identities(kind);
        if names.is_empty() {
            values.push((format!("{name}/"), String::new()));
        }
        values.extend(names.into_iter().map(|identity| (format!("{name}/{identity}"), String::new())));
    }
    values
}
