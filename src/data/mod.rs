//! The data plane: takes bytes under a grant, keeps them, and signs for them; gives bytes out under a grant.
//!
//! ```text
//!            create            append ..              all there                 delivered, session ends
//!   (grant) -------> receiving ---------> receiving ------------> sealed ------------------------------> (nothing)
//!                        |                                    (or failed: wrong digest)
//!                        +-----> aborted | expired
//! ```
//! - It never touches the log or its database. What it knows of a session is in the session's [`journal`], which lies
//!   in the store beside the bytes; what it may do is in the grant; what it did is in the receipt.
//! - Only durable bytes are acknowledged. After a crash the offset is what was durable, and the stage is cut to it.
//! - A session has one writer. A newcomer displaces the one before, once that one's last write has ended.
//! - The receipt is signed when the bytes are durable under their final key, and offered to the control plane until it
//!   takes it. Sealing again returns the first receipt.
//! - A grant is good for one upload: its id names the session and the object, so a repeat meets the first.
//! - Memory is flat: all uploads share one budget, a download holds a few pieces, a part of a blob two blocks. What else
//!   is bounded: [`Bounds`].
//! - The same functions run when all goes well and after a crash: every entry begins with `DataPlane::current`,
//!   which ends what a crash interrupted.

mod admitted;
mod ahead;
mod append;
mod blocks;
mod bounds;
pub mod checksum;
mod create;
mod damaged;
mod deliver;
pub mod download;
mod fair;
mod hashing;
pub mod journal;
mod moving;
mod orders;
mod outline;
mod outstanding;
mod pace;
mod part;
mod pen;
mod receive;
mod registry;
mod room;
mod seal;
pub mod session;
mod small;
mod sweep;
mod together;
mod trees;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

pub use admitted::Admitted;
pub use append::Append;
pub use bounds::{Bounds, InUse, Place};
pub use checksum::Checksum;
pub use create::Creation;
pub use damaged::Damaged;
pub use deliver::{Deliver, Disposition, Undelivered};
pub use download::Download;
pub use moving::Moving;
pub use orders::{Disobeyed, Obeyed, Orderly};
pub use outstanding::outstanding;
pub use pace::Pace;
pub use part::Slice;
pub use session::{Phase, Sealed, Status};
pub use small::{LooseReceipt, Reserved};
pub use sweep::Swept;
pub use together::{Offered, Refused};

use crate::clock::Clock;
use crate::contract::{SharedRing, SigningKey};
use crate::kernel::id::{KeyId, NodeName, ObjectKey, SessionId, StoreName};
use crate::kernel::limits::{
    PROVEN_READS_MAX, SESSION_LIFE_MAX_SECONDS, SMALL_BLOB_MAX_BYTES, UPLOAD_BATCH_BYTES,
};
use crate::stores::{Document, Store, Version};
use fair::Budget;
use journal::{Journal, Phase as Journaled};
use registry::{Registry, Turn};
use room::Room;
use session::Error;
use trees::Tree;

/// What a data plane is made of.
pub struct Config {
    /// Where the bytes lie.
    pub store: Arc<dyn Store>,
    /// The name of that store, in grants and receipts.
    pub store_name: StoreName,
    /// All stores by name, that one too: blobs are read from each.
    pub stores: HashMap<StoreName, Arc<dyn Store>>,
    /// The name of this node, in receipts.
    pub node: NodeName,
    /// Signs receipts.
    pub receipts: SigningKey,
    /// Verify grants, and say whether the key that signs receipts was retired.
    pub keys: SharedRing,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Takes receipts to the control plane.
    pub deliver: Arc<dyn Deliver>,
    /// How much of everything there may be.
    pub bounds: Bounds,
}

/// The data plane of one process. Clones share it.
#[derive(Clone)]
pub struct DataPlane(Arc<Inner>);

struct Inner {
    config: Config,
    registry: Arc<Registry>,
    /// For pieces of sessions on their way to the store.
    budget: Budget,
    /// For small blobs while they are collected. A part of its own: they are paid for before they arrive, so clients that
    /// do not send what they announced would otherwise stop everyone.
    small_budget: Budget,
    /// For requests that bring bytes.
    places: Budget,
    /// What uploads leave free.
    room: Room,
    /// Reads of parts of blobs, which hold whole blocks.
    proven_reads: Arc<Semaphore>,
    /// Held while the tree of an object is made again: that reads all of it, so one at a time.
    rebuilding: tokio::sync::Mutex<()>,
    closing: CancellationToken,
    uploads: TaskTracker,
    undelivered: deliver::Pending,
    damaged: Damaged,
    moving: Moving,
}

