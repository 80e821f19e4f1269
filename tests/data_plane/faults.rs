//! The fault table: each step of each operation x {failed, failed but persisted} x {once, from there on until a crash}.
//!
//! A client that follows the protocol (ask where it is, send from there) always ends with its blob; what it was told is
//! durable never goes back; and nothing else is left.

use bytes::Bytes;
use futures::StreamExt as _;
use strongroom::contract::Size;
use strongroom::data::{Admitted, Append, Phase, Status, session};
use strongroom::kernel::digest::Digests;
use strongroom::kernel::limits::{CLOCK_SKEW_SECONDS, SESSION_LIFE_MAX_SECONDS};
use strongroom::stores::{Fault, Kind, Memory, Step, Store as _};

use crate::harness::{Node, body, sample};

/// After this many tries nothing will come of it.
const TRIES: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Row {
    step: usize,
    fault: Fault,
    fatal: bool,
}

/// A node on which one step will fail.
struct Scene {
    node: Node,
    memory: Memory,
    row: Row,
    hit: bool,
}

impl Scene {
    async fn new(row: Row) -> Self {
        let (node, memory) = Node::in_memory();
        // As at every start: what comes later has to be found without looking again.
        node.plane.redeliver().await.unwrap();
        match row.fatal {
            true => memory.faults().fail_from(row.step, row.fault),
            false => memory.faults().fail(row.step, row.fault),
        }
        Self { node, memory, row, hit: false }
    }

    /// Something failed: if that was the end of the process, there is another one now.
    fn failed(&mut self, error: &session::Error) {
        assert!(matches!(error, session::Error::Store(_)), "{:?}: {error}", self.row);
        self.broke();
    }

    fn broke(&mut self) {
        assert!(!self.hit || self.row.fatal, "{:?} fails once", self.row);
        self.hit = true;
        if self.row.fatal {
            self.memory = self.memory.crash();
            self.memory.faults().clear();
            self.node.restart_on(&self.memory);
        }
    }
}

/// Runs a scenario with every step failing in every way; gives the steps of a run in which nothing fails.
macro_rules! table {
    ($scenario:path) => {{
        let mut steps = Vec::new();
        for fatal in [false, true] {
            for fault in [Fault::Failed, Fault::FailedButPersisted] {
                for step in 0.. {
                    let row = Row { step, fault, fatal };
                    let mut scene = Scene::new(row).await;
                    let taken = $scenario(&mut scene).await;
                    if !scene.hit && taken.len() <= step {
                        steps = taken;
                        break;
                    }
                }
            }
        }
        steps
    }};
}

fn has(steps: &[Step], wanted: &[Step]) {
    for step in wanted {
        assert!(steps.contains(step), "{step:?} is not in the table: {steps:?}");
    }
}

/// Uploads in two requests, as a client does that asks where it is whenever something fails.
async fn upload(
    scene: &mut Scene,
    grant: &Admitted,
    bytes: &[u8],
    middle: usize,
) -> Result<Status, session::Error> {
    let mut acknowledged = 0;
    for _ in 0..TRIES {
        let status = match scene.node.plane.create(grant, None).await {
            Ok(status) => status,
            Err(error @ session::Error::Store(_)) => {
                scene.failed(&error);
                continue;
            }
            Err(error) => return Err(error),
        };
        assert!(status.offset >= acknowledged, "{:?}: durable bytes went back", scene.row);
        let offset = usize::try_from(status.offset).unwrap();
        assert!(
            [0, middle, bytes.len()].contains(&offset),
            "{:?}: {offset} is no state it was in",
            scene.row
        );
        if let Phase::Sealed(_) = status.phase {
            return Ok(status);
        }
        let to = if offset < middle { middle } else { bytes.len() };
        match scene.node.append(grant, status.session, status.offset, &bytes[offset..to]).await {
            Ok(status) => acknowledged = status.offset,
            Err(error @ session::Error::Store(_)) => scene.failed(&error),
            Err(error) => return Err(error),
        }
    }
    panic!("{:?}: nothing came of it", scene.row);
}

/// Nothing but the objects and journals is left, and the journals go too.
async fn only(scene: &mut Scene, objects: usize) {
    scene.memory.faults().clear();
    let row = scene.row;
    let (_, left) = scene.node.plane.redeliver().await.unwrap();
    assert_eq!(left, 0, "{row:?}");
    let lifetime_ms = (SESSION_LIFE_MAX_SECONDS + 3 * CLOCK_SKEW_SECONDS) * 1_000;
    scene.node.clock.advance_ms(lifetime_ms);
    scene.node.plane.sweep().await.unwrap();
    for kind in Kind::ALL {
        assert_eq!(scene.memory.names(kind).await.unwrap(), [], "{row:?}");
    }
    assert_eq!(scene.memory.list().await.unwrap().count().await, objects, "{row:?}");
}

