//! The last checkpoint, as a document beside the blobs: no backup of the database takes it back.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::log::checkpoint::{Anchor, AnchorError};
use crate::stores::{self, Document, Store};

/// In a store.
pub(super) struct StoreAnchor {
    store: Arc<dyn Store>,
}

impl StoreAnchor {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Anchor for StoreAnchor {
    async fn load(&self) -> Result<Option<String>, AnchorError> {
        let found = self.store.load(Document::Checkpoint).await.map_err(failed)?;
        found
            .map(|(bytes, _)| String::from_utf8(bytes.to_vec()).map_err(|e| AnchorError(e.into())))
            .transpose()
    }

    async fn swap(&self, expected: Option<&str>, next: &str) -> Result<(), AnchorError> {
        let found = self.store.load(Document::Checkpoint).await.map_err(failed)?;
        if found.as_ref().map(|(bytes, _)| &bytes[..]) != expected.map(str::as_bytes) {
            return Err(failed(stores::Error::Stale(Document::Checkpoint)));
        }
        let version = found.map(|(_, version)| version);
        let content = Some(Bytes::copy_from_slice(next.as_bytes()));
        self.store.swap(Document::Checkpoint, version.as_ref(), content).await.map_err(failed)?;
        Ok(())
    }
}

fn failed(error: stores::Error) -> AnchorError {
    AnchorError(error.into())
}
