//! `/v1/retention/plan` and `/v1/retention/test`.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use crate::kernel::digest::Blake3;
use crate::kernel::id::{Actor, PolicyName, RepositoryName, RuleName};
use crate::retention::plan::{self, Item, Kept, Named, RuleOf, Totals, What};

/// `POST /v1/retention/plan`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakePlan {
    /// The policies to plan for; all that stand, if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub policies: Vec<PolicyName>,
}

/// What policies would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Plan {
    /// What the plan is called: the BLAKE3 of its header, as documents.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Size of the log that it was made from.
    pub position: u64,
    /// The time at which it was.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub actor: Option<Actor>,
    /// The policies that were evaluated.
    pub policies: Vec<PlannedPolicy>,
    /// What applying it may do at most.
    pub limits: PlanLimits,
    /// What it comes to.
    pub totals: PlanTotals,
    /// What happens, in the order in which it may be applied.
    pub items: Vec<PlanItem>,
}

/// A policy that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlannedPolicy {
    /// Its name.
    #[schema(value_type = String)]
    pub policy: PolicyName,
    /// Which of its versions.
    pub version: u64,
    /// What it says.
    #[schema(value_type = String)]
    pub document: Blake3,
    /// Whether the plan was made for it; others count for what they keep and lock.
    pub acts: bool,
}

/// What applying a plan may do at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanLimits {
    /// Packages that it deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<u64>,
    /// Bytes of those packages together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether another person has to approve.
    pub approve: bool,
}

/// What a plan comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanTotals {
    /// Packages that were looked at.
    pub packages: u64,
    /// Packages that a rule would delete.
    pub candidates: u64,
    /// Packages that are deleted.
    pub deletions: u64,
    /// Bytes of those: an estimate of what is freed, as a blob may belong to others too.
    pub bytes: u64,
    /// Locks that are recorded.
    pub locks: u64,
    /// Packages that are moved.
    pub tiers: u64,
    /// Bytes of those: what may be moved at most, as a blob may belong to others too, or be too small.
    #[serde(default)]
    pub tier_bytes: u64,
    /// What stores charge for what leaves them too early: bytes times the days that are left.
    #[serde(default)]
    pub early_byte_days: u64,
    /// Candidates that are kept, under every kind of thing that keeps them.
    pub kept: PlanKept,
}

/// Candidates that are kept, by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanKept {
    /// By a hold.
    pub hold: u64,
    /// By a lock that nobody goes past.
    pub compliance_lock: u64,
    /// By a lock that some may go past.
    pub governance_lock: u64,
    /// By a pin.
    pub pin: u64,
    /// By an index that lists it, or by the package that it is about.
    pub reference: u64,
    /// By a rule.
    pub keep_rule: u64,
}

/// What happens to one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlanItem {
    /// Where.
    #[schema(value_type = String)]
    pub repository: RepositoryName,
    /// Which.
    #[schema(value_type = String)]
    pub digest: Blake3,
    /// Bytes of its blobs together.
    pub size: u64,
    /// `lock`, `tier`, `delete`, or `keep` where a rule would delete it and something keeps it.
    pub r#do: String,
    /// The policy that decided; where it is kept, the one that would have deleted it.
    #[schema(value_type = String)]
    pub policy: PolicyName,
    /// Its rule.
    #[schema(value_type = String)]
    pub rule: RuleName,
    /// Of a lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Of a lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Where it is moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// What keeps it, in order of precedence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_by: Vec<KeptBy>,
    /// How many more keep it that are not named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unnamed: u64,
    /// What stores charge for its blobs if they leave too early: bytes times the days that are left.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub early_byte_days: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Something that keeps a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeptBy {
    /// `hold`, `compliance-lock`, `governance-lock`, `pin`, `index`, `subject` or `keep-rule`.
    pub by: String,
    /// Of a hold or pin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Of an index or subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Blake3>,
    /// The policy of the rule that keeps it, or that says a lock which is not recorded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub policy: Option<PolicyName>,
    /// That rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub rule: Option<RuleName>,
}

