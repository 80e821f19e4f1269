//! How fast the log appends: the whole writer, with versions and ids checked, every view folded and the Merkle root
//! moved, one event an append, half of them `tag.set` and half `blob.stored`. Beside it, in the same cluster and the same
//! run, what the database does with bare single-row INSERTs of as many bytes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use uuid::Uuid;

use super::pgbench;
use crate::clock::System;
use crate::contract::{Receipt, SigningKey};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{BlobStored, KeyKind, TagSet};
use crate::kernel::id::{
    Actor, GrantId, NodeName, ObjectKey, RepositoryName, SessionId, StoreName, StreamName,
};
use crate::log::{Expected, Log, Member, NewEvent, Options};
use crate::postgres::{Database, Settings};
use crate::views;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    /// Bare INSERTs of one row by pgbench with 64 clients; none where pgbench is not installed.
    bare_inserts_per_second: Option<f64>,
    /// Bytes of a row in both.
    record_bytes: usize,
    callers: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    callers: usize,
    events_per_second: f64,
    p50_us: u32,
    p99_us: u32,
    ratio_to_bare_inserts: Option<f64>,
}

/// One caller's supply of events, shaped like the real ones.
#[derive(Clone)]
pub(super) struct Supply {
    repository: RepositoryName,
    actor: Actor,
    store: StoreName,
    node: NodeName,
    receipt: String,
}

impl Supply {
    pub(super) fn new(caller: usize) -> anyhow::Result<Self> {
        let repository: RepositoryName = format!("bench/reports-{}", caller % 100).parse()?;
        let (actor, store, node): (Actor, StoreName, NodeName) =
            ("bench".parse()?, "main".parse()?, "bench".parse()?);
        let digests = Digests::of(b"");
        let receipt = Receipt {
            grant: GrantId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            actor: actor.clone(),
            repository: repository.clone(),
            digests,
            size_bytes: 0,
            store: store.clone(),
            object: ObjectKey::from_uuid(Uuid::now_v7()),
            node: node.clone(),
            stored_at_ms: 0,
            deliver_by_seconds: u64::from(u32::MAX),
        };
        let receipt = receipt.sign(&SigningKey::generate(KeyKind::Receipt));
        Ok(Self { repository, actor, store, node, receipt })
    }

    /// The next append: a new tag, or a new blob.
    pub(super) fn next(&self, n: u64) -> Member {
        let id = Uuid::now_v7();
        let digests = Digests::of(id.as_bytes());
        let event = if n.is_multiple_of(2) { self.tag(id, digests.blake3) } else { self.blob(id, digests) };
        Member {
            expected: vec![(event.stream.clone(), Expected::Absent)],
            events: vec![event],
            ..Member::default()
        }
    }

    fn tag(&self, id: Uuid, manifest: Blake3) -> NewEvent {
        let tag = id.simple().to_string().parse().expect("32 hex characters are a tag");
        let stream = StreamName::tag(&self.repository, &tag);
        let fact = TagSet { repository: self.repository.clone(), tag, manifest, previous: None };
        NewEvent::new(self.actor.clone(), stream, fact)
    }

    fn blob(&self, id: Uuid, digests: Digests) -> NewEvent {
        let fact = BlobStored {
            repository: self.repository.clone(),
            blake3: digests.blake3,
            sha256: digests.sha256,
            size_bytes: 4096,
            store: self.store.clone(),
            object: ObjectKey::from_uuid(id),
            node: self.node.clone(),
            receipt: self.receipt.clone(),
        };
        NewEvent::new(self.actor.clone(), StreamName::blob(digests.blake3), fact)
    }
}

/// A log in a fresh cluster under `dir`, with its views.
pub(super) async fn fresh_log(dir: &Path) -> anyhow::Result<(Database, Log, crate::log::Tasks)> {
    let settings = Settings { database_url: None, state_dir: dir.to_owned(), postgres_bin: None };
    let database = Database::open(&settings).await.context("starting a private cluster")?;
    views::prepare(database.pool()).await?;
    let folds = Arc::new(views::Views);
    let (log, tasks) =
        Log::start(database.connect_options(), folds, Arc::new(System), Options::default()).await?;
    Ok((database, log, tasks))
}

pub(super) async fn run(dir: &Path, seconds: u64) -> anyhow::Result<Measured> {
    let (database, log, tasks) = fresh_log(dir).await?;
    let record_bytes = mean_record_bytes()?;
    let bare = pgbench::bare_inserts(&database, record_bytes, seconds).await?;
    let mut callers = Vec::new();
    for count in [1, 64, 1_024] {
        callers.push(measure(&log, count, Duration::from_secs(seconds), bare).await?);
    }
    drop(log);
    tasks.drain().await;
    database.close().await;
    Ok(Measured { bare_inserts_per_second: bare, record_bytes, callers })
}

async fn measure(log: &Log, callers: usize, time: Duration, bare: Option<f64>) -> anyhow::Result<Run> {
    let begin = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (log, supply) = (log.clone(), Supply::new(caller)?);
        tasks.spawn(async move {
            let mut latencies_us = Vec::new();
            while begin.elapsed() < time {
                let member = supply.next(latencies_us.len() as u64);
                let asked = Instant::now();
                log.append(member).await?;
                latencies_us.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            Ok::<_, crate::log::Error>(latencies_us)
        });
    }
    let mut latencies_us = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies_us.extend(done??);
    }
    let events_per_second = latencies_us.len() as f64 / begin.elapsed().as_secs_f64();
    latencies_us.sort_unstable();
    let percentile = |p: usize| latencies_us.get(latencies_us.len() * p / 100).copied().unwrap_or(0);
    Ok(Run {
        callers,
        events_per_second,
        p50_us: percentile(50),
        p99_us: percentile(99),
        ratio_to_bare_inserts: bare.map(|bare| events_per_second / bare),
    })
}

/// Bytes of a record, over both kinds of event.
fn mean_record_bytes() -> anyhow::Result<usize> {
    let supply = Supply::new(0)?;
    let mut bytes = 0;
    for n in 0..2 {
        let member = supply.next(n);
        let new = &member.events[0];
        let event = crate::kernel::event::Event {
            id: new.id,
            at_ms: 1_800_000_000_000,
            actor: new.actor.clone(),
            stream: new.stream.clone(),
            seq: 0,
            fact: new.fact.clone(),
            cause: None,
        };
        bytes += event.encode()?.len();
    }
    Ok(bytes / 2)
}
