//! `manifest.deleted`, `blob.deletion-started`, `blob.deleted`: tombstones.
//!
//! ```text
//! manifest.deleted      = { "repository": text, "blake3": bytes .size 32, "sha256": bytes .size 32, "size": uint,
//!                           "blobs": uint, "bytes": uint, authority }
//! authority             = ( "plan": bytes .size 32, "policy": text, "version": uint, "rule": text )
//!                       / ( "statement": bytes .size 32 )
//!                       / ( "erasure": bytes .size 32 )
//! blob.deletion-started = { "blake3": bytes .size 32, "sha256": bytes .size 32, "size": uint, "store": text,
//!                           "object": text }
//! blob.deleted          = { "blake3": bytes .size 32, "store": text, "object": text }
//! ```
//! - A package goes by a plan that was applied, for the rule that chose it; by the word of the actor, whose reason is a
//!   document ([`Statement`](crate::kernel::statement)); or because a law demands its erasure, whose ground is such a
//!   document too. There is no fourth way. Tags that name it then name nothing.
//! - What was erased does not come back: the same package is not accepted in that repository again. Its documents go by
//!   `document.erased` (see `erasure`), unless another package has them.
//! - From `blob.deletion-started` on the blob is absent for everyone: it may be stored again, as another object. The
//!   object is deleted after that, and `blob.deleted` says that it is gone. What is repeated in between does no harm.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::id::{ObjectKey, PolicyName, RuleName, StoreName};

/// What allowed a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A plan that was applied.
    Plan {
        /// Its digest.
        plan: Blake3,
        /// The policy whose rule chose the package.
        policy: PolicyName,
        /// Which version of it.
        version: u64,
        /// Which rule.
        rule: RuleName,
    },
    /// The actor's own right to delete there, used for a reason.
    Actor {
        /// The document with the reason.
        statement: Blake3,
    },
    /// A law that demands erasure. Stronger than governance locks, pins and whatever refers to the package; weaker than holds
    /// and compliance locks.
    Erasure {
        /// The document with the legal ground and the reason.
        statement: Blake3,
    },
}

/// A package was deleted. Its blobs lose that reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestDeleted {
    /// Where it was.
    pub repository: RepositoryName,
    /// The manifest's primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// Distinct blobs that it referenced.
    pub blobs: u64,
    /// Bytes of those blobs together.
    pub blobs_bytes: u64,
    /// What allowed it.
    pub authority: Authority,
}

impl ManifestDeleted {
    /// Both addresses of the manifest.
    pub fn digests(&self) -> Digests {
        Digests { blake3: self.blake3, sha256: self.sha256 }
    }
}

impl Data for ManifestDeleted {
    const TYPE: &'static str = "manifest.deleted";

    fn write(&self) -> Vec<(String, Value)> {
        let mut fields = map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("sha256", Some(Value::Bytes(self.sha256.as_bytes().to_vec()))),
            ("size", Some(Value::Unsigned(self.size_bytes))),
            ("blobs", Some(Value::Unsigned(self.blobs))),
            ("bytes", Some(Value::Unsigned(self.blobs_bytes))),
        ]);
        fields.extend(match &self.authority {
            Authority::Plan { plan, policy, version, rule } => map([
                ("plan", Some(Value::Bytes(plan.as_bytes().to_vec()))),
                ("policy", text(policy)),
                ("version", Some(Value::Unsigned(*version))),
                ("rule", text(rule)),
            ]),
            Authority::Actor { statement } => {
                map([("statement", Some(Value::Bytes(statement.as_bytes().to_vec())))])
            }
            Authority::Erasure { statement } => {
                map([("erasure", Some(Value::Bytes(statement.as_bytes().to_vec())))])
            }
        });
        fields
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        let erasure = fields.array_32_optional("erasure")?;
        let authority = match (erasure, fields.array_32_optional("statement")?) {
            // With both, the other one is a field too many.
            (Some(_), Some(_)) => {
                let (field, expected) = ("statement".into(), "no `erasure` beside it".into());
                return Err(cbor::Error::Field { field, expected });
            }
            (Some(statement), None) => Authority::Erasure { statement: Blake3::new(statement) },
            (None, Some(statement)) => Authority::Actor { statement: Blake3::new(statement) },
            (None, None) => Authority::Plan {
                plan: Blake3::new(fields.array_32("plan")?),
                policy: fields.parse("policy")?,
                version: fields.unsigned("version")?,
                rule: fields.parse("rule")?,
            },
        };
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            sha256: Sha256::new(fields.array_32("sha256")?),
            size_bytes: fields.unsigned("size")?,
            blobs: fields.unsigned("blobs")?,
            blobs_bytes: fields.unsigned("bytes")?,
            authority,
        })
    }
}

/// A blob that nothing references is absent from here on; its object is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobDeletionStarted {
    /// Its primary address.
    pub blake3: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// The store that has the object.
    pub store: StoreName,
    /// Which object.
    pub object: ObjectKey,
}

impl Data for BlobDeletionStarted {
    const TYPE: &'static str = "blob.deletion-started";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("sha256", Some(Value::Bytes(self.sha256.as_bytes().to_vec()))),
            ("size", Some(Value::Unsigned(self.size_bytes))),
            ("store", text(&self.store)),
            ("object", text(&self.object)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            blake3: Blake3::new(fields.array_32("blake3")?),
            sha256: Sha256::new(fields.array_32("sha256")?),
            size_bytes: fields.unsigned("size")?,
            store: fields.parse("store")?,
            object: fields.parse("object")?,
        })
    }
}

/// The bytes of a blob whose deletion was started are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobDeleted {
    /// Its primary address.
    pub blake3: Blake3,
    /// The store that had the object.
    pub store: StoreName,
    /// Which object.
    pub object: ObjectKey,
}

impl Data for BlobDeleted {
    const TYPE: &'static str = "blob.deleted";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("store", text(&self.store)),
            ("object", text(&self.object)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            blake3: Blake3::new(fields.array_32("blake3")?),
            store: fields.parse("store")?,
            object: fields.parse("object")?,
        })
    }
}
