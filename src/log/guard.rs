//! Guards: static predicates over the views, evaluated under the head lock.
//!
//! For what versions of streams cannot express without naming thousands of them. The log carries guards; the views
//! answer them (see [`super::Folds`]).

use crate::kernel::digest::Blake3;
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};

/// Something that must hold at the moment of the append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Each of these blobs is stored, linked to the repository, and not damaged.
    BlobsLinked {
        /// Where.
        repository: RepositoryName,
        /// Which.
        blobs: Vec<Blake3>,
    },
    /// These manifests are accepted in the repository.
    ManifestsAccepted {
        /// Where.
        repository: RepositoryName,
        /// Which.
        manifests: Vec<Blake3>,
    },
    /// The object was never discarded, so that an event may still name it.
    ObjectNotDiscarded {
        /// The store that has it.
        store: StoreName,
        /// Where in that store.
        object: ObjectKey,
    },
    /// Each of these blobs is stored, wherever it is linked, and not damaged.
    BlobsIntact {
        /// Which.
        blobs: Vec<Blake3>,
    },
    /// The repository stays within its quotas with so much more.
    WithinQuota {
        /// Which.
        repository: RepositoryName,
        /// Packages that it gets.
        packages: u64,
        /// Bytes of blobs that it gets.
        bytes: u64,
    },
    /// No blob has that object, so that it may be discarded.
    ObjectUnclaimed {
        /// The store that has it.
        store: StoreName,
        /// Where in that store.
        object: ObjectKey,
    },
}

/// The name of what damaged blobs are to guards (see [`Member::reads`](super::Member::reads)): read by whoever asks
/// for blobs that are not damaged, written by what says that some are.
pub const DAMAGE: &str = "damage";

impl Guard {
    /// What it looks at, that another member of a batch may write.
    pub fn reads(&self) -> Option<&'static str> {
        match self {
            Self::BlobsLinked { .. } | Self::BlobsIntact { .. } => Some(DAMAGE),
            Self::ManifestsAccepted { .. }
            | Self::ObjectNotDiscarded { .. }
            | Self::WithinQuota { .. }
            | Self::ObjectUnclaimed { .. } => None,
        }
    }
}

/// A guard that does not hold, with what is in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardFailure {
    /// All blobs that are not stored and linked, or damaged.
    #[error("{} blobs are not stored in {repository}", missing.len())]
    BlobsMissing {
        /// Where.
        repository: RepositoryName,
        /// Which.
        missing: Vec<Blake3>,
    },
    /// All manifests that are not accepted.
    #[error("{} manifests are not accepted in {repository}", missing.len())]
    ManifestsMissing {
        /// Where.
        repository: RepositoryName,
        /// Which.
        missing: Vec<Blake3>,
    },
    /// The object was discarded.
    #[error("object {object} of store {store} was discarded")]
    ObjectDiscarded {
        /// The store that had it.
        store: StoreName,
        /// Where in that store.
        object: ObjectKey,
    },
    /// All blobs that are not stored, or damaged.
    #[error("{} blobs are damaged or not stored", damaged.len())]
    BlobsDamaged {
        /// Which.
        damaged: Vec<Blake3>,
    },
    /// The repository would hold more than it may.
    #[error("{repository} would hold more than it may")]
    OverQuota {
        /// Which.
        repository: RepositoryName,
    },
    /// A blob has the object.
    #[error("object {object} of store {store} is that of a blob")]
    ObjectClaimed {
        /// The store that has it.
        store: StoreName,
        /// Where in that store.
        object: ObjectKey,
    },
}
