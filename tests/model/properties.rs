//! What is so in every state.

use stateright::Property;

use crate::acts::Act;
use crate::state::{Broken, Standing, State};
use crate::world::{BLOBS, World};

pub(crate) const NAMED_IS_THERE: &str = "what an accepted package names is there, with its bytes";
pub(crate) const HELD_STAYS: &str = "nothing that is held is deleted";
pub(crate) const LOCKED_STAYS: &str = "nothing that is locked is deleted";
pub(crate) const PINNED_STAYS: &str = "nothing that is pinned is deleted";
pub(crate) const TAGGED_STAYS: &str = "nothing that was tagged since is deleted";
pub(crate) const PROMISES_HOLD: &str = "what a push was told is there outlives its session";
pub(crate) const STARTED_ONCE: &str = "the deletion of an object is started once";
pub(crate) const FREE_IS_FREED: &str = "a collection alone frees everything that is free";
/// What the world is about does happen in it.
pub(crate) const PACKAGES_STAND: &str = "packages stand";
pub(crate) const BYTES_GO: &str = "bytes go";
pub(crate) const UPLOADED_MEANWHILE: &str = "what is deleted comes again meanwhile";

pub(crate) fn all(world: &World) -> Vec<Property<World>> {
    let mut properties = vec![
        Property::always(NAMED_IS_THERE, named_is_there),
        Property::always(HELD_STAYS, |_: &World, state: &State| state.broken != Some(Broken::Held)),
        Property::always(LOCKED_STAYS, |_: &World, state: &State| state.broken != Some(Broken::Locked)),
        Property::always(PINNED_STAYS, |_: &World, state: &State| state.broken != Some(Broken::Pinned)),
        Property::always(TAGGED_STAYS, |_: &World, state: &State| state.broken != Some(Broken::Tagged)),
        Property::always(PROMISES_HOLD, |_: &World, state: &State| state.broken != Some(Broken::Promise)),
        Property::always(STARTED_ONCE, |_: &World, state: &State| state.broken != Some(Broken::StartedTwice)),
        Property::always(FREE_IS_FREED, free_is_freed),
        Property::sometimes(PACKAGES_STAND, |world: &World, state: &State| state.accepted == world.pushed),
    ];
    if world.collectors > 0 {
        properties.push(Property::sometimes(BYTES_GO, |_, state: &State| {
            state.objects().any(|(_, object)| object.standing == Standing::Deleting && !object.on_disk)
        }));
        properties.push(Property::sometimes(UPLOADED_MEANWHILE, |_, state: &State| {
            state
                .objects()
                .any(|(_, object)| object.standing == Standing::Deleting && state.is_there(object.blob))
        }));
    }
    properties
}

/// Every blob and every part of every package; and whatever object the log says is a blob's.
fn named_is_there(world: &World, state: &State) -> bool {
    let has = |package: u8| {
        state.are_there(world.blobs[usize::from(package)])
            && world.parts[usize::from(package)].without(state.accepted).is_empty()
    };
    let is_whole = |blob: u8| state.object_of(blob).is_none_or(|object| object.on_disk);
    state.accepted.iter().all(has) && (0..BLOBS as u8).all(is_whole)
}

/// After a crash, with nobody left but those who clean up, the store holds what packages reference and nothing else.
fn free_is_freed(world: &World, state: &State) -> bool {
    let mut state = state.clone();
    world.crash(&mut state);
    for (at, object) in state.clone().objects() {
        if matches!(object.standing, Standing::Waiting(_)) {
            world.perform(&mut state, Act::DeliverLate(at));
        }
    }
    (0..world.grace).for_each(|_| world.tick(&mut state));
    if !state.collectable(world).is_empty() {
        world.perform(&mut state, Act::Choose);
        world.perform(&mut state, Act::Append([Some(0), None]));
    }
    for (at, object) in state.clone().objects() {
        match object.standing {
            Standing::Discarded => world.perform(&mut state, Act::Sweep(at)),
            Standing::Deleting => {
                world.perform(&mut state, Act::Erase(at));
                world.perform(&mut state, Act::Record(at));
            }
            Standing::Waiting(_) | Standing::Claimed | Standing::Forgotten => {}
        }
    }
    state
        .objects()
        .all(|(_, object)| object.standing == Standing::Claimed && state.is_referenced(world, object.blob))
}
