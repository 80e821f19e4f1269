//! One blob as a sequence of chunks, across lost connections and grants that end.
//!
//! A download that breaks goes on behind the last byte that came (`Range`). If the server answers and still gives
//! nothing more, [`BREAKS_MAX`] times at the same byte, the blob is damaged there and the server will not say what
//! is not so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use reqwest::Response;

use crate::client::backoff::Backoff;
use crate::client::{self, Client, Package};
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::manifest::Document;
use crate::wire::blob::DamagedBlob;
use crate::wire::read::{GrantReads, GrantedBlob};

/// Times that a server may break off at the same byte before that is taken for damage and not for bad luck.
const BREAKS_MAX: u32 = 3;

/// Why there are no more chunks.
#[derive(Debug)]
pub(super) enum Error {
    /// The server refuses, or is gone.
    Client(client::Error),
    /// The server cannot give what the manifest names.
    Damaged(String),
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Self::Client(error)
    }
}

/// Whence blobs come.
#[derive(Debug, Clone)]
pub(super) struct Source {
    client: Client,
    repository: RepositoryName,
    /// Which manifest of the package names which blob.
    named_by: Arc<HashMap<Blake3, Blake3>>,
    /// What the server says of blobs that it gives to nobody.
    damaged: Arc<Mutex<HashMap<Blake3, String>>>,
}

impl Source {
    /// Of a package. The log records that an index is read as well as each of its manifests that is.
    pub(super) async fn of(
        client: &Client,
        repository: &RepositoryName,
        package: &Package,
    ) -> Result<Self, client::Error> {
        let mut named_by = HashMap::new();
        for manifest in &package.manifests {
            let name = manifest.descriptor().digests.blake3;
            named_by.extend(manifest.blobs().into_keys().map(|blob| (blob, name)));
        }
        let (client, repository) = (client.clone(), repository.clone());
        let source = Self { client, repository, named_by: Arc::new(named_by), damaged: Arc::default() };
        if let Document::Index(_) = &package.document {
            source.ask_for(package.digests.blake3, Vec::new()).await?;
        }
        Ok(source)
    }

    /// Asks to read these blobs of the package. Those that the server gives to nobody are left out, and remembered.
    pub(super) async fn ask(
        &self,
        digests: Vec<Blake3>,
    ) -> Result<HashMap<Blake3, GrantedBlob>, client::Error> {
        let mut by_manifest: HashMap<Blake3, Vec<Digest>> = HashMap::new();
        for digest in digests {
            let manifest = self.named_by.get(&digest);
            let manifest = manifest
                .ok_or_else(|| self.client.transport().unexpected(format!("no manifest of {digest}")))?;
            by_manifest.entry(*manifest).or_default().push(digest.into());
        }
        let mut granted = HashMap::new();
        for (manifest, digests) in by_manifest {
            granted
                .extend(self.ask_for(manifest, digests).await?.into_iter().map(|blob| (blob.digest, blob)));
        }
        Ok(granted)
    }

    async fn ask_for(
        &self,
        manifest: Blake3,
        digests: Vec<Digest>,
    ) -> Result<Vec<GrantedBlob>, client::Error> {
        let reference = Reference::Digest(manifest.into());
        let mut request = GrantReads { reference, digests: Some(digests) };
        let refused = match self.client.grant_reads(&self.repository, &request).await {
            Ok(granted) => return Ok(granted.blobs),
            Err(refused) => refused,
        };
        let damaged = refused.damaged_blobs();
        if damaged.is_empty() {
            return Err(refused);
        }
        let is_damaged = |digest: &Digest| damaged.iter().any(|blob| *digest == blob.digest.into());
        let mut wanted = request.digests.take().unwrap_or_default();
        wanted.retain(|digest| !is_damaged(digest));
        let reason =
            |blob: &DamagedBlob| format!("it is {} since event {} of the log", blob.found, blob.since);
        self.damaged().extend(damaged.iter().map(|blob| (blob.digest, reason(blob))));
        request.digests = Some(wanted);
        Ok(self.client.grant_reads(&self.repository, &request).await?.blobs)
    }

