//! Guards: what the views say at the moment of the append.

use strongroom::kernel::event::{DiscardReason, Fact};
use strongroom::log::{Error, Guard, GuardFailure, Member, NewEvent};

use crate::history::{
    accepted, digests, discarded, linked, object, policy_set, repository, store, stored, tag_set,
};
use crate::scene::Scene;

async fn append(scene: &Scene, fact: Fact, guards: Vec<Guard>) -> Result<(), GuardFailure> {
    let event = NewEvent::new("tester".parse().unwrap(), fact.stream(), fact);
    let member = Member { events: vec![event], guards, ..Member::default() };
    match scene.log.append(member).await {
        Ok(_) => Ok(()),
        Err(Error::Guard(failure)) => Err(failure),
        Err(other) => panic!("{other}"),
    }
}

fn blobs(of: u16, contents: &[u16]) -> Guard {
    let blobs = contents.iter().map(|content| digests(*content).blake3).collect();
    Guard::BlobsLinked { repository: repository(of), blobs }
}

fn manifests(of: u16, contents: &[u16]) -> Guard {
    let manifests = contents.iter().map(|content| digests(*content).blake3).collect();
    Guard::ManifestsAccepted { repository: repository(of), manifests }
}

#[tokio::test]
async fn all_blobs_that_are_not_live_and_linked_here_are_named() {
    // Blob 3 is linked but was never stored; blob 2 is stored elsewhere.
    let history = vec![stored(0, 1, 1), stored(1, 2, 2), linked(0, 3, 1), linked(0, 4, 1), stored(1, 4, 4)];
    let scene = Scene::with(history).await;
    assert_eq!(append(&scene, accepted(0, 9), vec![blobs(0, &[1, 4, 1])]).await, Ok(()));
    assert_eq!(append(&scene, accepted(0, 10), vec![blobs(0, &[])]).await, Ok(()));
    let missing = [5, 2, 3].map(|content| digests(content).blake3).to_vec();
    let failure = GuardFailure::BlobsMissing { repository: repository(0), missing };
    assert_eq!(append(&scene, accepted(0, 11), vec![blobs(0, &[5, 1, 2, 3, 5])]).await, Err(failure));
    assert_eq!(scene.check().await, [""; 0]);
}

#[tokio::test]
async fn all_manifests_that_are_not_accepted_here_are_named() {
    let scene = Scene::with(vec![accepted(0, 1), accepted(1, 2)]).await;
    assert_eq!(append(&scene, tag_set(0, 1, 1), vec![manifests(0, &[1])]).await, Ok(()));
    let missing = vec![digests(2).blake3];
    let failure = GuardFailure::ManifestsMissing { repository: repository(0), missing };
    assert_eq!(append(&scene, tag_set(0, 1, 2), vec![manifests(0, &[1, 2])]).await, Err(failure));
}

#[tokio::test]
async fn an_object_that_was_discarded_is_named_no_more() {
    let scene = Scene::with(vec![discarded(7, DiscardReason::Late)]).await;
    let kept = |n| vec![Guard::ObjectNotDiscarded { store: store(), object: object(n) }];
    let failure = GuardFailure::ObjectDiscarded { store: store(), object: object(7) };
    assert_eq!(append(&scene, stored(0, 1, 7), kept(7)).await, Err(failure));
    assert_eq!(append(&scene, stored(0, 1, 8), kept(8)).await, Ok(()));
}

#[tokio::test]
async fn members_of_one_batch_fail_one_by_one() {
    let scene = Scene::with(vec![stored(0, 1, 1), accepted(0, 1), discarded(7, DiscardReason::Late)]).await;
    let results = futures::future::join_all((0..64_u16).map(|n| {
        let guards = match n % 4 {
            0 => vec![blobs(0, &[1]), manifests(0, &[1])],
            1 => vec![blobs(0, &[1, 1_000 + n])],
            2 => vec![blobs(0, &[1]), manifests(0, &[1_000 + n])],
            _ => vec![Guard::ObjectNotDiscarded { store: store(), object: object(7) }],
        };
        append(&scene, tag_set(0, n, 1), guards)
    }))
    .await;
    for (n, result) in (0..64_u16).zip(results) {
        let missing = vec![digests(1_000 + n).blake3];
        let expected = match n % 4 {
            0 => Ok(()),
            1 => Err(GuardFailure::BlobsMissing { repository: repository(0), missing }),
            2 => Err(GuardFailure::ManifestsMissing { repository: repository(0), missing }),
            _ => Err(GuardFailure::ObjectDiscarded { store: store(), object: object(7) }),
        };
        assert_eq!(result, expected, "member {n}");
    }
}

#[tokio::test]
async fn whoever_decided_by_policies_is_told_that_one_was_set_or_removed_since() {
    let scene = Scene::with(vec![stored(0, 1, 1)]).await;
    let unchanged = |since| vec![Guard::PoliciesUnchanged { since }];
    let changed = Err(GuardFailure::RetentionChanged);
    assert_eq!(append(&scene, tag_set(0, 1, 1), unchanged(None)).await, Ok(()));
    assert_eq!(append(&scene, policy_set(1, 1, 20), vec![]).await, Ok(()));
    assert_eq!(append(&scene, tag_set(0, 1, 2), unchanged(None)).await, changed);
    assert_eq!(append(&scene, tag_set(0, 1, 2), unchanged(Some(2))).await, Ok(()));
    assert_eq!(append(&scene, policy_set(1, 2, 21), vec![]).await, Ok(()));
    assert_eq!(append(&scene, tag_set(0, 1, 3), unchanged(Some(2))).await, changed);
    assert_eq!(append(&scene, tag_set(0, 1, 3), unchanged(Some(4))).await, Ok(()));
}
