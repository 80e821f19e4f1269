//! Scrubs: in the background of a node, and beside one.
//!
//! - The keys that orders and reports need are made and put on record before the first is signed.
//! - In the background a scrub of all blobs is begun, or gone on with, when it is due: so many days after the last one
//!   began, or after the log did. How far it is stands in the log, so a restart costs what one summary holds.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::orders::InProcess;
use super::stores::ByName;
use super::sweep::{self, GivenUp, Registrar, SweepError, SweptObjects};
use super::{ACTOR, Error, Node, keys};
use crate::clock::Clock;
use crate::config::{Settings, StoreSettings};
use crate::contract::{KeyRing, SigningKey};
use crate::control::objects::{self, Judgement};
use crate::control::orders::{self, Carry, Desk};
use crate::control::scrub::{self, Command, Progress};
use crate::control::{self, Control};
use crate::data::{Damaged, Moving, Orderly, Pace};
use crate::kernel::event::{KeyKind, Selection};
use crate::kernel::id::{ObjectKey, StoreName};
use crate::kernel::limits::SCRUB_LOOK_SECONDS;
use crate::log::checkpoint::{self, Prover};
use crate::views;

/// Why a scrub ended early.
#[derive(Debug, thiserror::Error)]
pub enum ScrubError {
    /// It could not be prepared.
    #[error(transparent)]
    Node(#[from] Box<Error>),
    /// It was refused or broke off.
    #[error(transparent)]
    Scrub(#[from] scrub::Error),
}

/// Where the bytes are.
pub(super) enum Reach {
    /// In the stores of this process.
    Here {
        /// By name.
        stores: ByName,
        /// What was found damaged there.
        damaged: Damaged,
        /// Copies that are made there.
        moving: Moving,
    },
    /// With data nodes. Orders go to them by this way.
    Elsewhere(Arc<dyn Carry>),
}

/// What orders are given with, and in one process obeyed.
pub(super) struct Post {
    pub(super) control: Control,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) prover: Prover,
    pub(super) pool: PgPool,
    pub(super) reach: Reach,
}

impl Post {
    /// The key of this node for such statements, on record.
    async fn key(&self, kind: KeyKind) -> Result<SigningKey, Error> {
        let known = views::keys::list(&self.pool).await?;
        let key = keys::current(&self.settings.state_dir, kind, keys::retired(&known, kind)).await?;
        let actor = ACTOR.parse().expect("an actor");
        control::keys::add(&self.control, &actor, &key.verifying_key(), &self.settings.node).await?;
        Ok(key)
    }

    /// Whoever obeys here, at that pace.
    async fn orderly(
        &self,
        stores: &ByName,
        shared: (&Damaged, &Moving),
        orders: &SigningKey,
        rate: Option<NonZeroU64>,
    ) -> Result<Orderly, Error> {
        Ok(Orderly {
            stores: stores.clone(),
            node: self.settings.node.clone(),
            reports: self.key(KeyKind::Report).await?,
            orders: KeyRing::of([orders.verifying_key()]).into(),
            clock: self.clock.clone(),
            damaged: shared.0.clone(),
            pace: rate.map_or_else(Pace::unbounded, Pace::of),
            moving: shared.1.clone(),
        })
    }

    /// A desk whose orders are obeyed, here at that pace.
    pub(super) async fn desk(&self, rate: Option<NonZeroU64>) -> Result<Desk, Error> {
        let orders = self.key(KeyKind::Order).await?;
        let carry = match &self.reach {
            Reach::Here { stores, damaged, moving } => {
                Arc::new(InProcess::new(self.orderly(stores, (damaged, moving), &orders, rate).await?))
            }
            Reach::Elsewhere(carry) => carry.clone(),
        };
        Ok(Desk::new(orders, carry))
    }

