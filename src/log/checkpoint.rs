//! The signer of checkpoints.
//!
//! - One signer at a time, whatever the number of processes: a session-level advisory lock on a connection of its own.
//! - Only committed sizes are signed, about once a second while the log grows.
//! - Before **every** signature the log proves consistency with the last checkpoint, which is also kept outside the
//!   database (the [`Anchor`]): a restored backup or a failed-over replica must not fork the log under our signature.
//! - A key that was retired signs nothing more: the same snapshot that gives the size says whether it was, so no
//!   checkpoint by it reaches beyond its retirement, and an auditor may refuse one that does.
//! - The anchor moves first, then the row in the database. A crash in between leaves the anchor ahead, which the next
//!   signature proves against like any other.
//!
//! An anchor is there from before the first event: an empty log is signed too. So "no anchor beside a non-empty log"
//! always means that something was lost, and needs an operator's word ([`Trust::OnFirstSight`]).

mod restored;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, PgPool};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::head::{self, Head};
use super::{read, tiles};
use crate::contract::SigningKey;
use crate::kernel::checkpoint::{self, Checkpoint};
use crate::kernel::id::{KeyId, StreamName};
use crate::kernel::merkle::{self, Hash};

pub use restored::Lost;

/// Least time between two signatures.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait before trying again after a failure, or for another signer to go.
const PAUSE: Duration = Duration::from_secs(2);

/// How often the lock is asked for at shutdown, and how long between. Another process that has it signs by itself.
const LAST_TRIES: u32 = 40;
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// The last checkpoint, kept where no restored database can take it back.
#[async_trait]
pub trait Anchor: Send + Sync + 'static {
    /// The note, if there is one.
    async fn load(&self) -> Result<Option<String>, AnchorError>;

    /// Puts `next` in the place of `expected`, durably, atomically: fails when something else stands there.
    async fn swap(&self, expected: Option<&str>, next: &str) -> Result<(), AnchorError>;
}

