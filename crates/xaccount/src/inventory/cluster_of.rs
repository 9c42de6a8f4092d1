//! Finds the Cluster to which an object belongs.
//!
//! A Cluster references its infrastructure and its control plane by group, kind, namespace and name. In a tree that
//! kustomize builds, several Clusters may reference objects with the same name, so the nearest Cluster counts: in the
//! same file, then in the same directory, then the only one. A run on one file and a run on the whole tree must have
//! the same result, so the other files of the tree are read too if the result depends on them
//! ([`Other`](super::Other)).

use super::inventory::Inventory;
use super::origin::Provenance;
use super::owners::{Fit, Near, OwnerClaim, fit, slice};
use super::resource::Resource;
use crate::capa::{CLUSTER_NAME, ObjectKind};
use crate::diag::{Diagnostic, escape_control};

/// The cluster of an object, and whether it is in doubt.
struct Belonging<'r, O> {
    name: Option<&'r str>,
    doubt: Option<Doubt<'r, O>>,
}

/// Clusters that may be the owner.
struct Doubt<'r, O> {
    why: DoubtReason,
    clusters: Vec<&'r Resource<O>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DoubtReason {
    /// Several Clusters refer to the object.
    Several,
    /// The label contradicts a Cluster of another file.
    Label,
    /// Only one of the object and the Cluster has a namespace.
    HalfNamed,
}

impl<O: Provenance> Inventory<O> {
    /// The Cluster of another file to which an object belongs, if it is known.
    pub(crate) fn owner_elsewhere<'r>(&'r self, found: &'r Resource<O>) -> Option<&'r Resource<O>> {
        let name = self.belonging(found).name;
        let lacks = self.lacks_owner(found);
        lacks.then(|| self.far(found).0.into_iter().find(|one| one.object.name.as_deref() == name)).flatten()
    }

    /// The name of the cluster to which an object belongs: the Cluster that references it, else its label, else its own
    /// name. If this is in doubt, it is the most likely one; for a decision, use [`Self::by_cluster_name`].
    pub fn cluster_name<'r>(&'r self, found: &'r Resource<O>) -> Option<&'r str> {
        self.belonging(found).name
    }

    /// The result of `answer` for the name of the cluster to which an object belongs.
    ///
    /// # Errors
    /// The cluster is in doubt, and the result depends on it.
    pub fn by_cluster_name<T: PartialEq>(
        &self,
        found: &Resource<O>,
        answer: impl Fn(Option<&str>) -> T,
    ) -> Result<T, Diagnostic> {
        let belonging = self.belonging(found);
        let first = answer(belonging.name);
        if let Some(unread) = self.unread(found, &belonging) {
            return Err(unread);
        }
        match belonging.doubt {
            Some(doubt) if doubt.clusters.iter().any(|one| answer(one.object.name.as_deref()) != first) => {
                Err(self.doubt(found, &doubt))
            }
            _ => Ok(first),
        }
    }

    /// A warning if the cluster to which an object belongs is in doubt.
    pub fn doubtful_cluster(&self, found: &Resource<O>) -> Option<Diagnostic> {
        let belonging = self.belonging(found);
        let doubt = belonging.doubt?;
        let differs = doubt.clusters.iter().any(|one| one.object.name.as_deref() != belonging.name);
        differs.then(|| Diagnostic { severity: crate::diag::Severity::Warning, ..self.doubt(found, &doubt) })
    }

    /// Whether the cluster of an object is not determined by its own file or its label.
    pub fn lacks_owner(&self, found: &Resource<O>) -> bool {
        let object = &found.object;
        let named = matches!(&object.object_kind, ObjectKind::Referencing { kind_row, .. } if !kind_row.template)
            && object.name.is_some();
        let owner = || self.candidates(found, Near::File).iter().any(|one| one.fit == Fit::Exact);
        named && object.labels.get(CLUSTER_NAME).is_none() && !owner()
    }

