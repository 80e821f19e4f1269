//! `manifest.references`: what a package holds on to.
//!
//! ```text
//! manifest.references = { "repository": text, "blake3": bytes .size 32,
//!                         "blobs": bytes (32 for each), "manifests": bytes (32 for each) }
//! ```
//! - Recorded in the same append as `manifest.accepted`, before it. A package that holds on to more than
//!   [`REFERENCES_EVENT_MAX`] has several such events, of which each names others.
//! - `blobs` are those that the manifest names itself; `manifests` are those that an index lists. A subject is not among
//!   them: it stands in `manifest.accepted`.
//! - A record of its own, so that who may delete bytes knows what is referenced from the log alone, even where the
//!   manifest, which may hold personal data, was erased.
//!
//! Refused: more than fit a record, and bytes that are no whole number of digests.

use super::{Data, Fields, RepositoryName, Value, cbor, map, text};
use crate::kernel::digest::Blake3;
use crate::kernel::limits::REFERENCES_EVENT_MAX;

/// What a package holds on to, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestReferences {
    /// Where.
    pub repository: RepositoryName,
    /// The manifest's primary address.
    pub blake3: Blake3,
    /// Blobs that it names.
    pub blobs: Vec<Blake3>,
    /// Manifests that it lists.
    pub manifests: Vec<Blake3>,
}

impl ManifestReferences {
    /// As many events as it takes. At least one, so that it is known of a package that it holds on to nothing.
    pub fn split(
        repository: &RepositoryName,
        blake3: Blake3,
        blobs: &[Blake3],
        manifests: &[Blake3],
    ) -> Vec<Self> {
        let part = |blobs: &[Blake3], manifests: &[Blake3]| Self {
            repository: repository.clone(),
            blake3,
            blobs: blobs.to_vec(),
            manifests: manifests.to_vec(),
        };
        if blobs.len() + manifests.len() <= REFERENCES_EVENT_MAX {
            return vec![part(blobs, manifests)];
        }
        let blobs = blobs.chunks(REFERENCES_EVENT_MAX).map(|some| part(some, &[]));
        let manifests = manifests.chunks(REFERENCES_EVENT_MAX).map(|some| part(&[], some));
        blobs.chain(manifests).collect()
    }
}

impl Data for ManifestReferences {
    const TYPE: &'static str = "manifest.references";

    fn write(&self) -> Vec<(String, Value)> {
        map([
            ("repository", text(&self.repository)),
            ("blake3", Some(Value::Bytes(self.blake3.as_bytes().to_vec()))),
            ("blobs", Some(packed(&self.blobs))),
            ("manifests", Some(packed(&self.manifests))),
        ])
    }

    fn read(fields: &mut Fields) -> Result<Self, cbor::Error> {
        Ok(Self {
            repository: fields.parse("repository")?,
            blake3: Blake3::new(fields.array_32("blake3")?),
            blobs: unpacked(fields, "blobs")?,
            manifests: unpacked(fields, "manifests")?,
        })
    }
}

fn packed(digests: &[Blake3]) -> Value {
    Value::Bytes(digests.iter().flat_map(Blake3::as_bytes).copied().collect())
}

fn unpacked(fields: &mut Fields, field: &'static str) -> Result<Vec<Blake3>, cbor::Error> {
    let bytes = fields.bytes(field)?;
    let (digests, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(cbor::Error::Field { field: field.into(), expected: "32 bytes for each".into() });
    }
    Ok(digests.iter().map(|digest| Blake3::new(*digest)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;

    fn digests(n: usize) -> Vec<Blake3> {
        (0..n).map(|n| Digests::of(&n.to_be_bytes()).blake3).collect()
    }

    #[test]
    fn what_does_not_fit_one_record_is_split_and_nothing_is_lost() {
        let repository = "acme/reports".parse().unwrap();
        let manifest = Digests::of(b"manifest").blake3;
        let (blobs, manifests) = (digests(8_001), digests(3));
        let parts = ManifestReferences::split(&repository, manifest, &blobs, &manifests);
        assert!(parts.iter().all(|part| part.blobs.len() + part.manifests.len() <= REFERENCES_EVENT_MAX));
        let joined: Vec<Blake3> = parts.iter().flat_map(|part| part.blobs.clone()).collect();
        assert_eq!(joined, blobs);
        let listed: Vec<Blake3> = parts.iter().flat_map(|part| part.manifests.clone()).collect();
        assert_eq!(listed, manifests);
    }

    #[test]
    fn that_it_holds_on_to_nothing_is_said_too() {
        let repository = "acme/reports".parse().unwrap();
        assert_eq!(ManifestReferences::split(&repository, Digests::of(b"x").blake3, &[], &[]).len(), 1);
    }
}
