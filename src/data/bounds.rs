//! How much of everything there may be in one data plane, and how much there is.

use std::time::Duration;

use super::fair::{Paid, Short};
use super::session::Error;
use super::{Admitted, DataPlane};
use crate::kernel::id::Actor;
use crate::kernel::limits::{
    FREE_SPACE_FLOOR_BYTES, UPLOAD_BUFFER_BUDGET_BYTES, UPLOAD_IDLE_SECONDS, UPLOADS_AT_ONCE_MAX,
    UPLOADS_AT_ONCE_PER_CLIENT_MAX,
};

/// The bounds of a data plane. A client is the actor of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Requests that bring bytes at once.
    pub uploads: usize,
    /// How many of them may be of one client.
    pub uploads_per_client: usize,
    /// Bytes that all uploads together may hold in memory.
    pub buffer_bytes: usize,
    /// How many of them may be of one client.
    pub buffer_bytes_per_client: usize,
    /// Bytes that uploads leave free in the store.
    pub free_bytes: u64,
    /// How long an upload may bring next to nothing.
    pub idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        let count = |most| usize::try_from(most).expect("a small number");
        Self {
            uploads: count(UPLOADS_AT_ONCE_MAX),
            uploads_per_client: count(UPLOADS_AT_ONCE_PER_CLIENT_MAX),
            buffer_bytes: UPLOAD_BUFFER_BUDGET_BYTES,
            buffer_bytes_per_client: UPLOAD_BUFFER_BUDGET_BYTES / 2,
            free_bytes: FREE_SPACE_FLOOR_BYTES,
            idle: Duration::from_secs(UPLOAD_IDLE_SECONDS),
        }
    }
}

/// What there is of what is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InUse {
    /// Requests that bring bytes.
    pub uploads: usize,
    /// Bytes that they hold in memory, or have set aside.
    pub buffer_bytes: usize,
    /// Receipts that the control plane has not taken yet.
    pub undelivered: usize,
}

/// The right to bring bytes. Given back when it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] Paid);

impl DataPlane {
    /// What there is now of what is bounded.
    pub fn in_use(&self) -> InUse {
        let inner = &self.0;
        InUse {
            uploads: inner.places.used(),
            buffer_bytes: inner.budget.used() + inner.small_budget.used(),
            undelivered: inner.undelivered.count(),
        }
    }

    /// Bytes that are free in the store, if it knows.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        Ok(self.0.config.store.free_bytes().await?)
    }

    /// The bounds that it has.
    pub fn bounds(&self) -> &Bounds {
        &self.0.config.bounds
    }

    /// A place among those that bring bytes.
    ///
    /// # Errors
    /// If the grant's actor has as many as one may have, or all are taken.
    pub fn place(&self, grant: &Admitted) -> Result<Place, Error> {
        self.place_for(&grant.actor)
    }

    pub(super) fn place_for(&self, client: &Actor) -> Result<Place, Error> {
        let places = &self.0.places;
        places.purse(client).take_now(1).map(Place).map_err(|short| {
            metrics::counter!("strongroom_uploads_turned_away_total").increment(1);
            match short {
                Short::Client => Error::TooMany { max: places.share(), by_client: true },
                Short::All => Error::TooMany { max: places.total(), by_client: false },
            }
        })
    }
}
