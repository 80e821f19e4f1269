//! Bytes of one request on their way from the connection to the stage.
//!
//! ```text
//! body --> gathering --(batch)--> hashing and writing, side by side --(every JOURNAL_EVERY_BYTES)--> synced, journaled
//! ```
//! - While one batch is worked on, the next is gathered, and the last journal entry is on its way: none waits for another
//!   without need. A slow body is written as it comes: a batch is whatever is there when the pen is free.
//! - Each piece is paid for from the common budget when it arrives and paid back when it is written. A request that
//!   gets nothing from the budget first finishes what it holds, so requests cannot starve each other.
//! - With a checksum nothing is journaled before it has been checked: the next writer cuts the stage back to where this
//!   request began.
//! - Someone who asks how far the session is gets the journal brought up to date meanwhile.

use std::future::pending;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::DataPlane;
use super::fair::{Paid, Purse};
use super::journal::{Durable, Journal, Phase};
use super::pen::{Pen, work};
use super::registry::Turn;
use super::session::Error;
use crate::kernel::limits::{JOURNAL_EVERY_BYTES, UPLOAD_BATCH_BYTES, UPLOAD_PROGRESS_BYTES};
use crate::stores::{self, Staged, StagedState, Version};

/// The bytes of a request as they come.
pub(super) type Body = BoxStream<'static, Result<Bytes, String>>;

/// Why no more bytes come.
#[derive(Debug)]
pub(super) enum End {
    /// They have all been taken.
    Complete,
    /// The connection failed.
    Disconnected(String),
    /// Too few came for too long.
    Idle,
    /// Another writer wants the session.
    Displaced,
    /// The process is stopping.
    Parked,
    /// More came than this many in all.
    TooLarge(u64),
}

/// The journal, and the version that is in the store.
pub(super) struct Record {
    /// As it was last saved.
    pub(super) journal: Journal,
    /// Of that.
    pub(super) version: Version,
}

impl Record {
    /// What it says of the stage.
    fn staged(&self) -> Option<&StagedState> {
        match &self.journal.phase {
            Phase::Receiving(at) => at.staged.as_ref(),
            _ => None,
        }
    }

    /// Lets the stage know.
    fn tell(&self, staged: &mut dyn Staged) {
        if let Some(state) = self.staged() {
            staged.journaled(state);
        }
    }
}

type Working = BoxFuture<'static, Result<Pen, stores::Error>>;
type Recording = BoxFuture<'static, Result<Record, Error>>;

/// The state of one request.
pub(super) struct Intake<'a> {
    plane: &'a DataPlane,
    turn: &'a Turn,
    /// What pieces are paid from.
    purse: Purse,
    /// Most bytes of the whole.
    max: u64,
    /// Bytes of the whole, gathered ones included.
    arrived: u64,
    /// Pieces for the next batch, paid for.
    gathering: Vec<Bytes>,
    gathered: usize,
    paid: Option<Paid>,
    /// A piece that has arrived, but is not paid for.
    unpaid: Option<Bytes>,
    /// Here, or with the batch that is worked on.
    pen: Option<Pen>,
    working: Option<Working>,
    /// Here, or on its way to the store.
    record: Option<Record>,
    recording: Option<Recording>,
    /// Bytes up to which the journal is, or is on its way.
    recorded: u64,
    /// What the journal says of the stage now; the stage has not been told.
    untold: Option<StagedState>,
    /// Someone asked how far we are, and waits: since before, or after, the recording began.
    asked: bool,
    answering: bool,
}

/// The result of a future that may not be there; never, if it is not.
async fn outcome_of<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(running) => {
            let outcome = running.await;
            *future = None;
            outcome
        }
        None => pending().await,
    }
}

impl<'a> Intake<'a> {
    pub(super) fn new(plane: &'a DataPlane, turn: &'a Turn, pen: Pen, record: Record, max: u64) -> Self {
        let offset = pen.hashing.bytes();
        Self {
            plane,
            turn,
            purse: plane.0.budget.purse(&record.journal.terms.actor),
            max,
            arrived: offset,
            gathering: Vec::new(),
            gathered: 0,
            paid: None,
            unpaid: None,
            pen: Some(pen),
            working: None,
            record: Some(record),
            recording: None,
            recorded: offset,
            untold: None,
            asked: false,
            answering: false,
        }
    }

