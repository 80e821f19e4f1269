//! Events: the records of the log.
//!
//! A record is a canonical CBOR map of at most [`EVENT_RECORD_MAX_BYTES`]:
//!
//! ```text
//! { "v": 1, "id": bytes .size 16, "at": uint (ms since the epoch, UTC), "actor": text, "stream": text,
//!   "seq": uint (0-based version in its stream), "type": text, "data": map, ? "cause": bytes .size 16 }
//! ```
//!
//! - The position is not in the record: it is the leaf index in the Merkle tree.
//! - Logged bytes never change. When the shape of `data` does, the old one stays readable here.
//! - Records hold digests and ids, never contents or free text, so that erasing a document erases what it said.
//! - [`Event::decode`] refuses what [`Event::encode`] would not have written.

mod blob;
mod deletion;
mod erasure;
mod hold;
mod key;
mod lock;
mod log;
mod manifest;
mod object;
mod pin;
mod plan;
mod policy;
mod reference;
mod repository;
mod retrieval;
mod scrub;
mod stream;
mod tag;
mod tier;
mod token;

pub use blob::{BlobLinked, BlobStored};
pub use deletion::{Authority, BlobDeleted, BlobDeletionStarted, ManifestDeleted};
pub use erasure::DocumentErased;
pub use hold::{HoldKind, HoldPlaced, HoldReleased, HoldTarget};
pub use key::{KeyAdded, KeyKind, KeyRetired};
pub use lock::{LockBypassed, LockExtended, LockGround, LockMode};
pub use log::LogRestored;
pub use manifest::{ManifestAccepted, ManifestReadGranted};
pub use object::{DiscardReason, ObjectDiscarded};
pub use pin::{PinReleased, PinSet};
pub use plan::{PlanApplied, PlanApproved, PlanSubmitted};
pub use policy::{PolicyRemoved, PolicySet};
pub use reference::ManifestReferences;
pub use repository::{Provenance, RepositoryCreated, RepositorySettings, RepositoryUpdated};
pub use retrieval::{
    RetrievalAvailable, RetrievalFailed, RetrievalFailure, RetrievalRequested, RetrievalRestoring,
};
pub use scrub::{BlobCorrupt, BlobVerified, Damage, DamagedBlob, Members, Selection};
pub use tag::{TagRemoved, TagSet};
pub use tier::{BlobMoved, ManifestTiered};
pub use token::{TokenMinted, TokenRevoked};

use uuid::Uuid;

use super::cbor::{self, Bounds, Fields, Value};
use super::id::{Actor, EventId, RepositoryName, RequestId, StreamName};
use super::limits::EVENT_RECORD_MAX_BYTES;

/// Why bytes are not an event record, or an event cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not canonical, or a field is wrong.
    #[error("event record: {0}")]
    Encoding(#[from] cbor::Error),
    /// A version of the record format that this program does not know.
    #[error("event record of version {0}; this program reads version 1")]
    Version(u64),
    /// A type that this program does not know: it is older than the log.
    #[error("unknown event type `{0}`; use a newer strongroom")]
    UnknownType(String),
    /// The record would be larger than an entry may be.
    #[error("event record of {0} bytes, more than the {EVENT_RECORD_MAX_BYTES} of an entry")]
    TooLarge(usize),
}

/// One fact with its circumstances, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique in the log.
    pub id: EventId,
    /// When it was appended: milliseconds since the Unix epoch, never smaller than in the record before.
    pub at_ms: u64,
    /// Who did it.
    pub actor: Actor,
    /// What it is about.
    pub stream: StreamName,
    /// Its version in that stream, 0-based.
    pub seq: u64,
    /// What happened.
    pub fact: Fact,
    /// The request that led to it.
    pub cause: Option<RequestId>,
}

/// A record's `data`: to and from the fields of a map.
trait Data: Sized {
    /// The `type` of the record.
    const TYPE: &'static str;
    fn write(&self) -> Vec<(String, Value)>;
    fn read(fields: &mut Fields) -> Result<Self, cbor::Error>;
}

