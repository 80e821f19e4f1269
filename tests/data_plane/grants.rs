//! Grants open what they name, for as long as they say, and nothing else.

use bytes::Bytes;
use strongroom::contract::{self, Grant, Operation, Receipt, SigningKey, Size};
use strongroom::data::{download, session};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::id::{GrantId, SessionId};
use strongroom::kernel::limits::{CLOCK_SKEW_SECONDS, GRANT_LIFE_SECONDS, SESSION_LIFE_MAX_SECONDS};
use uuid::Uuid;

use crate::harness::{Node, sealed};

/// An upload grant with one thing about it changed.
fn changed(node: &Node, change: impl FnOnce(&mut Grant)) -> Grant {
    let mut grant = node.upload(Size::Exact(10), None);
    change(&mut grant);
    grant
}

#[tokio::test]
async fn expired_forged_and_wrong_plane_grants_are_refused() {
    let (node, _) = Node::in_memory();
    let text = node.upload(Size::Exact(10), None).sign(&node.grants);
    assert!(node.plane.admit(&text).is_ok());
    node.clock.advance_ms((GRANT_LIFE_SECONDS + CLOCK_SKEW_SECONDS + 1) * 1_000);
    assert!(matches!(node.plane.admit(&text), Err(contract::Error::Expired(_))));

    let stranger = SigningKey::generate(KeyKind::Grant);
    let forged = node.upload(Size::Exact(10), None).sign(&stranger);
    assert!(matches!(node.plane.admit(&forged), Err(contract::Error::UnknownKey(_))));

    let small = node.plane.put_small(&node.may_upload(1), Bytes::from_static(b"x")).await.unwrap();
    assert!(matches!(node.plane.admit(&small.receipt), Err(contract::Error::WrongKind { .. })));
}

#[tokio::test]
async fn a_session_goes_on_under_a_later_grant_of_the_same_actor() {
    let (node, _) = Node::in_memory();
    let first = node.may_upload(10);
    let session = node.plane.create(&first, None).await.unwrap().session;
    node.append(&first, session, 0, b"01234").await.unwrap();
    node.clock.advance_ms(GRANT_LIFE_SECONDS * 2 * 1_000);
    let later = node.may_upload(10);
    assert_eq!(node.plane.status(&later, session).await.unwrap().offset, 5);
    let done = node.append(&later, session, 5, b"56789").await.unwrap();
    let receipt = node.check(&done, b"0123456789").await;
    assert_eq!(receipt.grant, first.id, "the session keeps the terms that it began with");
}

#[tokio::test]
async fn a_wider_grant_does_not_widen_a_session() {
    let (node, _) = Node::in_memory();
    let first = node.may_upload(3);
    let session = node.plane.create(&first, None).await.unwrap().session;
    let wider = node.admit(&node.upload(Size::AtMost(1 << 40), None));
    let error = node.append(&wider, session, 0, b"0123").await.unwrap_err();
    assert!(matches!(error, session::Error::TooLarge { max: 3 }), "{error}");
}

#[tokio::test]
async fn a_grant_for_something_else_does_not_open_a_session() {
    let (node, _) = Node::in_memory();
    let declared = Digests::of(b"0123456789").blake3.into();
    let grant = node.admit(&node.upload(Size::Exact(10), Some(declared)));
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"012").await.unwrap();
    let upload = |grant: &mut Grant, change: &dyn Fn(&mut contract::Upload)| match &mut grant.operation {
        Operation::Upload(upload) => change(upload),
        Operation::Read(_) => unreachable!("an upload"),
    };
    let others = [
        ("actor", changed(&node, |grant| grant.actor = "svc:other".parse().unwrap())),
        ("repository", changed(&node, |grant| grant.repository = "acme/secrets".parse().unwrap())),
        ("store", changed(&node, |grant| grant.store = "other".parse().unwrap())),
        (
            "session",
            changed(&node, |grant| {
                upload(grant, &|terms| terms.session = Some(SessionId(Uuid::from_u128(9))))
            }),
        ),
        (
            "blob",
            changed(&node, |grant| {
                upload(grant, &|terms| terms.expected = Some(Digests::of(b"other").blake3.into()));
            }),
        ),
    ];
    for (what, other) in others {
        let other = node.admit(&other);
        let refused = |outcome: Result<(), session::Error>| {
            assert!(matches!(outcome, Err(session::Error::NotPermitted(_))), "{what}: {outcome:?}");
        };
        refused(node.plane.status(&other, session).await.map(drop));
        refused(node.append(&other, session, 3, b"x").await.map(drop));
        refused(node.plane.terminate(&other, session).await);
    }
    assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, 3, "it is as it was");
}

#[tokio::test]
async fn uploading_is_not_reading_and_reading_not_uploading() {
    let (node, _) = Node::in_memory();
    let upload = node.may_upload(3);
    let session = node.plane.create(&upload, None).await.unwrap().session;
    let done = node.append(&upload, session, 0, b"abc").await.unwrap();
    let receipt: Receipt = node.receipt(sealed(&done));
    let read = node.may_read(&receipt);
    assert!(matches!(node.plane.open_blob(&upload, None).await, Err(download::Error::NotPermitted(_))));
    assert!(matches!(node.plane.create(&read, None).await, Err(session::Error::NotPermitted(_))));
    assert!(matches!(node.plane.status(&read, session).await, Err(session::Error::NotPermitted(_))));
    assert!(matches!(node.append(&read, session, 3, b"").await, Err(session::Error::NotPermitted(_))));
    let put = node.plane.put_small(&read, Bytes::from_static(b"abc")).await;
    assert!(matches!(put, Err(session::Error::NotPermitted(_))));
}

#[tokio::test]
async fn a_grant_for_another_store_opens_nothing() {
    let (node, _) = Node::in_memory();
    let other = node.admit(&changed(&node, |grant| grant.store = "elsewhere".parse().unwrap()));
    assert!(matches!(node.plane.create(&other, None).await, Err(session::Error::NotPermitted(_))));
    let put = node.plane.put_small(&other, Bytes::from_static(b"0123456789")).await;
    assert!(matches!(put, Err(session::Error::NotPermitted(_))));
}

#[tokio::test]
async fn the_control_plane_may_name_the_session() {
    let (node, _) = Node::in_memory();
    let named = SessionId(Uuid::from_u128(77));
    let with = |id: u128| {
        node.admit(&changed(&node, |grant| {
            grant.id = GrantId(Uuid::from_u128(id));
            if let Operation::Upload(upload) = &mut grant.operation {
                upload.session = Some(named);
            }
        }))
    };
    let begun = node.plane.create(&with(1), None).await.unwrap();
    assert_eq!(begun.session, named);
    assert_eq!(
        node.plane.create(&with(2), None).await.unwrap(),
        begun,
        "the same session under another grant"
    );
}

#[tokio::test]
async fn a_session_ends_when_it_was_to_end() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"abc").await.unwrap();
    node.clock.advance_ms((SESSION_LIFE_MAX_SECONDS + 1) * 1_000);
    let later = node.may_upload(10);
    let expired = |error: session::Error| matches!(error, session::Error::Gone(session::Ended::Expired));
    assert!(expired(node.append(&later, session, 3, b"x").await.unwrap_err()));
    assert!(expired(node.plane.status(&later, session).await.unwrap_err()));
    assert!(expired(node.plane.terminate(&later, session).await.unwrap_err()));
    assert_eq!(node.offered(), [""; 0]);
}
