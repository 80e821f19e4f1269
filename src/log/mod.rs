//! The append-only truth.
//!
//! - [`Log::append`] is the only writer. One task a process drains a bounded queue into one transaction a batch,
//!   under the lock of the one row of `log.head`, so positions are gap-free and no reader misses one.
//! - An event is appended once or not at all: a repeated event id with the same content gives the first position.
//! - The Merkle frontier moves, and all views are folded, in the transaction that appends.
//! - Logged bytes never change; the database itself refuses (triggers), and checkpoints catch who forces it.
//!
//! Refused: stale expected versions, guards that do not hold, another content under a known id, a clock that jumped,
//! a full queue.

mod append;
pub mod checkpoint;

pub mod documents;
pub mod guard;
pub mod head;
pub mod member;
pub mod read;
pub mod tiles;

use async_trait::async_trait;
use sqlx::PgConnection;

pub use append::{Error, Log, Options, Tasks};
pub use guard::{Guard, GuardFailure};
pub use member::{Appended, Expected, Member, NewEvent};

use crate::kernel::event::Event;

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its leaf index.
    pub position: u64,
    /// What the record says.
    pub event: Event,
    /// The record, exactly as hashed.
    pub record: Vec<u8>,
}

/// The folds that keep the views, as the writer needs them. The log does not know the views; it is handed this.
///
/// Both calls run inside the appending transaction, with the head row locked and `search_path` set to the live views.
#[async_trait]
pub trait Folds: Send + Sync + 'static {
    /// Which folds these are. The writer refuses to append where other folds wrote the live views.
    fn generation(&self) -> i32;

    /// Of these guards, those that do not hold, by their index.
    async fn failing_guards(
        &self,
        connection: &mut PgConnection,
        guards: &[&Guard],
    ) -> Result<Vec<(usize, GuardFailure)>, sqlx::Error>;

    /// Applies a run of events, in order, to the views. Runs of any length give the same rows.
    async fn apply(&self, connection: &mut PgConnection, events: &[Recorded]) -> Result<(), sqlx::Error>;
}
