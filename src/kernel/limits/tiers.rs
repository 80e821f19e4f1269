//! Bounds of moving bytes between stores, and of getting them back.

/// Blobs that one step of the mover looks at: some hundred milliseconds of reading views.
pub const TIER_LOOKED_AT: u32 = 20_000;

/// Blobs that one step of the mover moves at most.
pub const MOVED_BATCH: u32 = 100;

/// Bytes that one step of the mover moves, unless its first blob has more, and the largest blob that is moved while somebody
/// waits: some seconds of copying, and less than a client's patience on a slow disk.
pub const MOVED_STEP_BYTES: u64 = 1024 * 1024 * 1024;

/// Blobs that are moved, or restored, at the same time: each reads and writes a whole object.
pub const MOVED_AT_ONCE: usize = 4;

/// Days for which an object is restored that is to be moved out of a cold store: the mover looks every hour.
pub const MOVED_RESTORE_DAYS: u32 = 2;

/// Seconds between two looks of the mover in the background.
pub const TIER_INTERVAL_SECONDS: u64 = 60 * 60;

/// Days for which a retrieved package may be read when nothing is said.
pub const RETRIEVAL_DAYS: u64 = 7;

/// Days for which a retrieved package may be read at most: whoever needs it for longer wants it in another tier.
pub const RETRIEVAL_DAYS_MAX: u64 = 30;

/// Days after which a retrieval that its store did not give is given up: the slowest archives take two.
pub const RETRIEVAL_PATIENCE_DAYS: u64 = 7;

/// Seconds between two looks at retrievals that are not over.
pub const RETRIEVAL_LOOK_SECONDS: u64 = 5;

/// Retrievals that one look goes on with.
pub const RETRIEVAL_BATCH: u32 = 16;

/// Blobs of a package whose restoration is asked for at the same time: enough to hide the round trips to a bucket.
pub const RESTORED_AT_ONCE: usize = 16;

/// Seconds that whoever asks for a package waits for the first look: a disk has it at once, an archive does not.
pub const RETRIEVAL_FIRST_LOOK_SECONDS: u64 = 10;
