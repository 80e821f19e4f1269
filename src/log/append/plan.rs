//! Planning a batch: purely, from what was loaded under the head lock, to rows and answers.
//!
//! - Members are taken in order; each becomes rows whole, or is refused, or waits for the next batch.
//! - One waits when it reads what an earlier one of this batch writes, repeats one of its event ids, or no longer
//!   fits the bounds of a batch.
//! - Versions move within the batch, so of two members that expect the same version the first wins.

use std::collections::{HashMap, HashSet};

use super::Error;
use crate::kernel::event::Event;
use crate::kernel::id::{EventId, StreamName};
use crate::kernel::limits::{
    APPEND_BATCH_MAX_BYTES, APPEND_BATCH_MAX_EVENTS, CLOCK_JUMP_BACK_MAX_MS, CLOCK_JUMP_FORWARD_MAX_MS,
};
use crate::kernel::merkle::{Frontier, Hash, leaf_hash};
use crate::log::Recorded;
use crate::log::guard::{Guard, GuardFailure};
use crate::log::head::Head;
use crate::log::member::{Appended, Expected, Member};
use crate::log::tiles::{Edge, Tile};

/// What the database said under the head lock.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// Versions of the streams named by the batch; those not here have no event.
    pub(super) versions: HashMap<StreamName, u64>,
    /// Event ids of the batch that the log has already.
    pub(super) known: HashMap<EventId, (u64, Event)>,
    /// Guards that do not hold, by member.
    pub(super) failed_guards: HashMap<usize, GuardFailure>,
}

/// What happens to one member.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is told this once the batch has committed.
    Answer(Result<Appended, Error>),
    /// It goes first into the next batch.
    Wait,
}

/// The rows of a batch and the state after it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) events: Vec<Recorded>,
    pub(super) leaves: Vec<Hash>,
    pub(super) tiles: Vec<Tile>,
    pub(super) versions: HashMap<StreamName, u64>,
    pub(super) frontier: Frontier,
    pub(super) edge: Edge,
    pub(super) at_ms: u64,
    pub(super) outcomes: Vec<Outcome>,
}

impl Plan {
    /// Whether any member is told no.
    pub(super) fn refuses(&self) -> bool {
        self.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Answer(Err(_))))
    }
}

/// The `at` of the next events.
///
/// # Errors
/// If the clock is too far from the last event.
pub(super) fn next_at(now_ms: u64, head: &Head, accept: bool) -> Result<u64, Error> {
    let last_ms = head.last_at_ms;
    let jumped = now_ms > last_ms.saturating_add(CLOCK_JUMP_FORWARD_MAX_MS)
        || now_ms.saturating_add(CLOCK_JUMP_BACK_MAX_MS) < last_ms;
    if head.size() > 0 && jumped && !accept {
        return Err(Error::Clock { now_ms, last_ms });
    }
    Ok(now_ms.max(last_ms))
}

/// Plans a batch.
pub(super) fn plan(members: &[Member], mut loaded: Loaded, head: Head, edge: Edge, at_ms: u64) -> Plan {
    let failed_guards = std::mem::take(&mut loaded.failed_guards);
    let mut batch = Batch {
        loaded,
        written: HashSet::new(),
        ids: HashSet::new(),
        bytes: 0,
        plan: Plan {
            events: Vec::with_capacity(members.len()),
            leaves: Vec::with_capacity(members.len()),
            tiles: Vec::new(),
            versions: HashMap::with_capacity(members.len()),
            frontier: head.frontier,
            edge,
            at_ms,
            outcomes: Vec::with_capacity(members.len()),
        },
    };
    for (index, member) in members.iter().enumerate() {
        let outcome = batch.take(member, failed_guards.get(&index));
        batch.plan.outcomes.push(outcome);
    }
    batch.plan
}

struct Batch {
    loaded: Loaded,
    written: HashSet<String>,
    ids: HashSet<EventId>,
    bytes: usize,
    plan: Plan,
}

impl Batch {
    fn take(&mut self, member: &Member, failed_guard: Option<&GuardFailure>) -> Outcome {
        if member.reads.iter().any(|key| self.written.contains(key))
            || member.events.iter().any(|event| self.ids.contains(&event.id))
        {
            return Outcome::Wait;
        }
        // A repeated id is looked at before versions: a retry must not conflict with its own first success.
        if member.events.iter().any(|event| self.loaded.known.contains_key(&event.id)) {
            return Outcome::Answer(self.repeated(member));
        }
        if let Some(failure) = failed_guard.cloned().or_else(|| self.elsewhen(member)) {
            return Outcome::Answer(Err(failure.into()));
        }
        if let Some(conflict) = self.conflict(member) {
            return Outcome::Answer(Err(conflict));
        }
        match self.encode(member) {
            Ok(rows) if self.fits(&rows) => Outcome::Answer(Ok(self.add(member, rows))),
            Ok(_) => Outcome::Wait,
            Err(error) => Outcome::Answer(Err(error)),
        }
    }

