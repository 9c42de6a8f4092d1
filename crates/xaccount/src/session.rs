//! Reads files into an inventory, and turns plans into proved files. Files are read for an edit only here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::capa;
use crate::diag::{
    Diagnostic, FileId, Location, RuleId, Severity, SourceFile, SourceFiles, Span, SpannedError, escape_control,
};
use crate::files::{self, Bytes, FileBytes, FindError, Fingerprint, Input, Replacement, WriteError};
use crate::inventory::{self, Inventory, Scan, Scanned};
use crate::plan::IdentityFile;
use lossless_yaml::{Edited, Plan, Source, apply, parallel};

/// One input of a run.
#[derive(Debug)]
struct OpenedInput {
    input: Input,
    name: String,
    identities_only: bool,
    fingerprint: Option<Fingerprint>,
    /// Kept for a stream, which can be read only once, and for the only file of a run.
    bytes: Option<Bytes>,
    /// Kept for messages about a file that is written.
    before: OnceLock<Bytes>,
}

/// The inputs of a run, in the order in which they were named.
#[derive(Debug)]
pub struct Session {
    entries: Vec<OpenedInput>,
    /// Called with the step, the number of files that are done, and the number of all files.
    progress: Progress,
}

/// Called with the step, the number of files that are done, and the number of all files. A plain function, so that the
/// library does not depend on a terminal.
pub type Progress = fn(&'static str, usize, usize);

/// The proved change of a file. Only [`Session::prove`] makes it.
#[derive(Debug)]
pub struct Proved<T> {
    file: FileId,
    edited: Edited,
    made: T,
}

impl<T> Proved<T> {
    /// The file.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The change.
    pub fn edited(&self) -> &Edited {
        &self.edited
    }

    /// What the caller of [`Session::prove`] made of the change.
    pub fn made(&self) -> &T {
        &self.made
    }

    /// The same, by value.
    pub fn into_made(self) -> T {
        self.made
    }
}

/// Proves a plan on a text that is not a file of a run: a part of one, or the input from another program.
///
/// # Errors
/// What can't be edited with certainty.
pub fn prove_text(text: &[u8], plan: &Plan) -> Result<Edited, SpannedError> {
    Ok(apply(&Source::new(text), plan)?)
}

/// Proves the documents of a new file.
///
/// # Errors
/// The two readers don't agree on them, which has never been observed.
pub fn prove_new(plan: &Plan) -> Result<Edited, Diagnostic> {
    prove_text(&[], plan).map_err(|error| Diagnostic::error(error.message))
}

/// The proved text of a new file.
///
/// # Errors
/// Those of [`prove_new`].
pub fn new_text(plan: &Plan) -> Result<Vec<u8>, Diagnostic> {
    content(&prove_new(plan)?, &[])
}

/// The new content of a text. `old` is the text that the change was proved on.
///
/// # Errors
/// `old` is another text.
pub fn content(edited: &Edited, old: &[u8]) -> Result<Vec<u8>, Diagnostic> {
    edited.to_bytes(old).map_err(|error| Diagnostic::error(error.to_string()))
}

impl Session {
    /// Opens the inputs that were found. If standard input is one of them, `stdin` is read at once, and counts as the
    /// file `stdin_name`. The identity file is added for the identities in it, if it exists and is not an input.
    ///
    /// # Errors
    /// A stream that can't be read, or an identity file that is a broken link.
    pub fn new(
        found: Vec<Input>,
        stdin: &mut dyn Read,
        stdin_name: Option<&str>,
        identity_file: Option<&Path>,
        progress: Progress,
    ) -> Result<Self, Diagnostic> {
        let mut entries = Vec::with_capacity(found.len());
        for input in found {
            let (name, bytes) = match &input {
                Input::Stdin => {
                    let mut bytes = Vec::new();
                    stdin
                        .read_to_end(&mut bytes)
                        .map_err(|error| Diagnostic::error(format!("standard input can't be read: {error}")))?;
                    (stdin_name.unwrap_or("-").to_owned(), Some(bytes.into()))
                }
                Input::Stream(path) => {
                    let bytes = files::read_stream(path).map_err(|error| Diagnostic::error(error.to_string()))?;
                    (shown(path), Some(bytes.into()))
                }
                Input::File(path) => (shown(path), None),
            };
            entries.push(OpenedInput {
                input,
                name,
                identities_only: false,
                fingerprint: None,
                bytes,
                before: OnceLock::new(),
            });
        }
        if let Some(path) = identity_file.filter(|path| !path.exists() && path.is_symlink()) {
            // Not a new file: the target of a broken link can't be created, and a diff must not show that it will be.
            let missing = FindError::Missing { path: path.to_owned(), link: true };
            return Err(Diagnostic::error(missing.to_string()));
        }
        if let Some(path) = identity_file.filter(|path| path.exists()) {
            match position(&entries, path) {
                Some(at) => one_name(&entries[at], path)?,
                None => {
                    let (input, name) = (Input::File(path.to_owned()), shown(path));
                    entries.push(OpenedInput {
                        input,
                        name,
                        identities_only: true,
                        fingerprint: None,
                        bytes: None,
                        before: OnceLock::new(),
                    });
                }
            }
        }
        Ok(Self { entries, progress })
    }

    /// A session over files in memory, by their names. They have no directory: nothing around them is searched, and
    /// [`Self::write`] skips them.
    pub fn in_memory(files: impl IntoIterator<Item = (String, Arc<Vec<u8>>)>) -> Self {
        let entry = |(name, bytes): (String, Arc<Vec<u8>>)| OpenedInput {
            // Like a stream that was read: its bytes are kept, and never replaced.
            input: Input::Stream(PathBuf::from(&name)),
            name,
            identities_only: false,
            fingerprint: None,
            bytes: Some(bytes.into()),
            before: OnceLock::new(),
        };
        Self { entries: files.into_iter().map(entry).collect(), progress: |_, _, _| () }
    }

    /// The inputs that were named, the identity file only if it is one of them.
    pub fn named(&self) -> impl Iterator<Item = FileId> {
        (0..self.entries.len()).filter(|&index| !self.entries[index].identities_only).map(FileId)
    }

    /// A path for people: with `/` on every system.
    pub fn shown(&self, path: &Path) -> String {
        shown(path)
    }

    /// The file with this path, if it is one of them.
    pub fn find(&self, path: &Path) -> Option<FileId> {
        position(&self.entries, path).map(FileId)
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no files.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The name of a file for people.
    pub fn name(&self, file: FileId) -> &str {
        &self.entries[file.0].name
    }

    /// The file's path byte for byte, for output that other programs read. [`Self::name`] is for people.
    pub fn path_bytes(&self, file: FileId) -> Cow<'_, [u8]> {
        let entry = &self.entries[file.0];
        entry.input.path().map_or_else(|| entry.name.as_bytes().into(), path_bytes)
    }

    /// The input that a file comes from.
    pub fn input(&self, file: FileId) -> &Input {
        &self.entries[file.0].input
    }

    /// Reads all inputs and finds the objects in them.
    ///
    /// # Errors
    /// Every file that can't be read, and every document that names a CAPA kind and can't be parsed.
    pub fn scan(&mut self, options: &Scan<'_>) -> Result<(Inventory, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (inventory, warnings, errors) = self.scan_all(options);
        match errors.is_empty() {
            true => Ok((inventory, warnings)),
            false => Err(errors.into_iter().map(|(_, error)| error).collect()),
        }
    }

    /// The same without what can't be read: the inventory of the rest, warnings, and an error for each file or document that
    /// could not be read.
    pub fn scan_readable(&mut self, options: &Scan<'_>) -> (Inventory, Vec<Diagnostic>, Vec<Diagnostic>) {
        let (inventory, warnings, errors) = self.scan_all(&Scan { keep_going: true, ..*options });
        // A file that can't be read has no place in it.
        let placed = |(file, error): (FileId, Diagnostic)| match error.primary {
            Some(_) => error,
            None => error.at(Location { file, span: Span::new(0, 0), window: None }, ""),
        };
        let mut unread: Vec<Diagnostic> = errors.into_iter().map(placed).collect();
        let (more, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) = warnings
            .into_iter()
            .partition(|one| one.severity == Severity::Error || one.rule == Some(RuleId::UncheckedTemplate));
        unread.extend(more);
        (inventory, warnings, unread)
    }

    /// The inventory of what can be read, warnings, and what can't be read.
    fn scan_all(&mut self, options: &Scan<'_>) -> (Inventory, Vec<Diagnostic>, Vec<(FileId, Diagnostic)>) {
        let keep = self.entries.len() == 1;
        let total = self.entries.len();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let progress = self.progress;
        let jobs: Vec<(usize, &OpenedInput)> = self.entries.iter().enumerate().collect();
        let scanned = parallel::map_sized(
            &jobs,
            |(_, entry)| entry.size(),
            |(index, entry)| {
                let result = entry.read().and_then(|(read, fingerprint)| {
                    let bytes = entry.bytes.as_deref().unwrap_or(&read);
                    let scanned = inventory::scan(FileId(*index), bytes, options)?;
                    Ok((scanned, fingerprint, (keep && fingerprint.is_some()).then_some(read)))
                });
                progress("reading", done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total);
                result
            },
        );
        let (mut files, mut found) = (Vec::new(), Vec::new());
        let (mut warnings, mut errors) = (Vec::new(), Vec::new());
        let (mut not_read, mut wrappers) = (Vec::new(), Vec::new());
        for (file, (entry, result)) in self.entries.iter_mut().zip(scanned).enumerate() {
            let Scanned { objects, wrappers: of_file, warnings: more, skipped, is_json_for_kubectl, json_list } =
                match result {
                    Ok((scanned, fingerprint, bytes)) => {
                        entry.fingerprint = fingerprint;
                        entry.bytes = entry.bytes.take().or(bytes);
                        scanned
                    }
                    Err(more) => {
                        errors.extend(more.into_iter().map(|error| (FileId(file), error)));
                        Scanned::default()
                    }
                };
            files.push(inventory::File {
                name: entry.name.clone(),
                is_json_for_kubectl,
                json_list,
                identities_only: entry.identities_only,
            });
            match found.is_empty() {
                true => found = objects,
                false => found.extend(objects),
            }
            warnings.extend(more);
            not_read.extend(skipped);
            wrappers.extend(of_file);
        }
        (Inventory::new(files, found).with_not_read(not_read).with_wrappers(wrappers), warnings, errors)
    }

    /// Proves every plan. `make` gets each file's old bytes while they are in memory. The results are in file order.
    ///
    /// # Errors
    /// Every file that can't be edited with certainty, and the errors of `make`.
    pub fn prove<'p, T: Send>(
        &self,
        plans: impl IntoIterator<Item = (&'p FileId, &'p Plan)>,
        make: impl Fn(FileId, &[u8], &Edited) -> Result<T, Diagnostic> + Sync,
    ) -> Result<Vec<Proved<T>>, Vec<Diagnostic>> {
        let jobs: Vec<(FileId, &Plan)> = plans.into_iter().map(|(&file, plan)| (file, plan)).collect();
        let size = |(file, _): &(FileId, &Plan)| self.size(*file);
        let done = std::sync::atomic::AtomicUsize::new(0);
        (self.progress)("proving", 0, jobs.len());
        let results = parallel::map_sized(&jobs, size, |&(file, plan)| {
            let result = self.prove_one(file, plan, &make);
            (self.progress)("proving", done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, jobs.len());
            result
        });
        let (mut proved, mut errors) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(one) => proved.push(one),
                Err(diagnostic) => errors.push(diagnostic),
            }
        }
        if errors.is_empty() { Ok(proved) } else { Err(errors) }
    }

    fn prove_one<T>(
        &self,
        file: FileId,
        plan: &Plan,
        make: impl Fn(FileId, &[u8], &Edited) -> Result<T, Diagnostic>,
    ) -> Result<Proved<T>, Diagnostic> {
        let bytes = self.bytes(file)?;
        let edited = apply(&Source::new(&bytes), plan).map_err(|refusal| {
            // The span is in a document that the plan changes, unless it is after the last document.
            let documents = plan.changes.iter().map(|(object, _)| object.document);
            let documents = documents.chain(plan.removed_documents.iter().map(|(document, _)| *document));
            let window = documents.into_iter().find(|d| d.start <= refusal.span.start && refusal.span.end <= d.end);
            // An item of a list can be next to a Secret.
            let is_single = plan.changes.iter().all(|(object, operations)| {
                object.base.is_root() && !operations.iter().any(|one| one.path().as_str().starts_with("/items/"))
            });
            let shown = window.filter(|document| is_single || !capa::holds_bodies(&bytes[document.range()]));
            SpannedError::from(refusal).in_file(file, shown)
        })?;
        let made = make(file, &bytes, &edited)?;
        Ok(Proved { file, edited, made })
    }

    /// Reads a file that needs no scan, and keeps its bytes and its fingerprint.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn load(&mut self, file: FileId) -> Result<FileBytes<'_>, Diagnostic> {
        let entry = &mut self.entries[file.0];
        if entry.bytes.is_none() {
            let (bytes, fingerprint) = entry.read().map_err(|mut errors| errors.remove(0))?;
            (entry.bytes, entry.fingerprint) = (Some(bytes), fingerprint);
        }
        self.bytes(file)
    }

    /// The size of a file in bytes; zero if it does not exist any more.
    pub(crate) fn size(&self, file: FileId) -> u64 {
        self.entries[file.0].size()
    }

    /// A file's bytes, which must be those that were scanned.
    ///
    /// # Errors
    /// The file can't be read, or was changed since.
    pub fn bytes(&self, file: FileId) -> Result<FileBytes<'_>, Diagnostic> {
        let entry = &self.entries[file.0];
        if let Some(bytes) = &entry.bytes {
            return Ok(FileBytes::Kept(bytes));
        }
        let (bytes, fingerprint) = entry.read().map_err(|mut errors| errors.remove(0))?;
        if entry.fingerprint.is_some() && fingerprint != entry.fingerprint {
            return Err(Diagnostic::error(format!("{} was changed by someone else since it was read", entry.name))
                .help("nothing was written; run the command again"));
        }
        Ok(FileBytes::Read(bytes))
    }

    /// Keeps the bytes of a file for messages about it, before it is written.
    pub fn keep_for_messages(&self, file: FileId) {
        let entry = &self.entries[file.0];
        if entry.bytes.is_none()
            && let Ok((bytes, fingerprint)) = entry.read()
            && fingerprint == entry.fingerprint
        {
            let _ = entry.before.set(bytes);
        }
    }

    /// What was read from standard input.
    pub fn stdin(&self) -> Option<Vec<u8>> {
        let stdin = self.entries.iter().find(|entry| entry.input == Input::Stdin);
        stdin.and_then(|entry| entry.bytes.as_deref()).map(<[u8]>::to_vec)
    }

    /// Whether the identity file has changed since it was read: it was replaced, removed or created.
    pub fn is_stale(&self, file: &IdentityFile) -> bool {
        match file {
            IdentityFile::New(path) => path.symlink_metadata().is_ok(),
            IdentityFile::Existing(file) => {
                let entry = &self.entries[file.0];
                let now = entry.input.path().and_then(|path| path.metadata().ok());
                entry.fingerprint.is_some_and(|old| !now.is_some_and(|now| old.same_file_state(&now)))
            }
        }
    }

    /// The inputs that are hard links of each other, in pairs: after a write each has its own content.
    pub fn hard_links(&self) -> Vec<(FileId, FileId)> {
        let mut first: HashMap<(u64, u64), FileId> = HashMap::new();
        let identities = self.entries.iter().map(|entry| entry.fingerprint.map(|one| (one.device, one.inode)));
        let known = identities.enumerate().filter_map(|(at, identity)| {
            let identity = identity.filter(|&identity| identity != (0, 0))?;
            let other = *first.entry(identity).or_insert(FileId(at));
            (other != FileId(at)).then_some((other, FileId(at)))
        });
        known.collect()
    }

    /// Writes all files, or none: see [`files::replace_all`]. `new` is a file to create, which is written first; the
    /// others are written in this `order`.
    ///
    /// # Errors
    /// Those of `replace_all`.
    pub fn write<T>(
        &self,
        proved: &[Proved<T>],
        new: Option<(&Path, &Edited)>,
        order: &[FileId],
    ) -> Result<(), WriteError>
    where
        T: Sync,
    {
        let places: HashMap<FileId, usize> = order.iter().enumerate().map(|(at, &file)| (file, at)).collect();
        let mut ordered: Vec<&Proved<T>> = proved.iter().collect();
        ordered.sort_by_key(|one| places.get(&one.file).copied().unwrap_or(usize::MAX));
        let renders: Vec<_> = ordered
            .into_iter()
            .map(|one| (one.file, |old: &[u8], out: &mut dyn std::io::Write| one.edited.write_to(old, out)))
            .collect();
        let made = |_: &[u8], out: &mut dyn std::io::Write| match new {
            Some((_, edited)) => edited.write_to(&[], out),
            None => Ok(()),
        };
        let mut replacements: Vec<Replacement<'_>> = Vec::new();
        if let Some((path, _)) = new {
            replacements.push(Replacement { path: path.to_owned(), expected: None, known: None, render: &made });
        }
        for (file, render) in &renders {
            let entry = &self.entries[file.0];
            if let Input::File(path) = &entry.input {
                let known = entry.bytes.as_deref();
                replacements.push(Replacement { path: path.clone(), expected: entry.fingerprint, known, render });
            }
        }
        (self.progress)("writing", 0, replacements.len());
        files::replace_all(&replacements)
    }
}

