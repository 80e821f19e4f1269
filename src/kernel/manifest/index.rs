//! Indexes: packages of several manifests.
//!
//! ```text
//! { "schemaVersion": 2, "mediaType": "application/vnd.strongroom.index.v1+cbor", ? "artifactType": text,
//!   "manifests": [+ document-descriptor], ? "subject": document-descriptor, ? "annotations": annotations }
//! ```
//! - It lists native manifests, each once, and no other index: one level reaches 8,000,000 layers.
//! - The manifests together are one tree: a path is in one of them only. That is seen with all of them in hand
//!   ([`Index::check_entries`]), by whoever makes, accepts or unpacks the package.
//! - It references no blob itself.

use super::descriptor::{Annotations, DocumentDescriptor, Rendering};
use super::entry;
use super::media_type::MediaType;
use super::{Error, Header, Manifest, Place, oci, read_format};
use crate::kernel::cbor::{self, Bounds, Fields, Value};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::limits::{DOCUMENT_MAX_BYTES, INDEX_MANIFESTS_MAX};

/// A list of manifests that are one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    header: Header,
    manifests: Vec<DocumentDescriptor>,
    named: DocumentDescriptor,
}

impl Index {
    /// Of its parts, checked.
    ///
    /// # Errors
    /// With the first thing that an index may not be.
    pub fn new(header: Header, manifests: Vec<DocumentDescriptor>) -> Result<Self, Error> {
        if manifests.is_empty() || manifests.len() > INDEX_MANIFESTS_MAX {
            return Err(Error::ManifestCount(manifests.len()));
        }
        header.check()?;
        let mut seen = std::collections::BTreeSet::new();
        for (n, manifest) in manifests.iter().enumerate() {
            let at = |reason| Error::Descriptor { place: Place::Manifest(n), reason };
            manifest.check().map_err(at)?;
            if manifest.media_type != MediaType::MANIFEST {
                return Err(at(super::descriptor::Error::NotADocument(manifest.media_type.clone())));
            }
            if !seen.insert(manifest.digests.blake3) {
                return Err(Error::ListedTwice(manifest.digests.blake3));
            }
        }
        let bytes = encode(&header, &manifests);
        let named = describe(MediaType::INDEX, &bytes, |native| oci::index(&header, &manifests, native))?;
        Ok(Self { header, manifests, named })
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If it is not canonical, not of this format, or not what an index may be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(cbor::decode(bytes, Bounds::bytes(DOCUMENT_MAX_BYTES))?)
    }

    pub(super) fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        read_format(&mut fields, &MediaType::INDEX)?;
        let header = Header::read(&mut fields)?;
        let manifests = fields.array("manifests")?;
        fields.finish()?;
        if manifests.len() > INDEX_MANIFESTS_MAX {
            return Err(Error::ManifestCount(manifests.len()));
        }
        Self::new(header, manifests.into_iter().map(DocumentDescriptor::read).collect::<Result<_, _>>()?)
    }

    /// The document: canonical, the bytes that its digests name.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.header, &self.manifests)
    }

    /// The one OCI image index that says the same, as JSON.
    pub fn oci_json(&self) -> Vec<u8> {
        oci::index(&self.header, &self.manifests, self.named.digests.blake3)
    }

    /// How another document names this one.
    pub fn descriptor(&self) -> DocumentDescriptor {
        self.named.clone()
    }

    /// What it says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The manifests, in their order.
    pub fn manifests(&self) -> &[DocumentDescriptor] {
        &self.manifests
    }

    /// Checks that the manifests, which are those of this index, are one tree together.
    ///
    /// # Errors
    /// If a path is in two of them, or beneath an entry of another.
    pub fn check_entries<'a>(manifests: impl IntoIterator<Item = &'a Manifest>) -> Result<(), Error> {
        let entries = manifests.into_iter().flat_map(Manifest::entries);
        entry::check_tree(entries.map(|entry| &entry.path)).map_err(Error::Tree)
    }
}

fn encode(header: &Header, manifests: &[DocumentDescriptor]) -> Vec<u8> {
    let mut map = header.write(&MediaType::INDEX);
    map.push(("manifests".into(), Value::Array(manifests.iter().map(DocumentDescriptor::write).collect())));
    cbor::encode(&Value::Map(map))
}

/// Names a document by its bytes and its rendering, which both have to be within the bound.
pub(super) fn describe(
    media_type: MediaType,
    bytes: &[u8],
    render: impl FnOnce(Blake3) -> Vec<u8>,
) -> Result<DocumentDescriptor, Error> {
    let digests = Digests::of(bytes);
    let rendering = render(digests.blake3);
    match [bytes.len(), rendering.len()].into_iter().find(|size| *size > DOCUMENT_MAX_BYTES) {
        Some(size) => Err(Error::TooLarge(size)),
        None => Ok(DocumentDescriptor {
            media_type,
            digests,
            size_bytes: bytes.len() as u64,
            rendering: Some(Rendering::of(&rendering)),
            annotations: Annotations::new(),
        }),
    }
}
