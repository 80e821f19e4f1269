//! Manifests: packages are accepted, read, listed.
//!
//! - What is accepted is exact: canonical bytes of at most 4 MiB that decode, and are what their digest says.
//! - Each blob that it names is live and linked to the repository; the log checks that again under the head lock. Blobs
//!   that the caller may pull from elsewhere are linked by the same append.
//! - Each manifest that it names (subject, parts of an index) is accepted in the repository, and described as it is.
//! - Documents are written before the event that names them: the manifest, and its OCI rendering, frozen by digest.
//! - What rules of policies lock is recorded in the same append (`lock_rules`).
//! - Accepting it again changes nothing and gives the first position.
//! - What was erased from the repository, or a document that was erased from anywhere, is not accepted again.
//! - A tag or a pin, if one is given, is set in the same append, under its precondition.
//!
//! Refused: see [`Error`]; what is missing is named completely.

mod contents;
mod decide;
mod list;
mod publish;
mod state;
mod trees;

use std::sync::Arc;

use bytes::Bytes;

use crate::access::{Action, Caller};
use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
use crate::kernel::event::Fact;
use crate::kernel::id::{Reference, RepositoryName};
use crate::kernel::manifest::{self, Document, MediaType};
use crate::log::{self, GuardFailure, documents};
use crate::views::erasures as erasure_view;
use crate::views::manifests::{self as view, Manifest};

use super::append::{Ids, Retries};
use super::repositories::load_readable;
use super::tags::Moved;
use super::{Context, Control, Precondition, erasures, pins, retention};
use decide::{Command, decide};
use state::Loaded;

pub use list::{Listed, list};
pub use publish::{Published, publish};

