//! Descriptors: how a document names the bytes that it is about.
//!
//! ```text
//! descriptor = { "mediaType": text, "digest": bytes .size 32 (BLAKE3), "sha256": bytes .size 32, "size": uint,
//!                ? "annotations": annotations }
//! document-descriptor = { "mediaType": text, "digest": .., "sha256": .., "size": uint,
//!                ? "oci": { "sha256": bytes .size 32, "size": uint }, ? "annotations": annotations }
//! annotations = { + text => text }
//! ```
//! - Both digests always; the size is that of the same bytes.
//! - A descriptor of a native document also names its OCI rendering, so that the rendering of what refers to it is a
//!   function of the referring document alone. One of an OCI document does not: that is its own rendering.
//! - Annotations are absent, not empty; bounded in number and length. Keys that start with `vnd.strongroom.` are ours:
//!   one that this program does not know is refused, so that it can never have meant something else.

use std::collections::BTreeMap;

use super::media_type::MediaType;
use crate::kernel::cbor::{self, Fields, Value};
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::limits::{
    ANNOTATION_KEY_MAX_BYTES, ANNOTATION_VALUE_MAX_BYTES, ANNOTATIONS_MAX, BLOB_MAX_BYTES, DOCUMENT_MAX_BYTES,
};

/// What is said about a manifest or a blob, by key.
pub type Annotations = BTreeMap<String, String>;

/// Keys of annotations with this beginning have a meaning for Strongroom.
pub const OWN_ANNOTATIONS: &str = "vnd.strongroom.";

/// The field of a document and of a descriptor that has them.
pub(super) const ANNOTATIONS: &str = "annotations";

/// Content of the OCI empty descriptor.
pub const EMPTY_BYTES: &[u8] = b"{}";

/// Why a descriptor is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Larger than a blob may be.
    #[error("size {0} is more than a blob may have, {BLOB_MAX_BYTES}")]
    BlobSize(u64),
    /// Larger than a document may be, or nothing.
    #[error("size {0} is none that a document may have, 1 to {DOCUMENT_MAX_BYTES}")]
    DocumentSize(u64),
    /// Of a media type that is no manifest.
    #[error("`{0}` is not the media type of a document that may stand here")]
    NotADocument(MediaType),
    /// A native document without its rendering, or another with one.
    #[error("a native document is named with its OCI rendering, any other without")]
    Rendering,
    /// More annotations than the bound.
    #[error("{0} annotations are more than the {ANNOTATIONS_MAX} allowed")]
    TooManyAnnotations(usize),
    /// An empty or overlong annotation key, or a control character in it.
    #[error("an annotation key has 1 to {ANNOTATION_KEY_MAX_BYTES} bytes and no control character")]
    AnnotationKey,
    /// An overlong annotation value.
    #[error("annotation `{key}` has {found} bytes, at most {ANNOTATION_VALUE_MAX_BYTES} are allowed")]
    AnnotationValue {
        /// Its key.
        key: String,
        /// Bytes given.
        found: usize,
    },
    /// One of ours that does not stand here, or that this program does not know.
    #[error("annotation `{0}` is reserved and has no meaning here")]
    ReservedAnnotation(String),
}

/// Names a blob: what it is, both digests and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What kind of bytes.
    pub media_type: MediaType,
    /// Their names.
    pub digests: Digests,
    /// Their number.
    pub size_bytes: u64,
    /// What is said about them.
    pub annotations: Annotations,
}

impl Descriptor {
    /// The OCI empty descriptor, `{}`: for a config that says nothing, and for entries without content.
    pub fn empty() -> Self {
        Self {
            media_type: MediaType::OCI_EMPTY,
            digests: EMPTY_DIGESTS,
            size_bytes: EMPTY_BYTES.len() as u64,
            annotations: Annotations::new(),
        }
    }

