//! The data plane from outside: what it acknowledges it has, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod harness;
mod receipts;
mod sessions;
