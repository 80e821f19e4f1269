//! The head: where the log stands.

use sqlx::PgConnection;

use crate::kernel::merkle::{Frontier, Hash};

/// Size and root at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The right edge of the tree, with the size.
    pub frontier: Frontier,
    /// `at` of the last event, milliseconds since the epoch; 0 for an empty log.
    pub last_at_ms: u64,
    /// Which folds wrote the live views; 0 while there are none.
    pub fold_generation: i32,
}

/// Why the head could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("reading the head of the log: {0}")]
    Database(#[from] sqlx::Error),
    /// The row contradicts itself; `strongroom audit` tells more.
    #[error("the head of the log is damaged: {0}")]
    Damaged(&'static str),
}

impl Head {
    /// Events in the log.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Merkle root of them all.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    pub(super) fn from_columns(
        size: i64,
        frontier: &[u8],
        last_at_ms: i64,
        fold_generation: i32,
    ) -> Result<Self, Error> {
        let size = u64::try_from(size).map_err(|_| Error::Damaged("negative size"))?;
        let frontier =
            Frontier::from_parts(size, frontier).ok_or(Error::Damaged("frontier does not fit the size"))?;
        let last_at_ms = u64::try_from(last_at_ms).map_err(|_| Error::Damaged("negative time"))?;
        Ok(Self { frontier, last_at_ms, fold_generation })
    }
}

/// Reads the head, without locking it.
///
/// # Errors
/// If the database fails or the row is damaged.
pub async fn read(connection: &mut PgConnection) -> Result<Head, Error> {
    let row = sqlx::query_file!("src/log/sql/head_read.sql").fetch_one(connection).await?;
    Head::from_columns(row.size, &row.frontier, row.last_at, row.fold_generation)
}

/// Reads the head and locks it until the transaction ends: no append happens meanwhile, in any process.
///
/// # Errors
/// As [`read`].
pub async fn lock(connection: &mut PgConnection) -> Result<Head, Error> {
    let row = sqlx::query_file!("src/log/sql/head_lock.sql").fetch_one(connection).await?;
    Head::from_columns(row.size, &row.frontier, row.last_at, row.fold_generation)
}

/// Records which folds wrote the live views. The caller holds the lock.
///
/// # Errors
/// If the database fails.
pub async fn set_fold_generation(connection: &mut PgConnection, generation: i32) -> Result<(), sqlx::Error> {
    sqlx::query_file!("src/log/sql/head_set_fold_generation.sql", generation).execute(connection).await?;
    Ok(())
}
