//! How fast proven bytes come out: one large file over loopback, compared on both sides, beside hashing it in memory and
//! reading it with `cat`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::process::Command;

use super::server::Server;
use super::transfer::{fill, push_all};
use crate::client::pull::{Span, cat, cat_range};
use crate::kernel::id::{PackageRef, Reference, RepositoryName};

/// A large file on its way out.
#[derive(Debug, Serialize)]
pub(super) struct Download {
    mebibytes: u64,
    /// All of it, hashed by the server as it sends and by this process as it arrives. Kept nowhere.
    verified_mb_per_second: f64,
    /// The same as a range with its proof.
    slice_mb_per_second: f64,
    /// The same bytes, hashed in memory with BLAKE3 on one core.
    blake3_mb_per_second: f64,
    /// `cat` of the file to nowhere.
    cat_mb_per_second: f64,
    verified_ratio_to_blake3: f64,
    verified_ratio_to_cat: f64,
    /// Ranges of 4 KiB, one after the other, each with its proof.
    slices_of_4_kib_per_second: f64,
    server_memory_growth_mib: f64,
}

/// Small slices that are asked for.
const SMALL_SLICES: u64 = 200;

pub(super) async fn run(place: &Path, mebibytes: u64) -> anyhow::Result<Download> {
    let (file, length) = (place.join("large"), mebibytes * 1024 * 1024);
    fill(&file, length)?;
    let server = Server::start(&place.join("state")).await?;
    let repository: RepositoryName = "bench/download".parse()?;
    let (digest, _) = push_all(&server, &repository, &file).await?;
    let package = PackageRef { repository, reference: Reference::Digest(digest.into()) };
    let (before, _) = server.memory_bytes()?;
    let megabytes = length as f64 / 1e6;
    let path = "large".parse()?;
    let begin = Instant::now();
    let got = cat(&server.client, &package, &path, tokio::io::sink()).await?;
    let verified = begin.elapsed().as_secs_f64();
    ensure!(got == length, "all of it came");
    let begin = Instant::now();
    cat_range(&server.client, &package, None, Span::From(0), tokio::io::sink()).await?;
    let slice = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    for n in 0..SMALL_SLICES {
        let first = length / SMALL_SLICES * n;
        let span = Span::Between(first, first + 4_095);
        cat_range(&server.client, &package, None, span, tokio::io::sink()).await?;
    }
    let small = begin.elapsed().as_secs_f64();
    let (_, peak) = server.memory_bytes()?;
    let cat = cat_file(&file).await?;
    let hashed = hash_in_memory(length);
    server.stop().await?;
    Ok(Download {
        mebibytes,
        verified_mb_per_second: megabytes / verified,
        slice_mb_per_second: megabytes / slice,
        blake3_mb_per_second: megabytes / hashed,
        cat_mb_per_second: megabytes / cat,
        verified_ratio_to_blake3: hashed / verified,
        verified_ratio_to_cat: cat / verified,
        slices_of_4_kib_per_second: SMALL_SLICES as f64 / small,
        server_memory_growth_mib: peak.saturating_sub(before) as f64 / 1024.0 / 1024.0,
    })
}

async fn cat_file(file: &Path) -> anyhow::Result<f64> {
    let begin = Instant::now();
    // To a pipe: to /dev/null the kernel would not read at all.
    let mut process =
        Command::new("cat").arg(file).stdout(std::process::Stdio::piped()).spawn().context("running cat")?;
    let mut output = process.stdout.take().context("cat has an output")?;
    tokio::io::copy(&mut output, &mut tokio::io::sink()).await?;
    ensure!(process.wait().await?.success(), "cat failed");
    Ok(begin.elapsed().as_secs_f64())
}

fn hash_in_memory(length: u64) -> f64 {
    let buffer = vec![7; 64 * 1024 * 1024];
    let begin = Instant::now();
    let mut hasher = blake3::Hasher::new();
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        hasher.update(&buffer[..now]);
        left -= now as u64;
    }
    std::hint::black_box(hasher.finalize());
    begin.elapsed().as_secs_f64()
}
