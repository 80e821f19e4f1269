//! What garbage collection and sweeps ask.

use std::collections::HashMap;

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::{ObjectKey, StoreName};
use crate::views::Error;
use crate::views::row::{Table, bigint};

const TABLE: Table = Table("deleting_blobs");

/// An object that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleting {
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
    /// Primary address of its blob, which is absent.
    pub blake3: Blake3,
    /// Its length.
    pub size_bytes: u64,
    /// The event that started it.
    pub position: u64,
}

/// Objects whose deletion was started behind that position, in that order. Of those whose blob was moved, only what was before
/// `moved_before_ms`: whoever was given the object to read may still do so.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn list(
    db: impl PgExecutor<'_>,
    after: Option<u64>,
    moved_before_ms: u64,
    limit: u32,
) -> Result<Vec<Deleting>, Error> {
    let after = after.map_or(-1, bigint);
    let (moved_before_ms, limit) = (bigint(moved_before_ms), i64::from(limit));
    let rows = sqlx::query_file_as!(Row, "src/views/deleting_blobs/list.sql", after, limit, moved_before_ms)
        .fetch_all(db)
        .await?;
    rows.into_iter().map(Deleting::try_from).collect()
}

/// As [`list`], of these blobs.
///
/// # Errors
/// As [`list`].
pub async fn of_blobs(
    db: impl PgExecutor<'_>,
    blobs: &[Blake3],
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Deleting>, Error> {
    let blobs: Vec<&[u8]> = blobs.iter().map(|blob| blob.as_bytes().as_slice()).collect();
    let after = after.map_or(-1, bigint);
    sqlx::query_file_as!(Row, "src/views/deleting_blobs/of_blobs.sql", &blobs as _, after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Deleting::try_from)
        .collect()
}

struct Row {
    store: String,
    object: String,
    blake3: Vec<u8>,
    size_bytes: i64,
    position: i64,
}

impl TryFrom<Row> for Deleting {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            store: TABLE.parse("store", &row.store)?,
            object: TABLE.parse("object", &row.object)?,
            blake3: TABLE.blake3("blake3", &row.blake3)?,
            size_bytes: TABLE.unsigned("size_bytes", row.size_bytes)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// Why an object is to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The event that says so.
    pub position: u64,
    /// When its blob was moved elsewhere, if that is why; milliseconds since the epoch.
    pub moved_at_ms: Option<u64>,
}

/// Of these objects of a store, those whose deletion was started, each with the event that did.
///
/// # Errors
/// As [`list`].
pub async fn among(
    db: impl PgExecutor<'_>,
    store: &StoreName,
    objects: &[ObjectKey],
) -> Result<HashMap<ObjectKey, Started>, Error> {
    let objects: Vec<&str> = objects.iter().map(ObjectKey::as_str).collect();
    let rows = sqlx::query_file!("src/views/deleting_blobs/among.sql", store.as_str(), &objects as _)
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let started = Started {
                position: TABLE.unsigned("position", row.position)?,
                moved_at_ms: TABLE.unsigned_optional("started_at_ms", row.moved_at_ms)?,
            };
            Ok((TABLE.parse("object", &row.object)?, started))
        })
        .collect()
}

/// Objects in deletion, and those deleted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// To be deleted.
    pub deleting: u64,
    /// Their bytes.
    pub deleting_bytes: u64,
    /// Deleted since the log began.
    pub deleted: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
}

/// Counted.
///
/// # Errors
/// As [`list`].
pub async fn totals(db: impl PgExecutor<'_>) -> Result<Totals, Error> {
    let row = sqlx::query_file!("src/views/deleting_blobs/totals.sql").fetch_one(db).await?;
    Ok(Totals {
        deleting: row.deleting.unsigned_abs(),
        deleting_bytes: row.deleting_bytes.unsigned_abs(),
        deleted: row.deleted.unsigned_abs(),
        deleted_bytes: row.deleted_bytes.unsigned_abs(),
    })
}
