//! Small blobs that come together: each is taken or refused by itself.

use bytes::Bytes;
use strongroom::contract::{Grant, Size};
use strongroom::data::{Creation, Disposition, Offered, Refused, Sealed, Undelivered, session};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::{
    CLOCK_SKEW_SECONDS, GRANT_LIFE_SECONDS, SMALL_BLOB_MAX_BYTES, SMALL_GROUP_BLOBS_MAX,
};

use crate::harness::{Node, sample};

fn offered(node: &Node, grant: &Grant, bytes: &[u8]) -> Offered {
    Offered { grant: grant.sign(&node.grants), bytes: Bytes::copy_from_slice(bytes) }
}

fn exact(node: &Node, bytes: &[u8]) -> Grant {
    node.upload(Size::Exact(bytes.len() as u64), Some(Digests::of(bytes).blake3.into()))
}

/// That a blob is stored as a small one by itself would be.
async fn check(node: &Node, sealed: &Sealed, bytes: &[u8]) {
    assert_eq!(sealed.digests, Digests::of(bytes));
    assert_eq!(sealed.size_bytes, bytes.len() as u64);
    let receipt = node.receipt(sealed);
    assert_eq!(receipt.digests, sealed.digests);
    assert!(node.object(&receipt.object).await.unwrap() == bytes);
}

#[tokio::test]
async fn each_blob_has_its_own_object_and_receipt_in_the_order_in_which_they_came() {
    let (node, memory) = Node::in_memory();
    let contents: Vec<Vec<u8>> = (0..SMALL_GROUP_BLOBS_MAX).map(|n| sample(n * 37)).collect();
    let blobs = contents.iter().map(|bytes| offered(&node, &exact(&node, bytes), bytes)).collect();
    memory.faults().clear();
    let outcomes = node.plane.put_together(blobs).await;
    assert_eq!(outcomes.len(), contents.len());
    let mut objects = std::collections::BTreeSet::new();
    for (outcome, bytes) in outcomes.iter().zip(&contents) {
        let sealed = outcome.as_ref().unwrap();
        assert!(sealed.delivered);
        check(&node, sealed, bytes).await;
        objects.insert(node.receipt(sealed).object);
    }
    assert_eq!(objects.len(), contents.len());
    assert_eq!(node.offered().len(), contents.len());
    assert!(node.plane.put_together(Vec::new()).await.is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_one_blob_costs_the_others_nothing() {
    let (node, _) = Node::in_memory();
    let good = exact(&node, b"good");
    let expired = exact(&node, b"expired");
    let stranger =
        strongroom::contract::SigningKey::from_seed(strongroom::kernel::event::KeyKind::Grant, [9; 32]);
    let begun = node.upload(Size::AtMost(10), None);
    let large = vec![0; usize::try_from(SMALL_BLOB_MAX_BYTES).unwrap() + 1];
    node.clock.advance_ms((GRANT_LIFE_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000);
    let other_store = Grant { store: "other".parse().unwrap(), ..exact(&node, b"stray") };
    let late = exact(&node, b"late");
    let begun = Grant { id: begun.id, ..node.upload(Size::AtMost(10), None) };
    node.plane.create(&node.admit(&begun), Creation::default()).await.unwrap();
    let good = Grant { id: good.id, ..exact(&node, b"good") };
    let blobs = vec![
        offered(&node, &expired, b"expired"),
        Offered { grant: exact(&node, b"forged").sign(&stranger), bytes: Bytes::from_static(b"forged") },
        Offered { grant: "nonsense".into(), bytes: Bytes::from_static(b"x") },
        offered(&node, &exact(&node, b"declared"), b"DECLARED"),
        offered(&node, &exact(&node, b"short"), b"shorter"),
        offered(&node, &node.upload(Size::AtMost(SMALL_BLOB_MAX_BYTES * 2), None), &large),
        offered(&node, &other_store, b"stray"),
        offered(&node, &begun, b"begun"),
        offered(&node, &good, b"good"),
        offered(&node, &late, b"late"),
    ];
    let outcomes = node.plane.put_together(blobs).await;
    let told: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(_) => "stored".to_owned(),
            Err(Refused::Grant(_)) => "grant".to_owned(),
            Err(Refused::Upload(error)) => match error {
                session::Error::Failed { .. } => "digest".to_owned(),
                session::Error::Length { .. } => "length".to_owned(),
                session::Error::TooLarge { .. } => "large".to_owned(),
                session::Error::NotPermitted(_) => "not permitted".to_owned(),
                session::Error::GrantUsed(_) => "used".to_owned(),
                error => error.to_string(),
            },
        })
        .collect();
    let expected =
        ["grant", "grant", "grant", "digest", "length", "large", "not permitted", "used", "stored", "stored"];
    assert_eq!(told, expected);
    check(&node, outcomes[8].as_ref().unwrap(), b"good").await;
    check(&node, outcomes[9].as_ref().unwrap(), b"late").await;
    assert_eq!(node.offered().len(), 2);
}

#[tokio::test]
async fn a_group_that_comes_again_is_the_same_group() {
    let (node, _) = Node::in_memory();
    let grants: Vec<Grant> = (0..20).map(|_| node.upload(Size::AtMost(100), None)).collect();
    let blobs = || grants.iter().map(|grant| offered(&node, grant, b"same")).collect::<Vec<_>>();
    let first = node.plane.put_together(blobs()).await;
    let both = tokio::join!(node.plane.put_together(blobs()), async {
        let mut backwards = blobs();
        backwards.reverse();
        node.plane.put_together(backwards).await
    });
    for outcomes in [&first, &both.0, &both.1] {
        for outcome in outcomes {
            check(&node, outcome.as_ref().unwrap(), b"same").await;
        }
    }
    let other = vec![offered(&node, &grants[0], b"different")];
    let refused = node.plane.put_together(other).await;
    assert!(matches!(&refused[0], Err(Refused::Upload(session::Error::GrantUsed(_)))));
}

#[tokio::test]
async fn one_grant_twice_in_a_group_is_one_upload() {
    let (node, _) = Node::in_memory();
    let grant = node.upload(Size::AtMost(100), None);
    let blobs = ["one", "one", "two"].map(|bytes| offered(&node, &grant, bytes.as_bytes()));
    let outcomes = node.plane.put_together(blobs.to_vec()).await;
    check(&node, outcomes[0].as_ref().unwrap(), b"one").await;
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, Err(Refused::Upload(session::Error::GrantUsed(_)))));
    }
}

