//! Tiers by a node: blobs are moved, and packages retrieved; asked for, and in the background.
//!
//! - Nothing is moved unless the log continues the checkpoint kept outside of the database: what an older log says of tiers
//!   is not what was decided, and the object that a blob had goes after the move.
//! - Blobs that take longer than a request may are moved in the background only.
//! - A restoration deletes nothing, and needs no proof. Retrievals that are not over are looked at every few seconds; the first
//!   look is when one is asked for, so that what lies on a disk is there at once.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scrub::{Post, Reach};
use super::{ACTOR, ControlNode, Error, Node};
use crate::config::Settings;
use crate::control::Context;
use crate::control::retrievals::{self, Found, State};
use crate::control::tiers::{self, Step, StoreTier, Stores};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Reference, RepositoryName, RetrievalId};
use crate::kernel::limits::{
    MOVED_STEP_BYTES, RETRIEVAL_FIRST_LOOK_SECONDS, RETRIEVAL_LOOK_SECONDS, SWEEP_INTERVAL_SECONDS,
    TIER_INTERVAL_SECONDS,
};
use crate::log::checkpoint;

/// Why nothing, or nothing more, was moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The log does not continue what was signed, or that cannot be found out.
    #[error("nothing is moved: {0}")]
    Unproven(#[from] checkpoint::Error),
    /// It was refused or broke off.
    #[error(transparent)]
    Tiers(#[from] tiers::Error),
    /// It could not be prepared.
    #[error(transparent)]
    Node(#[from] Box<Error>),
}

/// The stores of a node, and how near each is.
pub(super) fn of(settings: &Settings) -> Stores {
    Stores::of(settings.stores.iter().map(|store| StoreTier {
        name: store.name.clone(),
        tier: store.tier,
        min_object_bytes: store.min_object_bytes,
        early_delete_days: store.early_delete_days.into(),
    }))
}

impl Post {
    /// One step of the mover.
    pub(super) async fn move_some(
        &self,
        context: &Context,
        after: Option<Blake3>,
        largest_bytes: u64,
    ) -> Result<Step, MoveError> {
        self.prove().await?;
        let desk = self.desk(None).await.map_err(Box::new)?;
        Ok(tiers::step(&self.control, context, &desk, after, largest_bytes).await?)
    }

    /// Moves now and then, until it is told to stop.
    pub(super) async fn keep_moving(self: Arc<Self>, context: Context, stop: CancellationToken) {
        if of(&self.settings).is_flat() {
            return;
        }
        // Not at once: what a restart interrupted has to be taken up first.
        let mut pause = Duration::from_secs(SWEEP_INTERVAL_SECONDS);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = Duration::from_secs(TIER_INTERVAL_SECONDS);
            match self.move_all(&context, &stop).await {
                Ok((0, 0)) => {}
                Ok((blobs, bytes)) => tracing::info!(blobs, bytes, "moved blobs to other tiers"),
                Err(error) => tracing::error!(%error, "moving blobs to other tiers"),
            }
        }
    }

    async fn move_all(&self, context: &Context, stop: &CancellationToken) -> Result<(u64, u64), MoveError> {
        let (mut after, mut blobs, mut bytes) = (None, 0, 0);
        while !stop.is_cancelled() {
            let step = self.move_some(context, after, u64::MAX).await?;
            (blobs, bytes) = (blobs + step.moved.count, bytes + step.moved.bytes);
            metrics::counter!("strongroom_moved_blobs_total").increment(step.moved.count);
            metrics::counter!("strongroom_moved_bytes_total").increment(step.moved.bytes);
            if let Some(reason) = &step.reason {
                tracing::warn!(
                    failed = step.failed,
                    reason,
                    "blobs could not be moved; they are tried again"
                );
            }
            match step.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok((blobs, bytes))
    }

    /// Asks for a package, and looks at once whether it is there.
    pub(super) async fn retrieve(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        days: Option<u64>,
    ) -> Result<Found, retrievals::Error> {
        let asked = retrievals::request(&self.control, context, repository, reference, days).await?;
        if !matches!(asked.1, State::Requested | State::Restoring) {
            return Ok(asked);
        }
        let patience = Duration::from_secs(RETRIEVAL_FIRST_LOOK_SECONDS);
        match tokio::time::timeout(patience, self.drive(asked.0.retrieval)).await {
            Ok(Some(found)) => Ok(found),
            // The next look is in the background.
            Ok(None) | Err(_) => Ok(asked),
        }
    }

    async fn drive(&self, retrieval: RetrievalId) -> Option<Found> {
        let desk = self.desk(None).await.inspect_err(|error| tracing::warn!(%error, "no order can be given"));
        let (desk, actor) = (desk.ok()?, ACTOR.parse().expect("an actor"));
        let driven = retrievals::drive(&self.control, &actor, &desk, retrieval).await;
        driven.inspect_err(|error| tracing::warn!(%retrieval, %error, "looking at a retrieval")).ok()
    }

    /// Goes on with retrievals, until it is told to stop.
    pub(super) async fn keep_retrieving(self: Arc<Self>, stop: CancellationToken) {
        let actor = ACTOR.parse().expect("an actor");
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(RETRIEVAL_LOOK_SECONDS)) => {}
            }
            let looked = async {
                if !retrievals::any_open(&self.control).await? {
                    return Ok(0);
                }
                let Ok(desk) = self.desk(None).await.inspect_err(|error| {
                    tracing::warn!(%error, "no order can be given");
                }) else {
                    return Ok(0);
                };
                retrievals::step(&self.control, &actor, &desk).await
            };
            let looked: Result<u64, retrievals::Error> = looked.await;
            match looked {
                Ok(open) => metrics::gauge!("strongroom_retrievals_open").set(open as f64),
                Err(error) => tracing::warn!(%error, "looking at retrievals"),
            }
        }
    }
}

impl Node {
    /// One step of the mover, for whoever waits for it: see [`tiers`].
    ///
    /// # Errors
    /// If the caller may not, or the log does not continue what was signed.
    pub async fn move_some(&self, context: &Context, after: Option<Blake3>) -> Result<Step, MoveError> {
        self.post.move_some(context, after, MOVED_STEP_BYTES).await
    }

    /// Asks for a package that lies in a cold store: see [`retrievals`].
    ///
    /// # Errors
    /// If there is no such package, or the caller may not pull it.
    pub async fn retrieve(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        days: Option<u64>,
    ) -> Result<Found, retrievals::Error> {
        self.post.retrieve(context, repository, reference, days).await
    }
}

impl ControlNode {
    /// One step of the mover, by data nodes.
    ///
    /// # Errors
    /// As [`Node::move_some`].
    pub async fn move_some(&self, context: &Context, after: Option<Blake3>) -> Result<Step, MoveError> {
        self.post(Reach::Elsewhere(self.board.clone())).move_some(context, after, MOVED_STEP_BYTES).await
    }

    /// Asks for a package that lies in a cold store of data nodes.
    ///
    /// # Errors
    /// As [`Node::retrieve`].
    pub async fn retrieve(
        &self,
        context: &Context,
        repository: &RepositoryName,
        reference: &Reference,
        days: Option<u64>,
    ) -> Result<Found, retrievals::Error> {
        self.post(Reach::Elsewhere(self.board.clone())).retrieve(context, repository, reference, days).await
    }
}
