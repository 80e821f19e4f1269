//! Packages on disk: a walk through files, and their digests.
//!
//! [`walk()`] finds what there is, [`content`] reads it; the documents that name it are made by
//! [`Package`](crate::kernel::manifest::Package). The same tree always gives the same documents: neither times nor
//! owners are kept.

pub mod content;
pub mod exclude;
mod walk;

pub use walk::{Error, Found, FoundKind, Refused, Source, walk};