    /// Reads blobs again until all are read, or it is told to stop. A store that fails does not keep the others waiting.
    pub(super) async fn scrub(
        &self,
        selection: Selection,
        rate: Option<NonZeroU64>,
        stop: &CancellationToken,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Progress, ScrubError> {
        let desk = self.desk(rate).await.map_err(Box::new)?;
        let (mut done, mut failed) = (Progress { complete: true, ..Progress::default() }, None);
        for StoreSettings { name, .. } in &self.settings.stores {
            if stop.is_cancelled() {
                done.complete = false;
                break;
            }
            let before = done;
            let tell = move |at: Progress| tell(before.and(at));
            match self.scrub_store(name, &desk, selection.clone(), stop, &tell).await {
                Ok(scrubbed) => done = done.and(scrubbed),
                Err(error) => {
                    tracing::error!(store = %name, %error, "reading blobs again ended early");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(done), |error| Err(error.into()))
    }

    async fn scrub_store(
        &self,
        store: &StoreName,
        desk: &Desk,
        selection: Selection,
        stop: &CancellationToken,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Progress, scrub::Error> {
        let actor = ACTOR.parse().expect("an actor");
        let command = Command { store: store.clone(), selection, actor };
        scrub::run(&self.control, desk, &command, stop, tell).await
    }

    /// Whether a scrub of all blobs of a store should be running.
    async fn is_due(&self, store: &StoreName, period: Duration) -> Result<bool, scrub::Error> {
        let began_ms = match scrub::latest(&self.control, store).await? {
            Some(scrub) if scrub.through.is_some() => return Ok(true),
            Some(scrub) => scrub.started_at_ms,
            None => match scrub::log_began_at_ms(&self.control).await? {
                Some(began_ms) => began_ms,
                None => return Ok(false),
            },
        };
        let period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        Ok(self.clock.now_ms() >= began_ms.saturating_add(period_ms))
    }

    /// Scrubs whenever it is due, until it is told to stop.
    pub(super) async fn keep_scrubbing(self: Arc<Self>, stop: CancellationToken) {
        let Some(period) = self.settings.scrub_period() else { return };
        let rate = NonZeroU64::new(self.settings.scrub_rate_bytes);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(SCRUB_LOOK_SECONDS)) => {}
            }
            for StoreSettings { name, .. } in &self.settings.stores {
                match self.is_due(name, period).await {
                    Ok(false) => {}
                    Ok(true) => self.scrub_in_background(name, rate, &stop).await,
                    Err(error) => tracing::error!(%error, "looking whether blobs are to be read again"),
                }
            }
        }
    }

    async fn scrub_in_background(
        &self,
        store: &StoreName,
        rate: Option<NonZeroU64>,
        stop: &CancellationToken,
    ) {
        let tell = |at: Progress| {
            let share = |done: u64, total: u64| if total == 0 { 1.0 } else { done as f64 / total as f64 };
            metrics::gauge!("strongroom_scrub_progress_ratio").set(share(at.bytes, at.bytes_total));
        };
        let scrubbed = async {
            let desk = self.desk(rate).await.map_err(Box::new)?;
            Ok::<_, ScrubError>(self.scrub_store(store, &desk, Selection::default(), stop, &tell).await?)
        };
        match scrubbed.await {
            Ok(done) => tracing::info!(%store, ?done, "read blobs again"),
            Err(error) => {
                metrics::counter!("strongroom_scrub_failures_total").increment(1);
                tracing::error!(%store, %error, "reading blobs again ended early");
            }
        }
        if let Ok(damaged) = scrub::damaged(&self.control).await {
            metrics::gauge!("strongroom_blobs_damaged").set(damaged as f64);
        }
    }
}

#[async_trait]
impl Registrar for Post {
    async fn judge(&self, store: &StoreName, objects: &[ObjectKey]) -> Result<Vec<Judgement>, SweepError> {
        self.prove().await?;
        Ok(objects::judge(&self.control, store, objects).await?)
    }

    async fn give_up(&self, store: &StoreName, wanted: &[ObjectKey]) -> Result<Vec<GivenUp>, SweepError> {
        // The database may have been replaced by an older one since they were looked at.
        let judged = self.judge(store, wanted).await?;
        let desk = self.desk(None).await.map_err(Box::new)?;
        let actor = ACTOR.parse().expect("an actor");
        let mut given_up = Vec::new();
        for (object, mut judgement) in wanted.iter().zip(judged) {
            if judgement == Judgement::Unclaimed {
                let position = objects::give_up(&self.control, &actor, store, object).await?;
                judgement = position.map_or(Judgement::Claimed, Judgement::Discarded);
            }
            given_up.push((judgement, None));
        }
        self.prove().await?;
        for (object, (judgement, order)) in wanted.iter().zip(&mut given_up) {
            if let Judgement::Discarded(position) = *judgement {
                *order = Some(desk.deletion(&self.control, store, object, position));
            }
        }
        Ok(given_up)
    }

    async fn report(&self, text: &str) -> Result<(), SweepError> {
        Ok(orders::check(&self.control, text).await.map(drop)?)
    }
}

impl Post {
    /// Proves that the log continues what was signed.
    pub(super) async fn prove(&self) -> Result<(), checkpoint::Error> {
        self.prover.prove(&self.pool).await
    }

    /// Sweeps the objects of the stores that are here once.
    pub(super) async fn sweep(&self, dry_run: bool) -> Result<SweptObjects, SweepError> {
        let Reach::Here { stores, damaged, moving } = &self.reach else {
            return Err(Box::new(Error::NoBytes).into());
        };
        self.prove().await?;
        let mut swept = sweep::look(self, stores).await?;
        if !dry_run && !swept.gone.is_empty() {
            let orders = self.key(KeyKind::Order).await.map_err(Box::new)?;
            let orderly = self.orderly(stores, (damaged, moving), &orders, None).await.map_err(Box::new)?;
            sweep::clear(self, &orderly, &mut swept).await?;
        }
        Ok(swept)
    }
}

impl Node {
    /// Reads blobs again until all are read, or it is told to stop, and puts on record what was found. A scrub of all blobs
    /// goes on behind what the one before recorded.
    ///
    /// # Errors
    /// If it ended early. What was recorded stands.
    pub async fn scrub(
        &self,
        selection: Selection,
        rate: Option<NonZeroU64>,
        stop: &CancellationToken,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Progress, ScrubError> {
        self.post.scrub(selection, rate, stop, tell).await
    }

    /// Sweeps objects that nobody claims; in a dry run it only says which.
    ///
    /// # Errors
    /// If the log does not continue what was signed, or the store does not say what is there.
    pub async fn sweep(&self, dry_run: bool) -> Result<SweptObjects, SweepError> {
        self.post.sweep(dry_run).await
    }
}
