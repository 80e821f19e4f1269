//! The state of a world: what the log says, what lies in the store, and what each actor has in mind.
//!
//! - Times are ages, and ages beyond what anybody asks for are one, so that time may go on for ever in few states.
//! - Where the protocol compares positions or versions, the decision that waits has a flag, set when what it depends on
//!   changes: the same answer in fewer states.

use crate::world::{BLOBS, OBJECTS, PACKAGES, QUEUE, Set, World};

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// What lies in the store, or did until lately.
    pub(crate) objects: [Option<Object>; OBJECTS],
    /// Ticks since each blob was touched; 0 where that decides nothing.
    pub(crate) ages: [u8; BLOBS],
    /// Packages that stand.
    pub(crate) accepted: Set,
    /// What the pin claims.
    pub(crate) pin: Option<u8>,
    /// Packages with a hold of their own.
    pub(crate) held: Set,
    /// Whether a hold covers the repository.
    pub(crate) all_held: bool,
    /// Ticks until each package's lock ends.
    pub(crate) locked: [u8; PACKAGES],
    /// Who is pushing each package.
    pub(crate) pushes: [Option<Push>; PACKAGES],
    /// The plan that was submitted.
    pub(crate) plan: Option<Wanted>,
    /// What waits for the writer, in no order.
    pub(crate) queue: [Option<Member>; QUEUE],
    /// What went wrong first.
    pub(crate) broken: Option<Broken>,
}

/// One copy of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) blob: u8,
    /// Whether its bytes are there.
    pub(crate) on_disk: bool,
    pub(crate) standing: Standing,
}

/// What the log says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// Nothing yet: its receipt waits. Whose push it is of, while that goes on.
    Waiting(Option<u8>),
    /// It is its blob's.
    Claimed,
    /// `object.discarded`.
    Discarded,
    /// `blob.deletion-started`.
    Deleting,
    /// The same, and nobody remembers it. Only where a safeguard lacks.
    Forgotten,
}

/// A push that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Push {
    /// Blobs that it was told to upload.
    pub(crate) to_send: Set,
    /// Blobs whose receipts are not taken yet.
    pub(crate) awaited: Set,
    /// Ticks since it was opened.
    pub(crate) age: u8,
}

/// What somebody wants deleted, and what came over it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Wanted {
    pub(crate) packages: Set,
    pub(crate) locked_since: Set,
    pub(crate) tagged_since: Set,
}

impl Wanted {
    pub(crate) fn now(packages: Set) -> Self {
        Self { packages, locked_since: Set::NONE, tagged_since: Set::NONE }
    }
}

/// What a hold covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Target {
    Package(u8),
    Repository,
}

/// An append that waits for the writer, decided on the log as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Member {
    /// A receipt of new bytes. `conflict`: the blob's stream went on.
    Store { object: u8, conflict: bool },
    /// A receipt of bytes that are there; linked again if they are free.
    Duplicate { object: u8, links: bool, conflict: bool },
    /// A package. `conflict`: its stream went on.
    Accept { package: u8, conflict: bool },
    /// `blob.deletion-started` of some blobs, of which some were touched since they were chosen.
    Start { blobs: Set, touched: Set },
    /// `manifest.deleted` of some packages. `changed`: holds changed since it was decided.
    Delete { wanted: Wanted, changed: bool },
    /// The pin is set or moved. `conflict`: its stream went on.
    Pin { package: u8, conflict: bool },
    /// It is released.
    Unpin { conflict: bool },
    /// A hold is placed.
    Hold(Target),
    /// A hold is released.
    Release(Target),
    /// A package is locked, until so many ticks from now.
    Lock { package: u8, ticks: u8, conflict: bool },
    /// The tag is set on a package.
    Tag(u8),
}

/// What must never happen, and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Broken {
    /// A package was deleted that a hold covers.
    Held,
    /// That a lock locks.
    Locked,
    /// That the pin claims.
    Pinned,
    /// That a tag was set on since it was wanted deleted.
    Tagged,
    /// What a push was told is there, or brought, was gone within its session.
    Promise,
    /// A deletion was started of what was gone.
    StartedTwice,
}

impl State {
    pub(crate) const START: Self = Self {
        objects: [None; OBJECTS],
        ages: [0; BLOBS],
        accepted: Set::NONE,
        pin: None,
        held: Set::NONE,
        all_held: false,
        locked: [0; PACKAGES],
        pushes: [None; PACKAGES],
        plan: None,
        queue: [None; QUEUE],
        broken: None,
    };

    /// The objects, with their places.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (u8, Object)> {
        (0..).zip(self.objects).filter_map(|(at, object)| Some((at, object?)))
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = Member> {
        self.queue.into_iter().flatten()
    }

    pub(crate) fn has_room_to_wait(&self) -> bool {
        self.queue.contains(&None)
    }

    /// The object that the blob has: it is there.
    pub(crate) fn object_of(&self, blob: u8) -> Option<Object> {
        let of = |object: &Object| object.blob == blob && object.standing == Standing::Claimed;
        self.objects().map(|(_, object)| object).find(of)
    }

    pub(crate) fn is_there(&self, blob: u8) -> bool {
        self.object_of(blob).is_some()
    }

    pub(crate) fn are_there(&self, blobs: Set) -> bool {
        blobs.iter().all(|blob| self.is_there(blob))
    }

    /// Whether a package references the blob.
    pub(crate) fn is_referenced(&self, world: &World, blob: u8) -> bool {
        self.accepted.iter().any(|package| world.blobs[package as usize].has(blob))
    }

    /// Whether the blob is there, and no package references it.
    pub(crate) fn is_free(&self, world: &World, blob: u8) -> bool {
        self.is_there(blob) && !self.is_referenced(world, blob)
    }

    /// Whether an index that stands and is not among `going` lists the package.
    pub(crate) fn is_listed(&self, world: &World, package: u8, going: Set) -> bool {
        self.accepted.without(going).iter().any(|index| world.parts[index as usize].has(package))
    }

    pub(crate) fn is_held(&self, package: u8) -> bool {
        self.all_held || self.held.has(package)
    }

    /// The blobs that a collection finds: free for longer than the grace.
    pub(crate) fn collectable(&self, world: &World) -> Set {
        let is_old = |blob: &u8| self.is_free(world, *blob) && self.ages[usize::from(*blob)] >= world.grace;
        (0..BLOBS as u8).filter(is_old).fold(Set::NONE, |all, blob| all.with(Set::of([blob])))
    }

    /// What of these packages nothing keeps, as `retention/evaluate` settles it: an index that goes lets its parts go.
    pub(crate) fn deletable(&self, world: &World, packages: Set) -> Set {
        let mut going = packages.and(self.accepted);
        loop {
            let is_kept = |package: &u8| {
                self.is_held(*package)
                    || self.locked[usize::from(*package)] > 0
                    || self.pin == Some(*package)
                    || self.is_listed(world, *package, going)
            };
            let kept = going.iter().filter(is_kept).fold(Set::NONE, |all, one| all.with(Set::of([one])));
            if kept.is_empty() {
                return going;
            }
            going = going.without(kept);
        }
    }

    pub(crate) fn break_with(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
    }
}
