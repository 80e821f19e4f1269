//! What control asks about discarded objects.

use std::collections::HashMap;

use sqlx::PgExecutor;

use crate::kernel::event::DiscardReason;
use crate::kernel::id::{ObjectKey, StoreName};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("discarded_objects");

/// That an object was discarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discarded {
    /// Why.
    pub reason: DiscardReason,
    /// When, milliseconds since the epoch.
    pub discarded_at_ms: u64,
    /// The event that discarded it.
    pub position: u64,
}

/// Whether an object was discarded.
///
/// # Errors
/// If the database does not answer, or the row is damaged.
pub async fn get(
    db: impl PgExecutor<'_>,
    store: &StoreName,
    object: &ObjectKey,
) -> Result<Option<Discarded>, Error> {
    let row = sqlx::query_file!("src/views/discarded_objects/get.sql", store.as_str(), object.as_str())
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Discarded {
        reason: TABLE.parse("reason", &row.reason)?,
        discarded_at_ms: TABLE.unsigned("discarded_at_ms", row.discarded_at_ms)?,
        position: TABLE.unsigned("position", row.position)?,
    }))
}

/// Of these objects of a store, those that were discarded, with the event that did.
///
/// # Errors
/// If the database does not answer, or a row is damaged.
pub async fn among(
    db: impl PgExecutor<'_>,
    store: &StoreName,
    objects: &[ObjectKey],
) -> Result<HashMap<ObjectKey, u64>, Error> {
    let keys: Vec<&str> = objects.iter().map(ObjectKey::as_str).collect();
    sqlx::query_file!("src/views/discarded_objects/among.sql", store.as_str(), &keys as _)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| Ok((TABLE.parse("object", &row.object)?, TABLE.unsigned("position", row.position)?)))
        .collect()
}
