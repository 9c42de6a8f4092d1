//! What a stream can show, and how text is wrapped for it.

use textwrap::core::Word;
use textwrap::wrap_algorithms::wrap_first_fit;

/// Columns of help and tables if there is no terminal or its width is unknown.
pub(crate) const DEFAULT_WIDTH: usize = 80;

/// Minimum width for wrapping: a very narrow terminal gets long lines instead of one word per line.
pub(crate) const NARROWEST: usize = 40;

/// Programs in commands to be copied, with the words that follow them in a command. `kubectl reads …` is not a command.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("aws", &["iam", "sts"]),
    ("chmod", &["u+w"]),
    ("curl", &["-fsSL"]),
    ("dkp", &["create"]),
    ("git", &["log", "add", "worktree", "apply"]),
    ("iconv", &["-f"]),
    ("jsonnet", &["-y"]),
    ("kubectl", &["xaccount", "kustomize", "get", "apply", "api-resources", "--context"]),
    ("kustomize", &["build"]),
    ("mkdir", &["-p"]),
];

/// Marks before a command.
const OPENING: &[char] = &['(', '`', '\''];

/// Marks and punctuation after a command.
const CLOSING: &[char] = &['`', '\'', ')', ';', ',', '.'];

/// Punctuation after a closing mark.
const PUNCTUATION: &[char] = &[')', ';', ':', ',', '.'];

/// Most tokens in which the end of a command in marks or of YAML in brackets is searched for.
const LONGEST: usize = 200;

/// What a stream can show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Screen {
    pub(crate) colour: bool,
    /// Columns of the terminal. `None` if the stream is not a terminal; then nothing is wrapped.
    pub(crate) width: Option<usize>,
}

impl Screen {
    /// The same with fewer columns.
    pub(crate) fn narrower(self, by: usize) -> Self {
        Self { width: self.width.map(|width| width.saturating_sub(by)), ..self }
    }

    /// The text wrapped at word boundaries. `taken` columns of the first line are taken by what is before it; lines after the
    /// first begin with `indent` blanks. Paths, and commands and YAML to be copied, are never broken.
    pub(crate) fn wrap(self, text: &str, taken: usize, indent: usize) -> String {
        let Some(width) = self.width else { return text.to_owned() };
        let width = width.max(NARROWEST);
        let room = |taken: usize| width.saturating_sub(taken).max(NARROWEST / 2) as f64;
        let pad = format!("\n{}", " ".repeat(indent));
        let wrap_line = |line: &str| {
            let words: Vec<Word<'_>> = unbroken(line).into_iter().map(Word::from).collect();
            let lines = wrap_first_fit(&words, &[room(taken), room(indent)]);
            let joined = |words: &&[Word<'_>]| {
                let line: String = words.iter().flat_map(|word| [word.word, word.whitespace]).collect();
                line.trim_end().to_owned()
            };
            lines.iter().map(joined).collect::<Vec<_>>().join(&pad)
        };
        text.split('\n').map(wrap_line).collect::<Vec<_>>().join("\n")
    }
}

/// A line split where it may be broken; each piece includes the spaces after it.
fn unbroken(line: &str) -> Vec<&str> {
    let tokens: Vec<&str> = line.split_inclusive(' ').collect();
    let depths: Vec<isize> = tokens.iter().map(|token| depth(token)).collect();
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        let count = together(&tokens[at..], &depths[at..]);
        let length: usize = tokens[at..at + count].iter().map(|token| token.len()).sum();
        pieces.push(&line[start..start + length]);
        start += length;
        at += count;
    }
    pieces
}

/// Number of brackets that a token opens and does not close.
fn depth(token: &str) -> isize {
    let of = |byte: u8| isize::from(matches!(byte, b'{' | b'[')) - isize::from(matches!(byte, b'}' | b']'));
    token.bytes().map(of).sum()
}

/// How many tokens from the start must stay on one line. `depths` has the depth of each token.
fn together(tokens: &[&str], depths: &[isize]) -> usize {
    // Indentation is kept with the text after it.
    let blanks = tokens.iter().take_while(|token| token.trim_end().is_empty()).count();
    let (tokens, depths) = (&tokens[blanks..], &depths[blanks..]);
    if tokens.is_empty() {
        return blanks;
    }
    let length = command(tokens).or_else(|| flow_yaml(tokens, depths)).unwrap_or_else(|| {
        let first = tokens[0].trim_end();
        // A flag and its value.
        let is_flag = first.starts_with("--")
            && first.len() > 2
            && !first.contains('=')
            && !first.ends_with([',', ';', ':', ')', '.']);
        if is_flag { tokens.len().min(2) } else { 1 }
    });
    blanks + length
}

/// How many tokens from the start are a command to be copied. It ends at its closing mark if it has one, or at a token
/// after which a sentence goes on.
fn command(tokens: &[&str]) -> Option<usize> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.trim_end());
    let program = word(0).trim_start_matches(OPENING);
    let verb = word(1).trim_end_matches(CLOSING);
    if !PROGRAMS.iter().any(|(name, verbs)| *name == program && verbs.contains(&verb)) {
        return None;
    }
    let mark = word(0).trim_start_matches('(').chars().next().filter(|mark| ['`', '\''].contains(mark));
    let marked = mark.and_then(|mark| {
        tokens.iter().take(LONGEST).position(|token| token.trim_end().trim_end_matches(PUNCTUATION).ends_with(mark))
    });
    let is_end = |token: &&str| {
        let token = token.trim_end();
        // `.` and `..` are directories.
        token.ends_with([';', ')', ',', '.']) && !token.trim_matches('.').is_empty()
    };
    let end = marked.or_else(|| tokens.iter().position(is_end));
    Some(end.map_or(tokens.len(), |end| end + 1))
}

