//! Webhooks: whoever the operator names is told of events, as Standard Webhooks and CloudEvents describe.
//!
//! ```text
//! POST <url>
//! content-type: application/cloudevents+json      webhook-id: <position>
//! webhook-timestamp: <seconds since the epoch>    webhook-signature: v1,<base64>
//! { "specversion": "1.0", "id": "<position>", .. as in GET /log/events .. }
//! ```
//! - **At least once, in order.** An event is told of after the one before it was taken: answered with 2xx. Until then it
//!   is sent again, with pauses that grow up to [`WEBHOOK_PAUSE_MAX_MS`]. One that fails holds up no other.
//! - The id is the position: who sees one twice has seen it.
//! - How far each is stands in a table beside the log, so a restart, or another process, goes on there.
//! - One process delivers, whatever their number: the one that holds the lock of the database.
//! - A new one is told of what is recorded from then on; `GET /log/events` has what was before.

mod send;
mod signature;
mod state;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ControlNode, Error};
use crate::config::WebhookSettings;
use crate::kernel::limits::{
    WEBHOOK_LOCK_SECONDS, WEBHOOK_PAGE_ROWS, WEBHOOK_PAUSE_FIRST_MS, WEBHOOK_PAUSE_MAX_MS,
};
use crate::log::read::{self, Query};
use crate::retention::glob::RepositoryGlob;

use send::Receiver;
use signature::Secret;

pub use state::Told;

/// Why a webhook could not go on for now.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Read(#[from] read::Error),
}

/// Someone who is told of events.
struct Hook {
    name: String,
    types: Vec<String>,
    repositories: Vec<RepositoryGlob>,
    receiver: Receiver,
}

/// All that are told, and what is needed for it.
pub(super) struct Hooks {
    hooks: Vec<Hook>,
    pool: PgPool,
    database: PgConnectOptions,
    grown: watch::Receiver<u64>,
}

impl Hooks {
    /// Those of the settings. Their secrets are read.
    ///
    /// # Errors
    /// If a secret cannot be read or is none, or a glob is none.
    pub(super) fn of(
        settings: &[WebhookSettings],
        log_name: &str,
        pool: PgPool,
        database: PgConnectOptions,
        grown: watch::Receiver<u64>,
    ) -> Result<Self, Error> {
        let hooks = settings.iter().map(|settings| Hook::of(settings, log_name)).collect::<Result<_, _>>()?;
        Ok(Self { hooks, pool, database, grown })
    }

    /// Tells them, until it is stopped, whenever this process is the one that does.
    pub(super) async fn run(self, stopping: CancellationToken) {
        if self.hooks.is_empty() {
            return;
        }
        while !stopping.is_cancelled() {
            let deliver = async {
                if let Err(error) = self.while_locked().await {
                    tracing::warn!(%error, "webhooks");
                }
                tokio::time::sleep(Duration::from_secs(WEBHOOK_LOCK_SECONDS)).await;
            };
            // What is being sent may be sent again by the next process: it is told at least once.
            tokio::select! {
                () = deliver => {}
                () = stopping.cancelled() => {}
            }
        }
    }

    async fn while_locked(&self) -> Result<(), Stopped> {
        let mut connection = PgConnection::connect_with(&self.database).await?;
        if !state::take_lock(&mut connection).await? {
            connection.close().await?;
            return Ok(());
        }
        let all = futures::future::try_join_all(self.hooks.iter().map(|hook| self.tell(hook)));
        tokio::select! {
            ended = all => ended.map(drop),
            lost = still_there(&mut connection) => lost,
        }
    }

    async fn tell(&self, hook: &Hook) -> Result<(), Stopped> {
        let mut grown = self.grown.clone();
        let mut next = state::next(&self.pool, &hook.name).await?;
        loop {
            grown.borrow_and_update();
            let query = Query { types: hook.types.clone(), ..Query::from(next) };
            let page = read::page(&self.pool, &query, WEBHOOK_PAGE_ROWS).await?;
            for raw in page.records {
                let recorded = raw.decode()?;
                if !hook.is_for(recorded.event.fact.repository()) {
                    continue;
                }
                self.deliver(hook, &recorded).await?;
                state::told(&self.pool, &hook.name, recorded.position + 1).await?;
            }
            if page.next > next {
                state::told(&self.pool, &hook.name, page.next).await?;
                next = page.next;
            }
            if page.next >= page.size && grown.changed().await.is_err() {
                // The writer has gone, and so will this.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Until it is taken.
    async fn deliver(&self, hook: &Hook, recorded: &crate::log::Recorded) -> Result<(), Stopped> {
        let mut pause_ms = WEBHOOK_PAUSE_FIRST_MS;
        loop {
            match hook.receiver.send(recorded).await {
                Ok(()) => return Ok(()),
                Err(why) => {
                    let position = recorded.position;
                    tracing::warn!(webhook = hook.name, position, %why, pause_ms, "was not taken");
                    state::failed(&self.pool, &hook.name, &why.to_string()).await?;
                }
            }
            let jitter_ms = rand::random_range(0..=pause_ms / 4);
            tokio::time::sleep(Duration::from_millis(pause_ms + jitter_ms)).await;
            pause_ms = (2 * pause_ms).min(WEBHOOK_PAUSE_MAX_MS);
        }
    }
}

/// Returns when the connection, and with it the lock, is lost.
async fn still_there(connection: &mut PgConnection) -> Result<(), Stopped> {
    loop {
        tokio::time::sleep(Duration::from_secs(WEBHOOK_LOCK_SECONDS)).await;
        connection.ping().await?;
    }
}

impl Hook {
    fn of(settings: &WebhookSettings, log_name: &str) -> Result<Self, Error> {
        let path = settings.secret_file.clone();
        let refused = |reason: String| Error::Webhook { name: settings.name.clone(), reason };
        let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
        let secret = Secret::parse(&text).map_err(|error| refused(error.to_string()))?;
        let globs = settings.repositories.iter().map(|glob| glob.parse());
        let repositories = globs
            .collect::<Result<_, _>>()
            .map_err(|error: crate::retention::glob::Error| refused(error.to_string()))?;
        let receiver = Receiver::new(&settings.url, secret, log_name, settings.timeout)
            .map_err(|why| refused(why.to_string()))?;
        Ok(Self { name: settings.name.clone(), types: settings.types.clone(), repositories, receiver })
    }

    fn is_for(&self, repository: Option<&crate::kernel::id::RepositoryName>) -> bool {
        match repository {
            _ if self.repositories.is_empty() => true,
            Some(repository) => self.repositories.iter().any(|glob| glob.matches(repository)),
            None => false,
        }
    }
}

impl ControlNode {
    /// How far webhooks have been told of the log.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn webhooks(&self) -> Result<Vec<Told>, sqlx::Error> {
        let settings = &self.settings().webhooks;
        if settings.is_empty() {
            return Ok(Vec::new());
        }
        let mut told = state::list(self.pool()).await?;
        told.retain(|told| settings.iter().any(|hook| hook.name == told.name));
        Ok(told)
    }
}
