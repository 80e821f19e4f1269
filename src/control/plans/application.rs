//! Applying a plan, step by step.

mod tiering;

use std::collections::HashMap;
use std::sync::Arc;

use super::{Error, PlanRow, existing, load, once, within_limits};
use crate::access::{Action, RetentionRight};
use crate::control::append::{Change, Ids, Retries};
use crate::control::deletions::{InTheWay, tombstone};
use crate::control::retention::{Evaluated, evaluate_again};
use crate::control::{Context, Control};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, Fact, LockExtended, LockGround, LockMode, PlanApplied};
use crate::kernel::id::{PolicyName, RepositoryName};
use crate::kernel::limits::{APPLIED_STEP_ITEMS, DELETED_APPEND_ITEMS};
use crate::log::guard::{Deletable, Kept};
use crate::log::{self, Guard, GuardFailure};
use crate::retention::Plan;
use crate::retention::plan::{Item, What};
use crate::views::manifests::{self, Manifest};

/// What one step of an application did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Items of the plan that were gone through, from its first on.
    pub done: u64,
    /// Items of the plan.
    pub items: u64,
    /// Packages that this step deleted.
    pub deleted: u64,
    /// Bytes of their blobs together.
    pub deleted_bytes: u64,
    /// Locks that it recorded.
    pub locked: u64,
    /// Packages that it gave another tier. Their bytes are moved after that.
    pub tiered: u64,
    /// Bytes of their blobs together.
    pub tiered_bytes: u64,
    /// Packages that were gone already.
    pub gone: u64,
    /// What the plan does and was not done, with the reasons.
    pub skipped: Vec<Skipped>,
}

impl Step {
    /// Whether nothing is left.
    pub fn is_last(&self) -> bool {
        self.done >= self.items
    }
}

/// A package that a plan deletes, locks or moves, and that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where.
    pub repository: RepositoryName,
    /// Which.
    pub digest: Blake3,
    /// Why.
    pub reasons: Vec<String>,
}

/// The plan that is being applied, and what is so now: kept between its steps.
#[derive(Debug, Clone)]
pub(in crate::control) struct Applying {
    digest: Blake3,
    plan: Arc<Plan>,
    now: Arc<Evaluated>,
}

type Package = (RepositoryName, Blake3);

/// Does the next items of a plan, behind as many as were done.
///
/// # Errors
/// If it was not submitted, or not approved, or its policies changed, or the caller may not apply. What was done stands.
pub async fn apply(control: &Control, context: &Context, digest: Blake3, done: u64) -> Result<Step, Error> {
    context.caller.require(Action::Retention(RetentionRight::Apply))?;
    let row = existing(control, digest).await?;
    may_apply(&row)?;
    let mut applying = applying(control, digest, done == 0).await?;
    let items = &applying.plan.items;
    let mut step = Step { items: items.len() as u64, ..Step::default() };
    let from = usize::try_from(done).unwrap_or(usize::MAX).min(items.len());
    let chunk: Vec<Item> = items[from..].iter().take(APPLIED_STEP_ITEMS).cloned().collect();
    step.done = (from + chunk.len()) as u64;
    record_locks(control, context, &applying, &chunk, &mut step).await?;
    tiering::record(control, context, &mut applying, &chunk, &mut step).await?;
    delete(control, context, &mut applying, &chunk, &mut step).await?;
    if step.is_last() && row.applied.is_none() {
        once(control, context, PlanApplied { plan: digest }.into(), digest).await?;
    }
    Ok(step)
}

fn may_apply(row: &PlanRow) -> Result<(), Error> {
    let by_another = |row: &PlanRow| row.approved.as_ref().is_some_and(|act| act.by != row.submitted.by);
    if row.approve && !by_another(row) {
        return Err(Error::NotApproved(row.submitted.by.clone()));
    }
    Ok(())
}

/// The plan and what is so now: as it was found for the step before, unless this is the first.
async fn applying(control: &Control, digest: Blake3, first: bool) -> Result<Applying, Error> {
    let kept = control.0.applying.lock().await.clone();
    if let Some(kept) = kept.filter(|kept| kept.digest == digest && !first) {
        return Ok(kept);
    }
    let documents = load(control, digest).await?;
    let parts: Vec<&[u8]> = documents.parts.iter().map(Vec::as_slice).collect();
    let plan = Arc::new(Plan::of_documents(&documents.header, &parts)?);
    within_limits(&plan)?;
    let now = Arc::new(current(control, &plan).await?);
    let applying = Applying { digest, plan, now };
    *control.0.applying.lock().await = Some(applying.clone());
    Ok(applying)
}

