//! What was deleted, against what the log says allowed it, and what stood in the way then.
//!
//! - A package goes by a plan that was submitted before, and approved by somebody else where it says so, for a policy that stood
//!   in that version; or by the word of an actor. By a plan goes what was there when it was made, and no more than was submitted.
//! - Nothing goes that a hold covers, that is locked at the time of the event, or that a pin names.
//! - Locks are moved by word only later; a rule's may be recorded twice, and the latest end counts.
//! - A blob goes only while no package references it.
//! - A package is given a tier by a plan in the same way as it is deleted by one.
//! - What documents have to say (the plan's, selectors of holds) becomes a [`Question`], for who has documents: see `evidence`.
//!
//! Needs nothing but the records. Memory: about 200 bytes for each package that is there, 40 for each reference, and the
//! questions of one page of the log.

mod evidence;
mod question;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::kernel::digest::Blake3;
use crate::kernel::event::{
    Authority, Event, Fact, HoldTarget, LockExtended, LockGround, LockMode, ManifestDeleted, ManifestTiered,
    PlanSubmitted,
};
use crate::kernel::id::{Actor, HoldName, PinName, PolicyName, RepositoryName};

pub(super) use evidence::Evidence;
pub(super) use question::Question;

type Package = (RepositoryName, Blake3);

/// What protects and what allows, as far as the log was read.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    packages: HashMap<Package, State>,
    claims: HashMap<Blake3, u32>,
    holds: HashMap<HoldName, HoldTarget>,
    policies: HashMap<PolicyName, Policy>,
    plans: HashMap<Blake3, Plan>,
    /// Media types and artifact types, of which there are few.
    types: HashSet<Arc<str>>,
    questions: Vec<Question>,
}

#[derive(Debug, Default)]
struct State {
    accepted: Option<Accepted>,
    blobs: Vec<Blake3>,
    pins: BTreeSet<PinName>,
    compliance_until_ms: u64,
    governance_until_ms: u64,
    bypassed_until_ms: u64,
}

#[derive(Debug, Clone)]
struct Accepted {
    position: u64,
    at_ms: u64,
    media_type: Arc<str>,
    artifact_type: Option<Arc<str>>,
}

#[derive(Debug)]
struct Policy {
    version: u64,
    standing: bool,
    document: Blake3,
}

#[derive(Debug)]
struct Plan {
    submitted: PlanSubmitted,
    by: Actor,
    approved_by_another: bool,
    deleted: u64,
    deleted_bytes: u64,
}

