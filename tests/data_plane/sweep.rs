//! What uploads leave behind is taken away when its time is over, and not before.

use std::sync::Arc;

use futures::StreamExt as _;
use strongroom::data::{Disposition, Swept, Undelivered};
use strongroom::kernel::id::ObjectKey;
use strongroom::kernel::limits::{CLOCK_SKEW_SECONDS, MOVE_LIFE_SECONDS, SESSION_LIFE_MAX_SECONDS};
use strongroom::stores::{Fault, Kind, Memory, Store as _};
use uuid::Uuid;

use crate::harness::{Node, START_MS, sealed};

const LIFE_MS: u64 = SESSION_LIFE_MAX_SECONDS * 1_000;

async fn journals(node: &Node) -> usize {
    node.store.names(Kind::Sessions).await.unwrap().len()
}

async fn stages(node: &Node) -> usize {
    let listed = node.store.list().await.unwrap();
    listed.filter(|listed| std::future::ready(!listed.as_ref().unwrap().sealed)).count().await
}

#[tokio::test]
async fn sessions_end_on_time_and_are_forgotten_later() {
    let (node, _) = Node::in_memory();
    let open = node.may_upload(10);
    let session = node.plane.create(&open, None).await.unwrap().session;
    node.append(&open, session, 0, b"abc").await.unwrap();
    let given_up = node.may_upload(10);
    let other = node.plane.create(&given_up, None).await.unwrap().session;
    node.plane.terminate(&given_up, other).await.unwrap();
    let complete = node.may_upload(3);
    let third = node.plane.create(&complete, None).await.unwrap().session;
    let done = node.append(&complete, third, 0, b"abc").await.unwrap();

    assert_eq!(node.plane.sweep().await.unwrap(), Swept::default());
    assert_eq!((journals(&node).await, stages(&node).await), (3, 1));
    node.clock.advance_ms(LIFE_MS + 1_000);
    assert_eq!(node.plane.sweep().await.unwrap(), Swept { expired: 1, ..Swept::default() });
    assert_eq!((journals(&node).await, stages(&node).await), (3, 0), "its grant may still come");
    node.clock.advance_ms(2 * CLOCK_SKEW_SECONDS * 1_000 + 1_000);
    assert_eq!(node.plane.sweep().await.unwrap(), Swept { removed: 3, ..Swept::default() });
    assert_eq!((journals(&node).await, stages(&node).await), (0, 0));
    assert_eq!(
        node.object(&node.receipt(sealed(&done)).object).await.unwrap(),
        b"abc",
        "objects are not swept"
    );
}

#[tokio::test]
async fn a_receipt_is_not_forgotten_before_it_is_delivered() {
    let (node, _) = Node::in_memory();
    node.control_answers(Err(Undelivered("away".into())));
    let grant = node.may_upload(3);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"abc").await.unwrap();
    node.clock.advance_ms(3 * LIFE_MS);
    assert_eq!(node.plane.sweep().await.unwrap(), Swept::default());
    node.control_answers(Ok(Disposition::Accepted));
    assert_eq!(node.plane.redeliver().await.unwrap(), (1, 0));
    assert_eq!(node.plane.sweep().await.unwrap(), Swept { removed: 1, ..Swept::default() });
}

#[tokio::test]
async fn a_stage_that_no_session_claims_is_dropped() {
    let (node, memory) = Node::in_memory();
    let stray = strongroom::kernel::id::ObjectKey::from_uuid(uuid::Uuid::from_u128(99));
    drop(memory.stage(&stray, None, None).await.unwrap());
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"abc").await.unwrap();
    assert_eq!(node.plane.sweep().await.unwrap(), Swept { stages: 1, ..Swept::default() });
    assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, 3);
    let done = node.append(&grant, session, 3, b"defghij").await.unwrap();
    node.check(&done, b"abcdefghij").await;
}

#[tokio::test]
async fn a_copy_is_left_alone_until_it_is_too_old_to_be_under_way() {
    let (main, cold) = (Memory::new(), Memory::new());
    let node = Node::with_another(Arc::new(main.clone()), "cold", Arc::new(cold.clone()));
    let made = uuid::Timestamp::from_unix(uuid::NoContext, START_MS / 1_000, 0);
    let keys = [1, 2].map(|_| ObjectKey::from_uuid(Uuid::new_v7(made)));
    for store in [&main, &cold] {
        drop(store.stage(&keys[0], None, None).await.unwrap());
        store.put(&keys[1], b"whole"[..].into()).await.unwrap();
    }
    assert_eq!(node.plane.sweep().await.unwrap(), Swept::default());
    node.clock.advance_ms(MOVE_LIFE_SECONDS * 1_000 - 1);
    assert_eq!(node.plane.sweep().await.unwrap(), Swept::default());
    node.clock.advance_ms(1);
    assert_eq!(node.plane.sweep().await.unwrap(), Swept { stages: 2, ..Swept::default() });
    for store in [main, cold] {
        let left: Vec<_> = store.list().await.unwrap().map(|listed| listed.unwrap().key).collect().await;
        assert_eq!(left, [keys[1].clone()], "objects are not swept");
    }
}

#[tokio::test]
async fn a_store_that_fails_keeps_the_others_from_nothing() {
    let (main, cold) = (Memory::new(), Memory::new());
    let node = Node::with_another(Arc::new(main.clone()), "cold", Arc::new(cold.clone()));
    drop(main.stage(&ObjectKey::from_uuid(Uuid::from_u128(99)), None, None).await.unwrap());
    cold.faults().fail_from(0, Fault::Failed);
    assert_eq!(node.plane.sweep().await.unwrap(), Swept { stages: 1, ..Swept::default() });
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_costs_no_one_else() {
    let (node, memory) = Node::in_memory();
    let damaged = node.may_upload(10);
    let session = node.plane.create(&damaged, None).await.unwrap().session;
    node.append(&damaged, session, 0, b"abc").await.unwrap();
    let document = strongroom::stores::Document::Session(session);
    let (_, version) = memory.load(document).await.unwrap().unwrap();
    memory.swap(document, Some(&version), Some(b"damaged"[..].into())).await.unwrap();
    assert_eq!(node.plane.sweep().await.unwrap(), Swept::default(), "and its bytes are kept");
    assert_eq!(stages(&node).await, 1);
    assert_eq!(node.plane.redeliver().await.unwrap(), (0, 0));
    assert!(node.plane.status(&damaged, session).await.is_err());
}

#[tokio::test]
async fn ten_thousand_sessions_opened_and_dropped_leave_nothing() {
    let (node, _) = Node::in_memory();
    for _ in 0..10_000 {
        node.plane.create(&node.may_upload(10), None).await.unwrap();
    }
    assert_eq!((journals(&node).await, stages(&node).await), (10_000, 0));
    node.clock.advance_ms(LIFE_MS + 3 * CLOCK_SKEW_SECONDS * 1_000);
    let swept = node.plane.sweep().await.unwrap();
    assert_eq!(swept, Swept { expired: 10_000, removed: 10_000, stages: 0 });
    assert_eq!(journals(&node).await, 0);
}
