//! Files joined to one stream: every value is read as in its own file, or the files are not joined.
//!
//! The values are read with kubectl's own decoder, as a peer (`scripts/peers/values`), and with libyaml.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use serde_json::Value;

use xaccount::inventory::joined;

use super::manifest::streams;
use super::{cases, runner};
use crate::suite::oracle::{Reader, Tree};
use crate::suite::say;
use crate::support::{peer, skip};

/// Lines at the start and end of files.
const LINES: [&str; 24] = [
    "a: 1\n",
    "kind: b\n",
    "c: d",
    "---\n",
    "---\n",
    "--- \n",
    "---\t\n",
    "--- # c\n",
    "---",
    "...\n",
    "... # c\n",
    "# c\n",
    "# c",
    "    # indented\n",
    "\n",
    "\n\n",
    "   \n",
    "r: |\n  x\n",
    "r: |+\n  x\n",
    "r: |+\n  x\n\n",
    "r: |\n  x",
    "r: >-\n  y\n  z\n",
    "s: 'q\n\n  w'\n",
    "é: &x 1\nf: *x\n",
];

/// Lines and parts of lines that readers may misread or can't read.
const TRAPS: [&str; 31] = [
    "---#c\n",
    "----\n",
    "--- x\n",
    "--- |\n",
    "--- {e: 1}\n",
    "...",
    "... \n",
    "  ",
    "\t",
    " ",
    "  more\n",
    "s: 'open\n",
    "%YAML 1.1\n",
    "%YAML 1.2\n",
    "%YAML 1.1\n---\n",
    "%TAG !e! tag:x,2:\n",
    "%TAG !e! tag:x,2:\n---\nt: !e!x y\n",
    "t: !e!x y\n",
    "{a: b}\n",
    "{\"a\": 1}\n",
    "{\"a\": 1} {\"b\": 2}\n",
    "[1, 2]\n",
    "}\n",
    "\r\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{a0}",
    "\u{b}",
    "{{ .x }}\n",
];

/// JSON values, many of which have another value as YAML.
const VALUES: [&str; 28] = [
    "{\"a\": 1}",
    "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":true}",
    "{}",
    "{\n\t\"a\":\n\t\t[\n\t1\n]}",
    "{\"a\": \"# x: y\"}",
    "{\"a\": \"http:\\/\\/x\"}",
    "{\"a\": \"\\ud83c\\udf89\"}",
    "{\"a\": \"\\ud800\"}",
    "{\"a\": \"\\u0085\\u2028\\ufeff\\n\\\\\"}",
    "{\"a\": \"x\u{85}y\"}",
    "{\"a\": \"x \u{2028} y\"}",
    "{\"a\": \"x\u{2029} y\"}",
    "{\"a\": \"x\u{feff}y\u{a0}🎉\"}",
    "{\"a\": \"\u{7f}\"}",
    "{\"a\": \"\u{90}\"}",
    "{\"a\": \"\u{ffff}\"}",
    "{\"a\" : 1e3, \"b\": -0.0}",
    "{\"a\": 1E400}",
    "{\"a\": 18446744073709551617, \"b\": 1.50}",
    "{\"a\"\n: 1}",
    "{\"<<\": {\"a\": 1}, \"a\": 2, \"a\": 3}",
    "{\"yes\": \"no\", \"~\": \"0x1f\"}",
    "{\"a\\\\\": \"\\\\\", \"b\": \"/\"}",
    "[1]",
    "1",
    "null",
    "\"x\"",
    "{\"\\/\": 1}",
];

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![9 => select(&LINES[..]), 1 => select(&TRAPS[..])];
    proptest::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = String> {
    let odd = select(&["", " ", "\t", "\r", "\n---\n", "\n--- x\n", "\n# c\n---\n", "\u{a0}", "\nx: y\n"][..]);
    let space = prop_oneof![4 => select(&["\n", "\n\n", "\r\n"][..]), 1 => odd];
    let long = Just(format!("{{\"{}\": 1}}", "k".repeat(1100)));
    let value = prop_oneof![
        20 => select(&VALUES[..5]).prop_map(str::to_owned),
        10 => select(&VALUES[5..]).prop_map(str::to_owned),
        1 => long,
    ];
    let around = prop_oneof![8 => Just(""), 1 => Just("\n"), 1 => Just("\t"), 1 => Just(" \r\n"), 1 => Just("\u{b}")];
    (around, proptest::collection::vec((value, space), 1..4))
        .prop_map(|(before, values)| before.to_owned() + &values.into_iter().map(|(a, b)| a + b).collect::<String>())
}

