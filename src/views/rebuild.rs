//! Rebuilding the views from the log, beside the live ones.
//!
//! ```text
//! 1 make view_rebuild                      a crash leaves an empty scratch schema, which the next one drops
//! 2 fold the log, catch up                 a crash leaves part of it, likewise
//! 3 lock the head, fold the last events,   one transaction: a crash leaves it as after 2
//!   rename view -> view_retired, view_rebuild -> view, name our folds in the head
//! 4 drop view_retired                      a crash leaves it to the next one, or the next start
//! ```
//! - Readers see the old views whole or the new ones whole. One that read the old ones when they were swapped reads on;
//!   dropping waits for it.
//! - Appends go on, but for step 3.

use sqlx::{Connection, PgPool};

use super::replay::{Error, Progress, catch_up, finish};
use super::schema::Schema;
use super::scratch::Exclusive;
use super::{GENERATION, replay};
use crate::log::head;

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// Events that the views are folded from: the size of the log at the swap.
    pub events: u64,
}

/// Rebuilds all views from the log and makes them live.
///
/// # Errors
/// See [`replay::Error`]; the live views are as they were then.
pub async fn rebuild(pool: &PgPool, progress: impl Fn(Progress)) -> Result<Rebuilt, replay::Error> {
    let mut exclusive = Exclusive::take(pool).await?;
    let result = beside(pool, &mut exclusive, &progress).await;
    if result.is_ok() {
        progress(Progress::Swapped);
    }
    exclusive.release().await;
    result
}

async fn beside(
    pool: &PgPool,
    exclusive: &mut Exclusive,
    progress: &impl Fn(Progress),
) -> Result<Rebuilt, Error> {
    // What was replaced last has to be gone before its name is needed again.
    exclusive.clean().await?;
    let connection = exclusive.connection();
    let mut transaction = connection.begin().await?;
    Schema::Rebuild.create(&mut transaction).await?;
    transaction.commit().await?;

    let folded = catch_up(pool, connection, Schema::Rebuild, progress).await?;
    let mut transaction = connection.begin().await?;
    Schema::Rebuild.choose(&mut transaction).await?;
    // Queries on the new tables must not wait for the next automatic analysis to be planned well.
    sqlx::raw_sql(include_str!("sql/rebuild_analyze.sql")).execute(&mut *transaction).await?;
    transaction.commit().await?;

    let mut transaction = connection.begin().await?;
    Schema::Rebuild.choose(&mut transaction).await?;
    let size = head::lock(&mut transaction).await?.size();
    progress(Progress::Swapping);
    finish(pool, &mut transaction, folded, size, progress).await?;
    sqlx::raw_sql(include_str!("sql/rebuild_swap.sql")).execute(&mut *transaction).await?;
    head::set_fold_generation(&mut transaction, GENERATION).await?;
    transaction.commit().await?;
    Ok(Rebuilt { events: size })
}
