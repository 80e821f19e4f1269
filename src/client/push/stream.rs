//! Depositing a stream whose end is not known: one file, hashed and sent as it comes.
//!
//! - It goes in parts of [`CLIENT_STREAM_PART_BYTES`]; a part is kept in memory until the server has it, so a lost
//!   connection loses nothing. What a killed process had read is lost with it: a stream cannot be read twice.
//! - The length is declared with the last part (tus `creation-defer-length`). A stream that ends within
//!   `small_max` goes as one small blob.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::accept::accept;
use super::stages::Sent;
use super::upload::{Blob, Content, Opened, Permission, Uploader};
use super::{Error, Push, Pushed, header, result, uploader};
use crate::client::Client;
use crate::client::data::{Part, Session};
use crate::client::progress::{Progress, Share};
use crate::client::transport::Repeat;
use crate::kernel::digest::Digests;
use crate::kernel::hash::Hasher;
use crate::kernel::limits::CLIENT_STREAM_PART_BYTES;
use crate::kernel::manifest::descriptor::{EMPTY_BYTES, EMPTY_DIGESTS};
use crate::kernel::manifest::{Entry, File, Kind, MediaType, Package, PackagePath};
use crate::wire::repository::SetRepository;
use crate::wire::secret::Secret;
use crate::wire::upload::WantedBlob;

/// Deposits a stream as a package of one file of that name.
///
/// # Errors
/// [`Error`].
pub async fn push_stream(
    client: &Client,
    push: &Push,
    mut input: impl AsyncRead + Unpin,
    name: PackagePath,
    progress: &Arc<Progress>,
) -> Result<Pushed, Error> {
    let header = header(client, push).await?;
    client.set_repository(&push.repository, &SetRepository::default()).await?;
    let uploader = uploader(client, push)?;
    let mut sent = Sent::default();
    let first = read_part(&mut input).await?;
    let blob = if first.len() < CLIENT_STREAM_PART_BYTES {
        known(Digests::of(&first), first)
    } else {
        let share = Share::of(progress);
        let (digests, size_bytes, receipt) = send_parts(&uploader, first, &mut input, &share).await?;
        let blob = Blob { digests, size_bytes, content: Content::Memory(Bytes::new()) };
        sent.count(&blob, Some(receipt));
        blob
    };
    let entry = Entry {
        path: name,
        kind: Kind::File(File {
            media_type: MediaType::OCTET_STREAM,
            digests: blob.digests,
            size_bytes: blob.size_bytes,
            mode: None,
            annotations: Default::default(),
        }),
    };
    let mut whole = vec![known(EMPTY_DIGESTS, Bytes::from_static(EMPTY_BYTES))];
    if sent.blobs == 0 {
        whole.push(blob);
    }
    for blob in whole {
        send_whole(&uploader, blob, &mut sent, progress).await?;
    }
    let package = Package::of(header, vec![entry])?;
    let accepted = accept(client, push, &package, &sent).await?;
    Ok(result(push, &package, Some(accepted), &sent))
}

fn known(digests: Digests, content: Bytes) -> Blob {
    Blob { digests, size_bytes: content.len() as u64, content: Content::Memory(content) }
}

/// A blob that is in memory: in one request if it is small enough, else as a session of one part.
async fn send_whole(
    uploader: &Uploader,
    blob: Blob,
    sent: &mut Sent,
    progress: &Arc<Progress>,
) -> Result<(), Error> {
    let share = Share::of(progress);
    let Opened { mut permissions, small_max, .. } = uploader.open(vec![blob.wanted()]).await?;
    let Some(permission) = permissions.pop().flatten() else {
        share.finish(blob.size_bytes);
        return Ok(());
    };
    let receipt = match &blob.content {
        Content::Memory(content) if blob.size_bytes > small_max => {
            let mut stream = Stream::new(uploader, permission, blob.wanted(), Some(blob.size_bytes)).await?;
            let receipt = stream.send(content, Some(blob.size_bytes), &share).await?;
            Some(stream.finished(receipt)?)
        }
        Content::Memory(_) | Content::File(_) => {
            uploader.upload(&blob, permission, small_max, &share).await?
        }
    };
    sent.count(&blob, receipt);
    Ok(())
}

