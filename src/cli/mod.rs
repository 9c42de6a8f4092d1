//! All flags.

mod args;
mod eject;
mod iam;
mod identity;
mod lazy;
mod lint;
mod status;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Command, CommandFactory, Parser, Subcommand, ValueEnum};

use xaccount::aws::{AccountId, DurationSeconds, ExternalId, Partition, RoleArn, SessionName};
use xaccount::capa::{DEFAULT_ROLE_NAME, IdentityKind, Version, referenced_kind};
use xaccount::inject::AllowedNamespaces;
use xaccount::kubernetes::{LabelSelector, names};

pub(crate) use args::{InputArgs, ScanArgs};
pub(crate) use eject::Eject;
pub(crate) use iam::{
    Iam, IamTargetArgs, IamVerb, ManifestArgs, Permission, PolicyArgs, PolicyFormat, SourceRoleArgs, Trust,
};
pub(crate) use identity::{AccountArgs, Identity};
pub(crate) use lazy::Lazy;
pub(crate) use lint::{Explain, Level, Lint, LintFormat};
pub(crate) use status::{Status, StatusFormat};

/// Point Cluster API AWS clusters at another AWS account.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-xaccount",
    bin_name = "kubectl xaccount",
    version = env!("XACCOUNT_VERSION"),
    about = "Point Cluster API AWS clusters at another AWS account",
    long_about = "Point Cluster API AWS clusters at another AWS account.\n\n\
        Edits the manifests of Cluster API Provider AWS (dkp, nkp, clusterctl, Git) so that clusters are created in a \
        target account: the identity reference on each cluster, and the AWSClusterRoleIdentity that it names. Shows a \
        diff first; changes no other byte.",
    after_long_help = EXIT_STATUS,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,

    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_STATUS: &str = "Exit status: 0 done; 1 the diff or --check found something to change, lint an error, or status with\n--exit-code a cluster that is not permitted or that moved; 2 an error or wrong usage.";

/// Flags of every verb.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Colour: auto, always or never. NO_COLOR and CLICOLOR_FORCE count for auto
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, hide_possible_values = true)]
    pub(crate) color: ColorWhen,

    /// Say what was decided and why (also -v=N, as kubectl)
    #[arg(short = 'v', long = "verbose", alias = "v", value_name = "LEVEL", num_args = 0..=1, require_equals = true,
          default_value = "0", default_missing_value = "1", global = true, hide_default_value = true)]
    pub(crate) verbose: u8,

    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// Each says in a line what its own help begins with: the flags are made late, see [`Lazy`].
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Point clusters at a target account
    Inject(Lazy<Inject>),
    /// Take the references out again, and identities that nobody uses
    Eject(Lazy<Eject>),
    /// Print the identities of accounts, before any cluster exists
    Identity(Lazy<Identity>),
    /// The same as inject, as a KRM function
    #[command(name = "fn")]
    Function(Lazy<Function>),
    /// Print or merge the trust and permission policies of both accounts
    Iam(Lazy<Iam>),
    /// Find cross-account mistakes in manifests
    Lint(Lazy<Lint>),
    /// Show which cluster is in which account, through which identity, and may it
    Status(Lazy<Status>),
    /// Explain a rule of lint, or print the JSON Schema of the account map
    Explain(Lazy<Explain>),
    /// Print completion for kubectl or a shell, or the man page
    Completion(Lazy<Completion>),
}

const INJECT_EXAMPLES: &str = "\
Examples:
  # Show what would change; nothing is written, exit status 1
  kubectl xaccount inject foo.yaml --account 222222222222

  # Write it; a second run changes nothing
  kubectl xaccount inject foo.yaml --account 222222222222 --write

  # From dkp to the cluster in one pipe
  dkp create cluster aws --cluster-name=foo --dry-run --output=yaml |
    kubectl xaccount inject -f - --account 222222222222 -o yaml | kubectl create -f -

  # No account on the command line: the account map says it
  kubectl xaccount inject clusters/ -R --write

  # A whole repository; identities in a file of their own
  kubectl xaccount inject clusters/ -R --account 222222222222 \\
    --identity-file clusters/identities.yaml --write

Exit status:
  0  done; with the default diff and with --check: nothing to change
  1  the diff or --check found something to change; --write --exit-code changed something
  2  an error or wrong usage; nothing was written, and nothing is on stdout";

