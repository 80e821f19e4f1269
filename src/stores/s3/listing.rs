//! Everything that lies in the bucket, and dropping what belongs to a stage.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};

use super::bucket::Bucket;
use crate::kernel::id::ObjectKey;
use crate::stores::{Error, Listed};

/// What lies under one prefix: names and bytes, in order.
fn below(bucket: Arc<Bucket>, prefix: String) -> BoxStream<'static, Result<(String, u64), Error>> {
    let request = bucket.client.list_objects_v2().bucket(bucket.name()).prefix(prefix);
    let pages = request.into_paginator().send();
    let pages = stream::unfold((pages, bucket), |(mut pages, bucket)| async move {
        let page = pages.next().await?;
        let listed = match page.map_err(|error| bucket.said(error).unexpected()) {
            Ok(page) => page
                .contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| {
                    let bytes = object.size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
                    Some(Ok((object.key?, bytes)))
                })
                .collect(),
            Err(error) => vec![Err(error)],
        };
        Some((stream::iter(listed), (pages, bucket)))
    });
    pages.flatten().boxed()
}

/// Everything. Stages first: there are few, and what is sealed meanwhile is then seen as an object too.
pub(super) async fn list(bucket: Arc<Bucket>) -> Result<BoxStream<'static, Result<Listed, Error>>, Error> {
    let stages = stages(&bucket).await?.into_iter().map(Ok);
    let objects = below(bucket.clone(), bucket.names.objects()).try_filter_map(move |(name, size_bytes)| {
        let listed = bucket.names.key_of(&name).map(|key| Listed { key, size_bytes, sealed: true });
        std::future::ready(Ok(listed))
    });
    Ok(stream::iter(stages).chain(objects).boxed())
}

/// Objects that are not complete.
pub(super) async fn stages(bucket: &Arc<Bucket>) -> Result<Vec<Listed>, Error> {
    let mut stages = BTreeMap::<ObjectKey, (u64, bool)>::new();
    let mut names = below(bucket.clone(), bucket.names.stages());
    while let Some((name, bytes)) = names.try_next().await? {
        let Some((key, is_marker)) = bucket.names.stage_of(&name) else { continue };
        let (size, has_upload) = stages.entry(key).or_default();
        *size += bytes;
        *has_upload |= is_marker;
    }
    let mut listed = Vec::with_capacity(stages.len());
    for (key, (mut size_bytes, has_upload)) in stages {
        if has_upload {
            for upload in bucket.list_uploads(&key).await? {
                let parts = bucket.list_parts(&key, &upload).await?.unwrap_or_default();
                size_bytes += parts.iter().map(|part| part.bytes).sum::<u64>();
            }
        }
        listed.push(Listed { key, size_bytes, sealed: false });
    }
    Ok(listed)
}

/// Drops everything of a stage, whoever made it. Its markers go last: until then all of it can be found.
pub(super) async fn drop_stage(bucket: &Arc<Bucket>, key: &ObjectKey) -> Result<(), Error> {
    let names: Vec<(String, u64)> = below(bucket.clone(), bucket.names.stage(key)).try_collect().await?;
    let is_marker = |name: &str| bucket.names.stage_of(name).is_some_and(|(_, is_marker)| is_marker);
    let (markers, pieces): (Vec<_>, Vec<_>) = names.into_iter().partition(|(name, _)| is_marker(name));
    for (name, _) in pieces {
        bucket.delete(&name).await?;
    }
    if markers.is_empty() {
        return Ok(());
    }
    for upload in bucket.list_uploads(key).await? {
        bucket.abort_upload(key, &upload).await?;
    }
    for (name, _) in markers {
        bucket.delete(&name).await?;
    }
    Ok(())
}
