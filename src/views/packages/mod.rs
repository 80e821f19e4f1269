//! Packages as retention sees them: no view of its own, but what the views say together, read in pages in one snapshot.

use sqlx::PgConnection;

use super::Error;
use super::row::Table;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{RepositoryName, Tag};
use crate::kernel::tier::Tier;

const MANIFESTS: Table = Table("manifests");
const PARTS: Table = Table("index_parts");
const TAGS: Table = Table("tags");
const TIERS: Table = Table("package_tiers");
const LOCKS: Table = Table("retention");

/// A package, as far as manifests and reads tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRow {
    /// Where.
    pub repository: RepositoryName,
    /// Its primary address.
    pub digest: Blake3,
    /// Length of its document.
    pub document_bytes: u64,
    /// Media type of its document.
    pub media_type: String,
    /// What kind of package it says it is.
    pub artifact_type: Option<String>,
    /// What it is about.
    pub subject: Option<Blake3>,
    /// Bytes of its blobs together.
    pub blobs_bytes: u64,
    /// When it was accepted, milliseconds since the epoch.
    pub accepted_at_ms: u64,
    /// The last day, since the epoch, on which someone was given it.
    pub last_read_day: Option<u64>,
    /// Pins on it, by name.
    pub pins: Vec<String>,
    /// How near it is to be.
    pub tier: Tier,
    /// End of its governance lock, milliseconds since the epoch.
    pub governance_until_ms: Option<u64>,
    /// End of its compliance lock.
    pub compliance_until_ms: Option<u64>,
    /// Governance locks that end then or before do not count.
    pub bypassed_until_ms: Option<u64>,
}

/// A tag, and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// Where.
    pub repository: RepositoryName,
    /// Its name.
    pub tag: Tag,
    /// What it names.
    pub manifest: Blake3,
    /// Since when.
    pub set_at_ms: u64,
}

struct Row {
    repository: String,
    blake3: Vec<u8>,
    size_bytes: i64,
    media_type: String,
    artifact_type: Option<String>,
    subject: Option<Vec<u8>>,
    blobs_bytes: i64,
    accepted_at_ms: i64,
    last_read_day: Option<i64>,
    pins: Vec<String>,
    tier: Option<String>,
    governance_until_ms: Option<i64>,
    compliance_until_ms: Option<i64>,
    bypassed_until_ms: Option<i64>,
}

impl TryFrom<Row> for PackageRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            repository: MANIFESTS.parse("repository", &row.repository)?,
            digest: MANIFESTS.blake3("blake3", &row.blake3)?,
            document_bytes: MANIFESTS.unsigned("size_bytes", row.size_bytes)?,
            media_type: row.media_type,
            artifact_type: row.artifact_type,
            subject: row.subject.map(|subject| MANIFESTS.blake3("subject", &subject)).transpose()?,
            blobs_bytes: MANIFESTS.unsigned("blobs_bytes", row.blobs_bytes)?,
            accepted_at_ms: MANIFESTS.unsigned("accepted_at_ms", row.accepted_at_ms)?,
            last_read_day: Table("reads").unsigned_optional("day", row.last_read_day)?,
            pins: row.pins,
            tier: row.tier.map(|tier| TIERS.parse("tier", &tier)).transpose()?.unwrap_or_default(),
            governance_until_ms: LOCKS.unsigned_optional("governance_until_ms", row.governance_until_ms)?,
            compliance_until_ms: LOCKS.unsigned_optional("compliance_until_ms", row.compliance_until_ms)?,
            bypassed_until_ms: LOCKS.unsigned_optional("bypassed_until_ms", row.bypassed_until_ms)?,
        })
    }
}

/// A page of all packages, or of those of one repository, by repository and digest, behind `after`.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn page(
    connection: &mut PgConnection,
    only: Option<&RepositoryName>,
    after: Option<(&RepositoryName, Blake3)>,
    limit: u32,
) -> Result<Vec<PackageRow>, Error> {
    // No name is empty, so all are behind the empty text.
    let (repository, digest) = after
        .map_or(("", Vec::new()), |(repository, digest)| (repository.as_str(), digest.as_bytes().to_vec()));
    let only = only.map(RepositoryName::as_str);
    sqlx::query_file_as!(Row, "src/views/packages/page.sql", repository, &digest, i64::from(limit), only)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(PackageRow::try_from)
        .collect()
}

/// Those of these packages that are there.
///
/// # Errors
/// As [`page`].
pub async fn among(
    connection: &mut PgConnection,
    repository: &RepositoryName,
    packages: &[Blake3],
) -> Result<Vec<PackageRow>, Error> {
    sqlx::query_file_as!(Row, "src/views/packages/among.sql", repository.as_str(), &bytes(packages) as _)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(PackageRow::try_from)
        .collect()
}

fn bytes(digests: &[Blake3]) -> Vec<&[u8]> {
    digests.iter().map(|digest| digest.as_bytes().as_slice()).collect()
}

