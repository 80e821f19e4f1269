//! The control plane of a node: the log, what decides, and what signs. It has a database and no bytes.
//!
//! Alone ([`ControlNode::open_with`]) it serves data nodes elsewhere; its checkpoint then lies under the state directory,
//! where no backup of the database takes it back. With a data plane beside it it is part of a [`Node`](super::Node).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sqlx::PgPool;

use super::scrub::{Post, Reach};
use super::sweep::{Registrar as _, SweepError};
use super::webhooks::Hooks;
use super::{ACTOR, Error, Options, admin, background, files, keeper, keys, service, trust};
use crate::access::{Action, Caller};
use crate::clock::Clock;
use crate::config::Settings;
use crate::contract::{SharedRing, VerifyingKey};
use crate::control::objects::Judgement;
use crate::control::orders::Board;
use crate::control::{self, Context, Control, Parts};
use crate::kernel::id::{KeyId, NodeName, ObjectKey, StoreName};
use crate::log::checkpoint::Prover;
use crate::log::{self, Log, checkpoint};
use crate::postgres::{Database, Origin};
use crate::stores::{Filesystem, Store};
use crate::views::{self, Prepared, Views};

/// A control plane, running. Share it by [`Arc`]; [`shutdown`](Self::shutdown) it to end in order.
pub struct ControlNode {
    settings: Settings,
    control: Control,
    log: Log,
    pool: PgPool,
    database: keeper::Keeper,
    running: Mutex<Option<Running>>,
    clock: Arc<dyn Clock>,
    first_token: Option<PathBuf>,
    ring: SharedRing,
    prover: Prover,
    pub(super) board: Arc<Board>,
    /// Alone it has blobs read again by data nodes.
    scrubbing: Mutex<Option<background::Tasks>>,
    grant_key: KeyId,
    checkpoint_key: KeyId,
    log_name: String,
}

/// What has to be ended.
struct Running {
    background: background::Tasks,
    log: log::Tasks,
    signer: checkpoint::Task,
}

