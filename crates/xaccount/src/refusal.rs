//! Help texts for refusals of the engine, whose own messages name no program and no flag.

use lossless_yaml::{Reason, Refusal};

use crate::diag::SpannedError;

impl From<Refusal> for SpannedError {
    fn from(refusal: Refusal) -> Self {
        let mut error = Self::new(message(&refusal.reason), refusal.span);
        error.help = help(&refusal.reason).into_iter().map(str::to_owned).collect();
        error
    }
}

fn message(reason: &Reason) -> String {
    match reason {
        Reason::JsonTakesNoDocument => format!("{reason}: kubectl does not read '---' after JSON"),
        _ => reason.to_string(),
    }
}

const ELSEWHERE: &str = "or pass --identity-file with another file, so that nothing is added here";

fn help(reason: &Reason) -> Vec<&'static str> {
    let one = match reason {
        Reason::NotUtf8 => "save the file as UTF-8 and run again",
        Reason::NulByte => "remove it, or write the file again, and run again",
        Reason::LoneCarriageReturn | Reason::EndsWithCarriageReturn => {
            "convert the line endings to LF or CRLF and run again"
        }
        Reason::Utf16 => "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW-FILE",
        Reason::KeyTwice(_) => "remove one of them and run again; kubectl takes the last",
        Reason::Alias | Reason::ReplacedAlias => "write the value out instead of the alias and run again",
        Reason::EditUnderAnchor | Reason::AnchorRemoved => "replace the alias with the value and run again",
        Reason::Tagged(_) | Reason::ReplacedTag => "remove the tag and run again",
        Reason::NoColon => "write a ':' after the key and run again",
        Reason::TabIndent => "indent with spaces and run again; YAML does not allow tabs there",
        Reason::FromMergeKey(_) => "remove it where it is defined, or replace '<<' with the merged keys, and run again",
        Reason::CommentRemoved => "move the comment to a line above and run again, or make the edit by hand",
        Reason::ReplacedBlockScalar => "write it on one line in quotes and run again",
        Reason::NoBracketsAround => "write it in quotes and run again",
        Reason::CommentReplaced => "move the comment above the key, or edit the value by hand, and run again",
        Reason::OddBreakAtEnd => "replace it with a space or a line feed and run again",
        Reason::BlockScalarShrinks => "end the file with a newline and run again",
        Reason::BlockScalarGrows => {
            return vec![
                "kubectl reads both the same way, kustomize and PyYAML do not",
                "end the file with a newline if the text should end with one, or pass --identity-file, so that nothing is added here",
            ];
        }
        Reason::FileUnreadable(inner) => {
            let mut lines = help(inner);
            lines.push(ELSEWHERE);
            return lines;
        }
        Reason::LastDocumentUnreadable(_) => return vec!["correct it and run again", ELSEWHERE],
        Reason::Unproved(_) => {
            "nothing was written; make the edit by hand, and please report an example of this document"
        }
        Reason::Disagreement(_) => "nothing was written; make the edit by hand, or simplify this part of the document",
        _ => return Vec::new(),
    };
    vec![one]
}
