//! What was erased: only while nothing needed it, and it did not come back.
//!
//! - A document is erased only while no package has it as its manifest and no hold that stands selects by it; the ground of an
//!   erasure never.
//! - What was erased is not accepted again: a package in its repository, a document anywhere.
//! - What stands in the way of the package itself is for [`super::deletions`] to say, and who may erase for
//!   [`super::authority`].

use std::collections::HashSet;

use super::deletions::Deletions;
use crate::kernel::digest::Blake3;
use crate::kernel::event::{Authority, DocumentErased, Event, Fact};
use crate::kernel::id::RepositoryName;

/// What may not come back, as far as the log was read.
#[derive(Debug, Default)]
pub(super) struct Erasures {
    packages: HashSet<(RepositoryName, Blake3)>,
    documents: HashSet<Blake3>,
    grounds: HashSet<Blake3>,
}

impl Erasures {
    /// What is wrong with an event, if it erases or brings back. Before it is folded, here and there.
    pub(super) fn check(&self, event: &Event, deletions: &Deletions) -> Vec<String> {
        match &event.fact {
            Fact::DocumentErased(fact) => self.needed(fact, deletions),
            Fact::ManifestAccepted(fact) => {
                let (repository, manifest) = (&fact.repository, fact.blake3);
                let erased = self.packages.contains(&(repository.clone(), manifest))
                    || self.documents.contains(&manifest);
                let told = || format!("package {repository}@{manifest} was accepted, and was erased before");
                erased.then(told).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn needed(&self, fact: &DocumentErased, deletions: &Deletions) -> Vec<String> {
        let told = |why: String| format!("document {} was erased, and {why}", fact.document);
        let manifest = deletions
            .accepted_in(fact.document)
            .map(|repository| told(format!("is the manifest of a package in {repository}")));
        let selector =
            deletions.selecting_by(fact.document).map(|hold| told(format!("hold {hold} selects by it")));
        let is_ground = self.grounds.contains(&fact.document);
        let ground = is_ground.then(|| told("is the ground of an erasure".to_owned()));
        manifest.into_iter().chain(selector).chain(ground).collect()
    }

    /// Takes note of an event.
    pub(super) fn fold(&mut self, event: &Event) {
        match &event.fact {
            Fact::ManifestDeleted(fact) => {
                if let Authority::Erasure { statement } = fact.authority {
                    self.packages.insert((fact.repository.clone(), fact.blake3));
                    self.grounds.insert(statement);
                }
            }
            Fact::DocumentErased(fact) => {
                self.documents.insert(fact.document);
                self.grounds.insert(fact.statement);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::digest::Digests;
    use crate::kernel::event::{
        HoldKind, HoldPlaced, HoldTarget, LockExtended, LockGround, LockMode, ManifestAccepted,
        ManifestDeleted,
    };
    use crate::kernel::id::EventId;

    fn digest(n: u8) -> Blake3 {
        Digests::of(&[n]).blake3
    }

    fn repository() -> RepositoryName {
        "acme/reports".parse().unwrap()
    }

    fn event(fact: Fact) -> Event {
        let (id, actor) = (EventId(Uuid::nil()), "officer".parse().unwrap());
        Event { id, at_ms: 1_000, actor, stream: fact.stream(), seq: 0, fact, cause: None }
    }

    fn accepted() -> Fact {
        let Digests { blake3, sha256 } = Digests::of(&[1]);
        ManifestAccepted {
            repository: repository(),
            blake3,
            sha256,
            size_bytes: 1,
            media_type: "x".into(),
            artifact_type: None,
            subject: None,
            oci_sha256: None,
            oci_size_bytes: None,
            blobs: 0,
            blobs_bytes: 0,
        }
        .into()
    }

    fn erased() -> Fact {
        let Digests { blake3, sha256 } = Digests::of(&[1]);
        let authority = Authority::Erasure { statement: digest(7) };
        let repository = repository();
        ManifestDeleted { repository, blake3, sha256, size_bytes: 1, blobs: 0, blobs_bytes: 0, authority }
            .into()
    }

    fn document_erased(document: u8) -> Fact {
        let Digests { blake3, sha256 } = Digests::of(&[document]);
        DocumentErased { document: blake3, sha256, manifest: None, statement: digest(7) }.into()
    }

    fn hold(target: HoldTarget) -> Fact {
        let (hold, kind) = ("case".parse().unwrap(), HoldKind::Litigation);
        HoldPlaced { hold, kind, target, statement: digest(8) }.into()
    }

    /// What is found of the last of these, behind the acceptance of a package and the others.
    fn found(facts: &[Fact]) -> usize {
        let (mut deletions, mut erasures) = (Deletions::default(), Erasures::default());
        let mut found = 0;
        for (position, fact) in (0..).zip([&[accepted()], facts].concat()) {
            let event = event(fact);
            found = erasures.check(&event, &deletions).len() + deletions.check(position, &event).len();
            erasures.fold(&event);
            deletions.fold(position, &event);
        }
        found
    }

    #[test]
    fn an_erasure_goes_past_governance_locks_and_past_nothing_stronger() {
        let lock = |mode| {
            let ground = LockGround::Actor { statement: digest(7) };
            Fact::from(LockExtended {
                repository: repository(),
                blake3: digest(1),
                mode,
                until_ms: 1_001,
                ground,
            })
        };
        assert_eq!(found(&[lock(LockMode::Governance), erased()]), 0);
        assert_eq!(found(&[lock(LockMode::Compliance), erased()]), 1);
        assert_eq!(found(&[hold(HoldTarget::Package(repository(), digest(1))), erased()]), 1);
    }

    #[test]
    fn a_document_that_is_needed_is_not_erased() {
        assert_eq!(found(&[document_erased(1)]), 1, "a package has it");
        assert_eq!(found(&[erased(), document_erased(1)]), 0);
        assert_eq!(found(&[erased(), document_erased(7)]), 1, "it is the ground");
        assert_eq!(
            found(&[hold(HoldTarget::Query(digest(6))), document_erased(6)]),
            1,
            "a hold selects by it"
        );
    }

    #[test]
    fn what_was_erased_does_not_come_back() {
        assert_eq!(found(&[erased(), accepted()]), 1);
        assert_eq!(found(&[erased(), document_erased(1), accepted()]), 1);
    }
}
