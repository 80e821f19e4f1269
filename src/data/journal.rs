//! The journal of a session: what survives of it between requests, crashes and nodes.
//!
//! One canonical CBOR document in the session's own store, replaced by compare-and-set:
//!
//! ```text
//! journal = { "v": 1, "session": bytes .size 16, "epoch": uint, "created_at": ms, "object": text,
//!             "grant": bytes .size 16, "actor": text, "repository": text, "store": text, "ends_at": seconds,
//!             "size": uint / "size_max": uint, ? "digest": text, ? "length": uint, ? "metadata": text, phase }
//! phase   = "phase": "receiving", at
//!         / "phase": "sealing", at, digests
//!         / "phase": "sealed", digests, "receipt": text (JWS), "delivered": bool
//!         / "phase": "failed", digests
//!         / "phase": "aborted" / "phase": "expired"
//! at      = "offset": uint, ? "hash": bytes (state of both hashes), ? "tree": bytes (state of the tree's tiles),
//!           ? "staged": bytes (state of the store)
//! digests = "blake3": bytes .size 32, "sha256": bytes .size 32
//! ```
//! - `offset` bytes are durable, and no more were ever acknowledged.
//! - `hash` is the state at the last block boundary up to `offset`; it is there once there is such a boundary.
//! - `tree` is the state at the same boundary, less than 25 KB. A session of a version that kept no trees has none; its blob
//!   gets its tree when that is first needed.
//! - `epoch` grows with every writer. A writer that lost its place finds the journal changed and stops.
//! - `length` is there once it is known; a sealed journal has it.
//! - `metadata` is what the client said of its upload: given back, never interpreted.
//! - An ended session keeps its journal until `ends_at`, so that its grant cannot begin another.

use uuid::Uuid;

use crate::contract::Size;
use crate::kernel::cbor::{self, Bounds, Fields, Value};
use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
use crate::kernel::hash;
use crate::kernel::id::{Actor, GrantId, ObjectKey, RepositoryName, SessionId, StoreName};
use crate::kernel::limits::{HASH_BLOCK_BYTES, STORE_DOCUMENT_MAX_BYTES};
use crate::kernel::tree::tiles::Tiler;
use crate::stores::StagedState;

/// Why a journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not the canonical CBOR that was written.
    #[error("journal: {0}")]
    Encoding(#[from] cbor::Error),
    /// The hash state in it is damaged.
    #[error("journal: {0}")]
    Hash(#[from] hash::Error),
    /// It contradicts itself, or is of another version.
    #[error("journal: {0}")]
    Inconsistent(&'static str),
}

/// All that is known of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// Its name.
    pub session: SessionId,
    /// How many writers it had.
    pub epoch: u64,
    /// When it was created, ms since the epoch.
    pub created_at_ms: u64,
    /// The object that it becomes.
    pub object: ObjectKey,
    /// The terms of the grant that began it.
    pub terms: Terms,
    /// The length of the whole, once it is known.
    pub length: Option<u64>,
    /// What the client said of it.
    pub metadata: Option<String>,
    /// How far it is.
    pub phase: Phase,
}

/// What the grant that began the session allowed. A later one never changes this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The grant.
    pub grant: GrantId,
    /// To whom it was given.
    pub actor: Actor,
    /// In whose name the bytes come.
    pub repository: RepositoryName,
    /// Where they lie.
    pub store: StoreName,
    /// The digest that they must have.
    pub expected: Option<Digest>,
    /// How many they may be.
    pub size: Size,
    /// When the session ends, seconds since the epoch.
    pub ends_at_seconds: u64,
}

/// How far a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It takes bytes.
    Receiving(Durable),
    /// All bytes are durable and right; the object is being made visible.
    Sealing(Durable, Digests),
    /// The object is there.
    Sealed {
        /// Its digests.
        digests: Digests,
        /// The signed statement about it.
        receipt: String,
        /// The control plane has that statement.
        delivered: bool,
    },
    /// The bytes were not those that were declared.
    Failed(Digests),
    /// The client gave it up.
    Aborted,
    /// Its time is over.
    Expired,
}