    fn belonging<'r>(&'r self, found: &'r Resource<O>) -> Belonging<'r, O> {
        let object = &found.object;
        let own = object.name.as_deref();
        let plain = |name| Belonging { name, doubt: None };
        match &object.object_kind {
            ObjectKind::Cluster { .. } => return plain(own),
            ObjectKind::Referencing { kind_row, .. } if kind_row.template => return plain(own),
            _ => {}
        }
        let label = object.labels.get(CLUSTER_NAME);
        let here = self.candidates(found, Near::File);
        let exact = of(&here, Fit::Exact);
        if let Some(&first) = exact.first() {
            let names = || exact.iter().map(|one| one.object.name.as_deref());
            if names().all(|name| name == first.object.name.as_deref()) {
                return plain(first.object.name.as_deref());
            }
            // The label selects one of the Clusters in the file.
            if label.is_some() && names().any(|name| name == label) {
                return plain(label);
            }
            return several(exact);
        }
        let half = of(&here, Fit::HalfNamed);
        let (far, far_half, near) = self.far(found);
        if label.is_some() {
            // The label selects one of several; a Cluster that only may be the owner can't contradict it.
            let agrees = far.is_empty() || far.iter().any(|one| one.object.name.as_deref() == label);
            return Belonging {
                name: label,
                doubt: (!agrees).then_some(Doubt { why: DoubtReason::Label, clusters: far }),
            };
        }
        let doubt = |clusters: Vec<&'r Resource<O>>| {
            (!clusters.is_empty()).then_some(Doubt { why: DoubtReason::HalfNamed, clusters })
        };
        match far.first() {
            Some(first) if far.iter().all(|one| one.object.name == first.object.name) => {
                // A nearer Cluster may be the owner, although one of the two has no namespace.
                let nearer = if half.is_empty() && near == Near::Anywhere { far_half } else { half };
                Belonging { name: first.object.name.as_deref(), doubt: doubt(nearer) }
            }
            Some(_) => several(far),
            None => Belonging { name: own, doubt: doubt(if half.is_empty() { far_half } else { half }) },
        }
    }

    /// The Clusters of other files that reference an object (those in its directory, otherwise all) and their distance;
    /// and those that do so except for a missing namespace, which are in its directory if the former are not.
    fn far<'r>(&'r self, found: &'r Resource<O>) -> (Vec<&'r Resource<O>>, Vec<&'r Resource<O>>, Near) {
        let near = self.candidates(found, Near::Directory);
        let (exact, half) = (of(&near, Fit::Exact), of(&near, Fit::HalfNamed));
        if !exact.is_empty() {
            return (exact, half, Near::Directory);
        }
        let all = self.candidates(found, Near::Anywhere);
        let half = match of(&all, Fit::Exact).is_empty() && half.is_empty() {
            true => of(&all, Fit::HalfNamed),
            false => half,
        };
        (of(&all, Fit::Exact), half, Near::Anywhere)
    }

    /// The Clusters at this distance that may be the owner of an object.
    fn candidates<'r>(&'r self, found: &'r Resource<O>, near: Near) -> Vec<OwnerCandidate<'r, O>> {
        let object = &found.object;
        let Some(name) = object.name.as_deref() else { return Vec::new() };
        let place = |claim: &OwnerClaim| self.owners.place(self.all.at(claim.cluster).origin.file());
        let own = self.owners.place(found.origin.file());
        let claims = slice(&self.owners.claims, |claim| self.all.claimed_by(claim).cmp(&(object.kind.as_str(), name)));
        let claims = match near {
            Near::File => slice(claims, |claim| place(claim).cmp(&own)),
            Near::Directory if own.0.is_none() => &[],
            Near::Directory => slice(claims, |claim| place(claim).0.cmp(&own.0)),
            Near::Anywhere => claims,
        };
        let candidates = claims.iter().filter(|claim| {
            let distance = self.owners.near(found.origin.file(), self.all.at(claim.cluster).origin.file());
            distance == near
        });
        candidates
            .filter_map(|&claim| {
                let cluster = self.all.at(claim.cluster);
                Some(OwnerCandidate {
                    cluster,
                    fit: fit(&cluster.object, self.all.reference(claim)?, object, self.specified_namespace())?,
                })
            })
            .collect()
    }

    /// The error that the cluster is in doubt.
    fn doubt(&self, found: &Resource<O>, doubt: &Doubt<'_, O>) -> Diagnostic {
        let title = found.title();
        let one = doubt.clusters.first().map_or_else(String::new, |one| one.title());
        let label = found.object.labels.get(CLUSTER_NAME).unwrap_or_default();
        let message = match doubt.why {
            DoubtReason::Several => {
                format!("{title}: {} Clusters reference it, but it can belong to only one", doubt.clusters.len())
            }
            DoubtReason::Label => {
                format!("{title}: its label names the cluster {}, but {one} references it", escape_control(label))
            }
            DoubtReason::HalfNamed => {
                format!("{title}: {one} may reference it, but only one of the two has a namespace")
            }
        };
        let error = Diagnostic::error(message).at(found.head(), "");
        let places = doubt.clusters.iter().take(20).map(|one| format!("{}: {}", one.title(), self.place(one)));
        let mut error = places.fold(error, Diagnostic::help);
        if let Some(more @ 1..) = doubt.clusters.len().checked_sub(20) {
            error = error.help(format!("and {more} more"));
        }
        match doubt.why {
            DoubtReason::Several => error.help(format!(
                "add the label {CLUSTER_NAME}: NAME to select one, or move it to the file of its Cluster"
            )),
            DoubtReason::Label => error.help("fix the label, or the reference of that Cluster"),
            DoubtReason::HalfNamed => {
                let of = |found: &Resource<O>| found.object.own_namespace().map(str::to_owned);
                let namespace = of(found).or_else(|| doubt.clusters.first().and_then(|one| of(one)));
                let namespace = namespace.as_deref().map_or("NAMESPACE".into(), escape_control);
                error
                    .help(format!("if they belong together: write metadata.namespace: {namespace} in both"))
                    .help(format!("if not: add the label {CLUSTER_NAME}: NAME with the name of its Cluster"))
            }
        }
    }

    /// The error for a file that can't be read and may contain the Cluster of an object.
    fn unread(&self, found: &Resource<O>, belonging: &Belonging<'_, O>) -> Option<Diagnostic> {
        if self.all.others.unread.is_empty() || !self.lacks_owner(found) {
            return None;
        }
        let object = &found.object;
        // The nearest Cluster counts: one that is farther away can't change the result.
        let settled = belonging.doubt.is_none() && !of(&self.candidates(found, Near::Directory), Fit::Exact).is_empty();
        let here = self.owners.place(found.origin.file()).0;
        let unread = self.all.others.unread.iter().find(|unread| {
            let directory = unread.directory.as_ref().and_then(|name| self.owners.names.get(name)).copied();
            let names = unread.of.0 == object.kind && Some(&unread.of.1) == object.name.as_ref();
            names && !(settled && directory != here)
        })?;
        Some(
            Diagnostic::error(format!("{}: its Cluster can't be determined: {}", found.title(), unread.what))
                .at(found.head(), "its account depends on the name of its Cluster")
                .help(format!("fix that file, or add the label {CLUSTER_NAME}: NAME to this object")),
        )
    }
}

