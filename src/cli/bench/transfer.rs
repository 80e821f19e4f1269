//! How fast bytes get in: one large file and many small ones, over loopback, with both digests, durable.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use tokio::process::Command;
use tokio_util::io::ReaderStream;

use super::server::Server;
use crate::client::Repeat;
use crate::client::progress::Progress;
use crate::client::pull::pull;
use crate::client::push::{Push, push};
use crate::kernel::digest::Blake3;
use crate::kernel::hash::Hasher;
use crate::kernel::id::{PackageRef, Reference, RepositoryName};
use crate::wire::repository::SetRepository;
use crate::wire::upload::{OpenUploads, OpenedBlob, WantedBlob};

/// Bytes of a small file.
const SMALL_BYTES: u64 = 16 * 1024;

/// A large file.
#[derive(Debug, Serialize)]
pub(super) struct Large {
    mebibytes: u64,
    /// `push` of the file: hashing it first, sending it, hashing it again as it arrives, fsync, event.
    push_mb_per_second: f64,
    /// The same bytes by one PATCH, with nothing before it: what the server takes.
    upload_mb_per_second: f64,
    /// `dd conv=fsync` of the same file to the same place.
    dd_fsync_mb_per_second: f64,
    upload_ratio_to_dd: f64,
    /// Both digests of as many bytes in memory, on one core.
    hash_mb_per_second: f64,
    pull_mb_per_second: f64,
    server_memory_growth_mib: f64,
}

/// Small files.
#[derive(Debug, Serialize)]
pub(super) struct Small {
    files: u64,
    push_files_per_second: f64,
    pull_files_per_second: f64,
    server_memory_growth_mib: f64,
}

pub(super) async fn large(place: &Path, mebibytes: u64) -> anyhow::Result<Large> {
    let file = place.join("large");
    fill(&file, mebibytes * 1024 * 1024)?;
    let server = Server::start(&place.join("state")).await?;
    let (before, _) = server.memory_bytes()?;
    let megabytes = (mebibytes * 1024 * 1024) as f64 / 1e6;
    let repository: RepositoryName = "bench/large".parse()?;
    let upload = upload_alone(&server, &repository, &file).await?;
    let (_, peak) = server.memory_bytes()?;
    let dd = dd(&file, &place.join("copy")).await?;
    std::fs::remove_file(place.join("copy"))?;
    fill(&file, mebibytes * 1024 * 1024)?;
    let (digest, pushed) = push_all(&server, &repository, &file).await?;
    let pulled = pull_all(&server, &repository, digest, &place.join("pulled")).await?;
    let hash = hash_in_memory();
    server.stop().await?;
    Ok(Large {
        mebibytes,
        push_mb_per_second: megabytes / pushed,
        upload_mb_per_second: megabytes / upload,
        dd_fsync_mb_per_second: megabytes / dd,
        upload_ratio_to_dd: dd / upload,
        hash_mb_per_second: hash,
        pull_mb_per_second: megabytes / pulled,
        server_memory_growth_mib: (peak.saturating_sub(before)) as f64 / 1024.0 / 1024.0,
    })
}

pub(super) async fn small(place: &Path, files: u64) -> anyhow::Result<Small> {
    let directory = place.join("small");
    std::fs::create_dir(&directory)?;
    for n in 0..files {
        fill(&directory.join(format!("{n:06}")), SMALL_BYTES)?;
    }
    let server = Server::start(&place.join("state")).await?;
    let (before, _) = server.memory_bytes()?;
    let repository: RepositoryName = "bench/small".parse()?;
    let (digest, pushed) = push_all(&server, &repository, &directory).await?;
    let pulled = pull_all(&server, &repository, digest, &place.join("pulled")).await?;
    let (_, peak) = server.memory_bytes()?;
    server.stop().await?;
    Ok(Small {
        files,
        push_files_per_second: files as f64 / pushed,
        pull_files_per_second: files as f64 / pulled,
        server_memory_growth_mib: (peak.saturating_sub(before)) as f64 / 1024.0 / 1024.0,
    })
}