    fn damaged(&self) -> MutexGuard<'_, HashMap<Blake3, String>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob being read.
pub(super) struct Reader<'s> {
    source: &'s Source,
    digest: Blake3,
    size_bytes: u64,
    grant: Option<GrantedBlob>,
    response: Option<Response>,
    offset: u64,
    backoff: Backoff,
    /// Breaks since the last byte.
    breaks: u32,
    /// Whether a fresh grant was asked for since the last byte.
    renewed: bool,
}

impl<'s> Reader<'s> {
    pub(super) fn new(
        source: &'s Source,
        digest: Blake3,
        size_bytes: u64,
        grant: Option<GrantedBlob>,
    ) -> Self {
        let backoff = source.client.transport().backoff();
        let (response, offset, breaks, renewed) = (None, 0, 0, false);
        Self { source, digest, size_bytes, grant, response, offset, backoff, breaks, renewed }
    }

    /// Bytes so far.
    pub(super) const fn received_bytes(&self) -> u64 {
        self.offset
    }

    /// The next bytes; none behind the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let transport = self.source.client.transport();
        while self.offset < self.size_bytes {
            let Some(response) = self.response.as_mut() else {
                self.open().await?;
                continue;
            };
            match transport.next_chunk(response).await {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(Some(chunk)) => {
                    self.offset += chunk.len() as u64;
                    (self.breaks, self.renewed) = (0, false);
                    self.backoff.reset();
                    if self.offset > self.size_bytes {
                        return Err(Error::Damaged("it is longer there than the manifest says".into()));
                    }
                    return Ok(Some(chunk));
                }
                Ok(None) => self.broke(None).await?,
                Err(error) => self.broke(Some(error)).await?,
            }
        }
        Ok(None)
    }

    /// Asks for the rest.
    async fn open(&mut self) -> Result<(), Error> {
        let transport = self.source.client.transport();
        if let Some(reason) = self.source.damaged().get(&self.digest).cloned() {
            return Err(Error::Damaged(reason));
        }
        if self.grant.is_none() {
            self.grant = self.source.ask(vec![self.digest]).await?.remove(&self.digest);
        }
        let Some(grant) = &self.grant else {
            if let Some(reason) = self.source.damaged().get(&self.digest).cloned() {
                return Err(Error::Damaged(reason));
            }
            return Err(transport.unexpected(format!("no grant for blob {}", self.digest)).into());
        };
        let href = transport.resolve(&grant.href);
        let error = match transport.read_blob(&href, &grant.grant, self.offset).await {
            Ok(response) => {
                self.response = Some(response);
                return Ok(());
            }
            Err(error) => error,
        };
        match (error.status(), error.code()) {
            (Some(401), _) if !self.renewed => {
                (self.renewed, self.grant) = (true, None);
                Ok(())
            }
            (_, Some("blob-corrupt")) => Err(Error::Damaged("the server finds it damaged".into())),
            (Some(404 | 410), _) => Err(Error::Damaged("the server has lost it".into())),
            _ if error.is_transient() && self.backoff.wait(error.retry_after()).await => {
                if !transport.is_own(&href) {
                    // Where the planes are apart another one may have been named by now.
                    self.grant = None;
                }
                Ok(())
            }
            _ => Err(error.into()),
        }
    }

    /// The body ended too early.
    async fn broke(&mut self, error: Option<client::Error>) -> Result<(), Error> {
        self.response = None;
        self.breaks += 1;
        if self.breaks >= BREAKS_MAX {
            return Err(Error::Damaged(format!("the server breaks off at byte {}", self.offset)));
        }
        if !self.backoff.wait(None).await {
            let early = || self.source.client.transport().unexpected("a blob that ends too early");
            return Err(error.unwrap_or_else(early).into());
        }
        Ok(())
    }
}
