//! `reads`: who was given which package, once a day.
//!
//! - The first `manifest.read-granted` of an actor, a package and a day makes the row; nothing changes it.
//! - The day is the one that the event names, so that the row says what the decision to coalesce was made on.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::event::Fact;
use crate::log::Recorded;

pub use query::{exists, last_day};

/// Rows to make where there are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a>(BTreeMap<Key<'a>, Granted>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    repository: &'a str,
    manifest: &'a [u8; 32],
    day: i64,
    actor: &'a str,
}

#[derive(Debug, PartialEq, Eq)]
struct Granted {
    at_ms: i64,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        if let Fact::ManifestReadGranted(fact) = &event.fact {
            let key = Key {
                repository: fact.repository.as_str(),
                manifest: fact.blake3.as_bytes(),
                day: bigint(fact.day),
                actor: event.actor.as_str(),
            };
            let granted = Granted { at_ms: bigint(event.at_ms), position: bigint(*position) };
            changes.0.entry(key).or_insert(granted);
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
            "src/views/reads/apply.sql",
            &self.0.keys().map(|key| key.repository).collect::<Vec<_>>() as _,
            &self.0.keys().map(|key| key.manifest.as_slice()).collect::<Vec<_>>() as _,
            &self.0.keys().map(|key| key.day).collect::<Vec<_>>(),
            &self.0.keys().map(|key| key.actor).collect::<Vec<_>>() as _,
            &self.0.values().map(|granted| granted.at_ms).collect::<Vec<_>>(),
            &self.0.values().map(|granted| granted.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{read_granted, recorded};

    #[test]
    fn the_first_grant_of_a_day_makes_the_row() {
        let events = recorded([
            read_granted("a", 1, 20_000).into(),
            read_granted("a", 1, 20_000).into(),
            read_granted("a", 1, 20_001).into(),
        ]);
        let changes = fold(&events);
        let rows: Vec<_> = changes.0.iter().map(|(key, granted)| (key.day, granted.position)).collect();
        assert_eq!(rows, [(20_000, 0), (20_001, 2)]);
    }
}
