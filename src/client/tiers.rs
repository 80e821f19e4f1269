//! The calls about tiers and retrievals.

use reqwest::Method;

use super::{Client, Error};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Reference, RepositoryName, RetrievalId};
use crate::wire::retrieval::{RetrievalEntry, Retrievals, RetrievePackage};
use crate::wire::tier::{MoveBlobs, MovedBlobs, TierStatus};

impl Client {
    /// What lies where, and what waits to be moved.
    ///
    /// # Errors
    /// [`Error`]; so for all that follow.
    pub async fn tiers(&self) -> Result<TierStatus, Error> {
        self.get("/v1/tiers").await
    }

    /// One step of the mover, from where the last one ended.
    pub async fn move_blobs(&self, from: Option<Blake3>) -> Result<MovedBlobs, Error> {
        self.change(Method::POST, "/v1/tiers", &MoveBlobs { from }).await
    }

    /// Asks for a package that lies in a cold store. One that is asked for already is given as it is; none: it can be read
    /// without.
    pub async fn retrieve(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        days: Option<u64>,
    ) -> Result<Option<RetrievalEntry>, Error> {
        let request = RetrievePackage { repository: repository.clone(), reference: reference.clone(), days };
        match self.change(Method::POST, "/v1/retrievals", &request).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.code() == Some("retrieval-unneeded") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A retrieval, as far as it is.
    pub async fn retrieval(&self, retrieval: RetrievalId) -> Result<RetrievalEntry, Error> {
        self.get(&format!("/v1/retrievals/{retrieval}")).await
    }

    /// Every retrieval of a repository, the last first.
    pub async fn retrievals(&self, repository: &RepositoryName) -> Result<Vec<RetrievalEntry>, Error> {
        let path = format!("/v1/repositories/{repository}/-/retrievals");
        self.pages(&path, |page: Retrievals| page.retrievals).await
    }
}
