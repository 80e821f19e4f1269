//! Objects that have to be asked for before they can be read.
//!
//! An archive class keeps an object where nobody reads it. It is asked for; hours later a copy of it can be read, for as many
//! days as were asked for; then it is archived again. [`Archive`] is that side of a store: [`Immediate`] where everything can
//! be read at any time, and for buckets their own, which believes what the server says of each object.
//!
//! - *Durability*: what was asked for is on its way when the call returns. An error may mean "asked" or "not asked".
//! - *Repetition*: asking again for what is on its way, or can be read, changes nothing and says how far it is.
//! - *Concurrency*: of two who ask at once, one asks, and both are told the same.

use std::fmt;

use async_trait::async_trait;

use super::{Error, Store};
use crate::kernel::id::ObjectKey;

/// Whether an object can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available {
        /// Until when, ms since the epoch; none: always.
        until_ms: Option<u64>,
    },
    /// It was asked for, and cannot yet.
    Restoring,
    /// It has to be asked for.
    Archived,
}

/// What a store says of an object without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its bytes.
    pub size_bytes: u64,
    /// Whether they can be read.
    pub availability: Availability,
}

impl Standing {
    /// Whether it can be read now.
    pub const fn is_readable(&self) -> bool {
        matches!(self.availability, Availability::Available { .. })
    }
}

/// Making objects readable. See the module for what it promises.
#[async_trait]
pub trait Archive: Send + Sync + fmt::Debug {
    /// How an object stands, if it is there and complete.
    ///
    /// # Errors
    /// If the store fails.
    async fn look(&self, key: &ObjectKey) -> Result<Option<Standing>, Error>;

    /// Asks for an object to be readable for so many days, unless it is or was asked for. How it stands then, if it is there.
    ///
    /// # Errors
    /// If the store fails.
    async fn restore(&self, key: &ObjectKey, days: u32) -> Result<Option<Standing>, Error>;
}

/// A store in which everything can always be read.
#[derive(Debug)]
pub struct Immediate<'a, S: ?Sized>(pub(super) &'a S);

#[async_trait]
impl<S: Store + ?Sized> Archive for Immediate<'_, S> {
    async fn look(&self, key: &ObjectKey) -> Result<Option<Standing>, Error> {
        let availability = Availability::Available { until_ms: None };
        Ok(self.0.size(key).await?.map(|size_bytes| Standing { size_bytes, availability }))
    }

    async fn restore(&self, key: &ObjectKey, _days: u32) -> Result<Option<Standing>, Error> {
        self.look(key).await
    }
}
