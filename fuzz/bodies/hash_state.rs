//! Invariants of saved hash states, for any bytes:
//! - what is taken up is put away as the same bytes;
//! - a state that was taken up can go on, past a block too, whatever is in it.

use strongroom::kernel::hash::Hasher;
use strongroom::kernel::limits::HASH_BLOCK_BYTES;

pub(crate) fn check(data: &[u8]) {
    let Ok(mut hasher) = Hasher::restore(data) else { return };
    assert_eq!(hasher.save().as_deref(), Some(data), "what is taken up is what was put away");
    let at = hasher.bytes();
    assert!(at > 0 && at.is_multiple_of(HASH_BLOCK_BYTES));
    let before = hasher.finish();
    assert_eq!(hasher.finish(), before);
    hasher.update(&[0]);
    assert_eq!(hasher.bytes(), at + 1);
    assert_ne!(hasher.finish().blake3, before.blake3);
    assert!(hasher.save().is_none());
}
