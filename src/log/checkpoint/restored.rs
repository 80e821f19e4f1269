//! Going on from a log that is older than what was signed: by an operator's word, on record, and by nothing else.

use sqlx::PgPool;

use super::{Error, Signer, Trust};
use crate::kernel::checkpoint::Checkpoint;
use crate::kernel::event::{Fact, LogRestored};
use crate::kernel::id::StreamName;
use crate::log::{head, read};

/// A signed checkpoint that a restored log does not continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    note: String,
    checkpoint: Checkpoint,
}

impl Lost {
    /// As it is put on record.
    pub fn fact(&self) -> LogRestored {
        LogRestored { size: self.checkpoint.size, root: self.checkpoint.root }
    }
}

impl Signer {
    /// As [`Self::prove`]; with an operator's word a log may also be older than what was signed. Then it gives what it does
    /// not continue: that has to be put on record, and [`Self::sign_restored`] after it.
    ///
    /// # Errors
    /// As [`Self::prove`]. A log that is not shorter was not restored but changed, whatever the operator says.
    pub async fn prove_or_restore(
        &self,
        pool: &PgPool,
        trust: Trust,
        accept_restored: bool,
    ) -> Result<Option<Lost>, Error> {
        let refused = match self.prove(pool, trust).await {
            Ok(()) => return Ok(None),
            Err(refused) => refused,
        };
        let Error::Inconsistent { size, signed } = refused else { return Err(refused) };
        let Some(note) = self.anchor.load().await? else { return Err(refused) };
        let lost = Lost { checkpoint: self.read_own(&note)?, note };
        let is_older = size < signed || self.is_on_record(pool, &lost).await?;
        if accept_restored && is_older { Ok(Some(lost)) } else { Err(refused) }
    }

    /// Whether the last restoration on record is the one from that checkpoint.
    async fn is_on_record(&self, pool: &PgPool, lost: &Lost) -> Result<bool, Error> {
        let last = read::last_of_stream(pool, &StreamName::restorations()).await?;
        let last = last.map(read::Raw::decode).transpose()?;
        Ok(last.is_some_and(|last| last.event.fact == Fact::LogRestored(lost.fact())))
    }

    /// Signs a restored log, in the place of the checkpoint that it does not continue.
    ///
    /// # Errors
    /// If that is not on record, or something else than that checkpoint stands there by now.
    pub async fn sign_restored(&self, pool: &PgPool, lost: &Lost) -> Result<(), Error> {
        let head = head::read(&mut *pool.acquire().await?).await?;
        if !self.is_on_record(pool, lost).await? {
            return Err(Error::Inconsistent { size: head.size(), signed: lost.checkpoint.size });
        }
        let mut transaction = pool.begin().await?;
        self.sign_next(&mut transaction, &head, Some(&lost.note)).await?;
        Ok(transaction.commit().await?)
    }
}
