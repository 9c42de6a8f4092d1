//! Plain words: comments, messages, pages and expected outputs avoid the phrases of a table, which has
//! a replacement for each.
//!
//! The texts are the Rust files (comments and strings), the pages, the scripts, and what the cases expect on stdout and
//! stderr. A wrapped sentence is matched as if it were on one line. `CHANGELOG.md` is history and stays as it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use walkdir::WalkDir;

use crate::support::root;

/// A phrase to avoid.
struct Rule {
    /// A regular expression, without regard to case.
    avoid: &'static str,
    /// A match is allowed if this matches in it; empty if none is.
    unless: &'static str,
    /// What to write instead.
    write: &'static str,
    /// A sentence that the rule finds.
    wrong: &'static str,
    /// A sentence that it does not find.
    right: &'static str,
}

const fn rule(
    avoid: &'static str,
    unless: &'static str,
    write: &'static str,
    wrong: &'static str,
    right: &'static str,
) -> Rule {
    Rule { avoid, unless, write, wrong, right }
}

const RULES: &[Rule] = &[
    // Negations
    rule(
        r"\S+ (is|was) no [a-z`']+",
        r"^\W*there (is|was) no|(is|was) no (longer|more|less|later|earlier|other)\b",
        "is not a(n) …",
        "This value is no list.",
        "Here there is no list, and it is no longer read.",
    ),
    rule(
        r"\S+ (is|are|was|were) none\b",
        r"^\W*there ",
        "is not one; unknown",
        "a release that is none",
        "The places of errors, if there are none.",
    ),
    rule(
        r"\b(hold|holds|held) no\b",
        "",
        "contains no",
        "The file holds no cluster.",
        "The file holds one cluster and no identity.",
    ),
    rule(
        r"\bnor (is|are|does|do|did|can|may|has|have)\b",
        "",
        "and … not; or",
        "It is not read, nor is it written.",
        "It is neither read nor written.",
    ),
    rule(
        r"\bwithout (a|one) word\b",
        "",
        "silently; without a warning",
        "skipped without a word",
        "skipped without a wordy message",
    ),
    rule(r"\bin silence\b", "", "silently", "ignored in silence", "as in silence_by_map"),
    rule(
        r"(^|[^\w`])(?-i:[Nn]obody|[Ee]verybody) (uses|can|will|may|has|needs|else|names|asks|is|was|knows|reads)\b",
        "",
        "no cluster; no namespace; every namespace",
        "an identity that nobody uses",
        "AWSClusterRoleIdentity nobody: a name",
    ),
    // Data that speaks
    rule(
        r"\bsay(s|ing)? something (else|other)\b|\bsaid something else\b",
        "",
        "already references …; already has a different …",
        "the reference says something else already",
        "The message says something about the other reference.",
    ),
    rule(
        r"\b(is|are|was|were|be|being) (not |never |also |already )?(said|told)\b( \w+)?",
        r"told (apart|from)$",
        "is specified; is reported; is missing",
        "the role's name is not said",
        "The two can't be told apart.",
    ),
    rule(
        r"\b(is|are|was|were) meant\b( \w+)?",
        r"meant (to|for|as)$",
        "matches; selected; requested",
        "the object that is meant",
        "It is meant to fail.",
    ),
    rule(
        r"\basked for\b",
        "",
        "requested",
        "the account that was asked for",
        "The user is asked once for the account.",
    ),
    rule(
        r"\bobey(s|ed)?\b",
        "",
        "matches; follows",
        "the map that the manifests obey",
        "a cluster that disobeys the map",
    ),
    rule(r"\bas \S+( \S+)? has it\b", "", "as in", "the order, as kubectl has it", "if the file has it"),
    rule(r"\bthe like\b", "", "such as …; similar …", "`cat` and the like", "the likely cause"),
    // Places and existence
    rule(
        r"\b(stands?|stood)(( [a-z]+){1,2}|[^\w-]|$)",
        r"^(stands?|stood) (for|in for|out)\b",
        "is (in, next to, after)",
        "The key stands in another file.",
        "OWNER stands for the owner, and the stand-in for a standard.",
    ),
    rule(
        r"\b(is|are|was|were) (not |already |still |never )?there\b",
        "",
        "exists; does not exist",
        "The file is there already.",
        "There is a file, and is the file there?",
    ),
    rule(r"\bisn't there\b|\baren't there\b", "", "does not exist", "The file isn't there.", "There isn't a file."),
    rule(
        r"(^|[^\w-])beside (the|a|an|it|its|them|this|that|these|each|another|one)\b",
        "",
        "next to",
        "the file beside it",
        "AWSCluster beside is in no file.",
    ),
    rule(
        r"(^|[^\w-])behind (the|a|an|it|its|them|this|that|these|each|another|one)\b",
        "",
        "after; below",
        "the comment behind the key",
        "let behind = after; the key",
    ),
    rule(
        r"\ball that is (below|above|there|in)\b",
        "",
        "recursively; everything in …",
        "Directories with all that is below them",
        "all that is written below this directory",
    ),
    // Verbs
    rule(r"\b(un)?mend(s|ed|ing)?\b", "", "fix; update", "1 finding was mended", "We recommend to amend it."),
    rule(
        r"\b(tak(e|es|en|ing)|took) (\S+ ){0,3}out\b",
        "",
        "remove",
        "It takes the identity out.",
        "It takes long without an index.",
    ),
    rule(
        r"\b(leav(e|es|ing)|left) (\S+ ){0,3}out\b",
        "",
        "omit; don't pass; skip",
        "Such objects are left out.",
        "It leaves the file without a newline.",
    ),
    rule(
        r"\b(leav(e|es|ing)|left) (\S+ ){0,3}alone\b",
        "",
        "skip; don't change",
        "Such objects are left alone.",
        "It leaves the first document of the file alone in it.",
    ),
    rule(
        r"\bpass(es|ed|ing)? (it |them |those |these )?(by|over)\b",
        "",
        "skipped",
        "The file is passed by.",
        "The flag is passed to it by kubectl.",
    ),
    rule(
        r"\blets (\S+ ){1,3}in\b|\b(is|are|be|being|was|were) let in\b|\blet (\S+ ){1,2}in\b",
        r"[=({]",
        "allows …; is allowed",
        "The identity lets the namespace in.",
        "let line = fields(name) in another form",
    ),
    rule(r"\bshut(s|ting)? out\b", "", "refuse; deny", "Nothing else is shut out.", "The pipe is shut down."),
    rule(
        r"\b(go|goes|gone|going) (with it|with them|along)\b",
        "",
        "is removed with …",
        "The identity goes with it.",
        "The file goes with the directory.",
    ),
    rule(
        r"\bwhat (is to go|goes|has gone)\b( \w+)?",
        r"goes (wrong|to|into)$",
        "what is removed",
        "It prints what goes.",
        "It reports what goes wrong.",
    ),
    rule(r"\bhang(s|ing)? on\b", "", "depends on", "The result hangs on the order.", "The program hangs once."),
    rule(r"\bjudged (as|by)\b", "", "evaluated as", "judged as CAPA v2.13.0 would", "It is judged for each release."),
    rule(r"\bcan('t|not) be had\b", "", "can't be downloaded", "The release can't be had.", "They can't be hadoop."),
    // Riddles
    rule(r"\bmay it\b", "", "whether CAPA allows it", "which account, and may it", "A webhook may itself refuse it."),
    rule(r"\bone right answer\b", "", "fixable", "1 of them has one right answer", "the one right and short answer"),
    rule(
        r"\bnothing (\w+ )?to point\b",
        "",
        "no cluster found",
        "There is nothing to point.",
        "Nothing is left to the pointer, and nothing to appoint.",
    ),
    rule(
        r"\bof ours\b",
        "",
        "a CAPA object; a kind that can carry a reference",
        "none of ours",
        "It runs for a number of hours.",
    ),
    rule(r"\bhow-many(eth)?\b", "", "the index of", "the how-manyeth document", "how many documents"),
    rule(r"\bin vain\b", "", "without an effect", "The flag is given in vain.", "the constant in vain_words"),
    rule(r"\bthe least that\b", "", "minimum", "The least that is shown", "at least that much"),
    rule(r"\bas which\b", "", "the name of …", "As which file it counts", "as long as that, which"),
    rule(r"\bway back\b", "", "undo; reverse", "the way back", "the way backwards"),
    rule(
        r"\btakes (everything|every byte)\b",
        "",
        "can't fail",
        "A `Vec` takes every byte.",
        "It takes every flag of the verb.",
    ),
    rule(r"\bmanagement account\b", "", "source account", "the management account", "the management cluster's account"),
    // Inversions
    rule(
        r"(^|[.] )(?-i:Where) [a-z]+( [^ ,\n]+){1,10}, [a-z]+",
        r", (and|at|for|from|if|or|seen|so)$",
        "If …",
        "Where the file is missing, it is created.",
        "Where the file is, and its name.",
    ),
    rule(
        r"(^|[.] )(?-i:Of) (the|a|an|all|each|several|two|these|those|what|which|one)\b",
        "",
        "For …; … of",
        "Of two files, the first counts.",
        "One of two files counts.",
    ),
];

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).case_insensitive(true).multi_line(true).unicode(false).build().unwrap()
}

