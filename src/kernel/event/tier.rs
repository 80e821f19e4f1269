//! `manifest.tiered`, `blob.moved`.
//!
//! ```text
//! manifest.tiered = { "repository": text, "blake3": bytes .size 32, "tier": "hot" / "warm" / "cold",
//!                     "plan": bytes .size 32, "policy": text, "version": uint, "rule": text }
//! blob.moved      = { "blake3": bytes .size 32, "size": uint, "from-store": text, "from-object": text, "store": text,
//!                     "object": text, "node": text, "report": text (JWT) }
//! ```
//! - A package that nothing tiered is hot. What is accepted again after its deletion begins anew.
//! - A blob has another object from `blob.moved` on. The report of the node that copied it is inside: it says that both digests
//!   were those of the blob. The object that it had before is given up by this event, and `blob.deleted` says that it is gone.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::id::{NodeName, ObjectKey, PolicyName, RuleName, StoreName};
use crate::kernel::tier::Tier;

/// A package is to lie in a tier, by a plan that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestTiered {
    /// Where.
    pub repository: RepositoryName,
    /// The manifest's primary address.
    pub blake3: Blake3,
    /// How near it is to be.
    pub tier: Tier,
    /// The plan, by its digest.
    pub plan: Blake3,
    /// The policy whose rule chose the package.
    pub policy: PolicyName,
    /// Which version of it.
    pub version: u64,
    /// Which rule.
    pub rule: RuleName,
}

impl Data for ManifestTiered {
    const TYPE: &'static str = "manifest.tiered";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("tier", text(self.tier)),
            ("plan", Some(Value::Bytes(self.plan.as_bytes().to_vec()))),
            ("policy", text(&self.policy)),
            ("version", Some(Value::Unsigned(self.version))),
            ("rule", text(&self.rule)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            tier: fields.parse("tier")?,
            plan: Blake3::new(fields.array_32("plan")?),
            policy: fields.parse("policy")?,
            version: fields.unsigned("version")?,
            rule: fields.parse("rule")?,
        })
    }
}

/// The bytes of a blob lie elsewhere from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMoved {
    /// Its primary address.
    pub blake3: Blake3,
    /// Its length.
    pub size_bytes: u64,
    /// The store that had it.
    pub from_store: StoreName,
    /// The object that it had. It is given up.
    pub from_object: ObjectKey,
    /// The store that has it.
    pub store: StoreName,
    /// Where in that store.
    pub object: ObjectKey,
    /// The node that copied it and signed for that.
    pub node: NodeName,
    /// Its report as it was signed, a compact JWS.
    pub report: String,
}

impl Data for BlobMoved {
    const TYPE: &'static str = "blob.moved";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("size", Some(Value::Unsigned(self.size_bytes))),
            ("from-store", text(&self.from_store)),
            ("from-object", text(&self.from_object)),
            ("store", text(&self.store)),
            ("object", text(&self.object)),
            ("node", text(&self.node)),
            ("report", text(&self.report)),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            blake3: Blake3::new(fields.array_32("blake3")?),
            size_bytes: fields.unsigned("size")?,
            from_store: fields.parse("from-store")?,
            from_object: fields.parse("from-object")?,
            store: fields.parse("store")?,
            object: fields.parse("object")?,
            node: fields.parse("node")?,
            report: fields.parse("report")?,
        })
    }
}
