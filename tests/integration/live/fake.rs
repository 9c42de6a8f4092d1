//! An API server that fails on request: HTTP on loopback, with the discovery of a management cluster.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::support::xaccount;

/// The answer to a request.
pub(crate) struct Reply {
    pub(crate) status: &'static str,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
    /// Whether the connection ends in the middle of the body.
    pub(crate) is_cut: bool,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self { status: "200 OK", headers: "", body: body.into(), is_cut: false }
    }

    /// An error with a `metav1.Status`.
    pub(crate) fn error(status: &'static str, reason: &str, message: &str) -> Self {
        let body = format!(
            r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{message}","reason":"{reason}","code":{}}}"#,
            &status[..3]
        );
        Self { status, ..Self::ok(body) }
    }
}

/// A running server.
pub(crate) struct FakeServer {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    directory: tempfile::TempDir,
}

const INFRASTRUCTURE: &str = "/apis/infrastructure.cluster.x-k8s.io";

/// The path of the list of AWSClusters.
pub(crate) const CLUSTERS: &str = "/apis/infrastructure.cluster.x-k8s.io/v1beta2/awsclusters";

/// A list of AWSClusters, with a token for the next page.
pub(crate) fn page(names: &[&str], next: &str) -> Reply {
    let items: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                r#"{{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta2","kind":"AWSCluster","metadata":{{"name":"{name}","namespace":"birds"}},"spec":{{"region":"eu-west-1"}}}}"#
            )
        })
        .collect();
    Reply::ok(format!(
        r#"{{"kind":"List","apiVersion":"v1","metadata":{{"continue":"{next}"}},"items":[{}]}}"#,
        items.join(",")
    ))
}

/// What an empty management cluster answers.
fn default_reply(path: &str) -> Reply {
    match path.split('?').next().unwrap_or_default() {
        INFRASTRUCTURE => Reply::ok(r#"{"versions":[{"version":"v1beta2"}],"preferredVersion":{"version":"v1beta2"}}"#),
        "/apis/infrastructure.cluster.x-k8s.io/v1beta2" => Reply::ok(r#"{"resources":[{"name":"awsclusters"}]}"#),
        CLUSTERS => page(&["wren"], ""),
        "/api/v1/namespaces/kube-system" => Reply::ok(r#"{"metadata":{"uid":"1"}}"#),
        "/api/v1/namespaces" | "/api/v1/pods" => Reply::ok(r#"{"metadata":{},"items":[]}"#),
        _ => Reply::error("404 Not Found", "NotFound", "the server could not find the requested resource"),
    }
}

impl FakeServer {
    /// Answers with `reply(path, how many requests for this path came before)`, or as an empty management cluster.
    pub(crate) fn new(reply: impl Fn(&str, usize) -> Option<Reply> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(path) = request(stream.as_ref().unwrap()) else { continue };
                let before = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(path.clone());
                    seen.iter().filter(|one| **one == path).count() - 1
                };
                let reply = reply(&path, before).unwrap_or_else(|| default_reply(&path));
                answer(stream.unwrap(), &reply);
            }
        });
        let server = Self { url, requests, directory: tempfile::tempdir().unwrap() };
        server.point_to(&server.url);
        server
    }

    /// Writes the kubeconfig, with the URL of a server.
    pub(crate) fn point_to(&self, url: &str) {
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
             contexts: [{{name: fake, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        );
        fs::write(self.directory.path().join("kubeconfig"), kubeconfig).unwrap();
    }

    /// Runs the program.
    pub(crate) fn run(&self, line: &str) -> Output {
        let mut command = xaccount();
        command.env("KUBECONFIG", self.directory.path().join("kubeconfig")).current_dir(self.directory.path());
        command.args(line.split_whitespace()).output().unwrap()
    }

    /// The lists of AWSClusters that were requested: their queries.
    pub(crate) fn queries(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter_map(|path| path.strip_prefix(CLUSTERS)?.strip_prefix('?')).map(str::to_owned).collect()
    }
}

/// The path of a request, if it is a GET.
fn request(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    lines.map_while(Result::ok).find(String::is_empty)?;
    Some(first.strip_prefix("GET ")?.split(' ').next()?.to_owned())
}

fn answer(mut stream: TcpStream, reply: &Reply) {
    let Reply { status, headers, body, is_cut } = reply;
    let length = body.len();
    let body = if *is_cut { &body[..length / 2] } else { body };
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-type: application/json\r\nconnection: close\r\n");
    // The program may not wait for the answer.
    let _ = write!(stream, "{head}content-length: {length}\r\n\r\n{body}");
}
