//! Orders of the control plane: an object is read again, deleted, copied to another store or made readable, and the report
//! of it signed.
//!
//! - Only what is signed by an order key is obeyed, and only for the stores that are here.
//! - Reading again is reading to the end: both digests and the size, as at the deposit. What the store fails to give is
//!   no finding: the report says `failed`, and nothing is concluded from it. What would have to be restored first is not read.
//! - A deletion is asked for after the log has given the object up. It is idempotent, so an order that is obeyed twice,
//!   or by two nodes at once, does no harm.
//! - An object that is found damaged is refused to every grant from then on (see `Damaged`).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures::TryStreamExt as _;

use super::damaged::Damaged;
use super::moving::Moving;
use super::pace::Pace;
use super::trees::Tree;
use crate::clock::Clock;
use crate::contract::{
    self, Found, Move, Order, Outcome, Report, Reported, Restore, SharedRing, SigningKey, Task, Verify,
};
use crate::kernel::digest::Blake3;
use crate::kernel::hash::Hasher;
use crate::kernel::id::{NodeName, ObjectKey, StoreName};
use crate::stores::{self, Availability, Store};

/// Whoever obeys orders where objects lie.
pub struct Orderly {
    /// Where they lie, by the name of the store in orders and reports.
    pub stores: HashMap<StoreName, Arc<dyn Store>>,
    /// The name of this node, in reports.
    pub node: NodeName,
    /// Signs reports.
    pub reports: SigningKey,
    /// Verify orders.
    pub orders: SharedRing,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What was found damaged; shared with whoever gives bytes out.
    pub damaged: Damaged,
    /// How fast objects are read again, and copied.
    pub pace: Pace,
    /// Copies that are made; shared with whoever else obeys orders in this process.
    pub moving: Moving,
}

impl fmt::Debug for Orderly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Orderly({})", self.node)
    }
}

