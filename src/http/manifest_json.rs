//! A manifest as people and scripts read it: the JSON beside the exact bytes.

use std::collections::BTreeMap;

use super::problem::{Code, Problem};
use crate::control::manifests::Fetched;
use crate::kernel::digest::Digests;
use crate::kernel::manifest::{Descriptor, Document, DocumentDescriptor, Entry};
use crate::wire::manifest as wire;

/// Draws the stored document.
pub(super) fn draw(fetched: &Fetched) -> Result<wire::Manifest, Problem> {
    let damaged =
        |error| Problem::failure(Code::Internal, format_args!("a stored manifest does not decode: {error}"));
    let document = Document::decode(&fetched.bytes).map_err(damaged)?;
    let header = document.header();
    let (config, layers, manifests) = match &document {
        Document::Manifest(manifest) => {
            let layers = manifest.layers().iter().map(of_layer).collect();
            (Some(of_blob(manifest.config(), None)), layers, Vec::new())
        }
        Document::Index(index) => (None, Vec::new(), index.manifests().iter().map(of_document).collect()),
    };
    Ok(wire::Manifest {
        digest: fetched.manifest.blake3,
        sha256: fetched.manifest.sha256,
        oci_digest: fetched.manifest.oci_sha256,
        media_type: document.media_type().to_string(),
        artifact_type: header.artifact_type.as_ref().map(ToString::to_string),
        config,
        layers,
        manifests,
        subject: header.subject.as_ref().map(|subject| subject.digests.blake3.into()),
        annotations: header.annotations.clone(),
    })
}

fn of_layer(layer: &Descriptor) -> wire::Descriptor {
    // What is stored was checked; a layer without a place in the tree has no path.
    let entry = Entry::of_layer(layer).ok().flatten();
    of_blob(layer, entry.map(|entry| entry.path.to_string()))
}

fn of_blob(blob: &Descriptor, path: Option<String>) -> wire::Descriptor {
    descriptor(path, blob.media_type.to_string(), &blob.digests, blob.size_bytes, &blob.annotations)
}

fn of_document(document: &DocumentDescriptor) -> wire::Descriptor {
    let media_type = document.media_type.to_string();
    descriptor(None, media_type, &document.digests, document.size_bytes, &document.annotations)
}

fn descriptor(
    path: Option<String>,
    media_type: String,
    digests: &Digests,
    size: u64,
    annotations: &BTreeMap<String, String>,
) -> wire::Descriptor {
    let Digests { blake3: digest, sha256 } = *digests;
    wire::Descriptor { path, media_type, digest, sha256, size, annotations: annotations.clone() }
}