/// Declares [`Fact`] from the types of its variants, so that no list of them can miss one.
macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident),* $(,)?) => {
        /// What happened: one variant for each event type.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fact {
            $($(#[$doc])* $variant($variant),)*
        }

        impl Fact {
            /// Every type that this program can read, as `noun.past-tense`.
            pub const TYPES: &'static [&'static str] = &[$(<$variant as Data>::TYPE),*];

            /// The `type` of its record, `noun.past-tense`.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$variant as Data>::TYPE,)*
                }
            }

            fn write(&self) -> Vec<(String, Value)> {
                match self {
                    $(Self::$variant(data) => data.write(),)*
                }
            }

            fn read(type_name: &str, fields: &mut Fields) -> Result<Self, Error> {
                match type_name {
                    $(<$variant as Data>::TYPE => Ok(Self::$variant(Data::read(fields)?)),)*
                    other => Err(Error::UnknownType(other.chars().take(64).collect())),
                }
            }
        }

        $(impl From<$variant> for Fact {
            fn from(data: $variant) -> Self {
                Self::$variant(data)
            }
        })*
    };
}

facts! {
    /// A repository came to be.
    RepositoryCreated,
    /// A repository's settings changed.
    RepositoryUpdated,
    /// Bytes are durably stored, and may be used in this repository.
    BlobStored,
    /// A blob of another repository may be used in this one.
    BlobLinked,
    /// A package was accepted.
    ManifestAccepted,
    /// Someone was given a package to read.
    ManifestReadGranted,
    /// A tag names a manifest.
    TagSet,
    /// A tag names nothing any more.
    TagRemoved,
    /// A pin claims a manifest.
    PinSet,
    /// A pin claims nothing any more.
    PinReleased,
    /// An API token was made.
    TokenMinted,
    /// An API token no longer works.
    TokenRevoked,
    /// A key may sign.
    KeyAdded,
    /// A key signs nothing new.
    KeyRetired,
    /// An object that no event will name may be deleted.
    ObjectDiscarded,
    /// Blobs were read again and are what they were.
    BlobVerified,
    /// Blobs were read again and are not what they were, or not there.
    BlobCorrupt,
    /// The log goes on from an older backup of itself.
    LogRestored,
    /// A retention policy stands as a document says.
    PolicySet,
    /// A retention policy stands no more.
    PolicyRemoved,
    /// What a package holds on to.
    ManifestReferences,
    /// A package was deleted.
    ManifestDeleted,
    /// A blob that nothing references is absent from here on.
    BlobDeletionStarted,
    /// The bytes of such a blob are gone.
    BlobDeleted,
    /// Nothing that it covers may be deleted.
    HoldPlaced,
    /// A hold stands no more.
    HoldReleased,
    /// A package is not deleted before then.
    LockExtended,
    /// Governance locks of a package do not count, up to then.
    LockBypassed,
    /// A plan was handed in, to be applied or approved.
    PlanSubmitted,
    /// Somebody allowed a plan.
    PlanApproved,
    /// All of a plan was gone through.
    PlanApplied,
    /// A document is absent from here on, because a law demands it.
    DocumentErased,
    /// A package is to lie in a tier.
    ManifestTiered,
    /// The bytes of a blob lie elsewhere from here on.
    BlobMoved,
    /// A package was asked for that has to be retrieved before it is read.
    RetrievalRequested,
    /// The store was asked, and needs its time.
    RetrievalRestoring,
    /// The package of a retrieval may be read.
    RetrievalAvailable,
    /// The package of a retrieval did not become readable.
    RetrievalFailed,
}

