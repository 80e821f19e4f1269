//! Downloading blobs and giving them their places.
//!
//! Bytes are hashed and written under a temporary name by a thread of their own while more arrive; they are given
//! their places when all have come and their BLAKE3 digest is right. SHA-256 is another name for the same blob: both were
//! compared when it was deposited, and the manifest, itself checked by whichever digest names it, holds both.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::plan::{Plan, Wanted};
use super::read::{self, Reader, Source};
use super::{Damaged, Error};
use crate::client::progress::{Progress, Share};
use crate::client::tree::{self, Partial, Tree};
use crate::kernel::digest::Blake3;
use crate::kernel::limits::{CLIENT_TRANSFERS_MAX, OPEN_BATCH_MAX};
use crate::kernel::manifest::{self, Mode, PackagePath};
use crate::wire::read::GrantedBlob;

/// Chunks between the network and the disk.
const CHUNKS_WAITING: usize = 32;

/// What one blob came to.
enum Outcome {
    Written { files: u64, received_bytes: u64 },
    Damaged(Damaged),
}

/// Carries a plan out. Entries written, and bytes received.
pub(super) async fn fetch(
    source: &Source,
    tree: Tree,
    plan: Plan,
    progress: &Arc<Progress>,
) -> Result<(u64, u64), Error> {
    let tree = Arc::new(tree);
    let partial = Arc::new(tree.partial()?);
    for (path, mode) in &plan.modes {
        tree.set_mode(path, *mode)?;
    }
    let mut total = Total::default();
    let mut downloads: JoinSet<Result<Outcome, Error>> = JoinSet::new();
    let mut waiting: VecDeque<Wanted> = plan.blobs.into_values().collect();
    while !waiting.is_empty() {
        // Asked for only when it is their turn, so that no grant grows old while others are downloaded.
        let batch: Vec<Wanted> = waiting.drain(..waiting.len().min(OPEN_BATCH_MAX)).collect();
        let digests = batch.iter().filter(|blob| blob.size_bytes > 0).map(|blob| blob.digests.blake3);
        let mut grants = source.ask(digests.collect()).await?;
        for blob in batch {
            while downloads.len() >= CLIENT_TRANSFERS_MAX {
                total.count_next(&mut downloads).await?;
            }
            let (grant, share) = (grants.remove(&blob.digests.blake3), Share::of(progress));
            downloads.spawn(download(source.clone(), blob, grant, partial.clone(), plan.force, share));
        }
    }
    while !downloads.is_empty() {
        total.count_next(&mut downloads).await?;
    }
    for path in &plan.directories {
        tree.make_directory(path)?;
    }
    for (n, (path, target)) in plan.links.iter().enumerate() {
        let name = format!("link-{n}");
        partial.link(&name, target)?;
        partial.place(&name, path, plan.force)?;
    }
    let others = plan.modes.len() + plan.directories.len() + plan.links.len();
    total.damaged.sort_by(|a, b| a.paths.cmp(&b.paths));
    if total.damaged.is_empty() {
        Ok((total.written + others as u64, total.received_bytes))
    } else {
        Err(Error::Damaged(total.damaged))
    }
}

#[derive(Default)]
struct Total {
    written: u64,
    received_bytes: u64,
    damaged: Vec<Damaged>,
}

impl Total {
    async fn count_next(&mut self, downloads: &mut JoinSet<Result<Outcome, Error>>) -> Result<(), Error> {
        let Some(done) = downloads.join_next().await else { return Ok(()) };
        match done.expect("a download does not panic")? {
            Outcome::Written { files, received_bytes } => {
                self.written += files;
                self.received_bytes += received_bytes;
            }
            Outcome::Damaged(one) => self.damaged.push(one),
        }
        Ok(())
    }
}

