//! Manifests and indexes as they come from a server: checked against the digest that they were asked by.

use super::{Client, Error};
use crate::kernel::digest::Digests;
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::manifest::{Document, Entry, File, Index, Kind, Manifest, MediaType, PackagePath};

/// A whole package: its document, and every manifest that has entries.
#[derive(Debug, Clone)]
pub struct Package {
    /// The digests of the document.
    pub digests: Digests,
    /// What it is.
    pub document: Document,
    /// The manifest itself, or those of the index, in order.
    pub manifests: Vec<Manifest>,
}

impl Package {
    /// Every entry, in the order of the manifests.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.manifests.iter().flat_map(Manifest::entries)
    }

    /// The path of the only file, if there is exactly one.
    pub(crate) fn only_file(&self) -> Option<PackagePath> {
        let mut files = self.entries().filter(|entry| matches!(entry.kind, Kind::File(_)));
        let only = files.next()?;
        files.next().is_none().then(|| only.path.clone())
    }

    /// The file at a path.
    pub fn file(&self, path: &PackagePath) -> Option<&File> {
        self.entries().find(|entry| entry.path == *path).and_then(|entry| match &entry.kind {
            Kind::File(file) => Some(file),
            Kind::Directory | Kind::Symlink(_) => None,
        })
    }
}

impl Client {
    /// The native document that a reference names, and its digests.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Verification`] if it is not what the digest says.
    pub async fn document(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<(Digests, Document), Error> {
        let accept = format!("{}, {}", MediaType::MANIFEST, MediaType::INDEX);
        let (_, bytes) = self.manifest(repository, reference, &accept).await?;
        let digests = Digests::of(&bytes);
        let document = Document::decode(&bytes);
        if let Reference::Digest(asked) = reference {
            let by_rendering = |document: &Document| Digests::of(&document.oci_json()).matches(asked);
            if !digests.matches(asked) && !document.as_ref().is_ok_and(by_rendering) {
                return Err(Error::Verification {
                    what: format!("the manifest of {repository}"),
                    expected: asked.to_string(),
                    received: digests.of_algorithm(asked.algorithm()).to_string(),
                });
            }
        }
        let document = document.map_err(|error| self.transport().unexpected(error.to_string()))?;
        Ok((digests, document))
    }

    /// A package with all of its manifests.
    ///
    /// # Errors
    /// As [`Self::document`].
    pub async fn package(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Package, Error> {
        let (digests, document) = self.document(repository, reference).await?;
        let manifests = match &document {
            Document::Manifest(manifest) => vec![manifest.clone()],
            Document::Index(index) => {
                let mut manifests = Vec::with_capacity(index.manifests().len());
                for part in index.manifests() {
                    let reference = Reference::Digest(part.digests.blake3.into());
                    match self.document(repository, &reference).await?.1 {
                        Document::Manifest(manifest) => manifests.push(manifest),
                        Document::Index(_) => {
                            return Err(self.transport().unexpected("an index inside an index"));
                        }
                    }
                }
                Index::check_entries(&manifests)
                    .map_err(|error| self.transport().unexpected(error.to_string()))?;
                manifests
            }
        };
        Ok(Package { digests, document, manifests })
    }
}
