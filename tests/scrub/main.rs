//! Blobs are read again, objects that nobody claims are swept, and a log is restored from a backup.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

#[path = "../harness/mod.rs"]
mod harness;
mod restoring;
mod scene;
mod scrubbing;
mod sweeping;
