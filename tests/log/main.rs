//! The log, on a real Postgres: appended once or not at all, whatever breaks; never changed; never forked.

#[path = "../harness/mod.rs"]
mod harness;

mod append;
mod append_only;
mod checkpoints;
mod fixture;
