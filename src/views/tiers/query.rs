//! What the mover asks: which blobs lie in a store of another tier than they are to.

use sqlx::PgExecutor;

use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::{ObjectKey, StoreName};
use crate::kernel::tier::Tier;
use crate::views::Error;
use crate::views::row::{Table, bigint};

const BLOBS: Table = Table("blobs");
const TIERS: Table = Table("package_tiers");

/// A store, and how near it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub store: StoreName,
    /// Its tier.
    pub tier: Tier,
    /// What is smaller is not moved there.
    pub min_bytes: u64,
}

/// Where blobs lie and where they go: what configuration says of stores.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// All stores.
    pub stores: &'a [Place],
    /// For each tier the store that has what is to lie in it.
    pub destinations: &'a [(Tier, Place)],
}

/// A blob that is to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Both its addresses.
    pub digests: Digests,
    /// Its length.
    pub size_bytes: u64,
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
    /// How near that is.
    pub tier: Tier,
    /// The store that is to have it.
    pub to_store: StoreName,
    /// How near that is.
    pub to_tier: Tier,
}

/// Some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strays {
    /// By their addresses.
    pub found: Vec<Stray>,
    /// Up to which address it was looked. None: to the end.
    pub through: Option<Blake3>,
}

/// Blobs behind an address that are to be moved, of so many that are looked at, and at most `limit` of them.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn strays(
    db: impl PgExecutor<'_> + Copy,
    standing: Standing<'_>,
    after: Option<&Blake3>,
    looked_at: u32,
    limit: u32,
) -> Result<Strays, Error> {
    let after = after.map_or(&[][..], |blake3| blake3.as_bytes());
    let last = i64::from(looked_at).saturating_sub(1).max(0);
    let through =
        sqlx::query_file_scalar!("src/views/tiers/reach.sql", after, last).fetch_optional(db).await?;
    let through = through.map(|digest| BLOBS.blake3("blake3", &digest)).transpose()?;
    let Columns { stores, tiers, wanted, to_stores, to_tiers, min_bytes } = Columns::of(standing);
    let rows = sqlx::query_file!(
        "src/views/tiers/strays.sql",
        after,
        through.as_ref().map(|digest| digest.as_bytes().as_slice()),
        &stores as _,
        &tiers as _,
        &wanted as _,
        &to_stores as _,
        &to_tiers as _,
        &min_bytes,
        i64::from(limit),
    )
    .fetch_all(db)
    .await?;
    let full = rows.len() == limit as usize;
    let found = rows
        .into_iter()
        .map(|row| {
            let (blake3, sha256) =
                (BLOBS.blake3("blake3", &row.blake3)?, BLOBS.sha256("sha256", &row.sha256)?);
            Ok(Stray {
                digests: Digests { blake3, sha256 },
                size_bytes: BLOBS.unsigned("size_bytes", row.size_bytes)?,
                store: BLOBS.parse("store", &row.store)?,
                object: BLOBS.parse("object", &row.object)?,
                tier: TIERS.parse("tier", &row.tier)?,
                to_store: BLOBS.parse("store", &row.to_store)?,
                to_tier: TIERS.parse("tier", &row.to_tier)?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let through = if full { found.last().map(|last| last.digests.blake3) } else { through };
    Ok(Strays { found, through })
}

/// What configuration says, as columns.
struct Columns<'a> {
    stores: Vec<&'a str>,
    tiers: Vec<&'a str>,
    wanted: Vec<&'a str>,
    to_stores: Vec<&'a str>,
    to_tiers: Vec<&'a str>,
    min_bytes: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(standing: Standing<'a>) -> Self {
        let (stores, to) = (standing.stores, standing.destinations);
        Self {
            stores: stores.iter().map(|place| place.store.as_str()).collect(),
            tiers: stores.iter().map(|place| place.tier.name()).collect(),
            wanted: to.iter().map(|(tier, _)| tier.name()).collect(),
            to_stores: to.iter().map(|(_, place)| place.store.as_str()).collect(),
            to_tiers: to.iter().map(|(_, place)| place.tier.name()).collect(),
            min_bytes: to.iter().map(|(_, place)| bigint(place.min_bytes)).collect(),
        }
    }
}

/// How much lies in a store, and waits to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// The store.
    pub store: StoreName,
    /// The store that these are to be moved to; none: they stay.
    pub to_store: Option<StoreName>,
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// All blobs, counted.
///
/// # Errors
/// As [`strays`].
pub async fn totals(db: impl PgExecutor<'_>, standing: Standing<'_>) -> Result<Vec<Amount>, Error> {
    let Columns { stores, tiers, wanted, to_stores, to_tiers, min_bytes } = Columns::of(standing);
    let rows = sqlx::query_file!(
        "src/views/tiers/totals.sql",
        &stores as _,
        &tiers as _,
        &wanted as _,
        &to_stores as _,
        &to_tiers as _,
        &min_bytes,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Amount {
                store: BLOBS.parse("store", &row.store)?,
                to_store: row.to_store.map(|store| BLOBS.parse("store", &store)).transpose()?,
                blobs: row.blobs.unsigned_abs(),
                bytes: row.bytes.unsigned_abs(),
            })
        })
        .collect()
}
