//! The BLAKE3 tree over a blob, as far as it is kept and sent: what proves a part of a blob without the rest.
//!
//! ```text
//!                          digest of the blob (root)
//!                         /                          \
//!          tiles: 256 values of 256 MiB each ...             level 1
//!                 /                  \
//!   tiles: 256 values of 1 MiB each   ...                    level 0, kept in the store
//!          /            \
//!   blocks of 1 MiB      ...                                 the object itself
//!    /    |    \
//!  groups of 16 KiB                                          derived when they are sent
//! ```
//! - A node of `n` leaves has the largest power of two below `n` on its left (section 2.1 of the BLAKE3 paper), whatever
//!   the leaves are: chunks, groups, blocks, or whole tiles. That is why all of these are nodes of the one tree.
//! - [`tiles`] makes what is kept while a blob arrives; [`mod@slice`] makes what is sent; [`decode`] reads it back with
//!   nothing but the digest to believe in.
//! - Nothing here trusts a stored value: whoever uses one compares it with the node above, up to the digest.

pub mod decode;
pub mod slice;
pub mod tiles;

use std::ops::Range;

use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

use super::digest::Blake3;
use super::limits::HASH_BLOCK_BYTES;

/// The chaining value of a subtree that is not the whole tree.
pub type Value = [u8; 32];

/// Leaves on the left of a node of `leaves`, which are more than one: the largest power of two that is fewer.
pub const fn left_of(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Blocks of a blob. An empty one has one, which is empty.
pub const fn blocks_of(size_bytes: u64) -> u64 {
    if size_bytes == 0 { 1 } else { size_bytes.div_ceil(HASH_BLOCK_BYTES) }
}

/// The bytes of a block.
pub fn bytes_of_block(block: u64, size_bytes: u64) -> Range<u64> {
    block * HASH_BLOCK_BYTES..((block + 1) * HASH_BLOCK_BYTES).min(size_bytes)
}

/// What a node is to be: the root, or one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The whole tree.
    Root(Blake3),
    /// A subtree.
    Inner(Value),
}

impl Expected {
    /// Whether the node over these two is that.
    pub fn is_over(&self, left: &Value, right: &Value) -> bool {
        match self {
            Self::Root(root) => merge_subtrees_root(left, right, Mode::Hash) == *root.as_bytes(),
            Self::Inner(value) => merge_subtrees_non_root(left, right, Mode::Hash) == *value,
        }
    }

    /// Whether the node over these neighbours, or the only one of them, is that.
    pub fn is_over_all(&self, values: &[Value]) -> bool {
        match (self, values) {
            (_, []) => false,
            (Self::Inner(value), [only]) => only == value,
            // An inner value is no root.
            (Self::Root(_), [_]) => false,
            (_, values) => {
                let (left, right) = values.split_at(left_of(values.len() as u64) as usize);
                self.is_over(&merge(left), &merge(right))
            }
        }
    }

    /// Whether the subtree over these bytes is that. They begin at a multiple of their length, rounded up to a power of two.
    pub fn is_of(&self, bytes: &[u8], first_byte: u64) -> bool {
        match self {
            Self::Root(root) => blake3::hash(bytes) == *root.as_bytes(),
            Self::Inner(value) => !bytes.is_empty() && value_of(bytes, first_byte) == *value,
        }
    }
}

/// The value of a subtree of bytes: a block or a group.
///
/// # Panics
/// If there are none: an empty blob has a root and nothing below.
pub fn value_of(bytes: &[u8], first_byte: u64) -> Value {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(first_byte).update(bytes);
    hasher.finalize_non_root()
}

/// The value over neighbours, of which there is at least one. They are nodes of one height, the last may be smaller.
///
/// # Panics
/// If there is none.
pub fn merge(values: &[Value]) -> Value {
    match values {
        [only] => *only,
        values => {
            let (left, right) = values.split_at(left_of(values.len() as u64) as usize);
            merge_subtrees_non_root(&merge(left), &merge(right), Mode::Hash)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_side_is_the_largest_power_of_two_that_is_not_all() {
        for (leaves, left) in [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (u64::MAX, 1 << 63)] {
            assert_eq!(left_of(leaves), left, "{leaves}");
        }
    }

    #[test]
    fn a_value_is_believed_only_where_it_belongs() {
        let bytes: Vec<u8> = (0..3 * HASH_BLOCK_BYTES + 5).map(|i| (i % 251) as u8).collect();
        let size = bytes.len() as u64;
        let values: Vec<Value> = (0..blocks_of(size))
            .map(|block| {
                let range = bytes_of_block(block, size);
                value_of(&bytes[range.start as usize..range.end as usize], range.start)
            })
            .collect();
        let root = Expected::Root(Blake3::new(*blake3::hash(&bytes).as_bytes()));
        assert!(root.is_over_all(&values) && root.is_of(&bytes, 0));
        assert!(!root.is_over_all(&values[..3]) && !root.is_over_all(&[]) && !root.is_over_all(&values[..1]));
        assert!(!Expected::Inner(merge(&values)).is_of(&bytes[1..], 0));
        assert!(Expected::Inner(merge(&values)).is_over_all(&values));
        assert!(Expected::Inner(values[1]).is_of(&bytes[1 << 20..2 << 20], 1 << 20));
        assert!(!Expected::Inner(values[1]).is_of(&bytes[1 << 20..2 << 20], 0));
    }
}
