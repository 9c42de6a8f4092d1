//! One hash of bytes, made in pieces: by several threads, and while they are read. It finds accidents; it is not made against an
//! attacker.

use xxhash_rust::xxh3::xxh3_128;

use crate::parallel;

/// What is hashed at a time. It stays in the processor's cache in between.
pub const PIECE: usize = 1 << 20;

/// xxh3 with 128 bits of some bytes; of more than a piece, of the hashes of its pieces.
pub fn of(bytes: &[u8]) -> u128 {
    let worth = bytes.len().div_ceil(PIECE);
    together(&parallel::filter_map(worth, bytes.chunks(PIECE), 1, |piece| Some(xxh3_128(piece))))
}

/// One hash of the hashes of pieces, in their order.
pub fn together(pieces: &[u128]) -> u128 {
    match pieces {
        [] => xxh3_128(b""),
        [one] => *one,
        many => xxh3_128(&many.iter().flat_map(|hash| hash.to_le_bytes()).collect::<Vec<_>>()),
    }
}
