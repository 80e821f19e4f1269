//! Where objects lie.
//!
//! An object is one physical copy of a blob, under a key that is never reused and never overwritten, so a late delete
//! cannot hit a newer copy and sealing needs no rename that an object store could not do. A [`Store`] keeps
//!
//! - **objects**, whole or not at all: [`Store::put`] for small ones, [`Store::put_many`] for many of them at once,
//!   [`Store::stage`] for those that arrive in order;
//! - **documents**, small and replaced by compare-and-set: the journals of sessions, receipts not yet delivered.
//!
//! What every implementation promises, and `tests/stores.rs` asks of each:
//!
//! - *Durability*: what a call reports as done survives the loss of power. An error may mean "done" or "not done".
//! - *Atomicity*: an object is seen complete or not at all by those who know its key from a receipt; a document is one
//!   of the values that were swapped in.
//! - *Concurrency*: every call may run beside every other; of two swaps from the same version one fails as
//!   [`Error::Stale`]. One stage has one writer at a time, which the caller sees to (see `data`).
//!
//! Nothing assumes a local disk: a stage is continued from an opaque state that its store gave, and only what
//! lies after the last block boundary of the hashes can be read back from it.

mod archive;
mod beside;
mod document;
mod filesystem;
mod memory;
mod s3;

use std::fmt;
use std::io;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::kernel::id::ObjectKey;
use crate::kernel::limits::STORE_PUTS_AT_ONCE;

pub use archive::{Archive, Availability, Immediate, Standing};
pub use beside::Beside;
pub use document::{Document, Kind, Version};
pub use filesystem::Filesystem;
pub use memory::{Fault, Faults, Memory, Step};
pub use s3::{Patience, S3, S3Credentials, S3Settings};

/// Why a store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An object with that key is there already.
    #[error("object {0} exists already")]
    Exists(ObjectKey),
    /// There is no such object, or no such stage.
    #[error("object {0} does not exist")]
    Missing(ObjectKey),
    /// It is there, and has to be restored before it can be read: see [`Archive`].
    #[error("object {0} is archived: it has to be restored before it can be read")]
    Archived(ObjectKey),
    /// The document is no longer the one that the caller saw.
    #[error("{0} was changed meanwhile")]
    Stale(Document),
    /// There is no room for more.
    #[error("the store is full: make room in it, or raise its quota")]
    Full,
    /// An object can become only that long here.
    #[error("an object of this store can have {max} bytes at most")]
    TooLong {
        /// Most bytes.
        max: u64,
    },
    /// Something has to be set right outside before this can work: it says what.
    #[error("store: {0}")]
    Setup(String),
    /// The store did not answer, or said that it cannot now. Trying again later may help.
    #[error("store: {0}")]
    Unreachable(String),
    /// The store does not keep the promises that everything here rests on.
    #[error("store: {0}")]
    Unfit(String),
    /// Another process has this store.
    #[error("{0} is in use by another process")]
    Owned(String),
    /// Fewer bytes are there than were durable.
    #[error("object {object} has {found} bytes, {expected} were durable")]
    Lost {
        /// Which.
        object: ObjectKey,
        /// Bytes that were durable.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// What lies in the store is not what a store of this version writes.
    #[error("not a store of this version: {0}")]
    Format(String),
    /// The system said no.
    #[error("store: {0}")]
    Io(io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// The state of a stage: what is durable, and what its store needs to go on from there.
#[derive(Clone, PartialEq, Eq)]
pub struct StagedState {
    /// Bytes from the start that survive.
    pub bytes: u64,
    /// The store's own, in a form that only it reads: nothing for a file, parts for a bucket.
    pub opaque: Vec<u8>,
}

impl fmt::Debug for StagedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StagedState({} bytes durable)", self.bytes)
    }
}

/// Bytes of an object, in order, in pieces of a size that suits its store.
pub type Pieces = BoxStream<'static, Result<Bytes, Error>>;

/// One thing that lies in a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: ObjectKey,
    /// Its bytes, of a stage those written so far.
    pub size_bytes: u64,
    /// Whether it is a complete object.
    pub sealed: bool,
}

