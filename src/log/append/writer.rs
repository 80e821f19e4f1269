//! The writer task: drains the queue into batches, commits each, answers.
//!
//! - Whoever waits is answered after the commit, so an answer never speaks of what may still be undone.
//! - If the SQL of a batch fails, its members are tried one by one: one bad member costs nobody else their append.
//! - If a commit breaks, nobody knows whether it took: the event ids are looked up on a new connection, and only then
//!   is anybody answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::look::{self, Look};
use super::plan::{self, Outcome, Plan, next_at};
use super::transaction::Transactions;
use super::{Error, Options, Request};
use crate::clock::Clock;
use crate::kernel::id::EventId;
use crate::kernel::limits::APPEND_BATCH_MAX_MEMBERS;
use crate::log::Folds;
use crate::log::head::Head;
use crate::log::member::{Appended, Member};
use crate::log::tiles::Edge;

/// How long a commit of unknown outcome is looked into before its callers are told to repeat: longer than a restart
/// of the database.
const LOOK_UP_ATTEMPTS: u32 = 60;
const LOOK_UP_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Writer {
    transactions: Transactions,
    folds: Arc<dyn Folds>,
    clock: Arc<dyn Clock>,
    options: Options,
    grow: watch::Sender<u64>,
    edge: Edge,
}

/// How trying a batch ended.
enum Tried {
    /// Committed, or nothing to commit.
    Done(Vec<Outcome>),
    /// Nothing was written.
    Failed(Error),
}

type Reply = oneshot::Sender<Result<Appended, Error>>;

impl Writer {
    pub(super) fn new(
        transactions: Transactions,
        folds: Arc<dyn Folds>,
        clock: Arc<dyn Clock>,
        options: Options,
        grow: watch::Sender<u64>,
    ) -> Self {
        Self { transactions, folds, clock, options, grow, edge: Edge::new() }
    }

    /// Runs until it is told to stop or every [`super::Log`] is dropped, and everything queued is answered.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>, stopping: CancellationToken) {
        let mut waiting: VecDeque<Request> = VecDeque::new();
        let mut received = Vec::with_capacity(APPEND_BATCH_MAX_MEMBERS);
        loop {
            if waiting.is_empty() {
                tokio::select! {
                    // What is queued by then is still received; what comes later is refused.
                    () = stopping.cancelled(), if !requests.is_closed() => requests.close(),
                    count = requests.recv_many(&mut received, APPEND_BATCH_MAX_MEMBERS) => {
                        if count == 0 {
                            return;
                        }
                    }
                }
            }
            waiting.extend(received.drain(..));
            while waiting.len() < APPEND_BATCH_MAX_MEMBERS {
                let Ok(request) = requests.try_recv() else { break };
                waiting.push_back(request);
            }
            let batch: Vec<Request> = waiting.drain(..waiting.len().min(APPEND_BATCH_MAX_MEMBERS)).collect();
            for request in self.append(batch).await.into_iter().rev() {
                waiting.push_front(request);
            }
        }
    }

    /// Appends a batch and answers its members. Gives back those that have to wait for the next.
    async fn append(&mut self, batch: Vec<Request>) -> Vec<Request> {
        let (members, replies): (Vec<Member>, Vec<Reply>) =
            batch.into_iter().map(|request| (request.member, request.reply)).unzip();
        match self.attempt(&members).await {
            Tried::Done(outcomes) => answer(members, replies, outcomes),
            Tried::Failed(error) if members.len() == 1 => {
                tracing::warn!(%error, "an append failed");
                answer(members, replies, vec![Outcome::Answer(Err(error))])
            }
            Tried::Failed(error) => {
                tracing::warn!(%error, members = members.len(), "a batch failed; trying its members one by one");
                let mut outcomes = Vec::with_capacity(members.len());
                for member in &members {
                    outcomes.push(match self.attempt(std::slice::from_ref(member)).await {
                        Tried::Done(mut one) => one.remove(0),
                        Tried::Failed(error) => Outcome::Answer(Err(error)),
                    });
                }
                answer(members, replies, outcomes)
            }
        }
    }

    async fn attempt(&mut self, members: &[Member]) -> Tried {
        match self.transact(members).await {
            Ok(outcomes) => Tried::Done(outcomes),
            Err(error) => Tried::Failed(error),
        }
    }

    async fn transact(&mut self, members: &[Member]) -> Result<Vec<Outcome>, Error> {
        match self.transact_after(Look::Versions, members).await {
            Err(error) if look::was_found(&error) => self.transact_after(Look::Everything, members).await,
            ended => ended,
        }
    }

    async fn transact_after(&mut self, look: Look, members: &[Member]) -> Result<Vec<Outcome>, Error> {
        let (mut transaction, head) = self.transactions.begin().await?;
        self.refuse_other_folds(&head)?;
        let at_ms = next_at(self.clock.now_ms(), &head, self.options.accept_clock)?;
        if self.edge.size() != head.size() {
            // Another process appended, or this is the first batch.
            self.edge = transaction.edge(head.size()).await?;
        }
        let loaded = transaction.load(members, look, &*self.folds).await?;
        let mut plan = plan::plan(members, loaded, head.clone(), self.edge.clone(), at_ms);
        if look == Look::Versions && plan.refuses() {
            let loaded = transaction.load(members, Look::Everything, &*self.folds).await?;
            plan = plan::plan(members, loaded, head, self.edge.clone(), at_ms);
        }
        if plan.events.is_empty() {
            self.transactions.rollback(transaction).await?;
            return Ok(plan.outcomes);
        }
        if let Err(error) = transaction.write(&plan, &*self.folds).await {
            if look::was_found(&error) {
                self.transactions.rollback(transaction).await?;
            }
            return Err(error);
        }
        if let Err(error) = self.transactions.commit(transaction).await {
            self.settle(&plan, error).await?;
        }
        self.options.accept_clock = false;
        self.edge = plan.edge;
        metrics::counter!("strongroom_log_events_total").increment(plan.events.len() as u64);
        metrics::histogram!("strongroom_log_batch_events").record(plan.events.len() as f64);
        self.grow.send_replace(plan.frontier.size());
        Ok(plan.outcomes)
    }

    fn refuse_other_folds(&self, head: &Head) -> Result<(), Error> {
        let (live, ours) = (head.fold_generation, self.folds.generation());
        if live == ours { Ok(()) } else { Err(Error::OtherFolds { live, ours }) }
    }

    /// After a commit that broke: did it take? A batch is atomic, so any one of its ids answers for all.
    async fn settle(&mut self, plan: &Plan, broken: Error) -> Result<(), Error> {
        tracing::warn!(error = %broken, events = plan.events.len(), "a commit broke; looking its events up");
        let ids: Vec<EventId> = plan.events.iter().map(|row| row.event.id).collect();
        for _ in 0..LOOK_UP_ATTEMPTS {
            match self.transactions.look_up(&ids).await {
                Ok(found) if found.len() == ids.len() => return Ok(()),
                Ok(_) => return Err(broken),
                Err(_) => tokio::time::sleep(LOOK_UP_PAUSE).await,
            }
        }
        Err(broken)
    }
}

/// Answers who has an answer; gives back who has to wait. A caller that went away has its events all the same.
fn answer(members: Vec<Member>, replies: Vec<Reply>, outcomes: Vec<Outcome>) -> Vec<Request> {
    let mut wait = Vec::new();
    for ((member, reply), outcome) in members.into_iter().zip(replies).zip(outcomes) {
        match outcome {
            Outcome::Answer(result) => drop(reply.send(result)),
            Outcome::Wait => wait.push(Request { member, reply }),
        }
    }
    wait
}
