//! Objects are copied to another store by order: the same bytes under the key that the order names, proven on the way, or
//! nothing; whatever breaks, and however often it is ordered.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use strongroom::clock::Manual;
use strongroom::contract::{
    Found, Grant, KeyRing, Move, Operation, Order, Outcome, Read, Report, Reported, Restore, SigningKey,
    Size, Task, Verify,
};
use strongroom::data::{Damaged, Moving, Orderly, Pace, download};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::event::KeyKind;
use strongroom::kernel::id::{ObjectKey, OrderId, StoreName};
use strongroom::kernel::limits::{ORDER_LIFE_SECONDS, TREELESS_BLOB_MAX_BYTES};
use strongroom::kernel::tree::decode::Decoder;
use strongroom::stores::{Fault, Filesystem, Kind, Memory, S3, S3Settings, Step, Store};
use uuid::Uuid;

use crate::harness::{Node, START_MS, sample};
use crate::s3_server::{Server, on_the_real_server};

/// Enough for a tree of several blocks and, in a bucket, for several parts.
const LARGE: usize = TREELESS_BLOB_MAX_BYTES as usize + 3 * 1024 * 1024 + 77;

const FROM: u128 = 0xf0;
const TO: u128 = 0x70;

fn key(number: u128) -> ObjectKey {
    ObjectKey::from_uuid(Uuid::from_u128(number))
}

/// A node that has two stores, and its orders.
struct Scene {
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
    orderly: Orderly,
}

impl Scene {
    fn of(from: Arc<dyn Store>, to: Arc<dyn Store>) -> Self {
        Self::keeping(0, from, to)
    }

    fn keeping(free_bytes: u64, from: Arc<dyn Store>, to: Arc<dyn Store>) -> Self {
        let stores =
            [("main", &from), ("cold", &to)].map(|(name, store)| (name.parse().unwrap(), store.clone()));
        let orders = SigningKey::from_seed(KeyKind::Order, [3; 32]);
        let orderly = Orderly {
            stores: HashMap::from(stores),
            node: "node-1".parse().unwrap(),
            reports: SigningKey::from_seed(KeyKind::Report, [4; 32]),
            orders: KeyRing::of([orders.verifying_key()]).into(),
            clock: Arc::new(Manual::at_ms(START_MS)),
            damaged: Damaged::default(),
            pace: Pace::unbounded(),
            moving: Moving::keeping(free_bytes),
        };
        Self { from, to, orderly }
    }

    async fn on_disks(directory: &Path) -> Self {
        let open = |name: &str| {
            let path = directory.join(name);
            async move { Arc::new(Filesystem::open(&path).await.unwrap()) }
        };
        Self::of(open("main").await, open("cold").await)
    }

    async fn put(&self, bytes: &[u8]) {
        let mut staged = self.from.stage(&key(FROM), None, Some(bytes.len() as u64)).await.unwrap();
        for piece in bytes.chunks(256 * 1024) {
            if staged.is_waiting() {
                let state = staged.reserve();
                staged.journaled(&state);
            }
            staged.write(vec![piece.to_vec().into()]).await.unwrap();
        }
        staged.seal().await.unwrap();
    }

    /// Has what was to be these bytes moved, by a signed order; gives what the signed report says.
    async fn moves(&self, bytes: &[u8]) -> Outcome {
        self.obey("cold", bytes).await
    }

    async fn obey(&self, to_store: &str, bytes: &[u8]) -> Outcome {
        let (digests, size_bytes) = (Digests::of(bytes), bytes.len() as u64);
        let (to_store, to_object): (StoreName, _) = (to_store.parse().unwrap(), key(TO));
        let wanted = Move { digests, size_bytes, to_store: to_store.clone(), to_object: to_object.clone() };
        let report = self.order("main", FROM, Task::Move(wanted)).await;
        assert_eq!(report.task, Reported::Move { blake3: digests.blake3, to_store, to_object });
        report.outcome
    }

