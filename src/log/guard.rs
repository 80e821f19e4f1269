//! Guards: static predicates over the views, evaluated under the head lock.
//!
//! For what versions of streams cannot express without naming thousands of them. The log carries guards; the views
//! answer them (see [`super::Folds`]), but for the time of the append, which the log itself knows.

use crate::kernel::digest::{Blake3, Digests, Sha256};
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
    /// Each of these blobs has that object of that store, and is not damaged.
    BlobsAt {
        /// Which, with their stores and objects.
        blobs: Vec<(Blake3, StoreName, ObjectKey)>,
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
    /// Each of these blobs has that object, no package references it, and nobody touched it after that time, so that its
    /// deletion may begin.
    BlobsFree {
        /// Which, with their objects.
        blobs: Vec<(Blake3, ObjectKey)>,
        /// Milliseconds since the epoch.
        touched_until_ms: u64,
    },
    /// These packages are there, and what was found when their deletion was decided is so still.
    PackagesDeletable(Deletable),
    /// These packages are there, and what was found when their erasure was decided is so still.
    PackagesErasable(Erasable),
    /// No package has one of these documents, and no decision needs one, so that they may be erased.
    DocumentsUnneeded {
        /// Which.
        documents: Vec<Digests>,
        /// Packages that do not count, because they go with them.
        but: Vec<(RepositoryName, Blake3)>,
    },
    /// The package was not erased from the repository, nor was one of its documents from anywhere, so that it may be accepted.
    NotErased {
        /// Where.
        repository: RepositoryName,
        /// Which.
        manifest: Blake3,
        /// Its manifest and its rendering.
        documents: Vec<Sha256>,
    },
    /// No policy was set or removed since the event at that position, which did; none: since the log began.
    PoliciesUnchanged {
        /// Place of that event in the log.
        since: Option<u64>,
    },
    /// The events are recorded within that time, both ends included, milliseconds since the epoch: a decision counted on it.
    RecordedWithin {
        /// The first.
        from_ms: u64,
        /// The last.
        until_ms: u64,
    },
}

/// What has to be so still when packages are erased. Only what may refuse an erasure counts, and pins, which are released by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasable {
    /// Size of the log that the decision saw. No hold or policy, no lock of such a package and no pin on it may have changed at
    /// it or behind it.
    pub decided_at: u64,
    /// Which packages, each with how many pins claimed it.
    pub packages: Vec<(RepositoryName, Blake3, u64)>,
}

/// What has to be so still when packages are deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletable {
    /// Size of the log that the decision saw. No hold or policy may have changed at it or behind it.
    pub decided_at: u64,
    /// Size of the log that whoever wants them deleted saw, at most that of the decision.
    pub since: u64,
    /// Which packages. None of them may be pinned, or have got a lock, a tag, or another package that refers to it, at
    /// `since` or behind it; none may be listed by an index, or refer to a subject, that stands and is not among them.
    pub packages: Vec<(RepositoryName, Blake3)>,
}

/// What damaged blobs are to guards, by name (see [`Member::reads`](super::Member::reads)): read by whoever asks for
/// blobs that are not damaged, written by what says that some are.
pub const DAMAGE: &str = "damage";

/// What protects packages: read by deletions of packages, written by whatever may keep one.
pub const RETENTION: &str = "retention";

/// Policies: read by whoever decided by all that stand, written by what sets or removes one. Apart from [`RETENTION`], so that
/// acceptances, which protect and are decided by policies, do not wait for each other.
pub const POLICIES: &str = "policies";

/// What is deleted: read by whoever relies on a blob or a manifest being there, written by deletions.
pub const DELETION: &str = "deletion";

/// What claims blobs: read by deletions of blobs, written by whatever stores, links or references one.
pub const CLAIMS: &str = "claims";

impl Guard {
    /// What it looks at, that another member of a batch may write.
    pub fn reads(&self) -> &'static [&'static str] {
        match self {
            Self::BlobsLinked { .. } | Self::BlobsIntact { .. } => &[DAMAGE, DELETION],
            Self::ManifestsAccepted { .. } | Self::NotErased { .. } => &[DELETION],
            Self::BlobsFree { .. } => &[CLAIMS, DELETION],
            Self::PackagesDeletable(_) | Self::PackagesErasable(_) | Self::DocumentsUnneeded { .. } => {
                &[RETENTION, DELETION]
            }
            Self::PoliciesUnchanged { .. } => &[POLICIES],
            Self::ObjectNotDiscarded { .. }
            | Self::WithinQuota { .. }
            | Self::ObjectUnclaimed { .. }
            | Self::RecordedWithin { .. } => &[],
            Self::BlobsAt { .. } => &[DAMAGE, DELETION, CLAIMS],
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
    /// All blobs that have another object, are not stored, or damaged.
    #[error("{} blobs are not where they were", blobs.len())]
    BlobsElsewhere {
        /// Which.
        blobs: Vec<Blake3>,
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
    /// All blobs that are referenced, were touched since, or have another object.
    #[error("{} blobs are not free", claimed.len())]
    BlobsClaimed {
        /// Which.
        claimed: Vec<Blake3>,
    },
    /// All packages that may not be deleted as it was decided.
    #[error("{} packages may not be deleted any more", kept.len())]
    PackagesKept {
        /// By their index in the guard, with the reason.
        kept: Vec<(usize, Kept)>,
    },
    /// All documents that packages have, or that decisions need.
    #[error("{} documents are needed", needed.len())]
    DocumentsNeeded {
        /// Which.
        needed: Vec<Blake3>,
    },
    /// The package was erased, or a document of it was.
    #[error("{manifest} was erased")]
    Erased {
        /// Which.
        manifest: Blake3,
    },
    /// Something that protects packages changed since it was decided what to delete.
    #[error("holds or policies changed since; decide again")]
    RetentionChanged,
    /// It would be recorded at a time on which the decision did not count.
    #[error("it would be recorded at {at_ms} ms, which was not counted on; decide again")]
    RecordedElsewhen {
        /// When, milliseconds since the epoch.
        at_ms: u64,
    },
}

/// What came between the decision to delete a package and its deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is not there, or came again since.
    Gone,
    /// Its lock was changed.
    Locked,
    /// A pin names it.
    Pinned,
    /// A tag was set on it.
    Tagged,
    /// Another package refers to it by now.
    Referred,
    /// An index lists it, or its subject stands.
    Live,
}
