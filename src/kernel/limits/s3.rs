//! Bounds of a store in an S3-compatible bucket.

use super::SESSION_LIFE_MAX_SECONDS;

/// Bytes of a part of an object in a bucket, unless the object would have too many: above the 5 MiB that S3 demands, large
/// enough that a request per part costs little, small enough that many uploads have one in memory.
pub const S3_PART_MIN_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of a part at most. A part is in memory until the server has it.
pub const S3_PART_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The highest number of a part: S3's.
pub const S3_PART_NUMBER_MAX: u32 = 10_000;

/// Parts that an object is cut into at most. The other numbers are for writers that vanish with some reserved.
pub const S3_PARTS_PLANNED: u64 = 8_000;

/// Part numbers that a writer reserves at a time: several times what is sent between two entries of the journal.
pub const S3_PARTS_RESERVED: u32 = 32;

/// Parts of one object on their way at the same time: enough to hide a round trip.
pub const S3_PARTS_AT_ONCE: usize = 4;

/// Pieces of one part; more are made one, so that a client of tiny requests does not make a document of them.
pub const S3_PIECES_MAX: usize = 16;

/// Bytes that all uploads into one bucket together may hold in memory beside [`UPLOAD_BUFFER_BUDGET_BYTES`](super::UPLOAD_BUFFER_BUDGET_BYTES).
pub const S3_BUFFER_BUDGET_BYTES: usize = 128 * 1024 * 1024;

/// Parts fetched from their pieces at the same time, each of which is in memory beside that budget.
pub const S3_ASSEMBLED_AT_ONCE: usize = 2;

/// Milliseconds to wait for memory before slow uploads put what they hold into the bucket.
pub const S3_IDLE_BUFFER_MS: u64 = 100;

/// Seconds for a connection to a bucket's server.
pub const S3_CONNECT_SECONDS: u64 = 5;

/// Seconds for one attempt at a request: a part of [`S3_PART_MAX_BYTES`] at 1 MiB a second.
pub const S3_ATTEMPT_SECONDS: u64 = 65;

/// Attempts at a request. With the two above, a server that hangs is an error within minutes.
pub const S3_ATTEMPTS_MAX: u32 = 3;

/// Milliseconds before a conditional request that met another one is made again; doubled each time.
pub const S3_CONFLICT_PAUSE_MS: u64 = 20;

/// How often it is made again.
pub const S3_CONFLICTS_MAX: u32 = 6;

/// How often a read goes on with the rest after an answer broke off.
pub const S3_READ_RESUMES_MAX: u32 = 3;

/// Seconds for which the name of a document that was given up stays taken: twice the life of whatever could want it again.
pub const S3_EMPTY_DOCUMENT_SECONDS: u64 = 2 * SESSION_LIFE_MAX_SECONDS;
