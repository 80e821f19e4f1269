//! Bounds of policies and plans.

/// Bytes of a policy as it is written, in TOML or JSON: what [`POLICY_RULES_MAX`] rules take, with comments.
pub const POLICY_SOURCE_MAX_BYTES: usize = 256 * 1024;

/// Bytes of a policy's document: its source in other words, and what it keeps of the version before.
pub const POLICY_MAX_BYTES: usize = 2 * POLICY_SOURCE_MAX_BYTES;

/// Bytes of a policy's description: a few paragraphs.
pub const POLICY_DESCRIPTION_MAX_BYTES: usize = 4_096;

/// Items of a plan that one step of its application goes through: a second or less for one answer.
pub const APPLIED_STEP_ITEMS: usize = 1_000;

/// Packages that are deleted by one append: with ten blobs each some five milliseconds under the lock of the log, which an upload
/// may have to wait for. Twice as many go a third faster, and uploads beside them wait half as long again.
pub const DELETED_APPEND_ITEMS: usize = 16;

/// Bytes of a plan that is submitted: about 600,000 deletions.
pub const PLAN_SUBMITTED_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Seconds between two looks at which policies are due: schedules name minutes.
pub const SCHEDULE_LOOK_SECONDS: u64 = 30;

/// Policies that stand at one time. Every plan evaluates all of them, since a rule of any may keep what another deletes.
pub const POLICIES_MAX: usize = 256;

/// Rules of one policy: more than a person reads in order.
pub const POLICY_RULES_MAX: usize = 128;

/// Bytes of the name of a policy or rule: a label.
pub const POLICY_NAME_MAX_BYTES: usize = 63;

/// Bytes of a schedule, as cron writes it.
pub const POLICY_SCHEDULE_MAX_BYTES: usize = 128;

/// Values of one condition of a selector, such as globs of repositories.
pub const SELECTOR_VALUES_MAX: usize = 64;

/// Bytes of a selector's document: [`SELECTOR_VALUES_MAX`] values for each of its conditions, annotations the longest.
pub const SELECTOR_MAX_BYTES: usize = 512 * 1024;

/// Bytes of a glob: that of a repository name, the longest that globs are about.
pub const GLOB_MAX_BYTES: usize = super::REPOSITORY_NAME_MAX_BYTES;

/// Years of a period. Evidence that is kept for longer is kept without a date.
pub const PERIOD_MAX_YEARS: u32 = 1_000;

/// Digits of the number in a period: [`PERIOD_MAX_YEARS`] in hours has seven.
pub const PERIOD_MAX_DIGITS: usize = 8;

/// The number behind `newest` and `beyond_newest`: whoever means more means all.
pub const NEWEST_MAX: u64 = 1_000_000;

/// Items of one part of a plan: about 200 bytes each where little is in the way, so that a part is a page for a reader. A part
/// ends earlier if its items are long.
pub const PLAN_PART_ITEMS_MAX: usize = 10_000;

/// Parts of one plan: 5,000,000 items at the least. A plan that is larger is made for fewer policies or repositories.
pub const PLAN_PARTS_MAX: usize = 4_096;

/// What is in the way of one item and named, of each kind; the rest is counted. So no item outgrows its part.
pub const PLAN_BLOCKERS_NAMED_MAX: usize = 32;

/// Bytes of the name of what is in the way, as a plan repeats it.
pub const PLAN_BLOCKER_NAME_MAX_BYTES: usize = 255;

/// Bytes that an item takes at most, with everything in it at its longest. A part keeps that much free for its last item.
pub const PLAN_ITEM_MAX_BYTES: usize = 128 * 1024;

const _: () = assert!(POLICY_MAX_BYTES <= super::DOCUMENT_MAX_BYTES);
const _: () = assert!(PLAN_PARTS_MAX * 40 < super::DOCUMENT_MAX_BYTES, "a header lists its parts");
const _: () =
    assert!(8 * PLAN_BLOCKERS_NAMED_MAX * (PLAN_BLOCKER_NAME_MAX_BYTES + 200) < PLAN_ITEM_MAX_BYTES);

/// Packages or tags that are read at once for a plan: a round trip for a few hundred kilobytes, and a few milliseconds in which a
/// worker does nothing else.
pub const PLAN_PAGE_ROWS: u32 = 1_000;

/// Bytes of documents that are read at once for a plan.
pub const PLAN_DOCUMENTS_BYTES: u64 = 16 * 1024 * 1024;

/// Documents that are read at once for a plan.
pub const PLAN_DOCUMENTS_MAX: usize = 1_000;
