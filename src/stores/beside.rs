//! A store that another process has, or may take: for whoever only reads, such as an audit.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{
    Archive, Document, Error, Filesystem, Kind, Listed, Pieces, Staged, StagedState, Store, Version,
};
use crate::kernel::id::ObjectKey;

/// A store, opened without taking it. What would write is refused with [`Error::Owned`].
#[derive(Debug, Clone)]
pub struct Beside {
    inner: Arc<dyn Store>,
    place: String,
}

impl Beside {
    /// Opens a store on a local filesystem that is there.
    ///
    /// # Errors
    /// [`Error::Io`] if there is none, [`Error::Format`] if something else lies there.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let inner = Filesystem::open_beside(path).await?;
        Ok(Self::of(Arc::new(inner), path.display().to_string()))
    }

    /// Of a store that was opened for this.
    pub(super) fn of(inner: Arc<dyn Store>, place: String) -> Self {
        Self { inner, place }
    }

    fn refused<T>(&self) -> Result<T, Error> {
        Err(Error::Owned(self.place.clone()))
    }
}

#[async_trait]
impl Store for Beside {
    async fn put(&self, _: &ObjectKey, _: Bytes) -> Result<(), Error> {
        self.refused()
    }

    async fn stage(
        &self,
        _: &ObjectKey,
        _: Option<&StagedState>,
        _: Option<u64>,
    ) -> Result<Box<dyn Staged>, Error> {
        self.refused()
    }

    async fn abandon(&self, _: &ObjectKey, _: Option<&StagedState>) -> Result<(), Error> {
        self.refused()
    }

    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<Pieces, Error> {
        self.inner.read(key, range).await
    }

    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, Error> {
        self.inner.size(key).await
    }

    async fn delete(&self, _: &ObjectKey) -> Result<(), Error> {
        self.refused()
    }

    async fn list(&self) -> Result<BoxStream<'static, Result<Listed, Error>>, Error> {
        self.inner.list().await
    }

    async fn stages(&self) -> Result<Vec<Listed>, Error> {
        self.inner.stages().await
    }

    async fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error> {
        self.inner.load(document).await
    }

    async fn swap(
        &self,
        _: Document,
        _: Option<&Version>,
        _: Option<Bytes>,
    ) -> Result<Option<Version>, Error> {
        self.refused()
    }

    async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        self.inner.free_bytes().await
    }

    /// Asking for an object changes nothing in the store that whoever has it would have to know.
    fn archive(&self) -> Box<dyn Archive + '_> {
        self.inner.archive()
    }

    async fn names(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        self.inner.names(kind).await
    }

    async fn presigned(&self, key: &ObjectKey, life: Duration) -> Result<Option<String>, Error> {
        self.inner.presigned(key, life).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn what_another_process_has_can_be_read_and_not_written() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Beside::open(directory.path()).await.is_err(), "a directory that is no store");
        let owner = Filesystem::open(directory.path()).await.unwrap();
        let key = ObjectKey::from_uuid(Uuid::from_u128(7));
        owner.put(&key, Bytes::from_static(b"content")).await.unwrap();
        let beside = Beside::open(directory.path()).await.unwrap();
        assert_eq!(beside.size(&key).await.unwrap(), Some(7));
        assert!(matches!(beside.delete(&key).await, Err(Error::Owned(_))));
        assert!(matches!(beside.put(&key, Bytes::new()).await, Err(Error::Owned(_))));
        assert_eq!(owner.size(&key).await.unwrap(), Some(7));
    }
}
