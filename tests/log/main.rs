//! The log, on a real Postgres: appended once or not at all, whatever breaks; never changed; never forked.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../harness/mod.rs"]
mod harness;

mod append;
mod append_only;
mod checkpoints;
mod fixture;
mod reading;
mod together;