impl Plan {
    /// Of a plan that was made or read, and so names only policies that it lists.
    ///
    /// # Panics
    /// If it names others.
    pub fn draw(plan: &plan::Plan, digest: Blake3) -> Self {
        let policies = plan.policies.iter().map(|policy| PlannedPolicy {
            policy: policy.policy.clone(),
            version: policy.version,
            document: policy.document,
            acts: policy.acts,
        });
        let limits = PlanLimits {
            packages: plan.limits.packages,
            bytes: plan.limits.bytes,
            approve: plan.limits.approve,
        };
        Self {
            digest,
            position: plan.made.position,
            at: Timestamp::from_ms(plan.made.at_ms),
            actor: plan.made.actor.clone(),
            policies: policies.collect(),
            limits,
            totals: PlanTotals { tier_bytes: tier_bytes(plan), ..plan.totals().into() },
            items: plan.items.iter().map(|item| draw_item(plan, item)).collect(),
        }
    }
}

fn tier_bytes(plan: &plan::Plan) -> u64 {
    let moved = plan.items.iter().filter(|item| matches!(item.what, What::Tier(_)));
    moved.fold(0, |sum, item| sum.saturating_add(item.size_bytes))
}

fn policy_of<'p>(plan: &'p plan::Plan, rule: &RuleOf) -> &'p PolicyName {
    let at = usize::try_from(rule.policy).expect("a plan names policies that it lists");
    &plan.policies[at].policy
}

fn draw_item(plan: &plan::Plan, item: &Item) -> PlanItem {
    let (mode, until, tier) = match item.what {
        What::Lock { mode, until_ms } => (Some(mode), Some(Timestamp::from_ms(until_ms)), None),
        What::Tier(tier) => (None, None, Some(tier)),
        What::Delete | What::Keep => (None, None, None),
    };
    PlanItem {
        repository: item.repository.clone(),
        digest: item.digest,
        size: item.size_bytes,
        r#do: item.what.name().to_owned(),
        policy: policy_of(plan, &item.rule).clone(),
        rule: item.rule.rule.clone(),
        mode: mode.map(|mode| mode.to_string()),
        until,
        tier: tier.map(|tier| tier.to_string()),
        kept_by: item.kept_by.iter().map(|by| draw_kept_by(plan, by)).collect(),
        unnamed: item.unnamed,
        early_byte_days: item.early_byte_days,
    }
}

fn draw_kept_by(plan: &plan::Plan, by: &Named) -> KeptBy {
    let (mut name, mut until, mut digest) = (None, None, None);
    match by {
        Named::Hold(text) | Named::Pin(text) => name = Some(text.clone()),
        Named::Lock { until_ms, .. } => until = Some(Timestamp::from_ms(*until_ms)),
        Named::Listed(of) | Named::Subject(of) => digest = Some(*of),
        Named::Keep(_) => {}
    }
    let rule = by.rule();
    KeptBy {
        by: by.kind().to_owned(),
        name,
        until,
        digest,
        policy: rule.map(|rule| policy_of(plan, rule).clone()),
        rule: rule.map(|rule| rule.rule.clone()),
    }
}

impl From<Totals> for PlanTotals {
    fn from(totals: Totals) -> Self {
        let Kept { hold, compliance_lock, governance_lock, pin, reference, keep_rule } = totals.kept;
        Self {
            packages: totals.packages,
            candidates: totals.candidates,
            deletions: totals.deletions,
            bytes: totals.bytes,
            locks: totals.locks,
            tiers: totals.tiers,
            tier_bytes: 0,
            early_byte_days: totals.early_byte_days,
            kept: PlanKept { hold, compliance_lock, governance_lock, pin, reference, keep_rule },
        }
    }
}
