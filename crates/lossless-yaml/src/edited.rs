//! A proved change, and the fingerprint of the bytes to which it applies.

use std::io::{self, Write};

use crate::hash;
use crate::plan::Splice;
use crate::span::Span;

/// The fingerprint of a text: its length in bytes and its [`hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    length: usize,
    hash: u128,
}

impl Known {
    fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), hash: hash::of(bytes) }
    }
}

/// An error: these are not the bytes on which the change was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are not the bytes on which the change was proved")]
pub struct OtherBytes;

/// A file's proved change. Only [`apply`](crate::apply()) creates one, and it can be applied only to the bytes on which
/// it was proved, so that nothing unproved is written or printed by accident. The hash does not protect against an
/// attacker.
#[derive(Clone, Debug)]
pub struct Edited {
    of: Known,
    splices: Vec<Splice>,
    appended: Option<Span>,
    removed: Vec<Span>,
}

impl Edited {
    /// Creates the change that was proved on these bytes.
    pub(crate) fn proved(old: &[u8], splices: Vec<Splice>, appended: Option<Span>, removed: Vec<Span>) -> Self {
        Self { of: Known::of(old), splices, appended, removed }
    }

    /// The splices in the order of their places; they don't overlap.
    pub fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// Whether nothing changes.
    pub fn is_unchanged(&self) -> bool {
        self.splices.is_empty()
    }

    /// The last document of the old file, if the last splice adds new documents after it.
    pub fn appended_behind(&self) -> Option<Span> {
        self.appended
    }

    /// The documents of the old file that are removed as a whole.
    pub fn removed(&self) -> &[Span] {
        &self.removed
    }

    /// The new content.
    ///
    /// # Errors
    /// `old` is not the text on which the change was proved.
    pub fn to_bytes(&self, old: &[u8]) -> Result<Vec<u8>, OtherBytes> {
        self.check(old)?;
        let grown: usize = self.splices.iter().map(|splice| splice.text.len()).sum();
        let mut out = Vec::with_capacity(old.len() + grown);
        // Writing to a `Vec` can't fail.
        let _ = self.copy(old, &mut out);
        Ok(out)
    }

    /// Writes the new content: the old bytes with the splices.
    ///
    /// # Errors
    /// If `old` is not the text on which the change was proved: [`OtherBytes`] in an error of the kind
    /// [`InvalidData`](io::ErrorKind::InvalidData), and nothing is written. Otherwise the error of `out`.
    pub fn write_to(&self, old: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.check(old).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.copy(old, out)
    }

    fn check(&self, old: &[u8]) -> Result<(), OtherBytes> {
        if old.len() == self.of.length && hash::of(old) == self.of.hash { Ok(()) } else { Err(OtherBytes) }
    }

    fn copy(&self, old: &[u8], out: &mut dyn Write) -> io::Result<()> {
        let mut at = 0;
        for splice in &self.splices {
            out.write_all(&old[at..splice.span.start])?;
            out.write_all(splice.text.as_bytes())?;
            at = splice.span.end;
        }
        out.write_all(&old[at..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::PIECE;

    #[test]
    fn a_change_is_for_the_bytes_on_which_it_was_proved() {
        for length in [1, 1000, PIECE - 1, PIECE, PIECE + 1, 20 * PIECE] {
            let old = vec![b'a'; length];
            let splice = Splice { span: Span::new(0, 1), text: "b".into(), document: Span::new(0, length) };
            let edited = Edited::proved(&old, vec![splice], None, Vec::new());
            let new = edited.to_bytes(&old).unwrap();
            assert!(new[0] == b'b' && new[1..] == old[1..]);
            let mut written = Vec::new();
            edited.write_to(&old, &mut written).unwrap();
            assert!(written == new);
            // As long, shorter, longer.
            let mut other = old.clone();
            other[length - 1] = b'c';
            for other in [&other[..], &old[1..], &[&old[..], b"a"].concat()] {
                assert_eq!(edited.to_bytes(other), Err(OtherBytes));
                let mut written = Vec::new();
                let error = edited.write_to(other, &mut written).unwrap_err();
                assert!(error.kind() == io::ErrorKind::InvalidData && written.is_empty());
            }
        }
    }
}