impl SourceFiles for Session {
    fn source(&self, file: FileId) -> SourceFile<'_> {
        let bytes = match self.entries[file.0].before.get() {
            Some(bytes) => FileBytes::Kept(bytes),
            None => self.bytes(file).unwrap_or_default(),
        };
        SourceFile::new(self.name(file).to_owned(), bytes)
    }
}

impl OpenedInput {
    fn read(&self) -> Result<(Bytes, Option<Fingerprint>), Vec<Diagnostic>> {
        match &self.input {
            Input::File(path) => files::read(path)
                .map(|(bytes, fingerprint)| (bytes, Some(fingerprint)))
                .map_err(|error| vec![Diagnostic::error(error.to_string())]),
            _ => Ok((Vec::new().into(), None)),
        }
    }

    fn size(&self) -> u64 {
        let path = match (&self.bytes, &self.input) {
            (None, Input::File(path)) => path,
            (Some(bytes), _) => return bytes.len() as u64,
            _ => return 0,
        };
        files::size(path)
    }
}

/// A path for people: with `/` on every system.
pub(crate) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() }
}

/// A path as bytes, with `/` on every system.
pub fn path_bytes(path: &Path) -> Cow<'_, [u8]> {
    if cfg!(windows) { shown(path).into_bytes().into() } else { path.as_os_str().as_encoded_bytes().into() }
}

