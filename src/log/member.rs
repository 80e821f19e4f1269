//! What a use case hands to the writer: events, and what must still be true when they are appended.

use uuid::Uuid;

use super::guard::Guard;
use crate::kernel::event::Fact;
use crate::kernel::id::{Actor, EventId, RequestId, StreamName};

/// An event before it has a place: the writer adds `at`, `seq` and the position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Unique; the same id with the same content is the same append.
    pub id: EventId,
    /// Who does it.
    pub actor: Actor,
    /// What it is about.
    pub stream: StreamName,
    /// What happens.
    pub fact: Fact,
    /// The request that leads to it.
    pub cause: Option<RequestId>,
}

impl NewEvent {
    /// With a fresh id.
    pub fn new(actor: Actor, stream: StreamName, fact: impl Into<Fact>) -> Self {
        Self { id: EventId(Uuid::now_v7()), actor, stream, fact: fact.into(), cause: None }
    }
}

/// The version of a stream that a decision was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It had no event.
    Absent,
    /// Its last event had this `seq`.
    At(u64),
}

impl From<Option<u64>> for Expected {
    fn from(version: Option<u64>) -> Self {
        version.map_or(Self::Absent, Self::At)
    }
}

/// Events that are appended together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// In the order in which they take their positions.
    pub events: Vec<NewEvent>,
    /// Every stream that the decision depended on, with the version that it saw.
    pub expected: Vec<(StreamName, Expected)>,
    /// What must hold in the views.
    pub guards: Vec<Guard>,
    /// Coarse names of what the guards look at.
    pub reads: Vec<String>,
    /// Coarse names of what the events change for guards of others.
    pub writes: Vec<String>,
}

/// Where a member's events stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Position of each event, in the order of [`Member::events`].
    pub positions: Vec<u64>,
    /// Whether an earlier append had put them there.
    pub repeated: bool,
}

impl Appended {
    /// Position of the last event.
    pub fn last(&self) -> u64 {
        *self.positions.last().expect("a member has at least one event")
    }
}