/// Why an order is not obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disobeyed {
    /// It is no true order.
    #[error("order: {0}")]
    Statement(#[from] contract::Error),
    /// It is for another store.
    #[error("order: it is for store {0}, which is not here")]
    OtherStore(StoreName),
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obeyed {
    /// What is reported.
    pub report: Report,
    /// The same, signed.
    pub text: String,
}

impl Orderly {
    /// The stores that are here.
    pub fn stores(&self) -> Vec<StoreName> {
        self.stores.keys().cloned().collect()
    }

    /// Reads a signed order.
    ///
    /// # Errors
    /// If it is not to be obeyed.
    pub fn read(&self, order: &str) -> Result<Order, Disobeyed> {
        let order = Order::verify(order, &self.orders.current(), self.clock.now_ms())?;
        if self.stores.contains_key(&order.store) {
            Ok(order)
        } else {
            Err(Disobeyed::OtherStore(order.store))
        }
    }

    /// Does what an order says. What goes wrong in that stands in the report.
    ///
    /// # Panics
    /// If the order is for a store that is not here.
    pub async fn obey(&self, order: &Order) -> Obeyed {
        let store = &*self.stores[&order.store];
        let (task, outcome) = match &order.task {
            Task::Verify(wanted) => {
                (Reported::Verify(wanted.digests.blake3), self.verify(store, &order.object, wanted).await)
            }
            Task::Delete(_) => (Reported::Delete, self.delete(&order.store, &order.object).await),
            Task::Move(wanted) => {
                let Move { digests, to_store, to_object, .. } = wanted;
                let (blake3, to_store, to_object) = (digests.blake3, to_store.clone(), to_object.clone());
                (Reported::Move { blake3, to_store, to_object }, self.moves(order, wanted).await)
            }
            Task::Restore(Restore { days }) => {
                (Reported::Restore, restore(store, &order.object, *days).await)
            }
        };
        let report = Report {
            order: order.id,
            node: self.node.clone(),
            store: order.store.clone(),
            object: order.object.clone(),
            at_ms: self.clock.now_ms(),
            task,
            outcome,
        };
        Obeyed { text: report.sign(&self.reports), report }
    }

    async fn verify(&self, store: &dyn Store, object: &ObjectKey, wanted: &Verify) -> Outcome {
        self.pace.begin().await;
        let outcome = self.look(store, object, wanted).await.unwrap_or_else(|error| {
            tracing::warn!(%object, %error, "an object could not be read again");
            Outcome::Failed(error.to_string())
        });
        self.note(object, &wanted.digests.blake3, &outcome);
        outcome
    }

    /// Remembers what was seen of an object that was read to its end.
    pub(super) fn note(&self, object: &ObjectKey, blob: &Blake3, outcome: &Outcome) {
        match outcome {
            Outcome::Done => self.damaged.remove(object),
            Outcome::Corrupt(_) | Outcome::Missing => {
                tracing::error!(%object, %blob, ?outcome, "an object is not what it was");
                self.damaged.insert(object);
            }
            Outcome::Failed(_) | Outcome::Archived | Outcome::Restoring | Outcome::Available { .. } => {}
        }
    }

    async fn look(
        &self,
        store: &dyn Store,
        object: &ObjectKey,
        wanted: &Verify,
    ) -> Result<Outcome, stores::Error> {
        match store.archive().look(object).await? {
            None => return Ok(Outcome::Missing),
            Some(found) if found.size_bytes != wanted.size_bytes => {
                return Ok(Outcome::Corrupt(Found { size_bytes: found.size_bytes, digests: None }));
            }
            Some(found) if !found.is_readable() => return Ok(Outcome::Archived),
            Some(_) => {}
        }
        let mut pieces = match store.read(object, 0..wanted.size_bytes).await {
            Err(stores::Error::Missing(_)) => return Ok(Outcome::Missing),
            Err(stores::Error::Archived(_)) => return Ok(Outcome::Archived),
            outcome => outcome?,
        };
        let mut hasher = Hasher::new();
        while let Some(piece) = pieces.try_next().await? {
            self.pace.spend(piece.len() as u64).await;
            hasher.update(&piece);
            metrics::counter!("strongroom_scrub_bytes_total").increment(piece.len() as u64);
            // Whoever serves a client goes first.
            tokio::task::yield_now().await;
        }
        if hasher.bytes() < wanted.size_bytes {
            return Ok(Outcome::Corrupt(Found { size_bytes: hasher.bytes(), digests: None }));
        }
        let digests = hasher.finish();
        if digests == wanted.digests {
            return Ok(Outcome::Done);
        }
        Ok(Outcome::Corrupt(Found { size_bytes: wanted.size_bytes, digests: Some(digests) }))
    }

    async fn delete(&self, store: &StoreName, object: &ObjectKey) -> Outcome {
        match forget(&self.stores[store], object).await {
            Ok(()) => {
                tracing::info!(%object, "deleted a discarded object");
                metrics::counter!("strongroom_objects_deleted_total").increment(1);
                Outcome::Done
            }
            Err(error) => {
                tracing::warn!(%object, %error, "a discarded object could not be deleted");
                Outcome::Failed(error.to_string())
            }
        }
    }
}

/// Asks for an object, where that is necessary, and says how it stands.
async fn restore(store: &dyn Store, object: &ObjectKey, days: u32) -> Outcome {
    match store.archive().restore(object, days).await.map(|found| found.map(|found| found.availability)) {
        Ok(None) => Outcome::Missing,
        Ok(Some(Availability::Available { until_ms })) => Outcome::Available { until_ms },
        Ok(Some(Availability::Restoring | Availability::Archived)) => Outcome::Restoring,
        Err(error) => {
            tracing::warn!(%object, %error, "an object could not be asked for");
            Outcome::Failed(error.to_string())
        }
    }
}

/// The tiles go first: afterwards nobody would look for them.
async fn forget(store: &Arc<dyn Store>, object: &ObjectKey) -> Result<(), stores::Error> {
    let tree = Tree::of(store.clone(), object.clone());
    tree.forget(store.size(object).await?).await?;
    store.delete(object).await
}
