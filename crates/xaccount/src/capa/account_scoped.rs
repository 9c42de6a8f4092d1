//! Values of a spec that belong to one AWS account.

use crate::diag::Span;
use lossless_yaml::{Data, NodeId, Tree};

/// Prefixes of the ids of EC2 resources in CAPA's specs (EC2 user guide, "Resource IDs": eight or seventeen hexadecimal
/// digits after the prefix).
const RESOURCES: [&str; 9] = ["vpc", "subnet", "sg", "ami", "rtb", "igw", "nat", "eipalloc", "eigw"];

/// EC2 ids, ARNs with an account, and the name of an SSH key, in the order of the text. Aliases are not followed: their
/// values are found at the anchor.
pub(super) fn to_an_account(tree: &Tree<'_>, node: NodeId) -> Vec<(String, Span)> {
    let mut found = Vec::new();
    walk(tree, node, &mut found);
    found
}

fn walk(tree: &Tree<'_>, node: NodeId, found: &mut Vec<(String, Span)>) {
    match &tree.node(node).data {
        Data::Mapping { entries, .. } => {
            for &(key, value) in entries {
                let is_key = tree.text(key) == Some("sshKeyName");
                match tree.text(value).filter(|text| is_key && !text.is_empty() && !tree.is_null(value)) {
                    Some(text) => found.push((text.to_owned(), tree.span(value))),
                    None => walk(tree, value, found),
                }
            }
        }
        Data::Sequence { items, .. } => items.iter().for_each(|&item| walk(tree, item, found)),
        Data::Scalar { .. } => {
            if let Some(text) = tree.text(node).filter(|text| is_id(text) || has_account(text)) {
                found.push((text.to_owned(), tree.span(node)));
            }
        }
        Data::Alias(_) => {}
    }
}

fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(prefix, digits)| {
        RESOURCES.contains(&prefix)
            && matches!(digits.len(), 8 | 17)
            && digits.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    })
}

/// Whether a text is an ARN with an account, unlike those of AWS managed policies.
fn has_account(text: &str) -> bool {
    let mut parts = text.split(':');
    parts.next() == Some("arn")
        && parts.nth(3).is_some_and(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
}
