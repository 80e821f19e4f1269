//! An object under construction in a bucket.
//!
//! ```text
//! |  part 1  |  part 2  |  part 5  |piece|piece|  in memory
//! 0                                             ^ durable up to here
//! ```
//! - Full parts, all of one size, go into a multipart upload as soon as they are full, several at a time.
//! - What is less than a part becomes durable as a *piece*: an object of its own beside. When the part is full, it is sent
//!   from memory, or fetched together from its pieces, and the pieces go.
//! - A part number is used by one writer and once: numbers are *granted* by a journal that says so, and the next writer
//!   begins after them. So a writer that was displaced and does not know it cannot change what its successor sent.
//! - An object that never filled a part is put whole.
//! - The object carries the *lineage* of its stage, so that a completion whose answer was lost is known as ours.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, join_all, try_join_all};
use tokio_util::task::AbortOnDropHandle;

use super::bucket::Bucket;
use super::buffers::{Buffers, Filling, Tail};
use super::said::Said;
use super::state::{Piece, State, Upload};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::{HASH_BLOCK_BYTES, S3_PART_NUMBER_MAX, S3_PARTS_AT_ONCE, S3_PARTS_RESERVED};
use crate::stores::{Error, Staged, StagedState};

type Sending = Shared<BoxFuture<'static, Result<String, Arc<Error>>>>;

/// The writer of a stage.
pub(super) struct S3Staged {
    buffers: Arc<Buffers>,
    tail: Arc<Tail>,
    /// As it was last durable.
    latest: Arc<Mutex<State>>,
    /// As it will be when all that was written is durable, its pieces excepted.
    ahead: State,
    /// ETags of the parts that have arrived, and those on their way, in order.
    arrived: Vec<String>,
    sending: VecDeque<(u32, Sending)>,
    /// Numbers that this writer may use.
    next: u32,
    granted: u32,
    /// How many it will need at most, if that is known.
    parts_in_all: Option<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same error for another who waits for the same part.
fn again(error: &Error) -> Error {
    match error {
        Error::Full => Error::Full,
        Error::Missing(key) => Error::Missing(key.clone()),
        Error::Setup(told) => Error::Setup(told.clone()),
        Error::Unreachable(told) => Error::Unreachable(told.clone()),
        other => Error::Io(io::Error::other(other.to_string())),
    }
}

impl S3Staged {
    /// A writer that goes on from a state, with the ETags of its parts.
    pub(super) fn new(
        bucket: Arc<Bucket>,
        buffers: Arc<Buffers>,
        key: ObjectKey,
        state: State,
        arrived: Vec<String>,
        length: Option<u64>,
    ) -> Self {
        let filling = Filling::of(state.part_bytes, state.parts_end(), state.pieces.clone());
        let tail = Arc::new(Tail::new(bucket, key, filling));
        buffers.enter(&tail);
        let parts_in_all = length.map(|length| length / state.part_bytes);
        let next = state.reserved;
        let latest = Arc::new(Mutex::new(state.clone()));
        let mut staged = Self {
            buffers,
            tail,
            latest,
            ahead: state,
            arrived,
            sending: VecDeque::new(),
            next,
            granted: next,
            parts_in_all,
        };
        // The caller journals the first state before it writes.
        staged.granted = staged.wanted();
        lock(&staged.latest).reserved = staged.granted;
        staged
    }

    /// Up to where numbers should be reserved.
    fn wanted(&self) -> u32 {
        let more = match self.parts_in_all {
            // One more, so that who has used them all is not out of numbers.
            Some(all) => {
                all.saturating_sub(self.ahead.parts.len()).saturating_add(1).min(S3_PARTS_RESERVED.into())
            }
            None => S3_PARTS_RESERVED.into(),
        };
        let more = u32::try_from(more).unwrap_or(S3_PARTS_RESERVED);
        (self.next + more).min(S3_PART_NUMBER_MAX + 1).max(self.granted)
    }