async fn uploading(scene: &mut Scene) -> Vec<Step> {
    let bytes = sample(1024 * 1024 + 1000);
    let grant = scene.node.may_upload(bytes.len() as u64);
    let status = upload(scene, &grant, &bytes, 1024 * 1024 + 77).await.unwrap();
    let steps = scene.memory.faults().clear();
    scene.node.check(&status, &bytes).await;
    scene.node.plane.redeliver().await.unwrap();
    let mut offered = scene.node.offered();
    offered.dedup();
    assert_eq!(offered.len(), 1, "{:?}: one receipt, however often", scene.row);
    only(scene, 1).await;
    steps
}

#[tokio::test]
async fn an_upload_survives_every_fault() {
    let steps = table!(uploading);
    has(
        &steps,
        &[Step::Load, Step::Size, Step::Stage, Step::Swap, Step::Reread, Step::Write, Step::Sync, Step::Seal],
    );
}

async fn uploading_the_wrong_bytes(scene: &mut Scene) -> Vec<Step> {
    let bytes = sample(2000);
    let declared = Digests::of(b"something else").blake3.into();
    let grant = scene.node.admit(&scene.node.upload(Size::Exact(2000), Some(declared)));
    let error = upload(scene, &grant, &bytes, 1000).await.unwrap_err();
    let steps = scene.memory.faults().clear();
    assert!(matches!(error, session::Error::Failed { .. }), "{:?}: {error}", scene.row);
    assert_eq!(scene.node.offered(), [""; 0]);
    only(scene, 0).await;
    steps
}

#[tokio::test]
async fn the_wrong_bytes_are_refused_through_every_fault() {
    has(&table!(uploading_the_wrong_bytes), &[Step::Swap, Step::Abandon]);
}

async fn putting_a_small_blob(scene: &mut Scene) -> Vec<Step> {
    let grant = scene.node.may_upload(5);
    let mut done = None;
    for _ in 0..TRIES {
        match scene.node.plane.put_small(&grant, Bytes::from_static(b"small")).await {
            Ok(sealed) => {
                done = Some(sealed);
                break;
            }
            Err(error) => scene.failed(&error),
        }
    }
    let steps = scene.memory.faults().clear();
    let done = done.unwrap();
    assert_eq!(scene.node.object(&scene.node.receipt(&done).object).await.unwrap(), b"small");
    only(scene, 1).await;
    steps
}

#[tokio::test]
async fn a_small_blob_survives_every_fault() {
    has(&table!(putting_a_small_blob), &[Step::Load, Step::Put]);
}

/// Brings three blobs together, and those that failed again, as a client does.
async fn putting_blobs_together(scene: &mut Scene) -> Vec<Step> {
    putting_together(scene).await;
    let steps = scene.memory.faults().clear();
    only(scene, 3).await;
    steps
}

async fn putting_together(scene: &mut Scene) {
    use strongroom::data::{Offered, Refused};
    let contents = [&b"one"[..], b"two", b"three"];
    let offer = |bytes: &&'static [u8]| {
        let grant = scene.node.upload(Size::Exact(bytes.len() as u64), None).sign(&scene.node.grants);
        Offered { grant, bytes: Bytes::from_static(bytes) }
    };
    let mut waiting: Vec<Offered> = contents.iter().map(offer).collect();
    for _ in 0..TRIES {
        let outcomes = scene.node.plane.put_together(waiting.clone()).await;
        let mut failed = None;
        let mut again = Vec::new();
        for (blob, outcome) in waiting.into_iter().zip(outcomes) {
            match outcome {
                Ok(sealed) => assert_eq!(sealed.digests, Digests::of(&blob.bytes), "{:?}", scene.row),
                Err(Refused::Upload(error)) => {
                    failed = Some(error);
                    again.push(blob);
                }
                Err(Refused::Grant(error)) => panic!("{:?}: {error}", scene.row),
            }
        }
        waiting = again;
        match failed {
            None => return,
            Some(error) => scene.failed(&error),
        }
    }
    panic!("{:?}: never done", scene.row);
}

