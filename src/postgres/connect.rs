//! Connections: named, bounded, and each with the names that unqualified SQL means.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use super::embedded::Cluster;
use super::{Error, Origin};
use crate::kernel::limits;

const APPLICATION: &str = "strongroom";
/// Migrations build indexes and rewrite tables: no bound on a statement, but locks are waited for with patience only.
const MIGRATION_SETTINGS: [(&str, &str); 3] =
    [("search_path", "public"), ("statement_timeout", "0"), ("lock_timeout", "60000")];

/// SQLSTATE `invalid_catalog_name`: the database does not exist.
const NO_SUCH_DATABASE: &str = "3D000";
/// SQLSTATE `duplicate_database`.
const DATABASE_EXISTS: &str = "42P04";

/// Adds what every connection of ours has.
pub(super) fn bounded(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name(APPLICATION).options([
        ("search_path", "view,log,public".to_owned()),
        ("statement_timeout", limits::DATABASE_STATEMENT_MAX_MS.to_string()),
        ("lock_timeout", limits::DATABASE_LOCK_WAIT_MAX_MS.to_string()),
        ("idle_in_transaction_session_timeout", limits::DATABASE_IDLE_IN_TRANSACTION_MAX_MS.to_string()),
        ("timezone", "UTC".to_owned()),
    ])
}

/// A pool that has one working connection already.
pub(super) async fn pool(options: PgConnectOptions, origin: Origin) -> Result<PgPool, Error> {
    let place = place(&options);
    PgPoolOptions::new()
        .max_connections(limits::DATABASE_CONNECTIONS_MAX)
        .acquire_timeout(Duration::from_secs(limits::DATABASE_ACQUIRE_SECONDS))
        // A server that ends with us needs no question "are you there" before every statement.
        .test_before_acquire(origin != Origin::Owned)
        .connect_with(options)
        .await
        .map_err(|source| Error::Connect { place, source })
}

/// One connection whose unqualified names are in `public`.
pub(super) async fn for_migrations(options: PgConnectOptions) -> Result<PgConnection, Error> {
    connect(options.application_name("strongroom migrations").options(MIGRATION_SETTINGS)).await
}

/// Makes our database in a new cluster, or in one whose first start was killed before this.
pub(super) async fn create_database(cluster: &Cluster, options: &PgConnectOptions) -> Result<(), Error> {
    match connect(options.clone()).await {
        Ok(connection) => {
            end(connection).await;
            return Ok(());
        }
        Err(Error::Connect { source, .. }) if code(&source).as_deref() == Some(NO_SUCH_DATABASE) => {}
        Err(error) => return Err(error),
    }
    let mut connection = connect(cluster.connect_options("postgres")).await?;
    let created = sqlx::raw_sql(include_str!("create_database.sql")).execute(&mut connection).await;
    end(connection).await;
    match created {
        Err(error) if code(&error).as_deref() != Some(DATABASE_EXISTS) => Err(Error::Query(error)),
        _ => Ok(()),
    }
}

async fn connect(options: PgConnectOptions) -> Result<PgConnection, Error> {
    let place = place(&options);
    let timeout = Duration::from_secs(limits::DATABASE_ACQUIRE_SECONDS);
    match tokio::time::timeout(timeout, options.connect()).await {
        Ok(result) => result.map_err(|source| Error::Connect { place, source }),
        Err(_) => Err(Error::Connect { place, source: sqlx::Error::PoolTimedOut }),
    }
}

/// Says goodbye; a server that has gone already is no matter.
pub(super) async fn end(connection: PgConnection) {
    let _ = connection.close().await;
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}

/// For messages: everything about a connection but its password.
pub(super) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or("default");
    let user = options.get_username();
    match options.get_socket() {
        Some(socket) => format!("{user} at socket {}, database {database}", Path::new(socket).display()),
        None => {
            let (host, port) = (options.get_host(), options.get_port());
            format!("{user} at {host} port {port}, database {database}")
        }
    }
}
