//! Small blobs together: each its own upload, with its own grant, object and receipt; what is shared is the work.
//!
//! | step | shared | a crash after it leaves |
//! |---|---|---|
//! | 1. grants verified, bytes hashed and compared | a core for each part of them | nothing |
//! | 2. objects put ([`Store::put_many`](crate::stores::Store::put_many)) | one barrier | objects that no one has been told of, perhaps in part |
//! | 3. receipts signed and offered | one append | blobs that the log names |
//! | 4. those not taken kept | | receipts that [`DataPlane::redeliver`] offers again |
//!
//! - As for one small blob ([`super::small`]): nothing is acknowledged before it is stored and its receipt is delivered
//!   or kept, and the same grant again meets its object, so a group that is sent again is answered the same.
//! - What is wrong with one blob is answered for it, and costs the others nothing. A failure of the store or of the
//!   control plane can be that of several.
//! - A grant is for one blob: what comes under it a second time in the same group is refused as used.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;

use super::registry::Turn;
use super::seal::Stored;
use super::session::{Error, Sealed};
use super::small::LooseReceipt;
use super::{Admitted, DataPlane};
use crate::contract;
use crate::kernel::digest::Digests;
use crate::kernel::id::{ObjectKey, SessionId};
use crate::kernel::limits::STORE_PUTS_AT_ONCE;
use crate::stores::{self, Document};

/// A small blob and the grant that it comes under.
#[derive(Debug, Clone)]
pub struct Offered {
    /// As it was signed.
    pub grant: String,
    /// All of them.
    pub bytes: Bytes,
}