impl Rule {
    /// The places in a text, each with the phrase.
    fn matches(&self, text: &str) -> Vec<(usize, String)> {
        let unless = (!self.unless.is_empty()).then(|| regex(self.unless));
        let is_allowed = |phrase: &[u8]| unless.as_ref().is_some_and(|unless| unless.is_match(phrase));
        let found = regex(self.avoid);
        let found = found.find_iter(text.as_bytes()).filter(|found| !is_allowed(found.as_bytes()));
        found.map(|found| (found.start(), String::from_utf8_lossy(found.as_bytes()).into_owned())).collect()
    }
}

/// The end of a line of a string that is continued on the next line.
const IN_STRING: char = '\u{1}';

/// A Rust file with a tab for each character that is neither in a comment nor in a string, and [`IN_STRING`] before each
/// line break in a string.
fn without_code(text: &str) -> String {
    let is_literal = |rest: &str| rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'');
    let mut out = String::new();
    // The end of the string or comment that is open, and whether it has escapes.
    let mut open: Option<(String, bool)> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        let mut is_kept = c == '\n' || open.is_some();
        match &open {
            Some((end, _)) if rest.starts_with(end) => {
                length = end.len();
                is_kept = end == "\n";
                open = None;
            }
            Some((_, true)) if c == '\\' && !rest.starts_with("\\\n") => {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
                is_kept = false;
            }
            Some(_) => {}
            None if rest.starts_with("//") => {
                open = Some(("\n".into(), false));
                is_kept = true;
            }
            None if c == '"' => open = Some(("\"".into(), true)),
            None if rest.starts_with("r\"") || rest.starts_with("r#") => {
                let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
                if rest[1 + hashes..].starts_with('"') {
                    length = hashes + 2;
                    open = Some((format!("\"{}", "#".repeat(hashes)), false));
                }
            }
            None if c == '\'' && is_literal(rest) => {
                // The character itself may be a quote or have several bytes.
                let start = 1 + usize::from(rest[1..].starts_with('\\'));
                let end = start + rest[start..].chars().next().map_or(0, char::len_utf8);
                length = end + rest[end..].find('\'').unwrap_or_default() + 1;
            }
            None => {}
        }
        let is_in_string = open.as_ref().is_some_and(|(end, _)| end != "\n");
        if c == '\n' && is_in_string && !out.ends_with(['\\', '\n']) {
            out.push(IN_STRING);
        }
        if is_kept {
            out.push_str(&rest[..length])
        } else {
            out.push('\t')
        }
        rest = &rest[length..];
    }
    out
}

