//! The audit: clean logs are clean, every kind of damage is named, and "could not look" is neither.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../harness/mod.rs"]
mod harness;

mod damage;
mod evidence;
mod remote;
