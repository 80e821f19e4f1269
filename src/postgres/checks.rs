//! What must be true of a server and its schema before anything is written.

use sqlx::PgConnection;
use sqlx::migrate::{Migrate, MigrateError, Migrator};

use super::{Error, Origin, embedded};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");
/// Where the migrator keeps what it has applied; found in `public`, see [`super::connect::for_migrations`].
const APPLIED: &str = "_sqlx_migrations";
/// SQLSTATE `undefined_table`.
const NO_SUCH_TABLE: &str = "42P01";

/// Asserts version and durability; returns the version as the server numbers it.
pub(super) async fn server(connection: &mut PgConnection, origin: Origin) -> Result<u32, Error> {
    let found = sqlx::query_file!("src/postgres/server_settings.sql")
        .fetch_one(connection)
        .await
        .map_err(Error::Query)?;
    let version: u32 = found.version.parse().unwrap_or(0);
    if version / 10_000 < embedded::MAJOR_MIN {
        return Err(Error::TooOld { found: version / 10_000 });
    }
    durable(origin, &found.fsync, &found.full_page_writes, &found.synchronous_commit)?;
    Ok(version)
}

/// `synchronous_commit` has stronger and weaker forms of on; every one but `off` waits for the local disk.
fn durable(
    origin: Origin,
    fsync: &str,
    full_page_writes: &str,
    synchronous_commit: &str,
) -> Result<(), Error> {
    let lost = |setting, value: &str| Err(Error::NotDurable { setting, value: value.to_owned() });
    if fsync != "on" {
        return lost("fsync", fsync);
    }
    if synchronous_commit == "off" || (origin != Origin::External && synchronous_commit != "on") {
        return lost("synchronous_commit", synchronous_commit);
    }
    if full_page_writes != "on" {
        // Filesystems with atomic page writes make it needless, and only who runs the server can know.
        if origin != Origin::External {
            return lost("full_page_writes", full_page_writes);
        }
        tracing::warn!(
            "the server runs with full_page_writes=off; a crash can tear pages unless its filesystem prevents it"
        );
    }
    Ok(())
}

/// Brings the schema up to date. Concurrent callers wait for each other.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), Error> {
    MIGRATIONS.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => Error::SchemaNewer { version },
        MigrateError::VersionMismatch(version) => Error::SchemaDiffers { version },
        other => Error::Migrate(other),
    })
}

/// Compares the schema with ours and changes nothing.
pub(super) async fn schema(connection: &mut PgConnection) -> Result<(), Error> {
    let applied = match connection.list_applied_migrations(APPLIED).await {
        Ok(applied) => applied,
        Err(MigrateError::Execute(error)) if is_missing_table(&error) => Vec::new(),
        Err(error) => return Err(Error::Migrate(error)),
    };
    if let Some(unknown) = applied.iter().find(|found| !MIGRATIONS.version_exists(found.version)) {
        return Err(Error::SchemaNewer { version: unknown.version });
    }
    let has = |ours: &sqlx::migrate::Migration| {
        applied.iter().any(|found| found.version == ours.version && found.checksum == ours.checksum)
    };
    match MIGRATIONS.iter().find(|ours| !has(ours)) {
        Some(missing) => Err(Error::SchemaDiffers { version: missing.version }),
        None => Ok(()),
    }
}

fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|error| error.code()).as_deref() == Some(NO_SUCH_TABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(origin: Origin, fsync: &str, pages: &str, commit: &str) -> Option<&'static str> {
        match durable(origin, fsync, pages, commit) {
            Ok(()) => None,
            Err(Error::NotDurable { setting, .. }) => Some(setting),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_server_that_can_lose_a_commit_is_refused() {
        for origin in [Origin::External, Origin::Owned, Origin::Attached] {
            assert_eq!(refused(origin, "on", "on", "on"), None);
            assert_eq!(refused(origin, "off", "on", "on"), Some("fsync"));
            assert_eq!(refused(origin, "on", "on", "off"), Some("synchronous_commit"));
        }
        assert_eq!(refused(Origin::Owned, "on", "off", "on"), Some("full_page_writes"));
        assert_eq!(refused(Origin::External, "on", "off", "remote_apply"), None);
    }
}
