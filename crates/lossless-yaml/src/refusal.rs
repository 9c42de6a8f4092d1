//! Refusals: why a file can't be edited with certainty.

use crate::span::Span;

/// Why a file can't be edited with certainty, and where. Its text is one sentence without a final full stop. What to do
/// about it is for the caller to say, who knows what was requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The bytes of the file to which it refers.
    pub span: Span,
}

impl Refusal {
    /// Creates a refusal at a place of the file.
    pub fn new(reason: Reason, span: Span) -> Self {
        Self { reason, span }
    }
}

/// The reason for a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The text is in another encoding.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The text has a byte that is not allowed in YAML or JSON.
    #[error("the text contains a NUL byte")]
    NulByte,
    /// A line break for some readers, content for others.
    #[error("a carriage return without a line feed: YAML readers disagree whether the line ends there")]
    LoneCarriageReturn,
    /// The JSON reader's error.
    #[error("not JSON: {0}")]
    NotJson(&'static str),
    /// The YAML reader's error.
    #[error("not YAML: {0}")]
    NotYaml(String),

    /// The plan has an unsupported operation.
    #[error("unsupported operation: only RFC 6902 add, remove, replace and test are allowed")]
    Operation,
    /// An operation is on the object itself; see [`Plan::removed_documents`](crate::Plan::removed_documents).
    #[error("an object can't be replaced or removed as a whole")]
    WholeObject,
    /// The plan's object is not in the text.
    #[error("the object is not where it was read")]
    ObjectMoved,
    /// The plan's document is not in the text.
    #[error("a document is not where it was read")]
    DocumentMoved,
    /// Two operations change the same bytes.
    #[error("two changes overlap here and can't be made in one run")]
    Overlap,
    /// Changes in a document that is to be removed.
    #[error("a document can't be changed and removed in one run")]
    ChangedAndRemoved,
    /// The plan both adds and removes documents.
    #[error("documents can't be added and removed in one run")]
    AddedAndRemoved,
    /// Two operations remove one entry.
    #[error("one entry can't be removed twice")]
    RemovedTwice,
    /// No entry remains next to which the new ones could be written.
    #[error("every entry is removed here and others are added: replace the whole value instead")]
    EmptiedAndFilled,

    /// The pointer leads through a scalar.
    #[error("a mapping is expected here")]
    NotAMapping,
    /// The pointer refers to a member that the mapping does not have.
    #[error("there is no '{0}' here")]
    NoMember(String),
    /// The pointer refers to an item that the sequence does not have.
    #[error("there is no item {0} here")]
    NoItem(String),
    /// The pointer's parent does not exist.
    #[error("there is no {path} to {to}")]
    NoPlace {
        /// The parent.
        path: String,
        /// What the operation would do with the parent.
        to: &'static str,
    },
    /// Readers disagree which of the two values counts.
    #[error("duplicate key '{0}'")]
    KeyTwice(String),
    /// An edit would have to follow an alias.
    #[error("the value to edit is an alias: the original is elsewhere, and others may use it")]
    Alias,
    /// An edit under an anchor that is used.
    #[error("an alias uses this anchor: an edit here would change the other place too")]
    EditUnderAnchor,
    /// A tag sets the type of the value.
    #[error("the {0} to edit has a tag")]
    Tagged(&'static str),
    /// A key in brackets without a value.
    #[error("there is no ':' after this key")]
    NoColon,
    /// YAML forbids tabs there, and readers differ.
    #[error("a tab is used as indentation")]
    TabIndent,
    /// The text is laid out in a way that has no place for the change.
    #[error("{0}")]
    Layout(&'static str),

    /// The mapping would still have the member after a removal here.
    #[error("a merge key ('<<') supplies '{0}' here, which would still exist")]
    FromMergeKey(String),
    /// The alias would refer to nothing.
    #[error("an alias elsewhere uses this anchor, which would be removed")]
    AnchorRemoved,
    /// A comment is never lost.
    #[error("a comment next to or inside the removed text would be lost")]
    CommentRemoved,

    /// The value is written elsewhere.
    #[error("the value to replace is an alias")]
    ReplacedAlias,
    /// The tag would apply to the new value.
    #[error("the value to replace has a tag")]
    ReplacedTag,
    /// Its lines may be laid out in ways that are not edited.
    #[error("the value to replace is a block scalar ('|' or '>')")]
    ReplacedBlockScalar,
    /// The alias would refer to something else.
    #[error("an alias uses this anchor")]
    ReplacedAnchor,
    /// A plain scalar that would end inside brackets.
    #[error("the value contains an unquoted bracket or comma, so it can't be put in brackets")]
    NoBracketsAround,
    /// A comment is never lost.
    #[error("a comment inside the value to replace would be lost")]
    CommentReplaced,

    /// A JSON file has one value.
    #[error("a document can't be added to a JSON file")]
    JsonTakesNoDocument,
    /// A JSON file has one value.
    #[error("a value can't be removed from a JSON file")]
    JsonLosesNoValue,
    /// Readers disagree whether the last line has ended.
    #[error("the file ends with a carriage return without a line feed")]
    EndsWithCarriageReturn,
    /// One file has one encoding.
    #[error("the file is UTF-16, and a document added to it must be UTF-8")]
    Utf16,
    /// A document is to be added to a file that is not text.
    #[error("{0}")]
    FileUnreadable(Box<Reason>),
    /// A document is to be added after one that can't be read.
    #[error("nothing can be added after the last document, which can't be read: {0}")]
    LastDocumentUnreadable(Box<Reason>),
    /// Readers disagree whether the comment ends there.
    #[error("the comments at the end contain a line break of YAML 1.1 only (U+0085, U+2028 or U+2029)")]
    OddBreakAtEnd,
    /// Readers of libyaml's lineage give a block scalar at the end of a file no line break that is not written.
    #[error(
        "the file ends inside a block scalar without a final newline: \
         another document would add a line break to that text"
    )]
    BlockScalarGrows,
    /// The opposite of [`BlockScalarGrows`](Self::BlockScalarGrows).
    #[error("the file would end inside a block scalar without a final newline: that text would lose a line break")]
    BlockScalarShrinks,
    /// A comment is never lost.
    #[error("its document contains a comment")]
    CommentInDocument,
    /// What follows may depend on it.
    #[error("its document contains a directive or a '...' line")]
    DirectiveInDocument,

    /// The first half of the proof failed: the splices did something other than the plan.
    #[error("this document can't be edited with certainty: {0}")]
    Unproved(String),
    /// The second half of the proof failed.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
}

/// Why the second reader does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// It can't read the text.
    #[error("this document is not readable by our second parser, so an edit can't be proved")]
    Unreadable,
    /// The text nests deeper than its limit (128 levels).
    #[error(
        "this document nests deeper than 127 levels, or an alias is inside its own anchor, \
         so our second parser can't prove an edit"
    )]
    TooDeep,
    /// Aliases expand the text more than it allows.
    #[error("the aliases of this document expand too much for our second parser to prove an edit")]
    TooManyAliases,
    /// It sees a different structure than our reader.
    #[error("our two YAML parsers see different keys in this document")]
    Structure,
    /// The operations don't fit the value that it sees.
    #[error("the planned change does not fit what our second parser sees in this document")]
    Patch,
    /// It sees a change other than the planned one.
    #[error("our second parser sees a change other than the planned one")]
    Change,
}

impl Disagreement {
    /// This disagreement as a refusal at a place of the file.
    pub(crate) fn refusal(self, span: Span) -> Refusal {
        Refusal::new(Reason::Disagreement(self), span)
    }
}
