//! Names of documents, typed: what a store keeps beside objects is listed here and nowhere else.

use std::fmt;

use uuid::Uuid;

use crate::kernel::id::{GrantId, SessionId};
use crate::kernel::tree::tiles::Position;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Journals of upload sessions.
    Sessions,
    /// Receipts of small blobs that could not be delivered yet.
    Receipts,
    /// The last checkpoint of the log, kept where no backup of the database takes it back.
    Checkpoints,
    /// Tiles of the trees over large objects.
    Trees,
}

/// The one document of its kind.
const LATEST: &str = "latest";

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sessions, Self::Receipts, Self::Checkpoints, Self::Trees];

    /// Its directory or prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Receipts => "receipts",
            Self::Checkpoints => "checkpoints",
            Self::Trees => "trees",
        }
    }

    /// The document of this kind with that name, as [`Document::name`] gave it.
    pub fn document(self, name: &str) -> Option<Document> {
        let id = || name.parse().ok().filter(|id: &Uuid| id.simple().to_string() == name);
        match self {
            Self::Sessions => Some(Document::Session(SessionId(id()?))),
            Self::Receipts => Some(Document::Receipt(GrantId(id()?))),
            Self::Checkpoints => (name == LATEST).then_some(Document::Checkpoint),
            Self::Trees => {
                let mut parts = name.splitn(3, '-');
                let object = parts.next()?.parse().ok()?;
                let level = parts.next()?.parse().ok()?;
                let index = parts.next()?.parse().ok()?;
                let document = Document::Tile(object, Position { level, index });
                (document.name() == name).then_some(document)
            }
        }
    }
}

/// A document's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// The journal of a session.
    Session(SessionId),
    /// The receipt for a small blob, by its grant.
    Receipt(GrantId),
    /// The last checkpoint.
    Checkpoint,
    /// A tile of the tree over the object whose key has that UUID.
    Tile(Uuid, Position),
}

impl Document {
    /// What kind it is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Session(_) => Kind::Sessions,
            Self::Receipt(_) => Kind::Receipts,
            Self::Checkpoint => Kind::Checkpoints,
            Self::Tile(..) => Kind::Trees,
        }
    }

    /// Its name among its kind: 32 hex characters, a fixed word, or `<32 hex>-<level>-<index>`.
    pub fn name(self) -> String {
        match self {
            Self::Session(SessionId(id)) | Self::Receipt(GrantId(id)) => id.simple().to_string(),
            Self::Checkpoint => LATEST.to_owned(),
            Self::Tile(object, Position { level, index }) => format!("{}-{level}-{index}", object.simple()),
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind().name(), self.name())
    }
}

/// One state of a document, opaque: what a store needs to tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub(super) Vec<u8>);

impl Version {
    /// By content: for stores in which one process sees every swap.
    pub(super) fn of(content: &[u8]) -> Self {
        Self(blake3::hash(content).as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_what_they_name() {
        let id = Uuid::from_u128(7).simple().to_string();
        for (kind, name) in [
            (Kind::Sessions, id.clone()),
            (Kind::Trees, format!("{id}-1-20")),
            (Kind::Receipts, id),
            (Kind::Checkpoints, LATEST.to_owned()),
        ] {
            let document = kind.document(&name).unwrap();
            assert_eq!((document.kind(), document.name()), (kind, name));
        }
        for bad in [
            "",
            "x",
            "../00000000000000000000000000000007",
            "00000000-0000-0000-0000-000000000007",
            "00000000000000000000000000000007-0",
            "00000000000000000000000000000007-0-01",
            "00000000000000000000000000000007-0-1-2",
            "00000000000000000000000000000007-256-1",
        ] {
            assert!(Kind::ALL.iter().all(|kind| kind.document(bad).is_none()), "{bad}");
        }
    }
}
