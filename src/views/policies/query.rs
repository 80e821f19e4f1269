//! What control asks about policies.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, PolicyName};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("policies");

/// A policy, as far as its events tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its name.
    pub policy: PolicyName,
    /// Its newest version.
    pub version: u64,
    /// The document of that version.
    pub document: Blake3,
    /// Whether it stands.
    pub standing: bool,
    /// When it was last set or removed, milliseconds since the epoch.
    pub changed_at_ms: u64,
    /// Who did.
    pub changed_by: Actor,
    /// The event that says so.
    pub position: u64,
}

struct Row {
    policy: String,
    version: i64,
    document: Vec<u8>,
    standing: bool,
    changed_at_ms: i64,
    changed_by: String,
    position: i64,
}

impl TryFrom<Row> for PolicyRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            policy: TABLE.parse("policy", &row.policy)?,
            version: TABLE.unsigned("version", row.version)?,
            document: TABLE.blake3("document", &row.document)?,
            standing: row.standing,
            changed_at_ms: TABLE.unsigned("changed_at_ms", row.changed_at_ms)?,
            changed_by: TABLE.parse("changed_by", &row.changed_by)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// A policy, whether it stands or was removed.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, policy: &PolicyName) -> Result<Option<PolicyRow>, Error> {
    sqlx::query_file_as!(Row, "src/views/policies/get.sql", policy.as_str())
        .fetch_optional(db)
        .await?
        .map(PolicyRow::try_from)
        .transpose()
}

/// A page of the policies that stand, in bytewise order, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(
    db: impl PgExecutor<'_>,
    after: Option<&PolicyName>,
    limit: u32,
) -> Result<Vec<PolicyRow>, Error> {
    // No name is empty, so all are behind the empty text.
    let after = after.map_or("", PolicyName::as_str);
    sqlx::query_file_as!(Row, "src/views/policies/list.sql", after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(PolicyRow::try_from)
        .collect()
}

/// The event that last set or removed a policy: what is read after it is at least as new. None: there never was a policy.
///
/// # Errors
/// As [`get`].
pub async fn changed(db: impl PgExecutor<'_>) -> Result<Option<u64>, Error> {
    let position = sqlx::query_file_scalar!("src/views/policies/changed.sql").fetch_one(db).await?;
    position.map(|position| TABLE.unsigned("position", position)).transpose()
}
