//! `deleting_blobs`: objects that blobs had and are to be deleted; `deleted_totals`: what was freed so far.
//!
//! - `blob.deletion-started` makes the row of its object, and `blob.moved` that of the one before it; `blob.deleted` removes it and adds its bytes to what was freed.
//! - What is deleted without having been started frees nothing.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{Deleting, Started, Totals, among, list, of_blobs, totals};

/// What a run of events says of each object that it is about, and what was freed of what the run began itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    objects: BTreeMap<(&'a str, &'a str), Object<'a>>,
    freed: BTreeMap<&'a str, Freed>,
}

#[derive(Debug, PartialEq, Eq)]
struct Object<'a> {
    /// Whether the row from before this run is freed by it. If not, it is replaced.
    frees_former: bool,
    /// The row after it.
    row: Option<Row<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    blake3: &'a Blake3,
    size_bytes: i64,
    at_ms: i64,
    position: i64,
    moved: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Freed {
    objects: i64,
    bytes: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        match &event.fact {
            Fact::BlobDeletionStarted(fact) => {
                let row = Row {
                    blake3: &fact.blake3,
                    size_bytes: bigint(fact.size_bytes),
                    at_ms: bigint(event.at_ms),
                    position: bigint(*position),
                    moved: false,
                };
                changes.start((fact.store.as_str(), fact.object.as_str()), row);
            }
            Fact::BlobMoved(fact) => {
                let row = Row {
                    blake3: &fact.blake3,
                    size_bytes: bigint(fact.size_bytes),
                    at_ms: bigint(event.at_ms),
                    position: bigint(*position),
                    moved: true,
                };
                changes.start((fact.from_store.as_str(), fact.from_object.as_str()), row);
            }
            Fact::BlobDeleted(fact) => {
                let key = (fact.store.as_str(), fact.object.as_str());
                let object = changes.objects.entry(key).or_insert(Object { frees_former: true, row: None });
                if let Some(row) = object.row.take() {
                    let freed = changes.freed.entry(key.0).or_default();
                    freed.objects += 1;
                    freed.bytes += row.size_bytes;
                }
            }
            _ => {}
        }
    }
    changes
}

impl<'a> Changes<'a> {
    fn start(&mut self, key: (&'a str, &'a str), row: Row<'a>) {
        let object = self.objects.entry(key);
        object.or_insert(Object { frees_former: false, row: None }).row = Some(row);
    }

    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.objects.is_empty() {
            return Ok(());
        }
        sqlx::query_file!(
            "src/views/deleting_blobs/apply.sql",
            &self.objects.keys().map(|(store, _)| *store).collect::<Vec<_>>() as _,
            &self.objects.keys().map(|(_, object)| *object).collect::<Vec<_>>() as _,
            &self.objects.values().map(|object| object.frees_former).collect::<Vec<_>>(),
            &self.freed.keys().copied().collect::<Vec<_>>() as _,
            &self.freed.values().map(|freed| freed.objects).collect::<Vec<_>>(),
            &self.freed.values().map(|freed| freed.bytes).collect::<Vec<_>>(),
        )
        .execute(&mut *connection)
        .await?;
        let rows: Vec<_> =
            self.objects.iter().filter_map(|(key, object)| Some((key, object.row.as_ref()?))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query_file!(
            "src/views/deleting_blobs/insert.sql",
            &rows.iter().map(|(key, _)| key.0).collect::<Vec<_>>() as _,
            &rows.iter().map(|(key, _)| key.1).collect::<Vec<_>>() as _,
            &rows.iter().map(|(_, row)| row.blake3.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &rows.iter().map(|(_, row)| row.size_bytes).collect::<Vec<_>>(),
            &rows.iter().map(|(_, row)| row.at_ms).collect::<Vec<_>>(),
            &rows.iter().map(|(_, row)| row.position).collect::<Vec<_>>(),
            &rows.iter().map(|(_, row)| row.moved).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blob_deleted, blob_deletion_started, blob_moved, recorded, size_of};

    #[test]
    fn what_a_run_begins_and_ends_is_freed_and_leaves_no_row() {
        let events = recorded([blob_deletion_started(1, 7).into(), blob_deleted(1, 7).into()]);
        let changes = fold(&events);
        let object = changes.objects.values().next().unwrap();
        assert_eq!((object.frees_former, object.row.is_none()), (false, true));
        assert_eq!(changes.freed["main"], Freed { objects: 1, bytes: size_of(1) });
    }

    #[test]
    fn what_was_begun_before_is_freed_by_the_row_that_it_has() {
        let events = recorded([blob_deleted(1, 7).into(), blob_deletion_started(1, 7).into()]);
        let changes = fold(&events);
        let object = changes.objects.values().next().unwrap();
        assert_eq!((object.frees_former, object.row.is_some()), (true, true));
        assert!(changes.freed.is_empty());
    }

    #[test]
    fn a_move_gives_up_the_object_that_the_blob_had() {
        let events = recorded([blob_moved(1, 7, 8).into()]);
        let changes = fold(&events);
        let (key, object) = changes.objects.first_key_value().unwrap();
        assert_eq!((key.0, object.row.as_ref().map(|row| row.moved)), ("main", Some(true)));
    }
}
