//! What runs now and then: receipts are offered again, what uploads left behind is swept, keys that were added or
//! retired are learned.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::link::Link;
use crate::contract::SharedRing;
use crate::control::{Control, keys};
use crate::data::DataPlane;
use crate::kernel::limits::{KEY_RING_AGE_MAX_MS, REDELIVERY_INTERVAL_SECONDS, SWEEP_INTERVAL_SECONDS};

/// The tasks, until they are stopped.
pub(super) struct Tasks {
    stopping: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Tasks {
    /// Of a data plane whose control plane is in this process, where the log has proven itself before.
    pub(super) fn of_data(data: &DataPlane) -> Self {
        Self::start(|stopping| vec![redeliver(data, stopping), sweep(data, stopping, || true)])
    }

    /// Of a data plane whose control plane is elsewhere.
    pub(super) fn apart(data: &DataPlane, link: &Arc<Link>) -> Self {
        Self::start(|stopping| {
            let (refreshing, answered) = (link.clone(), link.clone());
            let refresh = every(KEY_RING_AGE_MAX_MS / 1_000, stopping.clone(), move || {
                let link = refreshing.clone();
                async move { link.refresh().await }
            });
            let sweep = sweep(data, stopping, move || answered.has_answered());
            vec![tokio::spawn(refresh), redeliver(data, stopping), sweep]
        })
    }

    /// Of a control plane: it learns which keys were added or retired, also by other processes.
    pub(super) fn learning(control: &Control, ring: SharedRing) -> Self {
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
            vec![tokio::spawn(learn)]
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

fn sweep(
    data: &DataPlane,
    stopping: &CancellationToken,
    may: impl Fn() -> bool + Send + Sync + 'static,
) -> JoinHandle<()> {
    let sweeping = data.clone();
    tokio::spawn(every(SWEEP_INTERVAL_SECONDS, stopping.clone(), move || {
        let data = may().then(|| sweeping.clone());
        async move {
            let Some(data) = data else { return };
            match data.sweep().await {
                Ok(swept) => tracing::debug!(?swept, "swept what uploads left behind"),
                Err(error) => tracing::error!(%error, "sweeping what uploads left behind"),
            }
        }
    }))
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