/// What is durable of a session that is not sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durable {
    /// State of both hashes at the last block boundary, if there was one.
    pub hash: Option<Vec<u8>>,
    /// State of the tree there, unless the session began without one.
    pub tree: Option<Vec<u8>>,
    /// State of the stage, once there is one.
    pub staged: Option<StagedState>,
}

impl Durable {
    /// Bytes that are durable.
    pub fn offset(&self) -> u64 {
        self.staged.as_ref().map_or(0, |staged| staged.bytes)
    }
}

impl Journal {
    /// As it is persisted.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = vec![
            ("v", Value::Unsigned(1)),
            ("session", id(self.session.0)),
            ("epoch", Value::Unsigned(self.epoch)),
            ("created_at", Value::Unsigned(self.created_at_ms)),
            ("object", Value::text(&self.object)),
        ];
        self.terms.write(&mut fields);
        if let Some(length) = self.length {
            fields.push(("length", Value::Unsigned(length)));
        }
        if let Some(metadata) = &self.metadata {
            fields.push(("metadata", Value::text(metadata)));
        }
        self.phase.write(&mut fields);
        cbor::encode(&Value::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()))
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is not exactly what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(cbor::decode(bytes, Bounds::bytes(STORE_DOCUMENT_MAX_BYTES))?)?;
        if fields.unsigned("v")? != 1 {
            return Err(Error::Inconsistent("unknown version"));
        }
        let journal = Self {
            session: SessionId(read_id(&mut fields, "session")?),
            epoch: fields.unsigned("epoch")?,
            created_at_ms: fields.unsigned("created_at")?,
            object: fields.parse("object")?,
            terms: Terms::read(&mut fields)?,
            length: fields.unsigned_optional("length")?,
            metadata: fields.parse_optional("metadata")?,
            phase: Phase::read(&mut fields)?,
        };
        fields.finish()?;
        journal.check()?;
        Ok(journal)
    }

    fn check(&self) -> Result<(), Error> {
        if let Phase::Receiving(at) | Phase::Sealing(at, _) = &self.phase {
            let boundary = at.offset() - at.offset() % HASH_BLOCK_BYTES;
            let hashed = match &at.hash {
                Some(state) => hash::Hasher::restore(state)?.bytes(),
                None => 0,
            };
            if hashed != boundary {
                return Err(Error::Inconsistent("the hash state is of another offset"));
            }
            let tiled =
                |state: &[u8]| hashed > 0 && Tiler::restore(hashed / HASH_BLOCK_BYTES, state).is_some();
            if at.tree.as_deref().is_some_and(|state| !tiled(state)) {
                return Err(Error::Inconsistent("the state of the tree is of another offset"));
            }
            if at.offset() > self.length.unwrap_or(u64::MAX) {
                return Err(Error::Inconsistent("more bytes than its length"));
            }
        }
        if matches!(self.phase, Phase::Sealing(..) | Phase::Sealed { .. }) && self.length.is_none() {
            return Err(Error::Inconsistent("complete, but without a length"));
        }
        Ok(())
    }
}

