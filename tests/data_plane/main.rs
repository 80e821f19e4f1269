//! The data plane from outside: what it acknowledges it has, whatever happens.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod child;
mod crash;
mod faults;
mod grants;
mod harness;
mod hung;
mod moves;
mod parts;
mod planes;
mod random;
mod reading;
mod receipts;
#[path = "../s3_server/mod.rs"]
mod s3_server;
mod sessions;
mod simulation;
mod sweep;
mod takeover;
mod together;
