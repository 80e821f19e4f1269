//! Packages: a tree of files as the documents that hold it.
//!
//! - What fits one manifest is one manifest. What does not is several and an index, which is then the package.
//! - The split follows the order of paths, each part as full as it may be: the same tree always gives the same
//!   documents, so a push that is repeated finds all of them again.
//! - The header stands on the document that is the package. A part says only that it is one
//!   ([`MediaType::PACKAGE_PART`]).

use super::descriptor::Descriptor;
use super::entry::{self, Entry};
use super::media_type::MediaType;
use super::{Document, Error, Header, Index, Manifest, oci};
use crate::kernel::cbor;
use crate::kernel::limits::{DOCUMENT_MAX_BYTES, MANIFEST_LAYERS_MAX};

/// Bytes of a part beside its layers, at most: formats, artifact type, config, and in its rendering the native digest.
const PART_FRAME_MAX_BYTES: usize = 1_024;

/// The documents of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    parts: Vec<Manifest>,
    top: Document,
}

impl Package {
    /// Of a tree of files.
    ///
    /// # Errors
    /// If the entries are no tree, or the header or one entry alone does not fit a document.
    pub fn of(mut header: Header, mut entries: Vec<Entry>) -> Result<Self, Error> {
        entry::check_tree(entries.iter().map(|entry| &entry.path)).map_err(Error::Tree)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        header.artifact_type.get_or_insert(MediaType::PACKAGE);
        let layers: Vec<Descriptor> = entries.iter().map(Entry::to_layer).collect();
        if fits_one(&layers) {
            match Manifest::new(header.clone(), Descriptor::empty(), layers.clone()) {
                // With a large header the layers may need documents of their own.
                Err(Error::TooLarge(_)) => {}
                manifest => {
                    return manifest.map(|top| Self { parts: vec![], top: Document::Manifest(top) });
                }
            }
        }
        let part = Header { artifact_type: Some(MediaType::PACKAGE_PART), ..Header::default() };
        let parts: Vec<Manifest> = split(layers)
            .into_iter()
            .map(|layers| Manifest::new(part.clone(), Descriptor::empty(), layers))
            .collect::<Result<_, _>>()?;
        let index = Index::new(header, parts.iter().map(Manifest::descriptor).collect())?;
        Ok(Self { parts, top: Document::Index(index) })
    }

    /// The document that is the package: its digest is the package's.
    pub const fn top(&self) -> &Document {
        &self.top
    }

    /// The manifests that hold the entries: the package itself, or the parts of its index in their order.
    pub fn manifests(&self) -> Vec<&Manifest> {
        match &self.top {
            Document::Manifest(manifest) => vec![manifest],
            Document::Index(_) => self.parts.iter().collect(),
        }
    }

    /// Parts to be accepted before the top, in their order; none if the package is one manifest.
    pub fn parts(&self) -> &[Manifest] {
        &self.parts
    }
}

/// Bytes of a layer in the document and in its rendering, whichever is more, with what separates it from the next.
fn weight(layer: &Descriptor) -> usize {
    cbor::encode(&layer.write()).len().max(oci::layer_len(layer)) + 1
}

fn fits_one(layers: &[Descriptor]) -> bool {
    layers.len() <= MANIFEST_LAYERS_MAX && layers.iter().map(weight).sum::<usize>() <= DOCUMENT_MAX_BYTES
}

fn split(layers: Vec<Descriptor>) -> Vec<Vec<Descriptor>> {
    let mut parts = vec![];
    let (mut part, mut bytes) = (vec![], PART_FRAME_MAX_BYTES);
    for layer in layers {
        let weight = weight(&layer);
        if part.len() == MANIFEST_LAYERS_MAX || (!part.is_empty() && bytes + weight > DOCUMENT_MAX_BYTES) {
            parts.push(std::mem::take(&mut part));
            bytes = PART_FRAME_MAX_BYTES;
        }
        bytes += weight;
        part.push(layer);
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::manifest::{Annotations, File, Kind, Mode};

    fn entries(count: usize, path: impl Fn(usize) -> String) -> Vec<Entry> {
        let file = |n: usize| {
            Kind::File(File {
                media_type: MediaType::OCTET_STREAM,
                digests: Digests::of(&n.to_be_bytes()),
                size_bytes: 8,
                mode: Some(Mode::from_unix(0o644)),
                annotations: Annotations::new(),
            })
        };
        (0..count).map(|n| Entry { path: path(n).parse().unwrap(), kind: file(n) }).collect()
    }

    fn check(package: &Package, count: usize) {
        let paths: Vec<&str> =
            package.manifests().iter().flat_map(|m| m.entries()).map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths.len(), count);
        assert!(paths.is_sorted());
        assert!(Index::check_entries(package.manifests()).is_ok());
        for document in package.parts().iter().cloned().map(Document::Manifest).chain([package.top().clone()])
        {
            assert_eq!(Document::decode(&document.encode()), Ok(document));
        }
    }

    #[test]
    fn what_fits_one_manifest_is_one() {
        let package =
            Package::of(Header::default(), entries(MANIFEST_LAYERS_MAX, |n| format!("{n:06}"))).unwrap();
        assert!(package.parts().is_empty());
        check(&package, MANIFEST_LAYERS_MAX);
    }

    #[test]
    fn more_layers_than_one_manifest_has_become_an_index() {
        let count = MANIFEST_LAYERS_MAX + 1;
        let package = Package::of(Header::default(), entries(count, |n| format!("{n:06}"))).unwrap();
        assert_eq!(package.parts().iter().map(|m| m.layers().len()).collect::<Vec<_>>(), [count - 1, 1]);
        check(&package, count);
    }

    #[test]
    fn long_paths_are_split_by_size() {
        let directory = "d".repeat(255);
        let count = 4_000;
        let path = |n| format!("{directory}/{directory}/{directory}/{directory}/{n:06}");
        let package = Package::of(Header::default(), entries(count, path)).unwrap();
        assert_eq!(package.parts().len(), 2);
        check(&package, count);
    }

    #[test]
    fn the_same_tree_gives_the_same_documents_in_whatever_order_it_is_listed() {
        let mut backwards = entries(100, |n| format!("{n:06}"));
        let forwards = Package::of(Header::default(), backwards.clone()).unwrap();
        backwards.reverse();
        assert_eq!(Package::of(Header::default(), backwards).unwrap(), forwards);
    }

    #[test]
    fn a_path_in_two_places_is_refused_before_anything_is_split() {
        let twice =
            entries(MANIFEST_LAYERS_MAX + 1, |n| if n == 0 { "000001".into() } else { format!("{n:06}") });
        assert!(matches!(Package::of(Header::default(), twice), Err(Error::Tree(_))));
    }
}