/// A page of all tags, or of those of one repository, by repository and name, behind `after`.
///
/// # Errors
/// As [`page`].
pub async fn tags(
    connection: &mut PgConnection,
    only: Option<&RepositoryName>,
    after: Option<(&RepositoryName, &Tag)>,
    limit: u32,
) -> Result<Vec<TagRow>, Error> {
    let (repository, tag) = after.map_or(("", ""), |(repository, tag)| (repository.as_str(), tag.as_str()));
    let only = only.map(RepositoryName::as_str);
    sqlx::query_file_as!(RawTag, "src/views/packages/tags.sql", repository, tag, i64::from(limit), only)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(TagRow::try_from)
        .collect()
}

/// The tags that name these packages.
///
/// # Errors
/// As [`page`].
pub async fn tags_among(
    connection: &mut PgConnection,
    repository: &RepositoryName,
    packages: &[Blake3],
) -> Result<Vec<TagRow>, Error> {
    let (repository, packages) = (repository.as_str(), bytes(packages));
    sqlx::query_file_as!(RawTag, "src/views/packages/tags_among.sql", repository, &packages as _)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(TagRow::try_from)
        .collect()
}

struct RawTag {
    repository: String,
    tag: String,
    manifest: Vec<u8>,
    set_at_ms: i64,
}

impl TryFrom<RawTag> for TagRow {
    type Error = Error;

    fn try_from(row: RawTag) -> Result<Self, Error> {
        Ok(Self {
            repository: TAGS.parse("repository", &row.repository)?,
            tag: TAGS.parse("tag", &row.tag)?,
            manifest: TAGS.blake3("manifest", &row.manifest)?,
            set_at_ms: TAGS.unsigned("set_at_ms", row.set_at_ms)?,
        })
    }
}

/// That an index lists a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// Where.
    pub repository: RepositoryName,
    /// The manifest.
    pub part: Blake3,
    /// The index.
    pub listed_by: Blake3,
}

/// A page of what indexes list, all or those of one repository, in the order of these three, behind `after`.
///
/// # Errors
/// As [`page`].
pub async fn parts(
    connection: &mut PgConnection,
    only: Option<&RepositoryName>,
    after: Option<&PartRow>,
    limit: u32,
) -> Result<Vec<PartRow>, Error> {
    let repository = after.map_or("", |row| row.repository.as_str());
    let part = after.map_or(&[][..], |row| row.part.as_bytes());
    let listed_by = after.map_or(&[][..], |row| row.listed_by.as_bytes());
    let only = only.map(RepositoryName::as_str);
    sqlx::query_file_as!(
        RawPart,
        "src/views/packages/parts.sql",
        repository,
        part,
        listed_by,
        i64::from(limit),
        only
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(PartRow::try_from)
    .collect()
}

/// What lists these packages.
///
/// # Errors
/// As [`page`].
pub async fn parts_among(
    connection: &mut PgConnection,
    repository: &RepositoryName,
    packages: &[Blake3],
) -> Result<Vec<PartRow>, Error> {
    let (repository, packages) = (repository.as_str(), bytes(packages));
    sqlx::query_file_as!(RawPart, "src/views/packages/parts_among.sql", repository, &packages as _)
        .fetch_all(connection)
        .await?
        .into_iter()
        .map(PartRow::try_from)
        .collect()
}

struct RawPart {
    repository: String,
    part: Vec<u8>,
    listed_by: Vec<u8>,
}

impl TryFrom<RawPart> for PartRow {
    type Error = Error;

    fn try_from(row: RawPart) -> Result<Self, Error> {
        Ok(Self {
            repository: PARTS.parse("repository", &row.repository)?,
            part: PARTS.blake3("part", &row.part)?,
            listed_by: PARTS.blake3("listed_by", &row.listed_by)?,
        })
    }
}

/// Whether a repository has packages of that media type that were accepted before what they hold on to was recorded.
///
/// # Errors
/// As [`page`].
pub async fn any_unrecorded(
    connection: &mut PgConnection,
    repository: &RepositoryName,
    media_type: &str,
) -> Result<bool, Error> {
    let repository = repository.as_str();
    Ok(sqlx::query_file_scalar!("src/views/packages/any_unrecorded.sql", repository, media_type)
        .fetch_one(connection)
        .await?)
}

/// Of these packages, by their index, those that were accepted before what they hold on to was recorded.
///
/// # Errors
/// As [`page`].
pub async fn unrecorded(
    connection: &mut PgConnection,
    packages: &[(RepositoryName, Blake3)],
) -> Result<Vec<usize>, Error> {
    let rows = sqlx::query_file_scalar!(
        "src/views/packages/unrecorded.sql",
        &packages.iter().map(|(repository, _)| repository.as_str()).collect::<Vec<_>>() as _,
        &packages.iter().map(|(_, digest)| digest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|n| usize::try_from(n - 1).expect("ordinals of the array that was sent"))
        .collect())
}
