//! `pin.set`, `pin.released`.
//!
//! ```text
//! pin.set      = { "repository": text, "pin": text, "manifest": bytes .size 32, ? "previous": bytes .size 32,
//!                  "statement": bytes .size 32 }
//! pin.released = { "repository": text, "pin": text, "previous": bytes .size 32, "statement": bytes .size 32 }
//! ```
//! `statement` is the BLAKE3 of what was said about it (see [`crate::kernel::statement`]): the whole of it as it is from
//! then on, so nothing has to be put together from earlier events.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::PinName;

/// A pin claims a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinSet {
    /// Where.
    pub repository: RepositoryName,
    /// The name.
    pub pin: PinName,
    /// What it claims now.
    pub manifest: Blake3,
    /// What it claimed before.
    pub previous: Option<Blake3>,
    /// Why, and what it was built from.
    pub statement: Blake3,
}

impl Data for PinSet {
    const TYPE: &'static str = "pin.set";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("pin", text(&self.pin)),
            ("manifest", digest(&self.manifest)),
            ("previous", self.previous.as_ref().and_then(digest)),
            ("statement", digest(&self.statement)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            pin: fields.parse("pin")?,
            manifest: Blake3::new(fields.array_32("manifest")?),
            previous: fields.array_32_optional("previous")?.map(Blake3::new),
            statement: Blake3::new(fields.array_32("statement")?),
        })
    }
}

/// A pin claims nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinReleased {
    /// Where.
    pub repository: RepositoryName,
    /// The name.
    pub pin: PinName,
    /// What it claimed.
    pub previous: Blake3,
    /// Why.
    pub statement: Blake3,
}

impl Data for PinReleased {
    const TYPE: &'static str = "pin.released";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("pin", text(&self.pin)),
            ("previous", digest(&self.previous)),
            ("statement", digest(&self.statement)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            pin: fields.parse("pin")?,
            previous: Blake3::new(fields.array_32("previous")?),
            statement: Blake3::new(fields.array_32("statement")?),
        })
    }
}

fn digest(digest: &Blake3) -> Option<Value> {
    Some(Value::Bytes(digest.as_bytes().to_vec()))
}
