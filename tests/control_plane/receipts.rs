//! Receipts: counted once, believed only if true.

use strongroom::contract::{self, Receipt, SigningKey};
use strongroom::control::receipts::{self, Accepted, Error};
use strongroom::control::{self, keys};
use strongroom::kernel::event::{DiscardReason, Fact, KeyKind};
use strongroom::kernel::limits::{CLOCK_SKEW_SECONDS, RECEIPT_DELIVERY_SECONDS};

use crate::plane::{Plane, name};

const SCOPES: &str = "repository:acme/*:pull,push";

async fn accept(plane: &Plane, receipt: &Receipt) -> Result<Accepted, Error> {
    receipts::accept(&plane.control, None, &receipt.sign(&plane.receipt_key)).await
}

async fn discards(plane: &Plane) -> Vec<DiscardReason> {
    let facts = plane.facts("object.discarded").await;
    let reason = |fact| match fact {
        Fact::ObjectDiscarded(discarded) => discarded.reason,
        other => panic!("{other:?}"),
    };
    facts.into_iter().map(reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_counts_once_however_often_it_comes() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let receipt = plane.receipt(&uploader.grant("acme/a").await, b"evidence");
    let text = receipt.sign(&plane.receipt_key);
    let mut deliveries = tokio::task::JoinSet::new();
    for by_client in [false, true].repeat(8) {
        let (uploader, text) = (uploader.clone(), text.clone());
        deliveries.spawn(async move {
            if by_client {
                receipts::deliver(&uploader.control, &uploader.context, &name("acme/a"), &text).await
            } else {
                receipts::accept(&uploader.control, None, &text).await
            }
        });
    }
    let accepted: Vec<Accepted> = deliveries.join_all().await.into_iter().map(Result::unwrap).collect();
    assert!(accepted.iter().all(|one| *one == accepted[0]), "the same answer to all");
    let stored = plane.facts("blob.stored").await;
    assert_eq!(stored.len(), 1);
    assert!(matches!(&stored[0], Fact::BlobStored(fact) if fact.receipt == text), "the evidence is inside");
    let event = &plane.events().await[accepted[0].position as usize].event;
    assert_eq!(event.actor.as_str(), "uploader", "the actor of the grant, whoever delivers");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_by_many_at_once_have_one_object_and_a_link_each() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let mut deliveries = tokio::task::JoinSet::new();
    for n in 0..4 {
        let receipt = plane.receipt(&uploader.grant(&format!("acme/r{n}")).await, b"the same");
        let (control, text) = (plane.control.clone(), receipt.sign(&plane.receipt_key));
        deliveries.spawn(async move { receipts::accept(&control, None, &text).await });
    }
    let accepted: Vec<Accepted> = deliveries.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.iter().filter(|one| !one.discarded).count(), 1);
    assert_eq!(plane.facts("blob.stored").await.len(), 1);
    let links = plane.facts("blob.linked").await;
    assert_eq!(links.len(), 3);
    for link in links {
        let Fact::BlobLinked(link) = link else { panic!("{link:?}") };
        assert!(link.receipt.is_some() && link.from.is_none(), "no other repository is named");
    }
    assert_eq!(discards(&plane).await, [DiscardReason::Duplicate; 3]);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_receipt_is_refused_and_its_object_discarded_once() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let receipt = plane.receipt(&uploader.grant("acme/a").await, b"late");
    plane.clock.advance_ms((RECEIPT_DELIVERY_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000);
    for _ in 0..2 {
        let error = accept(&plane, &receipt).await.unwrap_err();
        assert!(matches!(error, Error::Late { .. }) && error.is_final(), "{error}");
    }
    assert_eq!(discards(&plane).await, [DiscardReason::Late]);
    // One that was accepted in time stays accepted when it comes again late.
    let in_time = plane.receipt(&uploader.grant("acme/a").await, b"in time");
    let first = accept(&plane, &in_time).await.unwrap();
    plane.clock.advance_ms((RECEIPT_DELIVERY_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000);
    assert_eq!(accept(&plane, &in_time).await.unwrap(), first);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_used_twice_gives_one_blob() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let grant = uploader.grant("acme/a").await;
    let first = accept(&plane, &plane.receipt(&grant, b"first")).await.unwrap();
    // The same bytes again, after a lost answer: the same blob, and no second object.
    let again = accept(&plane, &plane.receipt(&grant, b"first")).await.unwrap();
    assert_eq!((again.position, again.discarded), (first.position, true));
    let error = accept(&plane, &plane.receipt(&grant, b"second")).await.unwrap_err();
    assert!(matches!(error, Error::GrantSpent(_)), "{error}");
    assert_eq!(discards(&plane).await, [DiscardReason::Duplicate, DiscardReason::Refused]);
    assert_eq!(plane.facts("blob.stored").await.len(), 1);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_true_receipt_changes_nothing() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let grant = uploader.grant("acme/a").await;
    let receipt = plane.receipt(&grant, b"evidence");
    let before = plane.events().await.len();
    let stranger = SigningKey::generate(KeyKind::Receipt);
    let other_node = Receipt { node: "node-2".parse().unwrap(), ..receipt.clone() };
    let true_text = receipt.sign(&plane.receipt_key);
    let widened = Receipt { size_bytes: 1 << 40, ..receipt.clone() }.sign(&plane.receipt_key);
    let mixed = [widened.rsplit_once('.').unwrap().0, true_text.rsplit_once('.').unwrap().1].join(".");
    let early = Receipt { stored_at_ms: plane.now_ms() + 3_600_000, ..receipt.clone() };
    let rows: [(&str, String); 7] = [
        ("nothing", String::new()),
        ("no statement", "a.b.c".into()),
        ("a grant", grant),
        ("unknown key", receipt.sign(&stranger)),
        ("another node's name", other_node.sign(&plane.receipt_key)),
        ("widened", mixed),
        ("from the future", early.sign(&plane.receipt_key)),
    ];
    for (what, text) in rows {
        let error = receipts::accept(&plane.control, None, &text).await.unwrap_err();
        assert!(matches!(error, Error::Statement(_) | Error::OtherNode(_)), "{what}: {error}");
    }
    assert_eq!(plane.events().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_delivered_only_where_it_belongs_and_by_who_may_push_there() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let receipt = plane.receipt(&uploader.grant("acme/a").await, b"evidence").sign(&plane.receipt_key);
    let elsewhere = receipts::deliver(&plane.control, &uploader.context, &name("acme/b"), &receipt).await;
    assert!(matches!(elsewhere, Err(Error::OtherRepository { .. })));
    let stranger = plane.actor("stranger", "repository:other/*:push repository:acme/*:pull").await;
    let denied = receipts::deliver(&plane.control, &stranger.context, &name("acme/a"), &receipt).await;
    assert!(matches!(denied, Err(Error::Shared(control::Error::Denied(_)))));
    assert!(plane.facts("blob.stored").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_process_added_is_found_when_it_is_met() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    accept(&plane, &plane.receipt(&uploader.grant("acme/a").await, b"one")).await.unwrap();
    let (new, node) = (SigningKey::generate(KeyKind::Receipt), "node-2".parse().unwrap());
    let receipt = plane.receipt(&uploader.grant("acme/a").await, b"two");
    let receipt = Receipt { node: "node-2".parse().unwrap(), ..receipt };
    let unknown = receipts::accept(&plane.control, None, &receipt.sign(&new)).await.unwrap_err();
    assert!(matches!(unknown, Error::Statement(contract::Error::UnknownKey(_))) && !unknown.is_final());
    keys::add(&plane.control, &"strongroom".parse().unwrap(), &new.verifying_key(), &node).await.unwrap();
    receipts::accept(&plane.control, None, &receipt.sign(&new)).await.unwrap();
    assert_eq!(plane.facts("blob.stored").await.len(), 2);
}
