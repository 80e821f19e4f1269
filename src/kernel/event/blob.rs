//! `blob.stored`, `blob.linked`.
//!
//! ```text
//! blob.stored = { "repository": text, "blake3": bytes .size 32, "sha256": bytes .size 32, "size": uint,
//!                 "store": text, "object": text, "node": text, "receipt": text (JWT) }
//! blob.linked = { "repository": text, "blake3": bytes .size 32, ? "from": text, ? "receipt": text (JWT) }
//! ```
//! A link has one of two grounds: the right to pull from another repository (`from`), or the same bytes uploaded once
//! more (`receipt`), of which one object is kept. The second must not name the repository that had them first: its
//! reader may have no right to know of it.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::{Blake3, Sha256};
use crate::kernel::id::{NodeName, ObjectKey, StoreName};

/// Bytes are durably stored. The receipt of the data plane is inside, so that an auditor can check it years later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStored {
    /// Where it may be used.
    pub repository: RepositoryName,
    /// Its primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
    /// The node that stored and signed for it.
    pub node: NodeName,
    /// The receipt as it was signed, a compact JWS.
    pub receipt: String,
}

impl Data for BlobStored {
    const TYPE: &'static str = "blob.stored";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("sha256", Some(Value::Bytes(self.sha256.as_bytes().to_vec()))),
            ("size", Some(Value::Unsigned(self.size_bytes))),
            ("store", text(&self.store)),
            ("object", text(&self.object)),
            ("node", text(&self.node)),
            ("receipt", text(&self.receipt)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            sha256: Sha256::new(fields.array_32("sha256")?),
            size_bytes: fields.unsigned("size")?,
            store: fields.parse("store")?,
            object: fields.parse("object")?,
            node: fields.parse("node")?,
            receipt: fields.parse("receipt")?,
        })
    }
}

/// A blob that is live in another repository, which the actor may pull, may be used in this one too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobLinked {
    /// Where it may be used now.
    pub repository: RepositoryName,
    /// Its primary address.
    pub blake3: Blake3,
    /// Where it already was, if the actor's right to pull from there is the ground.
    pub from: Option<RepositoryName>,
    /// The receipt for the same bytes uploaded here, if that is the ground. Its object is discarded.
    pub receipt: Option<String>,
}

impl Data for BlobLinked {
    const TYPE: &'static str = "blob.linked";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("from", self.from.as_ref().map(Value::text)),
            ("receipt", self.receipt.as_ref().map(Value::text)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            from: fields.parse_optional("from")?,
            receipt: fields.parse_optional("receipt")?,
        })
    }
}
