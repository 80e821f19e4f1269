//! `object.discarded`: `{ "store": text, "object": text, "reason": "duplicate" / "late" / "refused" / "abandoned" /
//! "replaced" }`.
//!
//! From this event on a receipt for that object is refused, so the object may be deleted whenever.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, Value, cbor, map, text};
use crate::kernel::id::{ObjectKey, StoreName};

/// Why an object that was stored is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiscardReason {
    /// The same content is already stored as another object.
    Duplicate,
    /// Its receipt came after its time.
    Late,
    /// Its receipt was refused.
    Refused,
    /// Its upload ended without a receipt.
    Abandoned,
    /// It was found damaged, and its blob has another object by now.
    Replaced,
}

impl DiscardReason {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Duplicate, Self::Late, Self::Refused, Self::Abandoned, Self::Replaced];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
            Self::Replaced => "replaced",
        }
    }
}

impl fmt::Display for DiscardReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DiscardReason {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|reason| reason.name() == text);
        known.ok_or("one of duplicate, late, refused, abandoned, replaced")
    }
}

/// An object that no event will name any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDiscarded {
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
    /// Why it is not kept.
    pub reason: DiscardReason,
}

impl Data for ObjectDiscarded {
    const TYPE: &'static str = "object.discarded";

    fn write(&self) -> Vec<(String, Value)> {
        map([("store", text(&self.store)), ("object", text(&self.object)), ("reason", text(self.reason))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            store: fields.parse("store")?,
            object: fields.parse("object")?,
            reason: fields.parse("reason")?,
        })
    }
}
