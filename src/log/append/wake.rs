//! Wake-ups: the log has grown, look.
//!
//! Within the process a watch channel tells the size. Between processes a NOTIFY does, outside of the appending
//! transaction and at most every [`PAUSE`]: inside, it would take a lock of the whole database server at each commit.
//! A wake-up carries no facts; who misses one finds everything in the table at the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const CHANNEL: &str = "strongroom_log";
const PAUSE: Duration = Duration::from_millis(50);
const RECONNECT: Duration = Duration::from_secs(1);

/// Whether what other processes append is heard of.
#[derive(Clone, Default)]
pub(super) struct Hearing(Arc<AtomicBool>);

impl Hearing {
    pub(super) fn now(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The two tasks that speak and listen.
pub(super) struct Tasks {
    speak: JoinHandle<()>,
    listen: JoinHandle<()>,
    pub(super) hearing: Hearing,
}

impl Tasks {
    pub(super) fn start(database: PgConnectOptions, grow: watch::Sender<u64>) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .idle_timeout(None)
            .connect_lazy_with(database.application_name("strongroom-wake"));
        let speak = tokio::spawn(speak(pool.clone(), grow.subscribe()));
        let hearing = Hearing::default();
        let listen = tokio::spawn(listen(pool, grow, hearing.clone()));
        Self { speak, listen, hearing }
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

async fn listen(pool: PgPool, grow: watch::Sender<u64>, hearing: Hearing) {
    loop {
        let ended = hear(&pool, &grow, &hearing).await;
        hearing.0.store(false, Ordering::Release);
        if let Err(error) = ended {
            tracing::debug!(%error, "listening for wake-ups; connecting again");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn hear(pool: &PgPool, grow: &watch::Sender<u64>, hearing: &Hearing) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    // A break has to be told: while it lasts, others append unheard.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // What was appended before the first wake-up that can come.
    let mut size =
        sqlx::query_file_scalar!("src/log/sql/read_size.sql").fetch_one(pool).await?.unsigned_abs();
    loop {
        // Sizes only grow: what another process says late must not take this one back.
        grow.send_if_modified(|known| {
            let grew = size > *known;
            *known = size.max(*known);
            grew
        });
        hearing.0.store(true, Ordering::Release);
        let Some(wake_up) = listener.try_recv().await? else { return Ok(()) };
        size = wake_up.payload().parse().unwrap_or(0);
    }
}
