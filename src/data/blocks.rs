//! Reading an object block by block, hashed as it is read: the unit in which a part of it can be compared.
//!
//! - A block is in memory while it is compared, and goes no further unless it is what it has to be.
//! - An object that ends early, or goes on, is corrupt.

use std::ops::Range;

use blake3::hazmat::HasherExt as _;
use bytes::Bytes;
use futures::StreamExt as _;

use super::download::{Error, Object};
use crate::contract::Read;
use crate::kernel::limits::HASH_BLOCK_BYTES;
use crate::kernel::tree::{Expected, Value, bytes_of_block};
use crate::stores::Pieces;

/// Blocks of an object, in order.
pub(super) struct Blocks {
    read: Read,
    pieces: Pieces,
    /// Of the next block.
    number: u64,
    end: u64,
    /// What of the last piece belongs to the next block.
    rest: Bytes,
}

/// One block.
pub(super) struct Block {
    /// Which one.
    pub(super) number: u64,
    /// Its bytes.
    pub(super) pieces: Vec<Bytes>,
    hasher: Box<blake3::Hasher>,
}

impl Blocks {
    /// Opens an object to read these blocks of it.
    pub(super) async fn read(object: &Object, blocks: Range<u64>) -> Result<Self, Error> {
        let read = &object.read;
        let bytes = blocks.start * HASH_BLOCK_BYTES..(blocks.end * HASH_BLOCK_BYTES).min(read.size_bytes);
        let pieces = object.bytes(bytes).await?;
        Ok(Self { read: read.clone(), pieces, number: blocks.start, end: blocks.end, rest: Bytes::new() })
    }

    /// The next block; none behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Block>, Error> {
        if self.number == self.end {
            return Ok(None);
        }
        let bytes = bytes_of_block(self.number, self.read.size_bytes);
        let mut hasher = Box::<blake3::Hasher>::default();
        hasher.set_input_offset(bytes.start);
        let (mut missing, mut pieces) = (bytes.end - bytes.start, Vec::new());
        while missing > 0 {
            if self.rest.is_empty() {
                self.rest = match self.pieces.next().await {
                    Some(piece) => piece.map_err(Error::Store)?,
                    None => return Err(self.read.corrupt(format!("it ends {missing} bytes early"))),
                };
            }
            let now = self.rest.split_to(self.rest.len().min(usize::try_from(missing).unwrap_or(usize::MAX)));
            hasher.update(&now);
            missing -= now.len() as u64;
            pieces.push(now);
        }
        let block = Block { number: self.number, pieces, hasher };
        self.number += 1;
        Ok(Some(block))
    }
}

impl Block {
    /// Its value, if it is not the whole blob.
    pub(super) fn value(&self) -> Value {
        self.hasher.finalize_non_root()
    }

    /// Whether it is what it has to be.
    pub(super) fn is(&self, expected: &Expected) -> bool {
        match expected {
            Expected::Root(root) => self.hasher.finalize() == *root.as_bytes(),
            Expected::Inner(value) => self.value() == *value,
        }
    }

    /// Those of its bytes that are in a range of the blob.
    pub(super) fn within(mut self, range: &Range<u64>) -> Vec<Bytes> {
        let mut at = self.number * HASH_BLOCK_BYTES;
        for piece in &mut self.pieces {
            let length = piece.len() as u64;
            let within = |edge: u64| (edge.clamp(at, at + length) - at) as usize;
            *piece = piece.slice(within(range.start)..within(range.end));
            at += length;
        }
        self.pieces.retain(|piece| !piece.is_empty());
        self.pieces
    }
}