impl fmt::Debug for DataPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataPlane({} on {})", self.0.config.store_name, self.0.config.node)
    }
}

impl DataPlane {
    /// A data plane on that store. Call [`Self::redeliver`] once after it, and [`Self::sweep`] now and then.
    pub fn open(config: Config) -> Self {
        let bounds = &config.bounds;
        // A quarter; never less than one blob and one batch need, or they would wait for ever.
        let (batch, blob) = (UPLOAD_BATCH_BYTES, SMALL_BLOB_MAX_BYTES as usize);
        let (all, share) = (bounds.buffer_bytes, bounds.buffer_bytes_per_client);
        let small = Budget::new(all / 4, share / 4, blob);
        Self(Arc::new(Inner {
            registry: Arc::default(),
            budget: Budget::new(
                all.saturating_sub(small.total()),
                share.saturating_sub(small.share()),
                batch,
            ),
            small_budget: small,
            places: Budget::new(bounds.uploads, bounds.uploads_per_client, 1),
            room: Room::keeping(bounds.free_bytes),
            proven_reads: Arc::new(Semaphore::new(PROVEN_READS_MAX)),
            rebuilding: tokio::sync::Mutex::new(()),
            closing: CancellationToken::new(),
            uploads: TaskTracker::new(),
            undelivered: deliver::Pending::default(),
            damaged: Damaged::default(),
            moving: Moving::keeping(bounds.free_bytes),
            config,
        }))
    }

    /// Objects that were found damaged here: to be shared with whoever finds more.
    pub fn damaged(&self) -> &Damaged {
        &self.0.damaged
    }

    /// Copies that are made here: to be shared with whoever obeys orders.
    pub fn moving(&self) -> &Moving {
        &self.0.moving
    }

    /// The key of this node's receipts, if it was retired: a start makes another one.
    pub fn retired_key(&self) -> Option<KeyId> {
        let config = &self.0.config;
        let id = config.receipts.id();
        config.keys.current().get(&id)?.retired_at_ms().map(|_| id)
    }

    /// How far a session is. While another connection writes it, that one first makes durable what has arrived.
    ///
    /// # Errors
    /// If there is none, it has failed or ended, or the grant is for another one.
    pub async fn status(&self, grant: &Admitted, session: SessionId) -> Result<Status, Error> {
        self.standing(grant, session).await.map_err(|error| self.outlived(error))
    }

    async fn standing(&self, grant: &Admitted, session: SessionId) -> Result<Status, Error> {
        grant.upload(&self.0.config.store_name)?;
        self.0.registry.settle(session).await;
        let (journal, _) = self.load(session).await?;
        journal.admit(grant)?;
        if matches!(journal.phase, Journaled::Receiving(_) | Journaled::Sealing(..))
            && let Some(turn) = self.0.registry.try_turn(session)
        {
            let plane = self.clone();
            return self.uninterrupted(async move { plane.current(&turn).await?.0.status() }).await;
        }
        journal.status()
    }

    /// Gives a session up. Its bytes are dropped. Doing it again is fine.
    ///
    /// # Errors
    /// If there is none, it is complete or has failed, or the grant is for another one.
    pub async fn terminate(&self, grant: &Admitted, session: SessionId) -> Result<(), Error> {
        grant.upload(&self.0.config.store_name)?;
        let (journal, _) = self.load(session).await.map_err(|error| self.outlived(error))?;
        journal.admit(grant)?;
        let plane = self.clone();
        self.uninterrupted(async move {
            let turn = plane.0.registry.take_over(session).await;
            let (journal, version) = plane.current(&turn).await?;
            match journal.phase {
                Journaled::Aborted | Journaled::Failed(_) => Ok(()),
                Journaled::Expired => Err(Error::Gone(session::Ended::Expired)),
                Journaled::Sealed { .. } => {
                    Err(Error::NotPermitted("the blob is stored; only the log can give it up"))
                }
                Journaled::Receiving(_) | Journaled::Sealing(..) => {
                    plane.end(&turn, journal, &version, Journaled::Aborted).await
                }
            }
        })
        .await
    }

