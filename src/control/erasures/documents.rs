//! Documents that are erased: those of packages, and what somebody said.
//!
//! - The event comes first, then the bytes go. Cut off in between, or written again by a deposit that was under way, they go with
//!   the next step of anything here, and with the next collection ([`finish`]).
//! - What decides something stays: policies, plans, the selector of a hold that stands or that starts a clock, the manifest of
//!   a package, the ground of an erasure.

use std::fmt;

use crate::access::{Action, RetentionRight};
use crate::control::append::{Change, Ids, Retries};
use crate::control::erasures::decide::Erasing;
use crate::control::erasures::{Error, Known, repeated, view};
use crate::control::{self, Context, Control};
use crate::kernel::digest::{Blake3, Digest, Digests};
use crate::kernel::event::{DocumentErased, Fact};
use crate::kernel::id::RepositoryName;
use crate::kernel::limits::PAGE_MAX_ITEMS;
use crate::kernel::manifest::{Document, MediaType};
use crate::kernel::statement::{self, Statement};
use crate::log::{Guard, documents};
use crate::retention::{Plan, Policy};

/// What needs a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededBy {
    /// A hold, to know what it covers.
    Hold,
    /// Whoever asks what a policy was.
    Policy,
    /// Whoever asks what a plan allowed.
    Plan,
    /// An erasure, as its ground.
    Erasure,
    /// A package, as its manifest.
    Package,
}

impl fmt::Display for NeededBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hold => "a hold needs it to know what it covers; release the hold first",
            Self::Policy => "it is a policy, and deletions are judged by it; policies must name no person",
            Self::Plan => "it is of a plan, and deletions are judged by it; plans name no person",
            Self::Erasure => "it is the ground of an erasure, which has to stay known",
            Self::Package => "it is the manifest of a package; erase the package, `<repository>@<digest>`",
        })
    }
}

/// A document was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedDocument {
    /// Which.
    pub document: Blake3,
    /// The event that says so.
    pub position: u64,
    /// Whether it was erased before.
    pub before: bool,
}

/// Erases a document that is no package's manifest: what was said about a hold, a lock, a pin or a deletion, the selector of a
/// hold that is over, or a manifest that no package has.
///
/// # Errors
/// If it is needed, there is none, or the caller may not.
pub async fn document(
    control: &Control,
    context: &Context,
    digest: &Digest,
    statement: &Statement,
) -> Result<ErasedDocument, Error> {
    context.caller.require(Action::Retention(RetentionRight::Erase))?;
    repeated(control, context, statement).await?;
    let mut retries = Retries::default();
    loop {
        if let Some(position) = view::document(control.pool(), digest).await? {
            let there = documents::addresses(control.pool(), digest).await?;
            let there: Vec<Digests> = there.into_iter().map(|(digests, _)| digests).collect();
            take_away(control, &there).await?;
            let erased = view::page(control.pool(), position.checked_sub(1), 1).await?;
            let document = erased.first().ok_or(Error::DocumentUnknown(*digest))?.digests.blake3;
            return Ok(ErasedDocument { document, position, before: true });
        }
        let found = documents::addresses(control.pool(), digest).await?;
        let (digests, media_type) = found.ok_or(Error::DocumentUnknown(*digest))?;
        check_unneeded(control, &digests, &media_type, statement).await?;
        let mut erasing = vec![Erasing { digests, manifest: None }];
        erasing.extend(rendering_of(control, &digests).await?);
        write(control, statement).await?;
        let fact = |one: &Erasing| {
            let Digests { blake3, sha256 } = one.digests;
            let statement = statement.digest();
            Fact::from(DocumentErased { document: blake3, sha256, manifest: one.manifest, statement })
        };
        let erased: Vec<Digests> = erasing.iter().map(|one| one.digests).collect();
        let change = Change {
            events: Ids::of_request(context).assign(erasing.iter().map(fact).collect()),
            guards: vec![Guard::DocumentsUnneeded { documents: erased.clone(), but: Vec::new() }],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                take_away(control, &erased).await?;
                let position = appended.positions[0];
                return Ok(ErasedDocument { document: digests.blake3, position, before: false });
            }
            Err(error) => retries.after(error).await?,
        }
    }
}

/// By what it is needed, by its media type and by what the views say.
async fn check_unneeded(
    control: &Control,
    digests: &Digests,
    media_type: &str,
    statement: &Statement,
) -> Result<(), Error> {
    let document = digests.blake3;
    let needed = |by| Err(Error::Needed { document, by });
    // Older versions of policies, and parts of plans, are in no view.
    if media_type == Policy::MEDIA_TYPE {
        return needed(NeededBy::Policy);
    }
    if [Plan::MEDIA_TYPE, Plan::PART_MEDIA_TYPE].contains(&media_type) {
        return needed(NeededBy::Plan);
    }
    if document == statement.digest() {
        return needed(NeededBy::Erasure);
    }
    match view::needed(control.pool(), &document).await?.as_deref() {
        Some("hold") => return needed(NeededBy::Hold),
        Some("policy") => return needed(NeededBy::Policy),
        Some("plan") => return needed(NeededBy::Plan),
        Some(_) => return needed(NeededBy::Erasure),
        None => {}
    }
    let packages = view::packages_with(control.pool(), &[digests.sha256]).await?;
    if packages.is_empty() { Ok(()) } else { needed(NeededBy::Package) }
}

