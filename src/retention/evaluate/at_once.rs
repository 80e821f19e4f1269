//! Locks that are recorded with what they are about: when a package is accepted, and when a tag is set on it.
//!
//! - What is recorded is what [`evaluate`](super::evaluate()) would compute from then on, so the next plan has nothing to add.
//! - Rules that count other packages (`newest`, `beyond_newest`) are left to the next plan: who is among the newest changes
//!   with every deposit. What asks for an age selects nothing that is new.
//! - Annotations that are not known select nothing, as everywhere.
//! - The answer counts up to a time. When exactly a package is accepted is known to the log alone; ends of locks are those of
//!   days and periods are whole hours, so within an hour of the clock the answer is the same.

use super::super::package::Package;
use super::super::period::HOUR_MS;
use super::super::policy::{Action, Rule, Term};
use super::super::selector::{Match, Tags};
use super::{Due, InForce, LockDue, RuleAt, later};
use crate::kernel::event::LockMode;
use crate::kernel::id::Tag;

/// Locks to be recorded now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtOnce {
    /// Of each mode at most one, compliance first.
    pub locks: Vec<LockDue>,
    /// The last millisecond since the epoch for which that is the answer, if the package is accepted then.
    pub until_ms: u64,
}

/// Locks of a package that is accepted at that time, or to which a tag comes then.
pub fn locks_at_once(policies: &[InForce], package: &Package, now_ms: u64) -> AtOnce {
    let mut due = Due::default();
    for (at, rule) in lock_rules(policies) {
        let Action::Lock { mode, term } = rule.action else { continue };
        if rule.select.matches_unranked(package, now_ms) == Match::Yes {
            due.take(LockDue { rule: at, mode, until_ms: term.until_ms(package.clock_start_ms) });
        }
    }
    let locks = LockMode::ALL.into_iter().filter_map(|mode| later(package, mode, due.of(mode), now_ms));
    AtOnce { locks: locks.collect(), until_ms: until_ms(policies, now_ms) }
}

/// Whether that tag makes a rule select a package that it may not have selected before.
pub fn tag_may_lock(policies: &[InForce], tag: &Tag) -> bool {
    lock_rules(policies).any(|(_, rule)| match &rule.select.tags {
        Tags::Like(globs) => globs.iter().any(|glob| glob.matches(tag)),
        Tags::Whatever | Tags::Untagged => false,
    })
}

/// Rules that lock by themselves.
pub fn lock_rules(policies: &[InForce]) -> impl Iterator<Item = (RuleAt, &Rule)> {
    let rules = policies.iter().enumerate().flat_map(|(p, policy)| {
        policy.policy.rules.iter().enumerate().map(move |(r, rule)| (RuleAt { policy: p, rule: r }, rule))
    });
    rules.filter(|(_, rule)| matches!(rule.action, Action::Lock { .. }) && rule.select.rank.is_none())
}

fn until_ms(policies: &[InForce], now_ms: u64) -> u64 {
    // At the very beginning of an hour a period of hours may end with a day that it is over a moment later.
    let hour = now_ms.checked_next_multiple_of(HOUR_MS).unwrap_or(u64::MAX).saturating_sub(1).max(now_ms);
    let turns = lock_rules(policies).flat_map(|(_, rule)| {
        let ends = match rule.action {
            Action::Lock { term: Term::Until(ms), .. } => Some(ms),
            _ => None,
        };
        [rule.select.fixed.accepted_after_ms, rule.select.fixed.accepted_before_ms, ends]
    });
    turns.flatten().filter(|ms| *ms > now_ms).map(|ms| ms - 1).fold(hour, u64::min)
}
