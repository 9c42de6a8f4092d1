//! Checks the target accounts, and completes them with shared accounts and defaults.

use std::collections::{HashMap, HashSet};

use super::Checker;
use crate::account_map::de::Spanned;
use crate::account_map::fields::{AccountFields, DefaultsFields, IdentityRefFields, NamespacesFields};
use crate::account_map::model::{Account, IdentityName};
use crate::account_map::{AllowedNamespaces, looks_like_account_id};
use crate::aws::{AccountId, DurationSeconds, Partition, PermissionsBoundary, RoleArn, SessionName};
use crate::capa::{IdentityKind, referenced_kind};
use crate::diag::{Span, escape_control};
use crate::kubernetes::names::{is_dns_label, is_dns_subdomain, is_label_value, is_qualified_name};

/// Characters that a shell, or a flag with several values, gives a meaning of its own.
const NOT_IN_NAMES: &str = "=,;&|<>()$`\\\"'*?[]#~!{}";

/// The checked `defaults` of a map.
#[derive(Default)]
pub(super) struct Defaults {
    role_name: Option<Spanned<String>>,
    pub(super) partition: Option<Spanned<Partition>>,
    session_name: Option<Spanned<SessionName>>,
    duration_seconds: Option<Spanned<DurationSeconds>>,
    allowed_namespaces: Option<Spanned<AllowedNamespaces>>,
    permissions_boundary: Option<Spanned<PermissionsBoundary>>,
}

/// An account as far as one file specifies it: its id may be in the other.
struct Partial {
    id: Option<Spanned<AccountId>>,
    /// Whether it has an id, though maybe an invalid one.
    has_id: bool,
    account: Account,
}

impl Checker {
    pub(super) fn defaults(&mut self, fields: DefaultsFields) -> Defaults {
        Defaults {
            role_name: self.role_name(fields.role_name),
            partition: self.parse("partition", fields.partition),
            session_name: self.parse("sessionName", fields.session_name),
            duration_seconds: fields.duration_seconds.and_then(|seconds| self.duration(seconds)),
            allowed_namespaces: self.allowed_namespaces(fields.allowed_namespaces),
            permissions_boundary: self.permissions_boundary(fields.permissions_boundary, None),
        }
    }

    /// The accounts of the map, then the shared ones that it doesn't list.
    pub(super) fn accounts(
        &mut self,
        own: Vec<Spanned<AccountFields>>,
        shared: Option<Vec<Spanned<AccountFields>>>,
        defaults: &Defaults,
        source: Option<&Spanned<AccountId>>,
    ) -> Vec<Account> {
        let is_shared = shared.is_some();
        let mut all = self.partials(own, true);
        let mut rest = self.partials(shared.unwrap_or_default(), false);
        for one in &rest {
            self.no_paths_in_shared(&one.account);
        }
        for own in &mut all {
            if let Some(at) = rest.iter().position(|one| one.account.name.value == own.account.name.value) {
                let shared = rest.remove(at);
                self.complete(own, shared);
            }
        }
        all.extend(rest);
        let mut accounts = Vec::new();
        for Partial { id, has_id, account } in all {
            match id {
                Some(id) => accounts.push(with_defaults(Account { account: id, ..account }, defaults)),
                // The invalid id is an error already.
                None if has_id => {}
                None => {
                    let name = escape_control(&account.name.value).into_owned();
                    let message = match is_shared {
                        true => format!("accountsFrom has no account named {name}"),
                        false => format!("the account {name} has no id: the field account is missing"),
                    };
                    self.refuse(message, account.name.span, "add: account: \"222222222222\"");
                }
            }
        }
        for account in &accounts {
            self.role_and_account(account);
            self.only_reference(account);
        }
        self.not_the_source(&accounts, source);
        self.no_cycles(&accounts);
        self.one_identity_each(&accounts);
        accounts
    }

    fn partials(&mut self, accounts: Vec<Spanned<AccountFields>>, is_listed: bool) -> Vec<Partial> {
        let all: Vec<Partial> = accounts.into_iter().map(|fields| self.account(fields.value, is_listed)).collect();
        let mut names = HashSet::new();
        for one in &all {
            let name = &one.account.name;
            if !names.insert(&name.value) {
                let message = format!("two accounts are named {}", escape_control(&name.value));
                self.refuse(message, name.span, "give each account a name of its own");
            }
        }
        all
    }

