//! `.xaccount.yaml`: which cluster belongs to which AWS account.
//!
//! Every field is typed and every unknown field refused; what is wrong is said with its place. The same types make the JSON
//! Schema, so that an editor and this program know the same fields.

mod assign;
mod check;
mod de;
mod fields;
mod index;

use crate::lossless::{NodeId, Refusal, Source, Tree, parse};

pub use assign::{Assigned, Cluster, Place};
pub use check::{Account, AccountMap, Entry, LintIgnore, Namespaces, Source as SourceAccount, parse_glob};
pub use de::Spanned;
pub use fields::schema;

/// Name of the file.
pub const FILE_NAME: &str = ".xaccount.yaml";

/// `apiVersion` of the map.
pub const API_VERSION: &str = "xaccount.dev/v1alpha1";

/// `kind` of the map.
pub const KIND: &str = "AccountMap";

/// Reads a map.
///
/// # Errors
/// Everything that is wrong with its values, or the first thing that is wrong with its form. The spans count in `bytes`.
pub fn read(bytes: &[u8]) -> Result<AccountMap, Vec<Refusal>> {
    let one = |refusal: Refusal| vec![refusal];
    let source = Source::new(bytes);
    let mut documents = source.segments();
    let Some(document) = documents.next() else {
        return Err(one(Refusal::new("the account map is empty", crate::diag::Span::new(0, bytes.len()))
            .help(format!("it begins with apiVersion: {API_VERSION}, kind: {KIND}"))));
    };
    if let Some(second) = documents.next() {
        return Err(one(Refusal::new("an account map is one document, and here a second one begins", second.span)));
    }
    let tree = parse(&document).map_err(one)?;
    of_node(&tree, tree.root)
}

/// Reads a map that is part of another document.
///
/// # Errors
/// As [`read`].
pub fn of_node(tree: &Tree<'_>, id: NodeId) -> Result<AccountMap, Vec<Refusal>> {
    let fields = fields::Fields::read(tree, id).map_err(|refusal| vec![refusal])?;
    check::check(fields)
}
