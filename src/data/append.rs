//! Taking bytes into a session.
//!
//! 1. The turn is taken; a writer that had it gives it back when its last write has ended.
//! 2. What a crash interrupted is ended ([`DataPlane::current`]), then offset and length are checked.
//! 3. The stage is opened where the journal says, which cuts off what was not acknowledged.
//! 4. The journal gets the next epoch: from here on every other writer is fenced. Only now bytes are written.
//! 5. Bytes arrive ([`super::receive`]); whatever ends that, what has arrived is made durable and journaled.
//! 6. If all are there, the blob is sealed ([`super::seal`]).
//!
//! An error at any step leaves the session as the journal says. All of it runs uninterrupted: a client that goes away
//! drops its request, not the bytes that it has sent.

use std::fmt::Display;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use super::checksum::Checking;
use super::create::check_length;
use super::hashing::Hashing;
use super::journal::{Durable, Journal, Phase};
use super::pen::Pen;
use super::receive::{Body, End, Intake, Record};
use super::registry::Turn;
use super::session::{Error, Status};
use super::{Admitted, Checksum, DataPlane, Place};
use crate::kernel::id::SessionId;
use crate::kernel::limits::TAKEOVER_TRIES_MAX;
use crate::stores::{self, Version};

/// What a request says about the bytes that it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Append {
    /// Where the first of them goes.
    pub offset: u64,
    /// How many they are, if that is known: too many are refused before any is read.
    pub content_length: Option<u64>,
    /// The length of the whole blob, if it is known only now.
    pub length: Option<u64>,
    /// What they hash to. If they do not, none of them is kept.
    pub checksum: Option<Checksum>,
}

impl Append {
    /// Bytes for that place, of which nothing else is known.
    pub const fn at(offset: u64) -> Self {
        Self { offset, content_length: None, length: None, checksum: None }
    }
}

/// How a request begins.
enum Begun {
    /// With the right to write up to so many bytes in all, and a place to do it.
    Writing(Box<(Pen, Record)>, Place, u64),
    /// It has nothing to write: the session was sealed with its last byte.
    Ended(Status),
}

