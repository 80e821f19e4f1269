//! Locks: a package is not deleted before a time.
//!
//! - A lock moves only later. A governance lock can be bypassed, on record and with a reason; a compliance lock by nobody.
//! - A bypass lifts governance locks that end at its `until` or before: what is locked beyond that later is locked again.
//! - Rules of policies lock too: see [`crate::retention`].
//!
//! Locking needs `retention:lock`, bypassing `retention:bypass`.

use super::append::{Change, Ids, Retries};
use super::{Context, Control, manifests};
use crate::access::{Action, RetentionRight};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, LockBypassed, LockExtended, LockGround, LockMode};
use crate::kernel::id::{Reference, RepositoryName, StreamName};
use crate::kernel::statement::{self, Statement};
use crate::log::{Guard, documents};
use crate::views::retention::{self, End, Locks};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It would end before it does already, or in the past.
    #[error("a lock moves only later: the {mode} lock {}", match .current_ms {
        Some(_) => "ends no earlier than that already",
        None => "would end in the past",
    })]
    NotLater {
        /// Of which mode.
        mode: LockMode,
        /// When it ends now, milliseconds since the epoch.
        current_ms: Option<u64>,
    },
    /// There is no governance lock that a bypass could lift.
    #[error("no governance lock is recorded on this package; say until when with --until if a rule locks it")]
    NotLocked,
    /// The package is not there.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// The locks of a package after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The package.
    pub manifest: Blake3,
    /// Its locks.
    pub locks: Locks,
    /// The event that says so.
    pub position: u64,
}

/// Locks a package until a time, or moves the end of its lock there.
///
/// # Errors
/// If that is not later than it ends now, the package is not there, or the caller may not.
pub async fn extend(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    mode: LockMode,
    until_ms: u64,
    statement: &Statement,
) -> Result<Changed, Error> {
    context.caller.require(Action::Retention(RetentionRight::Lock))?;
    let now_ms = control.now_ms();
    let ground = LockGround::Actor { statement: statement.digest() };
    let fact = |blake3| LockExtended {
        repository: repository.clone(),
        blake3,
        mode,
        until_ms,
        ground: ground.clone(),
    };
    change(control, context, repository, reference, statement, |manifest, locks| {
        let current = match mode {
            LockMode::Governance => locks.governance,
            LockMode::Compliance => locks.compliance,
        };
        let current_ms = current.map(|end| end.until_ms);
        if until_ms <= now_ms {
            return Err(Error::NotLater { mode, current_ms: None });
        }
        if current_ms.is_some_and(|current_ms| until_ms <= current_ms) {
            return Err(Error::NotLater { mode, current_ms });
        }
        Ok(fact(manifest).into())
    })
    .await
}

/// Lifts the governance locks of a package: those that end then or before, by default the one that is recorded.
///
/// # Errors
/// If there is none, the package is not there, or the caller may not.
pub async fn bypass(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    until_ms: Option<u64>,
    statement: &Statement,
) -> Result<Changed, Error> {
    context.caller.require(Action::Retention(RetentionRight::Bypass))?;
    change(control, context, repository, reference, statement, |blake3, locks| {
        let recorded = |end: Option<End>| end.map(|end| end.until_ms);
        let until_ms = until_ms.or_else(|| recorded(locks.governance)).ok_or(Error::NotLocked)?;
        let statement = statement.digest();
        Ok(LockBypassed { repository: repository.clone(), blake3, until_ms, statement }.into())
    })
    .await
}

/// Decides about a package's locks and appends.
async fn change(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    statement: &Statement,
    decide: impl Fn(Blake3, &Locks) -> Result<Fact, Error>,
) -> Result<Changed, Error> {
    let manifest = manifests::find(control, &context.caller, repository, reference).await?.blake3;
    if let Some(earlier) = control.earlier(context).await? {
        let of_package = earlier.event.stream == StreamName::manifest(repository, manifest);
        return match &earlier.event.fact {
            Fact::LockExtended(_) | Fact::LockBypassed(_) if of_package => {
                let locks = retention::get(control.pool(), repository, manifest).await?;
                Ok(Changed { manifest, locks, position: earlier.position })
            }
            _ => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    let stream = StreamName::manifest(repository, manifest);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let locks = retention::get(control.pool(), repository, manifest).await?;
        let fact = decide(manifest, &locks)?;
        documents::put(control.pool(), &[(statement::MEDIA_TYPE, &statement.encode())]).await?;
        let change = Change {
            events: Ids::of_request(context).assign(vec![fact]),
            expected: vec![(stream.clone(), version)],
            guards: vec![Guard::ManifestsAccepted {
                repository: repository.clone(),
                manifests: vec![manifest],
            }],
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                let locks = retention::get(control.pool(), repository, manifest).await?;
                return Ok(Changed { manifest, locks, position: appended.last() });
            }
            Err(error) => retries.after(error).await?,
        }
    }
}