#[tokio::test]
async fn blobs_together_survive_every_fault() {
    has(&table!(putting_blobs_together), &[Step::Load, Step::Put]);
}

async fn putting_blobs_together_while_control_is_away(scene: &mut Scene) -> Vec<Step> {
    use strongroom::data::{Disposition, Undelivered};
    scene.node.control_answers(Err(Undelivered("away".into())));
    putting_together(scene).await;
    scene.node.control_answers(Ok(Disposition::Accepted));
    for _ in 0..TRIES {
        match scene.node.plane.redeliver().await {
            Ok((_, 0)) => break,
            Ok(_) => scene.broke(),
            Err(error) => scene.failed(&error),
        }
    }
    let steps = scene.memory.faults().clear();
    only(scene, 3).await;
    steps
}

#[tokio::test]
async fn receipts_of_blobs_together_survive_every_fault_until_control_is_back() {
    has(&table!(putting_blobs_together_while_control_is_away), &[Step::Put, Step::Swap]);
}

async fn putting_a_small_blob_while_control_is_away(scene: &mut Scene) -> Vec<Step> {
    use strongroom::data::{Disposition, Undelivered};
    scene.node.control_answers(Err(Undelivered("away".into())));
    let grant = scene.node.may_upload(5);
    for _ in 0..TRIES {
        match scene.node.plane.put_small(&grant, Bytes::from_static(b"small")).await {
            Ok(_) => break,
            Err(error) => scene.failed(&error),
        }
    }
    scene.node.control_answers(Ok(Disposition::Accepted));
    for _ in 0..TRIES {
        match scene.node.plane.redeliver().await {
            Ok((_, 0)) => break,
            Ok(_) => scene.broke(),
            Err(error) => scene.failed(&error),
        }
    }
    let steps = scene.memory.faults().clear();
    assert!(scene.node.offered().len() >= 2);
    only(scene, 1).await;
    steps
}

#[tokio::test]
async fn a_receipt_survives_every_fault_until_control_is_back() {
    has(&table!(putting_a_small_blob_while_control_is_away), &[Step::Put, Step::Swap]);
}

async fn terminating(scene: &mut Scene) -> Vec<Step> {
    let grant = scene.node.may_upload(10);
    let session = strongroom::kernel::id::SessionId(grant.id.0);
    for _ in 0..TRIES {
        let done = async {
            match scene.node.plane.create(&grant, None).await {
                Ok(_) | Err(session::Error::Gone(session::Ended::Aborted)) => {}
                Err(error) => return Err(error),
            }
            match scene.node.plane.append(&grant, session, Append::at(0), body(b"abc", 3)).await {
                Ok(_)
                | Err(
                    session::Error::Offset { expected: 3, .. }
                    | session::Error::Gone(session::Ended::Aborted),
                ) => {}
                Err(error) => return Err(error),
            }
            scene.node.plane.terminate(&grant, session).await
        };
        match done.await {
            Ok(()) => break,
            Err(error) => scene.failed(&error),
        }
    }
    let steps = scene.memory.faults().clear();
    let error = scene.node.plane.status(&grant, session).await.unwrap_err();
    assert!(matches!(error, session::Error::Gone(session::Ended::Aborted)), "{:?}: {error}", scene.row);
    only(scene, 0).await;
    steps
}

#[tokio::test]
async fn giving_up_survives_every_fault() {
    has(&table!(terminating), &[Step::Swap, Step::Abandon]);
}

#[tokio::test]
async fn a_full_store_is_told_as_such_and_loses_nothing() {
    let (node, memory) = Node::in_memory();
    let bytes = sample(5_000);
    let grant = node.may_upload(5_000);
    let session = node.plane.create(&grant, None).await.unwrap().session;
    node.append(&grant, session, 0, &bytes[..1_000]).await.unwrap();
    let mut full = 0;
    for step in 0.. {
        memory.faults().fail(step, Fault::Full);
        match node.append(&grant, session, 1_000, &bytes[1_000..2_000]).await {
            Err(session::Error::Full) => full += 1,
            Ok(_) => break,
            Err(error) => panic!("{error}"),
        }
        memory.faults().clear();
        assert_eq!(node.plane.status(&grant, session).await.unwrap().offset, 1_000);
    }
    memory.faults().clear();
    assert!(full >= 5, "every step that needs room");
    let done = node.append(&grant, session, 2_000, &bytes[2_000..]).await.unwrap();
    node.check(&done, &bytes).await;
}
