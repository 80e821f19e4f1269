//! One rebuild or check at a time, and none leaves anything behind for long.
//!
//! - Whoever uses the scratch schemas holds an advisory lock of the session, on a connection of its own: a process
//!   that is killed loses it with the connection.
//! - What a killed one left is dropped by the next one, or at the next start.

use sqlx::{Connection, PgConnection, PgPool};

use super::replay::Error;

/// The lock's key: "strong" and "view" as bytes.
const LOCK: i64 = 0x7374_726f_7669_6577;

/// SQLSTATE `lock_not_available`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A connection that holds the lock.
pub(super) struct Exclusive(PgConnection);

impl Exclusive {
    /// Takes the lock; waits a moment for one that is just ending.
    pub(super) async fn take(pool: &PgPool) -> Result<Self, Error> {
        // Not of the pool any more: whoever drops this drops the session, and with it lock and transaction.
        let mut connection = pool.acquire().await?.detach();
        sqlx::raw_sql(include_str!("sql/scratch_settings.sql")).execute(&mut connection).await?;
        match sqlx::query_file!("src/views/sql/scratch_lock.sql", LOCK).execute(&mut connection).await {
            Ok(_) => Ok(Self(connection)),
            Err(error) if code(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => Err(Error::Busy),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Drops every scratch schema. Waits a moment for readers of what a rebuild replaced.
    pub(super) async fn clean(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(include_str!("sql/scratch_clean.sql")).execute(&mut self.0).await?;
        Ok(())
    }

    /// Drops what is still there and lets the next one begin at once. Failing at that is no matter: the session ends in
    /// any case, and what stays is dropped by the next one.
    pub(super) async fn release(mut self) {
        let _ = sqlx::raw_sql("rollback").execute(&mut self.0).await;
        if let Err(error) = self.clean().await {
            tracing::warn!(%error, "scratch schemas of the views stay until the next rebuild, check or start");
        }
        let _ = sqlx::raw_sql("select pg_advisory_unlock_all()").execute(&mut self.0).await;
        let _ = self.0.close().await;
    }
}

/// Drops what killed rebuilds and checks left, unless one is under way. Failing at that is no matter either.
pub(super) async fn clean_if_unused(pool: &PgPool) {
    if let Err(error) = try_clean(pool).await {
        tracing::warn!(%error, "scratch schemas of the views stay until the next rebuild, check or start");
    }
}

async fn try_clean(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let unused = sqlx::query_file_scalar!("src/views/sql/scratch_try_lock.sql", LOCK)
        .fetch_one(&mut *transaction)
        .await?;
    if unused {
        sqlx::raw_sql(include_str!("sql/scratch_clean.sql")).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}
