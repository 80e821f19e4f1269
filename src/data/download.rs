//! Giving a blob out, under a grant that says where it lies.
//!
//! - A read of the whole computes BLAKE3 as it streams. The last piece is held back until the digest is known to be right;
//!   if it is not, the stream ends in [`Error::Corrupt`] instead, so no one can take damaged bytes for the blob.
//!   Only BLAKE3: SHA-256 is another name for the same blob, which was compared once, when the blob was deposited.
//! - A range is proven against the tree of the blob before it is sent; see `part`.
//! - Past this process only by [`DataPlane::link`], for who verifies what comes.
//! - Nothing is looked up: a grant whose object is gone meets [`Error::Missing`], and one whose object is archived
//!   [`Error::Archived`].

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::ahead::{self, Source};
use super::{Admitted, DataPlane};
use crate::contract::{Operation, Read};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::ObjectKey;
use crate::kernel::limits::REDIRECT_LIFE_SECONDS;
use crate::stores::{self, Pieces, Store};

/// Why a blob is not given out, or no further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The grant does not allow this.
    #[error("the grant does not allow this: {0}")]
    NotPermitted(&'static str),
    /// The range is not within the blob.
    #[error("the range is not within the blob's {size_bytes} bytes")]
    Range {
        /// Bytes of the blob.
        size_bytes: u64,
    },
    /// The object is not in the store.
    #[error("object {object} of {blob} is not in the store")]
    Missing {
        /// The blob that was to be read.
        blob: Blake3,
        /// The object that should have it.
        object: ObjectKey,
    },
    /// The object has to be restored before it can be read.
    #[error("object {object} of {blob} is archived: it has to be retrieved before it can be read")]
    Archived {
        /// The blob that was to be read.
        blob: Blake3,
        /// The object that has it.
        object: ObjectKey,
    },
    /// The object does not have the bytes of the blob.
    #[error("object {object} is not {blob}: {found}")]
    Corrupt {
        /// The blob that was to be read.
        blob: Blake3,
        /// The object that should have it.
        object: ObjectKey,
        /// What was found instead: another digest, or another length.
        found: String,
    },
    /// Too many are being proven, or the service is stopping.
    #[error("too many ranges are being read; try again")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(stores::Error),
}

/// A blob, or a range of it, on its way out.
pub struct Download {
    /// Both digests of the whole.
    pub digests: Digests,
    /// Bytes of the whole.
    pub size_bytes: u64,
    /// The bytes that come.
    pub range: Range<u64>,
    /// They come here. An error ends it.
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Download({} {:?} of {})", self.digests.blake3, self.range, self.size_bytes)
    }
}

impl DataPlane {
    /// Gives out the blob that the grant names, or a range of it (end exclusive).
    ///
    /// # Errors
    /// If the grant does not allow it, the range is not in it, or the object is not what it should be; in the stream, if
    /// that shows only later.
    pub async fn open_blob(&self, grant: &Admitted, range: Option<Range<u64>>) -> Result<Download, Error> {
        let (object, range) = self.to_read(grant, range).await?;
        let size_bytes = object.read.size_bytes;
        if range != (0..size_bytes) {
            return self.open_part(&object, range).await;
        }
        let (pieces, read) = (object.bytes(range.clone()).await?, &object.read);
        let whole = Whole { hasher: Some(Box::default()), left: size_bytes, read: read.clone(), pieces };
        Ok(Download { digests: read.digests, size_bytes, range, stream: ahead::stream(whole) })
    }

    /// A link to the blob that the grant names, past this process, if its store gives links. What comes from there was not
    /// verified by anyone.
    ///
    /// # Errors
    /// As [`Self::open_blob`].
    pub async fn link(&self, grant: &Admitted) -> Result<Option<String>, Error> {
        let (object, _) = self.to_read(grant, None).await?;
        let life = Duration::from_secs(REDIRECT_LIFE_SECONDS);
        object.store.presigned(&object.read.object, life).await.map_err(Error::Store)
    }

    /// What the grant allows to read, after looking whether it is there.
    pub(super) async fn to_read(
        &self,
        grant: &Admitted,
        range: Option<Range<u64>>,
    ) -> Result<(Object, Range<u64>), Error> {
        let Operation::Read(read) = &grant.operation else {
            return Err(Error::NotPermitted("it is for an upload"));
        };
        let Some(store) = self.0.config.stores.get(&grant.store) else {
            return Err(Error::NotPermitted("it is for a store that this node does not have"));
        };
        let size_bytes = read.size_bytes;
        let range = range.unwrap_or(0..size_bytes);
        // An empty range is the whole of an empty blob, or nothing at all.
        if range.end > size_bytes || (range.is_empty() && range != (0..size_bytes)) {
            return Err(Error::Range { size_bytes });
        }
        if self.0.damaged.contains(&read.object) {
            return Err(read.corrupt("it was found damaged".to_owned()));
        }
        match store.size(&read.object).await.map_err(Error::Store)? {
            None => Err(read.missing()),
            Some(found) if found != size_bytes => {
                Err(read.corrupt(format!("{found} bytes instead of {size_bytes}")))
            }
            Some(_) => Ok((Object { store: store.clone(), read: read.clone() }, range)),
        }
    }
}

/// What is read, and where it lies.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) store: Arc<dyn Store>,
    pub(super) read: Read,
}

impl Object {
    /// Its bytes, as they lie there.
    pub(super) async fn bytes(&self, range: Range<u64>) -> Result<Pieces, Error> {
        match self.store.read(&self.read.object, range).await {
            Err(stores::Error::Missing(_)) => Err(self.read.missing()),
            Err(stores::Error::Archived(object)) => {
                Err(Error::Archived { blob: self.read.digests.blake3, object })
            }
            outcome => outcome.map_err(Error::Store),
        }
    }
}

impl Read {
    pub(super) fn missing(&self) -> Error {
        Error::Missing { blob: self.digests.blake3, object: self.object.clone() }
    }

    pub(super) fn corrupt(&self, found: String) -> Error {
        metrics::counter!("strongroom_corrupt_reads_total").increment(1);
        let (blob, object) = (self.digests.blake3, self.object.clone());
        tracing::error!(%blob, %object, found, "an object is corrupt");
        Error::Corrupt { blob, object, found }
    }
}

/// A read of the whole, which hashes what passes.
struct Whole {
    read: Read,
    pieces: Pieces,
    left: u64,
    /// None once the digest was compared.
    hasher: Option<Box<blake3::Hasher>>,
}

impl Source for Whole {
    async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Error> {
        let Some(hasher) = &mut self.hasher else { return Ok(None) };
        let Some(piece) = self.pieces.next().await else {
            if self.left > 0 {
                return Err(self.read.corrupt(format!("it ends {} bytes early", self.left)));
            }
            self.check()?;
            return Ok(None);
        };
        let piece = piece.map_err(Error::Store)?;
        self.left = self
            .left
            .checked_sub(piece.len() as u64)
            .ok_or_else(|| self.read.corrupt("more bytes than it has".to_owned()))?;
        hasher.update(&piece);
        if self.left == 0 {
            // The last piece leaves only when the whole is known to be right.
            self.check()?;
        }
        Ok(Some(vec![piece]))
    }
}

impl Whole {
    fn check(&mut self) -> Result<(), Error> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        let found = Blake3::new(*hasher.finalize().as_bytes());
        if found == self.read.digests.blake3 { Ok(()) } else { Err(self.read.corrupt(found.to_string())) }
    }
}
