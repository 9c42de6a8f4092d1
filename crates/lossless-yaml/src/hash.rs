//! A hash of bytes, computed in pieces: by several threads, and while the bytes are read. It detects accidental
//! changes; it does not protect against an attacker.

use xxhash_rust::xxh3::xxh3_128;

use crate::parallel;

/// Number of bytes hashed at a time. They stay in the processor's cache in between.
pub const PIECE: usize = 1 << 20;

/// 128-bit xxh3 of some bytes; for more than one piece, of the hashes of the pieces.
pub fn of(bytes: &[u8]) -> u128 {
    let worth = bytes.len().div_ceil(PIECE);
    together(&parallel::filter_map(worth, bytes.chunks(PIECE), 1, |piece| Some(xxh3_128(piece))))
}

/// The hash of the whole, from the hashes of its pieces in order.
pub fn together(pieces: &[u128]) -> u128 {
    match pieces {
        [] => xxh3_128(b""),
        [one] => *one,
        many => xxh3_128(&many.iter().flat_map(|hash| hash.to_le_bytes()).collect::<Vec<_>>()),
    }
}
