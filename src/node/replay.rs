//! Replaying the log: every record from the first, and what they hash to.

use crate::kernel::limits::PAGE_MAX_ITEMS;
use crate::kernel::merkle::{Frontier, Hash, leaf_hash};
use crate::log::read::{self, Query};
use crate::log::{Recorded, head};

use super::Node;

/// Why the log could not be replayed to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A record is missing or cannot be read.
    #[error(transparent)]
    Read(#[from] read::Error),
    /// The head could not be read.
    #[error(transparent)]
    Head(#[from] head::Error),
    /// The records do not hash to what the head says.
    #[error("the records up to position {size} do not hash to the root of the log; run `strongroom audit`")]
    OtherRoot {
        /// How many there are.
        size: u64,
    },
}

/// A log that was replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// How many events.
    pub size: u64,
    /// The root of their Merkle tree.
    pub root: Hash,
}

impl Node {
    /// Hands over every event in order, then checks that their records hash to the root of the log as it was when the
    /// replay began.
    ///
    /// # Errors
    /// At the first record that is missing or cannot be read, or at the end.
    ///
    /// # Panics
    /// If `each` does.
    pub async fn replay(&self, mut each: impl FnMut(Recorded)) -> Result<Replayed, ReplayError> {
        let head = {
            let mut connection = self.pool().acquire().await.map_err(head::Error::from)?;
            head::read(&mut connection).await?
        };
        let mut frontier = Frontier::default();
        while frontier.size() < head.size() {
            let left = u32::try_from(head.size() - frontier.size()).unwrap_or(u32::MAX);
            let query = Query::from(frontier.size());
            let page = read::page(self.pool(), &query, left.min(PAGE_MAX_ITEMS)).await?;
            for raw in page.records {
                frontier.push(leaf_hash(&raw.record));
                each(raw.decode()?);
            }
        }
        if frontier.root() != head.root() {
            return Err(ReplayError::OtherRoot { size: head.size() });
        }
        Ok(Replayed { size: frontier.size(), root: frontier.root() })
    }
}
