//! Pins: named claims on manifests, each with a reason. What is pinned is not deleted.
//!
//! - Of callers that race on one version of a pin, one wins; the others see what it claims now.
//! - A pin claims only a manifest that is accepted in its repository, with every blob stored there and not damaged; an
//!   index, with all that it lists. The log checks that again under the head lock.
//! - Each change has a reason, in a statement beside the log. Source, revision and build that a change does not name stay
//!   as they were.
//! - Setting a pin to what it claims already, for the same reason, changes nothing.
//! - What a pin claimed at a position or time is read from the log, never from the view.
//!
//! Who may push may set a pin, who may delete may release it: a pipeline moves `prod`, and giving up protection
//! altogether is a step towards deletion.

mod decide;
mod history;
mod said;

use crate::access::{Action, Caller};
use crate::kernel::digest::{Blake3, Digest, Digests};
use crate::kernel::event::Fact;
use crate::kernel::id::{PinName, RepositoryName, StreamName};
use crate::kernel::manifest::Document;
use crate::kernel::statement::{self, Statement};
use crate::log::{Recorded, documents};
use crate::views::pins::{self as view, PinRow};
use crate::views::{self, manifests as manifest_view, repositories as repository_view};

use super::append::{Change, Ids, Retries};
use super::manifests::{self, Contents};
use super::repositories::load_readable;
use super::{Context, Control, Precondition};

pub use decide::{PROVENANCE, Refused, Wanted};
pub use history::{Changed, When, at, history};
pub use said::{Error as SaidError, Said};

pub(super) use decide::{Current, Decided, decide_provenance, decide_set};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such repository.
    #[error("there is no repository {0}")]
    RepositoryUnknown(RepositoryName),
    /// The manifest to claim is not accepted there.
    #[error("there is no manifest {0} in this repository")]
    ManifestUnknown(Digest),
    /// There is no such pin.
    #[error("there is no pin {0} in this repository")]
    Unknown(PinName),
    /// There was no such pin then.
    #[error("the pin {pin} claimed nothing at {when}")]
    UnknownThen {
        /// Which.
        pin: PinName,
        /// When.
        when: When,
    },
    /// What the log will say is not known.
    #[error("{0} has not come yet; the log says what was, not what will be")]
    Ahead(When),
    /// It moved, or is not to be set so.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The package is not whole.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A pin with what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The pin.
    pub row: PinRow,
    /// None if it was erased.
    pub says: Option<Statement>,
}

/// A pin was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub pin: PinName,
    /// What it claims now.
    pub manifest: Blake3,
    /// What it claimed before.
    pub previous: Option<Blake3>,
    /// What is said of it now. None if it was erased since.
    pub says: Option<Statement>,
    /// Annotations that the package should have and lacks.
    pub missing: Vec<&'static str>,
    /// The event that says so; none while it is not recorded.
    pub position: Option<u64>,
}

impl Set {
    /// Of a pin that claims that already.
    pub(super) fn unchanged(wanted: &Wanted, now: &Current, missing: Vec<&'static str>) -> Self {
        let manifest = now.digests.blake3;
        Self {
            pin: wanted.pin.clone(),
            manifest,
            previous: Some(manifest),
            says: now.says.clone(),
            missing,
            position: Some(now.position),
        }
    }

    /// Once it is recorded; one that was before stays.
    pub(super) fn recorded_at(self, position: u64) -> Self {
        Self { position: self.position.or(Some(position)), ..self }
    }
}

/// A pin was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// What it claimed.
    pub previous: Blake3,
    /// The event that says so.
    pub position: u64,
}

