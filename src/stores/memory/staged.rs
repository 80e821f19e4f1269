//! An object under construction in memory.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Content, Memory, Stage, Step, opaque};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::HASH_BLOCK_BYTES;
use crate::stores::{Error, Staged, StagedState};

/// The one writer of a stage, as long as no other displaced it.
pub(super) struct MemoryStaged {
    memory: Memory,
    key: ObjectKey,
    writer: u64,
    durable: u64,
}

impl MemoryStaged {
    pub(super) fn new(memory: Memory, key: ObjectKey, writer: u64, durable: u64) -> Self {
        Self { memory, key, writer, durable }
    }
}

/// The stage, if this writer still has it.
fn stage<'a>(content: &'a mut Content, key: &ObjectKey, writer: u64) -> Result<&'a mut Stage, Error> {
    let stage = content.stages.get_mut(key).ok_or_else(|| Error::Missing(key.clone()))?;
    if stage.writer == writer {
        return Ok(stage);
    }
    Err(Error::Io(io::Error::other("another writer has this stage")))
}

#[async_trait]
impl Staged for MemoryStaged {
    fn state(&self) -> StagedState {
        StagedState { bytes: self.durable, opaque: opaque(self.writer) }
    }

    async fn reread(&mut self, from: u64) -> Result<Bytes, Error> {
        assert!(self.durable - from < HASH_BLOCK_BYTES, "only the end of a stage is read again");
        let from = usize::try_from(from).expect("it is in memory");
        self.memory.faults().turn(Step::Reread).await;
        self.memory.step(Step::Reread, |content| {
            let stage = stage(content, &self.key, self.writer)?;
            Ok(Bytes::copy_from_slice(&stage.bytes[from..stage.durable]))
        })
    }

    async fn write(&mut self, batch: Vec<Bytes>) -> Result<(), Error> {
        self.memory.faults().turn(Step::Write).await;
        self.memory.step(Step::Write, |content| {
            let stage = stage(content, &self.key, self.writer)?;
            batch.iter().for_each(|piece| stage.bytes.extend_from_slice(piece));
            Ok(())
        })
    }

    fn sync(&mut self) -> BoxFuture<'static, Result<StagedState, Error>> {
        let (memory, hangs) = (self.memory.clone(), self.memory.faults().hangs(Step::Sync));
        let outcome = self.memory.step(Step::Sync, |content| {
            let stage = stage(content, &self.key, self.writer)?;
            stage.durable = stage.bytes.len();
            Ok(stage.durable as u64)
        });
        let outcome = outcome.map(|bytes| {
            self.durable = bytes;
            self.state()
        });
        async move {
            // Done, and nobody is told.
            if hangs {
                memory.faults().until_released().await;
            }
            outcome
        }
        .boxed()
    }

    async fn seal(self: Box<Self>) -> Result<(), Error> {
        self.memory.faults().turn(Step::Seal).await;
        self.memory.step(Step::Seal, |content| {
            stage(content, &self.key, self.writer)?;
            if content.objects.contains_key(&self.key) {
                return Err(Error::Exists(self.key.clone()));
            }
            let stage = content.stages.remove(&self.key).expect("seen above");
            content.objects.insert(self.key.clone(), stage.bytes.into());
            Ok(())
        })
    }
}
