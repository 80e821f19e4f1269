//! Both digests of bytes as they arrive, in one pass, with a state that can be put away and taken up again.
//!
//! SHA-256 has a small exportable state. The `blake3` crate's does not come out, so its tree is built here from
//! aligned blocks of [`HASH_BLOCK_BYTES`]: each block is one subtree, and the stack holds the chaining values of the
//! complete subtrees to the left, as in section 5.1.2 ("Tree") of the BLAKE3 paper.
//!
//! - A saved state exists at block boundaries only; the bytes after the last boundary are read and hashed again.
//! - A block is merged only when more bytes follow it, because the last one decides which merge is the root.
//! - Save, restore and go on gives the same digests as never stopping.
//!
//! ```text
//! state = map { "v": 1, "bytes": uint, "sha256": bytes .size 104,
//!               "stack": bytes of 32 * popcount(blocks - 1), "block": bytes .size 32, ? "root": bytes .size 32 }
//! ```
//! `block` is the last block as an inner node, `root` the same block as the whole tree (first block only).

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use sha2::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

use super::cbor::{self, Bounds, Fields, Value};
use super::digest::{Blake3, Digests, Sha256};
use super::limits::HASH_BLOCK_BYTES;

/// Bytes of a saved state, at most: a stack of 64 chaining values and the fixed fields.
pub const STATE_MAX_BYTES: usize = 4_096;

/// Why a saved state cannot be taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not the canonical CBOR that [`Hasher::save`] writes.
    #[error("saved hash state: {0}")]
    Encoding(#[from] cbor::Error),
    /// It is well formed, but contradicts itself.
    #[error("saved hash state is inconsistent: {0}")]
    Inconsistent(&'static str),
}

/// Hashes with BLAKE3 and SHA-256 at once.
#[derive(Clone)]
pub struct Hasher {
    sha256: sha2::Sha256,
    bytes: u64,
    stack: Vec<ChainingValue>,
    block: Block,
}

/// The block at the right edge of the tree.
#[derive(Clone)]
enum Block {
    /// Still taking bytes (or full, with nothing after it yet).
    Open(Box<blake3::Hasher>),
    /// Taken from a saved state: full, known by its values only.
    Restored { inner: ChainingValue, root: Option<[u8; 32]> },
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self { sha256: sha2::Sha256::new(), bytes: 0, stack: Vec::new(), block: Block::Open(Box::default()) }
    }

    /// Bytes hashed so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut input: &[u8]) {
        self.sha256.update(input);
        while !input.is_empty() {
            let filled = self.bytes % HASH_BLOCK_BYTES;
            if filled == 0 && self.bytes > 0 {
                self.begin_block();
            }
            let room = usize::try_from(HASH_BLOCK_BYTES - filled).expect("a block fits memory");
            let (now, later) = input.split_at(room.min(input.len()));
            match &mut self.block {
                Block::Open(hasher) => hasher.update(now),
                Block::Restored { .. } => unreachable!("a restored block is full, so another was begun"),
            };
            self.bytes += now.len() as u64;
            input = later;
        }
    }

    /// Pushes the full block, merging complete subtrees, and opens the next one.
    fn begin_block(&mut self) {
        let mut value = self.block.inner();
        let mut blocks = self.bytes / HASH_BLOCK_BYTES;
        while blocks.is_multiple_of(2) {
            let left = self.stack.pop().expect("one value for each bit of the count of blocks");
            value = merge_subtrees_non_root(&left, &value, Mode::Hash);
            blocks /= 2;
        }
        self.stack.push(value);
        let mut next = blake3::Hasher::new();
        next.set_input_offset(self.bytes);
        self.block = Block::Open(Box::new(next));
    }

    /// The value of the last block, as far as it has come. More than that block has to be there.
    ///
    /// # Panics
    /// If no byte is.
    pub fn block(&self) -> ChainingValue {
        self.block.inner()
    }

    /// The digests of all bytes so far. More may follow.
    pub fn finish(&self) -> Digests {
        Digests { blake3: self.blake3(), sha256: Sha256::new(self.sha256.clone().finalize().into()) }
    }

    fn blake3(&self) -> Blake3 {
        let Some((first, inner)) = self.stack.split_first() else {
            return Blake3::new(self.block.root());
        };
        let right = inner
            .iter()
            .rev()
            .fold(self.block.inner(), |right, left| merge_subtrees_non_root(left, &right, Mode::Hash));
        Blake3::new(*merge_subtrees_root(first, &right, Mode::Hash).as_bytes())
    }

    /// The state, if the bytes so far end at a block boundary (and there are any).
    pub fn save(&self) -> Option<Vec<u8>> {
        if self.bytes == 0 || !self.bytes.is_multiple_of(HASH_BLOCK_BYTES) {
            return None;
        }
        let mut fields = vec![
            ("v".into(), Value::Unsigned(1)),
            ("bytes".into(), Value::Unsigned(self.bytes)),
            ("sha256".into(), Value::Bytes(self.sha256.serialize().to_vec())),
            ("stack".into(), Value::Bytes(self.stack.concat())),
            ("block".into(), Value::Bytes(self.block.inner().to_vec())),
        ];
        if self.stack.is_empty() {
            fields.push(("root".into(), Value::Bytes(self.block.root().to_vec())));
        }
        Some(cbor::encode(&Value::Map(fields)))
    }

    /// Takes up a state that [`Self::save`] gave.
    ///
    /// # Errors
    /// If the bytes are not such a state.
    pub fn restore(state: &[u8]) -> Result<Self, Error> {
        let value = cbor::decode(state, Bounds::bytes(STATE_MAX_BYTES))?;
        let mut fields = Fields::of(value)?;
        if fields.unsigned("v")? != 1 {
            return Err(Error::Inconsistent("unknown version"));
        }
        let bytes = fields.unsigned("bytes")?;
        if bytes == 0 || !bytes.is_multiple_of(HASH_BLOCK_BYTES) {
            return Err(Error::Inconsistent("not at a block boundary"));
        }
        let saved = fields.bytes("sha256")?;
        // Eight words, the count of 64-byte blocks, and what is buffered: at a boundary, nothing.
        if saved.get(32..40) != Some(&(bytes / 64).to_le_bytes()[..]) || saved[40..].iter().any(|b| *b != 0) {
            return Err(Error::Inconsistent("length in the SHA-256 state"));
        }
        let saved = SerializedState::<sha2::Sha256>::try_from(saved.as_slice())
            .map_err(|_| Error::Inconsistent("length of the SHA-256 state"))?;
        let sha256 = sha2::Sha256::deserialize(&saved)
            .map_err(|_| Error::Inconsistent("content of the SHA-256 state"))?;
        let stack = fields.bytes("stack")?;
        let (stack, rest) = stack.as_chunks::<32>();
        if !rest.is_empty() || stack.len() != (bytes / HASH_BLOCK_BYTES - 1).count_ones() as usize {
            return Err(Error::Inconsistent("length of the BLAKE3 stack"));
        }
        let inner = fields.array_32("block")?;
        let root = if stack.is_empty() { Some(fields.array_32("root")?) } else { None };
        fields.finish()?;
        Ok(Self { sha256, bytes, stack: stack.to_vec(), block: Block::Restored { inner, root } })
    }
}

