//! The judges: programs that answer with CAPA's own code. `scripts/peers/judge` builds them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::generate::Case;

/// The releases of CAPA that are built, by directory.
pub(crate) const RELEASES: [(&str, &str); 3] = [("v2.8", "v2.8.4"), ("v2.11", "v2.11.1"), ("v2.13", "v2.13.0")];

/// What CAPA does.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Verdict {
    pub(crate) verdict: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    /// The error of CAPA, the API server or a webhook.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// The identities that CAPA requests.
    pub(crate) chain: Vec<Hop>,
    /// The objects that the API server or a webhook refuses, by index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) refused: BTreeMap<usize, String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) created: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

/// An identity of a chain. The fields of a role are those of the request to STS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Hop {
    pub(crate) kind: String,
    pub(crate) name: String,
    #[serde(rename = "roleARN", skip_serializing_if = "Option::is_none")]
    pub(crate) role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_name: Option<String>,
    #[serde(rename = "externalID", skip_serializing_if = "Option::is_none")]
    pub(crate) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

/// A running judge.
pub(crate) struct Judge {
    child: Child,
    input: Option<BufWriter<ChildStdin>>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Judge {
    /// Starts the judge of a release.
    pub(crate) fn start(peers: &Path, directory: &str) -> Self {
        let program = peers.join("judge").join(directory).join("judge");
        let child = Command::new(&program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let input = child.stdin.take().map(BufWriter::new);
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, input, output }
    }

    /// The verdicts on some cases.
    pub(crate) fn verdicts(&mut self, cases: &[Case]) -> Vec<Verdict> {
        let mut input = self.input.take().expect("a running judge");
        let lines: Vec<String> =
            cases.iter().map(|case| json!({"objects": case.objects, "cluster": 0}).to_string()).collect();
        // The judge answers while it reads.
        let writer = std::thread::spawn(move || {
            for line in lines {
                writeln!(input, "{line}").expect("the judge reads");
            }
            input.flush().expect("the judge reads");
            input
        });
        let mut read = || {
            let line = self.output.next().expect("the judge answers").expect("text");
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        let verdicts = cases.iter().map(|_| read()).collect();
        self.input = Some(writer.join().expect("the judge reads"));
        verdicts
    }

    /// The verdict on one case.
    pub(crate) fn verdict(&mut self, case: &Case) -> Verdict {
        self.verdicts(std::slice::from_ref(case)).remove(0)
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Verdict {
    /// The last identity that CAPA requested.
    pub(crate) fn last(&self) -> Option<&Hop> {
        self.chain.last()
    }
}

/// The first object of a kind and name.
pub(crate) fn find<'c>(case: &'c Case, kind: &str, name: &str) -> Option<(usize, &'c Value)> {
    let is_it = |object: &Value| object["kind"] == kind && object["metadata"]["name"] == name;
    case.objects.iter().enumerate().find(|(_, object)| is_it(object))
}