/// A Cluster that may be the owner of an object.
struct OwnerCandidate<'r, O> {
    cluster: &'r Resource<O>,
    fit: Fit,
}

/// The Clusters among the candidates with this fit, each once.
fn of<'r, O>(candidates: &[OwnerCandidate<'r, O>], fit: Fit) -> Vec<&'r Resource<O>> {
    let mut found: Vec<&Resource<O>> = candidates.iter().filter(|one| one.fit == fit).map(|one| one.cluster).collect();
    found.dedup_by(|a, b| std::ptr::eq(*a, *b));
    found
}

fn several<O>(clusters: Vec<&Resource<O>>) -> Belonging<'_, O> {
    let name = clusters.first().and_then(|one| one.object.name.as_deref());
    Belonging { name, doubt: Some(Doubt { why: DoubtReason::Several, clusters }) }
}

#[cfg(test)]
mod tests {
    use super::super::owners::directory_in;
    use super::*;
    use crate::capa::needles;
    use crate::diag::FileId;
    use crate::inventory::{File, Other, Others, Scan, Unread, scan};

    fn found(file: usize, text: &str) -> Vec<Resource> {
        let needles = needles();
        let options = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
        scan(FileId(file), text.as_bytes(), &options).unwrap().objects
    }

    /// An inventory of these files, and of other files.
    fn run(files: &[(&str, &str)], others: &[(&str, &str)]) -> Inventory {
        let objects = files.iter().enumerate().flat_map(|(file, (_, text))| found(file, text)).collect();
        let file = |(name, _): &(&str, &str)| File {
            name: (*name).into(),
            is_json_for_kubectl: false,
            json_list: None,
            identities_only: false,
        };
        let inventory = Inventory::new(files.iter().map(file).collect(), objects);
        let other = |(name, text): &(&str, &str)| Other {
            name: (*name).into(),
            directory: directory_in(name),
            below_map: Some((*name).into()),
            objects: found(0, text),
        };
        let others = Others { files: others.iter().map(other).collect(), unread: Vec::new() };
        inventory.with_others(others, |file| directory_in(files[file.0].0))
    }

