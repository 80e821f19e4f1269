//! Objects in memory, for tests: with faults and delays to order, and a crash that loses what was not synced.
//!
//! It keeps to the letter of the trait where a filesystem is more lenient: a writer that another has displaced can no
//! longer write, a stage is continued only from the state that was given last, and an object never changes.

mod faults;
mod staged;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::{Document, Error, Kind, Listed, Pieces, Staged, StagedState, Store, Version};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::READ_PIECE_BYTES;
pub use faults::{Fault, Faults, Step};
use staged::MemoryStaged;

/// A store in memory, as one process has it open. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    content: Arc<Mutex<Content>>,
    faults: Arc<Faults>,
    process: u64,
}

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<ObjectKey, Bytes>,
    stages: BTreeMap<ObjectKey, Stage>,
    documents: BTreeMap<Document, (Bytes, u64)>,
    /// What it says is free.
    free: Option<u64>,
    /// The process that is alive.
    process: u64,
    /// Counts writers and versions, so that none is taken for another.
    counter: u64,
}

#[derive(Debug, Default)]
struct Stage {
    bytes: Vec<u8>,
    durable: usize,
    /// The writer that may write.
    writer: u64,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The process dies: what was written but not synced is lost, and whoever still uses this handle or a clone of it
    /// fails. Gives the handle of the next process.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut content = self.content();
        content.process += 1;
        for stage in content.stages.values_mut() {
            stage.bytes.truncate(stage.durable);
        }
        Self { content: self.content.clone(), faults: self.faults.clone(), process: content.process }
    }

    /// From now on it says that so many bytes are free; none, that it does not know.
    pub fn set_free_bytes(&self, free: Option<u64>) {
        self.content().free = free;
    }

    /// Changes a byte of an object behind everyone's back.
    ///
    /// # Panics
    /// If there is no such object or byte.
    pub fn damage(&self, key: &ObjectKey, at: usize) {
        let mut content = self.content();
        let object = content.objects.get_mut(key).expect("an object to damage");
        let mut bytes = object.to_vec();
        bytes[at] ^= 1;
        *object = bytes.into();
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step, with the fault that is planned for it.
    fn step<T>(&self, step: Step, work: impl FnOnce(&mut Content) -> Result<T, Error>) -> Result<T, Error> {
        let mut content = self.content();
        if content.process != self.process {
            return Err(Error::Io(io::Error::other("this process has died")));
        }
        match self.faults.next(step) {
            None => work(&mut content),
            Some(Fault::Failed) => Err(ordered(step)),
            Some(Fault::Full) => Err(Error::Full),
            Some(Fault::FailedButPersisted) => work(&mut content).and(Err(ordered(step))),
        }
    }
}

fn ordered(step: Step) -> Error {
    Error::Io(io::Error::other(format!("{step:?} failed to order")))
}

fn opaque(writer: u64) -> Vec<u8> {
    writer.to_be_bytes().to_vec()
}

#[async_trait]
impl Store for Memory {
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        self.faults.turn(Step::Put).await;
        self.step(Step::Put, |content| match content.objects.contains_key(key) {
            true => Err(Error::Exists(key.clone())),
            false => {
                content.objects.insert(key.clone(), bytes);
                Ok(())
            }
        })
    }

    async fn stage(
        &self,
        key: &ObjectKey,
        from: Option<&StagedState>,
        _length: Option<u64>,
    ) -> Result<Box<dyn Staged>, Error> {
        let durable = from.map_or(0, |state| state.bytes);
        self.faults.turn(Step::Stage).await;
        let writer = self.step(Step::Stage, |content| {
            content.counter += 1;
            let writer = content.counter;
            if durable == 0 {
                content.stages.entry(key.clone()).or_default();
            }
            let stage = content.stages.get_mut(key).ok_or_else(|| Error::Missing(key.clone()))?;
            let (found, wanted) = (stage.bytes.len() as u64, durable);
            if found < wanted {
                return Err(Error::Lost { object: key.clone(), expected: wanted, found });
            }
            stage.bytes.truncate(usize::try_from(wanted).expect("it is in memory"));
            stage.durable = stage.bytes.len();
            stage.writer = writer;
            Ok(writer)
        })?;
        Ok(Box::new(MemoryStaged::new(self.clone(), key.clone(), writer, durable)))
    }

    async fn abandon(&self, key: &ObjectKey, _state: Option<&StagedState>) -> Result<(), Error> {
        self.faults.turn(Step::Abandon).await;
        self.step(Step::Abandon, |content| {
            content.stages.remove(key);
            Ok(())
        })
    }

    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<Pieces, Error> {
        self.faults.turn(Step::Read).await;
        let bytes = self.step(Step::Read, |content| {
            content.objects.get(key).cloned().ok_or_else(|| Error::Missing(key.clone()))
        })?;
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let mut rest = bytes.slice(within(range.start)..within(range.end).max(within(range.start)));
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            pieces.push(Ok(rest.split_to(rest.len().min(READ_PIECE_BYTES as usize))));
        }
        Ok(stream::iter(pieces).boxed())
    }

    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, Error> {
        self.faults.turn(Step::Size).await;
        self.step(Step::Size, |content| Ok(content.objects.get(key).map(|bytes| bytes.len() as u64)))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.faults.turn(Step::Delete).await;
        self.step(Step::Delete, |content| {
            content.objects.remove(key);
            Ok(())
        })
    }

    async fn list(&self) -> Result<BoxStream<'static, Result<Listed, Error>>, Error> {
        self.faults.turn(Step::List).await;
        let listed: Vec<_> = self.step(Step::List, |content| {
            let stages = content.stages.iter().map(|(key, stage)| (key, stage.bytes.len(), false));
            let objects = content.objects.iter().map(|(key, bytes)| (key, bytes.len(), true));
            let listed = |(key, size, sealed): (&ObjectKey, usize, bool)| {
                Ok(Listed { key: key.clone(), size_bytes: size as u64, sealed })
            };
            Ok(stages.chain(objects).map(listed).collect())
        })?;
        Ok(stream::iter(listed).boxed())
    }

    async fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error> {
        self.faults.turn(Step::Load).await;
        self.step(Step::Load, |content| {
            let found = content.documents.get(&document);
            Ok(found.map(|(bytes, version)| (bytes.clone(), Version(opaque(*version)))))
        })
    }

    async fn swap(
        &self,
        document: Document,
        expected: Option<&Version>,
        new: Option<Bytes>,
    ) -> Result<Option<Version>, Error> {
        self.faults.turn(Step::Swap).await;
        self.step(Step::Swap, |content| {
            let found = content.documents.get(&document).map(|(_, version)| Version(opaque(*version)));
            if found.as_ref() != expected {
                return Err(Error::Stale(document));
            }
            let Some(new) = new else {
                content.documents.remove(&document);
                return Ok(None);
            };
            content.counter += 1;
            let version = content.counter;
            content.documents.insert(document, (new, version));
            Ok(Some(Version(opaque(version))))
        })
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        Ok(self.content().free)
    }

    async fn names(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        self.faults.turn(Step::List).await;
        self.step(Step::List, |content| {
            Ok(content.documents.keys().filter(|document| document.kind() == kind).copied().collect())
        })
    }
}
