//! What is asked about retrievals.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::kernel::digest::Blake3;
use crate::kernel::event::RetrievalFailure;
use crate::kernel::id::{Actor, RepositoryName, RetrievalId};
use crate::views::Error;
use crate::views::row::{Table, bigint};

const TABLE: Table = Table("retrievals");

/// A package that was asked for, and how far that is. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieval {
    /// By which it is asked about.
    pub retrieval: RetrievalId,
    /// Where.
    pub repository: RepositoryName,
    /// Which package.
    pub manifest: Blake3,
    /// Blobs of it that lay in a cold store when it was asked for.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// For how many days it is to be readable.
    pub days: u64,
    /// When it was asked for.
    pub requested_at_ms: u64,
    /// By whom.
    pub requested_by: Actor,
    /// The event that says so.
    pub position: u64,
    /// Since when the store is at it.
    pub restoring_at_ms: Option<u64>,
    /// Since when, and until when, it may be read.
    pub available_ms: Option<(u64, u64)>,
    /// When and why it was given up.
    pub failed: Option<(u64, RetrievalFailure)>,
}

struct Row {
    retrieval: Uuid,
    repository: String,
    manifest: Vec<u8>,
    blobs: i64,
    bytes: i64,
    days: i64,
    requested_at_ms: i64,
    requested_by: String,
    position: i64,
    restoring_at_ms: Option<i64>,
    available_at_ms: Option<i64>,
    until_ms: Option<i64>,
    failed_at_ms: Option<i64>,
    failed_code: Option<String>,
}

impl TryFrom<Row> for Retrieval {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let available = row.available_at_ms.zip(row.until_ms);
        let failed = row.failed_at_ms.zip(row.failed_code);
        Ok(Self {
            retrieval: RetrievalId(row.retrieval),
            repository: TABLE.parse("repository", &row.repository)?,
            manifest: TABLE.blake3("manifest", &row.manifest)?,
            blobs: TABLE.unsigned("blobs", row.blobs)?,
            bytes: TABLE.unsigned("bytes", row.bytes)?,
            days: TABLE.unsigned("days", row.days)?,
            requested_at_ms: TABLE.unsigned("requested_at_ms", row.requested_at_ms)?,
            requested_by: TABLE.parse("requested_by", &row.requested_by)?,
            position: TABLE.unsigned("position", row.position)?,
            restoring_at_ms: TABLE.unsigned_optional("restoring_at_ms", row.restoring_at_ms)?,
            available_ms: available
                .map(|(at_ms, until_ms)| {
                    let at_ms = TABLE.unsigned("available_at_ms", at_ms)?;
                    Ok::<_, Error>((at_ms, TABLE.unsigned("until_ms", until_ms)?))
                })
                .transpose()?,
            failed: failed
                .map(|(at_ms, code)| {
                    let at_ms = TABLE.unsigned("failed_at_ms", at_ms)?;
                    Ok::<_, Error>((at_ms, TABLE.parse("failed_code", &code)?))
                })
                .transpose()?,
        })
    }
}

/// A retrieval by its id.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, retrieval: RetrievalId) -> Result<Option<Retrieval>, Error> {
    sqlx::query_file_as!(Row, "src/views/retrievals/get.sql", retrieval.0)
        .fetch_optional(db)
        .await?
        .map(Retrieval::try_from)
        .transpose()
}

/// The one that was asked for last for a package.
///
/// # Errors
/// As [`get`].
pub async fn last(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifest: &Blake3,
) -> Result<Option<Retrieval>, Error> {
    let manifest = manifest.as_bytes().as_slice();
    sqlx::query_file_as!(Row, "src/views/retrievals/last.sql", repository.as_str(), manifest)
        .fetch_optional(db)
        .await?
        .map(Retrieval::try_from)
        .transpose()
}

/// Those of a repository, the last first, before a position.
///
/// # Errors
/// As [`get`].
pub async fn list(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Retrieval>, Error> {
    let before = before.map_or(i64::MAX, bigint);
    sqlx::query_file_as!(Row, "src/views/retrievals/list.sql", repository.as_str(), before, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Retrieval::try_from)
        .collect()
}

/// Those that are not over, in the order in which they were asked for, behind a position.
///
/// # Errors
/// As [`get`].
pub async fn open(db: impl PgExecutor<'_>, after: Option<u64>, limit: u32) -> Result<Vec<Retrieval>, Error> {
    let after = after.map_or(-1, bigint);
    sqlx::query_file_as!(Row, "src/views/retrievals/open.sql", after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Retrieval::try_from)
        .collect()
}
