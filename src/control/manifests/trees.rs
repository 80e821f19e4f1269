//! The manifests that an index lists are one tree of files: no path twice, nothing beneath a file.
//!
//! Seen only with all of them in hand, which is the largest thing that the control plane ever holds. So it holds their
//! paths alone, of at most [`INDEX_DOCUMENTS_MAX_BYTES`] of documents, and checks one index at a time.

use tokio::sync::Semaphore;

use crate::control::Control;
use crate::control::manifests::decide::State;
use crate::control::manifests::{Error, document};
use crate::kernel::limits::INDEX_DOCUMENTS_MAX_BYTES;
use crate::kernel::manifest::{self, Document, Manifest, entry};

/// One at a time.
pub(in crate::control) struct TreeChecks(Semaphore);

impl Default for TreeChecks {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// Checks an index; a manifest by itself was checked when it was decoded.
pub(super) async fn check(control: &Control, document: &Document, state: &State) -> Result<(), Error> {
    let Document::Index(index) = document else { return Ok(()) };
    let sizes =
        index.manifests().iter().map(|part| state.manifests[&part.digests.blake3].descriptor.size_bytes);
    let (found_bytes, max_bytes) = (sizes.sum::<u64>(), INDEX_DOCUMENTS_MAX_BYTES);
    if found_bytes > max_bytes {
        return Err(Error::TreeTooLarge { found_bytes, max_bytes });
    }
    let _turn = control.0.trees.0.acquire().await.expect("never closed");
    let mut paths = Vec::new();
    for part in index.manifests() {
        let stored = self::document(control, part.digests.blake3.into()).await?;
        let read = move || -> Result<Vec<_>, Error> {
            let manifest = Manifest::decode(&stored.bytes)?;
            Ok(manifest.entries().iter().map(|entry| entry.path.clone()).collect())
        };
        paths.extend(tokio::task::spawn_blocking(read).await.expect("decoding does not panic")?);
    }
    let check = move || entry::check_tree(&paths).map_err(manifest::Error::Tree);
    Ok(tokio::task::spawn_blocking(check).await.expect("checking does not panic")?)
}