/// Point clusters at a target account
///
/// Reads manifests, gives every selected cluster an identityRef to an AWSClusterRoleIdentity of the target account, and adds that identity where it is missing. Prints a diff unless told otherwise. Bytes outside the edit stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "--help lists more flags, and has examples", after_long_help = INJECT_EXAMPLES, override_usage = "kubectl xaccount inject [PATH]... [-f PATH]... [-R] [--role-arn ARN | --account ID] [mode] [flags]")]
pub(crate) struct Inject {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) scan: ScanArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) map: MapArgs,
    #[command(flatten)]
    pub(crate) mode: ModeArgs,
}

const FN_EXAMPLES: &str = "\
What to do is said by flags, or by a functionConfig: a ConfigMap whose data has the flags' names as
keys. A flag without a value is \"true\" there; several values stand one a line.

Examples:
  # kpt, in place
  kpt fn eval clusters \\
    --exec 'kubectl-xaccount fn --account=222222222222 --identity-file=identities.yaml'

  # kustomize, with the ConfigMap as a transformer; kubectl kustomize skips exec functions silently
  kustomize build --enable-alpha-plugins --enable-exec .

Exit status:
  0  done; nothing to point is no error here
  2  an error; the items come out unchanged, and results say why. Wrong flags and unreadable lists
     print nothing";

/// The same as inject, as a KRM function
///
/// Reads a ResourceList from standard input and prints it with the clusters in it pointed at the target account. New identities are items behind the others; with --identity-file their path annotation is that file. Results say what was changed.
#[derive(Debug, Args)]
#[command(after_long_help = FN_EXAMPLES, override_usage = "kubectl xaccount fn [(--role-arn ARN | --account ID)] [flags]")]
pub(crate) struct Function {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    /// Whether the command line says any of these; see [`Function::is_specified`].
    #[arg(skip)]
    pub(crate) specified: bool,
}

/// The flags of `fn`, as a functionConfig says them.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct FunctionConfig {
    #[command(flatten)]
    function: Function,
}

