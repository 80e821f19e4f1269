//! Bringing one blob to the server, whatever happens on the way.
//!
//! Small blobs go in one request. Larger ones go as a session: send from where the server is; when the connection
//! breaks, ask where it is now, and send on. The loop is the same for a fresh upload, a broken one and one that a
//! killed process left behind; it ends with a receipt, with an error that another try would not change, or when
//! nothing has moved for as long as the client's patience.

use std::io::SeekFrom;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use reqwest::Body;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::Error;
use super::resume::{Record, Records};
use crate::client::Client;
use crate::client::data::{Part, Session, session_at};
use crate::client::package::{Source, content};
use crate::client::progress::Share;
use crate::client::transport::Repeat;
use crate::kernel::digest::Digests;
use crate::kernel::id::RepositoryName;
use crate::wire::secret::Secret;
use crate::wire::upload::{OpenUploads, OpenedBlob, Together, WantedBlob};

/// Bytes read from disk for each piece of a body.
const PIECE_BYTES: usize = 256 * 1024;

/// Why a file did not give its bytes to a body, if it did not.
type Unread = Arc<Mutex<Option<std::io::Error>>>;

/// What one push uploads with.
#[derive(Debug, Clone)]
pub(super) struct Uploader {
    pub(super) client: Client,
    pub(super) repository: RepositoryName,
    /// None: nothing is remembered for another process.
    pub(super) records: Option<Records>,
}

/// Bytes to bring.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub(super) digests: Digests,
    pub(super) size_bytes: u64,
    pub(super) content: Content,
}

/// Where they are.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Memory(Bytes),
    File(Source),
}

impl Content {
    /// All of it, for what is small.
    pub(super) async fn read(&self) -> Result<Bytes, Error> {
        match self {
            Self::Memory(content) => Ok(content.clone()),
            Self::File(source) => {
                let source = source.clone();
                let read = tokio::task::spawn_blocking(move || content::read(&source));
                Ok(read.await.expect("reading a file does not panic")?.into())
            }
        }
    }
}

/// What the server gave for a blob that it has not.
#[derive(Debug, Clone)]
pub(super) struct Permission {
    pub(super) href: String,
    pub(super) grant: Secret,
}

/// What the server gave for a batch.
#[derive(Debug)]
pub(super) struct Opened {
    /// One for each that was asked; none for what is there.
    pub(super) permissions: Vec<Option<Permission>>,
    /// Bytes that one request may have.
    pub(super) small_max: u64,
    /// How many such blobs one request may bring.
    pub(super) together: Option<Together>,
}

/// How to go on after a break.
enum Again {
    Same,
    WithFreshGrant,
    /// Where the planes are apart: at whichever data plane the control plane names now.
    Elsewhere,
}

impl Blob {
    pub(super) fn wanted(&self) -> WantedBlob {
        WantedBlob { digest: Some(self.digests.blake3.into()), size: Some(self.size_bytes) }
    }
}

impl Uploader {
    /// Opens a batch: for each blob what to send it with, or nothing if it is there.
    pub(super) async fn open(&self, wanted: Vec<WantedBlob>) -> Result<Opened, Error> {
        let count = wanted.len();
        let opened = self.client.open_uploads(&self.repository, &OpenUploads { blobs: wanted }).await?;
        if opened.blobs.len() != count {
            let what = format!("{} answers to {count} blobs", opened.blobs.len());
            return Err(self.client.transport().unexpected(what).into());
        }
        let permission = |blob| match blob {
            OpenedBlob::Present { .. } => None,
            OpenedBlob::Upload { href, grant, .. } => {
                Some(Permission { href: self.client.transport().resolve(&href), grant })
            }
        };
        Ok(Opened {
            permissions: opened.blobs.into_iter().map(permission).collect(),
            small_max: opened.small_max,
            together: opened.together,
        })
    }

    /// Opens one blob again, because its grant has ended. None if it is there by now.
    pub(super) async fn reopen(&self, wanted: WantedBlob) -> Result<Option<Permission>, Error> {
        Ok(self.open(vec![wanted]).await?.permissions.pop().flatten())
    }

