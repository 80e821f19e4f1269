//! Locks that rules say, recorded in the append that they come with: a package is accepted, or gets a tag.
//!
//! - What the rules of all policies that stand compute is recorded by `lock.extended`, with policy, version and rule: so the end
//!   of the lock is fixed, whatever becomes of the policy. See [`locks_at_once`] for what is left to the next plan.
//! - The policies are those of the moment of the append: a guard sees that none changed since, or it is decided again.
//! - Policies are read and kept until one changes; each decision asks for the position of the last change, one read of the end
//!   of an index, and nothing else where no rule locks.
//!
//! Refused: deciding without the document of a policy that stands. Nobody knows then what it locks.

use std::sync::{Arc, RwLock};

use super::retention::facts;
use super::{Control, policies, retention};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Fact, LockExtended, LockGround};
use crate::kernel::id::{RepositoryName, Tag};
use crate::log::Guard;
use crate::retention::evaluate::{LockDue, lock_rules, locks_at_once, tag_may_lock};
use crate::retention::{InForce, Package, TagOf};
use crate::views;

/// What is recorded beside, and what must hold for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Locks {
    pub(super) facts: Vec<Fact>,
    pub(super) guards: Vec<Guard>,
}

/// The policies that lock, as one change of policies left them.
#[derive(Debug, Clone)]
pub(super) struct LockRules {
    changed: Option<u64>,
    policies: Arc<[InForce]>,
}

/// Those that were read last.
#[derive(Debug, Default)]
pub(super) struct Kept(RwLock<Option<LockRules>>);

impl LockRules {
    /// As they are now.
    pub(super) async fn load(control: &Control) -> Result<Self, retention::Error> {
        // Before the policies: what is read may be newer, and then the guard does not hold.
        let changed = views::policies::changed(control.pool()).await?;
        let kept = control.0.lock_rules.0.read().expect("no holder panics").clone();
        if let Some(kept) = kept.filter(|kept| kept.changed == changed) {
            return Ok(kept);
        }
        let mut standing = policies::standing_now(control).await?;
        standing.retain(|policy| lock_rules(std::slice::from_ref(policy)).next().is_some());
        let rules = Self { changed, policies: standing.into() };
        *control.0.lock_rules.0.write().expect("no holder panics") = Some(rules.clone());
        Ok(rules)
    }

    /// What is recorded with a package that is accepted at about that time, as what it is then.
    pub(super) fn at_acceptance(&self, now_ms: u64, package: impl FnOnce() -> Package) -> Locks {
        let mut locks = self.nothing();
        if !self.policies.is_empty() {
            let package = package();
            let found = locks_at_once(&self.policies, &package, now_ms);
            locks.facts = self.facts(&package, &found.locks);
            locks.guards.push(Guard::RecordedWithin { from_ms: now_ms, until_ms: found.until_ms });
        }
        locks
    }

    /// What is recorded when a tag is set on a package that is there.
    pub(super) async fn at_tag(
        &self,
        control: &Control,
        repository: &RepositoryName,
        manifest: Blake3,
        tag: &Tag,
    ) -> Result<Locks, retention::Error> {
        let mut locks = self.nothing();
        if !tag_may_lock(&self.policies, tag) {
            return Ok(locks);
        }
        let mut connection = control.pool().acquire().await?;
        let now_ms = control.now_ms();
        if let Some(package) = facts::alone(&mut connection, &self.policies, repository, manifest).await? {
            let tags = vec![TagOf { tag: tag.clone(), set_at_ms: now_ms }];
            let package = Package { tags, ..package };
            locks.facts = self.facts(&package, &locks_at_once(&self.policies, &package, now_ms).locks);
        }
        Ok(locks)
    }

    fn nothing(&self) -> Locks {
        Locks { facts: Vec::new(), guards: vec![Guard::PoliciesUnchanged { since: self.changed }] }
    }

    fn facts(&self, package: &Package, locks: &[LockDue]) -> Vec<Fact> {
        let fact = |due: &LockDue| {
            let policy = &self.policies[due.rule.policy];
            let ground = LockGround::Rule {
                policy: policy.name.clone(),
                version: policy.version,
                rule: policy.policy.rules[due.rule.rule].name.clone(),
            };
            Fact::from(LockExtended {
                repository: package.repository.clone(),
                blake3: package.digest,
                mode: due.mode,
                until_ms: due.until_ms,
                ground,
            })
        };
        locks.iter().map(fact).collect()
    }
}
