//! A native document of either kind, told apart by its `mediaType`.

use super::descriptor::{self, ANNOTATIONS, DocumentDescriptor};
use super::media_type::MediaType;
use super::{Annotations, Error, Header, Index, Manifest};
use crate::kernel::cbor::{self, Bounds, Value};
use crate::kernel::limits::DOCUMENT_MAX_BYTES;

/// What a repository accepts as a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One manifest.
    Manifest(Manifest),
    /// A list of manifests.
    Index(Index),
}

impl Document {
    /// Reads either.
    ///
    /// # Errors
    /// If it is not canonical, of neither format, or not what such a document may be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let value = cbor::decode(bytes, Bounds::bytes(DOCUMENT_MAX_BYTES))?;
        let Value::Map(fields) = &value else { return Err(cbor::Error::NotAMap.into()) };
        match fields.iter().find(|(key, _)| key == "mediaType") {
            Some((_, Value::Text(kind))) if kind == MediaType::INDEX.as_str() => {
                Index::read(value).map(Self::Index)
            }
            // Whatever else it is, reading it as a manifest says what is wrong with it.
            _ => Manifest::read(value).map(Self::Manifest),
        }
    }

    /// The annotations of a document that was accepted, without what else it holds: what is around them is not looked at.
    ///
    /// # Errors
    /// If it is no document.
    pub fn annotations(bytes: &[u8]) -> Result<Annotations, Error> {
        let Some(found) = cbor::field(bytes, ANNOTATIONS)? else { return Ok(Annotations::new()) };
        Ok(descriptor::annotations(cbor::decode(found, Bounds::bytes(DOCUMENT_MAX_BYTES))?)?)
    }

    /// The document: canonical, the bytes that its digests name.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Manifest(manifest) => manifest.encode(),
            Self::Index(index) => index.encode(),
        }
    }

    /// Its one OCI rendering.
    pub fn oci_json(&self) -> Vec<u8> {
        match self {
            Self::Manifest(manifest) => manifest.oci_json(),
            Self::Index(index) => index.oci_json(),
        }
    }

    /// How another document names this one: digests, size and rendering.
    pub fn descriptor(&self) -> DocumentDescriptor {
        match self {
            Self::Manifest(manifest) => manifest.descriptor(),
            Self::Index(index) => index.descriptor(),
        }
    }

    /// What it says of itself.
    pub const fn header(&self) -> &Header {
        match self {
            Self::Manifest(manifest) => manifest.header(),
            Self::Index(index) => index.header(),
        }
    }

    /// The media type of its bytes.
    pub const fn media_type(&self) -> MediaType {
        match self {
            Self::Manifest(_) => MediaType::MANIFEST,
            Self::Index(_) => MediaType::INDEX,
        }
    }

    /// The media type of its rendering.
    pub const fn oci_media_type(&self) -> MediaType {
        match self {
            Self::Manifest(_) => MediaType::OCI_MANIFEST,
            Self::Index(_) => MediaType::OCI_INDEX,
        }
    }
}
