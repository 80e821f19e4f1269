//! Views: tables folded from the log, for answering and deciding.
//!
//! - A view holds nothing that is not in the log: no time of its own, nothing random. Dropped, it is rebuilt the same.
//! - One directory a view: `mod.rs` has the pure fold of a run of events into row changes, `apply.sql` the one
//!   statement that applies them, `schema.sql` the tables, `query.rs` what is asked of them.
//! - Runs of any length give the same rows: inside an append, in a rebuild, in a check. What a run says of a row that
//!   it makes itself is merged by the fold; what it says of rows from before is left to SQL.
//! - Names in SQL have no schema. `search_path` chooses: `view` is live, `view_rebuild` and `view_check` are scratch.
//! - The live views and the log move in one transaction, so a snapshot sees both at one position.
//! - `log.head.fold_generation` says which folds wrote the live views; others may read the log, not append.
//!
//! | file | concern |
//! |---|---|
//! | `prepare.rs` | views of an empty log; whether the live ones are ours |
//! | `rebuild.rs` | beside the live ones, then swapped |
//! | `check.rs` | the live ones against the log |
//! | `replay.rs`, `scratch.rs` | what the two share: reading ahead, scratch schemas, one at a time |
//! | `guards/` | predicates of the log over the views |
//!
//! Refused: appending where other folds wrote the views, two rebuilds or checks at a time.

pub mod blobs;
pub mod check;
pub mod damaged_blobs;
pub mod deleting_blobs;
pub mod discarded_objects;
pub mod erasures;
pub mod holds;
pub mod keys;
pub mod manifests;
pub mod packages;
pub mod pins;
pub mod plans;
pub mod policies;
pub mod reads;
pub mod references;
pub mod replay;
pub mod repositories;
pub mod retention;
pub mod retrievals;
pub mod scrubs;
pub mod tags;
pub mod tiers;
pub mod tokens;

#[cfg(test)]
mod given;
mod guards;
mod prepare;
mod rebuild;
mod row;
mod schema;
mod scratch;

use async_trait::async_trait;
use sqlx::PgConnection;

pub use check::{Report, check};
pub use prepare::{Prepared, prepare};
pub use rebuild::{Rebuilt, rebuild};
pub use replay::Progress;
pub use repositories::{NamePattern, Visible};

use crate::log::{Folds, Guard, GuardFailure, Recorded};

/// Which folds these are. One more with every change of a table, a fold or an `apply.sql` that changes any row.
pub const GENERATION: i32 = 7;

/// Why a view did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("reading the views: {0}")]
    Database(#[from] sqlx::Error),
    /// A row is what no fold writes.
    #[error(
        "view {table} is damaged ({what}): run `strongroom views check`, then `strongroom views rebuild`"
    )]
    Damaged {
        /// The table.
        table: &'static str,
        /// Which column, and what is wrong with it.
        what: String,
    },
}

/// The folds of this program, for the log's writer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Views;

#[async_trait]
impl Folds for Views {
    fn generation(&self) -> i32 {
        GENERATION
    }

    async fn failing_guards(
        &self,
        connection: &mut PgConnection,
        guards: &[&Guard],
    ) -> Result<Vec<(usize, GuardFailure)>, sqlx::Error> {
        guards::failing(connection, guards).await
    }

    async fn apply(&self, connection: &mut PgConnection, events: &[Recorded]) -> Result<(), sqlx::Error> {
        apply(connection, events).await
    }
}

/// Applies a run of events to the views that `search_path` finds: one statement for each view that it touches.
async fn apply(connection: &mut PgConnection, events: &[Recorded]) -> Result<(), sqlx::Error> {
    repositories::fold(events).apply(connection).await?;
    blobs::fold(events).apply(connection).await?;
    manifests::fold(events).apply(connection).await?;
    tags::fold(events).apply(connection).await?;
    pins::fold(events).apply(connection).await?;
    tokens::fold(events).apply(connection).await?;
    keys::fold(events).apply(connection).await?;
    reads::fold(events).apply(connection).await?;
    discarded_objects::fold(events).apply(connection).await?;
    // After `blobs`, which says what object each blob has.
    damaged_blobs::fold(events).apply(connection).await?;
    scrubs::fold(events).apply(connection).await?;
    policies::fold(events).apply(connection).await?;
    references::fold(events).apply(connection).await?;
    // After `references`, which says what packages hold on to.
    tiers::fold(events).apply(connection).await?;
    deleting_blobs::fold(events).apply(connection).await?;
    holds::fold(events).apply(connection).await?;
    retention::fold(events).apply(connection).await?;
    plans::fold(events).apply(connection).await?;
    erasures::fold(events).apply(connection).await?;
    retrievals::fold(events).apply(connection).await
}
