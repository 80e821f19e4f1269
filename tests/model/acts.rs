//! Who does what: each act is one step that nothing comes between. A decision looks at the log as it is, and then waits
//! for the writer; whatever happens meanwhile is another act.

use stateright::{Model, Property};

use crate::properties;
use crate::state::{Broken, Member, Object, Push, Standing, State, Target, Wanted};
use crate::world::{BLOBS, PACKAGES, Safeguard, Set, World};
use crate::writer;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// `control/uploads.rs`: a client asks what of a package is present.
    Open(u8),
    /// `data/seal.rs`: bytes of a blob are durable, and their receipt is signed.
    Upload { package: u8, blob: u8 },
    /// `control/receipts`: what follows from a receipt is decided.
    Deliver(u8),
    /// The same, where the receipt comes too late.
    DeliverLate(u8),
    /// `control/manifests`: the client puts the manifest.
    Put(u8),
    /// `control/pins`: the pin is to claim a package.
    Pin(u8),
    /// The pin is to claim nothing.
    Unpin,
    /// `control/holds.rs`
    Hold(Target),
    /// A hold is given up.
    Release(Target),
    /// `control/locks.rs`
    Lock(u8),
    /// `control/tags.rs`
    Tag(u8),
    /// `control/deletions.rs`: somebody wants a package deleted.
    Delete(u8),
    /// `control/retention.rs`, `control/plans.rs`: a plan to delete whatever nothing keeps is made and submitted.
    Plan,
    /// `control/plans/application.rs`: a step of its application decides.
    Apply,
    /// `control/collection.rs`, `begin`: a collection chooses.
    Choose,
    /// The same, `end`: the object of a started deletion is deleted by order.
    Erase(u8),
    /// The same: that is put on record.
    Record(u8),
    /// `data/deliver.rs`, `node/sweep.rs`: an object that the log gave up is deleted.
    Sweep(u8),
    /// `log/append/writer.rs`: a batch of what waits.
    Append([Option<u8>; 2]),
    /// Time goes on.
    Tick,
    /// The process is killed, with all that waits and all that goes on. What is on disk or in the log stays.
    Crash,
}

impl Model for World {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        vec![State::START]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        self.acts_of_clients(state, acts);
        if state.has_room_to_wait() {
            self.acts_of_keepers(state, acts);
            self.acts_of_deleters(state, acts);
        }
        self.acts_upon_objects(state, acts);
        match state.members().count() {
            0 => {}
            1 => acts.push(Act::Append([Some(0), None])),
            _ => acts.extend([[0, 1], [1, 0]].map(|order| Act::Append(order.map(Some)))),
        }
        if state.members().count() == 2 {
            acts.extend([0, 1].map(|alone| Act::Append([Some(alone), None])));
        }
        acts.push(Act::Tick);
        if self.crashes {
            acts.push(Act::Crash);
        }
    }

    fn next_state(&self, last: &State, act: Act) -> Option<State> {
        let mut state = last.clone();
        self.perform(&mut state, act);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}

impl World {
    fn acts_of_clients(&self, state: &State, acts: &mut Vec<Act>) {
        for package in self.pushed.iter() {
            match state.pushes[usize::from(package)] {
                None => acts.push(Act::Open(package)),
                Some(push) => {
                    let room = state.objects().count() < self.objects;
                    acts.extend(
                        push.to_send.iter().filter(|_| room).map(|blob| Act::Upload { package, blob }),
                    );
                    let puts = |member| matches!(member, Member::Accept { package: of, .. } if of == package);
                    if push.to_send.is_empty()
                        && push.awaited.is_empty()
                        && state.has_room_to_wait()
                        && !state.members().any(puts)
                    {
                        acts.push(Act::Put(package));
                    }
                }
            }
        }
    }

    fn acts_of_keepers(&self, state: &State, acts: &mut Vec<Act>) {
        let new = |member: Member| !state.members().any(|waits| waits == member);
        for package in state.accepted.iter() {
            if self.pins && state.pin != Some(package) {
                acts.push(Act::Pin(package));
            }
            let target = Target::Package(package);
            if self.holds && !state.held.has(package) && new(Member::Hold(target)) {
                acts.push(Act::Hold(target));
            }
            if self.locks && state.locked[usize::from(package)] < self.lock {
                acts.push(Act::Lock(package));
            }
            if self.tags && new(Member::Tag(package)) {
                acts.push(Act::Tag(package));
            }
        }
        if state.pin.is_some() {
            acts.push(Act::Unpin);
        }
        if self.holds {
            let placed = state.held.iter().map(Target::Package);
            let placed = placed.chain(state.all_held.then_some(Target::Repository));
            acts.extend(placed.filter(|target| new(Member::Release(*target))).map(Act::Release));
            if !state.all_held && new(Member::Hold(Target::Repository)) {
                acts.push(Act::Hold(Target::Repository));
            }
        }
    }

