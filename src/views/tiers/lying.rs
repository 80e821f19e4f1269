//! What is asked about the tier of a package, and where its blobs lie.

use std::collections::HashMap;

use sqlx::PgExecutor;

use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};
use crate::kernel::tier::Tier;
use crate::views::Error;
use crate::views::row::{Table, bigint};

const TIERS: Table = Table("package_tiers");
const BLOBS: Table = Table("blobs");

/// The tier that a package was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiered {
    /// Which.
    pub tier: Tier,
    /// Since when, milliseconds since the epoch.
    pub at_ms: u64,
    /// The event that says so.
    pub position: u64,
}

/// The tier of a package. None: it was given none, and is hot.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn get(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifest: &Blake3,
) -> Result<Option<Tiered>, Error> {
    let manifest = manifest.as_bytes().as_slice();
    let row = sqlx::query_file!("src/views/tiers/get.sql", repository.as_str(), manifest)
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(Tiered {
            tier: TIERS.parse("tier", &row.tier)?,
            at_ms: TIERS.unsigned("tiered_at_ms", row.tiered_at_ms)?,
            position: TIERS.unsigned("position", row.position)?,
        })
    })
    .transpose()
}

/// Of these packages, those that were given a tier.
///
/// # Errors
/// As [`get`].
pub async fn among(
    db: impl PgExecutor<'_>,
    packages: &[(&RepositoryName, Blake3)],
) -> Result<HashMap<(RepositoryName, Blake3), Tier>, Error> {
    let rows = sqlx::query_file!(
        "src/views/tiers/among.sql",
        &packages.iter().map(|(repository, _)| repository.as_str()).collect::<Vec<_>>() as _,
        &packages.iter().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let repository = TIERS.parse("repository", &row.repository)?;
            let manifest = TIERS.blake3("manifest", &row.manifest)?;
            Ok(((repository, manifest), TIERS.parse("tier", &row.tier)?))
        })
        .collect()
}

/// A blob of a package, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lying {
    /// Both its addresses.
    pub digests: Digests,
    /// Its length.
    pub size_bytes: u64,
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
}

/// Blobs of a package that lie in one of these stores, by their addresses, behind one.
///
/// # Errors
/// As [`get`].
pub async fn lying(
    db: impl PgExecutor<'_>,
    (repository, manifest): (&RepositoryName, &Blake3),
    stores: &[&StoreName],
    after: Option<&Blake3>,
    limit: u32,
) -> Result<Vec<Lying>, Error> {
    let rows = sqlx::query_file!(
        "src/views/tiers/lying.sql",
        repository.as_str(),
        manifest.as_bytes().as_slice(),
        &stores.iter().map(|store| store.as_str()).collect::<Vec<_>>() as _,
        after.map_or(&[][..], |blake3| blake3.as_bytes()),
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (blake3, sha256) =
                (BLOBS.blake3("blake3", &row.blake3)?, BLOBS.sha256("sha256", &row.sha256)?);
            Ok(Lying {
                digests: Digests { blake3, sha256 },
                size_bytes: BLOBS.unsigned("size_bytes", row.size_bytes)?,
                store: BLOBS.parse("store", &row.store)?,
                object: BLOBS.parse("object", &row.object)?,
            })
        })
        .collect()
}

/// How much of a package lies in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// Which store.
    pub store: StoreName,
    /// Blobs of the package there.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Over which stores the blobs of a package are spread.
///
/// # Errors
/// As [`get`].
pub async fn spread(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifest: &Blake3,
) -> Result<Vec<Spread>, Error> {
    let manifest = manifest.as_bytes().as_slice();
    let rows =
        sqlx::query_file!("src/views/tiers/spread.sql", repository.as_str(), manifest).fetch_all(db).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Spread {
                store: BLOBS.parse("store", &row.store)?,
                blobs: row.blobs.unsigned_abs(),
                bytes: row.bytes.unsigned_abs(),
            })
        })
        .collect()
}

/// A store that charges for so many days, however early an object leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyAt {
    /// Which.
    pub store: StoreName,
    /// Its tier.
    pub tier: Tier,
    /// Days.
    pub days: u64,
}

/// What it costs to take the blobs of a package out of the stores of a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    /// Where.
    pub repository: RepositoryName,
    /// Which package.
    pub manifest: Blake3,
    /// The tier of the stores.
    pub tier: Tier,
    /// Bytes times the days that are left of what is charged.
    pub byte_days: u64,
}

/// What it costs to take blobs out of such stores at that time, for each package that has some there; or for those of one
/// repository.
///
/// # Errors
/// As [`get`].
pub async fn early(
    db: impl PgExecutor<'_>,
    stores: &[EarlyAt],
    now_ms: u64,
    only: Option<&RepositoryName>,
) -> Result<Vec<Early>, Error> {
    let rows = sqlx::query_file!(
        "src/views/tiers/early.sql",
        &stores.iter().map(|at| at.store.as_str()).collect::<Vec<_>>() as _,
        &stores.iter().map(|at| at.tier.name()).collect::<Vec<_>>() as _,
        &stores.iter().map(|at| bigint(at.days)).collect::<Vec<_>>(),
        bigint(now_ms),
        only.map(RepositoryName::as_str),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Early {
                repository: TIERS.parse("repository", &row.repository)?,
                manifest: TIERS.blake3("manifest", &row.manifest)?,
                tier: TIERS.parse("tier", &row.tier)?,
                byte_days: row.byte_days.unsigned_abs(),
            })
        })
        .collect()
}
