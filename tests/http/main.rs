//! The HTTP surface on a real node: what it answers, and above all what it refuses.
//!
//! Every refusal here is a problem document with the code that the test names, and never a 5xx.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod authorization;
mod blobs;
mod connections;
#[path = "../disk/mod.rs"]
mod disk;
mod exchange;
mod grants;
#[path = "../harness/mod.rs"]
mod harness;
mod limits;
mod log;
mod manifests;
mod pins;
mod refusals;
mod scene;
mod slices;
mod together;
mod tus;
mod unnamed;
