//! `document.erased`.
//!
//! ```text
//! document.erased = { "document": bytes .size 32, "sha256": bytes .size 32, ? "manifest": bytes .size 32,
//!                     "statement": bytes .size 32 }
//! ```
//! - From this event on the document is absent, and no event may need it again: its bytes are removed from beside the log
//!   after the event, and again wherever they turn up. The log and its proofs stand, for they hold digests only.
//! - Of a package both documents go, the manifest and its frozen OCI rendering, which names the `manifest` that it is of.
//! - `statement` is the document with the legal ground and the reason. It is not erased itself.

use super::{Data, Fields, Value, cbor, map};
use crate::kernel::digest::{Blake3, Digests, Sha256};

/// A document was erased, because a law demands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentErased {
    /// Its primary address.
    pub document: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// The manifest that it is the rendering of. None: it is no rendering.
    pub manifest: Option<Blake3>,
    /// The document with the legal ground and the reason.
    pub statement: Blake3,
}

impl DocumentErased {
    /// Both addresses.
    pub fn digests(&self) -> Digests {
        Digests { blake3: self.document, sha256: self.sha256 }
    }
}

impl Data for DocumentErased {
    const TYPE: &'static str = "document.erased";

    fn write(&self) -> Vec<(String, Value)> {
        let bytes = |digest: &Blake3| Value::Bytes(digest.as_bytes().to_vec());
        map([
            ("document", Some(bytes(&self.document))),
            ("sha256", Some(Value::Bytes(self.sha256.as_bytes().to_vec()))),
            ("manifest", self.manifest.as_ref().map(bytes)),
            ("statement", Some(bytes(&self.statement))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            document: Blake3::new(fields.array_32("document")?),
            sha256: Sha256::new(fields.array_32("sha256")?),
            manifest: fields.array_32_optional("manifest")?.map(Blake3::new),
            statement: Blake3::new(fields.array_32("statement")?),
        })
    }
}
