//! What control asks about locks.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::RepositoryName;
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("retention");

/// Until when, and the event that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Milliseconds since the epoch.
    pub until_ms: u64,
    /// Place in the log.
    pub position: u64,
}

/// Locks of a package. The default: it was never locked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locks {
    /// Of the governance mode.
    pub governance: Option<End>,
    /// Of the compliance mode.
    pub compliance: Option<End>,
    /// Governance locks that end then or before do not count.
    pub bypassed: Option<End>,
}

/// Locks of a package.
///
/// # Errors
/// If the database does not answer, or the row is damaged.
pub async fn get(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Locks, Error> {
    let row =
        sqlx::query_file!("src/views/retention/get.sql", repository.as_str(), manifest.as_bytes().as_slice())
            .fetch_optional(db)
            .await?;
    let Some(row) = row else { return Ok(Locks::default()) };
    let end = |until: Option<i64>, position: Option<i64>| match (until, position) {
        (Some(until_ms), Some(position)) => Ok::<_, Error>(Some(End {
            until_ms: TABLE.unsigned("until_ms", until_ms)?,
            position: TABLE.unsigned("position", position)?,
        })),
        _ => Ok(None),
    };
    Ok(Locks {
        governance: end(row.governance_until_ms, row.governance_position)?,
        compliance: end(row.compliance_until_ms, row.compliance_position)?,
        bypassed: end(row.bypassed_until_ms, row.bypassed_position)?,
    })
}
