//! Pure values: what the system speaks of, with no clock, no I/O and no async.
//!
//! Everything here is a function of its arguments. Formats that are persisted or signed are drawn in the module
//! that owns them and pinned by golden vectors under `tests/vectors/`.

pub mod cbor;
pub mod checkpoint;
pub mod digest;
pub mod event;
pub mod hash;
pub mod id;
pub mod limits;
pub mod manifest;
pub mod merkle;
pub mod statement;
pub mod tier;
pub mod tree;
