//! Why a package is kept: on one page what stands in the way of its deletion, since when and by whom, what today's
//! policies would do with it, and where its bytes lie. Of one that was deleted, by its digest, what allowed that.
//!
//! Needs `pull` on the repository. What was said about holds is told to those who may see holds.

use super::deletions::InTheWay;
use super::gone::{self, Gone};
use super::holds::{may_see, said};
use super::retention::{self, assess};
use super::retrievals::{self, Found};
use super::{Control, manifests};
use crate::access::Caller;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, LockGround, LockMode};
use crate::kernel::id::{Actor, Reference, RepositoryName, Tag};
use crate::kernel::statement::Statement;
use crate::kernel::tier::Tier;
use crate::log::read;
use crate::retention::Blocker;
use crate::retention::evaluate::{Outcome, RuleAt};
use crate::views::tiers::{self, Spread, Tiered};
use crate::views::{holds, pins, retention as locks};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is in the way cannot be found out.
    #[error(transparent)]
    Retention(#[from] retention::Error),
    /// It was deleted, as its tombstone says.
    #[error("{0}")]
    Deleted(Box<Gone>),
    /// The package is not there.
    #[error(transparent)]
    Package(#[from] manifests::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// What keeps a package, and what would become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The package.
    pub manifest: Blake3,
    /// Size of the log that says so.
    pub position: u64,
    /// When it was accepted, milliseconds since the epoch.
    pub accepted_at_ms: u64,
    /// Who deposited it.
    pub accepted_by: Actor,
    /// When its clock started, milliseconds since the epoch.
    pub clock_start_ms: u64,
    /// The last day on which it was given to somebody to read, in days since the epoch.
    pub last_read_day: Option<u64>,
    /// Tags that name it. They protect nothing.
    pub tags: Vec<Tag>,
    /// All that is in the way of its deletion, in order of precedence.
    pub keeps: Vec<Keeper>,
    /// What policies would do with it now.
    pub outcome: Fate,
    /// The tier that it was given, if it was given one.
    pub tiered: Option<Tiered>,
    /// In which stores its blobs lie, and how near each is.
    pub lies: Vec<(Spread, Option<Tier>)>,
    /// The retrieval of it that is not over.
    pub retrieval: Option<Found>,
}

/// Something that keeps a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// What it is.
    pub what: InTheWay,
    /// Since when, milliseconds since the epoch, if it is on record.
    pub since_ms: Option<u64>,
    /// Who did that.
    pub by: Option<Actor>,
    /// The event that says so.
    pub position: Option<u64>,
    /// What was said about it, if the caller may know and it was not erased.
    pub statement: Option<Statement>,
}

/// What policies would do with a package now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is kept by what is in the way.
    Kept,
    /// No rule deletes it.
    KeptByDefault,
    /// The next plan deletes it by this rule, `<policy>/<rule>`.
    Deleted(String),
}

/// Says why a package is kept.
///
/// # Errors
/// If it is not there or was deleted, or the caller may not read it.
pub async fn why(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Why, Error> {
    let found = match manifests::find(control, caller, repository, reference).await {
        Err(manifests::Error::Unknown { .. })
            if let Some(gone) = gone::find(control, repository, reference).await? =>
        {
            return Err(Error::Deleted(Box::new(gone)));
        }
        found => found?,
    };
    let unknown =
        || manifests::Error::Unknown { repository: repository.clone(), reference: reference.clone() };
    let assessed = assess(control, repository, found.blake3).await?.ok_or_else(unknown)?;
    let mut keeps = Vec::with_capacity(assessed.blockers.len());
    for blocker in &assessed.blockers {
        let what = InTheWay::of(blocker, &assessed.policies);
        keeps.push(keeper(control, caller, repository, found.blake3, blocker, what).await?);
    }
    let rule = |at: RuleAt| {
        let policy = &assessed.policies[at.policy];
        format!("{}/{}", policy.name, policy.policy.rules[at.rule].name)
    };
    let outcome = match assessed.acting.outcome() {
        Outcome::KeptBy(_) => Fate::Kept,
        Outcome::DeletedBy(at) => Fate::Deleted(rule(at)),
        Outcome::KeptByDefault if assessed.blockers.is_empty() => Fate::KeptByDefault,
        Outcome::KeptByDefault => Fate::Kept,
    };
    Ok(Why {
        manifest: found.blake3,
        position: assessed.position,
        accepted_at_ms: found.accepted_at_ms,
        accepted_by: found.accepted_by,
        clock_start_ms: assessed.package.clock_start_ms,
        last_read_day: assessed.package.last_read_day,
        tags: assessed.package.tags.into_iter().map(|named| named.tag).collect(),
        keeps,
        outcome,
        tiered: tiers::get(control.pool(), repository, &found.blake3).await?,
        lies: lies(control, repository, found.blake3).await?,
        retrieval: retrievals::standing(control, repository, found.blake3).await?,
    })
}

async fn lies(
    control: &Control,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Vec<(Spread, Option<Tier>)>, Error> {
    let spread = tiers::spread(control.pool(), repository, &manifest).await?;
    let near = |spread: Spread| {
        let tier = control.stores().tier(&spread.store);
        (spread, tier)
    };
    Ok(spread.into_iter().map(near).collect())
}

/// Since when and by whom.
async fn keeper(
    control: &Control,
    caller: &Caller,
    repository: &RepositoryName,
    manifest: Blake3,
    blocker: &Blocker,
    what: InTheWay,
) -> Result<Keeper, Error> {
    let mut keeper = Keeper { what, since_ms: None, by: None, position: None, statement: None };
    let mut statement = None;
    match blocker {
        Blocker::Hold(name) => {
            if let Ok(name) = name.parse()
                && let Some(hold) = holds::get(control.pool(), &name).await?
            {
                keeper.stands(hold.placed_at_ms, hold.placed_by, hold.position);
                statement = may_see(caller).is_ok().then_some(hold.statement);
            }
        }
        Blocker::Pin(name) => {
            if let Ok(name) = name.parse()
                && let Some(pin) = pins::get(control.pool(), repository, &name).await?
            {
                keeper.stands(pin.set_at_ms, pin.set_by, pin.position);
                statement = Some(pin.statement);
            }
        }
        Blocker::Lock { mode, due: None, .. } => {
            let found = locks::get(control.pool(), repository, manifest).await?;
            let end = match mode {
                LockMode::Compliance => found.compliance,
                LockMode::Governance => found.governance,
            };
            if let Some(end) = end
                && let Some(raw) = read::entry(control.pool(), end.position).await?
            {
                let recorded = raw.decode()?;
                keeper.stands(recorded.event.at_ms, recorded.event.actor, end.position);
                if let Fact::LockExtended(fact) = recorded.event.fact {
                    match fact.ground {
                        LockGround::Actor { statement: said } => statement = Some(said),
                        LockGround::Rule { policy, rule, .. } => {
                            keeper.what.name = Some(format!("{policy}/{rule}"))
                        }
                    }
                }
            }
        }
        Blocker::Lock { due: Some(_), .. } | Blocker::Listed(_) | Blocker::Subject(_) | Blocker::Keep(_) => {}
    }
    if let Some(statement) = statement {
        keeper.statement = said(control, statement).await?;
    }
    Ok(keeper)
}

impl Keeper {
    fn stands(&mut self, since_ms: u64, by: Actor, position: u64) {
        (self.since_ms, self.by, self.position) = (Some(since_ms), Some(by), Some(position));
    }
}