    fn cluster(metadata: &str, reference: &str) -> String {
        format!(
            "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {{{metadata}}}\nspec: {{infrastructureRef: \
             {{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSCluster, {reference}}}}}\n---\n"
        )
    }

    fn kind_row(metadata: &str) -> String {
        format!(
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {{{metadata}}}\n---\n"
        )
    }

    /// The name of the cluster of the only AWSCluster, or the first line of the error.
    fn cluster_name_of(inventory: &Inventory) -> String {
        let mut referencing = inventory.objects().iter().filter(|found| found.object.references().next().is_some());
        let found = referencing.next().unwrap();
        match inventory.by_cluster_name(found, |name| name.map(str::to_owned)) {
            Ok(name) => {
                assert_eq!(name.as_deref(), inventory.cluster_name(found));
                assert!(inventory.doubtful_cluster(found).is_none());
                name.unwrap_or_default()
            }
            Err(error) => {
                assert!(inventory.doubtful_cluster(found).is_some());
                error.message
            }
        }
    }

    #[test]
    fn the_nearest_cluster_is_the_owner() {
        let own = kind_row("name: x");
        let [a, b, c] = ["a", "b", "c"].map(|name| cluster(&format!("name: {name}"), "name: x"));
        let with_own = format!("{a}{own}");
        assert_eq!(cluster_name_of(&run(&[("d/b.yaml", &b), ("d/a.yaml", &with_own)], &[])), "a");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &own), ("d/a.yaml", &a), ("e/b.yaml", &b)], &[])), "a");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &own)], &[("e/b.yaml", &b), ("d/a.yaml", &a)])), "a");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &own)], &[("e/b.yaml", &b)])), "b");
        assert_eq!(cluster_name_of(&run(&[("./d/1.yaml", &own), ("d//e/../a.yaml", &a), ("e/b.yaml", &b)], &[])), "a");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &own)], &[])), "x");
        let several = "AWSCluster x: 2 Clusters reference it, but it can belong to only one";
        for files in [
            [("d/1.yaml", &own), ("d/a.yaml", &a), ("d/b.yaml", &b)],
            [("1.yaml", &own), ("d/a.yaml", &a), ("e/b.yaml", &b)],
        ] {
            assert_eq!(cluster_name_of(&run(&files.map(|(name, text)| (name, text.as_str())), &[])), several);
        }
        assert_eq!(cluster_name_of(&run(&[("-", &own)], &[("e/b.yaml", &b)])), "b");
        let twice = format!("{a}{b}{own}");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &twice), ("d/c.yaml", &c)], &[])), several);
    }

    #[test]
    fn a_label_comes_after_the_own_file_and_before_others() {
        let labelled = kind_row("name: x, labels: {cluster.x-k8s.io/cluster-name: b}");
        let [a, b] = ["a", "b"].map(|name| cluster(&format!("name: {name}"), "name: x"));
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &format!("{a}{labelled}"))], &[])), "a");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &format!("{a}{b}{labelled}"))], &[])), "b");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &labelled)], &[])), "b");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &labelled), ("e/a.yaml", &a), ("e/b.yaml", &b)], &[])), "b");
        let against = "AWSCluster x: its label names the cluster b, but Cluster a references it";
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &labelled), ("e/a.yaml", &a)], &[])), against);
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &labelled), ("d/a.yaml", &a), ("e/b.yaml", &b)], &[])), against);
    }

    #[test]
    fn namespaces_are_compared_as_kubectl_places_them() {
        for (from, to, own, want) in [
            ("name: a", "name: x", "name: x, namespace: default", "a"),
            ("name: a, namespace: default", "name: x", "name: x", "a"),
            ("name: a, namespace: \"\"", "name: x", "name: x", "a"),
            ("name: a, namespace: n", "name: x", "name: x, namespace: n", "a"),
            ("name: a, namespace: n", "name: x, namespace: m", "name: x, namespace: m", "a"),
            ("name: a, namespace: n", "name: x, namespace: m", "name: x, namespace: n", "x"),
            ("name: a, namespace: n", "name: x", "name: x, namespace: m", "x"),
            (
                "name: a, namespace: n",
                "name: x",
                "name: x",
                "AWSCluster x: Cluster n/a may reference it, but only one of the two has a namespace",
            ),
            (
                "name: a",
                "name: x",
                "name: x, namespace: n",
                "AWSCluster n/x: Cluster a may reference it, but only one of the two has a namespace",
            ),
            ("name: x, namespace: n", "name: x", "name: x", "x"),
            ("name: a, namespace: n", "name: x", "name: x, labels: {cluster.x-k8s.io/cluster-name: b}", "b"),
        ] {
            let one = cluster(from, to);
            assert_eq!(
                cluster_name_of(&run(&[("1.yaml", &format!("{one}{}", kind_row(own)))], &[])),
                want,
                "{from}; {to}; {own}"
            );
            assert_eq!(
                cluster_name_of(&run(&[("1.yaml", &kind_row(own))], &[("2.yaml", &one)])),
                want,
                "{from}; {to}; {own}"
            );
        }
        // A reference of v1beta2 has no namespace, even if one is written.
        let one =
            cluster("name: a, namespace: n", "name: x, namespace: m").replace("x-k8s.io/v1beta1", "x-k8s.io/v1beta2");
        assert_eq!(
            cluster_name_of(&run(&[("1.yaml", &format!("{one}{}", kind_row("name: x, namespace: n")))], &[])),
            "a"
        );
    }

    #[test]
    fn a_cluster_that_is_nearer_but_half_named_counts_too() {
        let own = kind_row("name: x");
        let (half, exact) = (cluster("name: a, namespace: n", "name: x"), cluster("name: b", "name: x"));
        let doubt = "AWSCluster x: Cluster n/a may reference it, but only one of the two has a namespace";
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &format!("{half}{own}")), ("d/b.yaml", &exact)], &[])), doubt);
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &own), ("d/a.yaml", &half)], &[("e/b.yaml", &exact)])), doubt);
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &own), ("d/a.yaml", &half)], &[("d/b.yaml", &exact)])), "b");
        assert_eq!(cluster_name_of(&run(&[("d/1.yaml", &format!("{exact}{own}")), ("d/a.yaml", &half)], &[])), "b");
    }

    #[test]
    fn the_group_counts_where_the_reference_says_one() {
        let own = kind_row("name: x");
        for (from, want) in
            [("infrastructure.cluster.x-k8s.io/v1beta2", "a"), ("example.com/v1", "x"), ("v1", "x"), ("\"\"", "a")]
        {
            let one = cluster("name: a", "name: x").replace("infrastructure.cluster.x-k8s.io/v1beta2", from);
            assert_eq!(cluster_name_of(&run(&[("1.yaml", &format!("{one}{own}"))], &[])), want, "{from}");
        }
    }

    #[test]
    fn what_can_not_be_read_decides_nothing_silently() {
        let (own, a) = (kind_row("name: x"), cluster("name: a", "name: x"));
        let unread = |name: &str, directory: &str| Unread {
            of: ("AWSCluster".into(), name.into()),
            directory: Some(directory.into()),
            what: "WHAT".into(),
        };
        let with = |files: &[(&str, &str)], unread: Unread| {
            let inventory = run(files, &[]);
            let directories: Vec<_> = files.iter().map(|(name, _)| directory_in(name)).collect();
            let others = Others { files: Vec::new(), unread: vec![unread] };
            let inventory = inventory.with_others(others, |file| directories[file.0].clone());
            let found = inventory.objects().iter().find(|found| found.object.references().next().is_some()).unwrap();
            inventory.by_cluster_name(found, |name| name.map(str::to_owned)).is_err()
        };
        let file: [(&str, &str); 1] = [("d/1.yaml", &own)];
        assert!(with(&file, unread("x", "d")) && with(&file, unread("x", "e")) && !with(&file, unread("y", "d")));
        let two: [(&str, &str); 2] = [("d/1.yaml", &own), ("d/a.yaml", &a)];
        assert!(with(&two, unread("x", "d")) && !with(&two, unread("x", "e")));
        let one = format!("{a}{own}");
        assert!(!with(&[("d/1.yaml", &one)], unread("x", "d")));
    }

    #[test]
    fn a_class_has_the_nearest_template_and_the_nearest_clusters() {
        let class = |template: &str| {
            format!(
                "apiVersion: cluster.x-k8s.io/v1beta1\nkind: ClusterClass\nmetadata: {{name: q}}\nspec: {{infrastructure: {{ref: {{apiVersion: infrastructure.cluster.x-k8s.io/v1beta2, kind: AWSClusterTemplate, name: {template}}}}}}}\n---\n"
            )
        };
        let template =
            "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSClusterTemplate\nmetadata: {name: t}\n---\n";
        let topology = |name: &str, class: &str| {
            format!(
                "apiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\nmetadata: {{name: {name}}}\nspec: {{topology: {{{class}}}}}\n---\n"
            )
        };
        let (here, existing) = (topology("a", "class: q"), topology("b", "classRef: {name: q}"));
        let cluster_name_of = |files: &[(&str, &str)]| -> Vec<(usize, Vec<String>)> {
            let inventory = run(files, &[]);
            let classes = inventory.classes();
            classes
                .iter()
                .map(|class| {
                    let clusters = class.clusters.iter().filter_map(|one| one.object.name.clone());
                    (class.templates.len(), clusters.collect())
                })
                .collect()
        };
        let all = [class("t"), template.to_owned(), here.clone(), existing.clone()].concat();
        assert_eq!(cluster_name_of(&[("1.yaml", &all)]), [(1, vec!["a".to_owned(), "b".to_owned()])]);
        let (one, other) = ([class("t"), template.to_owned(), here].concat(), [class("u"), existing].concat());
        assert_eq!(
            cluster_name_of(&[("d/1.yaml", &one), ("e/1.yaml", &other)]),
            [(1, vec!["a".to_owned()]), (0, vec!["b".to_owned()])]
        );
    }
}
