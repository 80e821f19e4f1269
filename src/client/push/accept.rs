//! The end of a push: the documents, and the tag.

use futures::{StreamExt, TryStreamExt, stream};

use super::stages::Sent;
use super::{Error, Push};
use crate::client::{Client, Condition, error};
use crate::kernel::digest::{Digest, Digests};
use crate::kernel::id::{Reference, Tag};
use crate::kernel::limits::CLIENT_TRANSFERS_MAX;
use crate::kernel::manifest::{Document, Package};
use crate::wire::manifest::AcceptedManifest;
use crate::wire::secret::Secret;

/// Puts the documents, parts first, and delivers receipts that have not arrived by themselves.
pub(super) async fn accept(
    client: &Client,
    push: &Push,
    package: &Package,
    sent: &Sent,
) -> Result<AcceptedManifest, Error> {
    for part in package.parts() {
        let document = Document::Manifest(part.clone());
        put(client, push, &document, None, sent).await?;
    }
    put(client, push, package.top(), push.tag.as_ref(), sent).await
}

async fn put(
    client: &Client,
    push: &Push,
    document: &Document,
    tag: Option<&Tag>,
    sent: &Sent,
) -> Result<AcceptedManifest, Error> {
    let bytes = document.encode();
    let digests = Digests::of(&bytes);
    let (reference, condition) = match tag {
        Some(tag) => (Reference::Tag(tag.clone()), push.condition),
        None => (Reference::Digest(digests.blake3.into()), Condition::Always),
    };
    let kind = document.media_type();
    let put = || client.put_manifest(&push.repository, &reference, kind.as_str(), bytes.clone(), condition);
    let accepted = match put().await {
        Err(error) if error.code() == Some("blobs-missing") => {
            let missing: Vec<Digest> = missing(&error);
            let ours = missing.iter().filter_map(|digest| match digest {
                Digest::Blake3(blake3) => sent.receipts.get(blake3),
                Digest::Sha256(_) => None,
            });
            let ours: Vec<&Secret> = ours.collect();
            if ours.is_empty() {
                return Err(error.into());
            }
            stream::iter(ours)
                .map(|receipt| client.deliver_receipt(&push.repository, receipt))
                .buffer_unordered(CLIENT_TRANSFERS_MAX)
                .try_for_each(|_| async { Ok(()) })
                .await?;
            put().await?
        }
        other => other?,
    };
    if accepted.digest == digests.blake3 {
        Ok(accepted)
    } else {
        let what = format!("the digest {} for a manifest with {}", accepted.digest, digests.blake3);
        Err(client.transport().unexpected(what).into())
    }
}

fn missing(error: &error::Error) -> Vec<Digest> {
    match error {
        error::Error::Problem { problem, .. } => problem.member("missing").unwrap_or_default(),
        _ => Vec::new(),
    }
}
