//! An object under construction as a file that grows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use rustix::fs::OFlags;
use tokio::task::JoinHandle;

use super::root::{Area, Root};
use super::run;
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::{FLUSH_EVERY_BYTES, HASH_BLOCK_BYTES};
use crate::stores::{Error, Staged, StagedState};

/// The one writer of a stage.
pub(super) struct FileStaged {
    file: Arc<StageFile>,
    written: u64,
    unflushed: u64,
    /// At most one: where the disk is slower than the client, more would only queue up.
    flushing: Option<JoinHandle<()>>,
}

/// What flushes in the background share with the writer.
struct StageFile {
    root: Arc<Root>,
    key: ObjectKey,
    file: File,
    durable: AtomicU64,
    flush: Mutex<Flush>,
}

/// Held while flushing: one flush at a time, so that each sees the failure of the one before.
struct Flush {
    /// The file's name is durable too.
    named: bool,
    /// A flush failed. The kernel says so once; what was dirty then counts as clean now, and may be lost.
    failed: bool,
}

impl FileStaged {
    /// Opens the file and cuts it to `bytes`.
    pub(super) fn open(root: Arc<Root>, key: ObjectKey, bytes: u64) -> Result<Self, Error> {
        // Before anything was durable the name need not have survived either.
        let flags = if bytes == 0 { OFlags::CREATE } else { OFlags::empty() };
        let file = root.open_to_write(Area::Stages, &key, flags)?;
        let found = file.metadata()?.len();
        if found < bytes {
            return Err(Error::Lost { object: key, expected: bytes, found });
        }
        file.set_len(bytes)?;
        let flush = Mutex::new(Flush { named: bytes > 0, failed: false });
        let file = Arc::new(StageFile { root, key, file, durable: AtomicU64::new(bytes), flush });
        Ok(Self { file, written: bytes, unflushed: 0, flushing: None })
    }
}

impl StageFile {
    fn write(&self, mut at: u64, batch: &[Bytes]) -> Result<(), Error> {
        for piece in batch {
            self.file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Makes durable everything that was written before, `upto` bytes at least.
    fn flush(&self, upto: u64) -> Result<(), Error> {
        let mut flush = self.flush.lock().unwrap_or_else(PoisonError::into_inner);
        if flush.failed {
            return Err(Error::Io(io::Error::other("an earlier flush of this file failed")));
        }
        let outcome = self.file.sync_data().map_err(Error::from).and_then(|()| {
            if flush.named { Ok(()) } else { self.root.sync_directory(Area::Stages, &self.key) }
        });
        flush.failed = outcome.is_err();
        flush.named |= outcome.is_ok();
        outcome?;
        self.durable.fetch_max(upto, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl Staged for FileStaged {
    fn state(&self) -> StagedState {
        StagedState { bytes: self.file.durable.load(Ordering::SeqCst), opaque: Vec::new() }
    }

    async fn reread(&mut self, from: u64) -> Result<Bytes, Error> {
        let (file, to) = (self.file.clone(), self.state().bytes);
        assert!(to - from < HASH_BLOCK_BYTES, "only the end of a stage is read again");
        run(move || {
            let mut bytes = vec![0; usize::try_from(to - from).expect("less than a block")];
            file.file.read_exact_at(&mut bytes, from)?;
            Ok(bytes.into())
        })
        .await
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<(), Error> {
        let (file, at) = (self.file.clone(), self.written);
        let length = batch.iter().map(|piece| piece.len() as u64).sum::<u64>();
        run(move || file.write(at, &batch)).await?;
        self.written += length;
        self.unflushed += length;
        if self.unflushed >= FLUSH_EVERY_BYTES && self.flushing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.unflushed = 0;
            let (file, upto) = (self.file.clone(), self.written);
            self.flushing = Some(tokio::task::spawn_blocking(move || {
                if let Err(error) = file.flush(upto) {
                    // It is remembered in the file: the next flush fails with it.
                    tracing::warn!(object = %file.key, %error, "an early flush failed");
                }
            }));
        }
        Ok(())
    }

    fn sync(&mut self) -> BoxFuture<'static, Result<StagedState, Error>> {
        let (file, bytes) = (self.file.clone(), self.written);
        self.unflushed = 0;
        async move {
            run(move || file.flush(bytes)).await?;
            Ok(StagedState { bytes, opaque: Vec::new() })
        }
        .boxed()
    }

    async fn seal(mut self: Box<Self>) -> Result<(), Error> {
        self.sync().await?;
        let file = self.file;
        run(move || file.root.publish(&file.key)).await
    }
}
