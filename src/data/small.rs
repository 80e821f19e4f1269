//! Small blobs: one request, no session.
//!
//! Nothing is acknowledged before the blob is stored, so there is nothing to journal: the object is put whole under the
//! key that the grant gives. The same grant again meets that object: the same bytes are the same upload (its answer
//! was lost), other bytes are refused. If the control plane does not take the receipt at once, it is kept:
//!
//! ```text
//! receipts/<grant> = { "v": 1, "object": text, "receipt": text (JWS) }
//! ```

use bytes::Bytes;
use futures::TryStreamExt as _;

use super::fair::Paid;
use super::journal;
use super::registry::Turn;
use super::seal::Stored;
use super::session::{Ended, Error, Sealed};
use super::{Admitted, DataPlane};
use crate::contract::Operation;
use crate::kernel::cbor::{self, Bounds, Fields, Value};
use crate::kernel::digest::Digests;
use crate::kernel::id::{ObjectKey, SessionId};
use crate::kernel::limits::{SMALL_BLOB_MAX_BYTES, STORE_DOCUMENT_MAX_BYTES};
use crate::stores::{self, Document};

/// Bytes that are hashed where they are: handing them to another thread would take longer.
const HASHED_IN_PLACE_BYTES: usize = 32 * 1024;

/// A part of the budget for bytes in memory. Given back when it is dropped.
#[derive(Debug)]
pub struct Reserved(Paid);

