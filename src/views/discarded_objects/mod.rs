//! `discarded_objects`: objects that no event may name any more.
//!
//! - The first `object.discarded` of an object makes the row; nothing changes it.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{Discarded, among, get};

/// Rows to make where there are none, by store and object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a>(BTreeMap<(&'a str, &'a str), Row>);

#[derive(Debug, PartialEq, Eq)]
struct Row {
    reason: &'static str,
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        if let Fact::ObjectDiscarded(fact) = &event.fact {
            let row =
                Row { reason: fact.reason.name(), at_ms: bigint(event.at_ms), position: bigint(*position) };
            changes.0.entry((fact.store.as_str(), fact.object.as_str())).or_insert(row);
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        sqlx::query_file!(
            "src/views/discarded_objects/apply.sql",
            &self.0.keys().map(|(store, _)| *store).collect::<Vec<_>>() as _,
            &self.0.keys().map(|(_, object)| *object).collect::<Vec<_>>() as _,
            &self.0.values().map(|row| row.reason).collect::<Vec<_>>() as _,
            &self.0.values().map(|row| row.at_ms).collect::<Vec<_>>(),
            &self.0.values().map(|row| row.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::event::DiscardReason;
    use crate::views::given::{object_discarded, recorded};

    #[test]
    fn the_first_reason_stays() {
        let events = recorded([
            object_discarded(7, DiscardReason::Late).into(),
            object_discarded(7, DiscardReason::Refused).into(),
        ]);
        let changes = fold(&events);
        let expected = Row { reason: "late", at_ms: 1_000, position: 0 };
        assert_eq!(changes.0.into_values().collect::<Vec<_>>(), [expected]);
    }
}