    async fn order(&self, store: &str, object: u128, task: Task) -> Report {
        let order = Order {
            id: OrderId(Uuid::from_u128(1)),
            store: store.parse().unwrap(),
            object: key(object),
            issued_at_seconds: START_MS / 1_000,
            expires_at_seconds: START_MS / 1_000 + ORDER_LIFE_SECONDS,
            task,
        };
        let signed = order.sign(&SigningKey::from_seed(KeyKind::Order, [3; 32]));
        let obeyed = self.orderly.obey(&self.orderly.read(&signed).unwrap()).await;
        let ring = KeyRing::of([self.orderly.reports.verifying_key()]);
        Report::verify(&obeyed.text, &ring, START_MS).unwrap()
    }

    /// That the copy has these bytes, the tree that an upload would have left, and no stage beside it.
    async fn has_copy(&self, bytes: &[u8]) {
        let pieces = self.to.read(&key(TO), 0..u64::MAX).await.unwrap();
        let found: Vec<_> = pieces.try_collect().await.unwrap();
        assert!(found.concat() == bytes, "the copy has the bytes");
        assert_eq!(tiles(&*self.to).await, usize::from(bytes.len() as u64 > TREELESS_BLOB_MAX_BYTES));
        assert_eq!(stages(&*self.to).await, 0);
    }

    /// That nothing of a copy is there, not even a stage.
    async fn has_nothing(&self) {
        assert_eq!(self.to.size(&key(TO)).await.unwrap(), None);
        assert_eq!((tiles(&*self.to).await, stages(&*self.to).await), (0, 0));
    }
}

async fn tiles(store: &dyn Store) -> usize {
    store.names(Kind::Trees).await.unwrap().len()
}

async fn stages(store: &dyn Store) -> usize {
    let listed = store.list().await.unwrap();
    listed.filter(|listed| std::future::ready(!listed.as_ref().unwrap().sealed)).count().await
}

/// A node that reads the copy, and the grant to.
fn reader(scene: &Scene, bytes: &[u8]) -> (Node, Grant) {
    let node = Node::with_another(scene.from.clone(), "cold", scene.to.clone());
    let read = Read { digests: Digests::of(bytes), size_bytes: bytes.len() as u64, object: key(TO) };
    let grant = Grant {
        store: "cold".parse().unwrap(),
        operation: Operation::Read(read),
        ..node.upload(Size::Exact(0), None)
    };
    (node, grant)
}

/// That a part of the copy is given out with its proof, from tiles that nobody had to make again.
async fn is_proven(scene: &Scene, bytes: &[u8]) {
    let (node, grant) = reader(scene, bytes);
    let range = bytes.len() as u64 / 2..bytes.len() as u64 / 2 + 20_000;
    let digests = Digests::of(bytes);
    let before = tiles(&*scene.to).await;
    let slice = node.plane.open_slice(&node.admit(&grant), Some(range.clone())).await.unwrap();
    let encoded: Vec<_> = slice.stream.try_collect().await.unwrap();
    let mut decoder = Decoder::new(digests.blake3, bytes.len() as u64, range.clone());
    let mut proven = Vec::new();
    decoder.push(&encoded.concat(), &mut proven).unwrap();
    assert!(proven == bytes[range.start as usize..range.end as usize]);
    assert_eq!(tiles(&*scene.to).await, before, "none was made again");
}

#[tokio::test]
async fn a_copy_has_the_bytes_and_the_tree_and_the_object_stays() {
    for length in [0, 1, 300_000, LARGE] {
        let directory = tempfile::tempdir().unwrap();
        let scene = Scene::on_disks(directory.path()).await;
        let bytes = sample(length);
        scene.put(&bytes).await;
        assert_eq!(scene.moves(&bytes).await, Outcome::Done, "{length}");
        scene.has_copy(&bytes).await;
        assert_eq!(scene.from.size(&key(FROM)).await.unwrap(), Some(length as u64), "the source stays");
        if length == LARGE {
            is_proven(&scene, &bytes).await;
        }
    }
}

#[tokio::test]
async fn objects_move_into_a_bucket_and_out_of_it() {
    let server = Server::start().await;
    move_into_and_out_of(Arc::new(server.store().await)).await;
    assert_eq!(server.content.uploads(), 0);
}

/// A real server. Without one there is nothing to do: `.ci/s3` starts one and runs this.
mod real {
    use super::*;

    #[tokio::test]
    async fn objects_move_into_a_bucket_and_out_of_it() {
        let Some(settings) = on_the_real_server() else { return };
        move_into_and_out_of(Arc::new(S3::open(settings).await.unwrap())).await;
    }
}

