//! The JSON documents of the HTTP API, shared by the server and the client.
//!
//! - One file a resource. Identifiers are kernel types, so a document that parses holds only valid ones.
//! - Requests refuse unknown fields: a misspelt option must not be an option left out. Answers may grow fields.
//! - Times are RFC 3339 in UTC with milliseconds ([`time::Timestamp`]); sizes are bytes; digests and ids are text.
//! - Secrets ([`secret::Secret`]) show nothing in `Debug`.

pub mod application;
mod as_text;
pub mod blob;
pub mod cloud_event;
pub mod collection;
pub mod deletion;
pub mod erasure;
pub mod event;
pub mod hold;
pub mod key;
pub mod lock;
pub mod manifest;
pub mod order;
pub mod pin;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod read;
pub mod receipt;
pub mod repository;
pub mod retrieval;
pub mod secret;
pub mod status;
pub mod tag;
pub mod tier;
pub mod time;
pub mod token;
pub mod upload;