    /// Takes the body in, to its end or as far as it goes.
    pub(super) async fn receive(mut self, mut body: Body) -> Result<(Pen, Record, End), Error> {
        let all_or_none = self.pen.as_ref().is_some_and(|pen| pen.hashing.checking.is_some());
        let end = match self.run(&mut body, all_or_none).await {
            Ok(end) => end,
            Err(error) => {
                self.let_go().await;
                return Err(error);
            }
        };
        let mut pen = self.finish_work().await?;
        if let Some(checking) = &pen.hashing.checking {
            match &end {
                End::Complete if checking.matches() => {}
                End::Complete => return Err(Error::Checksum),
                // What came cannot be checked, so it did not come.
                End::Disconnected(reason) => {
                    return Err(Error::Disconnected { offset: self.recorded, reason: reason.clone() });
                }
                End::Idle => return Err(Error::Idle { offset: self.recorded }),
                End::Displaced => return Err(Error::Displaced),
                End::Parked => return Err(Error::Closing),
                End::TooLarge(max) => return Err(Error::TooLarge { max: *max }),
            }
        }
        let record = self.settled(&mut pen).await?;
        let resting = pen.staged.rest();
        let record = save(self.plane, record, resting, &mut pen).await?;
        record.tell(&mut *pen.staged);
        self.turn.answer();
        Ok((pen, record, end))
    }

    async fn run(&mut self, body: &mut Body, all_or_none: bool) -> Result<End, Error> {
        let (patience_full, purse) = (self.plane.0.config.bounds.idle, self.purse.clone());
        let mut patience = patience_full;
        let mut progress_from = self.arrived;
        loop {
            self.pay_if_possible();
            self.start_work(all_or_none);
            let listens = self.unpaid.is_none() && self.gathered < UPLOAD_BATCH_BYTES;
            let (broke, price) = (self.gathering.is_empty() && self.working.is_none(), self.price());
            let since = Instant::now();
            tokio::select! {
                biased;
                () = self.turn.displaced() => return Ok(End::Displaced),
                () = self.plane.0.closing.cancelled() => return Ok(End::Parked),
                () = self.turn.asked(), if !self.asked => self.asked = true,
                pen = outcome_of(&mut self.working) => self.pen = Some(pen?),
                record = outcome_of(&mut self.recording) => self.recorded(record?),
                paid = purse.take(price), if self.unpaid.is_some() && broke => self.pay(paid),
                piece = tokio::time::timeout(patience, body.next()), if listens => match piece {
                    Err(_) => return Ok(End::Idle),
                    Ok(None) => return Ok(End::Complete),
                    Ok(Some(Err(reason))) => return Ok(End::Disconnected(reason)),
                    Ok(Some(Ok(piece))) if piece.len() as u64 > self.max - self.arrived => {
                        return Ok(End::TooLarge(self.max));
                    }
                    Ok(Some(Ok(piece))) => {
                        self.arrived += piece.len() as u64;
                        self.unpaid = (!piece.is_empty()).then_some(piece);
                    }
                }
            }
            if self.arrived - progress_from >= UPLOAD_PROGRESS_BYTES {
                (patience, progress_from) = (patience_full, self.arrived);
            } else if listens {
                // Only time in which the client was waited for counts against it.
                patience = patience.saturating_sub(since.elapsed());
            }
        }
    }

    /// What the next part of the unpaid piece costs. A piece larger than a batch is paid in parts.
    fn price(&self) -> u32 {
        let length = self.unpaid.as_ref().map_or(0, Bytes::len).min(UPLOAD_BATCH_BYTES);
        u32::try_from(length).expect("a batch is smaller")
    }

    fn pay_if_possible(&mut self) {
        while self.unpaid.is_some() && self.gathered < UPLOAD_BATCH_BYTES {
            let Ok(paid) = self.purse.take_now(self.price()) else { return };
            self.pay(paid);
        }
    }

    fn pay(&mut self, paid: Paid) {
        let mut piece = self.unpaid.take().expect("something to pay for");
        let part = piece.split_to(paid.amount());
        self.unpaid = (!piece.is_empty()).then_some(piece);
        self.gathered += part.len();
        self.gathering.push(part);
        match &mut self.paid {
            Some(before) => before.merge(paid),
            None => self.paid = Some(paid),
        }
    }

