//! Plans that are to be done: submitted, approved by somebody else where a policy wants that, applied.
//!
//! ```text
//! plan (read-only) -> submitted by its documents -> approved -> applied in steps -> plan.applied
//! ```
//! - A plan that was submitted is named by its digest. Submitting, approving and applying it again changes nothing.
//! - It is applied by what is so *then*: everything is evaluated again, and deleted is what the plan and that evaluation both
//!   delete. What was pinned, held, locked, tagged or referred to since is skipped, and named with the reason. Nothing is
//!   deleted that the plan does not name.
//! - The log checks under its lock that no hold or policy has changed since that evaluation; if one has, it is made again.
//! - A step may be cut off or repeated: what is deleted is deleted once, and what is left is done by the next one.
//! - Each tombstone names the plan, the policy, its version and the rule.
//!
//! Refused: plans of policies that say something else by now, and plans that do more than the limits of their policies allow.
//!
//! Submitting needs `retention:plan`, approving `retention:approve`, applying `retention:apply`.

mod application;
pub mod schedule;

use super::append::{Change, Ids, Retries};
use super::{Context, Control, retention};
use crate::access::{Action, Caller, RetentionRight};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, PlanApproved, PlanSubmitted};
use crate::kernel::id::{Actor, PolicyName};
use crate::log::documents;
use crate::retention::Plan;
use crate::retention::plan::{self, Documents, Header};
use crate::views::plans::{self as view, PlanRow};