/// A file's bytes, displayed as text.
#[derive(Clone)]
struct File(Vec<u8>);

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

impl AsRef<[u8]> for File {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A file in one of its possible forms.
fn file() -> impl Strategy<Value = File> {
    let text = prop_oneof![
        9 => pieces(),
        6 => json(),
        1 => (pieces(), json()).prop_map(|(a, b)| a + &b),
        1 => (json(), pieces()).prop_map(|(a, b)| a + &b),
        3 => streams().prop_map(|stream| stream.write()),
        1 => (streams(), pieces()).prop_map(|(stream, end)| stream.write() + &end),
        1 => (pieces(), streams()).prop_map(|(start, stream)| start + &stream.write()),
    ];
    let form = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), 0..60_u8);
    (text, form).prop_map(|(text, (marked, crlf, form))| {
        let text = if crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        let text = if marked { format!("\u{feff}{text}") } else { text };
        File(match form {
            0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            1 => std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
            2 => std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect(),
            3 => [text.as_bytes(), b"\xE2\x80"].concat(),
            4 => [text.as_bytes(), b"\0\n"].concat(),
            5 => text.trim_end().as_bytes().to_vec(),
            _ => text.into_bytes(),
        })
    })
}

fn files() -> impl Strategy<Value = Vec<File>> {
    proptest::collection::vec(file(), 1..5)
}

/// kubectl's decoder.
struct Kubectl(RefCell<(Child, BufReader<std::process::ChildStdout>)>);

/// The values that it reads, and the error at which it stops.
type Read = (Vec<Value>, Option<String>);

impl Kubectl {
    fn start() -> Option<Self> {
        let mut child = Command::new(peer("values-judge")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self(RefCell::new((child, answers))))
    }

    fn read(&self, texts: &[&[u8]]) -> Vec<Read> {
        let (child, answers) = &mut *self.0.borrow_mut();
        let stdin = child.stdin.as_mut().unwrap();
        texts
            .iter()
            .map(|text| {
                let length = u32::try_from(text.len()).unwrap().to_be_bytes();
                stdin.write_all(&[&length[..], text].concat()).unwrap();
                stdin.flush().unwrap();
                let mut line = String::new();
                answers.read_line(&mut line).unwrap();
                let answer: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                // kubectl reports a value that is not an object as an error, and reads the next one.
                let object = |value: &Value| if value.is_object() { value.clone() } else { Value::Null };
                let values = answer["values"].as_array().unwrap().iter().map(object).collect();
                (values, answer["error"].as_str().map(str::to_owned))
            })
            .collect()
    }
}

impl Drop for Kubectl {
    fn drop(&mut self) {
        let child = &mut self.0.borrow_mut().0;
        drop(child.stdin.take());
        let _ = child.wait();
    }
}

fn shown(stream: &[u8]) -> String {
    format!("the stream: {:?}", String::from_utf8_lossy(stream))
}

/// The difference between a stream and its files: `alone` are the values of each file.
fn wrong(alone: &[Read], stream: &Read) -> Option<String> {
    // If kubectl can't read all of a file, it need not read it in the stream; the values before the error must be the
    // same.
    let mut certain = Vec::new();
    for (values, error) in alone {
        certain.extend(values.iter());
        if error.is_some() {
            break;
        }
    }
    let broken = alone.iter().any(|(_, error)| error.is_some());
    let (values, error) = stream;
    if !broken && error.is_some() {
        return Some(format!("kubectl can't read the stream: {error:?}"));
    }
    if !values.iter().zip(&certain).all(|(a, b)| a == *b) || values.len() < certain.len() {
        return Some(format!("kubectl reads {values:?} instead of {certain:?}"));
    }
    if !broken && values.len() > certain.len() {
        return Some(format!("kubectl reads more: {values:?} instead of {certain:?}"));
    }
    // Without an error, nothing of the files after it may be missing.
    let mut rest = values.iter();
    let all = error.is_some() || alone.iter().flat_map(|(values, _)| values).all(|one| rest.any(|value| value == one));
    (!all).then(|| format!("kubectl reads {values:?} and no error, and something is missing of {alone:?}"))
}

