//! Small blobs that go together in one request.
//!
//! - Each has its own answer. One that was refused is tried again by itself, which opens it anew if its grant has ended
//!   and says what is wrong with its file if something is: a bad file fails the push, not its neighbours.
//! - A request that was lost is sent again as it was; the server takes each blob once.

use std::sync::Arc;

use bytes::Bytes;

use super::Error;
use super::upload::{Blob, Permission, Uploader};
use crate::client;
use crate::client::progress::{Progress, Share};
use crate::kernel::cbor::{self, Value};
use crate::kernel::limits::{SMALL_BATCH_OVERHEAD_BYTES, SMALL_GROUP_BLOBS_MAX, SMALL_GROUP_BYTES_MAX};
use crate::wire::secret::Secret;
use crate::wire::upload::{BatchedBlob, Together};

/// How often a plane is asked while there are others.
const TRIES_APART: u32 = 2;

/// What goes in one request.
pub(super) type Bundle = Vec<(Blob, Permission)>;

/// Blobs that are there now, with what was signed for them.
pub(super) type Brought = Vec<(Blob, Option<Secret>)>;

/// Puts what was opened into bundles.
#[derive(Debug)]
pub(super) struct Bundles {
    small_max: u64,
    together: Option<Together>,
    filling: Bundle,
    bytes: u64,
    full: Vec<Bundle>,
}

impl Bundles {
    /// As the server takes them, and no larger than what it stores at once: so that it always has one to store while
    /// another is on its way.
    pub(super) fn new(small_max: u64, together: Option<Together>) -> Self {
        let together = together.map(|most| Together {
            blobs: most.blobs.min(SMALL_GROUP_BLOBS_MAX as u64),
            bytes: most.bytes.min(SMALL_GROUP_BYTES_MAX),
        });
        Self { small_max, together, filling: Vec::new(), bytes: 0, full: Vec::new() }
    }

    pub(super) fn add(&mut self, blob: Blob, permission: Permission) {
        let takes = blob.size_bytes + SMALL_BATCH_OVERHEAD_BYTES;
        let most = self.together.filter(|most| blob.size_bytes <= self.small_max && takes <= most.bytes);
        let Some(most) = most else {
            self.full.push(vec![(blob, permission)]);
            return;
        };
        if self.filling.len() as u64 >= most.blobs || self.bytes + takes > most.bytes {
            self.full.push(std::mem::take(&mut self.filling));
            self.bytes = 0;
        }
        self.bytes += takes;
        self.filling.push((blob, permission));
    }

    /// All of them; none is empty.
    pub(super) fn finish(mut self) -> Vec<Bundle> {
        if !self.filling.is_empty() {
            self.full.push(self.filling);
        }
        self.full
    }
}

impl Uploader {
    /// Brings small blobs in one request.
    pub(super) async fn upload_together(
        &self,
        bundle: Bundle,
        progress: &Arc<Progress>,
    ) -> Result<Brought, Error> {
        let mut body = Vec::new();
        let mut contents = Vec::with_capacity(bundle.len());
        for (blob, permission) in &bundle {
            let content = blob.content.read().await?;
            encode(permission, &content, &mut body);
            contents.push(content);
        }
        let Some((_, permission)) = bundle.first() else { return Ok(Vec::new()) };
        let is_apart = self.is_apart(permission);
        let sent = self.send_together(permission, body.into()).await;
        let answers = match sent {
            Ok(answers) if answers.len() == bundle.len() => answers.into_iter().map(Some).collect(),
            Ok(answers) => {
                let what = format!("{} answers to {} blobs", answers.len(), bundle.len());
                return Err(self.client.transport().unexpected(what).into());
            }
            // The grants may have ended while they waited for their turn: each is opened anew by itself.
            Err(error) if error.status() == Some(401) => vec![None; bundle.len()],
            // That plane is away; by themselves they find another.
            Err(error) if error.is_transient() && is_apart => vec![None; bundle.len()],
            Err(error) => return Err(error.into()),
        };
        let mut brought = Vec::with_capacity(bundle.len());
        for (((blob, permission), content), answer) in bundle.into_iter().zip(contents).zip(answers) {
            let receipt = match answer {
                Some(BatchedBlob::Stored(stored)) => Some(stored.receipt),
                Some(BatchedBlob::Refused { .. }) | None => {
                    let alone = self.small(&blob, content, permission).await;
                    alone.map_err(|error| error.of_content(&blob.content))?
                }
            };
            Share::of(progress).finish(blob.size_bytes);
            brought.push((blob, receipt));
        }
        Ok(brought)
    }

    /// As it is, until it is answered; where there are other planes, not for long.
    async fn send_together(
        &self,
        permission: &Permission,
        body: Bytes,
    ) -> Result<Vec<BatchedBlob>, client::Error> {
        let transport = self.client.transport();
        let (mut backoff, mut tries) = (transport.backoff(), 0);
        loop {
            let error = match transport.put_together(&permission.href, &permission.grant, body.clone()).await
            {
                Err(error) if error.is_transient() => error,
                outcome => return outcome,
            };
            tries += 1;
            let elsewhere = tries == TRIES_APART && self.is_apart(permission);
            if elsewhere || !backoff.wait(error.retry_after()).await {
                return Err(error);
            }
        }
    }
}

/// One item of the body.
fn encode(permission: &Permission, content: &Bytes, body: &mut Vec<u8>) {
    body.extend(cbor::encode(&Value::Map(vec![
        ("grant".into(), Value::text(permission.grant.reveal())),
        ("content".into(), Value::Bytes(content.to_vec())),
    ])));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::push::upload::Content;
    use crate::kernel::digest::Digests;

    fn bundles(sizes: &[u64], together: Option<Together>) -> Vec<Vec<u64>> {
        let mut bundles = Bundles::new(1000, together);
        for size_bytes in sizes {
            let content = Content::Memory(Bytes::new());
            let blob = Blob { digests: Digests::of(b""), size_bytes: *size_bytes, content };
            bundles.add(blob, Permission { href: String::new(), grant: String::new().into() });
        }
        let sizes = |bundle: Bundle| bundle.iter().map(|(blob, _)| blob.size_bytes).collect();
        bundles.finish().into_iter().map(sizes).collect()
    }

    #[test]
    fn small_blobs_are_bundled_as_far_as_the_server_takes_them() {
        let bytes = 2 * (1000 + SMALL_BATCH_OVERHEAD_BYTES);
        let together = Some(Together { blobs: 3, bytes });
        assert!(bundles(&[], together).is_empty());
        assert_eq!(bundles(&[1, 1000, 1001, 2], together), [vec![1001], vec![1, 1000], vec![2]]);
        let many = Some(Together { blobs: 3, bytes: 1 << 20 });
        assert_eq!(bundles(&[1, 2, 3, 4], many), [vec![1, 2, 3], vec![4]]);
        assert_eq!(bundles(&[1, 2], None), [vec![1], vec![2]]);
    }
}
