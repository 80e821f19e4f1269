//! Bounds of what governs how long packages are kept.

use super::DOCUMENT_MAX_BYTES;

/// Bytes of one value of a statement: a few paragraphs of reason, or a URL. More belongs into a package of its own.
pub const STATEMENT_VALUE_MAX_BYTES: usize = 4_096;

/// Bytes of the JSON by which a package is published: a document in base64, and a statement beside it.
pub const PUBLICATION_MAX_BYTES: usize = 4 * DOCUMENT_MAX_BYTES.div_ceil(3) + 128 * 1024;

/// Bytes of a statement: each of its keys once, with the longest value.
pub const RECORDED_STATEMENT_MAX_BYTES: usize = 32 * 1024;

/// Milliseconds behind the end of a token within which an audit still takes events for those of a request that was let in while it
/// worked: the body may take its time, the decision evaluates every package, and the log may be busy.
pub const AUTHORITY_LAG_MS: u64 = 5 * 60 * 1_000;

/// Webhooks of one node: each is a reader of the log.
pub const WEBHOOKS_MAX: usize = 16;

/// Seconds that one attempt to tell a webhook may take: what Standard Webhooks recommends at the least.
pub const WEBHOOK_ATTEMPT_SECONDS: u64 = 15;

/// Rows of the log that a webhook reads at a time.
pub const WEBHOOK_PAGE_ROWS: u32 = 256;

/// Milliseconds after the first attempt that failed; doubled after each further one.
pub const WEBHOOK_PAUSE_FIRST_MS: u64 = 250;

/// Milliseconds between two attempts, at most: a receiver that is back is found within minutes.
pub const WEBHOOK_PAUSE_MAX_MS: u64 = 300_000;

/// Seconds after which a process asks again whether it is the one that tells webhooks, or still is.
pub const WEBHOOK_LOCK_SECONDS: u64 = 2;

const _: () = assert!(WEBHOOK_PAUSE_FIRST_MS < WEBHOOK_PAUSE_MAX_MS);
