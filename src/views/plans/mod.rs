//! `plans`: those that were submitted, who approved and applied them, and what was deleted by them.
//!
//! - The first `plan.submitted` of a plan makes its row; the first approval and the first application behind it count.
//! - Each tombstone that names a plan is counted in its row.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::row::bigint;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, Fact, PlanSubmitted};
use crate::log::Recorded;

pub use query::{Act, PlanRow, get, list};

/// Rows to make where there are none, and changes of those that were there before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    submitted: BTreeMap<&'a Blake3, Submitted<'a>>,
    changed: BTreeMap<&'a Blake3, Since<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Submitted<'a> {
    fact: &'a PlanSubmitted,
    done: Done<'a>,
    since: Since<'a>,
}

/// Somebody did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Done<'a> {
    at_ms: i64,
    by: &'a str,
    position: i64,
}

/// What became of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
struct Since<'a> {
    approved: Option<Done<'a>>,
    applied: Option<Done<'a>>,
    deleted: i64,
    deleted_bytes: i64,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let done = Done { at_ms: bigint(event.at_ms), by: event.actor.as_str(), position: bigint(*position) };
        match &event.fact {
            Fact::PlanSubmitted(fact) => {
                let row = Submitted { fact, done, since: Since::default() };
                changes.submitted.entry(&fact.plan).or_insert(row);
            }
            Fact::PlanApproved(fact) => changes.change(&fact.plan, |since| {
                since.approved.get_or_insert(done);
            }),
            Fact::PlanApplied(fact) => changes.change(&fact.plan, |since| {
                since.applied.get_or_insert(done);
            }),
            Fact::ManifestDeleted(fact) => {
                if let Authority::Plan { plan, .. } = &fact.authority {
                    changes.change(plan, |since| {
                        since.deleted += 1;
                        since.deleted_bytes = since.deleted_bytes.saturating_add(bigint(fact.blobs_bytes));
                    });
                }
            }
            _ => {}
        }
    }
    changes
}

impl<'a> Changes<'a> {
    /// A row from before meets all of it, a row of this run what came behind it.
    fn change(&mut self, plan: &'a Blake3, change: impl Fn(&mut Since<'a>)) {
        change(self.changed.entry(plan).or_default());
        if let Some(row) = self.submitted.get_mut(plan) {
            change(&mut row.since);
        }
    }

    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.submitted.is_empty() && self.changed.is_empty() {
            return Ok(());
        }
        let rows: Vec<&Submitted<'_>> = self.submitted.values().collect();
        let facts = || rows.iter().map(|row| row.fact);
        let new = Columns::of(rows.iter().map(|row| &row.since));
        let old = Columns::of(self.changed.values());
        sqlx::query_file!(
            "src/views/plans/apply.sql",
            &facts().map(|fact| fact.plan.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &facts().map(|fact| bigint(fact.at_size)).collect::<Vec<_>>(),
            &facts().map(|fact| bigint(fact.deletions)).collect::<Vec<_>>(),
            &facts().map(|fact| bigint(fact.bytes)).collect::<Vec<_>>(),
            &facts().map(|fact| bigint(fact.locks)).collect::<Vec<_>>(),
            &facts().map(|fact| fact.approve).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.done.at_ms).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.done.by).collect::<Vec<_>>() as _,
            &rows.iter().map(|row| row.done.position).collect::<Vec<_>>(),
            &new.approved.at_ms as _,
            &new.approved.by as _,
            &new.approved.position as _,
            &new.applied.at_ms as _,
            &new.applied.by as _,
            &new.applied.position as _,
            &new.deleted,
            &new.deleted_bytes,
            &self.changed.keys().map(|plan| plan.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &old.approved.at_ms as _,
            &old.approved.by as _,
            &old.approved.position as _,
            &old.applied.at_ms as _,
            &old.applied.by as _,
            &old.applied.position as _,
            &old.deleted,
            &old.deleted_bytes,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// [`Since`], as columns.
#[derive(Default)]
struct Columns<'a> {
    approved: DoneColumns<'a>,
    applied: DoneColumns<'a>,
    deleted: Vec<i64>,
    deleted_bytes: Vec<i64>,
}

#[derive(Default)]
struct DoneColumns<'a> {
    at_ms: Vec<Option<i64>>,
    by: Vec<Option<&'a str>>,
    position: Vec<Option<i64>>,
}

impl<'a> Columns<'a> {
    fn of<'s>(rows: impl Iterator<Item = &'s Since<'a>>) -> Self
    where
        'a: 's,
    {
        let mut columns = Self::default();
        for since in rows {
            columns.approved.push(since.approved);
            columns.applied.push(since.applied);
            columns.deleted.push(since.deleted);
            columns.deleted_bytes.push(since.deleted_bytes);
        }
        columns
    }
}

impl<'a> DoneColumns<'a> {
    fn push(&mut self, done: Option<Done<'a>>) {
        self.at_ms.push(done.map(|done| done.at_ms));
        self.by.push(done.map(|done| done.by));
        self.position.push(done.map(|done| done.position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::event::{PlanApplied, PlanApproved};
    use crate::views::given::{blake3, recorded};

    fn submitted() -> Fact {
        let plan = blake3(1);
        PlanSubmitted { plan, at_size: 0, deletions: 0, bytes: 0, locks: 0, approve: true }.into()
    }

    #[test]
    fn the_first_approval_and_application_behind_the_submission_count() {
        let (approved, applied) = (PlanApproved { plan: blake3(1) }, PlanApplied { plan: blake3(1) });
        let events = recorded([
            approved.clone().into(),
            submitted(),
            applied.clone().into(),
            approved.into(),
            applied.into(),
        ]);
        let changes = fold(&events);
        let row = &changes.submitted[&blake3(1)];
        assert_eq!((row.since.applied.unwrap().position, row.since.approved.unwrap().position), (2, 3));
        assert_eq!(changes.changed[&blake3(1)].approved.unwrap().position, 0);
    }
}
