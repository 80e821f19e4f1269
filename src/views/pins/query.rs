//! What control asks about pins.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, PinName, RepositoryName};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("pins");

/// A pin and what it claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinRow {
    /// The name.
    pub pin: PinName,
    /// The manifest that it claims now.
    pub manifest: Blake3,
    /// The document that says why.
    pub statement: Blake3,
    /// When it was last set, milliseconds since the epoch.
    pub set_at_ms: u64,
    /// Who last set it.
    pub set_by: Actor,
    /// The event that last set it.
    pub position: u64,
}

struct Row {
    pin: String,
    manifest: Vec<u8>,
    statement: Vec<u8>,
    set_at_ms: i64,
    set_by: String,
    position: i64,
}

impl TryFrom<Row> for PinRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            pin: TABLE.parse("pin", &row.pin)?,
            manifest: TABLE.blake3("manifest", &row.manifest)?,
            statement: TABLE.blake3("statement", &row.statement)?,
            set_at_ms: TABLE.unsigned("set_at_ms", row.set_at_ms)?,
            set_by: TABLE.parse("set_by", &row.set_by)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// What a pin claims, if it is set.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    pin: &PinName,
) -> Result<Option<PinRow>, Error> {
    sqlx::query_file_as!(Row, "src/views/pins/get.sql", repository.as_str(), pin.as_str())
        .fetch_optional(db)
        .await?
        .map(PinRow::try_from)
        .transpose()
}

/// A page of a repository's pins, in bytewise order, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    after: Option<&PinName>,
    limit: u32,
) -> Result<Vec<PinRow>, Error> {
    // No pin is empty, so all are behind the empty text.
    let after = after.map_or("", PinName::as_str);
    sqlx::query_file_as!(Row, "src/views/pins/list.sql", repository.as_str(), after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(PinRow::try_from)
        .collect()
}

/// The pins that claim these manifests now, by manifest and pin.
///
/// # Errors
/// As [`get`].
pub async fn of_manifests(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifests: &[Blake3],
) -> Result<Vec<(Blake3, PinName)>, Error> {
    let manifests: Vec<&[u8]> = manifests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    sqlx::query_file!("src/views/pins/of_manifests.sql", repository.as_str(), &manifests as _)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| Ok((TABLE.blake3("manifest", &row.manifest)?, TABLE.parse("pin", &row.pin)?)))
        .collect()
}
