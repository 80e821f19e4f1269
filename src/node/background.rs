//! What runs now and then: receipts are offered again, what uploads left behind is swept, keys that were added or
//! retired are learned.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
    /// Begins at once with what an earlier process left.
    pub(super) fn start(data: &DataPlane, control: &Control, ring: SharedRing) -> Self {
        let stopping = CancellationToken::new();
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
        let (redelivering, sweeping) = (data.clone(), data.clone());
        let redeliver = every(REDELIVERY_INTERVAL_SECONDS, stopping.clone(), move || {
            let data = redelivering.clone();
            async move {
                match data.redeliver().await {
                    Ok((0, 0)) => {}
                    Ok((delivered, left)) => tracing::info!(delivered, left, "offered receipts again"),
                    Err(error) => tracing::error!(%error, "offering receipts again"),
                }
            }
        });
        let sweep = every(SWEEP_INTERVAL_SECONDS, stopping.clone(), move || {
            let data = sweeping.clone();
            async move {
                match data.sweep().await {
                    Ok(swept) => tracing::debug!(?swept, "swept what uploads left behind"),
                    Err(error) => tracing::error!(%error, "sweeping what uploads left behind"),
                }
            }
        });
        Self { stopping, running: vec![tokio::spawn(redeliver), tokio::spawn(sweep), tokio::spawn(learn)] }
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

async fn every<F: Future<Output = ()>>(seconds: u64, stopping: CancellationToken, work: impl Fn() -> F) {
    loop {
        work().await;
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }
}