    /// Puts the pen to use, if it is free: first the journal, if that is due, then the next batch.
    fn start_work(&mut self, all_or_none: bool) {
        if self.asked && all_or_none {
            self.asked = false;
            self.turn.answer();
        }
        let Some(mut pen) = self.pen.take() else { return };
        if let Some(state) = self.untold.take() {
            pen.staged.journaled(&state);
        }
        if pen.staged.is_waiting() {
            if let Some(record) = self.record.take() {
                self.recording = Some(reserve(self.plane, record, &mut pen));
            }
            // Until the journal has it.
            self.pen = Some(pen);
            return;
        }
        let behind = pen.hashing.bytes() - self.recorded;
        if self.asked && behind == 0 && self.recording.is_none() {
            self.asked = false;
            self.turn.answer();
        }
        if (self.asked || (behind >= JOURNAL_EVERY_BYTES && !all_or_none))
            && let Some(record) = self.record.take()
        {
            self.recorded = pen.hashing.bytes();
            self.answering = std::mem::take(&mut self.asked);
            let synced = pen.staged.sync();
            self.recording = Some(save(self.plane, record, synced, &mut pen));
        }
        if self.gathering.is_empty() {
            self.pen = Some(pen);
            return;
        }
        let batch = std::mem::take(&mut self.gathering);
        metrics::counter!("strongroom_upload_bytes_total").increment(self.gathered as u64);
        self.gathered = 0;
        self.working = Some(Box::pin(work(self.plane.clone(), pen, batch, self.paid.take())));
    }

    fn recorded(&mut self, record: Record) {
        self.untold = record.staged().cloned();
        self.record = Some(record);
        if std::mem::take(&mut self.answering) {
            self.turn.answer();
        }
    }

    /// Waits for what is under way, however it ends: the turn must not be given back while bytes may still land.
    async fn let_go(&mut self) {
        for failed in [
            self.working.take().map(|working| working.map(|outcome| outcome.is_err()).boxed()),
            self.recording.take().map(|recording| recording.map(|outcome| outcome.is_err()).boxed()),
        ] {
            if let Some(failed) = failed
                && failed.await
            {
                tracing::debug!(session = %self.turn.session, "more than one step failed");
            }
        }
    }

    /// The journal, when none of it is on its way, and the stage knows what is in it.
    async fn settled(&mut self, pen: &mut Pen) -> Result<Record, Error> {
        let record = match self.recording.take() {
            Some(recording) => recording.await?,
            None => self.record.take().expect("here or on its way"),
        };
        self.untold = None;
        record.tell(&mut *pen.staged);
        Ok(record)
    }

    /// The pen, after all that was gathered has been written.
    async fn finish_work(&mut self) -> Result<Pen, Error> {
        let mut pen = match self.working.take() {
            Some(working) => working.await?,
            None => self.pen.take().expect("here or at work"),
        };
        if !self.gathering.is_empty() {
            if let Some(state) = self.untold.take() {
                pen.staged.journaled(&state);
            }
            if pen.staged.is_waiting() {
                let record = self.settled(&mut pen).await?;
                let record = reserve(self.plane, record, &mut pen).await?;
                record.tell(&mut *pen.staged);
                self.record = Some(record);
            }
            let batch = std::mem::take(&mut self.gathering);
            metrics::counter!("strongroom_upload_bytes_total").increment(self.gathered as u64);
            pen = work(self.plane.clone(), pen, batch, self.paid.take()).await?;
        }
        Ok(pen)
    }
}

/// Says in the journal what is durable, once it is. Runs by itself while more is written.
fn save(
    plane: &DataPlane,
    mut record: Record,
    synced: BoxFuture<'static, Result<StagedState, stores::Error>>,
    pen: &mut Pen,
) -> Recording {
    let (plane, hash, tree) = (plane.clone(), pen.hashing.saved(), pen.hashing.saved_tree());
    let (kept, tiles) = (pen.tree.clone(), pen.hashing.take_tiles());
    Box::pin(async move {
        let staged = Some(synced.await?);
        // Before the journal, which from here on has only what they do not.
        kept.keep(tiles).await?;
        record.journal.phase = Phase::Receiving(Durable { hash, tree, staged });
        record.version = plane.save(&record.journal, Some(&record.version)).await?;
        Ok(record)
    })
}

/// Lets the journal say what the stage reserves, and nothing else.
fn reserve(plane: &DataPlane, mut record: Record, pen: &mut Pen) -> Recording {
    let (plane, state) = (plane.clone(), pen.staged.reserve());
    Box::pin(async move {
        let Phase::Receiving(at) = &mut record.journal.phase else {
            unreachable!("a writer's journal is receiving")
        };
        at.staged = Some(state);
        record.version = plane.save(&record.journal, Some(&record.version)).await?;
        Ok(record)
    })
}
