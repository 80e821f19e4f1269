//! Garbage collection: bytes that no package needs are deleted.
//!
//! ```text
//! free for longer than the grace -> blob.deletion-started (guarded: still free) -> the object is deleted by order ->
//! blob.deleted
//! ```
//! - The objects that blobs had before they were moved to another store go the same way, from `blob.moved` on.
//! - A blob is free while no package in any repository references it. Its time counts from when it was last stored, linked,
//!   referenced, or given up by a package.
//! - From `blob.deletion-started` on it is absent for everyone. What is uploaded after that is another object, so deleting
//!   the old one again is harmless, and whatever was cut off is simply done again. No upload waits for any of this.
//! - What a client was told is present outlives its session, and a package is accepted only if its
//!   blobs are there under the head lock: no acknowledged package ever names bytes that are gone.
//! - A document that was erased and is there nevertheless goes first.
//! - What packages of older logs hold on to was not recorded when they were accepted. It is recorded first.
//!
//! Refused: callers without `retention:apply`.

use futures::{StreamExt as _, stream};

use super::append::{Change, Ids, Retries};
use super::objects::READABLE_MS;
use super::orders::{self, Desk};
use super::{Context, Control, erasures, manifests};
use crate::access::{Action, RetentionRight};
use crate::contract::{Delete, Outcome, Task};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{BlobDeleted, BlobDeletionStarted, Fact, ManifestReferences};
use crate::kernel::id::{Actor, RepositoryName, StreamName};
use crate::kernel::limits::{COLLECTED_AT_ONCE, COLLECTED_BATCH, PAGE_MAX_ITEMS, SESSION_LIFE_MAX_SECONDS};
use crate::kernel::manifest::Document;
use crate::log::{self, Guard, GuardFailure};
use crate::views::deleting_blobs::{self, Deleting};
use crate::views::references::{self, Free};

/// Why not, or not further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What a package holds on to cannot be read from its manifest.
    #[error(
        "what {repository}@{manifest} holds on to is not known: {reason}; nothing is collected before it is"
    )]
    Unrecorded {
        /// Where.
        repository: RepositoryName,
        /// Which.
        manifest: Blake3,
        /// Why.
        reason: String,
    },
    /// A report was not taken.
    #[error(transparent)]
    Order(#[from] orders::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// For how long a blob has to be free, milliseconds.
    pub grace_ms: u64,
    /// Blobs that may go now.
    pub free: Amount,
    /// Blobs that are free, and not for long enough.
    pub young: Amount,
    /// When the first of these may go, milliseconds since the epoch.
    pub next_at_ms: Option<u64>,
    /// Objects whose deletion was started and is not known to be done.
    pub deleting: Amount,
    /// Objects deleted since the log began.
    pub deleted: Amount,
}

/// How much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Blobs or objects.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What one step of a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Blobs that are absent from now on.
    pub started: Amount,
    /// Objects that are known to be gone.
    pub deleted: Amount,
    /// Objects that could not be deleted, with the reason of the first. They are tried again by the next collection.
    pub failed: u64,
    /// Why the first of them could not.
    pub reason: Option<String>,
    /// Where the next step goes on. None: nothing is left to be done now.
    pub next: Option<Next>,
}

/// Where a step ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Next {
    /// Blobs were looked at up to this address.
    pub blob: Option<Blake3>,
    /// Objects were deleted up to that of this event.
    pub position: Option<u64>,
}

/// Whether a blob that nothing references, and that was last touched then, is there for as long as any session may last.
pub(super) fn outlives_a_session(control: &Control, touched_ms: u64) -> bool {
    let ends_ms = control.now_ms().saturating_add(SESSION_LIFE_MAX_SECONDS * 1_000);
    touched_ms.saturating_add(control.0.parts.grace_ms) > ends_ms
}

/// Blobs that nobody touched after this may go.
fn touched_until_ms(control: &Control) -> Option<u64> {
    control.now_ms().checked_sub(control.0.parts.grace_ms)
}

