//! Manifests: what a package is.
//!
//! A native manifest is a canonical CBOR map with the fields of the OCI image manifest, of at most
//! [`DOCUMENT_MAX_BYTES`] and [`MANIFEST_LAYERS_MAX`] layers:
//!
//! ```text
//! { "schemaVersion": 2, "mediaType": "application/vnd.strongroom.manifest.v1+cbor", ? "artifactType": text,
//!   "config": descriptor, "layers": [* descriptor], ? "subject": document-descriptor, ? "annotations": annotations }
//! ```
//! Descriptors are drawn in [`descriptor`], what layers mean as files in [`entry`]. A package that does not fit one
//! manifest is several and an [`Index`] that lists them.
//!
//! - A [`Manifest`] that exists is valid: it was checked when it was made or read, and encodes to the bytes that it
//!   was read from.
//! - It has exactly one OCI rendering ([`Manifest::oci_json`]), and that is within the same bound.
//! - With the empty config it says what it is by its artifact type, as the OCI image-spec asks.
//! - One blob is described one way: the same BLAKE3 always stands with the same SHA-256 and size.
//!
//! Refused: unknown fields, empty annotation maps, paths that leave the package or repeat, whatever is over a bound.

pub mod descriptor;
mod document;
pub mod entry;
mod index;
pub mod link;
pub mod media_type;
mod oci;
mod package;
pub mod path;

use std::collections::BTreeMap;

pub use descriptor::{Annotations, Descriptor, DocumentDescriptor, Rendering};
pub use document::Document;
pub use entry::{Entry, File, Kind, Mode};
pub use index::Index;
pub use link::LinkTarget;
pub use media_type::MediaType;
pub use package::Package;
pub use path::PackagePath;

use super::cbor::{self, Bounds, Fields, Value};
use super::digest::{Blake3, Sha256};
use super::limits::{DOCUMENT_MAX_BYTES, INDEX_MANIFESTS_MAX, MANIFEST_LAYERS_MAX};

/// Why bytes are not a manifest or index, or parts cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not canonical, or a field is wrong.
    #[error("manifest: {0}")]
    Encoding(#[from] cbor::Error),
    /// A format that this program does not read.
    #[error("manifest: this is `{0}`, not a manifest or index that this program reads")]
    Format(String),
    /// More layers than the bound.
    #[error(
        "manifest: {0} layers are more than the {MANIFEST_LAYERS_MAX} of one manifest; an index lists several"
    )]
    TooManyLayers(usize),
    /// An index of nothing, or of more than the bound.
    #[error("index: an index lists 1 to {INDEX_MANIFESTS_MAX} manifests, this {0}")]
    ManifestCount(usize),
    /// An index that lists a manifest twice.
    #[error("index: {0} is listed twice")]
    ListedTwice(Blake3),
    /// The document or its OCI rendering would be larger than a document may be.
    #[error("manifest: {0} bytes, it and its OCI rendering may have {DOCUMENT_MAX_BYTES} each")]
    TooLarge(usize),
    /// An empty config and nothing that says what the package is.
    #[error("manifest: with the empty config an artifactType is needed")]
    NoArtifactType,
    /// One BLAKE3 digest beside two SHA-256 digests or sizes.
    #[error("manifest: {0} is described in two ways")]
    Contradiction(Blake3),
    /// A descriptor is refused.
    #[error("manifest: {place}: {reason}")]
    Descriptor {
        /// Which one.
        place: Place,
        /// Why.
        reason: descriptor::Error,
    },
    /// A layer is no entry, and should be one.
    #[error("manifest: {place}: {reason}")]
    Layer {
        /// Which one.
        place: Place,
        /// Why.
        reason: entry::Error,
    },
    /// The entries are no tree.
    #[error("manifest: {0}")]
    Tree(entry::Error),
}

/// Where in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The document's own annotations.
    Document,
    /// The config.
    Config,
    /// The subject.
    Subject,
    /// A layer, 0-based.
    Layer(usize),
    /// A manifest of an index, 0-based.
    Manifest(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Document => f.write_str("annotations"),
            Self::Config => f.write_str("config"),
            Self::Subject => f.write_str("subject"),
            Self::Layer(n) => write!(f, "layers[{n}]"),
            Self::Manifest(n) => write!(f, "manifests[{n}]"),
        }
    }
}

/// What a package says of itself, beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// What kind of package.
    pub artifact_type: Option<MediaType>,
    /// The manifest that it is about.
    pub subject: Option<DocumentDescriptor>,
    /// What is said about it.
    pub annotations: Annotations,
}

/// A package, or a part of one: config, ordered layers, and what is said about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    header: Header,
    config: Descriptor,
    layers: Vec<Descriptor>,
    entries: Vec<Entry>,
    named: DocumentDescriptor,
}

impl Manifest {
    /// Of its parts, checked.
    ///
    /// # Errors
    /// With the first thing that a manifest may not be.
    pub fn new(header: Header, config: Descriptor, layers: Vec<Descriptor>) -> Result<Self, Error> {
        if layers.len() > MANIFEST_LAYERS_MAX {
            return Err(Error::TooManyLayers(layers.len()));
        }
        header.check()?;
        let at = |place| move |reason| Error::Descriptor { place, reason };
        config.check().map_err(at(Place::Config))?;
        descriptor::no_own_annotation(&config.annotations).map_err(at(Place::Config))?;
        if config.is_empty() && header.artifact_type.is_none() {
            return Err(Error::NoArtifactType);
        }
        let mut entries = Vec::with_capacity(layers.len());
        for (n, layer) in layers.iter().enumerate() {
            let place = Place::Layer(n);
            layer.check().map_err(at(place))?;
            entries.extend(Entry::of_layer(layer).map_err(|reason| Error::Layer { place, reason })?);
        }
        entry::check_tree(entries.iter().map(|entry| &entry.path)).map_err(Error::Tree)?;
        let bytes = encode(&header, &config, &layers);
        let named = index::describe(MediaType::MANIFEST, &bytes, |native| {
            oci::manifest(&header, &config, &layers, native)
        })?;
        let manifest = Self { header, config, layers, entries, named };
        manifest.check_blobs()?;
        Ok(manifest)
    }