/// The rendering of a native manifest that no package has, if both are there and the manifest can be read.
async fn rendering_of(control: &Control, manifest: &Digests) -> Result<Option<Erasing>, Error> {
    let Ok(Some(stored)) = documents::get(control.pool(), manifest.blake3.into()).await else {
        return Ok(None);
    };
    if ![MediaType::MANIFEST.as_str(), MediaType::INDEX.as_str()].contains(&stored.media_type.as_str()) {
        return Ok(None);
    }
    let decode =
        move || Document::decode(&stored.bytes).ok().map(|document| Digests::of(&document.oci_json()));
    let rendering = tokio::task::spawn_blocking(decode).await.expect("decoding does not panic");
    let Some(rendering) = rendering else { return Ok(None) };
    let there = documents::addresses(control.pool(), &rendering.blake3.into()).await?.is_some();
    let erased = view::document(control.pool(), &rendering.blake3.into()).await?.is_some();
    let needed = !view::packages_with(control.pool(), &[rendering.sha256]).await?.is_empty();
    let erasing = Erasing { digests: rendering, manifest: Some(manifest.blake3) };
    Ok((there && !erased && !needed).then_some(erasing))
}

/// The documents of a package that no package but these has, and that were not erased before.
pub(super) async fn unneeded(
    control: &Control,
    known: &Known,
    but: &[(RepositoryName, Blake3)],
) -> Result<Vec<Erasing>, control::Error> {
    let mut of_package = vec![Erasing { digests: known.digests, manifest: None }];
    if let Some(sha256) = known.rendering {
        // Its primary address is not in the log: what is not there cannot be named, and need not be.
        let found = documents::addresses(control.pool(), &sha256.into()).await?;
        let manifest = Some(known.digests.blake3);
        of_package.extend(found.map(|(digests, _)| Erasing { digests, manifest }));
    }
    let mut unneeded = Vec::new();
    for erasing in of_package {
        let having = view::packages_with(control.pool(), &[erasing.digests.sha256]).await?;
        let erased = view::document(control.pool(), &erasing.digests.blake3.into()).await?;
        if erased.is_none() && having.iter().all(|package| but.contains(package)) {
            unneeded.push(erasing);
        }
    }
    Ok(unneeded)
}

/// Takes away the documents of a package that are erased. The event that erased its manifest, if one did.
pub(super) async fn settle(control: &Control, known: &Known) -> Result<Option<u64>, control::Error> {
    let mut there = vec![known.digests];
    if let Some(sha256) = known.rendering {
        there.extend(documents::addresses(control.pool(), &sha256.into()).await?.map(|(digests, _)| digests));
    }
    take_away(control, &there).await?;
    Ok(view::document(control.pool(), &known.digests.blake3.into()).await?)
}

/// Takes those of these documents away that the log says are erased.
pub(in crate::control) async fn take_away(
    control: &Control,
    found: &[Digests],
) -> Result<u64, control::Error> {
    let mut erased = Vec::new();
    for digests in found {
        if view::document(control.pool(), &digests.blake3.into()).await?.is_some() {
            control.reads().documents.forget(digests);
            erased.push(digests.blake3);
        }
    }
    if erased.is_empty() { Ok(0) } else { Ok(documents::remove(control.pool(), &erased).await?) }
}

/// Takes away whatever the log says is erased and is there nevertheless: what was cut off, written again by a deposit that was
/// under way, or kept in the memory of this process. Returns how many documents there were.
pub(in crate::control) async fn finish(control: &Control) -> Result<u64, control::Error> {
    let (mut after, mut removed) = (None, 0);
    loop {
        let page = view::page(control.pool(), after, PAGE_MAX_ITEMS).await?;
        let Some(last) = page.last() else { return Ok(removed) };
        after = Some(last.position);
        page.iter().for_each(|erased| control.reads().documents.forget(&erased.digests));
        let erased: Vec<Blake3> = page.iter().map(|erased| erased.digests.blake3).collect();
        removed += documents::remove(control.pool(), &erased).await?;
    }
}

/// Writes the ground, before the event that names it.
pub(super) async fn write(control: &Control, statement: &Statement) -> Result<(), control::Error> {
    Ok(documents::put(control.pool(), &[(statement::MEDIA_TYPE, &statement.encode())]).await?)
}
