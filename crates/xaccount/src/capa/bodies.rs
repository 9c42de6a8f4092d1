//! Documents of which no text may be shown: Secrets, ConfigMaps, and what contains one.

use super::tables::may_hold_bodies;
use lossless_yaml::{Data, NodeId, Source, Tree, parse};

/// Keys below which there is the content of a Secret or a ConfigMap, whatever the kind.
const BODIES: [&str; 4] = ["stringData", "binaryData", "secretGenerator", "configMapGenerator"];

/// Keys of a reference, such as those of Flux's `valuesFrom`. An object has others.
const OF_REFERENCES: [&str; 9] =
    ["kind", "name", "namespace", "apiGroup", "group", "optional", "key", "valuesKey", "targetPath"];

/// Whether documents are or contain a Secret or a ConfigMap, also as text, such as a last-applied-configuration; not if they
/// only name or reference one. What can't be read with certainty counts as one.
pub fn holds_bodies(documents: &[u8]) -> bool {
    !Source::new(documents)
        .segments()
        .all(|document| parse(&document).is_ok_and(|tree| is_clear(&tree, document.bytes)))
}

fn is_clear(tree: &Tree<'_>, text: &[u8]) -> bool {
    let has_kind = match (tree.entries(tree.root), tree.items(tree.root)) {
        // A document without a kind can be a part of a Secret.
        (Some(_), _) => {
            tree.value(tree.root, "kind").and_then(|kind| tree.text(kind)).is_some_and(|kind| !is_body(kind))
        }
        (None, Some(_)) => false,
        (None, None) => tree.is_null(tree.root),
    };
    // A comment can be a Secret that is not in use.
    let is_text = |comment: &str| comment.contains(':') && may_hold_bodies(comment.as_bytes());
    has_kind && (!may_hold_bodies(text) || !tree.comment_texts().any(is_text) && !has_body(tree, tree.root))
}

/// Whether a kind is that of a Secret or a ConfigMap, of a list of them, or of an object that makes one.
fn is_body(kind: &str) -> bool {
    kind.contains("Secret") || kind.contains("ConfigMap")
}

/// Whether there is a body in a node. An alias is followed where it is defined.
fn has_body(tree: &Tree<'_>, id: NodeId) -> bool {
    let node = tree.node(id);
    // The meaning of a tag may be defined elsewhere.
    if node.tag().is_some() {
        return true;
    }
    match &node.data {
        Data::Alias(_) => false,
        // A manifest as text.
        Data::Scalar { text, .. } => text.contains(['\n', '{']) && may_hold_bodies(text.as_bytes()),
        Data::Sequence { items, .. } => items.iter().any(|&item| has_body(tree, item)),
        Data::Mapping { entries, .. } => {
            let key_of = |key: NodeId| tree.text(key).unwrap_or_default();
            let is_kind =
                |&(key, value): &(NodeId, NodeId)| key_of(key) == "kind" && tree.text(value).is_none_or(is_body);
            let is_object = entries.iter().any(|&(key, _)| !OF_REFERENCES.contains(&key_of(key)));
            let is_merged = entries.iter().any(|&(key, _)| tree.is_merge(key));
            is_merged
                || is_object && entries.iter().any(is_kind)
                || entries
                    .iter()
                    .any(|&(key, value)| BODIES.contains(&key_of(key)) || has_body(tree, key) || has_body(tree, value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_content_is_hidden() {
        let template = "kind: AWSMachineTemplate\nmetadata: {name: a}\nspec:\n";
        for (clear, text) in [
            (true, "kind: Deployment\nspec: {replicas: 2}".to_owned()),
            (true, format!("{template}  secretName: my-secret")),
            (true, format!("{template}  valueFrom: {{secretKeyRef: {{name: a, key: b}}}}")),
            (true, format!("{template}  ref: {{kind: Secret, name: a}} # a Secret")),
            (true, "---".to_owned()),
            (true, "kind: List\nitems: [{kind: AWSCluster, metadata: {}, secretRef: a}]".to_owned()),
            (false, "kind: Secret\ndata: {a: b}".to_owned()),
            (false, "kind: \"S\\x65cret\"\ndata: {a: b}".to_owned()),
            (false, "kind: SealedSecret\nspec: {template: {data: {a: b}}}".to_owned()),
            (false, "kind: SecretList\nitems: [{data: {a: b}}]".to_owned()),
            (false, "kind: List\nitems: [{kind: Secret, data: {a: b}}]".to_owned()),
            (false, "kind: List\nitems:\n- {<<: &s {kind: Secret}, data: {a: b}}".to_owned()),
            (false, "x: &k Secret\nkind: List\nitems: [{kind: *k, data: {a: b}}]".to_owned()),
            (false, format!("{template}  files: [{{content: 'kind: Secret\n\n    data: x'}}]")),
            (false, format!("{template}  a: '{{\"kind\": \"Secret\", \"data\": {{}}}}'")),
            (false, format!("{template}  a: !secret b")),
            (false, format!("{template}  stringData: {{a: b}}")),
            (false, format!("# kind: Secret\n{template}  a: b")),
            (false, "data: {a: b}\ntype: secret".to_owned()),
            (false, "HIDDEN: x".to_owned()),
            (false, "kind: List\nitems: [{kind: Secret, apiVersion: v1}]".to_owned()),
            (false, "[{kind: Secret, data: {a: b}}]".to_owned()),
            (false, "kind: Secret\ndata: {".to_owned()),
            (false, format!("{template}  a: b\n---\nkind: Secret\ndata: {{a: b}}")),
        ] {
            assert_eq!(!holds_bodies(text.as_bytes()), clear, "{text}");
        }
    }
}
