//! Several data planes over one bucket, which know nothing of each other: any of them goes on with any session, and of two
//! writers the later wins, with every byte.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc::{self, UnboundedSender};
use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use strongroom::data::{Admitted, Append, Phase, Status, session};
use strongroom::kernel::id::SessionId;
use strongroom::stores::{Listed, S3, S3Settings};
use tokio::task::JoinHandle;

use crate::harness::{Node, body, broken, sample};
use crate::s3_server::{Server, on_the_real_server};

const MIB: usize = 1024 * 1024;

/// A bucket for several planes, in the process or on a real server.
struct Bucket {
    settings: S3Settings,
    _server: Option<Server>,
}

impl Bucket {
    async fn in_process() -> Self {
        let server = Server::start().await;
        Self { settings: server.settings(), _server: Some(server) }
    }

    fn real() -> Option<Self> {
        Some(Self { settings: on_the_real_server()?, _server: None })
    }

    /// One more process on it.
    async fn plane(&self) -> Arc<Node> {
        Arc::new(Node::on(Arc::new(S3::open(self.settings.clone()).await.unwrap())))
    }

    /// Parts, so to speak.
    fn parts(&self, count: usize) -> usize {
        count * usize::try_from(self.settings.part_bytes).unwrap()
    }
}

/// A request whose bytes come when they are sent.
struct Hanging {
    bytes: UnboundedSender<Result<Bytes, String>>,
    running: JoinHandle<Result<Status, session::Error>>,
}

impl Hanging {
    async fn with(node: &Arc<Node>, grant: &Admitted, session: SessionId, bytes: &[u8]) -> Self {
        let (sender, receiver) = mpsc::unbounded();
        let (plane, of_task) = (node.plane.clone(), grant.clone());
        let running =
            tokio::spawn(async move { plane.append(&of_task, session, Append::at(0), receiver).await });
        let hanging = Self { bytes: sender, running };
        hanging.send(bytes);
        while node.plane.status(grant, session).await.unwrap().offset < bytes.len() as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        hanging
    }

    fn send(&self, bytes: &[u8]) {
        for piece in bytes.chunks(100_000) {
            self.bytes.unbounded_send(Ok(Bytes::copy_from_slice(piece))).unwrap();
        }
    }

    async fn end(self) -> Result<Status, session::Error> {
        drop(self.bytes);
        self.running.await.unwrap()
    }
}

/// One test for each claim and kind of server. Without a real one there is nothing to do for it: `.ci/s3` starts one.
macro_rules! on_every_bucket {
    ($($case:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $case() {
                super::$case(super::Bucket::in_process().await).await;
            })*
        }

        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $case() {
                let Some(bucket) = super::Bucket::real() else { return };
                super::$case(bucket).await;
            })*
        }
    };
}

on_every_bucket![
    a_session_goes_on_at_another_plane_when_the_first_is_gone,
    what_a_plane_took_before_it_vanished_is_there_as_far_as_it_said,
    of_two_writers_the_later_wins_with_every_byte,
    of_two_writers_of_less_than_a_part_the_later_wins_too,
    planes_that_race_never_mix_their_bytes,
    a_session_that_one_plane_gave_up_is_over_for_all,
    a_sweep_of_one_plane_leaves_the_sessions_of_others_alone,
];

async fn a_session_goes_on_at_another_plane_when_the_first_is_gone(bucket: Bucket) {
    let bytes = sample(bucket.parts(3) + 4321);
    let (first, second, third) = (bucket.plane().await, bucket.plane().await, bucket.plane().await);
    let grant = first.may_upload(bytes.len() as u64);
    let session = first.plane.create(&grant, None).await.unwrap().session;
    let cut = bucket.parts(1) + 1234;
    let gone = first.plane.append(&grant, session, Append::at(0), broken(&bytes[..cut])).await;
    assert!(matches!(gone, Err(session::Error::Disconnected { .. })));
    drop(first);

    let status = second.plane.status(&grant, session).await.unwrap();
    assert_eq!((status.offset, &status.phase), (cut as u64, &Phase::Receiving));
    let cut = cut + MIB + 7;
    let from = usize::try_from(status.offset).unwrap();
    second.append(&grant, session, status.offset, &bytes[from..cut]).await.unwrap();
    drop(second);

    let done = third.append(&grant, session, cut as u64, &bytes[cut..]).await.unwrap();
    third.check(&done, &bytes).await;
    let fourth = bucket.plane().await;
    assert_eq!(fourth.plane.status(&grant, session).await.unwrap(), done, "the first receipt");
    let listed: Vec<Listed> = fourth.store.list().await.unwrap().try_collect().await.unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(listed[0].sealed);
}

async fn what_a_plane_took_before_it_vanished_is_there_as_far_as_it_said(bucket: Bucket) {
    let bytes = sample(bucket.parts(3));
    let (first, second) = (bucket.plane().await, bucket.plane().await);
    let grant = first.may_upload(bytes.len() as u64);
    let session = first.plane.create(&grant, None).await.unwrap().session;
    let said = bucket.parts(1) + 77;
    let hanging = Hanging::with(&first, &grant, session, &bytes[..said]).await;
    // More arrives, of which nothing was said.
    hanging.send(&bytes[said..bucket.parts(2) + 99]);
    let offset = second.plane.status(&grant, session).await.unwrap().offset;
    assert!(offset >= said as u64, "{offset}");
    let from = usize::try_from(offset).unwrap();
    let done = second.append(&grant, session, offset, &bytes[from..]).await.unwrap();
    second.check(&done, &bytes).await;
    assert!(matches!(hanging.end().await, Err(session::Error::Displaced | session::Error::Store(_))));
    second.check(&done, &bytes).await;
}