    /// Whether it names `{}` as the OCI empty descriptor does, whatever its annotations.
    pub fn is_empty(&self) -> bool {
        Self { annotations: Annotations::new(), ..self.clone() } == Self::empty()
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.size_bytes > BLOB_MAX_BYTES {
            return Err(Error::BlobSize(self.size_bytes));
        }
        check_annotations(&self.annotations)
    }

    pub(super) fn write(&self) -> Value {
        let mut map = names(&self.media_type, &self.digests, self.size_bytes);
        write_annotations(&self.annotations, &mut map);
        Value::Map(map)
    }

    pub(super) fn read(value: Value) -> Result<Self, cbor::Error> {
        let mut fields = Fields::of(value)?;
        let descriptor = Self {
            media_type: fields.parse("mediaType")?,
            digests: read_digests(&mut fields)?,
            size_bytes: fields.unsigned("size")?,
            annotations: read_annotations(&mut fields)?,
        };
        fields.finish()?;
        Ok(descriptor)
    }
}

/// Both digests of [`EMPTY_BYTES`].
pub const EMPTY_DIGESTS: Digests = Digests {
    blake3: Blake3::new([
        0x6e, 0x46, 0xdd, 0x10, 0xde, 0xfc, 0x9b, 0x56, 0xc2, 0x9a, 0x6e, 0xc5, 0x6b, 0x50, 0x8c, 0x21, 0xf5,
        0x4c, 0x08, 0x19, 0x21, 0x94, 0xe4, 0xdf, 0x25, 0xbf, 0x36, 0xf0, 0xc9, 0xc3, 0xc2, 0x79,
    ]),
    sha256: Sha256::new([
        0x44, 0x13, 0x6f, 0xa3, 0x55, 0xb3, 0x67, 0x8a, 0x11, 0x46, 0xad, 0x16, 0xf7, 0xe8, 0x64, 0x9e, 0x94,
        0xfb, 0x4f, 0xc2, 0x1f, 0xe7, 0x7e, 0x83, 0x10, 0xc0, 0x60, 0xf6, 0x1c, 0xaa, 0xff, 0x8a,
    ]),
};

/// The frozen OCI rendering of a native document, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendering {
    /// SHA-256 of the JSON.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
}

impl Rendering {
    /// Of those bytes.
    pub fn of(json: &[u8]) -> Self {
        Self { sha256: Digests::of(json).sha256, size_bytes: json.len() as u64 }
    }
}

/// Names a manifest or an index: as a subject, or as a part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentDescriptor {
    /// Native or OCI, manifest or index.
    pub media_type: MediaType,
    /// The names of its bytes.
    pub digests: Digests,
    /// Their number.
    pub size_bytes: u64,
    /// Its rendering for OCI clients; none if it is itself what they read.
    pub rendering: Option<Rendering>,
    /// What is said about it.
    pub annotations: Annotations,
}

impl DocumentDescriptor {
    pub(super) fn check(&self) -> Result<(), Error> {
        let native = match &self.media_type {
            kind if *kind == MediaType::MANIFEST || *kind == MediaType::INDEX => true,
            kind if *kind == MediaType::OCI_MANIFEST || *kind == MediaType::OCI_INDEX => false,
            other => return Err(Error::NotADocument(other.clone())),
        };
        if native != self.rendering.is_some() {
            return Err(Error::Rendering);
        }
        let sizes = [Some(self.size_bytes), self.rendering.map(|rendering| rendering.size_bytes)];
        if let Some(size) = sizes.into_iter().flatten().find(|s| !(1..=DOCUMENT_MAX_BYTES as u64).contains(s))
        {
            return Err(Error::DocumentSize(size));
        }
        check_annotations(&self.annotations)?;
        no_own_annotation(&self.annotations)
    }

    pub(super) fn write(&self) -> Value {
        let mut map = names(&self.media_type, &self.digests, self.size_bytes);
        if let Some(rendering) = self.rendering {
            let oci = vec![
                ("sha256".into(), Value::Bytes(rendering.sha256.as_bytes().to_vec())),
                ("size".into(), Value::Unsigned(rendering.size_bytes)),
            ];
            map.push(("oci".into(), Value::Map(oci)));
        }
        write_annotations(&self.annotations, &mut map);
        Value::Map(map)
    }