impl Function {
    /// Whether a command line says any of these flags.
    pub(crate) fn is_specified(matches: &ArgMatches) -> bool {
        matches.subcommand_matches("fn").is_some_and(|given| {
            let flags = FunctionConfig::command();
            let specified =
                |flag: &clap::Arg| given.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine);
            flags.get_arguments().any(specified)
        })
    }

    /// The flags that a functionConfig's data say.
    ///
    /// # Errors
    /// A sentence: a key that is no flag, or a value that the flag does not take.
    pub(crate) fn from_data(data: &[(String, String)]) -> Result<Self, String> {
        let command = FunctionConfig::command();
        let mut words = Vec::new();
        for (key, value) in data {
            if let "inline-policy" | "live" = key.as_str() {
                return Err(format!("{key} names a file of this machine, and data may not: pass --{key} as a flag"));
            }
            let Some(flag) = command.get_arguments().find(|flag| flag.get_long() == Some(key)) else {
                let known: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
                return Err(format!("data.{key} is no flag of fn; these are: {}", known.join(", ")));
            };
            match (flag.get_action(), value.as_str()) {
                (ArgAction::SetTrue, "true") => words.push(format!("--{key}")),
                (ArgAction::SetTrue, "false") => {}
                (ArgAction::SetTrue, _) => return Err(format!("data.{key} is '{value}': write \"true\" or \"false\"")),
                _ if value.is_empty() => words.push(format!("--{key}=")),
                _ => words.extend(value.lines().map(|line| format!("--{key}={line}"))),
            }
        }
        FunctionConfig::try_parse_from(words).map(|config| config.function).map_err(|error| {
            let text = error.render().to_string();
            let first = text.split("\n\n").next().unwrap_or_default();
            first.trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
        })
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArgs {
    /// The target account, 12 digits
    #[arg(long, value_name = "ID", conflicts_with = "role_arn", value_parser = account)]
    pub(crate) account: Option<AccountId>,

    /// The role to assume in the target account
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub(crate) role_arn: Option<RoleArn>,

    #[arg(long, value_name = "NAME", help = role_name_help(), conflicts_with = "role_arn", value_parser = role_name)]
    pub(crate) role_name: Option<String>,

    /// Partition of the role, with --account [default: that of the cluster's region, else aws]
    #[arg(long, hide_short_help = true, conflicts_with = "role_arn")]
    pub(crate) partition: Option<Partition>,

    /// Replace what says something else, within one account
    #[arg(long)]
    pub(crate) overwrite: bool,

    /// Replace a reference to account FROM by one to account TO. Moves no VPC and no machine
    ///
    /// FROM and TO are ids, or names of the account map; FROM may also be `source`, the account of the management cluster, or `unknown`, with the exact --cluster-name. --account need not be repeated.
    #[arg(long, value_name = "FROM=TO", value_parser = account_move)]
    pub(crate) move_account: Vec<AskedMove>,

    /// With --move-account, for a cluster that shows life itself: leave its resources behind. May be repeated
    #[arg(long, hide_short_help = true, value_name = "NAMESPACE/NAME", value_parser = namespaced_name)]
    pub(crate) orphan_resources: Vec<String>,

    /// A dump of the management cluster (kubectl get … -A -o yaml): a cluster that it has may run, in the account that it shows
    ///
    /// Such a cluster changes account only if that is asked for with --move-account and --orphan-resources. Where the dump has the object, that counts instead of Git's HEAD.
    #[arg(long, hide_short_help = true, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_parser = path())]
    pub(crate) live: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Account map")]
pub(crate) struct ConfigArgs {
    /// The account map [default: the nearest .xaccount.yaml above the files, as far as the Git root]
    #[arg(long, hide_short_help = true, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,

    /// Go without an account map
    #[arg(long, hide_short_help = true)]
    pub(crate) no_config: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Account map")]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Leave clusters alone that the account map does not name
    #[arg(long, hide_short_help = true)]
    pub(crate) allow_unmapped: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which clusters")]
pub(crate) struct SelectArgs {
    /// Only clusters whose name matches; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    pub(crate) cluster_name: Vec<globset::Glob>,

    /// Only objects whose labels match, as kubectl has it
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<LabelSelector>,

    /// Only objects in this namespace, and objects without one
    #[arg(short = 'n', long, value_name = "NS")]
    pub(crate) namespace: Option<String>,

    /// A topology variable that is to hold the reference though it is not there yet: identityRef, or clusterConfig.aws
    #[arg(long, hide_short_help = true, value_name = "NAME", value_parser = topology_variable)]
    pub(crate) topology_variable: Option<TopologyVariable>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityArgs {
    /// Name of the identity [default: cross-account-role-ID, and -ROLE for a role other than the default one]
    #[arg(long, value_name = "NAME", value_parser = dns_name)]
    pub(crate) identity_name: Option<String>,

    /// Keep identities in this file, out of the clusters' files; made if it is not there
    #[arg(long, value_name = "PATH")]
    pub(crate) identity_file: Option<PathBuf>,

    /// Neither make nor mend identities
    #[arg(long, hide_short_help = true, conflicts_with_all = [
        "identity_file", "with_controller_identity", "source_identity", "allowed_namespaces", "session_name", "external_id",
        "duration", "inline_policy", "identity_annotation", "api_version"])]
    pub(crate) no_identity: bool,

    /// The identity whose credentials assume the role [default: AWSClusterControllerIdentity/default]
    #[arg(long, hide_short_help = true, value_name = "KIND/NAME", value_parser = source_identity)]
    pub(crate) source_identity: Option<(IdentityKind, String)>,

    /// Namespaces whose clusters may use the identity: all, NAME,NAME or KEY=VALUE [default: all]
    #[arg(long, hide_short_help = true, value_name = "WHICH")]
    pub(crate) allowed_namespaces: Option<AllowedNamespaces>,

    /// Session name in the target account's CloudTrail
    #[arg(long, hide_short_help = true, value_name = "NAME")]
    pub(crate) session_name: Option<SessionName>,

    /// External id that the role's trust policy asks for
    #[arg(long, hide_short_help = true, value_name = "ID")]
    pub(crate) external_id: Option<ExternalId>,

    /// Length of a session in seconds, 900 to 43200
    #[arg(long, hide_short_help = true, value_name = "SECONDS")]
    pub(crate) duration: Option<DurationSeconds>,

    /// File with a session policy as JSON
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub(crate) inline_policy: Option<PathBuf>,

    /// Also add AWSClusterControllerIdentity/default, if no file has it
    #[arg(long, hide_short_help = true)]
    pub(crate) with_controller_identity: bool,

    /// Annotation of identities that are made; may be repeated
    #[arg(long, hide_short_help = true, value_name = "KEY=VALUE", value_parser = annotation)]
    pub(crate) identity_annotation: Vec<(String, String)>,

    /// Version of new identities [default: that of the objects that they serve]
    #[arg(long, hide_short_help = true, value_name = "VERSION")]
    pub(crate) api_version: Option<Version>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mode")]
pub(crate) struct ModeArgs {
    /// Print a diff and write nothing (the default)
    #[arg(long, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "client",
          value_parser = ["client"], hide_possible_values = true, conflicts_with_all = ["write", "check"])]
    pub(crate) dry_run: Option<String>,

    /// Write the files; for - the result goes to stdout
    #[arg(short = 'i', long, visible_alias = "in-place", conflicts_with_all = ["check", "output"])]
    pub(crate) write: bool,

    /// Only say which files would change
    #[arg(long, conflicts_with = "output")]
    pub(crate) check: bool,

    /// Print the result (yaml), a patch for git (patch), patches for kustomize and Flux (json-patch) or a report (report)
    #[arg(short = 'o', long, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) output: Option<OutputFormat>,

    /// With --write: exit with 1 when anything was changed
    #[arg(long, requires = "write")]
    pub(crate) exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// The whole result
    Yaml,
    /// A diff for git apply
    Patch,
    /// Patches for kustomize and Flux
    JsonPatch,
    /// A report as JSON
    Report,
}

