//! The end of a push: the documents, and the tag and the pin.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};

use super::stages::Sent;
use super::{Error, Push};
use crate::client::pins::expected;
use crate::client::{Client, Condition, error};
use crate::kernel::digest::{Digest, Digests};
use crate::kernel::id::Reference;
use crate::kernel::limits::CLIENT_TRANSFERS_MAX;
use crate::kernel::manifest::{Document, Package};
use crate::wire::manifest::AcceptedManifest;
use crate::wire::pin::{PinChanged, Publish};
use crate::wire::secret::Secret;

/// What the server has recorded.
pub(super) struct Accepted {
    pub(super) manifest: AcceptedManifest,
    pub(super) pin: Option<PinChanged>,
}

/// Puts the documents, parts first, and delivers receipts that have not arrived by themselves.
pub(super) async fn accept(
    client: &Client,
    push: &Push,
    package: &Package,
    sent: &Sent,
) -> Result<Accepted, Error> {
    for part in package.parts() {
        let document = Document::Manifest(part.clone());
        put(client, push, &document, false, sent).await?;
    }
    put(client, push, package.top(), true, sent).await
}

/// Puts a document. The top one is what the tag and the pin are for.
async fn put(
    client: &Client,
    push: &Push,
    document: &Document,
    is_top: bool,
    sent: &Sent,
) -> Result<Accepted, Error> {
    let bytes = document.encode();
    let digests = Digests::of(&bytes);
    let accepted = match once(client, push, document, &bytes, is_top).await {
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
            once(client, push, document, &bytes, is_top).await?
        }
        other => other?,
    };
    if accepted.manifest.digest == digests.blake3 {
        Ok(accepted)
    } else {
        let what = format!("the digest {} for a manifest with {}", accepted.manifest.digest, digests.blake3);
        Err(client.transport().unexpected(what).into())
    }
}

async fn once(
    client: &Client,
    push: &Push,
    document: &Document,
    bytes: &[u8],
    is_top: bool,
) -> Result<Accepted, error::Error> {
    if let Some(pinning) = push.pin.as_ref().filter(|_| is_top) {
        let request = Publish {
            manifest: STANDARD.encode(bytes),
            tag: push.tag.clone(),
            pin: pinning.pin.clone(),
            expected: expected(pinning.condition),
            said: pinning.said.clone(),
        };
        let published = client.publish(&push.repository, &request).await?;
        return Ok(Accepted { manifest: published.manifest, pin: Some(published.pin) });
    }
    let digest: Digest = Digests::of(bytes).blake3.into();
    let (reference, condition) = match push.tag.as_ref().filter(|_| is_top) {
        Some(tag) => (Reference::Tag(tag.clone()), push.condition),
        None => (Reference::Digest(digest), Condition::Always),
    };
    let kind = document.media_type();
    let put = client.put_manifest(&push.repository, &reference, kind.as_str(), bytes.to_vec(), condition);
    Ok(Accepted { manifest: put.await?, pin: None })
}

fn missing(error: &error::Error) -> Vec<Digest> {
    match error {
        error::Error::Problem { problem, .. } => problem.member("missing").unwrap_or_default(),
        _ => Vec::new(),
    }
}
