//! Memory for bytes on their way to the bucket: one budget for all stages of a store.
//!
//! - Every byte that is kept is paid for, until the part that it goes into has reached the server.
//! - A stage keeps what is less than a part, so that it need not be fetched again. When there is no memory left, it puts
//!   that into the bucket instead, and so do stages whose clients are slow. So whoever waits in earnest holds nothing, and
//!   stages cannot starve each other.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use super::bucket::{Bucket, If};
use super::said::Said;
use super::state::Piece;
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::{S3_ASSEMBLED_AT_ONCE, S3_BUFFER_BUDGET_BYTES, S3_IDLE_BUFFER_MS, S3_PIECES_MAX};
use crate::stores::Error;

/// Paid for as long as it is held.
pub(super) type Paid = Arc<OwnedSemaphorePermit>;

/// The memory of a store.
#[derive(Debug)]
pub(super) struct Buffers {
    budget: Arc<Semaphore>,
    /// Parts whose bytes are fetched to be sent again hold a part each beside the budget; so they are few.
    pub(super) assembling: Arc<Semaphore>,
    tails: Mutex<Vec<Weak<Tail>>>,
}

/// What a stage holds that is not a part yet. Shared with those who are short of memory.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: ObjectKey,
    filling: Mutex<Filling>,
}

/// The part that is being filled: first pieces, which are in the bucket, then bytes that may be in memory alone.
#[derive(Debug)]
pub(super) struct Filling {
    part_bytes: u64,
    /// Where the part begins in the object.
    start: u64,
    pieces: Vec<Piece>,
    /// In order and without gaps, from `memory_from` to `end`.
    memory: VecDeque<Segment>,
    memory_from: u64,
    end: u64,
    touched: Instant,
    /// Every piece that there is, and where it ends.
    pub(super) known: Vec<(Piece, u64)>,
}

/// Bytes in memory.
#[derive(Debug, Clone)]
struct Segment {
    at: u64,
    bytes: Bytes,
    paid: Paid,
}

/// All bytes of a part, wherever they are.
#[derive(Debug)]
pub(super) struct Whole {
    pieces: Vec<Piece>,
    start: u64,
    memory_from: u64,
    memory: VecDeque<Segment>,
}

/// What of a tail has to become durable, as it was at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    start: u64,
    pieces: Vec<Piece>,
    loose: Vec<Segment>,
    upto: u64,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            budget: Arc::new(Semaphore::new(S3_BUFFER_BUDGET_BYTES)),
            assembling: Arc::new(Semaphore::new(S3_ASSEMBLED_AT_ONCE)),
            tails: Mutex::default(),
        }
    }

    pub(super) fn enter(&self, tail: &Arc<Tail>) {
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        tails.retain(|tail| tail.strong_count() > 0);
        tails.push(Arc::downgrade(tail));
    }

    /// Waits until so many bytes may be held.
    pub(super) async fn pay(&self, bytes: usize, tail: &Tail) -> Result<Paid, Error> {
        let price = u32::try_from(bytes.min(S3_BUFFER_BUDGET_BYTES)).expect("the budget is smaller");
        let idle = Duration::from_millis(S3_IDLE_BUFFER_MS);
        let mut paying = pin!(self.budget.clone().acquire_many_owned(price));
        let mut holds_nothing = false;
        loop {
            if let Ok(paid) = tokio::time::timeout(idle, paying.as_mut()).await {
                return Ok(Arc::new(paid.expect("the budget is never closed")));
            }
            if !std::mem::replace(&mut holds_nothing, true) {
                tail.spill().await?;
            }
            self.relieve(idle).await;
        }
    }

    /// Has stages whose clients are slow put what they hold into the bucket.
    async fn relieve(&self, idle: Duration) {
        let tails: Vec<_> = {
            let tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
            tails.iter().filter_map(Weak::upgrade).filter(|tail| tail.filling().is_idle(idle)).collect()
        };
        for tail in tails {
            if let Err(error) = tail.spill().await {
                // Its own writer will meet the same.
                tracing::debug!(object = %tail.key, %error, "bytes could not be put aside");
            }
        }
    }
}

impl Tail {
    pub(super) fn new(bucket: Arc<Bucket>, key: ObjectKey, filling: Filling) -> Self {
        Self { bucket, key, filling: Mutex::new(filling) }
    }

    pub(super) fn filling(&self) -> MutexGuard<'_, Filling> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what is held into the bucket, and holds it no longer.
    async fn spill(&self) -> Result<(), Error> {
        let snapshot = self.filling().snapshot();
        self.make_durable(snapshot).await?;
        self.filling().forget_what_is_durable();
        Ok(())
    }

