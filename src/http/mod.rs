//! The HTTP surface of both planes and of the log.
//!
//! - [`routes`] is the whole of it on one screen: path, method, handler and who may call.
//! - [`problem`] is the only place that knows error statuses; every refusal is `application/problem+json`.
//! - Handlers translate: parse what came (types of the kernel, so nothing unparsed goes further), call one use case or
//!   the data plane, and draw the answer. They decide nothing.
//! - Bodies of unbounded size are streams from the socket to the data plane; so are answers, the other way.
//! - This module never imports `sqlx`.
//!
//! ```text
//! listen    connections: accepted in bounded number, bounded in time, ended in order
//! envelope  request id, log line, panics, patience with bodies        path  repository names as one segment
//! routes    the table                                                 caller  who calls, and whether the table admits
//! one file a resource: repositories uploads receipts manifests reads blobs tags tokens keys status | tus bytes | log | process
//! pure: accept conditional range query page json precondition tus/headers log/form
//! ```

pub mod accept;
mod app;
mod blobs;
mod body;
mod bounded;
mod bytes;
mod caller;
mod collection;
pub mod conditional;
mod deletions;
mod envelope;
mod erasures;
mod exchange;
mod holds;
mod json;
mod keys;
mod listen;
mod locks;
mod log;
mod manifest_json;
mod manifests;
pub mod openapi;
mod orders;
mod page;
mod path;
mod pins;
mod plans;
mod policies;
mod precondition;
pub mod problem;
mod process;
mod publications;
pub mod query;
pub mod range;
mod rate;
mod reads;
mod receipts;
mod repositories;
mod retention;
pub mod routes;
mod slices;
mod stall;
mod status;
mod tags;
mod tiers;
mod together;
mod tokens;
pub mod tus;
mod uploads;

pub use app::App;
pub use listen::serve;