/// How many tokens from the start are YAML in brackets, with the key before it.
fn flow_yaml(tokens: &[&str], depths: &[isize]) -> Option<usize> {
    let is_key = tokens[0].trim_end().ends_with(':');
    let opens = is_key && tokens.get(1).is_some_and(|next| next.starts_with(['{', '['])) || depths[0] > 0;
    if !opens {
        return None;
    }
    let mut open = 0;
    let end = depths.iter().take(LONGEST).enumerate().position(|(at, depth)| {
        open += depth;
        open == 0 && (at > 0 || !is_key)
    });
    end.map(|end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(text: &str, width: usize) -> Vec<String> {
        let screen = Screen { colour: false, width: Some(width) };
        screen.wrap(text, 0, 2).lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_break_between_words_only() {
        let lines = wrap("an identity moves no VPC and no machine, so that CAPA would not find them", 40);
        assert_eq!(lines, ["an identity moves no VPC and no machine,", "  so that CAPA would not find them"]);
    }

    #[test]
    fn text_to_be_copied_is_on_one_line() {
        for whole in [
            "kubectl get awsclusters -A -o yaml | kubectl xaccount status -f -",
            "source: {clusters: {names: [\"dev-a\", \"dev-b\", \"prod-a\", \"prod-b\"]}}",
            "/a/path/that/is/longer/than/the/terminal/is/wide/and-has-dashes.yaml",
            "arn:aws:iam::222222222222:role/control-plane.cluster-api-provider-aws.sigs.k8s.io",
            "--move-account source=222222222222",
        ] {
            let text = format!("this is the text to be copied: {whole}");
            assert!(wrap(&text, 44).iter().any(|line| line.contains(whole)), "{:?}", wrap(&text, 44));
        }
    }

    #[test]
    fn a_command_in_marks_ends_at_its_closing_mark() {
        for command in
            ["`aws iam get-role --role-name a-role-with-a-long-name`", "'git apply --directory a/b/c x.patch'"]
        {
            for after in ["", ",", ";", ".", ":", ")"] {
                let text = format!("so that the words before {command}{after} and those after it are wrapped as usual");
                let lines = wrap(&text, 60);
                assert!(lines.iter().any(|line| line.contains(command)), "{lines:?}");
                assert!(lines.len() > 2 && lines.iter().all(|line| line.len() <= 62), "{lines:?}");
            }
        }
        assert_eq!(unbroken("so 'git apply' would"), ["so ", "'git apply' ", "would"]);
        assert_eq!(unbroken("with `git log works, and"), ["with ", "`git log works, ", "and"]);
    }

    #[test]
    fn prose_after_a_command_is_wrapped() {
        for (line, whole) in [
            ("run kubectl xaccount inject, or omit -f", "kubectl xaccount inject, "),
            ("run kubectl xaccount inject. Then omit -f", "kubectl xaccount inject. "),
            ("run kubectl xaccount inject; then omit -f", "kubectl xaccount inject; "),
            ("one (kubectl xaccount inject) or not", "(kubectl xaccount inject) "),
            ("run chmod u+w, or change", "chmod u+w, "),
            ("run kubectl xaccount lint . -R --fix", "kubectl xaccount lint . -R --fix"),
            ("run kubectl xaccount lint .. -R --fix", "kubectl xaccount lint .. -R --fix"),
            ("run kubectl xaccount inject -f - … -o yaml", "kubectl xaccount inject -f - … -o yaml"),
        ] {
            assert_eq!(unbroken(line)[1], whole);
        }
    }

    /// The pieces of a text, which are the whole text in order.
    fn pieces(text: &str) -> usize {
        let pieces = unbroken(text);
        assert!(pieces.concat() == text, "the pieces are another text");
        pieces.len()
    }

    #[test]
    fn blanks_need_no_stack() {
        let blanks = " ".repeat(200_000);
        assert_eq!(pieces(&blanks), 1);
        assert_eq!(pieces(&format!("a {blanks}b")), 2);
        assert_eq!(wrap(&format!("{blanks}b"), 80).len(), 1);
    }

    #[test]
    fn brackets_and_marks_that_nothing_closes_are_words() {
        assert_eq!(pieces(&"[ ".repeat(100_000)), 100_000);
        assert_eq!(pieces(&"a: [ ".repeat(100_000)), 200_000);
        assert_eq!(pieces(&"`git log, ".repeat(10_000)), 10_000);
        let flow = |words: usize| format!("[{}]", "a, ".repeat(words));
        assert_eq!(pieces(&flow(LONGEST - 1)), 1);
        assert_eq!(pieces(&flow(LONGEST)), LONGEST + 1);
    }

    #[test]
    fn a_sentence_about_a_program_is_wrapped() {
        let lines = wrap("kubectl reads the document as a different object than kustomize does, in most cases", 40);
        assert!(lines.iter().all(|line| line.len() <= 40), "{lines:?}");
    }

    #[test]
    fn a_stream_that_is_not_a_terminal_wraps_nothing() {
        let text = "word ".repeat(100);
        assert_eq!(Screen::default().wrap(&text, 0, 2), text);
    }
}
