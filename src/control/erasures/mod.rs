//! Erasures: a package, or what somebody said, goes for ever because a law demands it.
//!
//! ```text
//! refused? -> pin.released*, manifest.deleted*, document.erased* (one append) -> rows of the documents removed
//!          -> blob.deletion-started for each blob that nothing references -> objects deleted by order -> blob.deleted
//! ```
//! - Holds and compliance locks refuse it, and all of them are named. Pins are released by it, governance locks are overridden
//!   by who may bypass them; indexes, subjects and referrers do not stop it, and are told.
//! - Bytes go at once, without the grace of a collection; what another package references stays, and is told.
//! - A document goes when no package in any repository has it any more. What was erased is not accepted again: see
//!   [`super::manifests`].
//! - Each step may be cut off: asked for again, it goes on from where it was, also where the package was deleted before.
//! - The log stands: events hold digests and names, and what was said in a document.
//!
//! Needs `pull` on the repository and `retention:erase`; `retention:bypass` where a governance lock is in the way, and `pull` on
//! all repositories to erase from all of them.

mod blobs;
mod decide;
mod documents;

use std::collections::BTreeSet;

use super::append::{Ids, Retries};
use super::collection::{self, Step};
use super::deletions::InTheWay;
use super::orders::Desk;
use super::{Context, Control, manifests, retention};
use crate::access::{Action, RetentionRight};
use crate::kernel::digest::{Blake3, Digest, Digests, Sha256};
use crate::kernel::event::{Authority, Fact};
use crate::kernel::id::{PinName, Reference, RepositoryName, StreamName};
use crate::kernel::limits::PAGE_MAX_ITEMS;
use crate::kernel::statement::Statement;
use crate::log::read;
use crate::views::{erasures as view, manifests as manifest_view, references};

pub use documents::{ErasedDocument, NeededBy, document};

pub(super) use documents::{finish, take_away};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something forbids it.
    #[error("the package cannot be erased: it is kept by {}", .blockers.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join("; by "))]
    Kept {
        /// All holds and compliance locks.
        blockers: Vec<InTheWay>,
    },
    /// The document is needed.
    #[error("document {document} cannot be erased: {by}")]
    Needed {
        /// Which.
        document: Blake3,
        /// By what.
        by: NeededBy,
    },
    /// There is no such document.
    #[error("there is no document {0}")]
    DocumentUnknown(Digest),
    /// What is in the way cannot be found out.
    #[error(transparent)]
    Retention(#[from] retention::Error),
    /// The package is not there, and never was.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// Its blobs cannot be freed.
    #[error(transparent)]
    Collection(#[from] collection::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erase {
    /// The legal ground and the reason.
    pub statement: Statement,
    /// From all repositories that have it.
    pub everywhere: bool,
    /// `next` of the step before.
    pub after: Option<u64>,
}

/// What an erasure did, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The package.
    pub manifest: Blake3,
    /// The event by which it went; none if it went otherwise before, and neither it nor its documents were there any more.
    pub position: Option<u64>,
    /// Repositories from which it went by this request.
    pub repositories: Vec<RepositoryName>,
    /// Pins that were released by this request.
    pub pins: Vec<(RepositoryName, PinName)>,
    /// Whether the manifest, and its rendering, are erased too.
    pub documents_erased: bool,
    /// Other repositories that still have it, as far as the caller may see them.
    pub still_in: Vec<RepositoryName>,
    /// How many more have it.
    pub still_in_others: u64,
    /// Indexes of the repository that list it.
    pub listed_by: Vec<Blake3>,
    /// Packages of the repository that are about it, as far as they fit a page.
    pub referrers: Vec<Blake3>,
    /// What it was about.
    pub subject: Option<Blake3>,
    /// Its blobs: what went, or could not.
    pub step: Step,
    /// Its blobs that stay because other packages reference them.
    pub kept: Vec<Blake3>,
    /// Objects were deleted up to that of this event. None: none is left.
    pub next: Option<u64>,
}

/// What the log says of a package, whether it is there or not.
#[derive(Debug)]
struct Known {
    digests: Digests,
    rendering: Option<Sha256>,
    subject: Option<Blake3>,
    blobs: Vec<Blake3>,
}

