//! The OCI rendering: the one JSON text by which OCI clients know a native document.
//!
//! - Fields in the order of the image-spec's Go structures; annotations in bytewise order of their keys.
//! - No whitespace. In strings `"`, `\` and control characters are escaped (`\b \f \n \r \t`, else `\u00xx` in lowercase
//!   hex), everything else is UTF-8 as it is.
//! - Digests are SHA-256. The document's annotation `vnd.strongroom.native` names the native bytes by their BLAKE3;
//!   a native document cannot have that key itself. Blobs are not named by BLAKE3 again: the native document does.
//! - A subject, and the manifests of an index, are named by their renderings: what an OCI client will fetch.
//!
//! Once a document is accepted its rendering is signed over and fetched by digest: nothing here may change what an
//! accepted document renders to. `tests/vectors/` holds it to that.

use serde::Serialize;

use super::Header;
use super::descriptor::{Annotations, Descriptor, DocumentDescriptor};
use super::media_type::MediaType;
use crate::kernel::digest::Blake3;

/// Annotation of a rendering: the BLAKE3 digest of the native document.
pub(super) const NATIVE: &str = "vnd.strongroom.native";

const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u64,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Json<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<Vec<Json<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifests: Option<Vec<Json<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Json<'a>>,
    annotations: Annotations,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "is_empty")]
    annotations: &'a Annotations,
}

fn is_empty(annotations: &&Annotations) -> bool {
    annotations.is_empty()
}

pub(super) fn manifest(
    header: &Header,
    config: &Descriptor,
    layers: &[Descriptor],
    native: Blake3,
) -> Vec<u8> {
    let document = Document {
        config: Some(blob(config)),
        layers: Some(layers.iter().map(blob).collect()),
        ..document(IMAGE_MANIFEST, header, native)
    };
    render(&document)
}

pub(super) fn index(header: &Header, manifests: &[DocumentDescriptor], native: Blake3) -> Vec<u8> {
    let manifests = Some(manifests.iter().map(other).collect());
    render(&Document { manifests, ..document(IMAGE_INDEX, header, native) })
}

fn document<'a>(kind: &'a str, header: &'a Header, native: Blake3) -> Document<'a> {
    let mut annotations = header.annotations.clone();
    annotations.insert(NATIVE.into(), native.to_string());
    Document {
        schema_version: 2,
        media_type: kind,
        artifact_type: header.artifact_type.as_ref().map(MediaType::as_str),
        config: None,
        layers: None,
        manifests: None,
        subject: header.subject.as_ref().map(other),
        annotations,
    }
}

fn render(document: &Document<'_>) -> Vec<u8> {
    serde_json::to_vec(document).expect("text keys and no floats")
}

/// Bytes of a layer in the rendering of its manifest.
pub(super) fn layer_len(layer: &Descriptor) -> usize {
    serde_json::to_vec(&blob(layer)).expect("text keys and no floats").len()
}

fn blob(blob: &Descriptor) -> Json<'_> {
    Json {
        media_type: blob.media_type.as_str(),
        digest: blob.digests.sha256.to_string(),
        size: blob.size_bytes,
        annotations: &blob.annotations,
    }
}

fn other(other: &DocumentDescriptor) -> Json<'_> {
    let (sha256, size) = other.rendering.map_or((other.digests.sha256, other.size_bytes), |rendering| {
        (rendering.sha256, rendering.size_bytes)
    });
    let media_type = match &other.media_type {
        native if *native == MediaType::MANIFEST => IMAGE_MANIFEST,
        native if *native == MediaType::INDEX => IMAGE_INDEX,
        oci => oci.as_str(),
    };
    Json { media_type, digest: sha256.to_string(), size, annotations: &other.annotations }
}
