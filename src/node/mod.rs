//! A node: both planes in one process, put together.
//!
//! ```text
//! database -> views -> store -> keys -> log proven against its checkpoint -> log -> control -> data plane -> signer
//! ```
//! - The order is the order of trust: nothing is appended, and nothing is swept, before the log has proven to continue
//!   what was signed; nothing is accepted before the keys that sign for it are in the log.
//! - The first start makes three keys and an admin token. Each is durable in a file, 0600, before the log knows of it,
//!   so a start that is cut off anywhere is taken up by the next one.
//! - Receipts go from the data plane to the control plane by a call. What could not be delivered is offered again at
//!   start and now and then.
//! - [`Node::shutdown`] parks uploads, drains the log, signs once more, and closes the database, in that order.
//!
//! Refused: views that other folds wrote, a log that does not continue its checkpoint, keys of another node, a state
//! directory or store that another process has.
//!
//! | file | concern |
//! |---|---|
//! | `keys.rs` | the signing keys in their files |
//! | `admin.rs` | the first token |
//! | `anchor.rs` | the checkpoint kept beside the blobs |
//! | `deliver.rs` | receipts from plane to plane |
//! | `background.rs` | what runs now and then |
//! | `keeper.rs` | whoever holds the database |
//! | `service.rs` | how other processes find this one |
//! | `stores.rs` | where objects lie |
//! | `offline.rs` | the state of a node without running it |
//! | `deposit.rs`, `read.rs`, `replay.rs` | what a Rust program does with it |

mod admin;
mod anchor;
mod background;
mod deliver;
mod deposit;
mod files;
mod keeper;
mod keys;
mod offline;
mod read;
mod replay;
pub mod service;
mod stores;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sqlx::PgPool;

use crate::access::Caller;
use crate::clock::{Clock, System};
use crate::config::Settings;
use crate::contract::{KeyFileError, SharedRing, VerifyingKey};
use crate::control::{self, Context, Control, Parts, tokens};
use crate::data::{self, DataPlane};
use crate::kernel::id::{KeyId, NodeName, StoreName};
use crate::kernel::limits::UPLOAD_BUFFER_BUDGET_BYTES;
use crate::log::{self, Log, checkpoint};
use crate::postgres::{self, Database, Origin};
use crate::stores::Store;
use crate::views::{self, Prepared, Views};

pub use deposit::{DepositError, Deposited};
pub use keys::successor;
pub use offline::Offline;
pub use read::{ReadError, Reading};
pub use replay::{ReplayError, Replayed};

