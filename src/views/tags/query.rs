//! What control asks about tags.

use sqlx::PgExecutor;

use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, RepositoryName, Tag};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("tags");

/// A tag and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// The name.
    pub tag: Tag,
    /// The manifest that it names now.
    pub manifest: Blake3,
    /// When it was last set, milliseconds since the epoch.
    pub set_at_ms: u64,
    /// Who last set it.
    pub set_by: Actor,
    /// The event that last set it.
    pub position: u64,
}

struct Row {
    tag: String,
    manifest: Vec<u8>,
    set_at_ms: i64,
    set_by: String,
    position: i64,
}

impl TryFrom<Row> for TagRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            tag: TABLE.parse("tag", &row.tag)?,
            manifest: TABLE.blake3("manifest", &row.manifest)?,
            set_at_ms: TABLE.unsigned("set_at_ms", row.set_at_ms)?,
            set_by: TABLE.parse("set_by", &row.set_by)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// What a tag names, if it is set.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<TagRow>, Error> {
    sqlx::query_file_as!(Row, "src/views/tags/get.sql", repository.as_str(), tag.as_str())
        .fetch_optional(db)
        .await?
        .map(TagRow::try_from)
        .transpose()
}

/// A page of a repository's tags, in bytewise order, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    after: Option<&Tag>,
    limit: u32,
) -> Result<Vec<TagRow>, Error> {
    // No tag is empty, so all are behind the empty text.
    let after = after.map_or("", Tag::as_str);
    sqlx::query_file_as!(Row, "src/views/tags/list.sql", repository.as_str(), after, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(TagRow::try_from)
        .collect()
}

/// The tags that name these manifests now, by manifest and tag. Reads all tags of the repository.
///
/// # Errors
/// As [`get`].
pub async fn of_manifests(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    manifests: &[Blake3],
) -> Result<Vec<(Blake3, Tag)>, Error> {
    let manifests: Vec<&[u8]> = manifests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    sqlx::query_file!("src/views/tags/of_manifests.sql", repository.as_str(), &manifests as _)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|row| Ok((TABLE.blake3("manifest", &row.manifest)?, TABLE.parse("tag", &row.tag)?)))
        .collect()
}
