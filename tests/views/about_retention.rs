//! Facts about how long things are kept.

use proptest::prelude::*;
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::{
    Authority, BlobDeleted, BlobDeletionStarted, BlobMoved, DocumentErased, Fact, HoldKind, HoldPlaced,
    HoldReleased, HoldTarget, LockBypassed, LockExtended, LockGround, LockMode, ManifestDeleted,
    ManifestReferences, ManifestTiered, PlanApplied, PlanApproved, PlanSubmitted, RetrievalAvailable,
    RetrievalFailed, RetrievalFailure, RetrievalRequested, RetrievalRestoring,
};
use strongroom::kernel::id::{HoldName, RetrievalId};
use strongroom::kernel::tier::Tier;
use uuid::Uuid;

use super::{accepted, digests, object, repository, store, stored};

/// What a package holds on to: two blobs, and a manifest that it lists.
pub(crate) fn references(in_repository: u16, content: u16) -> Fact {
    ManifestReferences {
        repository: repository(in_repository),
        blake3: digests(content).blake3,
        blobs: [content % 5, content % 7].map(|blob| digests(blob).blake3).to_vec(),
        manifests: vec![digests(content / 2).blake3],
    }
    .into()
}

pub(crate) fn deleted(in_repository: u16, content: u16) -> Fact {
    let Digests { blake3, sha256 } = digests(content);
    ManifestDeleted {
        repository: repository(in_repository),
        blake3,
        sha256,
        size_bytes: 300,
        blobs: 2,
        blobs_bytes: 2_000,
        authority: Authority::Actor { statement: blake3 },
    }
    .into()
}

/// By an erasure.
pub(crate) fn package_erased(in_repository: u16, content: u16) -> Fact {
    let Fact::ManifestDeleted(mut fact) = deleted(in_repository, content) else { unreachable!("it is one") };
    fact.authority = Authority::Erasure { statement: digests(content + 1).blake3 };
    fact.into()
}

/// A manifest, or the rendering of the one before it.
pub(crate) fn document_erased(content: u16) -> Fact {
    let Digests { blake3: document, sha256 } = digests(content);
    let manifest = (content % 2 == 1).then(|| digests(content - 1).blake3);
    DocumentErased { document, sha256, manifest, statement: digests(content + 1).blake3 }.into()
}

pub(crate) fn deletion_started(content: u16, in_object: u16) -> Fact {
    let Digests { blake3, sha256 } = digests(content);
    let size_bytes = 1_000 + u64::from(content);
    BlobDeletionStarted { blake3, sha256, size_bytes, store: store(), object: object(in_object) }.into()
}

pub(crate) fn blob_deleted(content: u16, in_object: u16) -> Fact {
    BlobDeleted { blake3: digests(content).blake3, store: store(), object: object(in_object) }.into()
}

/// On a package, a repository or a query, by its number.
pub(crate) fn hold_placed(n: u16) -> Fact {
    let target = match n % 3 {
        0 => HoldTarget::Package(repository(n), digests(n).blake3),
        1 => HoldTarget::Repository(repository(n)),
        _ => HoldTarget::Query(digests(n).blake3),
    };
    let kind = HoldKind::ALL[usize::from(n % 2)];
    HoldPlaced { hold: hold(n), kind, target, statement: digests(n).blake3 }.into()
}

pub(crate) fn hold_released(n: u16) -> Fact {
    HoldReleased { hold: hold(n), statement: digests(n + 1).blake3 }.into()
}

fn hold(n: u16) -> HoldName {
    format!("case-{n}").parse().expect("a name")
}

pub(crate) fn locked(in_repository: u16, content: u16, mode: LockMode, until_ms: u64) -> Fact {
    let ground = LockGround::Actor { statement: digests(content).blake3 };
    let (repository, blake3) = (repository(in_repository), digests(content).blake3);
    LockExtended { repository, blake3, mode, until_ms, ground }.into()
}

pub(crate) fn bypassed(in_repository: u16, content: u16, until_ms: u64) -> Fact {
    let (repository, Digests { blake3, .. }) = (repository(in_repository), digests(content));
    LockBypassed { repository, blake3, until_ms, statement: blake3 }.into()
}

pub(crate) fn plan_submitted(n: u16) -> Fact {
    let plan = digests(n).blake3;
    PlanSubmitted { plan, at_size: 1, deletions: 2, bytes: 3, locks: 4, approve: true }.into()
}

pub(crate) fn plan_approved(n: u16) -> Fact {
    PlanApproved { plan: digests(n).blake3 }.into()
}

pub(crate) fn plan_applied(n: u16) -> Fact {
    PlanApplied { plan: digests(n).blake3 }.into()
}

pub(crate) fn deleted_by_plan(in_repository: u16, content: u16, plan: u16) -> Fact {
    let Fact::ManifestDeleted(mut fact) = deleted(in_repository, content) else { unreachable!("it is one") };
    fact.authority = Authority::Plan {
        plan: digests(plan).blake3,
        policy: "weekly".parse().expect("a policy"),
        version: 1,
        rule: "old".parse().expect("a rule"),
    };
    fact.into()
}