impl Block {
    fn inner(&self) -> ChainingValue {
        match self {
            Self::Open(hasher) => hasher.finalize_non_root(),
            Self::Restored { inner, .. } => *inner,
        }
    }

    fn root(&self) -> [u8; 32] {
        match self {
            Self::Open(hasher) => *hasher.finalize().as_bytes(),
            Self::Restored { root, .. } => {
                root.expect("kept for the first block, the only one that can be the root")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: usize = HASH_BLOCK_BYTES as usize;

    fn sample(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn digests_are_those_of_the_plain_functions_around_every_boundary() {
        for length in
            [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK, 4 * BLOCK + 7, 7 * BLOCK]
        {
            let bytes = sample(length);
            let mut hasher = Hasher::new();
            bytes.chunks(100_003).for_each(|part| hasher.update(part));
            assert_eq!(hasher.finish(), Digests::of(&bytes), "{length} bytes");
        }
    }

    #[test]
    fn state_is_saved_at_block_boundaries_only() {
        let mut hasher = Hasher::new();
        assert!(hasher.save().is_none());
        hasher.update(&sample(BLOCK));
        assert!(hasher.save().is_some());
        hasher.update(b"x");
        assert!(hasher.save().is_none());
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let mut hasher = Hasher::new();
        hasher.update(&sample(3 * BLOCK));
        let state = hasher.save().unwrap();
        assert!(Hasher::restore(&state).is_ok());
        assert!(Hasher::restore(&state[..state.len() - 1]).is_err());
        assert!(Hasher::restore(b"").is_err());
        let value = cbor::decode(&state, Bounds::bytes(STATE_MAX_BYTES)).unwrap();
        let Value::Map(mut fields) = value else { panic!("a state is a map") };
        let (_, sha256) = fields.iter_mut().find(|(key, _)| key == "sha256").unwrap();
        let Value::Bytes(saved) = sha256 else { panic!("a state holds bytes") };
        saved[39] ^= 1;
        assert!(Hasher::restore(&cbor::encode(&Value::Map(fields))).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn stopping_and_going_on_changes_nothing(blocks in 1usize..9, tail in 0usize..BLOCK) {
            let bytes = sample(blocks * BLOCK + tail);
            let mut before = Hasher::new();
            before.update(&bytes[..blocks * BLOCK]);
            let mut after = Hasher::restore(&before.save().unwrap()).unwrap();
            prop_assert_eq!(after.finish(), before.finish());
            after.update(&bytes[blocks * BLOCK..]);
            prop_assert_eq!(after.finish(), Digests::of(&bytes));
        }
    }
}
