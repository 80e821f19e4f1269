//! The protocol of uploads, packages, what keeps them and what deletes them, looked through whole: every order of the steps
//! of all actors in small worlds, by a model checker.
//!
//! - `world.rs` says how large a world is and which safeguard it lacks, `acts.rs` what each actor does and which file it
//!   mirrors, `writer.rs` how the log takes it, `properties.rs` what is so in every state.
//! - A model that finds nothing proves nothing by that: with each safeguard taken away in turn, it must find what goes
//!   wrong then.
//! - Whoever changes the protocol in `src/` changes it here too. The same actors, at random, on a real node:
//!   `tests/retention/random`.

mod acts;
mod properties;
mod state;
mod world;
mod writer;

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::properties::{
    FREE_IS_FREED, HELD_STAYS, LOCKED_STAYS, NAMED_IS_THERE, PINNED_STAYS, PROMISES_HOLD, STARTED_ONCE,
    TAGGED_STAYS,
};
use crate::world::{Safeguard, Set, World};

/// A blob that two packages share: pushed, deleted, collected, cut off.
const SHARED: World = World {
    blobs: [Set::of([0]), Set::of([0])],
    session: 2,
    objects: 2,
    collectors: 1,
    by_word: true,
    crashes: true,
    ..World::EMPTY
};

/// A package of two blobs, of which one may be there and the other not.
const PARTIAL: World = World {
    blobs: [Set::of([0, 1]), Set::NONE],
    pushed: Set::of([0]),
    grace: 2,
    collectors: 1,
    by_word: true,
    crashes: true,
    ..World::EMPTY
};

/// Two collections at once.
const COLLECTIONS: World = World {
    blobs: [Set::of([0]), Set::NONE],
    pushed: Set::of([0]),
    collectors: 2,
    by_word: true,
    crashes: true,
    ..World::EMPTY
};

/// A package and an index that lists it; a pin and holds.
const CLAIMED: World = World {
    parts: [Set::NONE, Set::of([0])],
    grace: 2,
    by_word: true,
    by_plan: true,
    pins: true,
    holds: true,
    ..World::EMPTY
};

/// The same with locks and a tag.
const LOCKED: World = World {
    parts: [Set::NONE, Set::of([0])],
    grace: 2,
    by_word: true,
    by_plan: true,
    locks: true,
    tags: true,
    ..World::EMPTY
};

/// A package with its blob: pin, holds, plans and collections.
const WHOLE: World = World {
    blobs: [Set::of([0]), Set::NONE],
    pushed: Set::of([0]),
    grace: 2,
    objects: 2,
    collectors: 1,
    by_plan: true,
    pins: true,
    holds: true,
    crashes: true,
    ..World::EMPTY
};

/// Larger ones, of some millions of states each: looked through where `STRONGROOM_MODEL=large`, which wants a release build.
const LARGE: [(&str, World); 3] = [
    ("bytes", World { blobs: [Set::of([0]), Set::of([0, 1])], pushed: Set::of([0, 1]), ..PARTIAL }),
    ("keeping", World { pins: true, holds: true, ..LOCKED }),
    ("together", World { blobs: [Set::of([0]), Set::of([0])], pushed: Set::of([0, 1]), ..WHOLE }),
];

/// Looks through a world to its last state.
fn look_through(name: &str, world: World) {
    let began = Instant::now();
    let checked = world.checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} states, {} at most steps deep, in {:.1} s",
        checked.unique_state_count(),
        checked.max_depth(),
        began.elapsed().as_secs_f64()
    );
    assert!(checked.is_done());
    checked.assert_properties();
}

/// The world without a safeguard goes wrong in that way.
fn goes_wrong(world: &World, lacks: Safeguard, property: &'static str) {
    let world = world.without(lacks);
    let found = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checked = world.checker().threads(2).finish_when(found).spawn_bfs().join();
    let path = checked.discovery(property);
    let path = path.unwrap_or_else(|| panic!("without {lacks:?}, {property:?} has no counterexample"));
    println!("without {lacks:?}: {:?}", path.into_actions());
}

#[test]
fn bytes_that_packages_share_are_there_as_long_as_one_of_them_is() {
    look_through("shared", SHARED);
}

#[test]
fn a_push_brings_what_is_missing_and_keeps_what_is_there() {
    look_through("partial", PARTIAL);
}

#[test]
fn two_collections_at_once_start_each_deletion_once() {
    look_through("collections", COLLECTIONS);
}

#[test]
fn nothing_that_is_held_pinned_or_listed_is_deleted() {
    look_through("claimed", CLAIMED);
}

#[test]
fn nothing_that_is_locked_or_was_tagged_since_is_deleted() {
    look_through("locked", LOCKED);
}

#[test]
fn what_keeps_a_package_keeps_its_bytes_and_what_nothing_keeps_is_freed() {
    look_through("whole", WHOLE);
}

#[test]
fn larger_worlds_are_right_too_where_they_are_asked_for() {
    if std::env::var("STRONGROOM_MODEL").as_deref() == Ok("large") {
        LARGE.into_iter().for_each(|(name, world)| look_through(name, world));
    } else {
        println!("STRONGROOM_MODEL=large looks through these too: {:?}", LARGE.map(|(name, _)| name));
    }
}

#[test]
fn without_any_of_its_safeguards_something_goes_wrong() {
    let rows = [
        (&SHARED, Safeguard::BlobsFree, NAMED_IS_THERE),
        (&SHARED, Safeguard::BlobsLinked, NAMED_IS_THERE),
        (&SHARED, Safeguard::BlobsIntact, PROMISES_HOLD),
        (&SHARED, Safeguard::DeletionKey, NAMED_IS_THERE),
        (&SHARED, Safeguard::ClaimsKey, NAMED_IS_THERE),
        (&SHARED, Safeguard::GraceOutlivesSessions, PROMISES_HOLD),
        (&SHARED, Safeguard::NotFleeting, PROMISES_HOLD),
        (&SHARED, Safeguard::LinkedAgain, PROMISES_HOLD),
        (&SHARED, Safeguard::EventBeforeDeletion, NAMED_IS_THERE),
        (&SHARED, Safeguard::UniqueKeys, NAMED_IS_THERE),
        (&SHARED, Safeguard::DoneAgain, FREE_IS_FREED),
        (&COLLECTIONS, Safeguard::CollectionsWait, STARTED_ONCE),
        (&CLAIMED, Safeguard::ManifestsAccepted, NAMED_IS_THERE),
        (&CLAIMED, Safeguard::NotListed, NAMED_IS_THERE),
        (&CLAIMED, Safeguard::RetentionChanged, HELD_STAYS),
        (&CLAIMED, Safeguard::RetentionKey, HELD_STAYS),
        (&CLAIMED, Safeguard::NotPinned, PINNED_STAYS),
        (&LOCKED, Safeguard::NotLockedSince, LOCKED_STAYS),
        (&LOCKED, Safeguard::NotTaggedSince, TAGGED_STAYS),
        (&WHOLE, Safeguard::RetentionKey, PINNED_STAYS),
    ];
    for (world, lacks, property) in rows {
        goes_wrong(world, lacks, property);
    }
}
