//! Erasures by a node: the use cases, with what deletes objects.
//!
//! - Nothing is erased unless the log continues the checkpoint kept outside of the database: by an older log, blobs that other
//!   packages reference would look as if none did.

use super::scrub::{Post, Reach};
use super::{ControlNode, Error, Node};
use crate::control::Context;
use crate::control::erasures::{self, Erase, Erased, ErasedDocument};
use crate::kernel::digest::Digest;
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::statement::Statement;
use crate::log::checkpoint;

/// Why nothing, or nothing more, was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The log does not continue what was signed, or that cannot be found out.
    #[error("nothing is erased: {0}")]
    Unproven(#[from] checkpoint::Error),
    /// It was refused or broke off.
    #[error(transparent)]
    Erasure(#[from] erasures::Error),
    /// It could not be prepared.
    #[error(transparent)]
    Node(#[from] Box<Error>),
}

impl Post {
    async fn erase(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        request: &Erase,
    ) -> Result<Erased, EraseError> {
        self.prove().await?;
        let desk = self.desk(None).await.map_err(Box::new)?;
        Ok(erasures::erase(&self.control, context, &desk, repository, reference, request).await?)
    }

    async fn erase_document(
        &self,
        context: &Context,
        digest: &Digest,
        statement: &Statement,
    ) -> Result<ErasedDocument, EraseError> {
        self.prove().await?;
        Ok(erasures::document(&self.control, context, digest, statement).await?)
    }
}

impl Node {
    /// One step of the erasure of a package: see [`erasures::erase`].
    ///
    /// # Errors
    /// If something forbids it, the caller may not, or the log does not continue what was signed.
    pub async fn erase(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        request: &Erase,
    ) -> Result<Erased, EraseError> {
        self.post.erase(context, repository, reference, request).await
    }
}

impl ControlNode {
    /// One step of the erasure of a package, whose objects data nodes delete.
    ///
    /// # Errors
    /// As [`Node::erase`].
    pub async fn erase(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        request: &Erase,
    ) -> Result<Erased, EraseError> {
        let post = self.post(Reach::Elsewhere(self.board.clone()));
        post.erase(context, repository, reference, request).await
    }

    /// Erases a document that is no package's manifest: see [`erasures::document`].
    ///
    /// # Errors
    /// As [`Node::erase`].
    pub async fn erase_document(
        &self,
        context: &Context,
        digest: &Digest,
        statement: &Statement,
    ) -> Result<ErasedDocument, EraseError> {
        let post = self.post(Reach::Elsewhere(self.board.clone()));
        post.erase_document(context, digest, statement).await
    }
}
