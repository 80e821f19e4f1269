//! Objects in an S3-compatible bucket, which any number of processes share.
//!
//! ```text
//! <prefix>/format                               "strongroom s3 store v1\n"
//!          objects/<2hex>/<32hex>               complete objects, and the multipart uploads that become some
//!          stages/<2hex>/<32hex>/<32hex>        pieces: the ends of objects under construction, less than a part each
//!          stages/<2hex>/<32hex>/upload-<32hex> markers: this object has a multipart upload
//!          documents/<kind>/<32hex>             documents; one of no bytes is one that was given up
//! ```
//! - Nothing is overwritten but documents, and these only under the condition that they are what was seen. An object is made
//!   under the condition that it is not there, whole or by completing an upload.
//! - Nothing is staged under one name and copied to another.
//! - What is acknowledged is in the bucket: full parts in the upload, the rest as pieces.
//! - Writers that do not know of each other are kept apart by part numbers; see `staged`.
//! - A request ends within a time, or fails as [`Error::Unreachable`].
//!
//! Refused: a server that does not look at conditions ([`Error::Unfit`]), a prefix with something else in it
//! ([`Error::Format`]), and with what to do about it ([`Error::Setup`]) a bucket that is not there or not ours.
//!
//! | file | concern |
//! |---|---|
//! | `settings.rs` | which bucket, the client |
//! | `names.rs` | how things are named |
//! | `said.rs` | what a refusal means |
//! | `bucket.rs`, `multipart.rs` | single requests |
//! | `probe.rs` | whether a server is fit |
//! | `archive.rs` | classes that have to be restored before they are read |
//! | `objects.rs`, `documents.rs`, `listing.rs` | the store's parts |
//! | `state.rs`, `staged.rs`, `buffers.rs` | objects under construction |

mod archive;
mod bucket;
mod buffers;
mod documents;
mod listing;
mod multipart;
mod names;
mod objects;
mod probe;
mod said;
mod settings;
mod staged;
mod state;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use uuid::Uuid;

use super::{Archive, Beside, Document, Error, Kind, Listed, Pieces, Staged, StagedState, Store, Version};
use crate::kernel::id::ObjectKey;
use archive::Classes;
use bucket::Bucket;
use buffers::Buffers;
pub use settings::{Patience, S3Credentials, S3Settings};
use state::State;

/// A store in an S3-compatible bucket.
#[derive(Debug, Clone)]
pub struct S3 {
    bucket: Arc<Bucket>,
    buffers: Arc<Buffers>,
}

impl S3 {
    /// Opens the store; makes it, if the prefix is empty.
    ///
    /// # Errors
    /// See the module.
    pub async fn open(settings: S3Settings) -> Result<Self, Error> {
        let store = Self::connect(settings).await;
        store.bucket.ensure_format().await?;
        store.bucket.probe().await?;
        Ok(store)
    }

    /// Opens a store that is there, for one who only reads.
    ///
    /// # Errors
    /// [`Error::Format`] if there is none.
    pub async fn beside(settings: S3Settings) -> Result<Beside, Error> {
        let store = Self::connect(settings).await;
        let place = store.bucket.place().to_owned();
        if !store.bucket.check_format().await? {
            return Err(Error::Format(format!("{place} has no store yet")));
        }
        Ok(Beside::of(Arc::new(store), place))
    }

    async fn connect(settings: S3Settings) -> Self {
        Self { bucket: Arc::new(Bucket::new(settings).await), buffers: Arc::new(Buffers::new()) }
    }
}

#[async_trait]
impl Store for S3 {
    async fn put(&self, key: &ObjectKey, bytes: Bytes) -> Result<(), Error> {
        self.bucket.put_object(key, &bytes, Uuid::now_v7()).await
    }

    async fn stage(
        &self,
        key: &ObjectKey,
        from: Option<&StagedState>,
        length: Option<u64>,
    ) -> Result<Box<dyn Staged>, Error> {
        let state = match from {
            None => State::empty(self.bucket.settings.part_bytes_for(length)?),
            Some(from) => {
                let state = State::decode(&from.opaque)?;
                let found = state.bytes();
                if found != from.bytes {
                    return Err(Error::Lost { object: key.clone(), expected: from.bytes, found });
                }
                state
            }
        };
        let arrived = staged::look(&self.bucket, key, &state).await?;
        let (bucket, buffers) = (self.bucket.clone(), self.buffers.clone());
        Ok(Box::new(staged::S3Staged::new(bucket, buffers, key.clone(), state, arrived, length)))
    }

    async fn abandon(&self, key: &ObjectKey, _state: Option<&StagedState>) -> Result<(), Error> {
        // Not only what the state names: a writer that was displaced may have left more.
        listing::drop_stage(&self.bucket, key).await
    }

    async fn read(&self, key: &ObjectKey, range: Range<u64>) -> Result<Pieces, Error> {
        objects::read(self.bucket.clone(), key, range).await
    }

    async fn size(&self, key: &ObjectKey) -> Result<Option<u64>, Error> {
        Ok(self.bucket.head(&self.bucket.names.object(key)).await?.map(|found| found.bytes))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), Error> {
        self.bucket.delete(&self.bucket.names.object(key)).await
    }

    async fn list(&self) -> Result<BoxStream<'static, Result<Listed, Error>>, Error> {
        listing::list(self.bucket.clone()).await
    }

    async fn stages(&self) -> Result<Vec<Listed>, Error> {
        listing::stages(&self.bucket).await
    }

    async fn load(&self, document: Document) -> Result<Option<(Bytes, Version)>, Error> {
        self.bucket.load(document).await
    }

    async fn swap(
        &self,
        document: Document,
        expected: Option<&Version>,
        content: Option<Bytes>,
    ) -> Result<Option<Version>, Error> {
        self.bucket.swap(document, expected, content).await
    }

    fn archive(&self) -> Box<dyn Archive + '_> {
        Box::new(Classes(&self.bucket))
    }

    async fn names(&self, kind: Kind) -> Result<Vec<Document>, Error> {
        self.bucket.document_names(kind).await
    }

    async fn presigned(&self, key: &ObjectKey, life: Duration) -> Result<Option<String>, Error> {
        if self.bucket.settings.links { self.bucket.presign(key, life).await.map(Some) } else { Ok(None) }
    }
}
