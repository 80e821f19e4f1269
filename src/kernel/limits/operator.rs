//! What settings may move: the defaults, and how rates are counted.

use super::CONNECTIONS_MAX;

/// Requests that bring bytes at once, by default: what they buffer is bounded apart, this bounds files and tasks.
pub const UPLOADS_AT_ONCE_MAX: u64 = 1_024;

/// How many of them may be of one client, by default: half, so that one leaves room for another.
pub const UPLOADS_AT_ONCE_PER_CLIENT_MAX: u64 = 512;

/// Seconds after which an upload that found all places taken is asked to come back: most requests end by then.
pub const UPLOAD_RETRY_SECONDS: u64 = 2;

/// Bytes that uploads leave free where the objects lie, by default. Postgres stops when its disk is full, and by default
/// it shares that disk: this is some minutes of its log at full speed, and far more than a checkpoint needs.
pub const FREE_SPACE_FLOOR_BYTES: u64 = 1024 * 1024 * 1024;

/// Requests a second by one token, by default: above what one small machine answers, so that it stops runaways and
/// nobody else. Lower it to share a machine among services.
pub const REQUESTS_PER_TOKEN_PER_SECOND: u64 = 50_000;

/// Requests a second without a good token from one address, by default: as many, for readers of what is public, and a
/// proxy's address is that of many.
pub const REQUESTS_PER_ADDRESS_PER_SECOND: u64 = 50_000;

/// As how many requests a refused token counts: whoever guesses comes to 500 a second by default.
pub const REFUSED_TOKEN_REQUESTS: u64 = 100;

/// Seconds' worth of requests that may come at once.
pub const RATE_BURST_SECONDS: u64 = 2;

/// Callers that are told apart, under 200 bytes each; more than are active within a few seconds.
pub const RATE_CALLERS_MAX: usize = 65_536;

const _: () = assert!(UPLOADS_AT_ONCE_PER_CLIENT_MAX < UPLOADS_AT_ONCE_MAX);
const _: () =
    assert!(UPLOADS_AT_ONCE_MAX < CONNECTIONS_MAX as u64, "whoever uploads leaves connections to read");
