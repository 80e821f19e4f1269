//! The blobs of what was erased: those that no package references go at once.
//!
//! - The guard asks for references alone, not for when a blob was last touched. Who was told that such a blob is present, and
//!   names it in a package later, is told that it is missing, and brings it.
//! - An upload of the same bytes that is under way becomes another object, and is not touched.

use crate::control::append::{Change, Ids, Retries};
use crate::control::collection::{self, Error, Step};
use crate::control::orders::Desk;
use crate::control::{Context, Control};
use crate::kernel::digest::Blake3;
use crate::kernel::limits::COLLECTED_BATCH;
use crate::log::Guard;
use crate::views::{deleting_blobs, references};

/// No time is behind it: whenever a blob was touched, it may go.
const ANY_TIME_MS: u64 = u64::MAX;

/// Starts the deletion of those of these blobs that no package references, and deletes objects of them behind that position, as
/// many as one step takes. Returns up to where, if more may be left.
pub(super) async fn free(
    control: &Control,
    context: &Context,
    desk: &Desk,
    blobs: &[Blake3],
    after: Option<u64>,
    step: &mut Step,
) -> Result<Option<u64>, Error> {
    let mut retries = Retries::default();
    loop {
        let free = references::free_among(control.pool(), blobs, COLLECTED_BATCH).await?;
        if free.is_empty() {
            break;
        }
        let guard = Guard::BlobsFree {
            blobs: free.iter().map(|blob| (blob.blake3, blob.object.clone())).collect(),
            touched_until_ms: ANY_TIME_MS,
        };
        let change = Change {
            events: Ids::Fresh.assign(free.iter().map(collection::started).collect()),
            guards: vec![guard],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => free.iter().for_each(|blob| step.started.add(blob.size_bytes)),
            // Somebody has need of some of them, or was faster: what is left is asked for again.
            Err(error) => retries.after(error).await?,
        }
    }
    let pending = deleting_blobs::of_blobs(control.pool(), blobs, after, COLLECTED_BATCH).await?;
    let full = pending.len() == COLLECTED_BATCH as usize;
    let last = pending.last().map(|deleting| deleting.position).filter(|_| full);
    collection::end(control, context, desk, step, pending).await?;
    Ok(last)
}
