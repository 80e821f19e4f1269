//! What control asks about scrubs.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::StoreName;
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("scrubs");

/// How far the reading of all blobs of a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrub {
    /// When its first summary was recorded, milliseconds since the epoch.
    pub started_at_ms: u64,
    /// The last address that was read; none: all were.
    pub through: Option<Blake3>,
    /// Blobs that were read and are what they were.
    pub blobs: u64,
    /// Their bytes together.
    pub size_bytes: u64,
    /// When all were read last, milliseconds since the epoch.
    pub completed_at_ms: Option<u64>,
    /// When the last summary was recorded, milliseconds since the epoch.
    pub at_ms: u64,
    /// That event.
    pub position: u64,
}

/// The latest reading of a store.
///
/// # Errors
/// If the database does not answer, or the row is damaged.
pub async fn get(db: impl PgExecutor<'_>, store: &StoreName) -> Result<Option<Scrub>, Error> {
    let row = sqlx::query_file!("src/views/scrubs/get.sql", store.as_str()).fetch_optional(db).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Scrub {
        started_at_ms: TABLE.unsigned("started_at_ms", row.started_at_ms)?,
        through: row.through.map(|through| TABLE.blake3("through", &through)).transpose()?,
        blobs: TABLE.unsigned("blobs", row.blobs)?,
        size_bytes: TABLE.unsigned("size_bytes", row.size_bytes)?,
        completed_at_ms: TABLE.unsigned_optional("completed_at_ms", row.completed_at_ms)?,
        at_ms: TABLE.unsigned("at_ms", row.at_ms)?,
        position: TABLE.unsigned("position", row.position)?,
    }))
}
