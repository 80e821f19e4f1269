//! What control asks about damaged blobs.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::event::Damage;
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("damaged_blobs");

/// A blob that is given to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Which.
    pub blake3: Blake3,
    /// The store that has its object, or should have it.
    pub store: StoreName,
    /// The object.
    pub object: ObjectKey,
    /// What is wrong with it.
    pub found: Damage,
    /// When that was recorded, milliseconds since the epoch.
    pub damaged_at_ms: u64,
    /// The event that says so.
    pub position: u64,
}

/// A page of them by primary address, behind `after`: all, or those linked to a repository.
///
/// # Errors
/// If the database does not answer, or a row is damaged.
pub async fn list(
    db: impl PgExecutor<'_>,
    repository: Option<&RepositoryName>,
    after: Option<Blake3>,
    limit: u32,
) -> Result<Vec<Damaged>, Error> {
    let after = after.as_ref().map_or(&[][..], |digest| digest.as_bytes().as_slice());
    let repository = repository.map(RepositoryName::as_str);
    sqlx::query_file!("src/views/damaged_blobs/list.sql", after, repository, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Damaged {
                blake3: TABLE.blake3("blake3", &row.blake3)?,
                store: TABLE.parse("store", &row.store)?,
                object: TABLE.parse("object", &row.object)?,
                found: TABLE.parse("found", &row.found)?,
                damaged_at_ms: TABLE.unsigned("damaged_at_ms", row.damaged_at_ms)?,
                position: TABLE.unsigned("position", row.position)?,
            })
        })
        .collect()
}

/// How many there are.
///
/// # Errors
/// If the database does not answer.
pub async fn count(db: impl PgExecutor<'_>) -> Result<u64, Error> {
    let count = sqlx::query_file_scalar!("src/views/damaged_blobs/count.sql").fetch_one(db).await?;
    TABLE.unsigned("count", count)
}
