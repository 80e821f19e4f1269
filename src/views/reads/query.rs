//! What control asks about reads.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, RepositoryName};
use crate::views::Error;
use crate::views::row::{Table, bigint};

const TABLE: Table = Table("reads");

/// Whether the actor was given the package on that day (days since the epoch, UTC) already.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn exists(
    db: impl PgExecutor<'_>,
    actor: &Actor,
    repository: &RepositoryName,
    manifest: &Blake3,
    day: u64,
) -> Result<bool, Error> {
    let found = sqlx::query_file_scalar!(
        "src/views/reads/exists.sql",
        repository.as_str(),
        manifest.as_bytes(),
        bigint(day),
        actor.as_str()
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// The last day (days since the epoch, UTC) on which anybody was given the package.
///
/// # Errors
/// As [`exists`].
pub async fn last_day(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifest: &Blake3,
) -> Result<Option<u64>, Error> {
    let day =
        sqlx::query_file_scalar!("src/views/reads/last_day.sql", repository.as_str(), manifest.as_bytes())
            .fetch_one(db)
            .await?;
    TABLE.unsigned_optional("day", day)
}