    fn account(&mut self, fields: AccountFields, is_listed: bool) -> Partial {
        let name = fields.name;
        self.account_name(&name);
        let has_id = fields.account.is_some();
        let id: Option<Spanned<AccountId>> = self.parse("account", fields.account);
        self.object_name(fields.identity_name.as_ref());
        let account = Account {
            is_listed,
            // Replaced once the id is known.
            account: id.clone().unwrap_or_else(|| Spanned { value: AccountId::zeros(), span: name.span }),
            role_arn: fields.role_arn.and_then(|arn| self.role_arn("roleARN", arn)),
            role_name: self.role_name(fields.role_name),
            partition: self.parse("partition", fields.partition),
            permissions_boundary: self.permissions_boundary(fields.permissions_boundary, id.as_ref()),
            identity_name: fields.identity_name,
            external_id: self.parse("externalID", fields.external_id),
            session_name: self.parse("sessionName", fields.session_name),
            duration_seconds: fields.duration_seconds.and_then(|seconds| self.duration(seconds)),
            allowed_namespaces: self.allowed_namespaces(fields.allowed_namespaces),
            source_identity: fields.source_identity.and_then(|reference| self.reference("sourceIdentity", reference)),
            identity_ref: fields.identity_ref.and_then(|reference| self.reference("identityRef", reference)),
            clusters: self.entries(fields.clusters),
            templates: fields.templates.into_iter().filter_map(|glob| self.glob(glob, false)).collect(),
            name,
        };
        Partial { id, has_id, account }
    }

    /// Names are accepted wherever an id is, so a name must not look like something else there.
    fn account_name(&mut self, name: &Spanned<String>) {
        let text = &name.value;
        let why = if text.is_empty() {
            "the name of an account must not be empty".to_owned()
        } else if matches!(text.as_str(), "source" | "unknown") {
            format!("the name '{text}' has a meaning of its own in --move-account")
        } else if text.starts_with('-') || text.contains(|c: char| c.is_control() || NOT_IN_NAMES.contains(c)) {
            format!("the name '{}' can't be typed as the value of a flag", escape_control(text))
        } else if looks_like_account_id(text) {
            format!("the name '{}' looks like an account id", escape_control(text))
        } else {
            return;
        };
        self.refuse(why, name.span, "write a name of letters, such as name: development");
    }

    /// Completes an account with the shared one of its name: what the map sets counts, and clusters are added.
    fn complete(&mut self, own: &mut Partial, shared: Partial) {
        if let (Some(id), Some(other)) = (&own.id, &shared.id)
            && id.value != other.value
        {
            let name = escape_control(&own.account.name.value);
            let message = format!("{name} is account {} here, but {} in accountsFrom", id.value, other.value);
            self.refuse(message, id.span, "remove account here, or use another name");
        }
        own.id = own.id.take().or(shared.id);
        own.has_id |= shared.has_id;
        let (own, shared) = (&mut own.account, shared.account);
        own.identity_ref = own.identity_ref.take().or(shared.identity_ref);
        // A role's parts belong together.
        if own.role_arn.is_none() && own.role_name.is_none() && own.partition.is_none() {
            (own.role_arn, own.role_name, own.partition) = (shared.role_arn, shared.role_name, shared.partition);
        }
        own.permissions_boundary = own.permissions_boundary.take().or(shared.permissions_boundary);
        own.identity_name = own.identity_name.take().or(shared.identity_name);
        own.external_id = own.external_id.take().or(shared.external_id);
        own.session_name = own.session_name.take().or(shared.session_name);
        own.duration_seconds = own.duration_seconds.take().or(shared.duration_seconds);
        own.allowed_namespaces = own.allowed_namespaces.take().or(shared.allowed_namespaces);
        own.source_identity = own.source_identity.take().or(shared.source_identity);
        own.clusters.extend(shared.clusters);
        own.templates.extend(shared.templates);
    }

    /// Refuses paths in a shared file: they are relative to a map, and the file serves several.
    fn no_paths_in_shared(&mut self, account: &Account) {
        for entry in &account.clusters {
            let except = entry.except.iter().flat_map(|except| &except.paths);
            for path in entry.paths.iter().chain(except) {
                let message = "paths are relative to a map, and this file serves several maps";
                let help = "use names or namespaces here, or write the entry in the map, under an account of this name";
                self.refuse(message, path.span, help);
            }
        }
    }

    /// Checks an account's role ARN against its id and the fields for parts of the role.
    fn role_and_account(&mut self, account: &Account) {
        let Some(role) = &account.role_arn else { return };
        if role.value.account() != &account.account.value {
            let message =
                format!("roleARN is in account {}, but account is {}", role.value.account(), account.account.value);
            self.refuse(message, role.span, "correct one of the two");
        }
        let others = [
            ("roleName", account.role_name.as_ref().map(|one| one.span)),
            ("partition", account.partition.as_ref().map(|one| one.span)),
        ];
        for (field, span) in others {
            if let Some(span) = span {
                let message = format!("roleARN already contains the whole role: remove {field}");
                self.refuse(message, span, format!("keep roleARN: \"{}\" alone", role.value));
            }
        }
    }