/// How the lines of a file form sentences.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each line by itself.
    Output,
    /// Comments and continued strings go over several lines.
    Code,
    /// All paragraphs do.
    Page,
}

/// A file's text in which a wrapped sentence is on one line, without the markers of comments.
struct Flat {
    text: String,
    /// The offset of each line of the file.
    starts: Vec<usize>,
}

impl Flat {
    fn new(text: &str, form: Form) -> Self {
        let mut flat = Self { text: String::new(), starts: Vec::new() };
        // The marker of the line before if it may go on, and whether it ends with a backslash.
        let (mut before, mut is_continued, mut is_in_string) = (None, false, false);
        for line in text.lines() {
            let line = line.trim();
            let marker = ["///", "//!", "//", "#", ">"].into_iter().find(|marker| line.starts_with(marker));
            let content = line[marker.map_or(0, str::len)..].trim();
            let is_item = content.trim_matches(IN_STRING).is_empty()
                || content.starts_with(['|', '-', '*'])
                || content.starts_with("```");
            let is_prose = form == Form::Page || form == Form::Code && marker.is_some();
            let is_joined = is_continued || !is_item && (is_in_string || is_prose && before == Some(marker));
            if !flat.starts.is_empty() {
                flat.text.push(if is_joined { ' ' } else { '\n' });
            }
            flat.starts.push(flat.text.len());
            is_continued = form != Form::Output && content.ends_with('\\');
            // A marker in a string is a comment of YAML or of a script.
            is_in_string = marker.is_none() && content.ends_with(IN_STRING) && content.len() > 1;
            flat.text.push_str(content.trim_end_matches(['\\', IN_STRING]).trim_end());
            before = (is_prose && !content.is_empty()).then_some(marker);
        }
        flat
    }

