//! What control and audit ask about packages.

use sqlx::PgExecutor;

use crate::kernel::digest::{Blake3, Digest, Sha256};
use crate::kernel::id::{Actor, Reference, RepositoryName, Tag};
use crate::views::Error;
use crate::views::row::Table;

const TABLE: Table = Table("manifests");

/// An accepted package, as far as its event tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Where it lies.
    pub repository: RepositoryName,
    /// Its primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Length of the document.
    pub size_bytes: u64,
    /// Media type of the document.
    pub media_type: String,
    /// What kind of package it says it is.
    pub artifact_type: Option<String>,
    /// The manifest that it is about.
    pub subject: Option<Blake3>,
    /// Its frozen OCI rendering; none where it is OCI JSON itself.
    pub oci_sha256: Option<Sha256>,
    /// Length of that rendering.
    pub oci_size_bytes: Option<u64>,
    /// Distinct blobs that it references, its config among them.
    pub blobs: u64,
    /// Bytes of those blobs together.
    pub blobs_bytes: u64,
    /// When it was accepted, milliseconds since the epoch.
    pub accepted_at_ms: u64,
    /// Who deposited it.
    pub accepted_by: Actor,
    /// The event that accepted it.
    pub position: u64,
}

struct Row {
    repository: String,
    blake3: Vec<u8>,
    sha256: Vec<u8>,
    size_bytes: i64,
    media_type: String,
    artifact_type: Option<String>,
    subject: Option<Vec<u8>>,
    oci_sha256: Option<Vec<u8>>,
    oci_size_bytes: Option<i64>,
    blobs: i64,
    blobs_bytes: i64,
    accepted_at_ms: i64,
    accepted_by: String,
    position: i64,
}

impl TryFrom<Row> for Manifest {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let (subject, oci_sha256) = (row.subject.as_deref(), row.oci_sha256.as_deref());
        Ok(Self {
            repository: TABLE.parse("repository", &row.repository)?,
            blake3: TABLE.blake3("blake3", &row.blake3)?,
            sha256: TABLE.sha256("sha256", &row.sha256)?,
            size_bytes: TABLE.unsigned("size_bytes", row.size_bytes)?,
            media_type: row.media_type,
            artifact_type: row.artifact_type,
            subject: subject.map(|digest| TABLE.blake3("subject", digest)).transpose()?,
            oci_sha256: oci_sha256.map(|digest| TABLE.sha256("oci_sha256", digest)).transpose()?,
            oci_size_bytes: TABLE.unsigned_optional("oci_size_bytes", row.oci_size_bytes)?,
            blobs: TABLE.unsigned("blobs", row.blobs)?,
            blobs_bytes: TABLE.unsigned("blobs_bytes", row.blobs_bytes)?,
            accepted_at_ms: TABLE.unsigned("accepted_at_ms", row.accepted_at_ms)?,
            accepted_by: TABLE.parse("accepted_by", &row.accepted_by)?,
            position: TABLE.unsigned("position", row.position)?,
        })
    }
}

/// A package by a digest of its document, or by the SHA-256 of its OCI rendering.
///
/// # Errors
/// If the database does not answer, or the row is damaged; so for all that follow.
pub async fn get(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<Manifest>, Error> {
    let (blake3, sha256) = match digest {
        Digest::Blake3(digest) => (Some(digest.as_bytes().as_slice()), None),
        Digest::Sha256(digest) => (None, Some(digest.as_bytes().as_slice())),
    };
    sqlx::query_file_as!(Row, "src/views/manifests/get.sql", repository.as_str(), blake3, sha256)
        .fetch_optional(db)
        .await?
        .map(Manifest::try_from)
        .transpose()
}

/// The package that a tag names now.
///
/// # Errors
/// As [`get`].
pub async fn by_tag(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<Manifest>, Error> {
    sqlx::query_file_as!(Row, "src/views/manifests/by_tag.sql", repository.as_str(), tag.as_str())
        .fetch_optional(db)
        .await?
        .map(Manifest::try_from)
        .transpose()
}

/// The package that a tag or digest names now.
///
/// # Errors
/// As [`get`].
pub async fn resolve(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<Manifest>, Error> {
    match reference {
        Reference::Tag(tag) => by_tag(db, repository, tag).await,
        Reference::Digest(digest) => get(db, repository, digest).await,
    }
}

/// A page of a repository's packages in the order of acceptance, behind the position `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Manifest>, Error> {
    let (after, limit) = (behind(after), i64::from(limit));
    sqlx::query_file_as!(Row, "src/views/manifests/list.sql", repository.as_str(), after, limit)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Manifest::try_from)
        .collect()
}

/// A page of the packages that are about this one, in the order of acceptance, behind the position `after`.
///
/// # Errors
/// As [`get`].
pub async fn referrers(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    subject: &Blake3,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Manifest>, Error> {
    sqlx::query_file_as!(
        Row,
        "src/views/manifests/referrers.sql",
        repository.as_str(),
        subject.as_bytes(),
        behind(after),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Manifest::try_from)
    .collect()
}

/// A page of all packages, by repository and primary address, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn page(
    db: impl PgExecutor<'_>,
    after: Option<(&RepositoryName, Blake3)>,
    limit: u32,
) -> Result<Vec<Manifest>, Error> {
    // No name is empty, so all are behind the empty text.
    let repository = after.as_ref().map_or("", |(repository, _)| repository.as_str());
    let blake3 = after.as_ref().map_or(&[][..], |(_, digest)| digest.as_bytes().as_slice());
    sqlx::query_file_as!(Row, "src/views/manifests/page.sql", repository, blake3, i64::from(limit))
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Manifest::try_from)
        .collect()
}

/// Of these packages, those that are there, in any order.
///
/// # Errors
/// As [`get`].
pub async fn among(
    db: impl PgExecutor<'_>,
    packages: &[(&RepositoryName, Blake3)],
) -> Result<Vec<Manifest>, Error> {
    let repositories: Vec<&str> = packages.iter().map(|(repository, _)| repository.as_str()).collect();
    let digests: Vec<&[u8]> = packages.iter().map(|(_, digest)| digest.as_bytes().as_slice()).collect();
    sqlx::query_file_as!(Row, "src/views/manifests/among.sql", &repositories as _, &digests as _)
        .fetch_all(db)
        .await?
        .into_iter()
        .map(Manifest::try_from)
        .collect()
}

/// As a column that is compared with `>`: no position is below 0.
fn behind(after: Option<u64>) -> i64 {
    after.map_or(-1, crate::views::row::bigint)
}
