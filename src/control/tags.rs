//! Tags: movable names for manifests. Each change names what the tag named before, and may demand it.
//!
//! - Of callers that race on one version of a tag, one wins; the others see what it is now.
//! - A tag names only a manifest that is accepted in its repository.
//! - Where the tag makes rules of policies lock the package, that is recorded in the same append (`lock_rules`).
//! - Setting a tag to what it names already changes nothing, if the precondition holds.

use super::append::{Change, Ids, Retries};
use super::lock_rules::{LockRules, Locks};
use super::repositories::load_readable;
use super::{Context, Control, Precondition, retention};
use crate::access::{Action, Caller};
use crate::kernel::digest::{Blake3, Digest, Digests};
use crate::kernel::event::{Fact, TagRemoved, TagSet};
use crate::kernel::id::{RepositoryName, StreamName, Tag};
use crate::log::Guard;
use crate::views::tags::{self, TagRow};
use crate::views::{self, manifests};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such repository.
    #[error("there is no repository {0}")]
    RepositoryUnknown(RepositoryName),
    /// The manifest to name is not accepted there.
    #[error("there is no manifest {0} in this repository")]
    ManifestUnknown(Digest),
    /// There is no such tag.
    #[error("there is no tag {0} in this repository")]
    Unknown(Tag),
    /// It does not name what the caller expected.
    #[error(transparent)]
    TagMoved(#[from] Moved),
    /// What rules lock cannot be found out.
    #[error(transparent)]
    Retention(#[from] retention::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A tag was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub tag: Tag,
    /// What it names now.
    pub manifest: Blake3,
    /// What it named before.
    pub previous: Option<Blake3>,
    /// The event that says so.
    pub position: u64,
}

/// A tag was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// What it named.
    pub previous: Blake3,
    /// The event that says so.
    pub position: u64,
}

/// A tag does not name what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tag {}", match .current {
    Some(current) => format!("names {current}, not what was expected"),
    None => "does not exist, and was expected to".to_owned(),
})]
pub struct Moved {
    /// What it names now.
    pub current: Option<Blake3>,
}

/// What a tag names now, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) digests: Digests,
    pub(super) position: u64,
}

