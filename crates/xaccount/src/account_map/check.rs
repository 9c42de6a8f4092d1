//! Checks the fields of the map and makes them ready to use.

use std::collections::HashSet;
use std::sync::OnceLock;

use globset::GlobBuilder;

use super::de::{Spanned, nearest};
use super::entry::{Entry, Glob};
use super::fields::{
    API_VERSION, AccountFields, EntryFields, ExceptFields, Fields, IgnoreFields, KIND, NamespacesFields, OneOrMore,
};
use super::index::EntryIndex;
use crate::aws::{AccountId, DurationSeconds, ExternalId, Partition, RoleArn, SessionName};
use crate::diag::{Span, SpannedError, escape_control};
use crate::kubernetes::names::{is_dns_label, is_dns_subdomain, is_label_value, is_qualified_name};

/// Which cluster belongs to which AWS account.
#[derive(Clone, Debug)]
pub struct AccountMap {
    /// The source account: the account of the management cluster.
    pub source: Source,
    /// The file for identities, relative to the map, with `/`.
    pub identity_file: Option<Spanned<String>>,
    /// Annotations of created identities.
    pub identity_annotations: Vec<(String, String)>,
    /// The target accounts in their order.
    pub accounts: Vec<Account>,
    /// The rules that lint ignores.
    pub lint_ignores: Vec<LintIgnore>,
    /// The index of the entries, created on first use.
    pub(super) index: OnceLock<Box<EntryIndex>>,
}

/// A rule that lint ignores.
#[derive(Clone, Debug)]
pub struct LintIgnore {
    /// Its id or name, as written.
    pub rule: Spanned<String>,
    /// Globs of the files for which it is ignored, relative to the map; empty means all files.
    pub paths: Vec<Glob>,
    /// The reason.
    pub reason: Spanned<String>,
}

/// The source account: the account of the management cluster.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its id.
    pub account: Option<Spanned<AccountId>>,
    /// The IAM role of the CAPA pod: a name, or a path and a name.
    pub role_name: Option<Spanned<String>>,
    /// The version of CAPA on the management cluster.
    pub capa_version: Option<Spanned<String>>,
    /// Clusters that stay in it.
    pub clusters: Vec<Entry>,
}

/// A target account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name for people.
    pub name: Spanned<String>,
    /// Its id.
    pub account: Spanned<AccountId>,
    /// The role, if the map specifies its ARN.
    pub role_arn: Option<Spanned<RoleArn>>,
    /// The role's name, or its path and name.
    pub role_name: Option<Spanned<String>>,
    /// The role's partition.
    pub partition: Option<Spanned<Partition>>,
    /// The identity's name.
    pub identity_name: Option<Spanned<String>>,
    /// `spec.externalID`
    pub external_id: Option<Spanned<ExternalId>>,
    /// `spec.sessionName`
    pub session_name: Option<Spanned<SessionName>>,
    /// `spec.durationSeconds`
    pub duration_seconds: Option<Spanned<DurationSeconds>>,
    /// `spec.allowedNamespaces`
    pub allowed_namespaces: Option<Spanned<MapNamespaces>>,
    /// The clusters that belong to it.
    pub clusters: Vec<Entry>,
    /// The templates that belong to it.
    pub templates: Vec<Glob>,
}

/// The namespaces that may use an account's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapNamespaces {
    /// The namespaces of the clusters that it serves.
    Served,
    /// Every namespace.
    All,
    /// These namespaces.
    List(Vec<String>),
    /// The namespaces with this label.
    Label(String, String),
}

/// Checks all values.
///
/// # Errors
/// All errors.
pub(super) fn check(fields: Fields) -> Result<AccountMap, Vec<SpannedError>> {
    let mut checker = Checker { errors: Vec::new() };
    let map = checker.map(fields);
    if checker.errors.is_empty() { Ok(map) } else { Err(checker.errors) }
}

struct Checker {
    errors: Vec<SpannedError>,
}

impl Checker {
    fn refuse(&mut self, message: impl Into<String>, span: Span) {
        self.errors.push(SpannedError::new(message, span));
    }