pub(super) use contents::Contents;
pub(super) use trees::TreeChecks;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no manifest.
    #[error(transparent)]
    Invalid(#[from] manifest::Error),
    /// The bytes have another digest than the one by which they were put.
    #[error("the content has the digest {}, not {named}", .found.of_algorithm(.named.algorithm()))]
    DigestDiffers {
        /// In the address.
        named: Digest,
        /// Of the bytes.
        found: Digests,
    },
    /// Blobs that are not stored in the repository.
    #[error("{} blobs that the manifest names are not stored in this repository; push them first", .missing.len())]
    BlobsMissing {
        /// All of them.
        missing: Vec<Blake3>,
    },
    /// Blobs whose stored bytes are not what they were.
    #[error("{} blobs of the package are damaged; push them again first, which repairs them", .damaged.len())]
    BlobsDamaged {
        /// All of them.
        damaged: Vec<Blake3>,
    },
    /// Blobs whose descriptor has another SHA-256 or size than they have.
    #[error("the manifest gives {} blobs another sha256 or size than they have", .blobs.len())]
    BlobsDiffer {
        /// All of them.
        blobs: Vec<Blake3>,
    },
    /// Parts of an index that are not accepted in the repository.
    #[error("{} manifests that the index lists are not accepted in this repository; push them first", .missing.len())]
    ManifestsMissing {
        /// All of them.
        missing: Vec<Blake3>,
    },
    /// Manifests whose descriptor says something else than they are.
    #[error("{} manifests are described otherwise than they are (sha256, size, media type or rendering)", .manifests.len())]
    ManifestsDiffer {
        /// All of them.
        manifests: Vec<Blake3>,
    },
    /// The subject is not accepted in the repository.
    #[error("the subject {0} is not accepted in this repository; push it first")]
    SubjectMissing(Blake3),
    /// The manifests that an index lists are too large to be checked as one tree.
    #[error(
        "the manifests that the index lists have {found_bytes} bytes together, at most {max_bytes} are taken"
    )]
    TreeTooLarge {
        /// Together.
        found_bytes: u64,
        /// Allowed.
        max_bytes: u64,
    },
    /// There is no such repository.
    #[error("there is no repository {0}")]
    RepositoryUnknown(RepositoryName),
    /// There is no such package.
    #[error("there is no package {reference} in {repository}")]
    Unknown {
        /// Where.
        repository: RepositoryName,
        /// Which.
        reference: Reference,
    },
    /// The package has no other form than its own.
    #[error("this package has no OCI rendering")]
    NoRendering,
    /// The package was erased.
    #[error("{manifest} was erased, because a law demands it (event {position})")]
    Erased {
        /// Which.
        manifest: Blake3,
        /// The event that says so.
        position: u64,
    },
    /// What was erased does not come back.
    #[error("{manifest} was erased, because a law demands it (event {position}), and is not accepted again")]
    ErasedBefore {
        /// Which.
        manifest: Blake3,
        /// The event that says so.
        position: u64,
    },
    /// The log names a document that is not there.
    #[error("document {0} is missing in the database; run `strongroom audit`")]
    DocumentMissing(Digest),
    /// The tag does not name what the caller expected.
    #[error(transparent)]
    TagMoved(#[from] Moved),
    /// The pin that is to be set with it moved, or is not to be set so.
    #[error(transparent)]
    Pin(#[from] super::pins::Refused),
    /// The repository would hold more than it may.
    #[error(transparent)]
    Quota(#[from] super::Exceeded),
    /// What rules lock cannot be found out.
    #[error(transparent)]
    Retention(#[from] retention::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A package that stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Of the manifest.
    pub digests: Digests,
    /// Of its frozen OCI rendering.
    pub oci_sha256: Option<Sha256>,
    /// Length of the manifest.
    pub size_bytes: u64,
    /// The event by which it was accepted first.
    pub position: u64,
    /// Whether that was by this request.
    pub created: bool,
}

/// Accepts a package. By a tag, also makes the tag name it, if the precondition holds.
///
/// # Errors
/// If it is not a manifest, names what is not there, the tag moved, or the caller may not push there.
pub async fn accept(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    bytes: &[u8],
    precondition: Precondition,
) -> Result<Accepted, Error> {
    context.caller.require(Action::push(repository))?;
    let (document, rendering) = decode(bytes, reference)?;
    let tag = match reference {
        Reference::Tag(tag) => Some((tag.clone(), precondition)),
        Reference::Digest(_) => None,
    };
    let command = Command::new(repository.clone(), &document, tag);
    let (accepted, _) = put(control, context, &command, &document, bytes, &rendering).await?;
    Ok(accepted)
}

async fn put(
    control: &Control,
    context: &Context,
    command: &Command,
    document: &Document,
    bytes: &[u8],
    rendering: &[u8],
) -> Result<(Accepted, Option<pins::Set>), Error> {
    if let Some(earlier) = earlier(control, context, command).await? {
        return Ok(earlier);
    }
    let mut written = false;
    let mut retries = Retries::default();
    let mut not_before_ms = 0;
    loop {
        let now_ms = control.now_ms().max(not_before_ms);
        let loaded = Loaded::load(control, &context.caller, command, document, now_ms).await?;
        let decided = match decide(&loaded.state, command) {
            // It was erased while it came: what was written of it goes again.
            Err(error @ Error::ErasedBefore { .. }) if written => {
                let documents = [command.descriptor.digests, Digests::of(rendering)];
                erasures::take_away(control, &documents).await?;
                return Err(error);
            }
            decided => decided?,
        };
        if !loaded.state.is_accepted() && !written {
            trees::check(control, document, &loaded.state).await?;
            let (native, oci) = (document.media_type(), document.oci_media_type());
            documents::put(control.pool(), &[(native.as_str(), bytes), (oci.as_str(), rendering)]).await?;
            written = true;
        }
        let Some(decided) = decided else {
            return Ok((command.accepted(loaded.position(), false), loaded.pin_as_it_is(command)?));
        };
        if let Some(statement) = &decided.statement {
            pins::write(control, statement).await?;
        }
        let set = loaded.pin_as_decided(command, &decided)?;
        let (accepts_at, change) = loaded.change(&Ids::of_request(context), decided);
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                let position = accepts_at.map_or_else(|| loaded.position(), |at| appended.positions[at]);
                let set = set.map(|set| set.recorded_at(appended.last()));
                return Ok((command.accepted(position, accepts_at.is_some()), set));
            }
            Err(log::Error::Guard(GuardFailure::RecordedElsewhen { at_ms })) => {
                // The log never goes back: its last event may be later than this clock.
                not_before_ms = at_ms;
                retries.again().await?;
            }
            Err(error) => retries.after(error).await?,
        }
    }
}

/// The document, and its rendering.
fn decode(bytes: &[u8], reference: &Reference) -> Result<(Document, Vec<u8>), Error> {
    if let Reference::Digest(named) = reference {
        let found = Digests::of(bytes);
        if !found.matches(named) {
            return Err(Error::DigestDiffers { named: *named, found });
        }
    }
    let document = Document::decode(bytes)?;
    let rendering = document.oci_json();
    Ok((document, rendering))
}

/// What the same request did before: for a tag or pin, that it was set, whatever it names by now.
async fn earlier(
    control: &Control,
    context: &Context,
    command: &Command,
) -> Result<Option<(Accepted, Option<pins::Set>)>, Error> {
    let Some(earlier) = control.earlier(context).await? else { return Ok(None) };
    let digest = command.descriptor.digests.blake3;
    let same = match (&earlier.event.fact, &command.tag, &command.pin) {
        (Fact::ManifestAccepted(fact), None, None) => {
            fact.repository == command.repository && fact.blake3 == digest
        }
        (Fact::TagSet(fact), Some((tag, _)), _) => {
            fact.repository == command.repository && fact.manifest == digest && fact.tag == *tag
        }
        (Fact::PinSet(_), _, Some(_)) => true,
        _ => false,
    };
    if !same {
        return Err(super::Error::IdempotencyKeyReused.into());
    }
    let pin = match &command.pin {
        Some(wanted) => Some(pins::set_before(control, &command.repository, wanted, digest, earlier).await?),
        None => None,
    };
    let row = view::get(control.pool(), &command.repository, &digest.into()).await?;
    let row = row.ok_or(Error::DocumentMissing(digest.into()))?;
    Ok(Some((command.accepted(row.position, false), pin)))
}

/// In which form to read a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it was deposited.
    Native,
    /// As OCI clients know it.
    Oci,
}

