//! `/data/uploads`: resumable uploads, tus 1.0.0.

pub mod headers;