impl Deletions {
    /// What is wrong with an event, if it deletes or locks. Before [`Self::fold`].
    pub(super) fn check(&mut self, position: u64, event: &Event) -> Vec<String> {
        match &event.fact {
            Fact::ManifestDeleted(fact) => {
                let mut found = self.in_the_way(fact, event.at_ms);
                found.extend(self.not_allowed(fact));
                self.ask_of_deletion(position, fact);
                found
            }
            Fact::LockExtended(fact) => self.moved_back(fact).into_iter().collect(),
            Fact::ManifestTiered(fact) => {
                self.ask_of_tier(position, fact);
                self.untiered(fact).into_iter().collect()
            }
            Fact::BlobDeletionStarted(fact) => match self.claims.get(&fact.blake3) {
                Some(packages) => vec![format!(
                    "the deletion of blob {} was started while {packages} packages reference it",
                    fact.blake3
                )],
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// A repository where that manifest is accepted.
    pub(super) fn accepted_in(&self, manifest: Blake3) -> Option<&RepositoryName> {
        let found = |(package, state): &(&Package, &State)| state.accepted.is_some() && package.1 == manifest;
        self.packages.iter().find(found).map(|((repository, _), _)| repository)
    }

    /// A hold that stands and selects by that document.
    pub(super) fn selecting_by(&self, selector: Blake3) -> Option<&HoldName> {
        let selects = |(_, target): &(&HoldName, &HoldTarget)| **target == HoldTarget::Query(selector);
        self.holds.iter().find(selects).map(|(hold, _)| hold)
    }

    fn in_the_way(&self, fact: &ManifestDeleted, at_ms: u64) -> Vec<String> {
        let package = (fact.repository.clone(), fact.blake3);
        let named = named(&fact.repository, fact.blake3);
        let Some(state) = self.packages.get(&package).filter(|state| state.accepted.is_some()) else {
            return vec![format!("{named} was deleted and is not there")];
        };
        let mut found = Vec::new();
        let mut kept = |by: String| found.push(format!("{named} was deleted, and was kept by {by}"));
        let covers = |target: &HoldTarget| match target {
            HoldTarget::Package(repository, manifest) => {
                *repository == fact.repository && *manifest == fact.blake3
            }
            HoldTarget::Repository(repository) => *repository == fact.repository,
            HoldTarget::Query(_) => false,
        };
        let mut holds: Vec<&HoldName> =
            self.holds.iter().filter(|(_, target)| covers(target)).map(|(hold, _)| hold).collect();
        holds.sort_unstable();
        holds.into_iter().for_each(|hold| kept(format!("hold {hold}")));
        if state.compliance_until_ms > at_ms {
            kept(format!("a compliance lock until {} ms", state.compliance_until_ms));
        }
        // Governance locks do not stop an erasure.
        let is_erasure = matches!(fact.authority, Authority::Erasure { .. });
        if !is_erasure && state.governance_until_ms > at_ms.max(state.bypassed_until_ms) {
            kept(format!("a governance lock until {} ms", state.governance_until_ms));
        }
        state.pins.iter().for_each(|pin| kept(format!("pin {pin}")));
        found
    }

    fn not_allowed(&self, fact: &ManifestDeleted) -> Vec<String> {
        let Authority::Plan { plan, policy, version, rule } = &fact.authority else { return Vec::new() };
        let said = format!(
            "{} was deleted by plan {plan} for rule {policy}/{rule} of version {version}",
            named(&fact.repository, fact.blake3)
        );
        let Some(found) = self.plans.get(plan) else {
            return vec![format!("{said}, which nobody submitted")];
        };
        let mut wrong = Vec::new();
        if found.submitted.approve && !found.approved_by_another {
            wrong.push(format!("{said} of {}, which nobody else approved", found.by));
        }
        if !self.policies.get(policy).is_some_and(|policy| policy.standing && policy.version == *version) {
            wrong.push(format!("{said}, which does not stand"));
        }
        let package = (fact.repository.clone(), fact.blake3);
        let accepted = self.packages.get(&package).and_then(|state| state.accepted.as_ref());
        if accepted.is_some_and(|accepted| accepted.position >= found.submitted.at_size) {
            wrong.push(format!("{said}, and was accepted after the plan was made"));
        }
        let PlanSubmitted { deletions, bytes, .. } = found.submitted;
        if found.deleted >= deletions || found.deleted_bytes.saturating_add(fact.blobs_bytes) > bytes {
            wrong.push(format!(
                "{said}, of which {deletions} deletions of {bytes} bytes were submitted, and no more"
            ));
        }
        wrong
    }

    /// A tier that no plan allowed.
    fn untiered(&self, fact: &ManifestTiered) -> Option<String> {
        let ManifestTiered { plan, policy, version, rule, .. } = fact;
        let named = named(&fact.repository, fact.blake3);
        let said =
            format!("{named} was given a tier by plan {plan} for rule {policy}/{rule} of version {version}");
        let Some(found) = self.plans.get(plan) else {
            return Some(format!("{said}, which nobody submitted"));
        };
        if found.submitted.approve && !found.approved_by_another {
            return Some(format!("{said} of {}, which nobody else approved", found.by));
        }
        let stands =
            self.policies.get(policy).is_some_and(|policy| policy.standing && policy.version == *version);
        (!stands).then(|| format!("{said}, which does not stand"))
    }

    /// A lock that somebody moves without moving it later.
    fn moved_back(&self, fact: &LockExtended) -> Option<String> {
        let LockGround::Actor { .. } = &fact.ground else { return None };
        let state = self.packages.get(&(fact.repository.clone(), fact.blake3))?;
        let until_ms = match fact.mode {
            LockMode::Governance => state.governance_until_ms,
            LockMode::Compliance => state.compliance_until_ms,
        };
        let (named, mode) = (named(&fact.repository, fact.blake3), fact.mode);
        (fact.until_ms <= until_ms).then(|| {
            format!(
                "the {mode} lock of {named} was moved to {} ms, and ends at {until_ms} ms already",
                fact.until_ms
            )
        })
    }

    /// Takes note of an event.
    pub(super) fn fold(&mut self, position: u64, event: &Event) {
        match &event.fact {
            Fact::ManifestAccepted(fact) => {
                let accepted = Accepted {
                    position,
                    at_ms: event.at_ms,
                    media_type: self.of_type(&fact.media_type),
                    artifact_type: fact.artifact_type.as_deref().map(|text| self.of_type(text)),
                };
                self.package(&fact.repository, fact.blake3).accepted = Some(accepted);
            }
            Fact::ManifestReferences(fact) => {
                for blob in &fact.blobs {
                    *self.claims.entry(*blob).or_default() += 1;
                }
                self.package(&fact.repository, fact.blake3).blobs.extend(&fact.blobs);
            }
            Fact::ManifestDeleted(fact) => self.deleted(fact),
            Fact::PinSet(fact) => {
                if let Some(previous) = fact.previous {
                    self.package(&fact.repository, previous).pins.remove(&fact.pin);
                }
                self.package(&fact.repository, fact.manifest).pins.insert(fact.pin.clone());
            }
            Fact::PinReleased(fact) => {
                self.package(&fact.repository, fact.previous).pins.remove(&fact.pin);
            }
            Fact::LockExtended(fact) => {
                let state = self.package(&fact.repository, fact.blake3);
                let until_ms = match fact.mode {
                    LockMode::Governance => &mut state.governance_until_ms,
                    LockMode::Compliance => &mut state.compliance_until_ms,
                };
                *until_ms = (*until_ms).max(fact.until_ms);
            }
            Fact::LockBypassed(fact) => {
                let state = self.package(&fact.repository, fact.blake3);
                state.bypassed_until_ms = state.bypassed_until_ms.max(fact.until_ms);
            }
            Fact::HoldPlaced(fact) => {
                self.holds.insert(fact.hold.clone(), fact.target.clone());
            }
            Fact::HoldReleased(fact) => {
                self.holds.remove(&fact.hold);
            }
            Fact::PolicySet(fact) => {
                let policy = Policy { version: fact.version, standing: true, document: fact.document };
                self.policies.insert(fact.policy.clone(), policy);
            }
            Fact::PolicyRemoved(fact) => {
                if let Some(policy) = self.policies.get_mut(&fact.policy) {
                    policy.standing = false;
                }
            }
            Fact::PlanSubmitted(_) | Fact::PlanApproved(_) => self.plan(event),
            _ => {}
        }
    }

    fn plan(&mut self, event: &Event) {
        match &event.fact {
            Fact::PlanSubmitted(fact) => {
                self.plans.entry(fact.plan).or_insert_with(|| Plan {
                    submitted: fact.clone(),
                    by: event.actor.clone(),
                    approved_by_another: false,
                    deleted: 0,
                    deleted_bytes: 0,
                });
            }
            Fact::PlanApproved(fact) => {
                if let Some(plan) = self.plans.get_mut(&fact.plan) {
                    plan.approved_by_another |= plan.by != event.actor;
                }
            }
            _ => {}
        }
    }

    fn package(&mut self, repository: &RepositoryName, manifest: Blake3) -> &mut State {
        self.packages.entry((repository.clone(), manifest)).or_default()
    }

    fn of_type(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.types.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.types.insert(new.clone());
        new
    }

    fn deleted(&mut self, fact: &ManifestDeleted) {
        if let Authority::Plan { plan, .. } = &fact.authority
            && let Some(plan) = self.plans.get_mut(plan)
        {
            plan.deleted += 1;
            plan.deleted_bytes = plan.deleted_bytes.saturating_add(fact.blobs_bytes);
        }
        let package = (fact.repository.clone(), fact.blake3);
        for blob in self.packages.remove(&package).unwrap_or_default().blobs {
            if let Some(packages) = self.claims.get_mut(&blob) {
                *packages -= 1;
                if *packages == 0 {
                    self.claims.remove(&blob);
                }
            }
        }
    }
}

fn named(repository: &RepositoryName, manifest: Blake3) -> String {
    format!("package {repository}@{manifest}")
}

#[cfg(test)]
mod tests;
