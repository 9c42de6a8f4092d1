//! Hostile input: each is edited correctly or refused with its cause, in bounded time and memory.
//!
//! Time is compared between two sizes of one input, not with a clock: eight times the input may take three times eight
//! the CPU time, and what is quadratic takes 64 times. Memory is the child's peak, compared with the size of the input.
//! A test build is slower than the program itself, so inputs with many objects have fewer of them in it. `cargo test
//! --release --test integration hostile` runs the full number.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use wait4::Wait4;

use crate::support::xaccount;

const FULL: bool = !cfg!(debug_assertions);

/// A cluster whose spec is its last member, so that more members can be appended.
const CLUSTER: &str =
    "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: heron\nspec:\n";
const REFERENCE: &str = "  identityRef:\n    kind: AWSClusterRoleIdentity\n    name: cross-account-role-222222222222\n";

/// The cost and the result of a run.
struct Done {
    status: Option<i32>,
    stdout: Vec<u8>,
    stderr: String,
    cpu: Duration,
    /// Peak of the resident set, in bytes.
    peak: u64,
}

/// Writes `NAME` piece by piece, so that this process stays small: a child's peak is never less than its parent's.
fn put(directory: &Path, name: &str, write: impl FnOnce(&mut dyn Write)) -> u64 {
    let path = directory.join(name);
    let mut out = BufWriter::new(File::create(&path).unwrap());
    write(&mut out);
    out.flush().unwrap();
    fs::metadata(path).unwrap().len()
}

fn run(directory: &Path, name: &str, flags: &[&str]) -> Done {
    let mut child = xaccount()
        .current_dir(directory)
        .args(["inject", name, "--account", "222222222222", "--no-identity"])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut stderr = Vec::new();
        err.read_to_end(&mut stderr).map(|_| stderr)
    });
    let mut stdout = Vec::new();
    out.read_to_end(&mut stdout).unwrap();
    let stderr = String::from_utf8(reader.join().unwrap().unwrap()).unwrap();
    let used = child.wait4().unwrap();
    let cpu = used.rusage.utime + used.rusage.stime;
    Done { status: used.status.code(), stdout, stderr, cpu, peak: used.rusage.maxrss }
}

/// The largest size of this process so far, in bytes, which its children count as theirs.
fn own_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

const MIB: u64 = 1 << 20;

/// Checks that `done` took at most this many bytes; more if this process itself was larger.
fn bounded(name: &str, done: &Done, most: u64) {
    let most = most.max(own_peak() + 16 * MIB);
    assert!(done.peak <= most, "{name}: {} MiB at its peak, not {} MiB", done.peak / MIB, most / MIB);
}

// --- refusals and small edits ------------------------------------------------------------------------------------------

