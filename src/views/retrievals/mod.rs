//! `retrievals`: packages that were asked for from cold stores, and how far each is.
//!
//! - The first request of an id makes the row. The first `retrieval.restoring` counts, of the others the last.
//! - That a retrieval has expired stands nowhere: it follows from `until` and the time.

mod query;

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::row::bigint;
use crate::kernel::event::{Fact, RetrievalRequested};
use crate::kernel::id::RetrievalId;
use crate::log::Recorded;

pub use query::{Retrieval, get, last, list, open};

/// What a run of events says of each retrieval.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a>(BTreeMap<RetrievalId, Change<'a>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Change<'a> {
    /// What is said of a row from before this run.
    former: Progress,
    /// The row that this run makes if there was none.
    row: Option<Row<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    asked: &'a RetrievalRequested,
    by: &'a str,
    at_ms: i64,
    position: i64,
    progress: Progress,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Progress {
    restoring_at_ms: Option<i64>,
    available: Option<(i64, i64)>,
    failed: Option<(i64, &'static str)>,
}

pub(super) fn fold(events: &[Recorded]) -> Changes<'_> {
    let mut changes = Changes::default();
    for Recorded { position, event, .. } in events {
        let at_ms = bigint(event.at_ms);
        match &event.fact {
            Fact::RetrievalRequested(asked) => {
                let (by, position) = (event.actor.as_str(), bigint(*position));
                let row = Row { asked, by, at_ms, position, progress: Progress::default() };
                changes.0.entry(asked.retrieval).or_default().row.get_or_insert(row);
            }
            Fact::RetrievalRestoring(fact) => changes.say(fact.retrieval, |progress| {
                progress.restoring_at_ms.get_or_insert(at_ms);
            }),
            Fact::RetrievalAvailable(fact) => changes.say(fact.retrieval, |progress| {
                progress.available = Some((at_ms, bigint(fact.until_ms)));
            }),
            Fact::RetrievalFailed(fact) => changes.say(fact.retrieval, |progress| {
                progress.failed = Some((at_ms, fact.code.name()));
            }),
            _ => {}
        }
    }
    changes
}

impl Changes<'_> {
    fn say(&mut self, retrieval: RetrievalId, what: impl Fn(&mut Progress)) {
        let change = self.0.entry(retrieval).or_default();
        what(&mut change.former);
        if let Some(row) = &mut change.row {
            what(&mut row.progress);
        }
    }

    pub(super) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let said: Vec<(Uuid, &Progress)> = self
            .0
            .iter()
            .filter(|(_, change)| change.former != Progress::default())
            .map(|(retrieval, change)| (retrieval.0, &change.former))
            .collect();
        if !said.is_empty() {
            let progress = || said.iter().map(|(_, progress)| progress);
            sqlx::query_file!(
                "src/views/retrievals/update.sql",
                &said.iter().map(|(retrieval, _)| *retrieval).collect::<Vec<_>>(),
                &progress().map(|said| said.restoring_at_ms).collect::<Vec<_>>() as _,
                &progress().map(|said| said.available.map(|at| at.0)).collect::<Vec<_>>() as _,
                &progress().map(|said| said.available.map(|at| at.1)).collect::<Vec<_>>() as _,
                &progress().map(|said| said.failed.map(|at| at.0)).collect::<Vec<_>>() as _,
                &progress().map(|said| said.failed.map(|at| at.1)).collect::<Vec<_>>() as _,
            )
            .execute(&mut *connection)
            .await?;
        }
        let rows: Vec<&Row<'_>> = self.0.values().filter_map(|change| change.row.as_ref()).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let (asked, progress) =
            (|| rows.iter().map(|row| row.asked), || rows.iter().map(|row| &row.progress));
        sqlx::query_file!(
            "src/views/retrievals/insert.sql",
            &asked().map(|asked| asked.retrieval.0).collect::<Vec<_>>(),
            &asked().map(|asked| asked.repository.as_str()).collect::<Vec<_>>() as _,
            &asked().map(|asked| asked.manifest.as_bytes().as_slice()).collect::<Vec<_>>() as _,
            &asked().map(|asked| bigint(asked.blobs)).collect::<Vec<_>>(),
            &asked().map(|asked| bigint(asked.bytes)).collect::<Vec<_>>(),
            &asked().map(|asked| bigint(asked.days)).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.at_ms).collect::<Vec<_>>(),
            &rows.iter().map(|row| row.by).collect::<Vec<_>>() as _,
            &rows.iter().map(|row| row.position).collect::<Vec<_>>(),
            &progress().map(|said| said.restoring_at_ms).collect::<Vec<_>>() as _,
            &progress().map(|said| said.available.map(|at| at.0)).collect::<Vec<_>>() as _,
            &progress().map(|said| said.available.map(|at| at.1)).collect::<Vec<_>>() as _,
            &progress().map(|said| said.failed.map(|at| at.0)).collect::<Vec<_>>() as _,
            &progress().map(|said| said.failed.map(|at| at.1)).collect::<Vec<_>>() as _,
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
        recorded, retrieval_available, retrieval_failed, retrieval_requested, retrieval_restoring,
    };

    #[test]
    fn a_retrieval_walks_from_its_request_to_its_end() {
        let events = recorded([
            retrieval_requested(1, "a", 1).into(),
            retrieval_restoring(1).into(),
            retrieval_restoring(1).into(),
            retrieval_available(1, 9_000).into(),
        ]);
        let changes = fold(&events);
        let row = changes.0.values().next().unwrap().row.as_ref().unwrap();
        let expected =
            Progress { restoring_at_ms: Some(1_001), available: Some((1_003, 9_000)), failed: None };
        assert_eq!((row.at_ms, row.position, &row.progress), (1_000, 0, &expected));
    }

    #[test]
    fn what_is_said_before_it_is_asked_for_is_about_a_row_from_before() {
        let events = recorded([
            retrieval_failed(1).into(),
            retrieval_requested(1, "a", 1).into(),
            retrieval_requested(1, "b", 2).into(),
        ]);
        let changes = fold(&events);
        let change = changes.0.values().next().unwrap();
        assert_eq!(change.former.failed, Some((1_000, "gave-up")));
        let row = change.row.as_ref().unwrap();
        assert_eq!((row.asked.repository.as_str(), &row.progress), ("a", &Progress::default()));
    }
}
