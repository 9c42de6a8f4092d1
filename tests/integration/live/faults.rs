//! What an API server may do wrong, and what the program says then.

use std::time::{Duration, Instant};

use super::fake::{CLUSTERS, FakeServer, Reply, page};
use super::server::text;

fn is_list(path: &str) -> bool {
    path.starts_with(CLUSTERS)
}

/// A server that answers the list of AWSClusters with this.
fn failing(reply: impl Fn() -> Reply + Send + 'static) -> FakeServer {
    FakeServer::new(move |path, _| is_list(path).then(&reply))
}

/// The run fails, with nothing on stdout and these words on stderr.
fn fails(server: &FakeServer, line: &str, parts: &[&str]) {
    let output = server.run(line);
    assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{line}: {}", text(&output));
    for part in parts {
        assert!(text(&output).contains(part), "{line}: {part}: {}", text(&output));
    }
}

#[test]
fn all_pages_are_read() {
    let server = FakeServer::new(|path, _| {
        is_list(path).then(|| match path.split_once("&continue=") {
            None => page(&["wren", "robin"], "a/+b="),
            Some((_, "a%2F%2Bb%3D")) => page(&["tit"], "c"),
            Some((_, "c")) => page(&["rail"], ""),
            Some((_, other)) => panic!("{other}"),
        })
    });
    let output = server.run("status -A -o name");
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<&str> = names.lines().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["wren", "robin", "tit", "rail"], "{}", text(&output));
    assert_eq!(server.queries(), ["limit=500", "limit=500&continue=a%2F%2Bb%3D", "limit=500&continue=c"]);
}

#[test]
fn a_list_that_expires_is_read_again_from_the_start() {
    let gone = || Reply::error("410 Gone", "Expired", "The provided continue parameter is too old");
    let server = FakeServer::new(move |path, before| {
        is_list(path).then(|| match (path.contains("continue"), before) {
            (false, _) => page(&["wren"], "next"),
            (true, 0) => gone(),
            (true, _) => page(&["rail"], ""),
        })
    });
    let output = server.run("status -A -o name");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && stdout.matches("wren").count() == 1 && stdout.contains("rail"),
        "{}",
        text(&output)
    );
    assert_eq!(server.queries().len(), 4);

    let server = FakeServer::new(move |path, _| {
        is_list(path).then(|| if path.contains("continue") { gone() } else { page(&["wren"], "next") })
    });
    fails(&server, "status -A", &["expired before it was read (410 Gone), 3 times", "-n NAMESPACE"]);
    assert_eq!(server.queries().len(), 6);
}

#[test]
fn too_many_requests_are_repeated_when_the_server_says() {
    let busy = |headers| Reply { headers, ..Reply::error("429 Too Many Requests", "TooManyRequests", "slow down") };
    let server = FakeServer::new(move |path, before| (is_list(path) && before < 2).then(|| busy("retry-after: 1\r\n")));
    let start = Instant::now();
    let output = server.run("status -A");
    assert!(output.status.success() && text(&output).contains("wren"), "{}", text(&output));
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(server.queries().len(), 3);

    let server = failing(move || busy("retry-after: 0\r\n"));
    fails(&server, "status -A", &["429 TooManyRequests: slow down", "run again later"]);
    assert_eq!(server.queries().len(), 3);
}

#[test]
fn server_errors_name_the_request_and_the_reason() {
    let server = failing(|| Reply::error("500 Internal Server Error", "InternalError", "etcdserver: no leader"));
    let request =
        format!("{} answered GET {CLUSTERS}?limit=500 with 500 InternalError: etcdserver: no leader", server.url);
    fails(&server, "status -A", &[&request, "readyz"]);
    let message = "conversion webhook for infrastructure.cluster.x-k8s.io/v1beta1, Kind=AWSCluster failed";
    let server = failing(move || Reply::error("500 Internal Server Error", "InternalError", message));
    fails(&server, "status -A", &["conversion webhook", "the webhook of CAPA or Cluster API does not answer"]);
    // An error of a proxy is not a Kubernetes object.
    let proxy = || Reply { status: "502 Bad Gateway", ..Reply::ok("<html>\n<h1>no upstream</h1>") };
    fails(&failing(proxy), "status -A", &["502 Bad Gateway: <html>", "run again"]);
    let expired = || Reply::error("401 Unauthorized", "Unauthorized", "Unauthorized");
    fails(&failing(expired), "status -A", &["401 Unauthorized", "log in again"]);
}

#[test]
fn answers_that_are_no_lists_are_errors() {
    for body in ["<html>", r#"{"items":[{"kind":"#, "", r#"{"items":7}"#] {
        let server = failing(move || Reply::ok(body));
        fails(&server, "status -A", &["something that is not a Kubernetes object", "kubectl get --raw /version"]);
    }
}

#[test]
fn a_connection_that_ends_is_an_error() {
    let server = failing(|| Reply { is_cut: true, ..page(&["wren"], "") });
    fails(&server, "status -A", &["the connection to http://127.0.0.1:", "ended during GET", "run again"]);
}

#[test]
fn an_answer_that_takes_too_long_is_an_error() {
    let server = FakeServer::new(|path, _| {
        if is_list(path) {
            std::thread::sleep(Duration::from_secs(5));
        }
        None
    });
    fails(&server, "status -A --request-timeout 250ms", &["did not answer GET", "within 0.25 s", "--request-timeout"]);
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error() {
    let server = FakeServer::new(|_, _| None);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    server.point_to(&format!("http://{free}"));
    fails(&server, "status -A", &[&format!("http://{free} can't be reached"), "kubectl cluster-info"]);
}

#[test]
fn another_cluster_is_not_a_management_cluster() {
    let none = || Reply::error("404 Not Found", "NotFound", "the server could not find the requested resource");
    let server = FakeServer::new(move |path, _| path.starts_with("/apis/").then(none));
    fails(&server, "status -A", &["is not a management cluster of CAPA", "--context NAME selects another cluster"]);
}