impl DataPlane {
    /// Takes the next bytes of a session, and seals it if they are the last.
    ///
    /// Bytes of a request without a checksum are kept as far as they have arrived, however the request ends; of one
    /// with a checksum all or none.
    ///
    /// # Errors
    /// With why not all was taken; [`Error::Offset`] and [`Self::status`] say where to go on.
    pub async fn append<S, E>(
        &self,
        grant: &Admitted,
        session: SessionId,
        request: Append,
        body: S,
    ) -> Result<Status, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let inner = &self.0;
        grant.upload(&inner.config.store_name)?;
        if inner.closing.is_cancelled() {
            return Err(Error::Closing);
        }
        // Before anyone is displaced: only those who may write this session can do that.
        self.load(session).await.map_err(|error| self.outlived(error))?.0.admit(grant)?;
        let body = body.map(|piece| piece.map_err(|error| error.to_string())).boxed();
        let plane = self.clone();
        self.uninterrupted(async move { plane.take(session, request, body).await }).await
    }

    async fn take(&self, session: SessionId, request: Append, body: Body) -> Result<Status, Error> {
        let turn = self.0.registry.take_over(session).await;
        let mut tries = 0;
        let ((pen, record), _place, max) = loop {
            let (journal, version) = self.current(&turn).await?;
            match self.begin(journal, version.clone(), request).await {
                Ok(Begun::Writing(pen, place, max)) => break (*pen, place, max),
                Ok(Begun::Ended(status)) => return Ok(status),
                // A writer in another process was faster with its next entry. It is displaced all the same: the later wins.
                Err(error)
                    if tries < TAKEOVER_TRIES_MAX && self.was_overtaken(session, &version, &error).await =>
                {
                    tries += 1;
                    tracing::debug!(%session, %error, "taking over from another process");
                }
                Err(error) => return Err(error),
            }
        };
        let intake = Intake::new(self, &turn, pen, record, max);
        let (pen, record, end) = Box::pin(intake.receive(body)).await?;
        self.conclude(turn, pen, record, end).await
    }

    /// Whether that failed because the journal, and with it the stage, moved on meanwhile.
    async fn was_overtaken(&self, session: SessionId, seen: &Version, error: &Error) -> bool {
        use stores::Error as E;
        match error {
            Error::Displaced | Error::Store(E::Missing(_) | E::Lost { .. }) => {
                self.load(session).await.is_ok_and(|(_, version)| version != *seen)
            }
            _ => false,
        }
    }

    /// Checks what the request wants against the journal, and takes that over.
    async fn begin(&self, mut journal: Journal, version: Version, request: Append) -> Result<Begun, Error> {
        let at = match &journal.phase {
            Phase::Receiving(at) => at.clone(),
            // The answer to the request that sealed it was lost; what comes beyond it is too much.
            Phase::Sealed { .. } if journal.length == Some(request.offset) => {
                let is_of_nothing = |wanted| Checking::new(wanted).matches();
                return match request.content_length {
                    Some(1..) => Err(Error::TooLarge { max: request.offset }),
                    // There is room for no bytes, so it has to be a checksum of none.
                    _ if !request.checksum.is_none_or(is_of_nothing) => Err(Error::Checksum),
                    Some(0) | None => journal.status().map(Begun::Ended),
                };
            }
            _ => {
                let expected = journal.status()?.offset;
                return Err(Error::Offset { expected, found: request.offset });
            }
        };
        if at.offset() != request.offset {
            return Err(Error::Offset { expected: at.offset(), found: request.offset });
        }
        journal.agree_on_length(request.length)?;
        let max = journal.length.unwrap_or(journal.terms.size.max());
        if request.content_length.is_some_and(|more| request.offset.saturating_add(more) > max) {
            return Err(Error::TooLarge { max });
        }
        // Not before the turn is here: the writer that this one displaced has given its place back by now.
        let place = self.place_for(&journal.terms.actor)?;
        let pen = self.fence(journal, version, at, request.checksum).await?;
        Ok(Begun::Writing(Box::new(pen), place, max))
    }

    /// Opens the stage and takes the journal over.
    async fn fence(
        &self,
        mut journal: Journal,
        version: Version,
        at: Durable,
        checksum: Option<Checksum>,
    ) -> Result<(Pen, Record), Error> {
        let mut staged =
            self.0.config.store.stage(&journal.object, at.staged.as_ref(), journal.length).await?;
        journal.epoch += 1;
        journal.phase = Phase::Receiving(Durable { staged: Some(staged.state()), ..at.clone() });
        let version = self.save(&journal, Some(&version)).await?;
        let mut hashing = Hashing::restore(&at, checksum)?;
        if hashing.bytes() < at.offset() {
            let tail = staged.reread(hashing.bytes()).await?;
            hashing.catch_up(&tail);
        }
        let tree = self.tree_of(&journal.object);
        Ok((Pen { staged, hashing, tree }, Record { journal, version }))
    }

    async fn conclude(&self, turn: Turn, pen: Pen, record: Record, end: End) -> Result<Status, Error> {
        let offset = pen.hashing.bytes();
        let complete = record.journal.length == Some(offset);
        match end {
            End::TooLarge(max) => Err(Error::TooLarge { max }),
            _ if complete => self.seal(&turn, pen, record).await?.status(),
            End::Complete => record.journal.status(),
            End::Displaced => Err(Error::Displaced),
            End::Parked => Err(Error::Closing),
            End::Idle => Err(Error::Idle { offset }),
            End::Disconnected(reason) => Err(Error::Disconnected { offset, reason }),
        }
    }
}

impl Journal {
    /// Takes the length of the whole, if it is given, unless another one was agreed.
    fn agree_on_length(&mut self, given: Option<u64>) -> Result<(), Error> {
        let Some(given) = given else { return Ok(()) };
        match self.length {
            Some(expected) if expected != given => return Err(Error::Length { expected, found: given }),
            Some(_) => {}
            None => check_length(self.terms.size, given)?,
        }
        let offset = self.status()?.offset;
        if given < offset {
            return Err(Error::Length { expected: offset, found: given });
        }
        self.length = Some(given);
        Ok(())
    }
}