    fn number(&mut self) -> Result<u32, Error> {
        if self.next > S3_PART_NUMBER_MAX {
            let told = "this upload was interrupted too often: all part numbers are used; begin it again";
            return Err(Error::Io(io::Error::other(told)));
        }
        if self.next >= self.granted {
            return Err(Error::Io(io::Error::other("no part number is reserved in the journal")));
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    async fn upload(&mut self) -> Result<String, Error> {
        if let Some(upload) = &self.ahead.upload {
            return Ok(upload.id.clone());
        }
        let upload = self.tail.bucket.begin_upload(&self.tail.key, self.ahead.lineage).await?;
        Ok(self.ahead.upload.insert(upload).id.clone())
    }

    /// Sends the part that is full.
    async fn send_part(&mut self) -> Result<(), Error> {
        let upload = self.upload().await?;
        while self.sending.len() >= S3_PARTS_AT_ONCE {
            self.receive_one().await?;
        }
        let number = self.number()?;
        let (whole, tail) = (self.tail.filling().take(), self.tail.clone());
        let assembling = self.buffers.assembling.clone();
        let send = async move {
            let slot = match whole.is_apart() {
                true => Some(assembling.acquire_owned().await.expect("never closed")),
                false => None,
            };
            let (bytes, paid) = tail.assemble(whole).await.map_err(Arc::new)?;
            let tag = tail.bucket.upload_part(&tail.key, &upload, number, bytes).await.map_err(Arc::new)?;
            drop((slot, paid));
            Ok(tag)
        };
        let task = AbortOnDropHandle::new(tokio::spawn(send));
        let sending = async move {
            task.await.unwrap_or_else(|error| Err(Arc::new(Error::Io(io::Error::other(error)))))
        };
        self.ahead.parts.push(number);
        self.sending.push_back((number, sending.boxed().shared()));
        Ok(())
    }

    /// Waits for the part that was sent first.
    async fn receive_one(&mut self) -> Result<(), Error> {
        let Some((_, sending)) = self.sending.front() else { return Ok(()) };
        let tag = sending.clone().await.map_err(|error| again(&error))?;
        self.sending.pop_front();
        self.arrived.push(tag);
        Ok(())
    }

    fn encode(state: &State) -> StagedState {
        StagedState { bytes: state.bytes(), opaque: state.encode() }
    }

    /// Makes durable what was written, and asks for numbers up to `reserved`.
    fn sync_reserving(&mut self, reserved: u32) -> BoxFuture<'static, Result<StagedState, Error>> {
        let snapshot = self.tail.filling().snapshot();
        let (tail, latest) = (self.tail.clone(), self.latest.clone());
        let sending: Vec<Sending> = self.sending.iter().map(|(_, sending)| sending.clone()).collect();
        let mut state = State { reserved, ..self.ahead.clone() };
        async move {
            let pieces = tail.make_durable(snapshot);
            let arrive = async { try_join_all(sending).await.map_err(|error| again(&error)) };
            let (pieces, _) = tokio::try_join!(pieces, arrive)?;
            state.pieces = pieces;
            let mut latest = lock(&latest);
            if state.bytes() >= latest.bytes() {
                latest.clone_from(&state);
            }
            Ok(Self::encode(&state))
        }
        .boxed()
    }

    /// Deletes what nothing needs any more. What cannot be deleted is left to a sweep.
    async fn clean(tail: &Tail, pieces: Vec<Piece>, upload: Option<(Upload, bool)>) {
        let delete = |name: String| async move {
            if let Err(error) = tail.bucket.delete(&name).await {
                tracing::debug!(object = %tail.key, %error, "left to the sweep");
            }
        };
        join_all(pieces.iter().map(|piece| delete(tail.bucket.names.piece(&tail.key, piece.id)))).await;
        let Some((upload, is_open)) = upload else { return };
        if is_open && let Err(error) = tail.bucket.abort_upload(&tail.key, &upload.id).await {
            tracing::debug!(object = %tail.key, %error, "left to the sweep");
            return;
        }
        delete(tail.bucket.names.marker(&tail.key, upload.marker)).await;
    }

    /// Makes the object: of its parts, or whole if it has none.
    async fn make(&mut self) -> Result<(), Error> {
        while !self.sending.is_empty() {
            self.receive_one().await?;
        }
        let (whole, is_empty, total) = {
            let filling = self.tail.filling();
            (filling.whole(), filling.is_empty(), filling.end())
        };
        let _slot = self.buffers.assembling.clone().acquire_owned().await;
        let (bytes, _paid) = self.tail.assemble(whole).await?;
        let (bucket, key) = (self.tail.bucket.clone(), self.tail.key.clone());
        let Some(upload) = self.ahead.upload.clone().filter(|_| self.ahead.parts.len() > 0) else {
            return bucket.put_object(&key, &bytes, self.ahead.lineage).await;
        };
        let mut parts: Vec<_> = self.ahead.parts.iter().zip(self.arrived.iter().cloned()).collect();
        if !is_empty {
            // Not reserved: whoever else seals this stage has the same bytes for it.
            let tag = bucket.upload_part(&key, &upload.id, self.next, bytes).await?;
            parts.push((self.next, tag));
        }
        match bucket.complete_upload(&key, &upload.id, &parts).await {
            Ok(()) => Ok(()),
            Err(Said::Failed(error)) => Err(error),
            // It may have been us, and the answer was lost.
            Err(_) => match bucket.head(&bucket.names.object(&key)).await? {
                Some(found) if found.is_marked(self.ahead.lineage) && found.bytes == total => Ok(()),
                Some(_) => Err(Error::Exists(key)),
                None => Err(Error::Missing(key)),
            },
        }
    }
}

/// Looks whether what a state says is there; gives the ETags of its parts.
pub(super) async fn look(bucket: &Bucket, key: &ObjectKey, state: &State) -> Result<Vec<String>, Error> {
    let lost = |found| Error::Lost { object: key.clone(), expected: state.bytes(), found };
    for piece in &state.pieces {
        match bucket.head(&bucket.names.piece(key, piece.id)).await? {
            None => return Err(Error::Missing(key.clone())),
            Some(found) if found.bytes == piece.bytes => {}
            Some(found) => return Err(lost(state.parts_end() + found.bytes)),
        }
    }
    let Some(upload) = state.upload.as_ref().filter(|_| state.parts.len() > 0) else { return Ok(Vec::new()) };
    let parts = bucket.list_parts(key, &upload.id).await?.ok_or_else(|| Error::Missing(key.clone()))?;
    let mut tags = Vec::with_capacity(parts.len());
    for number in state.parts.iter() {
        let found = parts.iter().find(|part| part.number == number && part.bytes == state.part_bytes);
        tags.push(found.ok_or_else(|| lost(tags.len() as u64 * state.part_bytes))?.tag.clone());
    }
    Ok(tags)
}

#[async_trait]
impl Staged for S3Staged {
    fn state(&self) -> StagedState {
        Self::encode(&lock(&self.latest))
    }

