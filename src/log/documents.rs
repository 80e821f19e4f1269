//! Documents: what the log names by digest, because it is too large for a record or may have to be erased.
//!
//! - Content-addressed and immutable; writing one twice is writing it once.
//! - Written, in a transaction of its own, before the event that names it. One that no event names is garbage.
//! - What is read is hashed again: a damaged document is never returned.

use bytes::Bytes;
use sqlx::PgPool;

use crate::kernel::digest::{Blake3, Digest, Digests};
use crate::kernel::limits::DOCUMENT_MAX_BYTES;

/// A canonical document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its digests.
    pub digests: Digests,
    /// What it is.
    pub media_type: String,
    /// Its exact bytes.
    pub bytes: Bytes,
}

/// Why a document could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than a document may have.
    #[error("a document has at most {DOCUMENT_MAX_BYTES} bytes, this has {0}")]
    TooLarge(usize),
    /// The bytes in the database are not what their digest says.
    #[error("document {0} is damaged in the database; restore it from a backup")]
    Damaged(Digest),
    /// The database failed.
    #[error("documents: {0}")]
    Database(#[from] sqlx::Error),
}

/// Writes a document, durably, unless it is there already.
///
/// # Errors
/// If it is too large or the database fails.
pub async fn put(pool: &PgPool, media_type: &str, bytes: &[u8]) -> Result<Digests, Error> {
    if bytes.len() > DOCUMENT_MAX_BYTES {
        return Err(Error::TooLarge(bytes.len()));
    }
    let digests = Digests::of(bytes);
    sqlx::query_file!(
        "src/log/sql/documents_put.sql",
        digests.blake3.as_bytes().as_slice(),
        digests.sha256.as_bytes().as_slice(),
        media_type,
        bytes
    )
    .execute(pool)
    .await?;
    Ok(digests)
}

/// Reads a document by either digest and checks that it is what the digest says. None if there is no such document.
///
/// # Errors
/// If the database fails or the document is damaged.
pub async fn get(pool: &PgPool, digest: Digest) -> Result<Option<Document>, Error> {
    let bytes = digest.as_bytes().as_slice();
    let row = match digest {
        Digest::Blake3(_) => {
            sqlx::query_file_as!(Row, "src/log/sql/documents_get_by_blake3.sql", bytes)
                .fetch_optional(pool)
                .await?
        }
        Digest::Sha256(_) => {
            sqlx::query_file_as!(Row, "src/log/sql/documents_get_by_sha256.sql", bytes)
                .fetch_optional(pool)
                .await?
        }
    };
    let Some(row) = row else { return Ok(None) };
    let digests = Digests::of(&row.bytes);
    if !digests.matches(&digest) || Blake3::from_slice(&row.blake3) != Some(digests.blake3) {
        return Err(Error::Damaged(digest));
    }
    Ok(Some(Document { digests, media_type: row.media_type, bytes: row.bytes.into() }))
}

struct Row {
    blake3: Vec<u8>,
    media_type: String,
    bytes: Vec<u8>,
}
