//! Retrievals: packages that lie in a cold store are asked for, and may be read for some days.
//!
//! ```text
//! requested -> restoring, if the store needs its time -> available, until -> expired
//!         |            |                              (which follows from the time, and is no event)
//!         +------------+-> failed
//! ```
//! - One at a time for each package: asking again while one is not over gives that one.
//! - Each blob of the package that lies in a cold store is restored by order. When all are, `retrieval.available` says until when
//!   the package may be read: the days that were asked for, or less if a store says so.
//! - Whatever was cut off is asked for again; stores are told the same thing twice and do it once.
//! - What lies where is looked up each time: a blob that was moved meanwhile is no hindrance.
//!
//! Refused: callers who may not pull from the repository, days beyond the bound, packages that can be read as they are.

use futures::{StreamExt as _, stream};

use super::append::{Change, Ids, Retries};
use super::orders::{self, Desk};
use super::{Context, Control, manifests, repositories};
use crate::access::{Action, Caller};
use crate::contract::{Outcome, Restore, Task};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{
    Fact, RetrievalAvailable, RetrievalFailed, RetrievalFailure, RetrievalRequested, RetrievalRestoring,
};
use crate::kernel::id::{Actor, Reference, RepositoryName, RetrievalId, StreamName};
use crate::kernel::limits::{
    PAGE_MAX_ITEMS, RESTORED_AT_ONCE, RETRIEVAL_BATCH, RETRIEVAL_DAYS, RETRIEVAL_DAYS_MAX,
    RETRIEVAL_PATIENCE_DAYS,
};
use crate::log;
use crate::views::retrievals as view;
use crate::views::tiers::{Lying, lying};
use crate::views::{blobs, manifests as manifest_view};

