//! A node: one plane or both, put together. [`Node`] has both in one process, [`ControlNode`] and [`DataNode`] one each.
//!
//! ```text
//! database -> views -> store -> keys -> log proven against its checkpoint -> log -> control -> data plane -> signer
//! ```
//! - The order is the order of trust: nothing is appended, and nothing is swept, before the log has proven to continue
//!   what was signed; nothing is accepted before the keys that sign for it are in the log.
//! - The first start makes three keys and an admin token. Each is durable in a file, 0600, before the log knows of it,
//!   so a start that is cut off anywhere is taken up by the next one.
//! - Receipts go from the data plane to the control plane by a call, or over HTTP where the planes are apart. What could
//!   not be delivered is offered again at start and now and then.
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
//! | `control.rs` | the control plane: alone, or as part of a node |
//! | `data.rs` | a data node: no database, and a control plane elsewhere |
//! | `link.rs` | that control plane, over HTTP: enrolment, keys, receipts, orders |
//! | `deliver.rs` | receipts from plane to plane, in one process |
//! | `collect.rs`, `schedules.rs` | garbage collection; policies that run by themselves |
//! | `orders.rs` | orders from plane to plane, in one process or over HTTP |
//! | `scrub.rs` | blobs are read again |
//! | `sweep.rs` | objects that nobody claims |
//! | `tiers.rs` | blobs are moved between tiers, packages retrieved |
//! | `background.rs` | what runs now and then |
//! | `webhooks/` | who is told of events |
//! | `bounds.rs` | what settings bound in the data plane |
//! | `keeper.rs` | whoever holds the database |
//! | `service.rs` | how other processes find this one |
//! | `stores.rs` | where objects lie |
//! | `offline.rs` | the state of a node without running it |
//! | `deposit.rs`, `read.rs`, `replay.rs` | what a Rust program does with it |

mod admin;
mod anchor;
mod background;
mod bounds;
mod collect;
mod control;
mod data;
mod deliver;
mod deposit;
mod erase;
mod error;
mod files;
mod keeper;
mod keys;
mod link;
mod offline;
mod orders;
mod read;
mod replay;
mod schedules;
mod scrub;
pub mod service;
mod stores;
mod sweep;
mod tiers;
mod webhooks;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sqlx::PgPool;

use crate::clock::{Clock, System};
use crate::config::Settings;
use crate::control::{Context, Control};
use crate::data::DataPlane;
use crate::kernel::event::KeyKind;
use crate::kernel::id::{NodeName, StoreName};
use crate::log::{Log, checkpoint};
use crate::postgres::Database;
use crate::stores::Store;
use crate::views;
use scrub::Reach;

pub use collect::CollectError;
pub use control::ControlNode;
pub use data::{DataNode, sweep_apart};
pub use deposit::{DepositError, Deposited};
pub use erase::EraseError;
pub use error::Error;
pub use keys::successor;
pub use offline::Offline;
pub use read::{ReadError, Reading};
pub use replay::{ReplayError, Replayed};
pub use scrub::ScrubError;
pub use tiers::MoveError;
pub use webhooks::Told;

pub use sweep::{Gone, SweepError, SweptObjects, Why};

/// The actor of what a node does by itself, and of what the program does that embeds it.
const ACTOR: &str = crate::access::ITSELF;

/// How a node starts, beside its settings: what an operator says once.
#[derive(Clone)]
pub struct Options {
    /// Appends although the clock is far from the last event.
    pub accept_clock: bool,
    /// Starts although no checkpoint is kept beside the blobs of a log that is not empty.
    pub accept_missing_checkpoint: bool,
    /// Goes on from a log that is older than the checkpoint kept beside the blobs, and puts that on record.
    pub accept_restored_log: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accept_clock: false,
            accept_missing_checkpoint: false,
            accept_restored_log: false,
            clock: Arc::new(System),
        }
    }
}