/// The actor of what a node does by itself, and of what the program does that embeds it.
const ACTOR: &str = "strongroom";

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is not to be had.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A file or directory could not be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The views could not be prepared.
    #[error(transparent)]
    Views(#[from] views::replay::Error),
    /// The views could not be read.
    #[error(transparent)]
    View(#[from] views::Error),
    /// Other folds wrote the views.
    #[error(
        "the views were folded by generation {found}, this program has {ours}: run `strongroom views rebuild`"
    )]
    OtherFolds {
        /// What is live.
        found: i32,
        /// What this program has.
        ours: i32,
    },
    /// The store is not to be had.
    #[error("blob store: {0}")]
    Store(#[from] crate::stores::Error),
    /// A signing key is not to be had.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A signing key is recorded as held by another node.
    #[error("key {key} is recorded as held by node {recorded}, this is {configured}: set --node {recorded}")]
    OtherNode {
        /// Which.
        key: KeyId,
        /// In the log.
        recorded: NodeName,
        /// In the settings.
        configured: NodeName,
    },
    /// The file of the admin token holds something else.
    #[error("{} does not hold an API token; move it away", .0.display())]
    AdminToken(PathBuf),
    /// The log does not continue what was signed, or that cannot be found out.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The log does not start.
    #[error(transparent)]
    Log(#[from] log::Error),
    /// The keys of this node could not be recorded.
    #[error("recording the keys of this node: {0}")]
    Record(#[from] control::keys::Error),
    /// The control plane does not start.
    #[error(transparent)]
    Control(#[from] control::Error),
    /// The admin token could not be minted.
    #[error(transparent)]
    Token(#[from] tokens::Error),
}

/// How a node starts, beside its settings: what an operator says once.
#[derive(Clone)]
pub struct Options {
    /// Appends although the clock is far from the last event.
    pub accept_clock: bool,
    /// Starts although no checkpoint is kept beside the blobs of a log that is not empty.
    pub accept_missing_checkpoint: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self { accept_clock: false, accept_missing_checkpoint: false, clock: Arc::new(System) }
    }
}

/// Both planes, running. Share it by [`Arc`]; [`shutdown`](Self::shutdown) it to end in order.
pub struct Node {
    settings: Settings,
    control: Control,
    data: DataPlane,
    log: Log,
    store: Arc<dyn Store>,
    pool: PgPool,
    database: keeper::Keeper,
    running: Mutex<Option<Running>>,
    clock: Arc<dyn Clock>,
    first_token: Option<PathBuf>,
}

/// What has to be ended.
struct Running {
    background: background::Tasks,
    log: log::Tasks,
    signer: checkpoint::Task,
}

impl Node {
    /// Starts a node: runs its own Postgres unless a URL is given, and makes what is not there yet.
    ///
    /// # Errors
    /// See [`Error`]. What was started by then is stopped.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        Self::open_with(settings, Options::default()).await
    }

    /// As [`Self::open`], with options.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(settings: Settings, options: Options) -> Result<Self, Error> {
        files::directory(&settings.state_dir, files::OPEN_TO_ALL)?;
        let database = Database::open(&settings.database()).await?;
        match Self::assemble(settings, options, &database).await {
            Ok(assembled) => Ok(assembled.with(database)),
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    async fn assemble(settings: Settings, options: Options, database: &Database) -> Result<Assembled, Error> {
        let (pool, clock) = (database.pool().clone(), options.clock.clone());
        if let Prepared::NeedsRebuild { live: found } = views::prepare(&pool).await? {
            return Err(Error::OtherFolds { found, ours: views::GENERATION });
        }
        let stores = stores::open(&settings.stores).await?;
        let store = stores[&settings.store().name].clone();
        let known = views::keys::list(&pool).await?;
        let keys = keys::Keys::load_or_create(&settings.state_dir, &known).await?;

        let signer = keys.signer(&known, store.clone());
        signer.prove(&pool, trust(&options)).await?;
        let log_options = log::Options { accept_clock: options.accept_clock };
        let (log, log_tasks) =
            Log::start(database.connect_options(), Arc::new(Views), clock.clone(), log_options).await?;

        let control = Control::new(Parts {
            log: log.clone(),
            pool: pool.clone(),
            clock: clock.clone(),
            grant_key: keys.grant,
            store: settings.store().name.clone(),
        });
        let started = Self::introduce(&control, &settings, &keys.public).await;
        let (first_token, ring) = match started {
            Ok(started) => started,
            Err(error) => {
                log_tasks.drain().await;
                return Err(error);
            }
        };
        let data = DataPlane::open(data::Config {
            store: store.clone(),
            store_name: settings.store().name.clone(),
            stores,
            node: settings.node.clone(),
            receipts: keys.receipt,
            keys: ring.clone(),
            clock: clock.clone(),
            deliver: Arc::new(deliver::InProcess::new(control.clone())),
            budget_bytes: UPLOAD_BUFFER_BUDGET_BYTES,
        });
        let running = Running {
            background: background::Tasks::start(&data, &control, ring),
            signer: signer.start(database.connect_options(), log.grown()),
            log: log_tasks,
        };
        Ok(Assembled { settings, control, data, log, store, pool, running, clock, first_token })
    }

    /// Makes the log know the keys and the first token.
    async fn introduce(
        control: &Control,
        settings: &Settings,
        public: &[VerifyingKey],
    ) -> Result<(Option<PathBuf>, SharedRing), Error> {
        let actor = ACTOR.parse().expect("an actor");
        for key in public {
            match control::keys::add(control, &actor, key, &settings.node).await {
                Ok(_) => {}
                Err(control::keys::Error::Taken { key, node: recorded, .. }) if recorded != settings.node => {
                    let configured = settings.node.clone();
                    return Err(Error::OtherNode { key, recorded, configured });
                }
                Err(error) => return Err(error.into()),
            }
        }
        let first_token = admin::ensure(control, &settings.state_dir).await?;
        Ok((first_token, control::keys::ring(control).await?.into()))
    }

    /// The settings that it runs by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The control plane.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The data plane.
    pub fn data(&self) -> &DataPlane {
        &self.data
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The store that the data plane writes to.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
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

    /// The name of its store.
    pub fn store_name(&self) -> &StoreName {
        &self.settings.store().name
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

    /// Returns when the private database server has ended by itself, which ends the service; else never.
    pub async fn lost(&self) {
        self.database.lost().await;
    }

    /// Ends in order. A second call waits for nothing and changes nothing.
    pub async fn shutdown(&self) {
        let running = self.running.lock().expect("no holder panics").take();
        let Some(running) = running else { return };
        self.data.park().await;
        running.background.stop().await;
        running.log.drain().await;
        running.signer.stop().await;
        self.database.close().await;
        service::withdraw(&self.settings.state_dir);
    }
}

fn trust(options: &Options) -> checkpoint::Trust {
    if options.accept_missing_checkpoint {
        checkpoint::Trust::OnFirstSight
    } else {
        checkpoint::Trust::AnchorRequired
    }
}

/// A node that does not hold its database yet.
struct Assembled {
    settings: Settings,
    control: Control,
    data: DataPlane,
    log: Log,
    store: Arc<dyn Store>,
    pool: PgPool,
    running: Running,
    clock: Arc<dyn Clock>,
    first_token: Option<PathBuf>,
}

impl Assembled {
    fn with(self, database: Database) -> Node {
        Node {
            settings: self.settings,
            control: self.control,
            data: self.data,
            log: self.log,
            store: self.store,
            pool: self.pool,
            database: keeper::Keeper::of(database),
            running: Mutex::new(Some(self.running)),
            clock: self.clock,
            first_token: self.first_token,
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({} in {})", self.settings.node, self.settings.state_dir.display())
    }
}
