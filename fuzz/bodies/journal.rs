//! Invariants of session journals, for any bytes:
//! - what decodes encodes to the same bytes;
//! - of an unfinished session, hashing can go on from where the journal says.

use strongroom::data::journal::{Journal, Phase};
use strongroom::kernel::hash::Hasher;
use strongroom::kernel::limits::HASH_BLOCK_BYTES;

pub(crate) fn check(data: &[u8]) {
    let Ok(journal) = Journal::decode(data) else { return };
    assert_eq!(journal.encode(), data, "what decodes is its own encoding");
    if let Phase::Receiving(at) | Phase::Sealing(at, _) = &journal.phase {
        let hashed = at.hash.as_ref().map_or(0, |state| Hasher::restore(state).expect("checked").bytes());
        assert!(at.offset() >= hashed && at.offset() - hashed < HASH_BLOCK_BYTES);
        assert!(journal.length.is_none_or(|length| at.offset() <= length));
    }
}
