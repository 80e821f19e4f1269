//! What is done with the state of a node without running it: auditing it, checking and rebuilding its views.
//!
//! - Works beside a running service, attached to its database, as well as alone: then a private cluster is started
//!   for as long as this lasts.
//! - The state of a control node alone is audited without blobs; a data node has no log, and is refused.
//! - The stores are read and never written, so they are not taken from whoever has them.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::PgPool;

use super::anchor::StoreAnchor;
use super::{Error, stores};
use crate::audit::{self, Depth, Expected, Progress, Report};
use crate::config::{Plane, Settings, StorePlace, StoreSettings};
use crate::kernel::id::StoreName;
use crate::log::checkpoint::Anchor;
use crate::postgres::Database;
use crate::stores::Store;

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
        if settings.plane == Plane::Data {
            return Err(Error::NoLog);
        }
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
        let failed = |name: &StoreName| {
            let store = name.clone();
            |reason| audit::Error::Store { store, reason }
        };
        // A control node has no bytes: whether they are there is for the data nodes to say.
        if self.settings.plane == Plane::Control {
            let path = super::control::anchor_directory(&self.settings.state_dir);
            let opened = stores::beside(&StorePlace::Filesystem { path }).await;
            let anchor =
                StoreAnchor::new(opened.map_err(failed(&self.settings.store().name))?).load().await?;
            let expected = Expected { anchor: anchor.as_deref(), noted };
            return audit::server::run(self.pool(), expected, None, depth, progress).await;
        }
        let mut opened = HashMap::<StoreName, Arc<dyn Store>>::new();
        for StoreSettings { name, place, .. } in &self.settings.stores {
            opened.insert(name.clone(), stores::beside(place).await.map_err(failed(name))?);
        }
        let anchor = StoreAnchor::new(opened[&self.settings.store().name].clone()).load().await?;
        let expected = Expected { anchor: anchor.as_deref(), noted };
        audit::server::run(self.pool(), expected, Some(&opened), depth, progress).await
    }

    /// Ends; a private cluster that was started for this is stopped.
    pub async fn close(self) {
        self.database.close().await;
    }
}
