//! Blobs: what is known of one that is linked in a repository. A blob that is not linked there does not exist there.

use super::Control;
use super::repositories::load_readable;
use crate::access::Caller;
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::RepositoryName;
use crate::views::blobs::{self, Linked};
use crate::views::damaged_blobs::{self, Damaged};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such repository.
    #[error("there is no repository {0}")]
    RepositoryUnknown(RepositoryName),
    /// It is not linked there, whatever else it may be.
    #[error("there is no blob {digest} in {repository}")]
    Unknown {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
    },
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A page of the blobs linked in a repository that are damaged, by primary address.
///
/// # Errors
/// If there is no such repository, or the caller may not read it.
pub async fn damaged(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    after: Option<Blake3>,
    limit: u32,
) -> Result<Vec<Damaged>, Error> {
    if load_readable(control, caller, repository).await?.is_none() {
        return Err(Error::RepositoryUnknown(repository.clone()));
    }
    Ok(damaged_blobs::list(control.pool(), Some(repository), after, limit).await?)
}

/// Looks a blob up.
///
/// # Errors
/// If it is not linked there, or the caller may not read the repository.
pub async fn get(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Linked, Error> {
    if load_readable(control, caller, repository).await?.is_none() {
        return Err(Error::RepositoryUnknown(repository.clone()));
    }
    let found = blobs::locate(control.pool(), repository, digest).await?;
    found.ok_or_else(|| Error::Unknown { repository: repository.clone(), digest: *digest })
}