/// Makes a tag name a manifest.
///
/// # Errors
/// If the manifest is not accepted there, the precondition does not hold, or the caller may not push there.
pub async fn set(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    tag: &Tag,
    manifest: &Digest,
    precondition: Precondition,
) -> Result<Changed, Error> {
    context.caller.require(Action::push(repository))?;
    let found = manifests::get(control.pool(), repository, manifest).await?;
    let manifest = found.ok_or(Error::ManifestUnknown(*manifest))?.blake3;
    if let Some(earlier) = earlier(control, context, repository, tag, manifest).await? {
        return Ok(earlier);
    }
    let stream = StreamName::tag(repository, tag);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let current = current(control, repository, tag).await?;
        let fact = decide_set(current.as_ref(), repository, tag, manifest, precondition)?;
        let previous = current.map(|current| current.digests.blake3);
        let changed = |position| Changed { tag: tag.clone(), manifest, previous, position };
        let Some(fact) = fact else {
            return Ok(changed(current.map_or(0, |current| current.position)));
        };
        let Locks { mut facts, mut guards } =
            LockRules::load(control).await?.at_tag(control, repository, manifest, tag).await?;
        facts.push(fact);
        guards.push(Guard::ManifestsAccepted { repository: repository.clone(), manifests: vec![manifest] });
        let change = Change {
            events: Ids::of_request(context).assign(facts),
            expected: vec![(stream.clone(), version)],
            guards,
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => return Ok(changed(appended.last())),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Makes a tag name nothing.
///
/// # Errors
/// If there is none, the precondition does not hold, or the caller may not delete there.
pub async fn remove(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    tag: &Tag,
    precondition: Precondition,
) -> Result<Removed, Error> {
    context.caller.require(Action::delete(repository))?;
    if let Some(earlier) = control.earlier(context).await? {
        return match earlier.event.fact {
            Fact::TagRemoved(fact) if fact.repository == *repository && fact.tag == *tag => {
                Ok(Removed { previous: fact.previous, position: earlier.position })
            }
            _ => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    let stream = StreamName::tag(repository, tag);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let current = current(control, repository, tag).await?;
        let fact = decide_remove(current.as_ref(), repository, tag, precondition)?;
        let previous = fact.previous;
        let change = Change {
            events: Ids::of_request(context).assign(vec![fact.into()]),
            expected: vec![(stream.clone(), version)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => return Ok(Removed { previous, position: appended.last() }),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Reads a tag.
///
/// # Errors
/// If there is none, or the caller may not read the repository.
pub async fn get(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<TagRow, Error> {
    readable(control, caller, repository).await?;
    tags::get(control.pool(), repository, tag).await?.ok_or_else(|| Error::Unknown(tag.clone()))
}

/// A page of a repository's tags, by name, behind `after`.
///
/// # Errors
/// If there is no such repository, or the caller may not read it.
pub async fn list(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    after: Option<&Tag>,
    limit: u32,
) -> Result<Vec<TagRow>, Error> {
    readable(control, caller, repository).await?;
    Ok(tags::list(control.pool(), repository, after, limit).await?)
}

async fn readable(control: &Control, caller: &Caller, repository: &RepositoryName) -> Result<(), Error> {
    match load_readable(control, caller, repository).await? {
        Some(_) => Ok(()),
        None => Err(Error::RepositoryUnknown(repository.clone())),
    }
}

/// What the same request did before.
async fn earlier(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    tag: &Tag,
    manifest: Blake3,
) -> Result<Option<Changed>, super::Error> {
    let Some(earlier) = control.earlier(context).await? else { return Ok(None) };
    match earlier.event.fact {
        Fact::TagSet(fact)
            if fact.repository == *repository && fact.tag == *tag && fact.manifest == manifest =>
        {
            let position = earlier.position;
            Ok(Some(Changed { tag: fact.tag, manifest, previous: fact.previous, position }))
        }
        _ => Err(super::Error::IdempotencyKeyReused),
    }
}

/// What a tag names now.
pub(super) async fn current(
    control: &Control,
    repository: &RepositoryName,
    tag: &Tag,
) -> Result<Option<Current>, super::Error> {
    let Some(row) = tags::get(control.pool(), repository, tag).await? else { return Ok(None) };
    let manifest = manifests::get(control.pool(), repository, &row.manifest.into()).await?;
    // A tag is set only on an accepted manifest.
    let sha256 = manifest.ok_or_else(|| damaged(tag))?.sha256;
    Ok(Some(Current { digests: Digests { blake3: row.manifest, sha256 }, position: row.position }))
}

fn damaged(tag: &Tag) -> views::Error {
    views::Error::Damaged { table: "tags", what: format!("tag {tag} names a manifest that is not accepted") }
}

/// The fact that makes the tag name the manifest. None if it does already.
pub(super) fn decide_set(
    current: Option<&Current>,
    repository: &RepositoryName,
    tag: &Tag,
    manifest: Blake3,
    precondition: Precondition,
) -> Result<Option<Fact>, Moved> {
    let previous = current.map(|current| current.digests.blake3);
    if !precondition.holds(current.map(|current| &current.digests)) {
        return Err(Moved { current: previous });
    }
    if previous == Some(manifest) {
        return Ok(None);
    }
    let set = TagSet { repository: repository.clone(), tag: tag.clone(), manifest, previous };
    Ok(Some(set.into()))
}

fn decide_remove(
    current: Option<&Current>,
    repository: &RepositoryName,
    tag: &Tag,
    precondition: Precondition,
) -> Result<TagRemoved, Error> {
    if !precondition.holds(current.map(|current| &current.digests)) {
        return Err(Moved { current: current.map(|current| current.digests.blake3) }.into());
    }
    let previous = current.ok_or_else(|| Error::Unknown(tag.clone()))?.digests.blake3;
    Ok(TagRemoved { repository: repository.clone(), tag: tag.clone(), previous })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::given::given;

    fn name() -> RepositoryName {
        "acme/reports".parse().unwrap()
    }

    fn v1() -> Tag {
        "v1".parse().unwrap()
    }

    fn naming(bytes: &[u8]) -> Option<Current> {
        Some(Current { digests: Digests::of(bytes), position: 7 })
    }

    fn set(state: &Option<Current>, to: &[u8], precondition: Precondition) -> Result<Option<Fact>, Moved> {
        decide_set(state.as_ref(), &name(), &v1(), Digests::of(to).blake3, precondition)
    }

    fn fact(to: &[u8], previous: Option<&[u8]>) -> Option<Fact> {
        let previous = previous.map(|bytes| Digests::of(bytes).blake3);
        let manifest = Digests::of(to).blake3;
        Some(TagSet { repository: name(), tag: v1(), manifest, previous }.into())
    }

    #[test]
    fn a_tag_is_set_and_the_fact_names_what_it_named_before() {
        given(None).when(|tag| set(tag, b"new", Precondition::Any)).then(fact(b"new", None));
        given(None).when(|tag| set(tag, b"new", Precondition::Absent)).then(fact(b"new", None));
        let old = Precondition::Is(Digests::of(b"old").sha256.into());
        given(naming(b"old")).when(|tag| set(tag, b"new", old)).then(fact(b"new", Some(b"old")));
    }

    #[test]
    fn a_stale_expectation_is_refused_with_what_the_tag_names_now() {
        let now = Digests::of(b"now").blake3;
        let stale = Precondition::Is(Digests::of(b"old").blake3.into());
        for precondition in [stale, Precondition::Absent] {
            given(naming(b"now"))
                .when(|tag| set(tag, b"new", precondition))
                .then_refused(|moved| moved.current == Some(now));
        }
        given(None).when(|tag| set(tag, b"new", stale)).then_refused(|moved| moved.current.is_none());
    }

    #[test]
    fn setting_a_tag_to_what_it_names_changes_nothing() {
        given(naming(b"now")).when(|tag| set(tag, b"now", Precondition::Any)).then(None);
        given(naming(b"now"))
            .when(|tag| set(tag, b"now", Precondition::Absent))
            .then_refused(|moved| moved.current.is_some());
    }

    #[test]
    fn a_tag_is_removed_if_it_names_what_was_expected() {
        let previous = Digests::of(b"now").blake3;
        given(naming(b"now"))
            .when(|tag| decide_remove(tag.as_ref(), &name(), &v1(), Precondition::Any))
            .then(TagRemoved { repository: name(), tag: v1(), previous });
        given(naming(b"now"))
            .when(|tag| {
                let stale = Precondition::Is(Digests::of(b"old").blake3.into());
                decide_remove(tag.as_ref(), &name(), &v1(), stale)
            })
            .then_refused(|error| matches!(error, Error::TagMoved(_)));
        given(None::<Current>)
            .when(|tag| decide_remove(tag.as_ref(), &name(), &v1(), Precondition::Any))
            .then_refused(|error| matches!(error, Error::Unknown(_)));
    }
}
