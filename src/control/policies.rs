//! Retention policies: what is kept, locked, moved or deleted, as versions of a document.
//!
//! - A new version keeps what it does not name: see [`crate::retention::draft`]. So it is decided on the version before, and of two
//!   who set at once one decides again.
//! - A version is a document and an event that names it. Setting what stands already changes nothing.
//! - A policy that was removed may be set again: its versions go on, and nothing is kept of what it said.
//!
//! Setting and removing needs `admin`: a policy decides about everybody's packages. Reading needs `retention:plan`, or
//! `admin` too: whoever sets policies may read them.

use super::append::{Change, Ids, Retries};
use super::{Context, Control};
use crate::access::{Action, Caller, RetentionRight};
use crate::kernel::cbor;
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::event::{Fact, PolicyRemoved, PolicySet};
use crate::kernel::id::{Actor, PolicyName, StreamName};
use crate::kernel::limits::{POLICIES_MAX, POLICY_MAX_BYTES};
use crate::log::{documents, read};
use crate::retention::draft::{self, Draft};
use crate::retention::{InForce, Policy};
use crate::views::policies::{self, PolicyRow};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was written is no policy.
    #[error(transparent)]
    Invalid(#[from] draft::Error),
    /// There is no such policy, or it was removed.
    #[error("there is no policy {0}")]
    Unknown(PolicyName),
    /// As many stand as may.
    #[error("{POLICIES_MAX} policies stand, which is the most; remove one, or make one of several")]
    TooMany,
    /// The document would be too long.
    #[error("the policy's document would have {0} bytes, more than {POLICY_MAX_BYTES}")]
    TooLong(usize),
    /// The document of a policy is not there, or is none.
    #[error("the document {document} of policy {policy} is damaged: {reason}")]
    Damaged {
        /// The policy.
        policy: PolicyName,
        /// Its document.
        document: Blake3,
        /// What is wrong.
        reason: String,
    },
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// How a policy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In TOML.
    Toml,
    /// In JSON with the same fields.
    Json,
}

impl Form {
    /// Reads what was written.
    ///
    /// # Errors
    /// With the first thing that is wrong, and where.
    pub fn read(self, text: &str) -> Result<Draft, draft::Error> {
        match self {
            Self::Toml => draft::toml(text),
            Self::Json => draft::json(text),
        }
    }
}

/// A policy, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As its events tell.
    pub row: PolicyRow,
    /// What it says.
    pub policy: Policy,
}

/// A policy was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Which of its versions stands now.
    pub version: u64,
    /// What it says.
    pub document: Blake3,
    /// Whether that is new.
    pub changed: bool,
    /// The event that says so.
    pub position: u64,
}

/// A version of a policy, or its removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which.
    pub version: u64,
    /// The document; none if this is its removal.
    pub document: Option<Blake3>,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Who.
    pub actor: Actor,
    /// The event that says so.
    pub position: u64,
}

