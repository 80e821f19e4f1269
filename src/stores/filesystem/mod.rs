//! Objects on a local filesystem.
//!
//! ```text
//! <root>/lock                       flocked: one process has the store
//!        format                     "strongroom filesystem store v1\n", written last: then all directories are there
//!        objects/<2hex>/<32hex>     complete objects
//!        stages/<2hex>/<32hex>      objects under construction
//!        documents/<kind>/<32hex>   documents; `new-..` beside them are unfinished and removed at start
//! ```
//! - Bytes are written with `pwrite`, made durable with `fdatasync`, names with an `fsync` of their directory; many small
//!   objects together by one barrier, where one is known to be as good ([`together`]).
//! - Flushing starts while bytes still arrive, so that little is left to wait for at the end.
//! - After a failed flush a stage takes nothing more: the kernel reports such an error once, and forgets the pages.
//! - No symbolic link below the root is followed. Files are 0600, directories 0700.
//! - Blocking calls run beside the async runtime, never on it.

mod documents;
mod objects;
mod root;
mod staged;
mod together;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::{Document, Error, Kind, Listed, Pieces, Staged, StagedState, Store, Version, put_each};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::STORE_BARRIER_OBJECTS_MIN;
use documents::Documents;
use root::{Area, Root};

/// A store on a local filesystem.
#[derive(Debug, Clone)]
pub struct Filesystem {
    root: Arc<Root>,
    documents: Arc<Documents>,
}

impl Filesystem {
    /// Opens the store in that directory; makes it, if there is none.
    ///
    /// # Errors
    /// [`Error::Owned`] if another process has it, [`Error::Format`] if something else lies there.
    pub async fn open(root: &Path) -> Result<Self, Error> {
        let path = root.to_owned();
        run(move || {
            let root = Arc::new(Root::open(&path)?);
            let documents = Arc::new(Documents::open(&root)?);
            Ok(Self { root, documents })
        })
        .await
    }

    /// Opens a store that is there, without taking it: for [`super::Beside`].
    pub(super) async fn open_beside(root: &Path) -> Result<Self, Error> {
        let path = root.to_owned();
        run(move || {
            let root = Arc::new(Root::open_beside(&path)?);
            let documents = Arc::new(Documents::open_beside(&root)?);
            Ok(Self { root, documents })
        })
        .await
    }
}

/// Runs blocking calls beside the runtime.
async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::Io(std::io::Error::other("the process is stopping"))),
    }
}

#[async_trait]
impl Store for Filesystem {
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        let (root, key) = (self.root.clone(), key.clone());
        run(move || objects::put(&root, &key, &bytes)).await
    }

    async fn put_many(&self, objects: Vec<(ObjectKey, Bytes)>) -> Vec<Result<(), Error>> {
        if objects.len() < STORE_BARRIER_OBJECTS_MIN || !self.root.has_barrier() {
            return put_each(self, &objects).await;
        }
        let (root, count) = (self.root.clone(), objects.len());
        let put = tokio::task::spawn_blocking(move || together::put_many(&root, &objects)).await;
        put.unwrap_or_else(|error| {
            let failed = || Err(Error::Io(std::io::Error::other(error.to_string())));
            std::iter::repeat_with(failed).take(count).collect()
        })
    }

    async fn stage(
        &self,
        key: &ObjectKey,
        from: Option<&StagedState>,
        _length: Option<u64>,
    ) -> Result<Box<dyn Staged>, Error> {
        let (root, key) = (self.root.clone(), key.clone());
        let bytes = from.map_or(0, |state| state.bytes);
        let staged = run(move || staged::FileStaged::open(root, key, bytes)).await?;
        Ok(Box::new(staged))
    }

    async fn abandon(&self, key: &ObjectKey, _state: Option<&StagedState>) -> Result<(), Error> {
        let (root, key) = (self.root.clone(), key.clone());
        run(move || root.unlink(Area::Stages, &key)).await
    }

    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<Pieces, Error> {
        let (root, key) = (self.root.clone(), key.clone());
        let file = run(move || root.open_to_read(Area::Objects, &key)).await?;
        Ok(objects::pieces(file, range))
    }

    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, Error> {
        let (root, key) = (self.root.clone(), key.clone());
        run(move || objects::size(&root, &key)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        let (root, key) = (self.root.clone(), key.clone());
        run(move || {
            root.unlink(Area::Objects, &key)?;
            root.sync_directory(Area::Objects, &key)
        })
        .await
    }

    async fn list(&self) -> Result<BoxStream<'static, Result<Listed, Error>>, Error> {
        let root = self.root.clone();
        let shards =
            [Area::Stages, Area::Objects].into_iter().flat_map(|area| (0..=255).map(move |n| (area, n)));
        let listed = stream::iter(shards)
            .then(move |(area, shard)| {
                let root = root.clone();
                run(move || objects::list_shard(&root, area, shard))
            })
            .flat_map(|shard| match shard {
                Ok(listed) => stream::iter(listed.into_iter().map(Ok).collect::<Vec<_>>()),
                Err(error) => stream::iter(vec![Err(error)]),
            });
        Ok(listed.boxed())
    }

    async fn stages(&self) -> Result<Vec<Listed>, Error> {
        let root = self.root.clone();
        run(move || {
            let shards = (0..=255).map(|shard| objects::list_shard(&root, Area::Stages, shard));
            Ok(shards.collect::<Result<Vec<_>, _>>()?.concat())
        })
        .await
    }

    async fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error> {
        let documents = self.documents.clone();
        run(move || documents.load(document)).await
    }

    async fn swap(
        &self,
        document: Document,
        expected: Option<&Version>,
        content: Option<Bytes>,
    ) -> Result<Option<Version>, Error> {
        let (documents, expected) = (self.documents.clone(), expected.cloned());
        run(move || documents.swap(document, expected.as_ref(), content.as_deref())).await
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        let root = self.root.clone();
        run(move || root.free_bytes().map(Some)).await
    }

    async fn names(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        let documents = self.documents.clone();
        run(move || documents.names(kind)).await
    }
}