    /// Refuses settings of an identity that the map does not manage.
    fn only_reference(&mut self, account: &Account) {
        let Some(reference) = &account.identity_ref else { return };
        if reference.value.kind == IdentityKind::Controller {
            let message =
                "identityRef names the controller identity, whose credentials are those of the source account";
            let help = "list the clusters under source.clusters, and remove this account";
            self.refuse(message, reference.span, help);
        }
        let settings = [
            ("roleARN", account.role_arn.as_ref().map(|one| one.span)),
            ("roleName", account.role_name.as_ref().map(|one| one.span)),
            ("partition", account.partition.as_ref().map(|one| one.span)),
            ("permissionsBoundary", account.permissions_boundary.as_ref().map(|one| one.span)),
            ("identityName", account.identity_name.as_ref().map(|one| one.span)),
            ("externalID", account.external_id.as_ref().map(|one| one.span)),
            ("sessionName", account.session_name.as_ref().map(|one| one.span)),
            ("durationSeconds", account.duration_seconds.as_ref().map(|one| one.span)),
            ("allowedNamespaces", account.allowed_namespaces.as_ref().map(|one| one.span)),
            ("sourceIdentity", account.source_identity.as_ref().map(|one| one.span)),
        ];
        for (field, span) in settings {
            if let Some(span) = span {
                let message = format!("{} is not managed by this map, so {field} has no effect", reference.value);
                self.refuse(message, span, format!("remove {field}, or remove identityRef"));
            }
        }
    }

    /// Refuses sources that lead back to an identity: CAPA follows such a cycle until its controller runs out of memory
    /// (`pkg/cloud/scope/session.go`, `buildProvidersForRef`, v2.13.0).
    fn no_cycles(&mut self, accounts: &[Account]) {
        let by_identity = |identity: &IdentityName| {
            accounts
                .iter()
                .find(|account| account.identity_ref.is_none() && account.identity().as_ref() == Some(identity))
        };
        for account in accounts {
            let (Some(source), Some(own)) = (&account.source_identity, account.identity()) else { continue };
            let mut chain = vec![own.clone()];
            let mut next = Some(source.value.clone());
            while let Some(identity) = next.take().filter(|identity| !chain[1..].contains(identity)) {
                chain.push(identity.clone());
                if identity == own {
                    let names: Vec<&str> = chain.iter().map(|identity| identity.name.as_str()).collect();
                    let message =
                        format!("the identity {} can't be its own source: CAPA would run out of memory", own.name);
                    let help = format!(
                        "the cycle is {}: remove sourceIdentity from one of these accounts",
                        names.join(" -> ")
                    );
                    self.refuse(message, source.span, help);
                    break;
                }
                next = by_identity(&identity).and_then(|one| one.source_identity.as_ref()).map(|one| one.value.clone());
            }
        }
    }

    fn not_the_source(&mut self, accounts: &[Account], source: Option<&Spanned<AccountId>>) {
        let Some(own) = source else { return };
        for account in accounts.iter().filter(|account| account.account.value == own.value) {
            let message = format!("{} is the source account (source.account)", own.value);
            let help = "correct one of the two ids, or remove this account and list its clusters in source.clusters";
            self.refuse(message, account.account.span, help);
        }
    }

    /// Refuses two accounts with one identity: it has one role, and one list of namespaces.
    fn one_identity_each(&mut self, accounts: &[Account]) {
        let mut first: HashMap<String, &Account> = HashMap::new();
        for account in accounts {
            let Some(identity) = account.identity().filter(|_| account.identity_ref.is_none()) else { continue };
            let other = *first.entry(identity.name.clone()).or_insert(account);
            if std::ptr::eq(other, account) {
                continue;
            }
            let names = [other, account].map(|one| escape_control(&one.name.value).into_owned());
            let [one, two] = &names;
            let is_same = other.role(Partition::Aws) == account.role(Partition::Aws);
            let (message, help) = match is_same {
                true => (
                    format!("{one} and {two} are the same role of one account"),
                    format!("list the clusters of both under {one}: clusters can be a list of entries"),
                ),
                false => (
                    format!("{one} and {two} are two roles, but both have the identity {}", identity.name),
                    "give one of them another identityName".to_owned(),
                ),
            };
            let span = account.identity_name.as_ref().map_or(account.name.span, |name| name.span);
            self.refuse(message, span, help);
        }
    }

    fn object_name(&mut self, name: Option<&Spanned<String>>) {
        if let Some(name) = name.filter(|name| !is_dns_subdomain(&name.value)) {
            let message = format!(
                "'{}' is not a valid object name: use lower-case letters, digits, '-' and '.'",
                escape_control(&name.value)
            );
            self.refuse_field("identityName", message, name.span);
        }
    }

