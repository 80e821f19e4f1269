//! Invariants of slices, for any bytes that claim to be one:
//! - what verifies is the bytes of the blob, and the slice is the one that we would have sent;
//! - bytes that came out before something failed are those of the blob too;
//! - how the slice is cut into pieces changes nothing.
//!
//! The input is `size, from, to` (4 bytes each, little-endian, made to fit), then the slice.

use strongroom::kernel::digest::Digests;
use strongroom::kernel::tree::decode::Decoder;
use strongroom::kernel::tree::slice;

const SIZE_MAX: u32 = 80_000;

pub(crate) fn check(data: &[u8]) {
    let Some((head, sent)) = data.split_at_checked(12) else { return };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let size = number(0) % SIZE_MAX;
    let from = if size == 0 { 0 } else { number(4) % size };
    let to = if size == 0 { 0 } else { from + 1 + number(8).saturating_sub(from + 1) % (size - from) };
    let blob: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
    let range = u64::from(from)..u64::from(to);
    let digest = Digests::of(&blob).blake3;
    let wanted = &blob[from as usize..to as usize];

    let decode = |piece: usize| {
        let mut decoder = Decoder::new(digest, u64::from(size), range.clone());
        let mut verified = Vec::new();
        let outcome = sent.chunks(piece).try_for_each(|piece| decoder.push(piece, &mut verified));
        (outcome.and_then(|()| decoder.finish()), verified)
    };
    let (outcome, verified) = decode(usize::MAX);
    assert!(wanted.starts_with(&verified), "only bytes of the blob come out");
    if outcome.is_ok() {
        assert_eq!(verified, wanted, "all that was asked for");
        assert_eq!(sent, slice::encode(&blob, &range), "a slice has one form");
    }
    assert_eq!(decode(1 + head[0] as usize), (outcome, verified), "pieces change nothing");
}
