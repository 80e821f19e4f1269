//! `key.added`, `key.retired`.
//!
//! ```text
//! key.added   = { "key": text, "kind": "grant" / "receipt" / "checkpoint" / "order" / "report",
//!                 "public": bytes .size 32, "node": text }
//! key.retired = { "key": text }
//! ```
//! Ed25519 public keys (RFC 8032). A key signs one kind of statement only.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, Value, cbor, map, text};
use crate::kernel::id::{KeyId, NodeName};

/// The one kind of statement that a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Permissions that the control plane gives.
    Grant,
    /// Statements of the data plane that bytes are stored.
    Receipt,
    /// Statements of the log about itself.
    Checkpoint,
    /// What the control plane wants done with an object.
    Order,
    /// What the data plane found when it did so.
    Report,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Grant, Self::Receipt, Self::Checkpoint, Self::Order, Self::Report];

    /// Its name in records, files and key sets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Receipt => "receipt",
            Self::Checkpoint => "checkpoint",
            Self::Order => "order",
            Self::Report => "report",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or("one of grant, receipt, checkpoint, order, report")
    }
}

/// A key may sign from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAdded {
    /// Its name, derived from the public key.
    pub key: KeyId,
    /// What it signs.
    pub kind: KeyKind,
    /// The Ed25519 public key.
    pub public: [u8; 32],
    /// The node that holds the private key.
    pub node: NodeName,
}

impl Data for KeyAdded {
    const TYPE: &'static str = "key.added";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("key", text(&self.key)),
            ("kind", text(self.kind)),
            ("public", Some(Value::Bytes(self.public.to_vec()))),
            ("node", text(&self.node)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            key: fields.parse("key")?,
            kind: fields.parse("kind")?,
            public: fields.array_32("public")?,
            node: fields.parse("node")?,
        })
    }
}

/// A key signs nothing new from here on. What it signed before stays valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRetired {
    /// Its name.
    pub key: KeyId,
}

impl Data for KeyRetired {
    const TYPE: &'static str = "key.retired";

    fn write(&self) -> Vec<(String, Value)> {
        map([("key", text(&self.key))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { key: fields.parse("key")? })
    }
}