#[test]
fn every_value_is_read_as_in_its_own_file() {
    let Some(kubectl) = Kubectl::start() else {
        return skip("every_value_is_read_as_in_its_own_file", "no values-judge");
    };
    let counts = Cell::new([0_usize; 4]);
    let result = runner(cases(1200)).run(&files(), |files| {
        let mut now = counts.get();
        let texts: Vec<&[u8]> = files.iter().map(AsRef::as_ref).collect();
        match joined(&texts) {
            Ok(stream) => {
                if let [only] = texts[..] {
                    prop_assert_eq!(only, &stream[..]);
                }
                let ask = || {
                    let mut read = kubectl.read(&[&texts[..], &[&stream[..]]].concat());
                    let whole = read.pop().unwrap();
                    (wrong(&read, &whole), whole)
                };
                let (mut why, mut whole) = ask();
                // If a mapping has the keys `1` and `'1'`, kubectl uses sometimes one and sometimes the other.
                let mut tries = 20;
                while why.is_some() && tries > 0 {
                    (why, whole) = ask();
                    tries -= 1;
                }
                if let Some(why) = why {
                    return Err(TestCaseError::fail(format!("{why}\n{}", shown(&stream))));
                }
                now[usize::from(whole.1.is_some())] += 1;
                now[3] += whole.0.len();
            }
            Err(_) => now[2] += 1,
        }
        counts.set(now);
        Ok(())
    });
    let [read, broken, refused, values] = counts.get();
    say(&format!(
        "properties: joined: {read} streams read whole by kubectl ({values} values), {broken} with a file that it can't read, {refused} not joined"
    ));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(read * 5 > cases(1200) as usize && broken > 0 && refused > 0, "{read}, {broken}, {refused}");
}

/// The documents that libyaml reads, without the empty ones.
fn documents(text: &str) -> Option<Vec<Tree>> {
    let mut trees = Reader::Libyaml.read(text).ok()?;
    trees.retain(|tree| !tree.is_null());
    Some(trees)
}

/// For libyaml, a block scalar at the very end of a file is one line break longer if the file ends with a line break.
fn ended(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

#[test]
fn libyaml_reads_every_document_as_in_its_own_file() {
    // Another parser reads JSON; and a file that libyaml can't read alone proves nothing.
    let read = |file: &File| {
        let text = std::str::from_utf8(&file.0).ok();
        let text = text.filter(|text| !text.trim_start_matches('\u{feff}').trim_start().starts_with('{'));
        text.is_some_and(|text| documents(&ended(text)).is_some())
    };
    let files = proptest::collection::vec(file().prop_filter("libyaml reads it", read), 2..5);
    let counts = Cell::new([0_usize; 2]);
    let result = runner(cases(1200)).run(&files, |files| {
        let mut now = counts.get();
        let texts: Vec<&str> = files.iter().map(|file| std::str::from_utf8(&file.0).unwrap()).collect();
        let Ok(stream) = joined(&texts) else { return Ok(()) };
        let stream = String::from_utf8(stream).unwrap();
        let each: Vec<Vec<Tree>> = texts.iter().filter_map(|text| documents(&ended(text))).collect();
        let Some(whole) = documents(&ended(&stream)) else {
            let why = format!("libyaml can't read the stream\n{}", shown(stream.as_bytes()));
            return Err(TestCaseError::fail(why));
        };
        prop_assert!(whole == each.concat(), "{whole:?}\n{}", shown(stream.as_bytes()));
        now[0] += 1;
        now[1] += whole.len();
        counts.set(now);
        Ok(())
    });
    let [read, documents] = counts.get();
    say(&format!("properties: joined: {read} streams read by libyaml, {documents} documents"));
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(read * 2 > cases(1200) as usize, "{read}");
}
