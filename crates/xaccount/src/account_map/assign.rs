//! Assigns clusters to accounts.

use super::entry::{Cluster, Entry, Place, fits};
use super::index::{EntryIndex, EntryPosition};
use super::model::{Account, AccountMap};
use crate::diag::Span;
use crate::templates::is_filled_in;

/// The assignment of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// It belongs to the account with this index; and the place of the entry in the map.
    To(usize, Span),
    /// It stays in the source account; and the place of the entry in the map.
    Source(Span),
    /// Several accounts match it: their names, and the places of the entries.
    Several(Vec<(String, Span)>),
    /// No account matches it, but these entries might: they have `paths`, and the path of its file is not known.
    Unplaced(Vec<Span>),
    /// No account matches it.
    Nobody,
}

/// An account (`None` for the source account), and the place of its entry that matches a cluster.
type Claim = (Option<usize>, Span);

/// From this number of entries on, an index lookup is faster than trying each entry.
const MANY: usize = 32;

impl AccountMap {
    /// The account of a cluster.
    pub fn assign(&self, cluster: &Cluster<'_>) -> Assigned {
        let claims = if self.is_large() { self.indexed(cluster) } else { self.plain(cluster) };
        match claims[..] {
            [] => match self.unplaced(cluster) {
                unplaced if unplaced.is_empty() => Assigned::Nobody,
                unplaced => Assigned::Unplaced(unplaced),
            },
            [(Some(account), place)] => Assigned::To(account, place),
            [(None, place)] => Assigned::Source(place),
            _ => {
                let name = |account: Option<usize>| {
                    account.map_or("source".to_owned(), |account| self.accounts[account].name.value.clone())
                };
                Assigned::Several(claims.into_iter().map(|(account, place)| (name(account), place)).collect())
            }
        }
    }

    /// The indices of the accounts that a cluster with placeholders in its name or namespace may belong to, once they are
    /// filled in, if no account matches it as it is.
    pub(crate) fn possible(&self, cluster: &Cluster<'_>) -> Vec<usize> {
        if !cluster.is_filled_in() || self.assign(cluster) != Assigned::Nobody {
            return Vec::new();
        }
        let may = |account: &Account| match cluster.template {
            true => cluster.name.is_some_and(is_filled_in) && !account.templates.is_empty(),
            false => account.clusters.iter().any(|entry| entry.may_match(cluster)),
        };
        (0..self.accounts.len()).filter(|&index| may(&self.accounts[index])).collect()
    }

    /// Whether the account of a cluster (not a template) can depend on its name.
    pub fn depends_on_name(&self, cluster: &Cluster<'_>) -> bool {
        let may = |entry: &Entry| {
            entry.asks_name()
                && entry.fits_namespace(cluster)
                && (entry.fits_path(cluster) || entry.lacks_path(cluster))
        };
        if !self.is_large() {
            return self.entries().any(|(_, entry)| may(entry));
        }
        self.index()
            .nameless(cluster)
            .is_none_or(|entries| entries.into_iter().any(|at| self.entry(at).is_some_and(may)))
    }

    /// The definition in the docs: tries each entry.
    fn plain(&self, cluster: &Cluster<'_>) -> Vec<Claim> {
        let mut found: Vec<Claim> = Vec::new();
        if !cluster.template
            && let Some(entry) = self.source.clusters.iter().find(|entry| entry.matches(cluster))
        {
            found.push((None, entry.span));
        }
        for (number, account) in self.accounts.iter().enumerate() {
            let place = if cluster.template {
                of_template(account, cluster.name)
            } else {
                account.clusters.iter().find(|entry| entry.matches(cluster)).map(|entry| entry.span)
            };
            found.extend(place.map(|place| (Some(number), place)));
        }
        found
    }

    /// As [`plain`](Self::plain), but tries only the entries that can match.
    fn indexed(&self, cluster: &Cluster<'_>) -> Vec<Claim> {
        if cluster.template {
            let accounts = self.index().of_template(cluster.name);
            let claim =
                |EntryPosition { account, .. }| Some((account, of_template(&self.accounts[account?], cluster.name)?));
            return accounts.into_iter().filter_map(claim).collect();
        }
        let mut candidates = self.index().candidates(cluster);
        candidates.sort_unstable();
        let matching = candidates.into_iter().filter_map(|at| {
            let entry = self.entry(at)?;
            entry.matches(cluster).then_some((at.account, entry.span))
        });
        let mut claims: Vec<Claim> = matching.collect();
        // For each account, only its first entry.
        claims.dedup_by_key(|(account, _)| *account);
        claims
    }