/// A place for objects and documents. See the module for what it promises.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// Keeps a small object whole. Durable on return.
    ///
    /// # Errors
    /// [`Error::Exists`] if the key is taken, by whatever bytes.
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error>;

    /// Keeps small objects whole, each as [`Self::put`] would; a store that can make many durable at once does. One
    /// outcome for each, in their order; none depends on another but by the store failing. What an outcome reports as
    /// done is durable on return. The memory is the caller's to bound.
    async fn put_many(&self, objects: Vec<(ObjectKey, Bytes)>) -> Vec<Result<(), Error>> {
        put_each(self, &objects).await
    }

    /// Begins an object, or goes on with one from a state that [`Staged::sync`] gave. Bytes after that state are cut off.
    ///
    /// The caller journals [`Staged::state`] before it writes: a store may have reserved something in it.
    ///
    /// `length` is that of the whole object, if it is known: a store may cut it into parts by that.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is nothing to go on with (it may be sealed by now: ask [`Self::size`]);
    /// [`Error::Lost`] if durable bytes are gone; [`Error::TooLong`] if that length is beyond the store.
    async fn stage(
        &self,
        key: &ObjectKey,
        from: Option<&StagedState>,
        length: Option<u64>,
    ) -> Result<Box<dyn Staged>, Error>;

    /// Drops a stage that no one writes, from its last known state. Idempotent; nothing if there is none.
    ///
    /// # Errors
    /// If the store fails.
    async fn abandon(&self, key: &ObjectKey, state: Option<&StagedState>) -> Result<(), Error>;

    /// Bytes of an object. A range beyond its end is cut to it.
    ///
    /// # Errors
    /// [`Error::Missing`] at once, and [`Error::Archived`] if it has to be asked for first; others also later, in the stream.
    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<Pieces, Error>;

    /// Bytes of an object, if it is there and complete.
    ///
    /// # Errors
    /// If the store fails.
    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, Error>;

    /// Deletes an object. Idempotent. Durable on return.
    ///
    /// # Errors
    /// If the store fails.
    async fn delete(&self, key: &ObjectKey) -> Result<(), Error>;

    /// Everything that lies here, in no order. What comes or goes meanwhile may be in it or not.
    ///
    /// # Errors
    /// If the store fails, at once or in the stream.
    async fn list(&self) -> Result<BoxStream<'static, Result<Listed, Error>>, Error>;

    /// What lies here of objects that are not complete.
    ///
    /// # Errors
    /// If the store fails.
    async fn stages(&self) -> Result<Vec<Listed>, Error> {
        let listed = self.list().await?;
        listed.try_filter(|listed| std::future::ready(!listed.sealed)).try_collect().await
    }

    /// A document and its version.
    ///
    /// # Errors
    /// If the store fails.
    async fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error>;

    /// Replaces a document that has that version (None: that is not there) by new content (None: by nothing).
    /// Durable on return; gives the new version.
    ///
    /// # Errors
    /// [`Error::Stale`] if it has another version.
    async fn swap(
        &self,
        document: Document,
        expected: Option<&Version>,
        content: Option<Bytes>,
    ) -> Result<Option<Version>, Error>;

    /// Bytes that may still be written here; none where that is not known, or not bounded.
    ///
    /// # Errors
    /// If the store fails.
    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    /// Whether objects can be read, and how to make them readable.
    fn archive(&self) -> Box<dyn Archive + '_> {
        Box::new(Immediate(self))
    }

    /// The documents of a kind, in no order.
    ///
    /// # Errors
    /// If the store fails.
    async fn names(&self, kind: Kind) -> Result<Vec<Document>, Error>;

    /// A link by which anyone can read an object, or a range of it, for a while. None, if this store is not set to give any.
    /// Whether the object is there is not looked at; who follows the link has to verify what comes.
    ///
    /// # Errors
    /// If it cannot be signed.
    async fn presigned(&self, key: &ObjectKey, life: Duration) -> Result<Option<String>, Error> {
        let _ = (key, life);
        Ok(None)
    }
}

/// What a store without a barrier for many objects does: each by itself, several at a time.
async fn put_each<S: Store + ?Sized>(store: &S, objects: &[(ObjectKey, Bytes)]) -> Vec<Result<(), Error>> {
    let puts: Vec<_> = objects.iter().map(|(key, bytes)| store.put(key, bytes.clone())).collect();
    stream::iter(puts).buffered(STORE_PUTS_AT_ONCE).collect().await
}

/// An object under construction.
///
/// Dropping it keeps what was durable. After an error it takes nothing more; the caller stages again from the last
/// state, because after a failed sync no one knows which bytes reached the disk.
#[async_trait]
pub trait Staged: Send {
    /// What is durable, as far as it was synced.
    fn state(&self) -> StagedState;

    /// Durable bytes from `from` on, which is not before the last multiple of
    /// [`HASH_BLOCK_BYTES`](crate::kernel::limits::HASH_BLOCK_BYTES).
    ///
    /// # Errors
    /// If the store fails.
    async fn reread(&mut self, from: u64) -> Result<Bytes, Error>;

    /// Takes the next bytes. They need not be durable, or even written, when this returns.
    ///
    /// # Errors
    /// Also of earlier writes.
    async fn write(&mut self, batch: Vec<Bytes>) -> Result<(), Error>;

    /// Makes durable what was written until now. The future does not borrow: more may be written while it runs.
    fn sync(&mut self) -> BoxFuture<'static, Result<StagedState, Error>>;

    /// As [`Self::sync`], by a writer that will write no more, but may seal: gives back what was reserved for more.
    fn rest(&mut self) -> BoxFuture<'static, Result<StagedState, Error>> {
        self.sync()
    }

    /// Whether it takes nothing more before a state with more reserved in it has been journaled: see [`Self::reserve`].
    fn is_waiting(&self) -> bool {
        false
    }

    /// The last durable state, with more reserved. To be journaled, and then told to [`Self::journaled`].
    fn reserve(&mut self) -> StagedState {
        self.state()
    }

    /// Says that a state has been journaled: what it reserves may be used, and what it no longer names may go.
    fn journaled(&mut self, state: &StagedState) {
        let _ = state;
    }

    /// Ends the object: all that was written is durable and visible under its key.
    ///
    /// # Errors
    /// [`Error::Exists`] if the key is taken.
    async fn seal(self: Box<Self>) -> Result<(), Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_full_quota_are_told_from_other_failures() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert!(matches!(Error::from(io::Error::from(kind)), Error::Full));
        }
        assert!(matches!(Error::from(io::Error::from(io::ErrorKind::PermissionDenied)), Error::Io(_)));
    }
}
