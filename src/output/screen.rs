//! What a stream can show, and how text is wrapped for it.

use textwrap::core::Word;
use textwrap::wrap_algorithms::wrap_first_fit;

/// Columns of help and tables if there is no terminal or its width is unknown.
pub(crate) const DEFAULT_WIDTH: usize = 80;

/// Minimum width for wrapping: a very narrow terminal gets long lines instead of one word per line.
const NARROWEST: usize = 40;

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
    let (mut pieces, mut start, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        let count = together(&tokens[at..]);
        let length: usize = tokens[at..at + count].iter().map(|token| token.len()).sum();
        pieces.push(&line[start..start + length]);
        start += length;
        at += count;
    }
    pieces
}

/// How many tokens from the start must stay on one line.
fn together(tokens: &[&str]) -> usize {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.trim_end());
    let first = word(0);
    let is_blank = first.is_empty();
    let starts_call = || {
        let program = first.trim_start_matches('(');
        PROGRAMS.iter().any(|(name, verbs)| *name == program && verbs.contains(&word(1)))
    };
    // Indentation is kept with the text after it.
    if is_blank && tokens.len() > 1 {
        return 1 + together(&tokens[1..]);
    }
    if starts_call() {
        let end = tokens.iter().position(|token| token.trim_end().ends_with([';', ')']));
        return end.map_or(tokens.len(), |end| end + 1);
    }
    let depth = |text: &str| {
        let count = |brackets: [char; 2]| text.matches(brackets).count();
        count(['{', '[']) as isize - count(['}', ']']) as isize
    };
    let opens = first.ends_with(':') && word(1).starts_with(['{', '[']) || depth(first) > 0;
    if opens {
        let mut open = 0;
        for (at, token) in tokens.iter().enumerate() {
            open += depth(token);
            if open == 0 && (at > 0 || !first.ends_with(':')) {
                return at + 1;
            }
        }
        return 1;
    }
    // A flag and its value.
    let is_flag = first.starts_with("--")
        && first.len() > 2
        && !first.contains('=')
        && !first.ends_with([',', ';', ':', ')', '.']);
    if is_flag && tokens.len() > 1 { 2 } else { 1 }
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
