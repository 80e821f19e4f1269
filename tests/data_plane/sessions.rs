//! A session from creation to its end.

use futures::stream;
use strongroom::contract::Size;
use strongroom::data::{Append, Creation, Phase, session};
use strongroom::kernel::digest::Digests;

use crate::harness::{Node, body, broken, sample, sealed};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn bytes_that_come_in_parts_become_a_blob_with_a_receipt() {
    let (node, _) = Node::in_memory();
    let bytes = sample(3 * MIB + 17);
    let grant = node.may_upload(bytes.len() as u64);
    let begun = node.plane.create(&grant, Some(bytes.len() as u64)).await.unwrap();
    assert_eq!((begun.offset, begun.phase), (0, Phase::Receiving));
    let half = node.append(&grant, begun.session, 0, &bytes[..MIB + 5]).await.unwrap();
    assert_eq!(half.offset, MIB as u64 + 5);
    let done = node.append(&grant, begun.session, half.offset, &bytes[MIB + 5..]).await.unwrap();
    let receipt = node.check(&done, &bytes).await;
    assert_eq!((receipt.grant, receipt.session), (grant.id, begun.session));
    assert!(sealed(&done).delivered);
    assert_eq!(node.offered(), [sealed(&done).receipt.clone()]);
}

#[tokio::test]
async fn sealing_again_returns_the_first_receipt() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(3);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let first = node.append(&grant, session, 0, b"abc").await.unwrap();
    node.clock.advance_ms(5_000);
    assert_eq!(node.append(&grant, session, 3, b"").await.unwrap(), first);
    assert_eq!(node.plane.status(&grant, session).await.unwrap(), first);
    assert_eq!(node.plane.create(&grant, Some(3)).await.unwrap(), first, "the grant again, too");
    assert_eq!(node.offered().len(), 1);
}

#[tokio::test]
async fn an_empty_blob_is_sealed_when_it_is_created() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(0);
    let done = node.plane.create(&grant, Some(0)).await.unwrap();
    node.check(&done, b"").await;
}

#[tokio::test]
async fn what_the_client_said_of_its_upload_is_given_back() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(3);
    let said = Some("filename YS50eHQ=".to_owned());
    let begun = node.plane.create(&grant, Creation { length: None, metadata: said.clone() }).await.unwrap();
    assert_eq!(begun.metadata, said);
    let done = node.append(&grant, begun.session, 0, b"abc").await.unwrap();
    assert_eq!(done.metadata, said);
}

#[tokio::test]
async fn the_wrong_offset_is_refused_with_the_right_one() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"abc").await.unwrap();
    for offset in [0, 2, 4, u64::MAX] {
        let error = node.append(&grant, session, offset, b"x").await.unwrap_err();
        assert!(matches!(error, session::Error::Offset { expected: 3, found } if found == offset), "{error}");
    }
    assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, 3);
}

#[tokio::test]
async fn more_bytes_than_agreed_are_refused() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let error = node.append(&grant, session, 0, &[0; 11]).await.unwrap_err();
    assert!(matches!(error, session::Error::TooLarge { max: 10 }), "{error}");
    let announced = Append { content_length: Some(11), ..Append::at(0) };
    let unread = stream::pending::<Result<bytes::Bytes, String>>();
    let error = node.plane.append(&grant, session, announced, unread).await.unwrap_err();
    assert!(matches!(error, session::Error::TooLarge { max: 10 }), "before a byte is read: {error}");
    node.append(&grant, session, 0, &[0; 10]).await.unwrap();
}

#[tokio::test]
async fn a_length_may_be_deferred_but_not_changed() {
    let (node, _) = Node::in_memory();
    let grant = node.admit(&node.upload(Size::AtMost(100), None));
    let begun = node.plane.create(&grant, None).await.unwrap();
    assert_eq!(begun.length, None);
    let session = begun.session;
    node.append(&grant, session, 0, b"abc").await.unwrap();
    let with = |length, offset| Append { length: Some(length), ..Append::at(offset) };
    let refused = |length| node.plane.append(&grant, session, with(length, 3), body(b"", 1));
    assert!(matches!(refused(101).await, Err(session::Error::TooLarge { max: 100 })));
    assert!(matches!(refused(2).await, Err(session::Error::Length { .. })));
    let told = node.plane.append(&grant, session, with(5, 3), body(b"d", 1)).await.unwrap();
    assert_eq!((told.offset, told.length), (4, Some(5)));
    let error = node.plane.append(&grant, session, with(6, 4), body(b"ef", 1)).await.unwrap_err();
    assert!(matches!(error, session::Error::Length { expected: 5, found: 6 }), "{error}");
    let done = node.append(&grant, session, 4, b"e").await.unwrap();
    node.check(&done, b"abcde").await;
}

