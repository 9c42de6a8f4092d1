//! A real API server with the CRDs of CAPA and Cluster API, one for all tests of this binary. `scripts/peers/apiserver`
//! builds it. No controller runs in it, and CAPA's webhooks are absent. Each test has a namespace of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::{peer, root, skip, target, xaccount};

/// The API server.
pub(crate) struct Server {
    pub(crate) directory: PathBuf,
    pub(crate) url: String,
    kubectl: PathBuf,
    /// Ends when this process does, because it then has no more standard input.
    _child: Child,
}

/// The API server; without its peers, the test is reported as skipped.
pub(crate) fn server(test: &str) -> Option<&'static Server> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(start) {
        Ok(server) => Some(server),
        Err(missing) => {
            skip(test, &format!("no {missing}"));
            None
        }
    }
}

/// Starts it and installs the CRDs; the error is the peer that is missing.
fn start() -> Result<Server, String> {
    let needed = |name: &str| peer(name).ok_or_else(|| name.to_owned());
    let (apiserver, kubectl) = (needed("kube-apiserver")?, needed("kubectl")?);
    for name in ["etcd", "curl", "openssl"] {
        needed(name)?;
    }
    // `serve` removes it.
    let directory = tempfile::Builder::new().prefix("apiserver").tempdir().unwrap().keep();
    let mut child = Command::new(root().join("tests/integration/live/serve"))
        .arg(apiserver.parent().unwrap())
        .arg(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    assert!(!port.is_empty(), "the API server does not start");
    let url = format!("https://127.0.0.1:{}", port.trim());
    let server = Server { directory, url, kubectl, _child: child };
    fs::write(server.kubeconfig(), server.kubeconfig_of("{token: admin-token}")).unwrap();
    let crds = target().join("peers/crds");
    server.kubectl(&["apply", "--server-side", "-f", crds.to_str().unwrap()], "");
    server.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"], "");
    // Without a controller manager, nobody creates it.
    server.kubectl(&["create", "namespace", "capa-system"], "");
    Ok(server)
}

impl Server {
    /// The kubeconfig of an administrator.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.directory.join("kubeconfig")
    }

    /// A kubeconfig with this user.
    pub(crate) fn kubeconfig_of(&self, user: &str) -> String {
        let ca = self.directory.join("certs/apiserver.crt");
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: management\n\
             clusters: [{{name: c, cluster: {{server: \"{}\", certificate-authority: {}}}}}]\n\
             users: [{{name: u, user: {user}}}]\n\
             contexts: [{{name: management, context: {{cluster: c, user: u}}}}]\n",
            self.url,
            ca.display()
        )
    }

    /// Runs kubectl as an administrator; returns what it prints.
    pub(crate) fn kubectl(&self, args: &[&str], stdin: &str) -> String {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(self.kubeconfig()).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Applies manifests, their status too.
    pub(crate) fn apply(&self, manifests: &str) {
        self.kubectl(&["apply", "--server-side", "-f", "-"], manifests);
        if manifests.contains("\nstatus:") {
            let with_status: Vec<&str> =
                manifests.split("\n---\n").filter(|document| document.contains("\nstatus:")).collect();
            let args = ["apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-"];
            self.kubectl(&args, &with_status.join("\n---\n"));
        }
    }

    /// A new namespace with an unused name.
    pub(crate) fn namespace(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("team-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.kubectl(&["create", "namespace", &name], "");
        name
    }

    /// The program with the administrator's kubeconfig, in an empty directory, so that there is no account map.
    pub(crate) fn program(&self, line: &str) -> Command {
        let mut command = xaccount();
        command.env("KUBECONFIG", self.kubeconfig()).current_dir(&self.directory).args(line.split_whitespace());
        command
    }

    /// Runs it.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.program(line).output().unwrap()
    }

    /// The same in a directory.
    pub(crate) fn run_in(&self, directory: &Path, line: &str) -> Output {
        self.program(line).current_dir(directory).output().unwrap()
    }

    /// The requests of an impersonated user, as the audit log has them.
    pub(crate) fn requests_of(&self, user: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.directory.join("audit.log")).unwrap();
        let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["impersonatedUser"]["username"] == user).collect()
    }
}

/// Both streams as text.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
