//! Scrub: every blob of a store is read again by the data plane, and what was found becomes facts.
//!
//! ```text
//! window opens at a size of the log -> blobs in order of address -> an order each -> reports
//!      ^                                       | damaged: blob.corrupt, a few at a time, as soon as may be
//!      +------ blob.verified, a summary <------+ after so many blobs, so long a time, the last blob, or a stop
//! ```
//! - Progress is in the log: a scrub of all blobs goes on behind the last summary, whichever process wrote it.
//! - A summary names a set and says its root (see `kernel/event/scrub.rs`); the version of the store's stream makes sure
//!   that what it leaves out is what the log says to leave out. Two scrubs at once cost twice the work, nothing else.
//! - A blob that could not be read is named as unread; nothing is concluded. Too many of them end the scrub.
//! - A blob that was damaged is read again too. If it is what it should be, the summary says so and it is given out again.
//!
//! Refused: recording that everything is missing. A store in which not one blob of the first
//! [`SCRUB_MISSING_MAX`](crate::kernel::limits::SCRUB_MISSING_MAX) is
//! found is more likely not there than empty.

mod window;

use tokio_util::sync::CancellationToken;

use super::Control;
use super::orders::{self, Desk};
use crate::contract::{Outcome, Task, Verify};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{Damage, DamagedBlob, Selection};
use crate::kernel::id::{Actor, StoreName};
use crate::kernel::limits::PAGE_MAX_ITEMS;
use crate::log::{self, read};
use crate::views::blobs::{self, Blob};
use crate::views::{damaged_blobs, scrubs};

pub use crate::views::scrubs::Scrub;
use window::Window;

/// Why it ended early. What was recorded until then stands, and the next one goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An order was not answered.
    #[error(transparent)]
    Order(#[from] orders::Error),
    /// Too many blobs could not be read.
    #[error("{0} blobs in a row of summaries could not be read; the store seems to be failing")]
    Unreadable(usize),
    /// Nothing is there.
    #[error(
        "the first {0} blobs are all missing; is the store that which it should be? Nothing was recorded"
    )]
    NothingThere(usize),
    /// Another scrub of the same store recorded the same blobs first.
    #[error("another scrub of this store is running")]
    Overtaken,
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// What to read.
#[derive(Debug, Clone)]
pub struct Command {
    /// Which store.
    pub store: StoreName,
    /// Which of its blobs.
    pub selection: Selection,
    /// Who wants it.
    pub actor: Actor,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Blobs that were looked at, those of the same reading before a restart too.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs to look at, together.
    pub blobs_total: u64,
    /// Their bytes.
    pub bytes_total: u64,
    /// Found corrupt now.
    pub corrupt: u64,
    /// Found missing now.
    pub missing: u64,
    /// Could not be read.
    pub unread: u64,
    /// Were left out: they are there, and would have to be retrieved first.
    pub archived: u64,
    /// Had been damaged, and are what they should be.
    pub restored: u64,
    /// Whether all were looked at.
    pub complete: bool,
}

impl Progress {
    /// Both together, one store after the other.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            blobs: self.blobs + next.blobs,
            bytes: self.bytes + next.bytes,
            blobs_total: self.blobs_total + next.blobs_total,
            bytes_total: self.bytes_total + next.bytes_total,
            corrupt: self.corrupt + next.corrupt,
            missing: self.missing + next.missing,
            unread: self.unread + next.unread,
            archived: self.archived + next.archived,
            restored: self.restored + next.restored,
            complete: self.complete && next.complete,
        }
    }
}

/// How far the reading of all blobs of a store is.
///
/// # Errors
/// If the database fails.
pub async fn latest(control: &Control, store: &StoreName) -> Result<Option<Scrub>, Error> {
    Ok(scrubs::get(control.pool(), store).await?)
}

/// When the log began: from when on blobs may be old enough to be read again. None while it is empty.
///
/// # Errors
/// If the database fails.
pub async fn log_began_at_ms(control: &Control) -> Result<Option<u64>, Error> {
    let Some(first) = read::entry(control.pool(), 0).await? else { return Ok(None) };
    Ok(Some(first.decode()?.event.at_ms))
}

/// How many blobs are known to be damaged.
///
/// # Errors
/// If the database fails.
pub async fn damaged(control: &Control) -> Result<u64, Error> {
    Ok(damaged_blobs::count(control.pool()).await?)
}

