//! A fresh store for each case, and the same store after its process has died.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use strongroom::kernel::id::ObjectKey;
use strongroom::stores::{Error, Filesystem, Memory, S3, S3Settings, Staged, StagedState, Store};
use tempfile::TempDir;
use uuid::Uuid;

use crate::s3_server::{Server, on_the_real_server};

pub(crate) struct Scene {
    store: tokio::sync::Mutex<Option<Arc<dyn Store>>>,
    kind: Kind,
}

enum Kind {
    Filesystem(TempDir),
    Memory(tokio::sync::Mutex<Memory>),
    S3(Server),
    S3Real(Box<S3Settings>),
}

impl Scene {
    pub(crate) async fn filesystem() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Filesystem::open(directory.path()).await.unwrap());
        Self { store: Some(store).into(), kind: Kind::Filesystem(directory) }
    }

    pub(crate) fn memory() -> Self {
        let memory = Memory::new();
        let store: Arc<dyn Store> = Arc::new(memory.clone());
        Self { store: Some(store).into(), kind: Kind::Memory(memory.into()) }
    }

    pub(crate) async fn s3() -> Self {
        let server = Server::start().await;
        let store: Arc<dyn Store> = Arc::new(server.store().await);
        Self { store: Some(store).into(), kind: Kind::S3(server) }
    }

    pub(crate) async fn s3_real() -> Option<Self> {
        let settings = on_the_real_server()?;
        let store: Arc<dyn Store> = Arc::new(S3::open(settings.clone()).await.unwrap());
        Some(Self { store: Some(store).into(), kind: Kind::S3Real(settings.into()) })
    }

    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        self.store.lock().await.clone().unwrap()
    }

    /// The process dies and another one opens the store. Whoever still has the old one is a ghost.
    pub(crate) async fn restart(&self) -> Arc<dyn Store> {
        let mut store = self.store.lock().await;
        *store = None;
        let fresh: Arc<dyn Store> = match &self.kind {
            Kind::Filesystem(directory) => Arc::new(Filesystem::open(directory.path()).await.unwrap()),
            Kind::Memory(memory) => {
                let mut memory = memory.lock().await;
                *memory = memory.crash();
                Arc::new(memory.clone())
            }
            Kind::S3(server) => Arc::new(server.store().await),
            Kind::S3Real(settings) => Arc::new(S3::open((**settings).clone()).await.unwrap()),
        };
        *store = Some(fresh.clone());
        fresh
    }

    /// The directory, if it is a store that has one.
    pub(crate) fn directory(&self) -> &Path {
        match &self.kind {
            Kind::Filesystem(directory) => directory.path(),
            Kind::Memory(_) | Kind::S3(_) | Kind::S3Real(_) => panic!("no directory"),
        }
    }
}

pub(crate) fn key(n: u128) -> ObjectKey {
    ObjectKey::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|i| ((i * 31 + i / 251) % 253) as u8).collect()
}

pub(crate) async fn read(store: &dyn Store, key: &ObjectKey) -> Result<Vec<u8>, Error> {
    let pieces: Vec<Bytes> = store.read(key, 0..u64::MAX).await?.try_collect().await?;
    Ok(pieces.concat())
}

pub(crate) async fn write(staged: &mut dyn Staged, bytes: &[u8]) {
    let batch = bytes.chunks(100_000).map(Bytes::copy_from_slice).collect();
    staged.write(batch).await.unwrap();
}

/// A stage with these bytes, durable, that no one has open.
pub(crate) async fn staged(store: &dyn Store, key: &ObjectKey, bytes: &[u8]) -> StagedState {
    let mut staged = store.stage(key, None, None).await.unwrap();
    write(&mut *staged, bytes).await;
    staged.sync().await.unwrap()
}