    fn acts_of_deleters(&self, state: &State, acts: &mut Vec<Act>) {
        if self.by_word {
            let alone = |package: &u8| !state.deletable(self, Set::of([*package])).is_empty();
            acts.extend(state.accepted.iter().filter(alone).map(Act::Delete));
        }
        if self.by_plan {
            if !state.deletable(self, state.accepted).is_empty() {
                acts.push(Act::Plan);
            }
            if state.plan.is_some_and(|plan| !state.deletable(self, plan.packages).is_empty()) {
                acts.push(Act::Apply);
            }
        }
        let collects = |member: &Member| matches!(member, Member::Start { .. });
        if state.members().filter(collects).count() < self.collectors && !state.collectable(self).is_empty() {
            acts.push(Act::Choose);
        }
    }

    fn acts_upon_objects(&self, state: &State, acts: &mut Vec<Act>) {
        for (at, object) in state.objects() {
            let offered = |member| matches!(member, Member::Store { object, .. } | Member::Duplicate { object, .. } if object == at);
            match object.standing {
                Standing::Waiting(of) => {
                    if state.has_room_to_wait() && !state.members().any(offered) {
                        acts.push(Act::Deliver(at));
                    }
                    if of.is_none() && !state.members().any(offered) {
                        acts.push(Act::DeliverLate(at));
                    }
                }
                Standing::Discarded => acts.push(Act::Sweep(at)),
                Standing::Deleting if object.on_disk => acts.push(Act::Erase(at)),
                Standing::Deleting => acts.push(Act::Record(at)),
                Standing::Claimed | Standing::Forgotten => {}
            }
        }
    }

    pub(crate) fn perform(&self, state: &mut State, act: Act) {
        match act {
            Act::Open(package) => self.open(state, package),
            Act::Upload { package, blob } => upload(state, package, blob),
            Act::Deliver(object) => self.deliver(state, object),
            Act::DeliverLate(object) => {
                let object = state.objects[usize::from(object)].as_mut();
                object.expect("it is there").standing = Standing::Discarded;
            }
            Act::Put(package) => self.put(state, package),
            Act::Pin(package) if state.are_there(self.blobs[usize::from(package)]) => {
                wait(state, Member::Pin { package, conflict: false });
            }
            Act::Pin(_) => {}
            Act::Unpin => wait(state, Member::Unpin { conflict: false }),
            Act::Hold(target) => wait(state, Member::Hold(target)),
            Act::Release(target) => wait(state, Member::Release(target)),
            Act::Lock(package) => wait(state, Member::Lock { package, ticks: self.lock, conflict: false }),
            Act::Tag(package) => wait(state, Member::Tag(package)),
            Act::Delete(package) => {
                wait(state, Member::Delete { wanted: Wanted::now(Set::of([package])), changed: false });
            }
            Act::Plan => state.plan = Some(Wanted::now(state.deletable(self, state.accepted))),
            Act::Apply => {
                let mut wanted = state.plan.expect("there is one to apply");
                wanted.packages = state.deletable(self, wanted.packages);
                wanted.locked_since = wanted.locked_since.and(wanted.packages);
                wanted.tagged_since = wanted.tagged_since.and(wanted.packages);
                wait(state, Member::Delete { wanted, changed: false });
            }
            Act::Choose => self.choose(state),
            Act::Erase(object) | Act::Sweep(object) => self.erase(state, object),
            Act::Record(object) => writer::record_deletion(state, object),
            Act::Append(order) => {
                let order: Vec<usize> = order.into_iter().flatten().map(usize::from).collect();
                writer::batch(self, state, &order);
            }
            Act::Tick => self.tick(state),
            Act::Crash => self.crash(state),
        }
    }

