//! What a scrub and a sweep ask about blobs: those of a store that are to be read, and which objects are theirs.

use sqlx::PgExecutor;

use super::query::{Blob, Row};
use crate::kernel::digest::Blake3;
use crate::kernel::event::Selection;
use crate::kernel::id::{ObjectKey, StoreName};
use crate::views::Error;
use crate::views::row::{Table, bigint};

const TABLE: Table = Table("blobs");

/// Which blobs of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Whose object is in this store,
    pub store: StoreName,
    /// and was named before this position of the log,
    pub at_size: u64,
    /// behind this address,
    pub after: Option<Blake3>,
    /// and of these.
    pub selection: Selection,
}

/// How much that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes together.
    pub size_bytes: u64,
}

impl Scope {
    fn after(&self) -> &[u8] {
        // No address is empty, so all are behind the empty one.
        self.after.as_ref().map_or(&[][..], |digest| digest.as_bytes().as_slice())
    }

    fn repository(&self) -> Option<&str> {
        self.selection.repository.as_ref().map(|name| name.as_str())
    }

    fn since_ms(&self) -> Option<i64> {
        self.selection.since_ms.map(bigint)
    }
}

/// The first of them, by primary address; damaged ones too.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn to_read(db: impl PgExecutor<'_>, scope: &Scope, limit: u32) -> Result<Vec<Blob>, Error> {
    sqlx::query_file_as!(
        Row,
        "src/views/blobs/to_read.sql",
        scope.store.as_str(),
        scope.after(),
        bigint(scope.at_size),
        scope.repository(),
        scope.since_ms(),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Blob::try_from)
    .collect()
}

/// How much there is to read, damaged ones too.
///
/// # Errors
/// As [`to_read`].
pub async fn totals(db: impl PgExecutor<'_>, scope: &Scope) -> Result<Totals, Error> {
    let row = sqlx::query_file!(
        "src/views/blobs/totals.sql",
        scope.store.as_str(),
        scope.after(),
        bigint(scope.at_size),
        scope.repository(),
        scope.since_ms()
    )
    .fetch_one(db)
    .await?;
    Ok(Totals {
        blobs: TABLE.unsigned("blobs", row.blobs)?,
        size_bytes: TABLE.unsigned("size_bytes", row.size_bytes)?,
    })
}

/// Of these objects of a store, those that are some blob's.
///
/// # Errors
/// As [`to_read`].
pub async fn claims(
    db: impl PgExecutor<'_>,
    store: &StoreName,
    objects: &[ObjectKey],
) -> Result<Vec<ObjectKey>, Error> {
    let keys: Vec<&str> = objects.iter().map(ObjectKey::as_str).collect();
    sqlx::query_file_scalar!("src/views/blobs/claims.sql", store.as_str(), &keys as _)
        .fetch_all(db)
        .await?
        .iter()
        .map(|object| TABLE.parse("object", object))
        .collect()
}
