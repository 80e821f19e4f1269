//! A session as those see it who use it: how far it is, and why it refuses.

use crate::kernel::digest::{Digest, Digests};
use crate::kernel::id::{GrantId, KeyId, SessionId};
use crate::stores;

use super::journal::{self, Journal, Phase as Journaled};

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which.
    pub session: SessionId,
    /// Bytes that are durable; where the next ones go.
    pub offset: u64,
    /// Bytes of the whole, once that is known.
    pub length: Option<u64>,
    /// What the client said of it when it began, as it came.
    pub metadata: Option<String>,
    /// When it ends, whatever happens; seconds since the epoch.
    pub ends_at_seconds: u64,
    /// What it is doing.
    pub phase: Phase,
}

/// What a session is doing. One that failed or ended answers with an [`Error`] instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It takes bytes.
    Receiving,
    /// It is complete.
    Sealed(Sealed),
}

/// A blob that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Both digests.
    pub digests: Digests,
    /// Its length.
    pub size_bytes: u64,
    /// The signed statement about it, a compact JWS.
    pub receipt: String,
    /// The control plane has that statement already. If not, the client may bring it there, and it is offered again.
    pub delivered: bool,
}

/// How a session ended without a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client gave it up.
    Aborted,
    /// Its time was over.
    Expired,
}

/// Why an upload, or a part of it, was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The grant does not allow this.
    #[error("the grant does not allow this: {0}")]
    NotPermitted(&'static str),
    /// The grant was used for another upload; open the blob again to get a fresh one.
    #[error("grant {0} has been used for another upload")]
    GrantUsed(GrantId),
    /// There is no such session.
    #[error("there is no session {0}")]
    Unknown(SessionId),
    /// It ended.
    #[error("the session has ended ({0:?})")]
    Gone(Ended),
    /// The bytes are not those that were declared. The session is over and the bytes are dropped.
    #[error("{expected} was declared, the bytes are {} and {}", found.blake3, found.sha256)]
    Failed {
        /// What was declared.
        expected: Digest,
        /// What came.
        found: Digests,
    },
    /// The bytes are for another place than the next one.
    #[error("the next byte is at offset {expected}, these are for {found}")]
    Offset {
        /// Where the next byte goes.
        expected: u64,
        /// Where these were to go.
        found: u64,
    },
    /// The bytes of this request do not have the checksum that it gave. None of them is kept.
    #[error("the bytes do not match their checksum; none of them is kept")]
    Checksum,
    /// The length given is not the one that was agreed.
    #[error("{expected} bytes were agreed, not {found}")]
    Length {
        /// Agreed.
        expected: u64,
        /// Given.
        found: u64,
    },
    /// More bytes than may come.
    #[error("more than the {max} bytes that may come")]
    TooLarge {
        /// Most bytes of the whole.
        max: u64,
    },
    /// Another connection took the session over. What had arrived is kept.
    #[error("another connection has taken over")]
    Displaced,
    /// The bytes broke off. What had arrived is kept.
    #[error("the bytes broke off after {offset}: {reason}")]
    Disconnected {
        /// Bytes that are durable.
        offset: u64,
        /// What the connection said.
        reason: String,
    },
    /// No bytes, or too few, came for too long. What had arrived is kept.
    #[error("the bytes stopped coming after {offset}")]
    Idle {
        /// Bytes that are durable.
        offset: u64,
    },
    /// The process is stopping. What had arrived is kept.
    #[error("the service is stopping")]
    Closing,
    /// The key with which this node signs receipts was retired. What arrived is kept.
    #[error("key {0} of this node was retired; it signs again after a restart")]
    KeyRetired(KeyId),
    /// As many requests bring bytes as may. Nothing was taken; it can come again.
    #[error("{max} uploads are under way{}", if *.by_client { " under this name" } else { "" })]
    TooMany {
        /// As many as there may be.
        max: usize,
        /// Of this client alone, not of all.
        by_client: bool,
    },
    /// There is no room for the bytes.
    #[error("the store is full")]
    Full,
    /// The store failed. What was acknowledged is safe.
    #[error(transparent)]
    Store(stores::Error),
    /// The journal of the session is damaged.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

impl From<stores::Error> for Error {
    fn from(error: stores::Error) -> Self {
        match error {
            stores::Error::Full => Self::Full,
            stores::Error::TooLong { max } => Self::TooLarge { max },
            // Only another process changes a journal whose turn is here.
            stores::Error::Stale(_) => Self::Displaced,
            other => Self::Store(other),
        }
    }
}

impl Journal {
    /// What a caller may see of it.
    pub(super) fn status(&self) -> Result<Status, Error> {
        let status = |offset, phase| Status {
            session: self.session,
            offset,
            length: self.length,
            metadata: self.metadata.clone(),
            ends_at_seconds: self.terms.ends_at_seconds,
            phase,
        };
        match &self.phase {
            Journaled::Receiving(at) | Journaled::Sealing(at, _) => Ok(status(at.offset(), Phase::Receiving)),
            Journaled::Sealed { digests, receipt, delivered } => {
                let size_bytes = self.length.expect("a sealed journal has its length");
                let sealed =
                    Sealed { digests: *digests, size_bytes, receipt: receipt.clone(), delivered: *delivered };
                Ok(status(size_bytes, Phase::Sealed(sealed)))
            }
            Journaled::Failed(found) => {
                let expected = self.terms.expected.expect("fails for a declared digest only");
                Err(Error::Failed { expected, found: *found })
            }
            Journaled::Aborted => Err(Error::Gone(Ended::Aborted)),
            Journaled::Expired => Err(Error::Gone(Ended::Expired)),
        }
    }
}
