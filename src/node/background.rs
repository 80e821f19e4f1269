//! What runs now and then: receipts are offered again, what uploads left behind is swept, keys that were added or
//! retired are learned, blobs are read again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use super::orders::Errands;
use super::scrub::Post;
use super::sweep::{SweepError, SweptObjects};
use super::webhooks::Hooks;
use crate::contract::SharedRing;
use crate::control::{Context, Control, keys};
use crate::data::DataPlane;
use crate::kernel::limits::{
    KEY_RING_AGE_MAX_MS, OBJECT_SWEEP_INTERVAL_SECONDS, REDELIVERY_INTERVAL_SECONDS, SWEEP_INTERVAL_SECONDS,
};

/// The tasks, until they are stopped.
pub(super) struct Tasks {
    stopping: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Tasks {
    /// Of a data plane whose control plane is in this process.
    pub(super) fn of_data(data: &DataPlane, post: &Arc<Post>, context: &Context) -> Self {
        Self::start(|stopping| {
            let (proving, sweeping) = (post.clone(), post.clone());
            let may = move || {
                let post = proving.clone();
                async move {
                    let proven = post.prove().await;
                    proven.inspect_err(|error| tracing::error!(%error, "nothing is swept")).is_ok()
                }
            };
            vec![
                redeliver(data, stopping),
                sweep(data, stopping, may),
                tokio::spawn(sweep_objects(stopping.clone(), move || {
                    let post = sweeping.clone();
                    async move { post.sweep(false).await }
                })),
                tokio::spawn(post.clone().keep_scrubbing(stopping.clone())),
                tokio::spawn(post.clone().keep_collecting(context.clone(), stopping.clone())),
                tokio::spawn(post.clone().keep_schedules(context.clone(), stopping.clone())),
                tokio::spawn(post.clone().keep_moving(context.clone(), stopping.clone())),
                tokio::spawn(post.clone().keep_retrieving(stopping.clone())),
            ]
        })
    }

    /// Of a data plane whose control plane is elsewhere.
    pub(super) fn apart(data: &DataPlane, link: &Arc<Link>, errands: &Errands) -> Self {
        Self::start(|stopping| {
            let (refreshing, answered) = (link.clone(), link.clone());
            let refresh = every(KEY_RING_AGE_MAX_MS / 1_000, stopping.clone(), move || {
                let link = refreshing.clone();
                async move { link.refresh().await }
            });
            let sweep = sweep(data, stopping, move || std::future::ready(answered.has_answered()));
            let sweeping = errands.clone();
            let objects = sweep_objects(stopping.clone(), move || {
                let errands = sweeping.clone();
                async move { errands.sweep(false).await }
            });
            vec![
                tokio::spawn(refresh),
                redeliver(data, stopping),
                sweep,
                tokio::spawn(objects),
                tokio::spawn(errands.clone().run(stopping.clone())),
                tokio::spawn(errands.clone().redeliver(stopping.clone())),
            ]
        })
    }

    /// Of a control plane alone: data nodes read blobs again for it, and delete them.
    pub(super) fn scrubbing(post: Arc<Post>, context: Context) -> Self {
        Self::start(|stopping| {
            let collecting = post.clone().keep_collecting(context.clone(), stopping.clone());
            let moving = post.clone().keep_moving(context.clone(), stopping.clone());
            let retrieving = post.clone().keep_retrieving(stopping.clone());
            let scheduling = post.clone().keep_schedules(context, stopping.clone());
            let scrubbing = post.keep_scrubbing(stopping.clone());
            vec![
                tokio::spawn(scrubbing),
                tokio::spawn(collecting),
                tokio::spawn(scheduling),
                tokio::spawn(moving),
                tokio::spawn(retrieving),
            ]
        })
    }

    /// Of a control plane: it learns which keys were added or retired, also by other processes, and tells webhooks.
    pub(super) fn of_control(control: &Control, ring: SharedRing, hooks: Hooks) -> Self {
        Self::start(|stopping| {
            let control = control.clone();
            let learn = every(KEY_RING_AGE_MAX_MS / 1_000, stopping.clone(), move || {
                let (control, ring) = (control.clone(), ring.clone());
                async move {
                    match keys::ring(&control).await {
                        Ok(keys) => ring.replace(keys),
                        Err(error) => tracing::warn!(%error, "learning of keys"),
                    }
                }
            });
            vec![tokio::spawn(learn), tokio::spawn(hooks.run(stopping.clone()))]
        })
    }

    fn start(begin: impl FnOnce(&CancellationToken) -> Vec<JoinHandle<()>>) -> Self {
        let stopping = CancellationToken::new();
        let running = begin(&stopping);
        Self { stopping, running }
    }

    /// Ends them; what they are doing is finished first.
    pub(super) async fn stop(self) {
        self.stopping.cancel();
        for task in self.running {
            if task.await.is_err() {
                tracing::error!("a background task ended by a panic");
            }
        }
    }
}

/// Begins at once with what an earlier process left.
fn redeliver(data: &DataPlane, stopping: &CancellationToken) -> JoinHandle<()> {
    let redelivering = data.clone();
    tokio::spawn(every(REDELIVERY_INTERVAL_SECONDS, stopping.clone(), move || {
        let data = redelivering.clone();
        async move {
            match data.redeliver().await {
                Ok((0, 0)) => {}
                Ok((delivered, left)) => tracing::info!(delivered, left, "offered receipts again"),
                Err(error) => tracing::error!(%error, "offering receipts again"),
            }
        }
    }))
}

fn sweep<F: Future<Output = bool> + Send + 'static>(
    data: &DataPlane,
    stopping: &CancellationToken,
    may: impl Fn() -> F + Send + Sync + 'static,
) -> JoinHandle<()> {
    let sweeping = data.clone();
    tokio::spawn(every(SWEEP_INTERVAL_SECONDS, stopping.clone(), move || {
        let (data, may) = (sweeping.clone(), may());
        async move {
            if !may.await {
                return;
            }
            match data.sweep().await {
                Ok(swept) => tracing::debug!(?swept, "swept what uploads left behind"),
                Err(error) => tracing::error!(%error, "sweeping what uploads left behind"),
            }
        }
    }))
}

/// Not at once: what a restart interrupted has to be taken up first.
async fn sweep_objects<F: Future<Output = Result<SweptObjects, SweepError>>>(
    stopping: CancellationToken,
    sweep: impl Fn() -> F,
) {
    tokio::select! {
        () = stopping.cancelled() => return,
        () = tokio::time::sleep(Duration::from_secs(SWEEP_INTERVAL_SECONDS)) => {}
    }
    every(OBJECT_SWEEP_INTERVAL_SECONDS, stopping, || async {
        match sweep().await {
            Ok(swept) => {
                let gone = swept.gone.len();
                tracing::info!(objects = swept.objects, claimed = swept.claimed, gone, "swept objects");
            }
            Err(error) => tracing::error!(%error, "sweeping objects"),
        }
    })
    .await;
}

async fn every<F: Future<Output = ()>>(seconds: u64, stopping: CancellationToken, work: impl Fn() -> F) {
    loop {
        work().await;
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }
}
