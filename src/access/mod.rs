//! Access: who may do what. Pure: a caller and an action in, yes or no out.
//!
//! - A right that no scope grants is not there: the default is no.
//! - Scopes are written in the grammar of registry tokens ([`Scopes`]) and have one printed form.
//! - Roles are names for bundles of scopes ([`Role`]); what is recorded and checked are the scopes.
//! - A secret ([`Secret`]) never prints; what is kept of it is its SHA-256.
//!
//! Refused: unknown scopes and rights, patterns that are neither a name, `name/*` nor `*`, secrets with a wrong
//! checksum (a typing error is told apart from a revoked token without asking the database).

mod action;
mod caller;
mod pattern;
mod role;
mod scope;
mod secret;

pub use action::{Action, RepositoryRight, RetentionRight};
pub use caller::{Caller, Denied};
pub use pattern::Pattern;
pub use role::Role;
pub use scope::Scopes;
pub use secret::{NotASecret, Secret};

/// The actor of what a node does by itself, and of what the program does that embeds it. It needs no token.
pub const ITSELF: &str = "strongroom";

/// Why a text is no scope, pattern or role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not of the grammar.
    #[error(
        "`{0}` is no scope; scopes are written repository:<name or name/*>:pull,push,delete  log:read  \
         retention:plan,apply,approve,hold,lock,bypass  node:<name>  admin"
    )]
    Scope(String),
    /// A right that this kind of scope does not have.
    #[error("`{right}` is no right on {on}; there are {known}")]
    Right {
        /// What was written.
        right: String,
        /// The kind of scope.
        on: &'static str,
        /// Those that exist.
        known: String,
    },
    /// Not a repository name, and not one followed by `/*`.
    #[error("`{pattern}` names no repositories: {reason}")]
    Pattern {
        /// What was written.
        pattern: String,
        /// Why not.
        reason: crate::kernel::id::Error,
    },
    /// More scopes than a token may carry.
    #[error("{found} scopes are more than the {max} that a token may carry")]
    TooMany {
        /// Given.
        found: usize,
        /// Allowed.
        max: usize,
    },
    /// No role has that name.
    #[error(
        "`{0}` is no role; there are uploader, auditor, records-manager, approver and admin, each with :<name/*> behind it if wanted"
    )]
    Role(String),
}

/// What is repeated to a caller of a text that was refused: enough to recognise it, not a page of it.
fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
