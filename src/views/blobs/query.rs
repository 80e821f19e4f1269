//! What control and audit ask about blobs.

use sqlx::PgExecutor;

use crate::kernel::digest::{Blake3, Digest, Sha256};
use crate::kernel::event::Damage;
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};
use crate::views::Error;
use crate::views::repositories::Visible;
use crate::views::row::Table;

const TABLE: Table = Table("blobs");
const LINKS: Table = Table("blob_repositories");
const DAMAGED: Table = Table("damaged_blobs");

/// A blob and the object that has its bytes, or should have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
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
    /// When the event was recorded that named this object, milliseconds since the epoch.
    pub stored_at_ms: u64,
    /// That event.
    pub position: u64,
    /// What was found to be wrong with the object. Then the blob is given to nobody.
    pub damaged: Option<Damaged>,
}

/// What was found in the place of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged {
    /// What is wrong.
    pub found: Damage,
    /// The event that says so.
    pub position: u64,
}

/// A blob that may be used in the repository that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The blob.
    pub blob: Blob,
    /// When it was linked there, milliseconds since the epoch.
    pub linked_at_ms: u64,
    /// The event that linked it there.
    pub linked_position: u64,
}

/// A blob, and one of the repositories that the caller sees and that it is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reachable {
    /// Its primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// The first such repository by name.
    pub repository: RepositoryName,
}

pub(super) struct Row {
    pub(super) blake3: Vec<u8>,
    pub(super) sha256: Vec<u8>,
    pub(super) size_bytes: i64,
    pub(super) store: String,
    pub(super) object: String,
    pub(super) stored_at_ms: i64,
    pub(super) position: i64,
    pub(super) found: Option<String>,
    pub(super) damaged_position: Option<i64>,
}

impl TryFrom<Row> for Blob {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let damaged = match (row.found, row.damaged_position) {
            (Some(found), Some(position)) => Some(Damaged {
                found: DAMAGED.parse("found", &found)?,
                position: DAMAGED.unsigned("position", position)?,
            }),
            _ => None,
        };
        Ok(Self {
            damaged,
            blake3: TABLE.blake3("blake3", &row.blake3)?,
            sha256: TABLE.sha256("sha256", &row.sha256)?,
            size_bytes: TABLE.unsigned("size_bytes", row.size_bytes)?,
            store: TABLE.parse("store", &row.store)?,
            object: TABLE.parse("object", &row.object)?,
            stored_at_ms: TABLE.unsigned("stored_at_ms", row.stored_at_ms)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// A blob, wherever it is linked. For decisions: what it says is shown to nobody who does not reach the blob.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(db: impl PgExecutor<'_>, digest: &Digest) -> Result<Option<Blob>, Error> {
    let (blake3, sha256) = match digest {
        Digest::Blake3(digest) => (Some(digest.as_bytes().as_slice()), None),
        Digest::Sha256(digest) => (None, Some(digest.as_bytes().as_slice())),
    };
    sqlx::query_file_as!(Row, "src/views/blobs/get.sql", blake3, sha256)
        .fetch_optional(db)
        .await?
        .map(Blob::try_from)
        .transpose()
}

/// A blob, if it is linked to the repository.
///
/// # Errors
/// As [`get`].
pub async fn locate(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<Linked>, Error> {
    Ok(linked(db, repository, std::slice::from_ref(digest)).await?.pop())
}

/// Of these blobs, those that are linked to the repository, in any order.
///
/// # Errors
/// As [`get`].
pub async fn linked(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    digests: &[Digest],
) -> Result<Vec<Linked>, Error> {
    let (blake3, sha256) = by_algorithm(digests);
    sqlx::query_file!("src/views/blobs/linked.sql", repository.as_str(), &blake3 as _, &sha256 as _)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| {
            Ok(Linked {
                linked_at_ms: LINKS.unsigned("linked_at_ms", row.linked_at_ms)?,
                linked_position: LINKS.unsigned("position", row.linked_position)?,
                blob: Row {
                    blake3: row.blake3,
                    sha256: row.sha256,
                    size_bytes: row.size_bytes,
                    store: row.store,
                    object: row.object,
                    stored_at_ms: row.stored_at_ms,
                    position: row.position,
                    found: row.found,
                    damaged_position: row.damaged_position,
                }
                .try_into()?,
            })
        })
        .collect()
}

/// Of these blobs, those that are linked to a repository that the caller sees, in any order. None that is damaged.
///
/// # Errors
/// As [`get`].
pub async fn linked_in_any(
    db: impl PgExecutor<'_>,
    visible: &Visible,
    digests: &[Digest],
) -> Result<Vec<Reachable>, Error> {
    let (blake3, sha256) = by_algorithm(digests);
    let (all, patterns, public) = visible.parameters();
    sqlx::query_file!(
        "src/views/blobs/linked_in_any.sql",
        &blake3 as _,
        &sha256 as _,
        all,
        &patterns as _,
        public
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Reachable {
            blake3: TABLE.blake3("blake3", &row.blake3)?,
            sha256: TABLE.sha256("sha256", &row.sha256)?,
            size_bytes: TABLE.unsigned("size_bytes", row.size_bytes)?,
            repository: LINKS.parse("repository", &row.repository)?,
        })
    })
    .collect()
}

/// A page of all blobs, by primary address, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn page(db: impl PgExecutor<'_>, after: Option<Blake3>, limit: u32) -> Result<Vec<Blob>, Error> {
    // No address is empty, so all are behind the empty one.
    let after = after.as_ref().map_or(&[][..], |digest| digest.as_bytes().as_slice());
    sqlx::query_file_as!(Row, "src/views/blobs/page.sql", after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Blob::try_from)
        .collect()
}

/// The raw bytes of each algorithm's digests.
fn by_algorithm(digests: &[Digest]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let (mut blake3, mut sha256) = (Vec::new(), Vec::new());
    for digest in digests {
        match digest {
            Digest::Blake3(digest) => blake3.push(digest.as_bytes().as_slice()),
            Digest::Sha256(digest) => sha256.push(digest.as_bytes().as_slice()),
        }
    }
    (blake3, sha256)
}
