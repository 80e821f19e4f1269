//! What the bytes of a session come to: both digests, resumable at block boundaries, and a checksum of one request.

use super::checksum::{Checking, Checksum};
use super::journal;
use super::session::Error;
use crate::kernel::digest::Digests;
use crate::kernel::hash::Hasher;
use crate::kernel::limits::HASH_BLOCK_BYTES;

/// All hashes of the bytes so far.
pub(super) struct Hashing {
    hasher: Hasher,
    /// The same at the last block boundary: this is what can be saved.
    boundary: Option<Hasher>,
    pub(super) checking: Option<Checking>,
}

impl Hashing {
    /// From a saved state; the checksum is of what comes after [`Self::catch_up`].
    pub(super) fn restore(state: Option<&[u8]>, checksum: Option<Checksum>) -> Result<Self, Error> {
        let boundary = state.map(Hasher::restore).transpose().map_err(journal::Error::from)?;
        let hasher = boundary.clone().unwrap_or_default();
        Ok(Self { hasher, boundary, checking: checksum.map(Checking::new) })
    }

    /// Bytes of the session so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.hasher.bytes()
    }

    /// Their digests.
    pub(super) fn digests(&self) -> Digests {
        self.hasher.finish()
    }

    /// The state that a journal keeps.
    pub(super) fn saved(&self) -> Option<Vec<u8>> {
        self.boundary.as_ref().map(|boundary| boundary.save().expect("it was taken at a boundary"))
    }

    /// Bytes of an earlier request, after the last boundary.
    pub(super) fn catch_up(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = HASH_BLOCK_BYTES - self.hasher.bytes() % HASH_BLOCK_BYTES;
            let room = usize::try_from(room).expect("a block fits memory").min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.hasher.update(now);
            if self.hasher.bytes().is_multiple_of(HASH_BLOCK_BYTES) {
                self.boundary = Some(self.hasher.clone());
            }
            bytes = later;
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(checking) = &mut self.checking {
            checking.update(bytes);
        }
        self.catch_up(bytes);
    }
}