/// The earlier writer goes on with other bytes, up to `more` of them, after the later one began.
async fn the_later_wins(bucket: Bucket, said: usize, length: usize, more: usize) {
    let bytes = sample(length);
    let (first, second) = (bucket.plane().await, bucket.plane().await);
    let grant = first.may_upload(bytes.len() as u64);
    let session = first.plane.create(&grant, None).await.unwrap().session;
    let hanging = Hanging::with(&first, &grant, session, &bytes[..said]).await;
    let half = usize::midpoint(said, length);
    let status = second.append(&grant, session, said as u64, &bytes[said..half]).await.unwrap();
    hanging.send(&vec![0xee; more]);
    let lost = hanging.end().await.unwrap_err();
    assert!(matches!(lost, session::Error::Displaced), "{lost}");
    assert!(lost.to_string().contains("taken over"));
    let done = second.append(&grant, session, status.offset, &bytes[half..]).await.unwrap();
    second.check(&done, &bytes).await;
}

async fn of_two_writers_the_later_wins_with_every_byte(bucket: Bucket) {
    let (said, length, more) = (bucket.parts(1) + 10, bucket.parts(5) + 5, bucket.parts(3));
    the_later_wins(bucket, said, length, more).await;
}

async fn of_two_writers_of_less_than_a_part_the_later_wins_too(bucket: Bucket) {
    the_later_wins(bucket, 1000, 200_000, 150_000).await;
}

async fn planes_that_race_never_mix_their_bytes(bucket: Bucket) {
    let bytes = Arc::new(sample(bucket.parts(2) + MIB / 2));
    let planes = join_all((0..3).map(|_| bucket.plane())).await;
    let grant = planes[0].may_upload(bytes.len() as u64);
    let session = planes[0].plane.create(&grant, None).await.unwrap().session;
    let write = |node: &Arc<Node>, step: usize| {
        let (node, bytes, grant) = (node.clone(), bytes.clone(), grant.clone());
        tokio::spawn(async move {
            // One that races needs patience; one that never comes to an end is what this would find.
            loop {
                let status = match node.plane.status(&grant, session).await {
                    Ok(status) => status,
                    Err(session::Error::Displaced) => continue,
                    Err(error) => panic!("{error}"),
                };
                if let Phase::Sealed(_) = status.phase {
                    return status;
                }
                let from = usize::try_from(status.offset).unwrap();
                let to = bytes.len().min(from + step);
                let sent = node.plane.append(
                    &grant,
                    session,
                    Append::at(status.offset),
                    body(&bytes[from..to], 65_536),
                );
                match sent.await {
                    Ok(_) | Err(session::Error::Displaced | session::Error::Offset { .. }) => {}
                    // Its pieces went with the seal of another.
                    Err(session::Error::Store(strongroom::stores::Error::Missing(_))) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        })
    };
    let steps = [300_011, 700_001, 1_999_991];
    let done = join_all(planes.iter().zip(steps).map(|(node, step)| write(node, step))).await;
    for (status, node) in done.into_iter().zip(&planes) {
        node.check(&status.unwrap(), &bytes).await;
    }
}

async fn a_session_that_one_plane_gave_up_is_over_for_all(bucket: Bucket) {
    let (first, second) = (bucket.plane().await, bucket.plane().await);
    let grant = first.may_upload(bucket.parts(3) as u64);
    let session = first.plane.create(&grant, None).await.unwrap().session;
    let hanging = Hanging::with(&first, &grant, session, &sample(bucket.parts(1) + 10)).await;
    second.plane.terminate(&grant, session).await.unwrap();
    hanging.send(&sample(bucket.parts(1)));
    assert!(matches!(hanging.end().await, Err(session::Error::Displaced | session::Error::Store(_))));
    let after = first.append(&grant, session, 0, b"x").await;
    assert!(matches!(after, Err(session::Error::Gone(_))), "{after:?}");
    // What the displaced one left after that belongs to no session.
    second.plane.sweep().await.unwrap();
    assert_eq!(second.store.list().await.unwrap().count().await, 0);
}

async fn a_sweep_of_one_plane_leaves_the_sessions_of_others_alone(bucket: Bucket) {
    let bytes = sample(bucket.parts(2));
    let (first, second) = (bucket.plane().await, bucket.plane().await);
    let grant = first.may_upload(bytes.len() as u64);
    let session = first.plane.create(&grant, None).await.unwrap().session;
    let said = bucket.parts(1) + 10;
    let hanging = Hanging::with(&first, &grant, session, &bytes[..said]).await;
    assert_eq!(second.plane.sweep().await.unwrap(), strongroom::data::Swept::default());
    hanging.send(&bytes[said..]);
    let done = hanging.end().await.unwrap();
    second.check(&done, &bytes).await;
}
