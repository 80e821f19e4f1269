//! Plans: what the policies that stand would do now. Nothing is written.
//!
//! - All facts are read in one snapshot of the database, which is the log at one size: the plan names it.
//! - The time is that of this plane's clock when the snapshot was taken, and stands in the plan too.
//! - Documents are read only where a rule asks for annotations that would decide, and for indexes.
//!
//! Needs `retention:plan`: a plan names packages of every repository.

pub(super) mod facts;
mod holds;

use std::collections::HashMap;

use super::Control;
use super::policies::{self, encode, in_force};
use crate::access::{Action, Caller, RetentionRight};
use crate::kernel::digest::{Blake3, Digests};
use crate::kernel::id::{HoldName, PolicyName, RepositoryName};
use crate::log::read;
use crate::retention::draft::Draft;
use crate::retention::plan::{self, Documents, Made};
use crate::retention::{Blocker, Decision, InForce, Package, Plan, evaluate};
use crate::views;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A policy is not there, or damaged, or not one.
    #[error(transparent)]
    Policy(#[from] policies::Error),
    /// The plan is larger than plans may be.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// The document of an index is not there, so that what it lists is not known.
    #[error("the document of index {0} is not there; what it lists is not known, so nothing is planned")]
    IndexMissing(Blake3),
    /// What a hold covers is not known.
    #[error(
        "the document of hold {0} is not there; what it covers is not known, so nothing is planned or deleted"
    )]
    SelectorMissing(HoldName),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// A plan, and its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What would be done.
    pub plan: Plan,
    /// As documents.
    pub documents: Documents,
}

/// Makes a plan for the policies of those names, or for all that stand.
///
/// # Errors
/// If one of them does not stand, or the caller may not plan.
pub async fn plan(control: &Control, caller: &Caller, only: &[PolicyName]) -> Result<Planned, Error> {
    caller.require(Action::Retention(RetentionRight::Plan))?;
    make(control, caller, |mut policies| {
        if let Some(unknown) = only.iter().find(|name| policies.iter().all(|policy| policy.name != **name)) {
            return Err(policies::Error::Unknown(unknown.clone()).into());
        }
        for policy in &mut policies {
            policy.acts = only.is_empty() || only.contains(&policy.name);
        }
        Ok(policies)
    })
    .await
}

/// Makes a plan for a policy as if it had been set by that name. Others that stand keep and lock.
///
/// # Errors
/// If the caller may not plan.
pub async fn test(
    control: &Control,
    caller: &Caller,
    name: &PolicyName,
    draft: Draft,
) -> Result<Planned, Error> {
    caller.require(Action::Retention(RetentionRight::Plan))?;
    make(control, caller, |mut policies| {
        let at = policies.iter().position(|policy| policy.name == *name);
        let before = at.map(|at| policies.remove(at));
        let policy = draft.merge(before.as_ref().map(|before| &before.policy));
        let document = Digests::of(&encode(policy.clone())?).blake3;
        let version = before.map_or(0, |before| before.version) + 1;
        policies.push(InForce { name: name.clone(), version, document, policy, acts: true });
        policies.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(policies)
    })
    .await
}

async fn make(
    control: &Control,
    caller: &Caller,
    choose: impl FnOnce(Vec<InForce>) -> Result<Vec<InForce>, Error>,
) -> Result<Planned, Error> {
    let mut snapshot = control.pool().begin_with("begin isolation level repeatable read read only").await?;
    let position = read::size(&mut *snapshot).await?;
    let at_ms = control.now_ms();
    let rows = views::policies::list(&mut *snapshot, None, u32::MAX).await?;
    let policies = choose(in_force(control, rows).await?)?;
    let mut packages = facts::load(&mut snapshot, &policies, None).await?;
    facts::early(&mut snapshot, control.stores().early(), at_ms, &mut packages).await?;
    snapshot.rollback().await?;
    let made = Made { position, at_ms, actor: Some(caller.actor.clone()) };
    let planned = tokio::task::spawn_blocking(move || {
        let decisions = evaluate(&policies, &packages, at_ms);
        let plan = Plan::of(made, &policies, &packages, &decisions);
        plan.documents().map(|documents| Planned { plan, documents })
    });
    Ok(planned.await.expect("evaluating does not panic")?)
}