/// Makes a pin claim a manifest.
///
/// # Errors
/// If the package is not there whole, the precondition does not hold, or the caller may not push there.
pub async fn set(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    wanted: &Wanted,
    manifest: &Digest,
) -> Result<Set, Error> {
    context.caller.require(Action::push(repository))?;
    let found = manifest_view::get(control.pool(), repository, manifest).await?;
    let manifest = found.ok_or(Error::ManifestUnknown(*manifest))?.blake3;
    if let Some(earlier) = earlier(control, context, repository, wanted, manifest).await? {
        return Ok(earlier);
    }
    let stored = manifests::document(control, manifest.into()).await?;
    let document = Document::decode(&stored.bytes).map_err(manifests::Error::from)?;
    let contents = Contents::of_accepted(control, &document).await?;
    let streams = [StreamName::pin(repository, &wanted.pin), StreamName::repository(repository)];
    let mut retries = Retries::default();
    loop {
        let mut expected = Vec::with_capacity(streams.len());
        for stream in &streams {
            expected.push((stream.clone(), control.version(stream).await?));
        }
        let provenance = provenance(control, repository).await?;
        let current = current(control, repository, &wanted.pin).await?;
        let decided = decide_set(current.as_ref(), repository, wanted, manifest)?;
        let missing = decide_provenance(provenance, &document.header().annotations)?;
        contents.check(control, repository).await?;
        let Some(Decided { fact, statement }) = decided else {
            let now = current.expect("what is so already is there");
            return Ok(Set::unchanged(wanted, &now, missing));
        };
        write(control, &statement).await?;
        let previous = fact.previous;
        let change = Change {
            events: Ids::of_request(context).assign(vec![fact.into()]),
            expected,
            guards: contents.guards(repository),
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => {
                let (pin, says, position) = (wanted.pin.clone(), Some(statement), Some(appended.last()));
                return Ok(Set { pin, manifest, previous, says, missing, position });
            }
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Makes a pin claim nothing.
///
/// # Errors
/// If there is none, the precondition does not hold, or the caller may not delete there.
pub async fn release(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    pin: &PinName,
    reason: &str,
    precondition: Precondition,
) -> Result<Released, Error> {
    context.caller.require(Action::delete(repository))?;
    let statement = Statement::because(reason).map_err(|error| Refused::Said(error.into()))?;
    let digest = statement.digest();
    if let Some(earlier) = control.earlier(context).await? {
        return match earlier.event.fact {
            Fact::PinReleased(fact)
                if fact.repository == *repository && fact.pin == *pin && fact.statement == digest =>
            {
                Ok(Released { previous: fact.previous, position: earlier.position })
            }
            _ => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    let stream = StreamName::pin(repository, pin);
    let mut retries = Retries::default();
    loop {
        let version = control.version(&stream).await?;
        let current = current(control, repository, pin).await?;
        let fact = decide::decide_release(current.as_ref(), repository, pin, precondition, digest)?;
        let fact = fact.ok_or_else(|| Error::Unknown(pin.clone()))?;
        write(control, &statement).await?;
        let previous = fact.previous;
        let change = Change {
            events: Ids::of_request(context).assign(vec![fact.into()]),
            expected: vec![(stream.clone(), version)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => return Ok(Released { previous, position: appended.last() }),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Reads a pin.
///
/// # Errors
/// If there is none, or the caller may not read the repository.
pub async fn get(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    pin: &PinName,
) -> Result<Pin, Error> {
    readable(control, caller, repository).await?;
    let row = view::get(control.pool(), repository, pin).await?.ok_or_else(|| Error::Unknown(pin.clone()))?;
    let says = says(control, row.statement).await?;
    Ok(Pin { row, says })
}

/// A page of a repository's pins, by name, behind `after`.
///
/// # Errors
/// If there is no such repository, or the caller may not read it.
pub async fn list(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    after: Option<&PinName>,
    limit: u32,
) -> Result<Vec<Pin>, Error> {
    readable(control, caller, repository).await?;
    let mut pins = Vec::new();
    for row in view::list(control.pool(), repository, after, limit).await? {
        let says = says(control, row.statement).await?;
        pins.push(Pin { row, says });
    }
    Ok(pins)
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
    wanted: &Wanted,
    manifest: Blake3,
) -> Result<Option<Set>, super::Error> {
    match control.earlier(context).await? {
        Some(earlier) => set_before(control, repository, wanted, manifest, earlier).await.map(Some),
        None => Ok(None),
    }
}

/// What a request did whose main event is that one. If it set a tag, the pin was so already; that is told as it is now.
pub(super) async fn set_before(
    control: &Control,
    repository: &RepositoryName,
    wanted: &Wanted,
    manifest: Blake3,
    earlier: Recorded,
) -> Result<Set, super::Error> {
    let reused = super::Error::IdempotencyKeyReused;
    let missing = Vec::new();
    let fact = match earlier.event.fact {
        Fact::PinSet(fact) => fact,
        Fact::TagSet(_) => {
            let now = current(control, repository, &wanted.pin).await?.ok_or(reused)?;
            return Ok(Set::unchanged(wanted, &now, missing));
        }
        _ => return Err(reused),
    };
    let says = says(control, fact.statement).await?;
    let named = (&fact.repository, &fact.pin, fact.manifest) == (repository, &wanted.pin, manifest);
    if !named || says.as_ref().is_some_and(|says| !wanted.said.is_in(says)) {
        return Err(reused);
    }
    let (pin, previous, position) = (fact.pin, fact.previous, Some(earlier.position));
    Ok(Set { pin, manifest, previous, says, missing, position })
}

/// What a pin claims now.
pub(super) async fn current(
    control: &Control,
    repository: &RepositoryName,
    pin: &PinName,
) -> Result<Option<Current>, super::Error> {
    let Some(row) = view::get(control.pool(), repository, pin).await? else { return Ok(None) };
    let manifest = manifest_view::get(control.pool(), repository, &row.manifest.into()).await?;
    let damaged = || views::Error::Damaged {
        table: "pins",
        what: format!("pin {pin} claims a manifest that is not accepted"),
    };
    let sha256 = manifest.ok_or_else(damaged)?.sha256;
    let says = says(control, row.statement).await?;
    let digests = Digests { blake3: row.manifest, sha256 };
    Ok(Some(Current { digests, says, position: row.position }))
}

/// What the repository asks of packages that are pinned.
pub(super) async fn provenance(
    control: &Control,
    repository: &RepositoryName,
) -> Result<crate::kernel::event::Provenance, super::Error> {
    let found = repository_view::get(control.pool(), repository).await?;
    Ok(found.map(|found| found.provenance).unwrap_or_default())
}

/// A statement that the log names. None if it was erased.
pub(super) async fn says(control: &Control, statement: Blake3) -> Result<Option<Statement>, super::Error> {
    let digest = statement.into();
    // Not from memory: another process may have erased it.
    let Some(document) = documents::get(control.pool(), digest).await? else { return Ok(None) };
    // It was encoded by this program, and its digest was checked.
    Statement::decode(&document.bytes).map(Some).map_err(|_| documents::Error::Damaged(digest).into())
}

/// Writes a statement, before the event that names it.
pub(super) async fn write(control: &Control, statement: &Statement) -> Result<(), super::Error> {
    let bytes = statement.encode();
    Ok(documents::put(control.pool(), &[(statement::MEDIA_TYPE, &bytes)]).await?)
}
