//! Taking receipts to the control plane, until it has them.
//!
//! - A receipt is durable before it is offered, or its object is not acknowledged: in the journal of its session, or,
//!   for a small blob whose first offer failed, in a document of its own.
//! - It is offered at once, again by every [`DataPlane::redeliver`], and by the client, who has it too. The control plane
//!   ignores a repeat, so an answer that was lost costs nothing.
//! - If the control plane gives the object up (it has the same content already, or the receipt came late), it has said
//!   so in the log before it answers; the object is deleted here.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use tokio::sync::OnceCell;

use super::DataPlane;
use super::journal::{Journal, Phase};
use super::session::Error;
use super::small::LooseReceipt;
use crate::kernel::id::{ObjectKey, SessionId};
use crate::kernel::limits::{DELIVERY_ATTEMPT_SECONDS, STORE_PUTS_AT_ONCE};
use crate::stores::{Document, Kind, Version};

/// The way to the control plane, from inside the process or over the network.
///
/// Offering the same receipt again, at the same time or later, has to give the same answer.
#[async_trait]
pub trait Deliver: Send + Sync + 'static {
    /// Offers a signed receipt.
    ///
    /// # Errors
    /// If the control plane could not be asked, or could not decide; the receipt is kept and offered again.
    async fn deliver(&self, receipt: &str) -> Result<Disposition, Undelivered>;

    /// Offers several at once. One outcome for each, in their order.
    async fn deliver_all(&self, receipts: &[&str]) -> Vec<Result<Disposition, Undelivered>> {
        futures::future::join_all(receipts.iter().map(|receipt| self.deliver(receipt))).await
    }
}

/// What the control plane does with a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The log names the object.
    Accepted,
    /// The log says that the object is discarded (`object.discarded`): it is to be deleted.
    Discarded,
}

/// The control plane did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the receipt was not delivered: {0}")]
pub struct Undelivered(pub String);

/// Receipts that still have to be delivered.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Done once: what an earlier process left was looked up.
    found: OnceCell<()>,
    documents: Mutex<BTreeSet<Document>>,
}

impl Pending {
    fn documents(&self) -> MutexGuard<'_, BTreeSet<Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are, as far as they were looked up.
    pub(super) fn count(&self) -> usize {
        self.documents().len()
    }

    /// There is, or may be, a receipt that was not delivered.
    pub(super) fn insert(&self, document: Document) {
        self.documents().insert(document);
    }
}

impl DataPlane {
    /// Offers every receipt that was not delivered, those of earlier processes too. Gives how many are delivered now,
    /// and how many are left.
    ///
    /// # Errors
    /// If the store cannot say what was not delivered. A receipt that cannot be read is logged, and left.
    pub async fn redeliver(&self) -> Result<(u64, u64), Error> {
        let pending = &self.0.undelivered;
        pending.found.get_or_try_init(|| self.find_undelivered()).await?;
        let documents: Vec<Document> = pending.documents().iter().copied().collect();
        for document in &documents {
            let tried = match document {
                Document::Session(session) => self.redeliver_session(*session).await,
                Document::Receipt(_) => self.redeliver_loose(*document).await,
                Document::Checkpoint | Document::Tile(..) => Ok(()),
            };
            if let Err(error) = tried {
                // It stays, and must not keep the others waiting.
                tracing::error!(%document, %error, "a receipt could not be offered");
            }
        }
        let left = pending.documents();
        let delivered = documents.iter().filter(|document| !left.contains(document)).count();
        Ok((delivered as u64, left.len() as u64))
    }

    async fn find_undelivered(&self) -> Result<(), Error> {
        let store = &self.0.config.store;
        let mut found = store.names(Kind::Receipts).await?;
        for document in store.names(Kind::Sessions).await? {
            let Some((bytes, _)) = store.load(document).await? else { continue };
            match Journal::decode(&bytes) {
                Ok(Journal {
                    phase: Phase::Sealing(..) | Phase::Sealed { delivered: false, .. }, ..
                }) => {
                    found.push(document);
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%document, %error, "a journal cannot be read"),
            }
        }
        self.0.undelivered.documents().extend(found);
        Ok(())
    }

