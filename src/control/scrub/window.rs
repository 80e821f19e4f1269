//! One window of a scrub: the blobs between two summaries.

use std::collections::{BTreeSet, HashSet};

use super::{Command, Error, refused};
use crate::control::Control;
use crate::control::append::{Change, Ids, Retries};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{BlobCorrupt, BlobVerified, Damage, DamagedBlob, Fact, Members};
use crate::kernel::id::{ObjectKey, StreamName};
use crate::kernel::limits::{
    SCRUB_CORRUPT_BLOBS_MAX, SCRUB_CORRUPT_WAIT_MS, SCRUB_MISSING_MAX, SCRUB_UNREAD_MAX, SCRUB_WINDOW_BLOBS,
    SCRUB_WINDOW_MS,
};
use crate::log::read::{self, Query};
use crate::log::{self, Guard};
use crate::views::blobs::{self, Blob, Scope};

/// What was read since the last summary.
pub(super) struct Window<'a> {
    command: &'a Command,
    /// The blobs to come; `after` moves.
    scope: Scope,
    after: Option<Blake3>,
    opened_at_ms: u64,
    /// Of the store's stream, when the window opened or this window last moved it.
    version: Option<u64>,
    stream: StreamName,
    verified: Vec<(Blake3, ObjectKey, u64)>,
    restored: Vec<Blake3>,
    unread: Vec<Blake3>,
    /// How many of those are left out because they are archived.
    archived: usize,
    pending: Vec<DamagedBlob>,
    pending_since_ms: Option<u64>,
    /// Whether any blob was there at all.
    found_any: bool,
    at_the_end: bool,
}

/// What is to be read now, behind that address.
pub(super) async fn scope(
    control: &Control,
    command: &Command,
    after: Option<Blake3>,
) -> Result<Scope, Error> {
    let at_size = read::size(control.pool()).await.map_err(crate::control::Error::from)?;
    let (store, selection) = (command.store.clone(), command.selection.clone());
    Ok(Scope { store, at_size, after, selection })
}

impl<'a> Window<'a> {
    pub(super) async fn open(
        control: &Control,
        command: &'a Command,
        after: Option<Blake3>,
    ) -> Result<Self, Error> {
        let stream = StreamName::scrub(&command.store);
        // The version before the size: what comes in between is seen as a change.
        let version = control.version(&stream).await?;
        Ok(Self {
            scope: scope(control, command, after).await?,
            opened_at_ms: control.now_ms(),
            command,
            after,
            version,
            stream,
            verified: Vec::new(),
            restored: Vec::new(),
            unread: Vec::new(),
            archived: 0,
            pending: Vec::new(),
            pending_since_ms: None,
            found_any: after.is_some(),
            at_the_end: false,
        })
    }