/// One blob, into all of its places.
async fn download(
    source: Source,
    blob: Wanted,
    grant: Option<GrantedBlob>,
    partial: Arc<Partial>,
    force: bool,
    share: Share,
) -> Result<Outcome, Error> {
    let damaged = |reason: String| {
        let paths = blob.files.iter().map(|(path, _)| path.clone()).collect();
        Ok(Outcome::Damaged(Damaged { digest: blob.digests.blake3, paths, reason }))
    };
    let name = blob.digests.blake3.hex();
    let file = partial.create(&name)?;
    let (chunks, to_write) = mpsc::channel(CHUNKS_WAITING);
    let writing = tokio::task::spawn_blocking(move || write(file, to_write));
    let mut reader = Reader::new(&source, blob.digests.blake3, blob.size_bytes, grant);
    loop {
        match reader.next().await {
            Ok(Some(chunk)) => {
                share.add(chunk.len() as u64);
                if chunks.send(chunk).await.is_err() {
                    // The disk does not take it; the thread says why.
                    break;
                }
            }
            Ok(None) => break,
            Err(read::Error::Client(error)) => return Err(error.into()),
            Err(read::Error::Damaged(reason)) => {
                partial.remove(&name);
                return damaged(reason);
            }
        }
    }
    drop(chunks);
    let received_bytes = reader.received_bytes();
    let (file, digest) = writing.await.expect("writing does not panic").map_err(Error::Output)?;
    if digest != blob.digests.blake3 {
        partial.remove(&name);
        return damaged(format!("what the server has there is {digest}"));
    }
    let copies = blob.files.len() as u64;
    share.finish(blob.size_bytes * copies);
    share.others(copies - 1);
    let placing = tokio::task::spawn_blocking(move || place(&partial, &name, file, &blob.files, force));
    placing.await.expect("placing does not panic")?;
    Ok(Outcome::Written { files: copies, received_bytes })
}

/// Writes and hashes what comes, until no more does.
fn write(mut file: File, mut chunks: mpsc::Receiver<Bytes>) -> Result<(File, Blake3), io::Error> {
    let mut hasher = blake3::Hasher::new();
    while let Some(chunk) = chunks.blocking_recv() {
        hasher.update(&chunk);
        file.write_all(&chunk)?;
    }
    Ok((file, Blake3::new(*hasher.finalize().as_bytes())))
}

/// Gives a finished file all of its places: copies first, then itself.
fn place(
    partial: &Partial,
    name: &str,
    mut file: File,
    places: &[(PackagePath, Option<Mode>)],
    force: bool,
) -> Result<(), Error> {
    let Some(((path, mode), others)) = places.split_last() else { return Ok(()) };
    let set_mode = |file: &File, mode: &Option<Mode>| match mode {
        Some(mode) => tree::set_mode(file, *mode).map_err(|errno| Error::Output(errno.into())),
        None => Ok(()),
    };
    for (path, mode) in others {
        let name = format!("{name}-copy");
        let mut copy = partial.create(&name)?;
        file.rewind().map_err(Error::Output)?;
        io::copy(&mut file, &mut copy).map_err(Error::Output)?;
        set_mode(&copy, mode)?;
        partial.place(&name, path, force)?;
    }
    set_mode(&file, mode)?;
    partial.place(name, path, force)?;
    Ok(())
}

/// Writes one file to an output, and checks it at the end.
pub(super) async fn write_to(
    source: &Source,
    path: &PackagePath,
    file: &manifest::File,
    mut output: impl AsyncWrite + Unpin,
) -> Result<u64, Error> {
    let damaged = |reason: String| {
        let paths = vec![path.clone()];
        Error::Damaged(vec![Damaged { digest: file.digests.blake3, paths, reason }])
    };
    let blake3 = file.digests.blake3;
    let mut grants = if file.size_bytes > 0 { source.ask(vec![blake3]).await? } else { Default::default() };
    let mut reader = Reader::new(source, blake3, file.size_bytes, grants.remove(&blake3));
    let mut hasher = blake3::Hasher::new();
    loop {
        match reader.next().await {
            Ok(Some(chunk)) => {
                hasher.update(&chunk);
                output.write_all(&chunk).await.map_err(Error::Output)?;
            }
            Ok(None) => break,
            Err(read::Error::Client(error)) => return Err(error.into()),
            Err(read::Error::Damaged(reason)) => return Err(damaged(reason)),
        }
    }
    output.flush().await.map_err(Error::Output)?;
    let digest = Blake3::new(*hasher.finalize().as_bytes());
    if digest == blake3 {
        Ok(file.size_bytes)
    } else {
        Err(damaged(format!("what the server has there is {digest}")))
    }
}
