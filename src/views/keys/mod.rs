//! `keys`: public keys that sign, retired ones too.
//!
//! - The first `key.added` of a key makes its row. Nothing changes its kind, bytes or node.
//! - The first `key.retired` after it marks the row, for good.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::{Fact, KeyAdded};
use crate::log::Recorded;

pub use query::{Key, get, list};

/// Rows to make where there are none, and when rows that were there before this run of events were retired.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    added: BTreeMap<&'a str, Added<'a>>,
    retired_at_ms: BTreeMap<&'a str, i64>,
}

#[derive(Debug, PartialEq, Eq)]
struct Added<'a> {
    fact: &'a KeyAdded,
    at_ms: i64,
    retired_at_ms: Option<i64>,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let at_ms = bigint(event.at_ms);
        match &event.fact {
            Fact::KeyAdded(fact) => {
                let added = Added { fact, at_ms, retired_at_ms: None, position: bigint(*position) };
                changes.added.entry(fact.key.as_str()).or_insert(added);
            }
            Fact::KeyRetired(fact) => {
                if let Some(added) = changes.added.get_mut(fact.key.as_str()) {
                    added.retired_at_ms.get_or_insert(at_ms);
                }
                changes.retired_at_ms.entry(fact.key.as_str()).or_insert(at_ms);
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.added.is_empty() && self.retired_at_ms.is_empty() {
            return Ok(());
        }
        let added = &self.added;
        sqlx::query_file!(
            "src/views/keys/apply.sql",
            &added.keys().copied().collect::<Vec<_>>() as _,
            &added.values().map(|row| row.fact.kind.name()).collect::<Vec<_>>() as _,
            &added.values().map(|row| row.fact.public.as_slice()).collect::<Vec<_>>() as _,
            &added.values().map(|row| row.fact.node.as_str()).collect::<Vec<_>>() as _,
            &added.values().map(|row| row.at_ms).collect::<Vec<_>>(),
            &added.values().map(|row| row.retired_at_ms).collect::<Vec<_>>() as _,
            &added.values().map(|row| row.position).collect::<Vec<_>>(),
            &self.retired_at_ms.keys().copied().collect::<Vec<_>>() as _,
            &self.retired_at_ms.values().copied().collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{key, key_added, key_retired, recorded};

    #[test]
    fn a_key_that_is_retired_at_once_has_a_retired_row() {
        let events = recorded([key_added(1).into(), key_retired(1).into(), key_retired(1).into()]);
        let (changes, key) = (fold(&events), key(1));
        assert_eq!(changes.added[key.as_str()].retired_at_ms, Some(1_001));
        assert_eq!(changes.retired_at_ms[key.as_str()], 1_001);
    }

    #[test]
    fn what_was_retired_before_it_was_added_signs() {
        let events = recorded([key_retired(1).into(), key_added(1).into()]);
        assert_eq!(fold(&events).added[key(1).as_str()].retired_at_ms, None);
    }
}
