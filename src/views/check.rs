//! Checking the live views: the log is replayed into a scratch schema, and every row compared.
//!
//! - Both sides are compared in one snapshot, at one position of the log. Appends go on meanwhile.
//! - Tables are compared too: columns, constraints and indexes as the DDL of this program makes them.
//! - What differs is counted, and the first [`NAMED_MAX`] of each table are named by key.
//!
//! Refused: comparing with views that other folds wrote.

use std::collections::BTreeMap;
use std::fmt;

use sqlx::{Connection, PgConnection, PgPool};

use super::replay::{Error, Progress, catch_up, finish};
use super::schema::{Schema, live_exists};
use super::scratch::Exclusive;
use super::{GENERATION, replay};
use crate::log::head;

/// Differences of a table that are named; the rest is counted.
pub const NAMED_MAX: i64 = 10;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Events that the views were compared at: the size of the log in the snapshot.
    pub events: u64,
    /// Every table of the views, by name, and tables that should not be there.
    pub tables: Vec<TableReport>,
}

impl Report {
    /// Whether nothing differs.
    pub fn is_clean(&self) -> bool {
        self.tables.iter().all(|table| table.differences == 0)
    }
}

/// What a check found in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Its name.
    pub table: String,
    /// How many rows differ; where the table itself differs, how many of its parts, and rows were not compared.
    pub differences: u64,
    /// The first of them.
    pub first: Vec<Difference>,
}

/// A row, or a part of a table, that is not as the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The row's key, or `column ..`, `constraint ..`, `index ..`.
    pub key: String,
    /// How it differs.
    pub kind: Kind,
}

/// How a live row differs from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It should be there and is not.
    Missing,
    /// It is there and should not be.
    Extra,
    /// It is there with other contents.
    Changed,
}

impl Kind {
    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
        }
    }

    fn of(in_live: bool, in_log: bool) -> Self {
        match (in_live, in_log) {
            (false, _) => Self::Missing,
            (true, false) => Self::Extra,
            (true, true) => Self::Changed,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Compares the live views with what the log says.
///
/// # Errors
/// See [`replay::Error`]. Views that differ are no error: see [`Report::is_clean`].
pub async fn check(pool: &PgPool, progress: impl Fn(Progress)) -> Result<Report, replay::Error> {
    let mut exclusive = Exclusive::take(pool).await?;
    let result = beside(pool, &mut exclusive, &progress).await;
    exclusive.release().await;
    result
}

async fn beside(
    pool: &PgPool,
    exclusive: &mut Exclusive,
    progress: &impl Fn(Progress),
) -> Result<Report, Error> {
    let connection = exclusive.connection();
    let mut transaction = connection.begin().await?;
    Schema::Check.create(&mut transaction).await?;
    sqlx::raw_sql(include_str!("sql/check_unlogged.sql")).execute(&mut *transaction).await?;
    transaction.commit().await?;
    let folded = catch_up(pool, connection, Schema::Check, progress).await?;

    let mut transaction = connection.begin_with("begin isolation level repeatable read").await?;
    Schema::Check.choose(&mut transaction).await?;
    let head = head::read(&mut transaction).await?;
    let exists = live_exists(&mut transaction).await?;
    if !exists || head.fold_generation != GENERATION {
        let live = if exists { head.fold_generation } else { 0 };
        return Err(Error::OtherFolds { live, ours: GENERATION });
    }
    finish(pool, &mut transaction, folded, head.size(), progress).await?;
    let tables = compare(&mut transaction, progress).await?;
    transaction.rollback().await?;
    Ok(Report { events: head.size(), tables })
}

async fn compare(
    connection: &mut PgConnection,
    progress: &impl Fn(Progress),
) -> Result<Vec<TableReport>, Error> {
    sqlx::raw_sql(include_str!("sql/check_settings.sql")).execute(&mut *connection).await?;
    let mut tables = structure(connection).await?;
    macro_rules! rows {
        ($($table:literal: $file:literal),* $(,)?) => {$(
            // Where the table differs, its rows may not even be comparable.
            if !tables.contains_key($table) {
                progress(Progress::Comparing($table));
                let mut report = TableReport { table: $table.to_owned(), differences: 0, first: Vec::new() };
                for row in sqlx::query_file!($file, NAMED_MAX).fetch_all(&mut *connection).await? {
                    report.differences = row.total.unsigned_abs();
                    report.first.push(Difference { key: row.key, kind: Kind::of(row.in_live, row.in_log) });
                }
                tables.insert($table.to_owned(), report);
            }
        )*};
    }
    rows! {
        "repositories": "src/views/repositories/compare.sql",
        "repository_totals": "src/views/repositories/compare_totals.sql",
        "blobs": "src/views/blobs/compare.sql",
        "blob_repositories": "src/views/blobs/compare_links.sql",
        "manifests": "src/views/manifests/compare.sql",
        "tags": "src/views/tags/compare.sql",
        "pins": "src/views/pins/compare.sql",
        "tokens": "src/views/tokens/compare.sql",
        "keys": "src/views/keys/compare.sql",
        "reads": "src/views/reads/compare.sql",
        "discarded_objects": "src/views/discarded_objects/compare.sql",
        "damaged_blobs": "src/views/damaged_blobs/compare.sql",
        "scrubs": "src/views/scrubs/compare.sql",
        "policies": "src/views/policies/compare.sql",
        "package_references": "src/views/references/compare.sql",
        "index_parts": "src/views/references/compare_parts.sql",
        "blob_claims": "src/views/references/compare_claims.sql",
        "deleting_blobs": "src/views/deleting_blobs/compare.sql",
        "deleted_totals": "src/views/deleting_blobs/compare_totals.sql",
        "holds": "src/views/holds/compare.sql",
        "retention": "src/views/retention/compare.sql",
        "plans": "src/views/plans/compare.sql",
        "erased_documents": "src/views/erasures/compare_documents.sql",
        "erased_packages": "src/views/erasures/compare_packages.sql",
        "package_tiers": "src/views/tiers/compare.sql",
        "tiered_claims": "src/views/tiers/compare_claims.sql",
        "retrievals": "src/views/retrievals/compare.sql",
    }
    Ok(tables.into_values().collect())
}

/// The tables that differ in columns, constraints or indexes.
async fn structure(connection: &mut PgConnection) -> Result<BTreeMap<String, TableReport>, Error> {
    let mut tables: BTreeMap<String, TableReport> = BTreeMap::new();
    for row in sqlx::query_file!("src/views/sql/check_structure.sql").fetch_all(connection).await? {
        let table = tables.entry(row.table.clone()).or_insert_with(|| TableReport {
            table: row.table,
            differences: 0,
            first: Vec::new(),
        });
        table.differences += 1;
        if table.differences <= NAMED_MAX.unsigned_abs() {
            table.first.push(Difference { key: row.part, kind: Kind::of(row.in_live, row.in_log) });
        }
    }
    Ok(tables)
}
