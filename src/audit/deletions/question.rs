//! What events alone do not tell of a deletion or a tier: the documents that it stands on have more to say.

use std::sync::Arc;

use super::{Accepted, Deletions};
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, HoldTarget, ManifestDeleted, ManifestTiered, PlanSubmitted};
use crate::kernel::id::{HoldName, PolicyName, RepositoryName, RuleName};
use crate::retention::plan::What;

/// Something that was done to a package, about which documents have more to say.
#[derive(Debug)]
pub(in crate::audit) struct Question {
    pub(super) position: u64,
    pub(super) what: What,
    pub(super) repository: RepositoryName,
    pub(super) manifest: Blake3,
    pub(super) media_type: Arc<str>,
    pub(super) artifact_type: Option<Arc<str>>,
    pub(super) accepted_at_ms: u64,
    /// The plan that allowed it, if one did that was submitted.
    pub(super) by: Option<AuthorizedBy>,
    /// Holds on queries that stood when it was deleted, with their selectors.
    pub(super) holds: Vec<(HoldName, Blake3)>,
}

/// A plan, and why it allowed that.
#[derive(Debug)]
pub(super) struct AuthorizedBy {
    pub(super) plan: Blake3,
    pub(super) submitted: PlanSubmitted,
    pub(super) policy: PolicyName,
    pub(super) version: u64,
    pub(super) rule: RuleName,
    /// The document of that version, if it stood.
    pub(super) document: Option<Blake3>,
}

impl Deletions {
    /// What only documents can tell, of the events since this was asked last.
    pub(in crate::audit) fn questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    pub(super) fn ask_of_deletion(&mut self, position: u64, fact: &ManifestDeleted) {
        let by = match &fact.authority {
            Authority::Plan { plan, policy, version, rule } => self.authorized(*plan, policy, *version, rule),
            Authority::Actor { .. } | Authority::Erasure { .. } => None,
        };
        let query = |(hold, target): (&HoldName, &HoldTarget)| match target {
            HoldTarget::Query(selector) => Some((hold.clone(), *selector)),
            HoldTarget::Package(..) | HoldTarget::Repository(_) => None,
        };
        let mut holds: Vec<(HoldName, Blake3)> = self.holds.iter().filter_map(query).collect();
        holds.sort_unstable();
        self.ask(position, What::Delete, (&fact.repository, fact.blake3), by, holds);
    }

    /// No hold is in the way of a tier.
    pub(super) fn ask_of_tier(&mut self, position: u64, fact: &ManifestTiered) {
        let by = self.authorized(fact.plan, &fact.policy, fact.version, &fact.rule);
        self.ask(position, What::Tier(fact.tier), (&fact.repository, fact.blake3), by, Vec::new());
    }

    fn authorized(
        &self,
        plan: Blake3,
        policy: &PolicyName,
        version: u64,
        rule: &RuleName,
    ) -> Option<AuthorizedBy> {
        let found = self.plans.get(&plan)?;
        let standing = self.policies.get(policy).filter(|policy| policy.version == version);
        Some(AuthorizedBy {
            plan,
            submitted: found.submitted.clone(),
            policy: policy.clone(),
            version,
            rule: rule.clone(),
            document: standing.map(|policy| policy.document),
        })
    }

    fn ask(
        &mut self,
        position: u64,
        what: What,
        (repository, manifest): (&RepositoryName, Blake3),
        by: Option<AuthorizedBy>,
        holds: Vec<(HoldName, Blake3)>,
    ) {
        if by.is_none() && holds.is_empty() {
            return;
        }
        let state = self.packages.get(&(repository.clone(), manifest));
        let Some(Accepted { at_ms, media_type, artifact_type, .. }) =
            state.and_then(|state| state.accepted.clone())
        else {
            return;
        };
        self.questions.push(Question {
            position,
            what,
            repository: repository.clone(),
            manifest,
            media_type,
            artifact_type,
            accepted_at_ms: at_ms,
            by,
            holds,
        });
    }
}