/// Reads blobs again until all are read, or it is told to stop; then it says so in the log and returns.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    control: &Control,
    desk: &Desk,
    command: &Command,
    stop: &CancellationToken,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Progress, Error> {
    let mut progress = Progress::default();
    let mut after = resume(control, command, &mut progress).await?;
    let totals = blobs::totals(control.pool(), &window::scope(control, command, after).await?).await?;
    progress.blobs_total = progress.blobs + totals.blobs;
    progress.bytes_total = progress.bytes + totals.size_bytes;
    loop {
        let mut window = Window::open(control, command, after).await?;
        let read = read_on(control, desk, &mut window, stop, &mut progress, tell).await;
        // Whatever ended it: what was read was read.
        let closed = window.close(control, read.is_ok()).await;
        let all = read?;
        after = closed?;
        if stop.is_cancelled() || all {
            progress.complete = all;
            tell(progress);
            return Ok(progress);
        }
    }
}

/// Behind which address to begin.
async fn resume(
    control: &Control,
    command: &Command,
    progress: &mut Progress,
) -> Result<Option<Blake3>, Error> {
    if command.selection != Selection::default() {
        return Ok(None);
    }
    let Some(before) = latest(control, &command.store).await? else { return Ok(None) };
    if before.through.is_some() {
        (progress.blobs, progress.bytes) = (before.blobs, before.size_bytes);
    }
    Ok(before.through)
}

/// Reads until the window is full or there is no more; says which.
async fn read_on(
    control: &Control,
    desk: &Desk,
    window: &mut Window<'_>,
    stop: &CancellationToken,
    progress: &mut Progress,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<bool, Error> {
    while !window.is_full(control) {
        let page = blobs::to_read(control.pool(), window.scope(), PAGE_MAX_ITEMS).await?;
        if page.is_empty() {
            window.reach_the_end();
            return Ok(true);
        }
        for blob in page {
            if stop.is_cancelled() || window.is_full(control) {
                return Ok(false);
            }
            tell(*progress);
            // A blob may take hours. Nothing is known of one that was not read to its end.
            tokio::select! {
                looked = look(control, desk, window, &blob, progress) => looked?,
                () = stop.cancelled() => return Ok(false),
            }
            progress.blobs += 1;
            progress.bytes += blob.size_bytes;
            window.record_damage(control, false).await?;
        }
    }
    Ok(false)
}

async fn look(
    control: &Control,
    desk: &Desk,
    window: &mut Window<'_>,
    blob: &Blob,
    progress: &mut Progress,
) -> Result<(), Error> {
    let digests = Digests { blake3: blob.blake3, sha256: blob.sha256 };
    let task = Task::Verify(Verify { digests, size_bytes: blob.size_bytes });
    let answer = desk.order(control, &blob.store, &blob.object, task).await?;
    let damage = match answer.outcome {
        Outcome::Done => {
            metrics::counter!("strongroom_scrub_blobs_total", "found" => "intact").increment(1);
            progress.restored += u64::from(blob.damaged.is_some());
            window.verified(blob);
            return Ok(());
        }
        Outcome::Failed(reason) => {
            metrics::counter!("strongroom_scrub_blobs_total", "found" => "unread").increment(1);
            tracing::warn!(blob = %blob.blake3, object = %blob.object, reason, "a blob could not be read again");
            progress.unread += 1;
            return window.unread(blob);
        }
        Outcome::Archived | Outcome::Restoring | Outcome::Available { .. } => {
            metrics::counter!("strongroom_scrub_blobs_total", "found" => "archived").increment(1);
            progress.archived += 1;
            window.archived(blob);
            return Ok(());
        }
        Outcome::Corrupt(_) => Damage::Corrupt,
        Outcome::Missing => Damage::Missing,
    };
    metrics::counter!("strongroom_scrub_blobs_total", "found" => damage.name()).increment(1);
    match damage {
        Damage::Corrupt => progress.corrupt += 1,
        Damage::Missing => progress.missing += 1,
    }
    let (blake3, object) = (blob.blake3, blob.object.clone());
    let known = blob.damaged.is_some();
    let found = DamagedBlob { blake3, object, found: damage, report: answer.text };
    window.damaged(found, known)
}

/// As an error of this use case.
fn refused(error: log::Error) -> Error {
    super::Error::Log(error).into()
}
