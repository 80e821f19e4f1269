//! Moving an object to another store: a copy under a fresh key, and nothing else. The object itself goes by an order of its
//! own, when the log says where the blob lies now.
//!
//! | step | a crash after it leaves | and is ended by |
//! |---|---|---|
//! | 1. bytes read, hashed, and written to a stage | a stage that no session claims | the same order again, or a sweep |
//! | 2. both digests compared, last tiles of the tree kept | the same, with tiles | the same |
//! | 3. the stage becomes the object, durable | a copy that nobody has been told of | the same order again: it finds it |
//!
//! - The copy is never seen before it has both digests: whoever finds it under its key need not read it again.
//! - One move makes one copy: two that are obeyed at once in this process wait for each other, and those of two processes
//!   have stages of their own in a bucket, of which one becomes the object.
//! - What a move that failed has written is dropped at once; it may be what the store was too full for.
//! - It leaves as much room as uploads leave, and goes at the pace of whoever reads in the background.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::hashing::Hashing;
use super::journal::Durable;
use super::orders::Orderly;
use super::pace::Pace;
use super::trees::Tree;
use crate::contract::{Found, Move, Order, Outcome};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::MOVES_AT_ONCE;
use crate::stores::{self, Error, Staged, Store};

/// Moves that go on in this process. Clones share it.
#[derive(Debug, Clone)]
pub struct Moving {
    /// A copy has one of these by its key: so few go on at once, and never two that make the same.
    turns: Arc<[Arc<Mutex<()>>]>,
    keep_free_bytes: u64,
}

impl Moving {
    /// Moves that leave so many bytes free where they copy to.
    pub fn keeping(keep_free_bytes: u64) -> Self {
        Self { turns: (0..MOVES_AT_ONCE).map(|_| Arc::default()).collect(), keep_free_bytes }
    }

    async fn turn(&self, object: &ObjectKey) -> OwnedMutexGuard<()> {
        let at = object.uuid().as_u128() % self.turns.len() as u128;
        self.turns[usize::try_from(at).expect("less than there are")].clone().lock_owned().await
    }
}

/// One move under way. It owns what it needs: whoever wanted it may go away, and it ends all the same.
struct Transfer {
    from: Arc<dyn Store>,
    object: ObjectKey,
    to: Arc<dyn Store>,
    wanted: Move,
    pace: Pace,
    keep_free_bytes: u64,
}

/// What came of it.
enum Copied {
    /// The copy is there.
    Whole,
    /// The object is not what it was to be.
    Other(Found),
    /// It is not there.
    Missing,
    /// It has to be restored before it can be read.
    Archived,
}

impl Orderly {
    /// Copies an object.
    pub(super) async fn moves(&self, order: &Order, wanted: &Move) -> Outcome {
        let Some(to) = self.stores.get(&wanted.to_store) else {
            return Outcome::Failed(format!("store {} is not here", wanted.to_store));
        };
        let transfer = Transfer {
            from: self.stores[&order.store].clone(),
            object: order.object.clone(),
            to: to.clone(),
            wanted: wanted.clone(),
            pace: self.pace.clone(),
            keep_free_bytes: self.moving.keep_free_bytes,
        };
        let moving = self.moving.clone();
        let copying = tokio::spawn(async move {
            let _turn = moving.turn(&transfer.wanted.to_object).await;
            transfer.carry_out().await
        });
        let outcome = match copying.await {
            Ok(Ok(Copied::Whole)) => {
                tracing::info!(object = %order.object, to = %wanted.to_object, store = %wanted.to_store, "copied an object");
                metrics::counter!("strongroom_objects_moved_total").increment(1);
                Outcome::Done
            }
            Ok(Ok(Copied::Other(found))) => Outcome::Corrupt(found),
            Ok(Ok(Copied::Missing)) => Outcome::Missing,
            Ok(Ok(Copied::Archived)) => Outcome::Archived,
            Ok(Err(error)) => {
                tracing::warn!(object = %order.object, store = %wanted.to_store, %error, "an object could not be copied");
                Outcome::Failed(error.to_string())
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Outcome::Failed("the process is stopping".to_owned()),
        };
        self.note(&order.object, &wanted.digests.blake3, &outcome);
        outcome
    }
}

impl Transfer {
    async fn carry_out(&self) -> Result<Copied, Error> {
        let Move { size_bytes, to_object, .. } = &self.wanted;
        match self.to.size(to_object).await? {
            // Made before: by this order, or by another process that obeys it too.
            Some(found) if found == *size_bytes => {
                self.to.abandon(to_object, None).await?;
                return Ok(Copied::Whole);
            }
            Some(_) => return Err(Error::Exists(to_object.clone())),
            None => {}
        }
        self.pace.begin().await;
        match self.from.archive().look(&self.object).await? {
            None => return Ok(Copied::Missing),
            Some(found) if found.size_bytes != *size_bytes => {
                return Ok(Copied::Other(Found { size_bytes: found.size_bytes, digests: None }));
            }
            Some(found) if !found.is_readable() => return Ok(Copied::Archived),
            Some(_) => {}
        }
        let copied = self.copy().await;
        if !matches!(copied, Ok(Copied::Whole)) {
            self.drop_stage().await;
        }
        copied
    }

