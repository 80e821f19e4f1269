//! How far each webhook has been told of the log: what the node remembers, beside the log.

use sqlx::{PgConnection, PgExecutor};

/// How far one of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// The position that it is told of next.
    pub next: u64,
    /// Attempts at that position that failed.
    pub failures: u32,
    /// Why the last one failed.
    pub last_failure: Option<String>,
}

/// Whether this process is the one that delivers, as long as that connection lives.
pub(super) async fn take_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_file_scalar!("src/node/webhooks/sql/lock.sql").fetch_one(connection).await
}

/// Where that webhook goes on. One that is new begins with what is recorded from now on.
pub(super) async fn next(db: impl PgExecutor<'_>, name: &str) -> Result<u64, sqlx::Error> {
    let next = sqlx::query_file_scalar!("src/node/webhooks/sql/next.sql", name).fetch_one(db).await?;
    Ok(next.unsigned_abs())
}

/// It was told of everything before that position.
pub(super) async fn told(db: impl PgExecutor<'_>, name: &str, next: u64) -> Result<(), sqlx::Error> {
    let next = i64::try_from(next).unwrap_or(i64::MAX);
    sqlx::query_file!("src/node/webhooks/sql/told.sql", name, next).execute(db).await?;
    Ok(())
}

/// An attempt failed.
pub(super) async fn failed(db: impl PgExecutor<'_>, name: &str, why: &str) -> Result<(), sqlx::Error> {
    sqlx::query_file!("src/node/webhooks/sql/failed.sql", name, why).execute(db).await?;
    Ok(())
}

/// How far those are that have begun.
pub(super) async fn list(db: impl PgExecutor<'_>) -> Result<Vec<Told>, sqlx::Error> {
    let rows = sqlx::query_file!("src/node/webhooks/sql/list.sql").fetch_all(db).await?;
    let told = |name, next: i64, failures: i32, last_failure| Told {
        name,
        next: next.unsigned_abs(),
        failures: failures.unsigned_abs(),
        last_failure,
    };
    Ok(rows.into_iter().map(|row| told(row.name, row.next, row.failures, row.last_failure)).collect())
}