    fn reference(&mut self, field: &str, reference: Spanned<IdentityRefFields>) -> Option<Spanned<IdentityName>> {
        let IdentityRefFields { kind, name } = reference.value;
        match referenced_kind(&kind.value, &name.value) {
            Ok(_) if !is_dns_subdomain(&name.value) => {
                let message = format!("'{}' is not the name of an identity", escape_control(&name.value));
                self.refuse_field(field, message, name.span);
                None
            }
            Ok(known) => Some(Spanned { value: IdentityName { kind: known, name: name.value }, span: reference.span }),
            Err(problem) => {
                let message = format!("{field} {problem}");
                match problem.kinds() {
                    Some(kinds) => self.refuse(message, kind.span, kinds),
                    None => self.refuse_field(field, message, kind.span),
                }
                None
            }
        }
    }

    fn duration(&mut self, seconds: Spanned<i64>) -> Option<Spanned<DurationSeconds>> {
        match DurationSeconds::try_from(seconds.value) {
            Ok(value) => Some(Spanned { value, span: seconds.span }),
            Err(error) => {
                self.refuse_field("durationSeconds", error.to_string(), seconds.span);
                None
            }
        }
    }

    pub(super) fn role_name(&mut self, name: Option<Spanned<String>>) -> Option<Spanned<String>> {
        let name = name?;
        // Any account will do: only the characters of the name are checked.
        if let Some(error) = RoleArn::new(Partition::Aws, &AccountId::zeros(), &name.value).err() {
            self.refuse_field("roleName", error.to_string(), name.span);
        }
        Some(name)
    }

    fn permissions_boundary(
        &mut self,
        boundary: Option<Spanned<String>>,
        account: Option<&Spanned<AccountId>>,
    ) -> Option<Spanned<PermissionsBoundary>> {
        let boundary: Spanned<PermissionsBoundary> = self.parse("permissionsBoundary", boundary)?;
        if let Some(owner) = account.and_then(|id| boundary.value.other_account(&id.value)) {
            let message = format!("the policy is in account {owner}: a boundary is in the account of its role");
            self.refuse_field("permissionsBoundary", message, boundary.span);
        }
        Some(boundary)
    }

    fn allowed_namespaces(&mut self, allowed: Option<Spanned<NamespacesFields>>) -> Option<Spanned<AllowedNamespaces>> {
        let allowed = allowed?;
        let span = allowed.span;
        Some(Spanned { value: self.namespaces(allowed.value, span), span })
    }

    fn namespaces(&mut self, allowed: NamespacesFields, span: Span) -> AllowedNamespaces {
        const FIELD: &str = "allowedNamespaces";
        let capa = match allowed {
            NamespacesFields::Served => return AllowedNamespaces::Served,
            NamespacesFields::All => return AllowedNamespaces::All,
            NamespacesFields::Capa(capa) => capa,
        };
        match (capa.list, capa.selector) {
            (None, None) => AllowedNamespaces::All,
            (Some(list), None) => {
                for name in list.iter().filter(|name| !is_dns_label(&name.value)) {
                    let text = escape_control(&name.value);
                    let message = format!("'{text}' is not a valid namespace name: CAPA compares names exactly");
                    self.refuse_field("list", message, name.span);
                }
                if list.is_empty() {
                    self.refuse_field(FIELD, "an empty list allows no namespace to use the identity", span);
                }
                AllowedNamespaces::List(list.into_iter().map(|name| name.value).collect())
            }
            (None, Some(selector)) => {
                let mut labels = selector.match_labels.into_iter();
                match (labels.next(), labels.next()) {
                    (Some((key, value)), None) if is_qualified_name(&key) && is_label_value(&value.value) => {
                        AllowedNamespaces::Label(key, value.value)
                    }
                    _ => {
                        self.refuse_field("matchLabels", "matchLabels must have exactly one label, KEY: VALUE", span);
                        AllowedNamespaces::All
                    }
                }
            }
            (Some(_), Some(_)) => {
                let message = "allowedNamespaces in an account map can have a list or a selector, not both";
                self.refuse_field(FIELD, message, span);
                AllowedNamespaces::All
            }
        }
    }
}

/// An account with the defaults for what it does not set. An identity that exists already has none.
fn with_defaults(mut account: Account, defaults: &Defaults) -> Account {
    if account.identity_ref.is_some() {
        return account;
    }
    if account.role_arn.is_none() {
        account.role_name = account.role_name.or_else(|| defaults.role_name.clone());
        account.partition = account.partition.or_else(|| defaults.partition.clone());
    }
    account.session_name = account.session_name.or_else(|| defaults.session_name.clone());
    account.duration_seconds = account.duration_seconds.or_else(|| defaults.duration_seconds.clone());
    account.allowed_namespaces = account.allowed_namespaces.or_else(|| defaults.allowed_namespaces.clone());
    account.permissions_boundary = account.permissions_boundary.or_else(|| defaults.permissions_boundary.clone());
    account
}