    async fn redeliver_session(&self, session: SessionId) -> Result<(), Error> {
        let turn = self.0.registry.turn(session).await;
        let (journal, version) = match self.current(&turn).await {
            // Swept meanwhile, so it was delivered.
            Err(Error::Unknown(_)) => {
                self.0.undelivered.documents().remove(&Document::Session(session));
                return Ok(());
            }
            outcome => outcome?,
        };
        match journal.phase {
            Phase::Sealed { delivered: false, .. } => drop(self.hand_over(journal, &version).await),
            _ => drop(self.0.undelivered.documents().remove(&Document::Session(session))),
        }
        Ok(())
    }

    async fn redeliver_loose(&self, document: Document) -> Result<(), Error> {
        let store = &self.0.config.store;
        let done = match store.load(document).await? {
            None => true,
            Some((bytes, version)) => {
                let loose = LooseReceipt::decode(&bytes)?;
                let taken = self.offer(&loose.receipt, &loose.object).await;
                if taken {
                    store.swap(document, Some(&version), None).await?;
                }
                taken
            }
        };
        if done {
            self.0.undelivered.documents().remove(&document);
        }
        Ok(())
    }

    /// Offers the receipt of a sealed session, and notes in the journal that it was taken.
    pub(super) async fn hand_over(&self, mut journal: Journal, version: &Version) -> Journal {
        let document = Document::Session(journal.session);
        let Phase::Sealed { receipt, delivered, .. } = &mut journal.phase else { return journal };
        if !self.offer(receipt, &journal.object).await {
            self.0.undelivered.insert(document);
            return journal;
        }
        *delivered = true;
        match self.save(&journal, Some(version)).await {
            Ok(_) => drop(self.0.undelivered.documents().remove(&document)),
            // It was taken; at worst it is offered once more.
            Err(error) => {
                self.0.undelivered.insert(document);
                tracing::warn!(session = %journal.session, %error, "a delivery could not be noted");
            }
        }
        journal
    }

    /// Keeps the receipt of a small blob that was not taken at once.
    pub(super) async fn keep_receipt(&self, document: Document, loose: &LooseReceipt) -> Result<(), Error> {
        let store = &self.0.config.store;
        self.0.undelivered.insert(document);
        let before = store.load(document).await?.map(|(_, version)| version);
        store.swap(document, before.as_ref(), Some(Bytes::from(loose.encode()))).await?;
        Ok(())
    }

    /// Whether the control plane has decided on that receipt, and what follows from it has been done.
    pub(super) async fn offer(&self, receipt: &str, object: &ObjectKey) -> bool {
        let attempt = self.0.config.deliver.deliver(receipt);
        let outcome = tokio::time::timeout(Duration::from_secs(DELIVERY_ATTEMPT_SECONDS), attempt).await;
        self.follow(object, outcome.unwrap_or_else(|_| Err(no_answer()))).await
    }

    /// As [`Self::offer`], for several at once.
    pub(super) async fn offer_all(&self, all: &[LooseReceipt]) -> Vec<bool> {
        let receipts: Vec<&str> = all.iter().map(|loose| loose.receipt.as_str()).collect();
        let attempt = self.0.config.deliver.deliver_all(&receipts);
        let outcome = tokio::time::timeout(Duration::from_secs(DELIVERY_ATTEMPT_SECONDS), attempt).await;
        let outcomes = outcome.unwrap_or_else(|_| all.iter().map(|_| Err(no_answer())).collect());
        let followed: Vec<_> =
            all.iter().zip(outcomes).map(|(loose, outcome)| self.follow(&loose.object, outcome)).collect();
        stream::iter(followed).buffered(STORE_PUTS_AT_ONCE).collect().await
    }

    /// Does what follows from the control plane's answer about a receipt. Whether that was an answer, and it is done.
    async fn follow(&self, object: &ObjectKey, answer: Result<Disposition, Undelivered>) -> bool {
        match answer {
            Ok(Disposition::Accepted) => true,
            Ok(Disposition::Discarded) => match self.discard(object).await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!(%object, %error, "a discarded object could not be deleted; will try again");
                    false
                }
            },
            Err(error) => {
                metrics::counter!("strongroom_receipts_undelivered_total").increment(1);
                tracing::warn!(%object, %error, "will be offered again");
                false
            }
        }
    }
}

fn no_answer() -> Undelivered {
    Undelivered("no answer in time".into())
}