    /// What is still to be read.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(super) fn is_full(&self, control: &Control) -> bool {
        let seen = self.verified.len() + self.restored.len() + self.unread.len();
        seen >= SCRUB_WINDOW_BLOBS
            || self.restored.len() >= SCRUB_UNREAD_MAX
            || self.archived > 0 && self.unread.len() >= SCRUB_UNREAD_MAX
            || control.now_ms().saturating_sub(self.opened_at_ms) >= SCRUB_WINDOW_MS
    }

    pub(super) fn reach_the_end(&mut self) {
        self.at_the_end = true;
    }

    fn seen(&mut self, blob: Blake3) {
        self.scope.after = Some(blob);
    }

    pub(super) fn verified(&mut self, blob: &Blob) {
        self.seen(blob.blake3);
        self.found_any = true;
        if blob.damaged.is_some() {
            self.restored.push(blob.blake3);
        } else {
            self.verified.push((blob.blake3, blob.object.clone(), blob.size_bytes));
        }
    }

    pub(super) fn unread(&mut self, blob: &Blob) -> Result<(), Error> {
        if self.unread.len() >= SCRUB_UNREAD_MAX {
            return Err(Error::Unreadable(self.unread.len()));
        }
        self.seen(blob.blake3);
        self.unread.push(blob.blake3);
        Ok(())
    }

    /// A blob is there, and its bytes would have to be retrieved first. A window has few of them, however many there are.
    pub(super) fn archived(&mut self, blob: &Blob) {
        self.seen(blob.blake3);
        self.found_any = true;
        self.archived += 1;
        self.unread.push(blob.blake3);
    }

    /// Whether there is nothing to say: neither was anything read, nor did reading fail. The first window of a reading and its
    /// last are said all the same, since they begin and end it.
    fn is_all_archived(&self) -> bool {
        let read = self.verified.len() + self.restored.len();
        self.after.is_some() && !self.at_the_end && read == 0 && self.archived == self.unread.len()
    }

    /// A blob is damaged. It is recorded, unless the log knows.
    pub(super) fn damaged(&mut self, blob: DamagedBlob, known: bool) -> Result<(), Error> {
        self.seen(blob.blake3);
        self.found_any |= known || blob.found != Damage::Missing;
        if !known {
            self.pending.push(blob);
        }
        if !self.found_any && self.pending.len() >= SCRUB_MISSING_MAX {
            self.pending.clear();
            self.scope.after = self.after;
            return Err(Error::NothingThere(SCRUB_MISSING_MAX));
        }
        Ok(())
    }

    /// Records what is damaged: soon, and not one by one.
    pub(super) async fn record_damage(&mut self, control: &Control, at_once: bool) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let now_ms = control.now_ms();
        let since_ms = *self.pending_since_ms.get_or_insert(now_ms);
        let is_due = self.pending.len() >= SCRUB_CORRUPT_BLOBS_MAX
            || now_ms.saturating_sub(since_ms) >= SCRUB_CORRUPT_WAIT_MS;
        if !(at_once || is_due && self.found_any) {
            return Ok(());
        }
        self.pending_since_ms = None;
        // What was deleted meanwhile is not missing.
        let objects: Vec<ObjectKey> = self.pending.iter().map(|blob| blob.object.clone()).collect();
        let claimed = self.claimed(control, &objects).await?;
        self.pending.retain(|blob| claimed.contains(&blob.object));
        for blobs in std::mem::take(&mut self.pending).chunks(SCRUB_CORRUPT_BLOBS_MAX) {
            let fact = BlobCorrupt { store: self.command.store.clone(), blobs: blobs.to_vec() };
            self.append(control, fact.into()).await?;
        }
        Ok(())
    }

    /// Appends to the store's stream; whatever was appended to it, or deleted, meanwhile is taken note of first.
    async fn append(&mut self, control: &Control, mut fact: Fact) -> Result<(), Error> {
        let mut retries = Retries::default();
        let sums_up = matches!(fact, Fact::BlobVerified(_));
        loop {
            let mut guards = Vec::new();
            if sums_up {
                self.drop_deleted(control).await?;
                fact = self.summary();
                // What is summed up is there when that is appended: whoever folds the log knows no other members.
                let store = &self.command.store;
                let at =
                    |(blob, object, _): &(Blake3, ObjectKey, u64)| (*blob, store.clone(), object.clone());
                guards.push(Guard::BlobsAt { blobs: self.verified.iter().map(at).collect() });
            }
            let change = Change {
                events: Ids::Fresh.assign(vec![fact.clone()]),
                expected: vec![(self.stream.clone(), self.version)],
                guards,
            };
            match control.append(&self.command.actor, None, change).await {
                Ok(_) => {
                    self.version = Some(self.version.map_or(0, |version| version + 1));
                    return Ok(());
                }
                Err(log::Error::Conflict { .. } | log::Error::Guard(_)) => retries.again().await?,
                Err(error) => return Err(refused(error)),
            }
            self.catch_up(control).await?;
        }
    }

    /// What was moved, or whose deletion was started, since it was read is no member.
    async fn drop_deleted(&mut self, control: &Control) -> Result<(), Error> {
        let objects: Vec<ObjectKey> = self.verified.iter().map(|(_, object, _)| object.clone()).collect();
        let claimed = self.claimed(control, &objects).await?;
        self.verified.retain(|(_, object, _)| claimed.contains(object));
        Ok(())
    }

    /// Of these objects, those that a blob has.
    async fn claimed(&self, control: &Control, objects: &[ObjectKey]) -> Result<HashSet<ObjectKey>, Error> {
        let claimed = blobs::claims(control.pool(), &self.command.store, objects).await;
        Ok(claimed.map_err(crate::control::Error::from)?.into_iter().collect())
    }

    /// What another scrub of this store recorded meanwhile is not ours to say again.
    async fn catch_up(&mut self, control: &Control) -> Result<(), Error> {
        let version = control.version(&self.stream).await?;
        let query = Query { stream: Some(self.stream.clone()), ..Query::from(self.scope.at_size) };
        let page = read::page(control.pool(), &query, u32::MAX >> 1).await?;
        let mut told = BTreeSet::new();
        for raw in page.records {
            match raw.decode()?.event.fact {
                Fact::BlobCorrupt(fact) => told.extend(fact.blobs.into_iter().map(|blob| blob.blake3)),
                Fact::BlobVerified(fact) => {
                    let is_ours = fact.after == self.after && fact.selection == self.command.selection;
                    if is_ours && self.version < version {
                        return Err(Error::Overtaken);
                    }
                    told.extend(fact.restored);
                }
                _ => {}
            }
        }
        self.verified.retain(|(blob, _, _)| !told.contains(blob));
        self.restored.retain(|blob| !told.contains(blob));
        self.version = version;
        Ok(())
    }

    fn summary(&self) -> Fact {
        let mut members = Members::default();
        for (blob, object, size_bytes) in &self.verified {
            members.push(blob, object, *size_bytes);
        }
        let through = if self.at_the_end { None } else { self.scope.after };
        BlobVerified {
            store: self.command.store.clone(),
            at_size: self.scope.at_size,
            after: self.after,
            through,
            selection: self.command.selection.clone(),
            blobs: members.blobs(),
            bytes: members.bytes(),
            root: members.root(),
            unread: self.unread.clone(),
            restored: self.restored.clone(),
        }
        .into()
    }

    /// Says in the log what was read. Gives the address behind which to go on.
    pub(super) async fn close(mut self, control: &Control, in_order: bool) -> Result<Option<Blake3>, Error> {
        self.record_damage(control, true).await?;
        let nothing_new = self.scope.after == self.after;
        // The end of all blobs is said even where nothing was left behind the last summary.
        if self.is_all_archived() {
            return Ok(self.scope.after);
        }
        if !nothing_new || (in_order && self.at_the_end) {
            self.append(control, self.summary()).await?;
        }
        Ok(self.scope.after)
    }
}