    async fn reread(&mut self, from: u64) -> Result<Bytes, Error> {
        let (start, pieces) = self.tail.filling().pieces();
        let to = self.state().bytes;
        assert!(to - from < HASH_BLOCK_BYTES, "only the end of a stage is read again");
        Ok(self.tail.fetch(&pieces, start, from..to).await?.into())
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<(), Error> {
        let length = batch.iter().map(Bytes::len).sum();
        let paid = self.buffers.pay(length, &self.tail).await?;
        // Pieces of a connection's buffer would keep all of it.
        let mut bytes = Bytes::from(batch.concat());
        while !bytes.is_empty() {
            let is_full = {
                let mut filling = self.tail.filling();
                let part = bytes.split_to(filling.room().min(bytes.len()));
                filling.push(part, paid.clone());
                filling.room() == 0
            };
            if is_full {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> BoxFuture<'static, Result<StagedState, Error>> {
        let wanted = self.wanted();
        self.sync_reserving(wanted)
    }

    fn rest(&mut self) -> BoxFuture<'static, Result<StagedState, Error>> {
        self.granted = self.next;
        self.sync_reserving(self.next)
    }

    fn is_waiting(&self) -> bool {
        self.next >= self.granted && self.next <= S3_PART_NUMBER_MAX
    }

    fn reserve(&mut self) -> StagedState {
        let mut latest = lock(&self.latest);
        latest.reserved = latest.reserved.max(self.wanted());
        Self::encode(&latest)
    }

    fn journaled(&mut self, state: &StagedState) {
        let Ok(state) = State::decode(&state.opaque) else { return };
        self.granted = self.granted.max(state.reserved);
        let mut unneeded = Vec::new();
        {
            let mut filling = self.tail.filling();
            let needed = [filling.pieces().1, state.pieces.clone()].concat();
            filling.known.retain(|(piece, end)| {
                let is_needed = needed.contains(piece) || *end > state.bytes();
                if !is_needed {
                    unneeded.push(*piece);
                }
                is_needed
            });
        }
        if !unneeded.is_empty() {
            let tail = self.tail.clone();
            tokio::spawn(async move { Self::clean(&tail, unneeded, None).await });
        }
    }

    async fn seal(mut self: Box<Self>) -> Result<(), Error> {
        self.make().await?;
        let known = std::mem::take(&mut self.tail.filling().known);
        let pieces = known.into_iter().map(|(piece, _)| piece).collect();
        // Begun, but no part came of it: the object was put whole.
        let is_open = self.ahead.parts.len() == 0;
        Self::clean(&self.tail, pieces, self.ahead.upload.take().map(|upload| (upload, is_open))).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_two_wait_for_stays_what_it_was() {
        assert!(matches!(again(&Error::Full), Error::Full));
        assert!(matches!(again(&Error::Unreachable("x".into())), Error::Unreachable(_)));
    }
}