impl ControlNode {
    /// Starts a control plane without a data plane beside it.
    ///
    /// # Errors
    /// See [`Error`]. What was started by then is stopped.
    pub async fn open_with(settings: Settings, options: Options) -> Result<Self, Error> {
        files::directory(&settings.state_dir, files::OPEN_TO_ALL)?;
        let database = Database::open(&settings.database()).await?;
        let anchor = anchor_directory(&settings.state_dir);
        match Self::store(&anchor).await {
            Ok(store) => {
                let node = Self::on(database, settings, options, store).await?;
                let post = Arc::new(node.post(Reach::Elsewhere(node.board.clone())));
                *node.scrubbing.lock().expect("no holder panics") =
                    Some(background::Tasks::scrubbing(post, node.context()));
                Ok(node)
            }
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    async fn store(directory: &Path) -> Result<Arc<dyn Store>, Error> {
        files::directory(directory, files::OWNER_ONLY)?;
        Ok(Arc::new(Filesystem::open(directory).await?))
    }

    /// On this database, with its checkpoint in that store. What was started by then is stopped, if it does not start.
    pub(super) async fn on(
        database: Database,
        settings: Settings,
        options: Options,
        beside: Arc<dyn Store>,
    ) -> Result<Self, Error> {
        match Self::assemble(&database, &settings, &options, beside).await {
            Ok(assembled) => Ok(assembled.with(settings, options, database)),
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    async fn assemble(
        database: &Database,
        settings: &Settings,
        options: &Options,
        beside: Arc<dyn Store>,
    ) -> Result<Assembled, Error> {
        let (pool, clock) = (database.pool().clone(), options.clock.clone());
        if let Prepared::NeedsRebuild { live: found } = views::prepare(&pool).await? {
            return Err(Error::OtherFolds { found, ours: views::GENERATION });
        }
        let known = views::keys::list(&pool).await?;
        let keys = keys::Keys::load_or_create(&settings.state_dir, &known).await?;

        let signer = keys.signer(&known, beside);
        let (grant_key, checkpoint_key, log_name) = (keys.grant.id(), signer.key.id(), signer.origin.clone());
        let lost = signer.prove_or_restore(&pool, trust(options), options.accept_restored_log).await?;
        let prover = signer.prover();
        let log_options = log::Options { accept_clock: options.accept_clock };
        let (log, log_tasks) =
            Log::start(database.connect_options(), Arc::new(Views), clock.clone(), log_options).await?;

        let control = Control::new(Parts {
            log: log.clone(),
            pool: pool.clone(),
            clock,
            grant_key: keys.grant,
            store: settings.store().name.clone(),
            stores: super::tiers::of(settings),
            grace_ms: settings.gc_grace_hours.saturating_mul(3_600_000),
        });
        let started = async {
            restored(&control, &signer, &pool, lost.as_ref()).await?;
            let (hooks, database) = (&settings.webhooks, database.connect_options());
            let hooks = Hooks::of(hooks, &log_name, pool.clone(), database, log.grown())?;
            let (first_token, ring) = introduce(&control, settings, &keys.public).await?;
            Ok((first_token, ring, hooks))
        };
        let (first_token, ring, hooks) = match started.await {
            Ok(started) => started,
            Err(error) => {
                log_tasks.drain().await;
                return Err(error);
            }
        };
        let running = Running {
            background: background::Tasks::of_control(&control, ring.clone(), hooks),
            signer: signer.start(database.connect_options(), log.grown()),
            log: log_tasks,
        };
        Ok(Assembled {
            control,
            log,
            pool,
            running,
            first_token,
            ring,
            prover,
            grant_key,
            checkpoint_key,
            log_name,
        })
    }

    /// Makes the log know a key of this node.
    pub(super) async fn introduce(&self, key: &VerifyingKey) -> Result<(), Error> {
        add(&self.control, &self.settings, key).await?;
        self.ring.replace(control::keys::ring(&self.control).await?);
        Ok(())
    }

    /// The keys that the log knows, as they are learned.
    pub(super) fn ring(&self) -> &SharedRing {
        &self.ring
    }

    /// Where data nodes elsewhere find their orders.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What is to become of objects that lie in the store of a data node.
    ///
    /// # Errors
    /// If the caller does not speak for that node, or the log does not continue what was signed.
    pub async fn judge(
        &self,
        context: &Context,
        node: &NodeName,
        store: &StoreName,
        objects: &[ObjectKey],
    ) -> Result<Vec<Judgement>, SweepError> {
        context.caller.require(Action::Node(node)).map_err(control::Error::from)?;
        self.post(Reach::Elsewhere(self.board.clone())).judge(store, objects).await
    }

    /// Gives up those that nobody claims, and signs orders to delete them.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub async fn give_up(
        &self,
        context: &Context,
        node: &NodeName,
        store: &StoreName,
        objects: &[ObjectKey],
    ) -> Result<Vec<(Judgement, Option<String>)>, SweepError> {
        context.caller.require(Action::Node(node)).map_err(control::Error::from)?;
        self.post(Reach::Elsewhere(self.board.clone())).give_up(store, objects).await
    }

    /// What blobs are read again with, and objects swept.
    pub(super) fn post(&self, reach: Reach) -> Post {
        Post {
            control: self.control.clone(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
            prover: self.prover.clone(),
            pool: self.pool.clone(),
            reach,
        }
    }

    /// The settings that it runs by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The control plane.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The name of the log, as it stands in its checkpoints.
    pub fn log_name(&self) -> &str {
        &self.log_name
    }

    /// The database, for reading.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The time by which it runs.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Its name.
    pub fn name(&self) -> &NodeName {
        &self.settings.node
    }

    /// The version of the database server, such as `15.13`.
    pub fn postgres_version(&self) -> &str {
        self.database.version()
    }

    /// Whether the database server is a private one.
    pub fn postgres_is_embedded(&self) -> bool {
        self.database.origin() == Origin::Owned
    }

    /// The file with the admin token, if this was the first start.
    pub fn first_token(&self) -> Option<&Path> {
        self.first_token.as_deref()
    }

    /// The circumstances of what the embedding program does: it may do everything.
    pub fn context(&self) -> Context {
        Context::new(Caller::local(ACTOR.parse().expect("an actor")))
    }

    /// What it needs and does not have, for people.
    pub fn lacks(&self) -> Vec<String> {
        let ring = self.ring.current();
        let own = [&self.grant_key, &self.checkpoint_key];
        let retired =
            own.into_iter().filter(|key| ring.get(key).is_some_and(|key| key.retired_at_ms().is_some()));
        retired.map(|key| format!("key {key} of this node was retired: restart it")).collect()
    }

    /// Tells where it answers.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), Error> {
        service::announce(&self.settings.state_dir, url, self.clock.now_ms())
    }

    /// Returns when the private database server has ended by itself, which ends the service; else never.
    pub async fn lost(&self) {
        self.database.lost().await;
    }

    /// Ends in order. A second call waits for nothing and changes nothing.
    pub async fn shutdown(&self) {
        let running = self.running.lock().expect("no holder panics").take();
        let Some(running) = running else { return };
        let scrubbing = self.scrubbing.lock().expect("no holder panics").take();
        if let Some(scrubbing) = scrubbing {
            scrubbing.stop().await;
        }
        running.background.stop().await;
        running.log.drain().await;
        running.signer.stop().await;
        self.database.close().await;
        service::withdraw(&self.settings.state_dir);
    }
}

/// Where the checkpoint of a control plane without a data plane lies.
pub(super) fn anchor_directory(state_dir: &Path) -> PathBuf {
    state_dir.join("anchor")
}

/// Puts on record that the log was restored, and signs it, if it was.
async fn restored(
    control: &Control,
    signer: &checkpoint::Signer,
    pool: &PgPool,
    lost: Option<&checkpoint::Lost>,
) -> Result<(), Error> {
    let Some(lost) = lost else { return Ok(()) };
    let actor = ACTOR.parse().expect("an actor");
    control::restoration::record(control, &actor, lost.fact()).await?;
    Ok(signer.sign_restored(pool, lost).await?)
}

/// Makes the log know the keys and the first token.
async fn introduce(
    control: &Control,
    settings: &Settings,
    public: &[VerifyingKey],
) -> Result<(Option<PathBuf>, SharedRing), Error> {
    for key in public {
        add(control, settings, key).await?;
    }
    let first_token = admin::ensure(control, &settings.state_dir).await?;
    Ok((first_token, control::keys::ring(control).await?.into()))
}

async fn add(control: &Control, settings: &Settings, key: &VerifyingKey) -> Result<(), Error> {
    let actor = ACTOR.parse().expect("an actor");
    match control::keys::add(control, &actor, key, &settings.node).await {
        Ok(_) => Ok(()),
        Err(control::keys::Error::Taken { key, node: recorded, .. }) if recorded != settings.node => {
            let configured = settings.node.clone();
            Err(Error::OtherNode { key, recorded, configured })
        }
        Err(error) => Err(error.into()),
    }
}

/// A control plane that does not hold its database yet.
struct Assembled {
    control: Control,
    log: Log,
    pool: PgPool,
    running: Running,
    first_token: Option<PathBuf>,
    ring: SharedRing,
    prover: Prover,
    grant_key: KeyId,
    checkpoint_key: KeyId,
    log_name: String,
}

impl Assembled {
    fn with(self, settings: Settings, options: Options, database: Database) -> ControlNode {
        ControlNode {
            settings,
            control: self.control,
            log: self.log,
            pool: self.pool,
            database: keeper::Keeper::of(database),
            running: Mutex::new(Some(self.running)),
            clock: options.clock,
            first_token: self.first_token,
            ring: self.ring,
            prover: self.prover,
            board: Arc::default(),
            scrubbing: Mutex::default(),
            grant_key: self.grant_key,
            checkpoint_key: self.checkpoint_key,
            log_name: self.log_name,
        }
    }
}

impl fmt::Debug for ControlNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControlNode({} in {})", self.settings.node, self.settings.state_dir.display())
    }
}
