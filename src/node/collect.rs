//! Garbage collection by a node: asked for, and in the background.
//!
//! - Nothing is collected unless the log continues the checkpoint kept outside of the database: by an older log, blobs of
//!   acknowledged deposits would look as if nothing referenced them.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scrub::{Post, Reach};
use super::{ControlNode, Error, Node};
use crate::control::Context;
use crate::control::collection::{self, Next, Step};
use crate::kernel::limits::{COLLECTION_INTERVAL_SECONDS, SWEEP_INTERVAL_SECONDS};
use crate::log::checkpoint;

/// Why nothing, or nothing more, was collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The log does not continue what was signed, or that cannot be found out.
    #[error("nothing is collected: {0}")]
    Unproven(#[from] checkpoint::Error),
    /// It was refused or broke off.
    #[error(transparent)]
    Collection(#[from] collection::Error),
    /// It could not be prepared.
    #[error(transparent)]
    Node(#[from] Box<Error>),
}

impl Post {
    /// One step of a collection.
    pub(super) async fn collect(&self, context: &Context, from: Option<Next>) -> Result<Step, CollectError> {
        self.prove().await?;
        let desk = self.desk(None).await.map_err(Box::new)?;
        Ok(collection::step(&self.control, context, &desk, from).await?)
    }

    /// Collects now and then, until it is told to stop.
    pub(super) async fn keep_collecting(self: Arc<Self>, context: Context, stop: CancellationToken) {
        // Not at once: what a restart interrupted has to be taken up first.
        let mut pause = Duration::from_secs(SWEEP_INTERVAL_SECONDS);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = Duration::from_secs(COLLECTION_INTERVAL_SECONDS);
            match self.collect_all(&context, &stop).await {
                Ok((0, 0)) => {}
                Ok((objects, bytes)) => tracing::info!(objects, bytes, "collected garbage"),
                Err(error) => tracing::error!(%error, "collecting garbage"),
            }
        }
    }

    async fn collect_all(
        &self,
        context: &Context,
        stop: &CancellationToken,
    ) -> Result<(u64, u64), CollectError> {
        let (mut from, mut objects, mut bytes) = (None, 0, 0);
        while !stop.is_cancelled() {
            let step = self.collect(context, from).await?;
            (objects, bytes) = (objects + step.deleted.count, bytes + step.deleted.bytes);
            metrics::counter!("strongroom_collected_objects_total").increment(step.deleted.count);
            metrics::counter!("strongroom_collected_bytes_total").increment(step.deleted.bytes);
            if let Some(reason) = &step.reason {
                tracing::warn!(
                    failed = step.failed,
                    reason,
                    "objects could not be deleted; they are tried again"
                );
            }
            match step.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        Ok((objects, bytes))
    }
}

impl Node {
    /// One step of a collection: see [`collection`].
    ///
    /// # Errors
    /// If the caller may not, or the log does not continue what was signed.
    pub async fn collect(&self, context: &Context, from: Option<Next>) -> Result<Step, CollectError> {
        self.post.collect(context, from).await
    }
}

impl ControlNode {
    /// One step of a collection, whose objects data nodes delete.
    ///
    /// # Errors
    /// If the caller may not, or the log does not continue what was signed.
    pub async fn collect(&self, context: &Context, from: Option<Next>) -> Result<Step, CollectError> {
        self.post(Reach::Elsewhere(self.board.clone())).collect(context, from).await
    }
}
