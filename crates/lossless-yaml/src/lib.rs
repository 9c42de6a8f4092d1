//! RFC 6902 patches on YAML and JSON that change no other byte, proved by two readers.
//!
//! A text is parsed only to find spans. A change is data: RFC 6902 operations in a [`Plan`], turned into splices of the
//! old bytes. [`apply()`] returns an [`Edited`] only if two independent readers agree that the result is the old text
//! with exactly that change. What can't be proved is refused, with a [`Reason`] and its position.
//!
//! ```
//! use json_patch::{AddOperation, PatchOperation, jsonptr::PointerBuf};
//! use lossless_yaml::{ObjectRef, Plan, Source, apply};
//!
//! let old = b"# ours\nname:   web   # the name\nspec:\n  replicas: 3\n";
//! let source = Source::new(old);
//! let document = source.segments().next().ok_or("no document")?.span;
//! let path = PointerBuf::parse("/spec/paused")?;
//! let add = PatchOperation::Add(AddOperation { path, value: true.into() });
//! let object = ObjectRef { document, base: PointerBuf::new() };
//! let plan = Plan { changes: vec![(object, vec![add].into())], ..Plan::default() };
//!
//! let new = apply(&source, &plan)?.to_bytes(old)?;
//! assert_eq!(new, b"# ours\nname:   web   # the name\nspec:\n  paused: true\n  replicas: 3\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A change can be applied only to the bytes on which it was proved:
//!
//! ```
//! # use lossless_yaml::{OtherBytes, Plan, Source, apply};
//! let plan = Plan { new_documents: vec![serde_json::json!({"a": 1})], ..Plan::default() };
//! let edited = apply(&Source::new(b"b: 2\n"), &plan)?;
//! assert_eq!(edited.to_bytes(b"b: 2\n"), Ok(b"b: 2\n---\na: 1\n".to_vec()));
//! assert_eq!(edited.to_bytes(b"b: 3\n"), Err(OtherBytes));
//! # Ok::<(), lossless_yaml::Refusal>(())
//! ```
//!
//! # How it reads
//!
//! - [`Source`] cuts a file's bytes into [`Document`]s without parsing them; [`Needles`] skips those that are not of
//!   interest.
//! - [`parse()`] reads one into a [`Tree`]: the text as written, not its meaning. `<<` is a key, an alias is an alias.
//! - [`Plan`] describes a change, [`apply()`] makes and proves it, [`Edited`] gives the new bytes.
//!
//! # Limitations
//!
//! - `add`, `remove`, `replace` and `test` of RFC 6902; no `move`, no `copy`. A `test` is not checked: it is for
//!   callers that apply the same operations elsewhere. Operations refer to the old text and don't build on each other.
//! - Paths address the tree as it is written: aliases and merge keys are not followed, and an edit under an anchor that an alias
//!   uses is refused.
//! - An edit that would replace a block scalar, edit a tagged value or remove a comment is refused.
//! - A document over 4 GiB, nested deeper than 127 levels, with a duplicate key on the path to the change, or in an
//!   encoding other than UTF-8 is refused.
//! - No document can be added to a JSON file or removed from it.
//! - A whole document is held in memory. The documents of a file are processed one by one, on up to eight threads.

mod resolve;
pub mod span;
mod tree;

#[doc(hidden)]
pub mod parallel;

#[doc(hidden)]
pub mod hash;
mod tree_builder;

mod fast_yaml;
pub mod json;
mod second;
pub mod yaml;

mod needles;
mod refusal;
mod source;

mod parse;
mod plan;
mod pointer;
mod write;

mod splice;

mod proof;

mod edited;
mod removal;

mod apply;

pub use apply::apply;
pub use edited::{Edited, OtherBytes};
pub use needles::{Letters, Needles};
pub use parse::{parse, skim};
pub use plan::{ObjectChange, ObjectRef, Plan, Splice};
pub use pointer::object_node;
pub use refusal::{Disagreement, Reason, Refusal};
pub use removal::removable;
pub use second::{Seen, first_document};
pub use source::{Document, Segments, Source, documents, is_marker, line_around};
pub use span::Span;
pub use tree::{Anchor, Data, Format, Lookup, Node, NodeId, ScalarStyle, Tree, has_odd_break};
pub use write::{LineEnding, yaml_text};

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
