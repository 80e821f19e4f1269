//! What a crowd was told is stored, read back and compared with what was sent.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use serde::Serialize;

use super::bring::{Crowd, Kept};
use super::content::Content;
use crate::client::{Client, Condition, Error};
use crate::kernel::digest::{Blake3, Digest, Digests};
use crate::kernel::id::Reference;
use crate::kernel::limits::{CLIENT_TRANSFERS_MAX, OPEN_BATCH_MAX};
use crate::kernel::manifest::descriptor::{EMPTY_BYTES, EMPTY_DIGESTS};
use crate::kernel::manifest::{Document, Entry, File, Header, Kind, MediaType, Package};
use crate::wire::read::{GrantReads, GrantedBlob};
use crate::wire::upload::{OpenUploads, OpenedBlob, WantedBlob};

/// How long a receipt may be on its way to the log: it is offered again every 15 seconds.
const ON_ITS_WAY: Duration = Duration::from_secs(45);

/// What was found of what was acknowledged.
#[derive(Debug, Default, Serialize)]
pub(super) struct Found {
    /// There, and the same byte by byte.
    pub(super) same: u64,
    /// Not in the log.
    missing_in_log: u64,
    /// In the log, and cannot be read, by the reason.
    unreadable: BTreeMap<String, u64>,
    /// There, with other bytes.
    different: u64,
}

/// Reads all of them, a package of so many at a time.
pub(super) async fn read(crowd: &Crowd, client: &Client, kept: &[Kept]) -> anyhow::Result<Found> {
    let mut found = Found::default();
    put_config(crowd, client).await?;
    for kept in kept.chunks(OPEN_BATCH_MAX) {
        let mut by_digest: HashMap<Blake3, Kept> =
            kept.iter().map(|kept| (kept.digests.blake3, *kept)).collect();
        let Some(package) = put_package(crowd, client, &mut by_digest, &mut found).await? else { continue };
        let request =
            GrantReads { reference: package, digests: Some(by_digest.keys().map(|d| (*d).into()).collect()) };
        let granted = client.grant_reads(&crowd.repository, &request).await?;
        let asked = granted.blobs.into_iter().filter_map(|granted| {
            let kept = by_digest.get(&granted.digest)?;
            Some((granted, crowd.noise.content(kept.n)))
        });
        let reads = stream::iter(asked)
            .map(|(granted, content)| async move { compare(client, &granted, &content).await });
        let mut reads = reads.buffer_unordered(CLIENT_TRANSFERS_MAX);
        while let Some(read) = reads.next().await {
            match read {
                Ok(true) => found.same += 1,
                Ok(false) => found.different += 1,
                Err(error) => *found.unreadable.entry(error.to_string()).or_default() += 1,
            }
        }
    }
    Ok(found)
}

/// Whether what the server has there is that content.
async fn compare(client: &Client, granted: &GrantedBlob, content: &Content) -> Result<bool, Error> {
    let transport = client.transport();
    let href = transport.resolve(&granted.href);
    let mut response = transport.read_blob(&href, &granted.grant, 0).await?;
    let mut at = 0;
    while let Some(chunk) = transport.next_chunk(&mut response).await? {
        if !content.has(at, &chunk) {
            return Ok(false);
        }
        at += chunk.len() as u64;
    }
    Ok(at == content.len())
}

/// A package of these, so that they may be read. Those that the log does not have are taken out and counted.
async fn put_package(
    crowd: &Crowd,
    client: &Client,
    kept: &mut HashMap<Blake3, Kept>,
    found: &mut Found,
) -> anyhow::Result<Option<Reference>> {
    let until = Instant::now() + ON_ITS_WAY;
    while !kept.is_empty() {
        let package = Package::of(Header::default(), kept.values().map(entry).collect::<Result<_, _>>()?)?;
        for part in package.parts() {
            put(crowd, client, &Document::Manifest(part.clone())).await?;
        }
        match put(crowd, client, package.top()).await {
            Ok(reference) => return Ok(Some(reference)),
            Err(Error::Problem { problem, .. }) if problem.code == "blobs-missing" => {
                if Instant::now() < until {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
                let missing: Vec<Digest> = problem.member("missing").unwrap_or_default();
                let missing: HashSet<Digest> = missing.into_iter().collect();
                let before = kept.len();
                kept.retain(|blake3, _| !missing.contains(&Digest::from(*blake3)));
                anyhow::ensure!(kept.len() < before, "{problem}");
                found.missing_in_log += (before - kept.len()) as u64;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

async fn put(crowd: &Crowd, client: &Client, document: &Document) -> Result<Reference, Error> {
    let bytes = document.encode();
    let reference = Reference::Digest(Digests::of(&bytes).blake3.into());
    let kind = document.media_type();
    client.put_manifest(&crowd.repository, &reference, kind.as_str(), bytes, Condition::Always).await?;
    Ok(reference)
}

fn entry(kept: &Kept) -> anyhow::Result<Entry> {
    let file = File {
        media_type: MediaType::OCTET_STREAM,
        digests: kept.digests,
        size_bytes: kept.bytes,
        mode: None,
        annotations: Default::default(),
    };
    Ok(Entry { path: format!("{:012}", kept.n).parse()?, kind: Kind::File(file) })
}

/// Every package has the empty config.
async fn put_config(crowd: &Crowd, client: &Client) -> anyhow::Result<()> {
    let digest = Some(EMPTY_DIGESTS.blake3.into());
    let wanted = OpenUploads { blobs: vec![WantedBlob { digest, size: Some(EMPTY_BYTES.len() as u64) }] };
    let opened = client.open_uploads(&crowd.repository, &wanted).await?.blobs.pop();
    if let Some(OpenedBlob::Upload { href, grant, .. }) = opened {
        let content = bytes::Bytes::from_static(EMPTY_BYTES);
        client.transport().put_small(&client.transport().resolve(&href), &grant, &content).await?;
    }
    Ok(())
}
