//! What was deleted, against what the log says allowed it, and what stood in the way then.
//!
//! - A package goes by a plan that was submitted before, and approved by somebody else where it says so, for a policy that stood
//!   in that version; or by the word of an actor.
//! - Nothing goes that a hold on the package or on its repository covers, that is locked at the time of the event, or that a pin
//!   names. (What a hold covers by a query stands in a document, and is not looked at here.)
//! - A blob goes only while no package references it.
//!
//! Needs nothing but the records. Memory: about 100 bytes for each package that is there, 40 for each reference.

use std::collections::{BTreeSet, HashMap};

use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, Event, Fact, HoldTarget, LockMode, ManifestDeleted, PlanSubmitted};
use crate::kernel::id::{Actor, HoldName, PinName, PolicyName, RepositoryName};

type Package = (RepositoryName, Blake3);

/// What protects and what allows, as far as the log was read.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    packages: HashMap<Package, State>,
    claims: HashMap<Blake3, u32>,
    holds: HashMap<HoldName, HoldTarget>,
    policies: HashMap<PolicyName, (u64, bool)>,
    plans: HashMap<Blake3, Plan>,
}

#[derive(Debug, Default)]
struct State {
    accepted: bool,
    blobs: Vec<Blake3>,
    pins: BTreeSet<PinName>,
    compliance_until_ms: u64,
    governance_until_ms: u64,
    bypassed_until_ms: u64,
}

#[derive(Debug)]
struct Plan {
    submitted: PlanSubmitted,
    by: Actor,
    approved_by_another: bool,
}

