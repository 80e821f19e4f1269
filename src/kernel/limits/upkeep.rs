//! Bounds of orders, of reading blobs again, and of sweeping.

/// Seconds within which an order must be begun; what a data node that polls may fall behind.
pub const ORDER_LIFE_SECONDS: u64 = 60 * 60;

/// Seconds that a control plane lets a data node, or whoever waits for a report, wait for news; less than they give it for
/// one answer.
pub const ORDER_POLL_SECONDS: u64 = 5;

/// Seconds for which an order is left to a data node that does not say it is still busy with it: a few of its questions.
pub const ORDER_LEASE_SECONDS: u64 = 60;

/// Seconds after which an order that no data node takes is given up: more than one needs to come back from a restart.
pub const ORDER_UNTAKEN_SECONDS: u64 = 30;

/// Seconds after which an order that nobody asks for is taken down: whoever wanted it has gone.
pub const ORDER_FORGOTTEN_SECONDS: u64 = 60;

/// Orders that a data node works on at once: one reads while others come and go.
pub const ORDERS_IN_HAND_MAX: usize = 4;

/// Copies of objects that a process makes at once, each with a few pieces in memory: as many as orders are in hand.
pub const MOVES_AT_ONCE: usize = ORDERS_IN_HAND_MAX;

/// Seconds from when its key was made for which a stage that no session knows may be a copy on its way: the largest blob, at
/// 7 MB a second.
pub const MOVE_LIFE_SECONDS: u64 = 2 * 24 * 60 * 60;

/// Seconds between two questions for orders after one that was not answered.
pub const ORDER_RETRY_SECONDS: u64 = 2;

/// Days for which an archived object may be asked to be readable: the restored copy is paid for beside the archived one.
pub const RESTORE_DAYS_MAX: u32 = 365;

/// Objects that one request may ask to be given up: each answer carries a signed order.
pub const OBJECTS_GIVEN_UP_MAX: usize = 100;

/// Seconds for which a report is news. What it saw may have changed since.
pub const REPORT_LIFE_SECONDS: u64 = 24 * 60 * 60;

/// Bytes of the reason in a report: one line of a store's error.
pub const REPORT_REASON_MAX_BYTES: usize = 256;

/// Bytes that an object costs a scrub beside its own: what a disk could have read while it was found and opened.
pub const SCRUB_OBJECT_MIN_BYTES: u64 = 64 * 1024;

/// Bytes a second that a scrub in the background reads when nothing is said: a tenth of a disk, a quarter of a core.
pub const SCRUB_RATE_BYTES: u64 = 32 * 1024 * 1024;

/// Days between the beginnings of two scrubs of all blobs when nothing is said.
pub const SCRUB_PERIOD_DAYS: u64 = 30;

/// Seconds between two looks at whether a scrub is due.
pub const SCRUB_LOOK_SECONDS: u64 = 60;

/// Blobs of one summary: what a scrub that is killed reads again.
pub const SCRUB_WINDOW_BLOBS: usize = 10_000;

/// Milliseconds of one summary, for the same reason.
pub const SCRUB_WINDOW_MS: u64 = 10 * 60 * 1_000;

/// Blobs that one summary may name as unread, or as restored: 35 bytes each, in a record of 65,535.
pub const SCRUB_UNREAD_MAX: usize = 256;

/// Damaged blobs of one event: about 1,100 bytes each with the report, in a record of 65,535.
pub const SCRUB_CORRUPT_BLOBS_MAX: usize = 40;

/// Milliseconds after which a damaged blob is recorded, whether there are more or not.
pub const SCRUB_CORRUPT_WAIT_MS: u64 = 5_000;

/// Blobs from the first on that may all be missing before a scrub takes the store for the wrong one.
pub const SCRUB_MISSING_MAX: usize = 100;

/// Damaged objects that a data plane remembers: a few megabytes.
pub const DAMAGED_KNOWN_MAX: usize = 50_000;

/// Seconds between two sweeps of objects that nobody claims: all objects are listed, and what may go is days old.
pub const OBJECT_SWEEP_INTERVAL_SECONDS: u64 = 24 * 60 * 60;

/// Hours for which a blob has to be free before it is collected when nothing is said: what a client was told is present
/// outlives its session, and whoever deleted too much has two days to deposit it again without uploading it.
pub const GC_GRACE_HOURS: u64 = 72;

/// Blobs of one step of a collection: one append, and some seconds of deleting.
pub const COLLECTED_BATCH: u32 = 500;

/// Objects that a collection has deleted at the same time: enough to hide the round trips to a bucket.
pub const COLLECTED_AT_ONCE: usize = 16;

/// Seconds between two collections in the background.
pub const COLLECTION_INTERVAL_SECONDS: u64 = 60 * 60;

const _: () = assert!(GC_GRACE_HOURS * 3_600 > super::SESSION_LIFE_MAX_SECONDS);
const _: () = assert!(ORDER_POLL_SECONDS < super::CONTROL_ANSWER_SECONDS);
const _: () = assert!(ORDER_POLL_SECONDS < ORDER_LEASE_SECONDS);
