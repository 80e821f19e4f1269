//! Wake-ups: the log has grown, look.
//!
//! Within the process a watch channel tells the size. Between processes a NOTIFY does, outside of the appending
//! transaction and at most every [`PAUSE`]: inside, it would take a lock of the whole database server at each commit.
//! A wake-up carries no facts; who misses one finds everything in the table at the next.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const CHANNEL: &str = "strongroom_log";
const PAUSE: Duration = Duration::from_millis(50);
const RECONNECT: Duration = Duration::from_secs(1);

/// The two tasks that speak and listen.
pub(super) struct Tasks {
    speak: JoinHandle<()>,
    listen: JoinHandle<()>,
}

impl Tasks {
    pub(super) fn start(database: PgConnectOptions, grow: watch::Sender<u64>) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .idle_timeout(None)
            .connect_lazy_with(database.application_name("strongroom-wake"));
        let speak = tokio::spawn(speak(pool.clone(), grow.subscribe()));
        let listen = tokio::spawn(listen(pool, grow));
        Self { speak, listen }
    }

    pub(super) fn stop(self) {
        self.speak.abort();
        self.listen.abort();
    }
}

async fn speak(pool: PgPool, mut grown: watch::Receiver<u64>) {
    while grown.changed().await.is_ok() {
        let size = *grown.borrow_and_update();
        if let Err(error) =
            sqlx::query_file!("src/log/sql/wake_notify.sql", size.to_string()).execute(&pool).await
        {
            tracing::debug!(%error, "a wake-up was not sent");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen(pool: PgPool, grow: watch::Sender<u64>) {
    loop {
        if let Err(error) = hear(&pool, &grow).await {
            tracing::debug!(%error, "listening for wake-ups; connecting again");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn hear(pool: &PgPool, grow: &watch::Sender<u64>) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let size = listener.recv().await?.payload().parse().unwrap_or(0);
        // Sizes only grow: what another process says late must not take this one back.
        grow.send_if_modified(|known| {
            let grew = size > *known;
            *known = size.max(*known);
            grew
        });
    }
}