    /// Brings a blob. The receipt; none if someone else brought it meanwhile.
    pub(super) async fn upload(
        &self,
        blob: &Blob,
        permission: Permission,
        small_max: u64,
        share: &Share,
    ) -> Result<Option<Secret>, Error> {
        let receipt = match &blob.content {
            Content::File(source) if blob.size_bytes > small_max => {
                self.session(blob, source, permission, share).await
            }
            content => self.small(blob, content.read().await?, permission).await,
        };
        let receipt = receipt.map_err(|error| error.of_content(&blob.content))?;
        share.finish(blob.size_bytes);
        Ok(receipt)
    }

    pub(super) async fn small(
        &self,
        blob: &Blob,
        content: Bytes,
        mut permission: Permission,
    ) -> Result<Option<Secret>, Error> {
        let (mut renewed, mut backoff) = (false, self.client.transport().backoff());
        loop {
            let Permission { href, grant } = &permission;
            match self.client.transport().put_small(href, grant, &content).await {
                Ok(stored) => return Ok(Some(stored.receipt)),
                // The grant has ended; or a crash left a part of this blob under it, which another grant has not met.
                Err(error) if matches!(error.status(), Some(401 | 409)) && !renewed => {
                    renewed = true;
                    match self.reopen(blob.wanted()).await? {
                        Some(fresh) => permission = fresh,
                        None => return Ok(None),
                    }
                }
                Err(error) if error.is_transient() && backoff.wait(error.retry_after()).await => {
                    if self.is_apart(&permission) {
                        let Some(fresh) = self.reopen(blob.wanted()).await? else { return Ok(None) };
                        permission = fresh;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn session(
        &self,
        blob: &Blob,
        source: &Source,
        mut permission: Permission,
        share: &Share,
    ) -> Result<Option<Secret>, Error> {
        let mut record = self.hold(blob);
        let begun = record.as_mut().and_then(Record::begun);
        let mut session = match begun {
            // Whatever is wrong with it, a new one can be made.
            Some(begun) => {
                self.client.transport().head(&begun.url, &permission.grant, Repeat::Safe).await.ok()
            }
            None => None,
        };
        share.found(session.as_ref().map_or(0, |session| session.offset));
        let mut backoff = self.client.transport().backoff();
        let (mut renewed, mut restarted) = (false, false);
        loop {
            let before = session.as_ref().map_or(0, |session| session.offset);
            let done = self.go_on(blob, source, &permission, &mut session, record.as_mut(), share).await;
            let error = match done {
                Ok(receipt) => {
                    forget(record);
                    return Ok(Some(receipt));
                }
                Err(Error::Client(error)) => error,
                Err(error) => return Err(error),
            };
            if session.as_ref().is_some_and(|session| session.offset > before) {
                backoff.reset();
                (renewed, restarted) = (false, false);
            }
            let again = match error.status() {
                Some(401) if !renewed => {
                    renewed = true;
                    Again::WithFreshGrant
                }
                Some(403 | 404 | 410) if session.is_some() && !restarted => {
                    // That session has ended; a fresh grant makes another.
                    (session, restarted) = (None, true);
                    Again::WithFreshGrant
                }
                // It stands elsewhere than we thought, or another request is at work on it: look, and go on.
                Some(409) if backoff.wait(error.retry_after()).await => Again::Same,
                _ if error.is_transient() && backoff.wait(error.retry_after()).await => Again::Elsewhere,
                // Not forgotten: whoever makes room goes on from here, and needs no room for all of it once more.
                status if error.is_transient() || status == Some(507) => return Err(error.into()),
                _ => {
                    forget(record);
                    return Err(error.into());
                }
            };
            match again {
                Again::Elsewhere if self.is_apart(&permission) => {
                    let Some(fresh) = self.reopen(blob.wanted()).await? else { return Ok(None) };
                    if let Some(session) = &mut session {
                        session.url = session_at(&fresh.href, &session.url);
                    }
                    permission = fresh;
                }
                Again::WithFreshGrant => match self.reopen(blob.wanted()).await? {
                    Some(fresh) => permission = fresh,
                    None => return Ok(None),
                },
                Again::Same | Again::Elsewhere => {}
            }
        }
    }

    /// Whether the bytes go elsewhere than to the control plane.
    pub(super) fn is_apart(&self, permission: &Permission) -> bool {
        !self.client.transport().is_own(&permission.href)
    }

    /// A record that cannot be had is no reason not to upload.
    fn hold(&self, blob: &Blob) -> Option<Record> {
        let records = self.records.as_ref()?;
        match records.hold(self.client.address(), &self.repository, blob.digests.blake3) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(%error, "this upload cannot be remembered for another run");
                None
            }
        }
    }

    /// From where the session is, or from its creation, to the receipt or the next break.
    async fn go_on(
        &self,
        blob: &Blob,
        source: &Source,
        permission: &Permission,
        session: &mut Option<Session>,
        record: Option<&mut Record>,
        share: &Share,
    ) -> Result<Secret, Error> {
        let transport = self.client.transport();
        let Permission { href, grant } = permission;
        let mut now = match session.take() {
            Some(known) => {
                *session = Some(known.clone());
                transport.head(&known.url, grant, Repeat::Elsewhere).await?
            }
            None => {
                let fresh = transport.create(href, grant, Some(blob.size_bytes), Repeat::Elsewhere).await?;
                if let Some(Err(error)) = record.map(|record| record.remember(&fresh.url, grant)) {
                    tracing::warn!(%error, "this upload cannot be remembered for another run");
                }
                fresh
            }
        };
        loop {
            share.set(now.offset);
            *session = Some(now.clone());
            if let Some(receipt) = now.receipt {
                return Ok(receipt);
            }
            if now.offset > blob.size_bytes {
                return Err(transport.unexpected("an upload with more bytes than the file").into());
            }
            let (body, unread) = body(source, now.offset, share).await?;
            let bytes = blob.size_bytes - now.offset;
            let part = Part { offset: now.offset, bytes, declare: None, body };
            now = match transport.patch(&now.url, grant, part, share).await {
                Ok(next) if next.offset <= now.offset && next.receipt.is_none() => {
                    return Err(transport.unexpected("an upload that does not move").into());
                }
                Ok(next) => next,
                Err(error) => {
                    // A file that became shorter is noticed when it is opened for the next try.
                    let reason = unread.lock().expect("no one panics while holding it").take();
                    return Err(reason.map_or(error.into(), |reason| {
                        content::Error::Read { path: source.path.clone(), reason }.into()
                    }));
                }
            };
        }
    }
}

fn forget(record: Option<Record>) {
    if let Some(record) = record {
        record.forget();
    }
}

/// The rest of a file as a body, and where it puts the reason if the file does not give it.
async fn body(source: &Source, offset: u64, share: &Share) -> Result<(Body, Unread), Error> {
    let opened = {
        let source = source.clone();
        tokio::task::spawn_blocking(move || content::open(&source))
    };
    let mut file = tokio::fs::File::from_std(opened.await.expect("opening a file does not panic")?);
    let unreadable = |reason| content::Error::Read { path: source.path.clone(), reason };
    file.seek(SeekFrom::Start(offset)).await.map_err(unreadable)?;
    let (unread, share) = (Unread::default(), share.clone());
    let failed = unread.clone();
    let rest = file.take(source.size_bytes - offset);
    let pieces = ReaderStream::with_capacity(rest, PIECE_BYTES).map(move |piece| match piece {
        Ok(piece) => {
            share.add(piece.len() as u64);
            Ok(piece)
        }
        Err(error) => {
            let kind = error.kind();
            *failed.lock().expect("no one panics while holding it") = Some(error);
            Err(std::io::Error::from(kind))
        }
    });
    Ok((Body::wrap_stream(pieces), unread))
}
