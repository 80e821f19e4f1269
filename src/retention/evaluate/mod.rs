//! Policies and packages to decisions, at one time.
//!
//! - Each package gets the rule that would delete it, if one does, and everything that is in the way, in order: holds,
//!   compliance lock, governance lock, pins, live references, keep rules. It is deleted if there is such a rule and nothing
//!   is in the way. Otherwise it is kept, if by nothing else then because no rule deletes it.
//! - All policies that stand keep and lock; only those that act delete, move and record locks. So a plan of one policy deletes
//!   nothing that another keeps.
//! - What a lock rule computes protects from now on, recorded or not. It is recorded when a package is accepted (`at_once`), and
//!   by the next plan that is applied.
//! - An index that lists a package, and the subject of a package, are in its way unless the same decisions delete them, and
//!   then they are deleted before it. Where two wait for each other, both stay.
//! - Annotations that are not known keep a package: a keep rule that asks for them is in the way, no other rule selects it.

mod at_once;
mod order;
mod rank;

use super::package::Package;
use super::policy::{Action, LockMode, Policy, Tier};
use super::selector::Match;
use crate::kernel::digest::Blake3;
use crate::kernel::id::PolicyName;

pub use at_once::{AtOnce, lock_rules, locks_at_once, tag_may_lock};

/// A policy that stands.
#[derive(Debug, Clone)]
pub struct InForce {
    /// Its name.
    pub name: PolicyName,
    /// Which of its versions.
    pub version: u64,
    /// The document that says so.
    pub document: Blake3,
    /// What it says.
    pub policy: Policy,
    /// Whether these decisions are made for it. Of one that does not act, only what keeps and locks counts.
    pub acts: bool,
}

/// A rule of a policy, both by their place in their lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleAt {
    /// Among the policies that were evaluated.
    pub policy: usize,
    /// Among its rules.
    pub rule: usize,
}

/// Something that keeps a package from being deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// A hold covers it.
    Hold(String),
    /// It is locked.
    Lock {
        /// Who may go past it.
        mode: LockMode,
        /// When that ends.
        until_ms: u64,
        /// The rule that says so, where it is not recorded yet.
        due: Option<RuleAt>,
    },
    /// A pin names it.
    Pin(String),
    /// An index that stays lists it.
    Listed(Blake3),
    /// It is about a package that stays.
    Subject(Blake3),
    /// A rule keeps it.
    Keep(RuleAt),
}

/// A lock to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockDue {
    /// The rule that says so.
    pub rule: RuleAt,
    /// Who may go past it.
    pub mode: LockMode,
    /// Until when.
    pub until_ms: u64,
}

/// What is decided about one package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// The first rule that would delete it.
    pub delete: Option<RuleAt>,
    /// Its place among the deletions, if it is deleted: after every package that had to go before it.
    pub place: Option<u32>,
    /// All that is in the way, in order of precedence.
    pub blockers: Vec<Blocker>,
    /// Locks to be recorded, of each mode at most one, compliance first.
    pub locks: Vec<LockDue>,
    /// The first rule that moves it, and where.
    pub tier: Option<(RuleAt, Tier)>,
}

/// What happens to a package, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<'d> {
    /// It stays, and this is first in the way.
    KeptBy(&'d Blocker),
    /// A rule deletes it.
    DeletedBy(RuleAt),
    /// It stays: no rule deletes it.
    KeptByDefault,
}

impl Decision {
    /// What happens to the package, and by what.
    pub fn outcome(&self) -> Outcome<'_> {
        match (self.blockers.first(), self.delete) {
            (Some(blocker), _) => Outcome::KeptBy(blocker),
            (None, Some(rule)) => Outcome::DeletedBy(rule),
            (None, None) => Outcome::KeptByDefault,
        }
    }
}

/// Whether any rule needs to know the annotations of that package, of which everything else is known.
pub fn needs_annotations(policies: &[InForce], package: &Package) -> bool {
    let properties = super::Properties { annotations: None, ..package.properties() };
    let rules = policies.iter().flat_map(|policy| &policy.policy.rules);
    rules.into_iter().any(|rule| rule.select.fixed.matches(&properties) == Match::Unknown)
}

