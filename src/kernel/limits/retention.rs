//! Bounds of what governs how long packages are kept.

/// Bytes of one value of a statement: a few paragraphs of reason, or a URL. More belongs into a package of its own.
pub const STATEMENT_VALUE_MAX_BYTES: usize = 4_096;

/// Bytes of a statement: each of its keys once, with the longest value.
pub const RECORDED_STATEMENT_MAX_BYTES: usize = 32 * 1024;