pub(super) use application::Applying;
pub use application::{Skipped, Step, apply};

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no plan.
    #[error(transparent)]
    Invalid(#[from] plan::Error),
    /// No such plan was submitted.
    #[error("no plan {0} was submitted; submit it with its documents")]
    Unknown(Blake3),
    /// One of its documents is not there.
    #[error("a document of plan {plan} is not there: {document}")]
    DocumentMissing {
        /// Of which plan.
        plan: Blake3,
        /// Which document.
        document: Blake3,
    },
    /// Its policies say something else by now.
    #[error("policy {0} is not what it was when the plan was made; plan again")]
    Stale(PolicyName),
    /// It deletes more than a policy allows.
    #[error(
        "the plan deletes {found} {what}, and its policies allow {limit} at a time; narrow it, or raise the limit"
    )]
    TooMuch {
        /// `packages` or `bytes`.
        what: &'static str,
        /// In the plan.
        found: u64,
        /// Allowed.
        limit: u64,
    },
    /// Nobody approved it yet.
    #[error("the plan has to be approved by somebody else than {0}, who submitted it")]
    NotApproved(Actor),
    /// Who submitted a plan cannot approve it.
    #[error("{0} submitted the plan; somebody else has to approve it")]
    OwnPlan(Actor),
    /// What is so now cannot be found out.
    #[error(transparent)]
    Retention(#[from] retention::Error),
    /// What any use case can meet.
    #[error(transparent)]
    Shared(#[from] super::Error),
}

super::shared_errors!();

/// Takes a plan in, by its documents as one sequence.
///
/// # Errors
/// If it is none, or does more than its policies allow, or the caller may not plan.
pub async fn submit(control: &Control, context: &Context, sequence: &[u8]) -> Result<PlanRow, Error> {
    context.caller.require(Action::Retention(RetentionRight::Plan))?;
    let plan = Plan::decode(sequence)?;
    let documents = plan.documents()?;
    let digest = documents.digest();
    within_limits(&plan)?;
    if let Some(row) = view::get(control.pool(), &digest).await? {
        return Ok(row);
    }
    write(control, &documents).await?;
    let totals = plan.totals();
    let fact = PlanSubmitted {
        plan: digest,
        at_size: plan.made.position,
        deletions: totals.deletions,
        bytes: totals.bytes,
        locks: totals.locks,
        approve: plan.limits.approve,
    };
    once(control, context, fact.into(), digest).await
}

async fn write(control: &Control, documents: &Documents) -> Result<(), Error> {
    documents::put(control.pool(), &[(Plan::MEDIA_TYPE, &documents.header)]).await?;
    for part in &documents.parts {
        documents::put(control.pool(), &[(Plan::PART_MEDIA_TYPE, part)]).await?;
    }
    Ok(())
}

/// That it deletes no more than its policies allow at a time.
fn within_limits(plan: &Plan) -> Result<(), Error> {
    let totals = plan.totals();
    let bounds =
        [("packages", totals.deletions, plan.limits.packages), ("bytes", totals.bytes, plan.limits.bytes)];
    for (what, found, limit) in bounds {
        if let Some(limit) = limit.filter(|limit| found > *limit) {
            return Err(Error::TooMuch { what, found, limit });
        }
    }
    Ok(())
}

/// Allows a plan that somebody else submitted.
///
/// # Errors
/// If it was not submitted, or by the caller, or the caller may not approve.
pub async fn approve(control: &Control, context: &Context, plan: Blake3) -> Result<PlanRow, Error> {
    context.caller.require(Action::Retention(RetentionRight::Approve))?;
    let row = existing(control, plan).await?;
    if row.submitted.by == context.caller.actor {
        return Err(Error::OwnPlan(row.submitted.by));
    }
    if row.approved.is_some() {
        return Ok(row);
    }
    once(control, context, PlanApproved { plan }.into(), plan).await
}

/// Appends what is to be said of a plan once, whoever says it first.
async fn once(control: &Control, context: &Context, fact: Fact, plan: Blake3) -> Result<PlanRow, Error> {
    let mut retries = Retries::default();
    loop {
        let change = Change {
            events: vec![(Ids::of_plan(plan, fact.type_name()).id(0), fact.clone())],
            ..Change::default()
        };
        match control.append(&context.caller.actor, context.cause, change).await {
            Ok(_) | Err(crate::log::Error::IdReused { .. }) => return existing(control, plan).await,
            Err(error) => retries.after(error).await?,
        }
    }
}

/// A plan that was submitted.
///
/// # Errors
/// If there is none, or the caller may not see it.
pub async fn get(control: &Control, caller: &Caller, plan: Blake3) -> Result<PlanRow, Error> {
    may_see(caller)?;
    existing(control, plan).await
}

/// A page of plans in the order in which they were submitted, behind that position.
///
/// # Errors
/// If the caller may not see them.
pub async fn list(
    control: &Control,
    caller: &Caller,
    after: Option<u64>,
    limit: u32,
) -> Result<Vec<PlanRow>, Error> {
    may_see(caller)?;
    Ok(view::list(control.pool(), after, limit).await?)
}

/// The documents of a plan that was submitted.
///
/// # Errors
/// If there is none, one is not there, or the caller may not see it.
pub async fn documents(control: &Control, caller: &Caller, plan: Blake3) -> Result<Documents, Error> {
    may_see(caller)?;
    existing(control, plan).await?;
    load(control, plan).await
}

fn may_see(caller: &Caller) -> Result<(), Error> {
    let sees = [RetentionRight::Approve, RetentionRight::Apply].map(Action::Retention);
    if caller.allows(Action::LogRead) || sees.into_iter().any(|action| caller.allows(action)) {
        return Ok(());
    }
    Ok(caller.require(Action::Retention(RetentionRight::Plan))?)
}

async fn existing(control: &Control, plan: Blake3) -> Result<PlanRow, Error> {
    view::get(control.pool(), &plan).await?.ok_or(Error::Unknown(plan))
}

async fn load(control: &Control, plan: Blake3) -> Result<Documents, Error> {
    let read = async |document: Blake3| {
        let found = documents::get(control.pool(), document.into()).await?;
        found.map(|found| found.bytes.to_vec()).ok_or(Error::DocumentMissing { plan, document })
    };
    let header = read(plan).await?;
    let listed = Header::decode(&header).map_err(plan::Error::from)?.parts;
    let mut parts = Vec::with_capacity(listed.len());
    for part in listed {
        parts.push(read(part).await?);
    }
    Ok(Documents { header, parts })
}