impl Deletions {
    /// What is wrong with an event, if it deletes. Before [`Self::fold`].
    pub(super) fn check(&self, event: &Event) -> Vec<String> {
        match &event.fact {
            Fact::ManifestDeleted(fact) => {
                let mut found = self.in_the_way(fact, event.at_ms);
                found.extend(self.not_allowed(fact));
                found
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

    fn in_the_way(&self, fact: &ManifestDeleted, at_ms: u64) -> Vec<String> {
        let package = (fact.repository.clone(), fact.blake3);
        let named = format!("{}@{}", fact.repository, fact.blake3);
        let Some(state) = self.packages.get(&package).filter(|state| state.accepted) else {
            return vec![format!("package {named} was deleted and is not there")];
        };
        let mut found = Vec::new();
        let mut kept = |by: String| found.push(format!("package {named} was deleted, and was kept by {by}"));
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
        if state.governance_until_ms > at_ms.max(state.bypassed_until_ms) {
            kept(format!("a governance lock until {} ms", state.governance_until_ms));
        }
        state.pins.iter().for_each(|pin| kept(format!("pin {pin}")));
        found
    }

    fn not_allowed(&self, fact: &ManifestDeleted) -> Option<String> {
        let Authority::Plan { plan, policy, version, .. } = &fact.authority else { return None };
        let Some(found) = self.plans.get(plan) else {
            return Some(format!("{} was deleted by plan {plan}, which nobody submitted", fact.blake3));
        };
        if found.submitted.approve && !found.approved_by_another {
            return Some(format!(
                "{} was deleted by plan {plan} of {}, which nobody else approved",
                fact.blake3, found.by
            ));
        }
        if self.policies.get(policy) != Some(&(*version, true)) {
            return Some(format!(
                "{} was deleted by version {version} of policy {policy}, which does not stand",
                fact.blake3
            ));
        }
        None
    }

    /// Takes note of an event.
    pub(super) fn fold(&mut self, event: &Event) {
        match &event.fact {
            Fact::ManifestAccepted(fact) => self.package(&fact.repository, fact.blake3).accepted = true,
            Fact::ManifestReferences(fact) => {
                for blob in &fact.blobs {
                    *self.claims.entry(*blob).or_default() += 1;
                }
                self.package(&fact.repository, fact.blake3).blobs.extend(&fact.blobs);
            }
            Fact::ManifestDeleted(fact) => self.deleted((fact.repository.clone(), fact.blake3)),
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
                self.policies.insert(fact.policy.clone(), (fact.version, true));
            }
            Fact::PolicyRemoved(fact) => {
                self.policies.insert(fact.policy.clone(), (fact.version, false));
            }
            Fact::PlanSubmitted(fact) => {
                let plan =
                    Plan { submitted: fact.clone(), by: event.actor.clone(), approved_by_another: false };
                self.plans.entry(fact.plan).or_insert(plan);
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

    fn deleted(&mut self, package: Package) {
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::event::{
        BlobDeletionStarted, HoldKind, HoldPlaced, LockExtended, LockGround, ManifestAccepted,
        ManifestReferences, PinSet, PlanApproved, PolicySet,
    };
    use crate::kernel::id::{EventId, ObjectKey};

    fn digest(n: u8) -> Blake3 {
        Digests::of(&[n]).blake3
    }

    fn repository() -> RepositoryName {
        "acme/reports".parse().unwrap()
    }

    fn event(actor: &str, fact: impl Into<Fact>) -> Event {
        let fact = fact.into();
        let id = EventId(Uuid::nil());
        Event {
            id,
            at_ms: 1_000,
            actor: actor.parse().unwrap(),
            stream: fact.stream(),
            seq: 0,
            fact,
            cause: None,
        }
    }

    fn accepted() -> Vec<Fact> {
        let Digests { blake3, sha256 } = Digests::of(&[1]);
        let references = ManifestReferences {
            repository: repository(),
            blake3,
            blobs: vec![digest(9)],
            manifests: vec![],
        };
        let accepted = ManifestAccepted {
            repository: repository(),
            blake3,
            sha256,
            size_bytes: 1,
            media_type: "x".into(),
            artifact_type: None,
            subject: None,
            oci_sha256: None,
            oci_size_bytes: None,
            blobs: 1,
            blobs_bytes: 1,
        };
        vec![references.into(), accepted.into()]
    }

    fn deleted(authority: Authority) -> Fact {
        let Digests { blake3, sha256 } = Digests::of(&[1]);
        let repository = repository();
        ManifestDeleted { repository, blake3, sha256, size_bytes: 1, blobs: 1, blobs_bytes: 1, authority }
            .into()
    }

    fn by_word() -> Fact {
        deleted(Authority::Actor { statement: digest(7) })
    }

    fn by_plan() -> Fact {
        let (policy, rule) = ("weekly".parse().unwrap(), "old".parse().unwrap());
        deleted(Authority::Plan { plan: digest(5), policy, version: 1, rule })
    }

    /// What is found when that is deleted behind these events, of an actor each.
    fn found(before: &[(&str, Fact)], deletion: Fact) -> Vec<String> {
        let mut deletions = Deletions::default();
        for fact in accepted() {
            deletions.fold(&event("ci", fact));
        }
        for (actor, fact) in before {
            deletions.fold(&event(actor, fact.clone()));
        }
        deletions.check(&event("keeper", deletion))
    }

    fn submitted(approve: bool) -> Fact {
        PlanSubmitted { plan: digest(5), at_size: 0, deletions: 1, bytes: 1, locks: 0, approve }.into()
    }

    fn policy() -> Fact {
        PolicySet { policy: "weekly".parse().unwrap(), version: 1, document: digest(4) }.into()
    }

    #[test]
    fn what_nothing_keeps_goes_by_a_word_or_by_a_plan_that_was_allowed() {
        assert!(found(&[], by_word()).is_empty());
        assert!(found(&[("p", policy()), ("p", submitted(false))], by_plan()).is_empty());
        let approved = PlanApproved { plan: digest(5) }.into();
        assert!(found(&[("p", policy()), ("p", submitted(true)), ("q", approved)], by_plan()).is_empty());
    }

    #[test]
    fn a_plan_that_nobody_submitted_or_approved_allows_nothing() {
        assert!(found(&[("p", policy())], by_plan())[0].contains("nobody submitted"));
        let own = PlanApproved { plan: digest(5) }.into();
        let of_its_own = found(&[("p", policy()), ("p", submitted(true)), ("p", own)], by_plan());
        assert!(of_its_own[0].contains("nobody else approved"), "{of_its_own:?}");
        assert!(found(&[("p", submitted(false))], by_plan())[0].contains("does not stand"));
    }

    #[test]
    fn everything_that_kept_it_is_named() {
        let statement = digest(7);
        let target = HoldTarget::Repository(repository());
        let hold = HoldPlaced { hold: "case".parse().unwrap(), kind: HoldKind::Event, target, statement };
        let lock = |mode| LockExtended {
            repository: repository(),
            blake3: digest(1),
            mode,
            until_ms: 1_001,
            ground: LockGround::Actor { statement },
        };
        let (repository, pin) = (repository(), "prod".parse().unwrap());
        let pin = PinSet { repository, pin, manifest: digest(1), previous: None, statement };
        let before = [
            ("a", hold.into()),
            ("a", lock(LockMode::Compliance).into()),
            ("a", lock(LockMode::Governance).into()),
            ("a", pin.into()),
        ];
        assert_eq!(found(&before, by_word()).len(), 4);
    }

    #[test]
    fn a_blob_goes_only_while_no_package_references_it() {
        let started = |n| {
            let Digests { blake3, sha256 } = Digests::of(&[n]);
            let object = ObjectKey::from_uuid(Uuid::nil());
            Fact::from(BlobDeletionStarted {
                blake3,
                sha256,
                size_bytes: 1,
                store: "main".parse().unwrap(),
                object,
            })
        };
        assert_eq!(found(&[], started(9)).len(), 1);
        assert!(found(&[("k", by_word())], started(9)).is_empty());
        assert!(found(&[], started(8)).is_empty());
    }
}
