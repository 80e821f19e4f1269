//! Many uploads at once, for as long as one likes: does memory stay flat, is everyone served or told when to come back,
//! is everything there that was acknowledged?
//!
//! - So many uploads are under way at any time. Half are small blobs in one request each; half are sessions, of which
//!   every other one breaks off in the middle and goes on from what is durable.
//! - Nothing is repeated but what the server asks to repeat: 429 and 503 with `Retry-After`. All else is an error, and
//!   counted by what it was.
//! - At the end every acknowledged blob is read back and compared with what was sent, byte by byte.

mod back;
mod bring;
mod content;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;
use tokio::task::JoinSet;

use super::server::Server;
use crate::kernel::id::RepositoryName;
use crate::wire::repository::SetRepository;
use bring::{Counts, Crowd, Kept};

const MIB: u64 = 1024 * 1024;

/// How large a crowd, for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Uploads at once.
    pub(super) uploads: u64,
    /// For so long new ones begin.
    pub(super) seconds: u64,
    /// Bytes that all of them send in a second; 0: as many as go.
    pub(super) mebibytes_per_second: u64,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    uploads_at_once: u64,
    seconds: f64,
    acknowledged: u64,
    acknowledged_mebibytes: f64,
    /// Of those, how many broke off and were resumed.
    resumed: u64,
    /// How many of these had to look twice how far they were.
    moved_on: u64,
    /// Requests that were told to come back, by status and code.
    told_to_come_back: BTreeMap<String, u64>,
    /// Everything else that went wrong, likewise.
    errors: BTreeMap<String, u64>,
    read_back: back::Found,
    server_memory_mib: Memory,
}

impl Outcome {
    /// Whether something is not there that was acknowledged.
    pub(super) fn has_lost(&self) -> bool {
        self.read_back.same < self.acknowledged
    }
}

/// Resident memory of the server.
#[derive(Debug, Serialize)]
struct Memory {
    start: f64,
    middle: f64,
    end: f64,
    peak: f64,
}

pub(super) async fn run(place: &Path, size: Size) -> anyhow::Result<Outcome> {
    check_room(place, size)?;
    super::server::allow_many_files();
    let server = Server::start(&place.join("state")).await?;
    let repository: RepositoryName = "bench/crowd".parse()?;
    server.client.set_repository(&repository, &SetRepository::default()).await?;
    let crowd = Arc::new(Crowd::new(&server, repository, size)?);
    let begin = Instant::now();
    let (kept, resident) = all_at_once(&crowd, &server, size).await?;
    let seconds = begin.elapsed().as_secs_f64();
    let (_, peak) = server.memory_bytes()?;
    let Counts { resumed, moved_on, told_to_come_back, errors } = crowd.counts();
    let read_back = back::read(&crowd, &server.client, &kept).await?;
    server.stop().await?;
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    Ok(Outcome {
        uploads_at_once: size.uploads,
        seconds,
        acknowledged: kept.len() as u64,
        acknowledged_mebibytes: mib(kept.iter().map(|kept| kept.bytes).sum()),
        resumed,
        moved_on,
        told_to_come_back,
        errors,
        read_back,
        server_memory_mib: Memory {
            start: mib(resident[0]),
            middle: mib(resident[resident.len() / 2]),
            end: mib(resident[resident.len() - 1]),
            peak: mib(peak),
        },
    })
}

/// Everything that was acknowledged, and the server's resident bytes: before, and every second while uploads begin.
async fn all_at_once(
    crowd: &Arc<Crowd>,
    server: &Server,
    size: Size,
) -> anyhow::Result<(Vec<Kept>, Vec<u64>)> {
    let mut resident = vec![server.memory_bytes()?.0];
    let until = Instant::now() + Duration::from_secs(size.seconds);
    let mut workers = JoinSet::new();
    for _ in 0..size.uploads {
        workers.spawn(crowd.clone().bring_until(until));
    }
    let mut kept = Vec::new();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = second.tick(), if Instant::now() < until => resident.push(server.memory_bytes()?.0),
            done = workers.join_next() => match done {
                Some(done) => kept.extend(done?),
                None => return Ok((kept, resident)),
            }
        }
    }
}

/// A disk that fills up is another test.
fn check_room(place: &Path, size: Size) -> anyhow::Result<()> {
    let found = rustix::fs::statvfs(place)?;
    let free = found.f_bavail.saturating_mul(found.f_frsize) / MIB;
    let needed = size.seconds * size.mebibytes_per_second + 2048;
    ensure!(
        free > needed,
        "this needs {needed} MiB in {}, and {free} MiB are free: take fewer --seconds, a lower --rate, or another --dir",
        place.display()
    );
    Ok(())
}
