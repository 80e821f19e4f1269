//! Objects: which of those that lie in a store the log knows, and giving up those that it does not.
//!
//! - An object is given up by `object.discarded`, under a guard that no blob has it; it is deleted after that, never
//!   before. The event has an id derived from the object, so giving it up twice, or from two places, is one event.
//! - The object that a blob had before it was moved goes when every grant to read it has ended ([`READABLE_MS`]).
//! - Nothing is given up that may still be claimed: not before every receipt for it would be late ([`may_be_claimed`]),
//!   and nothing that was there when the log was restored from a backup: what claimed it may be what was lost.

use super::append::{Change, Ids, Retries};
use super::{Control, Error};
use crate::kernel::event::{DiscardReason, Fact, LogRestored, ObjectDiscarded};
use crate::kernel::id::{Actor, ObjectKey, StoreName, StreamName};
use crate::kernel::limits::{
    CLOCK_SKEW_SECONDS, GRANT_LIFE_SECONDS, RECEIPT_DELIVERY_SECONDS, SESSION_LIFE_MAX_SECONDS,
};
use crate::log::{self, Guard, read};
use crate::views::deleting_blobs::Started;
use crate::views::{blobs, deleting_blobs, discarded_objects};

/// After so many milliseconds no receipt for an object can be in time: a grant was used at its last moment, the session
/// lived its whole life, the receipt was signed at its end, and clocks differ.
pub const CLAIMABLE_MS: u64 =
    (GRANT_LIFE_SECONDS + SESSION_LIFE_MAX_SECONDS + RECEIPT_DELIVERY_SECONDS + 4 * CLOCK_SKEW_SECONDS)
        * 1_000;

/// For so many milliseconds after a move the object that the blob had before may be read: a grant was given just before, and
/// clocks differ.
pub const READABLE_MS: u64 = (GRANT_LIFE_SECONDS + 2 * CLOCK_SKEW_SECONDS) * 1_000;

/// What the log says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A blob has it.
    Claimed,
    /// It was given up, by that event: `object.discarded`, `blob.deletion-started` or `blob.moved`.
    Discarded(u64),
    /// Its blob was moved, and whoever was given it to read may still do so.
    Readable,
    /// Nothing.
    Unknown,
}

/// Whether an object may still be claimed by a receipt. Its key says when its grant was given; one that does not say is
/// never taken for old.
pub fn may_be_claimed(object: &ObjectKey, now_ms: u64) -> bool {
    object.made_at_ms().is_none_or(|made_ms| now_ms <= made_ms.saturating_add(CLAIMABLE_MS))
}

/// What is to become of an object that lies in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// A blob has it.
    Claimed,
    /// A receipt may still claim it, or a grant that was given before its blob was moved may still read it.
    Young,
    /// It was there before the log was restored from a backup: what claimed it may be what was lost.
    BeforeRestoration,
    /// Nobody claims it, nor can any more, unless an upload is not over.
    Unclaimed,
    /// It was given up, by that event.
    Discarded(u64),
}

impl Judgement {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Young => "young",
            Self::BeforeRestoration => "before-restoration",
            Self::Unclaimed => "unclaimed",
            Self::Discarded(_) => "discarded",
        }
    }

    /// By its name, and the event where there is one.
    pub fn from_name(name: &str, position: Option<u64>) -> Option<Self> {
        Some(match (name, position) {
            ("claimed", None) => Self::Claimed,
            ("young", None) => Self::Young,
            ("before-restoration", None) => Self::BeforeRestoration,
            ("unclaimed", None) => Self::Unclaimed,
            ("discarded", Some(position)) => Self::Discarded(position),
            _ => return None,
        })
    }
}

/// What is to become of each of these objects.
///
/// # Errors
/// If the database fails.
pub async fn judge(
    control: &Control,
    store: &StoreName,
    objects: &[ObjectKey],
) -> Result<Vec<Judgement>, Error> {
    let (now_ms, restored_at_ms) = (control.now_ms(), restored_at_ms(control).await?);
    let is_from_before = |object: &ObjectKey| {
        restored_at_ms.is_some_and(|at_ms| object.made_at_ms().is_none_or(|made_ms| made_ms <= at_ms))
    };
    let judge = |(object, standing): (&ObjectKey, Standing)| match standing {
        Standing::Claimed => Judgement::Claimed,
        Standing::Discarded(position) => Judgement::Discarded(position),
        Standing::Readable => Judgement::Young,
        Standing::Unknown if may_be_claimed(object, now_ms) => Judgement::Young,
        Standing::Unknown if is_from_before(object) => Judgement::BeforeRestoration,
        Standing::Unknown => Judgement::Unclaimed,
    };
    let standings = standing(control, store, objects).await?;
    Ok(objects.iter().zip(standings).map(judge).collect())
}