type Written = Vec<(&'static str, Value)>;

impl Terms {
    fn write(&self, fields: &mut Written) {
        fields.extend([
            ("grant", id(self.grant.0)),
            ("actor", Value::text(&self.actor)),
            ("repository", Value::text(&self.repository)),
            ("store", Value::text(&self.store)),
            ("ends_at", Value::Unsigned(self.ends_at_seconds)),
            match self.size {
                Size::Exact(bytes) => ("size", Value::Unsigned(bytes)),
                Size::AtMost(bytes) => ("size_max", Value::Unsigned(bytes)),
            },
        ]);
        if let Some(digest) = &self.expected {
            fields.push(("digest", Value::text(digest)));
        }
    }

    fn read(fields: &mut Fields) -> Result<Self, Error> {
        let size = match (fields.unsigned_optional("size")?, fields.unsigned_optional("size_max")?) {
            (Some(bytes), None) => Size::Exact(bytes),
            (None, Some(bytes)) => Size::AtMost(bytes),
            _ => return Err(Error::Inconsistent("a size is exact or a maximum")),
        };
        Ok(Self {
            grant: GrantId(read_id(fields, "grant")?),
            actor: fields.parse("actor")?,
            repository: fields.parse("repository")?,
            store: fields.parse("store")?,
            expected: fields.parse_optional("digest")?,
            size,
            ends_at_seconds: fields.unsigned("ends_at")?,
        })
    }
}

impl Phase {
    /// Its name in the journal.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Receiving(_) => "receiving",
            Self::Sealing(..) => "sealing",
            Self::Sealed { .. } => "sealed",
            Self::Failed(_) => "failed",
            Self::Aborted => "aborted",
            Self::Expired => "expired",
        }
    }

    fn write(&self, fields: &mut Written) {
        fields.push(("phase", Value::text(self.name())));
        match self {
            Self::Receiving(at) => at.write(fields),
            Self::Sealing(at, digests) => {
                at.write(fields);
                write_digests(fields, digests);
            }
            Self::Sealed { digests, receipt, delivered } => {
                write_digests(fields, digests);
                fields.push(("receipt", Value::text(receipt)));
                fields.push(("delivered", Value::Bool(*delivered)));
            }
            Self::Failed(digests) => write_digests(fields, digests),
            Self::Aborted | Self::Expired => {}
        }
    }

    fn read(fields: &mut Fields) -> Result<Self, Error> {
        let name: String = fields.parse("phase")?;
        Ok(match &*name {
            "receiving" => Self::Receiving(Durable::read(fields)?),
            "sealing" => Self::Sealing(Durable::read(fields)?, read_digests(fields)?),
            "sealed" => Self::Sealed {
                digests: read_digests(fields)?,
                receipt: fields.parse("receipt")?,
                delivered: fields.boolean("delivered")?,
            },
            "failed" => Self::Failed(read_digests(fields)?),
            "aborted" => Self::Aborted,
            "expired" => Self::Expired,
            _ => return Err(Error::Inconsistent("unknown phase")),
        })
    }
}

impl Durable {
    fn write(&self, fields: &mut Written) {
        fields.push(("offset", Value::Unsigned(self.offset())));
        if let Some(hash) = &self.hash {
            fields.push(("hash", Value::Bytes(hash.clone())));
        }
        if let Some(tree) = &self.tree {
            fields.push(("tree", Value::Bytes(tree.clone())));
        }
        if let Some(staged) = &self.staged {
            fields.push(("staged", Value::Bytes(staged.opaque.clone())));
        }
    }

    fn read(fields: &mut Fields) -> Result<Self, Error> {
        let bytes = fields.unsigned("offset")?;
        let optional = |fields: &mut Fields, name: &'static str| match fields.take(name) {
            None => Ok(None),
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(Error::Inconsistent("a state is a byte string")),
        };
        let hash = optional(fields, "hash")?;
        let tree = optional(fields, "tree")?;
        let staged = optional(fields, "staged")?.map(|opaque| StagedState { bytes, opaque });
        if staged.is_none() && bytes > 0 {
            return Err(Error::Inconsistent("bytes without a stage"));
        }
        Ok(Self { hash, tree, staged })
    }
}

fn write_digests(fields: &mut Written, digests: &Digests) {
    fields.push(("blake3", Value::Bytes(digests.blake3.as_bytes().to_vec())));
    fields.push(("sha256", Value::Bytes(digests.sha256.as_bytes().to_vec())));
}

fn read_digests(fields: &mut Fields) -> Result<Digests, Error> {
    let blake3 = Blake3::new(fields.array_32("blake3")?);
    let sha256 = Sha256::new(fields.array_32("sha256")?);
    Ok(Digests { blake3, sha256 })
}

fn id(id: Uuid) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

fn read_id(fields: &mut Fields, field: &'static str) -> Result<Uuid, Error> {
    let bytes = fields.bytes(field)?;
    Uuid::from_slice(&bytes).map_err(|_| Error::Inconsistent("an id has 16 bytes"))
}
