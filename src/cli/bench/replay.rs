//! How fast a log is read back: as exact records over HTTP, and folded into views.

use std::path::Path;
use std::time::Instant;

use anyhow::ensure;
use serde::Serialize;

use super::append::{Supply, fresh_log};
use super::server::{Server, memory_bytes};
use crate::client::events::Query;
use crate::log::{Log, Member};
use crate::postgres::{Database, Settings};
use crate::views;

/// Events appended as one member while the log is filled.
const MEMBER_EVENTS: u64 = 500;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    events: u64,
    /// `application/cbor-seq` from the first to the last record, split into records at the client.
    replay_events_per_second: f64,
    replay_mb_per_second: f64,
    server_memory_growth_mib: f64,
    client_memory_growth_mib: f64,
    /// All views of the same log, folded anew.
    rebuild_seconds: f64,
    rebuild_events_per_second: f64,
}

pub(super) async fn run(place: &Path, events: u64) -> anyhow::Result<Measured> {
    let state = place.join("state");
    // The service makes its keys and signs the empty log first, as it always does.
    Server::start(&state).await?.stop().await?;
    let (database, log, tasks) = fresh_log(&state).await?;
    fill(&log, events).await?;
    drop(log);
    tasks.drain().await;
    database.close().await;
    let server = Server::start(&state).await?;
    let own = std::process::id();
    let (client_before, server_before) = (memory_bytes(own)?.0, server.memory_bytes()?.0);
    let begin = Instant::now();
    let mut records = server.client.records(Query::default(), false);
    let (mut count, mut bytes) = (0_u64, 0_u64);
    while let Some((_, record)) = records.next().await? {
        count += 1;
        bytes += record.len() as u64;
    }
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(count >= events, "{count} events came back, {events} were appended");
    let (client_after, server_after) = (memory_bytes(own)?.0, server.memory_bytes()?.1);
    server.stop().await?;
    let rebuild_seconds = rebuild(&state).await?;
    let mebibytes = |after: u64, before: u64| after.saturating_sub(before) as f64 / 1024.0 / 1024.0;
    Ok(Measured {
        events: count,
        replay_events_per_second: count as f64 / seconds,
        replay_mb_per_second: bytes as f64 / 1e6 / seconds,
        server_memory_growth_mib: mebibytes(server_after, server_before),
        client_memory_growth_mib: mebibytes(client_after, client_before),
        rebuild_seconds,
        rebuild_events_per_second: count as f64 / rebuild_seconds,
    })
}

async fn fill(log: &Log, events: u64) -> anyhow::Result<()> {
    let supply = Supply::new(0)?;
    let mut appended = 0;
    while appended < events {
        let count = MEMBER_EVENTS.min(events - appended);
        let events = (0..count).flat_map(|n| supply.next(n).events).collect();
        log.append(Member { events, ..Member::default() }).await?;
        appended += count;
    }
    Ok(())
}

async fn rebuild(state: &Path) -> anyhow::Result<f64> {
    let database = Database::open(&Settings::embedded(state)).await?;
    let begin = Instant::now();
    views::rebuild(database.pool(), |_| {}).await?;
    let seconds = begin.elapsed().as_secs_f64();
    database.close().await;
    Ok(seconds)
}