    fn open(&self, state: &mut State, package: u8) {
        let is_present = |blob: &u8| {
            let left = self.grace - state.ages[usize::from(*blob)];
            let outlives = left > self.session || !self.has(Safeguard::NotFleeting);
            state.is_there(*blob) && (state.is_referenced(self, *blob) || outlives)
        };
        let all = self.blobs[usize::from(package)];
        let present = all.iter().filter(is_present).fold(Set::NONE, |set, blob| set.with(Set::of([blob])));
        let push = Push { to_send: all.without(present), awaited: Set::NONE, age: 0 };
        state.pushes[usize::from(package)] = Some(push);
    }

    fn deliver(&self, state: &mut State, object: u8) {
        let blob = state.objects[usize::from(object)].expect("it is there").blob;
        let links = state.is_free(self, blob) && self.has(Safeguard::LinkedAgain);
        let member = match state.is_there(blob) {
            true => Member::Duplicate { object, links, conflict: false },
            false => Member::Store { object, conflict: false },
        };
        wait(state, member);
    }

    /// A client that is told that something is missing ends; its next push is another.
    fn put(&self, state: &mut State, package: u8) {
        let push = state.pushes[usize::from(package)].expect("it puts what it pushed");
        let has_blobs = state.are_there(self.blobs[usize::from(package)]);
        let has_parts = self.parts[usize::from(package)].without(state.accepted).is_empty();
        if !state.accepted.has(package) && has_blobs && has_parts {
            return wait(state, Member::Accept { package, conflict: false });
        }
        if !state.accepted.has(package) && !has_blobs && push.age <= self.session {
            state.break_with(Broken::Promise);
        }
        state.pushes[usize::from(package)] = None;
    }

    fn choose(&self, state: &mut State) {
        let blobs = state.collectable(self);
        wait(state, Member::Start { blobs, touched: Set::NONE });
        if !self.has(Safeguard::EventBeforeDeletion) {
            let chosen =
                |object: &&mut Object| object.standing == Standing::Claimed && blobs.has(object.blob);
            state.objects.iter_mut().flatten().filter(chosen).for_each(|object| object.on_disk = false);
        }
    }

    fn erase(&self, state: &mut State, at: u8) {
        let erased = state.objects[usize::from(at)].expect("it is there");
        for (other, object) in (0..).zip(&mut state.objects) {
            let Some(found) = object else { continue };
            if other == at || (found.blob == erased.blob && !self.has(Safeguard::UniqueKeys)) {
                found.on_disk = false;
            }
        }
        if erased.standing == Standing::Discarded {
            state.objects[usize::from(at)] = None;
        }
    }

    pub(crate) fn tick(&self, state: &mut State) {
        for blob in 0..BLOBS {
            if state.is_free(self, blob as u8) {
                state.ages[blob] = (state.ages[blob] + 1).min(self.grace);
            }
        }
        for package in 0..PACKAGES {
            state.locked[package] = state.locked[package].saturating_sub(1);
            if let Some(push) = &mut state.pushes[package] {
                push.age = (push.age + 1).min(self.session + 1);
            }
        }
        for member in state.queue.iter_mut().flatten() {
            if let Member::Lock { ticks, .. } = member {
                *ticks = ticks.saturating_sub(1);
            }
        }
        state.queue.sort_unstable_by_key(|member| (member.is_none(), *member));
    }

    pub(crate) fn crash(&self, state: &mut State) {
        state.queue = Default::default();
        state.pushes = Default::default();
        for object in state.objects.iter_mut().flatten() {
            match object.standing {
                Standing::Waiting(_) => object.standing = Standing::Waiting(None),
                Standing::Deleting if !self.has(Safeguard::DoneAgain) => {
                    object.standing = Standing::Forgotten;
                }
                _ => {}
            }
        }
    }
}

fn upload(state: &mut State, package: u8, blob: u8) {
    let push = state.pushes[usize::from(package)].as_mut().expect("a push uploads");
    push.to_send = push.to_send.without(Set::of([blob]));
    push.awaited = push.awaited.with(Set::of([blob]));
    let object = Object { blob, on_disk: true, standing: Standing::Waiting(Some(package)) };
    let place = state.objects.iter_mut().find(|place| place.is_none()).expect("there is room");
    *place = Some(object);
}

fn wait(state: &mut State, member: Member) {
    let place = state.queue.iter_mut().find(|place| place.is_none()).expect("there is room to wait");
    *place = Some(member);
    state.queue.sort_unstable_by_key(|member| (member.is_none(), *member));
}
