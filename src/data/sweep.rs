//! Taking away what uploads left behind: sessions whose time is over, journals that nothing needs any more, stages that
//! no journal claims. Objects are never touched: only the log can give one up.
//!
//! A stage that no session knows of may be a copy that is being made, by this process or by another one over the same bucket:
//! it is left until it is too old for that.
//!
//! The caller sees to it that the log has been checked first; see `node`.

use std::collections::BTreeSet;

use super::DataPlane;
use super::journal::{Journal, Phase};
use super::session::Error;
use crate::kernel::id::{ObjectKey, SessionId};
use crate::kernel::limits::{CLOCK_SKEW_SECONDS, MOVE_LIFE_SECONDS};
use crate::stores::{self, Document, Kind, Listed, Store};

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that were ended, because their time was over.
    pub expired: u64,
    /// Journals that were removed, because their sessions had ended and their grants too.
    pub removed: u64,
    /// Stages that were dropped, because no journal claimed them, in whichever store.
    pub stages: u64,
}

impl DataPlane {
    /// Sweeps once.
    ///
    /// # Errors
    /// If the store cannot say what is there. A session that cannot be read is logged and left alone, and so is its stage.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        let store = &self.0.config.store;
        let mut swept = Swept::default();
        // Before the journals are read: a stage is younger than its journal, so none seen here can lack one unseen.
        let stages = store.stages().await?;
        let (mut claimed, mut known) = (BTreeSet::new(), BTreeSet::new());
        for document in store.names(Kind::Sessions).await? {
            let Document::Session(session) = document else { continue };
            // What it would have claimed, whatever its journal says.
            let object = ObjectKey::from_uuid(session.0);
            let claims = self.sweep_session(session, &mut swept).await.unwrap_or_else(|error| {
                // It is left alone, its stage too, and must not keep the others.
                tracing::error!(%session, %error, "a session could not be swept");
                true
            });
            if claims {
                claimed.insert(object);
            } else {
                known.insert(object);
            }
        }
        let is_left = |stage: &&Listed| {
            !claimed.contains(&stage.key) && (known.contains(&stage.key) || !self.may_be_a_copy(&stage.key))
        };
        swept.stages = drop_stages(&**store, stages.iter().filter(is_left)).await?;
        for (name, other) in
            self.0.config.stores.iter().filter(|(name, _)| **name != self.0.config.store_name)
        {
            // Nothing but copies is made there.
            let dropped = async {
                let stages = other.stages().await?;
                let is_left = |stage: &&Listed| !self.may_be_a_copy(&stage.key);
                drop_stages(&**other, stages.iter().filter(is_left)).await
            };
            match dropped.await {
                Ok(dropped) => swept.stages += dropped,
                // The others are swept all the same.
                Err(error) => tracing::error!(store = %name, %error, "a store could not be swept"),
            }
        }
        Ok(swept)
    }

    /// Whether something with that key may still be a copy on its way.
    fn may_be_a_copy(&self, key: &ObjectKey) -> bool {
        let now_ms = self.0.config.clock.now_ms();
        key.made_at_ms().is_some_and(|made_ms| now_ms < made_ms.saturating_add(MOVE_LIFE_SECONDS * 1_000))
    }

    /// Whether the session may still have a stage, or has just dropped it itself.
    async fn sweep_session(&self, session: SessionId, swept: &mut Swept) -> Result<bool, Error> {
        let (journal, _) = match self.load(session).await {
            Err(Error::Unknown(_)) => return Ok(false),
            outcome => outcome?,
        };
        if !self.is_over(&journal) {
            return Ok(matches!(journal.phase, Phase::Receiving(_) | Phase::Sealing(..)));
        }
        let was_receiving = matches!(journal.phase, Phase::Receiving(_));
        // Its time is over, whoever writes it.
        let turn = self.0.registry.take_over(session).await;
        let (journal, version) = self.current(&turn).await?;
        swept.expired += u64::from(was_receiving && journal.phase == Phase::Expired);
        if self.may_be_forgotten(&journal) {
            self.0.config.store.swap(Document::Session(session), Some(&version), None).await?;
            swept.removed += 1;
        }
        Ok(was_receiving || matches!(journal.phase, Phase::Sealing(..)))
    }

    /// When no grant can come any more that the journal would have to answer.
    fn may_be_forgotten(&self, journal: &Journal) -> bool {
        let now_seconds = self.0.config.clock.now_ms() / 1_000;
        let ended = !matches!(
            journal.phase,
            Phase::Receiving(_) | Phase::Sealing(..) | Phase::Sealed { delivered: false, .. }
        );
        ended && now_seconds > journal.terms.ends_at_seconds.saturating_add(2 * CLOCK_SKEW_SECONDS)
    }
}

/// How many.
async fn drop_stages<'a>(
    store: &dyn Store,
    stages: impl Iterator<Item = &'a Listed> + Send,
) -> Result<u64, stores::Error> {
    let mut dropped = 0;
    for stage in stages {
        tracing::info!(object = %stage.key, size_bytes = stage.size_bytes, "dropping a stage that no session claims");
        store.abandon(&stage.key, None).await?;
        dropped += 1;
    }
    Ok(dropped)
}