/// A document of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The package.
    pub manifest: Manifest,
    /// Of the bytes.
    pub media_type: String,
    /// Of the bytes.
    pub digests: Digests,
    /// Exactly as they were accepted or rendered then.
    pub bytes: Bytes,
}

/// Reads a package's manifest.
///
/// # Errors
/// If there is none, or the caller may not read the repository.
pub async fn get(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    reference: &Reference,
    form: Form,
) -> Result<Fetched, Error> {
    let manifest = find(control, caller, repository, reference).await?;
    let digest: Digest = match form {
        Form::Native => manifest.blake3.into(),
        Form::Oci => manifest.oci_sha256.ok_or(Error::NoRendering)?.into(),
    };
    let document = document(control, digest).await?;
    Ok(Fetched {
        manifest,
        media_type: document.media_type.clone(),
        digests: document.digests,
        bytes: document.bytes.clone(),
    })
}

/// Looks a package up, without its documents.
///
/// # Errors
/// As [`get`].
pub async fn find(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Manifest, Error> {
    if load_readable(control, caller, repository).await?.is_none() {
        return Err(Error::RepositoryUnknown(repository.clone()));
    }
    let key = (repository.clone(), reference.clone());
    let row = view::resolve(control.pool(), repository, reference);
    let found = control.reads().manifests.get(control.log(), &key, row).await?;
    match (found, reference) {
        (Some(found), _) => Ok(found),
        (None, Reference::Digest(digest)) => {
            match erasure_view::package(control.pool(), repository, digest).await? {
                Some(erased) => Err(Error::Erased { manifest: erased.manifest, position: erased.position }),
                None => Err(unknown(repository, reference)),
            }
        }
        (None, Reference::Tag(_)) => Err(unknown(repository, reference)),
    }
}

fn unknown(repository: &RepositoryName, reference: &Reference) -> Error {
    Error::Unknown { repository: repository.clone(), reference: reference.clone() }
}

/// A document that the log names.
pub(super) async fn document(control: &Control, digest: Digest) -> Result<Arc<documents::Document>, Error> {
    let stored = documents::get(control.pool(), digest);
    if let Some(document) = control.reads().documents.get(&digest, stored).await? {
        return Ok(document);
    }
    match (erasure_view::document(control.pool(), &digest).await?, digest) {
        (Some(position), Digest::Blake3(manifest)) => Err(Error::Erased { manifest, position }),
        _ => Err(Error::DocumentMissing(digest)),
    }
}

/// Whether a document of that media type lists manifests.
pub(super) fn is_index(media_type: &str) -> bool {
    media_type == MediaType::INDEX.as_str()
}