/// What the policies that stand say about the packages of a repository, if nothing acts: what is in the way of each.
#[derive(Debug)]
pub(super) struct Assessed {
    /// Size of the log that it saw.
    pub(super) position: u64,
    /// The policies.
    pub(super) policies: Vec<InForce>,
    /// What is known of it.
    pub(super) package: Package,
    /// What is decided about it if all policies act.
    pub(super) acting: Decision,
    /// All that is in its way if it alone were deleted.
    pub(super) blockers: Vec<Blocker>,
}

/// What is said about one package. All of its repository is looked at only where a rule counts them. None: it is not there.
pub(super) async fn assess(
    control: &Control,
    repository: &RepositoryName,
    manifest: Blake3,
) -> Result<Option<Assessed>, Error> {
    let mut snapshot = control.pool().begin_with("begin isolation level repeatable read read only").await?;
    let position = read::size(&mut *snapshot).await?;
    let at_ms = control.now_ms();
    let rows = views::policies::list(&mut *snapshot, None, u32::MAX).await?;
    let mut policies = in_force(control, rows).await?;
    let around = match rank_in(&policies, repository) {
        true => None,
        false => facts::around(&mut snapshot, &policies, repository, manifest).await?,
    };
    let packages = match around {
        Some(packages) => packages,
        None => facts::load(&mut snapshot, &policies, Some(repository)).await?,
    };
    snapshot.rollback().await?;
    let Some(at) = packages.iter().position(|package| package.digest == manifest) else { return Ok(None) };
    let assessed = tokio::task::spawn_blocking(move || {
        let blockers = evaluate(&policies, &packages, at_ms).swap_remove(at).blockers;
        policies.iter_mut().for_each(|policy| policy.acts = true);
        let acting = evaluate(&policies, &packages, at_ms).swap_remove(at);
        let package = packages.into_iter().nth(at).expect("it was found there");
        Assessed { position, policies, package, acting, blockers }
    });
    Ok(Some(assessed.await.expect("evaluating does not panic")))
}

/// Whether a rule counts packages of that repository, so that what it selects depends on all of them.
fn rank_in(policies: &[InForce], repository: &RepositoryName) -> bool {
    let mut rules = policies.iter().flat_map(|policy| &policy.policy.rules);
    rules.any(|rule| {
        let globs = &rule.select.fixed.repositories;
        rule.select.rank.is_some() && (globs.is_empty() || globs.iter().any(|glob| glob.matches(repository)))
    })
}

/// What is so at one size of the log: each package with what policies decide about it.
#[derive(Debug)]
pub(super) struct Evaluated {
    /// Size of the log.
    pub(super) position: u64,
    /// The policies that stand.
    pub(super) policies: Vec<InForce>,
    /// The event that changed one of them last.
    pub(super) policies_changed: Option<u64>,
    decisions: HashMap<(RepositoryName, Blake3), Decision>,
}

impl Evaluated {
    /// What is decided about a package. None: it is not there.
    pub(super) fn of(&self, repository: &RepositoryName, manifest: Blake3) -> Option<&Decision> {
        self.decisions.get(&(repository.clone(), manifest))
    }
}

/// Evaluates everything as it is now, for the policies of those names.
pub(super) async fn evaluate_again(control: &Control, acts: &[PolicyName]) -> Result<Evaluated, Error> {
    let mut snapshot = control.pool().begin_with("begin isolation level repeatable read read only").await?;
    let position = read::size(&mut *snapshot).await?;
    let at_ms = control.now_ms();
    let rows = views::policies::list(&mut *snapshot, None, u32::MAX).await?;
    let mut policies = in_force(control, rows).await?;
    policies.iter_mut().for_each(|policy| policy.acts = acts.contains(&policy.name));
    let policies_changed = views::policies::changed(&mut *snapshot).await?;
    let packages = facts::load(&mut snapshot, &policies, None).await?;
    snapshot.rollback().await?;
    let evaluated = tokio::task::spawn_blocking(move || {
        let decisions = evaluate(&policies, &packages, at_ms);
        let of = |(package, decision): (Package, Decision)| ((package.repository, package.digest), decision);
        let decisions = packages.into_iter().zip(decisions).map(of).collect();
        Evaluated { position, policies, policies_changed, decisions }
    });
    Ok(evaluated.await.expect("evaluating does not panic"))
}
