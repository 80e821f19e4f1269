//! Packages on disk: a walk through files, their digests, and the documents that name them.
//!
//! [`walk()`] finds what there is, [`content`] reads it, [`assemble`] makes the manifest (or several and an index).
//! The same tree always gives the same documents: entries are sorted, and neither times nor owners are kept.

pub mod content;
pub mod exclude;
mod walk;

pub use walk::{Error, Found, FoundKind, Refused, Source, walk};

use crate::kernel::limits::MANIFEST_LAYERS_MAX;
use crate::kernel::manifest::{self, Document, Entry, Header, Index, Manifest};

/// The documents of one package.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// What the package is: its manifest, or the index over [`Self::parts`].
    pub document: Document,
    /// The manifests of the index; none if one manifest was enough.
    pub parts: Vec<Manifest>,
}

impl Assembled {
    /// Every manifest with entries, whichever kind the package is.
    pub fn manifests(&self) -> Vec<&Manifest> {
        match &self.document {
            Document::Manifest(manifest) => vec![manifest],
            Document::Index(_) => self.parts.iter().collect(),
        }
    }
}

/// The documents that say: these entries are one package. One manifest if they fit it, else as few as do, in the
/// order of the paths, and an index that says about itself what the header says.
///
/// # Errors
/// If the entries are no tree, the header is refused, or there are more than an index can list.
pub fn assemble(header: Header, mut entries: Vec<Entry>) -> Result<Assembled, manifest::Error> {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    if entries.len() <= MANIFEST_LAYERS_MAX {
        match Manifest::from_entries(header.clone(), entries.clone()) {
            Err(manifest::Error::TooLarge(_)) => {}
            other => {
                let document = Document::Manifest(other?);
                return Ok(Assembled { document, parts: Vec::new() });
            }
        }
    }
    manifest::entry::check_tree(entries.iter().map(|entry| &entry.path)).map_err(manifest::Error::Tree)?;
    let part = Header { artifact_type: header.artifact_type.clone(), ..Header::default() };
    let mut parts = Vec::new();
    for entries in entries.chunks(MANIFEST_LAYERS_MAX) {
        split(&part, entries, &mut parts)?;
    }
    let mut header = header;
    header.artifact_type.get_or_insert(manifest::MediaType::PACKAGE);
    let index = Index::new(header, parts.iter().map(Manifest::descriptor).collect())?;
    Ok(Assembled { document: Document::Index(index), parts })
}

/// Halves what is too large for one document: long paths reach the bound in bytes before the one in layers.
fn split(header: &Header, entries: &[Entry], parts: &mut Vec<Manifest>) -> Result<(), manifest::Error> {
    match Manifest::from_entries(header.clone(), entries.to_vec()) {
        Err(manifest::Error::TooLarge(_)) if entries.len() > 1 => {
            let (left, right) = entries.split_at(entries.len() / 2);
            split(header, left, parts)?;
            split(header, right, parts)
        }
        made => {
            parts.push(made?);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::limits::DOCUMENT_MAX_BYTES;
    use crate::kernel::manifest::{File, Kind, MediaType, Mode};

    fn entries(count: usize, name: impl Fn(usize) -> String) -> Vec<Entry> {
        let digests = Digests::of(b"x");
        let file = File {
            media_type: MediaType::OCTET_STREAM,
            digests,
            size_bytes: 1,
            mode: Some(Mode::from_unix(0o644)),
            annotations: Default::default(),
        };
        (0..count)
            .rev()
            .map(|n| Entry { path: name(n).parse().unwrap(), kind: Kind::File(file.clone()) })
            .collect()
    }

    #[test]
    fn a_small_package_is_one_manifest_whatever_the_order_of_its_entries() {
        let mut forward = entries(20, |n| format!("f{n}"));
        let made = assemble(Header::default(), forward.clone()).unwrap();
        forward.reverse();
        let again = assemble(Header::default(), forward).unwrap();
        assert!(made.parts.is_empty());
        assert_eq!(made.document.encode(), again.document.encode());
    }

    #[test]
    fn a_package_beyond_one_manifest_is_an_index_of_several() {
        let made =
            assemble(Header::default(), entries(MANIFEST_LAYERS_MAX + 1, |n| format!("f{n:06}"))).unwrap();
        assert!(matches!(made.document, Document::Index(_)));
        assert_eq!(made.parts.iter().map(|part| part.entries().len()).collect::<Vec<_>>(), [8_000, 1]);
        assert!(Index::check_entries(&made.parts).is_ok());
    }

    #[test]
    fn long_paths_split_a_package_before_its_count_does() {
        let long = "d".repeat(250);
        let made = assemble(Header::default(), entries(6_000, |n| format!("{long}/{long}/{n}"))).unwrap();
        assert_eq!(made.parts.iter().map(|part| part.entries().len()).sum::<usize>(), 6_000);
        assert!(made.parts.len() > 1);
        assert!(made.parts.iter().all(|part| part.encode().len() <= DOCUMENT_MAX_BYTES));
    }

    #[test]
    fn entries_that_are_no_tree_are_refused() {
        let twice = entries(2, |_| "same".into());
        assert!(assemble(Header::default(), twice).is_err());
    }
}