/// Decides about packages, at a time in milliseconds since the epoch. The answers are in the order of the packages, of
/// which each is there once; what a package refers to and is not there stays.
pub fn evaluate(policies: &[InForce], packages: &[Package], now_ms: u64) -> Vec<Decision> {
    let ranks = rank::Ranks::of(policies, packages);
    let mut decisions: Vec<Decision> = packages
        .iter()
        .enumerate()
        .map(|(at, package)| decide(policies, &ranks, package, at, now_ms))
        .collect();
    order::settle(packages, &mut decisions);
    decisions
}

/// All but live references.
fn decide(policies: &[InForce], ranks: &rank::Ranks, package: &Package, at: usize, now_ms: u64) -> Decision {
    let mut decision = Decision::default();
    let mut due = Due::default();
    let mut keeps = Vec::new();
    for (p, policy) in policies.iter().enumerate() {
        for (r, rule) in policy.policy.rules.iter().enumerate() {
            let found = ranks.judge((p, r), at, rule.select.matches_unranked(package, now_ms));
            let here = RuleAt { policy: p, rule: r };
            match rule.action {
                Action::Keep if found != Match::No => keeps.push(Blocker::Keep(here)),
                Action::Lock { mode, term } if found == Match::Yes => {
                    due.take(LockDue { rule: here, mode, until_ms: term.until_ms(package.clock_start_ms) });
                }
                Action::Delete if found == Match::Yes && policy.acts => {
                    decision.delete.get_or_insert(here);
                }
                Action::Tier(tier) if found == Match::Yes && policy.acts => {
                    decision.tier.get_or_insert((here, tier));
                }
                _ => {}
            }
        }
    }
    decision.blockers.extend(package.holds.iter().cloned().map(Blocker::Hold));
    for mode in LockMode::ALL {
        lock(&mut decision, policies, package, mode, due.of(mode), now_ms);
    }
    decision.blockers.extend(package.pins.iter().cloned().map(Blocker::Pin));
    decision.blockers.extend(keeps);
    decision
}

/// What rules say about the locks of one package: of each mode the latest end, and of equal ones the first rule's.
#[derive(Debug, Default)]
struct Due([Option<LockDue>; 2]);

impl Due {
    fn take(&mut self, due: LockDue) {
        let latest = &mut self.0[due.mode as usize];
        if latest.is_none_or(|latest| latest.until_ms < due.until_ms) {
            *latest = Some(due);
        }
    }

    fn of(&self, mode: LockMode) -> Option<LockDue> {
        self.0[mode as usize]
    }
}

/// What is recorded of a mode, if anything is.
fn recorded(package: &Package, mode: LockMode) -> Option<u64> {
    match mode {
        LockMode::Compliance => package.compliance_until_ms,
        LockMode::Governance => package.governance_until_ms,
    }
}

/// Whether a lock of that mode that ends then keeps the package.
fn stands(package: &Package, mode: LockMode, until_ms: u64, now_ms: u64) -> bool {
    let lifted_ms = match mode {
        LockMode::Compliance => 0,
        LockMode::Governance => package.bypassed_until_ms.unwrap_or(0),
    };
    until_ms > now_ms && until_ms > lifted_ms
}

/// What a rule says, where that is later than what is recorded and would keep the package.
fn later(package: &Package, mode: LockMode, due: Option<LockDue>, now_ms: u64) -> Option<LockDue> {
    let recorded = recorded(package, mode);
    due.filter(|due| recorded.is_none_or(|recorded| due.until_ms > recorded))
        .filter(|due| stands(package, mode, due.until_ms, now_ms))
}

/// The lock of one mode: what is recorded, or what a rule says if that is later.
fn lock(
    decision: &mut Decision,
    policies: &[InForce],
    package: &Package,
    mode: LockMode,
    due: Option<LockDue>,
    now_ms: u64,
) {
    if let Some(due) = later(package, mode, due, now_ms) {
        if policies[due.rule.policy].acts {
            decision.locks.push(due);
        }
        decision.blockers.push(Blocker::Lock { mode, until_ms: due.until_ms, due: Some(due.rule) });
    } else if let Some(until_ms) =
        recorded(package, mode).filter(|until_ms| stands(package, mode, *until_ms, now_ms))
    {
        decision.blockers.push(Blocker::Lock { mode, until_ms, due: None });
    }
}

#[cfg(test)]
mod precedence;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
