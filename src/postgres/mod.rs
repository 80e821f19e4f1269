//! The database: a private cluster or one that is named by URL, checked, migrated, behind a pool.
//!
//! - What is acknowledged is on the disk: `fsync` and `synchronous_commit` are asserted before anything is written,
//!   `full_page_writes` as well where the server is ours.
//! - Every connection has a name and bounds for statements, locks and idle transactions; unqualified names resolve in
//!   `view`, then `log`. Migrations run with `public` alone, so that their own table has one place for ever, and
//!   name the schemas that they create.
//! - Whoever opens the database migrates it ([`Database::open`], or owning the cluster). A guest
//!   ([`Database::open_or_attach`] beside a running service, or with a URL) never does: it checks that the schema is
//!   the one that it knows.
//! - Nothing printed or returned as an error holds a password.
//!
//! Refuses: servers older than [`embedded::MAJOR_MIN`], servers that would lose acknowledged commits, schemas of another version.

pub mod embedded;

mod checks;
mod connect;
mod error;
mod settings;

use std::fmt;
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

pub use error::Error;
pub use settings::{DatabaseUrl, Settings, default_state_dir};

use embedded::{Cluster, Opened, Search, own_or_find};

/// How long a guest waits for the service that holds the state directory: it may be starting, or about to end.
const HOLDER_READY_WITHIN: Duration = Duration::from_secs(60);
const HOLDER_POLL: Duration = Duration::from_millis(100);
/// How long closing waits for connections that are in use; the server's shutdown ends them after that.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Named by a URL.
    External,
    /// A private cluster that this process runs.
    Owned,
    /// A private cluster that another process runs.
    Attached,
}

/// An open database. [`close`](Self::close) it to stop a private cluster in order; dropping it does the same, but
/// blocks the thread meanwhile.
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
    origin: Origin,
    version: u32,
    cluster: Option<Cluster>,
}

impl Database {
    /// Opens for a service: runs the private cluster, or takes the URL, and migrates.
    ///
    /// # Errors
    /// [`embedded::Error::InUse`] if another process runs the cluster; else see [`Error`].
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        if let Some(url) = &settings.database_url {
            return Self::connect(url.options(), Origin::External, true).await;
        }
        let (state, search) = (settings.state_dir.clone(), settings.postgres_bin.clone());
        let cluster = blocking(move || Cluster::start(&state, &Search::on_this_machine(search))).await?;
        Self::of_cluster(cluster).await
    }

    /// Opens for an offline command: the URL, or the running service's cluster, or the cluster run by ourselves.
    ///
    /// A cluster that another offline command runs ends with that command.
    ///
    /// # Errors
    /// [`embedded::Error::HolderSilent`] if the service that holds the state directory does not answer;
    /// [`Error::SchemaDiffers`] if it is of another version; else see [`Error`].
    pub async fn open_or_attach(settings: &Settings) -> Result<Self, Error> {
        if let Some(url) = &settings.database_url {
            return Self::connect(url.options(), Origin::External, false).await;
        }
        let deadline = Instant::now() + HOLDER_READY_WITHIN;
        loop {
            let (state, search) = (settings.state_dir.clone(), settings.postgres_bin.clone());
            let opened = blocking(move || own_or_find(&state, &Search::on_this_machine(search))).await?;
            let (state, holder, address) = match opened {
                Opened::Owned(cluster) => return Self::of_cluster(*cluster).await,
                Opened::Elsewhere { state, holder, address } => (state, holder, address),
            };
            if let Some(address) = address {
                match Self::connect(*address, Origin::Attached, false).await {
                    // It may have ended since, or its address is older than itself: ask again who holds it.
                    Err(Error::Connect { .. }) => {}
                    result => return result,
                }
            }
            if Instant::now() > deadline {
                return Err(embedded::Error::HolderSilent { state, holder }.into());
            }
            tokio::time::sleep(HOLDER_POLL).await;
        }
    }

    /// Opens a database of a cluster that is already running, which this handle then owns.
    ///
    /// # Errors
    /// See [`Error`]; the cluster is stopped then.
    pub async fn of_cluster(cluster: Cluster) -> Result<Self, Error> {
        let options = cluster.connect_options(embedded::DATABASE);
        let opened = match connect::create_database(&cluster, &options).await {
            Ok(()) => Self::connect(options, Origin::Owned, true).await,
            Err(error) => Err(error),
        };
        // Only now may guests come: they find the schema that they know, or say so.
        let opened =
            opened.and_then(|database| cluster.publish(true).map(|()| database).map_err(Error::from));
        match opened {
            Ok(database) => Ok(Self { cluster: Some(cluster), ..database }),
            Err(error) => {
                blocking(move || {
                    drop(cluster);
                    Ok(())
                })
                .await?;
                Err(error)
            }
        }
    }

    async fn connect(options: PgConnectOptions, origin: Origin, migrate: bool) -> Result<Self, Error> {
        let mut plain = connect::for_migrations(options.clone()).await?;
        let version = checks::server(&mut plain, origin).await?;
        let checked =
            if migrate { checks::migrate(&mut plain).await } else { checks::schema(&mut plain).await };
        connect::end(plain).await;
        checked?;
        let options = connect::bounded(options);
        let pool = connect::pool(options.clone(), origin).await?;
        Ok(Self { pool, options, origin, version, cluster: None })
    }

    /// The pool. Each connection is bounded as [`crate::kernel::limits`] says.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How the pool connects, for a connection beside it that needs settings of its own (added settings win).
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Whose server it is.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The server's version as it numbers itself, such as `150013`.
    #[must_use]
    pub fn server_version(&self) -> u32 {
        self.version
    }

    /// Returns when a private cluster of ours has ended by itself, which is the end of the service; else never.
    pub async fn lost(&self) {
        if let Some(cluster) = &self.cluster {
            // An error means that its thread is gone, and the server with it.
            let _ = cluster.ended().wait_for(|ended| *ended).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Closes the pool, then stops a private cluster in order.
    pub async fn close(self) {
        if tokio::time::timeout(CLOSE_WITHIN, self.pool.close()).await.is_err() {
            tracing::warn!("database connections are still in use; stopping all the same");
        }
        if let Some(cluster) = self.cluster {
            // A panic in there has been reported by the runtime; there is nothing left to stop here.
            let _ = tokio::task::spawn_blocking(move || cluster.stop()).await;
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("origin", &self.origin)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, embedded::Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
