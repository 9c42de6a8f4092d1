//! Which account a cluster belongs to.

use super::check::{Account, AccountMap, Entry, Glob};
use crate::diag::Span;

/// What of a cluster counts for the map.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cluster<'c> {
    /// Its name; of a template the template's.
    pub name: Option<&'c str>,
    /// Its namespace. A manifest without one counts as `default`, where kubectl puts it unless told otherwise.
    pub namespace: Option<&'c str>,
    /// The path of its file, relative to the map, with `/`.
    pub path: Option<&'c str>,
    /// Whether it is a template, which the globs of clusters do not mean.
    pub template: bool,
}

/// What the map says of a cluster.
#[derive(Clone, Debug)]
pub enum Assigned<'m> {
    /// It belongs to this account; and where the map says so.
    To(&'m Account, Span),
    /// It stays in the source account.
    Source(Span),
    /// Several say that it is theirs: their names and places.
    Several(Vec<(String, Span)>),
    /// Nobody does.
    Nobody,
}

impl AccountMap {
    /// The account of a cluster.
    pub fn assign(&self, cluster: &Cluster<'_>) -> Assigned<'_> {
        let mut found: Vec<(Option<&Account>, Span)> = Vec::new();
        if !cluster.template
            && let Some(entry) = self.source.clusters.iter().find(|entry| entry.matches(cluster))
        {
            found.push((None, entry.span));
        }
        for account in &self.accounts {
            let place = if cluster.template {
                account.templates.iter().find(|glob| fits(glob, cluster.name)).map(|glob| glob.span)
            } else {
                account.clusters.iter().find(|entry| entry.matches(cluster)).map(|entry| entry.span)
            };
            found.extend(place.map(|place| (Some(account), place)));
        }
        match found[..] {
            [] => Assigned::Nobody,
            [(Some(account), place)] => Assigned::To(account, place),
            [(None, place)] => Assigned::Source(place),
            _ => Assigned::Several(
                found
                    .into_iter()
                    .map(|(account, place)| (account.map_or("source".to_owned(), |one| one.name.value.clone()), place))
                    .collect(),
            ),
        }
    }
}

impl Entry {
    fn matches(&self, cluster: &Cluster<'_>) -> bool {
        let any = |globs: &[Glob], text: Option<&str>| globs.is_empty() || globs.iter().any(|glob| fits(glob, text));
        any(&self.names, cluster.name)
            && any(&self.namespaces, Some(cluster.namespace.unwrap_or("default")))
            && any(&self.paths, cluster.path)
    }
}

fn fits(glob: &Glob, text: Option<&str>) -> bool {
    text.is_some_and(|text| glob.matcher.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::super::{may_show, read};
    use super::*;

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
  - paths: [\"clusters/dev/**\"]
  templates: [\"dev-*\"]
- name: production
  account: \"333333333333\"
  roleName: team/capa
  clusters: {namespaces: [prod]}
";

    fn said(name: &str, namespace: Option<&str>, path: &str, template: bool) -> String {
        let map = read(MAP.as_bytes()).unwrap();
        let cluster = Cluster { name: Some(name), namespace, path: Some(path), template };
        match map.assign(&cluster) {
            Assigned::To(account, place) => format!("{} {}", account.name.value, &MAP[place.range()][..5]),
            Assigned::Source(_) => "source".into(),
            Assigned::Several(names) => names.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join("+"),
            Assigned::Nobody => "nobody".into(),
        }
    }

    #[test]
    fn keys_are_anded_and_values_ored() {
        for (name, namespace, path, template, want) in [
            ("dev-a", Some("dev"), "x.yaml", false, "development names"),
            ("dev-a", None, "x.yaml", false, "development names"),
            ("dev-a", Some("other"), "x.yaml", false, "nobody"),
            ("other", Some("other"), "clusters/dev/deep/x.yaml", false, "development paths"),
            ("other", Some("other"), "clusters/devil/x.yaml", false, "nobody"),
            ("mgmt", Some("x"), "x.yaml", false, "source"),
            ("mgmt", Some("prod"), "x.yaml", false, "source+production"),
            ("dev-a", Some("prod"), "clusters/dev/x.yaml", false, "development+production"),
            ("dev-x", Some("prod"), "x.yaml", true, "development \"dev-"),
            ("mgmt", Some("prod"), "x.yaml", true, "nobody"),
        ] {
            assert_eq!(said(name, namespace, path, template), want, "{name} {namespace:?} {path}");
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
    fn what_is_wrong_is_said_with_its_place() {
        let with = |from: &str, to: &str| MAP.replacen(from, to, 1);
        for (text, message, place) in [
            (String::new(), "is empty", ""),
            (format!("{MAP}---\nb: 2\n"), "second one", "---\nb: 2\n"),
            ("a: 1\n---\nb: 2\n".into(), "not an account map", "a: 1"),
            ("- 1\n".into(), "not an account map", "- 1"),
            (with("AccountMap", "Map"), "kind is Map", "Map"),
            (with("v1alpha1", "v1"), "apiVersion is xaccount.dev/v1", "xaccount.dev/v1"),
            (with("  account: \"2", "  acount: \"2"), "no field acount", "acount"),
            (with("\"222222222222\"", "222222222222"), "no text for YAML", "222222222222"),
            (with("222222222222", "22222222222"), "has 11 digits", "\"22222222222\""),
            (with("  - names: [\"dev-*\"]\n", "  - names: \"dev-*\"\n"), "this is 'dev-*'", "\"dev-*\""),
            (with("[\"dev-*\"]", "[\"dev-[\"]"), "no glob", "\"dev-[\""),
            (with("{namespaces: [prod]}", "{}"), "every cluster", "{}"),
            (with("name: production", "name: development"), "two accounts", "development"),
            (with("clusters/dev/**", "../dev/**"), "relative to the map", "\"../dev/**\""),
            (with("clusters/dev/**", "clusters/dev/"), "write clusters/dev/**", "\"clusters/dev/\""),
            (with("team/capa", "team/ca pa"), "' '", "team/ca pa"),
            (with("served", "severed"), "names no namespaces", "severed"),
            (with("served", "{list: [Dev]}"), "to the letter", "Dev"),
            (with("served", "~"), "says no namespaces", "~"),
            (with("served", "{list: ~}"), "this is nothing", "~"),
            (with("served", "{selector: ~}"), "this is nothing", "~"),
            (with("served", "{lst: [dev]}"), "no field lst", "lst"),
            (with("kind:", "<<: {a: b}\nkind:"), "merge keys", "<<"),
            (with("kind: AccountMap", "kind: AccountMap\nkind: AccountMap"), "written twice", "kind"),
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
}