/// Both planes, running. Share it by [`Arc`]; [`shutdown`](Self::shutdown) it to end in order.
pub struct Node {
    plane: ControlNode,
    data: DataPlane,
    store: Arc<dyn Store>,
    post: Arc<scrub::Post>,
    background: Mutex<Option<background::Tasks>>,
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
        let stores = match stores::open(&settings.stores).await {
            Ok(stores) => stores,
            Err(error) => {
                database.close().await;
                return Err(error);
            }
        };
        let store = stores[&settings.store().name].clone();
        let plane = ControlNode::on(database, settings, options, store.clone()).await?;
        match Self::open_data(&plane, stores.clone()).await {
            Ok(data) => {
                let (damaged, moving) = (data.damaged().clone(), data.moving().clone());
                let post = Arc::new(plane.post(Reach::Here { stores, damaged, moving }));
                let background = Mutex::new(Some(background::Tasks::of_data(&data, &post, &plane.context())));
                Ok(Self { plane, data, store, post, background })
            }
            Err(error) => {
                plane.shutdown().await;
                Err(error)
            }
        }
    }

    async fn open_data(plane: &ControlNode, stores: stores::ByName) -> Result<DataPlane, Error> {
        let settings = plane.settings();
        let known = views::keys::list(plane.pool()).await?;
        let retired = keys::retired(&known, KeyKind::Receipt);
        let receipts = keys::current(&settings.state_dir, KeyKind::Receipt, retired).await?;
        plane.introduce(&receipts.verifying_key()).await?;
        Ok(DataPlane::open(crate::data::Config {
            store: stores[&settings.store().name].clone(),
            store_name: settings.store().name.clone(),
            stores,
            node: settings.node.clone(),
            receipts,
            keys: plane.ring().clone(),
            clock: plane.clock().clone(),
            deliver: Arc::new(deliver::InProcess::new(plane.control().clone())),
            bounds: bounds::of(&settings.limits),
        }))
    }

    /// The control plane's part of it.
    pub fn plane(&self) -> &ControlNode {
        &self.plane
    }

    /// The settings that it runs by.
    pub fn settings(&self) -> &Settings {
        self.plane.settings()
    }

    /// The control plane.
    pub fn control(&self) -> &Control {
        self.plane.control()
    }

    /// The data plane.
    pub fn data(&self) -> &DataPlane {
        &self.data
    }

    /// The log.
    pub fn log(&self) -> &Log {
        self.plane.log()
    }

    /// The store that the data plane writes to.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The database, for reading.
    pub fn pool(&self) -> &PgPool {
        self.plane.pool()
    }

    /// The time by which it runs.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.plane.clock()
    }

    /// Its name.
    pub fn name(&self) -> &NodeName {
        self.plane.name()
    }

    /// The name of its store.
    pub fn store_name(&self) -> &StoreName {
        &self.settings().store().name
    }

    /// The file with the admin token, if this was the first start.
    pub fn first_token(&self) -> Option<&Path> {
        self.plane.first_token()
    }

    /// The circumstances of what the embedding program does: it may do everything.
    pub fn context(&self) -> Context {
        self.plane.context()
    }

    /// What it needs and does not have, for people.
    pub fn lacks(&self) -> Vec<String> {
        let retired =
            self.data.retired_key().map(|key| format!("key {key} of this node was retired: restart it"));
        self.plane.lacks().into_iter().chain(retired).collect()
    }

    /// Tells where it answers.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&self, url: &str) -> Result<(), Error> {
        self.plane.announce(url)
    }

    /// Returns when the private database server has ended by itself, which ends the service; else never.
    pub async fn lost(&self) {
        self.plane.lost().await;
    }

    /// Ends in order. A second call waits for nothing and changes nothing.
    pub async fn shutdown(&self) {
        let background = self.background.lock().expect("no holder panics").take();
        let Some(background) = background else { return };
        self.data.park().await;
        background.stop().await;
        self.plane.shutdown().await;
    }
}

fn trust(options: &Options) -> checkpoint::Trust {
    if options.accept_missing_checkpoint {
        checkpoint::Trust::OnFirstSight
    } else {
        checkpoint::Trust::AnchorRequired
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({} in {})", self.name(), self.settings().state_dir.display())
    }
}
