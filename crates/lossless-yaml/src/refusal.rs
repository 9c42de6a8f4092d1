//! Why a file can't be edited with certainty.

use crate::span::Span;

/// Why a file can't be edited with certainty, and where. Its text is one sentence without a final stop; what to do about it is
/// for the caller to say, who knows what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The bytes of the file that it is about.
    pub span: Span,
}

impl Refusal {
    /// A refusal at a place of the file.
    pub fn new(reason: Reason, span: Span) -> Self {
        Self { reason, span }
    }
}

/// What kind of refusal it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The text is in another encoding.
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// The text has a byte that no YAML and no JSON has.
    #[error("the text holds a NUL byte")]
    NulByte,
    /// A line break for some readers, content for others.
    #[error("a carriage return stands without a line feed: YAML readers disagree whether the line ends there")]
    LoneCarriageReturn,
    /// What the JSON reader says.
    #[error("not JSON: {0}")]
    NotJson(&'static str),
    /// What the YAML reader says.
    #[error("not YAML: {0}")]
    NotYaml(String),

    /// The plan has an operation of another kind.
    #[error("only RFC 6902 add, remove, replace and test are edits")]
    Operation,
    /// The plan names the object itself; see [`Plan::removed_documents`](crate::Plan::removed_documents).
    #[error("an object can't be replaced or removed as a whole")]
    WholeObject,
    /// The plan's object is not in the text.
    #[error("the object is not where it was read")]
    ObjectMoved,
    /// The plan's document is not in the text.
    #[error("a document is not where it was read")]
    DocumentMoved,
    /// Two operations want the same bytes.
    #[error("two changes of one place can't be made in one run")]
    Overlap,
    /// Changes in a document that is to be removed.
    #[error("a document can't be changed and removed in one run")]
    ChangedAndRemoved,
    /// Both are wanted at once.
    #[error("documents can't be added and removed in one run")]
    AddedAndRemoved,
    /// Two operations remove one entry.
    #[error("one entry can't be removed twice")]
    RemovedTwice,
    /// Nothing is left that the new entries could stand beside.
    #[error("all that stands here is removed and something added: replace it as a whole")]
    EmptiedAndFilled,

    /// The pointer leads through a scalar.
    #[error("a mapping is expected here")]
    NotAMapping,
    /// The pointer names a member that the mapping does not have.
    #[error("there is no '{0}' here")]
    NoMember(String),
    /// The pointer names an item that the sequence does not have.
    #[error("there is no item {0} here")]
    NoItem(String),
    /// The pointer's parent is not there.
    #[error("there is no {path} to {to}")]
    NoPlace {
        /// The parent.
        path: String,
        /// What the operation would do with it.
        to: &'static str,
    },
    /// Readers disagree which of the two counts.
    #[error("the key '{0}' is written twice in one mapping")]
    KeyTwice(String),
    /// An edit would have to follow an alias.
    #[error("the value to edit is an alias: it stands elsewhere and others may use it")]
    Alias,
    /// An edit under an anchor that is used.
    #[error("an alias uses this anchor: an edit here would change the other place too")]
    EditUnderAnchor,
    /// A tag says what the value is.
    #[error("the {0} to edit has a tag")]
    Tagged(&'static str),
    /// A key in brackets without a value.
    #[error("no ':' is found behind this key")]
    NoColon,
    /// YAML forbids tabs there, and readers differ.
    #[error("a tab is used as indentation")]
    TabIndent,
    /// The text is laid out in a way that has no place for the change.
    #[error("{0}")]
    Layout(&'static str),

    /// To remove the member here would not remove it.
    #[error("'{0}' comes from a merge key ('<<') here: it would still be there")]
    FromMergeKey(String),
    /// The alias would name nothing.
    #[error("an alias elsewhere uses this anchor, which would be removed")]
    AnchorRemoved,
    /// A comment is never lost.
    #[error("a comment beside or inside what is to be removed would be lost")]
    CommentRemoved,

    /// The value is elsewhere.
    #[error("the value to replace is an alias")]
    ReplacedAlias,
    /// The tag would say what the new value is.
    #[error("the value to replace has a tag")]
    ReplacedTag,
    /// Its lines may be laid out in ways that are not edited.
    #[error("the value to replace is a block scalar ('|' or '>')")]
    ReplacedBlockScalar,
    /// The alias would name something else.
    #[error("an alias uses this anchor")]
    ReplacedAnchor,
    /// A plain scalar that would end inside brackets.
    #[error("the value holds a bracket or a comma without quotes, so no brackets fit around it")]
    NoBracketsAround,
    /// A comment is never lost.
    #[error("a comment inside the value to replace would be lost")]
    CommentReplaced,

    /// JSON has one value.
    #[error("a JSON file can't take a second document")]
    JsonTakesNoDocument,
    /// JSON has one value.
    #[error("a JSON file can't lose a value")]
    JsonLosesNoValue,
    /// The last line's end is doubtful.
    #[error("the file ends with a carriage return without a line feed")]
    EndsWithCarriageReturn,
    /// One file has one encoding.
    #[error("the file is UTF-16, and a document added to it must be UTF-8")]
    Utf16,
    /// A document is to be added to a file that is not text.
    #[error("{0}")]
    FileUnreadable(Box<Reason>),
    /// A document is to be added behind one that can't be read.
    #[error("nothing can be added after the last document, which can't be read: {0}")]
    LastDocumentUnreadable(Box<Reason>),
    /// Readers disagree whether the comment ends there.
    #[error("a line break of YAML 1.1 alone (U+0085, U+2028 or U+2029) stands in the comments at the end")]
    OddBreakAtEnd,
    /// Readers of libyaml's lineage give a block scalar at the end of a file no line break that is not written.
    #[error(
        "the file ends inside a block scalar without a final newline: a document behind it would make that text one line break longer"
    )]
    BlockScalarGrows,
    /// As before, the other way.
    #[error(
        "the file would end inside a block scalar without a final newline: that text would be one line break shorter"
    )]
    BlockScalarShrinks,
    /// A comment is never lost.
    #[error("a comment stands in its document")]
    CommentInDocument,
    /// What follows may belong to it.
    #[error("a directive or a '...' line stands in its document")]
    DirectiveInDocument,

    /// The first half of the proof failed: the splices did something else than the plan says.
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
    /// The text nests deeper than it goes (128 levels).
    #[error(
        "this document nests deeper than 127 levels, or an alias stands inside its own anchor, so our second parser can't prove an edit"
    )]
    TooDeep,
    /// Aliases multiply the text more than it allows.
    #[error("the aliases of this document multiply too much for our second parser to prove an edit")]
    TooManyAliases,
    /// It sees another structure than our reader.
    #[error("our two YAML parsers see different keys in this document")]
    Structure,
    /// The operations don't fit what it sees.
    #[error("the planned change does not fit what our second parser sees in this document")]
    Patch,
    /// It sees another change than the planned one.
    #[error("our second parser sees another change than the planned one")]
    Change,
}

impl Disagreement {
    /// As a refusal at a place of the file.
    pub(crate) fn refusal(self, span: Span) -> Refusal {
        Refusal::new(Reason::Disagreement(self), span)
    }
}
