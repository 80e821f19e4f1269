//! Giving a blob out, under a grant that says where it lies.
//!
//! - A read of the whole computes BLAKE3 as it streams. The last piece is held back until the digest is known to be right;
//!   if it is not, the stream ends in [`Error::Corrupt`] instead, so no one can take damaged bytes for the blob.
//! - A range is served from the object as it is: what a partial read brings is *not* verified here, the reader has to
//!   check it against the digest of the whole (as `pull` does). Its length and the object's are checked.
//! - Nothing is looked up: a grant whose object is gone meets [`Error::Missing`].

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use super::{Admitted, DataPlane};
use crate::contract::{Operation, Read};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::ObjectKey;
use crate::stores::{self, Pieces};

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
        match store.size(&read.object).await.map_err(Error::Store)? {
            None => return Err(read.missing()),
            Some(found) if found != size_bytes => {
                return Err(read.corrupt(format!("{found} bytes instead of {size_bytes}")));
            }
            Some(_) => {}
        }
        let pieces = match store.read(&read.object, range.clone()).await {
            Err(stores::Error::Missing(_)) => return Err(read.missing()),
            outcome => outcome.map_err(Error::Store)?,
        };
        let checking = Checking {
            whole: (range == (0..size_bytes)).then(Box::default),
            left: range.end - range.start,
            read: read.clone(),
            pieces,
        };
        let stream = stream::try_unfold(checking, Checking::next).boxed();
        Ok(Download { digests: read.digests, size_bytes, range, stream })
    }
}

impl Read {
    fn missing(&self) -> Error {
        Error::Missing { blob: self.digests.blake3, object: self.object.clone() }
    }

    fn corrupt(&self, found: String) -> Error {
        metrics::counter!("strongroom_corrupt_reads_total").increment(1);
        let (blob, object) = (self.digests.blake3, self.object.clone());
        tracing::error!(%blob, %object, found, "an object is corrupt");
        Error::Corrupt { blob, object, found }
    }
}

/// A read that counts and, if it is of the whole, hashes what passes.
struct Checking {
    read: Read,
    pieces: Pieces,
    left: u64,
    whole: Option<Box<blake3::Hasher>>,
}

impl Checking {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        if self.left == 0 && self.whole.is_none() {
            return Ok(None);
        }
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
        if let Some(hasher) = &mut self.whole {
            hasher.update(&piece);
        }
        if self.left == 0 {
            // The last piece leaves only when the whole is known to be right.
            self.check()?;
        }
        metrics::counter!("strongroom_download_bytes_total").increment(piece.len() as u64);
        Ok(Some((piece, self)))
    }

    fn check(&mut self) -> Result<(), Error> {
        let Some(hasher) = self.whole.take() else { return Ok(()) };
        let found = Blake3::new(*hasher.finalize().as_bytes());
        if found == self.read.digests.blake3 { Ok(()) } else { Err(self.read.corrupt(found.to_string())) }
    }
}
