//! What control asks about holds.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::event::{HoldKind, HoldTarget};
use crate::kernel::id::{Actor, HoldName};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("holds");

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its name.
    pub hold: HoldName,
    /// What it does beside holding.
    pub kind: HoldKind,
    /// What it covers.
    pub target: HoldTarget,
    /// The document with its matter and reason.
    pub statement: Blake3,
    /// When it was placed, milliseconds since the epoch.
    pub placed_at_ms: u64,
    /// Who placed it.
    pub placed_by: Actor,
    /// The event that says so.
    pub position: u64,
    /// How it ended. None: it stands.
    pub released: Option<Release>,
}

/// The end of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Who released it.
    pub by: Actor,
    /// The document with the reason.
    pub statement: Blake3,
    /// The event that says so.
    pub position: u64,
}

struct Row {
    hold: String,
    kind: String,
    repository: Option<String>,
    manifest: Option<Vec<u8>>,
    selector: Option<Vec<u8>>,
    statement: Vec<u8>,
    placed_at_ms: i64,
    placed_by: String,
    position: i64,
    released_at_ms: Option<i64>,
    released_by: Option<String>,
    release_statement: Option<Vec<u8>>,
    release_position: Option<i64>,
}

impl Row {
    fn target(&self) -> Result<HoldTarget, Error> {
        if let Some(selector) = &self.selector {
            return Ok(HoldTarget::Query(TABLE.blake3("selector", selector)?));
        }
        let repository = TABLE.parse("repository", self.repository.as_deref().unwrap_or_default())?;
        Ok(match &self.manifest {
            Some(manifest) => HoldTarget::Package(repository, TABLE.blake3("manifest", manifest)?),
            None => HoldTarget::Repository(repository),
        })
    }

    fn release(&self) -> Result<Option<Release>, Error> {
        let (Some(at_ms), Some(by), Some(statement), Some(position)) =
            (self.released_at_ms, &self.released_by, &self.release_statement, self.release_position)
        else {
            return Ok(None);
        };
        Ok(Some(Release {
            at_ms: TABLE.unsigned("released_at_ms", at_ms)?,
            by: TABLE.parse("released_by", by)?,
            statement: TABLE.blake3("release_statement", statement)?,
            position: TABLE.unsigned("release_position", position)?,
        }))
    }
}

impl TryFrom<Row> for Hold {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            hold: TABLE.parse("hold", &row.hold)?,
            kind: TABLE.parse("kind", &row.kind)?,
            target: row.target()?,
            statement: TABLE.blake3("statement", &row.statement)?,
            placed_at_ms: TABLE.unsigned("placed_at_ms", row.placed_at_ms)?,
            placed_by: TABLE.parse("placed_by", &row.placed_by)?,
            position: TABLE.unsigned("position", row.position)?,
            released: row.release()?,
        })
    }
}

/// A hold by its name.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, hold: &HoldName) -> Result<Option<Hold>, Error> {
    sqlx::query_file_as!(Row, "src/views/holds/get.sql", hold.as_str())
        .fetch_optional(db)
        .await?
        .map(Hold::try_from)
        .transpose()
}

/// A page of holds by name, behind `after`, with the released ones.
///
/// # Errors
/// As [`get`].
pub async fn list(db: impl PgExecutor<'_>, after: Option<&HoldName>, limit: u32) -> Result<Vec<Hold>, Error> {
    let after = after.map_or("", HoldName::as_str);
    let rows =
        sqlx::query_file_as!(Row, "src/views/holds/list.sql", after, i64::from(limit)).fetch_all(db).await?;
    rows.into_iter().map(Hold::try_from).collect()
}

/// Every hold that stands, and every event hold that was released: all that decides about deletions.
///
/// # Errors
/// As [`get`].
pub async fn all(db: impl PgExecutor<'_>) -> Result<Vec<Hold>, Error> {
    let rows = sqlx::query_file_as!(Row, "src/views/holds/all.sql").fetch_all(db).await?;
    rows.into_iter().map(Hold::try_from).collect()
}