    /// The guards that only the log can answer.
    fn elsewhen(&self, member: &Member) -> Option<GuardFailure> {
        let at_ms = self.plan.at_ms;
        let fails = |guard: &Guard| match guard {
            Guard::RecordedWithin { from_ms, until_ms } => !(*from_ms..=*until_ms).contains(&at_ms),
            _ => false,
        };
        member.guards.iter().any(fails).then_some(GuardFailure::RecordedElsewhen { at_ms })
    }

    /// The first positions, if every event of the member stands in the log with this content.
    fn repeated(&self, member: &Member) -> Result<Appended, Error> {
        let position_of = |new: &crate::log::NewEvent| match self.loaded.known.get(&new.id) {
            Some((position, old))
                if old.actor == new.actor && old.stream == new.stream && old.fact == new.fact =>
            {
                Ok(*position)
            }
            Some((position, _)) => Err(Error::IdReused { id: new.id, position: *position }),
            None => {
                let (id, (position, _)) = self.known_of(member);
                Err(Error::IdReused { id, position })
            }
        };
        let positions = member.events.iter().map(position_of).collect::<Result<_, _>>()?;
        Ok(Appended { positions, repeated: true })
    }

    fn known_of(&self, member: &Member) -> (EventId, (u64, &Event)) {
        let known =
            |id: &EventId| self.loaded.known.get(id).map(|(position, event)| (*id, (*position, event)));
        member.events.iter().find_map(|event| known(&event.id)).expect("called for members with a known id")
    }

    fn conflict(&self, member: &Member) -> Option<Error> {
        member.expected.iter().find_map(|(stream, expected)| {
            let found = Expected::from(self.version(stream));
            (found != *expected).then(|| Error::Conflict {
                stream: stream.clone(),
                expected: *expected,
                found,
            })
        })
    }

    fn version(&self, stream: &StreamName) -> Option<u64> {
        self.plan.versions.get(stream).or_else(|| self.loaded.versions.get(stream)).copied()
    }

    fn encode(&self, member: &Member) -> Result<Vec<Recorded>, Error> {
        let mut own: HashMap<&StreamName, u64> = HashMap::new();
        let mut rows = Vec::with_capacity(member.events.len());
        for new in &member.events {
            let before = own.get(&new.stream).copied().or_else(|| self.version(&new.stream));
            let seq = before.map_or(0, |version| version + 1);
            own.insert(&new.stream, seq);
            let event = Event {
                id: new.id,
                at_ms: self.plan.at_ms,
                actor: new.actor.clone(),
                stream: new.stream.clone(),
                seq,
                fact: new.fact.clone(),
                cause: new.cause,
            };
            let record = event.encode()?;
            rows.push(Recorded { position: self.plan.frontier.size() + rows.len() as u64, event, record });
        }
        Ok(rows)
    }

    /// The first member always fits: what one member may be is bounded where it enters.
    fn fits(&self, rows: &[Recorded]) -> bool {
        let bytes: usize = rows.iter().map(|row| row.record.len()).sum();
        self.plan.events.is_empty()
            || (self.bytes + bytes <= APPEND_BATCH_MAX_BYTES
                && self.plan.events.len() + rows.len() <= APPEND_BATCH_MAX_EVENTS)
    }

    fn add(&mut self, member: &Member, rows: Vec<Recorded>) -> Appended {
        let positions = rows.iter().map(|row| row.position).collect();
        for row in rows {
            let leaf = leaf_hash(&row.record);
            self.bytes += row.record.len();
            self.plan.frontier.push(leaf);
            self.plan.tiles.extend(self.plan.edge.push(leaf));
            self.plan.leaves.push(leaf);
            self.plan.versions.insert(row.event.stream.clone(), row.event.seq);
            self.plan.events.push(row);
        }
        self.ids.extend(member.events.iter().map(|event| event.id));
        self.written.extend(member.writes.iter().cloned());
        Appended { positions, repeated: false }
    }
}

#[cfg(test)]
mod tests;
