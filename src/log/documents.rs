//! Documents: what the log names by digest, because it is too large for a record or may have to be erased.
//!
//! - Content-addressed and immutable; writing one twice is writing it once.
//! - Written, in a transaction of its own, before the event that names it: durable when that event is, not before, for both
//!   go into one write-ahead log in that order. One that no event names is garbage.
//! - What is read is hashed again: a damaged document is never returned.
//! - One that the log says was erased is removed, after the event that says so; nothing else ever is.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::{PgExecutor, PgPool};

use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
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

/// Writes documents, each a media type and bytes, unless they are there already. They are durable as soon as anything is that
/// is committed later.
///
/// # Errors
/// If one is too large or the database fails.
pub async fn put(pool: &PgPool, documents: &[(&str, &[u8])]) -> Result<(), Error> {
    if let Some((_, large)) = documents.iter().find(|(_, bytes)| bytes.len() > DOCUMENT_MAX_BYTES) {
        return Err(Error::TooLarge(large.len()));
    }
    // In one order for all, so that two who write the same ones do not wait for each other.
    let ordered: BTreeMap<Blake3, (Digests, &str, &[u8])> = documents
        .iter()
        .map(|(media_type, bytes)| (Digests::of(bytes), *media_type, *bytes))
        .map(|row| (row.0.blake3, row))
        .collect();
    let rows = || ordered.values();
    sqlx::query_file!(
        "src/log/sql/documents_put.sql",
        &rows().map(|row| row.0.blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &rows().map(|row| row.0.sha256.as_bytes().as_slice()).collect::<Vec<_>>() as _,
        &rows().map(|row| row.1).collect::<Vec<_>>() as _,
        &rows().map(|row| row.2).collect::<Vec<_>>() as _,
    )
    .execute(pool)
    .await?;
    Ok(())
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

/// Reads documents by their primary addresses, each checked as by [`get`]; those that are not there are left out.
///
/// # Errors
/// As [`get`].
pub async fn get_many(executor: impl PgExecutor<'_>, digests: &[Blake3]) -> Result<Vec<Document>, Error> {
    let wanted: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    let rows = sqlx::query_file_as!(Row, "src/log/sql/documents_get_many.sql", &wanted as _)
        .fetch_all(executor)
        .await?;
    rows.into_iter()
        .map(|row| {
            let digests = Digests::of(&row.bytes);
            match Blake3::from_slice(&row.blake3) {
                Some(blake3) if blake3 == digests.blake3 => {
                    Ok(Document { digests, media_type: row.media_type, bytes: row.bytes.into() })
                }
                _ => Err(Error::Damaged(digests.blake3.into())),
            }
        })
        .collect()
}

/// The addresses and the media type of a document by either digest, as its row says: the bytes are not looked at, so that a
/// damaged one can be erased too. None if it is not there.
///
/// # Errors
/// If the database fails.
pub async fn addresses(pool: &PgPool, digest: &Digest) -> Result<Option<(Digests, String)>, Error> {
    let (blake3, sha256) = match digest {
        Digest::Blake3(digest) => (Some(digest.as_bytes().as_slice()), None),
        Digest::Sha256(digest) => (None, Some(digest.as_bytes().as_slice())),
    };
    let row =
        sqlx::query_file!("src/log/sql/documents_addresses.sql", blake3, sha256).fetch_optional(pool).await?;
    let Some(row) = row else { return Ok(None) };
    match (Blake3::from_slice(&row.blake3), Sha256::from_slice(&row.sha256)) {
        (Some(blake3), Some(sha256)) => Ok(Some((Digests { blake3, sha256 }, row.media_type))),
        _ => Err(Error::Damaged(*digest)),
    }
}

/// Removes documents that the log says were erased. Returns how many were there.
///
/// # Errors
/// If the database fails.
pub async fn remove(pool: &PgPool, documents: &[Blake3]) -> Result<u64, Error> {
    let documents: Vec<&[u8]> = documents.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    let removed =
        sqlx::query_file!("src/log/sql/documents_remove.sql", &documents as _).execute(pool).await?;
    Ok(removed.rows_affected())
}

struct Row {
    blake3: Vec<u8>,
    media_type: String,
    bytes: Vec<u8>,
}
