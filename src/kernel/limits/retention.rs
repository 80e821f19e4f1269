//! Bounds of what governs how long packages are kept.

use super::DOCUMENT_MAX_BYTES;

/// Bytes of one value of a statement: a few paragraphs of reason, or a URL. More belongs into a package of its own.
pub const STATEMENT_VALUE_MAX_BYTES: usize = 4_096;

/// Bytes of the JSON by which a package is published: a document in base64, and a statement beside it.
pub const PUBLICATION_MAX_BYTES: usize = 4 * DOCUMENT_MAX_BYTES.div_ceil(3) + 128 * 1024;

/// Bytes of a statement: each of its keys once, with the longest value.
pub const RECORDED_STATEMENT_MAX_BYTES: usize = 32 * 1024;