/// How things stand.
///
/// # Errors
/// If the caller may not see it, or the database fails.
pub async fn status(control: &Control, context: &Context) -> Result<Status, Error> {
    context.caller.require(Action::Retention(RetentionRight::Plan))?;
    let free = references::free_totals(control.pool(), touched_until_ms(control).unwrap_or(0)).await?;
    let totals = deleting_blobs::totals(control.pool()).await?;
    let grace_ms = control.0.parts.grace_ms;
    Ok(Status {
        grace_ms,
        free: Amount { count: free.blobs, bytes: free.bytes },
        young: Amount { count: free.young_blobs, bytes: free.young_bytes },
        next_at_ms: free.oldest_young_ms.map(|touched_ms| touched_ms.saturating_add(grace_ms)),
        deleting: Amount { count: totals.deleting, bytes: totals.deleting_bytes },
        deleted: Amount { count: totals.deleted, bytes: totals.deleted_bytes },
    })
}

/// One step of a collection: begins with some blobs, and ends some that were begun, whoever began them. Steps of several
/// collections at once do no harm.
///
/// # Errors
/// If the caller may not, or the log takes nothing. What was done stands.
pub async fn step(
    control: &Control,
    context: &Context,
    desk: &Desk,
    from: Option<Next>,
) -> Result<Step, Error> {
    context.caller.require(Action::Retention(RetentionRight::Apply))?;
    if from.is_none() {
        record_references(control, &context.caller.actor).await?;
        erasures::finish(control).await?;
    }
    let mut from = from.unwrap_or_default();
    let mut step = Step::default();
    let begun = begin(control, context, &mut step, from.blob).await?;
    // What was moved is read by whoever got a grant before.
    let moved_before_ms = control.now_ms().saturating_sub(READABLE_MS);
    let pending =
        deleting_blobs::list(control.pool(), from.position, moved_before_ms, COLLECTED_BATCH).await?;
    let last = pending.last().map(|deleting| deleting.position);
    end(control, context, desk, &mut step, pending).await?;
    from.blob = begun.or(from.blob);
    from.position = last.or(from.position);
    step.next = (begun.is_some() || last.is_some()).then_some(from);
    Ok(step)
}

/// Starts the deletion of some blobs behind that address. Returns up to where, if there was one.
async fn begin(
    control: &Control,
    context: &Context,
    step: &mut Step,
    after: Option<Blake3>,
) -> Result<Option<Blake3>, Error> {
    let Some(touched_until_ms) = touched_until_ms(control) else { return Ok(None) };
    let mut free =
        references::free(control.pool(), after.as_ref(), touched_until_ms, COLLECTED_BATCH).await?;
    let Some(last) = free.last().map(|blob| blob.blake3) else { return Ok(None) };
    let mut retries = Retries::default();
    while !free.is_empty() {
        let change = Change {
            events: Ids::Fresh.assign(free.iter().map(started).collect()),
            guards: vec![Guard::BlobsFree {
                blobs: free.iter().map(|blob| (blob.blake3, blob.object.clone())).collect(),
                touched_until_ms,
            }],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => {
                free.iter().for_each(|blob| step.started.add(blob.size_bytes));
                break;
            }
            // Somebody has need of them, or was faster.
            Err(log::Error::Guard(GuardFailure::BlobsClaimed { claimed })) => {
                free.retain(|blob| !claimed.contains(&blob.blake3));
            }
            Err(error) => retries.after(error).await?,
        }
    }
    Ok(Some(last))
}

pub(super) fn started(free: &Free) -> Fact {
    BlobDeletionStarted {
        blake3: free.blake3,
        sha256: free.sha256,
        size_bytes: free.size_bytes,
        store: free.store.clone(),
        object: free.object.clone(),
    }
    .into()
}