pub use crate::views::retrievals::Retrieval;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// For no day, or too many.
    #[error("a package is retrieved for 1 to {RETRIEVAL_DAYS_MAX} days, not for {0}")]
    Days(u64),
    /// None of its blobs lies in a cold store.
    #[error("the package does not lie in a cold store: it can be read now")]
    Unneeded,
    /// There is none, or the caller may not know of it.
    #[error("there is no retrieval {0}")]
    Unknown(RetrievalId),
    /// The package is not there.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// The repository is not there.
    #[error(transparent)]
    Repository(#[from] repositories::Error),
    /// A report was not taken.
    #[error(transparent)]
    Order(#[from] orders::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// How far a retrieval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody has answered yet.
    Requested,
    /// The store is at it.
    Restoring,
    /// The package may be read.
    Available,
    /// It might have been read until then.
    Expired,
    /// It was given up.
    Failed,
}

impl State {
    /// Of a retrieval, at this time (ms since the epoch).
    pub fn of(retrieval: &Retrieval, now_ms: u64) -> Self {
        match retrieval {
            Retrieval { failed: Some(_), .. } => Self::Failed,
            Retrieval { available_ms: Some((_, until_ms)), .. } if *until_ms > now_ms => Self::Available,
            Retrieval { available_ms: Some(_), .. } => Self::Expired,
            Retrieval { restoring_at_ms: Some(_), .. } => Self::Restoring,
            _ => Self::Requested,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Restoring => "restoring",
            Self::Available => "available",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    /// Whether another one may be asked for.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Expired | Self::Failed)
    }
}

/// A retrieval with how far it is.
pub type Found = (Retrieval, State);

fn found(control: &Control, retrieval: Retrieval) -> Found {
    let state = State::of(&retrieval, control.now_ms());
    (retrieval, state)
}

/// Asks for a package. One that is not over is given as it is.
///
/// # Errors
/// If there is no such package, or the caller may not pull it.
pub async fn request(
    control: &Control,
    context: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    days: Option<u64>,
) -> Result<Found, Error> {
    let days = days.unwrap_or(RETRIEVAL_DAYS);
    if !(1..=RETRIEVAL_DAYS_MAX).contains(&days) {
        return Err(Error::Days(days));
    }
    let package = manifests::find(control, &context.caller, repository, reference).await?;
    // That everybody may read it does not mean that everybody may have it fetched.
    context.caller.require(Action::pull(repository))?;
    let mut retries = Retries::default();
    loop {
        let last = view::last(control.pool(), repository, &package.blake3).await?;
        let before = last.as_ref().map(|last| last.retrieval);
        if let Some(last) = last.map(|last| found(control, last)).filter(|(_, state)| !state.is_over()) {
            return Ok(last);
        }
        let (mut blobs, mut bytes) = (0, 0);
        let mut cold = Cold::of(repository, package.blake3);
        while let Some(page) = cold.next(control).await? {
            blobs += page.len() as u64;
            bytes += page.iter().map(|blob| blob.size_bytes).sum::<u64>();
        }
        if blobs == 0 {
            return Err(Error::Unneeded);
        }
        // Whoever asks at the same time makes the same one.
        let ids = Ids::of_retrieval(&StreamName::manifest(repository, package.blake3), before);
        let retrieval = RetrievalId(ids.id(1).0);
        let fact = RetrievalRequested {
            retrieval,
            repository: repository.clone(),
            manifest: package.blake3,
            blobs,
            bytes,
            days,
        };
        let change = Change {
            events: ids.assign(vec![fact.into()]),
            expected: vec![(StreamName::retrieval(retrieval), None)],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => return get_row(control, retrieval).await,
            Err(log::Error::Conflict { .. } | log::Error::IdReused { .. }) => retries.again().await?,
            Err(error) => return Err(super::Error::Log(error).into()),
        }
    }
}

async fn get_row(control: &Control, retrieval: RetrievalId) -> Result<Found, Error> {
    let row = view::get(control.pool(), retrieval).await?;
    Ok(found(control, row.ok_or(Error::Unknown(retrieval))?))
}

/// A retrieval, for whoever may pull its package.
///
/// # Errors
/// If there is none, or the caller may not know of it.
pub async fn get(control: &Control, caller: &Caller, retrieval: RetrievalId) -> Result<Found, Error> {
    let (row, state) = get_row(control, retrieval).await?;
    match repositories::load_readable(control, caller, &row.repository).await {
        Ok(_) => Ok((row, state)),
        // What is closed to them looks as if it were absent.
        Err(super::Error::Denied(denied)) if denied.authenticated => Err(Error::Unknown(retrieval)),
        Err(error) => Err(error.into()),
    }
}

/// Retrievals of a repository, the last first, before a position of the log.
///
/// # Errors
/// If there is no such repository, or the caller may not read it.
pub async fn list(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Found>, Error> {
    if repositories::load_readable(control, caller, repository).await?.is_none() {
        return Err(repositories::Error::Unknown(repository.clone()).into());
    }
    let rows = view::list(control.pool(), repository, before, limit).await?;
    Ok(rows.into_iter().map(|row| found(control, row)).collect())
}

/// The last retrieval of a package, if it is not over.
///
/// # Errors
/// If the database fails.
pub(super) async fn standing(
    control: &Control,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Option<Found>, super::Error> {
    let last = view::last(control.pool(), repository, &manifest).await?;
    Ok(last.map(|last| found(control, last)).filter(|(_, state)| !state.is_over()))
}

/// Goes on with those that are not over. Returns how many there were.
///
/// # Errors
/// If the log takes nothing, or the database fails. What was recorded stands.
pub async fn step(control: &Control, actor: &Actor, desk: &Desk) -> Result<u64, Error> {
    let (mut after, mut count) = (None, 0);
    loop {
        let open = view::open(control.pool(), after, RETRIEVAL_BATCH).await?;
        let Some(last) = open.last() else { return Ok(count) };
        after = Some(last.position);
        count += open.len() as u64;
        for retrieval in open {
            drive(control, actor, desk, retrieval.retrieval).await?;
        }
    }
}

/// Whether any is not over.
///
/// # Errors
/// If the database fails.
pub async fn any_open(control: &Control) -> Result<bool, Error> {
    Ok(!view::open(control.pool(), None, 1).await?.is_empty())
}

/// Goes on with one, and gives it as it is then.
///
/// # Errors
/// As [`step`].
pub async fn drive(
    control: &Control,
    actor: &Actor,
    desk: &Desk,
    retrieval: RetrievalId,
) -> Result<Found, Error> {
    let stream = StreamName::retrieval(retrieval);
    let version = control.version(&stream).await?;
    let (row, state) = get_row(control, retrieval).await?;
    if !matches!(state, State::Requested | State::Restoring) {
        return Ok((row, state));
    }
    let Some(fact) = look(control, desk, &row).await? else { return Ok((row, state)) };
    let change = Change {
        events: Ids::Fresh.assign(vec![fact]),
        expected: vec![(stream, version)],
        ..Change::default()
    };
    match control.append(actor, None, change).await {
        // Somebody else said it meanwhile.
        Ok(_) | Err(log::Error::Conflict { .. }) => get_row(control, retrieval).await,
        Err(error) => Err(super::Error::Log(error).into()),
    }
}

/// What is to be said of a retrieval by now, if anything is.
async fn look(control: &Control, desk: &Desk, row: &Retrieval) -> Result<Option<Fact>, Error> {
    let now_ms = control.now_ms();
    let (retrieval, repository) = (row.retrieval, row.repository.clone());
    let failed = |code| {
        Some(Fact::from(RetrievalFailed {
            retrieval: row.retrieval,
            repository: row.repository.clone(),
            code,
        }))
    };
    let there = manifest_view::among(control.pool(), &[(&row.repository, row.manifest)]).await?;
    if there.is_empty() {
        return Ok(failed(RetrievalFailure::PackageDeleted));
    }
    let mut until_ms = now_ms.saturating_add(row.days.saturating_mul(DAY_MS));
    let mut cold = Cold::of(&row.repository, row.manifest);
    let (mut restoring, mut unknown) = (false, false);
    while let Some(page) = cold.next(control).await? {
        let days = u32::try_from(row.days).unwrap_or(u32::MAX);
        let mut answers = stream::iter(page)
            .map(|blob| async move {
                let task = Task::Restore(Restore { days });
                let answer = orders::obeyed(desk.order(control, &blob.store, &blob.object, task).await);
                (blob, answer)
            })
            .buffered(RESTORED_AT_ONCE);
        while let Some((blob, answer)) = answers.next().await {
            match answer? {
                Ok((Outcome::Available { until_ms: ends }, _)) => {
                    until_ms = ends.map_or(until_ms, |ends| ends.min(until_ms));
                }
                Ok((Outcome::Restoring, _)) => restoring = true,
                Ok((Outcome::Missing | Outcome::Corrupt(_), _)) if lies_there(control, &blob).await? => {
                    return Ok(failed(RetrievalFailure::BlobMissing));
                }
                Ok((Outcome::Missing | Outcome::Corrupt(_) | Outcome::Done | Outcome::Archived, _)) => {}
                Ok((Outcome::Failed(reason), _)) | Err(reason) => {
                    tracing::warn!(%retrieval, reason, "a blob could not be asked for");
                    unknown = true;
                }
            }
        }
        // All were asked for before: one that is not there yet is enough to know.
        if restoring && row.restoring_at_ms.is_some() {
            break;
        }
    }
    if !restoring && !unknown && until_ms > now_ms {
        return Ok(Some(RetrievalAvailable { retrieval, repository, until_ms }.into()));
    }
    let patience_ms = RETRIEVAL_PATIENCE_DAYS * DAY_MS;
    if now_ms > row.requested_at_ms.saturating_add(patience_ms) {
        return Ok(failed(RetrievalFailure::GaveUp));
    }
    let first = restoring && row.restoring_at_ms.is_none();
    Ok(first.then(|| RetrievalRestoring { retrieval, repository }.into()))
}

/// Whether the blob still has that object.
async fn lies_there(control: &Control, blob: &Lying) -> Result<bool, Error> {
    let now = blobs::get(control.pool(), &blob.digests.blake3.into()).await?;
    Ok(now.is_some_and(|now| (now.store, now.object) == (blob.store.clone(), blob.object.clone())))
}

/// The blobs of a package that lie in cold stores, page by page.
struct Cold<'a> {
    repository: &'a RepositoryName,
    manifest: Blake3,
    after: Option<Blake3>,
}

impl<'a> Cold<'a> {
    fn of(repository: &'a RepositoryName, manifest: Blake3) -> Self {
        Self { repository, manifest, after: None }
    }

    async fn next(&mut self, control: &Control) -> Result<Option<Vec<Lying>>, super::Error> {
        let (package, stores) = ((self.repository, &self.manifest), control.stores().cold());
        if stores.is_empty() {
            return Ok(None);
        }
        let page = lying(control.pool(), package, &stores, self.after.as_ref(), PAGE_MAX_ITEMS).await?;
        self.after = page.last().map(|blob| blob.digests.blake3).or(self.after);
        Ok((!page.is_empty()).then_some(page))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_retrieval_is_over_when_its_time_is_or_it_failed() {
        let asked = Retrieval {
            retrieval: RetrievalId(Uuid::nil()),
            repository: "acme/reports".parse().unwrap(),
            manifest: Blake3::new([0; 32]),
            blobs: 1,
            bytes: 1,
            days: 1,
            requested_at_ms: 0,
            requested_by: "svc".parse().unwrap(),
            position: 0,
            restoring_at_ms: None,
            available_ms: None,
            failed: None,
        };
        let restoring = Retrieval { restoring_at_ms: Some(1), ..asked.clone() };
        let available = Retrieval { available_ms: Some((2, 10)), ..restoring.clone() };
        let failed = Retrieval { failed: Some((3, RetrievalFailure::GaveUp)), ..restoring.clone() };
        for (retrieval, now_ms, state, over) in [
            (&asked, 5, State::Requested, false),
            (&restoring, 5, State::Restoring, false),
            (&available, 9, State::Available, false),
            (&available, 10, State::Expired, true),
            (&failed, 5, State::Failed, true),
        ] {
            assert_eq!((State::of(retrieval, now_ms), state.is_over()), (state, over));
        }
    }
}