    /// The entries that might match, because the path is not known.
    fn unplaced(&self, cluster: &Cluster<'_>) -> Vec<Span> {
        if cluster.template || *cluster.place != Place::Unknown {
            return Vec::new();
        }
        self.entries().filter(|(_, entry)| entry.would(cluster)).map(|(_, entry)| entry.span).collect()
    }

    fn is_large(&self) -> bool {
        self.accounts.len() >= MANY || self.entries().nth(MANY).is_some()
    }

    fn index(&self) -> &EntryIndex {
        self.index.get_or_init(|| {
            let at =
                |account: Option<usize>| move |(number, entry): (usize, _)| (EntryPosition { account, number }, entry);
            let source = self.source.clusters.iter().enumerate().map(at(None));
            let accounts = self.accounts.iter().enumerate();
            let accounts = accounts.flat_map(|(account, one)| one.clusters.iter().enumerate().map(at(Some(account))));
            let templates = self.accounts.iter().enumerate().map(|(account, one)| (account, &*one.templates));
            Box::new(EntryIndex::new(source.chain(accounts), templates))
        })
    }

    fn entry(&self, at: EntryPosition) -> Option<&Entry> {
        match at.account {
            Some(account) => self.accounts[account].clusters.get(at.number),
            None => self.source.clusters.get(at.number),
        }
    }

    /// All entries for clusters, each with its account.
    fn entries(&self) -> impl Iterator<Item = (Option<usize>, &Entry)> {
        let source = self.source.clusters.iter().map(|entry| (None, entry));
        let accounts = self.accounts.iter().enumerate();
        source.chain(accounts.flat_map(|(number, one)| one.clusters.iter().map(move |entry| (Some(number), entry))))
    }
}

/// The place of an account's glob that matches a template.
fn of_template(account: &Account, name: Option<&str>) -> Option<Span> {
    account.templates.iter().find(|glob| fits(glob, name)).map(|glob| glob.span)
}

#[cfg(test)]
mod tests {
    use super::super::{may_show, read};
    use super::*;
    use proptest::prelude::Strategy as _;

