//! `blobs`: where the bytes of each blob lie; `blob_repositories`: where each may be used.
//!
//! - The last `blob.stored` of a blob names its object: what is stored again replaces what was lost.
//! - The first event that links a blob to a repository makes the link. Only a new link adds to the repository's totals.
//! - A blob that is stored again is damaged no more (see `damaged_blobs`).
//! - A link made by `blob.linked` counts the size that the blob had at that place in the log.
//! - `blob.moved` names another object of the same bytes. Such a blob is damaged no more either.
//! - From `blob.deletion-started` on a blob is absent, and linked nowhere. It may be stored again.

mod query;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::{Blake3, Sha256};
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{Blob, Damaged, Linked, Reachable, get, linked, linked_in_any, locate, page};
pub use scope::{Scope, Totals, claims, to_read, totals};

/// Blobs that go, blobs as they are after a run of events, and links to make where there are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    gone: BTreeSet<&'a Blake3>,
    stored: BTreeMap<&'a Blake3, Stored<'a>>,
    linked: BTreeMap<(&'a Blake3, &'a str), Link>,
    /// Where blobs lie by now that were stored before this run, if they are there.
    moved: BTreeMap<&'a Blake3, Moved<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Moved<'a> {
    store: &'a str,
    object: &'a str,
    at_ms: i64,
    position: i64,
}

