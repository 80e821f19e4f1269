//! The audit: clean logs are clean, every kind of damage is named, and "could not look" is neither.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../harness/mod.rs"]
mod harness;

mod damage;
mod deleting;
mod evidence;
mod histories;
#[path = "../control_plane/plane.rs"]
#[expect(dead_code, reason = "the tests of the control plane use the rest")]
mod plane;
mod remote;
