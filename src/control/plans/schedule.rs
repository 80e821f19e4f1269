//! Policies that plan, and where they say so apply, by themselves.
//!
//! - A policy is due when its schedule names a time behind the last look and not behind this one. What was missed while nobody
//!   looked is made up for once, by the next look of the same process; a service that was down goes on with the next time.
//! - What needs somebody's approval is submitted and waits. A plan that does nothing is not submitted.
//! - Two processes that look at once plan twice and delete once.

use super::{Error, apply, submit};
use crate::control::{Context, Control, policies, retention};
use crate::kernel::digest::Blake3;
use crate::kernel::id::PolicyName;
use crate::retention::Policy;

/// What became of a policy that was due.
#[derive(Debug)]
pub struct Ran {
    /// The policy.
    pub policy: PolicyName,
    /// Its plan, and what was done by it.
    pub outcome: Result<Outcome, Error>,
}

/// What a schedule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    Nothing,
    /// A plan was submitted, and waits for somebody to apply or approve it.
    Submitted(Blake3),
    /// A plan was applied.
    Applied {
        /// Which.
        plan: Blake3,
        /// Packages that it deleted.
        deleted: u64,
        /// Locks that it recorded.
        locked: u64,
        /// Packages that it skipped.
        skipped: u64,
    },
}

/// Runs every policy that came due behind one time, up to another, both in milliseconds since the epoch.
///
/// # Errors
/// If the policies cannot be read. What a policy meets is in its own outcome.
pub async fn run_due(
    control: &Control,
    context: &Context,
    since_ms: u64,
    until_ms: u64,
) -> Result<Vec<Ran>, Error> {
    let mut ran = Vec::new();
    for standing in policies::standing_now(control).await.map_err(retention::Error::from)? {
        let Some(schedule) = &standing.policy.schedule else { continue };
        let is_due = schedule.cron.next_after_ms(since_ms).is_some_and(|next_ms| next_ms <= until_ms);
        if is_due {
            let outcome = run(control, context, &standing.name, &standing.policy).await;
            ran.push(Ran { policy: standing.name.clone(), outcome });
        }
    }
    Ok(ran)
}

async fn run(
    control: &Control,
    context: &Context,
    name: &PolicyName,
    policy: &Policy,
) -> Result<Outcome, Error> {
    let planned = retention::plan(control, &context.caller, std::slice::from_ref(name)).await?;
    let totals = planned.plan.totals();
    if totals.deletions == 0 && totals.locks == 0 && totals.tiers == 0 {
        return Ok(Outcome::Nothing);
    }
    let plan = submit(control, context, &planned.documents.to_sequence()).await?.plan;
    let applies = policy.schedule.as_ref().is_some_and(|schedule| schedule.apply);
    if !applies || policy.limits.approve {
        return Ok(Outcome::Submitted(plan));
    }
    let (mut done, mut deleted, mut locked, mut skipped) = (0, 0, 0, 0);
    loop {
        let step = apply(control, context, plan, done).await?;
        (done, deleted, locked) = (step.done, deleted + step.deleted, locked + step.locked);
        skipped += step.skipped.len() as u64;
        if step.is_last() {
            return Ok(Outcome::Applied { plan, deleted, locked, skipped });
        }
    }
}
