//! What control asks about erasures.

use sqlx::PgExecutor;

use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
use crate::kernel::id::RepositoryName;
use crate::views::Error;
use crate::views::row::{Table, bigint};

const DOCUMENTS: Table = Table("erased_documents");
const PACKAGES: Table = Table("erased_packages");
const MANIFESTS: Table = Table("manifests");

/// A package that was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedPackage {
    /// Its manifest.
    pub manifest: Blake3,
    /// The document with the legal ground and the reason.
    pub statement: Blake3,
    /// The event that says so.
    pub position: u64,
}

/// A document that was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasedDocument {
    /// Its addresses.
    pub digests: Digests,
    /// The event that says so.
    pub position: u64,
}

/// Whether a package was erased from a repository: by a digest of its manifest, or by the SHA-256 of its rendering.
///
/// # Errors
/// If the database does not answer, or a row is damaged; so for all that follow.
pub async fn package(
    db: impl PgExecutor<'_>,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<ErasedPackage>, Error> {
    let (blake3, sha256) = columns(digest);
    let row = sqlx::query_file!("src/views/erasures/package.sql", repository.as_str(), blake3, sha256)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ErasedPackage {
        manifest: PACKAGES.blake3("manifest", &row.manifest)?,
        statement: PACKAGES.blake3("statement", &row.statement)?,
        position: PACKAGES.unsigned("position", row.position)?,
    }))
}

/// Whether a document was erased: the event that says so.
///
/// # Errors
/// As [`package`].
pub async fn document(db: impl PgExecutor<'_>, digest: &Digest) -> Result<Option<u64>, Error> {
    let (blake3, sha256) = columns(digest);
    let row = sqlx::query_file_scalar!("src/views/erasures/document.sql", blake3, sha256)
        .fetch_optional(db)
        .await?;
    DOCUMENTS.unsigned_optional("position", row)
}

fn columns(digest: &Digest) -> (Option<&[u8]>, Option<&[u8]>) {
    match digest {
        Digest::Blake3(digest) => (Some(digest.as_bytes().as_slice()), None),
        Digest::Sha256(digest) => (None, Some(digest.as_bytes().as_slice())),
    }
}

/// Erased documents behind that position, in the order in which they were erased.
///
/// # Errors
/// As [`package`].
pub async fn page(
    db: impl PgExecutor<'_>,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<ErasedDocument>, Error> {
    let after = after.map_or(-1, bigint);
    let rows =
        sqlx::query_file!("src/views/erasures/page.sql", after, i64::from(limit)).fetch_all(db).await?;
    rows.into_iter()
        .map(|row| {
            let blake3 = DOCUMENTS.blake3("document", &row.document)?;
            let sha256 = DOCUMENTS.sha256("sha256", &row.sha256)?;
            let position = DOCUMENTS.unsigned("position", row.position)?;
            Ok(ErasedDocument { digests: Digests { blake3, sha256 }, position })
        })
        .collect()
}

/// By what a document is needed that is no manifest: `hold`, `policy`, `plan` or `erasure`.
///
/// # Errors
/// As [`package`].
pub async fn needed(db: impl PgExecutor<'_>, document: &Blake3) -> Result<Option<String>, Error> {
    let digest = document.as_bytes().as_slice();
    Ok(sqlx::query_file_scalar!("src/views/erasures/needed.sql", digest).fetch_one(db).await?)
}

/// Packages that have one of these documents as their manifest or their rendering, in all repositories.
///
/// # Errors
/// As [`package`].
pub async fn packages_with(
    db: impl PgExecutor<'_>,
    documents: &[Sha256],
) -> Result<Vec<(RepositoryName, Blake3)>, Error> {
    let documents: Vec<&[u8]> = documents.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    let rows =
        sqlx::query_file!("src/views/erasures/packages_with.sql", &documents as _).fetch_all(db).await?;
    rows.into_iter()
        .map(|row| {
            Ok((MANIFESTS.parse("repository", &row.repository)?, MANIFESTS.blake3("blake3", &row.blake3)?))
        })
        .collect()
}
