//! Giving out a part of a blob, proven: as plain bytes, or as a slice whose reader can prove it again.
//!
//! - A block is read whole and compared with the tree before a byte of it is sent. Nothing unproven leaves.
//! - For a slice the values above the blocks come from the tree, those within from the block, which has just been read.
//! - A reader takes two blocks of memory, whatever the range; more than [`PROVEN_READS_MAX`] at once are refused.

use std::ops::Range;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::stream::BoxStream;
use tokio::sync::OwnedSemaphorePermit;

use super::ahead::{self, Source};
use super::blocks::{Block, Blocks};
use super::download::{Download, Error, Object};
use super::outline::Outline;
use super::{Admitted, DataPlane};
use crate::contract::Read;
use crate::kernel::digest::Digests;
use crate::kernel::limits::HASH_BLOCK_BYTES;
#[cfg(doc)]
use crate::kernel::limits::PROVEN_READS_MAX;
use crate::kernel::tree::slice::{self, Step, Walk};
use crate::kernel::tree::{Expected, bytes_of_block};

/// A slice on its way out.
pub struct Slice {
    /// Both digests of the blob.
    pub digests: Digests,
    /// Bytes of the blob.
    pub size_bytes: u64,
    /// The bytes that it proves.
    pub range: Range<u64>,
    /// Its own bytes.
    pub encoded_bytes: u64,
    /// They come here. An error ends it.
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl std::fmt::Debug for Slice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slice({} {:?} of {})", self.digests.blake3, self.range, self.size_bytes)
    }
}

impl DataPlane {
    /// Gives out a range of the blob that the grant names (end exclusive; without one, all of it) with its proof.
    ///
    /// # Errors
    /// As [`Self::open_blob`].
    pub async fn open_slice(&self, grant: &Admitted, range: Option<Range<u64>>) -> Result<Slice, Error> {
        let (object, range) = self.to_read(grant, range).await?;
        let (proven, read) = (Proven::of(self, &object, &range).await?, &object.read);
        let walk = Walk::new(read.size_bytes, &range);
        let prefix = Some(slice::prefix(read.size_bytes));
        Ok(Slice {
            digests: read.digests,
            size_bytes: read.size_bytes,
            encoded_bytes: slice::encoded_bytes(read.size_bytes, &range),
            range,
            stream: ahead::stream(Slicing { proven, walk, prefix }),
        })
    }

    /// A range as plain bytes, proven before they are sent.
    pub(super) async fn open_part(&self, object: &Object, range: Range<u64>) -> Result<Download, Error> {
        let proven = Proven::of(self, object, &range).await?;
        let (digests, size_bytes) = (object.read.digests, object.read.size_bytes);
        Ok(Download { digests, size_bytes, range, stream: ahead::stream(proven) })
    }
}

/// The blocks under a range, compared with the tree.
struct Proven {
    read: Read,
    range: Range<u64>,
    outline: Outline,
    blocks: Blocks,
    _counted: OwnedSemaphorePermit,
}

impl Proven {
    async fn of(plane: &DataPlane, object: &Object, range: &Range<u64>) -> Result<Self, Error> {
        let counted = plane.0.proven_reads.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let mut outline = Outline::of(plane, object);
        let numbers = range.start / HASH_BLOCK_BYTES..range.end.div_ceil(HASH_BLOCK_BYTES).max(1);
        // What is wrong with the tree or the object shows before the answer begins.
        outline.block(numbers.start).await?;
        let blocks = Blocks::read(object, numbers).await?;
        Ok(Self { read: object.read.clone(), range: range.clone(), outline, blocks, _counted: counted })
    }

    async fn block(&mut self) -> Result<Option<Block>, Error> {
        let Some(block) = self.blocks.next().await? else { return Ok(None) };
        let expected = self.outline.block(block.number).await?;
        if block.is(&expected) { Ok(Some(block)) } else { Err(self.damaged(block.number)) }
    }

    fn damaged(&self, block: u64) -> Error {
        let bytes = bytes_of_block(block, self.read.size_bytes);
        self.read.corrupt(format!("bytes {}-{} are damaged", bytes.start, bytes.end.max(1) - 1))
    }
}

impl Source for Proven {
    async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Error> {
        let block = self.block().await?;
        Ok(block.map(|block| block.within(&self.range)))
    }
}

/// The same blocks with what proves them.
struct Slicing {
    proven: Proven,
    walk: Walk,
    /// What comes before everything else.
    prefix: Option<[u8; slice::SIZE_BYTES as usize]>,
}

impl Source for Slicing {
    async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Error> {
        let mut values = BytesMut::new();
        if let Some(prefix) = self.prefix.take() {
            values.put_slice(&prefix);
        }
        while let Some(step) = self.walk.next() {
            match step {
                Step::Pair { from, middle, to } => {
                    values.put_slice(&self.proven.outline.node(from, middle).await?);
                    values.put_slice(&self.proven.outline.node(middle, to).await?);
                }
                Step::Block(number) => {
                    let block =
                        self.proven.block().await?.expect("the walk and the range have the same blocks");
                    debug_assert_eq!(block.number, number);
                    let expected = self.proven.outline.block(number).await?;
                    let encoded = self.encode(block, expected).await?;
                    let pieces = [values.freeze(), encoded];
                    return Ok(Some(pieces.into_iter().filter(|piece| !piece.is_empty()).collect()));
                }
            }
        }
        Ok(None)
    }
}

impl Slicing {
    /// The block's part of the slice. Its groups are compared once more, as they are what is sent.
    async fn encode(&mut self, block: Block, expected: Expected) -> Result<Bytes, Error> {
        let (number, wanted) = (block.number, self.proven.range.clone());
        let encoding = tokio::task::spawn_blocking(move || {
            let bytes = block.pieces.concat();
            let block = slice::block(&bytes, number * HASH_BLOCK_BYTES, &wanted);
            let right = match block.groups.len() {
                0 | 1 => expected.is_of(&bytes, number * HASH_BLOCK_BYTES),
                _ => expected.is_over_all(&block.groups),
            };
            right.then(|| Bytes::from(block.encoded))
        });
        let encoded = encoding.await.map_err(|_| Error::Busy)?;
        encoded.ok_or_else(|| self.proven.damaged(number))
    }
}
