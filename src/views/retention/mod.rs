//! `retention`: until when packages are locked.
//!
//! - The end of a lock moves only later, for each mode by itself; so does what is bypassed.
//! - A package that is deleted has no locks any more. Accepted again, it begins anew.

mod query;

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, LockMode};
use crate::log::Recorded;

pub use query::{End, Locks, get};

type Package<'a> = (&'a str, &'a Blake3);

/// Rows that go, and what comes or moves after that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    removed: BTreeSet<Package<'a>>,
    rows: BTreeMap<Package<'a>, Row>,
}

/// Each end with the event that moved it there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    governance: Option<(i64, i64)>,
    compliance: Option<(i64, i64)>,
    bypassed: Option<(i64, i64)>,
    position: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let position = bigint(*position);
        match &event.fact {
            Fact::LockExtended(fact) => {
                let row = changes.rows.entry((fact.repository.as_str(), &fact.blake3)).or_default();
                row.position = position;
                let end = match fact.mode {
                    LockMode::Governance => &mut row.governance,
                    LockMode::Compliance => &mut row.compliance,
                };
                later(end, bigint(fact.until_ms), position);
            }
            Fact::LockBypassed(fact) => {
                let row = changes.rows.entry((fact.repository.as_str(), &fact.blake3)).or_default();
                row.position = position;
                later(&mut row.bypassed, bigint(fact.until_ms), position);
            }
            Fact::ManifestDeleted(fact) => {
                let package = (fact.repository.as_str(), &fact.blake3);
                changes.rows.remove(&package);
                changes.removed.insert(package);
            }
            _ => {}
        }
    }
    changes
}

fn later(end: &mut Option<(i64, i64)>, until_ms: i64, position: i64) {
    if end.is_none_or(|(before, _)| until_ms > before) {
        *end = Some((until_ms, position));
    }
}

impl Changes<'_> {
    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.removed.is_empty() {
            sqlx::query_file!(
                "src/views/retention/remove.sql",
                &self.removed.iter().map(|(repository, _)| *repository).collect::<Vec<_>>() as _,
                &self.removed.iter().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>()
                    as _,
            )
            .execute(&mut *connection)
            .await?;
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        let (until, moved) =
            (|end: Option<(i64, i64)>| end.map(|end| end.0), |end: Option<(i64, i64)>| end.map(|end| end.1));
        let rows = || self.rows.values();
        sqlx::query_file!(
            "src/views/retention/apply.sql",
            &self.rows.keys().map(|(repository, _)| *repository).collect::<Vec<_>>() as _,
            &self.rows.keys().map(|(_, manifest)| manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &rows().map(|row| until(row.governance)).collect::<Vec<_>>() as _,
            &rows().map(|row| moved(row.governance)).collect::<Vec<_>>() as _,
            &rows().map(|row| until(row.compliance)).collect::<Vec<_>>() as _,
            &rows().map(|row| moved(row.compliance)).collect::<Vec<_>>() as _,
            &rows().map(|row| until(row.bypassed)).collect::<Vec<_>>() as _,
            &rows().map(|row| moved(row.bypassed)).collect::<Vec<_>>() as _,
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
    use crate::views::given::{blake3, lock_bypassed, lock_extended, manifest_deleted, recorded};

    #[test]
    fn a_lock_moves_only_later_and_each_mode_by_itself() {
        let events = recorded([
            lock_extended("a", 1, LockMode::Governance, 50).into(),
            lock_extended("a", 1, LockMode::Governance, 40).into(),
            lock_extended("a", 1, LockMode::Governance, 50).into(),
            lock_extended("a", 1, LockMode::Compliance, 10).into(),
            lock_bypassed("a", 1, 50).into(),
        ]);
        let changes = fold(&events);
        let expected = Row {
            governance: Some((50, 0)),
            compliance: Some((10, 3)),
            bypassed: Some((50, 4)),
            position: 4,
        };
        assert_eq!(changes.rows[&("a", &blake3(1))], expected);
    }

    #[test]
    fn a_deletion_takes_the_locks_with_it() {
        let events = recorded([
            lock_extended("a", 1, LockMode::Governance, 50).into(),
            manifest_deleted("a", 1).into(),
            lock_extended("a", 1, LockMode::Governance, 40).into(),
        ]);
        let changes = fold(&events);
        assert!(changes.removed.contains(&("a", &blake3(1))));
        assert_eq!(changes.rows[&("a", &blake3(1))].governance, Some((40, 2)));
    }
}