    fn check_blobs(&self) -> Result<(), Error> {
        let blobs = self.blobs();
        let differs = |d: &&Descriptor| blobs[&d.digests.blake3] != (d.digests.sha256, d.size_bytes);
        match self.descriptors().find(differs) {
            Some(descriptor) => Err(Error::Contradiction(descriptor.digests.blake3)),
            None => Ok(()),
        }
    }

    /// A package of files: the entries in the order of their paths, the empty config, and
    /// [`MediaType::PACKAGE`] if the header names no artifact type.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_entries(mut header: Header, mut entries: Vec<Entry>) -> Result<Self, Error> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        header.artifact_type.get_or_insert(MediaType::PACKAGE);
        Self::new(header, Descriptor::empty(), entries.iter().map(Entry::to_layer).collect())
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If it is not canonical, not of this format, or not what a manifest may be.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(cbor::decode(bytes, Bounds::bytes(DOCUMENT_MAX_BYTES))?)
    }

    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        read_format(&mut fields, &MediaType::MANIFEST)?;
        let header = Header::read(&mut fields)?;
        let config = Descriptor::read(fields.required("config")?)?;
        let layers = fields.array("layers")?;
        fields.finish()?;
        if layers.len() > MANIFEST_LAYERS_MAX {
            return Err(Error::TooManyLayers(layers.len()));
        }
        Self::new(header, config, layers.into_iter().map(Descriptor::read).collect::<Result<_, _>>()?)
    }

    /// The document: canonical, the bytes that its digests name.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.header, &self.config, &self.layers)
    }

    /// The one OCI image manifest that says the same, as JSON.
    pub fn oci_json(&self) -> Vec<u8> {
        oci::manifest(&self.header, &self.config, &self.layers, self.named.digests.blake3)
    }

    /// How another document names this one.
    pub fn descriptor(&self) -> DocumentDescriptor {
        self.named.clone()
    }

    /// What it says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What kind of package it says it is.
    pub const fn artifact_type(&self) -> Option<&MediaType> {
        self.header.artifact_type.as_ref()
    }

    /// The manifest that it is about.
    pub const fn subject(&self) -> Option<&DocumentDescriptor> {
        self.header.subject.as_ref()
    }

    /// What is said about it.
    pub const fn annotations(&self) -> &Annotations {
        &self.header.annotations
    }

    /// The config.
    pub const fn config(&self) -> &Descriptor {
        &self.config
    }

    /// The layers, in their order.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The layers that have a place in the tree, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Every blob that it references, once, the config among them: SHA-256 and size.
    pub fn blobs(&self) -> BTreeMap<Blake3, (Sha256, u64)> {
        self.descriptors().map(|d| (d.digests.blake3, (d.digests.sha256, d.size_bytes))).collect()
    }

    /// Bytes of those blobs together.
    pub fn blobs_bytes(&self) -> u64 {
        self.blobs().values().map(|(_, size)| size).sum()
    }

    fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

fn encode(header: &Header, config: &Descriptor, layers: &[Descriptor]) -> Vec<u8> {
    let mut map = header.write(&MediaType::MANIFEST);
    map.push(("config".into(), config.write()));
    map.push(("layers".into(), Value::Array(layers.iter().map(Descriptor::write).collect())));
    cbor::encode(&Value::Map(map))
}

impl Header {
    fn check(&self) -> Result<(), Error> {
        let at = |place| move |reason| Error::Descriptor { place, reason };
        descriptor::check_annotations(&self.annotations).map_err(at(Place::Document))?;
        descriptor::no_own_annotation(&self.annotations).map_err(at(Place::Document))?;
        self.subject.as_ref().map_or(Ok(()), |subject| subject.check().map_err(at(Place::Subject)))
    }

    fn write(&self, format: &MediaType) -> Vec<(String, Value)> {
        let mut map =
            vec![("schemaVersion".into(), Value::Unsigned(2)), ("mediaType".into(), Value::text(format))];
        map.extend(self.artifact_type.as_ref().map(|kind| ("artifactType".into(), Value::text(kind))));
        map.extend(self.subject.as_ref().map(|subject| ("subject".into(), subject.write())));
        descriptor::write_annotations(&self.annotations, &mut map);
        map
    }

    fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            artifact_type: fields.parse_optional("artifactType")?,
            subject: fields.take("subject").map(DocumentDescriptor::read).transpose()?,
            annotations: descriptor::read_annotations(fields)?,
        })
    }
}

/// The fields that say how to read the others.
fn read_format(fields: &mut Fields, expected: &MediaType) -> Result<(), Error> {
    let format: String = fields.parse("mediaType")?;
    let version = fields.unsigned("schemaVersion")?;
    if format != expected.as_str() {
        return Err(Error::Format(format.chars().take(255).collect()));
    }
    if version != 2 {
        return Err(Error::Format(format!("{format} of schemaVersion {version}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
