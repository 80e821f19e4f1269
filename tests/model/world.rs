//! How large a world of the model is, who acts in it, and which safeguard it lacks.

/// Blobs at most.
pub(crate) const BLOBS: usize = 2;
/// Packages at most; each has a client that pushes it.
pub(crate) const PACKAGES: usize = 2;
/// Objects that may lie in the store at once.
pub(crate) const OBJECTS: usize = 3;
/// Appends that may wait for the writer at once.
pub(crate) const QUEUE: usize = 2;

/// Blobs or packages, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Set(u8);

impl Set {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn of<const N: usize>(members: [u8; N]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < N {
            bits |= 1 << members[at];
            at += 1;
        }
        Self(bits)
    }

    pub(crate) fn has(self, member: u8) -> bool {
        self.0 & (1 << member) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..8).filter(move |member| self.has(*member))
    }
}

/// A world to look through.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Blobs of each package.
    pub(crate) blobs: [Set; PACKAGES],
    /// Packages that each package lists.
    pub(crate) parts: [Set; PACKAGES],
    /// Packages that are pushed.
    pub(crate) pushed: Set,
    /// Ticks for which a blob has to be free.
    pub(crate) grace: u8,
    /// Ticks for which a push may last.
    pub(crate) session: u8,
    /// Ticks for which a lock locks.
    pub(crate) lock: u8,
    /// Objects that may lie in the store at once.
    pub(crate) objects: usize,
    /// Collections at once.
    pub(crate) collectors: usize,
    /// Packages are deleted by somebody's word.
    pub(crate) by_word: bool,
    /// Packages are deleted by plans.
    pub(crate) by_plan: bool,
    /// A pin is set, moved and released.
    pub(crate) pins: bool,
    /// Holds on packages, and on all of the repository, are placed and released.
    pub(crate) holds: bool,
    /// Packages are locked.
    pub(crate) locks: bool,
    /// A tag is set and moved.
    pub(crate) tags: bool,
    /// The process is killed.
    pub(crate) crashes: bool,
    /// What this world does not have.
    pub(crate) lacks: Option<Safeguard>,
}

impl World {
    pub(crate) const EMPTY: Self = Self {
        blobs: [Set::NONE; PACKAGES],
        parts: [Set::NONE; PACKAGES],
        pushed: Set::of([0, 1]),
        grace: 3,
        session: 1,
        lock: 1,
        objects: OBJECTS,
        collectors: 0,
        by_word: false,
        by_plan: false,
        pins: false,
        holds: false,
        locks: false,
        tags: false,
        crashes: false,
        lacks: None,
    };

    pub(crate) fn has(&self, safeguard: Safeguard) -> bool {
        self.lacks != Some(safeguard)
    }

    pub(crate) fn without(&self, safeguard: Safeguard) -> Self {
        let grace = if safeguard == Safeguard::GraceOutlivesSessions { self.session } else { self.grace };
        Self { lacks: Some(safeguard), grace, ..self.clone() }
    }
}

/// What keeps the protocol right. Each can be taken away, to see that the model would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safeguard {
    /// `Guard::BlobsFree`: what is collected is free under the head lock (`views/guards/blobs_claimed.sql`).
    BlobsFree,
    /// `Guard::BlobsLinked`: the blobs of a package are there under the head lock (`views/guards/blobs_missing.sql`).
    BlobsLinked,
    /// `Guard::BlobsIntact` and the blob's version: what makes an object a duplicate is there (`control/receipts`).
    BlobsIntact,
    /// `Guard::ManifestsAccepted`: what is listed, held, locked, pinned or tagged is there.
    ManifestsAccepted,
    /// `Guard::PackagesDeletable`: no hold came since it was decided (`views/guards/retention_changed.sql`).
    RetentionChanged,
    /// The same: no pin names it (`views/guards/packages_kept.sql`).
    NotPinned,
    /// The same: its lock is as the plan saw it.
    NotLockedSince,
    /// The same: no tag was set on it since the plan.
    NotTaggedSince,
    /// The same: no index that stays lists it.
    NotListed,
    /// In a batch a deletion waits for what protects (`log::guard::RETENTION`).
    RetentionKey,
    /// In a batch whoever relies on something waits for its deletion (`log::guard::DELETION`).
    DeletionKey,
    /// In a batch a collection waits for what claims blobs (`log::guard::CLAIMS`).
    ClaimsKey,
    /// In a batch a collection waits for another (`log::guard::DELETION`).
    CollectionsWait,
    /// The grace is longer than a session (`kernel/limits/upkeep.rs`).
    GraceOutlivesSessions,
    /// `present` is not said of what may go within the session (`control/uploads.rs`).
    NotFleeting,
    /// A free blob that is uploaded again is linked again, which renews its grace (`control/receipts/decide.rs`).
    LinkedAgain,
    /// Bytes go after `blob.deletion-started`, never before (`control/collection.rs`).
    EventBeforeDeletion,
    /// Each copy has a key of its own (`stores`).
    UniqueKeys,
    /// A deletion that was cut off is done again, by what the log says of it (`views/deleting_blobs`).
    DoneAgain,
}
