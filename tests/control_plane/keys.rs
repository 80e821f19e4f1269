//! Keys: who records and retires them, and what they are worth afterwards.

use strongroom::clock::Clock as _;
use strongroom::contract::{self, Receipt, SigningKey};
use strongroom::control::{self, keys, receipts};
use strongroom::kernel::event::{Fact, KeyKind};

use crate::plane::Plane;

const SCOPES: &str = "repository:acme/*:pull,push";

#[tokio::test(flavor = "multi_thread")]
async fn a_node_records_its_own_receipt_keys_and_nothing_else() {
    let plane = Plane::new().await;
    let node = plane.actor("d2", "node:d2").await;
    let (own, other) = ("d2".parse().unwrap(), "d3".parse().unwrap());
    let key = SigningKey::generate(KeyKind::Receipt).verifying_key();
    let denied = keys::enroll(&plane.control, &node.context, &key, &other).await.unwrap_err();
    assert!(matches!(denied, keys::Error::Shared(control::Error::Denied(_))), "{denied}");
    for kind in [KeyKind::Grant, KeyKind::Checkpoint] {
        let key = SigningKey::generate(kind).verifying_key();
        let denied = keys::enroll(&plane.control, &node.context, &key, &own).await.unwrap_err();
        assert!(matches!(denied, keys::Error::Shared(control::Error::Denied(_))), "{denied}");
    }
    let recorded = keys::enroll(&plane.control, &node.context, &key, &own).await.unwrap();
    assert_eq!(keys::enroll(&plane.control, &node.context, &key, &own).await.unwrap(), recorded);
    let admin = plane.admin();
    let taken = keys::enroll(&plane.control, &admin.context, &key, &other).await.unwrap_err();
    assert!(matches!(taken, keys::Error::Taken { ref node, .. } if *node == own), "{taken}");
    assert_eq!(plane.facts("key.added").await.len(), 2, "the plane's own and this one");
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_signed_before_it_was_retired_is_accepted_and_nothing_later() {
    let plane = Plane::new().await;
    let uploader = plane.actor("uploader", SCOPES).await;
    let key = plane.receipt_key.verifying_key().id();
    let before = plane.receipt(&uploader.grant("acme/a").await, b"before").sign(&plane.receipt_key);
    plane.clock.advance_ms(1_000);
    let denied = keys::retire(&plane.control, &uploader.context, &key).await.unwrap_err();
    assert!(matches!(denied, keys::Error::Shared(control::Error::Denied(_))), "{denied}");
    let retired = keys::retire(&plane.control, &plane.admin().context, &key).await.unwrap();
    assert_eq!(keys::retire(&plane.control, &plane.admin().context, &key).await.unwrap(), retired);
    assert_eq!(plane.facts("key.retired").await.len(), 1);

    plane.clock.advance_ms(1_000);
    let after = plane.receipt(&uploader.grant("acme/a").await, b"after");
    receipts::accept(&plane.control, None, &before).await.unwrap();
    let refused = receipts::accept(&plane.control, None, &after.sign(&plane.receipt_key)).await.unwrap_err();
    assert!(
        matches!(refused, receipts::Error::Statement(contract::Error::RetiredKey(_))) && refused.is_final(),
        "{refused}"
    );
    // A key that was retired is not taken again.
    let node = "node-1".parse().unwrap();
    let admin = plane.admin();
    let key = plane.receipt_key.verifying_key();
    let again = keys::enroll(&plane.control, &admin.context, &key, &node).await.unwrap();
    assert!(again.retired_at_ms.is_some());
    // Whoever holds its successor goes on.
    let successor = SigningKey::generate(KeyKind::Receipt);
    keys::enroll(&plane.control, &admin.context, &successor.verifying_key(), &node).await.unwrap();
    let after = Receipt { stored_at_ms: plane.clock.now_ms(), ..after };
    receipts::accept(&plane.control, None, &after.sign(&successor)).await.unwrap();
    assert_eq!(plane.facts("blob.stored").await.len(), 2);
    plane.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_retire_one_key_make_one_event() {
    let plane = Plane::new().await;
    let key = plane.receipt_key.verifying_key().id();
    let admin = plane.admin();
    let retiring = (0..8).map(|_| keys::retire(&plane.control, &admin.context, &key));
    for retired in futures::future::join_all(retiring).await {
        retired.unwrap();
    }
    let facts = plane.facts("key.retired").await;
    assert!(matches!(&facts[..], [Fact::KeyRetired(retired)] if retired.key == key), "{facts:?}");
    plane.finish().await;
}
