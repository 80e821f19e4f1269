//! Parts of blobs: proven before they are given out, with what was kept at upload or with what is made of it again.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use strongroom::contract::{Receipt, Size};
use strongroom::data::journal::{Journal, Phase};
use strongroom::data::{Phase as DataPhase, Status, download, session};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::id::ObjectKey;
use strongroom::kernel::limits::{HASH_BLOCK_BYTES, SLICE_GROUP_BYTES, TREELESS_BLOB_MAX_BYTES};
use strongroom::kernel::tree::decode::Decoder;
use strongroom::kernel::tree::slice;
use strongroom::kernel::tree::tiles::Position;
use strongroom::stores::{Document, Fault, Filesystem, Kind, Memory, Store};

use crate::harness::{Node, broken, sample};

const BLOCK: usize = HASH_BLOCK_BYTES as usize;
/// The smallest blob of which a tree is kept.
const LARGE: usize = TREELESS_BLOB_MAX_BYTES as usize + 1;
const TOP: Position = Position { level: 0, index: 0 };

async fn stored(node: &Node, bytes: &[u8]) -> Receipt {
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, bytes).await.unwrap();
    node.check(&done, bytes).await
}

type Given = (Vec<u8>, Option<download::Error>);

async fn collect(mut stream: futures::stream::BoxStream<'static, Result<Bytes, download::Error>>) -> Given {
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

async fn part(node: &Node, receipt: &Receipt, range: &Range<usize>) -> Given {
    let range = range.start as u64..range.end as u64;
    match node.plane.open_blob(&node.may_read(receipt), Some(range)).await {
        Ok(download) => collect(download.stream).await,
        Err(error) => (Vec::new(), Some(error)),
    }
}

async fn sliced(node: &Node, receipt: &Receipt, range: &Range<usize>) -> Given {
    let range = range.start as u64..range.end as u64;
    match node.plane.open_slice(&node.may_read(receipt), Some(range)).await {
        Ok(slice) => {
            let (encoded_bytes, given) = (slice.encoded_bytes, collect(slice.stream).await);
            assert!(given.1.is_some() || given.0.len() as u64 == encoded_bytes);
            given
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// What the reader makes of a slice that has come so far.
fn decoded(receipt: &Receipt, range: &Range<usize>, slice: &[u8]) -> Vec<u8> {
    let range = range.start as u64..range.end as u64;
    let mut decoder = Decoder::new(receipt.digests.blake3, receipt.size_bytes, range);
    let mut proven = Vec::new();
    decoder.push(slice, &mut proven).unwrap();
    proven
}

async fn gives(node: &Node, receipt: &Receipt, bytes: &[u8], range: &Range<usize>) {
    let (given, error) = part(node, receipt, range).await;
    assert!(error.is_none() && given == bytes[range.clone()], "{range:?} of {}: {error:?}", bytes.len());
    let (given, error) = sliced(node, receipt, range).await;
    assert!(error.is_none(), "{range:?} of {}: {error:?}", bytes.len());
    assert!(decoded(receipt, range, &given) == bytes[range.clone()], "{range:?} of {}", bytes.len());
}

async fn tiles(store: &dyn Store) -> usize {
    store.names(Kind::Trees).await.unwrap().len()
}

async fn tile(store: &dyn Store, object: &ObjectKey, position: Position) -> Option<Bytes> {
    store.load(Document::Tile(object.uuid(), position)).await.unwrap().map(|(bytes, _)| bytes)
}

/// Replaces a tile by something, or by nothing.
async fn put_tile(store: &dyn Store, object: &ObjectKey, position: Position, content: Option<Bytes>) {
    let document = Document::Tile(object.uuid(), position);
    let version = store.load(document).await.unwrap().map(|(_, version)| version);
    store.swap(document, version.as_ref(), content).await.unwrap();
}

#[tokio::test]
async fn ranges_and_slices_of_blobs_with_and_without_a_tree_are_those_of_the_bytes() {
    for length in [1, 20_000, BLOCK, BLOCK + 1, 3 * BLOCK + 77, LARGE - 1, LARGE, LARGE + 3 * BLOCK] {
        let bytes = sample(length);
        let (node, memory) = Node::in_memory();
        let receipt = stored(&node, &bytes).await;
        assert_eq!(tiles(&memory).await, usize::from(length >= LARGE), "{length}");
        let middle = length / 2;
        for range in [0..1, middle..(middle + 20_000).min(length), length - 1..length, 0..length] {
            gives(&node, &receipt, &bytes, &range).await;
        }
        // The very bytes that the pure encoder makes, which another project's reader was shown.
        let range = middle..length;
        let whole = slice::encode(&bytes, &(middle as u64..length as u64));
        assert!(sliced(&node, &receipt, &range).await.0 == whole, "{length}");
        assert_eq!(tiles(&memory).await, usize::from(length >= LARGE), "reading keeps nothing more");
    }
}

#[tokio::test]
async fn the_slice_of_an_empty_blob_is_its_size() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(0);
    let done = node.plane.create(&grant, None).await.unwrap();
    let receipt = node.check(&done, b"").await;
    let slice = node.plane.open_slice(&node.may_read(&receipt), None).await.unwrap();
    assert_eq!((slice.encoded_bytes, collect(slice.stream).await.0), (8, vec![0; 8]));
}

#[tokio::test]
async fn a_slice_that_is_not_within_the_blob_is_refused() {
    let (node, _) = Node::in_memory();
    let receipt = stored(&node, b"0123456789").await;
    for range in [0..11, 10..11, 5..5] {
        let error = node.plane.open_slice(&node.may_read(&receipt), Some(range.clone())).await.unwrap_err();
        assert!(matches!(error, download::Error::Range { size_bytes: 10 }), "{range:?}: {error}");
    }
}

#[tokio::test]
async fn no_damaged_byte_is_given_out_and_the_others_are() {
    for length in [3 * BLOCK + 77, LARGE + BLOCK] {
        let bytes = sample(length);
        let (node, memory) = Node::in_memory();
        let receipt = stored(&node, &bytes).await;
        memory.damage(&receipt.object, 2 * BLOCK + 5);
        let whole = 0..length;
        for (given, error) in
            [part(&node, &receipt, &(1..length)).await, sliced(&node, &receipt, &whole).await]
        {
            let Some(download::Error::Corrupt { object, .. }) = &error else { panic!("{error:?}") };
            assert_eq!(*object, receipt.object);
            assert!(given.len() <= 2 * BLOCK + BLOCK / 100, "only blocks before the damage: {}", given.len());
        }
        // Where a tree was kept, what is not damaged can still be read; where not, nothing proves it.
        let after = part(&node, &receipt, &(3 * BLOCK..3 * BLOCK + 70)).await;
        if length >= LARGE {
            gives(&node, &receipt, &bytes, &(3 * BLOCK..3 * BLOCK + 70)).await;
            let (given, _) = part(&node, &receipt, &(1..length)).await;
            assert!(given == bytes[1..2 * BLOCK]);
        } else {
            assert!(matches!(after, (given, Some(download::Error::Corrupt { .. })) if given.is_empty()));
        }
    }
}

#[tokio::test]
async fn a_tile_that_is_lost_or_wrong_is_made_again() {
    let bytes = sample(LARGE + 7);
    let (node, memory) = Node::in_memory();
    let receipt = stored(&node, &bytes).await;
    let right = tile(&memory, &receipt.object, TOP).await.unwrap();
    let mut changed = right.to_vec();
    changed[40] ^= 1;
    let cut = right.slice(..right.len() - 32);
    for wrong in [None, Some(changed.into()), Some(cut), Some(Bytes::new())] {
        put_tile(&memory, &receipt.object, TOP, wrong).await;
        gives(&node, &receipt, &bytes, &(BLOCK - 1..BLOCK + 1)).await;
        assert_eq!(tile(&memory, &receipt.object, TOP).await.as_ref(), Some(&right));
    }
    // Of a damaged object no tile is made that would make the damage right.
    put_tile(&memory, &receipt.object, TOP, None).await;
    memory.damage(&receipt.object, 5);
    let (given, error) = part(&node, &receipt, &(BLOCK..BLOCK + 1)).await;
    assert!(given.is_empty() && matches!(error, Some(download::Error::Corrupt { .. })), "{error:?}");
    assert_eq!(tile(&memory, &receipt.object, TOP).await, None);
}

#[tokio::test]
async fn the_tree_survives_breaks_restarts_and_other_bytes_after_them() {
    let bytes = sample(LARGE + 2 * BLOCK + 9);
    let (mut node, memory) = Node::in_memory();
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let mut offset = 0;
    for stop in [100, 3 * BLOCK, 3 * BLOCK + 1, 9 * BLOCK + 5, LARGE] {
        let broken = broken(&bytes[offset..stop]);
        let request = strongroom::data::Append::at(offset as u64);
        let error = node.plane.append(&grant, session, request, broken).await.unwrap_err();
        assert!(matches!(error, session::Error::Disconnected { .. }), "{error}");
        node.restart();
        offset = node.plane.status(&grant, session).await.unwrap().offset as usize;
        assert_eq!(offset, stop);
    }
    let done = node.append(&grant, session, offset as u64, &bytes[offset..]).await.unwrap();
    let receipt = node.check(&done, &bytes).await;
    let undisturbed = stored(&node, &bytes).await;
    let found = tile(&memory, &receipt.object, TOP).await;
    assert!(found.is_some());
    assert_eq!(found, tile(&memory, &undisturbed.object, TOP).await);
}

#[tokio::test]
async fn a_session_from_before_trees_goes_on_and_its_blob_gets_one_when_it_is_read() {
    let bytes = sample(LARGE);
    let (node, memory) = Node::in_memory();
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let begun = strongroom::data::Append::at(0);
    let broken = broken(&bytes[..5 * BLOCK + 3]);
    node.plane.append(&grant, session, begun, broken).await.unwrap_err();
    let document = Document::Session(session);
    let (journal, version) = memory.load(document).await.unwrap().unwrap();
    let mut journal = Journal::decode(&journal).unwrap();
    let Phase::Receiving(at) = &mut journal.phase else { panic!("it is receiving") };
    assert_eq!(at.tree.take().unwrap().len(), 5 * 32);
    memory.swap(document, Some(&version), Some(journal.encode().into())).await.unwrap();
    let done = node.append(&grant, session, 5 * BLOCK as u64 + 3, &bytes[5 * BLOCK + 3..]).await.unwrap();
    let receipt = node.check(&done, &bytes).await;
    assert_eq!(tiles(&memory).await, 0);
    gives(&node, &receipt, &bytes, &(7..8)).await;
    assert_eq!(tiles(&memory).await, 1);
}

#[tokio::test]
async fn a_tree_goes_with_its_object_and_with_its_upload() {
    let bytes = sample(LARGE);
    let (node, memory) = Node::in_memory();
    let receipt = stored(&node, &bytes).await;
    assert_eq!(tiles(&memory).await, 1);
    node.plane.discard(&receipt.object).await.unwrap();
    node.plane.discard(&receipt.object).await.unwrap();
    assert_eq!((tiles(&memory).await, memory.size(&receipt.object).await.unwrap()), (0, None));
    // What a crash left of an upload that is given up.
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let object = ObjectKey::from_uuid(session.0);
    for (level, index) in [(0, 0), (0, 1), (0, 2), (1, 0)] {
        put_tile(&memory, &object, Position { level, index }, Some(Bytes::from_static(b"tile"))).await;
    }
    node.plane.terminate(&grant, session).await.unwrap();
    assert_eq!(tiles(&memory).await, 0);
    // Wrong bytes leave none either.
    let declared = node.admit(&node.upload(Size::Exact(LARGE as u64), Some(Digests::of(b"x").blake3.into())));
    let session = node.plane.create(&declared, None).await.unwrap().session;
    let error = node.append(&declared, session, 0, &bytes).await.unwrap_err();
    assert!(matches!(error, session::Error::Failed { .. }), "{error}");
    assert_eq!(tiles(&memory).await, 0);
}

#[tokio::test]
async fn a_store_that_fails_at_any_step_of_a_large_upload_leaves_a_blob_that_can_be_read() {
    let bytes = sample(LARGE);
    for fault in [Fault::Failed, Fault::FailedButPersisted] {
        // The last steps are those of sealing, where the tiles are kept.
        let taken = {
            let (node, memory) = Node::in_memory();
            memory.faults().clear();
            upload_in_spite(&node, &bytes).await;
            memory.faults().clear().len()
        };
        for step in taken.saturating_sub(16)..taken {
            let (node, memory) = Node::in_memory();
            memory.faults().fail(step, fault);
            let done = upload_in_spite(&node, &bytes).await;
            memory.faults().clear();
            let receipt = node.check(&done, &bytes).await;
            gives(&node, &receipt, &bytes, &(BLOCK..BLOCK + 10)).await;
            let right = tile(&memory, &receipt.object, TOP).await.expect("it is there, or was made");
            assert_eq!(right.len(), 17 * 32);
        }
    }
}

async fn upload_in_spite(node: &Node, bytes: &[u8]) -> Status {
    let grant = node.may_upload(bytes.len() as u64);
    for _ in 0..5 {
        let Ok(status) = node.plane.create(&grant, None).await else { continue };
        if status.offset == bytes.len() as u64 && status.phase != DataPhase::Receiving {
            return status;
        }
        let rest = &bytes[status.offset as usize..];
        if let Ok(done) = node.append(&grant, status.session, status.offset, rest).await {
            return done;
        }
    }
    panic!("it fails once only")
}

/// More than one tile: a tree of two levels, in files.
#[tokio::test]
async fn a_tree_of_two_levels_is_kept_read_and_made_again() {
    let length = 257 * BLOCK + 12_345;
    let pattern = sample(BLOCK - 1);
    let bytes: Vec<u8> = pattern.iter().copied().cycle().take(length).collect();
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Filesystem::open(directory.path()).await.unwrap());
    let node = Node::on(store.clone());
    let receipt = stored(&node, &bytes).await;
    let at = |level, index| Position { level, index };
    assert_eq!(tiles(&*store).await, 3);
    let ranges = [0..1, 256 * BLOCK - 3..256 * BLOCK + 3, length - 1..length];
    for range in &ranges {
        gives(&node, &receipt, &bytes, range).await;
    }
    let group = SLICE_GROUP_BYTES as usize;
    let edge = 256 * BLOCK - group..256 * BLOCK + group;
    let encoded = slice::encode(&bytes, &(edge.start as u64..edge.end as u64));
    assert!(sliced(&node, &receipt, &edge).await.0 == encoded);
    // A lower tile alone, then the one over all.
    for position in [at(0, 1), at(0, 0), at(1, 0)] {
        let right = tile(&*store, &receipt.object, position).await.unwrap();
        put_tile(&*store, &receipt.object, position, Some(Bytes::from_static(&[7; 64]))).await;
        gives(&node, &receipt, &bytes, &ranges[1]).await;
        assert_eq!(tile(&*store, &receipt.object, position).await, Some(right), "{position:?}");
    }
    node.plane.discard(&receipt.object).await.unwrap();
    assert_eq!(tiles(&*store).await, 0);
}

#[tokio::test]
async fn readers_of_parts_are_counted_and_those_that_went_away_are_not() {
    let bytes = sample(3 * BLOCK);
    let memory = Memory::new();
    let node = Node::on(Arc::new(memory.clone()));
    let receipt = stored(&node, &bytes).await;
    let grant = node.may_read(&receipt);
    let open = || node.plane.open_blob(&grant, Some(0..10));
    let mut readers = Vec::new();
    let refused = loop {
        match open().await {
            Ok(reader) => readers.push(reader),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, download::Error::Busy), "{refused}");
    assert_eq!(readers.len(), strongroom::kernel::limits::PROVEN_READS_MAX);
    drop(readers);
    // A block that was being made for one of them is finished first.
    let mut again = open().await;
    while again.is_err() {
        tokio::task::yield_now().await;
        again = open().await;
    }
}