#[tokio::test]
async fn receipts_that_are_not_taken_are_kept_and_offered_again() {
    let (mut node, _) = Node::in_memory();
    node.control_answers(Err(Undelivered("the control plane is away".into())));
    let blobs = (0..10u8).map(|n| offered(&node, &exact(&node, &[n]), &[n])).collect();
    let outcomes = node.plane.put_together(blobs).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(sealed) if !sealed.delivered)));
    node.restart();
    node.control_answers(Ok(Disposition::Accepted));
    assert_eq!(node.plane.redeliver().await.unwrap(), (10, 0));

    node.control_answers(Ok(Disposition::Discarded));
    let outcomes = node.plane.put_together(vec![offered(&node, &exact(&node, b"again"), b"again")]).await;
    let receipt = node.receipt(outcomes[0].as_ref().unwrap());
    assert_eq!(node.object(&receipt.object).await, None, "what control gives up is deleted");
}

#[tokio::test]
async fn nothing_begins_while_the_process_stops() {
    let (node, memory) = Node::in_memory();
    let blob = offered(&node, &exact(&node, b"x"), b"x");
    node.plane.park().await;
    memory.faults().clear();
    let outcomes = node.plane.put_together(vec![blob]).await;
    assert!(matches!(&outcomes[..], [Err(Refused::Upload(session::Error::Closing))]));
    assert!(memory.faults().clear().is_empty());
}

#[tokio::test]
async fn whoever_holds_memory_never_waits_for_more() {
    let node = Node::with_budget(1);
    let most = SMALL_BLOB_MAX_BYTES;
    let grant = node.may_upload(1);
    let mut held = node.plane.reserve(&grant, most).await.unwrap();
    assert!(node.plane.reserve_now(&grant, most).unwrap().is_none(), "all of it is held");
    held.shrink_to(10);
    let rest = node.plane.reserve_now(&grant, most - 10).unwrap();
    assert!(rest.is_some(), "what was given back");
    drop((held, rest));
    assert!(node.plane.reserve_now(&grant, most).unwrap().is_some());
    assert!(node.plane.reserve_now(&grant, 2 * most).is_err(), "more than a blob may have");
}
