//! Making a blob of a session whose bytes are all there.
//!
//! | step | a crash after it leaves | and is ended by |
//! |---|---|---|
//! | 1. all bytes durable, journal `receiving` at the full length | a session that lacks nothing | the next (empty) request |
//! | 2. digests compared, last tiles of the tree kept, journal `sealing` with both digests | the same, known to be right | step 3 again |
//! | 3. the stage becomes the object | an object that no one has been told of | finding it there |
//! | 4. receipt signed, journal `sealed` | a blob whose receipt is not delivered | [`DataPlane::redeliver`] |
//! | 5. receipt delivered, journal says so | nothing to do | |
//!
//! Steps 3 to 5 are the same functions after a crash. A wrong digest ends the session at step 2, with both named.

use super::DataPlane;
use super::journal::{Journal, Phase};
use super::pen::Pen;
use super::receive::Record;
use super::registry::Turn;
use super::session::Error;
use crate::contract::Receipt;
use crate::kernel::digest::Digests;
use crate::kernel::id::{Actor, GrantId, ObjectKey, RepositoryName, SessionId};
use crate::kernel::limits::RECEIPT_DELIVERY_SECONDS;
use crate::stores::{self, Document, Version};

impl DataPlane {
    /// Seals a session that has just got its last bytes, all of them durable.
    pub(super) async fn seal(&self, turn: &Turn, pen: Pen, record: Record) -> Result<Journal, Error> {
        let Record { mut journal, version } = record;
        let Pen { staged, mut hashing, tree } = pen;
        let digests = hashing.digests();
        if let Some(expected) = journal.terms.expected.filter(|expected| !digests.matches(expected)) {
            drop(staged);
            self.end(turn, journal, &version, Phase::Failed(digests)).await?;
            return Err(Error::Failed { expected, found: digests });
        }
        tree.keep(hashing.last_tiles()).await?;
        let Phase::Receiving(at) = journal.phase else { unreachable!("a writer's journal is receiving") };
        journal.phase = Phase::Sealing(at, digests);
        let version = self.save(&journal, Some(&version)).await?;
        if let Err(error) = staged.seal().await {
            self.expect_object(&journal, error).await?;
        }
        self.issue(journal, &version, digests).await
    }

    /// After a failure to make the object visible: fine if it is, because another process that goes on with the session
    /// was faster. Its bytes are those that the journal says, since only a fenced writer came to that journal.
    async fn expect_object(&self, journal: &Journal, error: stores::Error) -> Result<(), Error> {
        if !matches!(error, stores::Error::Missing(_) | stores::Error::Exists(_)) {
            return Err(error.into());
        }
        match self.0.config.store.size(&journal.object).await? {
            Some(found) if Some(found) == journal.length => Ok(()),
            _ => Err(error.into()),
        }
    }

    /// Goes on with a session that was being sealed when something broke.
    pub(super) async fn finish_sealing(
        &self,
        turn: &Turn,
        journal: Journal,
        version: Version,
    ) -> Result<(Journal, Version), Error> {
        let Phase::Sealing(at, digests) = &journal.phase else { unreachable!("asked for one being sealed") };
        let (store, expected) = (&self.0.config.store, at.offset());
        match store.size(&journal.object).await? {
            Some(found) if found == expected => store.abandon(&journal.object, at.staged.as_ref()).await?,
            Some(found) => {
                return Err(stores::Error::Lost { object: journal.object.clone(), expected, found }.into());
            }
            None => {
                let sealed = match store.stage(&journal.object, at.staged.as_ref(), journal.length).await {
                    Ok(staged) => staged.seal().await,
                    Err(error) => Err(error),
                };
                if let Err(error) = sealed {
                    self.expect_object(&journal, error).await?;
                }
            }
        }
        let digests = *digests;
        match self.issue(journal, &version, digests).await {
            // Another process signed for it first: its receipt is the one.
            Ok(_) | Err(Error::Displaced) => self.load(turn.session).await,
            Err(error) => Err(error),
        }
    }

    /// Signs for an object that is durable, and offers the receipt.
    async fn issue(
        &self,
        mut journal: Journal,
        version: &Version,
        digests: Digests,
    ) -> Result<Journal, Error> {
        let size_bytes = journal.length.expect("known when all bytes are there");
        let receipt = self.sign(Stored {
            grant: journal.terms.grant,
            session: journal.session,
            actor: &journal.terms.actor,
            repository: &journal.terms.repository,
            digests,
            size_bytes,
            object: &journal.object,
        })?;
        journal.phase = Phase::Sealed { digests, receipt, delivered: false };
        // Before it is saved: if the store does it and says that it did not, the receipt still has to be delivered.
        self.0.undelivered.insert(Document::Session(journal.session));
        let version = self.save(&journal, Some(version)).await?;
        metrics::counter!("strongroom_blobs_sealed_total").increment(1);
        tracing::info!(session = %journal.session, blob = %digests.blake3, size_bytes, "blob sealed");
        Ok(self.hand_over(journal, &version).await)
    }

    /// The signed statement that these bytes are durable now.
    ///
    /// With a key that was retired, nobody would believe it, and the bytes would be lost to the client: they wait for the
    /// key that this node makes at its next start.
    pub(super) fn sign(&self, stored: Stored<'_>) -> Result<String, Error> {
        let config = &self.0.config;
        if self.retired_key().is_some() {
            return Err(Error::KeyRetired(config.receipts.id()));
        }
        let stored_at_ms = config.clock.now_ms();
        let receipt = Receipt {
            grant: stored.grant,
            session: stored.session,
            actor: stored.actor.clone(),
            repository: stored.repository.clone(),
            digests: stored.digests,
            size_bytes: stored.size_bytes,
            store: config.store_name.clone(),
            object: stored.object.clone(),
            node: config.node.clone(),
            stored_at_ms,
            deliver_by_seconds: stored_at_ms / 1_000 + RECEIPT_DELIVERY_SECONDS,
        };
        Ok(receipt.sign(&config.receipts))
    }
}

/// What a receipt says beside where and when.
pub(super) struct Stored<'a> {
    pub(super) grant: GrantId,
    pub(super) session: SessionId,
    pub(super) actor: &'a Actor,
    pub(super) repository: &'a RepositoryName,
    pub(super) digests: Digests,
    pub(super) size_bytes: u64,
    pub(super) object: &'a ObjectKey,
}
