//! One writer a session: newcomers, ghosts, the slow and the half-closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, channel::mpsc};
use strongroom::data::{Append, session};
use strongroom::kernel::limits::JOURNAL_EVERY_BYTES;
use strongroom::stores::{Document, Memory, Store as _};

use crate::harness::{Node, body, sample, sealed};

type Body = BoxStream<'static, Result<Bytes, String>>;

/// A body that brings those bytes and then neither more nor an end.
fn half_closed(bytes: &[u8]) -> Body {
    body(bytes, 10_000).chain(stream::pending()).boxed()
}

/// Starts an append and waits until all that its body brings has been taken.
async fn hanging(
    node: &Arc<Node>,
    bytes: &[u8],
    grant: &strongroom::data::Admitted,
    session: strongroom::kernel::id::SessionId,
    offset: u64,
) -> tokio::task::JoinHandle<Result<strongroom::data::Status, session::Error>> {
    let (plane, grant_of_task) = (node.plane.clone(), grant.clone());
    let body = half_closed(bytes);
    let task =
        tokio::spawn(async move { plane.append(&grant_of_task, session, Append::at(offset), body).await });
    while node.plane.status(grant, session).await.unwrap().offset < offset + bytes.len() as u64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    task
}

#[tokio::test]
async fn a_newcomer_displaces_the_writer_and_keeps_what_it_brought() {
    let (node, _) = Node::in_memory();
    let node = Arc::new(node);
    let bytes = sample(500_000);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let first = hanging(&node, &bytes[..200_000], &grant, session, 0).await;
    let done = node.append(&grant, session, 200_000, &bytes[200_000..]).await.unwrap();
    assert!(matches!(first.await.unwrap(), Err(session::Error::Displaced)));
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn one_who_may_not_write_displaces_no_one() {
    let (node, _) = Node::in_memory();
    let node = Arc::new(node);
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let first = hanging(&node, b"abc", &grant, session, 0).await;
    let mut stranger = node.upload(strongroom::contract::Size::Exact(10), None);
    stranger.actor = "svc:other".parse().unwrap();
    let stranger = node.admit(&stranger);
    assert!(node.append(&stranger, session, 3, b"x").await.is_err());
    assert!(node.plane.terminate(&stranger, session).await.is_err());
    assert!(!first.is_finished());
    node.plane.park().await;
    assert!(matches!(first.await.unwrap(), Err(session::Error::Closing)));
}

#[tokio::test]
async fn terminating_displaces_the_writer() {
    let (node, memory) = Node::in_memory();
    let node = Arc::new(node);
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let first = hanging(&node, b"abc", &grant, session, 0).await;
    node.plane.terminate(&grant, session).await.unwrap();
    assert!(matches!(first.await.unwrap(), Err(session::Error::Displaced)));
    assert_eq!(memory.list().await.unwrap().count().await, 0);
}

#[tokio::test]
async fn a_client_that_goes_away_drops_its_request_and_not_its_bytes() {
    let (node, _) = Node::in_memory();
    let grant = node.may_upload(100_000);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let (sender, receiver) = mpsc::unbounded::<Result<Bytes, String>>();
    let (plane, of_task) = (node.plane.clone(), grant.clone());
    let request = tokio::spawn(async move { plane.append(&of_task, session, Append::at(0), receiver).await });
    sender.unbounded_send(Ok(sample(70_000).into())).unwrap();
    while node.plane.status(&grant, session).await.unwrap().offset == 0 {
        tokio::task::yield_now().await;
    }
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    drop(sender);
    let offset = node.plane.status(&grant, session).await.unwrap().offset;
    assert_eq!(offset, 70_000);
    let done = node.append(&grant, session, offset, &sample(100_000)[70_000..]).await.unwrap();
    node.check(&done, &sample(100_000)).await;
}

#[tokio::test]
async fn writers_that_race_never_mix_their_bytes() {
    let (node, _) = Node::in_memory();
    let node = Arc::new(node);
    let bytes = Arc::new(sample(1_500_000));
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let write = |step: usize| {
        let (node, bytes, grant) = (node.clone(), bytes.clone(), grant.clone());
        tokio::spawn(async move {
            loop {
                let status = node.plane.status(&grant, session).await.unwrap();
                if let strongroom::data::Phase::Sealed(_) = status.phase {
                    return status;
                }
                let from = usize::try_from(status.offset).unwrap();
                let to = bytes.len().min(from + step);
                match node.append(&grant, session, status.offset, &bytes[from..to]).await {
                    Ok(_) | Err(session::Error::Displaced | session::Error::Offset { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    };
    let done = join_all([30_011, 70_001, 99_991].map(write)).await;
    for status in done {
        let status = status.unwrap();
        node.check(&status, &bytes).await;
    }
    assert_eq!(node.offered().len(), 1);
}

#[tokio::test]
async fn a_writer_in_another_process_is_fenced() {
    let (mut node, _) = Node::in_memory();
    let bytes = sample(200_000);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let (sender, receiver) = mpsc::unbounded::<Result<Bytes, String>>();
    let (ghost, of_task) = (node.plane.clone(), grant.clone());
    let ghosts = ghost.clone();
    let running =
        tokio::spawn(async move { ghosts.append(&of_task, session, Append::at(0), receiver).await });
    sender.unbounded_send(Ok(Bytes::from(vec![0xee; 1000]))).unwrap();
    while ghost.status(&grant, session).await.unwrap().offset == 0 {
        tokio::task::yield_now().await;
    }
    // Another node on the same store knows nothing of that writer but its journal.
    node.restart();
    node.plane.terminate(&grant, session).await.unwrap();
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, &bytes).await.unwrap();
    sender.unbounded_send(Ok(Bytes::from(vec![0xee; 1000]))).unwrap();
    drop(sender);
    assert!(matches!(running.await.unwrap(), Err(session::Error::Store(_) | session::Error::Displaced)));
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn a_newcomer_in_another_process_fences_the_bytes_too() {
    let (mut node, _) = Node::in_memory();
    let bytes = sample(200_000);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let (sender, receiver) = mpsc::unbounded::<Result<Bytes, String>>();
    let (ghost, of_task) = (node.plane.clone(), grant.clone());
    let ghosts = ghost.clone();
    let running =
        tokio::spawn(async move { ghosts.append(&of_task, session, Append::at(0), receiver).await });
    sender.unbounded_send(Ok(Bytes::copy_from_slice(&bytes[..1000]))).unwrap();
    while ghost.status(&grant, session).await.unwrap().offset == 0 {
        tokio::task::yield_now().await;
    }
    node.restart();
    let half = node.append(&grant, session, 1000, &bytes[1000..100_000]).await.unwrap();
    sender.unbounded_send(Ok(Bytes::from(vec![0xee; 5000]))).unwrap();
    drop(sender);
    assert!(matches!(running.await.unwrap(), Err(session::Error::Store(_) | session::Error::Displaced)));
    let done = node.append(&grant, session, half.offset, &bytes[100_000..]).await.unwrap();
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn small_blobs_that_never_come_do_not_stop_an_upload() {
    let (node, _) = Node::in_memory();
    let (mut announced, grant) = (Vec::new(), node.may_upload(1));
    loop {
        let more = node.plane.reserve(&grant, strongroom::kernel::limits::SMALL_BLOB_MAX_BYTES);
        match tokio::time::timeout(Duration::from_millis(50), more).await {
            Ok(reserved) => announced.push(reserved.unwrap()),
            Err(_) => break,
        }
    }
    let bytes = sample(3_000_000);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let done = node.append(&grant, session, 0, &bytes).await.unwrap();
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn a_half_closed_upload_ends_and_keeps_what_it_brought() {
    let node = Node::with_patience(Duration::from_millis(200));
    let grant = node.may_upload(100);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let ended = node.plane.append(&grant, session, Append::at(0), half_closed(b"abc")).await;
    assert!(matches!(ended, Err(session::Error::Idle { offset: 3 })), "{ended:?}");
    assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, 3);
}

#[tokio::test]
async fn bytes_that_only_trickle_end_it_too() {
    let node = Node::with_patience(Duration::from_millis(200));
    let grant = node.may_upload(1000);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let trickle = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, String>(Bytes::from_static(b"x")), ()))
    });
    let ended = node.plane.append(&grant, session, Append::at(0), trickle).await;
    assert!(matches!(ended, Err(session::Error::Idle { offset }) if offset <= 20), "{ended:?}");
}

#[tokio::test]
async fn patience_is_for_the_client_and_starts_afresh_with_progress() {
    let node = Node::with_patience(Duration::from_secs(2));
    let bytes = sample(3 * 1024);
    let grant = node.may_upload(bytes.len() as u64);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    // Longer than the patience altogether, but never without progress.
    let steady = body(&bytes, 1024).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        piece
    });
    let done = node.plane.append(&grant, session, Append::at(0), steady).await.unwrap();
    node.check(&done, &bytes).await;
}

#[tokio::test]
async fn parking_keeps_what_arrived_and_takes_no_more() {
    let (mut node, _) = Node::in_memory();
    let grant = node.may_upload(10);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let plane = node.plane.clone();
    let of_task = grant.clone();
    let running =
        tokio::spawn(
            async move { plane.append(&of_task, session, Append::at(0), half_closed(b"abc")).await },
        );
    while node.plane.status(&grant, session).await.unwrap().offset < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    node.plane.park().await;
    assert!(matches!(running.await.unwrap(), Err(session::Error::Closing)));
    assert!(matches!(node.append(&grant, session, 3, b"x").await, Err(session::Error::Closing)));
    assert!(matches!(node.plane.create(&node.may_upload(1), None).await, Err(session::Error::Closing)));
    let put = node.plane.put_small(&node.may_upload(1), Bytes::from_static(b"x")).await;
    assert!(matches!(put, Err(session::Error::Closing)));
    node.restart();
    let done = node.append(&grant, session, 3, b"defghij").await.unwrap();
    node.check(&done, b"abcdefghij").await;
}

#[tokio::test]
async fn a_long_request_is_journaled_on_its_way() {
    let (mut node, memory) = Node::in_memory();
    let piece = Bytes::from(sample(1024 * 1024));
    let every = usize::try_from(JOURNAL_EVERY_BYTES).unwrap() / piece.len();
    let grant = node.may_upload(piece.len() as u64 * (every as u64 + 10));
    let session = node.plane.create(&grant, None).await.unwrap().session;
    let pieces: Vec<_> = std::iter::repeat_n(piece.clone(), every + 5).map(Ok::<_, String>).collect();
    let (plane, of_task) = (node.plane.clone(), grant.clone());
    let body = stream::iter(pieces).chain(stream::pending());
    let running = tokio::spawn(async move { plane.append(&of_task, session, Append::at(0), body).await });
    // No one asks: the journal is looked at from behind.
    while journaled(&memory, session).await < JOURNAL_EVERY_BYTES {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // A crash loses the rest and nothing else.
    running.abort();
    node.restart_on(&memory.crash());
    let offset = node.plane.status(&grant, session).await.unwrap().offset;
    assert!(offset >= JOURNAL_EVERY_BYTES);
    let whole = piece.repeat(every + 10);
    let rest = &whole[usize::try_from(offset).unwrap()..];
    let done = node.append(&grant, session, offset, rest).await.unwrap();
    node.check(&done, &whole).await;
}

async fn journaled(memory: &Memory, session: strongroom::kernel::id::SessionId) -> u64 {
    let (bytes, _) = memory.load(Document::Session(session)).await.unwrap().unwrap();
    match strongroom::data::journal::Journal::decode(&bytes).unwrap().phase {
        strongroom::data::journal::Phase::Receiving(at) => at.offset(),
        phase => panic!("{}", phase.name()),
    }
}

/// Bytes that know how many of their kind are alive.
struct Counted(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0.len(), Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_together_hold_no_more_than_their_budget() {
    const PIECE: usize = 64 * 1024;
    const UPLOADS: usize = 40;
    const BUDGET: usize = 1024 * 1024;
    let node = Arc::new(Node::with_budget(BUDGET));
    let (alive, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let upload = || {
        let (node, alive, peak) = (node.clone(), alive.clone(), peak.clone());
        tokio::spawn(async move {
            let bytes = sample(48 * PIECE);
            let pieces: Vec<Vec<u8>> = bytes.chunks(PIECE).map(<[u8]>::to_vec).collect();
            let body = stream::iter(pieces).map(move |piece| {
                let now = alive.fetch_add(piece.len(), Ordering::SeqCst) + piece.len();
                peak.fetch_max(now, Ordering::SeqCst);
                Ok::<_, String>(Bytes::from_owner(Counted(piece, alive.clone())))
            });
            let grant = node.may_upload(bytes.len() as u64);
            let session = node.plane.create(&grant, None).await.unwrap().session;
            let done = node.plane.append(&grant, session, Append::at(0), body).await.unwrap();
            assert_eq!(sealed(&done).digests, strongroom::kernel::digest::Digests::of(&bytes));
        })
    };
    join_all((0..UPLOADS).map(|_| upload())).await.into_iter().for_each(Result::unwrap);
    let peak = peak.load(Ordering::SeqCst);
    // Beyond the budget each upload may hold the one piece that it waits to pay for.
    assert!(peak <= BUDGET + UPLOADS * PIECE, "{peak} bytes at once");
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}