/// Why the anchor could not be read or moved.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint outside the database: {0}")]
pub struct AnchorError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Whether a non-empty log may be signed without an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// No: something is lost.
    #[default]
    AnchorRequired,
    /// Yes, this once: an operator looked and says so.
    OnFirstSight,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log is not a continuation of what was signed before.
    #[error(
        "the log (size {size}) is not a continuation of checkpoint {signed}: it was rolled back or changed. Nothing \
         is appended, signed or swept. Restore the newest database. Only if that is lost for good, and this one is a \
         true backup: start once with --accept-restored-log"
    )]
    Inconsistent {
        /// Size of the log.
        size: u64,
        /// Size in the last checkpoint.
        signed: u64,
    },
    /// The log is not empty, and there is no checkpoint outside the database.
    #[error(
        "the log has {size} events but no checkpoint is kept beside the blobs: restore it, or start once with \
         --accept-missing-checkpoint if you know why"
    )]
    AnchorMissing {
        /// Size of the log.
        size: u64,
    },
    /// The checkpoint outside the database is not one of ours.
    #[error("the checkpoint outside the database: {0}")]
    AnchorInvalid(#[from] checkpoint::Error),
    /// The checkpoint outside belongs to another log.
    #[error(
        "the checkpoint outside the database is of log `{found}`, this is `{ours}`: is the right store configured?"
    )]
    OtherLog {
        /// Whose it is.
        found: String,
        /// Who we are.
        ours: String,
    },
    /// The key that would sign was retired.
    #[error("checkpoint key {0} was retired; restart this node, and it signs with its successor")]
    RetiredKey(KeyId),
    /// It could not be read or moved.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The head is damaged or could not be read.
    #[error(transparent)]
    Head(#[from] head::Error),
    /// The log's restorations could not be read.
    #[error(transparent)]
    Read(#[from] read::Error),
    /// Tiles are damaged or could not be read.
    #[error(transparent)]
    Tiles(#[from] tiles::Error),
    /// The database failed.
    #[error("signing checkpoints: {0}")]
    Database(#[from] sqlx::Error),
}

/// Proves, as often as somebody wants to know, that the log continues what was signed.
#[derive(Clone)]
pub struct Prover {
    origin: String,
    known_keys: Vec<[u8; 32]>,
    anchor: Arc<dyn Anchor>,
}

impl Prover {
    /// Proves it now.
    ///
    /// # Errors
    /// If it does not, or that cannot be found out.
    pub async fn prove(&self, pool: &PgPool) -> Result<(), Error> {
        let mut snapshot = pool.begin_with("begin isolation level repeatable read read only").await?;
        // The anchor first: the log only grows, so what is read then reaches it.
        let note = self.anchor.load().await?;
        let head = head::read(&mut snapshot).await?;
        match note {
            Some(note) => {
                prove_against(&mut snapshot, &read_own(&self.origin, &self.known_keys, &note)?, &head).await
            }
            None if head.size() == 0 => Ok(()),
            None => Err(Error::AnchorMissing { size: head.size() }),
        }
    }
}

/// What a signer needs.
pub struct Signer {
    /// Which log: the first line of its checkpoints.
    pub origin: String,
    /// The key that signs.
    pub key: SigningKey,
    /// Public keys that may have signed before.
    pub known_keys: Vec<[u8; 32]>,
    /// Where the last checkpoint is kept.
    pub anchor: Arc<dyn Anchor>,
}

impl Signer {
    /// Proves, before anything is appended, that the log continues what was signed; signs an empty log.
    ///
    /// # Errors
    /// If it does not, or if that cannot be found out.
    pub async fn prove(&self, pool: &PgPool, trust: Trust) -> Result<(), Error> {
        let mut connection = pool.acquire().await?;
        let head = head::read(&mut connection).await?;
        match self.anchor.load().await? {
            Some(note) => prove_against(&mut connection, &self.read_own(&note)?, &head).await,
            None => self.sign(&mut connection, trust).await,
        }
    }

    /// Whoever only proves.
    pub fn prover(&self) -> Prover {
        let (origin, known_keys) = (self.origin.clone(), self.known_keys.clone());
        Prover { origin, known_keys, anchor: self.anchor.clone() }
    }

    /// Signs the present size unless it is signed already.
    async fn sign(&self, connection: &mut PgConnection, trust: Trust) -> Result<(), Error> {
        let mut snapshot = connection.begin().await?;
        let head = head::read(&mut snapshot).await?;
        let anchored = self.anchor.load().await?;
        match &anchored {
            Some(note) => {
                let last = self.read_own(note)?;
                prove_against(&mut snapshot, &last, &head).await?;
                if last.size == head.size() {
                    insert(&mut snapshot, &last, note).await?;
                    return Ok(snapshot.commit().await?);
                }
            }
            None if head.size() > 0 && trust == Trust::AnchorRequired => {
                return Err(Error::AnchorMissing { size: head.size() });
            }
            None => {}
        }
        self.sign_next(&mut snapshot, &head, anchored.as_deref()).await?;
        Ok(snapshot.commit().await?)
    }

    /// Signs a size in the place of what is anchored.
    async fn sign_next(
        &self,
        connection: &mut PgConnection,
        head: &Head,
        anchored: Option<&str>,
    ) -> Result<(), Error> {
        // `key.added` is the first event of a key's stream; the only other one retires it.
        let own = self.key.id();
        if read::version(&mut *connection, &StreamName::key(&own)).await?.is_some_and(|version| version > 0) {
            return Err(Error::RetiredKey(own));
        }
        let next = Checkpoint { origin: self.origin.clone(), size: head.size(), root: head.root() };
        let note = next.sign(self.key.verifying_key().public(), |body| self.key.sign(body));
        self.anchor.swap(anchored, &note).await?;
        insert(connection, &next, &note).await?;
        metrics::gauge!("strongroom_checkpoint_size").set(next.size as f64);
        Ok(())
    }

    fn read_own(&self, note: &str) -> Result<Checkpoint, Error> {
        read_own(&self.origin, &self.known_keys, note)
    }

    /// Signs in the background while the log grows, when no other process does.
    pub fn start(self, database: PgConnectOptions, grown: watch::Receiver<u64>) -> Task {
        let (stop, stopped) = oneshot::channel();
        let running =
            tokio::spawn(self.run(database.application_name("strongroom-checkpoint"), grown, stopped));
        Task { stop, running }
    }

    async fn run(
        self,
        database: PgConnectOptions,
        mut grown: watch::Receiver<u64>,
        stopped: oneshot::Receiver<()>,
    ) {
        let sign = async {
            loop {
                if let Err(error) = self.sign_while_growing(&database, &mut grown).await {
                    metrics::counter!("strongroom_checkpoint_failures_total").increment(1);
                    tracing::error!(%error, "no checkpoint was signed");
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            () = sign => {}
            _ = stopped => {}
        }
        if let Err(error) = self.sign_last(&database).await {
            tracing::error!(%error, "the last checkpoint was not signed");
        }
    }

    async fn sign_while_growing(
        &self,
        database: &PgConnectOptions,
        grown: &mut watch::Receiver<u64>,
    ) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(database).await?;
        if !take_lock(&mut connection).await? {
            connection.close().await?;
            return Ok(());
        }
        loop {
            grown.borrow_and_update();
            self.sign(&mut connection, Trust::AnchorRequired).await?;
            tokio::time::sleep(INTERVAL).await;
            if grown.changed().await.is_err() {
                // The writer has gone: what it wrote last is signed on the way out.
                std::future::pending::<()>().await;
            }
        }
    }

    /// At shutdown the last second of events is signed as well.
    async fn sign_last(&self, database: &PgConnectOptions) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(database).await?;
        // The connection that signed until now was dropped a moment ago: its session, and the lock, may outlive it a little.
        for _ in 0..LAST_TRIES {
            if take_lock(&mut connection).await? {
                self.sign(&mut connection, Trust::AnchorRequired).await?;
                break;
            }
            tokio::time::sleep(LAST_PAUSE).await;
        }
        connection.close().await?;
        Ok(())
    }
}

fn read_own(origin: &str, known_keys: &[[u8; 32]], note: &str) -> Result<Checkpoint, Error> {
    let checkpoint = Checkpoint::verify(note, known_keys)?;
    if checkpoint.origin == origin {
        Ok(checkpoint)
    } else {
        Err(Error::OtherLog { found: checkpoint.origin, ours: origin.to_owned() })
    }
}

async fn prove_against(connection: &mut PgConnection, last: &Checkpoint, head: &Head) -> Result<(), Error> {
    if is_consistent(connection, last, head.size(), &head.root()).await? {
        Ok(())
    } else {
        Err(Error::Inconsistent { size: head.size(), signed: last.size })
    }
}

/// A signer in the background.
pub struct Task {
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Task {
    /// Signs what is not signed yet, and ends.
    pub async fn stop(self) {
        drop(self.stop);
        if self.running.await.is_err() {
            tracing::error!("the checkpoint signer ended by a panic");
        }
    }
}

async fn take_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("src/log/sql/checkpoint_lock.sql").fetch_one(connection).await
}

/// Whether the log is a continuation of a checkpoint: the RFC 9162 proof, made from tiles and verified.
///
/// # Errors
/// If the nodes cannot be read.
pub async fn is_consistent(
    connection: &mut PgConnection,
    old: &Checkpoint,
    size: u64,
    root: &Hash,
) -> Result<bool, tiles::Error> {
    if old.size > size {
        return Ok(false);
    }
    let mut proof = Vec::new();
    for (from, to) in merkle::consistency_ranges(old.size, size) {
        proof.push(tiles::range_root(connection, from, to).await?);
    }
    Ok(merkle::verify_consistency((old.size, &old.root), (size, root), &proof))
}

async fn insert(
    connection: &mut PgConnection,
    checkpoint: &Checkpoint,
    note: &str,
) -> Result<(), sqlx::Error> {
    let size = i64::try_from(checkpoint.size).expect("positions fit 63 bits");
    sqlx::query_file!("src/log/sql/checkpoint_insert.sql", size, checkpoint.root.as_slice(), note)
        .execute(connection)
        .await?;
    Ok(())
}

/// The public key, of these, that signed the newest checkpoint. None before the first, and if it is none of them.
///
/// # Errors
/// If the database fails.
pub async fn latest_signer(pool: &PgPool, keys: &[[u8; 32]]) -> Result<Option<[u8; 32]>, sqlx::Error> {
    let note = latest(pool).await?;
    Ok(note.and_then(|note| Checkpoint::verify_signer(&note, keys).ok()).map(|(_, signer)| signer))
}

/// The newest signed checkpoint, as its note. None before the first.
///
/// # Errors
/// If the database fails.
pub async fn latest(pool: &PgPool) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_file_scalar!("src/log/sql/checkpoint_latest.sql").fetch_optional(pool).await
}
