//! Depositing a package.
//!
//! ```text
//! walk -> hash (several files at once) -> open in batches -> upload (several at once) -> manifest and tag
//! ```
//! The stages run at the same time; what is hashed is sent while the next file is read.
//!
//! - Each content is sent once, however many files have it, and not at all if the server says `present`.
//! - Nothing names the package before its manifest is accepted, which happens last and whole; a push that stops
//!   before leaves nothing but blobs, and the next one goes on from there.
//! - The data plane delivers its receipts itself. If the manifest finds blobs missing all the same, the receipts that
//!   came back to us are delivered by us, and the manifest is put again.

mod accept;
mod resume;
mod stages;
mod stream;
mod together;
mod upload;

pub use stream::push_stream;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;

use super::control::Condition;
use super::package::{self, Found, FoundKind, content, exclude::Exclude};
use super::progress::Progress;
use super::{Client, error};
use crate::kernel::digest::{Blake3, Digests, Sha256};
use crate::kernel::id::{PinName, Reference, RepositoryName, Tag};
use crate::kernel::limits::OPEN_BATCH_MAX;
use crate::kernel::manifest::{self, Entry, File, Header, Kind, MediaType, Package};
use crate::wire::pin::{PinChanged, Said};
use crate::wire::repository::SetRepository;
use accept::{Accepted, accept};
use resume::Records;
use stages::{Sent, hash, send};
use upload::{Blob, Content, Opened, Uploader};

/// Why a push did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server refused, or is not there.
    #[error(transparent)]
    Client(#[from] error::Error),
    /// The paths give no package.
    #[error(transparent)]
    Walk(#[from] package::Error),
    /// A file cannot be read, or changed.
    #[error(transparent)]
    Content(#[from] content::Error),
    /// The package cannot be described.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// The stream that was to be pushed broke.
    #[error("the input broke off: {0}")]
    Stream(std::io::Error),
    /// The place where unfinished uploads are remembered cannot be used.
    #[error("cannot keep track of uploads in {}: {reason}", directory.display())]
    Records {
        /// Where.
        directory: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
}

impl Error {
    /// What the server says about bytes that are not those of their digest is about the file.
    fn of_content(self, content: &Content) -> Self {
        match (&self, content) {
            (Self::Client(error), Content::File(source))
                if matches!(error.code(), Some("digest-mismatch" | "length-mismatch")) =>
            {
                content::changed(source).into()
            }
            _ => self,
        }
    }
}

/// What to deposit, and as what.
#[derive(Debug, Clone)]
pub struct Push {
    /// Where.
    pub repository: RepositoryName,
    /// The tag to set.
    pub tag: Option<Tag>,
    /// What the tag must name now.
    pub condition: Condition,
    /// The pin to move to the package, in the step that accepts it.
    pub pin: Option<Pinning>,
    /// What kind of package.
    pub artifact_type: Option<MediaType>,
    /// What is said about it.
    pub annotations: manifest::Annotations,
    /// The package in the same repository that it is about.
    pub subject: Option<Reference>,
    /// What to leave out.
    pub exclude: Exclude,
    /// Where unfinished uploads are remembered; none, nowhere.
    pub records: Option<PathBuf>,
}

/// A pin that is moved to what is deposited.
#[derive(Debug, Clone)]
pub struct Pinning {
    /// Its name.
    pub pin: PinName,
    /// What it must claim now.
    pub condition: Condition,
    /// Why, and what it was built from.
    pub said: Said,
}

impl Push {
    /// With nothing said about it but where it goes.
    pub fn to(repository: RepositoryName, tag: Option<Tag>) -> Self {
        Self {
            repository,
            tag,
            condition: Condition::Always,
            pin: None,
            artifact_type: None,
            annotations: Default::default(),
            subject: None,
            exclude: Exclude::default(),
            records: None,
        }
    }
}

/// What was deposited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// Where.
    pub repository: RepositoryName,
    /// The tag that names it now.
    pub tag: Option<Tag>,
    /// The pin that claims it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinChanged>,
    /// The package's primary address.
    pub digest: Blake3,
    /// Its alias.
    pub sha256: Sha256,
    /// The digest by which OCI clients know it.
    pub oci_digest: Option<Sha256>,
    /// Where the log says so; none in a dry run.
    pub position: Option<u64>,
    /// Entries: files, links and empty directories.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Blobs that were sent (or would be).
    pub sent_blobs: u64,
    /// Their bytes, without those that an earlier push had sent before it was cut.
    pub sent_bytes: u64,
    /// Those.
    pub resumed_bytes: u64,
}

/// Deposits what lies at the paths.
///
/// # Errors
/// [`Error`]. What was sent before stays, and the next push goes on from it.
pub async fn push(
    client: &Client,
    push: &Push,
    paths: Vec<PathBuf>,
    progress: &Arc<Progress>,
) -> Result<Pushed, Error> {
    let header = header(client, push).await?;
    let found = find(paths, push.exclude.clone(), progress).await?;
    // Creating is allowed to whoever may push; a repository that is there stays as it is.
    client.set_repository(&push.repository, &SetRepository::default()).await?;
    let uploader = uploader(client, push)?;
    let (hashed, to_send) = mpsc::channel(2 * OPEN_BATCH_MAX);
    let (digests, sent) =
        tokio::try_join!(hash(&found, progress, Some(hashed)), send(&uploader, to_send, progress))?;
    let package = Package::of(header, entries(found, &digests))?;
    let accepted = accept(client, push, &package, &sent).await?;
    Ok(result(push, &package, Some(accepted), &sent))
}

/// Reads and hashes everything, asks what the server has already, and sends nothing.
///
/// # Errors
/// [`Error`].
pub async fn dry_run(
    client: &Client,
    push: &Push,
    paths: Vec<PathBuf>,
    progress: &Arc<Progress>,
) -> Result<Pushed, Error> {
    let header = header(client, push).await?;
    let found = find(paths, push.exclude.clone(), progress).await?;
    let digests = hash(&found, progress, None).await?;
    let package = Package::of(header, entries(found, &digests))?;
    let uploader = Uploader { client: client.clone(), repository: push.repository.clone(), records: None };
    let mut blobs: HashMap<Blake3, Blob> = HashMap::new();
    for manifest in package.manifests() {
        for (blake3, (sha256, size_bytes)) in manifest.blobs() {
            let digests = Digests { blake3, sha256 };
            blobs.insert(blake3, Blob { digests, size_bytes, content: Content::Memory(Default::default()) });
        }
    }
    let mut sent = Sent::default();
    let blobs: Vec<Blob> = blobs.into_values().collect();
    for batch in blobs.chunks(OPEN_BATCH_MAX) {
        let Opened { permissions, .. } = uploader.open(batch.iter().map(Blob::wanted).collect()).await?;
        for (blob, _) in batch.iter().zip(permissions).filter(|(_, permission)| permission.is_some()) {
            sent.count(blob, None);
        }
    }
    Ok(result(push, &package, None, &sent))
}

fn uploader(client: &Client, push: &Push) -> Result<Uploader, Error> {
    let records = match &push.records {
        None => None,
        Some(directory) => Some(
            Records::open(directory)
                .map_err(|reason| Error::Records { directory: directory.clone(), reason })?,
        ),
    };
    Ok(Uploader { client: client.clone(), repository: push.repository.clone(), records })
}

/// What the package says about itself.
async fn header(client: &Client, push: &Push) -> Result<Header, Error> {
    let subject = match &push.subject {
        None => None,
        Some(reference) => {
            let (_, document) = client.document(&push.repository, reference).await?;
            Some(document.descriptor())
        }
    };
    let (artifact_type, annotations) = (push.artifact_type.clone(), push.annotations.clone());
    Ok(Header { artifact_type, subject, annotations })
}

async fn find(
    paths: Vec<PathBuf>,
    exclude: Exclude,
    progress: &Arc<Progress>,
) -> Result<Arc<Vec<Found>>, Error> {
    let walk = tokio::task::spawn_blocking(move || package::walk(&paths, &exclude));
    let found = walk.await.expect("a walk does not panic")?;
    let sizes = found.iter().filter_map(|found| match &found.kind {
        FoundKind::File(source) => Some(source.size_bytes),
        FoundKind::Directory | FoundKind::Symlink(_) => None,
    });
    let (files, bytes) = sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size));
    progress.expect(files, bytes);
    Ok(Arc::new(found))
}