#[tokio::test]
async fn a_broken_connection_keeps_what_arrived() {
    let (mut node, _) = Node::in_memory();
    let bytes = sample(2 * MIB + 100);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let cut = MIB + 12_345;
    let error = node.plane.append(&grant, session, Append::at(0), broken(&bytes[..cut])).await.unwrap_err();
    assert!(matches!(error, session::Error::Disconnected { offset, .. } if offset == cut as u64), "{error}");
    node.restart();
    assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, cut as u64);
    let done = node.append(&grant, session, cut as u64, &bytes[cut..]).await.unwrap();
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn the_wrong_digest_ends_the_session_with_both_named() {
    let (node, memory) = Node::in_memory();
    let declared = Digests::of(b"abc").sha256.into();
    let grant = node.admit(&node.upload(Size::Exact(3), Some(declared)));
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let failed = |error| {
        matches!(error, session::Error::Failed { expected, found }
            if expected == declared && found == Digests::of(b"abd"))
    };
    assert!(failed(node.append(&grant, session, 0, b"abd").await.unwrap_err()));
    assert!(failed(node.plane.status(&grant, session).await.unwrap_err()), "and stays so");
    assert!(failed(node.plane.create(&grant, None).await.unwrap_err()));
    assert!(failed(node.append(&grant, session, 0, b"abc").await.unwrap_err()));
    assert_eq!(node.offered(), [""; 0]);
    assert_eq!(listed(&memory).await, 0, "the bytes are dropped");
}

async fn listed(memory: &strongroom::stores::Memory) -> usize {
    use futures::StreamExt as _;
    use strongroom::stores::Store as _;
    memory.list().await.unwrap().count().await
}

#[tokio::test]
async fn a_checksum_that_does_not_match_drops_all_of_its_request() {
    let (node, _) = Node::in_memory();
    let bytes = sample(MIB + 100);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, &bytes[..50]).await.unwrap();
    let request =
        Append { checksum: Some("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=".parse().unwrap()), ..Append::at(50) };
    let error = node.plane.append(&grant, session, request, body(&bytes[50..], 4096)).await.unwrap_err();
    assert!(matches!(error, session::Error::Checksum), "{error}");
    assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, 50);
    let error = node.plane.append(&grant, session, request, broken(&bytes[50..])).await.unwrap_err();
    assert!(
        matches!(error, session::Error::Disconnected { offset: 50, .. }),
        "unchecked is not kept: {error}"
    );
    let done = node.append(&grant, session, 50, &bytes[50..]).await.unwrap();
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn a_checksum_that_matches_is_no_hindrance() {
    let (node, _) = Node::in_memory();
    for checksum in [
        "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
        "blake3 10mB76cKDIgLjYwZhdB128v2ebmaX5kU5ar5a4ManiQ=",
    ] {
        let grant = node.may_upload(12);
        let session = node.plane.create(&grant, None).await.unwrap().session;
        let request = Append { checksum: Some(checksum.parse().unwrap()), ..Append::at(0) };
        let status = node.plane.append(&grant, session, request, body(b"hello world", 3)).await.unwrap();
        assert_eq!(status.offset, 11);
        let done = node.append(&grant, session, 11, b"!").await.unwrap();
        node.check(&done, b"hello world!").await;
    }
}

#[tokio::test]
async fn a_checksum_behind_the_last_byte_is_one_of_nothing() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(3);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, b"abc").await.unwrap();
    let append = async |checksum: &str| {
        let request = Append { checksum: Some(checksum.parse().unwrap()), ..Append::at(3) };
        node.plane.append(&grant, session, request, body(b"", 1)).await
    };
    assert_eq!(append("sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=").await.unwrap(), done);
    let wrong = append("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").await.unwrap_err();
    assert!(matches!(wrong, session::Error::Checksum), "{wrong}");
}

#[tokio::test]
async fn a_terminated_session_is_gone_and_its_grant_is_used_up() {
    let (node, memory) = Node::in_memory();
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, b"abc").await.unwrap();
    node.plane.terminate(&grant, session).await.unwrap();
    node.plane.terminate(&grant, session).await.unwrap();
    let aborted = |error| matches!(error, session::Error::Gone(session::Ended::Aborted));
    assert!(aborted(node.plane.status(&grant, session).await.unwrap_err()));
    assert!(aborted(node.append(&grant, session, 3, b"x").await.unwrap_err()));
    assert!(aborted(node.plane.create(&grant, None).await.unwrap_err()));
    assert_eq!(listed(&memory).await, 0);
}

#[tokio::test]
async fn a_stored_blob_cannot_be_terminated() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(3);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, b"abc").await.unwrap();
    assert!(matches!(node.plane.terminate(&grant, session).await, Err(session::Error::NotPermitted(_))));
    node.check(&done, b"abc").await;
}

#[tokio::test]
async fn an_unknown_session_is_unknown() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(3);
    let session = strongroom::kernel::id::SessionId(grant.id.0);
    assert!(matches!(node.plane.status(&grant, session).await, Err(session::Error::Unknown(_))));
    assert!(matches!(node.append(&grant, session, 0, b"abc").await, Err(session::Error::Unknown(_))));
    assert!(matches!(node.plane.terminate(&grant, session).await, Err(session::Error::Unknown(_))));
}
