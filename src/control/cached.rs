//! What was read from the views, kept while the log is as it was then: views change by appends alone.
//!
//! - An entry counts at the size of the log at which it was asked for, and no longer. What this process appends is known
//!   to it before whoever appended is answered; what another process appends, once its wake-up came (`log::append`).
//! - While wake-ups cannot be heard nothing counts, so no process goes on with what was revoked elsewhere.
//! - The size is taken before the question: an answer may be newer than the size that it is kept under, never older.
//! - What is not there is not kept: strangers cannot fill the room with names that they make up.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::kernel::digest::{Digest, Digests, Sha256};
use crate::kernel::id::{Reference, RepositoryName, TokenId};
use crate::kernel::limits::{CACHED_DOCUMENTS_MAX_BYTES, CACHED_ROWS_MAX};
use crate::log::{Log, documents};
use crate::views::manifests::Manifest;
use crate::views::repositories::Repository;
use crate::views::tokens::Token;

/// Rows of one kind, by what they are asked for by.
pub(super) struct Cached<K, V>(Cache<K, (u64, V)>);

impl<K: Hash + Eq + Clone, V: Clone> Cached<K, V> {
    fn new() -> Self {
        Self(Cache::new(CACHED_ROWS_MAX))
    }

    /// The row as of the log's size now: the one that is kept, or the one that `load` finds.
    pub(super) async fn get<E>(
        &self,
        log: &Log,
        key: &K,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let Some(size) = log.heard() else { return load.await };
        if let Some((at, value)) = self.0.get(key)
            && at == size
        {
            return Ok(Some(value));
        }
        let found = load.await?;
        if let Some(value) = &found {
            self.0.insert(key.clone(), (size, value.clone()));
        }
        Ok(found)
    }
}

/// Documents never change, so they are kept as long as there is room, or until they are erased. Whether one may still be given is a question to
/// the views, asked before.
pub(super) struct Documents(Cache<Digest, Arc<documents::Document>, ByBytes>);

#[derive(Clone)]
struct ByBytes;

impl quick_cache::Weighter<Digest, Arc<documents::Document>> for ByBytes {
    fn weight(&self, _: &Digest, document: &Arc<documents::Document>) -> u64 {
        // A key, two digests and the bookkeeping.
        document.bytes.len() as u64 + 256
    }
}

impl Documents {
    fn new() -> Self {
        // An estimate of how many there will be, from the size of a package of ten files.
        let expected = usize::try_from(CACHED_DOCUMENTS_MAX_BYTES / 4096).expect("it is small");
        Self(Cache::with_weighter(expected, CACHED_DOCUMENTS_MAX_BYTES, ByBytes))
    }

    pub(super) async fn get<E>(
        &self,
        digest: &Digest,
        load: impl Future<Output = Result<Option<documents::Document>, E>>,
    ) -> Result<Option<Arc<documents::Document>>, E> {
        if let Some(document) = self.0.get(digest) {
            return Ok(Some(document));
        }
        let found = load.await?.map(Arc::new);
        if let Some(document) = &found {
            self.0.insert(*digest, Arc::clone(document));
        }
        Ok(found)
    }

    /// Forgets one that was erased.
    pub(super) fn forget(&self, document: &Digests) {
        for digest in [Digest::from(document.blake3), document.sha256.into()] {
            self.0.remove(&digest);
        }
    }
}

/// All that is kept.
pub(super) struct Reads {
    pub(super) tokens: Cached<Sha256, Token>,
    pub(super) parents: Cached<TokenId, Token>,
    pub(super) repositories: Cached<RepositoryName, Repository>,
    pub(super) manifests: Cached<(RepositoryName, Reference), Manifest>,
    pub(super) documents: Documents,
}

impl Default for Reads {
    fn default() -> Self {
        Self {
            tokens: Cached::new(),
            parents: Cached::new(),
            repositories: Cached::new(),
            manifests: Cached::new(),
            documents: Documents::new(),
        }
    }
}