    const MAP: &str = "\
apiVersion: xaccount.dev/v1alpha1
kind: AccountMap
source:
  account: \"111111111111\"
  clusters: {names: [mgmt]}
accounts:
- name: development
  account: \"222222222222\"
  allowedNamespaces: served
  clusters:
  - names: [\"dev-*\"]
    namespaces: [dev, default]
    except: {names: [dev-old, dev-x-*], namespaces: [dev]}
  - paths: [\"clusters/dev/**\"]
  templates: [\"dev-*\"]
- name: production
  account: \"333333333333\"
  roleName: team/capa
  clusters: {namespaces: [prod]}
";

    fn assigned_to(name: &str, namespace: &str, path: &str, template: bool) -> String {
        let map = read(MAP.as_bytes()).unwrap();
        let place = Place::Below(path.to_owned());
        let cluster = Cluster { name: Some(name), namespace, place: &place, template };
        match map.assign(&cluster) {
            Assigned::To(account, place) => {
                format!("{} {}", map.accounts[account].name.value, &MAP[place.range()][..5])
            }
            Assigned::Source(_) => "source".into(),
            Assigned::Several(names) => names.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join("+"),
            Assigned::Unplaced(_) => "unplaced".into(),
            Assigned::Nobody => "nobody".into(),
        }
    }

    #[test]
    fn keys_are_anded_and_values_ored() {
        for (name, namespace, path, template, want) in [
            ("dev-a", "dev", "x.yaml", false, "development names"),
            ("dev-a", "default", "x.yaml", false, "development names"),
            ("dev-a", "other", "x.yaml", false, "nobody"),
            ("dev-old", "dev", "x.yaml", false, "nobody"),
            ("dev-x-1", "dev", "x.yaml", false, "nobody"),
            ("dev-old", "default", "x.yaml", false, "development names"),
            ("dev-old", "dev", "clusters/dev/x.yaml", false, "development paths"),
            ("other", "other", "clusters/dev/deep/x.yaml", false, "development paths"),
            ("other", "other", "clusters/devil/x.yaml", false, "nobody"),
            ("mgmt", "x", "x.yaml", false, "source"),
            ("mgmt", "prod", "x.yaml", false, "source+production"),
            ("dev-a", "prod", "clusters/dev/x.yaml", false, "development+production"),
            ("dev-x", "prod", "x.yaml", true, "development \"dev-"),
            ("mgmt", "prod", "x.yaml", true, "nobody"),
        ] {
            assert_eq!(assigned_to(name, namespace, path, template), want, "{name} {namespace} {path}");
        }
    }

    #[test]
    fn a_placeholder_may_match_what_it_does_not_match_now() {
        let map = read(MAP.as_bytes()).unwrap();
        for (name, namespace, path, template, want) in [
            ("${NAME}", "dev", "x.yaml", false, &[0][..]),
            ("${NAME}", "other", "x.yaml", false, &[]),
            ("x", "{{ .ns }}", "x.yaml", false, &[1]),
            ("${NAME}", "${NS}", "x.yaml", false, &[0, 1]),
            ("${NAME}", "${NS}", "x.yaml", true, &[0]),
            ("x", "dev", "x.yaml", false, &[]),
            // It belongs to an account already.
            ("${NAME}", "prod", "x.yaml", false, &[]),
        ] {
            let place = Place::Below(path.to_owned());
            let cluster = Cluster { name: Some(name), namespace, place: &place, template };
            assert_eq!(map.possible(&cluster), want, "{name} {namespace}");
        }
    }

    #[test]
    fn only_a_map_is_shown() {
        for (text, shown) in [
            (MAP.to_owned(), true),
            (MAP.replace("accounts:", "accounts: ["), true),
            ("kind: AccountMap\nx: y\n".to_owned(), true),
            ("kind: x\nx: y\n".to_owned(), false),
            ("kind: x\nx: [\n".to_owned(), false),
            (format!("{MAP}---\nkind: Secret\n"), false),
            ("kind: AccountMap\nstringData: {x: y}\n".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(may_show(text.as_bytes()), shown, "{text}");
        }
    }

    #[test]
    fn every_error_has_its_place() {
        let with = |from: &str, to: &str| MAP.replacen(from, to, 1);
        for (text, message, place) in [
            (String::new(), "is empty", ""),
            (format!("{MAP}---\nb: 2\n"), "second one", "---\nb: 2\n"),
            ("a: 1\n---\nb: 2\n".into(), "not an account map", "a: 1"),
            ("- 1\n".into(), "not an account map", "- 1"),
            (with("AccountMap", "Map"), "kind must be AccountMap, not Map", "Map"),
            (with("v1alpha1", "v1"), "apiVersion must be xaccount.dev/v1alpha1", "xaccount.dev/v1"),
            (with("  account: \"2", "  acount: \"2"), "unknown field acount", "acount"),
            (with("\"222222222222\"", "222222222222"), "must be quoted", "222222222222"),
            (with("222222222222", "22222222222"), "has 11 digits", "\"22222222222\""),
            (with("  - names: [\"dev-*\"]\n", "  - names: \"dev-*\"\n"), "found 'dev-*'", "\"dev-*\""),
            (with("[\"dev-*\"]", "[\"dev-[\"]"), "invalid glob", "\"dev-[\""),
            (with("{namespaces: [prod]}", "{}"), "every cluster", "{}"),
            (with("{names: [dev-old, dev-x-*], namespaces: [dev]}", "{}"), "exclude every cluster", "{}"),
            (with("{names: [dev-old, dev-x-*], namespaces: [dev]}", "~"), "found nothing", "~"),
            (with("[dev-old, dev-x-*]", "[\"dev-[\"]"), "invalid glob", "\"dev-[\""),
            (
                with("account: \"222222222222\"", "account: \"111111111111\""),
                "is the source account",
                "\"111111111111\"",
            ),
            (with("name: production", "name: development"), "two accounts", "development"),
            (with("clusters/dev/**", "../dev/**"), "relative to the map", "\"../dev/**\""),
            (with("clusters/dev/**", "clusters/dev/"), "write clusters/dev/**", "\"clusters/dev/\""),
            (with("team/capa", "team/ca pa"), "' '", "team/ca pa"),
            (with("served", "severed"), "not a value of allowedNamespaces", "severed"),
            (with("served", "{list: [Dev]}"), "compares names exactly", "Dev"),
            (with("served", "~"), "allowedNamespaces is empty", "~"),
            (with("served", "{list: ~}"), "found nothing", "~"),
            (with("served", "{selector: ~}"), "found nothing", "~"),
            (with("served", "{lst: [dev]}"), "unknown field lst", "lst"),
            (with("kind:", "<<: {a: b}\nkind:"), "merge keys", "<<"),
            (with("kind: AccountMap", "kind: AccountMap\nkind: AccountMap"), "duplicate field", "kind"),
        ] {
            let errors = read(text.as_bytes()).expect_err(message);
            let error = &errors[0];
            assert!(error.message.contains(message), "{message}: {}", error.message);
            assert_eq!(&text[error.span.range()], place, "{message}");
        }
        let misspelt = read(with("roleName", "rolename").as_bytes()).unwrap_err();
        assert_eq!(misspelt[0].help, ["perhaps roleName"]);
    }

    #[test]
    fn a_misspelt_name_has_a_suggestion() {
        let map = read(MAP.as_bytes()).unwrap();
        assert_eq!(map.named("production").map(|account| account.account.value.as_str()), Ok("333333333333"));
        assert_eq!(map.named("prodution").err(), Some(Some("production")));
        assert_eq!(map.named("x").err(), Some(None));
    }

    #[test]
    fn a_path_is_normalized() {
        for (path, want) in [
            ("clusters/dev/../prod/a.yaml", Some("clusters/prod/a.yaml")),
            ("./a//b/./c.yaml", Some("a/b/c.yaml")),
            ("../a.yaml", None),
            ("a/../../clusters/dev/a.yaml", None),
            ("/clusters/dev/a.yaml", None),
            ("", None),
        ] {
            let want = want.map_or(Place::Outside, |want| Place::Below(want.to_owned()));
            assert_eq!(Place::below(path), want, "{path}");
        }
    }

    #[test]
    fn without_a_path_no_path_matches() {
        let map = read(MAP.as_bytes()).unwrap();
        let assigned_to =
            |name, place: &Place| map.assign(&Cluster { name: Some(name), namespace: "x", place, template: false });
        assert!(matches!(assigned_to("other", &Place::Unknown), Assigned::Unplaced(entries) if entries.len() == 1));
        assert_eq!(assigned_to("other", &Place::Outside), Assigned::Nobody);
        assert!(matches!(assigned_to("mgmt", &Place::Unknown), Assigned::Source(_)));
    }

    /// Globs over a small alphabet, so that many match.
    fn globs(most: usize) -> impl proptest::strategy::Strategy<Value = Vec<String>> {
        let glob = proptest::sample::select(vec![
            "a", "b", "ab", "a*", "*b", "*", "?", "[ab]", "{a,b}", "a/**", "**/b", "a/b", "*/b", "default", "d*", "**",
        ]);
        proptest::collection::vec(glob.prop_map(str::to_owned), 0..=most)
    }

    proptest::proptest! {
        #[test]
        fn a_large_map_agrees_with_the_plain_definition(
            entries in proptest::collection::vec((globs(2), globs(2), globs(2), 0..4_usize), 1..12),
            templates in proptest::collection::vec(globs(2), 3),
            cluster in (
                proptest::option::of(proptest::sample::select(vec!["a", "b", "ab", "default", ""])),
                proptest::option::of(proptest::sample::select(vec!["a", "b", "ab", "default", ""])),
                proptest::sample::select(vec!["a/b", "a/b/a", "b", "a/ab"]),
                0..3_usize,
                proptest::bool::ANY,
            ),
        ) {
            let list = |globs: &[String]| serde_json::to_string(globs).unwrap();
            let of = |account: usize| -> String {
                let own = entries.iter().filter(|(names, namespaces, paths, at)| {
                    *at == account && !(names.is_empty() && namespaces.is_empty() && paths.is_empty())
                });
                let own = own.map(|(names, namespaces, paths, _)| {
                    format!("{{names: {}, namespaces: {}, paths: {}}}", list(names), list(namespaces), list(paths))
                });
                format!("[{}]", own.collect::<Vec<_>>().join(", "))
            };
            let mut text = format!("apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsource: {{clusters: {}}}\naccounts:\n", of(3));
            for (account, templates) in templates.iter().enumerate() {
                text.push_str(&format!(
                    "- {{name: n{account}, account: \"22222222222{account}\", clusters: {}, templates: {}}}\n",
                    of(account), list(templates),
                ));
            }
            let map = read(text.as_bytes()).map_err(|errors| proptest::test_runner::TestCaseError::fail(format!("{errors:?}\n{text}")))?;
            let (name, namespace, path, kind, template) = cluster;
            let place = [Place::Below(path.to_owned()), Place::Outside, Place::Unknown][kind].clone();
            let namespace = namespace.unwrap_or("default");
            let cluster = Cluster { name, namespace, place: &place, template };
            proptest::prop_assert_eq!(map.indexed(&cluster), map.plain(&cluster), "{}", text);
            let may = |entry: &Entry| {
                !entry.names.is_empty() && entry.fits_namespace(&cluster) && (entry.fits_path(&cluster) || entry.lacks_path(&cluster))
            };
            let asked = map.index().nameless(&cluster);
            let large = asked.is_none_or(|entries| entries.into_iter().any(|at| map.entry(at).is_some_and(may)));
            proptest::prop_assert_eq!(large, map.entries().any(|(_, entry)| may(entry)), "{}", text);
        }
    }
}