    /// Parses a text; if it is invalid, adds an error at its place.
    fn parse<T>(&mut self, text: Option<Spanned<String>>) -> Option<Spanned<T>>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text = text?;
        match text.value.parse() {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(error) => {
                self.refuse(error.to_string(), text.span);
                None
            }
        }
    }

    fn map(&mut self, fields: Fields) -> AccountMap {
        for (field, existing, right) in [("apiVersion", &fields.api_version, API_VERSION), ("kind", &fields.kind, KIND)]
        {
            if existing.value != right {
                let message = format!("{field} must be {right}, not {}", escape_control(&existing.value));
                self.refuse(message, existing.span);
            }
        }
        let source = fields.source.map(|source| Source {
            account: self.parse(source.account),
            role_name: self.role_name(source.role_name),
            capa_version: self.capa_version(source.capa_version),
            clusters: self.entries(source.clusters),
        });
        if let Some(file) = &fields.identity_file {
            let inside = !file.value.starts_with('/') && !file.value.split('/').any(|part| part == "..");
            let yaml = file.value.ends_with(".yaml") || file.value.ends_with(".yml");
            if !inside || !yaml || file.value.contains('\\') {
                self.refuse(
                    "identityFile must be a YAML file in or below the map's directory, written with /",
                    file.span,
                );
            }
        }
        let mut identity_annotations = Vec::new();
        for (key, value) in fields.identity_annotations {
            if !is_qualified_name(&key) {
                self.refuse(
                    format!("'{}' is not an annotation key: write example.com/name", escape_control(&key)),
                    value.span,
                );
            }
            identity_annotations.push((key, value.value));
        }
        let accounts: Vec<Account> = fields.accounts.into_iter().filter_map(|account| self.account(account)).collect();
        let mut names = HashSet::new();
        for account in &accounts {
            if !names.insert(&account.name.value) {
                let name = escape_control(&account.name.value);
                self.refuse(format!("two accounts are named {name}"), account.name.span);
            }
        }
        if let Some(own) = source.as_ref().and_then(|source| source.account.as_ref()) {
            for account in accounts.iter().filter(|account| account.account.value == own.value) {
                let message = format!("{} is the source account (source.account)", own.value);
                let help =
                    "correct one of the two ids, or remove this account and list its clusters in source.clusters";
                self.errors.push(SpannedError::new(message, account.account.span).help(help));
            }
        }
        let ignores = fields.lint.map_or_else(Vec::new, |lint| lint.ignore);
        let lint_ignores = ignores.into_iter().map(|ignore| self.lint_ignore(ignore)).collect();
        AccountMap {
            lint_ignores,
            source: source.unwrap_or_default(),
            identity_file: fields.identity_file,
            identity_annotations,
            accounts,
            index: OnceLock::new(),
        }
    }

    fn account(&mut self, account: Spanned<AccountFields>) -> Option<Account> {
        let AccountFields {
            name,
            account: id,
            role_name,
            role_arn,
            partition,
            identity_name,
            external_id,
            session_name,
            duration_seconds,
            allowed_namespaces,
            clusters,
            templates,
        } = account.value;
        if name.value.is_empty() {
            self.refuse("the name of an account must not be empty", name.span);
        }
        let role_arn: Option<Spanned<RoleArn>> = self.parse(role_arn);
        let id: Option<Spanned<AccountId>> = self.parse(Some(id));
        if let Some(role) = &role_arn {
            let others = [
                ("roleName", role_name.as_ref().map(|one| one.span)),
                ("partition", partition.as_ref().map(|one| one.span)),
            ];
            self.beside_role_arn(role, id.as_ref(), others);
        }
        self.object_name(identity_name.as_ref());
        let duration_seconds = duration_seconds.and_then(|seconds| self.duration(seconds));
        Some(Account {
            name,
            account: id?,
            role_arn,
            role_name: self.role_name(role_name),
            partition: self.parse(partition),
            identity_name,
            external_id: self.parse(external_id),
            session_name: self.parse(session_name),
            duration_seconds,
            allowed_namespaces: allowed_namespaces.map(|allowed| {
                let span = allowed.span;
                Spanned { value: self.namespaces(allowed.value, span), span }
            }),
            clusters: self.entries(clusters),
            templates: templates.into_iter().filter_map(|glob| self.glob(glob, false)).collect(),
        })
    }

    /// Checks an account's role ARN against its id and the fields for parts of the role, each with its place.
    fn beside_role_arn(
        &mut self,
        role: &Spanned<RoleArn>,
        id: Option<&Spanned<AccountId>>,
        others: [(&str, Option<Span>); 2],
    ) {
        if let Some(id) = id.filter(|id| role.value.account() != &id.value) {
            self.refuse(
                format!("roleARN is in account {}, but account is {}", role.value.account(), id.value),
                role.span,
            );
        }
        for (field, span) in others {
            if let Some(span) = span {
                self.refuse(format!("roleARN already contains the whole role: remove {field}"), span);
            }
        }
    }

    fn object_name(&mut self, name: Option<&Spanned<String>>) {
        if let Some(name) = name
            && !is_dns_subdomain(&name.value)
        {
            let message = format!(
                "'{}' is not a valid object name: use lower-case letters, digits, '-' and '.'",
                escape_control(&name.value)
            );
            self.refuse(message, name.span);
        }
    }

    fn duration(&mut self, seconds: Spanned<i64>) -> Option<Spanned<DurationSeconds>> {
        match DurationSeconds::try_from(seconds.value) {
            Ok(value) => Some(Spanned { value, span: seconds.span }),
            Err(error) => {
                self.refuse(error.to_string(), seconds.span);
                None
            }
        }
    }

    fn role_name(&mut self, name: Option<Spanned<String>>) -> Option<Spanned<String>> {
        let name = name?;
        // Any account will do: only the characters of the name are checked.
        let account: Result<AccountId, _> = "000000000000".parse();
        if let Some(error) = account.ok().and_then(|account| RoleArn::new(Partition::Aws, &account, &name.value).err())
        {
            self.refuse(error.to_string(), name.span);
        }
        Some(name)
    }

    fn capa_version(&mut self, version: Option<Spanned<String>>) -> Option<Spanned<String>> {
        let version = version?;
        let numbers: Vec<&str> = version.value.strip_prefix('v').unwrap_or(&version.value).split('.').collect();
        let digits = |part: &&str| !part.is_empty() && part.len() < 6 && part.bytes().all(|b| b.is_ascii_digit());
        if !(2..=3).contains(&numbers.len()) || !numbers.iter().all(digits) {
            self.refuse(
                "capaVersion must be a version of Cluster API Provider AWS in quotes, such as \"2.9\" or \"2.9.3\"",
                version.span,
            );
        }
        Some(version)
    }

    fn namespaces(&mut self, allowed: NamespacesFields, span: Span) -> MapNamespaces {
        let NamespacesFields::Capa(capa) = allowed else { return MapNamespaces::Served };
        match (capa.list, capa.selector) {
            (None, None) => MapNamespaces::All,
            (Some(list), None) => {
                for name in list.iter().filter(|name| !is_dns_label(&name.value)) {
                    let text = escape_control(&name.value);
                    self.refuse(
                        format!("'{text}' is not a valid namespace name: CAPA compares names exactly"),
                        name.span,
                    );
                }
                if list.is_empty() {
                    self.refuse(
                        "an empty list allows no namespace to use the identity; omit allowedNamespaces to allow all",
                        span,
                    );
                }
                MapNamespaces::List(list.into_iter().map(|name| name.value).collect())
            }
            (None, Some(selector)) => {
                let mut labels = selector.match_labels.into_iter();
                match (labels.next(), labels.next()) {
                    (Some((key, value)), None) if is_qualified_name(&key) && is_label_value(&value.value) => {
                        MapNamespaces::Label(key, value.value)
                    }
                    _ => {
                        self.refuse("matchLabels must have exactly one label, KEY: VALUE", span);
                        MapNamespaces::All
                    }
                }
            }
            (Some(_), Some(_)) => {
                self.refuse("allowedNamespaces in an account map can have a list or a selector, not both", span);
                MapNamespaces::All
            }
        }
    }

    fn entries(&mut self, entries: Option<OneOrMore<EntryFields>>) -> Vec<Entry> {
        let entries = entries.map(|entries| entries.0).unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| {
                let span = entry.span;
                let EntryFields { names, namespaces, paths, except } = entry.value;
                if names.is_empty() && namespaces.is_empty() && paths.is_empty() {
                    self.refuse("this entry would match every cluster: write names: [\"*\"] if you want this", span);
                }
                let except = except.map(|except| {
                    let ExceptFields { names, namespaces, paths } = except.value;
                    if names.is_empty() && namespaces.is_empty() && paths.is_empty() {
                        self.refuse(
                            "this would exclude every cluster of the entry: remove the entry if you want this",
                            except.span,
                        );
                    }
                    Box::new(self.entry(names, namespaces, paths, None, except.span))
                });
                self.entry(names, namespaces, paths, except, span)
            })
            .collect()
    }

    fn entry(
        &mut self,
        names: Vec<Spanned<String>>,
        namespaces: Vec<Spanned<String>>,
        paths: Vec<Spanned<String>>,
        except: Option<Box<Entry>>,
        span: Span,
    ) -> Entry {
        for path in &paths {
            if path.value.starts_with('/') || path.value.split('/').any(|part| part == ".." || part == ".") {
                self.refuse("paths are relative to the map, without . and .., such as clusters/dev/**", path.span);
            } else if path.value.ends_with('/') {
                let path_of_files = format!("paths must match files: write {}**", escape_control(&path.value));
                self.refuse(path_of_files, path.span);
            }
        }
        let mut globs = |globs: Vec<Spanned<String>>, path: bool| {
            globs.into_iter().filter_map(|glob| self.glob(glob, path)).collect()
        };
        let (names, namespaces, paths) = (globs(names, false), globs(namespaces, false), globs(paths, true));
        Entry { names, namespaces, paths, except, span }
    }

    fn lint_ignore(&mut self, ignore: IgnoreFields) -> LintIgnore {
        let IgnoreFields { rule, paths, reason } = ignore;
        if reason.value.trim().is_empty() {
            self.refuse("the reason to ignore a rule must not be empty", reason.span);
        }
        LintIgnore { rule, paths: paths.into_iter().filter_map(|path| self.glob(path, true)).collect(), reason }
    }

    fn glob(&mut self, glob: Spanned<String>, path: bool) -> Option<Glob> {
        match parse_glob(&glob.value, path) {
            Ok(_) if glob.value.is_empty() => self.refuse("an empty glob matches nothing", glob.span),
            Ok(built) => return Some(Glob { matcher: built.compile_matcher(), span: glob.span }),
            Err(why) => self.refuse(format!("invalid glob: {why}"), glob.span),
        }
        None
    }
}

