//! Holds the database for as long as the node runs: one task that sees it end, or ends it.

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::postgres::{Database, Origin};

/// The database's task.
pub(super) struct Keeper {
    version: String,
    origin: Origin,
    lost: watch::Receiver<bool>,
    close: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    pub(super) fn of(database: Database) -> Self {
        let (tell_lost, lost) = watch::channel(false);
        let close = CancellationToken::new();
        let (origin, number) = (database.origin(), database.server_version());
        let closing = close.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = database.lost() => {
                    tell_lost.send_replace(true);
                    closing.cancelled().await;
                }
                () = closing.cancelled() => {}
            }
            database.close().await;
        });
        // Since version 10 the number is major * 10000 + minor.
        let version = format!("{}.{}", number / 10_000, number % 10_000);
        Self { version, origin, lost, close, task: Mutex::new(Some(task)) }
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns when the server has ended by itself.
    pub(super) async fn lost(&self) {
        if self.lost.clone().wait_for(|lost| *lost).await.is_err() {
            // The task ended because it was told to: nothing is lost.
            std::future::pending::<()>().await;
        }
    }

    pub(super) async fn close(&self) {
        self.close.cancel();
        if let Some(task) = self.task.lock().await.take()
            && task.await.is_err()
        {
            tracing::error!("closing the database ended by a panic");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Without an orderly shutdown the task still ends the server, if the runtime gives it the time.
        self.close.cancel();
    }
}
