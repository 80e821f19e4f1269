//! What is done with the state of a node without running it: auditing it, checking and rebuilding its views, reading its
//! blobs again, sweeping its objects.
//!
//! - Works beside a running service, attached to its database, as well as alone: then a private cluster is started
//!   for as long as this lasts.
//! - The state of a control node alone is audited without blobs; a data node has no log, and is refused.
//! - A store is not taken from whoever has it: then it is only read.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::anchor::StoreAnchor;
use super::orders::ThroughService;
use super::scrub::{Post, Reach, ScrubError};
use super::sweep::{SweepError, SweptObjects};
use super::{Error, keys, stores};
use crate::audit::{self, Depth, Expected, Progress, Report};
use crate::clock::System;
use crate::config::{Plane, Settings, StorePlace, StoreSettings};
use crate::contract::SigningKey;
use crate::control::scrub;
use crate::control::{Control, Parts};
use crate::data::{Damaged, Moving};
use crate::kernel::event::{KeyKind, Selection};
use crate::kernel::id::StoreName;
use crate::log::Log;
use crate::log::checkpoint::{Anchor, Trust};
use crate::postgres::Database;
use crate::stores::{self as kept, Store};
use crate::views::{self, Prepared, Views};

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

    /// Reads blobs again until all are read, or it is told to stop, and puts on record what was found. It may run beside
    /// a service: a node's own scrub of the same blobs gives way. Where the planes are apart the data nodes read, at their
    /// own pace, and the service of the control plane has to run.
    ///
    /// # Errors
    /// If the log does not continue what was signed, the views are others', or the scrub ended early.
    pub async fn scrub(
        &self,
        selection: Selection,
        rate: Option<NonZeroU64>,
        stop: &CancellationToken,
        tell: &(dyn Fn(scrub::Progress) + Sync),
    ) -> Result<scrub::Progress, ScrubError> {
        let reach = self.reach().await.map_err(Box::new)?;
        let (post, log) = self.post(reach).await.map_err(Box::new)?;
        let outcome = post.scrub(selection, rate, stop, tell).await;
        drop(post);
        log.drain().await;
        outcome
    }

    /// Sweeps objects that nobody claims. Beside a service they are given up here, and deleted by that service.
    ///
    /// # Errors
    /// If the log does not continue what was signed, the views are others', or a store does not say what is there.
    pub async fn sweep(&self, dry_run: bool) -> Result<SweptObjects, SweepError> {
        if self.settings.plane == Plane::Control {
            return Err(Box::new(Error::NoBytes).into());
        }
        let taken = if dry_run { None } else { Some(stores::open(&self.settings.stores).await) };
        let stores = match taken {
            Some(Ok(opened)) => opened,
            None | Some(Err(Error::Store(kept::Error::Owned(_)))) => {
                stores::all_beside(&self.settings.stores).await?
            }
            Some(Err(error)) => return Err(Box::new(error).into()),
        };
        let reach = Reach::Here { stores, damaged: Damaged::default(), moving: Moving::keeping(0) };
        let (post, log) = self.post(reach).await.map_err(Box::new)?;
        let outcome = post.sweep(dry_run).await;
        drop(post);
        log.drain().await;
        outcome
    }

    /// Where the bytes are.
    async fn reach(&self) -> Result<Reach, Error> {
        if self.settings.plane == Plane::Control {
            return Ok(Reach::Elsewhere(Arc::new(ThroughService::find(&self.settings.state_dir)?)));
        }
        let stores = stores::all_beside(&self.settings.stores).await?;
        Ok(Reach::Here { stores, damaged: Damaged::default(), moving: Moving::keeping(0) })
    }

    /// What appends need, beside whoever else appends.
    async fn post(&self, reach: Reach) -> Result<(Post, crate::log::Tasks), Error> {
        let (pool, settings) = (self.pool().clone(), self.settings.clone());
        if let Prepared::NeedsRebuild { live: found } = views::prepare(&pool).await? {
            return Err(Error::OtherFolds { found, ours: views::GENERATION });
        }
        // Nothing is appended to a log that does not continue what was signed.
        let known = views::keys::list(&pool).await?;
        let keys = keys::Keys::load_or_create(&settings.state_dir, &known).await?;
        let signer = keys.signer(&known, self.beside_anchor(&reach).await?);
        signer.prove(&pool, Trust::AnchorRequired).await?;
        let clock = Arc::new(System);
        let options = self.database.connect_options();
        let (log, tasks) = Log::start(options, Arc::new(Views), clock.clone(), Default::default()).await?;
        let control = Control::new(Parts {
            log,
            pool: pool.clone(),
            clock: clock.clone(),
            // Nothing is granted here.
            grant_key: SigningKey::generate(KeyKind::Grant),
            store: settings.store().name.clone(),
            stores: super::tiers::of(&settings),
            grace_ms: settings.gc_grace_hours.saturating_mul(3_600_000),
        });
        let prover = signer.prover();
        Ok((Post { control, clock, settings, prover, pool, reach }, tasks))
    }

    /// Where the checkpoint lies.
    async fn beside_anchor(&self, reach: &Reach) -> Result<Arc<dyn Store>, Error> {
        match reach {
            Reach::Here { stores, .. } => Ok(stores[&self.settings.store().name].clone()),
            Reach::Elsewhere(_) => {
                let path = super::control::anchor_directory(&self.settings.state_dir);
                Ok(stores::beside(&StorePlace::Filesystem { path }).await?)
            }
        }
    }

    /// Ends; a private cluster that was started for this is stopped.
    pub async fn close(self) {
        self.database.close().await;
    }
}
