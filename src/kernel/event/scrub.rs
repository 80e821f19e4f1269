//! `blob.verified`, `blob.corrupt`: what was found when blobs were read again.
//!
//! ```text
//! blob.verified = { "store": text, "at": uint (size of the log), ? "after": bytes .size 32, ? "through": bytes .size 32,
//!                   ? "repository": text, ? "since": uint (ms since the epoch),
//!                   "blobs": uint, "bytes": uint, "root": bytes .size 32,
//!                   "unread": [* bytes .size 32], "restored": [* bytes .size 32] }
//! blob.corrupt  = { "store": text, "blobs": [+ damaged] }
//! damaged       = { "blake3": bytes .size 32, "object": text, "found": "corrupt" / "missing", "report": text (JWT) }
//! ```
//! `blob.verified` is a summary: it names a set, not its members. The set is every blob of that store
//!
//! - whose object the log had named before position `at`, and that is not corrupt by the log up to this event,
//! - with a primary address behind `after` (none: from the first) up to `through`, inclusive (none: to the last),
//! - linked to `repository` before `at`, and stored at or after `since`, where these are given,
//! - that is not in `unread`: those could not be read, and nothing is said of them,
//! - that no event between `at` and this one says to be corrupt, or to be restored, or starts to delete.
//!
//! Whoever folds the log knows that set; `blobs`, `bytes` and `root` say that it is the one that was read. `root` is the
//! Merkle root (RFC 9162) over its members in order of their addresses, an entry each: 32 bytes of the BLAKE3, then the
//! object key in ASCII. So it can be proven of one blob that it was read then. `restored` are blobs that were corrupt and
//! are what they should be again; they are not in the set.
//!
//! `blob.corrupt` names each blob, with the object that was read and the report that the data plane signed. It says
//! nothing of a blob that has another object by then. From it on the blob is given to nobody, until it is stored again or
//! restored.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{ObjectKey, StoreName};
use crate::kernel::merkle::{Frontier, leaf_hash};

/// Which blobs of a store a summary is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those that are linked to this repository.
    pub repository: Option<RepositoryName>,
    /// Those that were stored then or later: milliseconds since the epoch.
    pub since_ms: Option<u64>,
}

/// Blobs were read again, and both of their digests are what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobVerified {
    /// Where they lie.
    pub store: StoreName,
    /// The size of the log that says which they are.
    pub at_size: u64,
    /// Their addresses are behind this one.
    pub after: Option<Blake3>,
    /// And not behind this one. None: there is none behind.
    pub through: Option<Blake3>,
    /// Which of those.
    pub selection: Selection,
    /// How many.
    pub blobs: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// Merkle root over them.
    pub root: [u8; 32],
    /// Blobs that could not be read.
    pub unread: Vec<Blake3>,
    /// Blobs that were corrupt by the log and are what they should be.
    pub restored: Vec<Blake3>,
}

/// The set of a summary, as it grows in order of addresses.
#[derive(Debug, Clone, Default)]
pub struct Members {
    frontier: Frontier,
    bytes: u64,
}

impl Members {
    /// One more.
    pub fn push(&mut self, blob: &Blake3, object: &ObjectKey, size_bytes: u64) {
        let entry = [blob.as_bytes().as_slice(), object.as_str().as_bytes()].concat();
        self.frontier.push(leaf_hash(&entry));
        self.bytes = self.bytes.saturating_add(size_bytes);
    }

    /// How many.
    pub fn blobs(&self) -> u64 {
        self.frontier.size()
    }

    /// Their bytes together.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The root over them.
    pub fn root(&self) -> [u8; 32] {
        self.frontier.root()
    }
}

fn digests(list: &[Blake3]) -> Option<Value> {
    Some(Value::Array(list.iter().map(|blob| Value::Bytes(blob.as_bytes().to_vec())).collect()))
}

