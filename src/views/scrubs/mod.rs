//! `scrubs`: how far the reading of all blobs of a store is.
//!
//! - Only summaries of all blobs count, not those of a repository or of what is new.
//! - A summary that begins with the first address begins a reading; each further one adds to it.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::{Fact, Selection};
use crate::log::Recorded;

pub use query::{Scrub, get};

/// What a run of events adds, by store.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a>(BTreeMap<&'a str, Row<'a>>);

#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    started_at_ms: i64,
    /// It begins a reading.
    anew: bool,
    through: Option<&'a [u8]>,
    blobs: i64,
    size_bytes: i64,
    completed_at_ms: Option<i64>,
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let Fact::BlobVerified(fact) = &event.fact else { continue };
        if fact.selection != Selection::default() {
            continue;
        }
        let at_ms = bigint(event.at_ms);
        let mut row = Row {
            started_at_ms: at_ms,
            anew: fact.after.is_none(),
            through: fact.through.as_ref().map(|through| through.as_bytes().as_slice()),
            blobs: bigint(fact.blobs),
            size_bytes: bigint(fact.bytes),
            completed_at_ms: fact.through.is_none().then_some(at_ms),
            at_ms,
            position: bigint(*position),
        };
        if let Some(before) = changes.0.remove(fact.store.as_str()) {
            row.completed_at_ms = row.completed_at_ms.or(before.completed_at_ms);
            if !row.anew {
                row.anew = before.anew;
                row.started_at_ms = before.started_at_ms;
                row.blobs = row.blobs.saturating_add(before.blobs);
                row.size_bytes = row.size_bytes.saturating_add(before.size_bytes);
            }
        }
        changes.0.insert(fact.store.as_str(), row);
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let rows = || self.0.values();
        sqlx::query_file!(
            "src/views/scrubs/apply.sql",
            &self.0.keys().copied().collect::<Vec<_>>() as _,
            &rows().map(|row| row.started_at_ms).collect::<Vec<_>>(),
            &rows().map(|row| row.anew).collect::<Vec<_>>(),
            &rows().map(|row| row.through).collect::<Vec<_>>() as _,
            &rows().map(|row| row.blobs).collect::<Vec<_>>(),
            &rows().map(|row| row.size_bytes).collect::<Vec<_>>(),
            &rows().map(|row| row.completed_at_ms).collect::<Vec<_>>() as _,
            &rows().map(|row| row.at_ms).collect::<Vec<_>>(),
            &rows().map(|row| row.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{blob_verified, recorded};

    #[test]
    fn summaries_add_up_until_a_reading_begins_anew() {
        let events = recorded([
            blob_verified(Some(1), Some(2), 10).into(),
            blob_verified(Some(2), None, 5).into(),
            blob_verified(None, Some(3), 7).into(),
            blob_verified(Some(3), Some(4), 1).into(),
        ]);
        let row = &fold(&events).0["main"];
        assert_eq!((row.anew, row.blobs, row.started_at_ms, row.position), (true, 8, 1_002, 3));
        assert_eq!((row.completed_at_ms, row.through.is_some()), (Some(1_001), true));
        let row = &fold(&events[..2]).0["main"];
        assert_eq!((row.anew, row.blobs, row.through), (false, 15, None));
    }

    #[test]
    fn a_part_is_not_progress() {
        let mut part = blob_verified(None, None, 10);
        part.selection.since_ms = Some(1);
        assert_eq!(fold(&recorded([part.into()])), Changes::default());
    }
}