enum Verdict {
    /// The reference is added, and nothing else changes.
    Right,
    /// Refused, and the message contains this.
    Refused(&'static str),
}
use Verdict::{Refused, Right};

/// `a0` is a scalar, and each further anchor nine times the one before: 9^30 scalars.
fn bomb(indent: &str) -> String {
    let mut text = format!("{indent}a0: &a0 x\n");
    for n in 0..30 {
        writeln!(text, "{indent}a{}: &a{} [{}]", n + 1, n + 1, vec![format!("*a{n}"); 9].join(",")).unwrap();
    }
    text
}

const DEEP: usize = 100_000;

/// One text `DEEP` levels deep for each way to nest.
fn nests() -> Vec<(&'static str, String)> {
    let repeat = |open: &str, close: &str| format!("{}x{}", open.repeat(DEEP), close.repeat(DEEP));
    vec![
        ("flow sequences", repeat("[", "]")),
        ("flow mappings", repeat("{a: ", "}")),
        ("flow sequences left open", "[".repeat(DEEP)),
        ("flow mappings left open", "{a: ".repeat(DEEP)),
        ("block sequences", format!("\n    {}x", "- ".repeat(DEEP))),
        ("explicit keys", format!("\n    {}x", "? ".repeat(DEEP))),
    ]
}

/// A name, the file, its bytes, and the expected result.
type Input = (String, &'static str, Vec<u8>, Verdict);

fn yaml(name: &str, text: String, verdict: Verdict) -> Input {
    (name.to_owned(), "heron.yaml", text.into_bytes(), verdict)
}

/// Aliases that multiply, and characters on which readers disagree.
fn odd_characters() -> Vec<Input> {
    vec![
        yaml("an alias bomb", format!("{CLUSTER}{}", bomb("  ")), Refused("aliases of this document expand too much")),
        yaml("an alias bomb in another document", format!("{CLUSTER}  r: x\n---\nkind: Pod\n{}", bomb("")), Right),
        yaml(
            "an alias inside its own anchor",
            format!("{CLUSTER}  a: &a [*a]\n"),
            Refused("an alias is inside its own anchor"),
        ),
        yaml(
            "a mid-file BOM before a marker",
            format!("{CLUSTER}  r: x\n\u{feff}---\na: b\n"),
            Refused("byte-order mark"),
        ),
        yaml("U+2028 outside of quotes", format!("{CLUSTER}  r: x\u{2028}y\n"), Refused("U+2028")),
        yaml("U+2029 outside of quotes", format!("{CLUSTER}  r: x\u{2029}y\n"), Refused("U+2029")),
        yaml("U+2028 before a marker", format!("{CLUSTER}  r: x\n\u{2028}---\na: b\n"), Refused("U+2028")),
        yaml("U+2029 before a marker", format!("{CLUSTER}  r: x\n\u{2029}---\na: b\n"), Refused("U+2029")),
        yaml("U+0085 before a marker", format!("{CLUSTER}  r: x\n\u{85}---\na: b\n"), Refused("U+0085")),
        yaml("a lone CR before a marker", format!("{CLUSTER}  r: x\n\r---\na: b\n"), Refused("carriage return")),
        yaml("a NUL at the end", format!("{CLUSTER}  r: x\n\0"), Refused("NUL byte")),
        yaml("a NUL in another document", format!("{CLUSTER}  r: x\n---\na: \0\n"), Right),
    ]
}

/// Texts with one part that is very long.
fn long_texts() -> Vec<Input> {
    vec![
        yaml(
            "a key of a million characters",
            format!("{CLUSTER}  {}: x\n", "k".repeat(1_000_000)),
            Refused("not YAML"),
        ),
        yaml("an anchor of a million characters", format!("{CLUSTER}  k: &{} x\n", "a".repeat(1_000_000)), Right),
        yaml("a tag of a million characters", format!("{CLUSTER}  k: !{} x\n", "t".repeat(1_000_000)), Right),
        yaml("a million blanks", format!("{CLUSTER}  k:{}x\n", " ".repeat(1_000_000)), Right),
        yaml("a million empty lines", format!("{CLUSTER}  r: x\n{}", "\n".repeat(1_000_000)), Right),
        yaml("a hundred thousand blocks of comments", format!("{CLUSTER}  r: x\n{}", "# c\n\n".repeat(100_000)), Right),
    ]
}

/// Templates of each language.
fn templates() -> Vec<Input> {
    vec![
        yaml(
            "Helm",
            format!("{CLUSTER}  {{{{- with .Values.region }}}}\n  region: {{{{ . }}}}\n  {{{{- end }}}}\n"),
            Refused("a Helm or Go template"),
        ),
        yaml(
            "Jinja",
            format!("{CLUSTER}  {{% for z in zones %}}\n  z: x\n  {{% endfor %}}\n"),
            Refused("a Jinja template"),
        ),
        yaml("ERB", format!("{CLUSTER}  <% if region %>\n  region: x\n  <% end %>\n"), Refused("an ERB template")),
    ]
}

/// Deep JSON and YAML, alone and next to a cluster.
fn deep_texts() -> Vec<Input> {
    let mut inputs = vec![
        (
            "JSON left open".to_owned(),
            "heron.json",
            format!("{{\"kind\":\"AWSCluster\",\"spec\":{}", "[".repeat(DEEP)).into_bytes(),
            Refused("recursion limit"),
        ),
        (
            "JSON".to_owned(),
            "heron.json",
            format!("{{\"kind\":\"AWSCluster\",\"spec\":{}{}}}", "[".repeat(DEEP), "]".repeat(DEEP)).into_bytes(),
            Refused("recursion limit"),
        ),
    ];
    for (name, text) in nests() {
        inputs.push(yaml(
            &format!("{name}, {DEEP} deep"),
            format!("{CLUSTER}  deep: {text}\n"),
            Refused("recursion limit"),
        ));
        inputs.push(yaml(
            &format!("{name}, {DEEP} deep, next to it"),
            format!("{CLUSTER}  r: x\n---\ndeep: {text}\n"),
            Right,
        ));
    }
    inputs
}

/// Texts that are not UTF-8.
fn encodings() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (name, endian) in [("UTF-16LE", u16::to_le_bytes as fn(u16) -> [u8; 2]), ("UTF-16BE", u16::to_be_bytes)] {
        let text = format!("\u{feff}{CLUSTER}  r: x\n");
        let bytes = text.encode_utf16().flat_map(endian).collect();
        inputs.push((name.to_owned(), "heron.yaml", bytes, Refused("UTF-16")));
    }
    for (name, bytes) in [
        ("a lone surrogate", b"\xED\xA0\x80".as_slice()),
        ("an overlong slash", b"\xC0\xAF"),
        ("half a character", b"\xE2\x82"),
    ] {
        let inside = [CLUSTER.as_bytes(), b"  r: ", bytes, b"\n"].concat();
        inputs.push((name.to_owned(), "heron.yaml", inside, Refused("not UTF-8")));
        let next_to = [CLUSTER.as_bytes(), b"  r: x\n---\na: ", bytes, b"\n"].concat();
        inputs.push((format!("{name}, next to it"), "heron.yaml", next_to, Right));
    }
    inputs
}

fn inputs() -> Vec<Input> {
    [odd_characters(), long_texts(), templates(), deep_texts(), encodings()].into_iter().flatten().collect()
}

#[test]
fn each_is_edited_correctly_or_refused() {
    let mut failures = Vec::new();
    let inputs = inputs();
    assert!(inputs.len() >= 40, "{}", inputs.len());
    let mut most = 0;
    for (name, file, bytes, verdict) in inputs {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), file, |out| out.write_all(&bytes).unwrap());
        let done = run(directory.path(), file, &["--write"]);
        bounded(&name, &done, 64 * MIB + 40 * bytes.len() as u64);
        // A limit for runs that never end: the slowest takes less than a second.
        assert!(done.cpu < Duration::from_secs(60), "{name}: {:?}", done.cpu);
        most = most.max(done.peak);
        let after = fs::read(directory.path().join(file)).unwrap();
        let (status, right) = match verdict {
            Right => {
                let at = CLUSTER.len();
                (Some(0), [&bytes[..at], REFERENCE.as_bytes(), &bytes[at..]].concat())
            }
            Refused(why) => {
                let first = done.stderr.lines().next().unwrap_or_default();
                if !first.starts_with("error: ") || !first.contains(why) {
                    failures.push(format!("{name}: the message lacks '{why}': {:.300}", done.stderr));
                }
                (Some(2), bytes)
            }
        };
        if done.status != status || !done.stdout.is_empty() {
            failures.push(format!("{name}: status {:?}, not {status:?}: {:.300}", done.status, done.stderr));
        }
        if after != right {
            failures.push(format!("{name}: the file is not what it should be"));
        }
        let left = fs::read_dir(directory.path()).unwrap().count();
        if left != 1 {
            failures.push(format!("{name}: {left} files exist"));
        }
    }
    eprintln!("peak {} MiB", most / MIB);
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

