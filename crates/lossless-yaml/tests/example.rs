//! Tests of `examples/patch.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "../examples/patch.rs"]
mod patch;

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let file = std::env::temp_dir().join(format!("lossless-yaml-{}.yaml", std::process::id()));
    let name = file.to_str().expect("a path");
    std::fs::write(&file, "# ours\nspec:   # of it\n  replicas: 3\n  when: on\n").unwrap();
    let replaced = patch::patched(name, r#"[{"op": "replace", "path": "/spec/replicas", "value": 5}]"#);
    let refused = patch::patched(name, r#"[{"op": "remove", "path": "/spec/paused"}]"#);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(replaced.unwrap(), b"# ours\nspec:   # of it\n  replicas: 5\n  when: on\n");
    assert_eq!(refused.unwrap_err().to_string(), format!("{name}:3: there is no 'paused' here"));
}
