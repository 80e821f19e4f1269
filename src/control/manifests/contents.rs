//! What a package stands on: the manifests that it lists and the blobs of all of them.
//!
//! Whoever promises that a package is there asks for it here before the promise, which names what is missing, and by the
//! guards under the head lock, which lets nothing slip in between.

use std::collections::BTreeSet;

use crate::control::Control;
use crate::control::manifests::{Error, document};
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::INDEX_DOCUMENTS_MAX_BYTES;
use crate::kernel::manifest::{Document, Manifest};
use crate::log::Guard;
use crate::views::blobs;

/// Manifests and blobs, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::control) struct Contents {
    manifests: Vec<Blake3>,
    blobs: BTreeSet<Blake3>,
}

impl Contents {
    /// Of a package that is accepted.
    pub(in crate::control) async fn of_accepted(
        control: &Control,
        document: &Document,
    ) -> Result<Self, Error> {
        let mut contents = Self::of_parts(control, document).await?;
        contents.manifests.push(document.descriptor().digests.blake3);
        if let Document::Manifest(manifest) = document {
            contents.blobs.extend(manifest.blobs().into_keys());
        }
        Ok(contents)
    }

    /// Of what is accepted already when the package itself is not: the manifests that it lists.
    pub(super) async fn of_parts(control: &Control, document: &Document) -> Result<Self, Error> {
        let mut contents = Self::default();
        let Document::Index(index) = document else { return Ok(contents) };
        let found_bytes = index.manifests().iter().map(|part| part.size_bytes).sum::<u64>();
        if found_bytes > INDEX_DOCUMENTS_MAX_BYTES {
            return Err(Error::TreeTooLarge { found_bytes, max_bytes: INDEX_DOCUMENTS_MAX_BYTES });
        }
        for part in index.manifests() {
            let stored = document_of(control, part.digests.blake3).await?;
            let read = move || Manifest::decode(&stored.bytes).map(|manifest| manifest.blobs().into_keys());
            contents.blobs.extend(tokio::task::spawn_blocking(read).await.expect("decoding does not panic")?);
            contents.manifests.push(part.digests.blake3);
        }
        Ok(contents)
    }

    /// That each blob is stored and linked there and not damaged. Names those that are not.
    pub(in crate::control) async fn check(
        &self,
        control: &Control,
        repository: &RepositoryName,
    ) -> Result<(), Error> {
        if self.blobs.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Digest> = self.blobs.iter().map(|blob| (*blob).into()).collect();
        let found = blobs::linked(control.pool(), repository, &wanted).await?;
        let damaged = found.iter().filter(|linked| linked.blob.damaged.is_some());
        let damaged: Vec<Blake3> = damaged.map(|linked| linked.blob.blake3).collect();
        if !damaged.is_empty() {
            return Err(Error::BlobsDamaged { damaged });
        }
        let there: BTreeSet<Blake3> = found.into_iter().map(|linked| linked.blob.blake3).collect();
        let missing: Vec<Blake3> = self.blobs.difference(&there).copied().collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::BlobsMissing { missing }) }
    }

    /// The same, under the head lock.
    pub(in crate::control) fn guards(&self, repository: &RepositoryName) -> Vec<Guard> {
        let mut guards = Vec::new();
        if !self.manifests.is_empty() {
            let manifests = self.manifests.clone();
            guards.push(Guard::ManifestsAccepted { repository: repository.clone(), manifests });
        }
        if !self.blobs.is_empty() {
            let blobs = self.blobs.iter().copied().collect();
            guards.push(Guard::BlobsLinked { repository: repository.clone(), blobs });
        }
        guards
    }
}

async fn document_of(
    control: &Control,
    manifest: Blake3,
) -> Result<std::sync::Arc<crate::log::documents::Document>, Error> {
    document(control, manifest.into()).await
}