// --- growth --------------------------------------------------------------------------------------------------------------

/// Eight times the input takes at most this many times the CPU time.
const GROWTH: f64 = 24.0;
const TIMES: usize = 8;

/// Writes an input of size `n` with `write`, and one eight times as large, and runs both.
/// `memory`: the bytes of peak memory for each byte of input.
fn grows(name: &str, n: usize, status: i32, memory: u64, write: impl Fn(usize, &mut dyn Write)) {
    let directory = tempfile::tempdir().unwrap();
    let mut cpu = [Duration::ZERO; 2];
    for (cpu, n) in cpu.iter_mut().zip([n / TIMES, n]) {
        let size = put(directory.path(), "heron.yaml", |out| write(n, out));
        let done = run(directory.path(), "heron.yaml", &["--check", "-q"]);
        assert_eq!(done.status, Some(status), "{name}: {:.500}", done.stderr);
        assert_eq!(done.stdout.is_empty(), status == 2, "{name}");
        bounded(name, &done, 64 * MIB + memory * size);
        eprintln!("{name}, {:.1} MB: {:.2} s, {} MiB", size as f64 / 1e6, done.cpu.as_secs_f64(), done.peak / MIB);
        *cpu = done.cpu;
    }
    // A program that does nothing still takes some milliseconds to start.
    let floor = Duration::from_millis(20);
    let ratio = cpu[1].as_secs_f64() / cpu[0].max(floor).as_secs_f64();
    assert!(ratio <= GROWTH, "{name}: {TIMES} times the input takes {ratio:.1} times the time: {cpu:?}");
}

/// Writes a text again and again, without one string that contains it all.
fn repeat(out: &mut dyn Write, text: &str, n: usize) {
    for _ in 0..n {
        out.write_all(text.as_bytes()).unwrap();
    }
}

#[test]
fn one_long_line_in_a_capa_object() {
    grows("one long line in a CAPA object", 200_000_000, 1, 6, |n, out| {
        write!(out, "{CLUSTER}  line: ").unwrap();
        repeat(out, "word ", n / 5);
        writeln!(out, "x").unwrap();
    });
}

#[test]
fn one_long_line_in_another_document() {
    grows("one long line in another document", 200_000_000, 1, 2, |n, out| {
        write!(out, "{CLUSTER}  r: x\n---\nline: ").unwrap();
        repeat(out, "word ", n / 5);
        writeln!(out, "x").unwrap();
    });
}