    /// The line of an offset, counted from 1.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

/// The files to check, relative to the root, sorted.
fn files() -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    let skipped = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        ["target", "node_modules", ".git", "corpus", "artifacts"].iter().any(|skipped| name == *skipped)
    };
    for entry in WalkDir::new(root()).into_iter().filter_entry(|entry| !skipped(entry.path())) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        if entry.file_type().is_file() && is_checked(&path) {
            files.insert(path);
        }
    }
    files
}

fn is_checked(path: &str) -> bool {
    let is_below = |directories: &[&str]| directories.iter().any(|directory| path.starts_with(directory));
    let name = path.rsplit('/').next().unwrap_or_default();
    if ["CHANGELOG.md", "tests/integration/words.rs"].contains(&path) {
        return false;
    }
    if is_below(&["tests/cases/"]) {
        return ["stdout", "stderr"].contains(&name);
    }
    let rust =
        ["src/", "crates/", "benches/", "fuzz/", "tests/integration/", "tests/shared/", "tests/cases.rs", "build.rs"];
    name.ends_with(".md") || name.ends_with(".rs") && is_below(&rust) || is_below(&["scripts/"])
}

#[test]
fn each_rule_finds_its_wrong_sentence_only() {
    for rule in RULES {
        assert!(!rule.matches(rule.wrong).is_empty(), "{:?} does not match {:?}", rule.avoid, rule.wrong);
        assert_eq!(rule.matches(rule.right), [], "{:?} matches {:?}", rule.avoid, rule.right);
        assert!(!rule.write.is_empty());
    }
}

#[test]
fn wrapped_sentences_are_joined() {
    let comment = Flat::new("/// It stands\n/// in a file.\nfn f() {}\n", Form::Code);
    assert!(comment.text.starts_with("It stands in a file.\n"), "{}", comment.text);
    assert_eq!(comment.line(comment.text.find("in a").unwrap()), 2);
    let string = Flat::new("let a = \"it is \\\n         no list\";\n", Form::Code);
    assert!(string.text.contains("it is no list"), "{}", string.text);
    let help = without_code("const HELP: &str = \"\\\nNotes:\n  A file stands\n  in it.\n\n  - An item\n\";\n");
    let help = Flat::new(&help, Form::Code);
    assert!(help.text.contains("A file stands in it.\n\n- An item"), "{:?}", help.text);
    assert_eq!(help.line(help.text.find("in it").unwrap()), 4);
    let page = Flat::new("A file stands\nin it.\n\n- Another\n  one\n| a |\n", Form::Page);
    assert_eq!(page.text, "A file stands in it.\n\n- Another one\n| a |");
    assert_eq!(Flat::new("a\nb\n", Form::Output).text, "a\nb");
}

#[test]
fn code_is_not_prose() {
    let text = "let beside = 'b'; // a note\nf(\"it\\n\", '\"', r#\"a \"b\"\"#, beside::<'a>(\"x \\\n  y\"));\n";
    let prose = without_code(text);
    let words: Vec<&str> = prose.split(['\t', '\n']).filter(|word| !word.is_empty()).collect();
    assert_eq!(words, ["// a note", "it", "a \"b\"", "x \\", "  y"]);
}

#[test]
fn no_text_uses_a_phrase_to_avoid() {
    let set: RegexSet = RegexSetBuilder::new(RULES.iter().map(|rule| rule.avoid))
        .case_insensitive(true)
        .multi_line(true)
        .unicode(false)
        .build()
        .unwrap();
    let files = files();
    assert!(files.len() > 500, "{files:?}");
    let mut found = BTreeSet::new();
    for path in &files {
        // Outputs may contain any bytes.
        let text = String::from_utf8_lossy(&fs::read(root().join(path)).unwrap()).into_owned();
        let text = if path.ends_with(".rs") { without_code(&text) } else { text };
        let form = match path {
            output if output.starts_with("tests/cases/") => Form::Output,
            page if page.ends_with(".md") => Form::Page,
            _ => Form::Code,
        };
        let flat = Flat::new(&text, form);
        for rule in set.matches(flat.text.as_bytes()).into_iter().map(|index| &RULES[index]) {
            for (at, phrase) in rule.matches(&flat.text) {
                found.insert((path.as_str(), flat.line(at), phrase, rule.write));
            }
        }
    }
    let list: Vec<String> = found
        .iter()
        .map(|(path, line, phrase, write)| format!("{path}:{line}: {:?}: write: {write}", phrase.trim()))
        .collect();
    assert!(list.is_empty(), "{} phrases to replace:\n{}", list.len(), list.join("\n"));
}
