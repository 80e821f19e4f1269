//! The HTTP surface of both planes and of the log.
//!
//! - [`routes`] is the whole of it on one screen: path, method, handler and who may call.
//! - [`problem`] is the only place that knows error statuses; every refusal is `application/problem+json`.
//! - Handlers translate: parse what came (types of the kernel, so nothing unparsed goes further), call one use case or
//!   the data plane, and draw the answer. They decide nothing.
//! - Request bodies of unbounded size are streams from the socket to the data plane; so are answers, the other way.
//! - This module never imports `sqlx`.

pub mod accept;
pub mod conditional;
pub mod problem;
pub mod query;
pub mod range;
pub mod tus;
