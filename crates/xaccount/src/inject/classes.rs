//! Templates whose ClusterClass is used by clusters of other accounts.

use std::collections::BTreeMap;

use super::mapped::Mapped;
use crate::account_map::{Assigned, Cluster, Place};
use crate::diag::Diagnostic;
use crate::inventory::{Class, Inventory, ObjectId, Resource};
use crate::manifest_checks;

/// Errors about templates that are pointed at an account, although clusters of another account use their class.
/// `templates` has the index in the map of each template's account.
pub(super) fn of_two_accounts(
    inventory: &Inventory,
    mapped: &Mapped<'_>,
    templates: &BTreeMap<ObjectId, usize>,
) -> Vec<Diagnostic> {
    if templates.is_empty() {
        return Vec::new();
    }
    let mut errors = Vec::new();
    for class in inventory.classes() {
        let own: Vec<ObjectId> =
            class.templates.iter().copied().filter(|index| templates.contains_key(index)).collect();
        if own.is_empty() {
            continue;
        }
        // A duplicate key in a class is an error only here: nothing else depends on it.
        if let Some(error) = manifest_checks::twice(class.found)
            .or_else(|| class.clusters.iter().find_map(|one| manifest_checks::twice(one)))
        {
            errors.push(in_run(inventory, class.found, error));
            continue;
        }
        let served = served(inventory, mapped, &class);
        for index in own {
            let account = templates.get(&index).copied();
            if served.keys().any(|other| *other != account) {
                let template = MappedTemplate { found: &inventory[index], account };
                errors.push(torn(inventory, mapped, &class, &template, &served));
            }
        }
    }
    errors
}

/// The clusters of a class by the index of their account, `None` for the source account. Clusters that match no
/// account, or several, are reported elsewhere.
fn served<'r>(
    inventory: &Inventory,
    mapped: &Mapped<'_>,
    class: &Class<'r>,
) -> BTreeMap<Option<usize>, Vec<&'r Resource>> {
    let mut served: BTreeMap<Option<usize>, Vec<&Resource>> = BTreeMap::new();
    for &found in &class.clusters {
        let place = match inventory.other(found.origin.file) {
            Some(other) => other.below_map.clone().map_or(Place::Outside, Place::Below),
            None => (mapped.file)(found.origin.file),
        };
        let object = &found.object;
        let cluster = Cluster {
            name: object.name.as_deref(),
            namespace: inventory.namespace_of(found),
            place: &place,
            template: false,
        };
        let account = match mapped.map.assign(&cluster) {
            Assigned::To(account, _) => Some(account),
            Assigned::Source(_) => None,
            _ => continue,
        };
        served.entry(account).or_default().push(found);
    }
    served
}

/// A template and the index of its account in the map, `None` for the source account.
struct MappedTemplate<'r> {
    found: &'r Resource,
    account: Option<usize>,
}

fn torn(
    inventory: &Inventory,
    mapped: &Mapped<'_>,
    class: &Class<'_>,
    template: &MappedTemplate<'_>,
    served: &BTreeMap<Option<usize>, Vec<&Resource>>,
) -> Diagnostic {
    let name = |account: &Option<usize>| match account.map(|number| &mapped.map.accounts[number]) {
        Some(account) => account.title(),
        None => "the source account".to_owned(),
    };
    let class_title = class.found.title();
    let message = match served.len() {
        1 => format!("{}: {class_title} is used by clusters of another account", template.found.title()),
        count => format!("{}: {class_title} is used by clusters of {count} accounts", template.found.title()),
    };
    let error = Diagnostic::error(message)
        .at(template.found.head(), format!("the map points it at {}", name(&template.account)))
        .help(format!("{class_title}: {}", inventory.place(class.found)));
    let error = served.iter().fold(error, |error, (account, clusters)| {
        let mut places: Vec<String> =
            clusters.iter().take(5).map(|one| format!("{} ({})", one.title(), inventory.place(one))).collect();
        if clusters.len() > 5 {
            places.push(format!("{} more", clusters.len() - 5));
        }
        error.help(format!("{}: {}", name(account), places.join(", ")))
    });
    error.help("a template has one account: give each account its own class and template, or change the map")
}

/// Names the file in an error about an object outside the run, whose place can't be shown.
fn in_run(inventory: &Inventory, class: &Resource, error: Diagnostic) -> Diagnostic {
    match inventory.other(class.origin.file) {
        None => error,
        Some(_) => Diagnostic { primary: None, ..error }.help(format!("it is in {}", inventory.place(class))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account_map::{AccountMap, read};
    use crate::diag::FileId;
    use crate::inventory::{File, Scan, scan};

    fn map() -> AccountMap {
        let text = "apiVersion: xaccount.dev/v1alpha1\nkind: AccountMap\nsource: {clusters: {names: [s]}}\naccounts:\n\
                    - {name: a, account: \"111111111111\", clusters: {names: [a*]}}\n\
                    - {name: b, account: \"222222222222\", clusters: {names: [b*]}}\n";
        read(text.as_bytes()).unwrap()
    }

    /// The messages for a template of the first account whose class these clusters use.
    fn messages(clusters: &[&str]) -> Vec<String> {
        let mut text = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterTemplate\nmetadata: {name: t}\n---\n\
                        apiVersion: cluster.x-k8s.io/v1beta1\nkind: ClusterClass\nmetadata: {name: q}\nspec: {infrastructure: {ref: \
                        {apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, name: t}}}\n"
            .to_owned();
        for name in clusters {
            text.push_str(&format!(
                "---\napiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{topology: {{class: q}}}}\n"
            ));
        }
        let needles = crate::capa::needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        let objects = scan(FileId(0), text.as_bytes(), &options).unwrap().objects;
        let inventory = Inventory::new(
            vec![File { name: "f.yaml".into(), is_json_for_kubectl: false, json_list: None, identities_only: false }],
            objects,
        );
        let (map, place, file) = (map(), |_| String::new(), |_| Place::Outside);
        let mapped = Mapped {
            map: &map,
            name: ".xaccount.yaml",
            place: &place,
            file: &file,
            without_path: "",
            ways_out: "",
            allow_unmapped: false,
        };
        let errors = of_two_accounts(&inventory, &mapped, &BTreeMap::from([(ObjectId::new(0), 0)]));
        errors.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn a_template_of_two_accounts_is_refused() {
        let of = |count| format!("AWSClusterTemplate t: ClusterClass q is used by clusters of {count}");
        assert_eq!(messages(&["a1", "b1"]), [of("2 accounts")]);
        assert_eq!(messages(&["a1", "s"]), [of("2 accounts")]);
        assert_eq!(messages(&["b1", "b2"]), [of("another account")]);
        assert_eq!(messages(&["s"]), [of("another account")]);
        assert!(messages(&[]).is_empty() && messages(&["a1", "a2", "nobodys"]).is_empty());
    }
}
