//! The circumstances of a request: who asks, why, whether it is a repetition, and what must be so for it to happen.

use std::fmt;
use std::str::FromStr;

use crate::access::Caller;
use crate::kernel::digest::{Digest, Digests};
use crate::kernel::id::RequestId;
use crate::kernel::limits::IDEMPOTENCY_KEY_MAX_BYTES;

/// Who asks and why.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who asks.
    pub caller: Caller,
    /// The request, which becomes the `cause` of its events.
    pub cause: Option<RequestId>,
    /// What makes a repetition recognisable.
    pub idempotency: Option<IdempotencyKey>,
}

impl Context {
    /// Of a caller, with nothing known of the request.
    pub fn new(caller: Caller) -> Self {
        Self { caller, cause: None, idempotency: None }
    }
}

/// A caller's name for one request (draft-ietf-httpapi-idempotency-key-header). Two callers' names never meet.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The text is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to {IDEMPOTENCY_KEY_MAX_BYTES} visible ASCII characters")]
pub struct NotAKey;

impl IdempotencyKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let fits = (1..=IDEMPOTENCY_KEY_MAX_BYTES).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAKey)
        }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a tag must name for a change of it to happen (`If-Match`, `If-None-Match`, `expected`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Whatever it names.
    Any,
    /// Nothing: it must not exist.
    Absent,
    /// The manifest with that digest.
    Is(Digest),
}

impl Precondition {
    /// Whether it holds for what is there now.
    pub fn holds(self, current: Option<&Digests>) -> bool {
        match (self, current) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Is(digest), Some(current)) => current.matches(&digest),
            (Self::Absent, Some(_)) | (Self::Is(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precondition_holds_only_for_what_it_names() {
        let (old, other) = (Digests::of(b"old"), Digests::of(b"other"));
        assert!(Precondition::Any.holds(None) && Precondition::Any.holds(Some(&old)));
        assert!(Precondition::Absent.holds(None) && !Precondition::Absent.holds(Some(&old)));
        for digest in [Digest::from(old.blake3), old.sha256.into()] {
            assert!(Precondition::Is(digest).holds(Some(&old)));
            assert!(!Precondition::Is(digest).holds(Some(&other)));
            assert!(!Precondition::Is(digest).holds(None));
        }
    }

    #[test]
    fn an_idempotency_key_is_visible_and_bounded() {
        for bad in ["", " ", "a b", "a\n", "é", &"k".repeat(IDEMPOTENCY_KEY_MAX_BYTES + 1)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(NotAKey), "{bad:?}");
        }
        assert_eq!("8e03978e-40d5-43e8".parse::<IdempotencyKey>().unwrap().as_str(), "8e03978e-40d5-43e8");
    }
}