    pub(super) fn read(value: Value) -> Result<Self, cbor::Error> {
        let mut fields = Fields::of(value)?;
        let descriptor = Self {
            media_type: fields.parse("mediaType")?,
            digests: read_digests(&mut fields)?,
            size_bytes: fields.unsigned("size")?,
            rendering: fields.take("oci").map(read_rendering).transpose()?,
            annotations: read_annotations(&mut fields)?,
        };
        fields.finish()?;
        Ok(descriptor)
    }
}

fn read_rendering(value: Value) -> Result<Rendering, cbor::Error> {
    let mut fields = Fields::of(value)?;
    let rendering =
        Rendering { sha256: Sha256::new(fields.array_32("sha256")?), size_bytes: fields.unsigned("size")? };
    fields.finish()?;
    Ok(rendering)
}

fn names(media_type: &MediaType, digests: &Digests, size_bytes: u64) -> Vec<(String, Value)> {
    vec![
        ("mediaType".into(), Value::text(media_type)),
        ("digest".into(), Value::Bytes(digests.blake3.as_bytes().to_vec())),
        ("sha256".into(), Value::Bytes(digests.sha256.as_bytes().to_vec())),
        ("size".into(), Value::Unsigned(size_bytes)),
    ]
}

fn read_digests(fields: &mut Fields) -> Result<Digests, cbor::Error> {
    Ok(Digests {
        blake3: Blake3::new(fields.array_32("digest")?),
        sha256: Sha256::new(fields.array_32("sha256")?),
    })
}

pub(super) fn write_annotations(annotations: &Annotations, map: &mut Vec<(String, Value)>) {
    if !annotations.is_empty() {
        let entries = annotations.iter().map(|(key, value)| (key.clone(), Value::text(value))).collect();
        map.push((ANNOTATIONS.into(), Value::Map(entries)));
    }
}

pub(super) fn read_annotations(fields: &mut Fields) -> Result<Annotations, cbor::Error> {
    fields.take(ANNOTATIONS).map_or_else(|| Ok(Annotations::new()), annotations)
}

/// Of the value of that field.
pub(super) fn annotations(value: Value) -> Result<Annotations, cbor::Error> {
    let wrong = |expected: &str| cbor::Error::Field { field: ANNOTATIONS.into(), expected: expected.into() };
    let text = |(key, value)| match value {
        Value::Text(text) => Ok((key, text)),
        _ => Err(wrong("a map of text to text")),
    };
    let entries = Fields::of(value)?.into_rest();
    if entries.is_empty() {
        return Err(wrong("absent when there are none"));
    }
    entries.into_iter().map(text).collect()
}

pub(super) fn check_annotations(annotations: &Annotations) -> Result<(), Error> {
    if annotations.len() > ANNOTATIONS_MAX {
        return Err(Error::TooManyAnnotations(annotations.len()));
    }
    for (key, value) in annotations {
        if key.is_empty() || key.len() > ANNOTATION_KEY_MAX_BYTES || key.chars().any(char::is_control) {
            return Err(Error::AnnotationKey);
        }
        if value.len() > ANNOTATION_VALUE_MAX_BYTES {
            return Err(Error::AnnotationValue { key: key.clone(), found: value.len() });
        }
    }
    Ok(())
}

/// Where none of ours has a meaning.
pub(super) fn no_own_annotation(annotations: &Annotations) -> Result<(), Error> {
    match annotations.keys().find(|key| key.starts_with(OWN_ANNOTATIONS)) {
        Some(key) => Err(Error::ReservedAnnotation(key.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_digests_are_those_of_two_braces() {
        assert_eq!(EMPTY_DIGESTS, Digests::of(EMPTY_BYTES));
        assert!(Descriptor::empty().is_empty());
    }
}
