//! A slice: bytes of a blob with the nodes of its tree that prove them, in one sequence.
//!
//! ```text
//! slice = size, node
//! size  = the blob's bytes, 8 bytes little-endian
//! node  = group                                if it has at most 16 KiB
//!       / left value, right value (32 bytes each), [node of the left], [node of the right]
//! group = its bytes
//! ```
//! A node of which nothing was asked for is left out; a group of which anything was asked for is there whole. This is what
//! the `bao-tree` crate reads with groups of 16 KiB (`BlockSize::from_chunk_log(4)`) and ranges rounded up to groups.
//!
//! - Sent in this order, each value is proven by one before it, and the first pair by the digest: a reader believes
//!   nothing that it has not checked, and holds one value for each level.
//! - The size is proven as far as it changes the tree: who has it from a manifest compares.

use std::ops::Range;

use super::{Value, blocks_of, bytes_of_block, left_of, merge, value_of};
use crate::kernel::limits::{HASH_BLOCK_BYTES, SLICE_GROUP_BYTES};

/// Bytes of the size at the front.
pub const SIZE_BYTES: u64 = 8;

/// Bytes of a pair of values.
pub const PAIR_BYTES: u64 = 64;

/// The size, as a slice begins.
pub const fn prefix(size_bytes: u64) -> [u8; SIZE_BYTES as usize] {
    size_bytes.to_le_bytes()
}

/// One thing to send above the groups, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The values of the two sides of the node over these blocks.
    Pair {
        /// Its first block.
        from: u64,
        /// The first block of its right side.
        middle: u64,
        /// The block after its last.
        to: u64,
    },
    /// What [`block`] makes of this block.
    Block(u64),
}

/// The way through the tree: an iterator over all that has to be sent for a range, with one entry for each level in memory.
#[derive(Debug, Clone)]
pub struct Walk {
    wanted: Range<u64>,
    waiting: Vec<(u64, u64)>,
}

impl Walk {
    /// Through a blob of that size. `range` is within it, and not empty unless the blob is.
    pub fn new(size_bytes: u64, range: &Range<u64>) -> Self {
        let wanted = range.start / HASH_BLOCK_BYTES..range.end.div_ceil(HASH_BLOCK_BYTES).max(1);
        Self { wanted, waiting: vec![(0, blocks_of(size_bytes))] }
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (from, to) = self.waiting.pop()?;
        if to - from == 1 {
            return Some(Step::Block(from));
        }
        let middle = from + left_of(to - from);
        for (from, to) in [(middle, to), (from, middle)] {
            if from < self.wanted.end && self.wanted.start < to {
                self.waiting.push((from, to));
            }
        }
        Some(Step::Pair { from, middle, to })
    }
}

/// A block as a part of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The values of its groups. The node over them is the block.
    pub groups: Vec<Value>,
    /// What is sent of it.
    pub encoded: Vec<u8>,
}

/// Encodes what is wanted of a block, which begins at `first_byte` of its blob.
pub fn block(bytes: &[u8], first_byte: u64, wanted: &Range<u64>) -> Block {
    let size = SLICE_GROUP_BYTES as usize;
    if bytes.is_empty() {
        // The one group of an empty blob: nothing to send, and the root is over no value.
        return Block { groups: Vec::new(), encoded: Vec::new() };
    }
    let groups: Vec<&[u8]> = bytes.chunks(size).collect();
    let at = |group: usize| first_byte + (group * size) as u64;
    let values: Vec<Value> =
        groups.iter().enumerate().map(|(group, bytes)| value_of(bytes, at(group))).collect();
    let mut encoded = Vec::with_capacity(bytes.len() + groups.len() * PAIR_BYTES as usize);
    let mut waiting = vec![(0, groups.len())];
    while let Some((from, to)) = waiting.pop() {
        if to - from == 1 {
            encoded.extend_from_slice(groups[from]);
            continue;
        }
        let middle = from + left_of((to - from) as u64) as usize;
        encoded.extend_from_slice(&merge(&values[from..middle]));
        encoded.extend_from_slice(&merge(&values[middle..to]));
        for (from, to) in [(middle, to), (from, middle)] {
            if at(from) < wanted.end && wanted.start < at(to) {
                waiting.push((from, to));
            }
        }
    }
    Block { groups: values, encoded }
}

/// Groups of a blob. An empty one has one, which is empty.
pub const fn groups_of(size_bytes: u64) -> u64 {
    if size_bytes == 0 { 1 } else { size_bytes.div_ceil(SLICE_GROUP_BYTES) }
}

/// The groups that a range touches. Of an empty blob: the empty one.
pub fn groups_in(range: &Range<u64>) -> Range<u64> {
    range.start / SLICE_GROUP_BYTES..range.end.div_ceil(SLICE_GROUP_BYTES).max(1)
}

/// Bytes of the slice of a range, its size included. `range` is as for [`Walk::new`].
pub fn encoded_bytes(size_bytes: u64, range: &Range<u64>) -> u64 {
    let wanted = groups_in(range);
    let content = (wanted.end * SLICE_GROUP_BYTES).min(size_bytes) - wanted.start * SLICE_GROUP_BYTES;
    SIZE_BYTES + content + PAIR_BYTES * pairs(0, groups_of(size_bytes), &wanted)
}

/// Pairs on the way to what is wanted. A node that is wanted whole is counted without looking.
fn pairs(from: u64, to: u64, wanted: &Range<u64>) -> u64 {
    if from >= wanted.end || wanted.start >= to {
        return 0;
    }
    if (wanted.start <= from && to <= wanted.end) || to - from == 1 {
        return to - from - 1;
    }
    let middle = from + left_of(to - from);
    1 + pairs(from, middle, wanted) + pairs(middle, to, wanted)
}

/// The slice of bytes that are all in memory.
///
/// # Panics
/// If the range is not within the bytes, or empty although they are not.
pub fn encode(bytes: &[u8], range: &Range<u64>) -> Vec<u8> {
    let size_bytes = bytes.len() as u64;
    assert!(range.end <= size_bytes && (range.start < range.end || size_bytes == 0), "a range within");
    let part = |block| {
        let part = bytes_of_block(block, size_bytes);
        &bytes[part.start as usize..part.end as usize]
    };
    let blocks: Vec<Block> = (0..blocks_of(size_bytes))
        .map(|number| block(part(number), number * HASH_BLOCK_BYTES, range))
        .collect();
    let value = |number: u64| merge(&blocks[number as usize].groups);
    let over = |from: u64, to: u64| merge(&(from..to).map(value).collect::<Vec<Value>>());
    let mut slice = prefix(size_bytes).to_vec();
    for step in Walk::new(size_bytes, range) {
        match step {
            Step::Pair { from, middle, to } => {
                slice.extend_from_slice(&over(from, middle));
                slice.extend_from_slice(&over(middle, to));
            }
            Step::Block(number) => slice.extend_from_slice(&blocks[number as usize].encoded),
        }
    }
    slice
}
