//! Tiers: the bytes of packages are moved to where they are to lie.
//!
//! ```text
//! a blob lies in a store of another tier than it is to -> the data plane copies it to a fresh object of the other store, by
//! order -> blob.moved, with the report inside (guarded: it is still there) -> the object that it had goes, as a collection
//! deletes objects, when no grant to read it stands any more
//! ```
//! - A package is to lie where the last plan that tiered it said; without one it is hot. A blob is to be as near as the nearest
//!   of all packages that reference it, in all repositories. What no package references is not moved, it is collected.
//! - Where no store has a tier, the next nearer one takes what is to lie there. What is smaller than a store takes stays.
//! - A copy that no event names, because the blob was deleted, moved or damaged meanwhile, is given up and deleted at once: what
//!   was erased has to be gone from everywhere. Of a move that was cut off it is an object that nobody claims, which the next
//!   sweep takes. Whatever was cut off is simply done again, with another copy.
//! - What comes back from a store that has to be asked first is restored first, and moved by a later step.
//!
//! Refused: callers without `retention:apply`.

mod carry;

use futures::{StreamExt as _, stream};

use self::carry::{Moved, carry};
use super::collection::{self, Amount};
use super::orders::{self, Desk};
use super::{Context, Control};
use crate::access::{Action, RetentionRight};
use crate::kernel::digest::Blake3;
use crate::kernel::id::StoreName;
use crate::kernel::limits::{MOVED_AT_ONCE, MOVED_BATCH, MOVED_STEP_BYTES, TIER_LOOKED_AT};
use crate::kernel::tier::Tier;
use crate::views::tiers::{self as view, EarlyAt, Place, Standing, Stray, Strays};

/// Why not, or not further.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What packages hold on to is not known.
    #[error(transparent)]
    Collection(#[from] collection::Error),
    /// A report was not taken.
    #[error(transparent)]
    Order(#[from] orders::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A store, as configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTier {
    /// Its name.
    pub name: StoreName,
    /// How near it is.
    pub tier: Tier,
    /// What is smaller is not moved there.
    pub min_object_bytes: u64,
    /// Days that are charged for, however early an object leaves it; 0: none are.
    pub early_delete_days: u64,
}

/// All stores, and where what is to lie in a tier goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stores {
    places: Vec<Place>,
    destinations: Vec<(Tier, Place)>,
    early: Vec<EarlyAt>,
}

impl Stores {
    /// In the order of configuration: the first is that of deposits, and hot.
    pub fn of(listed: impl IntoIterator<Item = StoreTier>) -> Self {
        let (mut places, mut early) = (Vec::new(), Vec::new());
        for StoreTier { name, tier, min_object_bytes, early_delete_days } in listed {
            let days = early_delete_days;
            early.extend((days > 0).then(|| EarlyAt { store: name.clone(), tier, days }));
            places.push(Place { store: name, tier, min_bytes: min_object_bytes });
        }
        let nearest = |wanted: Tier| {
            let of_tier = |tier: Tier| places.iter().find(|place| place.tier == tier);
            Tier::ALL.into_iter().rev().filter(|tier| *tier <= wanted).find_map(of_tier).cloned()
        };
        let destinations = Tier::ALL.into_iter().filter_map(|tier| Some((tier, nearest(tier)?))).collect();
        Self { places, destinations, early }
    }

    /// The tier of a store. None: it is not configured.
    pub fn tier(&self, store: &StoreName) -> Option<Tier> {
        self.places.iter().find(|place| place.store == *store).map(|place| place.tier)
    }

    /// Stores whose objects have to be retrieved before they are read.
    pub(super) fn cold(&self) -> Vec<&StoreName> {
        self.places.iter().filter(|place| place.tier == Tier::Cold).map(|place| &place.store).collect()
    }

    /// Stores that charge for a time, however early an object leaves them.
    pub(super) fn early(&self) -> &[EarlyAt] {
        &self.early
    }

    fn standing(&self) -> Standing<'_> {
        Standing { stores: &self.places, destinations: &self.destinations }
    }

    /// Whether nothing can ever be moved, since all stores are of one tier.
    pub fn is_flat(&self) -> bool {
        self.places.iter().all(|place| place.tier == Tier::Hot)
    }
}

/// What lies in a store, and what waits to be moved from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreStatus {
    /// Which.
    pub store: StoreName,
    /// How near it is. None: it is not configured any more.
    pub tier: Option<Tier>,
    /// All that lies there.
    pub lying: Amount,
    /// What waits, and where it goes.
    pub moves: Vec<(StoreName, Amount)>,
}

/// How things stand, by store.
///
/// # Errors
/// If the caller may not see it, or the database fails.
pub async fn status(control: &Control, context: &Context) -> Result<Vec<StoreStatus>, Error> {
    context.caller.require(Action::Retention(RetentionRight::Plan))?;
    let stores = control.stores();
    let empty = |store: &StoreName, tier| StoreStatus {
        store: store.clone(),
        tier,
        lying: Amount::default(),
        moves: Vec::new(),
    };
    let mut all: Vec<StoreStatus> =
        stores.places.iter().map(|place| empty(&place.store, Some(place.tier))).collect();
    for found in view::totals(control.pool(), stores.standing()).await? {
        let at = all.iter().position(|status| status.store == found.store).unwrap_or_else(|| {
            all.push(empty(&found.store, None));
            all.len() - 1
        });
        let amount = Amount { count: found.blobs, bytes: found.bytes };
        all[at].lying.count += amount.count;
        all[at].lying.bytes += amount.bytes;
        all[at].moves.extend(found.to_store.map(|to| (to, amount)));
    }
    Ok(all)
}

