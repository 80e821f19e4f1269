//! Moving one blob: a copy by order, the event that names it, and the end of a copy that no event names.

use uuid::Uuid;

use super::Error;
use crate::contract::{Delete, Move, Outcome, Report, Restore, Task};
use crate::control::append::{Change, Ids, Retries};
use crate::control::orders::{self, Desk};
use crate::control::{Context, Control, objects};
use crate::kernel::event::{BlobMoved, Fact};
use crate::kernel::id::{ObjectKey, StoreName};
use crate::kernel::limits::MOVED_RESTORE_DAYS;
use crate::log::{self, Guard, GuardFailure};
use crate::views::tiers::Stray;

/// What became of one blob.
pub(super) enum Moved {
    Done,
    Restoring,
    Overtaken,
    Failed(String),
}

/// Moves one blob, as far as that goes now.
pub(super) async fn carry(
    control: &Control,
    context: &Context,
    desk: &Desk,
    stray: Stray,
) -> Result<Moved, Error> {
    let to_object = ObjectKey::from_uuid(Uuid::now_v7());
    let task = Task::Move(Move {
        digests: stray.digests,
        size_bytes: stray.size_bytes,
        to_store: stray.to_store.clone(),
        to_object: to_object.clone(),
    });
    match orders::obeyed(desk.order(control, &stray.store, &stray.object, task).await)? {
        Ok((Outcome::Done, text)) => {
            let moved = record(control, context, &stray, to_object.clone(), text).await?;
            if matches!(moved, Moved::Overtaken) {
                discard(control, context, desk, &stray.to_store, &to_object).await?;
            }
            Ok(moved)
        }
        Ok((Outcome::Archived, _)) => restore(control, desk, &stray).await,
        Ok((outcome, _)) => Ok(Moved::Failed(told(&stray, &outcome))),
        Err(reason) => Ok(Moved::Failed(reason)),
    }
}

/// Has it made readable, so that a later step moves it.
async fn restore(control: &Control, desk: &Desk, stray: &Stray) -> Result<Moved, Error> {
    let task = Task::Restore(Restore { days: MOVED_RESTORE_DAYS });
    match orders::obeyed(desk.order(control, &stray.store, &stray.object, task).await)? {
        Ok((Outcome::Restoring | Outcome::Available { .. }, _)) => Ok(Moved::Restoring),
        Ok((outcome, _)) => Ok(Moved::Failed(told(stray, &outcome))),
        Err(reason) => Ok(Moved::Failed(reason)),
    }
}

/// For people.
fn told(stray: &Stray, outcome: &Outcome) -> String {
    let Stray { digests, store, object, .. } = stray;
    let what = match outcome {
        Outcome::Failed(reason) => reason.as_str(),
        Outcome::Missing => "the object is not there; `strongroom scrub` puts that on record",
        Outcome::Corrupt(_) => "the object is not what it was; `strongroom scrub` puts that on record",
        Outcome::Done | Outcome::Archived | Outcome::Restoring | Outcome::Available { .. } => {
            "the answer is to another order"
        }
    };
    format!("{}, object {object} of store {store}: {what}", digests.blake3)
}

/// Puts on record that a blob has another object now.
async fn record(
    control: &Control,
    context: &Context,
    stray: &Stray,
    to_object: ObjectKey,
    text: String,
) -> Result<Moved, Error> {
    let report = orders::check(control, &text).await?;
    let fact = moved(stray, &to_object, &report, text);
    let mut retries = Retries::default();
    loop {
        let from = (stray.digests.blake3, stray.store.clone(), stray.object.clone());
        let change = Change {
            events: Ids::Fresh.assign(vec![fact.clone()]),
            guards: vec![
                Guard::BlobsAt { blobs: vec![from] },
                Guard::ObjectNotDiscarded { store: stray.to_store.clone(), object: to_object.clone() },
            ],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => return Ok(Moved::Done),
            Err(log::Error::Guard(
                GuardFailure::BlobsElsewhere { .. } | GuardFailure::ObjectDiscarded { .. },
            )) => return Ok(Moved::Overtaken),
            Err(error) => retries.after(error).await?,
        }
    }
}

fn moved(stray: &Stray, to_object: &ObjectKey, report: &Report, text: String) -> Fact {
    BlobMoved {
        blake3: stray.digests.blake3,
        size_bytes: stray.size_bytes,
        from_store: stray.store.clone(),
        from_object: stray.object.clone(),
        store: stray.to_store.clone(),
        object: to_object.clone(),
        node: report.node.clone(),
        report: text,
    }
    .into()
}

/// A copy that nobody claims goes at once. If nobody deletes it now, a sweep does.
async fn discard(
    control: &Control,
    context: &Context,
    desk: &Desk,
    store: &StoreName,
    object: &ObjectKey,
) -> Result<(), Error> {
    let Some(discarded_at) = objects::give_up(control, &context.caller.actor, store, object).await? else {
        return Ok(());
    };
    let task = Task::Delete(Delete { discarded_at });
    match orders::obeyed(desk.order(control, store, object, task).await)? {
        Ok((Outcome::Done | Outcome::Missing, _)) => {}
        Ok((outcome, _)) => {
            tracing::warn!(%store, %object, ?outcome, "a copy that nobody claims is left to a sweep")
        }
        Err(reason) => {
            tracing::warn!(%store, %object, reason, "a copy that nobody claims is left to a sweep")
        }
    }
    Ok(())
}