impl Reserved {
    /// Gives back what is not needed of it.
    pub fn shrink_to(&mut self, bytes: u64) {
        self.0.shrink_to(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}

impl DataPlane {
    /// Waits until so many bytes may be in memory: to be held while a small blob is collected and put. Whoever holds
    /// some already must not wait for more, or all would wait for each other: see [`Self::reserve_now`].
    ///
    /// # Errors
    /// If they are more than a small blob has.
    pub async fn reserve(&self, grant: &Admitted, bytes: u64) -> Result<Reserved, Error> {
        Ok(Reserved(self.0.small_budget.purse(&grant.actor).take(price(bytes)?).await))
    }

    /// As [`Self::reserve`], or nothing if it would have to wait.
    ///
    /// # Errors
    /// As [`Self::reserve`].
    pub fn reserve_now(&self, grant: &Admitted, bytes: u64) -> Result<Option<Reserved>, Error> {
        Ok(self.0.small_budget.purse(&grant.actor).take_now(price(bytes)?).ok().map(Reserved))
    }

    /// Stores a small blob whole.
    ///
    /// # Errors
    /// If the grant does not allow it or was used for other bytes, or they are not those that were declared.
    pub async fn put_small(&self, grant: &Admitted, bytes: Bytes) -> Result<Sealed, Error> {
        let inner = &self.0;
        if inner.closing.is_cancelled() {
            return Err(Error::Closing);
        }
        let session = self.check_small(grant, bytes.len() as u64)?;
        self.take_room(bytes.len() as u64).await?;
        let digests = digests_of(&bytes).await?;
        check_digest(grant, &digests)?;
        let (plane, grant) = (self.clone(), grant.clone());
        self.uninterrupted(async move {
            let turn = plane.0.registry.turn(session).await;
            plane.put(&turn, &grant, bytes, digests).await
        })
        .await
    }

    /// The session whose place a small blob of so many bytes takes, if the grant allows it.
    pub(super) fn check_small(&self, grant: &Admitted, size_bytes: u64) -> Result<SessionId, Error> {
        let config = &self.0.config;
        let upload = grant.upload(&config.store_name)?;
        if size_bytes > SMALL_BLOB_MAX_BYTES {
            return Err(Error::TooLarge { max: SMALL_BLOB_MAX_BYTES });
        }
        super::create::check_length(upload.size, size_bytes)?;
        if config.clock.now_ms() / 1_000 > upload.session_ends_at_seconds {
            return Err(Error::Gone(Ended::Expired));
        }
        Ok(grant.session(upload))
    }

    async fn put(
        &self,
        turn: &Turn,
        grant: &Admitted,
        bytes: Bytes,
        digests: Digests,
    ) -> Result<Sealed, Error> {
        let config = &self.0.config;
        if config.store.load(Document::Session(turn.session)).await?.is_some() {
            return Err(Error::GrantUsed(grant.id));
        }
        // Nobody could be given a receipt: better that than an object of nobody.
        if let Some(key) = self.retired_key() {
            return Err(Error::KeyRetired(key));
        }
        let (object, size_bytes) = (ObjectKey::from_uuid(turn.session.0), bytes.len() as u64);
        match config.store.put(&object, bytes.clone()).await {
            Err(stores::Error::Exists(_)) if self.holds(&object, &bytes).await? => {}
            Err(stores::Error::Exists(_)) => return Err(Error::GrantUsed(grant.id)),
            outcome => outcome?,
        }
        metrics::counter!("strongroom_upload_bytes_total").increment(size_bytes);
        metrics::counter!("strongroom_blobs_sealed_total").increment(1);
        let receipt = self.sign(Stored {
            grant: grant.id,
            session: turn.session,
            actor: &grant.actor,
            repository: &grant.repository,
            digests,
            size_bytes,
            object: &object,
        })?;
        let delivered = self.offer(&receipt, &object).await;
        if !delivered {
            let loose = LooseReceipt { object, receipt: receipt.clone() };
            self.keep_receipt(Document::Receipt(grant.id), &loose).await?;
        }
        Ok(Sealed { digests, size_bytes, receipt, delivered })
    }

    /// Whether an object has exactly these bytes.
    pub(super) async fn holds(&self, object: &ObjectKey, bytes: &Bytes) -> Result<bool, Error> {
        let pieces = self.0.config.store.read(object, 0..bytes.len() as u64 + 1).await?;
        let found: Vec<Bytes> = pieces.try_collect().await?;
        Ok(found.concat() == *bytes)
    }
}

fn price(bytes: u64) -> Result<u32, Error> {
    if bytes > SMALL_BLOB_MAX_BYTES {
        return Err(Error::TooLarge { max: SMALL_BLOB_MAX_BYTES });
    }
    Ok(u32::try_from(bytes).expect("small"))
}

/// Whether the bytes are those that were declared, if any were.
pub(super) fn check_digest(grant: &Admitted, found: &Digests) -> Result<(), Error> {
    let Operation::Upload(upload) = &grant.operation else { return Ok(()) };
    match upload.expected.filter(|expected| !found.matches(expected)) {
        Some(expected) => Err(Error::Failed { expected, found: *found }),
        None => Ok(()),
    }
}

async fn digests_of(bytes: &Bytes) -> Result<Digests, Error> {
    if bytes.len() <= HASHED_IN_PLACE_BYTES {
        return Ok(Digests::of(bytes));
    }
    let same = bytes.clone();
    let hashed = tokio::task::spawn_blocking(move || Digests::of(&same)).await;
    hashed.map_err(|_| Error::Closing)
}

/// A receipt that lies by itself until it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseReceipt {
    /// Its object, to be deleted if the control plane gives it up.
    pub object: ObjectKey,
    /// The signed statement.
    pub receipt: String,
}

impl LooseReceipt {
    /// As it is persisted.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&Value::Map(vec![
            ("v".into(), Value::Unsigned(1)),
            ("object".into(), Value::text(&self.object)),
            ("receipt".into(), Value::text(&self.receipt)),
        ]))
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is not exactly what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, journal::Error> {
        let mut fields = Fields::of(cbor::decode(bytes, Bounds::bytes(STORE_DOCUMENT_MAX_BYTES))?)?;
        if fields.unsigned("v")? != 1 {
            return Err(journal::Error::Inconsistent("unknown version"));
        }
        let loose = Self { object: fields.parse("object")?, receipt: fields.parse("receipt")? };
        fields.finish()?;
        Ok(loose)
    }
}
