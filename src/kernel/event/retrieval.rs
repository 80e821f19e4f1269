//! `retrieval.requested`, `retrieval.restoring`, `retrieval.available`, `retrieval.failed`.
//!
//! ```text
//! retrieval.requested = { "retrieval": bytes .size 16, "repository": text, "manifest": bytes .size 32, "blobs": uint,
//!                         "bytes": uint, "days": uint }
//! retrieval.restoring = { "retrieval": bytes .size 16, "repository": text }
//! retrieval.available = { "retrieval": bytes .size 16, "repository": text, "until": uint (ms since the epoch) }
//! retrieval.failed    = { "retrieval": bytes .size 16, "repository": text, "code": code }
//! code                = "package-deleted" / "blob-missing" / "gave-up"
//! ```
//! - Blobs and bytes are those of the package that lay in a cold store when it was asked for.
//! - A retrieval ends by `until`: that it is over is no event, since it is said already.
//! - The repository stands in each, so that whoever may pull from it may follow them.

use std::fmt;
use std::str::FromStr;

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::RetrievalId;

/// A package was asked for that has to be retrieved before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievalRequested {
    /// By which it is asked about.
    pub retrieval: RetrievalId,
    /// Where.
    pub repository: RepositoryName,
    /// Which package: the manifest's primary address.
    pub manifest: Blake3,
    /// Blobs of it that lay in a cold store.
    pub blobs: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// For how many days it is to be readable.
    pub days: u64,
}

impl Data for RetrievalRequested {
    const TYPE: &'static str = "retrieval.requested";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("retrieval", id(self.retrieval)),
            ("repository", text(&self.repository)),
            ("manifest", Some(Value::Bytes(self.manifest.as_bytes().to_vec()))),
            ("blobs", Some(Value::Unsigned(self.blobs))),
            ("bytes", Some(Value::Unsigned(self.bytes))),
            ("days", Some(Value::Unsigned(self.days))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            retrieval: read_id(fields)?,
            repository: fields.parse("repository")?,
            manifest: Blake3::new(fields.array_32("manifest")?),
            blobs: fields.unsigned("blobs")?,
            bytes: fields.unsigned("bytes")?,
            days: fields.unsigned("days")?,
        })
    }
}

/// The store was asked, and needs its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievalRestoring {
    /// Which.
    pub retrieval: RetrievalId,
    /// Where its package is.
    pub repository: RepositoryName,
}

impl Data for RetrievalRestoring {
    const TYPE: &'static str = "retrieval.restoring";

    fn write(&self) -> Vec<(String, Value)> {
        map([("retrieval", id(self.retrieval)), ("repository", text(&self.repository))])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self { retrieval: read_id(fields)?, repository: fields.parse("repository")? })
    }
}

/// The package may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievalAvailable {
    /// Which.
    pub retrieval: RetrievalId,
    /// Where its package is.
    pub repository: RepositoryName,
    /// Until when, milliseconds since the epoch.
    pub until_ms: u64,
}

impl Data for RetrievalAvailable {
    const TYPE: &'static str = "retrieval.available";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("retrieval", id(self.retrieval)),
            ("repository", text(&self.repository)),
            ("until", Some(Value::Unsigned(self.until_ms))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            retrieval: read_id(fields)?,
            repository: fields.parse("repository")?,
            until_ms: fields.unsigned("until")?,
        })
    }
}

/// Why a package did not become readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetrievalFailure {
    /// The package was deleted meanwhile.
    PackageDeleted,
    /// A blob of it is not there.
    BlobMissing,
    /// The store did not give it for longer than any takes.
    GaveUp,
}

impl RetrievalFailure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::PackageDeleted, Self::BlobMissing, Self::GaveUp];

    /// Its name in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PackageDeleted => "package-deleted",
            Self::BlobMissing => "blob-missing",
            Self::GaveUp => "gave-up",
        }
    }
}

impl fmt::Display for RetrievalFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RetrievalFailure {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|failure| failure.name() == text);
        found.ok_or("`package-deleted`, `blob-missing` or `gave-up`")
    }
}

/// The package did not become readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrievalFailed {
    /// Which.
    pub retrieval: RetrievalId,
    /// Where its package is, or was.
    pub repository: RepositoryName,
    /// Why.
    pub code: RetrievalFailure,
}

impl Data for RetrievalFailed {
    const TYPE: &'static str = "retrieval.failed";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("retrieval", id(self.retrieval)),
            ("repository", text(&self.repository)),
            ("code", text(self.code)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            retrieval: read_id(fields)?,
            repository: fields.parse("repository")?,
            code: fields.parse("code")?,
        })
    }
}

fn id(retrieval: RetrievalId) -> Option<Value> {
    Some(Value::Bytes(retrieval.0.as_bytes().to_vec()))
}

fn read_id(fields: &mut Fields) -> Result<RetrievalId, cbor::Error> {
    super::uuid(fields.required("retrieval")?, "retrieval").map(RetrievalId)
}