impl Fact {
    /// The repository that it concerns, if it concerns one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::RepositoryCreated(data) => Some(&data.repository),
            Self::RepositoryUpdated(data) => Some(&data.repository),
            Self::BlobStored(data) => Some(&data.repository),
            Self::BlobLinked(data) => Some(&data.repository),
            Self::ManifestAccepted(data) => Some(&data.repository),
            Self::ManifestReadGranted(data) => Some(&data.repository),
            Self::TagSet(data) => Some(&data.repository),
            Self::TagRemoved(data) => Some(&data.repository),
            Self::PinSet(data) => Some(&data.repository),
            Self::PinReleased(data) => Some(&data.repository),
            Self::ManifestReferences(data) => Some(&data.repository),
            Self::ManifestDeleted(data) => Some(&data.repository),
            Self::LockExtended(data) => Some(&data.repository),
            Self::LockBypassed(data) => Some(&data.repository),
            Self::HoldPlaced(data) => data.target.repository(),
            Self::ManifestTiered(data) => Some(&data.repository),
            Self::RetrievalRequested(data) => Some(&data.repository),
            Self::RetrievalRestoring(data) => Some(&data.repository),
            Self::RetrievalAvailable(data) => Some(&data.repository),
            Self::RetrievalFailed(data) => Some(&data.repository),
            Self::TokenMinted(_)
            | Self::TokenRevoked(_)
            | Self::KeyAdded(_)
            | Self::KeyRetired(_)
            | Self::ObjectDiscarded(_)
            | Self::BlobVerified(_)
            | Self::BlobCorrupt(_)
            | Self::LogRestored(_)
            | Self::PolicySet(_)
            | Self::PolicyRemoved(_)
            | Self::BlobDeletionStarted(_)
            | Self::BlobDeleted(_)
            | Self::BlobMoved(_)
            | Self::HoldReleased(_)
            | Self::PlanSubmitted(_)
            | Self::PlanApproved(_)
            | Self::PlanApplied(_)
            | Self::DocumentErased(_) => None,
        }
    }

    /// The `data` of its record, for renderings in other forms than CBOR.
    pub fn data(&self) -> Value {
        Value::Map(self.write())
    }
}

impl Event {
    /// The record: canonical, ready to be hashed as a leaf.
    ///
    /// # Errors
    /// If it would be larger than an entry may be.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut map = vec![
            ("v".into(), Value::Unsigned(1)),
            ("id".into(), Value::Bytes(self.id.0.as_bytes().to_vec())),
            ("at".into(), Value::Unsigned(self.at_ms)),
            ("actor".into(), Value::text(&self.actor)),
            ("stream".into(), Value::text(&self.stream)),
            ("seq".into(), Value::Unsigned(self.seq)),
            ("type".into(), Value::text(self.fact.type_name())),
            ("data".into(), self.fact.data()),
        ];
        if let Some(cause) = self.cause {
            map.push(("cause".into(), Value::Bytes(cause.0.as_bytes().to_vec())));
        }
        let record = cbor::encode(&Value::Map(map));
        if record.len() > EVENT_RECORD_MAX_BYTES { Err(Error::TooLarge(record.len())) } else { Ok(record) }
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// If it is not canonical, has fields too many or too few, or is of a version or type unknown here.
    pub fn decode(record: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(cbor::decode(record, Bounds::bytes(EVENT_RECORD_MAX_BYTES))?)?;
        match fields.unsigned("v")? {
            1 => {}
            other => return Err(Error::Version(other)),
        }
        let mut data = Fields::of(fields.required("data")?)?;
        let event = Self {
            id: EventId(uuid(fields.required("id")?, "id")?),
            at_ms: fields.unsigned("at")?,
            actor: fields.parse("actor")?,
            stream: fields.parse("stream")?,
            seq: fields.unsigned("seq")?,
            fact: Fact::read(&fields.parse::<String>("type")?, &mut data)?,
            cause: fields.take("cause").map(|value| uuid(value, "cause").map(RequestId)).transpose()?,
        };
        data.finish()?;
        fields.finish()?;
        Ok(event)
    }
}

fn uuid(value: Value, field: &'static str) -> Result<Uuid, cbor::Error> {
    let wrong = || cbor::Error::Field { field: field.into(), expected: "16 bytes".into() };
    let Value::Bytes(bytes) = value else { return Err(wrong()) };
    Uuid::from_slice(&bytes).map_err(|_| wrong())
}

/// Fields of a record's `data`: present ones only, named once.
fn map<const N: usize>(fields: [(&str, Option<Value>); N]) -> Vec<(String, Value)> {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// A text field that is always there.
fn text(value: impl ToString) -> Option<Value> {
    Some(Value::text(value))
}
