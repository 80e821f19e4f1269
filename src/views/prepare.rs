//! Before the first append: are there views, and did our folds write them?

use sqlx::PgPool;

use super::replay::Error;
use super::schema::{Schema, live_exists};
use super::{GENERATION, scratch};
use crate::log::head;

/// What was found, and done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// The live views are ours.
    Ready,
    /// The log is empty: there are empty views now.
    Created,
    /// Other folds wrote the live views, or there are none. Reading the log goes on, appends are refused until
    /// [`super::rebuild`] has run.
    NeedsRebuild {
        /// Which folds wrote them; 0 where there are none.
        live: i32,
    },
}

/// Makes the views of an empty log, and tells whether those of another are ours. Under the head lock, so two
/// processes that start together do it once. Drops what killed rebuilds and checks left.
///
/// # Errors
/// If the database fails or the head is damaged.
pub async fn prepare(pool: &PgPool) -> Result<Prepared, Error> {
    let mut transaction = pool.begin().await?;
    let head = head::lock(&mut transaction).await?;
    let exists = live_exists(&mut transaction).await?;
    let prepared = if exists && head.fold_generation == GENERATION {
        Prepared::Ready
    } else if head.size() == 0 {
        Schema::Live.create(&mut transaction).await?;
        head::set_fold_generation(&mut transaction, GENERATION).await?;
        Prepared::Created
    } else if exists {
        Prepared::NeedsRebuild { live: head.fold_generation }
    } else {
        // Somebody dropped them. The head must not go on naming folds that are nowhere.
        head::set_fold_generation(&mut transaction, 0).await?;
        Prepared::NeedsRebuild { live: 0 }
    };
    transaction.commit().await?;
    scratch::clean_if_unused(pool).await;
    Ok(prepared)
}