/// What one step of the mover did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Blobs that lie elsewhere from now on.
    pub moved: Amount,
    /// Blobs that are being restored, to be moved later.
    pub restoring: u64,
    /// Blobs that are too large for whoever waits for the step.
    pub large: u64,
    /// Blobs that somebody else moved, deleted or found damaged meanwhile.
    pub overtaken: u64,
    /// Blobs that could not be moved. They are tried again by the next run.
    pub failed: u64,
    /// Why the first of them could not.
    pub reason: Option<String>,
    /// Up to which address it was looked. None: nothing is left to be done now.
    pub next: Option<Blake3>,
}

/// One step of the mover, behind the address up to which the step before looked. Steps at the same time do no harm. What has more
/// than `largest_bytes` is left to whoever has the time: a copy that is cut off begins anew.
///
/// # Errors
/// If the caller may not, or the log takes nothing. What was moved stays so.
pub async fn step(
    control: &Control,
    context: &Context,
    desk: &Desk,
    after: Option<Blake3>,
    largest_bytes: u64,
) -> Result<Step, Error> {
    context.caller.require(Action::Retention(RetentionRight::Apply))?;
    if control.stores().is_flat() {
        return Ok(Step::default());
    }
    if after.is_none() {
        collection::record_references(control, &context.caller.actor).await?;
    }
    let standing = control.stores().standing();
    let strays = view::strays(control.pool(), standing, after.as_ref(), TIER_LOOKED_AT, MOVED_BATCH).await?;
    let Strays { mut found, through } = bounded(strays);
    let all = found.len();
    found.retain(|stray| stray.size_bytes <= largest_bytes);
    let mut step = Step { large: (all - found.len()) as u64, next: through, ..Step::default() };
    let mut moves = stream::iter(found)
        .map(|stray| async move { (stray.size_bytes, carry(control, context, desk, stray).await) })
        .buffer_unordered(MOVED_AT_ONCE);
    while let Some((size_bytes, moved)) = moves.next().await {
        match moved? {
            Moved::Done => {
                step.moved.count += 1;
                step.moved.bytes += size_bytes;
            }
            Moved::Restoring => step.restoring += 1,
            Moved::Overtaken => step.overtaken += 1,
            Moved::Failed(reason) => {
                step.failed += 1;
                step.reason.get_or_insert(reason);
            }
        }
    }
    Ok(step)
}

/// As many as may be moved in one step; the next one begins behind them.
fn bounded(mut strays: Strays) -> Strays {
    let mut sum: u64 = 0;
    let fits = |stray: &&Stray| {
        let first = sum == 0;
        sum = sum.saturating_add(stray.size_bytes.max(1));
        first || sum <= MOVED_STEP_BYTES
    };
    let count = strays.found.iter().take_while(fits).count();
    if count < strays.found.len() {
        strays.found.truncate(count);
        strays.through = strays.found.last().map(|last| last.digests.blake3);
    }
    strays
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::id::ObjectKey;

    fn store(name: &str, tier: Tier) -> StoreTier {
        StoreTier { name: name.parse().unwrap(), tier, min_object_bytes: 0, early_delete_days: 0 }
    }

    fn destinations(stores: &Stores) -> Vec<&str> {
        stores.destinations.iter().map(|(_, place)| place.store.as_str()).collect()
    }

    #[test]
    fn what_is_to_lie_in_a_tier_goes_to_the_first_store_that_has_it() {
        let stores = Stores::of([
            store("disk", Tier::Hot),
            store("tape", Tier::Cold),
            store("shelf", Tier::Warm),
            store("vault", Tier::Cold),
        ]);
        assert_eq!(destinations(&stores), ["disk", "shelf", "tape"]);
        assert_eq!(stores.cold(), [&"tape".parse().unwrap(), &"vault".parse().unwrap()]);
        assert!(!stores.is_flat());
    }

    #[test]
    fn where_no_store_has_a_tier_the_next_nearer_one_takes_it() {
        let two = Stores::of([store("disk", Tier::Hot), store("shelf", Tier::Warm)]);
        assert_eq!(destinations(&two), ["disk", "shelf", "shelf"]);
        let two = Stores::of([store("disk", Tier::Hot), store("tape", Tier::Cold)]);
        assert_eq!(destinations(&two), ["disk", "disk", "tape"]);
        let one = Stores::of([store("disk", Tier::Hot)]);
        assert_eq!(destinations(&one), ["disk", "disk", "disk"]);
        assert!(one.is_flat());
    }

    #[test]
    fn a_step_moves_so_many_bytes_and_at_least_one_blob() {
        let stray = |n: u8, size_bytes| Stray {
            digests: Digests::of(&[n]),
            size_bytes,
            store: "disk".parse().unwrap(),
            object: ObjectKey::from_uuid(Uuid::from_u128(u128::from(n))),
            tier: Tier::Hot,
            to_store: "tape".parse().unwrap(),
            to_tier: Tier::Cold,
        };
        let through = |sizes: &[u64]| {
            let found: Vec<Stray> = (0..).zip(sizes).map(|(n, size)| stray(n, *size)).collect();
            let bounded = bounded(Strays { found, through: None });
            (bounded.found.len(), bounded.through)
        };
        assert_eq!(through(&[1, 2, 0]), (3, None));
        assert_eq!(through(&[u64::MAX, 1]), (1, Some(Digests::of(&[0]).blake3)));
        assert_eq!(through(&[1, MOVED_STEP_BYTES, 1]), (1, Some(Digests::of(&[0]).blake3)));
        assert_eq!(through(&[]), (0, None));
    }
}
