//! The views on a real Postgres: whatever the history and however it came in, live is what a rebuild gives; what is not
//! as the log says is found and named; a rebuild is all or nothing to everyone else.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../harness/mod.rs"]
mod harness;

mod checking;
mod folding;
mod guards;
mod history;
mod preparing;
mod queries;
mod rebuilding;
mod scene;
