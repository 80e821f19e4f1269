//! What the planes tell each other: signed statements, and the keys that sign them.
//!
//! The control plane never touches blob bytes and the data plane never touches Postgres. Between them go four kinds of
//! statement, and a fifth goes out and comes back, each a compact JWS (RFC 7515) with EdDSA signatures over Ed25519 (RFC 8037):
//!
//! | statement | from, to | says | `typ` | `aud` |
//! |---|---|---|---|---|
//! | [`Grant`] | control to client to data | these bytes may move | `strongroom-grant+jwt` | `strongroom-data` |
//! | [`Receipt`] | data to control, also by the client | these bytes are durably stored | `strongroom-receipt+jwt` | `strongroom-control` |
//! | [`Order`] | control to data | this is to be done with an object | `strongroom-order+jwt` | `strongroom-data` |
//! | [`Report`] | data to control | this came of it | `strongroom-report+jwt` | `strongroom-control` |
//! | [`AccessToken`] | control to client to control | this caller may do this, for a while | `strongroom-access+jwt` | `strongroom` |
//!
//! - A key signs for one side: grant and order keys what the control plane says, receipt and report keys what the data
//!   plane says. A statement of one kind is never taken for another: its `typ` is signed with it.
//! - Times are the signer's; a reader allows [`CLOCK_SKEW_SECONDS`] between two clocks.
//! - What a retired key said before it was retired stays valid, what it says later does not.
//! - There is one encoding of each statement that is accepted: unknown header fields and claims are refused.
//!
//! [`CLOCK_SKEW_SECONDS`]: crate::kernel::limits::CLOCK_SKEW_SECONDS

mod access_token;
mod grant;
mod jws;
mod keys;
mod order;
mod receipt;
mod report;
mod ring;

pub use access_token::AccessToken;
pub use grant::{Grant, Operation, Read, Size, Upload};
pub use keys::{KeyFileError, KeyRing, SigningKey, VerifyingKey};
pub use order::{Delete, Move, Order, Restore, Task, Verify};
pub use receipt::Receipt;
pub use report::{Found, Outcome, Report, Reported};
pub use ring::SharedRing;

/// Why a signed statement is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its time is over.
    #[error("expired {0} seconds ago")]
    Expired(u64),
    /// The signature is not that of the key it names: the content was changed, or another key signed.
    #[error("the signature does not match")]
    Forged,
    /// It is another kind of statement, or signed by a key for another kind.
    #[error("expected a {expected}, this is {found}")]
    WrongKind {
        /// What may stand here.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// It is meant for another reader.
    #[error("meant for another audience than {0}")]
    WrongAudience(&'static str),
    /// No such key is known here.
    #[error("signed by key {0}, which is not known here")]
    UnknownKey(crate::kernel::id::KeyId),
    /// Signed after its key was retired.
    #[error("signed by key {0} after it was retired")]
    RetiredKey(crate::kernel::id::KeyId),
    /// It is not such a statement at all.
    #[error("not a well-formed statement: {0}")]
    Malformed(&'static str),
}
