//! How long things are kept: holds, locks, policies and plans against a node, a database and a store that are real; what is
//! deleted, what is freed, and what is not.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod applying;
mod cold;
mod collecting;
mod erasing;
mod erasing_beside;
#[path = "../harness/mod.rs"]
mod harness;
mod keeping;
mod random;
mod retrieving;
mod scene;
mod tiering;
