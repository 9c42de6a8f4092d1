//! Failures that the properties found, as texts.

use super::judge::{Ran, all_pointed, idempotent, inject, right, shown};
use crate::suite::oracle::Reader;

/// Texts that were once refused without need.
const REFUSED: [(&str, &str); 3] = [
    (
        "the last member of a list's item has no value",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n  kind: AWSCluster\n  \
         metadata:\n    name: foo\n  spec:\n",
    ),
    (
        "two items of a list change, and one uses an anchor of the other",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n  kind: AWSCluster\n  \
         metadata: {name: foo}\n  spec: {region: &r us-west-2}\n- apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n  \
         kind: AWSCluster\n  metadata: {name: bar}\n  spec: {region: *r }\n",
    ),
    (
        "a `...` after nothing but comments joins the next document",
        "# c\n...\n---\napiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: foo\n",
    ),
];

/// Texts that were once edited wrongly, found in texts changed at random; kubectl 1.37 sees the same as libyaml.
const WRONG: [(&str, &str); 4] = [
    (
        "U+0085 before a second `spec`: the same key only for libyaml's readers, which use the last",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata: {name: a}\nspec:\n  region: \
         us-west-2\n\u{85}spec:\n  region: us-west-2\n",
    ),
    (
        "U+0085 before a `<<` in brackets: a merge key only for libyaml's readers, where it overrides the new member",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: a\n\
         x: &a1 {identityRef: {kind: AWSClusterRoleIdentity, name: other}}\nspec: {a: b,\u{85} <<: *a1 }\n",
    ),
    (
        "U+0085 before a `kind`: an AWSCluster only for libyaml's readers, silently skipped",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nkind: AWSCluster\nmetadata:\n  name: a\n---\n\
         apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\nmetadata:\n  name: b\n\u{85}kind: AWSCluster\nspec: {}\n",
    ),
    (
        "a CRLF file that ends with a bare U+000D: with a document added after it, the text is refused from then on",
        "apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\r\nkind: AWSCluster\r\nmetadata: {name: a}\r\nspec: {}\r",
    ),
];

#[test]
fn what_was_wrong_once_is_refused_or_right() {
    for (what, text) in WRONG {
        let ran = inject(&[text.as_bytes()], false).unwrap();
        let Ran::Edited(new, ..) = &ran else { continue };
        let seen = Reader::Libyaml.read(std::str::from_utf8(&new[0]).unwrap()).unwrap();
        let pointed = seen.iter().try_for_each(all_pointed);
        assert!(pointed.is_ok(), "{what}: {pointed:?}: {}", shown(&ran));
        right(text.as_bytes(), &new[0], false, true).unwrap();
        idempotent(&new[0], false).unwrap();
    }
}

#[test]
fn what_was_refused_once_is_edited() {
    for (what, text) in REFUSED {
        let ran = inject(&[text.as_bytes()], false).unwrap();
        let Ran::Edited(new, ..) = &ran else { panic!("{what}: {}", shown(&ran)) };
        right(text.as_bytes(), &new[0], false, true).unwrap();
        idempotent(&new[0], false).unwrap();
    }
}