/// The index of the entry for the file at `path`.
fn position(entries: &[OpenedInput], path: &Path) -> Option<usize> {
    let wanted = identity(path)?;
    entries.iter().position(|entry| entry.input.path().and_then(identity).is_some_and(|existing| existing == wanted))
}

/// Refuses an identity file that is a hard link of an input: replacing the one would leave the other without the
/// identity.
fn one_name(entry: &OpenedInput, path: &Path) -> Result<(), Diagnostic> {
    let real = |path: &Path| path.canonicalize().ok();
    if entry.input.path().and_then(real) == real(path) {
        return Ok(());
    }
    let (name, path) = (escape_control(&entry.name).into_owned(), shown(path));
    let path = escape_control(&path);
    Err(Diagnostic::error(format!("the identity file {path} and {name} are hard links of one file"))
        .help("an identity written to one of them would be missing in the other, because a file is replaced as a whole")
        .help(format!("use another identity file, or remove the hard link {path}")))
}

/// What identifies a file independent of its name, to find one that is named twice; `None` if it does not exist.
fn identity(path: &Path) -> Option<impl PartialEq + use<>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        path.canonicalize().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_changed_since_the_scan_are_not_given() {
        let directory = tempfile::tempdir().unwrap();
        // With several files, none is kept in memory.
        let paths = ["a.yaml", "b.yaml"].map(|name| directory.path().join(name));
        paths.iter().for_each(|path| std::fs::write(path, "kind: Pod\n").unwrap());
        let found = paths.iter().cloned().map(Input::File).collect();
        let mut inputs = Session::new(found, &mut std::io::empty(), None, None, |_, _, _| ()).unwrap();
        let needles = crate::capa::needles();
        inputs
            .scan(&Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false })
            .unwrap();
        assert_eq!(*inputs.bytes(FileId(0)).unwrap(), *b"kind: Pod\n");

        std::fs::write(&paths[0], "kind: Job\n").unwrap();
        let error = inputs.bytes(FileId(0)).unwrap_err();
        assert!(error.message.ends_with("a.yaml was changed by someone else since it was read"), "{}", error.message);
        assert_eq!(*inputs.bytes(FileId(1)).unwrap(), *b"kind: Pod\n");
    }

    #[cfg(unix)]
    #[test]
    fn an_identity_file_that_is_a_hard_link_of_an_input_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a.yaml", "b.yaml", "c.yaml"].map(|name| directory.path().join(name));
        std::fs::write(&a, "kind: Pod\n").unwrap();
        std::fs::hard_link(&a, &b).unwrap();
        std::os::unix::fs::symlink(&a, &c).unwrap();
        let open = |found: &[&Path], identities: &Path| {
            let found = found.iter().map(|path| Input::File((*path).to_owned())).collect();
            Session::new(found, &mut std::io::empty(), None, Some(identities), |_, _, _| ())
        };
        let error = open(&[&a], &b).unwrap_err();
        assert!(error.message.contains("hard links of one file"), "{}", error.message);
        // Another path to the file is the same file.
        for identities in [&a, &c] {
            assert_eq!(open(&[&a], identities).unwrap().len(), 1);
        }
        let mut inputs = open(&[&a, &b], &directory.path().join("ids.yaml")).unwrap();
        let needles = crate::capa::needles();
        inputs
            .scan(&Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false })
            .unwrap();
        assert_eq!(inputs.hard_links(), [(FileId(0), FileId(1))]);
    }
}
