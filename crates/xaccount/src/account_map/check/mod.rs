//! Checks the fields of the map and makes them ready to use.

mod account;
mod clusters;
mod source;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub use clusters::parse_glob;

use super::de::Spanned;
use super::fields::{API_VERSION, Fields, IgnoreFields, KIND, LIST_KIND, ListFields};
use super::model::{AccountMap, LintIgnore};
use super::samples;
use crate::diag::{Span, SpannedError, escape_control};
use crate::kubernetes::names::{is_label_value, is_qualified_name};

/// Checks all values of a map, and of the file of shared accounts, if it names one.
///
/// # Errors
/// All errors.
pub(super) fn check(fields: Fields, shared: Option<ListFields>) -> Result<AccountMap, Vec<SpannedError>> {
    let mut checker = Checker { errors: Vec::new(), warnings: Vec::new() };
    let map = checker.map(fields, shared);
    match checker.errors.is_empty() {
        true => Ok(AccountMap { warnings: checker.warnings, ..map }),
        false => Err(checker.errors),
    }
}

struct Checker {
    errors: Vec<SpannedError>,
    warnings: Vec<SpannedError>,
}

impl Checker {
    /// Adds an error, and what to write instead.
    fn refuse(&mut self, message: impl Into<String>, span: Span, help: impl Into<String>) {
        self.errors.push(SpannedError::new(message, span).help(help));
    }

    /// Adds an error about the value of a field, with a line that is right.
    fn refuse_field(&mut self, field: &str, message: impl Into<String>, span: Span) {
        let error = SpannedError::new(message, span);
        self.errors.push(match samples::line(field) {
            Some(line) => error.help(format!("as in: {line}")),
            None => error,
        });
    }

    /// Parses the text of a field; if it is invalid, adds an error at its place.
    fn parse<T>(&mut self, field: &str, text: Option<Spanned<String>>) -> Option<Spanned<T>>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let text = text?;
        match text.value.parse() {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(error) => {
                self.refuse_field(field, error.to_string(), text.span);
                None
            }
        }
    }

    fn map(&mut self, fields: Fields, shared: Option<ListFields>) -> AccountMap {
        self.header(&fields.api_version, &fields.kind, KIND);
        let source = fields.source.map(|source| self.source(source)).unwrap_or_default();
        self.identity_file(fields.identity_file.as_ref());
        if let Some(kept) = source.controller_identity.as_ref().filter(|kept| kept.value)
            && fields.identity_file.is_none()
        {
            let message = "controllerIdentity needs a file: the map has no identityFile";
            self.refuse(message, kept.span, "add: identityFile: identities.yaml");
        }
        let ignores_unmapped = self.ignores_unmapped(fields.unmapped.as_ref());
        let defaults = self.defaults(fields.defaults.unwrap_or_default());
        let default_partition = defaults.partition.as_ref().map(|partition| partition.value);
        let shared = shared.map(|list| {
            self.header(&list.api_version, &list.kind, LIST_KIND);
            list.accounts
        });
        let accounts = self.accounts(fields.accounts, shared, &defaults, source.account.as_ref());
        let ignores = fields.lint.map_or_else(Vec::new, |lint| lint.ignore);
        let lint_ignores = ignores.into_iter().map(|ignore| self.lint_ignore(ignore)).collect();
        let identity_annotations = self.annotations(fields.identity_annotations);
        let identity_labels = self.labels(fields.identity_labels);
        AccountMap {
            source,
            identity_file: fields.identity_file,
            identity_annotations,
            identity_labels,
            ignores_unmapped,
            default_partition,
            accounts,
            lint_ignores,
            warnings: Vec::new(),
            index: OnceLock::new(),
        }
    }

    fn header(&mut self, api_version: &Spanned<String>, kind: &Spanned<String>, wanted: &str) {
        for (field, existing, right) in [("apiVersion", api_version, API_VERSION), ("kind", kind, wanted)] {
            if existing.value != right {
                let message = format!("{field} must be {right}, not {}", escape_control(&existing.value));
                self.refuse(message, existing.span, format!("write {field}: {right}"));
            }
        }
    }

    fn identity_file(&mut self, file: Option<&Spanned<String>>) {
        let Some(file) = file else { return };
        let inside = !file.value.starts_with('/') && !file.value.split('/').any(|part| part == "..");
        let yaml = file.value.ends_with(".yaml") || file.value.ends_with(".yml");
        if !inside || !yaml || file.value.contains('\\') {
            let message = "identityFile must be a YAML file in or below the map's directory, written with /";
            self.refuse_field("identityFile", message, file.span);
        }
    }

    fn ignores_unmapped(&mut self, unmapped: Option<&Spanned<String>>) -> bool {
        match unmapped.map(|unmapped| unmapped.value.as_str()) {
            None | Some("error") => false,
            Some("ignore") => true,
            Some(other) => {
                let message = format!("unmapped is error or ignore, not {}", escape_control(other));
                let span = unmapped.map_or(Span::new(0, 0), |unmapped| unmapped.span);
                self.refuse(message, span, "unmapped: ignore skips clusters that match no account");
                false
            }
        }
    }

    fn annotations(&mut self, annotations: BTreeMap<String, Spanned<String>>) -> Vec<(String, Spanned<String>)> {
        for (key, value) in annotations.iter().filter(|(key, _)| !is_qualified_name(key)) {
            let message = format!("'{}' is not an annotation key: write example.com/name", escape_control(key));
            self.refuse_field("identityAnnotations", message, value.span);
        }
        annotations.into_iter().collect()
    }

    fn labels(&mut self, labels: BTreeMap<String, Spanned<String>>) -> Vec<(String, Spanned<String>)> {
        for (key, value) in &labels {
            if !is_qualified_name(key) {
                let message = format!("'{}' is not a label key: write example.com/name", escape_control(key));
                self.refuse_field("identityLabels", message, value.span);
            } else if !is_label_value(&value.value) {
                let message = format!("'{}' is not a label value", escape_control(&value.value));
                let help = "a label value has at most 63 letters, digits, '-', '_' and '.', and starts and ends with a letter or digit";
                self.refuse(message, value.span, help);
            }
        }
        labels.into_iter().collect()
    }

    fn lint_ignore(&mut self, ignore: IgnoreFields) -> LintIgnore {
        let IgnoreFields { rule, paths, reason } = ignore;
        if reason.value.trim().is_empty() {
            self.refuse_field("reason", "the reason to ignore a rule must not be empty", reason.span);
        }
        LintIgnore { rule, paths: paths.into_iter().filter_map(|path| self.glob(path, true)).collect(), reason }
    }
}