    async fn copy(&self) -> Result<Copied, Error> {
        let Move { digests, size_bytes, to_object, .. } = &self.wanted;
        let mut pieces = match self.from.read(&self.object, 0..*size_bytes).await {
            Err(Error::Missing(_)) => return Ok(Copied::Missing),
            Err(Error::Archived(_)) => return Ok(Copied::Archived),
            outcome => outcome?,
        };
        self.check_room(*size_bytes).await?;
        let mut staged = self.to.stage(to_object, None, Some(*size_bytes)).await?;
        let mut hashing = Hashing::restore(&Durable::default(), None).expect("of nothing");
        let tree = Tree::of(self.to.clone(), to_object.clone());
        while let Some(piece) = pieces.try_next().await? {
            self.pace.spend(piece.len() as u64).await;
            self.check_room(piece.len() as u64).await?;
            metrics::counter!("strongroom_moved_bytes_total").increment(piece.len() as u64);
            hashing = take_in(&mut *staged, hashing, piece).await?;
            tree.keep(hashing.take_tiles()).await?;
        }
        if hashing.bytes() != *size_bytes {
            return Ok(Copied::Other(Found { size_bytes: hashing.bytes(), digests: None }));
        }
        let found = hashing.digests();
        if found != *digests {
            return Ok(Copied::Other(Found { size_bytes: *size_bytes, digests: Some(found) }));
        }
        tree.keep(hashing.last_tiles()).await?;
        match staged.seal().await {
            // Another process that obeys the same order was faster.
            Err(Error::Exists(_) | Error::Missing(_))
                if self.to.size(to_object).await? == Some(*size_bytes) =>
            {
                Ok(Copied::Whole)
            }
            outcome => outcome.map(|()| Copied::Whole),
        }
    }

    async fn check_room(&self, bytes: u64) -> Result<(), Error> {
        match self.to.free_bytes().await? {
            Some(free) if free < self.keep_free_bytes.saturating_add(bytes) => Err(Error::Full),
            _ => Ok(()),
        }
    }

    /// Drops what was written of a copy that is not made now. What cannot be dropped is left to a sweep.
    async fn drop_stage(&self) {
        let to_object = &self.wanted.to_object;
        let dropped = async {
            if self.to.size(to_object).await?.is_none() {
                Tree::of(self.to.clone(), to_object.clone()).forget(None).await?;
            }
            self.to.abandon(to_object, None).await
        };
        if let Err(error) = dropped.await {
            tracing::debug!(object = %to_object, %error, "left to the sweep");
        }
    }
}

/// Hashes and writes a piece, side by side.
async fn take_in(staged: &mut dyn Staged, mut hashing: Hashing, piece: Bytes) -> Result<Hashing, Error> {
    if staged.is_waiting() {
        // There is no journal: whoever begins this copy again begins a stage of its own.
        let state = staged.reserve();
        staged.journaled(&state);
    }
    let same = piece.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        hashing.update(&same);
        hashing
    });
    let (hashed, written) = tokio::join!(hashed, staged.write(vec![piece]));
    written?;
    match hashed {
        Ok(hashing) => Ok(hashing),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(stores::Error::Io(std::io::Error::other(error))),
    }
}
