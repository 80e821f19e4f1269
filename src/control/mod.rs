//! The control plane: use cases that decide and append. It never touches the bytes of blobs.
//!
//! Each use case loads what it needs, decides purely, and appends with the versions that the decision depended on:
//!
//! ```text
//! versions of streams -> views -> decide(state, command) -> append(facts, versions, guards)
//!        ^                                                      | a stream moved: load and decide again,
//!        +------------------------------------------------------+ at most APPEND_RETRIES_MAX times
//! ```
//! - Versions are read before the views that they guard: what changes in between is a conflict, never overlooked.
//! - A decision is a function of its arguments. It knows no database, no clock and no randomness.
//! - A caller may do only what a scope of theirs allows, and is told of nothing that they may not read: what is absent
//!   and what is closed to them look alike.
//! - A request that is repeated is the same append: event ids come from what makes it the same (`append`).
//! - The first push to a name makes the repository, in the same append.
//!
//! Refused, each with an error of its own: see the `Error` of each module. What any of them can meet is [`Error`].

mod append;
pub mod blobs;
mod cached;
pub mod collection;
mod context;
pub mod deletions;
pub mod erasures;
pub mod exchange;
#[cfg(test)]
mod given;
pub mod gone;
pub mod holds;
pub mod keys;
mod lock_rules;
pub mod locks;
pub mod manifests;
pub mod objects;
pub mod orders;
pub mod pins;
pub mod plans;
pub mod policies;
mod quota;
pub mod reads;
pub mod receipts;
pub mod repositories;
pub mod restoration;
pub mod retention;
pub mod retrievals;
pub mod scrub;
pub mod tags;
pub mod tiers;
pub mod tokens;
pub mod uploads;
pub mod why;

use std::fmt;
use std::sync::Arc;

use sqlx::PgPool;

use crate::access::Denied;
use crate::clock::Clock;
use crate::contract::SigningKey;
use crate::kernel::id::{KeyId, StoreName};
use crate::log::{self, Log, documents};
use crate::views;

pub use quota::{Exceeded, Limited};

pub use context::{Context, IdempotencyKey, NotAKey, Precondition};

/// What the control plane works with.
pub struct Parts {
    /// Where facts go.
    pub log: Log,
    /// Where views and documents are read.
    pub pool: PgPool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Signs grants.
    pub grant_key: SigningKey,
    /// Where new objects go.
    pub store: StoreName,
    /// All stores, and how near each is.
    pub stores: tiers::Stores,
    /// For how long a blob has to be free before it is collected, milliseconds.
    pub grace_ms: u64,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    parts: Parts,
    ring: keys::Cache,
    known: repositories::Known,
    trees: manifests::TreeChecks,
    reads: cached::Reads,
    lock_rules: lock_rules::Kept,
    applying: tokio::sync::Mutex<Option<plans::Applying>>,
}

impl Control {
    /// Of its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            ring: keys::Cache::default(),
            known: repositories::Known::default(),
            trees: manifests::TreeChecks::default(),
            reads: cached::Reads::default(),
            lock_rules: lock_rules::Kept::default(),
            applying: tokio::sync::Mutex::default(),
        }))
    }

    fn pool(&self) -> &PgPool {
        &self.0.parts.pool
    }

    fn log(&self) -> &Log {
        &self.0.parts.log
    }

    fn stores(&self) -> &tiers::Stores {
        &self.0.parts.stores
    }

    fn reads(&self) -> &cached::Reads {
        &self.0.reads
    }

    fn now_ms(&self) -> u64 {
        self.0.parts.clock.now_ms()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Control")
    }
}

/// What any use case can meet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The same idempotency key came with another request before.
    #[error("this Idempotency-Key was used for another request; use a fresh one for each")]
    IdempotencyKeyReused,
    /// The node's own key for grants was retired.
    #[error("key {0} of this node was retired; restart the node, and it makes another")]
    OwnKeyRetired(KeyId),
    /// Others changed the same thing each time that it was tried.
    #[error("others are changing the same thing; try again")]
    Contended,
    /// The log took nothing.
    #[error(transparent)]
    Log(log::Error),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The views could not be read.
    #[error(transparent)]
    Views(#[from] views::Error),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] log::read::Error),
    /// A document could not be read or written.
    #[error(transparent)]
    Document(#[from] documents::Error),
}

/// Lets `?` turn what any use case can meet into the error of one, in each module that has `Shared`.
macro_rules! shared_errors {
    () => {
        $crate::control::shared_errors!(
            @from $crate::access::Denied, sqlx::Error, $crate::views::Error, $crate::log::read::Error,
            $crate::log::documents::Error
        );
    };
    (@from $($source:ty),*) => {$(
        impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::Shared(error.into())
            }
        }
    )*};
}
use shared_errors;
