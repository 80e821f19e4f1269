//! Persisted and signed formats against the golden vectors in `tests/vectors/`, both ways: what the code writes is
//! what the files say, and what the files say is read back as the same value.
//!
//! The files are for readers in other languages too; `tests/vectors/README.md` says how they are written. They change
//! only with `STRONGROOM_WRITE_VECTORS=1 cargo test --test formats`, and a change to an existing case is a change of a
//! format that is persisted: it wants a new version, not a new vector.

mod cbor;
mod checkpoints;
mod events;
mod files;
mod hashes;
mod impersonal;
mod journals;
mod manifests;
mod merkle;
mod notation;
mod paths;
mod recorded_statements;
mod retention;
mod sample_log;
mod slices;
mod statements;
