//! Objects: the bytes of every blob, as they lie in the stores now. What would have to be retrieved from an archive first is
//! not read; whether it is there, and how large, is asked all the same.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::report::{Report, Subject};
use super::rows::{Claims, Stored};
use super::server::{Depth, Error, Progress};
use crate::kernel::hash::Hasher;
use crate::kernel::id::{ObjectKey, StoreName};
use crate::stores::{self, Store};

/// Objects read side by side: hashing is what limits, one or two cores of it.
const AT_ONCE: usize = 2;

/// What one object is like.
enum Seen {
    Good { hashed_bytes: u64 },
    Archived,
    Missing,
    Size(u64),
    Damaged,
}

pub(super) async fn check(
    stores: &HashMap<StoreName, Arc<dyn Store>>,
    claims: &Claims,
    depth: Depth,
    report: &mut Report,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(), Error> {
    if let Some((store, _)) = claims.objects.keys().find(|(store, _)| !stores.contains_key(store)) {
        return Err(Error::UnknownStore(store.clone()));
    }
    let total = claims.objects.values().map(|stored| stored.size_bytes).sum();
    let mut done = 0;
    let mut looks = stream::iter(&claims.objects)
        .map(|((name, key), stored)| async move {
            let seen = look(&*stores[name], key, stored, depth).await;
            let failed = |reason| Error::Store { store: name.clone(), reason };
            Ok::<_, Error>(((name, key), stored, seen.map_err(failed)?))
        })
        .buffer_unordered(AT_ONCE);
    while let Some(((store, key), stored, seen)) = looks.try_next().await? {
        report.blobs += 1;
        done += stored.size_bytes;
        progress(Progress { step: "blobs", done, total });
        let what = match seen {
            Seen::Good { hashed_bytes } => {
                report.blob_bytes_hashed += hashed_bytes;
                continue;
            }
            Seen::Archived => {
                report.blobs_archived += 1;
                continue;
            }
            Seen::Missing => "is missing".to_owned(),
            Seen::Size(found) => format!("has {found} bytes, {} were stored", stored.size_bytes),
            Seen::Damaged => "does not hash to its digests".to_owned(),
        };
        let mut detail =
            format!("object {key} in store {store}, stored at position {}, {what}", stored.position);
        if let Some(position) = stored.damaged_at {
            detail +=
                &format!("; known since position {position}: deposit the same bytes again to repair it");
        }
        report.find(Subject::Blob, stored.blake3, detail);
    }
    Ok(())
}

async fn look(
    store: &dyn Store,
    key: &ObjectKey,
    stored: &Stored,
    depth: Depth,
) -> Result<Seen, stores::Error> {
    match store.archive().look(key).await? {
        None => return Ok(Seen::Missing),
        Some(found) if found.size_bytes != stored.size_bytes => return Ok(Seen::Size(found.size_bytes)),
        Some(found) if !found.is_readable() => return Ok(Seen::Archived),
        Some(_) if depth == Depth::Quick => return Ok(Seen::Good { hashed_bytes: 0 }),
        Some(_) => {}
    }
    let mut pieces = match store.read(key, 0..stored.size_bytes).await {
        Err(stores::Error::Missing(_)) => return Ok(Seen::Missing),
        Err(stores::Error::Archived(_)) => return Ok(Seen::Archived),
        other => other?,
    };
    let mut hasher = Hasher::new();
    while let Some(piece) = pieces.try_next().await? {
        hasher.update(&piece);
        tokio::task::yield_now().await;
    }
    let digests = hasher.finish();
    if digests.blake3 == stored.blake3 && digests.sha256 == stored.sha256 {
        Ok(Seen::Good { hashed_bytes: stored.size_bytes })
    } else {
        Ok(Seen::Damaged)
    }
}