fn entries(found: Arc<Vec<Found>>, digests: &HashMap<usize, Digests>) -> Vec<Entry> {
    let entry = |(n, found): (usize, &Found)| {
        let kind = match &found.kind {
            FoundKind::Directory => Kind::Directory,
            FoundKind::Symlink(target) => Kind::Symlink(target.clone()),
            FoundKind::File(source) => Kind::File(File {
                media_type: MediaType::OCTET_STREAM,
                digests: digests[&n],
                size_bytes: source.size_bytes,
                mode: Some(source.mode),
                annotations: Default::default(),
            }),
        };
        Entry { path: found.path.clone(), kind }
    };
    found.iter().enumerate().map(entry).collect()
}

fn result(push: &Push, package: &Package, accepted: Option<Accepted>, sent: &Sent) -> Pushed {
    let digests = package.top().descriptor().digests;
    let size = |entry: &Entry| match &entry.kind {
        Kind::File(file) => file.size_bytes,
        Kind::Directory | Kind::Symlink(_) => 0,
    };
    let manifests = package.manifests();
    let entries = || manifests.iter().flat_map(|manifest| manifest.entries());
    Pushed {
        repository: push.repository.clone(),
        tag: push.tag.clone(),
        digest: digests.blake3,
        sha256: digests.sha256,
        oci_digest: package.top().descriptor().rendering.map(|rendering| rendering.sha256),
        position: accepted.as_ref().map(|accepted| accepted.manifest.position),
        pin: accepted.and_then(|accepted| accepted.pin),
        entries: entries().count() as u64,
        bytes: entries().map(size).sum(),
        sent_blobs: sent.blobs,
        sent_bytes: sent.bytes - sent.found_bytes,
        resumed_bytes: sent.found_bytes,
    }
}