/// Erases a package, or goes on with it: one step, after which some objects may be left to be deleted.
///
/// # Errors
/// If something forbids it, the package never was, or the caller may not. What was done stands.
pub async fn erase(
    control: &Control,
    context: &Context,
    desk: &Desk,
    repository: &RepositoryName,
    reference: &Reference,
    request: &Erase,
) -> Result<Erased, Error> {
    context.caller.require(Action::Retention(RetentionRight::Erase))?;
    if request.everywhere {
        // The answer and a refusal name repositories.
        context.caller.require_pull_from_all()?;
    }
    repeated(control, context, &request.statement).await?;
    let manifest = resolve(control, context, repository, reference).await?;
    // What packages of older logs hold on to has to be known before bytes go.
    collection::record_references(control, &context.caller.actor).await?;
    let unknown =
        || manifests::Error::Unknown { repository: repository.clone(), reference: reference.clone() };
    let known = known(control, repository, manifest).await?.ok_or_else(unknown)?;
    let done = decide_and_append(control, context, repository, request, &known).await?;
    let erased = documents::settle(control, &known).await?;
    let mut step = Step::default();
    let next = blobs::free(control, context, desk, &known.blobs, request.after, &mut step).await?;
    let position = match done.position {
        Some(position) => Some(position),
        None => {
            view::package(control.pool(), repository, &manifest.into()).await?.map(|found| found.position)
        }
    };
    let (still_in, still_in_others) = still_in(control, context, &known).await?;
    let referrers =
        manifest_view::referrers(control.pool(), repository, &manifest, None, PAGE_MAX_ITEMS).await?;
    Ok(Erased {
        manifest,
        position: position.or(erased),
        repositories: done.repositories,
        pins: done.pins,
        documents_erased: erased.is_some(),
        still_in,
        still_in_others,
        listed_by: references::listed_by(control.pool(), repository, &manifest).await?,
        referrers: referrers.into_iter().map(|referrer| referrer.blake3).collect(),
        subject: known.subject,
        step,
        kept: references::claimed_among(control.pool(), &known.blobs).await?,
        next,
    })
}

/// A key that was used for something else is refused; the same request goes on.
async fn repeated(control: &Control, context: &Context, statement: &Statement) -> Result<(), super::Error> {
    let Some(earlier) = control.earlier(context).await? else { return Ok(()) };
    let statement = statement.digest();
    let same = match earlier.event.fact {
        Fact::ManifestDeleted(fact) => fact.authority == Authority::Erasure { statement },
        Fact::DocumentErased(fact) => fact.statement == statement,
        _ => false,
    };
    if same { Ok(()) } else { Err(super::Error::IdempotencyKeyReused) }
}

/// The package that is meant: one that is there, was erased before, or was deleted before and is named by its digest.
async fn resolve(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Blake3, Error> {
    match (manifests::find(control, &context.caller, repository, reference).await, reference) {
        (Ok(found), _) => Ok(found.blake3),
        (Err(manifests::Error::Erased { manifest, .. }), _) => Ok(manifest),
        (Err(manifests::Error::Unknown { .. }), Reference::Digest(Digest::Blake3(digest))) => Ok(*digest),
        (Err(error), _) => Err(error.into()),
    }
}

/// What the events about a package say. None: it never was in that repository.
async fn known(
    control: &Control,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Option<Known>, super::Error> {
    let stream = StreamName::manifest(repository, manifest);
    let (mut found, mut blobs, mut after) = (None, BTreeSet::new(), None);
    loop {
        let page = read::of_stream(control.pool(), &stream, after, PAGE_MAX_ITEMS).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        for raw in page {
            match raw.decode()?.event.fact {
                Fact::ManifestAccepted(fact) => found = Some(fact),
                Fact::ManifestReferences(fact) => blobs.extend(fact.blobs),
                _ => {}
            }
        }
    }
    Ok(found.map(|fact| Known {
        digests: Digests { blake3: fact.blake3, sha256: fact.sha256 },
        rendering: fact.oci_sha256,
        subject: fact.subject,
        blobs: blobs.into_iter().collect(),
    }))
}

/// What was appended.
#[derive(Debug, Default)]
struct Done {
    position: Option<u64>,
    repositories: Vec<RepositoryName>,
    pins: Vec<(RepositoryName, PinName)>,
}

/// Appends what there is to erase, if there is something.
async fn decide_and_append(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    request: &Erase,
    known: &Known,
) -> Result<Done, Error> {
    let mut retries = Retries::default();
    loop {
        let only = (!request.everywhere).then_some(repository);
        let Some(state) = decide::State::load(control, only, known).await? else {
            // A package came or went while it was looked at.
            retries.again().await?;
            continue;
        };
        let decided = decide::decide(&state, request.statement.digest(), &context.caller)?;
        if decided.facts.is_empty() {
            return Ok(Done::default());
        }
        documents::write(control, &request.statement).await?;
        let at = decided.main(repository);
        let change = decided.change(&Ids::of_request(context));
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                let position = at.map(|at| appended.positions[at]);
                return Ok(Done { position, repositories: state.repositories(), pins: state.pins() });
            }
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Repositories that have the package, as far as the caller may see them, and how many more.
async fn still_in(
    control: &Control,
    context: &Context,
    known: &Known,
) -> Result<(Vec<RepositoryName>, u64), super::Error> {
    let found = view::packages_with(control.pool(), &[known.digests.sha256]).await?;
    let (mut seen, mut others) = (Vec::new(), 0);
    for (repository, manifest) in found {
        if manifest != known.digests.blake3 {
            continue;
        }
        match super::repositories::load_readable(control, &context.caller, &repository).await {
            Ok(_) => seen.push(repository),
            Err(super::Error::Denied(_)) => others += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((seen, others))
}
