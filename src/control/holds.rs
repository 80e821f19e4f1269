//! Holds: what may not be deleted, whatever policies say, until somebody lets go of it.
//!
//! - A hold covers a package, a whole repository now and later, or what a selector of fixed properties selects: what it
//!   covers never changes because something was tagged or grew older.
//! - A hold of the kind `event` starts the clock of what it covered when it is released.
//! - The matter and the reason are a document beside the log: see [`crate::kernel::statement`].
//! - A name is used once: what was held under it stays plain.
//!
//! Placing and releasing needs `retention:hold`; reading that, `retention:plan` or `log:read`.

use super::append::{Change, Ids, Retries};
use super::{Context, Control, manifests, repositories};
use crate::access::{Action, Caller, Denied, RetentionRight};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, HoldKind, HoldPlaced, HoldReleased, HoldTarget};
use crate::kernel::id::{HoldName, Reference, RepositoryName, StreamName};
use crate::kernel::statement::{self, Statement};
use crate::log::{Guard, documents};
use crate::retention::FixedSelector;
use crate::views::holds::{self, Hold};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is taken.
    #[error("there is a hold {0}, or was one; each gets a name of its own")]
    Exists(HoldName),
    /// There is none of that name.
    #[error("there is no hold {0}")]
    Unknown(HoldName),
    /// It was released before.
    #[error("hold {hold} was released at position {position}")]
    Released {
        /// Which.
        hold: HoldName,
        /// By that event.
        position: u64,
    },
    /// A selector without a condition would hold everything by accident.
    #[error("a query needs a condition; to hold everything say so with the repository `*`")]
    EmptySelector,
    /// What is to be held is not there.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// What is to be held is not there.
    #[error(transparent)]
    Repository(#[from] repositories::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// What a hold is to cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One package.
    Package(RepositoryName, Reference),
    /// Whatever is in a repository, now and later.
    Repository(RepositoryName),
    /// What a selector selects, now and later.
    Query(FixedSelector),
}

/// A hold to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub hold: HoldName,
    /// What it does beside holding.
    pub kind: HoldKind,
    /// What it covers.
    pub target: Target,
    /// Its matter and reason.
    pub statement: Statement,
}

/// A hold with what was said about it. What was erased is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The hold.
    pub hold: Hold,
    /// What it selects, if it is a query.
    pub selector: Option<FixedSelector>,
    /// Its matter and reason.
    pub statement: Option<Statement>,
    /// Why it was released.
    pub release: Option<Statement>,
}

