//! The stages of a push that run at the same time: hashing, and opening and uploading what is hashed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Error;
use super::together::{Brought, Bundle, Bundles};
use super::upload::{Blob, Content, Opened, Uploader};
use crate::client::package::{Found, FoundKind, content};
use crate::client::progress::{Progress, Share};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::limits::{CLIENT_TRANSFERS_MAX, OPEN_BATCH_MAX};
use crate::kernel::manifest::descriptor::{EMPTY_BYTES, EMPTY_DIGESTS};
use crate::wire::secret::Secret;

/// How long hashed files are collected before a batch is opened, so that small files share requests and a single
/// large one does not wait.
const GATHER: Duration = Duration::from_millis(30);

/// Hashes every file, and hands each content on when it is first seen.
pub(super) async fn hash(
    found: &Arc<Vec<Found>>,
    progress: &Arc<Progress>,
    hashed: Option<mpsc::Sender<Blob>>,
) -> Result<HashMap<usize, Digests>, Error> {
    let at_once = std::thread::available_parallelism().map_or(2, usize::from).min(CLIENT_TRANSFERS_MAX);
    let files: Vec<usize> =
        (0..found.len()).filter(|n| matches!(found[*n].kind, FoundKind::File(_))).collect();
    let mut all = stream::iter(files)
        .map(|n| {
            let (found, progress) = (found.clone(), progress.clone());
            tokio::task::spawn_blocking(move || match &found[n].kind {
                FoundKind::File(source) => {
                    let digests = content::hash(source, |bytes| progress.read(bytes))?;
                    let content = Content::File(source.clone());
                    Ok((n, Blob { digests, size_bytes: source.size_bytes, content }))
                }
                FoundKind::Directory | FoundKind::Symlink(_) => unreachable!("only files are hashed"),
            })
        })
        .buffer_unordered(at_once);
    let mut digests = HashMap::new();
    let mut seen = HashSet::new();
    while let Some(one) = all.next().await {
        let (n, blob) = one.expect("hashing does not panic").map_err(|error: content::Error| error)?;
        digests.insert(n, blob.digests);
        if let Some(hashed) = &hashed {
            if seen.insert(blob.digests.blake3) {
                // Whoever takes them has failed, and says why itself.
                _ = hashed.send(blob).await;
            } else {
                progress.done(1, blob.size_bytes);
            }
        }
    }
    if let (Some(hashed), true) = (hashed, seen.insert(EMPTY_DIGESTS.blake3)) {
        // The config of every package, and the content of entries that have none.
        let content = Content::Memory(EMPTY_BYTES.into());
        let blob = Blob { digests: EMPTY_DIGESTS, size_bytes: EMPTY_BYTES.len() as u64, content };
        progress.expect(1, blob.size_bytes);
        _ = hashed.send(blob).await;
    }
    Ok(digests)
}

/// What was sent, and what the data plane signed for it.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) blobs: u64,
    pub(super) bytes: u64,
    /// What of these an earlier push, which was cut, had sent already.
    pub(super) found_bytes: u64,
    pub(super) receipts: HashMap<Blake3, Secret>,
}

impl Sent {
    pub(super) fn count(&mut self, blob: &Blob, receipt: Option<Secret>) {
        self.blobs += 1;
        self.bytes += blob.size_bytes;
        self.receipts.extend(receipt.map(|receipt| (blob.digests.blake3, receipt)));
    }
}

/// Opens and uploads what comes, until no more does.
pub(super) async fn send(
    uploader: &Uploader,
    mut hashed: mpsc::Receiver<Blob>,
    progress: &Arc<Progress>,
) -> Result<Sent, Error> {
    let mut sent = Sent::default();
    let mut uploads: JoinSet<Result<Brought, Error>> = JoinSet::new();
    loop {
        let batch = gather(&mut hashed).await;
        if batch.is_empty() {
            break;
        }
        let Opened { permissions, small_max, together } =
            uploader.open(batch.iter().map(Blob::wanted).collect()).await?;
        let mut bundles = Bundles::new(small_max, together);
        for (blob, permission) in batch.into_iter().zip(permissions) {
            match permission {
                Some(permission) => bundles.add(blob, permission),
                None => progress.done(1, blob.size_bytes),
            }
        }
        for bundle in bundles.finish() {
            while uploads.len() >= CLIENT_TRANSFERS_MAX {
                count_next(&mut uploads, &mut sent).await?;
            }
            uploads.spawn(upload(uploader.clone(), bundle, small_max, progress.clone()));
        }
    }
    while !uploads.is_empty() {
        count_next(&mut uploads, &mut sent).await?;
    }
    // A session may have ended meanwhile, and its bytes been sent again.
    sent.found_bytes = progress.found_bytes().min(sent.bytes);
    Ok(sent)
}

/// Brings one blob, or small ones together.
async fn upload(
    uploader: Uploader,
    mut bundle: Bundle,
    small_max: u64,
    progress: Arc<Progress>,
) -> Result<Brought, Error> {
    if bundle.len() > 1 {
        return uploader.upload_together(bundle, &progress).await;
    }
    let (blob, permission) = bundle.pop().expect("a bundle is not empty");
    let receipt = uploader.upload(&blob, permission, small_max, &Share::of(&progress)).await?;
    Ok(vec![(blob, receipt)])
}

async fn count_next(uploads: &mut JoinSet<Result<Brought, Error>>, sent: &mut Sent) -> Result<(), Error> {
    if let Some(done) = uploads.join_next().await {
        for (blob, receipt) in done.expect("an upload does not panic")? {
            sent.count(&blob, receipt);
        }
    }
    Ok(())
}

/// The next batch to open: whatever is there within a moment. Empty when nothing more comes.
async fn gather(hashed: &mut mpsc::Receiver<Blob>) -> Vec<Blob> {
    let mut batch: Vec<Blob> = hashed.recv().await.into_iter().collect();
    let until = tokio::time::Instant::now() + GATHER;
    while !batch.is_empty() && batch.len() < OPEN_BATCH_MAX {
        match tokio::time::timeout_at(until, hashed.recv()).await {
            Ok(Some(blob)) => batch.push(blob),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}