/// One session and one PATCH by hand, without hashing on this side.
async fn upload_alone(server: &Server, repository: &RepositoryName, file: &Path) -> anyhow::Result<f64> {
    let bytes = std::fs::metadata(file)?.len();
    server.client.set_repository(repository, &SetRepository::default()).await?;
    let wanted = OpenUploads { blobs: vec![WantedBlob { digest: None, size: Some(bytes) }] };
    let opened = server.client.open_uploads(repository, &wanted).await?.blobs.pop();
    let Some(OpenedBlob::Upload { href, grant, .. }) = opened else {
        bail!("a blob without a digest is sent")
    };
    let href = if href.starts_with('/') { format!("{}{href}", server.client.address()) } else { href };
    let begin = Instant::now();
    let session = server.client.transport().create(&href, &grant, Some(bytes), Repeat::Safe).await?;
    let body = ReaderStream::with_capacity(tokio::fs::File::open(file).await?, 1024 * 1024);
    let answer = server
        .client
        .transport()
        .http()
        .patch(&session.url)
        .bearer_auth(grant.reveal())
        .header("Tus-Resumable", "1.0.0")
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", 0)
        .header("Content-Length", bytes)
        .body(reqwest::Body::wrap_stream(body))
        .send()
        .await?;
    ensure!(answer.status().is_success(), "the upload was refused: {}", answer.text().await?);
    Ok(begin.elapsed().as_secs_f64())
}

pub(super) async fn push_all(
    server: &Server,
    repository: &RepositoryName,
    path: &Path,
) -> anyhow::Result<(Blake3, f64)> {
    let begin = Instant::now();
    let plan = Push::to(repository.clone(), None);
    let pushed = push(&server.client, &plan, vec![path.to_owned()], &Progress::new()).await?;
    Ok((pushed.digest, begin.elapsed().as_secs_f64()))
}

async fn pull_all(
    server: &Server,
    repository: &RepositoryName,
    digest: Blake3,
    to: &Path,
) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let package = PackageRef { repository: repository.clone(), reference: Reference::Digest(digest.into()) };
    pull(&server.client, &package, to, false, &Progress::new()).await?;
    let seconds = begin.elapsed().as_secs_f64();
    std::fs::remove_dir_all(to)?;
    Ok(seconds)
}

/// Bytes that no filesystem can squeeze, and that differ from file to file.
pub(super) fn fill(path: &Path, bytes: u64) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).with_context(|| format!("making {}", path.display()))?;
    let mut stream = blake3::Hasher::new().update(uuid::Uuid::now_v7().as_bytes()).finalize_xof();
    let mut left = bytes;
    let mut buffer = vec![0; 1024 * 1024];
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        stream.fill(&mut buffer[..now]);
        file.write_all(&buffer[..now])?;
        left -= now as u64;
    }
    Ok(file.sync_all()?)
}

async fn dd(from: &Path, to: &Path) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let status = Command::new("dd")
        .arg(format!("if={}", from.display()))
        .arg(format!("of={}", to.display()))
        .args(["bs=1M", "conv=fsync", "status=none"])
        .status()
        .await
        .context("running dd")?;
    ensure!(status.success(), "dd failed");
    Ok(begin.elapsed().as_secs_f64())
}

/// Both digests at once, in MB/s.
pub(super) fn hash_in_memory() -> f64 {
    let buffer = vec![7; 64 * 1024 * 1024];
    let begin = Instant::now();
    let mut hasher = Hasher::new();
    for _ in 0..8 {
        hasher.update(&buffer);
    }
    std::hint::black_box(hasher.finish());
    8.0 * buffer.len() as f64 / 1e6 / begin.elapsed().as_secs_f64()
}
