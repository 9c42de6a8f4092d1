//! `.xaccount.yaml`: which cluster belongs to which AWS account.
//!
//! Every field is typed, and unknown fields are refused. Every error has its place, and a line to write. The JSON Schema is
//! generated from the same types, so that an editor and this program know the same fields.
//!
//! A map can name a file of accounts that it shares with other maps. Places in that file follow those in the map: see
//! [`Shared`].

mod allowed_namespaces;
mod assign;
mod check;
mod credentials;
mod de;
mod entry;
mod fields;
mod index;
mod model;
mod naming;
mod samples;

use crate::capa::may_hold_bodies;
use crate::diag::{Span, SpannedError};
use fields::{Fields, ListFields};
use lossless_yaml::{NodeId, Source as Text, Tree, parse};

pub use allowed_namespaces::AllowedNamespaces;
pub use assign::Assigned;
pub use check::parse_glob;
pub use credentials::{CredentialKind, Credentials, Irsa, PodIdentity, STS_AUDIENCE, ServiceAccount};
pub use de::Spanned;
pub use entry::{Cluster, Entry, Place, entry_of};
pub use fields::{API_VERSION, KIND, LIST_KIND, list_schema, schema};
pub use model::{Account, AccountMap, IdentityName, LintIgnore, ManagementCluster, Source as SourceAccount};
pub(crate) use naming::{account_in_name, default_name};
pub use naming::{default_identity_name, looks_like_account_id};

/// Name of the file.
pub const FILE_NAME: &str = ".xaccount.yaml";

/// The file of shared accounts that a map names. In all spans of a map, its bytes follow those of the map and one
/// separator: see [`shared_base`].
pub struct Shared<'r> {
    /// Reads the file with this path, relative to the map, with `/`.
    pub read: &'r mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
}

/// The offset, in the spans of a map of this length, at which the file of shared accounts begins.
pub fn shared_base(map_length: usize) -> usize {
    map_length + 1
}

/// Reads a map that shares no accounts with others.
///
/// # Errors
/// All errors of its values, or the first error of its form. The spans are offsets in `bytes`.
pub fn read(bytes: &[u8]) -> Result<AccountMap, Vec<SpannedError>> {
    read_with(bytes, Shared { read: &mut |_| Err(NOT_READ.to_owned()) })
}

const NOT_READ: &str = "no file is read here; list the accounts in the map";

/// Reads a map, and the file of accounts that it shares with others.
///
/// # Errors
/// All errors of its values, or the first error of its form. The spans are offsets in `bytes` and, from
/// [`shared_base`] on, in the shared file.
pub fn read_with(bytes: &[u8], shared: Shared<'_>) -> Result<AccountMap, Vec<SpannedError>> {
    let tree = document(bytes, 0, KIND, "an account map")?;
    let fields: Fields = fields::read(&tree, tree.root, 0, KIND).map_err(|error| vec![error])?;
    checked(fields, shared, bytes.len())
}

/// Reads a map that is part of another document, and shares no accounts.
///
/// # Errors
/// As [`read`].
pub fn of_node(tree: &Tree<'_>, id: NodeId) -> Result<AccountMap, Vec<SpannedError>> {
    let fields: Fields = fields::read(tree, id, 0, KIND).map_err(|error| vec![error])?;
    checked(fields, Shared { read: &mut |_| Err(NOT_READ.to_owned()) }, 0)
}

fn checked(fields: Fields, shared: Shared<'_>, length: usize) -> Result<AccountMap, Vec<SpannedError>> {
    let Some(from) = &fields.accounts_from else { return check::check(fields, None) };
    let bytes = (shared.read)(&from.value).map_err(|why| {
        let message = format!("accountsFrom {}: {why}", crate::diag::escape_control(&from.value));
        let help = "it is a file of accounts, relative to this map: accountsFrom: ../accounts.yaml";
        vec![SpannedError::new(message, from.span).help(help)]
    })?;
    let base = shared_base(length);
    let tree = document(&bytes, base, LIST_KIND, "a file of accounts")?;
    let list: ListFields = fields::read(&tree, tree.root, base, LIST_KIND).map_err(|error| vec![error])?;
    check::check(fields, Some(list))
}

/// The single document of a text that is at `base` of all texts.
///
/// # Errors
/// It is empty, is not of this kind, can't be parsed, or has a second document.
fn document<'b>(bytes: &'b [u8], base: usize, kind: &str, what: &str) -> Result<Tree<'b>, Vec<SpannedError>> {
    let error = |message: String, span: Span| SpannedError::new(message, de::moved(span, base));
    let source = Text::new(bytes);
    let mut documents = source.segments();
    let Some(first) = documents.next() else {
        let message = format!("{} is empty", if kind == KIND { "the account map" } else { what });
        return Err(vec![error(message, Span::new(0, bytes.len())).help(fields::header(kind))]);
    };
    let second = documents.next();
    let tree = parse(&first).map_err(|refusal| {
        let mut error = SpannedError::from(refusal);
        error.span = de::moved(error.span, base);
        vec![error]
    })?;
    if !has_header(bytes, kind) {
        // The file can contain anything, so the message shows nothing of it.
        let message = format!("this is not {what}: it has neither apiVersion: {API_VERSION} nor kind: {kind}");
        return Err(vec![error(message, tree.span(tree.root)).help(fields::header(kind))]);
    }
    match second {
        None => Ok(tree),
        Some(second) => {
            let message = format!("{what} is a single document, but a second one begins here");
            Err(vec![error(message, second.span).help("remove it, or move its accounts to the first document")])
        }
    }
}

/// Whether a text has the `apiVersion` or `kind` of a map. A text that can't be parsed is checked line by line.
pub fn is_map(bytes: &[u8]) -> bool {
    has_header(bytes, KIND)
}

fn has_header(bytes: &[u8], wanted: &str) -> bool {
    let is_header = |api_version: Option<&str>, kind: Option<&str>| {
        kind == Some(wanted) || api_version.is_some_and(|version| version.starts_with("xaccount.dev/"))
    };
    let source = Text::new(bytes);
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

/// Whether messages may show text of a file that should be a map: it has the header of a map or of shared accounts, and nothing in it could be the
/// body of a Secret.
pub fn may_show(bytes: &[u8]) -> bool {
    (is_map(bytes) || has_header(bytes, LIST_KIND)) && !may_hold_bodies(bytes)
}