/// Why a blob of a group was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The grant is not good.
    #[error(transparent)]
    Grant(#[from] contract::Error),
    /// The upload is not.
    #[error(transparent)]
    Upload(#[from] Error),
}

/// One that may be put.
struct Checked {
    /// Its place in the answer.
    at: usize,
    grant: Admitted,
    session: SessionId,
    bytes: Bytes,
    digests: Digests,
}

/// One that lies in the store.
struct Kept {
    at: usize,
    grant: Admitted,
    session: SessionId,
    object: ObjectKey,
    sealed: Sealed,
}

type Outcomes = BTreeMap<usize, Result<Sealed, Refused>>;

impl DataPlane {
    /// Stores small blobs, each under its own grant. One outcome for each, in their order.
    ///
    /// The caller holds the memory that they take ([`Self::reserve`]).
    pub async fn put_together(&self, blobs: Vec<Offered>) -> Vec<Result<Sealed, Refused>> {
        let count = blobs.len();
        let mut outcomes = Outcomes::new();
        if self.0.closing.is_cancelled() {
            return (0..count).map(|_| Err(Error::Closing.into())).collect();
        }
        let checked = self.check_all(blobs, &mut outcomes).await;
        let mut sessions = HashSet::new();
        let (group, twice): (Vec<_>, Vec<_>) =
            checked.into_iter().partition(|blob: &Checked| sessions.insert(blob.session));
        let used = |blob: Checked| (blob.at, Err(Error::GrantUsed(blob.grant.id).into()));
        outcomes.extend(twice.into_iter().map(used));
        let places: Vec<usize> = group.iter().map(|blob| blob.at).collect();
        let plane = self.clone();
        match self.uninterrupted(async move { Ok(plane.put_group(group).await) }).await {
            Ok(done) => outcomes.extend(done),
            // Only a process that is ending gives no outcome.
            Err(_) => outcomes.extend(places.into_iter().map(|at| (at, Err(Error::Closing.into())))),
        }
        outcomes.into_values().collect()
    }

    /// Verifies and hashes on every core, beside the runtime.
    async fn check_all(&self, blobs: Vec<Offered>, outcomes: &mut Outcomes) -> Vec<Checked> {
        let mut checked = Vec::with_capacity(blobs.len());
        let each = blobs.into_iter().enumerate().collect();
        let plane = self.clone();
        for (at, outcome) in on_all_cores(each, move |(at, blob)| (at, plane.check(at, blob))).await {
            match outcome {
                Ok(blob) => checked.push(blob),
                Err(refused) => drop(outcomes.insert(at, Err(refused))),
            }
        }
        checked
    }

    fn check(&self, at: usize, blob: Offered) -> Result<Checked, Refused> {
        let grant = self.admit(&blob.grant)?;
        let session = self.check_small(&grant, blob.bytes.len() as u64)?;
        let digests = Digests::of(&blob.bytes);
        super::small::check_digest(&grant, &digests)?;
        Ok(Checked { at, grant, session, bytes: blob.bytes, digests })
    }

    /// Puts blobs of different sessions.
    async fn put_group(&self, mut blobs: Vec<Checked>) -> Outcomes {
        // In one order for all groups, so that two that share grants do not wait for each other.
        blobs.sort_by_key(|blob| blob.session.0);
        let mut turns: Vec<Turn> = Vec::with_capacity(blobs.len());
        for blob in &blobs {
            turns.push(self.0.registry.turn(blob.session).await);
        }
        let mut outcomes = Outcomes::new();
        // Nobody could be given a receipt: better that than objects of nobody.
        if let Some(key) = self.retired_key() {
            let refused = |blob: Checked| (blob.at, Err(Error::KeyRetired(key.clone()).into()));
            return blobs.into_iter().map(refused).collect();
        }
        let free = self.unused(blobs, &mut outcomes).await;
        let kept = self.keep_all(free, &mut outcomes).await;
        let kept = self.sign_all(kept, &mut outcomes).await;
        self.hand_over_all(kept, &mut outcomes).await;
        outcomes
    }

    /// Those whose grant began no session.
    async fn unused(&self, blobs: Vec<Checked>, outcomes: &mut Outcomes) -> Vec<Checked> {
        let store = &self.0.config.store;
        let loads: Vec<_> = blobs.iter().map(|blob| store.load(Document::Session(blob.session))).collect();
        let loaded: Vec<_> = stream::iter(loads).buffered(STORE_PUTS_AT_ONCE).collect().await;
        let mut free = Vec::with_capacity(blobs.len());
        for (blob, loaded) in blobs.into_iter().zip(loaded) {
            let refused = match loaded {
                Ok(None) => {
                    free.push(blob);
                    continue;
                }
                Ok(Some(_)) => Error::GrantUsed(blob.grant.id),
                Err(error) => error.into(),
            };
            outcomes.insert(blob.at, Err(refused.into()));
        }
        free
    }

    /// Puts them, and finds those that lay there before.
    async fn keep_all(&self, blobs: Vec<Checked>, outcomes: &mut Outcomes) -> Vec<Kept> {
        let key = |blob: &Checked| ObjectKey::from_uuid(blob.session.0);
        if self.take_room(blobs.iter().map(|blob| blob.bytes.len() as u64).sum()).await.is_err() {
            outcomes.extend(blobs.into_iter().map(|blob| (blob.at, Err(Error::Full.into()))));
            return Vec::new();
        }
        let objects = blobs.iter().map(|blob| (key(blob), blob.bytes.clone())).collect();
        let put = self.0.config.store.put_many(objects).await;
        let mut kept = Vec::with_capacity(blobs.len());
        for (blob, put) in blobs.into_iter().zip(put) {
            let object = key(&blob);
            let is_there = match put {
                Ok(()) => Ok(true),
                Err(stores::Error::Exists(_)) => self.holds(&object, &blob.bytes).await,
                Err(error) => Err(error.into()),
            };
            let Checked { at, grant, session, bytes, digests } = blob;
            match is_there {
                Ok(true) => {
                    let size_bytes = bytes.len() as u64;
                    let sealed = Sealed { digests, size_bytes, receipt: String::new(), delivered: false };
                    kept.push(Kept { at, grant, session, object, sealed });
                }
                Ok(false) => drop(outcomes.insert(at, Err(Error::GrantUsed(grant.id).into()))),
                Err(error) => drop(outcomes.insert(at, Err(error.into()))),
            }
        }
        kept
    }

    async fn sign_all(&self, kept: Vec<Kept>, outcomes: &mut Outcomes) -> Vec<Kept> {
        let plane = self.clone();
        let sign = move |mut kept: Kept| {
            metrics::counter!("strongroom_upload_bytes_total").increment(kept.sealed.size_bytes);
            metrics::counter!("strongroom_blobs_sealed_total").increment(1);
            let receipt = plane.sign(Stored {
                grant: kept.grant.id,
                session: kept.session,
                actor: &kept.grant.actor,
                repository: &kept.grant.repository,
                digests: kept.sealed.digests,
                size_bytes: kept.sealed.size_bytes,
                object: &kept.object,
            });
            match receipt {
                Ok(receipt) => kept.sealed.receipt = receipt,
                Err(error) => return Err((kept.at, error)),
            }
            Ok(kept)
        };
        let mut signed = Vec::with_capacity(kept.len());
        for outcome in on_all_cores(kept, sign).await {
            match outcome {
                Ok(kept) => signed.push(kept),
                Err((at, error)) => drop(outcomes.insert(at, Err(error.into()))),
            }
        }
        signed
    }

    /// Offers the receipts together, and keeps those that were not taken.
    async fn hand_over_all(&self, kept: Vec<Kept>, outcomes: &mut Outcomes) {
        let offered: Vec<LooseReceipt> = kept
            .iter()
            .map(|kept| LooseReceipt { object: kept.object.clone(), receipt: kept.sealed.receipt.clone() })
            .collect();
        let delivered = self.offer_all(&offered).await;
        let left = offered.iter().zip(&kept).zip(&delivered).filter(|(_, delivered)| !**delivered);
        let keeping: Vec<_> = left
            .map(|((loose, kept), _)| async {
                (kept.at, self.keep_receipt(Document::Receipt(kept.grant.id), loose).await)
            })
            .collect();
        let mut lost: BTreeMap<usize, Error> = stream::iter(keeping)
            .buffer_unordered(STORE_PUTS_AT_ONCE)
            .filter_map(|(at, outcome)| async move { Some((at, outcome.err()?)) })
            .collect()
            .await;
        for (kept, delivered) in kept.into_iter().zip(delivered) {
            let outcome = match lost.remove(&kept.at) {
                None => Ok(Sealed { delivered, ..kept.sealed }),
                Some(error) => Err(error.into()),
            };
            outcomes.insert(kept.at, outcome);
        }
    }
}

/// Does to each what takes a core some time, in order, on as many as there are.
async fn on_all_cores<T, R, F>(mut all: Vec<T>, each: F) -> Vec<R>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Fn(T) -> R + Clone + Send + 'static,
{
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = all.len().div_ceil(cores).max(1);
    let mut parts = Vec::new();
    while !all.is_empty() {
        let rest = all.split_off(share.min(all.len()));
        let (part, each) = (std::mem::replace(&mut all, rest), each.clone());
        parts.push(tokio::task::spawn_blocking(move || part.into_iter().map(each).collect::<Vec<R>>()));
    }
    let mut done = Vec::new();
    for part in parts {
        match part.await {
            Ok(part) => done.extend(part),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    done
}
