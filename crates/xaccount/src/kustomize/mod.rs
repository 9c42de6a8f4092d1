//! What decides which objects are applied, and how they are changed on the way: `kustomization.yaml`, and the objects of
//! Flux and Argo CD that apply a directory. No I/O: bytes in, facts out.

mod fields;
mod gitops;
mod patch;
mod read;

pub use fields::Unreadable;
pub(crate) use gitops::gitops;
pub use gitops::{Application, FluxKustomization, GitOps};
pub use patch::{Patch, PatchContent, PatchTarget};
pub(crate) use patch::{PatchEffect, Patched, PatchedName};
pub use read::{Kustomization, kustomization};
pub(crate) use read::{Listing, NameReference, more_fields, name_references, of_node};

/// The file names that kustomize recognizes (`api/konfig/general.go`, `RecognizedKustomizationFileNames`).
pub const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether the path has the name of a kustomization.
pub fn is_kustomization(path: &str) -> bool {
    FILE_NAMES.contains(&path.rsplit_once('/').map_or(path, |(_, name)| name))
}

/// The directory of a path, empty at the top.
pub(crate) fn directory(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => "",
    }
}

/// A path that a file names, relative to its own directory, without `.` and `..`.
pub(crate) fn beside(file: &str, path: &str) -> String {
    if path.starts_with('/') {
        return plain(path);
    }
    plain(&format!("{}/{path}", if directory(file).is_empty() { "." } else { directory(file) }))
}

/// A path without `.`, `..` and double slashes, as far as this is possible from its text.
pub(crate) fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    root.to_owned() + &parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_without_dots() {
        for (path, expected) in
            [("./a//b.yaml", "a/b.yaml"), ("a/../../b", "../b"), ("/a/./b/..", "/a"), ("", ""), ("../../x", "../../x")]
        {
            assert_eq!(plain(path), expected);
        }
        for (file, path, expected) in [
            ("a/kustomization.yaml", "../b", "b"),
            ("kustomization.yaml", "./c.yaml", "c.yaml"),
            ("/kustomization.yaml", "c.yaml", "/c.yaml"),
            ("/a/b/Kustomization", "../../c", "/c"),
            ("/a/b/Kustomization", "/d/./c", "/d/c"),
        ] {
            assert_eq!(beside(file, path), expected);
        }
    }
}
