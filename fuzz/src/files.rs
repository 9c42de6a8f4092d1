//! Runs over several files, with and without an account map.

use std::path::PathBuf;

use lossless_yaml::{Source, apply};
use xaccount::account_map::{self, AccountMap, Place};
use xaccount::capa;
use xaccount::diag::FileId;
use xaccount::inject::{self, Evidence, InjectRequest, Mapped, SpecifiedTarget, Target, Unasked};
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::plan::{IdentityFile, Outcome};
use xaccount::settings::Setting;

/// At most this many files; the rest of the input is part of the last one.
const FILES: usize = 6;

/// The identity file.
const IDENTITIES: &str = "identities.yaml";

/// Files separated by a NUL; the first may be an account map. Each result can be read again and needs no further
/// change; the order of the files does not matter; and joined, the files contain the same objects.
pub fn files(data: &[u8]) {
    let mut files: Vec<&[u8]> = data.splitn(FILES, |&byte| byte == 0).collect();
    let map = account_map::read(files[0]).ok();
    if map.is_some() {
        files.remove(0);
    }
    let Some((new, made)) = edited(&files, map.as_ref()) else { return };

    let mut whole: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
    whole.extend(made.as_deref());
    let (again, more) = edited(&whole, map.as_ref()).expect("the result is refused");
    assert!(more.is_none() && again.iter().zip(&whole).all(|(again, new)| again == new), "a second run changes it");

    let reversed: Vec<&[u8]> = files.iter().rev().copied().collect();
    let (mut other, other_made) = edited(&reversed, map.as_ref()).expect("the other order is refused");
    other.reverse();
    assert!(other == new && other_made == made, "the order of the files matters");

    let Some(stream) = inventory::joined(&whole).stream() else { return };
    let titles = |bytes: &[u8]| Some(scanned(bytes, 0)?.iter().map(inventory::Resource::title).collect::<Vec<_>>());
    // A file that can't be read contains no CAPA object by itself, and makes the joined stream unreadable.
    let Some(joined) = titles(&stream) else { return };
    let apart: Vec<String> = whole.iter().flat_map(|bytes| titles(bytes).expect("it was read before")).collect();
    assert_eq!(joined, apart, "joined, they contain other objects:\n{}", String::from_utf8_lossy(&stream));
}

/// Files that can't be joined give no stream.
trait Stream {
    fn stream(self) -> Option<Vec<u8>>;
}

impl Stream for Vec<u8> {
    fn stream(self) -> Option<Vec<u8>> {
        Some(self)
    }
}

impl<E> Stream for Result<Vec<u8>, E> {
    fn stream(self) -> Option<Vec<u8>> {
        self.ok()
    }
}

fn scanned(bytes: &[u8], file: usize) -> Option<Vec<inventory::Resource>> {
    let needles = capa::needles();
    let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: false };
    inventory::scan(FileId(file), bytes, &scan).ok().map(|scanned| scanned.objects)
}

/// The new bytes of each file, and those of the new identity file.
type Edits = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// The result of a run over files; `None` if it refuses them or finds nothing.
fn edited(files: &[&[u8]], map: Option<&AccountMap>) -> Option<Edits> {
    let mut of_run = Vec::new();
    let mut objects = Vec::new();
    for (index, bytes) in files.iter().enumerate() {
        objects.extend(scanned(bytes, index)?);
        let is_json_for_kubectl = Source::new(bytes).begins_with_brace();
        of_run.push(inventory::File {
            name: format!("{index}.yaml"),
            is_json_for_kubectl,
            json_list: None,
            identities_only: false,
        });
    }
    let outcome = planned(&Inventory::new(of_run, objects), map)?;
    let mut new: Vec<Vec<u8>> = files.iter().map(|bytes| bytes.to_vec()).collect();
    for (file, plan) in &outcome.plans {
        let source = Source::new(files[file.0]);
        new[file.0] = apply(&source, plan).ok()?.to_bytes(files[file.0]).ok()?;
    }
    let made =
        outcome.new_file.map(|(_, plan)| apply(&Source::new(b""), &plan).expect("a new file").to_bytes(b"").unwrap());
    Some((new, made))
}

fn planned(inventory: &Inventory, map: Option<&AccountMap>) -> Option<Outcome> {
    let identity_file = Some(IdentityFile::New(PathBuf::from(IDENTITIES)));
    let Some(map) = map else {
        let target = Target::of_account("012345678901".parse().expect("an account"));
        return inject::plan(
            inventory,
            &InjectRequest { identity_file: identity_file.map(Setting::default), ..InjectRequest::to(target) },
        )
        .ok();
    };
    // The same for each file: a path that depends on the file's number would depend on the order.
    let file = |_: FileId| Place::below("clusters/a.yaml");
    let mapped = Mapped {
        map,
        name: ".xaccount.yaml",
        place: &|_| String::new(),
        file: &file,
        without_path: "",
        ways_out: "",
        allow_unmapped: true,
    };
    let base = InjectRequest { identity_file: identity_file.map(Setting::default), ..InjectRequest::default() };
    let proposal = inject::propose_mapped(inventory, &base, &mapped, &SpecifiedTarget::default()).ok()?;
    proposal.judge(inventory, &base, &Evidence::default(), Unasked::Refused, Some(&mapped)).ok()
}
