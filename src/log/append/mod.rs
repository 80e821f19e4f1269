//! Appending: the handle that callers hold, and what can go wrong.
//!
//! ```text
//! append(member) -> bounded queue -> writer task -> one transaction a batch -> reply
//! ```
//! - `look` says what has to be looked up for that, which is nothing where everything is new.
//! - `plan` decides, purely, what of a batch becomes rows and what each member is told.
//! - `transaction` is the SQL of one batch; `writer` the task that drives both, retries singly after a failure, and
//!   looks event ids up after a commit whose outcome is unknown.
//! - `wake` tells readers, in this process and others, that the log has grown.

mod look;
mod plan;
mod transaction;
mod wake;
mod writer;

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::guard::GuardFailure;
use super::member::{Appended, Expected, Member};
use super::{Folds, head, tiles};
use crate::clock::Clock;
use crate::kernel::event;
use crate::kernel::id::{EventId, StreamName};
use crate::kernel::limits::{APPEND_MEMBER_MAX_EVENTS, APPEND_QUEUE_MAX};

/// Why events were not appended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A stream moved since the decision was made: load again and decide again.
    #[error("stream {stream} is at {found:?}, the decision was made at {expected:?}")]
    Conflict {
        /// Which stream.
        stream: StreamName,
        /// What the decision saw.
        expected: Expected,
        /// What it is now.
        found: Expected,
    },
    /// A predicate over the views does not hold.
    #[error(transparent)]
    Guard(#[from] GuardFailure),
    /// The event id is known, with another content.
    #[error("event id {id} is already used at position {position} for something else; use a fresh id")]
    IdReused {
        /// The id.
        id: EventId,
        /// Where it stands.
        position: u64,
    },
    /// The member has no events, or more than it may.
    #[error("an append has 1 to {APPEND_MEMBER_MAX_EVENTS} events, this has {0}")]
    Count(usize),
    /// A record would be too large.
    #[error(transparent)]
    Record(#[from] event::Error),
    /// More appends are waiting than the queue takes.
    #[error("the log is busy; try again in {retry_after_seconds} s")]
    Busy {
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// The clock is too far from the last event.
    #[error(
        "the clock says {now_ms} ms, the last event {last_ms} ms: set the clock right, or start once with \
         --accept-clock if it is right"
    )]
    Clock {
        /// What the clock says.
        now_ms: u64,
        /// `at` of the last event.
        last_ms: u64,
    },
    /// The live views were written by other folds.
    #[error(
        "the views were folded by generation {live}, this program has {ours}: run `strongroom views rebuild`"
    )]
    OtherFolds {
        /// What is live.
        live: i32,
        /// What this program has.
        ours: i32,
    },
    /// The writer has ended.
    #[error("the log is closed: the service is shutting down")]
    Closed,
    /// The database failed. Nothing was appended, or a repetition with the same ids will tell.
    #[error("the database failed, repeating the request is safe: {0}")]
    Database(Arc<sqlx::Error>),
    /// The head or a tile is damaged.
    #[error("the log is damaged, run `strongroom audit`: {0}")]
    Damaged(Arc<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<head::Error> for Error {
    fn from(error: head::Error) -> Self {
        match error {
            head::Error::Database(error) => error.into(),
            damaged @ head::Error::Damaged(_) => Self::Damaged(Arc::new(damaged)),
        }
    }
}

impl From<tiles::Error> for Error {
    fn from(error: tiles::Error) -> Self {
        match error {
            tiles::Error::Database(error) => error.into(),
            damaged @ tiles::Error::Missing { .. } => Self::Damaged(Arc::new(damaged)),
        }
    }
}

/// How the writer runs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Appends once whatever the distance of the clock from the last event: for an operator who knows.
    pub accept_clock: bool,
}

/// The log of one process: append, and learn of growth. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    queue: mpsc::Sender<Request>,
    grown: watch::Receiver<u64>,
    hearing: wake::Hearing,
}

/// A member on its way to the writer.
struct Request {
    member: Member,
    reply: oneshot::Sender<Result<Appended, Error>>,
}

/// The tasks behind a [`Log`]; [`Tasks::drain`] ends them.
pub struct Tasks {
    writer: JoinHandle<()>,
    stopping: CancellationToken,
    wake: wake::Tasks,
}

impl Log {
    /// Starts the writer on a connection of its own.
    ///
    /// # Errors
    /// If the database cannot be reached or the head is damaged.
    pub async fn start(
        database: PgConnectOptions,
        folds: Arc<dyn Folds>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<(Self, Tasks), Error> {
        let (queue, requests) = mpsc::channel(APPEND_QUEUE_MAX);
        let mut transactions = transaction::Transactions::new(database.clone());
        let size = transactions.head_size().await?;
        let (grow, grown) = watch::channel(size);
        let wake = wake::Tasks::start(database, grow.clone());
        let writer = writer::Writer::new(transactions, folds, clock, options, grow);
        let stopping = CancellationToken::new();
        let writer = tokio::spawn(writer.run(requests, stopping.clone()));
        let hearing = wake.hearing.clone();
        Ok((Self { queue, grown, hearing }, Tasks { writer, stopping, wake }))
    }

    /// Appends a member's events, together or not at all. When this returns they are durable and in the views.
    ///
    /// # Errors
    /// See [`Error`]; except after [`Error::Database`], nothing was appended.
    pub async fn append(&self, member: Member) -> Result<Appended, Error> {
        if member.events.is_empty() || member.events.len() > APPEND_MEMBER_MAX_EVENTS {
            return Err(Error::Count(member.events.len()));
        }
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(Request { member, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy { retry_after_seconds: 1 },
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        answer.await.unwrap_or(Err(Error::Closed))
    }

    /// The size of the log as far as every append is known here: those of this process before their callers are
    /// answered, those of others when their wake-up comes. None while wake-ups cannot be heard.
    pub fn heard(&self) -> Option<u64> {
        self.hearing.now().then(|| *self.grown.borrow())
    }

    /// The size of the log as this process last heard, and a wait for it to grow.
    pub fn grown(&self) -> watch::Receiver<u64> {
        self.grown.clone()
    }
}

impl Tasks {
    /// Takes nothing more, and waits until everything queued is appended. Who appends later is told that the log is
    /// closed.
    pub async fn drain(self) {
        self.stopping.cancel();
        if self.writer.await.is_err() {
            tracing::error!("the log writer ended by a panic");
        }
        self.wake.stop();
    }
}
