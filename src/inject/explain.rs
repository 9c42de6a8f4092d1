//! What `-v` says of an identity: each of its values, and from where it came.

use super::{AllowedNamespaces, IdentityFile, Planner, Served};
use crate::capa::{CONTROLLER_IDENTITY, ROLE_IDENTITY};

impl Planner<'_> {
    /// From where the name of an identity came, when it was not read from a file.
    pub(super) fn name_from(&self) -> &'static str {
        match self.request.identity_name {
            Some(_) => "from --identity-name",
            None => "a name made of the account and the role",
        }
    }

    /// An identity that is there already.
    pub(super) fn explain_there(&mut self, one: &Served, index: usize) {
        let run = self.run;
        self.decided(|| {
            let found = &run.objects()[index];
            let (file, version) = (&run.file(found.file).name, &found.object.api_version);
            format!("{ROLE_IDENTITY}/{}: is there in {file}:{}, keeps {version}", one.name, found.line)
        });
    }

    /// An identity that is made.
    pub(super) fn explain_new(&mut self, one: &Served, file: &IdentityFile) {
        let (run, request) = (self.run, self.request);
        let name = &one.name;
        self.decided(|| {
            let from = match request.identity_file {
                Some(_) => "from --identity-file",
                None => "the file of the objects that it serves",
            };
            let file = match file {
                IdentityFile::There(file) => run.file(*file).name.clone(),
                IdentityFile::New(path) => format!("{}, which is made", path.display()),
            };
            format!("{ROLE_IDENTITY}/{name}: goes to {file} ({from})")
        });
        self.decided(|| {
            let asked = &request.identity;
            let mut values = Vec::new();
            values.push(match &asked.source {
                Some((kind, source)) => format!("source {}/{source} from --source-identity", kind.name()),
                None => format!("source {CONTROLLER_IDENTITY}/default (the default)"),
            });
            values.push(match &asked.allowed_namespaces {
                None => "allowed namespaces all (the default)".to_owned(),
                Some(AllowedNamespaces::All) => "allowed namespaces all from --allowed-namespaces".to_owned(),
                Some(AllowedNamespaces::List(names)) => {
                    format!("allowed namespaces {} from --allowed-namespaces", names.join(","))
                }
                Some(AllowedNamespaces::Label(key, value)) => {
                    format!("allowed namespaces {key}={value} from --allowed-namespaces")
                }
            });
            values.extend(asked.session_name.as_ref().map(|text| format!("session name {text} from --session-name")));
            values.extend(asked.external_id.as_ref().map(|text| format!("external id {text} from --external-id")));
            values.extend(asked.duration_seconds.map(|seconds| format!("duration {seconds} s from --duration")));
            values.extend(asked.inline_policy.as_ref().map(|_| "session policy from --inline-policy".to_owned()));
            values.extend(
                asked
                    .annotations
                    .iter()
                    .map(|(key, value)| format!("annotation {key}={value} from --identity-annotation")),
            );
            format!("{ROLE_IDENTITY}/{name}: {}", values.join(", "))
        });
    }

    /// How it came that just these objects are pointed.
    pub(super) fn explain_selection(&mut self, selected: usize) {
        let selection = &self.request.selection;
        let flags = [
            (!selection.cluster_names.is_empty(), "--cluster-name"),
            (selection.labels.is_some(), "--selector"),
            (selection.namespace.is_some(), "--namespace"),
        ];
        let given: Vec<&str> = flags.into_iter().filter_map(|(given, flag)| given.then_some(flag)).collect();
        self.decided(|| match given[..] {
            [] => format!("{selected} selected: all that can carry an identity reference"),
            _ => format!("{selected} selected by {}", given.join(", ")),
        });
    }
}