/// The whole of a long stream: what was read already, and what follows.
async fn send_parts(
    uploader: &Uploader,
    first: Bytes,
    input: &mut (impl AsyncRead + Unpin),
    share: &Share,
) -> Result<(Digests, u64, Secret), Error> {
    let Opened { mut permissions, .. } = uploader.open(vec![WantedBlob::default()]).await?;
    let permission = permissions.pop().flatten();
    let unexpected = |what: &str| Error::from(uploader.client.transport().unexpected(what));
    let permission = permission.ok_or_else(|| unexpected("`present` for a blob without digest"))?;
    let mut stream = Stream::new(uploader, permission, WantedBlob::default(), None).await?;
    let mut hasher = Hasher::new();
    let mut part = first;
    loop {
        hasher.update(&part);
        // The next part is read before this one is sent: the last has to declare the length.
        let next =
            if part.len() < CLIENT_STREAM_PART_BYTES { Bytes::new() } else { read_part(input).await? };
        let length = next.is_empty().then_some(hasher.bytes());
        let receipt = stream.send(&part, length, share).await?;
        if next.is_empty() {
            share.finish(hasher.bytes());
            return Ok((hasher.finish(), hasher.bytes(), stream.finished(receipt)?));
        }
        part = next;
    }
}

/// A full part, or what is left of the input.
async fn read_part(input: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, Error> {
    let mut part = Vec::new();
    let most = CLIENT_STREAM_PART_BYTES as u64;
    input.take(most).read_to_end(&mut part).await.map_err(Error::Stream)?;
    Ok(part.into())
}

/// A session that is fed from memory.
struct Stream<'u> {
    uploader: &'u Uploader,
    permission: Permission,
    wanted: WantedBlob,
    session: Session,
}

impl<'u> Stream<'u> {
    async fn new(
        uploader: &'u Uploader,
        permission: Permission,
        wanted: WantedBlob,
        length: Option<u64>,
    ) -> Result<Self, Error> {
        let transport = uploader.client.transport();
        let session = transport.create(&permission.href, &permission.grant, length, Repeat::Safe).await?;
        Ok(Self { uploader, permission, wanted, session })
    }

    /// Sends the next part, as often as it takes. The receipt, if the server has sealed the blob with it.
    async fn send(
        &mut self,
        part: &Bytes,
        length: Option<u64>,
        share: &Share,
    ) -> Result<Option<Secret>, Error> {
        let transport = self.uploader.client.transport();
        let start = self.session.offset;
        let end = start + part.len() as u64;
        let (mut backoff, mut renewed) = (transport.backoff(), false);
        loop {
            if self.session.offset == end && (length.is_none() || self.session.receipt.is_some()) {
                share.set(end);
                return Ok(self.session.receipt.clone());
            }
            match self.attempt(part, start, length, share).await {
                Ok(session) if session.offset > self.session.offset || session.receipt.is_some() => {
                    self.session = session;
                    continue;
                }
                Ok(_) => return Err(transport.unexpected("an upload that does not move").into()),
                Err(error) if error.status() == Some(401) && !renewed => {
                    renewed = true;
                    if let Some(fresh) = self.uploader.reopen(self.wanted.clone()).await? {
                        self.permission = fresh;
                    }
                    continue;
                }
                Err(error) if error.is_transient() || error.status() == Some(409) => {
                    if !backoff.wait(error.retry_after()).await {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(error.into()),
            }
            let asked = transport.head(&self.session.url, &self.permission.grant, Repeat::Safe).await;
            match asked {
                Ok(session) => self.session = session,
                Err(error) if error.status() == Some(401) => {}
                Err(error) => return Err(error.into()),
            }
            if !(start..=end).contains(&self.session.offset) {
                return Err(transport.unexpected("an upload that lost or gained bytes").into());
            }
        }
    }

    async fn attempt(
        &self,
        part: &Bytes,
        start: u64,
        length: Option<u64>,
        share: &Share,
    ) -> Result<Session, crate::client::Error> {
        let offset = self.session.offset;
        share.set(offset);
        let sent = usize::try_from(offset - start).expect("an offset within the part");
        let rest = part.slice(sent..);
        let bytes = rest.len() as u64;
        share.add(bytes);
        let part = Part { offset, bytes, declare: length, body: Body::from(rest) };
        let grant = &self.permission.grant;
        self.uploader.client.transport().patch(&self.session.url, grant, part, share).await
    }

    fn finished(&self, receipt: Option<Secret>) -> Result<Secret, Error> {
        let unexpected = || self.uploader.client.transport().unexpected("a finished upload without receipt");
        Ok(receipt.ok_or_else(unexpected)?)
    }
}