/// Places a hold.
///
/// # Errors
/// If the name is taken, what it covers is not there, or the caller may not.
pub async fn place(control: &Control, context: &Context, place: &Place) -> Result<Known, Error> {
    context.caller.require(Action::Retention(RetentionRight::Hold))?;
    let (target, guards) = resolve(control, &context.caller, &place.target).await?;
    let placed = HoldPlaced {
        hold: place.hold.clone(),
        kind: place.kind,
        target,
        statement: place.statement.digest(),
    };
    if let Some(earlier) = control.earlier(context).await? {
        return match earlier.event.fact == Fact::from(placed) {
            true => existing(control, &place.hold).await,
            false => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    let statement = place.statement.encode();
    let mut written: Vec<(&str, &[u8])> = vec![(statement::MEDIA_TYPE, &statement)];
    let selector = match &place.target {
        Target::Query(selector) => Some(selector.encode()),
        Target::Package(..) | Target::Repository(_) => None,
    };
    written.extend(selector.as_deref().map(|selector| (FixedSelector::MEDIA_TYPE, selector)));
    documents::put(control.pool(), &written).await?;
    let stream = StreamName::hold(&place.hold);
    let mut retries = Retries::default();
    loop {
        if holds::get(control.pool(), &place.hold).await?.is_some() {
            return Err(Error::Exists(place.hold.clone()));
        }
        let change = Change {
            events: Ids::of_request(context).assign(vec![placed.clone().into()]),
            expected: vec![(stream.clone(), None)],
            guards: guards.clone(),
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => return existing(control, &place.hold).await,
            Err(error) => retries.after(error).await?,
        }
    }
}

/// What it covers, as it is recorded, and what has to be there for that.
async fn resolve(
    control: &Control,
    caller: &Caller,
    target: &Target,
) -> Result<(HoldTarget, Vec<Guard>), Error> {
    match target {
        Target::Package(repository, reference) => {
            let manifest = manifests::find(control, caller, repository, reference).await?.blake3;
            let guard =
                Guard::ManifestsAccepted { repository: repository.clone(), manifests: vec![manifest] };
            Ok((HoldTarget::Package(repository.clone(), manifest), vec![guard]))
        }
        Target::Repository(repository) => {
            repositories::get(control, caller, repository).await?;
            Ok((HoldTarget::Repository(repository.clone()), Vec::new()))
        }
        Target::Query(selector) if selector.is_empty() => Err(Error::EmptySelector),
        Target::Query(selector) => {
            let digest = crate::kernel::digest::Digests::of(&selector.encode()).blake3;
            Ok((HoldTarget::Query(digest), Vec::new()))
        }
    }
}

/// Releases a hold.
///
/// # Errors
/// If there is none that stands, or the caller may not.
pub async fn release(
    control: &Control,
    context: &Context,
    hold: &HoldName,
    statement: &Statement,
) -> Result<Known, Error> {
    context.caller.require(Action::Retention(RetentionRight::Hold))?;
    let released = HoldReleased { hold: hold.clone(), statement: statement.digest() };
    if let Some(earlier) = control.earlier(context).await? {
        return match earlier.event.fact == Fact::from(released) {
            true => existing(control, hold).await,
            false => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    documents::put(control.pool(), &[(statement::MEDIA_TYPE, &statement.encode())]).await?;
    let stream = StreamName::hold(hold);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let found = holds::get(control.pool(), hold).await?.ok_or_else(|| Error::Unknown(hold.clone()))?;
        if let Some(release) = found.released {
            return Err(Error::Released { hold: hold.clone(), position: release.position });
        }
        let change = Change {
            events: Ids::of_request(context).assign(vec![released.clone().into()]),
            expected: vec![(stream.clone(), version)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => return existing(control, hold).await,
            Err(error) => retries.after(error).await?,
        }
    }
}

/// A hold.
///
/// # Errors
/// If there is none, or the caller may not see it.
pub async fn get(control: &Control, caller: &Caller, hold: &HoldName) -> Result<Known, Error> {
    may_see(caller)?;
    existing(control, hold).await
}

/// A page of holds by name, behind `after`: those that stand, and those that were released.
///
/// # Errors
/// If the caller may not see them.
pub async fn list(
    control: &Control,
    caller: &Caller,
    after: Option<&HoldName>,
    limit: u32,
) -> Result<Vec<Known>, Error> {
    may_see(caller)?;
    let found = holds::list(control.pool(), after, limit).await?;
    let mut known = Vec::with_capacity(found.len());
    for hold in found {
        known.push(complete(control, hold).await?);
    }
    Ok(known)
}

pub(super) fn may_see(caller: &Caller) -> Result<(), Denied> {
    let sees = [Action::LogRead, Action::Retention(RetentionRight::Plan)];
    if sees.into_iter().any(|action| caller.allows(action)) {
        return Ok(());
    }
    caller.require(Action::Retention(RetentionRight::Hold))
}

async fn existing(control: &Control, hold: &HoldName) -> Result<Known, Error> {
    let found = holds::get(control.pool(), hold).await?.ok_or_else(|| Error::Unknown(hold.clone()))?;
    complete(control, found).await
}

async fn complete(control: &Control, hold: Hold) -> Result<Known, Error> {
    let selector = match &hold.target {
        HoldTarget::Query(selector) => {
            let document = documents::get(control.pool(), (*selector).into()).await?;
            document.and_then(|document| FixedSelector::decode(&document.bytes).ok())
        }
        HoldTarget::Package(..) | HoldTarget::Repository(_) => None,
    };
    let statement = said(control, hold.statement).await?;
    let release = match &hold.released {
        Some(release) => said(control, release.statement).await?,
        None => None,
    };
    Ok(Known { hold, selector, statement, release })
}

/// What a statement says; none if it was erased.
pub(super) async fn said(control: &Control, digest: Blake3) -> Result<Option<Statement>, super::Error> {
    let document = documents::get(control.pool(), digest.into()).await?;
    Ok(document.and_then(|document| Statement::decode(&document.bytes).ok()))
}
