//! The control plane on a real Postgres: who may do what, what is refused, and what holds when many ask at once.

#[path = "../harness/mod.rs"]
mod harness;

mod cached;
mod keys;
mod locking;
mod manifests;
mod pins;
mod plane;
mod policies;
mod quotas;
mod reads;
mod receipts;
mod repositories;
mod retention;
mod tags;
mod tokens;
mod uploads;
mod why;