#[test]
fn many_carriage_returns_in_another_document() {
    grows("many carriage returns in another document", 4_000_000, 1, 3, |n, out| {
        write!(out, "{CLUSTER}  r: x\n---\nkind: ConfigMap\ndata: {{a: \"").unwrap();
        repeat(out, "word\r", n / 5);
        writeln!(out, "\"}}").unwrap();
    });
}

#[test]
fn many_carriage_returns_in_a_capa_object() {
    grows("many carriage returns in a CAPA object", 4_000_000, 2, 3, |n, out| {
        write!(out, "{CLUSTER}  r: \"").unwrap();
        repeat(out, "word\r", n / 5);
        writeln!(out, "\"").unwrap();
    });
}

#[test]
fn a_million_documents() {
    // About 58 bytes for each document of 9 bytes.
    grows("a million documents", 1_000_000, 1, 3, |n, out| {
        writeln!(out, "{CLUSTER}  r: x").unwrap();
        repeat(out, "---\na: 1\n", n - 1);
    });
}

const MANY: usize = if FULL { 400_000 } else { 12_000 };

#[test]
fn many_keys() {
    grows("many keys", MANY, 1, 100, |n, out| {
        write!(out, "{CLUSTER}").unwrap();
        (0..n).for_each(|k| writeln!(out, "  k{k}: v").unwrap());
    });
}

#[test]
fn many_duplicates() {
    grows("many duplicates", MANY, 1, 150, |n, out| {
        write!(out, "{CLUSTER}").unwrap();
        repeat(out, "  k: v\n", n);
    });
}

#[test]
fn many_anchors_and_aliases() {
    grows("many anchors and aliases", MANY / 2, 1, 150, |n, out| {
        write!(out, "{CLUSTER}").unwrap();
        (0..n).for_each(|k| writeln!(out, "  k{k}: &a{k} v").unwrap());
        (0..n).for_each(|k| writeln!(out, "  l{k}: *a{k}").unwrap());
    });
}

#[test]
fn many_aliases_of_one_anchor() {
    grows("many aliases of one anchor", MANY, 1, 150, |n, out| {
        write!(out, "{CLUSTER}  a: &a v\n  l:\n").unwrap();
        repeat(out, "  - *a\n", n);
    });
}

#[test]
fn many_keys_of_an_object_that_mentions_a_capa_kind() {
    grows("many keys of an object that mentions a CAPA kind", MANY, 1, 400, |n, out| {
        write!(out, "{CLUSTER}  r: x\n---\napiVersion: v1\nkind: ConfigMap # of AWSCluster\u{2028}\n").unwrap();
        (0..n).for_each(|k| writeln!(out, "k{k}: v").unwrap());
    });
}

#[test]
fn many_comments() {
    grows("many comments", 100_000, 1, 60, |n, out| {
        write!(out, "{CLUSTER}").unwrap();
        repeat(out, "  # c\n", n);
        writeln!(out, "  r: x").unwrap();
    });
}

fn item(out: &mut dyn Write, n: usize) {
    let text = CLUSTER.replace("heron", &format!("heron-{n}")).trim_end().replace('\n', "\n  ");
    writeln!(out, "- {text}\n    r: x").unwrap();
}

#[test]
fn many_items_that_are_all_edited() {
    grows("many items, all edited", MANY / 16, 1, 40, |n, out| {
        writeln!(out, "apiVersion: v1\nkind: List\nitems:").unwrap();
        (0..n).for_each(|n| item(out, n));
    });
}

#[test]
fn many_items_with_anchors_that_others_use() {
    grows("many items with anchors that others use", MANY / 16, 1, 60, |n, out| {
        writeln!(out, "apiVersion: v1\nkind: List\nitems:\n- {{kind: Pod, a: &a x}}").unwrap();
        for n in 0..n {
            item(out, n);
            writeln!(out, "    b: *a").unwrap();
        }
    });
}

#[test]
fn many_documents_that_are_all_edited() {
    grows("many documents, all edited", MANY / 16, 1, 40, |n, out| {
        (0..n).for_each(|n| writeln!(out, "---\n{}  r: x", CLUSTER.replace("heron", &format!("heron-{n}"))).unwrap());
    });
}

#[test]
fn many_errors() {
    grows("many errors", MANY / 4, 2, 100, |n, out| {
        (0..n).for_each(|n| writeln!(out, "---\nkind: AWSCluster\nmetadata: {{name: c{n}}}\nspec: [").unwrap());
    });
}

#[test]
fn many_escapes_that_could_spell_a_kind() {
    grows("many escapes", MANY, 1, 150, |n, out| {
        write!(out, "{CLUSTER}  r: x\n---\nkind: Pod\n").unwrap();
        (0..n).for_each(|k| writeln!(out, "k{k}: \"\\x41\"").unwrap());
    });
}
