//! Invariants of manifests and indexes, for any bytes:
//! - what decodes encodes to the same bytes, and is named by their digests;
//! - its OCI rendering is JSON within the bound of a document, and the same every time;
//! - every entry comes from its layer and goes back to it;
//! - unpacked, no entry lies outside of the package, at the place of another, or beneath one;
//! - no link, followed through all other links, leads outside.

use std::collections::{BTreeMap, BTreeSet};

use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::DOCUMENT_MAX_BYTES;
use strongroom::kernel::manifest::{Document, Entry, Kind, Manifest};

pub(crate) fn check(data: &[u8]) {
    let Ok(document) = Document::decode(data) else { return };
    assert_eq!(document.encode(), data, "what decodes is its own encoding");
    assert_eq!(document.descriptor().digests, Digests::of(data));
    let rendering = document.oci_json();
    assert!(data.len() <= DOCUMENT_MAX_BYTES && rendering.len() <= DOCUMENT_MAX_BYTES);
    assert_eq!(document.oci_json(), rendering);
    let json: serde_json::Value = serde_json::from_slice(&rendering).expect("the rendering is JSON");
    assert_eq!(json["mediaType"], document.oci_media_type().as_str());
    if let Document::Manifest(manifest) = &document {
        entries_are_their_layers(manifest);
        entries_are_a_tree(manifest.entries());
        links_stay_inside(manifest.entries());
    }
}

fn entries_are_their_layers(manifest: &Manifest) {
    let of_layer = |layer| Entry::of_layer(layer).expect("an accepted layer");
    let named: Vec<_> =
        manifest.layers().iter().filter_map(|layer| Some((layer, of_layer(layer)?))).collect();
    assert_eq!(named.len(), manifest.entries().len());
    for ((layer, again), entry) in named.iter().zip(manifest.entries()) {
        assert_eq!(again, entry);
        assert_eq!(entry.to_layer(), **layer);
    }
    let total: u64 = manifest.blobs().values().map(|(_, size)| size).sum();
    assert_eq!(manifest.blobs_bytes(), total);
}

fn entries_are_a_tree(entries: &[Entry]) {
    let mut directories = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for entry in entries {
        let names: Vec<&str> = entry.path.components().collect();
        let bad =
            |name: &&str| name.is_empty() || [".", ".."].contains(name) || name.contains(['/', '\\', '\0']);
        assert!(!names.iter().any(bad), "{:?} could leave the package", entry.path);
        assert!(taken.insert(names.clone()), "{:?} is there twice", entry.path);
        directories.extend((1..names.len()).map(|depth| names[..depth].to_vec()));
    }
    assert!(directories.is_disjoint(&taken), "an entry lies beneath another");
}

/// Follows every link as a system does, name by name, links in the middle too; a loop is left after enough steps.
fn links_stay_inside(entries: &[Entry]) {
    let links: BTreeMap<Vec<&str>, &str> = entries
        .iter()
        .filter_map(|entry| match &entry.kind {
            Kind::Symlink(target) => Some((entry.path.components().collect(), target.as_str())),
            _ => None,
        })
        .collect();
    for link in links.keys() {
        let mut at: Vec<&str> = vec![];
        let mut ahead: Vec<&str> = link.iter().rev().copied().collect();
        for _ in 0..1_000 {
            match ahead.pop() {
                None => break,
                Some("" | ".") => {}
                Some("..") => {
                    at.pop().expect("the link leads out of the package");
                }
                Some(name) => {
                    at.push(name);
                    if let Some(target) = links.get(&at) {
                        at.pop();
                        ahead.extend(target.split('/').rev());
                    }
                }
            }
        }
    }
}