/// Maximum length of a glob, in bytes. A longer one can need more memory than globset allows, and its compilation
/// panics.
const LONGEST_GLOB: usize = 1024;

/// Maximum number of opening braces. globset can't compile braces that nest 250 deep; its compilation panics.
const MOST_BRACES: usize = 100;

/// Parses a glob, so that it can be compiled. For a path, `*` does not match `/`.
///
/// # Errors
/// What is wrong with it, as a message.
pub fn parse_glob(text: &str, path: bool) -> Result<globset::Glob, String> {
    if text.len() > LONGEST_GLOB {
        return Err(format!("it has {} bytes, and the maximum is {LONGEST_GLOB}", text.len()));
    }
    let braces = memchr::memchr_iter(b'{', text.as_bytes()).count();
    if braces > MOST_BRACES {
        return Err(format!("it opens {braces} braces, and the maximum is {MOST_BRACES}"));
    }
    GlobBuilder::new(text).literal_separator(path).build().map_err(|error| error.kind().to_string())
}

impl AccountMap {
    /// The account with this name.
    ///
    /// # Errors
    /// There is no such account. The value is the most similar name, if there is one.
    pub fn named(&self, name: &str) -> Result<&Account, Option<&str>> {
        let found = self.accounts.iter().find(|account| account.name.value == name);
        found.ok_or_else(|| nearest(name, self.accounts.iter().map(|account| account.name.value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_glob;

    #[test]
    fn every_glob_that_is_read_can_be_compiled() {
        let repeat = |text: &str| text.repeat(super::LONGEST_GLOB / text.len());
        let nested = format!("{}a{}", "{".repeat(super::MOST_BRACES), "}".repeat(super::MOST_BRACES));
        for text in ["?", "*a", "[!a]", "[!é]", "**/", "[\u{80}-\u{10ffff}]", "\u{10ffff}", "\\?"].map(repeat) {
            parse_glob(&text, true).unwrap().compile_matcher();
            parse_glob(&text, false).unwrap().compile_matcher();
            assert!(parse_glob(&format!("{text}{}", "a".repeat(1024)), false).is_err());
        }
        parse_glob(&nested, false).unwrap().compile_matcher();
        assert!(parse_glob(&format!("{{{nested}}}"), false).is_err());
        assert!(parse_glob(&"{".repeat(100_000), false).is_err());
    }
}