fn read_digests(fields: &mut Fields, field: &'static str) -> Result<Vec<Blake3>, cbor::Error> {
    let wrong = || cbor::Error::Field { field: field.into(), expected: "a list of 32 bytes each".into() };
    let read = |value| {
        let Value::Bytes(bytes) = value else { return Err(wrong()) };
        Blake3::from_slice(&bytes).ok_or_else(wrong)
    };
    fields.array(field)?.into_iter().map(read).collect()
}

impl Data for BlobVerified {
    const TYPE: &'static str = "blob.verified";

    fn write(&self) -> Vec<(String, Value)> {
        let digest = |blob: &Blake3| Value::Bytes(blob.as_bytes().to_vec());
        map([
            ("store", text(&self.store)),
            ("at", Some(Value::Unsigned(self.at_size))),
            ("after", self.after.as_ref().map(digest)),
            ("through", self.through.as_ref().map(digest)),
            ("repository", self.selection.repository.as_ref().map(Value::text)),
            ("since", self.selection.since_ms.map(Value::Unsigned)),
            ("blobs", Some(Value::Unsigned(self.blobs))),
            ("bytes", Some(Value::Unsigned(self.bytes))),
            ("root", Some(Value::Bytes(self.root.to_vec()))),
            ("unread", digests(&self.unread)),
            ("restored", digests(&self.restored)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            store: fields.parse("store")?,
            at_size: fields.unsigned("at")?,
            after: fields.array_32_optional("after")?.map(Blake3::new),
            through: fields.array_32_optional("through")?.map(Blake3::new),
            selection: Selection {
                repository: fields.parse_optional("repository")?,
                since_ms: fields.unsigned_optional("since")?,
            },
            blobs: fields.unsigned("blobs")?,
            bytes: fields.unsigned("bytes")?,
            root: fields.array_32("root")?,
            unread: read_digests(fields, "unread")?,
            restored: read_digests(fields, "restored")?,
        })
    }
}

/// What is wrong with the object of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Damage {
    /// It has other bytes.
    Corrupt,
    /// It is not there.
    Missing,
}

impl Damage {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Corrupt, Self::Missing];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Missing => "missing",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Damage {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|damage| damage.name() == text).ok_or("one of corrupt, missing")
    }
}

/// A blob that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    /// Which.
    pub blake3: Blake3,
    /// The object that was read, or was not there.
    pub object: ObjectKey,
    /// What is wrong with it.
    pub found: Damage,
    /// The report of the data plane as it was signed, a compact JWS.
    pub report: String,
}

/// Blobs were read again, and are not what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobCorrupt {
    /// Where they lie.
    pub store: StoreName,
    /// Each of them; at least one.
    pub blobs: Vec<DamagedBlob>,
}

impl Data for BlobCorrupt {
    const TYPE: &'static str = "blob.corrupt";

    fn write(&self) -> Vec<(String, Value)> {
        let damaged = |blob: &DamagedBlob| {
            Value::Map(map([
                ("blake3", Some(Value::Bytes(blob.blake3.as_bytes().to_vec()))),
                ("object", text(&blob.object)),
                ("found", text(blob.found)),
                ("report", text(&blob.report)),
            ]))
        };
        let blobs = Value::Array(self.blobs.iter().map(damaged).collect());
        map([("store", text(&self.store)), ("blobs", Some(blobs))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        let damaged = |value| {
            let mut fields = Fields::of(value)?;
            let blob = DamagedBlob {
                blake3: Blake3::new(fields.array_32("blake3")?),
                object: fields.parse("object")?,
                found: fields.parse("found")?,
                report: fields.parse("report")?,
            };
            fields.finish()?;
            Ok(blob)
        };
        let blobs: Vec<_> = fields.array("blobs")?.into_iter().map(damaged).collect::<Result<_, _>>()?;
        if blobs.is_empty() {
            return Err(cbor::Error::Field { field: "blobs".into(), expected: "at least one".into() });
        }
        Ok(Self { store: fields.parse("store")?, blobs })
    }
}
