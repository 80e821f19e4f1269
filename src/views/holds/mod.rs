//! `holds`: what may not be deleted, and what might not be once.
//!
//! - The first `hold.placed` of a name makes its row; the first `hold.released` after it ends it. Nothing else changes it.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, HoldPlaced, HoldTarget};
use crate::log::Recorded;

pub use query::{Hold, Release, all, get, list};

/// Rows to make where there are none, and releases for those that were there before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    placed: BTreeMap<&'a str, Placed<'a>>,
    released: BTreeMap<&'a str, Released<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Placed<'a> {
    fact: &'a HoldPlaced,
    at_ms: i64,
    by: &'a str,
    position: i64,
    released: Option<Released<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Released<'a> {
    at_ms: i64,
    by: &'a str,
    statement: &'a Blake3,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let (at_ms, by, position) = (bigint(event.at_ms), event.actor.as_str(), bigint(*position));
        match &event.fact {
            Fact::HoldPlaced(fact) => {
                let placed = Placed { fact, at_ms, by, position, released: None };
                changes.placed.entry(fact.hold.as_str()).or_insert(placed);
            }
            Fact::HoldReleased(fact) => {
                let released = Released { at_ms, by, statement: &fact.statement, position };
                // A row from before meets the first of these, a row of this run what came after it.
                changes.released.entry(fact.hold.as_str()).or_insert(released);
                if let Some(placed) = changes.placed.get_mut(fact.hold.as_str()) {
                    placed.released.get_or_insert(released);
                }
            }
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.placed.is_empty() && self.released.is_empty() {
            return Ok(());
        }
        let placed: Vec<&Placed<'_>> = self.placed.values().collect();
        let targets = || placed.iter().map(|row| &row.fact.target);
        let ends = || placed.iter().map(|row| row.released.as_ref());
        sqlx::query_file!(
            "src/views/holds/apply.sql",
            &placed.iter().map(|row| row.fact.hold.as_str()).collect::<Vec<_>>() as _,
            &placed.iter().map(|row| row.fact.kind.name()).collect::<Vec<_>>() as _,
            &targets().map(|target| target.repository().map(|name| name.as_str())).collect::<Vec<_>>() as _,
            &targets().map(manifest).collect::<Vec<_>>() as _,
            &targets().map(selector).collect::<Vec<_>>() as _,
            &placed.iter().map(|row| row.fact.statement.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &placed.iter().map(|row| row.at_ms).collect::<Vec<_>>(),
            &placed.iter().map(|row| row.by).collect::<Vec<_>>() as _,
            &placed.iter().map(|row| row.position).collect::<Vec<_>>(),
            &ends().map(|end| end.map(|end| end.at_ms)).collect::<Vec<_>>() as _,
            &ends().map(|end| end.map(|end| end.by)).collect::<Vec<_>>() as _,
            &ends().map(|end| end.map(|end| end.statement.as_bytes().as_slice())).collect::<Vec<_>>() as _,
            &ends().map(|end| end.map(|end| end.position)).collect::<Vec<_>>() as _,
            &self.released.keys().copied().collect::<Vec<_>>() as _,
            &self.released.values().map(|end| end.at_ms).collect::<Vec<_>>(),
            &self.released.values().map(|end| end.by).collect::<Vec<_>>() as _,
            &self.released.values().map(|end| end.statement.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &self.released.values().map(|end| end.position).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn manifest(target: &HoldTarget) -> Option<&[u8]> {
    match target {
        HoldTarget::Package(_, manifest) => Some(manifest.as_bytes()),
        HoldTarget::Repository(_) | HoldTarget::Query(_) => None,
    }
}

fn selector(target: &HoldTarget) -> Option<&[u8]> {
    match target {
        HoldTarget::Query(selector) => Some(selector.as_bytes()),
        HoldTarget::Package(..) | HoldTarget::Repository(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::given::{hold_placed, hold_released, recorded};

    #[test]
    fn a_release_before_the_hold_does_not_end_it() {
        let events = recorded([hold_released("h").into(), hold_placed("h", "a").into()]);
        let changes = fold(&events);
        assert_eq!(changes.placed["h"].released, None);
        assert_eq!(changes.released["h"].position, 0);
    }

    #[test]
    fn the_first_release_after_it_ends_a_hold_and_the_first_placing_counts() {
        let events = recorded([
            hold_placed("h", "a").into(),
            hold_released("h").into(),
            hold_released("h").into(),
            hold_placed("h", "b").into(),
        ]);
        let placed = &fold(&events).placed["h"];
        assert_eq!(placed.position, 0);
        assert_eq!(placed.released.unwrap().position, 1);
    }
}
