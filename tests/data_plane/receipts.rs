//! Receipts reach the control plane, whatever happens in between.

use bytes::Bytes;
use strongroom::contract::Size;
use strongroom::data::{Disposition, Undelivered, session};
use strongroom::kernel::limits::SMALL_BLOB_MAX_BYTES;

use crate::harness::{Node, sealed};

fn away() -> Result<Disposition, Undelivered> {
    Err(Undelivered("the control plane is away".into()))
}

#[tokio::test]
async fn a_receipt_that_was_not_taken_is_offered_again_after_a_restart() {
    let (mut node, _) = Node::in_memory();
    node.control_answers(away());
    let grant = node.may_upload(3);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, b"abc").await.unwrap();
    assert!(!sealed(&done).delivered);
    let small = node.plane.put_small(&node.may_upload(1), Bytes::from_static(b"x")).await.unwrap();
    assert!(!small.delivered);

    node.restart();
    assert_eq!(node.plane.redeliver().await.unwrap(), (0, 2));
    node.control_answers(Ok(Disposition::Accepted));
    assert_eq!(node.plane.redeliver().await.unwrap(), (2, 0));
    assert_eq!(node.plane.redeliver().await.unwrap(), (0, 0));
    assert!(sealed(&node.plane.status(&grant, session).await.unwrap()).delivered);
    let mut offered = node.offered();
    offered.sort();
    offered.dedup();
    assert_eq!(offered.len(), 2, "the first receipts, again and again");

    node.restart();
    assert_eq!(node.plane.redeliver().await.unwrap(), (0, 0), "and that is remembered");
}

#[tokio::test]
async fn an_object_that_control_gives_up_is_deleted() {
    let (node, _) = Node::in_memory();
    node.control_answers(Ok(Disposition::Discarded));
    let grant = node.may_upload(3);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, b"abc").await.unwrap();
    assert!(sealed(&done).delivered, "the client has its receipt, and need not know");
    assert_eq!(node.object(&node.receipt(sealed(&done)).object).await, None);
    let small = node.plane.put_small(&node.may_upload(1), Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(node.object(&node.receipt(&small).object).await, None);
}

#[tokio::test]
async fn a_small_blob_needs_one_request_and_no_document() {
    let (node, _) = Node::in_memory();
    for length in [0, 1, 16 * 1024, 100_000, SMALL_BLOB_MAX_BYTES] {
        let bytes = Bytes::from(crate::harness::sample(usize::try_from(length).unwrap()));
        let grant = node.may_upload(length);
        let done = node.plane.put_small(&grant, bytes.clone()).await.unwrap();
        let receipt = node.receipt(&done);
        assert_eq!(node.object(&receipt.object).await.unwrap(), bytes);
        assert_eq!((receipt.grant, &receipt.actor), (grant.id, &grant.actor));
    }
    for kind in strongroom::stores::Kind::ALL {
        assert_eq!(node.store.names(kind).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_grant_is_good_for_one_blob() {
    let (node, _) = Node::in_memory();
    let grant = node.admit(&node.upload(Size::AtMost(100), None));
    let put = |bytes: &'static [u8]| node.plane.put_small(&grant, Bytes::from_static(bytes));
    let first = put(b"abc").await.unwrap();
    let again = put(b"abc").await.unwrap();
    assert_eq!(node.receipt(&again).object, node.receipt(&first).object, "its answer was lost");
    assert!(matches!(put(b"abd").await, Err(session::Error::GrantUsed(id)) if id == grant.id));
    assert!(matches!(node.plane.create(&grant, None).await, Err(session::Error::GrantUsed(_))));

    let grant = node.admit(&node.upload(Size::AtMost(100), None));
    node.plane.create(&grant, None).await.unwrap();
    let error = node.plane.put_small(&grant, Bytes::from_static(b"abc")).await.unwrap_err();
    assert!(matches!(error, session::Error::GrantUsed(_)), "{error}");
}

#[tokio::test]
async fn a_small_blob_that_is_not_what_was_granted_is_refused() {
    let (node, _) = Node::in_memory();
    let large = vec![0; usize::try_from(SMALL_BLOB_MAX_BYTES).unwrap() + 1];
    let error = node.plane.put_small(&node.may_upload(large.len() as u64), large.into()).await.unwrap_err();
    assert!(matches!(error, session::Error::TooLarge { .. }), "{error}");
    assert!(matches!(
        node.plane.reserve(&node.may_upload(1), SMALL_BLOB_MAX_BYTES + 1).await,
        Err(session::Error::TooLarge { .. })
    ));
    let put = |grant, bytes: &'static [u8]| {
        let plane = node.plane.clone();
        async move { plane.put_small(&grant, Bytes::from_static(bytes)).await }
    };
    assert!(matches!(put(node.may_upload(3), b"ab").await, Err(session::Error::Length { .. })));
    let declared = strongroom::kernel::digest::Digests::of(b"abc").blake3.into();
    let grant = node.admit(&node.upload(Size::Exact(3), Some(declared)));
    assert!(matches!(put(grant, b"abd").await, Err(session::Error::Failed { .. })));
    assert_eq!(node.offered(), [""; 0]);
}

#[tokio::test]
async fn one_receipt_that_cannot_be_read_does_not_keep_the_others() {
    use strongroom::kernel::id::GrantId;
    use strongroom::stores::Document;
    let (mut node, _) = Node::in_memory();
    node.control_answers(away());
    node.plane.put_small(&node.may_upload(1), Bytes::from_static(b"x")).await.unwrap();
    for damaged in [0, u128::MAX] {
        let document = Document::Receipt(GrantId(uuid::Uuid::from_u128(damaged)));
        node.store.swap(document, None, Some(Bytes::from_static(b"damaged"))).await.unwrap();
    }
    node.control_answers(Ok(Disposition::Accepted));
    node.restart();
    assert_eq!(node.plane.redeliver().await.unwrap(), (1, 2));
}