const COMPLETION_EXAMPLES: &str = "\
Examples:
  # For kubectl xaccount …, in every shell: a program on PATH that kubectl asks
  kubectl xaccount completion kubectl > ~/.local/bin/kubectl_complete-xaccount
  chmod +x ~/.local/bin/kubectl_complete-xaccount

  # For kubectl-xaccount …: bash, in ~/.bashrc
  source <(kubectl-xaccount completion bash)

  # zsh, in ~/.zshrc behind compinit
  source <(kubectl-xaccount completion zsh)

  # fish, in ~/.config/fish/config.fish
  kubectl-xaccount completion fish | source

  # PowerShell, in $PROFILE
  kubectl-xaccount completion powershell | Out-String | Invoke-Expression

  # The man page
  kubectl xaccount completion man > ~/.local/share/man/man1/kubectl-xaccount.1";

/// Print completion for kubectl or a shell, or the man page
///
/// Completes flags and values: manifests, and the clusters, namespaces, identities, roles and accounts that the manifests on the command line hold. Nothing is written: the help says where to put what is printed. The scripts ask the program itself, so that they always know its flags; print them anew with each version all the same.
#[derive(Debug, Args)]
#[command(after_long_help = COMPLETION_EXAMPLES)]
pub(crate) struct Completion {
    /// What to print: bash, zsh, fish, powershell, kubectl or man
    #[arg(value_name = "WHAT", hide_possible_values = true)]
    pub(crate) what: CompletionOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionOf {
    /// Script for kubectl-xaccount in bash
    Bash,
    /// Script for kubectl-xaccount in zsh
    Zsh,
    /// Script for kubectl-xaccount in fish
    Fish,
    /// Script for kubectl-xaccount in PowerShell
    Powershell,
    /// Program kubectl_complete-xaccount for kubectl xaccount
    Kubectl,
    /// Man page
    Man,
}

/// A change of account as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedMove {
    pub(crate) from: AskedAccount,
    pub(crate) to: AskedAccount,
}

/// An account as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskedAccount {
    /// `source`
    Source,
    /// `unknown`
    Unknown,
    Id(AccountId),
    /// A name of the account map.
    Name(String),
}

/// A path into a topology's variables.
#[derive(Clone, Debug)]
pub(crate) struct TopologyVariable(pub(crate) Vec<String>);

/// The command line with the flags of every verb.
pub(crate) fn whole() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// The words of the command line, in which the name of a file is never taken for a flag: pre-commit passes names as they
/// are, `-dash.yaml` too, and no `--` can stand before them, because users' own flags come behind the hook's.
pub(crate) fn command_line(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut flags = true;
    let path = |word: OsString| {
        flags &= word != "--";
        let file = Path::new(&word);
        let dashed = flags && word.as_encoded_bytes().starts_with(b"-") && file.extension().is_some();
        if dashed && file.is_file() { Path::new(".").join(file).into_os_string() } else { word }
    };
    words.map(path).collect()
}

