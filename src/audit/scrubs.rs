//! What summaries of blobs that were read again say, against what the log says they are about.
//!
//! A summary names a set; whoever folded the log so far knows its members. Their number, bytes and root must be those of
//! the summary, or it is about other blobs than it claims. What is said to be damaged must be in a signed report.
//!
//! Memory: about 200 bytes for each blob, and 100 for each link of one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::kernel::digest::Blake3;
use crate::kernel::event::{BlobStored, BlobVerified, Fact, Members};
use crate::kernel::id::{ObjectKey, RepositoryName, StoreName};

/// The blobs of a log, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    blobs: BTreeMap<Blake3, Blob>,
    links: BTreeMap<(Blake3, RepositoryName), u64>,
}

#[derive(Debug)]
struct Blob {
    store: StoreName,
    object: ObjectKey,
    size_bytes: u64,
    stored_at_ms: u64,
    /// Since which event it is to be given out.
    good_since: u64,
    damaged: bool,
}

impl Blobs {
    /// Takes the links of a blob away.
    fn unlink(&mut self, blob: Blake3) {
        // No name is before this one.
        let first: RepositoryName = "0".parse().expect("a name of one digit");
        let links = self.links.range((blob, first)..).map(|(key, _)| key);
        let gone: Vec<(Blake3, RepositoryName)> = links.take_while(|key| key.0 == blob).cloned().collect();
        for key in gone {
            self.links.remove(&key);
        }
    }

    /// Takes note of an event.
    pub(super) fn fold(&mut self, position: u64, at_ms: u64, fact: &Fact) {
        match fact {
            Fact::BlobStored(stored) => self.stored(position, at_ms, stored),
            Fact::BlobLinked(linked) => {
                self.links.entry((linked.blake3, linked.repository.clone())).or_insert(position);
            }
            Fact::BlobMoved(moved) => {
                if let Some(blob) = self.blobs.get_mut(&moved.blake3) {
                    blob.store = moved.store.clone();
                    blob.object = moved.object.clone();
                    blob.stored_at_ms = at_ms;
                    blob.good_since = position;
                    blob.damaged = false;
                }
            }
            Fact::BlobDeletionStarted(started) => {
                self.blobs.remove(&started.blake3);
                self.unlink(started.blake3);
            }
            Fact::BlobCorrupt(corrupt) => {
                for damaged in &corrupt.blobs {
                    if let Some(blob) = self.blobs.get_mut(&damaged.blake3)
                        && blob.store == corrupt.store
                        && blob.object == damaged.object
                    {
                        blob.damaged = true;
                    }
                }
            }
            Fact::BlobVerified(verified) => {
                for restored in &verified.restored {
                    if let Some(blob) = self.blobs.get_mut(restored)
                        && blob.store == verified.store
                        && blob.damaged
                    {
                        blob.damaged = false;
                        blob.good_since = position;
                    }
                }
            }
            _ => {}
        }
    }

    fn stored(&mut self, position: u64, at_ms: u64, stored: &BlobStored) {
        self.links.entry((stored.blake3, stored.repository.clone())).or_insert(position);
        let blob = Blob {
            store: stored.store.clone(),
            object: stored.object.clone(),
            size_bytes: stored.size_bytes,
            stored_at_ms: at_ms,
            good_since: position,
            damaged: false,
        };
        self.blobs.insert(stored.blake3, blob);
    }

    /// Whether a blob has that object. To be asked before a move of it is folded.
    pub(super) fn lies_at(&self, blob: &Blake3, store: &StoreName, object: &ObjectKey) -> bool {
        self.blobs.get(blob).is_some_and(|blob| (&blob.store, &blob.object) == (store, object))
    }

    /// What is wrong with a summary, if anything is. To be asked before it is folded.
    pub(super) fn check(&self, said: &BlobVerified) -> Option<String> {
        if said.after.zip(said.through).is_some_and(|(after, through)| after > through) {
            return Some("its first address is behind its last".to_owned());
        }
        let unread: BTreeSet<&Blake3> = said.unread.iter().collect();
        let after = said.after.map_or(Bound::Unbounded, Bound::Excluded);
        let through = said.through.map_or(Bound::Unbounded, Bound::Included);
        let mut members = Members::default();
        if said.after.is_none() || said.after != said.through {
            for (digest, blob) in self.blobs.range((after, through)) {
                if self.is_member(said, digest, blob) && !unread.contains(digest) {
                    members.push(digest, &blob.object, blob.size_bytes);
                }
            }
        }
        let expected = (members.blobs(), members.bytes(), members.root());
        (expected != (said.blobs, said.bytes, said.root)).then(|| {
            format!(
                "it says that {} blobs of {} bytes were read; by the log it is about {} of {}, or others",
                said.blobs, said.bytes, expected.0, expected.1
            )
        })
    }

    fn is_member(&self, said: &BlobVerified, digest: &Blake3, blob: &Blob) -> bool {
        let is_linked = |repository: &RepositoryName| {
            self.links.get(&(*digest, repository.clone())).is_some_and(|position| *position < said.at_size)
        };
        blob.store == said.store
            && !blob.damaged
            && blob.good_since < said.at_size
            && said.selection.repository.as_ref().is_none_or(is_linked)
            && said.selection.since_ms.is_none_or(|since_ms| blob.stored_at_ms >= since_ms)
    }
}
