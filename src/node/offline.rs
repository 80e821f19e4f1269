//! What is done with the state of a node without running it: auditing it, checking and rebuilding its views.
//!
//! - Works beside a running service, attached to its database, as well as alone: then a private cluster is started
//!   for as long as this lasts.
//! - The blob store is read and never written, so it is not taken from whoever has it.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgPool;

use super::Error;
use super::anchor::StoreAnchor;
use crate::audit::{self, Depth, Expected, Progress, Report};
use crate::config::Settings;
use crate::kernel::id::StoreName;
use crate::log::checkpoint::Anchor;
use crate::postgres::Database;
use crate::stores::{Beside, Store};

/// The state of a node, open.
pub struct Offline {
    settings: Settings,
    database: Database,
}

impl Offline {
    /// Opens it.
    ///
    /// # Errors
    /// If the database is not to be had.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let database = Database::open_or_attach(&settings.database()).await?;
        Ok(Self { settings, database })
    }

    /// The database: for [`crate::views::check()`] and [`crate::views::rebuild()`].
    pub fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Audits all that there is: the log, the tables, views and documents made of it, and the blobs. `noted` are
    /// checkpoints that somebody kept: the log has to continue them.
    ///
    /// # Errors
    /// If something could not be looked at. What is wrong with what could be is in the report.
    pub async fn audit(
        &self,
        depth: Depth,
        noted: &[String],
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Report, audit::Error> {
        let name = &self.settings.store;
        let failed = |reason| audit::Error::Store { store: name.clone(), reason };
        let store: Arc<dyn Store> = Arc::new(Beside::open(&self.settings.blobs_dir).await.map_err(failed)?);
        let anchor = StoreAnchor::new(store.clone()).load().await?;
        let stores: HashMap<StoreName, Arc<dyn Store>> = HashMap::from([(name.clone(), store)]);
        let expected = Expected { anchor: anchor.as_deref(), noted };
        audit::server::run(self.pool(), expected, &stores, depth, progress).await
    }

    /// Ends; a private cluster that was started for this is stopped.
    pub async fn close(self) {
        self.database.close().await;
    }
}
