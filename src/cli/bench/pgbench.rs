//! The peer of the append measure: what Postgres itself does with one row a transaction, from 64 clients.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use sqlx::Executor as _;
use tokio::process::Command;

use crate::postgres::Database;

/// Clients of pgbench, as many as callers in the run that it is compared with.
const CLIENTS: u32 = 64;

/// Rows a second, or none where pgbench is not installed beside the server.
pub(super) async fn bare_inserts(
    database: &Database,
    bytes: usize,
    seconds: u64,
) -> anyhow::Result<Option<f64>> {
    let Some(program) = find(database).await else { return Ok(None) };
    let pool = database.pool();
    pool.execute("create schema bench").await?;
    pool.execute(
        "create table bench.bare (id bigint generated always as identity primary key, record bytea not null)",
    )
    .await?;
    pool.execute("alter table bench.bare alter column record set storage plain").await?;
    let script =
        tempfile_with(&format!("insert into bench.bare (record) values ('\\x{}');\n", "5a".repeat(bytes)))?;
    let options = database.connect_options();
    let socket = options.get_socket().context("bench runs on a private cluster")?.clone();
    let output = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared"])
        .args(["--client", &CLIENTS.to_string(), "--jobs", "2", "--time", &seconds.to_string()])
        .arg("--file")
        .arg(&script)
        .arg("--host")
        .arg(&socket)
        .args(["--username", options.get_username()])
        .arg(options.get_database().unwrap_or("postgres"))
        .stdin(Stdio::null())
        .output()
        .await
        .context("running pgbench")?;
    std::fs::remove_file(&script).ok();
    pool.execute("drop schema bench cascade").await?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.map(Some).context("pgbench printed no rate")
}

/// pgbench of the server's own version, else whatever PATH has.
async fn find(database: &Database) -> Option<PathBuf> {
    let major = database.server_version() / 10_000;
    let own = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/pgbench"));
    for candidate in [own, PathBuf::from("pgbench")] {
        let answers =
            Command::new(&candidate).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if answers.await.is_ok_and(|status| status.success()) {
            return Some(candidate);
        }
    }
    None
}

fn tempfile_with(text: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("strongroom-bench-{}.sql", std::process::id()));
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}
