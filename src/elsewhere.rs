//! Who else names an identity: in the rest of the files of a run, and in those beside them that the run did not read.
//!
//! Whatever may name it counts: a comment, a text inside another object, a template, a file that can't be read. An identity
//! that stays for nothing harms nobody; one that goes while a cluster uses it does.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::capa::{IdentityKind, ROLE_IDENTITY};
use crate::diag::{FileId, Span};
use crate::edit::Inputs;
use crate::eject::Draft;
use crate::files::{self, Input};
use crate::lossless::{Data, Needles, NodeId, Source, Tree, parse};
use crate::parallel;
use crate::run::Run;

/// An identity that is to go.
struct Wanted<'w> {
    /// Its index in the run.
    object: usize,
    name: &'w str,
    needles: Needles,
}

/// How far the search goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits<'l> {
    /// The home directory: a Git work tree there is no repository of manifests.
    pub home: Option<&'l Path>,
    /// The directory of the account map, if there is one.
    pub map: Option<&'l Path>,
    /// The working directory, canonical: a file below it is named from there.
    pub here: Option<&'l Path>,
}

/// Says of each identity that could go what else names it, in a few words; those that nothing names are left out.
///
/// Searched are the files of the run, and all manifests below the root of the Git work tree of the identity's file; without
/// one, those below the account map; without that, those in its directory. A work tree that is the home directory or the root
/// of the file system counts as none.
pub fn named(inputs: &Inputs, run: &Run, draft: &Draft<'_>, limits: Limits<'_>) -> HashMap<usize, String> {
    let wanted: Vec<Wanted<'_>> = draft
        .leaving()
        .iter()
        .filter_map(|&object| {
            let name = run.objects()[object].object.name.as_deref()?;
            Some(Wanted { object, name, needles: Needles::new([[name].as_slice(), &[ROLE_IDENTITY]]) })
        })
        .collect();
    let mut out = HashMap::new();
    if wanted.is_empty() {
        return out;
    }
    let files: Vec<FileId> = (0..inputs.len()).map(FileId).collect();
    let here = parallel::map(&files, |&file| {
        let name = inputs.name(file);
        let Ok(bytes) = inputs.bytes(file) else {
            return wanted.iter().map(|one| (one.object, format!("{name} can't be read again"))).collect();
        };
        let known = |one: &Wanted<'_>| known(run, draft, file, one.name);
        search(&bytes, name, &wanted, known)
    });
    for (object, why) in here.into_iter().flatten() {
        out.entry(object).or_insert(why);
    }
    for (root, below) in roots(inputs, run, &wanted, limits) {
        let wanted: Vec<&Wanted<'_>> = wanted.iter().filter(|one| below.contains(&one.object)).collect();
        for (object, why) in around(inputs, &root, &wanted, limits.here) {
            out.entry(object).or_insert(why);
        }
    }
    out
}

/// The mentions of an identity in a file of the run that are not asked about: where references were taken out, and the
/// identity itself.
fn known(run: &Run, draft: &Draft<'_>, file: FileId, name: &str) -> Vec<Span> {
    let taken = draft.taken(name).iter().filter(|(there, _)| *there == file).map(|&(_, span)| span);
    let own = run.identities(IdentityKind::Role, name).iter().map(|&index| &run.objects()[index]);
    taken.chain(own.filter(|found| found.file == file).map(|found| found.window)).collect()
}

/// A directory, and whether what is below it counts too.
#[derive(PartialEq, Eq, Hash)]
struct Root {
    directory: PathBuf,
    recursive: bool,
}

