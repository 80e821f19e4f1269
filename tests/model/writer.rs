//! The writer of the log: takes what waits in batches, asks its guards, folds what is appended into the state.
//!
//! Mirrors `log/append/plan.rs` (order of the checks, keys), `control/append.rs` (what each fact writes), `log/guard.rs`
//! (what each guard reads), `views/guards/*.sql`, and the folds of `views/`.
//!
//! - All guards of a batch are asked before any of its members is folded. That is what keys are for.
//! - Versions move within a batch.

use crate::state::{Broken, Member, Standing, State, Target};
use crate::world::{Safeguard, Set, World};

/// `log::guard::{RETENTION, DELETION, CLAIMS}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Keys {
    retention: bool,
    deletion: bool,
    claims: bool,
}

/// What came of a member.
enum Asked {
    Yes,
    /// It is decided again, or for less.
    No(Option<Member>),
}

/// One batch of these members of the queue, in this order.
pub(crate) fn batch(world: &World, state: &mut State, order: &[usize]) {
    let before = state.clone();
    let mut written = Keys::default();
    for at in order {
        let at = *at;
        let member = state.queue[at].expect("an order of what waits");
        if waits(reads(world, member), written) {
            continue;
        }
        // The flags are those of now, for versions move within the batch; the guards see what was before it.
        let asked = before.queue[at].expect("what waits now waited before");
        match guards_hold(world, &before, asked) {
            Asked::Yes if conflicts(world, member) => state.queue[at] = None,
            Asked::Yes => {
                state.queue[at] = None;
                apply(world, state, member);
                written = written.and(writes(member));
            }
            Asked::No(less) => state.queue[at] = less,
        }
    }
    state.queue.sort_unstable_by_key(|member| (member.is_none(), *member));
}

impl Keys {
    fn and(self, other: Self) -> Self {
        Self {
            retention: self.retention || other.retention,
            deletion: self.deletion || other.deletion,
            claims: self.claims || other.claims,
        }
    }
}

fn waits(reads: Keys, written: Keys) -> bool {
    (reads.retention && written.retention)
        || (reads.deletion && written.deletion)
        || (reads.claims && written.claims)
}

fn reads(world: &World, member: Member) -> Keys {
    let mut keys = match member {
        Member::Duplicate { .. } | Member::Accept { .. } | Member::Pin { .. } => {
            Keys { deletion: true, ..Keys::default() }
        }
        Member::Hold(Target::Package(_)) | Member::Lock { .. } | Member::Tag(_) => {
            Keys { deletion: true, ..Keys::default() }
        }
        Member::Start { .. } => {
            Keys { claims: true, deletion: world.has(Safeguard::CollectionsWait), ..Keys::default() }
        }
        Member::Delete { .. } => Keys { retention: true, deletion: true, claims: false },
        Member::Store { .. } | Member::Unpin { .. } | Member::Hold(_) | Member::Release(_) => Keys::default(),
    };
    keys.retention &= world.has(Safeguard::RetentionKey);
    keys.deletion &= world.has(Safeguard::DeletionKey) || matches!(member, Member::Start { .. });
    keys.claims &= world.has(Safeguard::ClaimsKey);
    keys
}

fn writes(member: Member) -> Keys {
    let (retention, deletion, claims) = match member {
        Member::Store { .. } => (false, false, true),
        Member::Duplicate { links, .. } => (false, false, links),
        Member::Accept { .. } => (true, false, true),
        Member::Start { .. } => (false, true, false),
        Member::Delete { .. } => (false, true, true),
        Member::Pin { .. } | Member::Unpin { .. } | Member::Hold(_) | Member::Release(_) => {
            (true, false, false)
        }
        Member::Lock { .. } | Member::Tag(_) => (true, false, false),
    };
    Keys { retention, deletion, claims }
}

fn conflicts(world: &World, member: Member) -> bool {
    match member {
        Member::Duplicate { conflict, .. } => conflict && world.has(Safeguard::BlobsIntact),
        Member::Store { conflict, .. }
        | Member::Accept { conflict, .. }
        | Member::Pin { conflict, .. }
        | Member::Unpin { conflict }
        | Member::Lock { conflict, .. } => conflict,
        Member::Start { .. }
        | Member::Delete { .. }
        | Member::Hold(_)
        | Member::Release(_)
        | Member::Tag(_) => false,
    }
}

