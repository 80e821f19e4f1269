//! Why the database could not be opened. Each says what to do; none holds a password.

use super::embedded;

/// What went wrong on the way to an open database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The private cluster.
    #[error(transparent)]
    Embedded(#[from] embedded::Error),

    /// No state directory was given, and the environment names no home.
    #[error("there is neither XDG_DATA_HOME nor HOME to keep state under; name a directory with --state-dir")]
    NoHome,

    /// The URL cannot be read.
    #[error("the database URL is not of the form postgres://user@host/database: {reason}")]
    BadUrl {
        /// What is wrong, without the URL.
        reason: String,
    },

    /// No connection.
    #[error("cannot connect to PostgreSQL ({place}): {source}")]
    Connect {
        /// Host, port and database.
        place: String,
        /// Why.
        source: sqlx::Error,
    },

    /// A query of ours failed.
    #[error("a query of the database's settings failed: {0}")]
    Query(#[source] sqlx::Error),

    /// The server is older than what we support.
    #[error("the server runs PostgreSQL {found}, but Strongroom needs {} or newer", embedded::MAJOR_MIN)]
    TooOld {
        /// Its major version.
        found: u32,
    },

    /// The server would lose what it acknowledged.
    #[error(
        "the server runs with {setting}={value}, so a crash could lose or tear what was acknowledged as stored; set \
         {setting}=on for it (ALTER SYSTEM, ALTER ROLE or ALTER DATABASE, or the parameter group of a managed server)"
    )]
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// What it is.
        value: String,
    },

    /// The schema was made by a version that we do not know.
    #[error(
        "the database was made by a newer Strongroom (migration {version}); run that version or a later one"
    )]
    SchemaNewer {
        /// The unknown migration.
        version: i64,
    },

    /// A guest found another schema than its own.
    #[error(
        "the database has not the schema of this version (migration {version}); start this version's `strongroom \
         serve` once, which migrates it, or use the version that the running service has"
    )]
    SchemaDiffers {
        /// The first migration that is missing or different.
        version: i64,
    },

    /// A migration failed; nothing of it stays.
    #[error("the database's schema could not be brought up to date: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}
