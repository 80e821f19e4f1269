//! What a pin claimed, and when: from the log, which keeps what the view forgets.

use std::fmt;

use super::{Error, readable, says};
use crate::access::Caller;
use crate::control::Control;
use crate::kernel::digest::Blake3;
use crate::kernel::event::Fact;
use crate::kernel::id::{Actor, PinName, RepositoryName, StreamName};
use crate::kernel::statement::Statement;
use crate::log::{Recorded, read};

/// One change of a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The event that says so.
    pub position: u64,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Who.
    pub actor: Actor,
    /// What it claimed from then on. None: it was released.
    pub manifest: Option<Blake3>,
    /// What it had claimed.
    pub previous: Option<Blake3>,
    /// The document that says why.
    pub statement: Blake3,
    /// None if it was erased.
    pub says: Option<Statement>,
}

/// A point in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After that event.
    Position(u64),
    /// At the end of that millisecond since the epoch.
    Ms(u64),
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(f, "position {position}"),
            Self::Ms(ms) => {
                match i64::try_from(*ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
                    Some(time) => write!(f, "{time:.3}"),
                    None => write!(f, "{ms} ms after 1970"),
                }
            }
        }
    }
}

/// A page of all changes of a pin, oldest first, behind that position. A pin that never was has none.
///
/// # Errors
/// If there is no such repository, or the caller may not read it.
pub async fn history(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    pin: &PinName,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<Changed>, Error> {
    readable(control, caller, repository).await?;
    let stream = StreamName::pin(repository, pin);
    if control.version(&stream).await?.is_none() {
        return Err(Error::Unknown(pin.clone()));
    }
    let mut changes = Vec::new();
    for raw in read::of_stream(control.pool(), &stream, after, limit).await? {
        changes.extend(changed(control, raw.decode()?).await?);
    }
    Ok(changes)
}

/// The change by which a pin claimed what it claimed then.
///
/// # Errors
/// If it claimed nothing, that time has not come, or the caller may not read the repository.
pub async fn at(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    pin: &PinName,
    when: When,
) -> Result<Changed, Error> {
    readable(control, caller, repository).await?;
    let (position, at_ms, ahead) = match when {
        When::Position(position) => (position, u64::MAX, position >= read::size(control.pool()).await?),
        When::Ms(ms) => (u64::MAX, ms, ms > control.now_ms()),
    };
    if ahead {
        return Err(Error::Ahead(when));
    }
    let stream = StreamName::pin(repository, pin);
    let nothing = || Error::UnknownThen { pin: pin.clone(), when };
    let raw = read::last_of_stream_by(control.pool(), &stream, position, at_ms).await?.ok_or_else(nothing)?;
    let found = changed(control, raw.decode()?).await?;
    found.filter(|changed| changed.manifest.is_some()).ok_or_else(nothing)
}

async fn changed(control: &Control, recorded: Recorded) -> Result<Option<Changed>, Error> {
    let (manifest, previous, statement) = match recorded.event.fact {
        Fact::PinSet(fact) => (Some(fact.manifest), fact.previous, fact.statement),
        Fact::PinReleased(fact) => (None, Some(fact.previous), fact.statement),
        // Nothing else stands in the stream of a pin.
        _ => return Ok(None),
    };
    Ok(Some(Changed {
        position: recorded.position,
        at_ms: recorded.event.at_ms,
        actor: recorded.event.actor,
        manifest,
        previous,
        statement,
        says: says(control, statement).await?,
    }))
}