    /// Puts loose bytes into the bucket; gives the pieces of the part up to where the snapshot ended.
    pub(super) async fn make_durable(&self, snapshot: Snapshot) -> Result<Vec<Piece>, Error> {
        let Snapshot { start, pieces, loose, upto } = snapshot;
        if loose.is_empty() {
            return Ok(pieces);
        }
        let (mut all, mut bytes) = (pieces.clone(), Vec::new());
        if pieces.len() >= S3_PIECES_MAX {
            let end = start + pieces.iter().map(|piece| piece.bytes).sum::<u64>();
            bytes = self.fetch(&pieces, start, start..end).await?;
            all.clear();
        }
        loose.iter().for_each(|segment| bytes.extend_from_slice(&segment.bytes));
        let piece = Piece { id: Uuid::now_v7(), bytes: bytes.len() as u64 };
        let name = self.bucket.names.piece(&self.key, piece.id);
        self.filling().known.push((piece, upto));
        self.bucket.put(&name, &bytes.into(), If::Fresh, piece.id, None).await.map_err(Said::unexpected)?;
        all.push(piece);
        let mut filling = self.filling();
        if filling.start == start && filling.pieces == pieces {
            filling.pieces.clone_from(&all);
        }
        Ok(all)
    }

    /// Bytes of pieces that lie one after the other from `start` on.
    pub(super) async fn fetch(
        &self,
        pieces: &[Piece],
        start: u64,
        range: Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let mut bytes =
            Vec::with_capacity(usize::try_from(range.end - range.start).expect("less than a part"));
        let mut at = start;
        for piece in pieces {
            let (from, to) = (range.start.max(at), range.end.min(at + piece.bytes));
            if from < to {
                let name = self.bucket.names.piece(&self.key, piece.id);
                let header = format!("bytes={}-{}", from - at, to - at - 1);
                let found = match self.bucket.get(&name, Some(header), None).await {
                    Ok(found) => self.bucket.collect(found.body).await?,
                    Err(Said::NotThere) => return Err(Error::Missing(self.key.clone())),
                    Err(other) => return Err(other.unexpected()),
                };
                bytes.extend_from_slice(&found);
            }
            at += piece.bytes;
        }
        if bytes.len() as u64 != range.end - range.start {
            let (object, expected) = (self.key.clone(), range.end);
            return Err(Error::Lost { object, expected, found: range.start + bytes.len() as u64 });
        }
        Ok(bytes)
    }

    /// The bytes of a part in one buffer, and what was paid for them.
    pub(super) async fn assemble(&self, whole: Whole) -> Result<(Bytes, Vec<Paid>), Error> {
        let Whole { pieces, start, memory_from, mut memory } = whole;
        let mut bytes = match memory_from > start {
            true => self.fetch(&pieces, start, start..memory_from).await?,
            false => Vec::new(),
        };
        let more = memory.iter().map(|segment| segment.bytes.len()).sum();
        bytes.reserve_exact(more);
        let mut paid = Vec::with_capacity(memory.len());
        while let Some(segment) = memory.pop_front() {
            bytes.extend_from_slice(&segment.bytes);
            paid.push(segment.paid);
        }
        Ok((bytes.into(), paid))
    }
}

impl Filling {
    /// The end of a stage of which that much is in the bucket.
    pub(super) fn of(part_bytes: u64, start: u64, pieces: Vec<Piece>) -> Self {
        let mut end = start;
        let known = pieces.iter().map(|piece| {
            end += piece.bytes;
            (*piece, end)
        });
        let known = known.collect();
        let touched = Instant::now();
        Self { part_bytes, start, pieces, memory: VecDeque::new(), memory_from: end, end, touched, known }
    }

    /// Bytes until the part is full.
    pub(super) fn room(&self) -> usize {
        usize::try_from(self.start + self.part_bytes - self.end).expect("a part fits memory")
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Where the stage ends.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn push(&mut self, bytes: Bytes, paid: Paid) {
        let at = self.end;
        self.end += bytes.len() as u64;
        self.touched = Instant::now();
        self.memory.push_back(Segment { at, bytes, paid });
    }

    /// Takes the part out, and begins the next one.
    pub(super) fn take(&mut self) -> Whole {
        let whole = self.whole();
        self.start = self.end;
        self.memory_from = self.end;
        self.pieces.clear();
        self.memory.clear();
        whole
    }

    /// All of it.
    pub(super) fn whole(&self) -> Whole {
        Whole {
            pieces: self.pieces.clone(),
            start: self.start,
            memory_from: self.memory_from,
            memory: self.memory.clone(),
        }
    }

    fn durable_to(&self) -> u64 {
        self.start + self.pieces.iter().map(|piece| piece.bytes).sum::<u64>()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let durable = self.durable_to();
        // A piece ends where a segment does.
        let loose = self.memory.iter().filter(|segment| segment.at >= durable).cloned().collect();
        Snapshot { start: self.start, pieces: self.pieces.clone(), loose, upto: self.end }
    }

    fn forget_what_is_durable(&mut self) {
        let durable = self.durable_to();
        self.memory.retain(|segment| segment.at >= durable);
        self.memory_from = self.memory_from.max(durable);
    }

    fn is_idle(&self, idle: Duration) -> bool {
        !self.memory.is_empty() && self.touched.elapsed() >= idle
    }

    /// The pieces, and where they begin.
    pub(super) fn pieces(&self) -> (u64, Vec<Piece>) {
        (self.start, self.pieces.clone())
    }
}

impl Whole {
    /// Whether some of it has to be fetched.
    pub(super) fn is_apart(&self) -> bool {
        self.memory_from > self.start
    }
}
