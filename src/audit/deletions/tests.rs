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
    let references =
        ManifestReferences { repository: repository(), blake3, blobs: vec![digest(9)], manifests: vec![] };
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
    ManifestDeleted { repository, blake3, sha256, size_bytes: 1, blobs: 1, blobs_bytes: 1, authority }.into()
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
    for (position, fact) in (0..).zip(accepted()) {
        deletions.fold(position, &event("ci", fact));
    }
    for (position, (actor, fact)) in (2..).zip(before) {
        deletions.fold(position, &event(actor, fact.clone()));
    }
    deletions.check(2 + before.len() as u64, &event("keeper", deletion))
}

fn submitted(approve: bool) -> Fact {
    PlanSubmitted { plan: digest(5), at_size: 2, deletions: 1, bytes: 1, locks: 0, approve }.into()
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
fn by_a_plan_goes_what_was_there_then_and_no_more_than_was_submitted() {
    let small =
        PlanSubmitted { plan: digest(5), at_size: 2, deletions: 0, bytes: 9, locks: 0, approve: false };
    let early = PlanSubmitted { at_size: 1, deletions: 1, ..small.clone() };
    let light = PlanSubmitted { deletions: 1, bytes: 0, ..small.clone() };
    for (submitted, said) in [(small, "no more"), (light, "no more"), (early, "after the plan was made")] {
        let told = found(&[("p", policy()), ("p", submitted.into())], by_plan());
        assert!(told.len() == 1 && told[0].contains(said), "{told:?}");
        assert!(told[0].contains("acme/reports@blake3:") && told[0].contains("weekly/old"), "{told:?}");
    }
}

#[test]
fn a_lock_that_somebody_moves_back_is_found_and_one_that_a_rule_repeats_is_not() {
    let lock = |until_ms, ground| {
        let (repository, blake3, mode) = (repository(), digest(1), LockMode::Compliance);
        Fact::from(LockExtended { repository, blake3, mode, until_ms, ground })
    };
    let word = || LockGround::Actor { statement: digest(7) };
    let rule =
        LockGround::Rule { policy: "weekly".parse().unwrap(), version: 1, rule: "old".parse().unwrap() };
    let before = [("a", lock(50, word()))];
    for until_ms in [49, 50] {
        assert_eq!(found(&before, lock(until_ms, word())).len(), 1);
        assert_eq!(found(&before, lock(until_ms, rule.clone())).len(), 0);
    }
    assert!(found(&before, lock(51, word())).is_empty());
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