/// Any path, the empty one too: the error about that is ours.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

fn account(text: &str) -> Result<AccountId, String> {
    text.parse::<AccountId>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

fn role_arn(text: &str) -> Result<RoleArn, String> {
    text.parse::<RoleArn>().map_err(|error| with_suggestion(error.to_string(), error.suggestion()))
}

fn glob(text: &str) -> Result<globset::Glob, String> {
    // A text of any length is not said twice.
    let shortened: String = text.chars().take(40).collect();
    xaccount::account_map::parse_glob(text, false).map_err(|why| format!("error parsing glob '{shortened}': {why}"))
}

fn role_name_help() -> String {
    format!("Name of the role, with --account [default: {DEFAULT_ROLE_NAME}]")
}

fn role_name(text: &str) -> Result<String, String> {
    if text.starts_with("arn:") {
        return Err(format!("this is an ARN and not a name: --role-arn {text}, without --account"));
    }
    Ok(text.into())
}

fn with_suggestion(message: String, suggestion: Option<String>) -> String {
    match suggestion {
        Some(right) if !message.contains(&right) => format!("{message}; perhaps {right}"),
        _ => message,
    }
}

fn account_move(text: &str) -> Result<AskedMove, String> {
    let form = "write FROM=TO: account ids, or names of the account map; FROM may be source or unknown";
    let (from, to) = text.split_once('=').ok_or(form)?;
    let asked = |text: &str| match text {
        "" => Err(form.to_owned()),
        // What looks like an id is one: a name of digits alone would hide a typing error.
        _ if text.bytes().all(|b| b.is_ascii_digit() || b" -_.".contains(&b)) => account(text).map(AskedAccount::Id),
        name => Ok(AskedAccount::Name(name.to_owned())),
    };
    let from = match from {
        "source" => AskedAccount::Source,
        "unknown" => AskedAccount::Unknown,
        other => asked(other)?,
    };
    match to {
        "source" => Err("no cluster is pointed at the source account: eject removes its reference".to_owned()),
        "unknown" => Err(form.to_owned()),
        to => Ok(AskedMove { from, to: asked(to)? }),
    }
}

fn namespaced_name(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => Ok(text.into()),
        _ => Err("write NAMESPACE/NAME, exactly; an object without a namespace is in default".into()),
    }
}

fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if names::is_qualified_name(key) {
        Ok((key.into(), value.into()))
    } else {
        Err(format!("'{key}' is no annotation key: write example.com/name=value"))
    }
}

fn source_identity(text: &str) -> Result<(IdentityKind, String), String> {
    let form = "write KIND/NAME, for example AWSClusterControllerIdentity/default";
    let (kind, name) = text.split_once('/').ok_or(form)?;
    let known = referenced_kind(kind, name).map_err(|problem| {
        let kinds = problem.kinds().map_or_else(String::new, |kinds| format!("; {kinds}"));
        format!("it {problem}{kinds}")
    })?;
    Ok((known, dns_name(name)?))
}

fn dns_name(text: &str) -> Result<String, String> {
    if names::is_dns_subdomain(text) {
        Ok(text.into())
    } else {
        Err("a Kubernetes name is lower-case letters, digits, '-' and '.', and begins and ends with a letter or digit"
            .into())
    }
}

fn topology_variable(text: &str) -> Result<TopologyVariable, String> {
    let path: Vec<String> = text.split('.').map(str::to_owned).collect();
    if path == ["clusterConfig"] {
        return Err("clusterConfig holds more than a reference: write clusterConfig.aws or clusterConfig.eks".into());
    }
    if path.iter().any(String::is_empty) {
        return Err(
            "write the variable's name, and perhaps a path into its value: identityRef, or clusterConfig.aws".into()
        );
    }
    Ok(TopologyVariable(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The help is wrapped at 100 columns, and a command that is wrapped can't be copied.
    #[test]
    fn no_line_of_an_example_is_wrapped() {
        fn check(command: &clap::Command) {
            let after = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in after.lines() {
                assert!(line.chars().count() <= 100, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
