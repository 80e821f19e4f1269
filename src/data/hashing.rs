//! All that is computed of the bytes of a session as they pass: both digests, the tree, the checksum of the request.
//!
//! What can be saved is the state at the last block boundary; the bytes behind it are read and hashed again.

use super::checksum::{Checking, Checksum};
use super::journal::{self, Durable};
use super::session::Error;
use super::trees::Tree;
use crate::kernel::digest::Digests;
use crate::kernel::hash::Hasher;
use crate::kernel::limits::HASH_BLOCK_BYTES;
use crate::kernel::tree::tiles::{Tile, Tiler};

/// All hashes of the bytes so far.
pub(super) struct Hashing {
    hasher: Hasher,
    /// The same at the last block boundary: this is what can be saved.
    boundary: Option<Hasher>,
    /// The tree, at that boundary. None in a session that began without one.
    tiler: Option<Tiler>,
    pub(super) checking: Option<Checking>,
}

impl Hashing {
    /// From a saved state; the checksum is of what comes after [`Self::catch_up`].
    pub(super) fn restore(at: &Durable, checksum: Option<Checksum>) -> Result<Self, Error> {
        let boundary = at.hash.as_deref().map(Hasher::restore).transpose().map_err(journal::Error::from)?;
        let hasher = boundary.clone().unwrap_or_default();
        let blocks = hasher.bytes() / HASH_BLOCK_BYTES;
        let tiler = match &at.tree {
            Some(state) => Tiler::restore(blocks, state),
            None => (blocks == 0).then(Tiler::new),
        };
        Ok(Self { hasher, boundary, tiler, checking: checksum.map(Checking::new) })
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
                if let Some(tiler) = &mut self.tiler {
                    tiler.push(self.hasher.block());
                }
            }
            bytes = later;
        }
    }

    /// The tiles that were finished since the last time.
    pub(super) fn take_tiles(&mut self) -> Vec<Tile> {
        self.tiler.as_mut().map(Tiler::take_full).unwrap_or_default()
    }

    /// Those that are left when all bytes have come; none, if no tree is kept.
    pub(super) fn last_tiles(&mut self) -> Vec<Tile> {
        let Some(mut tiler) = self.tiler.take().filter(|_| Tree::is_kept_for(self.bytes())) else {
            return Vec::new();
        };
        if !self.bytes().is_multiple_of(HASH_BLOCK_BYTES) {
            tiler.push(self.hasher.block());
        }
        tiler.finish()
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(checking) = &mut self.checking {
            checking.update(bytes);
        }
        self.catch_up(bytes);
    }

    /// The state of the tree that a journal keeps, at the boundary of [`Self::saved`].
    pub(super) fn saved_tree(&self) -> Option<Vec<u8>> {
        self.boundary.as_ref().and(self.tiler.as_ref()).map(Tiler::state)
    }
}
