//! `damaged_blobs`: blobs whose object was found corrupt or missing.
//!
//! - A finding counts only if it is about the object that the blob has at that place in the log. The first one stays.
//! - A blob that is stored again, or moved, has another object, so it has no row any more (see `blobs`); neither has one that a
//!   later reading found restored.

mod query;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{Damaged, count, list};

/// What a run of events says: first the restored ones go, then the found ones come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    restored: BTreeSet<(&'a Blake3, &'a str)>,
    /// By blob, store and object.
    found: BTreeMap<(&'a Blake3, &'a str, &'a str), Row>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    found: &'static str,
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        match &event.fact {
            Fact::BlobCorrupt(fact) => {
                for blob in &fact.blobs {
                    let row = Row {
                        found: blob.found.name(),
                        at_ms: bigint(event.at_ms),
                        position: bigint(*position),
                    };
                    let key = (&blob.blake3, fact.store.as_str(), blob.object.as_str());
                    changes.found.entry(key).or_insert(row);
                }
            }
            Fact::BlobVerified(fact) => {
                for blob in &fact.restored {
                    let store = fact.store.as_str();
                    changes.found.retain(|(found, at, _), _| (*found, *at) != (blob, store));
                    changes.restored.insert((blob, store));
                }
            }
            // What was found before is about another object, and `blobs` removes what stands in the table.
            Fact::BlobStored(fact) if !changes.found.is_empty() => {
                changes.found.retain(|(found, _, _), _| *found != &fact.blake3);
            }
            Fact::BlobMoved(fact) if !changes.found.is_empty() => {
                changes.found.retain(|(found, _, _), _| *found != &fact.blake3);
            }
            Fact::BlobDeletionStarted(fact) if !changes.found.is_empty() => {
                changes.found.retain(|(found, _, _), _| *found != &fact.blake3);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    /// After `blobs`, whose rows say which object each has now.
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.restored.is_empty() {
            sqlx::query_file!(
                "src/views/damaged_blobs/restore.sql",
                &self.restored.iter().map(|(blake3, _)| blake3.as_bytes().as_slice()).collect::<Vec<_>>()
                    as _,
                &self.restored.iter().map(|(_, store)| *store).collect::<Vec<_>>() as _,
            )
            .execute(&mut *connection)
            .await?;
        }
        if self.found.is_empty() {
            return Ok(());
        }
        sqlx::query_file!(
            "src/views/damaged_blobs/apply.sql",
            &self.found.keys().map(|(blake3, _, _)| blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &self.found.keys().map(|(_, store, _)| *store).collect::<Vec<_>>() as _,
            &self.found.keys().map(|(_, _, object)| *object).collect::<Vec<_>>() as _,
            &self.found.values().map(|row| row.found).collect::<Vec<_>>() as _,
            &self.found.values().map(|row| row.at_ms).collect::<Vec<_>>(),
            &self.found.values().map(|row| row.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blake3, blob_corrupt, blob_restored, blob_stored, recorded};

    #[test]
    fn the_first_finding_of_an_object_stays() {
        let events = recorded([blob_corrupt(1, 7).into(), blob_corrupt(1, 7).into()]);
        let changes = fold(&events);
        assert_eq!(changes.found.values().map(|row| row.position).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_blob_that_is_stored_again_is_not_damaged_until_its_new_object_is() {
        let again = recorded([blob_corrupt(1, 7).into(), blob_stored("a", 1, 8).into()]);
        assert_eq!(fold(&again), Changes::default());
        let since = recorded([blob_stored("a", 1, 8).into(), blob_corrupt(1, 8).into()]);
        assert_eq!(fold(&since).found.len(), 1);
    }

    #[test]
    fn what_was_restored_may_be_damaged_again() {
        let events =
            recorded([blob_corrupt(1, 7).into(), blob_restored(1).into(), blob_corrupt(1, 7).into()]);
        let changes = fold(&events);
        assert_eq!(changes.restored, BTreeSet::from([(&blake3(1), "main")]));
        assert_eq!(changes.found.values().map(|row| row.position).collect::<Vec<_>>(), [2]);
    }
}
