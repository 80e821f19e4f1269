//! Blobs come out as they went in, or not to the end.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom::contract::Receipt;
use strongroom::data::{Download, download};
use strongroom::kernel::digest::Digests;
use strongroom::stores::{Memory, Store as _};

use crate::harness::{Node, sample};

async fn stored(node: &Node, bytes: &[u8]) -> Receipt {
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap();
    let done = match bytes.is_empty() {
        true => session,
        false => node.append(&grant, session.session, 0, bytes).await.unwrap(),
    };
    node.check(&done, bytes).await
}

async fn taken(download: Download) -> (Vec<u8>, Option<download::Error>) {
    let mut stream = download.stream;
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing after an error");
                return (bytes, Some(error));
            }
        }
    }
    (bytes, None)
}

async fn node_with(bytes: &[u8]) -> (Node, Memory, Receipt) {
    let (node, memory) = Node::in_memory();
    let receipt = stored(&node, bytes).await;
    (node, memory, receipt)
}

#[tokio::test]
async fn the_whole_and_every_range_come_out_as_they_went_in() {
    for length in [0, 1, 262_144, 1_000_003] {
        let bytes = sample(length);
        let (node, _, receipt) = node_with(&bytes).await;
        let grant = node.may_read(&receipt);
        let whole = node.plane.open_blob(&grant, None).await.unwrap();
        assert_eq!((whole.digests, whole.size_bytes), (Digests::of(&bytes), length as u64));
        let (found, error) = taken(whole).await;
        assert!(error.is_none() && found == bytes, "{length}");
        for (from, to) in [(0, 1), (length / 3, length / 2), (length - length.min(1), length), (0, length)] {
            if from >= to || to > length {
                continue;
            }
            let part = node.plane.open_blob(&grant, Some(from as u64..to as u64)).await.unwrap();
            let (found, error) = taken(part).await;
            assert!(error.is_none() && found == bytes[from..to], "{from}..{to} of {length}");
        }
    }
}

#[tokio::test]
async fn a_range_that_is_not_within_the_blob_is_refused() {
    let (node, _, receipt) = node_with(b"0123456789").await;
    let grant = node.may_read(&receipt);
    #[expect(clippy::reversed_empty_ranges, reason = "as a client may send it")]
    for range in [0..11, 10..11, 5..5, 7..3, 11..11, u64::MAX - 1..u64::MAX] {
        let error = node.plane.open_blob(&grant, Some(range.clone())).await.unwrap_err();
        assert!(matches!(error, download::Error::Range { size_bytes: 10 }), "{range:?}: {error}");
    }
}

#[tokio::test]
async fn a_damaged_object_never_comes_out_whole() {
    let bytes = sample(1_000_003);
    for at in [0, 300_000, 1_000_002] {
        let (node, memory, receipt) = node_with(&bytes).await;
        memory.damage(&receipt.object, at);
        let whole = node.plane.open_blob(&node.may_read(&receipt), None).await.unwrap();
        let (found, error) = taken(whole).await;
        assert!(found.len() < bytes.len(), "the last piece is held back");
        let Some(download::Error::Corrupt { blob, object, .. }) = error else { panic!("{error:?}") };
        assert_eq!((blob, object), (receipt.digests.blake3, receipt.object));
    }
}

#[tokio::test]
async fn an_object_of_another_length_is_corrupt_and_one_that_is_gone_is_missing() {
    let (node, memory, receipt) = node_with(b"0123456789").await;
    let grant = node.may_read(&receipt);
    memory.delete(&receipt.object).await.unwrap();
    let error = node.plane.open_blob(&grant, None).await.unwrap_err();
    assert!(
        matches!(&error, download::Error::Missing { object, .. } if *object == receipt.object),
        "{error}"
    );
    memory.put(&receipt.object, Bytes::from_static(b"012345678")).await.unwrap();
    let error = node.plane.open_blob(&grant, None).await.unwrap_err();
    assert!(
        matches!(&error, download::Error::Corrupt { found, .. } if found.starts_with("9 bytes")),
        "{error}"
    );
}

#[tokio::test]
async fn a_discarded_object_is_gone() {
    let (node, _, receipt) = node_with(b"0123456789").await;
    node.plane.discard(&receipt.object).await.unwrap();
    node.plane.discard(&receipt.object).await.unwrap();
    let error = node.plane.open_blob(&node.may_read(&receipt), None).await.unwrap_err();
    assert!(matches!(error, download::Error::Missing { .. }), "{error}");
}

#[tokio::test]
async fn a_download_that_is_dropped_costs_nothing() {
    let (node, _, receipt) = node_with(&sample(1_000_003)).await;
    for _ in 0..100 {
        let download = node.plane.open_blob(&node.may_read(&receipt), None).await.unwrap();
        let first: Vec<Bytes> = download.stream.take(1).try_collect().await.unwrap();
        assert_eq!(first.len(), 1);
    }
}