pub(crate) fn tiered(in_repository: u16, content: u16, tier: Tier) -> Fact {
    ManifestTiered {
        repository: repository(in_repository),
        blake3: digests(content).blake3,
        tier,
        plan: digests(0).blake3,
        policy: "weekly".parse().expect("a policy"),
        version: 1,
        rule: "old".parse().expect("a rule"),
    }
    .into()
}

/// Between the store of all others and a cold one, by the number of the object that it goes to.
pub(crate) fn moved(content: u16, from_object: u16, to_object: u16) -> Fact {
    let (here, cold) = (store(), "cold".parse().expect("a store"));
    let (from_store, to_store) = if to_object.is_multiple_of(2) { (here, cold) } else { (cold, here) };
    BlobMoved {
        blake3: digests(content).blake3,
        size_bytes: 1_000 + u64::from(content),
        from_store,
        from_object: object(from_object),
        store: to_store,
        object: object(to_object),
        node: "node".parse().expect("a node"),
        report: "a report".into(),
    }
    .into()
}

fn retrieval(n: u16) -> RetrievalId {
    RetrievalId(Uuid::from_u128(u128::from(n)))
}

pub(crate) fn requested(n: u16, in_repository: u16, content: u16) -> Fact {
    let (retrieval, repository) = (retrieval(n), repository(in_repository));
    let manifest = digests(content).blake3;
    RetrievalRequested { retrieval, repository, manifest, blobs: 2, bytes: 2_000, days: 7 }.into()
}

pub(crate) fn restoring(n: u16) -> Fact {
    RetrievalRestoring { retrieval: retrieval(n), repository: repository(0) }.into()
}

pub(crate) fn available(n: u16, until_ms: u64) -> Fact {
    RetrievalAvailable { retrieval: retrieval(n), repository: repository(0), until_ms }.into()
}

pub(crate) fn failed(n: u16, code: RetrievalFailure) -> Fact {
    RetrievalFailed { retrieval: retrieval(n), repository: repository(0), code }.into()
}

/// Facts about few packages, blobs and retrievals, so that they meet.
fn about_tiers() -> impl Strategy<Value = Fact> {
    let (at, content, object, n) = (0_u16..2, 0_u16..8, 0_u16..4, 0_u16..4);
    prop_oneof![
        4 => (at.clone(), content.clone(), proptest::sample::select(&Tier::ALL[..]))
            .prop_map(|(at, manifest, tier)| tiered(at, manifest, tier)),
        4 => (content.clone(), object.clone(), object)
            .prop_map(|(blob, from, to)| moved(blob, from, to)),
        2 => (n.clone(), at, content).prop_map(|(n, at, manifest)| requested(n, at, manifest)),
        1 => n.clone().prop_map(restoring),
        1 => (n.clone(), 1_000_u64..1_005).prop_map(|(n, until_ms)| available(n, until_ms)),
        1 => (n, proptest::sample::select(&RetrievalFailure::ALL[..])).prop_map(|(n, code)| failed(n, code)),
    ]
}

/// Facts about few packages and blobs, so that they meet.
pub(super) fn about_retention() -> impl Strategy<Value = Fact> {
    let (at, content, object) = (0_u16..2, 0_u16..8, 0_u16..3);
    let until = 1_000_u64..1_005;
    let package = (at.clone(), content.clone());
    prop_oneof![
        6 => about_tiers(),
        4 => package.clone().prop_map(|(at, manifest)| references(at, manifest)),
        2 => package.clone().prop_map(|(at, manifest)| accepted(at, manifest)),
        3 => package.clone().prop_map(|(at, manifest)| deleted(at, manifest)),
        2 => (package.clone(), 0_u16..3).prop_map(|((at, manifest), plan)| deleted_by_plan(at, manifest, plan)),
        1 => package.clone().prop_map(|(at, manifest)| package_erased(at, manifest)),
        1 => content.clone().prop_map(document_erased),
        1 => (0_u16..3).prop_map(plan_submitted),
        1 => (0_u16..3).prop_map(plan_approved),
        1 => (0_u16..3).prop_map(plan_applied),
        2 => (content.clone(), object.clone()).prop_map(|(blob, object)| deletion_started(blob, object)),
        2 => (content.clone(), object.clone()).prop_map(|(blob, object)| blob_deleted(blob, object)),
        2 => (at, content.clone(), object).prop_map(|(at, blob, object)| stored(at, blob, object)),
        1 => content.clone().prop_map(hold_placed),
        1 => content.prop_map(hold_released),
        2 => (package.clone(), proptest::sample::select(&LockMode::ALL[..]), until.clone())
            .prop_map(|((at, manifest), mode, until)| locked(at, manifest, mode, until)),
        1 => (package, until).prop_map(|((at, manifest), until)| bypassed(at, manifest, until)),
    ]
}

/// Tiers, moves and retrievals that leave rows in each table of theirs.
pub(super) fn about_tiers_in_order() -> Vec<Fact> {
    vec![
        tiered(0, 4, Tier::Cold),
        tiered(1, 4, Tier::Warm),
        tiered(0, 3, Tier::Cold),
        tiered(0, 3, Tier::Hot),
        moved(2, 2, 20),
        requested(1, 0, 4),
        restoring(1),
        available(1, 1_700_000_900_000),
        requested(2, 1, 4),
        failed(2, RetrievalFailure::GaveUp),
        requested(3, 1, 4),
    ]
}