/// What is so now for the policies of a plan, if they say what they said.
async fn current(control: &Control, plan: &Plan) -> Result<Evaluated, Error> {
    let acts: Vec<_> =
        plan.policies.iter().filter(|policy| policy.acts).map(|policy| policy.policy.clone()).collect();
    let now = evaluate_again(control, &acts).await?;
    let then: HashMap<_, _> =
        plan.policies.iter().map(|policy| (&policy.policy, (policy.version, policy.document))).collect();
    for policy in &now.policies {
        if then.get(&policy.name) != Some(&(policy.version, policy.document)) {
            return Err(Error::Stale(policy.name.clone()));
        }
    }
    let stands = |name: &_| now.policies.iter().any(|policy| policy.name == *name);
    match plan.policies.iter().find(|policy| !stands(&policy.policy)) {
        Some(removed) => Err(Error::Stale(removed.policy.clone())),
        None => Ok(now),
    }
}

impl Step {
    fn skip(&mut self, item: &Item, reasons: Vec<String>) {
        let (repository, digest) = (item.repository.clone(), item.digest);
        self.skipped.push(Skipped { repository, digest, reasons });
    }
}

async fn record_locks(
    control: &Control,
    context: &Context,
    applying: &Applying,
    chunk: &[Item],
    step: &mut Step,
) -> Result<(), Error> {
    let mut due = Vec::new();
    for item in chunk {
        let What::Lock { mode, until_ms } = item.what else { continue };
        let now = applying.now.of(&item.repository, item.digest);
        let Some(decision) = now else {
            step.gone += 1;
            continue;
        };
        // What is recorded by now needs no second event.
        if decision.locks.iter().any(|lock| lock.mode == mode && lock.until_ms >= until_ms) {
            due.push(lock(&applying.plan, item, mode, until_ms));
        }
    }
    let mut retries = Retries::default();
    while !due.is_empty() {
        let change = Change {
            events: Ids::Fresh.assign(due.iter().cloned().map(Fact::from).collect()),
            guards: by_repository(due.iter().map(|lock| (&lock.repository, lock.blake3))),
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) => {
                step.locked += due.len() as u64;
                break;
            }
            Err(log::Error::Guard(GuardFailure::ManifestsMissing { repository, missing })) => {
                let before = due.len();
                due.retain(|lock| lock.repository != repository || !missing.contains(&lock.blake3));
                step.gone += (before - due.len()) as u64;
            }
            Err(error) => retries.after(error).await?,
        }
    }
    Ok(())
}

fn lock(plan: &Plan, item: &Item, mode: LockMode, until_ms: u64) -> LockExtended {
    let (policy, version) = of_rule(plan, item);
    LockExtended {
        repository: item.repository.clone(),
        blake3: item.digest,
        mode,
        until_ms,
        ground: LockGround::Rule { policy, version, rule: item.rule.rule.clone() },
    }
}

fn of_rule(plan: &Plan, item: &Item) -> (PolicyName, u64) {
    let at = usize::try_from(item.rule.policy).expect("a plan that was read names policies that it lists");
    let policy = &plan.policies[at];
    (policy.policy.clone(), policy.version)
}

/// That these packages are there.
fn by_repository<'p>(packages: impl Iterator<Item = (&'p RepositoryName, Blake3)>) -> Vec<Guard> {
    let mut found: HashMap<&RepositoryName, Vec<Blake3>> = HashMap::new();
    for (repository, manifest) in packages {
        found.entry(repository).or_default().push(manifest);
    }
    let guard = |(repository, manifests): (&RepositoryName, Vec<Blake3>)| Guard::ManifestsAccepted {
        repository: repository.clone(),
        manifests,
    };
    found.into_iter().map(guard).collect()
}

/// Deletes what the plan deletes and what is deleted by what is so now: a few in one append, so that nobody else's waits long.
async fn delete(
    control: &Control,
    context: &Context,
    applying: &mut Applying,
    chunk: &[Item],
    step: &mut Step,
) -> Result<(), Error> {
    let deletions: Vec<&Item> = chunk.iter().filter(|item| item.what == What::Delete).collect();
    for some in deletions.chunks(DELETED_APPEND_ITEMS) {
        delete_some(control, context, applying, some.to_vec(), step).await?;
    }
    Ok(())
}

