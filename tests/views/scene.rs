//! A log with its views, on a database of the test's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Executor, PgPool};
use strongroom::clock::{Clock, System};
use strongroom::kernel::event::Fact;
use strongroom::log::{self, Log, Member, NewEvent};
use strongroom::views::{self, Views};

use crate::harness::postgres::TestDatabase;

pub(crate) const TABLES: [&str; 27] = [
    "blob_claims",
    "blob_repositories",
    "blobs",
    "damaged_blobs",
    "deleted_totals",
    "deleting_blobs",
    "discarded_objects",
    "erased_documents",
    "erased_packages",
    "holds",
    "index_parts",
    "keys",
    "manifests",
    "package_references",
    "package_tiers",
    "pins",
    "plans",
    "policies",
    "reads",
    "repositories",
    "repository_totals",
    "retention",
    "retrievals",
    "scrubs",
    "tags",
    "tiered_claims",
    "tokens",
];

/// Every row of every table, as text, in order.
pub(crate) type Rows = BTreeMap<&'static str, Vec<String>>;

pub(crate) struct Scene {
    pub(crate) database: TestDatabase,
    pub(crate) log: Log,
    _tasks: log::Tasks,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::at(Arc::new(System)).await
    }

    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        let database = TestDatabase::fresh().await;
        views::prepare(database.database.pool()).await.expect("an empty log gets its views");
        let started = Log::start(database.options(), Arc::new(Views), clock, log::Options::default());
        let (log, tasks) = started.await.expect("a writer");
        Self { database, log, _tasks: tasks }
    }

    /// With these facts appended, in runs of any length.
    pub(crate) async fn with(facts: Vec<Fact>) -> Self {
        let scene = Self::new().await;
        for run in facts.chunks(1_000) {
            scene.append(run.to_vec()).await;
        }
        scene
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.database.database.pool()
    }

    /// Appends the facts as one run, which the views fold as one.
    pub(crate) async fn append(&self, facts: Vec<Fact>) -> Vec<u64> {
        append(&self.log, facts).await.expect("no version and no guard is in the way")
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.pool().execute(AssertSqlSafe(sql.to_owned())).await.expect(sql);
    }

    pub(crate) async fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for table in TABLES {
            let sql = format!("select row::text from view.{table} row order by row::text collate \"C\"");
            let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(self.pool()).await.expect(table);
            rows.insert(table, found);
        }
        rows
    }

    /// Schemas of views, live and scratch.
    pub(crate) async fn schemas(&self) -> Vec<String> {
        let sql = "select nspname::text from pg_namespace where nspname like 'view%' order by 1";
        sqlx::query_scalar(sql).fetch_all(self.pool()).await.expect("the catalogue answers")
    }

    pub(crate) async fn rebuild(&self) -> u64 {
        views::rebuild(self.pool(), |_| {}).await.expect("a sound log rebuilds").events
    }

    /// The report of a check, as lines `table: key (kind)`; empty if all is as it should be.
    pub(crate) async fn check(&self) -> Vec<String> {
        let report = views::check(self.pool(), |_| {}).await.expect("a sound log can be compared with");
        let lines: Vec<String> = report
            .tables
            .iter()
            .flat_map(|table| {
                table.first.iter().map(|row| format!("{}: {} ({})", table.table, row.key, row.kind))
            })
            .collect();
        assert_eq!(report.is_clean(), lines.is_empty());
        lines
    }
}

pub(crate) async fn append(log: &Log, facts: Vec<Fact>) -> Result<Vec<u64>, log::Error> {
    let event = |fact: Fact| NewEvent::new("tester".parse().expect("an actor"), fact.stream(), fact);
    let events = facts.into_iter().map(event).collect();
    Ok(log.append(Member { events, ..Member::default() }).await?.positions)
}