/// Where to look around the files of identities, and for which.
fn roots(inputs: &Inputs, run: &Run, wanted: &[Wanted<'_>], limits: Limits<'_>) -> HashMap<Root, Vec<usize>> {
    let mut roots: HashMap<Root, Vec<usize>> = HashMap::new();
    for one in wanted {
        let file = run.objects()[one.object].file;
        if let Some(root) = path(inputs, file).and_then(|path| root_of(&path, limits)) {
            roots.entry(root).or_default().push(one.object);
        }
    }
    roots
}

/// The file's path; of standard input, that of the file that it counts as.
fn path(inputs: &Inputs, file: FileId) -> Option<PathBuf> {
    match inputs.input(file) {
        Input::File(path) => Some(path.clone()),
        Input::Stdin if inputs.name(file) != "-" => Some(PathBuf::from(inputs.name(file))),
        _ => None,
    }
}

fn root_of(path: &Path, limits: Limits<'_>) -> Option<Root> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = path.canonicalize().ok().and_then(|real| Some(real.parent()?.to_owned()));
    let directory = directory.or_else(|| parent.canonicalize().ok())?;
    let home = limits.home.and_then(|home| home.canonicalize().ok());
    let git = directory.ancestors().find(|directory| directory.join(".git").exists());
    let git = git.filter(|git| git.parent().is_some() && Some(*git) != home.as_deref());
    let map = limits.map.filter(|map| directory.starts_with(map));
    Some(match git.or(map) {
        Some(root) => Root { directory: root.to_owned(), recursive: true },
        None => Root { directory, recursive: false },
    })
}

/// Searches the manifests of a directory that are no inputs of the run.
fn around(inputs: &Inputs, root: &Root, wanted: &[&Wanted<'_>], here: Option<&Path>) -> Vec<(usize, String)> {
    let all = |why: String| wanted.iter().map(|one| (one.object, why.clone())).collect::<Vec<_>>();
    let found = match files::find(std::slice::from_ref(&root.directory), root.recursive) {
        Ok(found) => found,
        Err(error) => return all(format!("other files may name it: {error}")),
    };
    let read: HashSet<PathBuf> =
        (0..inputs.len()).filter_map(|file| path(inputs, FileId(file))?.canonicalize().ok()).collect();
    let found: Vec<&Path> = found.iter().filter_map(Input::path).collect();
    let each = parallel::map(&found, |path| {
        if path.canonicalize().is_ok_and(|real| read.contains(&real)) {
            return Vec::new();
        }
        let name = inputs.shown(here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path));
        match files::read_only(path) {
            Ok(bytes) => search(&bytes, &name, wanted, |_| Vec::new()),
            Err(_) => all(format!("{name} can't be read and may name it")),
        }
    });
    each.into_iter().flatten().collect()
}

/// Who names the identities in a file that is called `name`; what stands in the `known` places does not count.
fn search<'w, W: std::borrow::Borrow<Wanted<'w>>>(
    bytes: &[u8],
    name: &str,
    wanted: &[W],
    known: impl Fn(&Wanted<'w>) -> Vec<Span>,
) -> Vec<(usize, String)> {
    let line = |at: usize| memchr::memchr_iter(b'\n', &bytes[..at]).count() + 1;
    let mut out = Vec::new();
    for one in wanted.iter().map(W::borrow) {
        let known = known(one);
        if let Some(at) = mentions(bytes, one.name).find(|&at| !known.iter().any(|span| span.range().contains(&at))) {
            out.push((one.object, format!("{name}:{} names it", line(at))));
        } else if let Some((at, why)) = doubtful(&Source::new(bytes), one) {
            out.push((one.object, format!("{name}:{} {why}", line(at))));
        }
    }
    out
}

/// Where a name stands that is not part of a longer one.
fn mentions<'t>(text: &'t [u8], name: &'t str) -> impl Iterator<Item = usize> + 't {
    let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let joint = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| matches!(byte, b'-' | b'.'));
    memmem::find_iter(text, name).filter(move |&at| {
        let (before, behind) = (at.checked_sub(1), Some(at + name.len()));
        let longer = letter(before)
            || letter(behind)
            || joint(before) && letter(at.checked_sub(2))
            || joint(behind) && letter(behind.map(|at| at + 1));
        !longer
    })
}

/// A place that may name the identity, though its name does not stand there literally.
fn doubtful(source: &Source<'_>, one: &Wanted<'_>) -> Option<(usize, &'static str)> {
    if source.is_utf16(&one.needles) {
        return Some((0, "is UTF-16 and may name it"));
    }
    source.segments().find_map(|document| {
        let word = [ROLE_IDENTITY, "identityRef"].iter().find_map(|word| memmem::find(document.bytes, word.as_bytes()));
        let spelled = one.needles.possible(document.bytes);
        if word.is_none() && !spelled {
            return None;
        }
        let at = document.span.start + word.unwrap_or(0);
        match parse(&document) {
            Err(_) => Some((at, "can't be read and may name it")),
            // What stands there literally was looked at, or is known.
            Ok(tree) if spelled && texts(&tree, tree.root, one.name) > mentions(document.bytes, one.name).count() => {
                Some((at, "names it"))
            }
            Ok(tree) => {
                let template = word.is_some() && (tree.complex_key().is_some() || is_template(&tree, tree.root));
                template.then_some((at, "is a template and may name it"))
            }
        }
    })
}

/// Whether a text is filled in by some program before it is a manifest's.
fn is_filled(text: &str) -> bool {
    ["${", "{{", "{%", "<%", "$("].iter().any(|mark| text.contains(mark))
}

/// Whether a reference, to a role identity as far as it says, has a name that is filled in, or is so as a whole, or a text
/// inside the document may be such a one.
fn is_template(tree: &Tree<'_>, at: NodeId) -> bool {
    let filled = |id: NodeId| tree.text(id).is_some_and(is_filled);
    let member = |key| tree.value(at, key);
    let role = member("kind").is_some_and(|kind| filled(kind) || tree.text(kind) == Some(ROLE_IDENTITY));
    let reference = role && member("name").is_some_and(filled) || member("identityRef").is_some_and(filled);
    match &tree.node(at).data {
        Data::Mapping { entries, .. } => {
            reference || entries.iter().any(|&(key, value)| is_template(tree, key) || is_template(tree, value))
        }
        Data::Sequence { items, .. } => items.iter().any(|&item| is_template(tree, item)),
        Data::Scalar { text, .. } => text.contains(ROLE_IDENTITY) && is_filled(text),
        Data::Alias(_) => false,
    }
}

/// How often the texts of a document name it.
fn texts(tree: &Tree<'_>, at: NodeId, name: &str) -> usize {
    match &tree.node(at).data {
        Data::Mapping { entries, .. } => {
            entries.iter().map(|&(key, value)| texts(tree, key, name) + texts(tree, value, name)).sum()
        }
        Data::Sequence { items, .. } => items.iter().map(|&item| texts(tree, item, name)).sum(),
        Data::Scalar { text, .. } => mentions(text.as_bytes(), name).count(),
        Data::Alias(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "cross-account-role-222222222222";

    fn said(text: &str) -> Option<String> {
        let needles = Needles::new([[NAME].as_slice(), &[ROLE_IDENTITY]]);
        let wanted = Wanted { object: 7, name: NAME, needles };
        search(text.as_bytes(), "f", &[&wanted], |_| Vec::new()).pop().map(|(object, why)| {
            assert_eq!(object, 7);
            why
        })
    }

    #[test]
    fn whatever_may_name_an_identity_counts() {
        for (text, why) in [
            ("a: 1\nn: NAME\n", "f:2 names it"),
            ("# NAME.\n", "f:1 names it"),
            ("a: |\n  role/NAME,\n", "f:2 names it"),
            ("a: \"cross\\x2daccount-role-222222222222\"\n", "f:1 names it"),
            ("a: 1\n---\nkind: AWSClusterRoleIdentity\nname: x{{ y }}\n", "f:3 is a template and may name it"),
            ("ref: {kind: AWSClusterRoleIdentity, name: \"${ID}\"}\n", "f:1 is a template and may name it"),
            ("a: |\n  kind: AWSClusterRoleIdentity\n  name: {{ .id }}\n", "f:2 is a template and may name it"),
            ("kind: AWSClusterRoleIdentity\nname: {{ .y }}\n", "f:1 is a template and may name it"),
            ("spec:\n  identityRef: ${REF}\n", "f:2 is a template and may name it"),
            ("identityRef:\n  kind: ${KIND}\n  name: ${ID}\n", "f:1 is a template and may name it"),
            ("identityRef: {{ toYaml .ref }}\n", "f:1 is a template and may name it"),
            ("{{ if }}\nkind: AWSClusterRoleIdentity\n", "f:2 can't be read and may name it"),
            ("a: [\nkind: AWSClusterRoleIdentity\n", "f:2 can't be read and may name it"),
        ] {
            assert_eq!(said(&text.replace("NAME", NAME)).as_deref(), Some(why), "{text}");
        }
        for text in [
            "a: NAME-team-a\n",
            "a: my-NAME\n",
            "a: NAME.x\n",
            "a: [\n",
            "kind: AWSClusterRoleIdentity\nname: other\n",
            "{{ x }}: [\n",
            "a: {{ x }}\n",
            "identityRef: {kind: AWSClusterRoleIdentity, name: other}\nregion: ${REGION}\n",
            "identityRef: {kind: AWSClusterStaticIdentity, name: \"${ID}\"}\n",
            "a: \"\\x20\"\n",
        ] {
            assert_eq!(said(&text.replace("NAME", NAME)), None, "{text}");
        }
        let utf16: Vec<u8> = format!("a: {NAME}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let needles = Needles::new([[NAME].as_slice()]);
        let wanted = Wanted { object: 0, name: NAME, needles };
        assert_eq!(search(&utf16, "f", &[&wanted], |_| Vec::new())[0].1, "f:1 is UTF-16 and may name it");
    }

    #[test]
    fn the_work_tree_is_the_root_unless_it_is_home() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().canonicalize().unwrap();
        let below = home.join("repository/clusters");
        std::fs::create_dir_all(below.join("dev")).unwrap();
        let file = below.join("dev/a.yaml");
        std::fs::write(&file, "").unwrap();
        let root = |path: &Path, map: Option<&Path>| {
            root_of(path, Limits { home: Some(&home), map, here: None }).map(|root| (root.directory, root.recursive))
        };
        assert_eq!(root(&file, None), Some((below.join("dev"), false)));
        assert_eq!(root(&file, Some(&below)), Some((below.clone(), true)));
        assert_eq!(root(&file, Some(&below.join("prod"))), Some((below.join("dev"), false)));
        std::fs::create_dir(home.join(".git")).unwrap();
        assert_eq!(root(&file, None), Some((below.join("dev"), false)));
        std::fs::write(home.join("repository/.git"), "gitdir: elsewhere\n").unwrap();
        assert_eq!(root(&file, None), Some((home.join("repository"), true)));
        assert_eq!(root(&below.join("new.yaml"), Some(&below)), Some((home.join("repository"), true)));
    }
}