async fn delete_some(
    control: &Control,
    context: &Context,
    applying: &mut Applying,
    mut left: Vec<&Item>,
    step: &mut Step,
) -> Result<(), Error> {
    let mut retries = Retries::default();
    while !left.is_empty() {
        left = still_deleted(applying, left, step);
        let rows = there(control, &left).await?;
        let before = left.len();
        left.retain(|item| rows.contains_key(&(item.repository.clone(), item.digest)));
        step.gone += (before - left.len()) as u64;
        if left.is_empty() {
            break;
        }
        match control.append(&context.caller.actor, context.cause, deletion(applying, &left, &rows)).await {
            Ok(_) => {
                step.deleted += left.len() as u64;
                step.deleted_bytes += left.iter().map(|item| item.size_bytes).sum::<u64>();
                break;
            }
            Err(log::Error::Guard(GuardFailure::PackagesKept { kept })) => {
                let reasons: HashMap<usize, Kept> = kept.into_iter().collect();
                for (at, why) in &reasons {
                    match why {
                        Kept::Gone => step.gone += 1,
                        why => step.skip(left[*at], vec![reason(*why).to_owned()]),
                    }
                }
                let others = left.iter().enumerate().filter(|(at, _)| !reasons.contains_key(at));
                left = others.map(|(_, item)| *item).collect();
            }
            Err(log::Error::Guard(GuardFailure::RetentionChanged)) => {
                retries.again().await?;
                applying.now = Arc::new(current(control, &applying.plan).await?);
                *control.0.applying.lock().await = Some(applying.clone());
            }
            Err(error) => retries.after(error).await?,
        }
    }
    Ok(())
}

/// Those that what is so now deletes too. The others are skipped, with all that is in the way.
fn still_deleted<'i>(applying: &Applying, items: Vec<&'i Item>, step: &mut Step) -> Vec<&'i Item> {
    let mut left = Vec::with_capacity(items.len());
    for item in items {
        match applying.now.of(&item.repository, item.digest) {
            None => step.gone += 1,
            Some(decision) if decision.place.is_some() => left.push(item),
            Some(decision) if decision.blockers.is_empty() => {
                step.skip(item, vec!["no rule deletes it any more".to_owned()]);
            }
            Some(decision) => {
                let of = |blocker| format!("kept by {}", InTheWay::of(blocker, &applying.now.policies).text);
                step.skip(item, decision.blockers.iter().map(of).collect());
            }
        }
    }
    left
}

async fn there(control: &Control, items: &[&Item]) -> Result<HashMap<Package, Manifest>, Error> {
    let keys: Vec<(&RepositoryName, Blake3)> =
        items.iter().map(|item| (&item.repository, item.digest)).collect();
    let found = manifests::among(control.pool(), &keys).await?;
    Ok(found.into_iter().map(|row| ((row.repository.clone(), row.blake3), row)).collect())
}

fn deletion(applying: &Applying, items: &[&Item], rows: &HashMap<Package, Manifest>) -> Change {
    let fact = |item: &&Item| {
        let (policy, version) = of_rule(&applying.plan, item);
        let rule = item.rule.rule.clone();
        let authority = Authority::Plan { plan: applying.digest, policy, version, rule };
        Fact::from(tombstone(&rows[&(item.repository.clone(), item.digest)], authority))
    };
    let deletable = Deletable {
        decided_at: applying.now.position,
        since: applying.plan.made.position,
        packages: items.iter().map(|item| (item.repository.clone(), item.digest)).collect(),
    };
    Change {
        events: Ids::Fresh.assign(items.iter().map(fact).collect()),
        guards: vec![Guard::PackagesDeletable(deletable)],
        ..Change::default()
    }
}

fn reason(kept: Kept) -> &'static str {
    match kept {
        Kept::Gone => "it is gone",
        Kept::Locked => "its lock was changed since the plan was made",
        Kept::Pinned => "a pin names it",
        Kept::Tagged => "a tag was set on it since the plan was made",
        Kept::Referred => "another package refers to it since the plan was made",
        Kept::Live => "an index lists it, or its subject stands",
    }
}
