//! Replaying the log into a scratch schema: what rebuild and check have in common.
//!
//! - One task reads and decodes ahead while the other folds; at most `AHEAD` runs wait between them, so memory is
//!   bounded whatever the length of the log.
//! - A run is at most [`REBUILD_BATCH_EVENTS`] events, folded in a transaction of its own.

use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio::task;

use super::schema::Schema;
use crate::kernel::limits::REBUILD_BATCH_EVENTS;
use crate::log::read::{self, Query};
use crate::log::{Recorded, head};

/// Runs that are decoded and wait to be folded.
const AHEAD: usize = 2;

/// Why views were not made, rebuilt or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("replaying the log: {0}")]
    Database(#[from] sqlx::Error),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] read::Error),
    /// The head cannot be read.
    #[error(transparent)]
    Head(#[from] head::Error),
    /// Another rebuild or check is under way.
    #[error("another rebuild or check of the views is under way; try again when it has ended")]
    Busy,
    /// There is nothing to compare with: the live views were written by other folds.
    #[error(
        "the views were folded by generation {live}, this program has {ours}: run `strongroom views rebuild`"
    )]
    OtherFolds {
        /// What is live.
        live: i32,
        /// What this program has.
        ours: i32,
    },
}

impl Error {
    /// Whether it says that the log is damaged, rather than that nobody could look.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Log(read::Error::Gap { .. } | read::Error::Undecodable { .. })
            | Self::Head(head::Error::Damaged(_)) => true,
            Self::Log(read::Error::Database(_))
            | Self::Head(head::Error::Database(_))
            | Self::Database(_)
            | Self::Busy
            | Self::OtherFolds { .. } => false,
        }
    }
}

/// Where a rebuild or check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many events are folded, of those that were there when we last looked.
    Folded {
        /// Folded.
        events: u64,
        /// Of these.
        of: u64,
    },
    /// A rebuild has the head lock: appends wait until it has folded the last events and swapped.
    Swapping,
    /// What was rebuilt is live.
    Swapped,
    /// A check compares a table.
    Comparing(&'static str),
}

/// Folds everything up to where the log stands, again and again while that is worth it, so that little is left to do
/// under a lock. Returns the number of events folded.
pub(super) async fn catch_up(
    pool: &PgPool,
    connection: &mut PgConnection,
    schema: Schema,
    progress: &impl Fn(Progress),
) -> Result<u64, Error> {
    let mut folded = 0;
    let mut before = u64::MAX;
    loop {
        let size = head::read(connection).await?.size();
        let left = size.saturating_sub(folded);
        // What comes in while we fold gets less each time, or we will never be done without the lock.
        if left == 0 || (folded > 0 && (left <= u64::from(REBUILD_BATCH_EVENTS) || left > before / 2)) {
            return Ok(folded);
        }
        let mut runs = read_ahead(pool.clone(), folded, size);
        while let Some(run) = runs.recv().await {
            let run = run?;
            let mut transaction = connection.begin().await?;
            schema.choose(&mut transaction).await?;
            // A crash loses the scratch schema anyway; the commit of the swap flushes all that went before.
            sqlx::raw_sql("set local synchronous_commit = off").execute(&mut *transaction).await?;
            super::apply(&mut transaction, &run).await?;
            transaction.commit().await?;
            folded += run.len() as u64;
            progress(Progress::Folded { events: folded, of: size });
        }
        before = left;
    }
}

/// Folds the last events, from `folded` up to `size`, in the transaction that is open.
pub(super) async fn finish(
    pool: &PgPool,
    connection: &mut PgConnection,
    folded: u64,
    size: u64,
    progress: &impl Fn(Progress),
) -> Result<(), Error> {
    let mut runs = read_ahead(pool.clone(), folded, size);
    let mut folded = folded;
    while let Some(run) = runs.recv().await {
        let run = run?;
        super::apply(connection, &run).await?;
        folded += run.len() as u64;
        progress(Progress::Folded { events: folded, of: size });
    }
    Ok(())
}

/// Decoded runs of events, from a position up to another, which has to be committed. Ends after the first error, or
/// when nobody wants more.
fn read_ahead(pool: PgPool, from: u64, upto: u64) -> mpsc::Receiver<Result<Vec<Recorded>, read::Error>> {
    let (send, receive) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut next = from;
        while next < upto {
            let limit = u32::try_from(upto - next).unwrap_or(u32::MAX).min(REBUILD_BATCH_EVENTS);
            let run = run(&pool, next, limit).await;
            let failed = run.is_err();
            next += u64::from(limit);
            if send.send(run).await.is_err() || failed {
                return;
            }
        }
    });
    receive
}

async fn run(pool: &PgPool, from: u64, limit: u32) -> Result<Vec<Recorded>, read::Error> {
    let page = read::page(pool, &Query::from(from), limit).await?;
    let decode = move || page.records.into_iter().map(read::Raw::decode).collect();
    // Decoding ten thousand records takes a core for long enough to be in the way of everything else.
    task::spawn_blocking(decode).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