#[derive(Debug, PartialEq, Eq)]
struct Stored<'a> {
    sha256: &'a Sha256,
    size_bytes: i64,
    store: &'a str,
    object: &'a str,
    at_ms: i64,
    position: i64,
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    /// None: as the blob was stored before this run.
    size_bytes: Option<i64>,
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let (at_ms, position) = (bigint(event.at_ms), bigint(*position));
        match &event.fact {
            Fact::BlobStored(fact) => {
                let size_bytes = bigint(fact.size_bytes);
                let link = Link { size_bytes: Some(size_bytes), at_ms, position };
                changes.linked.entry((&fact.blake3, fact.repository.as_str())).or_insert(link);
                let stored = Stored {
                    sha256: &fact.sha256,
                    size_bytes,
                    store: fact.store.as_str(),
                    object: fact.object.as_str(),
                    at_ms,
                    position,
                };
                changes.moved.remove(&fact.blake3);
                changes.stored.insert(&fact.blake3, stored);
            }
            Fact::BlobLinked(fact) => {
                let size_bytes = changes.stored.get(&fact.blake3).map(|stored| stored.size_bytes);
                let link = Link { size_bytes, at_ms, position };
                changes.linked.entry((&fact.blake3, fact.repository.as_str())).or_insert(link);
            }
            Fact::BlobMoved(fact) => {
                let (store, object) = (fact.store.as_str(), fact.object.as_str());
                match changes.stored.get_mut(&fact.blake3) {
                    Some(stored) => {
                        (stored.store, stored.object) = (store, object);
                        (stored.at_ms, stored.position) = (at_ms, position);
                    }
                    None => {
                        let moved = Moved { store, object, at_ms, position };
                        changes.moved.insert(&fact.blake3, moved);
                    }
                }
            }
            Fact::BlobDeletionStarted(fact) => {
                changes.stored.remove(&fact.blake3);
                changes.moved.remove(&fact.blake3);
                changes.linked.retain(|(blob, _), _| *blob != &fact.blake3);
                changes.gone.insert(&fact.blake3);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.gone.is_empty() {
            let gone: Vec<&[u8]> = self.gone.iter().map(|blake3| blake3.as_bytes().as_slice()).collect();
            sqlx::query_file!("src/views/blobs/remove.sql", &gone as _).execute(&mut *connection).await?;
        }
        if !self.moved.is_empty() {
            let moved = &self.moved;
            sqlx::query_file!(
                "src/views/blobs/move.sql",
                &moved.keys().map(|blake3| blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
                &moved.values().map(|blob| blob.store).collect::<Vec<_>>() as _,
                &moved.values().map(|blob| blob.object).collect::<Vec<_>>() as _,
                &moved.values().map(|blob| blob.at_ms).collect::<Vec<_>>(),
                &moved.values().map(|blob| blob.position).collect::<Vec<_>>(),
            )
            .execute(&mut *connection)
            .await?;
        }
        // What is stored is linked too.
        if self.linked.is_empty() {
            return Ok(());
        }
        let (stored, linked) = (&self.stored, &self.linked);
        sqlx::query_file!(
            "src/views/blobs/apply.sql",
            &stored.keys().map(|blake3| blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &stored.values().map(|blob| blob.sha256.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &stored.values().map(|blob| blob.size_bytes).collect::<Vec<_>>(),
            &stored.values().map(|blob| blob.store).collect::<Vec<_>>() as _,
            &stored.values().map(|blob| blob.object).collect::<Vec<_>>() as _,
            &stored.values().map(|blob| blob.at_ms).collect::<Vec<_>>(),
            &stored.values().map(|blob| blob.position).collect::<Vec<_>>(),
            &linked.keys().map(|(blake3, _)| blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &linked.keys().map(|(_, repository)| *repository).collect::<Vec<_>>() as _,
            &linked.values().map(|link| link.size_bytes).collect::<Vec<_>>() as _,
            &linked.values().map(|link| link.at_ms).collect::<Vec<_>>(),
            &linked.values().map(|link| link.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{
        blake3, blob_deletion_started, blob_linked, blob_moved, blob_stored, object, recorded, size_of,
    };

    #[test]
    fn a_stored_blob_has_a_row_and_a_link() {
        let events = recorded([blob_stored("acme/a", 1, 7).into()]);
        let Fact::BlobStored(fact) = &events[0].event.fact else { panic!("as given") };
        let stored = Stored {
            sha256: &fact.sha256,
            size_bytes: size_of(1),
            store: "main",
            object: fact.object.as_str(),
            at_ms: 1_000,
            position: 0,
        };
        let link = Link { size_bytes: Some(size_of(1)), at_ms: 1_000, position: 0 };
        let expected = Changes {
            stored: BTreeMap::from([(&fact.blake3, stored)]),
            linked: BTreeMap::from([((&fact.blake3, "acme/a"), link)]),
            gone: BTreeSet::new(),
            moved: BTreeMap::new(),
        };
        assert_eq!(fold(&events), expected);
    }

    #[test]
    fn the_last_object_and_the_first_link_win() {
        let events = recorded([blob_stored("a", 1, 7).into(), blob_stored("a", 1, 8).into()]);
        let changes = fold(&events);
        assert_eq!(changes.stored[&blake3(1)].position, 1);
        assert_eq!(changes.linked[&(&blake3(1), "a")].position, 0);
    }

    #[test]
    fn a_link_knows_its_size_where_the_blob_was_stored_in_the_same_run_before_it() {
        let events = recorded([
            blob_linked("b", 1, "a").into(),
            blob_stored("a", 1, 7).into(),
            blob_linked("c", 1, "a").into(),
        ]);
        let changes = fold(&events);
        assert_eq!(changes.linked[&(&blake3(1), "b")].size_bytes, None);
        assert_eq!(changes.linked[&(&blake3(1), "c")].size_bytes, Some(size_of(1)));
    }

    #[test]
    fn a_blob_whose_deletion_was_started_is_absent_until_it_is_stored_again() {
        let events = recorded([
            blob_stored("a", 1, 7).into(),
            blob_linked("b", 1, "a").into(),
            blob_deletion_started(1, 7).into(),
        ]);
        let changes = fold(&events);
        assert!(changes.stored.is_empty() && changes.linked.is_empty());
        assert!(changes.gone.contains(&blake3(1)));
        let again = [&events[..], &recorded([blob_stored("a", 1, 8).into()])[..]].concat();
        let changes = fold(&again);
        assert!(changes.gone.contains(&blake3(1)) && changes.stored.contains_key(&blake3(1)));
        assert_eq!(changes.linked.len(), 1);
    }

    #[test]
    fn a_moved_blob_has_the_object_that_it_was_moved_to_until_it_is_stored_again() {
        let events = recorded([blob_stored("a", 1, 7).into(), blob_moved(1, 7, 8).into()]);
        let changes = fold(&events);
        let (stored, to) = (&changes.stored[&blake3(1)], object(8));
        assert_eq!((stored.store, stored.object, stored.position), ("cold", to.as_str(), 1));
        assert!(changes.moved.is_empty());
        let events = recorded([blob_moved(1, 7, 8).into(), blob_moved(1, 8, 9).into()]);
        assert_eq!(fold(&events).moved[&blake3(1)].object, object(9).as_str());
        let events = recorded([blob_moved(1, 7, 8).into(), blob_stored("a", 1, 9).into()]);
        assert!(fold(&events).moved.is_empty());
        let events = recorded([blob_moved(1, 7, 8).into(), blob_deletion_started(1, 8).into()]);
        assert!(fold(&events).moved.is_empty());
    }
}