    /// Runs what changes a session in a task of its own: a client that goes away drops its request, and nothing that its
    /// request had begun. [`Self::park`] waits for it.
    async fn uninterrupted<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        match self.0.uploads.spawn(work.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::Closing),
        }
    }

    /// Stops taking bytes: running uploads keep what has arrived, and none begins. Returns when all have ended.
    pub async fn park(&self) {
        self.0.closing.cancel();
        self.0.uploads.close();
        self.0.uploads.wait().await;
    }

    /// Deletes an object, after the log has said so (`object.discarded`).
    ///
    /// # Errors
    /// If the store fails; then it may be there or not, and can be deleted again.
    pub async fn discard(&self, object: &ObjectKey) -> Result<(), crate::stores::Error> {
        tracing::info!(%object, "deleting a discarded object");
        let store = &self.0.config.store;
        self.tree_of(object).forget(store.size(object).await?).await?;
        store.delete(object).await
    }

    fn tree_of(&self, object: &ObjectKey) -> Tree {
        Tree::of(self.0.config.store.clone(), object.clone())
    }

    async fn load(&self, session: SessionId) -> Result<(Journal, Version), Error> {
        let found = self.0.config.store.load(Document::Session(session)).await?;
        let (bytes, version) = found.ok_or(Error::Unknown(session))?;
        Ok((Journal::decode(&bytes)?, version))
    }

    /// What a client is told: a session that is not there because its time is over has ended, swept or not.
    fn outlived(&self, error: Error) -> Error {
        let Error::Unknown(session) = error else { return error };
        // The id of a session is that of its first grant, and says when that was given.
        let opened =
            session.0.get_timestamp().filter(|_| session.0.get_version() == Some(uuid::Version::SortRand));
        let Some((opened_seconds, _)) = opened.map(|opened| opened.to_unix()) else { return error };
        let now_seconds = self.0.config.clock.now_ms() / 1_000;
        if now_seconds > opened_seconds.saturating_add(SESSION_LIFE_MAX_SECONDS) {
            Error::Gone(session::Ended::Expired)
        } else {
            error
        }
    }

    async fn save(&self, journal: &Journal, version: Option<&Version>) -> Result<Version, Error> {
        let content = Some(Bytes::from(journal.encode()));
        let document = Document::Session(journal.session);
        let version = self.0.config.store.swap(document, version, content).await?;
        Ok(version.expect("content has a version"))
    }

    /// The journal as it is now, after ending what a crash interrupted and what time has ended.
    async fn current(&self, turn: &Turn) -> Result<(Journal, Version), Error> {
        let (mut journal, version) = self.load(turn.session).await?;
        match &journal.phase {
            Journaled::Sealing(..) => self.finish_sealing(turn, journal, version).await,
            Journaled::Receiving(_) if self.is_over(&journal) => {
                self.end(turn, journal.clone(), &version, Journaled::Expired).await?;
                journal.phase = Journaled::Expired;
                self.load(turn.session).await
            }
            _ => Ok((journal, version)),
        }
    }

    fn is_over(&self, journal: &Journal) -> bool {
        self.0.config.clock.now_ms() / 1_000 > journal.terms.ends_at_seconds
    }

    /// Ends a session without a blob: first its journal says so, then its bytes go. What a crash leaves of them in
    /// between no journal claims, so the sweep takes it.
    async fn end(
        &self,
        _turn: &Turn,
        mut journal: Journal,
        version: &Version,
        phase: Journaled,
    ) -> Result<(), Error> {
        let staged = match std::mem::replace(&mut journal.phase, phase) {
            Journaled::Receiving(at) | Journaled::Sealing(at, _) => at.staged,
            _ => None,
        };
        self.save(&journal, Some(version)).await?;
        tracing::info!(session = %journal.session, phase = journal.phase.name(), "upload ended without a blob");
        self.tree_of(&journal.object).forget(None).await?;
        Ok(self.0.config.store.abandon(&journal.object, staged.as_ref()).await?)
    }
}