/// What the log says of each of these objects.
///
/// # Errors
/// If the database fails.
async fn standing(
    control: &Control,
    store: &StoreName,
    objects: &[ObjectKey],
) -> Result<Vec<Standing>, Error> {
    // Discarded first: an object that is claimed in between is claimed by the second look.
    let discarded = discarded_objects::among(control.pool(), store, objects).await?;
    let claimed = blobs::claims(control.pool(), store, objects).await?;
    let claimed: std::collections::HashSet<ObjectKey> = claimed.into_iter().collect();
    let deleting = deleting_blobs::among(control.pool(), store, objects).await?;
    let now_ms = control.now_ms();
    let started = |Started { position, moved_at_ms }: &Started| match moved_at_ms {
        Some(at_ms) if at_ms.saturating_add(READABLE_MS) >= now_ms => Standing::Readable,
        _ => Standing::Discarded(*position),
    };
    let of = |object: &ObjectKey| {
        if claimed.contains(object) {
            return Standing::Claimed;
        }
        match (deleting.get(object), discarded.get(object)) {
            (Some(found), _) => started(found),
            (None, Some(position)) => Standing::Discarded(*position),
            (None, None) => Standing::Unknown,
        }
    };
    Ok(objects.iter().map(of).collect())
}

/// When the log was last restored from a backup, if it ever was: milliseconds since the epoch.
///
/// # Errors
/// If the database fails.
async fn restored_at_ms(control: &Control) -> Result<Option<u64>, Error> {
    let restored = read::last_of_stream(control.pool(), &StreamName::restorations()).await?;
    let Some(recorded) = restored.map(read::Raw::decode).transpose()? else { return Ok(None) };
    Ok(matches!(recorded.event.fact, Fact::LogRestored(LogRestored { .. })).then_some(recorded.event.at_ms))
}

/// Gives an object up. None if a blob has it by now; else the event that gave it up.
///
/// # Errors
/// If the log takes nothing.
pub async fn give_up(
    control: &Control,
    actor: &Actor,
    store: &StoreName,
    object: &ObjectKey,
) -> Result<Option<u64>, Error> {
    let reason = DiscardReason::Abandoned;
    let fact = Fact::from(ObjectDiscarded { store: store.clone(), object: object.clone(), reason });
    let ids = Ids::of_object(store, object);
    let mut retries = Retries::default();
    loop {
        let change = Change {
            events: ids.assign(vec![fact.clone()]),
            expected: vec![(StreamName::object(store, object), None)],
            guards: vec![Guard::ObjectUnclaimed { store: store.clone(), object: object.clone() }],
        };
        match control.append(actor, None, change).await {
            Ok(appended) => return Ok(Some(appended.last())),
            Err(log::Error::Guard(_)) => return Ok(None),
            Err(log::Error::Conflict { .. } | log::Error::IdReused { .. }) => {
                // Given up before, for whatever reason.
                if let Some(found) = discarded_objects::get(control.pool(), store, object).await? {
                    return Ok(Some(found.position));
                }
                retries.again().await?;
            }
            Err(error) => return Err(Error::Log(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::{NoContext, Timestamp, Uuid};

    use super::*;

    #[test]
    fn an_object_may_be_claimed_until_every_receipt_for_it_would_be_late() {
        let made = Timestamp::from_unix(NoContext, 1_790_000_000, 0);
        let object = ObjectKey::from_uuid(Uuid::new_v7(made));
        let last_ms = 1_790_000_000_000 + CLAIMABLE_MS;
        assert!(may_be_claimed(&object, 0));
        assert!(may_be_claimed(&object, last_ms));
        assert!(!may_be_claimed(&object, last_ms + 1));
    }

    #[test]
    fn a_key_that_does_not_say_when_it_was_made_is_never_old() {
        let object = ObjectKey::from_uuid(Uuid::from_u128(7));
        assert!(may_be_claimed(&object, u64::MAX));
    }
}
