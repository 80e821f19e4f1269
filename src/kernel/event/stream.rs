//! The stream of each fact: what it is about, and so what its versions guard.

use super::Fact;
use crate::kernel::id::StreamName;

impl Fact {
    /// The one stream on which it is recorded.
    pub fn stream(&self) -> StreamName {
        match self {
            Self::RepositoryCreated(data) => StreamName::repository(&data.repository),
            Self::RepositoryUpdated(data) => StreamName::repository(&data.repository),
            Self::BlobStored(data) => StreamName::blob(data.blake3),
            Self::BlobLinked(data) => StreamName::blob(data.blake3),
            Self::ManifestAccepted(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::ManifestReadGranted(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::TagSet(data) => StreamName::tag(&data.repository, &data.tag),
            Self::TagRemoved(data) => StreamName::tag(&data.repository, &data.tag),
            Self::PinSet(data) => StreamName::pin(&data.repository, &data.pin),
            Self::PinReleased(data) => StreamName::pin(&data.repository, &data.pin),
            Self::TokenMinted(data) => StreamName::token(&data.token),
            Self::TokenRevoked(data) => StreamName::token(&data.token),
            Self::KeyAdded(data) => StreamName::key(&data.key),
            Self::KeyRetired(data) => StreamName::key(&data.key),
            Self::ObjectDiscarded(data) => StreamName::object(&data.store, &data.object),
            Self::BlobVerified(data) => StreamName::scrub(&data.store),
            Self::BlobCorrupt(data) => StreamName::scrub(&data.store),
            Self::LogRestored(_) => StreamName::restorations(),
            Self::PolicySet(data) => StreamName::policy(&data.policy),
            Self::PolicyRemoved(data) => StreamName::policy(&data.policy),
            Self::ManifestReferences(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::ManifestDeleted(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::BlobDeletionStarted(data) => StreamName::blob(data.blake3),
            Self::BlobDeleted(data) => StreamName::blob(data.blake3),
            Self::HoldPlaced(data) => StreamName::hold(&data.hold),
            Self::HoldReleased(data) => StreamName::hold(&data.hold),
            Self::PlanSubmitted(data) => StreamName::plan(data.plan),
            Self::PlanApproved(data) => StreamName::plan(data.plan),
            Self::PlanApplied(data) => StreamName::plan(data.plan),
            Self::DocumentErased(data) => StreamName::document(data.document),
            Self::LockExtended(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::LockBypassed(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::ManifestTiered(data) => StreamName::manifest(&data.repository, data.blake3),
            Self::BlobMoved(data) => StreamName::blob(data.blake3),
            Self::RetrievalRequested(data) => StreamName::retrieval(data.retrieval),
            Self::RetrievalRestoring(data) => StreamName::retrieval(data.retrieval),
            Self::RetrievalAvailable(data) => StreamName::retrieval(data.retrieval),
            Self::RetrievalFailed(data) => StreamName::retrieval(data.retrieval),
        }
    }
}