fn guards_hold(world: &World, before: &State, member: Member) -> Asked {
    let blobs = |package: u8| {
        !world.has(Safeguard::BlobsLinked) || before.are_there(world.blobs[usize::from(package)])
    };
    let accepted = |packages: Set| {
        !world.has(Safeguard::ManifestsAccepted) || packages.without(before.accepted).is_empty()
    };
    let yes = |holds| if holds { Asked::Yes } else { Asked::No(None) };
    match member {
        Member::Store { .. }
        | Member::Unpin { .. }
        | Member::Release(_)
        | Member::Hold(Target::Repository) => Asked::Yes,
        Member::Duplicate { object, .. } => {
            let blob = before.objects[usize::from(object)].expect("a receipt has an object").blob;
            yes(!world.has(Safeguard::BlobsIntact) || before.is_there(blob))
        }
        Member::Accept { package, .. } => yes(blobs(package) && accepted(world.parts[usize::from(package)])),
        Member::Pin { package, .. } => yes(blobs(package) && accepted(Set::of([package]))),
        Member::Hold(Target::Package(package)) | Member::Lock { package, .. } | Member::Tag(package) => {
            yes(accepted(Set::of([package])))
        }
        Member::Start { blobs, touched } => {
            let is_claimed = |blob: &u8| {
                world.has(Safeguard::BlobsFree) && (!before.is_free(world, *blob) || touched.has(*blob))
            };
            let left = without(blobs, is_claimed);
            let less =
                (!left.is_empty()).then_some(Member::Start { blobs: left, touched: touched.and(left) });
            if left == blobs { Asked::Yes } else { Asked::No(less) }
        }
        Member::Delete { changed: true, .. } if world.has(Safeguard::RetentionChanged) => Asked::No(None),
        Member::Delete { wanted, changed } => {
            let kept = |package: &u8| {
                !before.accepted.has(*package)
                    || (wanted.locked_since.has(*package) && world.has(Safeguard::NotLockedSince))
                    || (before.pin == Some(*package) && world.has(Safeguard::NotPinned))
                    || (wanted.tagged_since.has(*package) && world.has(Safeguard::NotTaggedSince))
                    || (before.is_listed(world, *package, wanted.packages) && world.has(Safeguard::NotListed))
            };
            let mut less = wanted;
            less.packages = without(wanted.packages, kept);
            let still = (!less.packages.is_empty()).then_some(Member::Delete { wanted: less, changed });
            if less == wanted { Asked::Yes } else { Asked::No(still) }
        }
    }
}

fn without(set: Set, is_out: impl Fn(&u8) -> bool) -> Set {
    set.iter().filter(is_out).fold(set, |left, one| left.without(Set::of([one])))
}

/// What the events of a member do to the views, and to the decisions that wait.
fn apply(world: &World, state: &mut State, member: Member) {
    match member {
        Member::Store { object, .. } => {
            let blob = settle(state, object, Standing::Claimed);
            touch(state, Set::of([blob]));
            go_on(state, Stream::Blob(blob));
        }
        Member::Duplicate { object, links, .. } => {
            let blob = settle(state, object, Standing::Discarded);
            if links {
                touch(state, Set::of([blob]));
                go_on(state, Stream::Blob(blob));
            }
        }
        Member::Accept { package, .. } => {
            state.accepted = state.accepted.with(Set::of([package]));
            state.pushes[usize::from(package)] = None;
            touch(state, world.blobs[usize::from(package)]);
            go_on(state, Stream::Manifest(package));
        }
        Member::Start { blobs, .. } => blobs.iter().for_each(|blob| start_deletion(state, blob)),
        Member::Delete { wanted, .. } => {
            check_deletion(state, wanted.packages, wanted.tagged_since);
            wanted.packages.iter().for_each(|package| delete(world, state, package));
        }
        Member::Pin { package, .. } => {
            state.pin = Some(package);
            go_on(state, Stream::Pin);
        }
        Member::Unpin { .. } => {
            state.pin = None;
            go_on(state, Stream::Pin);
        }
        Member::Hold(target) => hold(state, target, true),
        Member::Release(target) => hold(state, target, false),
        Member::Lock { package, ticks, .. } => {
            let lock = &mut state.locked[usize::from(package)];
            *lock = ticks.max(*lock);
            for_each_wanted(state, |wanted| {
                wanted.locked_since = wanted.locked_since.with(Set::of([package]))
            });
            go_on(state, Stream::Manifest(package));
        }
        // The one tag names one package.
        Member::Tag(package) => {
            for_each_wanted(state, |wanted| wanted.tagged_since = Set::of([package]).and(wanted.packages));
        }
    }
}

