//! `.xaccount.yaml`: which cluster belongs to which AWS account.
//!
//! Every field is typed, and unknown fields are refused. Every error has its place. The JSON Schema is generated from
//! the same types, so that an editor and this program know the same fields.

mod assign;
mod check;
mod de;
mod entry;
mod fields;
mod index;

use crate::capa::may_hold_bodies;
use crate::diag::SpannedError;
use lossless_yaml::{NodeId, Source, Tree, parse};

pub use assign::Assigned;
pub use check::{Account, AccountMap, LintIgnore, MapNamespaces, Source as SourceAccount, parse_glob};
pub use de::Spanned;
pub use entry::{Cluster, Entry, Place};
pub use fields::{API_VERSION, KIND, schema};

/// Name of the file.
pub const FILE_NAME: &str = ".xaccount.yaml";

/// Reads a map.
///
/// # Errors
/// All errors of its values, or the first error of its form. The spans are offsets in `bytes`.
pub fn read(bytes: &[u8]) -> Result<AccountMap, Vec<SpannedError>> {
    let one = |refusal: SpannedError| vec![refusal];
    let source = Source::new(bytes);
    let mut documents = source.segments();
    let Some(document) = documents.next() else {
        return Err(one(SpannedError::new("the account map is empty", crate::diag::Span::new(0, bytes.len()))
            .help(format!("it begins with apiVersion: {API_VERSION}, kind: {KIND}"))));
    };
    let second = documents.next();
    let tree = parse(&document).map_err(|refusal| one(refusal.into()))?;
    if !is_map(bytes) {
        // The file can contain anything, so the message shows nothing of it.
        let message = format!("this is not an account map: it has neither apiVersion: {API_VERSION} nor kind: {KIND}");
        return Err(one(SpannedError::new(message, tree.span(tree.root))));
    }
    if let Some(second) = second {
        return Err(one(SpannedError::new(
            "an account map is a single document, but a second one begins here",
            second.span,
        )));
    }
    of_node(&tree, tree.root)
}

/// Whether a text has the `apiVersion` or `kind` of a map. A text that can't be parsed is checked line by line.
pub fn is_map(bytes: &[u8]) -> bool {
    let is_header = |api_version: Option<&str>, kind: Option<&str>| {
        kind == Some(KIND) || api_version.is_some_and(|version| version.starts_with("xaccount.dev/"))
    };
    let source = Source::new(bytes);
    match source.segments().next().map(|document| parse(&document)) {
        None => false,
        Some(Ok(tree)) => {
            let text = |key: &str| tree.value(tree.root, key).and_then(|value| tree.text(value));
            is_header(text("apiVersion"), text("kind"))
        }
        Some(Err(_)) => {
            let text = String::from_utf8_lossy(bytes);
            let value = |key: &str| text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim()));
            is_header(value("apiVersion:"), value("kind:"))
        }
    }
}

/// Whether messages may show text of a file that should be a map: it has a map's header, and nothing in it could be the
/// body of a Secret.
pub fn may_show(bytes: &[u8]) -> bool {
    is_map(bytes) && !may_hold_bodies(bytes)
}

/// Reads a map that is part of another document.
///
/// # Errors
/// As [`read`].
pub fn of_node(tree: &Tree<'_>, id: NodeId) -> Result<AccountMap, Vec<SpannedError>> {
    let fields = fields::Fields::read(tree, id).map_err(|refusal| vec![refusal])?;
    check::check(fields)
}