/// Sets a policy.
///
/// # Errors
/// If what was written is no policy, or the caller may not.
pub async fn set(
    control: &Control,
    context: &Context,
    name: &PolicyName,
    draft: &Draft,
) -> Result<Set, Error> {
    context.caller.require(Action::Administer)?;
    if let Some(earlier) = control.earlier(context).await? {
        return match earlier.event.fact {
            Fact::PolicySet(fact) if fact.policy == *name => {
                let PolicySet { version, document, .. } = fact;
                Ok(Set { version, document, changed: true, position: earlier.position })
            }
            _ => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    let stream = StreamName::policy(name);
    let mut retries = Retries::default();
    loop {
        let seen = control.version(&stream).await?;
        let row = policies::get(control.pool(), name).await?;
        let standing = row.as_ref().filter(|row| row.standing);
        if standing.is_none() && standing_rows(control).await?.len() >= POLICIES_MAX {
            return Err(Error::TooMany);
        }
        let before = match standing {
            Some(row) => Some(load(control, row).await?),
            None => None,
        };
        let bytes = encode(draft.clone().merge(before.as_ref()))?;
        let document = Digests::of(&bytes).blake3;
        if let Some(row) = standing.filter(|row| row.document == document) {
            return Ok(Set { version: row.version, document, changed: false, position: row.position });
        }
        let version = row.map_or(0, |row| row.version) + 1;
        documents::put(control.pool(), &[(Policy::MEDIA_TYPE, &bytes)]).await?;
        let change = Change {
            events: Ids::of_request(context)
                .assign(vec![PolicySet { policy: name.clone(), version, document }.into()]),
            expected: vec![(stream.clone(), seen)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => return Ok(Set { version, document, changed: true, position: appended.last() }),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// Removes a policy: it decides about nothing any more. Locks that it had recorded stay.
///
/// # Errors
/// If there is none, or the caller may not.
pub async fn remove(control: &Control, context: &Context, name: &PolicyName) -> Result<u64, Error> {
    context.caller.require(Action::Administer)?;
    if let Some(earlier) = control.earlier(context).await? {
        return match earlier.event.fact {
            Fact::PolicyRemoved(fact) if fact.policy == *name => Ok(earlier.position),
            _ => Err(super::Error::IdempotencyKeyReused.into()),
        };
    }
    let stream = StreamName::policy(name);
    let mut retries = Retries::default();
    loop {
        let seen = control.version(&stream).await?;
        let row = standing(control, name).await?;
        let removed = PolicyRemoved { policy: name.clone(), version: row.version };
        let change = Change {
            events: Ids::of_request(context).assign(vec![removed.into()]),
            expected: vec![(stream.clone(), seen)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(appended) => return Ok(appended.last()),
            Err(error) => retries.after(error).await?,
        }
    }
}

/// A policy that stands, and what it says.
///
/// # Errors
/// If there is none, or the caller may not read policies; so for all that follow.
pub async fn get(control: &Control, caller: &Caller, name: &PolicyName) -> Result<Known, Error> {
    may_read(caller)?;
    let row = standing(control, name).await?;
    let policy = load(control, &row).await?;
    Ok(Known { row, policy })
}

/// A page of the policies that stand, by name, behind `after`.
///
/// # Errors
/// As [`get`].
pub async fn list(
    control: &Control,
    caller: &Caller,
    after: Option<&PolicyName>,
    limit: u32,
) -> Result<Vec<PolicyRow>, Error> {
    may_read(caller)?;
    Ok(policies::list(control.pool(), after, limit).await?)
}

/// Every version of a policy, those too before and after a removal, from the log. At most so many behind that position.
///
/// # Errors
/// As [`get`]; a policy that was removed has a history.
pub async fn history(
    control: &Control,
    caller: &Caller,
    name: &PolicyName,
    from: u64,
    limit: u32,
) -> Result<Vec<Version>, Error> {
    may_read(caller)?;
    if policies::get(control.pool(), name).await?.is_none() {
        return Err(Error::Unknown(name.clone()));
    }
    let query = read::Query { stream: Some(StreamName::policy(name)), ..read::Query::from(from) };
    let page = read::page(control.pool(), &query, limit).await?;
    let mut versions = Vec::new();
    for raw in page.records {
        let recorded = raw.decode()?;
        let (at_ms, position) = (recorded.event.at_ms, recorded.position);
        let (version, document) = match recorded.event.fact {
            Fact::PolicySet(fact) => (fact.version, Some(fact.document)),
            Fact::PolicyRemoved(fact) => (fact.version, None),
            _ => continue,
        };
        versions.push(Version { version, document, at_ms, actor: recorded.event.actor, position });
    }
    Ok(versions)
}

/// The document of one version, as it was set.
///
/// # Errors
/// As [`get`], and if there is no such version.
pub async fn version(
    control: &Control,
    caller: &Caller,
    name: &PolicyName,
    version: u64,
) -> Result<Known, Error> {
    let row = {
        may_read(caller)?;
        policies::get(control.pool(), name).await?.ok_or_else(|| Error::Unknown(name.clone()))?
    };
    let mut from = 0;
    loop {
        let page = history(control, caller, name, from, VERSIONS_AT_ONCE).await?;
        let Some(last) = page.last().map(|last| last.position) else {
            return Err(Error::Unknown(name.clone()));
        };
        let found = page.into_iter().find_map(|one| {
            let document = one.document.filter(|_| one.version == version)?;
            Some(PolicyRow {
                version,
                document,
                standing: row.standing && row.version == version,
                changed_at_ms: one.at_ms,
                changed_by: one.actor,
                position: one.position,
                policy: name.clone(),
            })
        });
        if let Some(row) = found {
            let policy = load(control, &row).await?;
            return Ok(Known { row, policy });
        }
        from = last + 1;
    }
}

/// Versions that are read from the log at once.
const VERSIONS_AT_ONCE: u32 = 100;

/// Every policy that stands, in the order of their names; none of them acts.
pub(super) async fn in_force(control: &Control, rows: Vec<PolicyRow>) -> Result<Vec<InForce>, Error> {
    let mut policies = Vec::with_capacity(rows.len());
    for row in rows {
        let policy = load(control, &row).await?;
        let PolicyRow { policy: name, version, document, .. } = row;
        policies.push(InForce { name, version, document, policy, acts: false });
    }
    Ok(policies)
}

/// The document of a policy, if it is not too long.
pub(super) fn encode(policy: Policy) -> Result<Vec<u8>, Error> {
    let bytes = policy.encode();
    if bytes.len() > POLICY_MAX_BYTES { Err(Error::TooLong(bytes.len())) } else { Ok(bytes) }
}

/// Every policy that stands, with what it says.
pub(super) async fn standing_now(control: &Control) -> Result<Vec<InForce>, Error> {
    in_force(control, standing_rows(control).await?).await
}

async fn standing_rows(control: &Control) -> Result<Vec<PolicyRow>, Error> {
    Ok(policies::list(control.pool(), None, u32::try_from(POLICIES_MAX).unwrap_or(u32::MAX)).await?)
}

async fn standing(control: &Control, name: &PolicyName) -> Result<PolicyRow, Error> {
    let row = policies::get(control.pool(), name).await?;
    row.filter(|row| row.standing).ok_or_else(|| Error::Unknown(name.clone()))
}

async fn load(control: &Control, row: &PolicyRow) -> Result<Policy, Error> {
    let damaged = |reason| Error::Damaged { policy: row.policy.clone(), document: row.document, reason };
    let document = documents::get(control.pool(), row.document.into()).await?;
    let document = document.ok_or_else(|| damaged("it is not there".into()))?;
    Policy::decode(&document.bytes).map_err(|error: cbor::Error| damaged(error.to_string()))
}

pub(super) fn may_read(caller: &Caller) -> Result<(), Error> {
    if caller.require(Action::Administer).is_ok() {
        return Ok(());
    }
    Ok(caller.require(Action::Retention(RetentionRight::Plan))?)
}
