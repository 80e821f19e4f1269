//! Orders to the data plane, and what its reports say.
//!
//! - A report counts only if it is signed by a key that its node holds, answers the order that was given, and is about
//!   the same object.
//! - How orders go is the [`Carry`]'s: by a call in one process; where planes are apart, by a [`Board`] that data nodes
//!   look at.

mod board;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Context, Control};
use crate::access::Action;
use crate::contract::{self, Delete, Order, Outcome, Report, SigningKey, Task};
use crate::kernel::id::{NodeName, ObjectKey, OrderId, StoreName};
use crate::kernel::limits::ORDER_LIFE_SECONDS;

pub use board::Board;

/// The way of an order to a node that has the store, and of its report back.
///
/// Carrying the same order again is harmless.
#[async_trait]
pub trait Carry: Send + Sync + 'static {
    /// Takes an order there, as it was signed, and gives the signed report.
    ///
    /// # Errors
    /// If nobody obeyed it, as far as one can know.
    async fn carry(&self, order: &Order, text: &str) -> Result<String, NotCarried>;
}

/// An order was not obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the order was not obeyed: {0}")]
pub struct NotCarried(pub String);

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody obeyed.
    #[error(transparent)]
    NotCarried(#[from] NotCarried),
    /// The report is not a true one.
    #[error("report: {0}")]
    Statement(#[from] contract::Error),
    /// Its key belongs to another node than it names.
    #[error("report: it names node {0}, which does not hold the key that signed it")]
    OtherNode(NodeName),
    /// The order is not a true one.
    #[error("order: {0}")]
    NoOrder(contract::Error),
    /// It answers another order.
    #[error("report: it is about another order than the one that was given")]
    OtherOrder,
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

/// A report that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What came of the order.
    pub outcome: Outcome,
    /// The report as it was signed: evidence.
    pub text: String,
}

/// What was answered, and why nobody obeyed if nobody did.
pub(super) fn obeyed(answer: Result<Answer, Error>) -> Result<Result<(Outcome, String), String>, Error> {
    match answer {
        Ok(answer) => Ok(Ok((answer.outcome, answer.text))),
        Err(Error::NotCarried(error)) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Where orders are signed and reports are read. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    key: Arc<SigningKey>,
    carry: Arc<dyn Carry>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    /// With an order key, and a way to the data plane.
    pub fn new(key: SigningKey, carry: Arc<dyn Carry>) -> Self {
        Self { key: Arc::new(key), carry }
    }

    /// Signs an order to delete an object that was given up by that event.
    pub fn deletion(
        &self,
        control: &Control,
        store: &StoreName,
        object: &ObjectKey,
        discarded_at: u64,
    ) -> String {
        compose(control, store, object, Task::Delete(Delete { discarded_at })).sign(&self.key)
    }

    /// Has something done with an object.
    ///
    /// # Errors
    /// If there is no true report of it.
    pub(super) async fn order(
        &self,
        control: &Control,
        store: &StoreName,
        object: &ObjectKey,
        task: Task,
    ) -> Result<Answer, Error> {
        let order = compose(control, store, object, task);
        let text = self.carry.carry(&order, &order.sign(&self.key)).await?;
        let report = check(control, &text).await?;
        if (report.order, &report.store, &report.object) != (order.id, store, object) {
            return Err(Error::OtherOrder);
        }
        Ok(Answer { outcome: report.outcome, text })
    }
}

fn compose(control: &Control, store: &StoreName, object: &ObjectKey, task: Task) -> Order {
    let now_seconds = control.now_ms() / 1_000;
    Order {
        id: OrderId(Uuid::now_v7()),
        store: store.clone(),
        object: object.clone(),
        issued_at_seconds: now_seconds,
        expires_at_seconds: now_seconds + ORDER_LIFE_SECONDS,
        task,
    }
}

/// Reads a signed report.
///
/// # Errors
/// If it is not a true one.
pub async fn check(control: &Control, text: &str) -> Result<Report, Error> {
    let now_ms = control.now_ms();
    let (outcome, known) = control.verified(|keys| Report::verify(text, keys, now_ms)).await?;
    let report = outcome?;
    if !known.is_held_by(&Report::signer(text)?, &report.node) {
        return Err(Error::OtherNode(report.node));
    }
    Ok(report)
}

/// Has an order obeyed that somebody else signed, with a key of the control plane. None: not yet, ask again.
///
/// # Errors
/// If the caller does not administer, the order is not a true one, or nobody obeys.
pub async fn relay(
    control: &Control,
    context: &Context,
    board: &Board,
    text: &str,
    patience: Duration,
) -> Result<Option<String>, Error> {
    context.caller.require(Action::Administer).map_err(super::Error::from)?;
    // One that is being obeyed may grow too old to be begun.
    let order = match board.posted(text) {
        Some(order) => order,
        None => {
            let now_ms = control.now_ms();
            let (outcome, _) = control.verified(|keys| Order::verify(text, keys, now_ms)).await?;
            outcome.map_err(Error::NoOrder)?
        }
    };
    Ok(board.ask(&order, text, patience).await?)
}

/// The orders for a data node that has these stores, and is busy with some that it was given.
///
/// # Errors
/// If the caller does not speak for that node.
pub async fn take(
    context: &Context,
    board: &Board,
    node: &NodeName,
    stores: &[StoreName],
    in_hand: &[OrderId],
    patience: Duration,
) -> Result<Vec<String>, Error> {
    context.caller.require(Action::Node(node)).map_err(super::Error::from)?;
    Ok(board.take(stores, in_hand, patience).await)
}

/// Takes a report of a data node. Whether somebody waited for it: a late one concludes nothing, and its order is given
/// again if it matters.
///
/// # Errors
/// If the caller speaks for no data node, or the report is not a true one.
pub async fn report(control: &Control, context: &Context, board: &Board, text: &str) -> Result<bool, Error> {
    context.caller.require(Action::Deliver).map_err(super::Error::from)?;
    match check(control, text).await {
        Ok(report) => Ok(board.report(&report, text)),
        Err(Error::Statement(contract::Error::Expired(_))) => Ok(false),
        Err(error) => Err(error),
    }
}
