//! What can go wrong between a client and a server.

use std::time::Duration;

use crate::kernel::id;
use crate::wire::blob::DamagedBlob;
use crate::wire::problem::Problem;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused, and says why.
    #[error("{problem}")]
    Problem {
        /// What it says.
        problem: Box<Problem>,
        /// How long it asks to wait before the next try.
        retry_after: Option<Duration>,
    },
    /// Nothing answers there.
    #[error("nothing answers at {address}: start `strongroom serve` there, or set STRONGROOM_URL ({reason})")]
    Unreachable {
        /// The address that was tried.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// The connection was lost, and stayed lost for as long as the client's patience.
    #[error("lost the connection to {address}: {reason}")]
    Lost {
        /// The address.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// The address is none.
    #[error("`{address}` is no address of a server; write it as http://host:port or https://host")]
    Address {
        /// What was given.
        address: String,
    },
    /// The client itself could not be made, for instance without any trusted certificate for https.
    #[error("cannot speak to {address}: {reason}")]
    Setup {
        /// The address.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The answer is not what the API says. The other side is no Strongroom, or of another version.
    #[error("{address} answered what a strongroom server does not: {what}")]
    Unexpected {
        /// Who answered.
        address: String,
        /// What it was.
        what: String,
    },
    /// An answer does not match the digest that it was asked by.
    #[error("{what} does not match its digest: expected {expected}, received {received}")]
    Verification {
        /// What was received.
        what: String,
        /// The digest asked for.
        expected: String,
        /// The digest of what came.
        received: String,
    },
    /// An identifier in an answer is none.
    #[error(transparent)]
    Id(#[from] id::Error),
}

impl Error {
    /// The stable code, if the server refused with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Problem { problem, .. } => Some(&problem.code),
            _ => None,
        }
    }

    /// The HTTP status, if the server refused.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { problem, .. } => Some(problem.status),
            _ => None,
        }
    }

    /// The blobs that the server gives to nobody, if that is why it refused.
    pub fn damaged_blobs(&self) -> Vec<DamagedBlob> {
        match self {
            Self::Problem { problem, .. } if problem.code == "blobs-damaged" => {
                problem.member("damaged").unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the same request may succeed later without anything changed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            Self::Problem { problem, .. } => matches!(problem.status, 429 | 502 | 503 | 504),
            _ => false,
        }
    }
}
