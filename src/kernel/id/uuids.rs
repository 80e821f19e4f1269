//! Ids that are UUIDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Error;

/// A UUID with a meaning.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let grammar = Error::Grammar { what: "an id", grammar: "as a UUID" };
                text.parse().map(Self).map_err(|_| grammar)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// An event: unique in the log, so a retried append is the same append.
    EventId
);
uuid_id!(
    /// One resumable upload.
    SessionId
);
uuid_id!(
    /// One permission to move bytes.
    GrantId
);
uuid_id!(
    /// One thing that the control plane wants done with an object.
    OrderId
);
uuid_id!(
    /// One retrieval of a package from a cold store.
    RetrievalId
);
uuid_id!(
    /// One request, `X-Request-Id`; the `cause` of the events that it led to.
    RequestId
);