/// The object of a receipt gets its standing, and its push hears of it. Its blob.
fn settle(state: &mut State, at: u8, standing: Standing) -> u8 {
    let object = state.objects[usize::from(at)].as_mut().expect("a receipt has an object");
    let blob = object.blob;
    if let Standing::Waiting(Some(push)) = object.standing
        && let Some(push) = &mut state.pushes[usize::from(push)]
    {
        push.awaited = push.awaited.without(Set::of([blob]));
    }
    object.standing = standing;
    blob
}

fn start_deletion(state: &mut State, blob: u8) {
    let claimed = state
        .objects
        .iter_mut()
        .flatten()
        .find(|object| object.blob == blob && object.standing == Standing::Claimed);
    match claimed {
        Some(object) => object.standing = Standing::Deleting,
        None => state.break_with(Broken::StartedTwice),
    }
    state.ages[usize::from(blob)] = 0;
    go_on(state, Stream::Blob(blob));
}

fn check_deletion(state: &mut State, packages: Set, tagged_since: Set) {
    for package in packages.iter() {
        let broken = match () {
            () if state.is_held(package) => Broken::Held,
            () if state.locked[usize::from(package)] > 0 => Broken::Locked,
            () if state.pin == Some(package) => Broken::Pinned,
            () if tagged_since.has(package) => Broken::Tagged,
            () => continue,
        };
        state.break_with(broken);
    }
}

fn delete(world: &World, state: &mut State, package: u8) {
    let one = Set::of([package]);
    state.accepted = state.accepted.without(one);
    state.locked[usize::from(package)] = 0;
    touch(state, world.blobs[usize::from(package)]);
    // Its rows are gone, and with them what they say of when it was locked or tagged.
    for_each_wanted(state, |wanted| {
        wanted.locked_since = wanted.locked_since.without(one);
        wanted.tagged_since = wanted.tagged_since.without(one);
    });
    go_on(state, Stream::Manifest(package));
}

fn hold(state: &mut State, target: Target, stands: bool) {
    match target {
        Target::Repository => state.all_held = stands,
        Target::Package(package) if stands => state.held = state.held.with(Set::of([package])),
        Target::Package(package) => state.held = state.held.without(Set::of([package])),
    }
    for member in state.queue.iter_mut().flatten() {
        if let Member::Delete { changed, .. } = member {
            *changed = true;
        }
    }
}

/// `blob_claims.touched_ms`: from now on nobody finds them old.
fn touch(state: &mut State, blobs: Set) {
    blobs.iter().for_each(|blob| state.ages[usize::from(blob)] = 0);
    for member in state.queue.iter_mut().flatten() {
        if let Member::Start { blobs: chosen, touched } = member {
            *touched = touched.with(blobs).and(*chosen);
        }
    }
}

/// Everything that is wanted deleted: by the plan, and by what waits.
fn for_each_wanted(state: &mut State, change: impl Fn(&mut crate::state::Wanted)) {
    state.plan.iter_mut().for_each(&change);
    for member in state.queue.iter_mut().flatten() {
        if let Member::Delete { wanted, .. } = member {
            change(wanted);
        }
    }
}

enum Stream {
    Blob(u8),
    Manifest(u8),
    Pin,
}

/// A stream goes on: what expects it as it was conflicts.
fn go_on(state: &mut State, stream: Stream) {
    let blob_of = state.objects.map(|object| object.map(|object| object.blob));
    for member in state.queue.iter_mut().flatten() {
        match (member, &stream) {
            (
                Member::Store { object, conflict } | Member::Duplicate { object, conflict, .. },
                Stream::Blob(blob),
            ) => *conflict |= blob_of[usize::from(*object)] == Some(*blob),
            (
                Member::Accept { package, conflict } | Member::Lock { package, conflict, .. },
                Stream::Manifest(of),
            ) => *conflict |= package == of,
            (Member::Pin { conflict, .. } | Member::Unpin { conflict }, Stream::Pin) => *conflict = true,
            _ => {}
        }
    }
}

/// `blob.deleted`: the object is gone, and the row of its deletion. No guard, and nothing that others wait for.
pub(crate) fn record_deletion(state: &mut State, at: u8) {
    let object = state.objects[usize::from(at)].take().expect("it was there");
    go_on(state, Stream::Blob(object.blob));
}