/// Deletes objects whose deletion was started, and puts on record which are gone.
pub(super) async fn end(
    control: &Control,
    context: &Context,
    desk: &Desk,
    step: &mut Step,
    pending: Vec<Deleting>,
) -> Result<(), Error> {
    let ordered = stream::iter(pending).map(|deleting| async move {
        let task = Task::Delete(Delete { discarded_at: deleting.position });
        let answer = desk.order(control, &deleting.store, &deleting.object, task).await;
        (deleting, answer)
    });
    let mut gone = Vec::new();
    let mut ordered = ordered.buffered(COLLECTED_AT_ONCE);
    while let Some((deleting, answer)) = ordered.next().await {
        match answer.map(|answer| answer.outcome) {
            // What is not there needs no deletion.
            Ok(Outcome::Done | Outcome::Missing) => gone.push(deleting),
            Ok(outcome) => step.fail(format!("{outcome:?}")),
            Err(orders::Error::NotCarried(error)) => step.fail(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    let fact = |deleting: &Deleting| {
        let (store, object) = (deleting.store.clone(), deleting.object.clone());
        (
            Ids::of_deletion(deleting.position).id(0),
            Fact::from(BlobDeleted { blake3: deleting.blake3, store, object }),
        )
    };
    let mut retries = Retries::default();
    loop {
        let change = Change { events: gone.iter().map(fact).collect(), ..Change::default() };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                // What another collection recorded is counted there.
                if !appended.repeated {
                    gone.iter().for_each(|deleting| step.deleted.add(deleting.size_bytes));
                }
                return Ok(());
            }
            // Another collection recorded some of them: those that are left are still in the view.
            Err(log::Error::IdReused { .. }) => {
                let mut left = Vec::new();
                for deleting in gone {
                    let objects = std::slice::from_ref(&deleting.object);
                    let found = deleting_blobs::among(control.pool(), &deleting.store, objects).await?;
                    left.extend((!found.is_empty()).then_some(deleting));
                }
                gone = left;
                if gone.is_empty() {
                    return Ok(());
                }
                retries.again().await?;
            }
            Err(error) => retries.after(error).await?,
        }
    }
}

impl Step {
    fn fail(&mut self, reason: String) {
        self.failed += 1;
        self.reason.get_or_insert(reason);
    }
}

/// Records what packages hold on to that were accepted before that was recorded.
pub(super) async fn record_references(control: &Control, actor: &Actor) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = references::unrecorded(control.pool(), after.as_ref(), PAGE_MAX_ITEMS).await?;
        for (repository, manifest) in &page {
            record_references_of(control, actor, repository, *manifest).await?;
        }
        match page.into_iter().last() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

async fn record_references_of(
    control: &Control,
    actor: &Actor,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<(), Error> {
    let unrecorded = |reason: String| Error::Unrecorded { repository: repository.clone(), manifest, reason };
    let stream = StreamName::manifest(repository, manifest);
    let version = control.version(&stream).await?;
    let document = manifests::document(control, manifest.into()).await;
    let document = document.map_err(|error| unrecorded(error.to_string()))?;
    let (blobs, parts) = match Document::decode(&document.bytes) {
        Ok(Document::Manifest(manifest)) => (manifest.blobs().into_keys().collect(), Vec::new()),
        Ok(Document::Index(index)) => {
            (Vec::new(), index.manifests().iter().map(|part| part.digests.blake3).collect())
        }
        Err(error) => return Err(unrecorded(error.to_string())),
    };
    let facts = ManifestReferences::split(repository, manifest, &blobs, &parts);
    let change = Change {
        events: Ids::Fresh.assign(facts.into_iter().map(Fact::from).collect()),
        expected: vec![(stream, version)],
        ..Change::default()
    };
    match control.append(actor, None, change).await {
        // Whoever was faster recorded it, or the next look will.
        Ok(_) | Err(log::Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(super::Error::Log(error).into()),
    }
}
