//! What garbage collection and uploads ask.

use std::collections::HashMap;

use sqlx::PgExecutor;

use crate::kernel::digest::{Blake3, Sha256};
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};
use crate::views::Error;
use crate::views::row::{Table, bigint};

const BLOBS: Table = Table("blobs");
const CLAIMS: Table = Table("blob_claims");
const MANIFESTS: Table = Table("manifests");

/// A blob that no package references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Free {
    /// Its primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
}

/// Such blobs behind an address that nobody touched after `touched_until_ms`, in order of their addresses.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn free(
    db: impl PgExecutor<'_>,
    after: Option<&Blake3>,
    touched_until_ms: u64,
    limit: u32,
) -> Result<Vec<Free>, Error> {
    let after = after.map_or(&[][..], |blake3| blake3.as_bytes());
    sqlx::query_file_as!(
        Row,
        "src/views/references/free.sql",
        after,
        bigint(touched_until_ms),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Free::try_from)
    .collect()
}

/// Of these blobs, those that are there and that no package references, whenever they were touched.
///
/// # Errors
/// As [`free`].
pub async fn free_among(db: impl PgExecutor<'_>, blobs: &[Blake3], limit: u32) -> Result<Vec<Free>, Error> {
    let blobs: Vec<&[u8]> = blobs.iter().map(|blob| blob.as_bytes().as_slice()).collect();
    sqlx::query_file_as!(Row, "src/views/references/free_among.sql", &blobs as _, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Free::try_from)
        .collect()
}

struct Row {
    blake3: Vec<u8>,
    sha256: Vec<u8>,
    size_bytes: i64,
    store: String,
    object: String,
}

impl TryFrom<Row> for Free {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            blake3: BLOBS.blake3("blake3", &row.blake3)?,
            sha256: BLOBS.sha256("sha256", &row.sha256)?,
            size_bytes: BLOBS.unsigned("size_bytes", row.size_bytes)?,
            store: BLOBS.parse("store", &row.store)?,
            object: BLOBS.parse("object", &row.object)?,
        })
    }
}

/// Of these blobs, those that packages reference, whether they are there or not.
///
/// # Errors
/// As [`free`].
pub async fn claimed_among(db: impl PgExecutor<'_>, blobs: &[Blake3]) -> Result<Vec<Blake3>, Error> {
    let blobs: Vec<&[u8]> = blobs.iter().map(|blob| blob.as_bytes().as_slice()).collect();
    let rows =
        sqlx::query_file_scalar!("src/views/references/claimed_among.sql", &blobs as _).fetch_all(db).await?;
    rows.iter().map(|blob| CLAIMS.blake3("blake3", blob)).collect()
}

/// Indexes of a repository that list a manifest.
///
/// # Errors
/// As [`free`].
pub async fn listed_by(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    part: &Blake3,
) -> Result<Vec<Blake3>, Error> {
    let part = part.as_bytes().as_slice();
    let rows = sqlx::query_file_scalar!("src/views/references/listed_by.sql", repository.as_str(), part)
        .fetch_all(db)
        .await?;
    rows.iter().map(|index| Table("index_parts").blake3("listed_by", index)).collect()
}

/// Blobs that no package references, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FreeTotals {
    /// Those that have been free for long enough.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that have not.
    pub young_blobs: u64,
    /// Their bytes.
    pub young_bytes: u64,
    /// When the first of these was last touched, milliseconds since the epoch.
    pub oldest_young_ms: Option<u64>,
}

/// As [`free`], counted: those that nobody touched after `touched_until_ms`, and the others.
///
/// # Errors
/// As [`free`].
pub async fn free_totals(db: impl PgExecutor<'_>, touched_until_ms: u64) -> Result<FreeTotals, Error> {
    let row = sqlx::query_file!("src/views/references/free_totals.sql", bigint(touched_until_ms))
        .fetch_one(db)
        .await?;
    Ok(FreeTotals {
        blobs: row.blobs.unsigned_abs(),
        bytes: row.bytes.unsigned_abs(),
        young_blobs: row.young_blobs.unsigned_abs(),
        young_bytes: row.young_bytes.unsigned_abs(),
        oldest_young_ms: CLAIMS.unsigned_optional("touched_ms", row.oldest_ms)?,
    })
}

/// Blobs that no package references, each with when it was last touched, milliseconds since the epoch.
pub type Unreferenced = HashMap<Blake3, u64>;

/// Of these blobs, those that no package references.
///
/// # Errors
/// As [`free`].
pub async fn claims_of(db: impl PgExecutor<'_>, blobs: &[Blake3]) -> Result<Unreferenced, Error> {
    let blobs: Vec<&[u8]> = blobs.iter().map(|blob| blob.as_bytes().as_slice()).collect();
    let rows = sqlx::query_file!("src/views/references/claims_of.sql", &blobs as _).fetch_all(db).await?;
    rows.into_iter()
        .map(|row| Ok((BLOBS.blake3("blake3", &row.blake3)?, CLAIMS.unsigned("touched_ms", row.touched_ms)?)))
        .collect()
}

/// Packages behind one that were accepted before what they hold on to was recorded.
///
/// # Errors
/// As [`free`].
pub async fn unrecorded(
    db: impl PgExecutor<'_>,
    after: Option<&(RepositoryName, Blake3)>,
    limit: u32,
) -> Result<Vec<(RepositoryName, Blake3)>, Error> {
    let repository = after.map_or("", |(repository, _)| repository.as_str());
    let manifest = after.map_or(&[][..], |(_, manifest)| manifest.as_bytes());
    let rows =
        sqlx::query_file!("src/views/references/unrecorded.sql", repository, manifest, i64::from(limit))
            .fetch_all(db)
            .await?;
    rows.into_iter()
        .map(|row| {
            Ok((MANIFESTS.parse("repository", &row.repository)?, MANIFESTS.blake3("blake3", &row.blake3)?))
        })
        .collect()
}
