//! Reading a slice back, as it comes, with nothing to believe in but the digest and the size of the blob.
//!
//! - Bytes come out only when a value that leads up to the digest has proven them.
//! - What is in memory is one group and one value for each level of the tree, whatever is sent.
//! - A slice has one form: anything added, left out or changed is refused, and what was refused stays so.

use std::ops::Range;

use super::slice::{PAIR_BYTES, SIZE_BYTES, groups_in, groups_of, prefix};
use super::{Expected, left_of};
use crate::kernel::digest::Blake3;
use crate::kernel::limits::SLICE_GROUP_BYTES;

/// What of a slice is not right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is of a blob of another size.
    #[error("it is of a blob of {found} bytes, not of {expected}")]
    Size {
        /// Bytes of the blob.
        expected: u64,
        /// What the slice says.
        found: u64,
    },
    /// A pair of values is not what the tree has there.
    #[error("the proof of bytes {}-{} does not verify", .0.start, .0.end - 1)]
    Proof(Range<u64>),
    /// Bytes are not those of the blob.
    #[error("bytes {}-{} do not verify", .0.start, .0.end.max(1) - 1)]
    Bytes(Range<u64>),
    /// It goes on after its end.
    #[error("it goes on after its end")]
    TooLong,
    /// It ends too early.
    #[error("it ends too early: {0} bytes or more are missing")]
    TooShort(u64),
}

/// A node that has to come.
#[derive(Debug, Clone)]
struct Node {
    from: u64,
    to: u64,
    expected: Expected,
}

/// Reads one slice.
#[derive(Debug, Clone)]
pub struct Decoder {
    size_bytes: u64,
    /// What was asked for, in bytes and in groups.
    range: Range<u64>,
    groups: Range<u64>,
    /// What comes next, last one first. None before the size has come.
    waiting: Vec<Node>,
    begun: bool,
    /// What has come of the next thing.
    pending: Vec<u8>,
    failed: Option<Error>,
}

impl Decoder {
    /// For the slice of that range, which is within the blob, and not empty unless the blob is.
    pub fn new(digest: Blake3, size_bytes: u64, range: Range<u64>) -> Self {
        let root = Node { from: 0, to: groups_of(size_bytes), expected: Expected::Root(digest) };
        let groups = groups_in(&range);
        Self {
            size_bytes,
            range,
            groups,
            waiting: vec![root],
            begun: false,
            pending: Vec::new(),
            failed: None,
        }
    }

    /// Takes the next bytes of the slice, and adds to `verified` those bytes of the range that they prove.
    ///
    /// # Errors
    /// If something is not right. What was added before is.
    pub fn push(&mut self, mut input: &[u8], verified: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        while !input.is_empty() {
            let missing = usize::try_from(self.needs()).expect("a group fits memory") - self.pending.len();
            if missing == 0 {
                return self.fail(Error::TooLong);
            }
            let (now, later) = input.split_at(missing.min(input.len()));
            self.pending.extend_from_slice(now);
            input = later;
            if now.len() == missing
                && let Err(error) = self.take(verified)
            {
                return self.fail(error);
            }
        }
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// If something is missing.
    pub fn finish(mut self) -> Result<(), Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // The group of an empty blob is there when nothing has come.
        while self.begun && !self.waiting.is_empty() && self.needs() == 0 {
            self.take(&mut Vec::new())?;
        }
        match self.needs() - self.pending.len() as u64 {
            0 if self.begun && self.waiting.is_empty() => Ok(()),
            missing => Err(Error::TooShort(missing)),
        }
    }

    fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.failed = Some(error.clone());
        Err(error)
    }

    /// Bytes of the next thing; none after the last.
    fn needs(&self) -> u64 {
        match self.waiting.last() {
            _ if !self.begun => SIZE_BYTES,
            Some(Node { from, to, .. }) if to - from == 1 => {
                let bytes = self.bytes_of(*from, *to);
                bytes.end - bytes.start
            }
            Some(_) => PAIR_BYTES,
            None => 0,
        }
    }

    fn bytes_of(&self, from: u64, to: u64) -> Range<u64> {
        from * SLICE_GROUP_BYTES..to.saturating_mul(SLICE_GROUP_BYTES).min(self.size_bytes)
    }

    /// Checks the thing that has come whole.
    fn take(&mut self, verified: &mut Vec<u8>) -> Result<(), Error> {
        if !self.begun {
            self.begun = true;
            let found = self.pending.as_slice().try_into().map(u64::from_le_bytes);
            let found = found.expect("a size has 8 bytes");
            let right = self.pending == prefix(self.size_bytes);
            self.pending.clear();
            return if right { Ok(()) } else { Err(Error::Size { expected: self.size_bytes, found }) };
        }
        let Node { from, to, expected } = self.waiting.pop().expect("something is waited for");
        let bytes = self.bytes_of(from, to);
        if to - from == 1 {
            if !expected.is_of(&self.pending, bytes.start) {
                return Err(Error::Bytes(bytes));
            }
            let within = |at: u64| (at.clamp(bytes.start, bytes.end) - bytes.start) as usize;
            verified.extend_from_slice(&self.pending[within(self.range.start)..within(self.range.end)]);
        } else {
            let (pair, _) = self.pending.as_chunks::<32>();
            let (left, right) = (pair[0], pair[1]);
            if !expected.is_over(&left, &right) {
                return Err(Error::Proof(bytes));
            }
            let middle = from + left_of(to - from);
            for (from, to, value) in [(middle, to, right), (from, middle, left)] {
                if from < self.groups.end && self.groups.start < to {
                    self.waiting.push(Node { from, to, expected: Expected::Inner(value) });
                }
            }
        }
        self.pending.clear();
        Ok(())
    }
}
