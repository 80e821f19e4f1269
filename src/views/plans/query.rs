//! What control asks about plans.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::Actor;
use crate::views::Error;
use crate::views::row::{Table, bigint};

const TABLE: Table = Table("plans");

/// A plan that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// What it is called.
    pub plan: Blake3,
    /// Size of the log that it was made from.
    pub at_size: u64,
    /// Packages that it deletes.
    pub deletions: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Locks that it records.
    pub locks: u64,
    /// Whether somebody else than who submitted it has to approve it.
    pub approve: bool,
    /// Its submission.
    pub submitted: Act,
    /// Its approval.
    pub approved: Option<Act>,
    /// Its application, when all of it had been gone through.
    pub applied: Option<Act>,
    /// Packages that were deleted by it.
    pub deleted: u64,
    /// Bytes of their blobs together.
    pub deleted_bytes: u64,
}

/// Somebody did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Who.
    pub by: Actor,
    /// The event that says so.
    pub position: u64,
}

struct Row {
    plan: Vec<u8>,
    at_size: i64,
    deletions: i64,
    bytes: i64,
    locks: i64,
    approve: bool,
    submitted_at_ms: i64,
    submitted_by: String,
    position: i64,
    approved_at_ms: Option<i64>,
    approved_by: Option<String>,
    approved_position: Option<i64>,
    applied_at_ms: Option<i64>,
    applied_by: Option<String>,
    applied_position: Option<i64>,
    deleted: i64,
    deleted_bytes: i64,
}

fn act(at_ms: Option<i64>, by: Option<String>, position: Option<i64>) -> Result<Option<Act>, Error> {
    let (Some(at_ms), Some(by), Some(position)) = (at_ms, by, position) else { return Ok(None) };
    Ok(Some(Act {
        at_ms: TABLE.unsigned("at_ms", at_ms)?,
        by: TABLE.parse("by", &by)?,
        position: TABLE.unsigned("position", position)?,
    }))
}

impl TryFrom<Row> for PlanRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let submitted = act(Some(row.submitted_at_ms), Some(row.submitted_by), Some(row.position))?;
        Ok(Self {
            plan: TABLE.blake3("plan", &row.plan)?,
            at_size: TABLE.unsigned("at_size", row.at_size)?,
            deletions: TABLE.unsigned("deletions", row.deletions)?,
            bytes: TABLE.unsigned("bytes", row.bytes)?,
            locks: TABLE.unsigned("locks", row.locks)?,
            approve: row.approve,
            submitted: submitted.expect("all of it was given"),
            approved: act(row.approved_at_ms, row.approved_by, row.approved_position)?,
            applied: act(row.applied_at_ms, row.applied_by, row.applied_position)?,
            deleted: TABLE.unsigned("deleted", row.deleted)?,
            deleted_bytes: TABLE.unsigned("deleted_bytes", row.deleted_bytes)?,
        })
    }
}

/// A plan that was submitted.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, plan: &Blake3) -> Result<Option<PlanRow>, Error> {
    sqlx::query_file_as!(Row, "src/views/plans/get.sql", plan.as_bytes().as_slice())
        .fetch_optional(db)
        .await?
        .map(PlanRow::try_from)
        .transpose()
}

/// A page of plans in the order in which they were submitted, behind that position.
///
/// # Errors
/// As [`get`].
pub async fn list(db: impl PgExecutor<'_>, after: Option<u64>, limit: u32) -> Result<Vec<PlanRow>, Error> {
    let after = after.map_or(-1, bigint);
    let rows =
        sqlx::query_file_as!(Row, "src/views/plans/list.sql", after, i64::from(limit)).fetch_all(db).await?;
    rows.into_iter().map(PlanRow::try_from).collect()
}