async fn move_into_and_out_of(bucket: Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Store> = Arc::new(Filesystem::open(directory.path()).await.unwrap());
    let bytes = sample(LARGE);
    for (from, to) in [(disk.clone(), bucket.clone()), (bucket, disk)] {
        let scene = Scene::of(from, to);
        scene.put(&bytes).await;
        assert_eq!(scene.moves(&bytes).await, Outcome::Done);
        scene.has_copy(&bytes).await;
        is_proven(&scene, &bytes).await;
        for (store, object) in [(&scene.from, FROM), (&scene.to, TO)] {
            store.delete(&key(object)).await.unwrap();
        }
        for document in scene.to.names(Kind::Trees).await.unwrap() {
            let (_, version) = scene.to.load(document).await.unwrap().unwrap();
            scene.to.swap(document, Some(&version), None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_moved_into_an_archive_is_asked_for_before_it_is_read_or_moved_on() {
    let server = Server::start().await;
    let settings = S3Settings { storage_class: Some("GLACIER".to_owned()), ..server.settings() };
    let archive: Arc<dyn Store> = Arc::new(S3::open(settings).await.unwrap());
    let scene = Scene::of(Arc::new(Memory::new()), archive.clone());
    let bytes = sample(LARGE);
    let (digests, size_bytes) = (Digests::of(&bytes), bytes.len() as u64);
    scene.put(&bytes).await;
    assert_eq!(scene.moves(&bytes).await, Outcome::Done);
    assert_eq!(scene.moves(&bytes).await, Outcome::Done, "again, though nobody can read it");
    assert_eq!(tiles(&*archive).await, 1);

    let verify = || Task::Verify(Verify { digests, size_bytes });
    let back = || {
        let (to_store, to_object) = ("main".parse().unwrap(), key(0xba));
        Task::Move(Move { digests, size_bytes, to_store, to_object })
    };
    let restore = || Task::Restore(Restore { days: 3 });
    for task in [verify(), back()] {
        assert_eq!(scene.order("cold", TO, task).await.outcome, Outcome::Archived);
    }
    let (node, grant) = reader(&scene, &bytes);
    for range in [None, Some(5..70_000)] {
        let refused = node.plane.open_blob(&node.admit(&grant), range).await.unwrap_err();
        assert!(matches!(refused, download::Error::Archived { .. }), "{refused}");
    }
    assert!(!scene.orderly.damaged.contains(&key(TO)), "nothing is wrong with it");

    for _ in 0..2 {
        assert_eq!(scene.order("cold", TO, restore()).await.outcome, Outcome::Restoring);
    }
    assert_eq!(server.content.asked().len(), 1);
    assert_eq!(scene.order("cold", TO, verify()).await.outcome, Outcome::Archived);
    server.content.finish_restores();
    let report = scene.order("cold", TO, restore()).await;
    assert!(matches!(report.outcome, Outcome::Available { until_ms: Some(_) }), "{report:?}");
    is_proven(&scene, &bytes).await;
    for task in [verify(), back()] {
        assert_eq!(scene.order("cold", TO, task).await.outcome, Outcome::Done);
    }
    assert_eq!(scene.from.size(&key(0xba)).await.unwrap(), Some(size_bytes));
    assert_eq!(scene.order("cold", 1, restore()).await.outcome, Outcome::Missing);
    let at_hand = scene.order("main", FROM, restore()).await.outcome;
    assert_eq!(at_hand, Outcome::Available { until_ms: None });
}

#[tokio::test]
async fn obeying_it_twice_finds_the_copy_and_reads_nothing_again() {
    let (from, to) = (Memory::new(), Memory::new());
    let scene = Scene::of(Arc::new(from.clone()), Arc::new(to));
    let bytes = sample(300_000);
    scene.put(&bytes).await;
    assert_eq!(scene.moves(&bytes).await, Outcome::Done);
    from.delete(&key(FROM)).await.unwrap();
    assert_eq!(scene.moves(&bytes).await, Outcome::Done, "whether the source is still there or not");
    scene.has_copy(&bytes).await;
}

#[tokio::test]
async fn two_at_once_make_one_copy() {
    let server = Server::start().await;
    let from = Arc::new(Memory::new());
    let bytes = sample(LARGE);
    // Two nodes over one bucket, each with two of the same order in hand.
    let one = Scene::of(from.clone(), Arc::new(server.store().await));
    let two = Scene::of(from, Arc::new(server.store().await));
    one.put(&bytes).await;
    let outcomes = tokio::join!(one.moves(&bytes), one.moves(&bytes), two.moves(&bytes), two.moves(&bytes));
    // Whoever finds the copy clears away what is left of others: they may have to be asked again.
    let outcomes = [outcomes.0, outcomes.1, outcomes.2, outcomes.3];
    assert!(outcomes.contains(&Outcome::Done), "{outcomes:?}");
    assert_eq!(two.moves(&bytes).await, Outcome::Done);
    one.has_copy(&bytes).await;
    assert_eq!(server.content.uploads(), 0);
}

#[tokio::test]
async fn what_is_not_the_blob_is_not_copied() {
    let scene = Scene::of(Arc::new(Memory::new()), Arc::new(Memory::new()));
    let bytes = sample(LARGE);
    assert_eq!(scene.moves(&bytes).await, Outcome::Missing);
    scene.has_nothing().await;
    let mut other = bytes.clone();
    other[LARGE - 5] ^= 1;
    scene.put(&other).await;
    let found = Found { size_bytes: LARGE as u64, digests: Some(Digests::of(&other)) };
    assert_eq!(scene.moves(&bytes).await, Outcome::Corrupt(found));
    scene.has_nothing().await;
    assert!(scene.orderly.damaged.contains(&key(FROM)));
    let shorter = Found { size_bytes: LARGE as u64, digests: None };
    assert_eq!(scene.moves(&bytes[1..]).await, Outcome::Corrupt(shorter));
    scene.has_nothing().await;
}

#[tokio::test]
async fn a_node_without_the_store_says_so() {
    let scene = Scene::of(Arc::new(Memory::new()), Arc::new(Memory::new()));
    let outcome = scene.obey("tape", b"x").await;
    assert_eq!(outcome, Outcome::Failed("store tape is not here".to_owned()));
}

#[tokio::test]
async fn a_store_that_would_be_too_full_is_not_filled() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Store> = Arc::new(Filesystem::open(directory.path()).await.unwrap());
    let scene = Scene::keeping(u64::MAX / 2, Arc::new(Memory::new()), disk);
    scene.put(b"x").await;
    let Outcome::Failed(reason) = scene.moves(b"x").await else { panic!("it has room") };
    assert!(reason.contains("the store is full"), "{reason}");
    scene.has_nothing().await;
}

#[tokio::test]
async fn whatever_fails_there_is_a_whole_copy_or_none_and_the_next_order_makes_it() {
    // Of a large one, whose writes are many and alike, the first of them and all that comes after the last.
    for (bytes, skipped) in [(sample(600_000), None), (sample(LARGE), Some(Step::Write))] {
        let from = Arc::new(Memory::new());
        Scene::of(from.clone(), Arc::new(Memory::new())).put(&bytes).await;
        let steps = {
            let to = Memory::new();
            assert_eq!(Scene::of(from.clone(), Arc::new(to.clone())).moves(&bytes).await, Outcome::Done);
            to.faults().clear()
        };
        assert!(steps.contains(&Step::Write) && steps.contains(&Step::Seal), "{steps:?}");
        let last_write = steps.iter().rposition(|step| *step == Step::Write).unwrap();
        for fault in [Fault::Failed, Fault::FailedButPersisted, Fault::Full] {
            for at in (0..steps.len()).filter(|at| skipped.is_none() || *at < 4 || *at >= last_write) {
                let to = Memory::new();
                let scene = Scene::of(from.clone(), Arc::new(to.clone()));
                // The process is as good as dead from then on: nothing is cleared away.
                to.faults().fail_from(at, fault);
                let outcome = scene.moves(&bytes).await;
                to.faults().clear();
                assert!(matches!(outcome, Outcome::Failed(_)), "{at} {fault:?}: {outcome:?}");
                if let Some(size) = to.size(&key(TO)).await.unwrap() {
                    assert_eq!(size, bytes.len() as u64, "{at} {fault:?}");
                }
                assert_eq!(scene.moves(&bytes).await, Outcome::Done, "{at} {fault:?}");
                scene.has_copy(&bytes).await;
            }
        }
    }
}
