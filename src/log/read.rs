//! Reading: pages of the log in order of position, and what streams are at.
//!
//! - Positions come without a gap; a gap is damage, reported and never skipped.
//! - A page is bounded; a slow reader is paged from the table, never buffered.

use sqlx::{PgExecutor, PgPool};

use crate::kernel::event::{self, Event};
use crate::kernel::id::{EventId, RepositoryName, StreamName};

use super::Recorded;

/// What to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// First position that may be in the page.
    pub from: u64,
    /// Only events of these types; empty means all.
    pub types: Vec<String>,
    /// Only events of this repository.
    pub repository: Option<RepositoryName>,
    /// Only events of this stream.
    pub stream: Option<StreamName>,
}

impl Query {
    /// Everything from a position on.
    pub fn from(position: u64) -> Self {
        Self { from: position, ..Self::default() }
    }

    /// Whether every event matches, so that positions have to be gap-free.
    pub fn is_everything(&self) -> bool {
        self.types.is_empty() && self.repository.is_none() && self.stream.is_none()
    }
}

/// A record with its place, not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Its leaf index.
    pub position: u64,
    /// Exactly as hashed.
    pub record: Vec<u8>,
}

impl Raw {
    /// Decodes the record.
    ///
    /// # Errors
    /// If it is not one that this program knows.
    pub fn decode(self) -> Result<Recorded, Error> {
        let event = Event::decode(&self.record)
            .map_err(|reason| Error::Undecodable { position: self.position, reason })?;
        Ok(Recorded { position: self.position, event, record: self.record })
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In order of position.
    pub records: Vec<Raw>,
    /// Size of the log when the page was read.
    pub size: u64,
    /// Where the next page begins: everything before it was looked at.
    pub next: u64,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("reading the log: {0}")]
    Database(#[from] sqlx::Error),
    /// A position is missing: the log is damaged. `strongroom audit` tells more.
    #[error("the log has a gap: position {expected} is missing")]
    Gap {
        /// The position that should have come.
        expected: u64,
    },
    /// A record cannot be decoded.
    #[error("record at position {position}: {reason}")]
    Undecodable {
        /// Where.
        position: u64,
        /// Why.
        reason: event::Error,
    },
}

/// How many events there are.
///
/// # Errors
/// If the database fails.
pub async fn size(executor: impl PgExecutor<'_>) -> Result<u64, sqlx::Error> {
    Ok(sqlx::query_file_scalar!("src/log/sql/read_size.sql").fetch_one(executor).await?.unsigned_abs())
}

/// The last event of a stream.
///
/// # Errors
/// If the database fails.
pub async fn last_of_stream(
    executor: impl PgExecutor<'_>,
    stream: &StreamName,
) -> Result<Option<Raw>, sqlx::Error> {
    let row = sqlx::query_file_as!(Row, "src/log/sql/read_last_of_stream.sql", stream.as_str())
        .fetch_optional(executor)
        .await?;
    Ok(row.map(Raw::from))
}

/// The last event of a stream up to a position, inclusive, and up to a time in milliseconds since the epoch.
///
/// # Errors
/// If the database fails.
pub async fn last_of_stream_by(
    executor: impl PgExecutor<'_>,
    stream: &StreamName,
    position: u64,
    at_ms: u64,
) -> Result<Option<Raw>, sqlx::Error> {
    let (position, at_ms) = (to_column(position), to_column(at_ms));
    let row =
        sqlx::query_file_as!(Row, "src/log/sql/read_last_of_stream_by.sql", stream.as_str(), position, at_ms)
            .fetch_optional(executor)
            .await?;
    Ok(row.map(Raw::from))
}

/// Events of a stream in order, behind that position.
///
/// # Errors
/// If the database fails.
pub async fn of_stream(
    executor: impl PgExecutor<'_>,
    stream: &StreamName,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Raw>, sqlx::Error> {
    let after = after.map_or(-1, to_column);
    let rows =
        sqlx::query_file_as!(Row, "src/log/sql/read_of_stream.sql", stream.as_str(), after, i64::from(limit))
            .fetch_all(executor)
            .await?;
    Ok(rows.into_iter().map(Raw::from).collect())
}

/// Reads the next page of at most `limit` records.
///
/// # Errors
/// If the database fails or a position is missing.
pub async fn page(pool: &PgPool, query: &Query, limit: u32) -> Result<Page, Error> {
    let (from, limit) = (to_column(query.from), i64::from(limit));
    let size = size(pool).await?;
    let upto = to_column(size);
    let records: Vec<Raw> = if query.is_everything() {
        sqlx::query_file_as!(Row, "src/log/sql/read_page.sql", from, upto, limit).fetch_all(pool).await?
    } else {
        let repository = query.repository.as_ref().map(RepositoryName::as_str);
        let stream = query.stream.as_ref().map(StreamName::as_str);
        sqlx::query_file_as!(
            Row,
            "src/log/sql/read_filtered.sql",
            from,
            upto,
            limit,
            &query.types,
            repository,
            stream
        )
        .fetch_all(pool)
        .await?
    }
    .into_iter()
    .map(Raw::from)
    .collect();
    if query.is_everything() {
        refuse_gaps(&records, query.from, size, limit)?;
    }
    let full = records.len() as i64 == limit;
    let next =
        if full { records.last().map_or(query.from, |last| last.position + 1) } else { size.max(query.from) };
    Ok(Page { records, size, next })
}

fn refuse_gaps(records: &[Raw], from: u64, size: u64, limit: i64) -> Result<(), Error> {
    for (record, expected) in records.iter().zip(from..) {
        if record.position != expected {
            return Err(Error::Gap { expected });
        }
    }
    let end = from + records.len() as u64;
    if (records.len() as i64) < limit && end < size { Err(Error::Gap { expected: end }) } else { Ok(()) }
}

/// One record. None beyond the end.
///
/// # Errors
/// If the database fails.
pub async fn entry(pool: &PgPool, position: u64) -> Result<Option<Raw>, Error> {
    let Ok(position) = i64::try_from(position) else { return Ok(None) };
    Ok(sqlx::query_file_as!(Row, "src/log/sql/read_entry.sql", position)
        .fetch_optional(pool)
        .await?
        .map(Raw::from))
}

/// The record with that event id. None if the log has no such event.
///
/// # Errors
/// If the database fails.
pub async fn by_id(executor: impl PgExecutor<'_>, id: EventId) -> Result<Option<Raw>, sqlx::Error> {
    let row = sqlx::query_file_as!(Row, "src/log/sql/read_by_id.sql", id.0).fetch_optional(executor).await?;
    Ok(row.map(Raw::from))
}

/// The version of a stream: `seq` of its last event. None while it has none.
///
/// # Errors
/// If the database fails.
pub async fn version(executor: impl PgExecutor<'_>, stream: &StreamName) -> Result<Option<u64>, sqlx::Error> {
    let version = sqlx::query_file_scalar!("src/log/sql/read_version.sql", stream.as_str())
        .fetch_optional(executor)
        .await?;
    Ok(version.map(i64::unsigned_abs))
}

struct Row {
    position: i64,
    record: Vec<u8>,
}

impl From<Row> for Raw {
    fn from(row: Row) -> Self {
        Self { position: row.position.unsigned_abs(), record: row.record }
    }
}

fn to_column(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
