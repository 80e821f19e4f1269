//! A package that was deleted: what its tombstone says.

use std::fmt;

use super::Control;
use super::deletions::time;
use super::holds::said;
use crate::kernel::digest::{Blake3, Digest};
use crate::kernel::event::{Authority, Fact};
use crate::kernel::id::{Actor, Reference, RepositoryName, StreamName};
use crate::log::read;

/// Who deleted a package, when, and what allowed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Where it was.
    pub repository: RepositoryName,
    /// Which it was.
    pub manifest: Blake3,
    /// Its tombstone: place in the log.
    pub position: u64,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Who.
    pub by: Actor,
    /// What allowed it.
    pub authority: Authority,
    /// What the actor said about it, if that was not erased.
    pub reason: Option<String>,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, manifest, position, at_ms, by, .. } = self;
        write!(f, "{repository}@{manifest} was deleted {} by {by} (event {position})", time(*at_ms))?;
        match &self.authority {
            Authority::Plan { plan, policy, version, rule } => {
                write!(f, ", by rule {policy}/{rule} of version {version} and plan {plan}")?;
            }
            Authority::Actor { .. } => {}
            Authority::Erasure { .. } => write!(f, ", because a law demands it")?,
        }
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// The tombstone of the package that a reference named, if it was deleted and is not there again. A tag names nothing that is gone,
/// and by its SHA-256 alone no package is found that is not there.
pub(super) async fn find(
    control: &Control,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Option<Gone>, super::Error> {
    let Reference::Digest(Digest::Blake3(manifest)) = reference else { return Ok(None) };
    let stream = StreamName::manifest(repository, *manifest);
    let Some(raw) = read::last_of_stream(control.pool(), &stream).await? else { return Ok(None) };
    let recorded = raw.decode()?;
    let Fact::ManifestDeleted(fact) = recorded.event.fact else { return Ok(None) };
    let statement = match &fact.authority {
        Authority::Plan { .. } => None,
        Authority::Actor { statement } | Authority::Erasure { statement } => {
            said(control, *statement).await?
        }
    };
    Ok(Some(Gone {
        repository: fact.repository,
        manifest: fact.blake3,
        position: recorded.position,
        at_ms: recorded.event.at_ms,
        by: recorded.event.actor,
        authority: fact.authority,
        reason: statement.and_then(|statement| statement.reason().map(str::to_owned)),
    }))
}
