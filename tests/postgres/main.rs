//! The private Postgres cluster, as root and as an ordinary user: its life, its crashes, what it refuses, and where
//! its binaries come from.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod binaries;
mod child;
mod crash;
mod durability;
mod lifecycle;
mod refusals;
mod scene;
